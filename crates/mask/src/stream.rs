//! Masking what comes in pieces: a key may be cut anywhere.

use std::io::{self, Write};

use crate::known;

/// Masks a stream of bytes. It holds back an end that may be the start of a key, and nothing else.
#[derive(Clone, Debug, Default)]
pub struct MaskStream {
    held: Vec<u8>,
}

impl MaskStream {
    /// What may be shown after this piece.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        let Some(keys) = known() else { return std::mem::take(&mut self.held) };
        let rest = self.held.split_off(keys.settled(&self.held));
        keys.replace(&std::mem::replace(&mut self.held, rest))
    }

    /// As [`MaskStream::push`], for text. A key of this process is text, so no character is cut.
    pub fn push_text(&mut self, text: &str) -> String {
        String::from_utf8_lossy(&self.push(text.as_bytes())).into_owned()
    }

    /// What was held back: the stream is over.
    pub fn finish(&mut self) -> Vec<u8> {
        crate::masked_bytes(&std::mem::take(&mut self.held)).into_owned()
    }

    pub fn finish_text(&mut self) -> String {
        String::from_utf8_lossy(&self.finish()).into_owned()
    }
}

/// A writer that masks. An unfinished end is written when it is dropped, or with what completes it.
#[derive(Debug)]
pub struct MaskWriter<W: Write> {
    inner: W,
    stream: MaskStream,
}

impl<W: Write> MaskWriter<W> {
    pub fn new(inner: W) -> MaskWriter<W> {
        MaskWriter { inner, stream: MaskStream::default() }
    }

    pub fn get_ref(&self) -> &W {
        &self.inner
    }
}

impl<W: Write> Write for MaskWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let shown = self.stream.push(bytes);
        self.inner.write_all(&shown)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<W: Write> Drop for MaskWriter<W> {
    fn drop(&mut self) {
        let rest = self.stream.finish();
        if !rest.is_empty() {
            // A reader that went away was reported by the writes before.
            let _ = self.inner.write_all(&rest).and_then(|()| self.inner.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_writer_masks_across_writes() {
        crate::hide("sk-of-the-writer");
        let mut written = Vec::new();
        let mut writer = MaskWriter::new(&mut written);
        for piece in ["a sk-of-", "the-wri", "ter b sk-of-", "the-end, sk-"] {
            writer.write_all(piece.as_bytes()).unwrap();
            writer.flush().unwrap();
        }
        drop(writer);
        assert_eq!(String::from_utf8(written).unwrap(), "a *** b sk-of-the-end, sk-");
    }

    proptest! {
        #[test]
        fn however_a_text_is_cut_the_same_is_shown(pieces in prop::collection::vec("(sk-a-key-in-pieces|[skaé-]{1,3}|in-pieces|-and-more|-more-keys)", 0..12), size in 1..9_usize) {
            for key in ["sk-a-key-in-pieces", "sk-a-key-in-pieces-and-more", "-and-more-keys"] {
                crate::hide(key);
            }
            let text = pieces.concat();
            let mut stream = MaskStream::default();
            let mut shown = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                shown.extend(stream.push(piece));
            }
            shown.extend(stream.finish());
            prop_assert_eq!(String::from_utf8(shown).unwrap(), crate::masked(&text).into_owned());
        }
    }
}
