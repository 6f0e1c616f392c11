//! Edits on real files: what the door refuses, and what of a file survives an edit.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use sandbox::{Host, HostOptions};
use serde_json::json;

use crate::play::answers;

fn apply(root: &Path, diff: &str) -> String {
    let host = Host::open(root, HostOptions::default()).unwrap();
    answers(&host, &format!("apply_diff {}", json!({"diff": diff})))
}

#[test]
fn paths_outside_git_internals_links_and_devices_are_refused_by_the_door() {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("w");
    fs::create_dir_all(root.join(".git/hooks")).unwrap();
    fs::write(outer.path().join("secret"), "a\n").unwrap();
    fs::write(root.join(".git/config"), "a\n").unwrap();
    symlink(outer.path().join("secret"), root.join("link")).unwrap();
    symlink(outer.path(), root.join("folder")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, root.join("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let absolute = outer.path().join("secret");
    let names = ["../secret", absolute.to_str().unwrap(), ".git/config", "link", "folder/secret", "pipe", "/dev/tty"];
    for name in names {
        for edit in [
            format!("--- a/{name}\n+++ b/{name}\n@@\n-a\n+b\n"),
            format!("--- {name}\n+++ {name}\n@@\n-a\n+b\n"),
            format!("*** Begin Patch\n*** Update File: {name}\n@@\n-a\n+b\n*** End Patch\n"),
            format!("*** Begin Patch\n*** Delete File: {name}\n*** End Patch\n"),
        ] {
            let answer = apply(&root, &edit);
            assert!(answer.starts_with("failed: ") || answer.starts_with("refused: "), "{name}: {answer}");
        }
    }
    for name in ["../made", ".git/hooks/pre-commit", "folder/made"] {
        let answer = apply(&root, &format!("*** Begin Patch\n*** Add File: {name}\n+x\n*** End Patch\n"));
        assert!(answer.starts_with("failed: ") || answer.starts_with("refused: "), "{name}: {answer}");
    }
    assert_eq!(fs::read_to_string(outer.path().join("secret")).unwrap(), "a\n");
    assert_eq!(fs::read_to_string(root.join(".git/config")).unwrap(), "a\n");
    assert!(!outer.path().join("made").exists() && !root.join(".git/hooks/pre-commit").exists());
}

#[test]
fn encoding_endings_and_mode_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let utf16 = |mark: [u8; 2], bytes: fn(u16) -> [u8; 2], text: &str| -> Vec<u8> {
        mark.into_iter().chain(text.encode_utf16().flat_map(bytes)).collect()
    };
    let cases: [(Vec<u8>, Vec<u8>); 6] = [
        ("grün\nold\n".into(), "grün\nnew\n".into()),
        ("\u{feff}grün\nold\n".into(), "\u{feff}grün\nnew\n".into()),
        (b"gr\xFCn und br\xE4unlich\nold".into(), b"gr\xFCn und br\xE4unlich\nnew".into()),
        (
            utf16([0xFF, 0xFE], u16::to_le_bytes, "grün\r\nold\r\n"),
            utf16([0xFF, 0xFE], u16::to_le_bytes, "grün\r\nnew\r\n"),
        ),
        (utf16([0xFE, 0xFF], u16::to_be_bytes, "grün\nold\n"), utf16([0xFE, 0xFF], u16::to_be_bytes, "grün\nnew\n")),
        ("a\r\nold\nb\r\n".into(), "a\r\nnew\nb\r\n".into()),
    ];
    for (before, after) in cases {
        fs::write(&path, &before).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
        let owner = fs::metadata(&path).unwrap().uid();
        let answer = apply(folder.path(), "--- a/x\n+++ b/x\n@@\n-old\n+new\n");
        assert_eq!(fs::read(&path).unwrap(), after, "{answer}");
        let now = fs::metadata(&path).unwrap();
        assert_eq!((now.mode() & 0o777, now.uid()), (0o750, owner), "{answer}");
    }
}
