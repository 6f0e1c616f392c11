//! What commands cannot read outside of the workspace although the user can: the tables of `places.rs`, and how they
//! are found on this machine.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::fence::places::{IN_HOME, IN_SYSTEM, MOVED, NAMING};
use crate::fence::private;

/// Settings with keys in them, as projects keep them beside their code.
const DOT_ENV: &[&str] =
    &[".env", ".env.local", ".env.development", ".env.test", ".env.staging", ".env.production", ".env.prod", ".envrc"];
/// Directories that are looked through for [`DOT_ENV`]: a home with more has them in some other order of its own.
const MOST_NEIGHBOURS: usize = 2_000;
/// Links in hidden directories that are followed, so that what they lead to is hidden too: entries of one directory,
/// and how deep. Keys are linked at the top (dotfiles, stow), not in the depths of a browser's profile.
const MOST_LINKS: usize = 500;
const DEEPEST_LINKS: usize = 2;
/// Words of a variable's name that names a file of secrets: `POSTGRES_PASSWORD_FILE`, `SOPS_AGE_KEY_FILE`.
const TELLING: &[&str] = &["TOKEN", "PASSWORD", "PASSWD", "SECRET", "CREDENTIALS", "CREDENTIAL", "KEY", "KEYFILE"];
const FILE_WORDS: &[&str] = &["FILE", "PATH"];

/// Every path of the tables that exists, and `more`, but for `shown`. Absolute, without links. `variables`: the agent's
/// own.
pub(crate) fn hidden(
    workspace: &Path,
    home: Option<&Path>,
    [more, shown]: [&[PathBuf]; 2],
    variables: &[(OsString, OsString)],
) -> Vec<PathBuf> {
    let variable = |name: &str| Some(&variables.iter().find(|(other, _)| other == name)?.1);
    let homes = homes(home);
    let names = || IN_HOME.iter().flat_map(|places| places.names);
    let in_homes = homes.iter().flat_map(|home| names().map(|name| home.join(name)));
    let moved = MOVED.iter().filter_map(|(place, name)| Some((*place, PathBuf::from(variable(name)?))));
    let moved = moved.flat_map(|(place, to)| {
        let below = names().filter_map(move |name| Path::new(name).strip_prefix(place).ok());
        below.map(move |rest| to.join(rest))
    });
    let in_system = IN_SYSTEM.iter().flat_map(|places| places.names).map(PathBuf::from);
    // `join` leaves an absolute path as it is.
    let from_home = |path: &PathBuf| home.unwrap_or(Path::new("/")).join(path);
    let private = home.map(|home| private::files(home, workspace)).unwrap_or_default();
    let found = in_homes.chain(moved).chain(in_system).chain(private).chain(dot_envs(workspace, home));
    // What a link leads to is hidden, and so the link leads to nothing.
    let real = |path: PathBuf| std::fs::canonicalize(path).ok();
    let mut found: Vec<PathBuf> = found.filter_map(real).collect();
    let mut linked = Vec::new();
    for dir in found.iter().filter(|path| path.is_dir()) {
        links(dir, DEEPEST_LINKS, &mut linked);
    }
    found.extend(linked.into_iter().filter(|target| is_own(target, &homes)));
    found.extend(more.iter().map(from_home).filter_map(real));
    let shown: Vec<PathBuf> = shown.iter().map(from_home).filter_map(real).collect();
    found.retain(|path| !shown.iter().any(|shown| path.starts_with(shown)) && path.components().count() > 1);
    found.sort();
    // In a hidden directory all is hidden.
    let mut top: Vec<PathBuf> = Vec::new();
    for path in found {
        if !top.iter().any(|above| path.starts_with(above)) && !workspace.starts_with(&path) {
            top.push(path);
        }
    }
    top
}

/// Where the links at the top of a directory lead.
fn links(dir: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten().take(MOST_LINKS) {
        match entry.file_type() {
            Ok(kind) if kind.is_symlink() => found.extend(std::fs::canonicalize(entry.path()).ok()),
            Ok(kind) if kind.is_dir() && 0 < depth => links(&entry.path(), depth - 1, found),
            Ok(_) | Err(_) => {}
        }
    }
}

