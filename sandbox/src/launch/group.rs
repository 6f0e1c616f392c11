//! A control group around all commands of the run (cgroups(7), version 2),
//! where one can be had: the kernel then bounds memory and processes of all of
//! them together, and counts how often it had to.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, Mode, OFlags};

use crate::beneath::open_dir;
use crate::launch::read_proc;
use crate::options::CommandLimits;

const PREFIX: &str = "agent-";
/// Keeper and wardens live in it too.
const OWN_PROCESSES: u64 = 16;
/// A process that was killed leaves a moment later.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(5);

/// Entered by the keeper, and so by everything that it starts. It leaves and removes it at its end.
#[derive(Debug)]
pub(crate) struct Group {
    name: String,
    parent: OwnedFd,
    /// `cgroup.procs` of where we came from.
    back: File,
    memory_events: OwnedFd,
    pids_events: OwnedFd,
}

/// How often the kernel had to say no so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) killed: u64,
    pub(crate) no_process: u64,
}

impl Group {
    /// Before any namespace: from inside one the way is closed. `Err`: why there is none.
    pub(crate) fn enter(limits: &CommandLimits) -> io::Result<Group> {
        let own = own_dir()?;
        let back = File::options().write(true).open(own.join("cgroup.procs"))?;
        // A group that has processes gives no controllers on, unless it is the root: so beside ours, or below.
        let above = own.parent().filter(|above| above.join("cgroup.procs").exists());
        let mut last = io::Error::other("no control group of version 2");
        for parent in above.into_iter().chain([own.as_path()]) {
            match Group::make(parent, &back, limits) {
                Ok(group) => return Ok(group),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn make(parent: &Path, back: &File, limits: &CommandLimits) -> io::Result<Group> {
        let given = read_proc(&parent.join("cgroup.subtree_control").display().to_string())?;
        let has = |name| given.split_whitespace().any(|one| one == name);
        if !has("memory") || !has("pids") {
            return Err(io::Error::other("the memory and process controllers are not delegated"));
        }
        sweep(parent);
        let name = format!("{PREFIX}{}", std::process::id());
        let dir = parent.join(&name);
        std::fs::create_dir(&dir)?;
        let group = Group::fill(&dir, name, open_dir(parent)?, back.try_clone()?, limits);
        if group.is_err() {
            // What is empty can be removed, and nobody has entered.
            let _ = std::fs::remove_dir(&dir);
        }
        group
    }

    fn fill(dir: &Path, name: String, parent: OwnedFd, back: File, limits: &CommandLimits) -> io::Result<Group> {
        if let Some(bytes) = limits.memory_bytes {
            std::fs::write(dir.join("memory.max"), bytes.to_string())?;
            // Without swap there is no such file.
            let _ = std::fs::write(dir.join("memory.swap.max"), "0");
        }
        std::fs::write(dir.join("pids.max"), (limits.processes + OWN_PROCESSES).to_string())?;
        let open = |file: &str| {
            rustix::fs::open(dir.join(file), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(io::Error::from)
        };
        let group =
            Group { name, parent, back, memory_events: open("memory.events")?, pids_events: open("pids.events")? };
        std::fs::write(dir.join("cgroup.procs"), "0")?;
        Ok(group)
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts { killed: count(&self.memory_events, "oom_kill"), no_process: count(&self.pids_events, "max") }
    }
}

impl Drop for Group {
    /// In the keeper alone: what it starts ends without it. All of that must be dead.
    fn drop(&mut self) {
        // There is nobody to tell. A group that stays is removed by the next run.
        let _ = self.back.write_all(b"0");
        for _ in 0..TRIES {
            match rustix::fs::unlinkat(&self.parent, &self.name, AtFlags::REMOVEDIR) {
                Err(rustix::io::Errno::BUSY) => std::thread::sleep(PAUSE),
                Ok(()) | Err(_) => return,
            }
        }
    }
}

/// Groups of keepers that were killed. One that is in use is not empty, and stays.
fn sweep(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX)) {
            let _ = std::fs::remove_dir(entry.path());
        }
    }
}

/// Groups whose keeper is dead.
#[cfg(test)]
pub(crate) fn left_behind() -> Vec<PathBuf> {
    let Ok(own) = own_dir() else { return Vec::new() };
    let dirs = [Some(own.as_path()), own.parent()].into_iter().flatten();
    let groups = dirs.flat_map(std::fs::read_dir).flatten().flatten().map(|entry| entry.path());
    let is_dead = |path: &PathBuf| {
        let pid = path.file_name().and_then(|name| name.to_str()?.strip_prefix(PREFIX));
        pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists())
    };
    groups.filter(is_dead).collect()
}

fn own_dir() -> io::Result<PathBuf> {
    let mounts = read_proc("/proc/self/mountinfo")?;
    let groups = read_proc("/proc/self/cgroup")?;
    dir_of(&mounts, &groups).ok_or_else(|| io::Error::other("no control groups of version 2"))
}

/// proc_pid_mountinfo(5): the fourth field is what is mounted, the fifth where, and the kind follows a dash.
/// cgroups(7): version 2 has the line `0::/PATH`.
fn dir_of(mounts: &str, groups: &str) -> Option<PathBuf> {
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let line = mounts.lines().find(|line| line.contains(" - cgroup2 "))?;
    let (root, place) = (line.split(' ').nth(3)?, line.split(' ').nth(4)?);
    let below = Path::new(path).strip_prefix(root).ok()?;
    Some(Path::new(place).join(below))
}

/// `NAME NUMBER` a line.
fn count(events: &OwnedFd, name: &str) -> u64 {
    let mut bytes = [0; 512];
    let length = rustix::io::pread(events, &mut bytes, 0).unwrap_or(0);
    number(&String::from_utf8_lossy(bytes.get(..length).unwrap_or_default()), name)
}

fn number(events: &str, name: &str) -> u64 {
    let line = events.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_of_a_process_is_found() {
        let mounts = "25 1 0:22 / /sys rw - sysfs sysfs rw\n30 25 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
        let found = |groups| dir_of(mounts, groups);
        assert_eq!(found("0::/user.slice/a.scope\n"), Some("/sys/fs/cgroup/user.slice/a.scope".into()));
        assert_eq!(found("4:memory:/x\n0::/\n"), Some("/sys/fs/cgroup".into()));
        assert_eq!(found("4:memory:/x\n"), None);
        assert_eq!(dir_of("", "0::/\n"), None);
        let part = "30 25 0:26 /docker/x /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        assert_eq!(dir_of(part, "0::/docker/x/y\n"), Some("/sys/fs/cgroup/y".into()));
        assert_eq!(dir_of(part, "0::/other\n"), None);
    }

    #[test]
    fn events_are_found_by_name() {
        let events = "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n";
        assert_eq!((number(events, "oom_kill"), number(events, "oom"), number(events, "max")), (2, 3, 12));
        assert_eq!(number("", "max"), 0);
    }
}
