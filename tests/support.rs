//! The program as a user has it: the real binary, a home and a workspace of its own, a server on loopback.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use fake_mistral::{FakeMistral, Script};
use tempfile::TempDir;

/// In every place where the program might write it down, the tests look for it.
pub(crate) const KEY: &str = "planted-key-5f2c9e71d04b";

pub(crate) fn house() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The `agent` binary of this build, built once if it is not there.
pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let deps = std::env::current_exe().unwrap();
        let folder = deps.parent().unwrap().parent().unwrap();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--package", "agent-cli"]).current_dir(house());
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.status().unwrap().success(), "the binary does not build");
        folder.join("agent")
    })
}

/// How the program ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) struct World {
    folder: TempDir,
    pub(crate) server: Option<FakeMistral>,
}

impl World {
    /// A workspace that is a git repository with these files, and a model that plays `script`.
    pub(crate) fn new(files: &[(&str, &str)], script: &str) -> World {
        World::with(files, Script::parse(script).unwrap())
    }

    pub(crate) fn with(files: &[(&str, &str)], script: Script) -> World {
        let mut world = World::without_server(files);
        world.server = Some(FakeMistral::spawn(script).unwrap());
        world
    }

    pub(crate) fn without_server(files: &[(&str, &str)]) -> World {
        let folder = TempDir::with_prefix("house-").unwrap();
        let world = World { folder, server: None };
        fs::create_dir_all(world.home()).unwrap();
        fs::create_dir_all(world.workspace()).unwrap();
        for (path, text) in files {
            world.write(path, text);
        }
        world
    }

    pub(crate) fn workspace(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("work")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.workspace().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// `agent` with these arguments, in the workspace, with nothing of this machine's environment but PATH.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).current_dir(self.workspace()).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.home());
        command.env("XDG_CONFIG_HOME", self.home().join("config")).env("XDG_STATE_HOME", self.home().join("state"));
        command.env("MISTRAL_API_KEY", KEY).env("AGENT_DIALECT", "mistral");
        if let Some(server) = &self.server {
            command.env("AGENT_BASE_URL", server.base_url());
        }
        command
    }

    pub(crate) fn agent(&self, arguments: &[&str]) -> Ran {
        ran(self.command(arguments).output().unwrap())
    }

    /// `agent run`, asking nothing.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.agent(&[&["run", "--mode", "auto"], arguments].concat())
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The bodies of the chat requests, in order.
    pub(crate) fn bodies(&self) -> Vec<serde_json::Value> {
        let requests = self.server.as_ref().unwrap().requests();
        let chats = requests.iter().filter(|request| request.path.ends_with("/chat/completions"));
        chats.map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
    }

    /// The messages of each chat request as they were sent, without the bracket that closes them.
    pub(crate) fn messages(&self) -> Vec<String> {
        let requests = self.server.as_ref().unwrap().requests();
        let chats = requests.iter().filter(|request| request.path.ends_with("/chat/completions"));
        let messages = chats.map(|request| {
            let text = String::from_utf8(request.body.to_vec()).unwrap();
            let (_, rest) = text.split_once("\"messages\":").unwrap();
            let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<serde_json::Value>();
            stream.next().unwrap().unwrap();
            rest[..stream.byte_offset() - 1].to_owned()
        });
        messages.collect()
    }

    /// The text that the model got back for its `n`th call, from 0.
    pub(crate) fn outcome(&self, n: usize) -> String {
        let bodies = self.bodies();
        let messages = bodies.last().unwrap()["messages"].as_array().unwrap().clone();
        let outcomes: Vec<&serde_json::Value> = messages.iter().filter(|message| message["role"] == "tool").collect();
        outcomes[n]["content"].as_str().unwrap().to_owned()
    }

    /// Every file below the home, the program's own state included, as text.
    pub(crate) fn everything_kept(&self) -> String {
        let mut kept = String::new();
        for entry in walkdir::WalkDir::new(self.folder.path()) {
            let entry = entry.unwrap();
            if entry.file_type().is_file() {
                kept.push_str(&String::from_utf8_lossy(&fs::read(entry.path()).unwrap()));
            }
        }
        kept
    }

    /// The session file that was begun last.
    pub(crate) fn session_file(&self) -> PathBuf {
        self.session_files().pop().unwrap()
    }

    /// In the order in which they were begun.
    pub(crate) fn session_files(&self) -> Vec<PathBuf> {
        let folder = self.home().join("state/agent/sessions");
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<PathBuf> =
            files.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl")).collect();
        files.sort();
        files
    }
}

pub(crate) fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Ctrl-C.
pub(crate) fn interrupt(process: u32) {
    assert!(Command::new("kill").args(["-INT", &process.to_string()]).status().unwrap().success());
}

pub(crate) fn wait_for(condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(300), "waited in vain");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Says that a test did not test, on the real stderr: what is printed otherwise is only shown of tests that fail.
pub(crate) fn skip(why: &str) {
    writeln!(std::io::stderr(), "skipped: {}: {why}", std::thread::current().name().unwrap_or_default()).unwrap();
}
