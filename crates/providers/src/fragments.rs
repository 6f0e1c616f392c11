//! Joins tool calls that arrive in fragments. Pure.
//!
//! Servers agree on little: whole calls or pieces, `index` missing or always 0,
//! ids missing, `"null"`, used twice or new on each piece, names empty, repeated
//! or in pieces, arguments as a string or as an object (MISTRAL.md 7.2, 7.10, 7.13).

use agent::RawCall;
use serde_json::Value;

#[derive(Debug)]
pub(crate) struct Fragments {
    calls: Vec<Partial>,
    most: usize,
    /// The tools that may be called.
    names: Vec<String>,
}

#[derive(Debug, Default)]
struct Partial {
    index: Option<u64>,
    id: Option<String>,
    name: String,
    arguments: String,
}

impl Fragments {
    /// A reply ends after `most` calls.
    pub(crate) fn new(most: usize, names: Vec<String>) -> Fragments {
        Fragments { calls: Vec::new(), most, names }
    }

    /// Returns what this adds to the name and the arguments of a call.
    pub(crate) fn add(&mut self, fragment: &Value) -> (usize, String) {
        let piece = Partial::read(fragment);
        let added = (piece.name.len(), piece.arguments.clone());
        match self.target(&piece) {
            Some(position) => {
                let joins = self
                    .calls
                    .get(position)
                    .is_some_and(|call| call.arguments.is_empty() && self.is_name_in_pieces(&call.name, &piece.name));
                if let Some(call) = self.calls.get_mut(position) {
                    if joins {
                        call.name.push_str(&piece.name);
                    }
                    call.append(piece);
                }
            }
            None => self.calls.push(piece),
        }
        added
    }

    /// Takes back the last bytes of the last call's arguments.
    pub(crate) fn take_back(&mut self, bytes: usize) {
        let Some(call) = self.calls.last_mut() else { return };
        let kept = call.arguments.len().saturating_sub(bytes);
        call.arguments.truncate(call.arguments.floor_char_boundary(kept));
    }

    /// Ends a reply that goes in circles where it begins to say the same calls again, and says whether it did.
    ///
    /// Looked at when a call begins, since those before it are whole then. Small models were seen to write
    /// `read, edit, read, edit, ...` until their window was full, and `read, run 10, read, run 20, ...` too.
    pub(crate) fn cut_circle(&mut self) -> bool {
        let Some((_, whole)) = self.calls.split_last() else { return false };
        let Some((last, before)) = whole.split_last() else { return false };
        let says_again = |period: usize| {
            let Some(start) = whole.len().checked_sub(period * 2) else { return false };
            let tail = whole.get(start..).unwrap_or_default();
            tail.iter().zip(tail.iter().skip(period)).all(|(call, next)| call.says_the_same_as(next))
        };
        let kept = if let Some(period) = (2..=whole.len() / 2).find(|period| says_again(*period)) {
            Some(whole.len() - period)
        } else if 2 <= before.iter().filter(|call| call.says_the_same_as(last)).count() {
            // Said twice in one breath it may be meant, three times it is not: nothing was seen in between.
            Some(before.len())
        } else {
            (self.most <= whole.len()).then_some(whole.len())
        };
        if let Some(kept) = kept {
            self.calls.truncate(kept);
        }
        kept.is_some()
    }

    pub(crate) fn join(self) -> Vec<RawCall> {
        let spoken = |call: &Partial| !call.name.is_empty() || !call.arguments.is_empty();
        let names = self.names;
        self.calls.into_iter().filter(spoken).map(|call| call.whole(&names)).collect()
    }

    /// Which call the piece continues, `None` if it begins one.
    fn target(&self, piece: &Partial) -> Option<usize> {
        let last = match (piece.index, &piece.id) {
            (Some(index), _) => self.calls.iter().rposition(|call| call.index == Some(index)),
            (None, Some(id)) => self.calls.iter().rposition(|call| call.id.as_ref() == Some(id)),
            (None, None) if piece.name.is_empty() => self.calls.len().checked_sub(1),
            (None, None) => None,
        }?;
        let call = self.calls.get(last)?;
        // Without a name it can only continue a call: some servers make another id for each piece.
        let other_id = !piece.name.is_empty() && matches!((&call.id, &piece.id), (Some(old), Some(new)) if old != new);
        let continues = call.arguments.is_empty() && self.is_name_in_pieces(&call.name, &piece.name);
        (continues || !other_id && !call.is_followed_by(piece)).then_some(last)
    }

    /// `run_` and then `command`, where a tool is called `run_command`.
    fn is_name_in_pieces(&self, name: &str, piece: &str) -> bool {
        let together = format!("{name}{piece}");
        !name.is_empty()
            && !piece.is_empty()
            && !self.names.iter().any(|known| known == name || known == piece)
            && self.names.iter().any(|known| known.starts_with(&together))
    }
}

impl Partial {
    fn read(fragment: &Value) -> Partial {
        let id = fragment.get("id").and_then(Value::as_str).filter(|id| !id.is_empty() && *id != "null");
        let function = fragment.get("function").unwrap_or(fragment);
        let arguments = match function.get("arguments") {
            Some(Value::String(text)) => text.clone(),
            None | Some(Value::Null) => String::new(),
            Some(object) => object.to_string(),
        };
        Partial {
            index: fragment.get("index").and_then(|index| index.as_u64().or_else(|| index.as_str()?.parse().ok())),
            id: id.map(str::to_owned),
            name: function.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
            arguments,
        }
    }

    /// The piece names a tool again although these arguments are whole: another call under the same index or id.
    fn is_followed_by(&self, piece: &Partial) -> bool {
        let whole = || serde_json::from_str::<serde::de::IgnoredAny>(&self.arguments).is_ok();
        !piece.name.is_empty()
            && !self.name.is_empty()
            && (whole() || (self.arguments.is_empty() && self.name != piece.name))
    }

    fn says_the_same_as(&self, other: &Partial) -> bool {
        self.name == other.name && self.arguments == other.arguments
    }

    fn append(&mut self, piece: Partial) {
        if self.id.is_none() {
            self.id = piece.id;
        }
        if self.name.is_empty() {
            self.name = piece.name;
        }
        // Some relays open with an empty object and then send the real arguments.
        if self.arguments == "{}" && !piece.arguments.trim().is_empty() {
            self.arguments.clear();
        }
        self.arguments.push_str(&piece.arguments);
    }

    fn whole(self, names: &[String]) -> RawCall {
        // Old parsers of Mistral's format leave its separator in the name (MISTRAL.md 7.13).
        let (name, arguments) = match self.name.split_once("[ARGS]") {
            Some((name, rest)) if self.arguments.trim().is_empty() => (name, rest.to_owned()),
            Some((name, _)) => (name, self.arguments),
            None => (self.name.as_str(), self.arguments),
        };
        RawCall { name: without_marks(name.trim(), names).to_owned(), arguments }
    }
}

/// gpt-oss writes `functions.run_command<|channel|>commentary`, of which some servers leave more than the name.
fn without_marks<'a>(name: &'a str, names: &[String]) -> &'a str {
    let is_known = |name: &str| names.iter().any(|known| known == name);
    let bare = name.split("<|").next().unwrap_or(name).trim();
    let bare = bare.strip_prefix("functions.").unwrap_or(bare);
    if !is_known(name) && is_known(bare) { bare } else { name }
}

#[cfg(test)]
#[path = "fragments_tests.rs"]
mod tests;
