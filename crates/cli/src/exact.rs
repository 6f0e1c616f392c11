//! Text in a question to the user, in which nothing is invisible and nothing looks like something else.
//!
//! The user decides by what they see, so this is stricter than [`crate::harmless`], which only keeps a terminal safe:
//! emoji with joiners and typographic quotes are marked too. Invisible characters by Unicode's general categories and
//! its property Default_Ignorable_Code_Point, look-alikes by the confusables of UTS 39.

use std::fmt::Write as _;

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};
use unicode_security::confusable_detection::skeleton;

use crate::harmless::harmless;

/// Which look-alikes of ASCII are marked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum LookAlikes {
    /// Letters and signs: for commands and names, in which a dash or a quote has a meaning.
    All,
    /// Letters alone: for file contents, in which typographic quotes and dashes are common.
    Letters,
}

/// Newlines and tabs stay; each invisible or confusable character becomes its number, such as `<U+200B>`. A look-alike
/// is shown before its number, and only marked in a word that could be taken for ASCII.
pub(crate) fn exact(text: &str, look_alikes: LookAlikes) -> String {
    let mut shown = String::with_capacity(text.len());
    let parts = text.split_inclusive(|character: char| character.is_ascii_whitespace());
    for part in parts {
        // Cyrillic prose is not marked: some of its letters have no twin in ASCII.
        let is_misleading =
            !part.is_ascii() && part.chars().all(|one| one.is_ascii() || is_invisible(one) || twin(one));
        let mixes = part.chars().any(|one| one.is_ascii_alphanumeric());
        for character in part.chars() {
            let marked = twin(character)
                && (is_misleading || mixes)
                && (look_alikes == LookAlikes::All || character.is_alphabetic());
            if is_invisible(character) {
                mark(&mut shown, character);
            } else if marked {
                shown.push(character);
                mark(&mut shown, character);
            } else {
                shown.push(character);
            }
        }
    }
    harmless(&shown)
}

/// The same for a name, which is one line: newlines and tabs become visible too.
pub(crate) fn exact_name(name: &str) -> String {
    exact(name, LookAlikes::All).replace('\n', "␊").replace('\t', "␉")
}

fn mark(shown: &mut String, character: char) {
    // Writing to a String does not fail.
    let _ = write!(shown, "<U+{:04X}>", u32::from(character));
}

/// Takes no room on the screen, or looks like a blank or like nothing. ASCII control characters are `harmless`'s.
fn is_invisible(character: char) -> bool {
    if character.is_ascii() {
        return false;
    }
    match character.general_category() {
        GeneralCategory::Control
        | GeneralCategory::Format
        | GeneralCategory::LineSeparator
        | GeneralCategory::ParagraphSeparator
        | GeneralCategory::SpaceSeparator
        | GeneralCategory::PrivateUse
        | GeneralCategory::Surrogate
        | GeneralCategory::Unassigned => true,
        _ => matches!(
            character,
            // Default_Ignorable_Code_Point of other categories: joiner, Hangul fillers, Khmer vowels, variation selectors.
            '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}'
            // The empty braille pattern and the empty note are symbols that show nothing.
            | '\u{2800}' | '\u{1d159}'
        ),
    }
}

/// Whether it looks like something in ASCII.
fn twin(character: char) -> bool {
    let mut buffer = [0; 4];
    !character.is_ascii() && skeleton(character.encode_utf8(&mut buffer)).all(|one| one.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(exact(text, LookAlikes::All), expected);
    }

    #[test]
    fn invisible_characters_are_numbers() {
        for odd in [
            '\u{a0}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{1160}',
            '\u{17b4}',
            '\u{180e}',
            '\u{2000}',
            '\u{200b}',
            '\u{200d}',
            '\u{2028}',
            '\u{2029}',
            '\u{202e}',
            '\u{202f}',
            '\u{2060}',
            '\u{2063}',
            '\u{2066}',
            '\u{206f}',
            '\u{2800}',
            '\u{3000}',
            '\u{3164}',
            '\u{e000}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{1d159}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e0100}',
            '\u{10ffff}',
            '\u{85}',
        ] {
            check(&format!("a{odd}b"), &format!("a<U+{:04X}>b", u32::from(odd)));
        }
        check("a\u{1b}[2J\tb\nc", "a␛[2J\tb\nc");
    }

    #[test]
    fn look_alikes_are_marked_where_they_could_be_taken_for_ascii() {
        check("c\u{430}rgo test", "c\u{430}<U+0430>rgo test");
        check("\u{441}\u{430}", "\u{441}<U+0441>\u{430}<U+0430>");
        check("rm \u{2010}rf", "rm \u{2010}<U+2010>rf");
        check("echo \u{43f}\u{440}\u{438}\u{432}\u{435}\u{442}", "echo \u{43f}\u{440}\u{438}\u{432}\u{435}\u{442}");
        check("caf\u{e9} na\u{ef}ve 日本語 straße", "caf\u{e9} na\u{ef}ve 日本語 straße");
        let quoted = "say \u{201c}yes\u{201d}";
        assert_eq!(exact(quoted, LookAlikes::Letters), quoted);
        assert_ne!(exact(quoted, LookAlikes::All), quoted);
    }

    #[test]
    fn a_name_stays_on_its_line() {
        assert_eq!(exact_name("a\n✓ done\t.rs"), "a␊✓ done␉.rs");
    }
}
