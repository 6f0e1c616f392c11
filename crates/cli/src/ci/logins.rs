//! Tokens that git's configuration holds: whoever made the clone left them there, and commands can read them. Such a
//! run does not start.

use std::path::{Path, PathBuf};

use super::git::Git;
use super::secrets::kind_of;
use crate::hint::Hint as _;

const HINT: &str = "remove it; it is not needed here. actions/checkout: `persist-credentials: false`. GitLab: set the \
                    variable FF_GIT_URLS_WITHOUT_TOKENS: \"true\". By hand: git config --unset-all NAME, or git remote \
                    set-url origin https://... A file outside the repository may stay if commands cannot see it: `hide \
                    = [\"~/.gitconfig\"]` in your configuration";

/// A user name of an address that is longer is a token.
const LONGEST_USER: usize = 20;

/// `hidden`: files and directories that commands do not see. Errors: a token is in the configuration of the repository,
/// of a submodule, of the user or of the machine.
pub(crate) fn check(git: &Git, hidden: &[PathBuf]) -> anyhow::Result<()> {
    let mut listed = git.run(&["config", "--list", "--includes", "--show-origin", "-z"])?;
    let common = git.line(&["rev-parse", "--path-format=absolute", "--git-common-dir"])?;
    for config in configurations(&Path::new(&common).join("modules")) {
        let file = config.to_string_lossy();
        listed.extend(git.run(&["config", "--list", "--show-origin", "-z", "--file", &file])?);
    }
    match find(&String::from_utf8_lossy(&listed), hidden) {
        None => Ok(()),
        Some((file, name)) => {
            Err(anyhow::anyhow!("{file} contains a token (`{name}`), which commands could read")).hint(HINT)
        }
    }
}

/// Those of submodules, at any depth.
fn configurations(modules: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut dirs = vec![modules.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        let config = dir.join("config");
        if config.is_file() {
            found.push(config);
            dirs.push(dir.join("modules"));
            continue;
        }
        let entries = std::fs::read_dir(&dir).into_iter().flatten().flatten();
        dirs.extend(
            entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()),
        );
    }
    found
}

/// The first file and name with a token, of what `git config --list --show-origin -z` prints.
fn find(listed: &str, hidden: &[PathBuf]) -> Option<(String, String)> {
    let mut parts = listed.split('\0');
    while let (Some(origin), Some(entry)) = (parts.next(), parts.next()) {
        let file = origin.strip_prefix("file:").unwrap_or(origin);
        let (name, value) = entry.split_once('\n').unwrap_or((entry, ""));
        let is_hidden = hidden.iter().any(|hidden| Path::new(file).starts_with(hidden));
        // The name of `url.ADDRESS.insteadOf` has an address too.
        if !is_hidden && (is_header(name, value) || [name, value].into_iter().any(has_login)) {
            return Some((file.to_owned(), shown(name)));
        }
    }
    None
}

fn is_header(name: &str, value: &str) -> bool {
    name.starts_with("http.") && name.ends_with(".extraheader") && value.to_lowercase().contains("authorization")
}

/// An address with a password, or with a token for a user name.
fn has_login(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let host = rest.split(['/', ' ', '\'', '"']).next().unwrap_or_default();
        host.rsplit_once('@').is_some_and(|(login, _)| match login.split_once(':') {
            Some((_, password)) => !password.is_empty(),
            None => LONGEST_USER < login.len() || kind_of(login).is_some(),
        })
    })
}

/// A name that may hold the token itself.
fn shown(name: &str) -> String {
    match (name.split_once('.'), name.rsplit_once('.')) {
        (Some((begin, _)), Some((_, end))) if has_login(name) => format!("{begin}.***.{end}"),
        (_, _) => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(file: &str, name: &str, value: &str, expected: Option<&str>) {
        let listed = format!("file:/etc/gitconfig\0core.bare\nfalse\0file:{file}\0{name}\n{value}\0");
        let found = find(&listed, &[PathBuf::from("/home/me/.gitconfig")]).map(|(file, name)| format!("{file} {name}"));
        assert_eq!(found.as_deref(), expected);
    }

    #[test]
    fn what_runners_leave_is_seen_and_not_shown() {
        let (file, url) = ("/repo/.git/config", "remote.origin.url");
        check(file, url, "https://gitlab-ci-token:planted@host/a/b.git", Some("/repo/.git/config remote.origin.url"));
        check(
            file,
            url,
            &format!("https://ghp_{}@host/a/b", "a1B2".repeat(9)),
            Some("/repo/.git/config remote.origin.url"),
        );
        let header = "http.https://github.com/.extraheader";
        check(file, header, "AUTHORIZATION: basic eDp5", Some(&format!("/repo/.git/config {header}")));
        let instead = "url.https://x:planted@github.com/.insteadof";
        check(file, instead, "https://github.com/", Some("/repo/.git/config url.***.insteadof"));
        check("/home/me/.gitconfig", instead, "https://github.com/", None);
        for innocent in
            ["https://host/a/b.git", "https://me@host/a", "ssh://git@host:22/a", "git@host:a/b", "https://host/@x:y"]
        {
            check(file, url, innocent, None);
        }
    }
}
