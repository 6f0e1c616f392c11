//! A session as a trajectory in ATIF, the Agent Trajectory Interchange Format, for whoever trains, compares or looks at
//! runs of many agents. Pure.
//!
//! The format is what Harbor 0.26.0 (PyPI `harbor`) reads: `harbor/models/trajectories/{trajectory,step,tool_call,
//! observation_result,metrics,final_metrics,agent}.py`. Those models forbid what they do not know, so what has no field
//! of its own is in an `extra`. How a compaction is told follows `harbor/agents/installed/vibe.py` there.

use agent::{Arguments, Entry, Price, Spent, ToolOutcome, Usage};
use serde_json::{Map, Value, json};
use session::Content;

use crate::show::story::{Called, Step, Story};

/// What a trajectory begins with, whichever version of the format it has.
pub(super) const MARK: &str = "{\n  \"schema_version\": \"ATIF-v";
/// `Trajectory.schema_version` in `harbor/models/trajectories/trajectory.py`.
const VERSION: &str = "ATIF-v1.8";

/// `None` where nothing was said: the format has no trajectory without steps.
pub(super) fn render(story: &Story<'_>) -> Option<String> {
    let header = &story.session.header;
    let mut told = Told {
        model: &header.served.model,
        price: header.served.price,
        spent: story.spent,
        steps: Vec::new(),
        happened: Vec::new(),
    };
    let mut replies = story.steps();
    for line in &story.session.lines {
        let at = &line.at;
        let mut step = match &line.entry {
            Content::Entry(entry) => match entry.as_ref() {
                Entry::System { text } => json!({"timestamp": at, "source": "system", "message": text}),
                Entry::User { text } => json!({"timestamp": at, "source": "user", "message": text}),
                Entry::Reply(_) => match replies.next() {
                    Some(step) => reply(step, told.model),
                    None => continue,
                },
                Entry::Compaction { text, usage, .. } => told.compaction(at, text, *usage),
                // With the calls, in their step.
                Entry::Outcome { .. } => continue,
            },
            Content::Resumed(resumed) => {
                told.model = &resumed.served.model;
                told.price = resumed.served.price;
                let version = &resumed.resumed;
                told.happened.push(json!({"at": at, "resumed_with": told.model, "agent_version": version}));
                continue;
            }
            Content::End(end) => {
                told.happened.push(json!({"ended": end}));
                continue;
            }
            // Of use to none but the program that has the contents.
            Content::Snapshot(_) => continue,
        };
        // A fork begins as a copy, with the times of the original.
        if header.forked_from.is_some()
            && at < &header.created
            && let Value::Object(fields) = &mut step
        {
            fields.insert("is_copied_context".to_owned(), Value::Bool(true));
        }
        told.push(step);
    }
    if told.steps.is_empty() {
        return None;
    }
    let mut document = json!({
        "schema_version": VERSION,
        "session_id": header.id,
        "trajectory_id": header.id,
        "agent": {
            "name": "agent",
            "version": header.agent,
            "model_name": header.served.model,
            "extra": {
                "workspace": header.workspace,
                "context_tokens": header.served.context_tokens,
                "price_usd_per_million_tokens": header.served.price,
            },
        },
        "steps": told.steps,
        "notes": notes(story),
        "final_metrics": {
            "total_prompt_tokens": told.spent.input_tokens,
            "total_completion_tokens": told.spent.output_tokens,
            "total_cached_tokens": told.spent.cached_tokens,
            "total_cost_usd": told.spent.cost_usd,
            "total_steps": told.steps.len(),
            "extra": {"model_replies": story.spent.steps, "seconds": story.took.as_secs_f64()},
        },
        "extra": {
            "created": header.created,
            "forked_from": header.forked_from,
            "happened": told.happened,
        },
    });
    without_nothing(&mut document);
    Some(format!("{document:#}\n"))
}

/// What was told so far.
struct Told<'a> {
    /// Who answers, and what that costs.
    model: &'a str,
    price: Option<Price>,
    /// By all replies, and by the summaries so far.
    spent: Spent,
    steps: Vec<Value>,
    /// What is no step: ends, and processes that went on.
    happened: Vec<Value>,
}

