use expect_test::{Expect, expect};

use super::*;

/// A state in short: `-` nothing, `d` a directory, `>x` a link, `?` unkept, `|` a fifo, `=` a socket, `*x` executable, else a file's text.
fn state(short: &str) -> Option<FileState> {
    let file =
        |text: &str, mode| FileState::File { digest: Digest::of(text.as_bytes()), bytes: text.len() as u64, mode };
    match short.split_at(short.len().min(1)) {
        ("-", "") => None,
        ("d", "") => Some(FileState::Dir),
        ("|", "") => Some(FileState::Special { mode: 0o10644 }),
        ("=", "") => Some(FileState::Special { mode: 0o140_755 }),
        ("?", "") => Some(FileState::Unkept { bytes: 1, mode: 0, changed_ns: 0 }),
        (">", target) => Some(FileState::Link { target: target.into() }),
        ("*", text) => Some(file(text, 0o755)),
        (_, _) => Some(file(short, 0o644)),
    }
}

/// `links`: `path before after`, with `/` for the end of a line in a text. `now`: what differs from the last `after`.
#[track_caller]
fn check(links: &[(&str, &str, &str)], now: &[(&str, &str)], merge: Merge, expected: Expect) {
    let text = |short: &str| short.replace('/', "\n");
    let mut contents = std::collections::HashMap::new();
    for short in links.iter().flat_map(|(_, before, after)| [before, after]).chain(now.iter().map(|(_, now)| now)) {
        let text = text(short);
        let text = text.strip_prefix('*').unwrap_or(&text).to_owned();
        contents.insert(Digest::of(text.as_bytes()), text);
    }
    let mut disk: BTreeMap<&str, Option<FileState>> = BTreeMap::new();
    let mut chain = Vec::new();
    for (path, before, after) in links {
        let (before, after) = (state(&text(before)), state(&text(after)));
        disk.insert(path, after.clone());
        chain.push(Link { record: 0, step: 1, change: Changed { path: path.into(), before, after } });
    }
    for (path, now) in now {
        disk.insert(path, state(&text(now)));
    }
    let look = |path: &Path| disk.get(path.to_str().unwrap()).cloned().flatten();
    let content = |digest: &Digest| contents.get(digest).map(|text| text.as_bytes().to_vec());
    let show = |state: &Option<FileState>| match state {
        None => "-".to_owned(),
        Some(FileState::Dir) => "d".to_owned(),
        Some(FileState::Link { target }) => format!(">{}", target.display()),
        Some(FileState::Unkept { .. }) => "?".to_owned(),
        Some(FileState::Special { mode }) => if *mode == 0o10644 { "|" } else { "=" }.to_owned(),
        Some(FileState::File { digest, mode, .. }) => {
            format!("{}{}", if *mode == 0o755 { "*" } else { "" }, contents[digest].replace('\n', "/"))
        }
    };
    let mut shown = String::new();
    for planned in plan(&chain, merge, look, content) {
        shown += &match &planned {
            Planned::Restore(Changed { path, before, after }) => {
                format!("{}: {} -> {}\n", path.display(), show(before), show(after))
            }
            Planned::Merge { path, text, mode, .. } => {
                format!("{}: merged {:o} {}\n", path.display(), mode, String::from_utf8_lossy(text).replace('\n', "/"))
            }
            Planned::Already(path) => format!("{}: already\n", path.display()),
            Planned::Left { path, why, .. } => format!("{}: {why}\n", path.display()),
        };
    }
    expected.assert_eq(&shown);
}

