//! A line of code with a little colour. Pure; a guess by the line alone, whatever the language.

use crate::screen::Paint;

const WORDS: &str = " abstract and as async await break case catch class const continue def default defer del do elif \
    else end enum except export extends false fi final finally fn for from func function if impl import in interface \
    is lambda let match mod module mut namespace new nil none None not null of or package pass private protected pub \
    public raise return self Self static struct super switch then this throw trait true True False try type typedef \
    union unsafe use using var void where while with yield ";

/// The pieces of a line, in order, with what each is painted.
pub(crate) fn pieces(line: &str) -> Vec<(Paint, &str)> {
    let mut pieces = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let (length, paint) = piece(rest, first);
        let (piece, after) = rest.split_at(length.clamp(first.len_utf8(), rest.len()));
        pieces.push((paint, piece));
        rest = after;
    }
    pieces
}

fn piece(rest: &str, first: char) -> (usize, Paint) {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let span = |belongs: &dyn Fn(char) -> bool| rest.find(|character| !belongs(character)).unwrap_or(rest.len());
    match first {
        '/' if rest.starts_with("//") => (rest.len(), Paint::Dim),
        '#' if rest.starts_with("# ") => (rest.len(), Paint::Dim),
        // A lone quote is an apostrophe or a lifetime.
        '"' | '\'' | '`' => string(rest, first).map_or((1, Paint::Plain), |length| (length, Paint::Yellow)),
        _ if is_word(first) => {
            let length = span(&is_word);
            let word = rest.get(..length).unwrap_or_default();
            (length, if WORDS.contains(&format!(" {word} ")) { Paint::Cyan } else { Paint::Plain })
        }
        _ => (span(&|character| !is_word(character) && !"/#\"'`".contains(character)), Paint::Plain),
    }
}

fn string(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (index, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return Some(index + 1),
            _ => (),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_strings_and_comments_are_told_apart() {
        let line = "    let a = f(\"x\\\"y\", 'c'); // it's";
        let pieces = pieces(line);
        assert_eq!(pieces.iter().map(|(_, piece)| *piece).collect::<String>(), line);
        let painted = |paint: Paint| pieces.iter().filter(move |(own, _)| *own == paint).map(|(_, piece)| *piece);
        assert_eq!(painted(Paint::Cyan).collect::<Vec<&str>>(), ["let"]);
        assert_eq!(painted(Paint::Yellow).collect::<Vec<&str>>(), ["\"x\\\"y\"", "'c'"]);
        assert_eq!(painted(Paint::Dim).collect::<Vec<&str>>(), ["// it's"]);
    }
}
