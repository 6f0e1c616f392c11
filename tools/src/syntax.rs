//! Whether a file parses, for the languages that tree-sitter or a parser we have anyway can judge. Pure.

use symbols::Language;
use tree_sitter::{Node, Parser};

/// Larger files are not judged: a parse of 1 MiB takes about a tenth of a second.
const MAX_BYTES: usize = 1 << 20;

/// What to tell the model when an edit broke a file that parsed before; empty otherwise.
pub(crate) fn broken_by_edit(path: &str, before: Option<&str>, after: &str) -> String {
    match (before.map(|before| first_error(path, before)), first_error(path, after)) {
        (Some(None), Some(line)) => format!("`{path}` no longer parses: see line {line}."),
        (None, Some(line)) => format!("`{path}` does not parse: see line {line}."),
        (Some(Some(_)) | None | Some(None), _) => String::new(),
    }
}

/// The line, from 1, of the first error; `None` where it parses or nobody here can tell.
fn first_error(path: &str, text: &str) -> Option<usize> {
    if MAX_BYTES < text.len() {
        return None;
    }
    let (_, ending) = path.rsplit_once('.')?;
    let grammar = match ending.to_lowercase().as_str() {
        "json" => return serde_json::from_str::<serde::de::IgnoredAny>(text).err().map(|error| error.line().max(1)),
        "toml" => {
            let span = toml::from_str::<toml::Table>(text).err()?.span()?;
            return Some(text.get(..span.start)?.matches('\n').count() + 1);
        }
        // The grammar of TSX stands for all its kin, and cannot tell a cast like `<T>x` from an element.
        "ts" | "mts" | "cts" if has_cast(text) => return None,
        // The grammar of C++ alone is 6 MB of tables; its brackets tell of most broken edits.
        "cc" | "cpp" | "cxx" | "h" | "hh" | "hpp" => return unbalanced(text),
        "yml" | "yaml" => tree_sitter_yaml::LANGUAGE.into(),
        _ => match Language::of(path)? {
            // It takes some correct scripts for broken ones.
            Language::Bash => return None,
            language => language.grammar(),
        },
    };
    let mut parser = Parser::new();
    parser.set_language(&grammar).ok()?;
    let tree = parser.parse(text, None)?;
    first_error_node(tree.root_node()).map(|node| {
        // An error over several lines took in what was fine as well; its last part is where the parser got stuck.
        let last = node.child_count().checked_sub(1).and_then(|last| node.child(last));
        last.filter(|_| node.is_error()).unwrap_or(node).start_position().row + 1
    })
}

/// `<` where no operand stands before it: a cast, or the parameters of a function without a name.
fn has_cast(text: &str) -> bool {
    text.match_indices('<').any(|(index, _)| {
        let before = text.get(..index).unwrap_or_default().trim_end();
        let word = before.rsplit(|character: char| !character.is_alphanumeric()).next().unwrap_or_default();
        before.ends_with(['=', '(', ',', ':', '[', '{', '?', '&', '|', '>', ';', '}'])
            || word == "return"
            || before.is_empty()
    })
}

/// The line, from 1, of the first bracket without its partner, outside of comments and literals, in a language like C.
fn unbalanced(text: &str) -> Option<usize> {
    let mut open: Vec<(char, usize)> = Vec::new();
    let mut line = 1;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' => line += 1,
            '/' if characters.peek() == Some(&'/') => while characters.next_if(|next| *next != '\n').is_some() {},
            '/' if characters.peek() == Some(&'*') => {
                let mut last = ' ';
                for next in characters.by_ref().skip(1) {
                    line += usize::from(next == '\n');
                    if (last, next) == ('*', '/') {
                        break;
                    }
                    last = next;
                }
            }
            // Raw strings and digit separators follow other rules: what is not understood is not judged.
            'R' if characters.peek() == Some(&'"') => return None,
            '0'..='9' if characters.peek() == Some(&'\'') => return None,
            quote @ ('"' | '\'') => {
                let mut escaped = false;
                for next in characters.by_ref() {
                    if next == '\n' && !escaped {
                        return Some(line);
                    }
                    line += usize::from(next == '\n');
                    if next == quote && !escaped {
                        break;
                    }
                    escaped = next == '\\' && !escaped;
                }
            }
            '(' | '[' | '{' => open.push((character, line)),
            ')' | ']' | '}' => match (open.pop(), character) {
                (Some(('(', _)), ')') | (Some(('[', _)), ']') | (Some(('{', _)), '}') => (),
                (_, _) => return Some(line),
            },
            _ => (),
        }
    }
    open.first().map(|(_, line)| *line)
}

/// The first node, in the order of the text, that is an error or missing; only branches that have one are walked.
fn first_error_node(root: Node<'_>) -> Option<Node<'_>> {
    let mut node = root.has_error().then_some(root)?;
    loop {
        if node.is_error() || node.is_missing() {
            return Some(node);
        }
        let mut cursor = node.walk();
        let broken = node.children(&mut cursor).find(|child| child.has_error() || child.is_missing());
        match broken {
            Some(child) => node = child,
            None => return Some(node),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, good: &str, bad: &str, line: usize) {
        assert_eq!(broken_by_edit(path, Some(good), bad), format!("`{path}` no longer parses: see line {line}."));
        assert_eq!(broken_by_edit(path, Some(bad), bad), "", "it was broken before");
        assert_eq!(broken_by_edit(path, Some(good), good), "");
        assert_eq!(broken_by_edit(path, None, bad), format!("`{path}` does not parse: see line {line}."));
    }

    #[test]
    fn each_language_is_judged() {
        check("a.rs", "fn a() {}\n", "fn a() {}\nfn b( {}\n", 2);
        check("a.py", "def a():\n    pass\n", "def a():\n    x = (\n", 2);
        check("a.js", "f(1);\n", "f(1;\n", 1);
        check("b.js", "const f = async (a, {b = 1}, ...c) => a < b && c > /x>/g;\n", "const f = async (a => 1;\n", 1);
        check("a.jsx", "const a = <b c={1}>x</b>;\n", "const a = <b>x</c;\n", 1);
        check("a.ts", "let a: number = 1;\n", "let a: = 1;\n", 1);
        check("a.tsx", "const a = <b>x</b>;\n", "const a = <b>x</c;\n", 1);
        check("a.go", "package a\n", "package a\nfunc (\n", 2);
        check("a.c", "int a;\n", "int a;\nint f( {\n", 2);
        check("a.cpp", "class A { char b = '{'; /* ( */ };\n", "\nclass A { // }\n", 2);
        check("a.json", "{\"a\": 1}", "{\"a\": 1,\n}", 2);
        check("a.toml", "a = 1\n", "a = 1\nb = = 2\n", 2);
        check("a.yaml", "a: 1\n", "a: [1\n", 1);
    }

    #[test]
    fn a_cast_is_no_element_and_is_not_judged() {
        for cast in ["let a = <number>b;\n", "const f = <T>(x: T) => x;\n"] {
            assert_eq!(broken_by_edit("a.ts", None, cast), "", "{cast}");
        }
        let good = "class A<T> { m<K>(a: Array<T>): Map<K, T> { return new Map<K, T>(); } }\nif (1 < 2) f<B>(3);\n";
        check("a.ts", good, &good.replace("Array<T>)", "Array<T>"), 1);
    }

    #[test]
    fn other_files_are_not_judged() {
        assert_eq!(broken_by_edit("a.txt", Some("x"), "((("), "");
        assert_eq!(broken_by_edit("Makefile", Some("x"), "((("), "");
    }
}
