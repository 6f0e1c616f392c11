//! What a file defines, without a parser: its shape, and the names that a rewrite must have. Pure.

/// What stands for a body.
const LEFT_OUT: &str = "...";

/// What comes before the name of a function or type, in the languages that small models are asked for most.
const DEFINES: &[&str] = &[
    "class",
    "def",
    "enum",
    "fn",
    "func",
    "function",
    "impl",
    "interface",
    "mod",
    "module",
    "struct",
    "trait",
    "type",
];
/// Of these, what holds functions of its own.
const HOLDS: &[&str] = &["class", "impl", "interface", "mod", "module", "trait"];
/// What comes before the name of a value.
const NAMES: &[&str] = &["const", "let", "static", "var"];
const MODIFIERS: &[&str] = &[
    "abstract",
    "async",
    "crate",
    "default",
    "export",
    "extern",
    "final",
    "mut",
    "private",
    "protected",
    "pub",
    "public",
    "unsafe",
];
/// What looks like a method, and is none.
const CONTROL: &[&str] = &["catch", "else", "for", "function", "if", "match", "return", "switch", "while", "with"];

/// The lines that define something or are in no bracket and not indented, and whole texts in triple quotes, which
/// describe. `None` where that is all there is, or where data would be left out, which nobody can write again.
pub(crate) fn outline(text: &str) -> Option<String> {
    let mut shown = String::new();
    let (mut left_out, mut shorter, mut blank) = (false, false, false);
    // Of the last line that is shown: the brackets that it leaves open, and whether what is in them is data.
    let (mut open, mut is_data) = (0, false);
    // Of the last definition that is shown, so that its end is too.
    let mut defined_at = None;
    for line in lines(text) {
        let signature = 0 < open;
        let indent = line.text.len() - line.text.trim_start().len();
        let ends = line.text.trim_start().starts_with('}') && defined_at == Some(indent);
        if line.text.trim().is_empty() {
            blank = true;
        } else if line.describes || line.is_top || signature || ends || defines(line.text) {
            if blank && !shown.is_empty() {
                shown.push('\n');
            }
            shown.push_str(line.text);
            shown.push('\n');
            (left_out, blank) = (false, false);
            open = match (signature, !line.describes && defines(line.text)) {
                (true, _) => open + balance(line.text, '(', ')'),
                (false, true) => balance(line.text, '(', ')'),
                (false, false) => 0,
            };
            if defines(line.text) {
                defined_at = Some(indent);
            }
            is_data = !line.describes && is_open_value(line.text);
        } else if is_data {
            return None;
        } else if !left_out {
            let indent = line.text.get(..indent).filter(|indent| !indent.is_empty()).unwrap_or("    ");
            shown.push_str(&format!("{indent}{LEFT_OUT}\n"));
            (left_out, shorter, blank) = (true, true, false);
        } else {
            blank = false;
        }
    }
    shorter.then(|| shown.trim_end().to_owned())
}

/// The first name that the file defines at its top, or in a type there, and that the other text does not have: then that
/// is a part of it.
pub(crate) fn missing<'t>(text: &'t str, other: &str) -> Option<&'t str> {
    let has: Vec<&str> = words(other).collect();
    let mut in_type = false;
    lines(text)
        .filter(|line| !line.describes)
        .filter(move |line| {
            if line.is_top && line.text.starts_with(|one: char| one.is_alphabetic()) {
                in_type = first_word(line.text).is_some_and(|word| HOLDS.contains(&word));
            }
            line.is_top || in_type && defines(line.text)
        })
        .filter_map(|line| name(line.text.trim_start()))
        .find(|name| !has.contains(name))
}

struct Line<'t> {
    text: &'t str,
    /// In no bracket and not indented.
    is_top: bool,
    /// In triple quotes, or with such.
    describes: bool,
}

fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    // Where braces do not pair up, some stand in a text: then only the indent tells.
    let pairs = balance(text, '{', '}') == 0;
    let (mut depth, mut quoted) = (0_isize, false);
    text.lines().map(move |text| {
        let quotes = text.matches("\"\"\"").count() + text.matches("'''").count();
        let describes = quoted || 0 < quotes;
        quoted ^= quotes % 2 == 1;
        let before = depth;
        if pairs {
            depth = (depth + balance(text, '{', '}')).max(0);
        }
        let is_top = !text.starts_with([' ', '\t']) && (before == 0 || depth == 0);
        Line { text, is_top, describes }
    })
}

/// How many more it opens than it closes.
fn balance(text: &str, opens: char, closes: char) -> isize {
    text.chars().map(|one| isize::from(one == opens) - isize::from(one == closes)).sum()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|one: char| !one.is_alphanumeric() && one != '_').filter(|word| !word.is_empty())
}

fn first_word(line: &str) -> Option<&str> {
    words(line).find(|word| !MODIFIERS.contains(word))
}

/// Whether a function or a type begins here, at whatever depth.
fn defines(line: &str) -> bool {
    let line = line.trim();
    line.starts_with(|one: char| one.is_alphabetic() || one == '_')
        && (first_word(line).is_some_and(|word| DEFINES.contains(&word)) || is_method(line))
}