#[test]
fn what_we_left_goes_back_over_all_steps() {
    check(
        &[("a", "1", "2"), ("b", "-", "n"), ("a", "2", "3"), ("c", "x", "-")],
        &[],
        Merge::No,
        expect![[r#"
        a: 3 -> 1
        b: n -> -
        c: - -> x
    "#]],
    );
    check(
        &[("s", "x", "*x"), ("l", ">a", ">b"), ("d", "-", "d")],
        &[],
        Merge::No,
        expect![[r#"
        d: d -> -
        l: >b -> >a
        s: *x -> x
    "#]],
    );
}

#[test]
fn a_set_that_was_cut_short_is_finished() {
    check(
        &[("a", "1", "2"), ("b", "1", "2"), ("c", "-", "n")],
        &[("b", "1"), ("c", "-")],
        Merge::No,
        expect![[r#"
        a: 2 -> 1
        b: already
        c: already
    "#]],
    );
}

#[test]
fn what_somebody_changed_meanwhile_is_left() {
    check(
        &[("a", "1", "2"), ("b", "-", "n"), ("c", "x", "-"), ("d", "1", "2")],
        &[("a", "mine"), ("b", "mine"), ("c", "mine"), ("d", "-")],
        Merge::No,
        expect![[r#"
            a: changed since by someone else
            b: changed since by someone else
            c: changed since by someone else
            d: changed since by someone else
        "#]],
    );
    // Between two of our steps, under the second: the whole way back would lose it.
    check(
        &[("a", "1", "2"), ("a", "mine", "3")],
        &[],
        Merge::No,
        expect![[r#"
        a: changed since by someone else
    "#]],
    );
    check(
        &[("a", "mine", "3")],
        &[],
        Merge::No,
        expect![[r#"
        a: 3 -> mine
    "#]],
    );
}

#[test]
fn merged_on_request_where_the_lines_allow_it() {
    check(
        &[("a", "1/2/3/4/5/", "1/X/3/4/5/")],
        &[("a", "1/X/3/4/mine/")],
        Merge::Text,
        expect![[r#"
        a: merged 644 1/2/3/4/mine/
    "#]],
    );
    check(
        &[("a", "1/2/3/", "1/X/3/")],
        &[("a", "1/mine/3/")],
        Merge::Text,
        expect![[r#"
        a: changed since in the same lines
    "#]],
    );
    check(
        &[("a", "1/2/3/4/5/", "*1/X/3/4/5/")],
        &[("a", "*1/X/3/4/mine/")],
        Merge::Text,
        expect![[r#"
        a: merged 644 1/2/3/4/mine/
    "#]],
    );
    // Over two steps with the human's change between them.
    check(
        &[("a", "1/2/3/4/5/", "X/2/3/4/5/"), ("a", "X/2/mine/4/5/", "X/2/mine/4/Y/")],
        &[],
        Merge::Text,
        expect![[r#"
        a: merged 644 1/2/mine/4/5/
    "#]],
    );
    check(
        &[("b", "-", "n"), ("c", "x", "-")],
        &[("b", "mine"), ("c", "mine")],
        Merge::Text,
        expect![[r#"
        b: changed since by someone else
        c: changed since by someone else
    "#]],
    );
    check(
        &[("a", "1", "2")],
        &[("a", "mi\0ne")],
        Merge::Text,
        expect![[r#"
        a: changed since, and cannot be merged as text
    "#]],
    );
}

#[test]
fn what_is_not_kept_is_neither_restored_nor_taken_away() {
    check(
        &[("big", "?", "-"), ("new", "-", "?")],
        &[],
        Merge::No,
        expect![[r#"
        big: no snapshot: too large, or no space or time
        new: no snapshot: too large, or no space or time
    "#]],
    );
}

#[test]
fn files_that_became_fifos_and_sockets_go_back() {
    check(
        &[("a", "1", "|"), ("b", "-", "="), ("c", "|", "-"), ("d", "=", "-")],
        &[],
        Merge::No,
        expect![[r#"
            a: | -> 1
            b: = -> -
            c: - -> |
            d: it was a socket or a device, which cannot be recreated
        "#]],
    );
}

#[test]
fn directories_and_files_that_took_each_others_place() {
    check(
        &[("a", "d", "x"), ("a/b", "1", "-")],
        &[],
        Merge::No,
        expect![[r#"
        a: x -> d
        a/b: - -> 1
    "#]],
    );
    check(
        &[("a/b", "1", "-")],
        &[("a", "mine")],
        Merge::No,
        expect![[r#"
        a/b: its directory is no longer a directory
    "#]],
    );
    check(
        &[("a/b", "1", "-")],
        &[("a", ">elsewhere")],
        Merge::No,
        expect![[r#"
        a/b: its directory is no longer a directory
    "#]],
    );
}
