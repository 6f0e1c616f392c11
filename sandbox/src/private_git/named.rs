//! Files of the workspace that the user's own configuration makes git obey:
//! included configuration, a hook directory, attributes, programs for filters.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::private_git::index;
use crate::private_git::layout::Place;
use crate::private_git::outside::{Git, Input};

const MOST: usize = 500;
/// As Linux follows links (path_resolution(7)).
const MOST_LINKS: usize = 40;
const COPIED_FILES: usize = 2_000;
const COPIED_BYTES: u64 = 64 << 20;

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) files: Vec<PathBuf>,
}

/// Of all repositories, in what commands may write to. Files that do not exist are named, too.
pub(crate) fn named(git: &Git, places: &[Place], writable: &[PathBuf]) -> Named {
    let mut named = Named::default();
    for place in places {
        let Ok(listed) = git.run(&place.dir, &["config", "--list", "--show-origin", "-z"], Input::None) else {
            continue;
        };
        let worktree = place.views.first().and_then(|view| view.worktree.as_deref()).unwrap_or(&place.dir);
        let linked = links_out_of(&place.dir);
        for path in paths(&listed, &place.dir, worktree).into_iter().chain(linked) {
            let is_inside = writable.iter().any(|root| path.starts_with(root) && path != *root);
            let in_git = places.iter().any(|place| path.starts_with(&place.dir));
            // What holds all of a worktree cannot be private.
            let is_above = places.iter().any(|place| place.dir.starts_with(&path));
            if !is_inside || in_git || is_above || named.folders.contains(&path) || named.files.contains(&path) {
                continue;
            }
            if MOST <= named.folders.len() + named.files.len() {
                return named;
            }
            let kind = path.symlink_metadata().map(|meta| meta.file_type());
            if kind.as_ref().is_ok_and(|kind| kind.is_dir()) {
                named.folders.push(path)
            } else {
                named.files.push(path)
            }
        }
    }
    named
}

/// Pure: what `git config --list --show-origin -z` names.
fn paths(listed: &[u8], dir: &Path, worktree: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut parts = listed.split(|byte| *byte == 0);
    while let (Some(origin), Some(setting)) = (parts.next(), parts.next()) {
        let end = setting.iter().position(|byte| *byte == b'\n').unwrap_or(setting.len());
        let (key, value) = (setting.get(..end).unwrap_or_default(), setting.get(end + 1..).unwrap_or_default());
        let (key, value) = (String::from_utf8_lossy(key).to_lowercase(), OsStr::from_bytes(value));
        let origin = origin.strip_prefix(b"file:").map(|path| dir.join(OsStr::from_bytes(path)));
        // The file itself: it may be one that the user's configuration includes.
        found.extend(origin.clone());
        let last = key.rsplit('.').next().unwrap_or_default();
        if key == "include.path" || key.starts_with("includeif.") && last == "path" {
            let from = origin.as_deref().and_then(Path::parent).unwrap_or(dir);
            found.extend(expand(value).map(|path| from.join(path)));
        } else if ["core.hookspath", "core.attributesfile", "core.excludesfile"].contains(&key.as_str()) {
            found.extend(expand(value).map(|path| worktree.join(path)));
        } else {
            // Whatever the setting is called, its value may name a program: git has some thirty such settings, and each
            // release brings more. A file that is only named is held too.
            let words = value.as_bytes().split(|byte| b" \t\n'\"!;&|()=<>".contains(byte)).chain([value.as_bytes()]);
            let words = words.chain(value.as_bytes().split(|byte| b"'\"".contains(byte)));
            // The top of the worktree may be asked for while it runs: `$(git rev-parse --show-toplevel)/tools/x`.
            let words = words.flat_map(|word| [word, word.strip_prefix(b"/").unwrap_or_default()]);
            let words = words.filter(|word| !word.is_empty() && !word.contains(&0));
            let files = words.filter_map(|word| expand(OsStr::from_bytes(word))).map(|word| worktree.join(word));
            found.extend(files.filter(|path| path.symlink_metadata().is_ok_and(|meta| !meta.is_dir())));
        }
    }
    // Without `.` and `..`, which `join` leaves; links in it are what the user made.
    found.iter().flat_map(|path| places_of(path)).collect()
}

