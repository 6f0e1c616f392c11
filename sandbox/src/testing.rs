//! What the tests of this crate share: a workspace on disk, and the launcher
//! inside the test program.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agent::{Background, Cancel, Change, Effect, Ended, FileMode, Observation, Ran, SandboxError};
use tempfile::TempDir;

use crate::fence::policy::Namespaces;
use crate::options::{Access, AddedDir, HostOptions, SandboxMode};
use crate::{Host, launcher};

/// The test program is the launcher too. Its `main` is not ours to begin, so this runs before it.
#[expect(unsafe_code, reason = "a link section is the only way to run before libtest's main")]
mod before_main {
    #[used]
    #[unsafe(link_section = ".init_array")]
    static LAUNCHER: extern "C" fn() = launch;

    extern "C" fn launch() {
        if super::launcher().is_some() {
            std::process::exit(0);
        }
        if let Some(attack) = std::env::args().skip_while(|argument| argument != crate::attack::ARGUMENT).nth(1) {
            crate::attack::run(&attack);
        }
        if std::env::args().nth(1).is_some_and(|argument| argument == super::VICTIM) {
            super::be_a_victim();
        }
    }
}

/// First argument of a test program that runs one command and waits to be killed.
pub(crate) const VICTIM: &str = "__sandbox-victim";

/// Puts something at a path.
pub(crate) type Make = fn(&Path);

/// What stands at a path instead of a file that we read on our own account: its name, and how it is made.
pub(crate) const ODD_FILES: [(&str, Make); 5] = [
    ("a fifo", |path| rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RWXU).unwrap()),
    ("a link to a device", |path| std::os::unix::fs::symlink("/dev/zero", path).unwrap()),
    ("a socket", |path| drop(std::os::unix::net::UnixListener::bind(path).unwrap())),
    ("a directory", |path| std::fs::create_dir(path).unwrap()),
    ("a sparse file", |path| std::fs::File::create(path).unwrap().set_len(3 << 30).unwrap()),
];

/// The kinds of fence that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Namespaces,
    Rules,
    Open,
}

impl Kind {
    pub(crate) const ALL: [Kind; 3] = [Kind::Namespaces, Kind::Rules, Kind::Open];

    fn choose(self, options: &mut HostOptions) -> Namespaces {
        options.fence.sandbox = if self == Kind::Open { SandboxMode::Off } else { SandboxMode::On };
        if self == Kind::Rules { Namespaces::Leave } else { Namespaces::Try }
    }

    pub(crate) fn bench(self) -> Bench {
        let mut options = HostOptions::default();
        let namespaces = self.choose(&mut options);
        Bench::make(&[], options, namespaces, false)
    }

    /// An agent of its own, as a process: leaves `background` running in `root`, and runs `command`. To be killed by
    /// the test.
    pub(crate) fn victim(self, root: &Path, background: &str, command: &str) -> std::process::Child {
        let mut victim = std::process::Command::new("/proc/self/exe");
        victim.arg(VICTIM).arg(root).arg(format!("{self:?}")).arg(background).arg(command);
        victim.stdin(std::process::Stdio::null()).spawn().unwrap()
    }
}

fn be_a_victim() {
    let mut arguments = std::env::args().skip(2);
    let root = arguments.next().unwrap();
    let repositories = Path::new(&root).with_file_name("repositories");
    let mut options = HostOptions { repositories: Some(repositories.join("session")), ..HostOptions::default() };
    let kind = arguments.next().unwrap();
    let kind = Kind::ALL.into_iter().find(|one| format!("{one:?}") == kind).unwrap();
    let namespaces = kind.choose(&mut options);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let host = Host::open_in(Path::new(&root), options, std::env::vars_os(), namespaces).unwrap();
    let result = runtime.block_on(async {
        let background = Effect::Start { command: arguments.next().unwrap() };
        host.act(&background, &Cancel::default()).await.unwrap();
        let effect = Effect::Run { command: arguments.next().unwrap(), timeout: Duration::from_secs(600) };
        host.act(&effect, &Cancel::default()).await
    });
    eprintln!("the victim was not killed: {result:?}");
    std::process::exit(1);
}

/// A workspace of its own, in a folder where there is room for things outside it.
pub(crate) struct Bench {
    pub(crate) folder: TempDir,
    pub(crate) host: Host,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    pub(crate) fn new(files: &[(&str, &str)]) -> Bench {
        let mut options = HostOptions::default();
        options.fence.sandbox = SandboxMode::Off;
        Bench::with(files, options)
    }

    /// Behind a fence, with a HOME of its own beside the workspace.
    pub(crate) fn fenced(files: &[(&str, &str)], mut options: HostOptions, namespaces: Namespaces) -> Bench {
        // Attacks are made by the test program, wherever cargo has put it.
        let program = std::env::current_exe().unwrap();
        let path = program.parent().unwrap().to_path_buf();
        options.fence.add_dirs.push(AddedDir { path, access: Access::Read });
        Bench::make(files, options, namespaces, true)
    }

