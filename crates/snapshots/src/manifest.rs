//! All paths of a workspace as they were last seen, with what stat(2) said then: only what looks otherwise is read again.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use crate::{Changed, Digest, FileState};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// By path from the root, which is the empty one.
    pub dirs: BTreeMap<PathBuf, SeenDir>,
    /// When the last look began, by the clock of the file system. A path with an older ctime was there already.
    pub looked_ns: i64,
    /// What git's own exclude files said, by the directory whose repository they belong to.
    pub excludes: BTreeMap<PathBuf, Digest>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenDir {
    pub stamp: Stamp,
    /// Files and links, not directories.
    pub entries: BTreeMap<OsString, Seen>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub stamp: Stamp,
    pub state: FileState,
}

/// What stat(2) says of an inode. Two equal stamps: nothing changed between the looks, unless `racy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    pub dev: u64,
    pub ino: u64,
    pub mode: u32,
    pub bytes: u64,
    pub mtime_ns: i64,
    pub ctime_ns: i64,
    /// It was changed so shortly before the look that another change may leave the same times: as git's racily clean
    /// entries, it is read again.
    pub racy: bool,
}

impl Stamp {
    /// A stamp that equals nothing: to be looked at again.
    pub const UNKNOWN: Stamp = Stamp { dev: 0, ino: 0, mode: 0, bytes: 0, mtime_ns: 0, ctime_ns: 0, racy: true };

    /// Whether what has the stamp `now` is surely what had this one.
    pub fn is_still(&self, now: &Stamp) -> bool {
        !self.racy && *self == Stamp { racy: false, ..*now }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let Stamp { dev, ino, mode, bytes, mtime_ns, ctime_ns, racy } = self;
        let racy = u8::from(*racy);
        out.extend_from_slice(format!("{dev} {ino} {mode:o} {bytes} {mtime_ns} {ctime_ns} {racy}").as_bytes());
    }

    fn decode(field: &[u8]) -> Option<Stamp> {
        let mut words = std::str::from_utf8(field).ok()?.split_ascii_whitespace();
        Some(Stamp {
            dev: words.next()?.parse().ok()?,
            ino: words.next()?.parse().ok()?,
            mode: u32::from_str_radix(words.next()?, 8).ok()?,
            bytes: words.next()?.parse().ok()?,
            mtime_ns: words.next()?.parse().ok()?,
            ctime_ns: words.next()?.parse().ok()?,
            racy: words.next()? == "1",
        })
    }
}

