//! What a command prints: as a terminal would show it, the head and the tail in
//! memory; as it was printed, all of it in a file once it is too long to show.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use agent::Clipped;
use mask::MaskStream;

use crate::terminal_text::TerminalText;

/// Shown of each end. With the line between them below [`Clipped::MAX`], so that nobody clips again.
const END_BYTES: usize = 9_500;
/// The tail is cut back when it reaches this, so that a byte is moved a few times at most.
const TAIL_ROOM_BYTES: usize = 64 << 10;
/// Of each command, kept on disk. More is a mistake (`yes`), and the disk is the user's.
const MOST_KEPT_BYTES: u64 = 256 << 20;

#[derive(Debug)]
pub(crate) struct Output {
    text: TerminalText,
    head: Vec<u8>,
    tail: Vec<u8>,
    /// Of the text, what went into the two.
    shown: u64,
    /// As it was printed, until that goes to the disk.
    raw: Vec<u8>,
    total: u64,
    folder: Option<PathBuf>,
    spool: Option<Spool>,
    /// The model does not see the keys of this process, and the disk does not keep them.
    mask: MaskStream,
}

#[derive(Debug)]
struct Spool {
    path: PathBuf,
    /// `None` once it is full or failed.
    file: Option<File>,
    kept: u64,
    ended: Option<String>,
}

/// What is shown of an output, and where the rest is.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) text: String,
    pub(crate) total_bytes: u64,
    pub(crate) full: Option<PathBuf>,
}

impl Output {
    /// `folder`: where a long output is kept, made when it is first needed.
    pub(crate) fn new(folder: Option<PathBuf>) -> Output {
        Output {
            text: TerminalText::default(),
            head: Vec::new(),
            tail: Vec::new(),
            shown: 0,
            raw: Vec::new(),
            total: 0,
            folder,
            spool: None,
            mask: MaskStream::default(),
        }
    }

    /// All of it is kept from the first byte on, because it is shown piece by piece.
    pub(crate) fn in_pieces(folder: Option<PathBuf>) -> Output {
        let spool = folder.as_deref().map(Spool::create);
        Output { spool, ..Output::new(folder) }
    }

    /// Printed since the start, or since the last [`Output::take`].
    pub(crate) fn total_bytes(&self) -> u64 {
        self.total
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let masked = self.mask.push(bytes);
        self.add(&masked);
    }

    /// Nothing more is printed: what may have been the start of a key is none.
    pub(crate) fn end(&mut self) {
        let rest = self.mask.finish();
        self.add(&rest);
    }

    fn add(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        if let Some(spool) = &mut self.spool {
            spool.write(bytes);
        } else if is_long(self.total) {
            self.start_spool(bytes);
        } else {
            self.raw.extend_from_slice(bytes);
        }
        let mut settled = Vec::new();
        self.text.push(bytes, &mut settled);
        self.keep(&settled);
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.shown += bytes.len() as u64;
        let room = END_BYTES.saturating_sub(self.head.len()).min(bytes.len());
        let (head, tail) = bytes.split_at(room);
        self.head.extend_from_slice(head);
        // Of a large chunk only its end can stay.
        let end = tail.len().saturating_sub(TAIL_ROOM_BYTES);
        self.tail.extend_from_slice(tail.get(end..).unwrap_or(tail));
        if TAIL_ROOM_BYTES < self.tail.len() {
            let gone = self.tail.len().saturating_sub(END_BYTES);
            self.tail.drain(..gone);
        }
    }

    /// Everything so far is still in memory, since only now it is too much.
    fn start_spool(&mut self, bytes: &[u8]) {
        let raw = std::mem::take(&mut self.raw);
        let Some(folder) = &self.folder else { return };
        let mut spool = Spool::create(folder);
        spool.write(&raw);
        spool.write(bytes);
        self.spool = Some(spool);
    }

    pub(crate) fn finish(mut self) -> Shown {
        self.end();
        self.take()
    }

