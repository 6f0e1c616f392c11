//! Notices a model that goes in circles: the same call with the same result, again and again.
//!
//! Counted since the last write that changed a file, because a test that fails
//! the same way after each try at a fix is work, not a circle.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::nudge::Supervision;
use crate::tool::{ToolCall, ToolOutcome};

/// The model is told at the third time (issue 2: "tell the model at 3, stop as stuck at 5").
const TELL: u32 = 3;
const STOP: u32 = 5;
/// Small models go in circles of several calls, each of which costs them what time and window they have.
const TELL_CLOSELY: u32 = 2;

#[derive(Debug)]
pub(crate) struct Breaker {
    tell: u32,
    seen: HashMap<u64, u32>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Circle {
    No,
    Tell(String),
    Stop(String),
}

impl Breaker {
    pub(crate) fn new(supervision: Supervision) -> Breaker {
        let tell = match supervision {
            Supervision::Light => TELL,
            Supervision::Close | Supervision::Anew => TELL_CLOSELY,
        };
        Breaker { tell, seen: HashMap::new() }
    }

    pub(crate) fn record(&mut self, call: &ToolCall, outcome: &ToolOutcome) -> Circle {
        let mut hasher = DefaultHasher::new();
        (&call.name, call.arguments.as_json(), outcome.text()).hash(&mut hasher);
        let times = self.seen.entry(hasher.finish()).or_default();
        *times += 1;
        match *times {
            STOP.. => Circle::Stop(format!("it called `{}` {times} times with the same result", call.name)),
            times if self.tell <= times => Circle::Tell(format!(
                "[The same call gave the same result {times} times, with no file changed in between. Repeating it will \
                 not help: try something else. If the task is done, answer without a tool call.]"
            )),
            _ => Circle::No,
        }
    }

    /// Files changed: results seen before may be news again.
    pub(crate) fn reset(&mut self) {
        self.seen.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Arguments;

    fn record(breaker: &mut Breaker, command: &str, result: &str) -> &'static str {
        let arguments = Arguments::read(&format!("{{\"command\":\"{command}\"}}"));
        let call = ToolCall { id: "c00000001".to_owned(), name: "run_command".to_owned(), arguments };
        match breaker.record(&call, &ToolOutcome::failed(result)) {
            Circle::No => "no",
            Circle::Tell(_) => "tell",
            Circle::Stop(_) => "stop",
        }
    }

    #[test]
    fn it_tells_at_three_and_stops_at_five() {
        let mut breaker = Breaker::new(Supervision::Light);
        let seen: Vec<&str> = (0..5).map(|_| record(&mut breaker, "ls", "no")).collect();
        assert_eq!(seen, ["no", "no", "tell", "tell", "stop"]);
    }

    #[test]
    fn two_calls_in_turn_are_a_circle_too() {
        let mut breaker = Breaker::new(Supervision::Light);
        let seen: Vec<&str> = (0..6).map(|n| record(&mut breaker, ["a", "b"][n % 2], "no")).collect();
        assert_eq!(seen, ["no", "no", "no", "no", "tell", "tell"]);
    }

    #[test]
    fn it_tells_sooner_where_the_model_is_watched_closely() {
        let mut breaker = Breaker::new(Supervision::Close);
        let seen: Vec<&str> = (0..5).map(|_| record(&mut breaker, "ls", "no")).collect();
        assert_eq!(seen, ["no", "tell", "tell", "tell", "stop"]);
    }

    #[test]
    fn other_results_and_changed_files_are_news() {
        let mut breaker = Breaker::new(Supervision::Light);
        for n in 0..9 {
            assert_eq!(record(&mut breaker, "make", &format!("error {n}")), "no");
        }
        for _ in 0..9 {
            assert_eq!(record(&mut breaker, "make test", "1 failed"), "no");
            breaker.reset();
        }
    }
}