impl Manifest {
    /// All paths but the root.
    pub fn states(&self) -> impl Iterator<Item = (PathBuf, FileState)> + '_ {
        self.dirs.iter().flat_map(|(path, dir)| {
            let own = (!path.as_os_str().is_empty()).then(|| (path.clone(), FileState::Dir));
            own.into_iter().chain(dir.entries.iter().map(|(name, seen)| (path.join(name), seen.state.clone())))
        })
    }

    /// The latest time of a change that was seen.
    pub fn latest_change_ns(&self) -> i64 {
        let all = self
            .dirs
            .values()
            .flat_map(|dir| [dir.stamp].into_iter().chain(dir.entries.values().map(|seen| seen.stamp)));
        all.map(|stamp| stamp.ctime_ns).max().unwrap_or(i64::MIN)
    }

    /// Takes note of what we wrote ourselves, so that the next look does not find it new.
    pub fn apply(&mut self, changes: &[Changed]) {
        for Changed { path, after, .. } in changes {
            let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { continue };
            match after {
                Some(FileState::Dir) => {
                    self.dirs.entry(path.clone()).or_default().stamp = Stamp::UNKNOWN;
                    self.forget_file(parent, name);
                }
                Some(state) => {
                    let seen = Seen { stamp: Stamp::UNKNOWN, state: state.clone() };
                    self.dirs.entry(parent.to_owned()).or_default().entries.insert(name.to_owned(), seen);
                }
                None => {
                    self.forget_file(parent, name);
                    self.dirs.remove(path);
                }
            }
        }
    }

    fn forget_file(&mut self, parent: &Path, name: &OsStr) {
        if let Some(dir) = self.dirs.get_mut(parent) {
            dir.entries.remove(name);
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = format!("{}\0", self.looked_ns).into_bytes();
        for (path, digest) in &self.excludes {
            out.extend_from_slice(format!("X{digest}\0").as_bytes());
            out.extend_from_slice(path.as_os_str().as_bytes());
            out.push(0);
        }
        for (path, dir) in &self.dirs {
            out.push(b'D');
            dir.stamp.encode(&mut out);
            out.push(0);
            out.extend_from_slice(path.as_os_str().as_bytes());
            out.push(0);
            for (name, seen) in &dir.entries {
                out.push(b'E');
                seen.stamp.encode(&mut out);
                out.push(0);
                out.extend_from_slice(name.as_bytes());
                out.push(0);
                seen.state.encode(&mut out);
                out.push(0);
            }
        }
        out
    }

    /// `None`: not what [`Self::encode`] writes.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Manifest> {
        let mut fields = bytes.split(|byte| *byte == 0);
        let looked_ns = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
        let mut manifest = Manifest { looked_ns, ..Manifest::default() };
        let mut dir: Option<(PathBuf, SeenDir)> = None;
        loop {
            match fields.next()?.split_first() {
                Some((b'X', digest)) => {
                    let digest = Digest::from_hex(std::str::from_utf8(digest).ok()?)?;
                    manifest.excludes.insert(PathBuf::from(OsString::from_vec(fields.next()?.to_vec())), digest);
                }
                Some((b'D', stamp)) => {
                    manifest.dirs.extend(dir.take());
                    let path = PathBuf::from(OsString::from_vec(fields.next()?.to_vec()));
                    dir = Some((path, SeenDir { stamp: Stamp::decode(stamp)?, entries: BTreeMap::new() }));
                }
                Some((b'E', stamp)) => {
                    let stamp = Stamp::decode(stamp)?;
                    let name = OsString::from_vec(fields.next()?.to_vec());
                    let seen = Seen { stamp, state: FileState::decode(fields.next()?)? };
                    dir.as_mut()?.1.entries.insert(name, seen);
                }
                Some(_) => return None,
                None => {
                    manifest.dirs.extend(dir);
                    return Some(manifest);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let mut manifest = Manifest { looked_ns: 7, ..Manifest::default() };
        let link = FileState::Link { target: "a b\n".into() };
        manifest.apply(&[
            Changed { path: "d".into(), before: None, after: Some(FileState::Dir) },
            Changed { path: "d/l".into(), before: None, after: Some(link) },
            Changed {
                path: "x".into(),
                before: None,
                after: Some(FileState::Unkept { bytes: 1, mode: 0o600, changed_ns: 5 }),
            },
        ]);
        manifest
    }

    #[test]
    fn it_is_read_as_written() {
        let mut manifest = manifest();
        manifest.excludes.insert("d".into(), Digest::of(b"*.o"));
        assert_eq!(Manifest::decode(&manifest.encode()), Some(manifest));
        assert_eq!(Manifest::decode(b"7\0D1 2"), None);
    }

    #[test]
    fn a_racy_stamp_equals_nothing() {
        let stamp = Stamp { ino: 3, ..Stamp::default() };
        assert!(stamp.is_still(&stamp));
        assert!(stamp.is_still(&Stamp { racy: true, ..stamp }), "the new look's own doubt is for the next");
        assert!(!Stamp { racy: true, ..stamp }.is_still(&stamp));
        assert!(!Stamp::UNKNOWN.is_still(&Stamp::UNKNOWN));
    }

    #[test]
    fn our_own_writes_are_known() {
        let mut manifest = manifest();
        manifest.apply(&[
            Changed { path: "d/l".into(), before: None, after: None },
            Changed { path: "d".into(), before: None, after: None },
        ]);
        let paths: Vec<PathBuf> = manifest.states().map(|(path, _)| path).collect();
        assert_eq!(paths, [PathBuf::from("x")]);
    }
}
