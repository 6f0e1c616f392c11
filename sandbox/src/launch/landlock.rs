//! The files once more, by Landlock: it asks neither for a namespace nor for a
//! mount, so it holds where those are refused, and where they have a hole.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError, Scope,
};

use crate::fence::policy::Policy;
use crate::launch::lockdown::Fenced;

/// The newest that we know of; the kernel takes from it what it has.
const NEWEST: ABI = ABI::V9;
/// What every program may write to.
const DEVICES: &[&str] =
    &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx", "/dev/pts"];
/// Behind a mount namespace these are the command's own.
const OWN: &[&str] = &["/tmp", "/var/tmp", "/dev/shm"];

/// `tmp`: where temporary files go when /tmp is everybody's.
pub(crate) fn ruleset(policy: &Policy, fenced: Fenced, tmp: Option<&Path>) -> Result<RulesetCreated, RulesetError> {
    let all = AccessFs::from_all(NEWEST);
    let read = AccessFs::Execute | AccessFs::ReadFile | AccessFs::ReadDir;
    let device = AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev;
    let rules = Ruleset::default().set_compatibility(CompatLevel::BestEffort);
    let mut rules = rules.handle_access(all)?.scope(Scope::Signal | Scope::AbstractUnixSocket)?;
    if !policy.network.is_on() && fenced == Fenced::ByRules {
        rules = rules.handle_access(AccessNet::from_all(NEWEST))?;
    }
    let mut allowed: Vec<(PathBuf, BitFlags<AccessFs>)> = Vec::new();
    allowed.extend(policy.writable.iter().flat_map(|path| parts(path, policy)).map(|path| (path, all)));
    allowed.extend(DEVICES.iter().map(|path| (PathBuf::from(path), device)));
    allowed.extend(tmp.map(|tmp| (tmp.to_path_buf(), all)));
    match fenced {
        Fenced::ByNamespaces => {
            allowed.push((PathBuf::from("/"), read));
            allowed.extend(OWN.iter().map(|path| (PathBuf::from(path), all)));
            allowed.extend(policy.scratch.iter().map(|path| (path.to_path_buf(), all)));
        }
        Fenced::ByRules => {
            // Names may be listed everywhere; what is in the files may not.
            allowed.push((PathBuf::from("/"), AccessFs::ReadDir.into()));
            allowed.extend(policy.readable.iter().flat_map(|path| parts(path, policy)).map(|path| (path, read)));
            allowed.extend(shown(Path::new("/"), &policy.hidden).into_iter().map(|path| (path, read)));
        }
        Fenced::Not => {}
    }
    let mut rules = rules.create()?;
    for (path, access) in allowed {
        // What is not there needs no rule.
        if let Ok(file) = PathFd::new(path) {
            rules = rules.add_rule(PathBeneath::new(file, access))?;
        }
    }
    Ok(rules)
}

/// A directory as a whole, if nothing in it is hidden.
fn parts(dir: &Path, policy: &Policy) -> Vec<PathBuf> {
    let inside = |path: &Path| path.starts_with(dir);
    if policy.hidden.iter().any(|hidden| inside(hidden)) { shown(dir, &policy.hidden) } else { vec![dir.to_path_buf()] }
}

/// Rules only ever allow, with all that is below. So a directory with something hidden in it is allowed entry by entry.
/// Devices are not among it: as root they are the disks themselves.
fn shown(dir: &Path, hidden: &[impl std::ops::Deref<Target = Path>]) -> Vec<PathBuf> {
    let is_hidden = |path: &Path| hidden.iter().any(|other| **other == *path) || path == Path::new("/dev");
    let has_hidden = |path: &Path| hidden.iter().any(|other| other.starts_with(path));
    let mut shown = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        match (is_hidden(&path), has_hidden(&path)) {
            (true, _) => {}
            (false, true) if is_dir => shown.extend(self::shown(&path, hidden)),
            // A link is allowed by what it leads to.
            (false, _) if entry.file_type().is_ok_and(|kind| kind.is_symlink()) => {}
            (false, _) => shown.push(path),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_with_something_hidden_is_taken_apart() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for dir in ["a/b/secret", "a/b/shown", "c/d"] {
            std::fs::create_dir_all(at(dir)).unwrap();
        }
        std::fs::write(at("a/file"), "").unwrap();
        std::os::unix::fs::symlink("b/secret", at("a/link")).unwrap();
        let mut found = shown(folder.path(), &[at("a/b/secret")]);
        found.sort();
        assert_eq!(found, [at("a/b/shown"), at("a/file"), at("c")]);
    }
}
