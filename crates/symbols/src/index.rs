//! What is known of the files of a workspace, to be kept from one time to the next.
//!
//! What is read back is not trusted: bytes that [`Index::encode`] does not write are `None`, never a panic.

use std::collections::BTreeMap;

use crate::language::Language;
use crate::source::{Kind, Name, Source, Symbol};

/// With its version: what a later program writes otherwise is read anew.
const HEAD: &[u8] = b"agent symbols 1\n";

/// What tells one state of a file from another, as the caller knows it.
pub type Mark = [u64; 5];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indexed {
    /// `None`: look again, whatever it looks like.
    pub mark: Option<Mark>,
    pub source: Source,
}

/// By path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index(pub BTreeMap<String, Indexed>);

impl Index {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = HEAD.to_vec();
        for (path, Indexed { mark, source }) in &self.0 {
            text(&mut out, path);
            number(&mut out, u64::from(mark.is_some()));
            mark.iter().flatten().for_each(|field| out.extend_from_slice(&field.to_le_bytes()));
            number(&mut out, source.language as u64);
            number(&mut out, source.symbols.len() as u64);
            for symbol in &source.symbols {
                let Symbol { name, kind, line, first, last, parent, local, signature } = symbol;
                text(&mut out, name);
                text(&mut out, signature);
                let flags = *kind as u64 | u64::from(*local) << 2;
                let parent = parent.map_or(0, |parent| u64::from(parent) + 1);
                [flags, u64::from(*line), u64::from(*first), u64::from(*last), parent]
                    .into_iter()
                    .for_each(|field| number(&mut out, field));
            }
            number(&mut out, source.names.len() as u64);
            for (name, count) in &source.names {
                out.extend_from_slice(&name.0.to_le_bytes());
                number(&mut out, u64::from(*count));
            }
        }
        out
    }

    /// `None`: not what [`Self::encode`] writes.
    pub fn decode(bytes: &[u8]) -> Option<Index> {
        let mut rest = Rest(bytes.strip_prefix(HEAD)?);
        let mut index = Index::default();
        while !rest.0.is_empty() {
            let path = rest.text()?;
            let mark = match rest.number()? {
                0 => None,
                _ => Some([rest.fixed()?, rest.fixed()?, rest.fixed()?, rest.fixed()?, rest.fixed()?]),
            };
            let language = *LANGUAGES.get(usize::try_from(rest.number()?).ok()?)?;
            let symbols = (0..rest.number()?).map(|_| rest.symbol()).collect::<Option<Vec<Symbol>>>()?;
            let names = (0..rest.number()?).map(|_| rest.name()).collect::<Option<Vec<(Name, u32)>>>()?;
            index.0.insert(path, Indexed { mark, source: Source { language, symbols, names } });
        }
        Some(index)
    }
}

/// In the order of their numbers.
const LANGUAGES: [Language; 6] =
    [Language::Rust, Language::Python, Language::TypeScript, Language::Go, Language::C, Language::Bash];
const KINDS: [Kind; 4] = [Kind::Function, Kind::Type, Kind::Constant, Kind::Scope];

/// Seven bits a byte, the lowest first (LEB128).
fn number(out: &mut Vec<u8>, mut value: u64) {
    while 0x7f < value {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn text(out: &mut Vec<u8>, text: &str) {
    number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn bytes(&mut self, count: usize) -> Option<&[u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn fixed(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.bytes(8)?.try_into().ok()?))
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..63).step_by(7) {
            let byte = *self.bytes(1)?.first()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.number()?).ok()?;
        String::from_utf8(self.bytes(length)?.to_vec()).ok()
    }

    fn symbol(&mut self) -> Option<Symbol> {
        let (name, signature) = (self.text()?, self.text()?);
        let flags = self.number()?;
        Some(Symbol {
            name,
            signature,
            kind: *KINDS.get((flags & 3) as usize)?,
            local: flags & 4 != 0,
            line: self.small()?,
            first: self.small()?,
            last: self.small()?,
            parent: self.small()?.checked_sub(1),
        })
    }

    fn name(&mut self) -> Option<(Name, u32)> {
        let name = u32::from_le_bytes(self.bytes(4)?.try_into().ok()?);
        Some((Name(name), self.small()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read;

    fn index() -> Index {
        let texts = [
            ("a.rs", Language::Rust, "impl A { fn one() { fn two() {} } }\nconst THREE: u8 = 3;\n"),
            ("b.sh", Language::Bash, "four() { five_six; }\n"),
        ];
        let mut index = Index::default();
        for (path, language, text) in texts {
            let mark = (language == Language::Rust).then_some([1, u64::MAX, 3, 0, 5]);
            let source = read(language, text, || false).unwrap();
            index.0.insert(path.to_owned(), Indexed { mark, source });
        }
        index
    }

    #[test]
    fn it_is_read_as_written() {
        let index = index();
        assert_eq!(index.0["a.rs"].source.symbols.len(), 4);
        assert_eq!(Index::decode(&index.encode()), Some(index));
    }

    #[test]
    fn what_is_broken_is_nothing_or_another_index_and_no_panic() {
        let whole = index().encode();
        for length in 0..whole.len() {
            let _ = Index::decode(&whole[..length]);
            let mut other = whole.clone();
            other[length] ^= 0xff;
            let _ = Index::decode(&other);
        }
        assert_eq!(Index::decode(b"agent symbols 2\n"), None);
        assert_eq!(Index::decode(&whole[..whole.len() - 1]), None);
        let endless = [HEAD, &[1, b'a', 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]].concat();
        assert_eq!(Index::decode(&endless), None);
    }
}
