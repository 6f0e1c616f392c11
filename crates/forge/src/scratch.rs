//! A folder from which git pushes and fetches: a repository with nothing of its own but a configuration that we wrote,
//! looking into the objects of the real one.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::{env, fs, io};

use rustix::process::{Pid, Signal};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::failure::{Failure, FailureKind, Trouble};
use crate::launch::{ARGUMENT, TOKEN_BYTES};
use crate::project::{Kind, is_loopback};
use crate::push::{Oid, Remote};

/// Of what git prints, the most that is kept.
const KEPT_BYTES: usize = 64 << 10;

pub(crate) struct Scratch<'a> {
    folder: TempDir,
    repository: &'a Path,
    objects: PathBuf,
    remote: &'a Remote<'a>,
}

/// How a git command ended. The token is in neither text.
pub(crate) struct Ran {
    pub(crate) is_success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl<'a> Scratch<'a> {
    pub(crate) async fn new(repository: &'a Path, remote: &'a Remote<'a>) -> Result<Scratch<'a>, Failure> {
        let folder = TempDir::with_prefix("agent-git-").map_err(|error| no_folder(&error))?;
        let mut scratch = Scratch { folder, repository, objects: PathBuf::new(), remote };
        let look = ["rev-parse", "--path-format=absolute", "--git-path", "objects", "--git-path", "shallow"];
        let found = scratch.look(&look).await?.unwrap_or_default();
        let format = scratch.look(&["rev-parse", "--show-object-format"]).await?.unwrap_or_default();
        let [objects, shallow] = found.lines().collect::<Vec<&str>>()[..] else {
            let message = format!("{} is not a git repository to push from", repository.display());
            return Err(Failure::usage(message, "git 2.31 or newer is required"));
        };
        scratch.objects = PathBuf::from(objects);
        scratch.lay_out(format.trim(), Path::new(shallow)).map_err(|error| no_folder(&error))?;
        Ok(scratch)
    }

    fn lay_out(&self, format: &str, shallow: &Path) -> io::Result<()> {
        let folder = self.folder.path();
        fs::create_dir(folder.join("refs"))?;
        fs::write(folder.join("HEAD"), "ref: refs/heads/none\n")?;
        fs::write(folder.join("config"), self.configuration(format))?;
        // A history that was cut short must be known to be so.
        match fs::copy(shallow, folder.join("shallow")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn configuration(&self, format: &str) -> String {
        // All of them take any name beside a token, and each has one that it recommends.
        let name = match self.remote.token {
            Some((Kind::GitHub, _)) => "x-access-token",
            Some((Kind::GitLab, _)) => "oauth2",
            Some((Kind::Forgejo, _)) | None => "token",
        };
        let plain = if is_loopback(self.remote.url) { "always" } else { "never" };
        // A connection on which nothing comes for a minute is given up.
        format!(
            "[core]\n\trepositoryformatversion = 1\n\tbare = true\n\thooksPath = /dev/null\n\
             [extensions]\n\tobjectFormat = {format}\n\
             [credential]\n\thelper =\n\tusername = {name}\n\
             [http]\n\tfollowRedirects = false\n\tlowSpeedLimit = 1\n\tlowSpeedTime = 60\n\
             [protocol]\n\tallow = never\n\
             [protocol \"https\"]\n\tallow = always\n\
             [protocol \"file\"]\n\tallow = always\n\
             [protocol \"http\"]\n\tallow = {plain}\n\
             [gc]\n\tauto = 0\n\
             [maintenance]\n\tauto = false\n"
        )
    }

    /// What a name stands for in the real repository.
    pub(crate) async fn commit(&self, name: &str) -> Result<Option<Oid>, Failure> {
        let found = self.look(&["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")]).await?;
        found.map(|text| text.trim().parse()).transpose()
    }

    /// Tells git what the real repository has, so that only what is new is fetched.
    pub(crate) async fn take_refs(&self) -> Result<(), Failure> {
        let refs = self.look(&["for-each-ref", "--format=%(objectname) %(refname)"]).await?.unwrap_or_default();
        fs::write(self.folder.path().join("packed-refs"), refs).map_err(|error| no_folder(&error))
    }

    pub(crate) async fn fetched(&self) -> Result<Option<Oid>, Failure> {
        let text =
            fs::read_to_string(self.folder.path().join("refs/agent/fetched")).map_err(|error| no_folder(&error))?;
        text.trim().parse().map(Some)
    }

    /// A command that only looks at the real repository, with its own configuration: none of these commands obeys one.
    async fn look(&self, arguments: &[&str]) -> Result<Option<String>, Failure> {
        let mut git = Command::new("git");
        git.arg("-C").arg(self.repository).args(["-c", "safe.directory=*"]).args(arguments).stdin(Stdio::null());
        self.environment(&mut git);
        let ran = self.run(git).await.map_err(|trouble| trouble.failure)?;
        Ok(ran.is_success.then_some(ran.stdout))
    }

    /// A command that speaks to the remote, and may ask for the password once.
    pub(crate) async fn git(&self, arguments: &[&str]) -> Result<Ran, Trouble> {
        let mut git = Command::new(self.remote.program);
        git.arg(ARGUMENT).args(arguments).stdin(Stdio::piped());
        self.environment(&mut git);
        git.env("GIT_DIR", self.folder.path()).env("GIT_OBJECT_DIRECTORY", &self.objects);
        self.run(git).await
    }

    /// Nothing of our own environment but what leads to git and to the network.
    fn environment(&self, git: &mut Command) {
        let keep = |names: &[&str], git: &mut Command| {
            for name in names {
                git.envs(env::var_os(name).map(|value| (name, value)));
            }
        };
        let folder = self.folder.path();
        git.env_clear()
            .current_dir(folder)
            .env("PATH", trusted_path(self.repository))
            .env("HOME", folder)
            .env("LC_ALL", "C");
        git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_ATTR_NOSYSTEM", "1");
        git.env("GIT_TERMINAL_PROMPT", "0");
        keep(&["TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH"], git);
        if !is_loopback(self.remote.url) {
            keep(&["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"], git);
        }
    }

    async fn run(&self, mut command: Command) -> Result<Ran, Trouble> {
        // A group of its own, so that git's helper ends with it.
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().map_err(|error| {
            let message = format!("cannot start git: {error}");
            Trouble::never(Failure::new(FailureKind::Usage, message, "install git, or add it to PATH"))
        })?;
        let mut group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
        match timeout(self.remote.patience.transfer, self.talk(&mut child)).await {
            Ok(Ok(ran)) => {
                group.0 = None;
                Ok(ran)
            }
            Ok(Err(error)) => Err(Trouble::unknown(format!("git was lost: {error}"), None)),
            Err(_) => {
                let seconds = self.remote.patience.transfer.as_secs();
                Err(Trouble::unknown(format!("git did not finish within {seconds} s"), None))
            }
        }
    }

    async fn talk(&self, child: &mut Child) -> io::Result<Ran> {
        if let Some(mut pipe) = child.stdin.take()
            && let Some((_, token)) = self.remote.token
        {
            let token = token.expose_secret();
            if token.len() > TOKEN_BYTES || token.contains('\n') {
                return Err(io::Error::other("the token is too long or has a line break"));
            }
            // A program that ended at once says why itself.
            let _ = pipe.write_all(format!("{token}\n").as_bytes()).await;
        }
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let (out, err) = tokio::join!(drain(out), drain(err));
        let status = child.wait().await?;
        Ok(Ran { is_success: status.success(), stdout: self.clean(&out?), stderr: self.clean(&err?) })
    }

    /// A server may repeat what it was sent.
    fn clean(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes).into_owned();
        match self.remote.token {
            Some((_, token)) => text.replace(token.expose_secret(), "[token]"),
            None => text,
        }
    }
}

/// Where programs are looked for: PATH without what is relative or below `untrusted`, where somebody may have put a `git`.
pub fn trusted_path(untrusted: &Path) -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    path_outside(&path, untrusted)
}

fn path_outside(path: &OsStr, untrusted: &Path) -> OsString {
    let outside = |entry: &PathBuf| entry.is_absolute() && !entry.starts_with(untrusted);
    // Entries that came out of a PATH can be put into one.
    env::join_paths(env::split_paths(path).filter(outside)).unwrap_or_default()
}

/// Reads to the end, and keeps the beginning.
async fn drain(stream: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let Some(mut stream) = stream else { return Ok(kept) };
    let mut buffer = vec![0; 8 << 10];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(kept);
        }
        let room = KEPT_BYTES.saturating_sub(kept.len()).min(read);
        kept.extend_from_slice(buffer.get(..room).unwrap_or_default());
    }
}

/// Everything that a command started ends with it, also when it is dropped half-way.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // An error says that all of them have ended.
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
    }
}

fn no_folder(error: &io::Error) -> Failure {
    let message = format!("cannot create a temporary folder for git: {error}");
    Failure::new(FailureKind::Refused, message, "free some space in the folder for temporary files (TMPDIR)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_looked_for_where_nobody_else_writes() {
        let path = OsStr::new(".:bin:/usr/bin:/home/me/repo/bin::/home/me/repo2/bin:../up:/home/me/repo");
        assert_eq!(path_outside(path, Path::new("/home/me/repo")), "/usr/bin:/home/me/repo2/bin");
    }
}
