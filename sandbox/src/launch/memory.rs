//! Reads what a system call's arguments point to, in the memory of the thread
//! that made it. Read once, so that it cannot change between look and act.

use std::ffi::CString;
use std::fs::File;
use std::os::unix::fs::FileExt as _;

use rustix::io::Errno;

/// More than any call of ours takes: an extended attribute's value (linux/limits.h, XATTR_SIZE_MAX).
const MOST_BYTES: u64 = 65_536;
const PAGE_BYTES: u64 = 4_096;

/// Of the thread that asked.
pub(crate) struct Memory(File);

impl Memory {
    pub(crate) fn of(thread: u32) -> Result<Memory, Errno> {
        // EPERM: a program that nobody may look into.
        File::open(format!("/proc/{thread}/mem")).map(Memory).map_err(|_| Errno::PERM)
    }

    pub(crate) fn bytes(&self, address: u64, length: u64) -> Result<Vec<u8>, Errno> {
        if MOST_BYTES < length {
            return Err(Errno::TOOBIG);
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        self.0.read_exact_at(&mut bytes, address).map_err(|_| Errno::FAULT)?;
        Ok(bytes)
    }

    /// Up to its NUL, page by page: what comes after it may not be there.
    pub(crate) fn text(&self, address: u64, most: usize) -> Result<CString, Errno> {
        let mut text = Vec::new();
        let mut at = address;
        while text.len() < most {
            let part = self.bytes(at, PAGE_BYTES - at % PAGE_BYTES)?;
            if let Some(end) = part.iter().position(|byte| *byte == 0) {
                text.extend(part.get(..end).unwrap_or_default());
                return if text.len() < most {
                    CString::new(text).map_err(|_| Errno::INVAL)
                } else {
                    Err(Errno::NAMETOOLONG)
                };
            }
            at += part.len() as u64;
            text.extend(part);
        }
        Err(Errno::NAMETOOLONG)
    }
}
