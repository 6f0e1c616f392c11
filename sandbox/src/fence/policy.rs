//! What a fence is to allow: plain paths and numbers, made where the user's
//! choices are known and carried out by the launcher.

use std::ffi::{OsStr, OsString};
use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::fence::secrets;
use crate::network::Network;
use crate::options::{Access, CommandLimits, HostOptions, OutsideGit};
use crate::private_git::{self, GitMounts};

/// Variables that name a cache or a toolchain which may lie outside HOME. Commands may write there, for the time of
/// the run.
const CACHES: &[&str] = &[
    "CARGO_HOME",
    "RUSTUP_HOME",
    "GOPATH",
    "GOCACHE",
    "GOMODCACHE",
    "PIP_CACHE_DIR",
    "UV_CACHE_DIR",
    "PYENV_ROOT",
    "GRADLE_USER_HOME",
    "YARN_CACHE_FOLDER",
    "PNPM_HOME",
    "NVM_DIR",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
];

/// A path of any bytes: serde's own `PathBuf` is UTF-8.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AnyPath(OsString);

/// For a field that is a `PathBuf`: `#[serde(with = "any_path")]`.
pub(crate) mod any_path {
    use std::ffi::OsString;
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        path.as_os_str().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        OsString::deserialize(deserializer).map(PathBuf::from)
    }
}

impl From<AnyPath> for PathBuf {
    fn from(path: AnyPath) -> PathBuf {
        PathBuf::from(path.0)
    }
}

impl From<PathBuf> for AnyPath {
    fn from(path: PathBuf) -> AnyPath {
        AnyPath(path.into_os_string())
    }
}

impl Deref for AnyPath {
    type Target = Path;

    fn deref(&self) -> &Path {
        Path::new(&self.0)
    }
}

/// All paths are absolute, exist, and have no links in them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Policy {
    /// The workspace first, then what was added for writing.
    pub(crate) writable: Vec<AnyPath>,
    /// Shown even below something hidden, never written.
    pub(crate) readable: Vec<AnyPath>,
    /// Written to, and forgotten at the end of the run. None contains another, or something writable whole.
    pub(crate) scratch: Vec<AnyPath>,
    /// Outside of what is writable, or a place of the table in it.
    pub(crate) hidden: Vec<AnyPath>,
    pub(crate) network: Network,
    pub(crate) limits: CommandLimits,
    pub(crate) namespaces: Namespaces,
    /// Only with namespaces.
    pub(crate) git: GitMounts,
}

/// Whether to try them. The kernel may say yes to the first and no to a later step, and there is no way back from the
/// first, so a launcher that failed is followed by one that does not try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Namespaces {
    Try,
    /// With the reason, for the user.
    Leave,
}