    /// `outputs` of the options is filled in.
    pub(crate) fn with(files: &[(&str, &str)], options: HostOptions) -> Bench {
        Bench::make(files, options, Namespaces::Try, false)
    }

    /// With HOME as it is, behind Landlock and seccomp alone.
    pub(crate) fn without_namespaces(files: &[(&str, &str)]) -> Bench {
        Bench::make(files, HostOptions::default(), Namespaces::Leave, false)
    }

    fn make(files: &[(&str, &str)], mut options: HostOptions, namespaces: Namespaces, own_home: bool) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("workspace");
        std::fs::create_dir(&root).unwrap();
        for (path, text) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        options.outputs = Some(folder.path().join("outputs"));
        options.repositories = Some(folder.path().join("repositories/session"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut variables: Vec<(OsString, OsString)> = std::env::vars_os().collect();
        if own_home {
            let home = folder.path().join("home");
            std::fs::create_dir(&home).unwrap();
            variables.retain(|(name, _)| name != "HOME");
            variables.push(("HOME".into(), home.into()));
        }
        let host = Host::open_in(&root, options, variables.into_iter(), namespaces).unwrap();
        Bench { folder, host, runtime }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    pub(crate) fn act(&self, effect: &Effect) -> Result<Observation, SandboxError> {
        self.act_until(effect, &Cancel::default())
    }

    pub(crate) fn act_until(&self, effect: &Effect, cancel: &Cancel) -> Result<Observation, SandboxError> {
        self.runtime.block_on(self.host.act(effect, cancel))
    }

    pub(crate) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    pub(crate) fn read(&self, path: impl AsRef<Path>) -> Result<Vec<u8>, SandboxError> {
        let effect = Effect::Read { path: path.as_ref().to_path_buf(), max_bytes: 1 << 20 };
        match self.act(&effect)? {
            Observation::Read(bytes) => Ok(bytes),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn write(&self, changes: Vec<Change>) -> Result<(), SandboxError> {
        self.act(&Effect::Write { changes }).map(drop)
    }

    pub(crate) fn start(&self, command: &str) -> Background {
        match self.act(&Effect::Start { command: command.to_string() }) {
            Ok(Observation::Started(background)) => background,
            other => panic!("{command}: {other:?}"),
        }
    }

    /// Waits for something new, however slow this machine is.
    pub(crate) fn read_output(&self, id: u32) -> Background {
        match self.act(&Effect::ReadOutput { id, wait: Duration::from_secs(20) }) {
            Ok(Observation::Output(background)) => background,
            other => panic!("{id}: {other:?}"),
        }
    }

    pub(crate) fn stop(&self, id: u32) -> Background {
        match self.act(&Effect::Stop { id }) {
            Ok(Observation::Stopped(background)) => background,
            other => panic!("{id}: {other:?}"),
        }
    }

    pub(crate) fn run(&self, command: &str) -> Ran {
        self.run_for(command, Duration::from_secs(60))
    }

    /// This program, which a fenced bench shows to its commands read-only.
    pub(crate) fn program(&self) -> PathBuf {
        std::env::current_exe().unwrap()
    }

    /// Makes an attack of [`crate::attack`] from inside a command. Returns what it says.
    pub(crate) fn attack(&self, attack: &str, argument: impl std::fmt::Display) -> String {
        let marker = crate::attack::ARGUMENT;
        let ran = self.run(&format!("'{}' {marker} {attack} '{argument}'", self.program().display()));
        let how = if ran.ended == Ended::Exited(0) { String::new() } else { format!(" {:?}", ran.ended) };
        format!("{}{how}", ran.output.trim())
    }

    pub(crate) fn run_for(&self, command: &str, timeout: Duration) -> Ran {
        match self.act(&Effect::Run { command: command.to_string(), timeout }) {
            Ok(Observation::Ran(ran)) => ran,
            other => panic!("{command}: {other:?}"),
        }
    }
}

pub(crate) fn change(path: &str, before: Option<&str>, after: Option<&str>) -> Change {
    let bytes = |text: &str| text.as_bytes().to_vec();
    Change { path: path.into(), before: before.map(bytes), after: after.map(bytes), mode: FileMode::Keep }
}

/// Waits until `done`, for at most five minutes: a loaded machine is slow, not wrong.
pub(crate) fn eventually(mut done: impl FnMut() -> bool) -> bool {
    for _ in 0..30_000 {
        if done() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

/// Whether a process still runs whose command line contains `mark`.
pub(crate) fn is_running(mark: &str) -> bool {
    let own = std::process::id().to_string();
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let name = entry.file_name();
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        name != *own && String::from_utf8_lossy(&line).contains(mark)
    })
}
