//! A running forge: it listens on a free port of 127.0.0.1 until it is dropped.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

use base64::Engine as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::answer::answer;
use crate::fault::Fault;
use crate::git::{self, Answered, Asked};
use crate::journal::{self, Recorded};
use crate::state::{Change, Comment, Config, Issue, On, Right, State};

/// A running forge. Dropping it closes its port and its connections.
pub struct FakeForge {
    state: Arc<Mutex<State>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FakeForge {
    /// Runs in a thread of its own. Errors: no free port.
    pub fn spawn(config: Config) -> io::Result<FakeForge> {
        let (tell, told) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            let started = start(config);
            let (runtime, listener, state) = match started {
                Ok(started) => started,
                Err(error) => return drop(tell.send(Err(error))),
            };
            // Whoever started us waits for it.
            drop(tell.send(Ok(state.clone())));
            runtime.block_on(async {
                tokio::select! { _ = stopped => (), () = listen(&listener, &state) => () }
            });
        });
        let state = told.recv().map_err(io::Error::other)??;
        Ok(FakeForge { state, stop: Some(stop), thread: Some(thread) })
    }

    /// For `--forge-url`, such as `http://127.0.0.1:40001`.
    pub fn url(&self) -> String {
        self.state().url.clone()
    }

    /// The repository's address for git.
    pub fn remote_url(&self) -> String {
        let state = self.state();
        format!("{}/{}.git", state.url, state.config.path)
    }

    /// Returns its number.
    pub fn add_issue(&self, author: &str, title: &str, body: &str) -> u64 {
        let mut state = self.state();
        let number = state.next_number(On::Issue);
        let (title, body, author) = (title.to_owned(), body.to_owned(), author.to_owned());
        state.issues.push(Issue { number, title, body, author });
        number
    }

    /// Returns its id.
    pub fn add_comment(&self, on: On, author: &str, body: &str) -> u64 {
        self.state().add_comment(on, author, body)
    }

    /// As another program, a person or another project's fork opened it. Its number is set here.
    pub fn add_change(&self, change: Change) -> u64 {
        let mut state = self.state();
        let number = state.next_number(On::Change);
        state.changes.push(Change { number, ..change });
        number
    }

    /// Closes a change, as a person would.
    pub fn close_change(&self, number: u64) {
        self.state()
            .changes
            .iter_mut()
            .filter(|change| change.number == number)
            .for_each(|change| change.is_open = false);
    }

    /// Fails the `k`th request from now on, counted from 1.
    pub fn fail(&self, k: usize, fault: Fault) {
        let mut state = self.state();
        let at = state.count + k;
        state.faults.insert(at, fault);
    }

    /// Takes a right from the token.
    pub fn deny(&self, right: Right) {
        self.state().denied.insert(right);
    }

    pub fn allow(&self, right: Right) {
        self.state().denied.remove(&right);
    }

    /// All of them, closed ones too.
    pub fn changes(&self) -> Vec<Change> {
        self.state().changes.clone()
    }

    pub fn comments(&self) -> Vec<Comment> {
        self.state().comments.clone()
    }

    /// In the order in which they were answered, those of git included.
    pub fn requests(&self) -> Vec<Recorded> {
        self.state().recorded.clone()
    }

    /// How many requests have come, answered or not.
    pub fn count(&self) -> usize {
        self.state().count
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Drop for FakeForge {
    fn drop(&mut self) {
        // Both fail only if the thread has ended already.
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

type Started = (tokio::runtime::Runtime, TcpListener, Arc<Mutex<State>>);

fn start(config: Config) -> io::Result<Started> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))))?;
    let url = format!("http://{}", listener.local_addr()?);
    Ok((runtime, listener, Arc::new(Mutex::new(State::new(config, url)))))
}

