//! Which files are tests, by their names. Pure.

use std::path::{Component, Path};

/// `test_a.py`, `a_test.go`, `a.test.js`, `a.spec.ts`, `ATest.java`, `conftest.py`, and what lies in `tests/` or
/// `__tests__/`; not `latest.py`.
pub(crate) fn is_test_file(path: &Path) -> bool {
    let mut parts = path.components().rev().filter_map(|part| match part {
        Component::Normal(part) => part.to_str(),
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => None,
    });
    parts.next().is_some_and(says_test) || parts.any(|folder| says_test(folder) && folder.len() <= "__tests__".len())
}

/// Whether one of its words is `test` or `spec`.
fn says_test(name: &str) -> bool {
    let mut word = String::new();
    let mut words = Vec::new();
    let mut before = ' ';
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        // `aTest` are two words, and so are `ATest` and `a_test`.
        let is_head = before.is_lowercase() || characters.peek().is_some_and(|next| next.is_lowercase());
        if !character.is_alphabetic() || character.is_uppercase() && is_head {
            words.push(std::mem::take(&mut word));
        }
        if character.is_alphabetic() {
            word.extend(character.to_lowercase());
        }
        before = character;
    }
    words.push(word);
    words.iter().any(|word| matches!(word.as_str(), "test" | "tests" | "spec" | "specs" | "conftest"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_known_by_their_names() {
        for (path, expected) in [
            ("test_a.py", true),
            ("src/a_test.go", true),
            ("a.test.js", true),
            ("a.spec.ts", true),
            ("src/ATest.java", true),
            ("src/GreetTests.cs", true),
            ("conftest.py", true),
            ("tests/a.rs", true),
            ("src/__tests__/a.js", true),
            ("test/fixtures/a.txt", true),
            ("test.sh", true),
            ("latest.py", false),
            ("contest/a.py", false),
            ("testimony.md", false),
            ("load-testing-service/a.py", false),
            ("a-service-with-tests-in-its-name/a.py", false),
            ("special.py", false),
            ("", false),
        ] {
            assert_eq!(is_test_file(Path::new(path)), expected, "{path}");
        }
    }
}
