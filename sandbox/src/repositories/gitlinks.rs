//! The paths that a repository's index calls other repositories (mode 160000): git looks for a `.git` there by itself,
//! from the top. Pure, but for reading the files (gitformat-index(5)).

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Of a million entries.
const MOST_BYTES: u64 = 256 << 20;
const GITLINK: u32 = 0o160_000;
/// Bytes of an entry before its object's name, and where its mode is in them.
const FIXED: usize = 40;
const MODE_AT: usize = 24;
const EXTENDED: u16 = 0x4000;

/// Of the index in a git directory, with the one that it may share. What cannot be read has none.
pub(crate) fn of(git_dir: &Path) -> Vec<PathBuf> {
    let Some(index) = read(&git_dir.join("index")) else { return Vec::new() };
    let mut found = parse(&index);
    for entry in std::fs::read_dir(git_dir).into_iter().flatten().flatten() {
        if entry.file_name().as_bytes().starts_with(b"sharedindex.")
            && let Some(shared) = read(&entry.path())
        {
            found.extend(parse(&shared));
        }
    }
    found
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
    let file = File::options().read(true).custom_flags(i32::try_from(flags).ok()?).open(path).ok()?;
    let length = file.metadata().ok().filter(|meta| meta.is_file() && meta.len() <= MOST_BYTES)?.len();
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn parse(index: &[u8]) -> Vec<PathBuf> {
    // Names of objects are of SHA-1 or SHA-256; with the wrong length the first modes make no sense.
    entries(index, 20).or_else(|| entries(index, 32)).unwrap_or_default()
}

fn entries(index: &[u8], oid: usize) -> Option<Vec<PathBuf>> {
    let version = match (index.get(..4)?, number(index, 4)?) {
        (b"DIRC", version @ 2..=4) => version,
        (_, _) => return None,
    };
    let mut found = Vec::new();
    let mut name: Vec<u8> = Vec::new();
    let mut at = 12;
    for _ in 0..number(index, 8)? {
        let mode = number(index, at + MODE_AT)?;
        if !matches!(mode, 0o100_644 | 0o100_755 | 0o120_000 | GITLINK | 0o040_000) {
            return None;
        }
        let flags = index.get(at + FIXED + oid..at + FIXED + oid + 2)?;
        let flags = u16::from_be_bytes([*flags.first()?, *flags.last()?]);
        let mut here = at + FIXED + oid + 2 + if flags & EXTENDED == 0 { 0 } else { 2 };
        if version == 4 {
            let (strip, length) = varint(index.get(here..)?)?;
            here += length;
            name.truncate(name.len().checked_sub(strip)?);
        } else {
            name.clear();
        }
        let rest = index.get(here..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        name.extend(rest.get(..end)?);
        here += end;
        at = if version == 4 { here + 1 } else { at + (here - at) / 8 * 8 + 8 };
        if mode == GITLINK {
            found.push(PathBuf::from(OsStr::from_bytes(&name)));
        }
    }
    Some(found)
}

fn number(index: &[u8], at: usize) -> Option<u32> {
    index.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

/// As `decode_varint` of git (varint.c): each step but the first adds one.
fn varint(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0_usize;
    for (position, byte) in bytes.iter().enumerate().take(8) {
        value += usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, position + 1));
        }
        value = (value + 1).checked_shl(7)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[track_caller]
    fn check(set_up: &str) {
        let folder = tempfile::tempdir().unwrap();
        let script = format!(
            "git init -q $FORMAT . && mkdir -p deep/er && for i in $(seq 40); do echo $i > deep/er/file-$i; done && git add -A && \
             id=$(git hash-object -t tree /dev/null) && git update-index --add --cacheinfo 160000,$id,deep/er/file-9.d \
             --cacheinfo 160000,$id,vendor/lib && {set_up}"
        );
        let mut shell = Command::new("bash");
        shell
            .arg("-c")
            .arg(script.replace("$FORMAT", if set_up.contains("sha256") { "--object-format=sha256" } else { "" }));
        let output = shell.current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut found = of(&folder.path().join(".git"));
        found.sort();
        found.dedup();
        assert_eq!(found, [PathBuf::from("deep/er/file-9.d"), PathBuf::from("vendor/lib")], "{set_up}");
    }

    #[test]
    fn of_every_version_of_the_index() {
        check("git update-index --index-version 2");
        check("touch new && git add -N new && git update-index --index-version 3");
        check("git update-index --index-version 4");
        check("git update-index --split-index && touch new && git add new");
        check("true sha256");
    }

    #[test]
    fn nonsense_has_none() {
        for index in [&b""[..], b"DIRC", b"DIRC\0\0\0\x02\0\0\0\xff", b"DIRC\0\0\0\x04\xff\xff\xff\xff0000000000"] {
            assert_eq!(parse(index), Vec::<PathBuf>::new());
        }
    }
}
