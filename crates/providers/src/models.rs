//! The models of a server: its list, read leniently, and the search for the one that was asked for.

use std::time::Duration;

use agent::{ChatError, ChatErrorKind};
use serde_json::Value;
use tokio::time::sleep;

use crate::failure::{self, Failure};
use crate::http::Server;
use crate::retry::{RetryBudget, Spent};

/// Short: somebody waits for the run to begin.
const LIST_BUDGET: RetryBudget =
    RetryBudget { attempts: 3, waiting: Duration::from_secs(5), first_wait: Duration::from_millis(250) };

/// What a server says of a model. Mistral says all of it (MISTRAL.md 2.3), others little more than the id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelCard {
    pub id: String,
    pub aliases: Vec<String>,
    /// The day it retires or retired, as the server writes it.
    pub deprecation: Option<String>,
    pub replacement: Option<String>,
    pub default_temperature: Option<f64>,
    /// Tokens. Servers that do not know write 0.
    pub max_context_length: Option<u64>,
    /// Such as `completion_chat`, `function_calling`, `completion_fim`.
    pub capabilities: Vec<String>,
}

/// Ids that left the list, and what took their place (MISTRAL.md 0.1, of 2026-11-22).
const RETIRED: &[(&str, &str)] = &[
    ("devstral-small-2505", "mistral-medium-3-5"),
    ("devstral-small-2507", "mistral-small-2603"),
    ("devstral-medium-2507", "mistral-medium-3-5"),
    ("labs-devstral-small-2512", "mistral-medium-3-5"),
    ("devstral-small-latest", "mistral-medium-3-5"),
    ("devstral-2512", "mistral-medium-3-5"),
    ("devstral-latest", "mistral-medium-3-5"),
    ("devstral-medium-latest", "mistral-medium-3-5"),
];

impl Server {
    /// `GET /v1/models`, tried a few times: a run should not end before it begins because a server was busy.
    pub async fn models(&self) -> Result<Vec<ModelCard>, ChatError> {
        let mut spent = Spent::new(LIST_BUDGET);
        loop {
            match self.models_once().await {
                Ok(cards) => return Ok(cards),
                Err(failure) => match spent.next(failure.again, 0.5) {
                    Some(delay) => sleep(delay).await,
                    None => return Err(failure.error),
                },
            }
        }
    }

    pub(crate) async fn models_once(&self) -> Result<Vec<ModelCard>, Failure> {
        let body = self.get("models").await?;
        match serde_json::from_str(&body) {
            Ok(list) => Ok(cards(&list)),
            Err(_) => Err(failure::of_no_list(&crate::reason::excerpt(&body), &self.about)),
        }
    }
}

/// The card of the model that `wanted` names by its id or an alias.
///
/// A deprecated model is found as long as it is listed: some answer long after their day.
/// See [`ModelCard::notice`].
pub fn resolve<'a>(wanted: &str, cards: &'a [ModelCard]) -> Result<&'a ModelCard, ChatError> {
    let latest = format!("{wanted}:latest");
    let by_id = cards.iter().find(|card| card.id == wanted || card.id == latest);
    if let Some(card) = by_id.or_else(|| cards.iter().find(|card| card.aliases.iter().any(|alias| alias == wanted))) {
        return Ok(card);
    }
    let replacement = RETIRED.iter().find(|(old, _)| *old == wanted).map(|(_, new)| *new);
    let replacement = replacement.filter(|new| names(cards).any(|name| name == *new));
    let (message, hint) = match replacement {
        Some(new) => (format!("the model `{wanted}` has been retired"), format!("use its replacement: --model {new}")),
        None => (format!("the server has no model `{wanted}`"), closest(wanted, cards)),
    };
    Err(ChatError { message, hint: Some(hint), kind: ChatErrorKind::Model })
}

impl ModelCard {
    /// What a human should know before relying on it.
    pub fn notice(&self) -> Option<String> {
        let day = self.deprecation.as_deref()?.split('T').next().unwrap_or_default();
        let instead = self.replacement.as_ref().map(|new| format!("; use its replacement `{new}`")).unwrap_or_default();
        Some(format!("the model `{}` retires on {day}{instead}", self.id))
    }
}

fn cards(list: &Value) -> Vec<ModelCard> {
    // OpenAI's shape, Ollama's own, a bare list.
    let items = ["data", "models"].iter().find_map(|key| list.get(*key)).unwrap_or(list);
    items.as_array().into_iter().flatten().filter_map(card).collect()
}

