//! The state of one path, and how it changed; written as text with NUL between fields, so that any name fits.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use crate::Digest;

/// What is at a path. Where nothing is, `Option::None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    /// A regular file; its content can be had from [`crate::Objects`]. `mode`: permission bits, set-user-ID and its
    /// like among them.
    File {
        digest: Digest,
        bytes: u64,
        mode: u32,
    },
    /// Something is there whose content is not kept: too large, unreadable, no time, no room.
    Unkept {
        bytes: u64,
        mode: u32,
        changed_ns: i64,
    },
    Link {
        target: OsString,
    },
    /// A fifo, a socket or a device. `mode`: with the bits of its kind, as stat(2) has them.
    Special {
        mode: u32,
    },
    Dir,
}

/// One path, before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// From the workspace root.
    pub path: PathBuf,
    pub before: Option<FileState>,
    pub after: Option<FileState>,
}

impl FileState {
    /// What is kept of it, if it has content.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            FileState::File { digest, .. } => Some(*digest),
            FileState::Unkept { .. } | FileState::Link { .. } | FileState::Special { .. } | FileState::Dir => None,
        }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            FileState::File { digest, bytes, mode } => {
                out.extend_from_slice(format!("f {digest} {bytes} {mode:o}").as_bytes());
            }
            FileState::Unkept { bytes, mode, changed_ns } => {
                out.extend_from_slice(format!("u {bytes} {mode:o} {changed_ns}").as_bytes());
            }
            FileState::Link { target } => {
                out.push(b'l');
                out.extend_from_slice(target.as_bytes());
            }
            FileState::Special { mode } => out.extend_from_slice(format!("s {mode:o}").as_bytes()),
            FileState::Dir => out.push(b'd'),
        }
    }

    pub(crate) fn decode(field: &[u8]) -> Option<FileState> {
        let (kind, rest) = field.split_first()?;
        if *kind == b'l' {
            return Some(FileState::Link { target: OsString::from_vec(rest.to_vec()) });
        }
        let mut words = std::str::from_utf8(rest).ok()?.split_ascii_whitespace();
        match kind {
            b'f' => Some(FileState::File {
                digest: Digest::from_hex(words.next()?)?,
                bytes: words.next()?.parse().ok()?,
                mode: u32::from_str_radix(words.next()?, 8).ok()?,
            }),
            b'u' => Some(FileState::Unkept {
                bytes: words.next()?.parse().ok()?,
                mode: u32::from_str_radix(words.next()?, 8).ok()?,
                changed_ns: words.next()?.parse().ok()?,
            }),
            b's' => Some(FileState::Special { mode: u32::from_str_radix(words.next()?, 8).ok()? }),
            b'd' => Some(FileState::Dir),
            _ => None,
        }
    }
}

pub(crate) fn encode(changes: &[Changed]) -> Vec<u8> {
    let mut out = Vec::new();
    for change in changes {
        out.extend_from_slice(change.path.as_os_str().as_bytes());
        out.push(0);
        for state in [&change.before, &change.after] {
            match state {
                Some(state) => state.encode(&mut out),
                None => out.push(b'-'),
            }
            out.push(0);
        }
    }
    out
}

/// `None`: not what [`encode`] writes.
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<Changed>> {
    let mut fields = bytes.split(|byte| *byte == 0);
    let mut changes = Vec::new();
    loop {
        let path = fields.next()?;
        if path.is_empty() {
            return fields.next().is_none().then_some(changes);
        }
        let mut state = || match fields.next()? {
            b"-" => Some(None),
            field => Some(Some(FileState::decode(field)?)),
        };
        let (before, after) = (state()?, state()?);
        changes.push(Changed { path: PathBuf::from(OsString::from_vec(path.to_vec())), before, after });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_and_state_is_read_as_written() {
        let file = FileState::File { digest: Digest::of(b"x"), bytes: 1, mode: 0o755 };
        let odd = PathBuf::from(OsString::from_vec(b"a\xff \n\t b".to_vec()));
        let changes = vec![
            Changed { path: odd.clone(), before: None, after: Some(file) },
            Changed { path: "d".into(), before: Some(FileState::Dir), after: None },
            Changed { path: "p".into(), before: None, after: Some(FileState::Special { mode: 0o10644 }) },
            Changed {
                path: "l".into(),
                before: Some(FileState::Link { target: odd.into_os_string() }),
                after: Some(FileState::Unkept { bytes: 1 << 40, mode: 0, changed_ns: -1 }),
            },
        ];
        assert_eq!(decode(&encode(&changes)), Some(changes));
        assert_eq!(decode(b""), Some(Vec::new()));
        for broken in [&b"a"[..], b"a\0-\0", b"a\0-\0x\0", b"a\0f 12\0-\0"] {
            assert_eq!(decode(broken), None, "{broken:?}");
        }
    }
}
