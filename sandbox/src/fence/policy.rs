//! What a fence is to allow: plain paths and numbers, made where the user's
//! choices are known and carried out by the launcher.

use std::ffi::{OsStr, OsString};
use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::fence::secrets;
use crate::git_dirs;
use crate::network::Network;
use crate::options::{Access, CommandLimits, HostOptions, OutsideGit};

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AnyPath(OsString);

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
        match options.fence.outside_git {
            OutsideGit::Writable => writable.extend(git_dirs::outside(workspace)),
            // One inside a hidden place is shown, or git would not know the workspace.
            OutsideGit::ReadOnly => readable.extend(git_dirs::outside(workspace)),
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
        let more: Vec<PathBuf> = options.fence.hide.paths.iter().filter(|path| !is_inside(path)).cloned().collect();
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
        })
    }

    pub(crate) fn workspace(&self) -> &Path {
        self.writable.first().map_or(Path::new("/"), |path| path)
    }
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