/// What git follows in its own directory to a place outside of it: hooks that are links, a folder of hooks that is one.
fn links_out_of(dir: &Path) -> Vec<PathBuf> {
    let hooks = fs::read_dir(dir.join("hooks")).into_iter().flatten().flatten().map(|entry| entry.path());
    let names = ["hooks", "config", "config.worktree", "info", "info/attributes", "info/exclude"];
    let links = hooks.chain(names.map(|name| dir.join(name))).filter(|path| path.is_symlink());
    links.flat_map(|path| places_of(&path)).collect()
}

/// Where a path leads, and each link on the way: one that is repointed leads elsewhere.
fn places_of(path: &Path) -> Vec<PathBuf> {
    let mut places = Vec::new();
    let mut rest = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        let Some(link) = rest.ancestors().collect::<Vec<_>>().into_iter().rev().find(|part| part.is_symlink()) else {
            break;
        };
        let Some((real, target)) = resolve(link.parent().unwrap_or(link)).zip(fs::read_link(link).ok()) else { break };
        let below = rest.strip_prefix(link).unwrap_or(Path::new("")).to_path_buf();
        places.extend(link.file_name().map(|name| real.join(name)));
        let next = real.join(target);
        rest = if below.as_os_str().is_empty() { next } else { next.join(below) };
    }
    places.extend(resolve(path));
    places.extend(resolve(&rest));
    places
}

fn expand(value: &OsStr) -> Option<PathBuf> {
    match value.as_bytes().strip_prefix(b"~/") {
        Some(rest) => Some(PathBuf::from(std::env::var_os("HOME")?).join(OsStr::from_bytes(rest))),
        None => (!value.is_empty()).then(|| PathBuf::from(value)),
    }
}

/// The real place, of what need not be there, nor its directories.
fn resolve(path: &Path) -> Option<PathBuf> {
    let mut absent = Vec::new();
    for above in path.ancestors() {
        if let Ok(mut real) = fs::canonicalize(above) {
            real.extend(absent.iter().rev());
            return Some(real);
        }
        absent.push(above.file_name()?);
    }
    None
}

/// Paths of submodules, by the index. It is listed only if it can hold one.
pub(crate) fn gitlinks(git: &Git, dir: &Path, worktree: &Path) -> Vec<PathBuf> {
    let bytes = fs::read(dir.join("index")).unwrap_or_default();
    // The mode in an entry, as four bytes.
    let may_be = bytes.iter().enumerate().filter(|(_, byte)| **byte == 0xe0);
    let mut may_be = may_be.map(|(at, _)| bytes.get(at.saturating_sub(2)..at + 2));
    if !may_be.any(|four| four == Some(&[0, 0, 0xe0, 0])) || !worktree.is_dir() {
        return Vec::new();
    }
    let listed = git.run(dir, &["ls-files", "--stage", "-z"], Input::None).unwrap_or_default();
    index::gitlinks(&listed).into_iter().map(|path| PathBuf::from(OsStr::from_bytes(path))).collect()
}

/// Links stay links; they are followed where they are, behind the fence.
pub(crate) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut left = (COPIED_FILES, COPIED_BYTES);
    copy_folder(from, to, &mut left)
}

fn copy_folder(from: &Path, to: &Path, left: &mut (usize, u64)) -> io::Result<()> {
    fs::create_dir(to)?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        let bytes = if kind.is_file() { entry.metadata()?.len() } else { 0 };
        let (Some(files), Some(rest)) = (left.0.checked_sub(1), left.1.checked_sub(bytes)) else {
            return Err(io::Error::other(format!("{} is too large to be private", from.display())));
        };
        *left = (files, rest);
        if kind.is_dir() {
            copy_folder(&entry.path(), &target, left)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_configuration_names() {
        let folder = tempfile::tempdir().unwrap();
        let at = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir_all(at.join(".git")).unwrap();
        fs::create_dir_all(at.join(".husky/_")).unwrap();
        fs::write(at.join("clean.sh"), "").unwrap();
        let listed = [
            "file:.git/config",
            "include.path\n../.gitconfig",
            "file:.git/config",
            "core.hooksPath\n.husky/_",
            "file:.git/config",
            "filter.x.clean\n./clean.sh %f",
            "command line:",
            "user.name\nclean.sh",
            "file:.git/config",
            "alias.x\n!git status",
        ];
        let listed = listed.join("\0") + "\0";
        let mut found = paths(
            listed.replace("file:.git", &format!("file:{}/.git", at.display())).as_bytes(),
            &at.join(".git"),
            &at,
        );
        found.sort();
        found.dedup();
        assert_eq!(found, [".git/config", ".gitconfig", ".husky/_", "clean.sh"].map(|name| at.join(name)));
    }
}
