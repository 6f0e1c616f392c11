//! The home directory as the workspace: its owner is asked, for everything of theirs is in reach then.

use std::io::{self, BufRead as _, Write as _};
use std::path::Path;

use crate::chat;
use crate::hint::{Exit, Hinted};
use crate::out;

/// Whether a named directory was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// By `--workspace`.
    Yes,
    /// It is the current directory.
    No,
}

impl Named {
    pub(crate) fn by(workspace: Option<&Path>) -> Named {
        if workspace.is_some() { Named::Yes } else { Named::No }
    }
}

/// Asks whoever is at the terminal; where there is nobody, or the directory was named, says what that means.
pub(crate) fn check(root: &Path, named: Named) -> anyhow::Result<Option<String>> {
    let home = std::env::var_os("HOME").and_then(|home| Path::new(&home).canonicalize().ok());
    let Some(what) = home.and_then(|home| what_is(root, &home)) else { return Ok(None) };
    let notice = format!("the workspace {} is {what}: commands can change all files in it", root.display());
    if named == Named::Yes || !chat::is_attended() {
        return Ok(Some(notice));
    }
    let mut stderr = out::stderr();
    write!(stderr, "{notice}\nWork here? [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(None),
        _ => Err(Hinted::new(
            Exit::Usage,
            format!("{} is {what}", root.display()),
            Some("change to a project's directory, or name one with --workspace DIR".to_owned()),
        )
        .into()),
    }
}

/// Both without links.
fn what_is(root: &Path, home: &Path) -> Option<&'static str> {
    match home.starts_with(root) {
        true if home == root => Some("your home directory"),
        true => Some("a directory that contains your home directory"),
        false => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_holds_all_of_home_is_asked_about() {
        let check = |root: &str| what_is(Path::new(root), Path::new("/home/ann"));
        assert_eq!(check("/home/ann"), Some("your home directory"));
        assert_eq!(check("/home"), Some("a directory that contains your home directory"));
        assert_eq!(check("/"), Some("a directory that contains your home directory"));
        assert_eq!(check("/home/ann/project"), None);
        assert_eq!(check("/home/bob"), None);
    }
}
