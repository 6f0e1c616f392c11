//! How bytes travel: delays, pieces, and the ways a stream can end badly. Pure: it makes a plan that `server.rs` plays.

use std::num::NonZeroUsize;
use std::time::Duration;

use bytes::Bytes;

/// When and how far an answer is sent. The default is at once and whole.
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    pub before_headers: Duration,
    /// Before every event but the first (or every piece, with `piece_bytes`).
    pub between_chunks: Duration,
    /// Sends the body in pieces of so many bytes, wherever they fall, also within a character.
    pub piece_bytes: Option<NonZeroUsize>,
    pub ending: Ending,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// Everything, and a proper end.
    #[default]
    Whole,
    /// Everything but the last event (`[DONE]`), and a proper end of the HTTP body.
    WithoutDone,
    /// A part, and a proper end of the HTTP body.
    Truncated(After),
    /// A part, then the connection is closed in the middle of the HTTP body.
    Cut(After),
    /// A part, then nothing, with the connection open until the client or the test gives up.
    Stall(After),
    /// `events` events, then one more that holds `data`, and a proper end of the HTTP body.
    Error { events: usize, data: String },
}

impl Ending {
    /// [`Ending::Error`] with a body of the shape that Mistral gives to a failure of its own.
    pub fn error(events: usize) -> Ending {
        Ending::Error { events, data: crate::error::ApiError::internal("Internal server error").body.to_string() }
    }
}

/// Where a stream stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    Events(usize),
    /// Bytes of the HTTP body.
    Bytes(usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Send(Bytes),
    Wait(Duration),
    /// Close the connection without the end of the body.
    Cut,
    Stall,
}

/// The plan for a body that consists of `events` (one only for a JSON body).
pub(crate) fn steps(mut events: Vec<Bytes>, delivery: &Delivery) -> Vec<Step> {
    let last = match &delivery.ending {
        Ending::Whole => None,
        Ending::WithoutDone => {
            events.pop();
            None
        }
        Ending::Truncated(after) => {
            events = first_part(events, *after);
            None
        }
        Ending::Cut(after) => {
            events = first_part(events, *after);
            Some(Step::Cut)
        }
        Ending::Stall(after) => {
            events = first_part(events, *after);
            Some(Step::Stall)
        }
        Ending::Error { events: count, data } => {
            events.truncate(*count);
            events.push(Bytes::from(format!("data: {data}\n\n")));
            None
        }
    };
    if let Some(size) = delivery.piece_bytes {
        let whole = Bytes::from(events.concat());
        events = whole.chunks(size.get()).map(|piece| whole.slice_ref(piece)).collect();
    }
    let mut steps = Vec::with_capacity(events.len() + 1);
    for (index, event) in events.into_iter().enumerate() {
        if index > 0 && !delivery.between_chunks.is_zero() {
            steps.push(Step::Wait(delivery.between_chunks));
        }
        steps.push(Step::Send(event));
    }
    steps.extend(last);
    steps
}

fn first_part(mut events: Vec<Bytes>, after: After) -> Vec<Bytes> {
    let mut left = match after {
        After::Events(count) => {
            events.truncate(count);
            return events;
        }
        After::Bytes(count) => count,
    };
    for event in &mut events {
        event.truncate(left);
        left -= event.len();
    }
    events.retain(|event| !event.is_empty());
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(delivery: Delivery, expected: &str) {
        let events = ["data: a\n\n", "data: é\n\n", "data: [DONE]\n\n"].map(Bytes::from).to_vec();
        let plan: Vec<String> = steps(events, &delivery)
            .into_iter()
            .map(|step| match step {
                Step::Send(bytes) => format!("send {}", bytes.escape_ascii()),
                Step::Wait(duration) => format!("wait {}", duration.as_millis()),
                Step::Cut => "cut".into(),
                Step::Stall => "stall".into(),
            })
            .collect();
        assert_eq!(plan.join("|"), expected);
    }

    #[test]
    fn a_plan_stops_where_it_was_told_to() {
        let ending = |ending| Delivery { ending, ..Delivery::default() };
        check(ending(Ending::Whole), r"send data: a\n\n|send data: \xc3\xa9\n\n|send data: [DONE]\n\n");
        check(ending(Ending::WithoutDone), r"send data: a\n\n|send data: \xc3\xa9\n\n");
        check(ending(Ending::Truncated(After::Events(1))), r"send data: a\n\n");
        check(ending(Ending::Cut(After::Bytes(16))), r"send data: a\n\n|send data: \xc3|cut");
        check(ending(Ending::Cut(After::Events(0))), "cut");
        check(
            ending(Ending::Stall(After::Events(99))),
            r"send data: a\n\n|send data: \xc3\xa9\n\n|send data: [DONE]\n\n|stall",
        );
        check(ending(Ending::Error { events: 1, data: "{}".into() }), r"send data: a\n\n|send data: {}\n\n");
    }

    #[test]
    fn pieces_fall_within_a_character_and_wait_between() {
        let delivery = Delivery {
            piece_bytes: NonZeroUsize::new(16),
            between_chunks: Duration::from_millis(5),
            ending: Ending::WithoutDone,
            ..Delivery::default()
        };
        check(delivery, r"send data: a\n\ndata: \xc3|wait 5|send \xa9\n\n");
    }
}