/// Whether what a link leads to is somebody's secret, and no part of the system: in a home but not a home, or a file
/// that not everybody may read.
fn is_own(target: &Path, homes: &[PathBuf]) -> bool {
    let in_home = homes.iter().any(|home| target.starts_with(home) && target != home);
    let is_private = || std::fs::metadata(target).is_ok_and(|meta| meta.is_file() && meta.mode() & 0o004 == 0);
    in_home || is_private()
}

/// What variables name: absolute, without links.
pub(crate) fn named(variables: &[(OsString, OsString)], home: Option<&Path>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| names_a_secret(name)) else { continue };
        let is_listed = NAMING.iter().any(|(other, _)| *other == name);
        // KUBECONFIG has several; a single path with a colon is one too.
        let paths = std::env::split_paths(value).chain([PathBuf::from(value)]).filter(|path| path.is_absolute());
        let paths = paths.filter_map(|path| std::fs::canonicalize(path).ok());
        // A directory is hidden only for a variable that is known to name one, and never a home.
        let holds_home = |path: &PathBuf| home.is_some_and(|home| home.starts_with(path));
        found.extend(
            paths.filter(|path| path.is_file() || is_listed && path.components().count() > 1 && !holds_home(path)),
        );
    }
    found.sort();
    found.dedup();
    found
}

fn names_a_secret(name: &str) -> bool {
    let upper = name.to_uppercase();
    let words: Vec<&str> = upper.split('_').collect();
    let is_file = words.last().is_some_and(|last| FILE_WORDS.contains(last));
    let tells = words.iter().any(|word| TELLING.contains(word));
    NAMING.iter().any(|(other, _)| *other == upper) || is_file && tells
}

/// Of others only where we could look into them, that is, as root.
fn homes(home: Option<&Path>) -> Vec<PathBuf> {
    let mut homes: Vec<PathBuf> = home.into_iter().map(Path::to_path_buf).collect();
    homes.push(PathBuf::from("/root"));
    homes.extend(std::fs::read_dir("/home").into_iter().flatten().flatten().map(|entry| entry.path()));
    homes
}

