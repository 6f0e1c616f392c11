//! A running server: it listens on a free port of 127.0.0.1 until it is dropped. It never listens anywhere else.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Instant;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::connection::{Guest, serve};
use crate::journal::{Journal, RecordedRequest};
use crate::models::{ModelCard, default_models};
use crate::routes::State;
use crate::script::Script;

/// What a server is like, beside its script.
#[derive(Clone, Debug)]
pub struct Config {
    pub key: Key,
    pub models: Vec<ModelCard>,
    pub listing: Listing,
    pub checking: Checking,
    /// Where accepted chat bodies go, one file a server; by default the folder that `AGENT_TEST_BODIES` names, if any.
    /// The folder must exist.
    pub save_bodies: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            key: Key::Any,
            models: default_models(),
            listing: Listing::Served,
            checking: Checking::Strict,
            save_bodies: std::env::var_os("AGENT_TEST_BODIES").filter(|folder| !folder.is_empty()).map(PathBuf::from),
        }
    }
}

/// What a request for the list of models gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    Served,
    /// A status, with an error in JSON: keys that may only chat, gateways, servers that still load their model.
    Refused(u16),
    /// Nothing, with the connection open until the client or the test gives up.
    Silent,
}

/// Which `Authorization: Bearer` is let in. `/health` never asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// Any that is not empty.
    Any,
    Only(String),
    /// A local server that asks for no key.
    NotAsked,
}

/// Whether chat requests are judged by [`check`](crate::check()).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checking {
    Strict,
    /// Any JSON will do, as with many local servers. Such bodies are not saved.
    Off,
}

/// A running server. Dropping it closes its port and its connections.
pub struct FakeMistral {
    address: SocketAddr,
    state: Arc<State>,
    connections: Arc<AtomicUsize>,
    home: Home,
}

enum Home {
    Task(JoinHandle<()>),
    Thread { stop: Option<oneshot::Sender<()>>, thread: Option<thread::JoinHandle<()>> },
}

impl FakeMistral {
    /// Runs in the current tokio runtime. Errors: no free port, or the folder for bodies cannot be written.
    pub async fn start(script: Script) -> io::Result<FakeMistral> {
        FakeMistral::start_with(script, Config::default()).await
    }

    pub async fn start_with(script: Script, config: Config) -> io::Result<FakeMistral> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let house = House::new(script, config, &listener)?;
        let task = tokio::spawn(house.run(listener));
        Ok(house.open(Home::Task(task)))
    }

    /// Runs on a thread with a runtime of its own, for a test that is not async.
    pub fn spawn(script: Script) -> io::Result<FakeMistral> {
        FakeMistral::spawn_with(script, Config::default())
    }

    pub fn spawn_with(script: Script, config: Config) -> io::Result<FakeMistral> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let house = House::new(script, config, &listener)?;
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = mpsc::channel();
        let run = house.run(listener);
        let thread = thread::Builder::new().name("fake-mistral".to_owned()).spawn(move || {
            // Nobody waits for this any more if the caller has gone.
            let _ = ready.send(());
            runtime.block_on(async {
                tokio::select! {
                    () = run => {}
                    // Both a word and a dropped sender mean: stop.
                    _ = stopped => {}
                }
            });
        })?;
        started.recv().map_err(io::Error::other)?;
        Ok(house.open(Home::Thread { stop: Some(stop), thread: Some(thread) }))
    }

    /// `http://127.0.0.1:PORT/v1`
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// `127.0.0.1:PORT`
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request so far, in order of arrival, refused ones too.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.state.journal.requests()
    }

    /// How many connections were opened so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for FakeMistral {
    fn drop(&mut self) {
        match &mut self.home {
            Home::Task(task) => task.abort(),
            Home::Thread { stop, thread } => {
                drop(stop.take());
                if let Some(thread) = thread.take() {
                    // The thread's panic has been printed by itself; a second one here would abort the test run.
                    let _ = thread.join();
                }
            }
        }
    }
}

/// What the listener's task and the handle share.
struct House {
    address: SocketAddr,
    state: Arc<State>,
    connections: Arc<AtomicUsize>,
}

impl House {
    fn new(script: Script, config: Config, listener: &TcpListener) -> io::Result<House> {
        let journal = match config.checking {
            Checking::Strict => Journal::saving_to(config.save_bodies.as_deref())?,
            Checking::Off => Journal::default(),
        };
        let (accepted, calls) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let state = Arc::new(State { config, script, journal, accepted, calls });
        Ok(House { address: listener.local_addr()?, state, connections: Arc::default() })
    }

    fn open(self, home: Home) -> FakeMistral {
        FakeMistral { address: self.address, state: self.state, connections: self.connections, home }
    }

    /// Takes connections until it is dropped, and drops them with it.
    fn run(&self, listener: TcpListener) -> impl Future<Output = ()> + Send + use<> {
        let (state, connections, started) = (self.state.clone(), self.connections.clone(), Instant::now());
        async move {
            let mut guests = JoinSet::new();
            loop {
                // A connection that broke before it was taken is the client's affair.
                let Ok((stream, _)) = listener.accept().await else { continue };
                let number = connections.fetch_add(1, Ordering::Relaxed);
                while guests.try_join_next().is_some() {}
                guests.spawn(serve(stream, Guest { state: state.clone(), number, started }));
            }
        }
    }
}
