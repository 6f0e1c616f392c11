//! The launcher's view of the files: everything read-only, the workspace as
//! it is, /tmp and HOME of its own, secrets covered. Made once, in its own
//! mount namespace, with which all of it goes away.

use std::fs::{File, create_dir, create_dir_all};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::mount::MountAttrFlags;

use crate::fence::policy::Policy;
use crate::launch::raw::{self, MountDepth};
use crate::launch::read_proc;
use crate::launch::tree::{HARMLESS, READ_ONLY, Tree};
use crate::private_git::GitMount;

/// Where the one tmpfs is mounted while the rest is put together from it. It is covered last.
const STORE: &str = "/dev";
/// The devices that every program expects, and no others.
const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom", "tty"];
const DEVICE_LINKS: &[(&str, &str)] = &[
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
    ("core", "/proc/kcore"),
];
/// Of /run only this stays: the system itself on NixOS, and how names are resolved.
const RUN_KEPT: &[&str] =
    &["current-system", "booted-system", "opengl-driver", "systemd/resolve", "resolvconf", "NetworkManager", "nscd"];

/// What a hidden file outside of the workspace reads as, by its ending. Programs look into their settings at each start:
/// one without any setting lets them go on, and one of no bytes at all is broken to Maven, Composer and NuGet.
const EMPTY: &[(&str, &str)] =
    &[("", ""), ("json", "{}\n"), ("xml", "<settings/>\n"), ("config", "<configuration/>\n")];

/// What was in place before, taken along into the new view.
struct Kept {
    path: PathBuf,
    tree: Tree,
}

/// `sockets`: see [`foreign_sockets`].
pub(crate) fn build(policy: &Policy, sockets: &[PathBuf]) -> io::Result<()> {
    // First everything that is to stay, while it is where it is and as it is.
    let mut shown = Vec::new();
    for path in &policy.readable {
        shown.extend(keep(path, HARMLESS | READ_ONLY)?);
    }
    for path in &policy.writable {
        shown.extend(keep(path, HARMLESS)?);
    }
    for name in RUN_KEPT {
        shown.extend(keep(&Path::new("/run").join(name), HARMLESS | READ_ONLY)?);
    }
    let mut git = Vec::new();
    for mount in &policy.git.repositories {
        git.push(GitTrees::of(mount)?);
    }
    let mut folders = Vec::new();
    for (path, private) in &policy.git.covered {
        folders.push(Kept {
            path: path.to_path_buf(),
            tree: Tree::of(private, MountDepth::This)?.with(HARMLESS, MountDepth::This)?,
        });
    }
    let devices: Vec<Kept> = DEVICES.iter().filter_map(|name| device(name)).collect();

    raw::add_mount_flags(File::open("/")?, READ_ONLY | HARMLESS, MountDepth::All)?;

    let size = policy.limits.tmp_bytes.to_string();
    Tree::new("tmpfs", &[("size", &size), ("mode", "0755")])?.mount(Path::new(STORE))?;
    let store = Store::new()?;
    dev(&store, devices)?;
    let mut scratch = Vec::new();
    for (number, path) in policy.scratch.iter().enumerate() {
        scratch.extend(Scratch::new(&store, path, number));
    }
    let covers = covers(policy, sockets, &store)?;
    let is_inside =
        |path: &Path| policy.readable.iter().chain(&policy.writable).any(|shown| path.starts_with(&**shown));
    let (inside, outside): (Vec<Kept>, Vec<Kept>) = covers.into_iter().partition(|cover| is_inside(&cover.path));
    for (place, name) in [("/run", "run"), ("/var/tmp", "var-tmp"), ("/tmp", "tmp")] {
        if Path::new(place).is_dir() {
            store.dir(name, 0o1777)?.mount(Path::new(place))?;
        }
    }
    for scratch in scratch {
        scratch.mount()?;
    }
    outside.into_iter().try_for_each(Kept::cover)?;
    shown.into_iter().try_for_each(Kept::place)?;
    inside.into_iter().try_for_each(Kept::cover)?;
    // A mount point cannot be renamed, nor what it is on the way to.
    for pinned in &policy.git.pinned {
        Tree::of(pinned, MountDepth::All)?.mount(pinned)?;
    }
    git.into_iter().try_for_each(GitTrees::place)?;
    folders.into_iter().try_for_each(Kept::cover)?;
    raw::add_mount_flags(File::open("/run")?, READ_ONLY, MountDepth::This)?;
    // From here on the store is out of reach.
    Tree::of(&Store::path("dev"), MountDepth::All)?.with(READ_ONLY, MountDepth::This)?.mount(Path::new(STORE))
}

