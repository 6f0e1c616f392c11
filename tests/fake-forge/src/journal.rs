//! Every request, kept for the test to read, and for the checker of the forges' descriptions.

use std::fs::OpenOptions;
use std::io::Write as _;

use serde_json::{Value, json};

use crate::state::Kind;

/// A request as it came, and what was answered.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub method: String,
    /// With its query.
    pub path: String,
    /// Names in small letters.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// 0 where the connection ended instead.
    pub status: u16,
    pub answer: Vec<u8>,
    /// Whether a fault of the test's answered it.
    pub is_faulty: bool,
}

/// Where API calls go, one JSON a line, if this variable names a folder that exists.
pub(crate) const FOLDER: &str = "AGENT_TEST_FORGE_CALLS";

/// Appends an API call that was answered as the forge would. What cannot be written fails the test.
pub(crate) fn save(kind: Kind, recorded: &Recorded) -> std::io::Result<()> {
    let Some(folder) = std::env::var_os(FOLDER).filter(|folder| !folder.is_empty()) else { return Ok(()) };
    let parsed = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap_or(Value::Null);
    let line = json!({
        "forge": kind.name(), "method": recorded.method, "path": recorded.path, "body": parsed(&recorded.body),
        "status": recorded.status, "answer": parsed(&recorded.answer),
    });
    let path = std::path::Path::new(&folder).join(format!("{}.jsonl", std::process::id()));
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(format!("{line}\n").as_bytes())
}