/// Of the projects beside the workspace and beside its parents. Its own are its own.
fn dot_envs(workspace: &Path, home: Option<&Path>) -> Vec<PathBuf> {
    let above = workspace.ancestors().skip(1).take_while(|dir| Some(*dir) != home.and_then(Path::parent));
    let above: Vec<&Path> = above.filter(|dir| dir.components().count() > 1).collect();
    let beside = above.iter().flat_map(std::fs::read_dir).flatten().flatten();
    let beside = beside.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path());
    let dirs = above.iter().map(|dir| dir.to_path_buf()).chain(beside.take(MOST_NEIGHBOURS));
    let others = dirs.filter(|dir| dir != workspace);
    others.flat_map(|dir| DOT_ENV.iter().map(move |name| dir.join(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_hidden_once() {
        let folder = tempfile::tempdir().unwrap();
        let home = std::fs::canonicalize(folder.path()).unwrap();
        for dir in [".ssh", "real-aws", "code/mine", "code/other", "code/none", ".config/gh"] {
            std::fs::create_dir_all(home.join(dir)).unwrap();
        }
        for file in [".ssh/id_ed25519", "code/mine/.env", "code/other/.env", "code/other/.env.example", "tool.key"] {
            std::fs::write(home.join(file), "x").unwrap();
        }
        std::os::unix::fs::symlink("real-aws", home.join(".aws")).unwrap();
        let more = ["tool.key".into(), home.join(".ssh/id_ed25519")];
        let found = hidden(&home.join("code/mine"), Some(&home), [&more, &[]], &[]);
        let found: Vec<&Path> = found.iter().filter_map(|path| path.strip_prefix(&home).ok()).collect();
        assert_eq!(found, [".config/gh", ".ssh", "code/other/.env", "real-aws", "tool.key"].map(Path::new));
    }

    #[test]
    fn what_a_variable_moved_is_hidden_there() {
        let folder = tempfile::tempdir().unwrap();
        let at = std::fs::canonicalize(folder.path()).unwrap();
        std::fs::create_dir_all(at.join("state/agent")).unwrap();
        std::fs::create_dir_all(at.join("keys")).unwrap();
        let variables = [("XDG_STATE_HOME", "state"), ("GNUPGHOME", "keys")];
        let variables = variables.map(|(name, value)| (name.into(), at.join(value).into()));
        let found = hidden(&at.join("workspace"), None, [&[], &[]], &variables);
        assert!(found.contains(&at.join("state/agent")) && found.contains(&at.join("keys")), "{found:?}");
    }

    #[test]
    fn the_workspace_is_never_hidden() {
        let folder = tempfile::tempdir().unwrap();
        let home = std::fs::canonicalize(folder.path()).unwrap();
        std::fs::create_dir_all(home.join(".codex/project")).unwrap();
        assert!(!hidden(&home.join(".codex/project"), Some(&home), [&[], &[]], &[]).contains(&home.join(".codex")));
    }

    /// A folder with these files, each with its own name in it.
    fn home(files: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let home = std::fs::canonicalize(folder.path()).unwrap();
        for file in files {
            std::fs::create_dir_all(home.join(file).parent().unwrap()).unwrap();
            std::fs::write(home.join(file), file).unwrap();
        }
        (folder, home)
    }

    #[test]
    fn what_a_hidden_link_leads_to_is_hidden() {
        let (_folder, home) =
            home(&["dotfiles/ssh/id_ed25519", "dotfiles/vimrc", ".ssh/known_hosts", "clouds/prod/token"]);
        std::os::unix::fs::symlink(home.join("dotfiles/ssh/id_ed25519"), home.join(".ssh/id_ed25519")).unwrap();
        std::os::unix::fs::symlink("/usr", home.join(".ssh/system")).unwrap();
        std::os::unix::fs::symlink(&home, home.join(".ssh/home")).unwrap();
        std::fs::create_dir(home.join(".aws")).unwrap();
        std::os::unix::fs::symlink("../clouds/prod", home.join(".aws/prod")).unwrap();
        let found = hidden(&home.join("work"), Some(&home), [&[], &[]], &[]);
        let found: Vec<&Path> = found.iter().filter_map(|path| path.strip_prefix(&home).ok()).collect();
        assert_eq!(found, [".aws", ".ssh", "clouds/prod", "dotfiles/ssh/id_ed25519"].map(Path::new));
    }

    #[test]
    fn what_a_variable_names_is_hidden() {
        let (_folder, home) = home(&["k8s/a.yaml", "k8s/b.yaml", "gcp.json", "pw", "plain", "bin/x"]);
        let at = |name: &str| home.join(name).into_os_string();
        let variables = [
            ("KUBECONFIG", std::env::join_paths([home.join("k8s/a.yaml"), home.join("k8s/b.yaml")]).unwrap()),
            ("GOOGLE_APPLICATION_CREDENTIALS", at("gcp.json")),
            ("POSTGRES_PASSWORD_FILE", at("pw")),
            ("SSL_CERT_FILE", at("plain")),
            ("PATH", at("bin")),
            ("NETRC", "relative".into()),
            ("CLOUDSDK_CONFIG", home.clone().into_os_string()),
            ("SIGNING_KEY_PATH", at("bin")),
        ];
        let variables = variables.map(|(name, value)| (name.into(), value));
        let found = named(&variables, Some(&home));
        let found: Vec<&Path> = found.iter().filter_map(|path| path.strip_prefix(&home).ok()).collect();
        assert_eq!(found, ["gcp.json", "k8s/a.yaml", "k8s/b.yaml", "pw"].map(Path::new));
    }

    #[test]
    fn what_the_user_shows_is_not_hidden() {
        let (_folder, home) = home(&[".npmrc", ".netrc"]);
        let found = hidden(&home.join("work"), Some(&home), [&[], &[".npmrc".into()]], &[]);
        assert!(found.contains(&home.join(".netrc")) && !found.contains(&home.join(".npmrc")));
    }

    #[test]
    fn every_place_has_a_source_and_stands_once() {
        let mut seen = std::collections::BTreeSet::new();
        for places in IN_HOME.iter().chain(IN_SYSTEM) {
            assert!(!places.source.is_empty());
            assert!(places.names.iter().all(|name| seen.insert(*name)), "{:?}", places.names);
        }
        assert!(NAMING.iter().all(|(name, source)| names_a_secret(name) && !source.is_empty()));
    }
}
