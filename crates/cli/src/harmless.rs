//! Text of a model or a command, made harmless for a terminal.
//!
//! Control characters could move the cursor, set the title, write to the
//! clipboard or hide what a command does; bidirectional overrides show a line in
//! another order than it has. All are shown as what they are.

/// Keeps newlines and tabs; every other control character becomes a visible mark. Keys are masked here, before a text is
/// cut or folded: of half a key no writer knows that it is one.
pub(crate) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let text = mask::masked(text);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' | '\t' => shown.push(character),
            '\r' if characters.peek() == Some(&'\n') => (),
            '\u{0}'..='\u{1f}' => shown.push(char::from_u32(0x2400 + u32::from(character)).unwrap_or('\u{fffd}')),
            '\u{7f}' => shown.push('\u{2421}'),
            '\u{80}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                shown.push_str(&format!("<U+{:04X}>", u32::from(character)));
            }
            other => shown.push(other),
        }
    }
    shown
}

/// One line of at most `width` columns.
pub(crate) fn one_line(text: &str, width: usize) -> String {
    let mut shown = String::new();
    let mut columns = 0;
    for character in
        harmless(text).chars().map(|character| if matches!(character, '\n' | '\t') { ' ' } else { character })
    {
        columns += unicode_width::UnicodeWidthChar::width(character).unwrap_or(0);
        if width <= columns {
            shown.push('…');
            break;
        }
        shown.push(character);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_visible() {
        assert_eq!(harmless("\u{1b}[2J\u{7}a\rb\r\n\tc"), "␛[2J␇a␍b\n\tc");
        assert_eq!(harmless("x\u{9b}31m\u{202e}y"), "x<U+009B>31m<U+202E>y");
    }

    #[test]
    fn a_line_is_cut_by_columns() {
        assert_eq!(one_line("ab\ncd", 80), "ab cd");
        assert_eq!(one_line("日本語", 5), "日本…");
    }
}
