//! git opens every `.gitignore` that it meets, whatever that is: a fifo, which a command can make in a moment, would hold
//! it up for ever, and a huge file for minutes. git has no switch for that, so such files go before it comes.

use std::fs;
use std::path::{Path, PathBuf};

/// Nobody writes more than this.
const MOST_BYTES: u64 = 1 << 20;

/// Returns what went. Follows no link; git does not read a `.gitignore` that is one.
pub(super) fn remove_odd(root: &Path) -> Vec<PathBuf> {
    let mut removed = Vec::new();
    let mut dirs = vec![root.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                dirs.push(entry.path());
            } else if entry.file_name() == ".gitignore" && !kind.is_symlink() {
                let is_usual =
                    entry.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() <= MOST_BYTES);
                if !is_usual && fs::remove_file(entry.path()).is_ok() {
                    removed.push(entry.path());
                }
            }
        }
    }
    removed
}