impl Told<'_> {
    fn push(&mut self, step: Value) {
        // Counted from 1 without a gap: `validate_step_ids`.
        let mut numbered = json!({"step_id": self.steps.len() + 1});
        if let (Value::Object(numbered), Value::Object(fields)) = (&mut numbered, step) {
            numbered.extend(fields);
        }
        self.steps.push(numbered);
    }

    /// `metrics` are for steps of the agent alone, so the summary's are in `extra`, and in the totals.
    fn compaction(&mut self, at: &str, text: &str, usage: Option<Usage>) -> Value {
        if let Some(usage) = usage {
            self.spent.add(usage, self.price);
        }
        let cost = Option::zip(self.price, usage).map(|(price, usage)| price.of(usage));
        let management = json!({"type": "compaction", "metrics": usage.map(|usage| metrics(usage, cost))});
        json!({"timestamp": at, "source": "system", "message": text, "extra": {"context_management": management}})
    }
}

/// What a reader of the figures must know.
fn notes(story: &Story<'_>) -> Option<String> {
    let bounds = "some replies had no usage figures, so the totals are lower bounds";
    let bounds = story.spent.estimated.then_some(bounds);
    let notes: Vec<&str> = bounds.into_iter().chain(story.session.notices.iter().map(String::as_str)).collect();
    (!notes.is_empty()).then(|| notes.join("\n"))
}

fn reply(step: &Step<'_>, model: &str) -> Value {
    let said = step.reply;
    let calls: Vec<Value> = step.calls.iter().map(call).collect();
    let results: Vec<Value> = step.calls.iter().filter_map(result).collect();
    json!({
        "timestamp": step.at,
        "source": "agent",
        "model_name": model,
        "message": said.text,
        "reasoning_content": (!said.thinking.is_empty()).then_some(&said.thinking),
        "tool_calls": (!calls.is_empty()).then_some(calls),
        "observation": (!results.is_empty()).then(|| json!({"results": results})),
        "metrics": said.usage.map(|usage| metrics(usage, step.cost)),
        "llm_call_count": 1,
        "extra": {"finish_reason": said.finish, "seconds": step.took.as_secs_f64()},
    })
}

fn metrics(usage: Usage, cost: Option<f64>) -> Value {
    let Usage { input, cached, output } = usage;
    json!({"prompt_tokens": input, "completion_tokens": output, "cached_tokens": cached, "cost_usd": cost})
}

/// Arguments are an object always, so those that are none stand as they went back to the model.
fn call(called: &Called<'_>) -> Value {
    let call = called.call;
    let (arguments, why) = match &call.arguments {
        Arguments::Object(object) => (object.clone(), None),
        Arguments::Broken { raw, why } => {
            (Map::from_iter([("invalid_json".to_owned(), Value::from(raw.as_str()))]), Some(json!({"unreadable": why})))
        }
    };
    json!({"tool_call_id": call.id, "function_name": call.name, "arguments": arguments, "extra": why})
}

fn result(called: &Called<'_>) -> Option<Value> {
    let outcome = called.outcome?;
    let how = match outcome {
        ToolOutcome::Done(_) => "done",
        ToolOutcome::Failed(_) => "failed",
        ToolOutcome::Refused(_) => "refused",
        ToolOutcome::Cancelled => "cancelled",
        ToolOutcome::Interrupted => "interrupted",
    };
    let extra = json!({"outcome": how, "seconds": called.took.as_secs_f64()});
    Some(json!({"source_call_id": called.call.id, "content": outcome.text(), "extra": extra}))
}

/// Takes out the fields of ours that say nothing. What a model gave as an argument stays, `null` too.
fn without_nothing(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            let ours = fields.iter_mut().filter(|(name, _)| !["arguments", "ended"].contains(&name.as_str()));
            ours.for_each(|(_, field)| without_nothing(field));
        }
        Value::Array(items) => items.iter_mut().for_each(without_nothing),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
    }
}
