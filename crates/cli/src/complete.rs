//! What may be meant at the cursor: `@` names a file of the workspace, `/` at the beginning a command. Pure.

/// Where choices come from.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// Paths from the workspace root, without directories.
    pub(crate) files: Vec<String>,
    /// Name and help of each command.
    pub(crate) commands: Vec<(&'static str, &'static str)>,
}

/// One thing that could stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// What to put there.
    pub(crate) text: String,
    /// Bytes before the cursor that it stands for.
    pub(crate) replaces: usize,
    /// For the human.
    pub(crate) shown: String,
    pub(crate) is_file: bool,
}

/// As many as a glance takes in.
const MOST: usize = 6;

/// Best first.
pub(crate) fn choices(before_cursor: &str, sources: &Sources) -> Vec<Choice> {
    if let Some(wanted) = file_wanted(before_cursor) {
        return files(wanted, &sources.files);
    }
    if !before_cursor.starts_with('/') || before_cursor.contains(char::is_whitespace) {
        return Vec::new();
    }
    let fitting = sources.commands.iter().filter(|(name, _)| name.starts_with(before_cursor) && *name != before_cursor);
    let choice = |(name, help): &(&str, &str)| Choice {
        text: format!("{name} "),
        replaces: before_cursor.len(),
        shown: format!("{name:<10} {help}"),
        is_file: false,
    };
    // All of them at `/` alone: it is the menu.
    fitting.map(choice).collect()
}

/// What follows the `@` that the cursor stands in.
pub(crate) fn file_wanted(before_cursor: &str) -> Option<&str> {
    let at = before_cursor.rfind('@')?;
    let is_beginning = before_cursor.get(..at)?.chars().next_back().is_none_or(char::is_whitespace);
    let wanted = before_cursor.get(at + 1..)?;
    (is_beginning && !wanted.contains(char::is_whitespace)).then_some(wanted)
}

fn files(wanted: &str, files: &[String]) -> Vec<Choice> {
    let mut scored: Vec<(u32, &String)> = files.iter().filter_map(|file| Some((score(wanted, file)?, file))).collect();
    scored.sort_by(|(a, one), (b, other)| (b, one.len(), one).cmp(&(a, other.len(), other)));
    let choice = |(_, file): &(u32, &String)| Choice {
        text: format!("@{file} "),
        replaces: wanted.len() + 1,
        shown: (*file).clone(),
        is_file: true,
    };
    scored.iter().take(MOST).map(choice).collect()
}

/// How well the letters of `wanted` are found in `path`, in their order; `None` if they are not.
/// Letters that follow each other, begin a word or stand in the file's name count more.
fn score(wanted: &str, path: &str) -> Option<u32> {
    let name_begins = path.rfind('/').map_or(0, |slash| slash + 1);
    let name = path.get(name_begins..).unwrap_or_default();
    // The name alone first: `m` in `src/main.rs` means `main`.
    let in_name = walk(wanted, name).map(|score| score + 8 + u32::from(name.starts_with(wanted)) * 8);
    in_name.max(walk(wanted, path))
}

fn walk(wanted: &str, path: &str) -> Option<u32> {
    let mut wanted = wanted.chars().map(|character| character.to_ascii_lowercase()).peekable();
    let (mut score, mut before, mut followed) = (0, '/', false);
    for character in path.chars() {
        let Some(next) = wanted.peek() else { break };
        if character.to_ascii_lowercase() == *next {
            let begins = !before.is_alphanumeric() || (before.is_lowercase() && character.is_uppercase());
            score += 1 + u32::from(followed) * 3 + u32::from(begins) * 2;
            wanted.next();
            followed = true;
        } else {
            followed = false;
        }
        before = character;
    }
    wanted.peek().is_none().then_some(score)
}

/// The message as the model gets it: a file that exists is named as itself, without the `@`.
pub(crate) fn plain_names(text: &str, files: &[String]) -> String {
    let mut plain = String::with_capacity(text.len());
    for word in text.split_inclusive(char::is_whitespace) {
        let name = word.strip_prefix('@').filter(|name| {
            let name =
                name.trim_end_matches(|character: char| character.is_whitespace() || ",;:.?!)".contains(character));
            files.iter().any(|file| file == name)
        });
        plain.push_str(name.unwrap_or(word));
    }
    plain
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(before_cursor: &str, expected: Expect) {
        let files = ["src/main.rs", "src/markdown.rs", "README.md", "tests/main_test.py", "docs/a b.md", "Makefile"];
        let sources = Sources {
            files: files.map(str::to_owned).to_vec(),
            commands: vec![("/help", "this list"), ("/mode", "the mode"), ("/model", "the model")],
        };
        let shown: Vec<String> = choices(before_cursor, &sources).into_iter().map(|choice| choice.shown).collect();
        expected.assert_eq(&shown.join(" | "));
    }

    #[test]
    fn files_by_their_letters() {
        check("look at @main", expect!["src/main.rs | tests/main_test.py"]);
        check("@mkd", expect!["src/markdown.rs"]);
        check("@tmt", expect!["tests/main_test.py"]);
        check("@READ", expect!["README.md"]);
        check("@nothing", expect![""]);
        check("me@main", expect![""]);
        check("@main.rs and", expect![""]);
    }

    #[test]
    fn commands_at_the_beginning_only() {
        check("/mo", expect!["/mode      the mode | /model     the model"]);
        check("/mode", expect!["/model     the model"]);
        check("look at /mo", expect![""]);
        check("/mode au", expect![""]);
    }

    #[test]
    fn the_model_reads_plain_names() {
        let files = ["src/a.rs".to_owned()];
        assert_eq!(
            plain_names("see @src/a.rs, then @b and\nme@src/a.rs", &files),
            "see src/a.rs, then @b and\nme@src/a.rs"
        );
    }
}