fn card(item: &Value) -> Option<ModelCard> {
    let text = |key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
    let contexts = ["/max_context_length", "/max_model_len", "/context_length", "/context_window", "/meta/n_ctx"];
    let capabilities = match item.get("capabilities") {
        Some(Value::Object(flags)) => {
            flags.iter().filter(|(_, flag)| **flag == Value::Bool(true)).map(|(name, _)| name.clone()).collect()
        }
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(_) | None => Vec::new(),
    };
    let aliases = item.get("aliases").and_then(Value::as_array).into_iter().flatten();
    Some(ModelCard {
        id: item.as_str().map(str::to_owned).or_else(|| text("id")).or_else(|| text("name"))?,
        aliases: aliases.filter_map(Value::as_str).map(str::to_owned).collect(),
        deprecation: text("deprecation"),
        replacement: text("deprecation_replacement_model"),
        default_temperature: item.get("default_model_temperature").and_then(Value::as_f64),
        max_context_length: contexts.iter().find_map(|path| item.pointer(path)?.as_u64().filter(|tokens| 0 < *tokens)),
        capabilities,
    })
}

pub(crate) fn names(cards: &[ModelCard]) -> impl Iterator<Item = &str> {
    cards.iter().flat_map(|card| std::iter::once(&card.id).chain(&card.aliases)).map(String::as_str)
}

pub(crate) fn closest(wanted: &str, cards: &[ModelCard]) -> String {
    let mut near: Vec<(usize, &str)> = names(cards).map(|name| (distance(wanted, name), name)).collect();
    near.sort_unstable();
    near.dedup();
    let near: Vec<String> = near.iter().take(3).map(|(_, name)| format!("`{name}`")).collect();
    match near.as_slice() {
        [] => "the server lists no models".to_owned(),
        [only] => format!("it has {only}"),
        _ => format!("closest matches: {}", near.join(", ")),
    }
}

/// How many letters must be changed to make one word the other (Levenshtein).
pub fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, a) in left.chars().enumerate() {
        let mut next = vec![above + 1];
        for ((pair, b), before) in row.windows(2).zip(&right).zip(above + 1..) {
            let left_cell = next.last().copied().unwrap_or(before);
            if let [corner, over] = pair {
                next.push((corner + usize::from(a != *b)).min(over + 1).min(left_cell + 1));
            }
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(wanted: &str, list: &Value, expected: Expect) {
        expected.assert_eq(&match resolve(wanted, &cards(list)) {
            Ok(card) => {
                format!("{} {:?} {:?} {:?}", card.id, card.max_context_length, card.default_temperature, card.notice())
            }
            Err(error) => format!("error: {}\nhint: {}", error.message, error.hint.unwrap()),
        });
    }

    #[test]
    fn distances() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }

    #[test]
    fn mistral() {
        let list = json!({"object": "list", "data": [
            {"id": "devstral-2512", "aliases": ["devstral-latest", "devstral-medium-latest"], "max_context_length": 262144,
             "default_model_temperature": 0.15, "deprecation": "2026-07-31T12:00:00Z",
             "deprecation_replacement_model": "mistral-medium-3-5", "capabilities": {"completion_chat": true, "vision": false}},
            {"id": "mistral-medium-3-5", "aliases": [], "deprecation": null, "max_context_length": 262144},
        ]});
        check(
            "devstral-medium-latest",
            &list,
            expect![
                "devstral-2512 Some(262144) Some(0.15) Some(\"the model `devstral-2512` retires on 2026-07-31; use its \
                 replacement `mistral-medium-3-5`\")"
            ],
        );
        check(
            "devstral-small-2505",
            &list,
            expect![[r#"
            error: the model `devstral-small-2505` has been retired
            hint: use its replacement: --model mistral-medium-3-5"#]],
        );
        check(
            "devstral-2521",
            &list,
            expect![[r#"
            error: the server has no model `devstral-2521`
            hint: closest matches: `devstral-2512`, `devstral-latest`, `devstral-medium-latest`"#]],
        );
        assert_eq!(cards(&list)[0].capabilities, ["completion_chat"]);
    }

    #[test]
    fn local_servers() {
        let llama = json!({"models": [{"name": "q.gguf"}], "data": [{"id": "q.gguf", "meta": {"n_ctx": 8192}}]});
        check("q.gguf", &llama, expect!["q.gguf Some(8192) None None"]);
        let ollama = json!({"object": "list", "data": [{"id": "qwen2.5-coder:latest", "owned_by": "library"}]});
        check("qwen2.5-coder", &ollama, expect!["qwen2.5-coder:latest None None None"]);
        let unknown = json!({"data": [{"id": "m", "context_length": 0, "meta": {"n_ctx": 0}}]});
        check("m", &unknown, expect!["m None None None"]);
        check(
            "x",
            &json!({"data": [{"id": "m", "max_model_len": 4096}]}),
            expect![[r#"
            error: the server has no model `x`
            hint: it has `m`"#]],
        );
        check(
            "x",
            &json!({"data": null}),
            expect![[r#"
            error: the server has no model `x`
            hint: the server lists no models"#]],
        );
    }
}