impl Policy {
    /// Looks at the file system for what there is to hide. `Err`: a directory that the user added is not there.
    pub(crate) fn new(
        workspace: &Path,
        options: &HostOptions,
        environment: &[(OsString, OsString)],
        namespaces: Namespaces,
        git: GitMounts,
    ) -> io::Result<Policy> {
        let variable = |name: &str| {
            let found = environment.iter().find(|(other, _)| other == OsStr::new(name));
            found.and_then(|(_, value)| std::fs::canonicalize(value).ok())
        };
        let home = variable("HOME").filter(|home| home.components().count() > 1);
        let mut writable = vec![workspace.to_path_buf()];
        let mut readable = Vec::new();
        for added in &options.fence.add_dirs {
            let path = std::fs::canonicalize(&added.path)?;
            match added.access {
                Access::Write => writable.push(path),
                Access::Read => readable.push(path),
            }
        }
        let outside = private_git::outside(workspace);
        // The rest of the worktree is read-only everywhere; below /tmp it would be out of sight, and seem deleted.
        readable.extend(outside.iter().map(|outside| outside.worktree.clone()).filter(|above| is_temporary(above)));
        readable.extend(git.borrowed.iter().map(|store| store.to_path_buf()).filter(|store| is_temporary(store)));
        let outside = outside.map(|outside| outside.dir);
        let is_private = outside.as_deref().is_some_and(|dir| git.repositories.iter().any(|mount| *mount.at == *dir));
        match options.fence.outside_git {
            OutsideGit::ReadOnly if !is_private => {
                // One inside a hidden place is shown, or git would not know the workspace.
                readable.extend(outside);
            }
            OutsideGit::Writable | OutsideGit::ReadOnly => writable.extend(outside),
        }
        let kept = options.fence.keep.iter().filter_map(|path| std::fs::canonicalize(path).ok());
        writable.extend(kept.filter(|path| path.is_dir()));
        // It is made when it is first needed, and then it is too late to show it.
        if let Some(outputs) = &options.outputs
            && std::fs::create_dir_all(outputs).is_ok()
        {
            readable.extend(std::fs::canonicalize(outputs));
        }
        let caches = CACHES.iter().filter_map(|name| variable(name));
        let scratch = scratch(home.clone().into_iter().chain(caches), &writable);
        // In what commands write to, each command has its own covers: see `launch/covers.rs`.
        let is_inside = |path: &PathBuf| writable.iter().any(|dir: &PathBuf| path.starts_with(dir));
        let mut more: Vec<PathBuf> = options.fence.hide.paths.iter().filter(|path| !is_inside(path)).cloned().collect();
        // What the program itself keeps is no part of a workspace that it is in.
        let ours = options.own.iter().filter(|own| own.starts_with(workspace) && *own != workspace && own.is_dir());
        if namespaces != Namespaces::Leave {
            more.extend(ours.cloned());
        }
        let own: Vec<(OsString, OsString)> = std::env::vars_os().collect();
        let shown = &options.fence.show.paths;
        readable
            .extend(shown.iter().filter_map(|path| std::fs::canonicalize(path).ok()).filter(|path| !is_inside(path)));
        let hidden = secrets::hidden(workspace, home.as_deref(), [&more, shown], &own);
        let any = |paths: Vec<PathBuf>| paths.into_iter().map(AnyPath::from).collect();
        Ok(Policy {
            writable: any(writable),
            readable: any(readable),
            scratch: any(scratch),
            hidden: any(hidden),
            network: options.fence.network.clone(),
            limits: options.fence.limits.clone(),
            namespaces,
            git,
        })
    }

    pub(crate) fn workspace(&self) -> &Path {
        self.writable.first().map_or(Path::new("/"), |path| path)
    }
}

fn is_temporary(path: &Path) -> bool {
    ["/tmp", "/var/tmp"].iter().any(|tmp| path.starts_with(tmp) && path != Path::new(tmp))
}

/// Without those that are inside another one or inside something writable, and without what holds the system.
fn scratch(wanted: impl Iterator<Item = PathBuf>, writable: &[PathBuf]) -> Vec<PathBuf> {
    let mut scratch: Vec<PathBuf> = Vec::new();
    let mut wanted: Vec<PathBuf> = wanted.filter(|path| path.components().count() > 1 && path.is_dir()).collect();
    // The outer before the inner.
    wanted.sort();
    for path in wanted {
        let inside = |above: &PathBuf| path.starts_with(above);
        if !scratch.iter().any(inside) && !writable.iter().any(inside) {
            scratch.push(path);
        }
    }
    scratch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scratch_is_what_is_not_writable_anyway() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for dir in ["home/.cargo", "home/code", "go", "code/cache"] {
            std::fs::create_dir_all(at(dir)).unwrap();
        }
        let wanted = ["go", "home/.cargo", "home", "code/cache", "none"].map(at);
        assert_eq!(scratch(wanted.into_iter(), &[at("code"), at("home/code")]), [at("go"), at("home")]);
        assert_eq!(scratch([at("home")].into_iter(), &[at("home")]), Vec::<PathBuf>::new());
    }
}
