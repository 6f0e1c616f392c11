//! Contents by their digest, in the program's own state directory: a folder for each workspace, a pack for each session.
//!
//! A pack is only appended to, and its index names an object after the object is in it, so that our own death tears at
//! most what nothing refers to. What an earlier session of the same workspace kept is not kept twice.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::{Changed, Digest, Manifest, state};

/// A digest, an offset and a length.
const INDEX_ENTRY: usize = Digest::BYTES + 16;
/// What is gathered before it is written.
const PENDING: usize = 256 << 10;
/// A record of 10,000 changes has about 1 MB.
const RESERVE: usize = 2 << 20;
/// The manifest of the newest session, by its digest.
const LATEST: &str = "latest";

#[derive(Debug)]
pub struct Objects {
    folder: PathBuf,
    session: String,
    /// Bytes that this session may keep.
    most_bytes: u64,
    found: HashMap<Digest, Object>,
    packs: Vec<PathBuf>,
    /// `None` until something is kept.
    pack: Option<Pack>,
    /// Room on the disk for the record of what a command changed, should the command fill the disk. It has no name, so
    /// it goes with us.
    reserve: Option<File>,
}

#[derive(Clone, Copy, Debug)]
struct Object {
    pack: usize,
    offset: u64,
    bytes: u64,
}

#[derive(Debug)]
struct Pack {
    number: usize,
    /// Locked for as long as it is written: it is not pruned meanwhile.
    content: File,
    /// What is on its way to `content`, from `written` on.
    pending: Vec<u8>,
    written: u64,
    index: File,
    index_written: u64,
    /// Entries of what is on its way.
    unindexed: Vec<u8>,
}

/// Why a content is not kept.
#[derive(Debug, thiserror::Error)]
pub enum Unkept {
    #[error("this session has reached its snapshot limit ({} MB)", .0 >> 20)]
    Full(u64),
    #[error("{}: {source}", .path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// Why a content that was kept cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    #[error("its snapshot was deleted")]
    Pruned,
    #[error("its content was damaged on disk")]
    Damaged,
    #[error("cannot read its content: {0}")]
    Io(#[from] io::Error),
}

impl Objects {
    /// The store of one workspace below `folder`, as session `session` uses it. Makes nothing yet.
    pub fn open(folder: &Path, workspace: &Path, session: &str, most_bytes: u64) -> io::Result<Objects> {
        let name = Digest::of(workspace.as_os_str().as_encoded_bytes()).to_string();
        let folder = folder.join(name.get(..16).unwrap_or(&name));
        let mut objects = Objects {
            folder,
            session: session.to_owned(),
            most_bytes,
            found: HashMap::new(),
            packs: Vec::new(),
            pack: None,
            reserve: None,
        };
        let entries = match std::fs::read_dir(&objects.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(objects),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "pack") {
                objects.load(path)?;
            }
        }
        Ok(objects)
    }

