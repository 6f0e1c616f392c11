//! What the human wrote before, over all conversations. Lines that hold a secret are never kept.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use crate::ci::secrets::Scanner;

/// One JSON string a line, readable by its owner only.
pub(crate) struct History {
    file: PathBuf,
    secrets: Scanner,
}

/// Lines that are read back.
const MOST: usize = 1_000;

/// Of the file, which is shortened long before.
const MOST_BYTES: u64 = 64 << 20;

impl History {
    pub(crate) fn new(file: PathBuf, secrets: Scanner) -> History {
        History { file, secrets }
    }

    /// Oldest first. What cannot be read is left out: it is only a convenience.
    pub(crate) fn read(&self) -> Vec<String> {
        let bytes = sandbox::read_bounded(&self.file, MOST_BYTES).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<String> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        if 2 * MOST < lines.len() {
            // The old lines stay in the file if this fails, and are left out next time.
            let _ = self.shorten(&lines);
        }
        let skipped = lines.len().saturating_sub(MOST);
        lines.into_iter().skip(skipped).collect()
    }

    /// Not a line with a secret, nor one that begins with a blank: that is how people say "do not keep this".
    pub(crate) fn add(&self, line: &str) -> io::Result<()> {
        if line.starts_with(' ') || self.secrets.leak(line.as_bytes()).is_some() {
            return Ok(());
        }
        if let Some(folder) = self.file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        // Opening a fifo would wait for a reader.
        if std::fs::metadata(&self.file).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let mut file = File::options().append(true).create(true).mode(0o600).open(&self.file)?;
        file.write_all((serde_json::to_string(line)? + "\n").as_bytes())
    }

    fn shorten(&self, lines: &[String]) -> io::Result<()> {
        // A temporary file is readable by its owner only, too.
        let mut file = tempfile::NamedTempFile::new_in(self.file.parent().unwrap_or(&self.file))?;
        for line in lines.iter().skip(lines.len().saturating_sub(MOST)) {
            file.write_all((serde_json::to_string(line)? + "\n").as_bytes())?;
        }
        file.persist(&self.file)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn lines_come_back_and_secrets_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/history");
        let secrets = Scanner::new(vec![("DB_PASS".to_owned(), "hunter2hunter2".to_owned())], &[]);
        let history = History::new(file.clone(), secrets);
        for line in ["one\ntwo", " not this", "say hunter2hunter2 to them", "aHVudGVyMmh1bnRlcjI=", "three"] {
            history.add(line).unwrap();
        }
        assert_eq!(history.read(), ["one\ntwo", "three"]);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_long_file_is_shortened() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::new(folder.path().join("history"), Scanner::new(Vec::new(), &[]));
        let lines: String = (0..=2 * MOST).map(|number| format!("\"line {number}\"\n")).collect();
        std::fs::write(&history.file, lines).unwrap();
        let read = history.read();
        assert_eq!((read.len(), read.last().map(String::as_str)), (MOST, Some("line 2000")));
        assert_eq!(std::fs::read_to_string(&history.file).unwrap().lines().count(), MOST);
    }
}
