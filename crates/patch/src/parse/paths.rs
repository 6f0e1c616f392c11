//! File names in headers: prefixes, time stamps, quotes. It only reads names; whether one may be touched is the
//! caller's to judge.

/// What `---` and `+++` say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    /// `/dev/null`.
    Nothing,
    File(String),
}

/// The name in a header line, without its time stamp and quotes.
pub(super) fn name(rest: &str) -> Name {
    let rest = without_time_stamp(without_tabbed_stamp(rest)).trim();
    match rest.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => Name::File(unquoted(quoted)),
        None if rest == "/dev/null" || rest == "dev/null" => Name::Nothing,
        None => Name::File(rest.trim_matches('`').to_owned()),
    }
}

/// Without what `diff -u`, Subversion and Mercurial write after a tab: a date, `(revision 5)`, `Thu Jan 01 ...`, nothing
/// at all. One word that is none of these is the rest of a name with a tab in it.
fn without_tabbed_stamp(rest: &str) -> &str {
    let Some((name, after)) = rest.split_once('\t') else { return rest };
    let is_rest_of_name = !after.is_empty()
        && !after.contains(char::is_whitespace)
        && after.starts_with(char::is_alphabetic)
        && after.contains(['.', '/']);
    if is_rest_of_name { rest } else { name }
}

/// Without the ` 2026-01-31 ...` that `diff -u` writes after a tab and models after spaces.
fn without_time_stamp(name: &str) -> &str {
    let is_date = |word: &str| {
        let digits =
            |from: usize, to: usize| word.get(from..to).is_some_and(|part| part.bytes().all(|b| b.is_ascii_digit()));
        word.len() == 10 && digits(0, 4) && digits(5, 7) && digits(8, 10) && word.matches('-').count() == 2
    };
    let mut from = 0;
    for word in name.split(' ') {
        if from > 0 && is_date(word) {
            return name.get(..from).unwrap_or(name);
        }
        from += word.len() + 1;
    }
    name
}

/// Git's C-style quoting: octal bytes and a few letters.
fn unquoted(quoted: &str) -> String {
    let mut bytes = Vec::with_capacity(quoted.len());
    let mut rest = quoted.bytes().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(digit @ b'0'..=b'3') => {
                let mut value = digit - b'0';
                for _ in 0..2 {
                    if let Some(next) = rest.next_if(|next| (b'0'..=b'7').contains(next)) {
                        value = value.wrapping_mul(8).wrapping_add(next - b'0');
                    }
                }
                bytes.push(value);
            }
            Some(b'n') => bytes.push(b'\n'),
            Some(b't') => bytes.push(b'\t'),
            Some(other) => bytes.push(other),
            None => bytes.push(b'\\'),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Takes git's prefixes off both names: `a/` and `b/`, or the mnemonic ones (`diff.mnemonicPrefix`).
pub(super) fn without_prefixes(old: Name, new: Name) -> (Name, Name) {
    let pairs = [("a/", "b/"), ("i/", "w/"), ("c/", "w/"), ("c/", "i/"), ("o/", "w/"), ("b/", "a/")];
    for (old_prefix, new_prefix) in pairs {
        let short = match (&old, &new) {
            (Name::File(old), Name::File(new)) => old
                .strip_prefix(old_prefix)
                .zip(new.strip_prefix(new_prefix))
                .map(|(old, new)| (Name::File(old.to_owned()), Name::File(new.to_owned()))),
            (Name::Nothing, Name::File(new)) => {
                new.strip_prefix(new_prefix).map(|new| (Name::Nothing, Name::File(new.to_owned())))
            }
            (Name::File(old), Name::Nothing) => {
                old.strip_prefix(old_prefix).map(|old| (Name::File(old.to_owned()), Name::Nothing))
            }
            (Name::Nothing, Name::Nothing) => None,
        };
        if let Some(short) = short {
            return short;
        }
    }
    (old, new)
}

/// The two names of `diff --git a/x b/x`. Names with spaces are found by both halves being the same.
pub(super) fn git_names(rest: &str) -> Option<(Name, Name)> {
    let rest = rest.trim();
    let middle = rest.len() / 2;
    let halves = rest.get(..middle).zip(rest.get(middle..).and_then(|second| second.strip_prefix(' ')));
    let split = halves
        .filter(|(old, new)| old.get(2..) == new.get(2..))
        .or_else(|| rest.split_once(' '))
        .map(|(old, new)| (name(old), name(new)))?;
    Some(without_prefixes(split.0, split.1))
}

/// A line above a block that names a file: one word that looks like a path, perhaps decorated.
pub(super) fn block_path(line: &str) -> Option<String> {
    let bare = line.trim().trim_start_matches(['#', '*', '`', '>']).trim();
    let bare = ["File:", "file:", "Path:", "path:", "Filename:"]
        .iter()
        .find_map(|label| bare.strip_prefix(label))
        .unwrap_or(bare)
        .trim();
    let bare = bare.trim_end_matches(['*', '`', ':']).trim_start_matches(['*', '`']).trim();
    let without_extension = ["Makefile", "Dockerfile", "LICENSE", "README", "Jenkinsfile", "Justfile", "Gemfile"];
    let looks_like = !bare.is_empty()
        && !bare.contains(char::is_whitespace)
        && !bare.ends_with(['.', '!', '?', ','])
        && !bare.contains(['<', '>', '=', '|', '"', ';'])
        && (bare.contains(['.', '/']) || without_extension.contains(&bare));
    looks_like.then(|| bare.to_owned())
}