    /// What there is so far. The next piece begins after it.
    pub(crate) fn take(&mut self) -> Shown {
        let mut last = Vec::new();
        self.text.flush(&mut last);
        self.keep(&last);
        let (shown, total_bytes) = (std::mem::take(&mut self.shown), std::mem::take(&mut self.total));
        self.raw.clear();
        let (mut head, mut tail) = (std::mem::take(&mut self.head), std::mem::take(&mut self.tail));
        if !is_long(shown) {
            head.append(&mut tail);
            // A broken byte becomes three, so text of a short output may still be long.
            let text = Clipped::to(String::from_utf8_lossy(&head), 2 * END_BYTES);
            return Shown { text: text.as_str().to_string(), total_bytes, full: None };
        }
        let gone = tail.len().saturating_sub(END_BYTES);
        tail.drain(..gone);
        let head = head_of(&String::from_utf8_lossy(whole_characters(&head)));
        let tail = tail_of(&String::from_utf8_lossy(&tail));
        let left_out = shown.saturating_sub((head.len() + tail.len()) as u64);
        let gap = if head.ends_with('\n') { "" } else { "\n" };
        let place = self.spool.as_ref().map(Spool::describe).unwrap_or_default();
        let text = format!("{head}{gap}[... {left_out} bytes omitted{place} ...]\n{tail}");
        Shown { text, total_bytes, full: self.spool.as_ref().map(|spool| spool.path.clone()) }
    }
}

fn is_long(bytes: u64) -> bool {
    2 * (END_BYTES as u64) < bytes
}

/// Without the first bytes of a character that was cut.
fn whole_characters(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Ok(_) => bytes,
        // `error_len` is `None` only when the text ends inside a character.
        Err(error) if error.error_len().is_none() => bytes.get(..error.valid_up_to()).unwrap_or(bytes),
        Err(_) => bytes,
    }
}

/// Back to a line end, if one is near.
fn head_of(text: &str) -> String {
    let (head, _) = text.split_at(text.floor_char_boundary(END_BYTES));
    let cut = head.rfind('\n').filter(|newline| END_BYTES / 2 < *newline);
    cut.map_or(head, |newline| head.split_at(newline + 1).0).to_string()
}

fn tail_of(text: &str) -> String {
    let (_, tail) = text.split_at(text.ceil_char_boundary(text.len().saturating_sub(END_BYTES)));
    let cut = tail.find('\n').filter(|newline| *newline < END_BYTES / 2);
    let tail = cut.map_or(tail, |newline| tail.split_at(newline + 1).1);
    // The rest of a character that was cut.
    tail.trim_start_matches(char::REPLACEMENT_CHARACTER).to_string()
}