/// `name(…) {`, as methods stand in classes of JavaScript.
fn is_method(line: &str) -> bool {
    let name = words(line).next().unwrap_or_default();
    line.strip_prefix(name).is_some_and(|rest| rest.starts_with('('))
        && line.trim_end().ends_with(") {")
        && !CONTROL.contains(&name)
}

/// What a line gives a name to.
fn name(line: &str) -> Option<&str> {
    if !line.starts_with(|one: char| one.is_alphabetic() || one == '_') {
        return None;
    }
    let first = first_word(line)?;
    let mut rest = words(line).skip_while(|word| *word != first).skip(1);
    if DEFINES.contains(&first) || NAMES.contains(&first) {
        // What `impl` is for has a line of its own.
        return rest.find(|word| !MODIFIERS.contains(word) && !DEFINES.contains(word)).filter(|_| first != "impl");
    }
    let value = line.strip_prefix(first)?.trim_start();
    (is_method(line) || value.starts_with('=') && !value.starts_with("==")).then_some(first)
}

/// `NAME = [` and the like: what follows is data, not a body.
fn is_open_value(line: &str) -> bool {
    let code = line.contains("=>") || words(line).any(|word| DEFINES.contains(&word));
    line.contains('=') && !code && line.trim_end().ends_with(['[', '{', '('])
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Expect) {
        expected.assert_eq(&outline(text).unwrap_or_default());
    }

    #[test]
    fn bodies_are_left_out_and_descriptions_stay() {
        check(
            "import re\n\ndef slug(name):\n    \"\"\"Lower case.\n\n    In one word.\"\"\"\n    name = name.lower()\n\n    return name\n",
            expect![[r#"
                import re

                def slug(name):
                    """Lower case.

                    In one word."""
                    ..."#]],
        );
        check(
            "const f = (a) => {\n  return { a };\n}\n\nmodule.exports = f;\n",
            expect![[r#"
            const f = (a) => {
              ...
            }

            module.exports = f;"#]],
        );
    }

    #[test]
    fn what_others_call_stays() {
        check(
            "class Stack:\n    def push(self, x):\n        self.all.append(x)\n\n    async def pop(\n        self,\n        count=1,\n    ):\n        return self.all.pop()\n",
            expect![[r#"
                class Stack:
                    def push(self, x):
                        ...

                    async def pop(
                        self,
                        count=1,
                    ):
                        ..."#]],
        );
        check(
            "impl Stack {\n    /// On top.\n    pub fn push(&mut self, x: u8) {\n        self.all.push(x);\n    }\n}\n",
            expect![[r#"
                impl Stack {
                    ...
                    pub fn push(&mut self, x: u8) {
                        ...
                    }
                }"#]],
        );
        check(
            "export class Stack {\n  push(x) {\n    if (x) {\n      this.all.push(x);\n    }\n  }\n}\n",
            expect![[r#"
                export class Stack {
                  push(x) {
                    ...
                  }
                }"#]],
        );
    }

    #[test]
    fn brackets_tell_where_the_indent_does_not() {
        check(
            "use std::fmt;\nfn sum(all: &[i32]) -> i32 {\nlet mut sum = 0;\nfor one in all {\nsum += one;\n}\nsum\n}\n",
            expect![[r#"
                use std::fmt;
                fn sum(all: &[i32]) -> i32 {
                    ...
                }
                    ...
                }"#]],
        );
        check(
            "def brace():\n    return '{'\nlast = 1\n",
            expect![[r#"
            def brace():
                ...
            last = 1"#]],
        );
    }

    #[test]
    fn a_file_without_bodies_or_with_data_has_none() {
        check("a = 1\nb = 2\n", expect![[""]]);
        check("def f():\n    return 1\n\nTABLE = [\n    1,\n]\n", expect![[""]]);
        check("const T = {\n  a: 1,\n};\n", expect![[""]]);
    }

    #[test]
    fn a_part_of_a_file_lacks_what_the_file_defines() {
        let python =
            "import re\nK = 3\n\nclass A:\n    def f(self):\n        def inner(): pass\n\ndef g():\n    x = 1\n";
        assert_eq!(missing(python, "K = 4\nclass A:\n    def f(self): return g\ndef inner(): 1\n"), None);
        assert_eq!(missing(python, "class A:\n    def f(self): pass\ndef g(): inner"), Some("K"));
        assert_eq!(missing(python, "K = 1\nclass A:\n    pass\ndef g(): inner"), Some("f"));
        assert_eq!(missing(python, "K = 1\nclass A:\n    def f(self): inner"), Some("g"));
        let rust =
            "use std::fmt;\npub(crate) const N: u8 = 1;\nimpl A {\n    pub fn f() {\n        let x = 1;\n    }\n}\n";
        assert_eq!(missing(rust, "const N: u8 = 2; impl A { fn f() {} }"), None);
        assert_eq!(missing(rust, "const N: u8 = 2;"), Some("f"));
        let script = "// let us see\nconst f = (a) => {\n  const b = 1;\n}\nmodule.exports = f;\n";
        assert_eq!(missing(script, "const f = () => 1;\nmodule.exports = f;\n"), None);
        assert_eq!(missing(script, "const f = () => 1;\n"), Some("exports"));
    }
}
