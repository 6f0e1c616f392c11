//! git on the user's side, started by us: only for work with data, with
//! everything off by which a repository makes git start programs, and never in
//! a directory of a command's making.

use std::ffi::OsStr;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// For one program of git's.
const LONGEST: Duration = Duration::from_secs(60);
const ANSWER_BYTES: u64 = 256 << 20;
/// What must not be taken from a file of the workspace: programs that git would start, and where it looks for them.
const OFF: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "core.alternateRefsCommand=",
    "core.pager=cat",
    "core.attributesFile=/dev/null",
];
/// Passed on; above all nothing by which the caller's own git has another repository.
const ENVIRONMENT: &[&str] =
    &["PATH", "HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_NOSYSTEM", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"];

/// The program, found where no command can write.
#[derive(Clone, Debug)]
pub(crate) struct Git {
    program: PathBuf,
}

impl Git {
    /// `None`: there is none, and then commands have none to make anything with either.
    pub(crate) fn find(writable: &[PathBuf]) -> Option<Git> {
        let path = std::env::var_os("PATH")?;
        let mut dirs = std::env::split_paths(&path).filter(|dir| dir.is_absolute());
        let program = dirs.find_map(|dir| {
            let program = std::fs::canonicalize(dir.join("git")).ok()?;
            let is_safe = !writable.iter().any(|root| program.starts_with(root) || dir.starts_with(root));
            (is_safe && program.is_file()).then(|| dir.join("git"))
        })?;
        Some(Git { program })
    }

    fn command(&self, dir: &Path) -> Command {
        let mut git = Command::new(&self.program);
        git.env_clear();
        git.envs(ENVIRONMENT.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))));
        git.env("GIT_DIR", dir).env("GIT_NO_LAZY_FETCH", "1").env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
        git.current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for setting in OFF {
            git.args(["-c", setting]);
        }
        git
    }

    /// What it prints. `dir`: the git directory.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, dir: &Path, args: &[S], input: Input<'_>) -> io::Result<Vec<u8>> {
        let mut git = self.command(dir);
        git.args(args);
        match input {
            Input::None | Input::Index(_) => {}
            Input::Bytes(_) | Input::IndexBytes(..) => {
                git.stdin(Stdio::piped());
            }
            Input::File(file) => {
                git.stdin(file.try_clone()?);
            }
        }
        if let Input::Index(index) | Input::IndexBytes(index, _) = input {
            git.env("GIT_INDEX_FILE", index);
        }
        let mut git = git.spawn()?;
        let (out, err) = (git.stdout.take(), git.stderr.take());
        let answered = std::thread::scope(|scope| {
            let out = scope.spawn(move || read(out));
            let err = scope.spawn(move || read(err));
            if let (Input::Bytes(bytes) | Input::IndexBytes(_, bytes), Some(mut stdin)) = (input, git.stdin.take()) {
                scope.spawn(move || {
                    // It says itself why it does not read on.
                    let _ = stdin.write_all(bytes);
                });
            }
            let ended = wait(&mut git);
            (ended, out.join().unwrap_or_default(), err.join().unwrap_or_default())
        });
        match answered {
            (Ok(true), out, _) => Ok(out),
            (Ok(false), _, err) => Err(io::Error::other(first_line(&err))),
            (Err(error), ..) => Err(error),
        }
    }
}

/// What a program of git's gets.
#[derive(Clone, Copy)]
pub(crate) enum Input<'a> {
    None,
    Bytes(&'a [u8]),
    File(&'a std::fs::File),
    Index(&'a Path),
    IndexBytes(&'a Path, &'a [u8]),
}

fn read(from: Option<impl io::Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What is cut off is not understood, and then nothing is taken.
    let _ = from.map(|from| from.take(ANSWER_BYTES).read_to_end(&mut bytes));
    bytes
}

fn first_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line =
        text.lines().find(|line| line.starts_with("fatal:") || line.starts_with("error:")).or(text.lines().next());
    line.unwrap_or("git ended early").chars().filter(|c| !c.is_control()).take(200).collect()
}

/// Whether it ended well. Kills it if it takes too long.
fn wait(git: &mut Child) -> io::Result<bool> {
    let pid = i32::try_from(git.id()).ok().and_then(rustix::process::Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::other("a process without a number"))?;
    let end = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())?;
    if !is_ready(end.as_fd(), LONGEST)? {
        git.kill()?;
        git.wait()?;
        return Err(io::Error::other("git took too long"));
    }
    Ok(git.wait()?.success())
}

fn is_ready(file: rustix::fd::BorrowedFd<'_>, longest: Duration) -> io::Result<bool> {
    let mut one = [PollFd::from_borrowed_fd(file, PollFlags::IN)];
    let time = Timespec::try_from(longest).map_err(io::Error::other)?;
    loop {
        match poll(&mut one, Some(&time)) {
            Ok(count) => return Ok(count != 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// A transaction of refs that is prepared (every old value compared, every lock held) and not yet done.
pub(crate) struct Transaction {
    git: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Transaction {
    /// `lines`: of `update-ref --stdin -z`. Fails where something is not as expected; then nothing has changed.
    pub(crate) fn prepare(git: &Git, dir: &Path, message: &str, lines: &[u8]) -> io::Result<Transaction> {
        let mut command = git.command(dir);
        command.args(["update-ref", "--create-reflog", "-m", message, "--stdin", "-z"]).stdin(Stdio::piped());
        let mut git = command.spawn()?;
        let missing = || io::Error::other("git has no pipe");
        let input = git.stdin.take().ok_or_else(missing)?;
        let output = BufReader::new(git.stdout.take().ok_or_else(missing)?);
        let mut transaction = Transaction { git, input, output };
        let sent = transaction.say(&[b"start\0", lines, b"prepare\0"].concat());
        let heard = sent.and_then(|()| transaction.hear("start: ok")).and_then(|()| transaction.hear("prepare: ok"));
        match heard {
            Ok(()) => Ok(transaction),
            Err(error) => Err(transaction.fail(error)),
        }
    }

    pub(crate) fn commit(mut self) -> io::Result<()> {
        let done = self.say(b"commit\0").and_then(|()| self.hear("commit: ok"));
        match done {
            Ok(()) => {
                drop(self.input);
                wait(&mut self.git).map(drop)
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Lets go of all locks.
    pub(crate) fn abort(mut self) {
        // It ends by itself when its input does.
        let _ = self.say(b"abort\0");
        drop(self.input);
        let _ = wait(&mut self.git);
    }

    fn say(&mut self, line: &[u8]) -> io::Result<()> {
        self.input.write_all(line)?;
        self.input.flush()
    }

    fn hear(&mut self, expected: &str) -> io::Result<()> {
        if self.output.buffer().is_empty() && !is_ready(self.output.get_ref().as_fd(), LONGEST)? {
            return Err(io::Error::other("git took too long"));
        }
        let mut line = String::new();
        self.output.by_ref().take(100).read_line(&mut line)?;
        if line.trim_end() == expected { Ok(()) } else { Err(io::Error::other("git ended early")) }
    }

    fn fail(mut self, error: io::Error) -> io::Error {
        drop(self.input);
        // It has said why, or it is stuck.
        let _ = wait(&mut self.git);
        let mut said = Vec::new();
        let _ = self.git.stderr.take().map(|err| err.take(4_096).read_to_end(&mut said));
        if said.is_empty() { error } else { io::Error::other(first_line(&said)) }
    }
}