impl Spool {
    fn create(folder: &Path) -> Spool {
        match create_file(folder) {
            Ok((path, file)) => Spool { path, file: Some(file), kept: 0, ended: None },
            Err(error) => {
                let ended = Some(format!("it could not be saved: {error}"));
                Spool { path: folder.to_path_buf(), file: None, kept: 0, ended }
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        let Some(file) = &mut self.file else { return };
        let room = usize::try_from(MOST_KEPT_BYTES.saturating_sub(self.kept)).unwrap_or(usize::MAX);
        let part = bytes.get(..room).unwrap_or(bytes);
        match file.write_all(part) {
            Ok(()) if part.len() < bytes.len() => {
                self.ended = Some(format!("only the first {} MB are saved", MOST_KEPT_BYTES >> 20));
                self.file = None;
            }
            Ok(()) => self.kept += part.len() as u64,
            Err(error) => {
                self.ended = Some(format!("it could not be saved completely: {error}"));
                self.file = None;
            }
        }
    }

    fn describe(&self) -> String {
        match &self.ended {
            None => format!("; full output: {}", self.path.display()),
            Some(why) => format!("; output: {}, but {why}", self.path.display()),
        }
    }
}

/// The next free `output-NNNN.txt`. Only the user may read it: a command may print anything.
fn create_file(folder: &Path) -> io::Result<(PathBuf, File)> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut number = 1;
    loop {
        let path = folder.join(format!("output-{number:04}.txt"));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finish(folder: Option<&Path>, chunks: &[&[u8]]) -> Shown {
        let mut output = Output::new(folder.map(Path::to_path_buf));
        for chunk in chunks {
            output.push(chunk);
        }
        output.finish()
    }

    #[test]
    fn short_output_is_shown_whole_and_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let shown = finish(Some(folder.path()), &[b"one\n", b"two\n"]);
        assert_eq!((shown.text.as_str(), shown.total_bytes, shown.full), ("one\ntwo\n", 8, None));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_key_of_this_process_is_neither_shown_nor_kept() {
        mask::hide("sk-printed-by-a-command");
        let folder = tempfile::tempdir().unwrap();
        let shown = finish(Some(folder.path()), &[b"a sk-printed-", b"by-a-command b sk-"]);
        assert_eq!(shown.text, "a *** b sk-");
        let text = "sk-printed-by-a-command\n".repeat(10_000);
        let shown = finish(Some(folder.path()), &text.as_bytes().chunks(1_000).collect::<Vec<_>>());
        assert_eq!(std::fs::read_to_string(shown.full.unwrap()).unwrap(), "***\n".repeat(10_000));
    }

    #[test]
    fn long_output_is_kept_whole_and_shown_in_part() {
        let folder = tempfile::tempdir().unwrap();
        let text: String = (0..20_000).map(|line| format!("line {line}\n")).collect();
        for size in [7, 4_096, 1 << 20] {
            let chunks: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
            let shown = finish(Some(folder.path()), &chunks);
            assert!(shown.text.len() < Clipped::MAX, "{}", shown.text.len());
            assert!(shown.text.starts_with("line 0\nline 1\n") && shown.text.ends_with("line 19998\nline 19999\n"));
            let kept = shown.full.unwrap();
            assert!(shown.text.contains(&format!("bytes omitted; full output: {} ...]\n", kept.display())));
            assert_eq!(std::fs::read_to_string(kept).unwrap(), text);
        }
        assert!(folder.path().join("output-0003.txt").exists());
    }

    #[test]
    fn frames_and_colors_are_on_disk_only() {
        let folder = tempfile::tempdir().unwrap();
        let frames: String = (0..3_000).map(|frame| format!("\r\u{1b}[32mDownloading {frame}\u{1b}[0m")).collect();
        for size in [7, 4_096, 1 << 20] {
            let text = format!("{frames}\nfinished\n");
            let shown = finish(Some(folder.path()), &text.as_bytes().chunks(size).collect::<Vec<_>>());
            assert_eq!((shown.text.as_str(), shown.total_bytes), ("Downloading 2999\nfinished\n", text.len() as u64));
        }
        assert_eq!(
            std::fs::read(folder.path().join("output-0001.txt")).unwrap(),
            format!("{frames}\nfinished\n").as_bytes()
        );
    }

    #[test]
    fn pieces_follow_each_other_and_all_of_them_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut output = Output::in_pieces(Some(folder.path().to_path_buf()));
        output.push(b"one\n");
        assert_eq!(output.take().text, "one\n");
        assert_eq!((output.total_bytes(), output.take().text), (0, String::new()));
        output.push(&[b'x'; 100_000]);
        let shown = output.take();
        assert!(shown.text.len() < Clipped::MAX && shown.text.contains("output-0001.txt"), "{}", shown.text);
        output.push(b"two\n");
        assert_eq!(output.take().text, "two\n");
        let kept = std::fs::read(shown.full.unwrap()).unwrap();
        assert!(kept.starts_with(b"one\nxxx") && kept.ends_with(b"xtwo\n") && kept.len() == 100_008);
    }

    #[test]
    fn left_out_and_shown_are_all_there_was() {
        let text = "é".repeat(100_000);
        let shown = finish(None, &text.as_bytes().chunks(1_001).collect::<Vec<_>>());
        let characters = shown.text.chars().filter(|c| *c == 'é').count();
        let left_out: usize = shown.text.split("[... ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        assert_eq!(characters * 2 + left_out, text.len());
        assert!(!shown.text.contains(char::REPLACEMENT_CHARACTER));
    }

    #[test]
    fn broken_bytes_are_shown_as_such() {
        assert_eq!(finish(None, &[b"a\xffb"]).text, "a\u{fffd}b");
        assert!(finish(None, &[&[0xff; 19_000]]).text.len() < Clipped::MAX);
        assert!(finish(None, &[&[0xff; 50_000]]).text.len() < Clipped::MAX);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_said_so() {
        let shown = finish(Some(Path::new("/dev/null/outputs")), &[&[b'x'; 30_000]]);
        assert!(shown.text.contains("could not be saved: Not a directory"), "{}", shown.text);
    }
}
