//! A model's words as they come, without keys: a stream may cut a key anywhere, and a reader would join it again.

use mask::MaskStream;

/// Words and thoughts of the reply that is being written.
#[derive(Default)]
pub(crate) struct Pieces {
    text: MaskStream,
    thinking: MaskStream,
}

impl Pieces {
    /// What may be shown after this piece, if anything.
    pub(crate) fn text(&mut self, piece: &str) -> Option<String> {
        some(self.text.push_text(piece))
    }

    pub(crate) fn thinking(&mut self, piece: &str) -> Option<String> {
        some(self.thinking.push_text(piece))
    }

    /// The reply is whole: what was held back, thoughts and words, is no key.
    pub(crate) fn rest(&mut self) -> [Option<String>; 2] {
        [some(self.thinking.finish_text()), some(self.text.finish_text())]
    }

    /// What came so far is void.
    pub(crate) fn forget(&mut self) {
        *self = Pieces::default();
    }
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_pieces_is_masked_and_nothing_else_is_lost() {
        mask::hide("sk-of-the-model-server");
        let mut pieces = Pieces::default();
        assert_eq!(pieces.text("it is sk-of").as_deref(), Some("it is "));
        assert_eq!(pieces.thinking("sk-of-the-model-"), None);
        assert_eq!(pieces.text("-the-model"), None);
        assert_eq!(pieces.text("-server, or sk-o").as_deref(), Some("***, or "));
        assert_eq!(pieces.thinking("server").as_deref(), Some("***"));
        assert_eq!(pieces.rest(), [None, Some("sk-o".to_owned())]);
        assert_eq!(pieces.text("sk-of-the"), None);
        pieces.forget();
        assert_eq!(pieces.text("-model-server").as_deref(), Some("-model-server"));
    }
}
