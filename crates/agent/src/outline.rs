//! A file without the bodies of what it defines: its shape, and none of its mistakes. Pure.

/// What stands for a body.
const LEFT_OUT: &str = "    ...";

/// The lines that are in no bracket and not indented, and whole texts in triple quotes, which describe. `None` where
/// that is all there is.
pub(crate) fn outline(text: &str) -> Option<String> {
    // Where braces do not pair up, some stand in a text: then only the indent tells.
    let pairs = text.matches('{').count() == text.matches('}').count();
    let (mut depth, mut quoted, mut left_out) = (0_usize, false, false);
    let mut shown = String::new();
    let mut shorter = false;
    for line in text.lines() {
        let quotes = line.matches("\"\"\"").count() + line.matches("'''").count();
        let describes = quoted || 0 < quotes;
        quoted ^= quotes % 2 == 1;
        let opens = if pairs { line.matches('{').count() } else { 0 };
        let closes = if pairs { line.matches('}').count() } else { 0 };
        let is_top = !line.starts_with([' ', '\t']) && (depth == 0 || depth + opens <= closes);
        depth = (depth + opens).saturating_sub(closes);
        if describes || is_top {
            shown.push_str(line);
            shown.push('\n');
            left_out = false;
        } else if !left_out && !line.trim().is_empty() {
            shown.push_str(LEFT_OUT);
            shown.push('\n');
            left_out = true;
            shorter = true;
        }
    }
    shorter.then(|| shown.trim_end().to_owned())
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
                    ...

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
    fn brackets_tell_where_the_indent_does_not() {
        check(
            "use std::fmt;\nfn sum(all: &[i32]) -> i32 {\nlet mut sum = 0;\nfor one in all {\nsum += one;\n}\nsum\n}\n",
            expect![[r#"
                use std::fmt;
                fn sum(all: &[i32]) -> i32 {
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
    fn a_file_without_bodies_has_none() {
        check("a = 1\nb = 2\n", expect![[""]]);
    }
}
