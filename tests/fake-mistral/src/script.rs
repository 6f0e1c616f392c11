//! What the server answers: a list of turns, or a function that computes each. It never looks at the network.

use serde_json::Value;

use crate::fault::{Fault, Raw};
use crate::reply::Reply;

/// The answer to one accepted chat request.
#[derive(Clone, Debug)]
pub enum Turn {
    /// The model speaks.
    Reply(Reply),
    /// A status that is no 200, with a body of the shapes that were really seen.
    Fault(Fault),
    /// Bytes given by the test, for replaying a recorded exchange.
    Raw(Raw),
    /// The connection is reset before any byte of an answer (TCP RST).
    Reset,
}

impl From<Reply> for Turn {
    fn from(reply: Reply) -> Turn {
        Turn::Reply(reply)
    }
}

impl From<Fault> for Turn {
    fn from(fault: Fault) -> Turn {
        Turn::Fault(fault)
    }
}

impl From<Raw> for Turn {
    fn from(raw: Raw) -> Turn {
        Turn::Raw(raw)
    }
}

type Compute = Box<dyn Fn(&Value, usize) -> Turn + Send + Sync>;

/// The turns of a server. A request that comes after the last one is answered 400 `fake_script_over`, which no
/// client retries.
pub struct Script {
    source: Source,
}

enum Source {
    Once(Vec<Turn>),
    RepeatLast(Vec<Turn>),
    Computed(Compute),
}

impl Script {
    /// One turn for each accepted chat request, in order.
    pub fn new(turns: impl IntoIterator<Item = Turn>) -> Script {
        Script { source: Source::Once(turns.into_iter().collect()) }
    }

    /// Like [`Script::new`], and the last turn answers all later requests too.
    pub fn repeat_last(turns: impl IntoIterator<Item = Turn>) -> Script {
        Script { source: Source::RepeatLast(turns.into_iter().collect()) }
    }

    /// `compute` gets the request's body and its number among the accepted chat requests, from 0.
    pub fn computed(compute: impl Fn(&Value, usize) -> Turn + Send + Sync + 'static) -> Script {
        Script { source: Source::Computed(Box::new(compute)) }
    }

    /// The turn for the `n`-th accepted chat request, from 0; `None` when the script is over.
    pub(crate) fn turn(&self, body: &Value, n: usize) -> Option<Turn> {
        match &self.source {
            Source::Once(turns) => turns.get(n).cloned(),
            Source::RepeatLast(turns) => turns.get(n).or(turns.last()).cloned(),
            Source::Computed(compute) => Some(compute(body, n)),
        }
    }
}