async fn listen(listener: &TcpListener, state: &Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, state.clone()));
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let service = service_fn(|request| respond(request, &state));
    // An error here is a client that went away or an answer that was broken off on purpose.
    drop(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

async fn respond(request: Request<Incoming>, state: &Mutex<State>) -> io::Result<Response<Full<Bytes>>> {
    let fault = {
        let mut state = lock(state);
        state.count += 1;
        let count = state.count;
        state.faults.remove(&count)
    };
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let header = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let mut recorded = Recorded {
        method: head.method.to_string(),
        path: head.uri.path_and_query().map_or_else(String::new, ToString::to_string),
        headers: head.headers.iter().map(header).collect(),
        body: body.to_vec(),
        status: 0,
        answer: Vec::new(),
        is_faulty: fault.is_some(),
    };
    let lost = || Err(io::Error::from(io::ErrorKind::ConnectionReset));
    let (status, headers, answer) = match &fault {
        None => act(&recorded, state).await?,
        Some(Fault::DoneButRefused(status)) => {
            act(&recorded, state).await?;
            (*status, Vec::new(), b"<html>fault</html>".to_vec())
        }
        Some(Fault::DoneButLost) => {
            act(&recorded, state).await?;
            lock(state).recorded.push(recorded);
            return lost();
        }
        Some(Fault::Refused { status, headers, body }) => (*status, headers.clone(), body.clone().into_bytes()),
        Some(Fault::Lost) => {
            lock(state).recorded.push(recorded);
            return lost();
        }
        Some(Fault::Silent) => {
            lock(state).recorded.push(recorded);
            return std::future::pending().await;
        }
    };
    (recorded.status, recorded.answer) = (status, answer.clone());
    lock(state).recorded.push(recorded);
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(Full::from(answer)).map_err(io::Error::other)
}

/// Does what is asked: of git, or of the API.
async fn act(recorded: &Recorded, state: &Mutex<State>) -> io::Result<Answered> {
    let asked = {
        let state = lock(state);
        let (path, query) = recorded.path.split_once('?').unwrap_or((&recorded.path, ""));
        let rest = path.strip_prefix(&format!("/{}.git", state.config.path));
        match (rest, state.config.repository.clone()) {
            (Some(rest), Some(repository)) => Some(to_git(recorded, &state, repository, rest, query)),
            (Some(_) | None, _) => None,
        }
    };
    match asked {
        Some(Ok(asked)) => git::serve(asked).await,
        Some(Err(refused)) => Ok(refused),
        None => {
            let mut state = lock(state);
            let answered = answer(&mut state, recorded);
            let (status, answer) = (answered.0, answered.2.clone());
            journal::save(state.config.kind, &Recorded { status, answer, ..recorded.clone() })?;
            Ok(answered)
        }
    }
}

/// Basic authentication, as all three ask for: any name, the token as password.
fn to_git(recorded: &Recorded, state: &State, repository: PathBuf, rest: &str, query: &str) -> Result<Asked, Answered> {
    let authorization = recorded.headers.iter().find(|(name, _)| name == "authorization");
    let decoded = authorization
        .and_then(|(_, value)| value.strip_prefix("Basic "))
        .and_then(|value| base64::engine::general_purpose::STANDARD.decode(value).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let password = decoded.as_deref().and_then(|pair| pair.split_once(':')).map(|(_, password)| password);
    let is_push = rest == "/git-receive-pack" || query.contains("service=git-receive-pack");
    match password {
        Some(password) if password == state.config.token => (),
        Some(_) | None => {
            let ask = vec![("www-authenticate".to_owned(), "Basic realm=\"fake\"".to_owned())];
            return Err((401, ask, b"Authentication failed".to_vec()));
        }
    }
    if is_push && !state.may(Right::Push) {
        return Err((403, Vec::new(), b"Write access to repository not granted.".to_vec()));
    }
    Ok(Asked {
        repository,
        method: recorded.method.clone(),
        rest: rest.to_owned(),
        query: query.to_owned(),
        headers: recorded.headers.clone(),
        body: Bytes::from(recorded.body.clone()),
        account: state.config.account.clone(),
    })
}
