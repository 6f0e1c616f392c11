//! Text as it stands in files: which encoding it is in, and back into the same one. Pure.

use encoding_rs::{Encoding as Legacy, WINDOWS_1252};

/// How a file's bytes are text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    Utf8Bom,
    Utf16Le,
    Utf16Be,
    /// Guessed from the bytes; only where decoding and encoding gives the same bytes again.
    Legacy(&'static Legacy),
}

/// The text and its encoding, or `None` for what is not text: it has a NUL in
/// its first 8 KiB, as git and ripgrep decide it too.
pub(crate) fn decode(bytes: &[u8]) -> Option<(String, Encoding)> {
    if let Some(rest) = bytes.strip_prefix(b"\xEF\xBB\xBF")
        && let Ok(text) = std::str::from_utf8(rest)
    {
        return Some((text.to_owned(), Encoding::Utf8Bom));
    }
    for (mark, encoding) in [(b"\xFF\xFE", Encoding::Utf16Le), (b"\xFE\xFF", Encoding::Utf16Be)] {
        if let Some(rest) = bytes.strip_prefix(mark)
            && let Some(text) = decode_utf16(rest, encoding)
        {
            return Some((text, encoding));
        }
    }
    let (start, _) = bytes.split_at(bytes.len().min(8 << 10));
    if start.contains(&0) {
        return None;
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some((text.to_owned(), Encoding::Utf8));
    }
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let guess = detector.guess(None, chardetng::Utf8Detection::Deny);
    [guess, WINDOWS_1252].into_iter().find_map(|legacy| {
        let (text, _, _) = legacy.decode(bytes);
        let encoding = Encoding::Legacy(legacy);
        (encode(&text, encoding).as_deref() == Some(bytes)).then(|| (text.into_owned(), encoding))
    })
}

/// What a human hands over, as text whatever it is: a whole in one encoding, or lines of several, as a diff of several files
/// has them. Bytes that are text in no encoding become replacement characters.
pub fn text_of(bytes: &[u8]) -> String {
    let marked = bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") || bytes.starts_with(b"\xEF\xBB\xBF");
    if let (true, Some((text, _))) = (marked, decode(bytes)) {
        return text;
    }
    let line_of = |line: &[u8]| match std::str::from_utf8(line) {
        Ok(line) => line.to_owned(),
        Err(_) => decode(line).map_or_else(|| String::from_utf8_lossy(line).into_owned(), |(text, _)| text),
    };
    bytes.split_inclusive(|byte| *byte == b'\n').map(line_of).collect()
}

/// The bytes of a text in an encoding, `None` if it has characters that the encoding lacks.
pub(crate) fn encode(text: &str, encoding: Encoding) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Utf8 => Some(text.as_bytes().to_vec()),
        Encoding::Utf8Bom => Some([b"\xEF\xBB\xBF", text.as_bytes()].concat()),
        Encoding::Utf16Le => {
            Some([0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect())
        }
        Encoding::Utf16Be => {
            Some([0xFE, 0xFF].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect())
        }
        Encoding::Legacy(legacy) => match legacy.encode(text) {
            (bytes, _, false) => Some(bytes.into_owned()),
            (_, _, true) => None,
        },
    }
}

fn decode_utf16(bytes: &[u8], encoding: Encoding) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let unit = |pair: &[u8; 2]| match encoding {
        Encoding::Utf16Be => u16::from_be_bytes(*pair),
        Encoding::Utf8 | Encoding::Utf8Bom | Encoding::Utf16Le | Encoding::Legacy(_) => u16::from_le_bytes(*pair),
    };
    char::decode_utf16(pairs.iter().map(unit)).collect::<Result<String, _>>().ok()
}

impl Encoding {
    /// For the model, empty for plain UTF-8.
    pub(crate) fn note(self) -> String {
        match self {
            Encoding::Utf8 => String::new(),
            Encoding::Utf8Bom => ", UTF-8 with a byte order mark".to_owned(),
            Encoding::Utf16Le => ", UTF-16 LE".to_owned(),
            Encoding::Utf16Be => ", UTF-16 BE".to_owned(),
            Encoding::Legacy(legacy) => format!(", not UTF-8: shown as {}", legacy.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: Option<(&str, &str)>) {
        let decoded = decode(bytes);
        let shown = decoded.as_ref().map(|(text, encoding)| (text.as_str(), encoding.note()));
        assert_eq!(shown.as_ref().map(|(text, note)| (*text, note.as_str())), expected);
        if let Some((text, encoding)) = decoded {
            assert_eq!(encode(&text, encoding).as_deref(), Some(bytes));
        }
    }

    #[test]
    fn what_a_human_hands_over_is_text() {
        let utf16: Vec<u8> =
            [0xFF, 0xFE].into_iter().chain("Fix it\r\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        for (bytes, text) in [
            (b"plain\n".as_slice(), "plain\n"),
            (&utf16, "Fix it\r\n"),
            (b"\xEF\xBB\xBFcaf\xC3\xA9", "café"),
            // A diff of a file in UTF-8 and of one in Latin-1.
            (b"-na\xC3\xAFve\n+caf\xE9\n", "-naïve\n+café\n"),
            (b"bad \x00\xFF byte\n", "bad \0\u{fffd} byte\n"),
        ] {
            assert_eq!(text_of(bytes), text);
        }
    }

    #[test]
    fn each_encoding_comes_back_to_the_same_bytes() {
        check("grün\r\n".as_bytes(), Some(("grün\r\n", "")));
        check(b"\xEF\xBB\xBFa", Some(("a", ", UTF-8 with a byte order mark")));
        check(b"\xFF\xFEa\0\xFC\0", Some(("aü", ", UTF-16 LE")));
        check(b"\xFE\xFF\0a\0\xFC", Some(("aü", ", UTF-16 BE")));
        check(b"gr\xFCn und br\xE4unlich", Some(("grün und bräunlich", ", not UTF-8: shown as windows-1252")));
    }

    #[test]
    fn binary_is_not_text() {
        check(b"\x7FELF\0\0", None);
        check(b"\xFF\xD8\xFF\xE0\0\x10JFIF", None);
    }

    #[test]
    fn what_an_encoding_lacks_is_not_written() {
        assert_eq!(encode("→", Encoding::Legacy(WINDOWS_1252)), None);
    }
}