    fn load(&mut self, path: PathBuf) -> io::Result<()> {
        let length = std::fs::metadata(&path)?.len();
        let index = read(&path.with_extension("index")).unwrap_or_default();
        let pack = self.packs.len();
        for entry in index.chunks_exact(INDEX_ENTRY) {
            let (digest, place) = entry.split_at(Digest::BYTES);
            let (offset, bytes) = place.split_at(8);
            let number = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).unwrap_or(u64::MAX);
            let (offset, bytes) = (number(offset), number(bytes));
            if let Some(digest) = Digest::from_bytes(digest)
                && offset.checked_add(bytes).is_some_and(|end| end <= length)
            {
                self.found.insert(digest, Object { pack, offset, bytes });
            }
        }
        self.packs.push(path);
        Ok(())
    }

    pub fn has(&self, digest: &Digest) -> bool {
        self.found.contains_key(digest)
    }

    /// Keeps a content. It is on its way to the disk after [`Self::flush`].
    pub fn keep(&mut self, content: &[u8]) -> Result<Digest, Unkept> {
        let digest = Digest::of(content);
        if self.has(&digest) {
            return Ok(digest);
        }
        if self.pack.is_none() {
            self.start_pack()?;
        }
        let most_bytes = self.most_bytes;
        let Some(pack) = &mut self.pack else { return Err(Unkept::Full(most_bytes)) };
        let object = Object { pack: pack.number, offset: pack.length(), bytes: content.len() as u64 };
        if most_bytes < object.offset.saturating_add(object.bytes) {
            return Err(Unkept::Full(most_bytes));
        }
        pack.add(digest, object, content);
        if PENDING < pack.pending.len()
            && let Err(source) = pack.flush()
        {
            pack.take_out(object);
            return Err(Unkept::Io { path: self.folder.clone(), source });
        }
        self.found.insert(digest, object);
        Ok(digest)
    }

    /// Where they are, once something is kept.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn release_reserve(&mut self) {
        self.reserve = None;
    }

    /// From here on there is room for [`Self::keep_changes`], and for some lines of a session file beside it.
    pub fn hold_reserve(&mut self) {
        if self.reserve.is_none() {
            // Without it we are as well off as the disk is.
            self.reserve = tempfile::tempfile_in(&self.folder)
                .and_then(|mut file| file.write_all(&vec![0; RESERVE]).map(|()| file))
                .ok();
        }
    }

    fn start_pack(&mut self) -> Result<(), Unkept> {
        let path = self.folder.join(format!("{}.pack", self.session));
        let started = self.open_pack(&path);
        match started {
            Ok(pack) => {
                self.pack = Some(pack);
                Ok(())
            }
            Err(source) => Err(Unkept::Io { path, source }),
        }
    }

    /// A session that goes on appends to its pack.
    fn open_pack(&mut self, path: &Path) -> io::Result<Pack> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let content = options.open(path)?;
        content.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => io::Error::other("another process is using this session"),
            std::fs::TryLockError::Error(error) => error,
        })?;
        let index = options.open(path.with_extension("index"))?;
        // A torn entry of a run that was killed would shift all that follow.
        index.set_len(index.metadata()?.len() / INDEX_ENTRY as u64 * INDEX_ENTRY as u64)?;
        let (written, index_written) = (content.metadata()?.len(), index.metadata()?.len());
        let number = self.packs.iter().position(|pack| pack == path).unwrap_or_else(|| {
            self.packs.push(path.to_owned());
            self.packs.len() - 1
        });
        Ok(Pack { number, content, pending: Vec::new(), written, index, index_written, unindexed: Vec::new() })
    }

    /// Survives our own death from here on.
    pub fn flush(&mut self) -> Result<(), Unkept> {
        let Some(pack) = &mut self.pack else { return Ok(()) };
        pack.flush().map_err(|source| Unkept::Io { path: self.folder.clone(), source })
    }

    pub fn get(&self, digest: &Digest) -> Result<Vec<u8>, Lost> {
        let object = self.found.get(digest).ok_or(Lost::Pruned)?;
        let path = self.packs.get(object.pack).ok_or(Lost::Pruned)?;
        let mut content = vec![0; usize::try_from(object.bytes).map_err(|_| Lost::Damaged)?];
        File::open(path)?.read_exact_at(&mut content, object.offset)?;
        if Digest::of(&content) == *digest { Ok(content) } else { Err(Lost::Damaged) }
    }

    pub fn keep_changes(&mut self, changes: &[Changed]) -> Result<Digest, Unkept> {
        let record = state::encode(changes);
        let kept = self.keep(&record).and_then(|digest| self.flush().map(|()| digest));
        match kept {
            Err(Unkept::Io { source, .. }) if source.kind() == io::ErrorKind::StorageFull && self.reserve.is_some() => {
                self.reserve = None;
                let digest = self.keep(&record)?;
                self.flush()?;
                Ok(digest)
            }
            kept => kept,
        }
    }

    pub fn changes(&self, digest: &Digest) -> Result<Vec<Changed>, Lost> {
        decode_changes(&self.get(digest)?)
    }

    /// Keeps all states, and makes them what the next session begins from.
    pub fn keep_manifest(&mut self, manifest: &Manifest) -> Result<Digest, Unkept> {
        let digest = self.keep(&manifest.encode())?;
        self.flush()?;
        let path = self.folder.join(LATEST);
        let fresh = self.folder.join(format!("{}.{LATEST}", self.session));
        let mut options = File::options();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&fresh);
        let written = file.and_then(|mut file| write!(file, "{digest}")).and_then(|()| std::fs::rename(&fresh, &path));
        written.map_err(|source| Unkept::Io { path, source })?;
        Ok(digest)
    }

    pub fn manifest(&self, digest: &Digest) -> Result<Manifest, Lost> {
        Manifest::decode(&self.get(digest)?).ok_or(Lost::Damaged)
    }

    /// What the last session saw, without whatever was pruned since: that is read anew. Its packs are in use again.
    pub fn latest_manifest(&self) -> Option<Manifest> {
        let latest = String::from_utf8(read(&self.folder.join(LATEST)).ok()?).ok()?;
        let digest = Digest::from_hex(latest.trim())?;
        let mut manifest = self.manifest(&digest).ok()?;
        let mut used = HashSet::new();
        for dir in manifest.dirs.values_mut() {
            for seen in dir.entries.values_mut() {
                match seen.state.digest().map(|digest| self.found.get(&digest)) {
                    Some(Some(object)) => _ = used.insert(object.pack),
                    Some(None) => seen.stamp.racy = true,
                    None => (),
                }
            }
        }
        for path in used.into_iter().filter_map(|pack| self.packs.get(pack)) {
            // Age counts from the last use; one that cannot be touched is pruned a little early.
            let _ = File::options().append(true).open(path).and_then(|pack| pack.set_modified(SystemTime::now()));
        }
        Some(manifest)
    }
}

