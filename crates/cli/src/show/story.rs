//! A session as a story: steps with their calls, each with what it cost and how long it took. Pure.

use std::collections::HashMap;
use std::time::Duration;

use agent::{Entry, Price, Reply, Spent, ToolCall, ToolOutcome, Usage};
use jiff::Timestamp;
use serde_json::Value;
use session::{Content, Session};

pub(super) struct Story<'a> {
    pub(super) session: &'a Session,
    pub(super) parts: Vec<Part<'a>>,
    /// Of the replies that were recorded; what broken attempts cost is known to the provider alone.
    pub(super) spent: Spent,
    pub(super) took: Duration,
}

pub(super) enum Part<'a> {
    System(&'a str),
    User(&'a str),
    Step(Step<'a>),
    /// What the model sees from here on in place of what was said before.
    Condensed(&'a str),
    /// Another process went on with it, with this model.
    Resumed(&'a str),
    End(&'a Value),
}

/// A reply of the model, and what came of its calls.
pub(super) struct Step<'a> {
    /// From 1, through the whole session.
    pub(super) number: usize,
    /// When the reply was whole. RFC 3339, UTC.
    pub(super) at: &'a str,
    pub(super) reply: &'a Reply,
    /// USD; `None` where no price or no usage is known.
    pub(super) cost: Option<f64>,
    /// Model and calls together.
    pub(super) took: Duration,
    pub(super) calls: Vec<Called<'a>>,
}

pub(super) struct Called<'a> {
    pub(super) call: &'a ToolCall,
    /// `None` where the program died before there was one.
    pub(super) outcome: Option<&'a ToolOutcome>,
    pub(super) took: Duration,
}

impl<'a> Story<'a> {
    pub(super) fn of(session: &'a Session) -> Story<'a> {
        let mut story = Story { session, parts: Vec::new(), spent: Spent::default(), took: Duration::ZERO };
        // Where the step of each call that waits for its outcome is.
        let mut waiting: HashMap<&str, usize> = HashMap::new();
        let mut before = session.header.created.parse().ok();
        let mut price = session.header.served.price;
        for line in &session.lines {
            let last = before;
            let took = since(&mut before, &line.at);
            let entry = match &line.entry {
                Content::Entry(entry) => entry.as_ref(),
                // It stands between a call and its outcome, which took all of the time.
                Content::Snapshot(_) => {
                    before = last;
                    continue;
                }
                Content::End(end) => {
                    story.parts.push(Part::End(end));
                    continue;
                }
                Content::Resumed(resumed) => {
                    price = resumed.served.price;
                    story.parts.push(Part::Resumed(&resumed.served.model));
                    continue;
                }
            };
            match entry {
                Entry::System { text } => story.parts.push(Part::System(text)),
                Entry::User { text } => story.parts.push(Part::User(text)),
                Entry::Reply(reply) => {
                    waiting.extend(reply.calls.iter().map(|call| (call.id.as_str(), story.parts.len())));
                    story.took += took;
                    let step = story.step(&line.at, reply, took, price);
                    story.parts.push(Part::Step(step));
                }
                Entry::Compaction { text, .. } => story.parts.push(Part::Condensed(text)),
                Entry::Outcome { call_id, outcome, .. } => {
                    story.took += took;
                    let part = waiting.remove(call_id.as_str()).and_then(|index| story.parts.get_mut(index));
                    if let Some(Part::Step(step)) = part {
                        step.took += took;
                        step.answer(call_id, outcome, took);
                    }
                }
            }
        }
        story
    }

    fn step(&mut self, at: &'a str, reply: &'a Reply, took: Duration, price: Option<Price>) -> Step<'a> {
        self.spent.steps += 1;
        self.spent.estimated |= reply.usage.is_none();
        self.spent.add(reply.usage.unwrap_or_default(), price);
        let calls = reply.calls.iter().map(|call| Called { call, outcome: None, took: Duration::ZERO });
        Step {
            number: self.spent.steps as usize,
            at,
            reply,
            cost: Option::zip(price, reply.usage).map(|(price, usage)| price.of(usage)),
            took,
            calls: calls.collect(),
        }
    }

    pub(super) fn steps(&self) -> impl Iterator<Item = &Step<'a>> {
        self.parts.iter().filter_map(|part| match part {
            Part::Step(step) => Some(step),
            Part::System(_) | Part::User(_) | Part::Condensed(_) | Part::Resumed(_) | Part::End(_) => None,
        })
    }

    /// How it ended, in a few words.
    pub(super) fn verdict(&self) -> String {
        match self.parts.last() {
            Some(Part::End(end)) => ending(end),
            Some(Part::System(_) | Part::User(_) | Part::Condensed(_) | Part::Resumed(_) | Part::Step(_)) | None => {
                "not ended: the program died, or is still running".to_owned()
            }
        }
    }
}

impl<'a> Step<'a> {
    fn answer(&mut self, call_id: &str, outcome: &'a ToolOutcome, took: Duration) {
        if let Some(called) = self.calls.iter_mut().find(|called| called.call.id == call_id) {
            called.outcome = Some(outcome);
            called.took = took;
        }
    }

    /// Time, tokens and cost, for a heading.
    pub(super) fn figures(&self) -> Vec<String> {
        let usage = self.reply.usage.map_or_else(|| "tokens not reported".to_owned(), tokens);
        let clock = self.at.get(11..19).unwrap_or(self.at).to_owned();
        let cost = self.cost.filter(|usd| 0.0 < *usd).map(cost);
        [Some(clock), Some(time(self.took)), Some(usage), cost].into_iter().flatten().collect()
    }
}

/// The time from the moment `before` to `at`, which takes its place. Clocks may be set back.
fn since(before: &mut Option<Timestamp>, at: &str) -> Duration {
    let Ok(at) = at.parse::<Timestamp>() else { return Duration::ZERO };
    let took = before.map_or(Duration::ZERO, |before| at.duration_since(before).try_into().unwrap_or_default());
    *before = Some(at);
    took
}

/// The words of the line that ended a run.
pub(super) fn ending(end: &Value) -> String {
    let word = |name| end.get(name).and_then(Value::as_str);
    let reason = word("reason").map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{}{reason}", word("finish").unwrap_or("ended").replace('_', " "))
}

pub(super) fn tokens(usage: Usage) -> String {
    let cached = if usage.cached == 0 { String::new() } else { format!(" ({} cached)", grouped(usage.cached)) };
    format!("{} in{cached}, {} out", grouped(usage.input), grouped(usage.output))
}

/// `1234567` as `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if 0 < index && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

pub(super) fn cost(usd: f64) -> String {
    format!("USD {usd:.4}")
}

pub(super) fn time(took: Duration) -> String {
    match took.as_secs() {
        0 => format!("{} ms", took.as_millis()),
        1..60 => format!("{:.1} s", took.as_secs_f64()),
        seconds @ 60..3600 => format!("{} m {:02} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {:02} m", seconds / 3600, seconds / 60 % 60),
    }
}