/// A private git directory, and what belongs to it out of the workspace.
struct GitTrees {
    private: Kept,
    real: Kept,
    ask: Kept,
}

impl GitTrees {
    fn of(mount: &GitMount) -> io::Result<GitTrees> {
        let take = |from: &Path, to: PathBuf, flags| {
            let tree = Tree::of(from, MountDepth::All)?.with(flags, MountDepth::All)?;
            Ok::<Kept, io::Error>(Kept { path: to, tree })
        };
        Ok(GitTrees {
            private: take(&mount.private, mount.at.to_path_buf(), HARMLESS)?,
            real: take(&mount.at, mount.inside.join("real"), HARMLESS | READ_ONLY)?,
            ask: take(&mount.ask, mount.inside.join("ask"), HARMLESS | READ_ONLY)?,
        })
    }

    fn place(self) -> io::Result<()> {
        // Relative ones lead nowhere from here; the private directory names them all.
        let alternates = self.real.path.join("objects/info/alternates");
        self.real.place()?;
        self.ask.place()?;
        if alternates.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
            Tree::of(&Store::path("empty"), MountDepth::This)?
                .with(READ_ONLY | HARMLESS, MountDepth::This)?
                .mount(&alternates)?;
        }
        self.private.place()
    }
}

/// Paths of sockets that somebody bound before us (`/proc/net/unix`, whose last field it is), of the network namespace
/// that the caller is in. Reaching one needs no right that a read-only mount takes away.
pub(crate) fn foreign_sockets() -> Vec<PathBuf> {
    let list = read_proc("/proc/net/unix").unwrap_or_default();
    let paths =
        list.lines().filter_map(|line| line.split_once(" /")).map(|(_, path)| PathBuf::from(format!("/{path}")));
    let mut sockets: Vec<PathBuf> = paths.filter_map(|path| std::fs::canonicalize(path).ok()).collect();
    sockets.sort();
    sockets.dedup();
    sockets
}

impl Kept {
    /// Makes the way to it where that lies in something new and empty, then mounts.
    fn place(self) -> io::Result<()> {
        if self.path.symlink_metadata().is_err() {
            create_dir_all(&self.path)?;
        }
        self.tree.mount(&self.path)
    }

    fn cover(self) -> io::Result<()> {
        // Gone with the old /tmp or /run: nothing to cover.
        if self.path.symlink_metadata().is_err() { Ok(()) } else { self.tree.mount(&self.path) }
    }
}

