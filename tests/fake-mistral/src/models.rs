//! `GET /v1/models`: which models there are, in cards of the real shape (MISTRAL.md, sections 2.3 and 3).

use serde_json::{Value, json};

use crate::wire::CREATED;

/// A model of the server. Chat requests may name its id or any alias.
#[derive(Clone, Debug)]
pub struct ModelCard {
    pub id: String,
    pub aliases: Vec<String>,
    /// Tokens.
    pub max_context_length: u64,
    pub default_model_temperature: Option<f64>,
    /// When it retires or has retired, as in `2026-07-31T12:00:00Z`.
    pub deprecation: Option<String>,
    pub deprecation_replacement_model: Option<String>,
    pub life: Life,
    /// The levels of `reasoning_effort` that it takes; none: it takes no thinking chunks either.
    pub efforts: &'static [&'static str],
    pub vision: bool,
    pub fim: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Served,
    /// Listed, but a chat with it is answered 404.
    Retired,
}

impl ModelCard {
    /// A served text model of Devstral 2's kind: 262 144 tokens, temperature 0.15.
    pub fn new(id: &str, aliases: &[&str]) -> ModelCard {
        ModelCard {
            id: id.to_owned(),
            aliases: aliases.iter().map(|&alias| alias.to_owned()).collect(),
            max_context_length: 262_144,
            default_model_temperature: Some(0.15),
            deprecation: None,
            deprecation_replacement_model: None,
            life: Life::Served,
            efforts: &[],
            vision: false,
            fim: false,
        }
    }

    /// Whether it takes `reasoning_effort` and thinking chunks.
    pub(crate) fn reasons(&self) -> bool {
        !self.efforts.is_empty()
    }

    pub(crate) fn answers_to(&self, name: &str) -> bool {
        self.id == name || self.aliases.iter().any(|alias| alias == name)
    }

    /// The card under one of its names; the others are its aliases there, as in the real list.
    fn under(&self, name: &str) -> Value {
        let names = std::iter::once(&self.id).chain(&self.aliases);
        let aliases: Vec<&String> = names.filter(|&other| other != name).collect();
        json!({
            "id": name, "object": "model", "created": CREATED, "owned_by": "mistralai",
            "capabilities": {
                "completion_chat": true, "function_calling": true, "reasoning": self.reasons(),
                "completion_fim": self.fim, "fine_tuning": false, "vision": self.vision, "ocr": false,
                "classification": false, "moderation": false, "audio": false, "audio_transcription": false,
            },
            "name": self.id, "description": format!("Official {} Mistral AI model", self.id),
            "max_context_length": self.max_context_length, "aliases": aliases,
            "deprecation": self.deprecation, "deprecation_replacement_model": self.deprecation_replacement_model,
            "default_model_temperature": self.default_model_temperature, "type": "base",
        })
    }
}

/// Medium 3.5 and Small 4: others are refused (mozilla-ai/any-llm#1241).
const ON_OR_OFF: &[&str] = &["none", "high"];

/// Devstral 2 and its neighbours and successors, and `devstral-small-2505`, which is retired.
pub fn default_models() -> Vec<ModelCard> {
    vec![
        ModelCard::new("devstral-2512", &["devstral-latest", "devstral-medium-latest"]),
        ModelCard { vision: true, ..ModelCard::new("labs-devstral-small-2512", &["devstral-small-latest"]) },
        ModelCard {
            default_model_temperature: Some(1.0),
            efforts: ON_OR_OFF,
            vision: true,
            ..ModelCard::new("mistral-medium-3-5", &["mistral-medium-3", "mistral-medium-latest"])
        },
        ModelCard {
            default_model_temperature: None,
            efforts: ON_OR_OFF,
            vision: true,
            ..ModelCard::new("mistral-small-2603", &["mistral-small-latest"])
        },
        ModelCard {
            max_context_length: 1_048_576,
            default_model_temperature: None,
            efforts: &["low", "medium", "high"],
            vision: true,
            ..ModelCard::new("mistral-large-4-0", &["mistral-large-latest"])
        },
        ModelCard {
            max_context_length: 131_072,
            default_model_temperature: Some(0.3),
            fim: true,
            ..ModelCard::new("codestral-2508", &["codestral-latest"])
        },
        ModelCard {
            max_context_length: 131_072,
            deprecation: Some("2025-11-30T12:00:00Z".to_owned()),
            deprecation_replacement_model: Some("mistral-medium-3-5".to_owned()),
            life: Life::Retired,
            ..ModelCard::new("devstral-small-2505", &[])
        },
    ]
}

/// What Mistral offers since Devstral is retired: no Devstral, and the models that think come first, the largest of them
/// before all.
pub fn current_models() -> Vec<ModelCard> {
    let mut models: Vec<ModelCard> =
        default_models().into_iter().filter(|card| !card.id.contains("devstral")).rev().collect();
    models.sort_by_key(|card| (!card.reasons(), std::cmp::Reverse(card.max_context_length)));
    models
}

/// The body of `GET /v1/models`: one card for each id and each alias.
pub fn model_list(models: &[ModelCard]) -> Value {
    let names = |card: &ModelCard| std::iter::once(card.id.clone()).chain(card.aliases.clone()).collect::<Vec<_>>();
    let cards: Vec<Value> =
        models.iter().flat_map(|card| names(card).into_iter().map(|name| card.under(&name))).collect();
    json!({"object": "list", "data": cards})
}

/// The card of one name, for `GET /v1/models/{name}`.
pub(crate) fn model_card(models: &[ModelCard], name: &str) -> Option<Value> {
    models.iter().find(|card| card.answers_to(name)).map(|card| card.under(name))
}
