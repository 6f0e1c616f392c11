//! Our own calls of git, outside of the fence: nothing that a repository or a model says makes git start a program.
//!
//! Hooks, file system monitor, external diffs, pagers, signing and attributes are off, and so are filters by their
//! names, should the user's own `info/attributes` ask for one. git sees no variable of ours but those it needs.
#![expect(clippy::disallowed_types, reason = "git works on the user's repository, which no command in the fence may")]

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use forge::trusted_path;

/// Settings that hold for each call, stronger than any configuration file.
const SETTINGS: &[(&str, &str)] = &[
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.untrackedCache", "false"),
    ("core.attributesFile", "/dev/null"),
    ("core.autocrlf", "false"),
    ("core.pager", "cat"),
    ("core.editor", "true"),
    ("core.sshCommand", "false"),
    ("core.alternateRefsCommand", "false"),
    ("diff.external", ""),
    ("diff.ignoreSubmodules", "all"),
    ("submodule.recurse", "false"),
    ("commit.gpgSign", "false"),
    ("log.showSignature", "false"),
    // As many as there are processors.
    ("checkout.workers", "0"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("protocol.allow", "never"),
    ("advice.addEmbeddedRepo", "false"),
];

/// Of our own environment, beside the PATH: where the user's configuration is.
const PASSED: &[&str] = &["HOME", "XDG_CONFIG_HOME", "TMPDIR", "TZ"];

/// git, in one directory.
#[derive(Clone, Debug)]
pub(crate) struct Git {
    directory: PathBuf,
    variables: Vec<(OsString, OsString)>,
    filters: Vec<String>,
}

impl Git {
    pub(crate) fn new(directory: &Path) -> anyhow::Result<Git> {
        let mut git = Git { directory: directory.to_owned(), variables: Vec::new(), filters: Vec::new() };
        // It has the name that the repository's kind of digest gives it.
        if let Ok(nothing) = git.line(&["hash-object", "-t", "tree", "/dev/null"]) {
            git = git.with("GIT_ATTR_SOURCE", nothing);
        }
        // No filter is no error.
        let names = git.run(&["config", "-z", "--name-only", "--get-regexp", r"^filter\."]).unwrap_or_default();
        git.filters = split(&names).map(str::to_owned).collect();
        Ok(git)
    }

    #[must_use]
    pub(crate) fn with(&self, name: &str, value: impl AsRef<OsStr>) -> Git {
        let mut git = self.clone();
        git.variables.retain(|(other, _)| other != name);
        git.variables.push((name.into(), value.as_ref().to_owned()));
        git
    }

    /// In this directory, whatever git directory was said to be the one.
    #[must_use]
    pub(crate) fn at(&self, directory: &Path) -> Git {
        Git { directory: directory.to_owned(), ..self.clone() }
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
        self.feed(arguments, b"")
    }

    /// What it prints, as one line of text.
    pub(crate) fn line(&self, arguments: &[&str]) -> anyhow::Result<String> {
        Ok(String::from_utf8_lossy(&self.run(arguments)?).trim().to_owned())
    }

    /// With these bytes on its standard input.
    pub(crate) fn feed(&self, arguments: &[&str], input: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut command = Command::new("git");
        command.env_clear().current_dir(&self.directory).env("PATH", trusted_path(&self.directory));
        command.envs(PASSED.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))));
        command.envs([("LC_ALL", "C.UTF-8"), ("GIT_TERMINAL_PROMPT", "0"), ("GIT_PAGER", "cat")]);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let off =
            self.filters.iter().map(|name| (name.as_str(), if name.ends_with("required") { "false" } else { "" }));
        let settings = SETTINGS.iter().copied().chain(off);
        command.args(settings.flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]));
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("cannot start git")?;
        // From a thread of its own: git may print before it has read everything.
        let stdin = child.stdin.take();
        let output = std::thread::scope(|scope| {
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
            child.wait_with_output()
        })?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
        let call = arguments.iter().take(2).copied().collect::<Vec<&str>>().join(" ");
        let said = if said.is_empty() { output.status.to_string() } else { said };
        Err(anyhow::anyhow!("git {call}: {said}"))
    }
}

/// The parts of output that ends each with a NUL byte; what is no UTF-8 is left out.
fn split(bytes: &[u8]) -> impl Iterator<Item = &str> {
    bytes.split(|byte| *byte == 0).filter(|part| !part.is_empty()).filter_map(|part| std::str::from_utf8(part).ok())
}