/// `None`: it is not there.
fn keep(path: &Path, flags: MountAttrFlags) -> io::Result<Option<Kept>> {
    match Tree::of(path, MountDepth::All) {
        Ok(tree) => Ok(Some(Kept { path: path.to_path_buf(), tree: tree.with(flags, MountDepth::All)? })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn device(name: &str) -> Option<Kept> {
    let path = Path::new("/dev").join(name);
    let tree = Tree::of(&path, MountDepth::This).ok()?;
    Some(Kept { path, tree })
}

/// One tmpfs, so that there is one bound on what all of it may hold.
struct Store;

impl Store {
    fn new() -> io::Result<Store> {
        create_dir(Store::path("hidden"))?;
        for (ending, text) in EMPTY {
            let path = Store::path(&format!("empty.{ending}"));
            File::create(&path)?;
            // Where files may not grow, it stays empty.
            let _ = std::fs::write(path, text);
        }
        Ok(Store)
    }

    fn path(name: &str) -> PathBuf {
        Path::new(STORE).join(name)
    }

    /// A directory of it, made when it is first asked for.
    fn dir(&self, name: &str, mode: u32) -> io::Result<Tree> {
        let path = Store::path(name);
        if !path.exists() {
            create_dir(&path)?;
        }
        // Past the umask.
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode))?;
        Tree::of(&path, MountDepth::All)
    }
}

/// A directory that is written to for the time of the run.
struct Scratch {
    overlay: Kept,
    /// File systems that are mounted inside: an overlay shows only the one below it.
    inside: Vec<Kept>,
}

impl Scratch {
    /// `None` where the kernel has no overlays for us: then the directory stays read-only.
    fn new(store: &Store, path: &Path, number: usize) -> Option<Scratch> {
        let mode = std::fs::metadata(path).ok()?.permissions().mode();
        let [upper, work] = ["upper", "work"].map(|kind| format!("{kind}-{number}"));
        store.dir(&upper, mode & 0o7777).ok()?;
        store.dir(&work, 0o700).ok()?;
        let [upper, work] = [upper, work].map(|name| Store::path(&name).display().to_string());
        // A colon separates layers, and a backslash keeps one from it.
        let lower = path.to_str()?.replace('\\', "\\\\").replace(':', "\\:");
        let settings = [
            ("lowerdir", lower.as_str()),
            ("upperdir", &upper),
            ("workdir", &work),
            ("userxattr", ""),
            ("volatile", ""),
        ];
        let tree = Tree::new("overlay", &settings).ok()?;
        Some(Scratch { overlay: Kept { path: path.to_path_buf(), tree }, inside: mounted_inside(path) })
    }

    fn mount(self) -> io::Result<()> {
        self.overlay.place()?;
        for kept in self.inside {
            kept.place()?;
        }
        Ok(())
    }
}

fn mounted_inside(path: &Path) -> Vec<Kept> {
    let mounts = read_proc("/proc/self/mountinfo").unwrap_or_default();
    // proc_pid_mountinfo(5): the fifth field is the place, with blanks as \040.
    let places = mounts.lines().filter_map(|line| line.split(' ').nth(4)).map(|place| place.replace("\\040", " "));
    let inside = places.map(PathBuf::from).filter(|place| place != path && place.starts_with(path));
    inside.filter_map(|place| keep(&place, HARMLESS | READ_ONLY).ok()?).collect()
}

/// Something empty for each path that is hidden, and for each socket that leads to a process outside.
fn covers(policy: &Policy, sockets: &[PathBuf], store: &Store) -> io::Result<Vec<Kept>> {
    let mut covers = Vec::new();
    let hidden = policy.hidden.iter().map(|path| path.to_path_buf());
    for (number, path) in hidden.chain(sockets.iter().cloned()).enumerate() {
        let tree = if path.is_dir() {
            let name = format!("hidden/{number}");
            store.dir(&name, 0o755)?;
            // What is shown below something hidden needs a way to it.
            let shown =
                policy.readable.iter().chain(&policy.writable).filter_map(|shown| shown.strip_prefix(&path).ok());
            for way in shown {
                create_dir_all(Store::path(&name).join(way))?;
            }
            Tree::of(&Store::path(&name), MountDepth::This)?
        } else {
            let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
            let is_known = EMPTY.iter().any(|(other, _)| *other == ending);
            Tree::of(&Store::path(&format!("empty.{}", if is_known { &ending } else { "" })), MountDepth::This)?
        };
        covers.push(Kept { path, tree: tree.with(READ_ONLY | HARMLESS, MountDepth::This)? });
    }
    Ok(covers)
}

fn dev(store: &Store, devices: Vec<Kept>) -> io::Result<()> {
    store.dir("dev", 0o755)?;
    let dev = Store::path("dev");
    for kept in devices {
        let name = kept.path.file_name().unwrap_or_default();
        File::create(dev.join(name))?;
        kept.tree.mount(&dev.join(name))?;
    }
    for (name, target) in DEVICE_LINKS {
        symlink(target, dev.join(name))?;
    }
    create_dir(dev.join("pts"))?;
    let terminals = Tree::of_terminals();
    // Without terminals a few programs miss something; no reason to be without a fence.
    if let Ok(terminals) = terminals {
        terminals.mount(&dev.join("pts"))?;
    }
    std::fs::DirBuilder::new().mode(0o1777).create(dev.join("shm"))?;
    store.dir("shm", 0o1777)?.mount(&dev.join("shm"))
}
