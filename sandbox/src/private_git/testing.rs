//! For the tests of this module: a user's git beside the commands.

use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = std::fs::canonicalize(folder.path()).unwrap();
    (folder, path)
}

/// A user without settings of their own.
pub(crate) fn command(dir: &Path) -> Command {
    let mut git = Command::new("git");
    git.args([
        "-c",
        "protocol.file.allow=always",
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "-c",
        "init.defaultBranch=main",
    ]);
    git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").current_dir(dir);
    git
}

#[track_caller]
pub(crate) fn git(dir: &Path, line: &str) -> String {
    let output = command(dir).args(line.split(' ')).output().unwrap();
    assert!(output.status.success(), "git {line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a script of the user's prints.
pub(crate) fn shell(dir: &Path, script: &str) -> String {
    let mut bash = Command::new("bash");
    bash.args(["-c", script]).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").current_dir(dir);
    String::from_utf8_lossy(&bash.output().unwrap().stdout).into_owned()
}
