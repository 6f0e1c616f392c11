//! What the server was asked: kept in memory for the test, and on disk for the checker of the contract.
//!
//! With `AGENT_TEST_BODIES=DIR` in the environment (or `save_bodies` in the configuration) each chat body that passed
//! the check becomes one line of `DIR/bodies-PID-N.jsonl`, one file a server, for `validate_requests.py`. Bodies that
//! the server refused are never in it, nor those of a server that does not check.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

/// One request, in the order of arrival, refused ones too.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    pub method: String,
    /// With the query, if there was one.
    pub path: String,
    /// Names in small letters, in the order received.
    pub headers: Vec<(String, String)>,
    /// As it came.
    pub body: Bytes,
    /// The status of the answer, or `None` for a connection that was reset.
    pub status: Option<u16>,
    /// Since the server started.
    pub at: Duration,
    /// Number of the connection it came on, from 0.
    pub connection: usize,
}

impl RecordedRequest {
    /// The first value of a header; `name` in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON, `null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

#[derive(Default)]
pub(crate) struct Journal {
    requests: Mutex<Vec<RecordedRequest>>,
    bodies: Option<Mutex<File>>,
}

impl Journal {
    pub(crate) fn saving_to(folder: Option<&Path>) -> io::Result<Journal> {
        let bodies = folder.map(new_file).transpose()?.map(Mutex::new);
        Ok(Journal { requests: Mutex::default(), bodies })
    }

    pub(crate) fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.requests).clone()
    }

    pub(crate) fn record(&self, request: RecordedRequest) {
        lock(&self.requests).push(request);
    }

    pub(crate) fn save(&self, raw: &Bytes, body: &Value) -> io::Result<()> {
        let Some(file) = &self.bodies else { return Ok(()) };
        // The bytes as they came, unless they would take more than one line.
        let mut line = if raw.contains(&b'\n') { body.to_string().into_bytes() } else { raw.to_vec() };
        line.push(b'\n');
        lock(file).write_all(&line)
    }
}

/// A file of a name that no other server has, also one of another process.
fn new_file(folder: &Path) -> io::Result<File> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", folder.display()));
    for number in 0_u32.. {
        let path = folder.join(format!("bodies-{}-{number}.jsonl", std::process::id()));
        match OpenOptions::new().append(true).create_new(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other.map_err(named),
        }
    }
    Err(named(io::ErrorKind::AlreadyExists.into()))
}

/// A test that panicked while it held the lock must not take the server with it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
