//! Where entries are kept so that a crash loses nothing. The session file is in `crates/session/`.

use crate::transcript::Entry;

pub trait Journal {
    /// Writes one entry, in the order they were pushed. It survives our own death from here on.
    fn append(&mut self, entry: &Entry) -> Result<(), JournalError>;

    /// What was appended survives the machine's death too. Called once a step, before the next request.
    fn sync(&mut self) -> Result<(), JournalError>;
}

#[derive(Debug, thiserror::Error)]
#[error("cannot save the session to {}: {source}", .path.display())]
pub struct JournalError {
    pub path: std::path::PathBuf,
    #[source]
    pub source: std::io::Error,
}
