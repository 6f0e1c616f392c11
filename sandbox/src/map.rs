//! The symbols of the workspace's files, and the map that is made of them. What a file defines is kept from one time to
//! the next and from one run to the next; only what looks otherwise since then is read.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use agent::{Cancel, RepoMap, SandboxError};
use rustix::fs::FileType;
use snapshots::{Digest, Stamp};
use symbols::{Focus, Index, Indexed, Language, Mark, Source};

use crate::beneath::Root;
use crate::bounded::read_bounded;
use crate::clock::Clock;
use crate::roots::Roots;
use crate::state::stamp;
use crate::walk::{Next, walk};

/// Of a workspace; what comes later by its path is not looked at.
const MOST_FILES: usize = 20_000;
/// Larger files are generated, or data.
const LARGEST_BYTES: u64 = 256 << 10;
/// So long are the lines of code that was packed for a browser.
const PACKED_LINE_BYTES: usize = 500;
/// For all files that changed; the rest is for the next time.
const LONGEST: Duration = Duration::from_secs(10);
/// For one file.
const LONGEST_FILE: Duration = Duration::from_millis(250);
/// A file of ours that is larger is not one of ours.
const LARGEST_KEPT: u64 = 256 << 20;
/// What is kept of a workspace goes when it was not used for so long.
const KEPT_FOR: Duration = Duration::from_hours(30 * 24);

/// A file whose symbols can be known.
struct Candidate {
    path: String,
    language: Language,
    mark: Option<Mark>,
}

/// `folder`: where what is known is kept, of each workspace in a file.
pub(crate) fn map(
    roots: &Roots,
    folder: Option<&Path>,
    focus: Option<&str>,
    max_bytes: usize,
    cancel: &Cancel,
) -> Result<RepoMap, SandboxError> {
    let until = Instant::now() + LONGEST;
    let root = &roots.workspace;
    let kept = folder.map(|folder| {
        let name = Digest::of(root.real().as_os_str().as_encoded_bytes()).to_string();
        folder.join(format!("{}.symbols", name.get(..16).unwrap_or(&name)))
    });
    let mut before = kept.as_deref().and_then(load).unwrap_or_default();
    let (candidates, left_out) = candidates(roots, cancel)?;
    let (mut index, mut changed) = (Index::default(), Vec::new());
    for candidate in candidates {
        match before.0.remove(&candidate.path) {
            Some(known) if known.mark.is_some() && known.mark == candidate.mark => {
                index.0.insert(candidate.path, known);
            }
            Some(_) | None => changed.push(candidate),
        }
    }
    let is_new = !changed.is_empty() || !before.0.is_empty();
    let wanted = changed.len();
    let read = read_all(root, changed, until, cancel);
    let unread = wanted - read.len() + left_out;
    index.0.extend(read);
    if cancel.is_set() {
        return Err(SandboxError::Cancelled);
    }
    if let Some(kept) = kept.filter(|_| is_new) {
        // A map that is not kept is made anew.
        let _ = save(&kept, &index);
    }
    Ok(draw(&index, focus, max_bytes, unread))
}

pub(crate) fn draw(index: &Index, focus: Option<&str>, max_bytes: usize, unread: usize) -> RepoMap {
    let files: Vec<(&str, &Source)> = index.0.iter().map(|(path, known)| (path.as_str(), &known.source)).collect();
    let map = symbols::map(&files, focus.map_or(Focus::All, Focus::On), max_bytes);
    let missed = map.focus_missed;
    RepoMap { text: map.text, shown: map.files_shown, files: files.len(), unread, focus_missed: missed }
}

/// And how many more there are.
fn candidates(roots: &Roots, cancel: &Cancel) -> Result<(Vec<Candidate>, usize), SandboxError> {
    let ours = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos() as i64);
    let looked_ns = Clock::of(&roots.workspace, ours).now_ns;
    let (mut candidates, mut left_out) = (Vec::new(), 0);
    walk(roots, Path::new("."), None, cancel, |found| {
        if found.is_hidden || found.kind != FileType::RegularFile || LARGEST_BYTES < found.bytes {
            return Next::More;
        }
        let Some(path) = found.inside.to_str() else { return Next::More };
        let Some(language) = Language::of(path) else { return Next::More };
        if candidates.len() < MOST_FILES {
            let mark = mark(&stamp(&found.stat, looked_ns));
            candidates.push(Candidate { path: path.to_owned(), language, mark });
        } else {
            left_out += 1;
        }
        Next::More
    })?;
    Ok((candidates, left_out))
}

fn mark(stamp: &Stamp) -> Option<Mark> {
    let Stamp { dev, ino, mode: _, bytes, mtime_ns, ctime_ns, racy } = *stamp;
    (!racy).then_some([dev, ino, bytes, mtime_ns as u64, ctime_ns as u64])
}

/// On several threads, as far as there is time. What cannot be read or parsed has no symbols.
fn read_all(root: &Root, files: Vec<Candidate>, until: Instant, cancel: &Cancel) -> Vec<(String, Indexed)> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            if cancel.is_set() || until <= Instant::now() {
                break;
            }
            let none = Source { language: file.language, symbols: Vec::new(), names: Vec::new() };
            let source = read(root, file, cancel).unwrap_or(none);
            done.push((file.path.clone(), Indexed { mark: file.mark, source }));
        }
        done
    };
    // A few files are read faster than a thread starts.
    let most = std::thread::available_parallelism().map_or(1, usize::from).min(4);
    let threads = most.min(1 + files.len() / 20);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    })
}

fn read(root: &Root, file: &Candidate, cancel: &Cancel) -> Option<Source> {
    let path = Path::new(&file.path);
    let open = root.open_walked(path).ok()?;
    crate::beneath::regular(path, &open).ok()?;
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(fs::File::from(open), LARGEST_BYTES + 1), &mut bytes).ok()?;
    parse(file.language, &bytes, cancel)
}

/// `None` where it is no text, or not written by a person.
pub(crate) fn parse(language: Language, bytes: &[u8], cancel: &Cancel) -> Option<Source> {
    let lines = 1 + bytes.iter().filter(|byte| **byte == b'\n').count();
    if bytes.contains(&0) || LARGEST_BYTES < bytes.len() as u64 || PACKED_LINE_BYTES < bytes.len() / lines {
        return None;
    }
    let until = Instant::now() + LONGEST_FILE;
    symbols::read(language, &String::from_utf8_lossy(bytes), || cancel.is_set() || until <= Instant::now())
}

fn load(path: &Path) -> Option<Index> {
    Index::decode(&read_bounded(path, LARGEST_KEPT).ok()?)
}

/// Whole or not at all: two runs may save at once.
fn save(path: &Path, index: &Index) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    prune(folder)?;
    let new = path.with_extension(format!("{}.new", std::process::id()));
    let written = fs::write(&new, index.encode()).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        // Nothing to do about what cannot be removed either.
        let _ = fs::remove_file(&new);
    }
    written
}

fn prune(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path: PathBuf = entry?.path();
        let used = fs::metadata(&path).and_then(|metadata| metadata.modified());
        if used.is_ok_and(|used| used.elapsed().is_ok_and(|age| KEPT_FOR < age)) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