/// Reads what [`Objects::keep_changes`] keeps.
pub fn decode_changes(content: &[u8]) -> Result<Vec<Changed>, Lost> {
    state::decode(content).ok_or(Lost::Damaged)
}

impl Pack {
    fn length(&self) -> u64 {
        self.written + self.pending.len() as u64
    }

    fn add(&mut self, digest: Digest, object: Object, content: &[u8]) {
        self.pending.extend_from_slice(content);
        self.unindexed.extend_from_slice(digest.as_bytes());
        self.unindexed.extend_from_slice(&object.offset.to_le_bytes());
        self.unindexed.extend_from_slice(&object.bytes.to_le_bytes());
    }

    /// The object that was added last: there is no room for it, and there may be for what came before.
    fn take_out(&mut self, object: Object) {
        self.pending.truncate(usize::try_from(object.offset.saturating_sub(self.written)).unwrap_or(0));
        self.unindexed.truncate(self.unindexed.len().saturating_sub(INDEX_ENTRY));
        // What of it went out takes room that others need; should it stay, it is written over.
        let _ = self.content.set_len(self.written);
    }

    /// All or nothing: what failed is still pending, and is written to the same place when it is tried again.
    fn flush(&mut self) -> io::Result<()> {
        self.content.write_all_at(&self.pending, self.written)?;
        self.index.write_all_at(&self.unindexed, self.index_written)?;
        self.written += self.pending.len() as u64;
        self.index_written += self.unindexed.len() as u64;
        self.pending.clear();
        self.unindexed.clear();
        Ok(())
    }
}

/// Nothing but a regular file, of a size that an index may have: a fifo would hold us up.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    const MOST_BYTES: u64 = 1 << 30;
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() || MOST_BYTES < metadata.len() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file of ours"));
    }
    std::fs::read(path)
}

#[cfg(test)]
mod tests;
