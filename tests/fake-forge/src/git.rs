//! The git server: git's own `git-http-backend`, asked as a web server asks it, and bare repositories for it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bytes::Bytes;
use tokio::io::AsyncWriteExt as _;

/// One request to the git server, let in already.
pub(crate) struct Asked {
    pub(crate) repository: PathBuf,
    pub(crate) method: String,
    /// Behind the repository's name, such as `/info/refs`.
    pub(crate) rest: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    pub(crate) account: String,
}

/// Status, headers, body.
pub(crate) type Answered = (u16, Vec<(String, String)>, Vec<u8>);

pub(crate) async fn serve(asked: Asked) -> io::Result<Answered> {
    let header = |name: &str| {
        let found = asked.headers.iter().find(|(other, _)| other == name);
        found.map_or_else(String::new, |(_, value)| value.clone())
    };
    let mut command = tokio::process::Command::new("git");
    command.arg("http-backend").env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("GIT_PROJECT_ROOT", &asked.repository).env("PATH_INFO", &asked.rest).env("GIT_HTTP_EXPORT_ALL", "1");
    command.env("REQUEST_METHOD", &asked.method).env("QUERY_STRING", &asked.query).env("REMOTE_USER", &asked.account);
    command.env("CONTENT_TYPE", header("content-type")).env("CONTENT_LENGTH", asked.body.len().to_string());
    command.env("HTTP_CONTENT_ENCODING", header("content-encoding"));
    command.env("GIT_PROTOCOL", header("git-protocol")).env("GIT_CONFIG_NOSYSTEM", "1");
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").kill_on_drop(true);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut input = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let body = asked.body;
    // It may stop reading early, and says so in its answer.
    let write = async move { drop((input.write_all(&body).await, input.shutdown().await)) };
    let ((), output) = tokio::join!(write, child.wait_with_output());
    let output = output?.stdout;
    let end = output.windows(4).position(|bytes| bytes == b"\r\n\r\n").ok_or(io::ErrorKind::InvalidData)?;
    let (head, body) = output.split_at(end);
    let mut status = 200;
    let mut headers = Vec::new();
    for line in String::from_utf8_lossy(head).lines() {
        let Some((name, value)) = line.split_once(": ") else { continue };
        match name {
            "Status" => status = value.get(..3).and_then(|code| code.parse().ok()).unwrap_or(500),
            _ => headers.push((name.to_ascii_lowercase(), value.to_owned())),
        }
    }
    Ok((status, headers, body.get(4..).unwrap_or_default().to_vec()))
}

pub(crate) fn has_branch(repository: &Path, branch: &str) -> bool {
    git(repository, &["rev-parse", "--verify", "--quiet", &format!("refs/heads/{branch}")]).is_ok()
}

/// A bare repository at `path` that takes pushes over HTTP, and is empty.
pub fn bare_repository(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)?;
    git(path, &["init", "--quiet", "--bare", "--initial-branch=main"])?;
    git(path, &["config", "http.receivepack", "true"])
}

/// Refuses every push to a branch, in the words of this forge.
pub fn protect(repository: &Path, kind: crate::Kind, branch: &str) -> io::Result<()> {
    let said = match kind {
        crate::Kind::GitHub => format!("error: GH006: Protected branch update failed for refs/heads/{branch}."),
        crate::Kind::GitLab => {
            "GitLab: You are not allowed to push code to protected branches on this project.".to_owned()
        }
        crate::Kind::Forgejo => format!("Forgejo: Not allowed to push to protected branch {branch}"),
    };
    let hook = format!(
        "#!/bin/sh\nwhile read -r old new ref; do\n  if [ \"$ref\" = 'refs/heads/{branch}' ]; then echo '{said}' >&2; exit 1; fi\ndone\n"
    );
    let path = repository.join("hooks/pre-receive");
    std::fs::create_dir_all(repository.join("hooks"))?;
    std::fs::write(&path, hook)?;
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
}

fn git(repository: &Path, arguments: &[&str]) -> io::Result<()> {
    let mut git = Command::new("git");
    git.arg("-C").arg(repository).args(arguments).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    let output = git.stdin(Stdio::null()).output()?;
    let error = || io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned());
    if output.status.success() { Ok(()) } else { Err(error()) }
}
