//! What is known of models before they are asked: data, one row a family. What a server says of its model goes first.
//!
//! What every model is given has no column: an assistant's message between a tool's and a user's.

use std::time::Duration;

use agent::{Price, Supervision, Thoughts};

use crate::bounds::ReplyBounds;
use crate::effort::Effort;
use crate::models::ModelCard;

/// How a model is best spoken to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    pub name: &'static str,
    /// How its ids begin, in small letters and without what stands before a slash.
    pub ids: &'static [&'static str],
    pub temperature: f64,
    /// In place of `temperature` while the model thinks.
    pub thinking_temperature: Option<f64>,
    /// The levels of `reasoning_effort` that it takes, the least first: a server refuses others with status 400. Empty
    /// if it takes none, `None` if that is not known.
    pub efforts: Option<&'static [Effort]>,
    /// For the work of an agent, where the human names none.
    pub effort: Option<Effort>,
    pub thoughts: Thoughts,
    pub strict_tools: StrictTools,
    pub text_calls: TextCalls,
    /// From its second fresh start on: with the first one's it would mostly write the same again.
    pub anew_temperature: Option<f64>,
    /// Tokens, where the server does not say.
    pub context_tokens: Option<u64>,
    /// The way to change a file that it is offered.
    pub edits: Edits,
    pub repo_map: RepoMap,
    pub supervision: Supervision,
    /// The longest silence once an answer has begun. llama-server's grammar lets some models write white space without
    /// end inside a call, of which nothing is sent: the same request, sent again, mostly goes well.
    pub longest_pause: Option<Duration>,
    pub reply_bounds: ReplyBounds,
    pub system_role: SystemRole,
    pub prices: &'static [ModelPrice],
}

/// USD per million tokens, at Mistral's own API.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ModelPrice {
    /// Id and aliases.
    pub ids: &'static [&'static str],
    pub price: Price,
}

/// The day on which the prices were read (MISTRAL.md section 3).
pub const PRICES_AS_OF: &str = "2026-11-22";

const fn usd(ids: &'static [&'static str], input: f64, cached: f64, output: f64) -> ModelPrice {
    ModelPrice { ids, price: Price { input, cached, output } }
}

/// Where a model takes its instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemRole {
    /// In a message of the system's.
    Own,
    /// In a first message of the user's, before the task's: the chat templates of Gemma and Gemma 2 refuse a system's
    /// with "System role not supported" (sgl-project/sglang#892).
    User,
}

/// Whether tools are sent with `strict: true`. Only with it does Mistral hold a model to their names and schemas
/// (MISTRAL.md 0.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrictTools {
    Sent,
    NotSent,
}

/// Which calls that are written as text are read as calls, at the end of a reply. See `text_calls.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextCalls {
    /// Until the server has sent a call as such, and never what Markdown quotes.
    Bare,
    /// Also a block that is fenced as JSON: the form of models whose server has no parser for them.
    Fenced,
    /// Also once the server has sent calls. llama-server reads the calls of Qwen2.5-Coder only in some of the forms in
    /// which it writes them.
    Always,
}

impl TextCalls {
    pub(crate) fn reads_fences(self) -> bool {
        match self {
            TextCalls::Bare => false,
            TextCalls::Fenced | TextCalls::Always => true,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edits {
    /// Diffs, and whole files for new ones.
    Diff,
    /// Whole files only, and few tools: for models whose diffs do not fit.
    WholeFile,
}

/// Whether a map of the repository is among the tools. That it pays is not measured yet, and each tool costs tokens and may
/// lead a small model astray: for those whose windows are large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepoMap {
    Offered,
    NotOffered,
}

/// The first whose beginning fits counts: `small` sizes stand before their families.
const PROFILES: &[Profile] = &[
    Profile {
        name: "devstral",
        ids: &["devstral", "labs-devstral"],
        temperature: 0.15,
        prices: &[
            usd(&["devstral-2512", "devstral-latest", "devstral-medium-latest"], 0.40, 0.04, 2.00),
            usd(&["labs-devstral-small-2512", "devstral-small-latest"], 0.10, 0.01, 0.30),
            usd(&["devstral-medium-2507"], 0.40, 0.04, 2.00),
            usd(&["devstral-small-2507"], 0.10, 0.01, 0.30),
            // Its cached price is in no table: the full one errs on the safe side.
            usd(&["devstral-small-2505"], 0.10, 0.10, 0.30),
        ],
        ..MISTRAL
    },
    // Before `mistral-medium-3`, which is another name of Medium 3.5.
    Profile {
        name: "mistral-medium-3.1",
        ids: &["mistral-medium-2505", "mistral-medium-2508", "mistral-medium-3-1", "mistral-medium-3.1"],
        context_tokens: Some(131_072),
        ..MISTRAL
    },
    Profile {
        name: "mistral-medium",
        ids: &["mistral-medium"],
        // Its own agent's (MISTRAL.md 3).
        thinking_temperature: Some(1.0),
        prices: &[usd(&["mistral-medium-3-5", "mistral-medium-3", "mistral-medium-latest"], 1.50, 0.15, 7.50)],
        ..MISTRAL_THINKING
    },
    // Window and `reasoning_effort` by docs.mistral.ai/inference/conversations/reasoning, of which an excerpt was read.
    Profile {
        name: "mistral-large-4",
        ids: &["mistral-large-4", "mistral-large-26"],
        context_tokens: Some(1_048_576),
        efforts: Some(&[Effort::Low, Effort::Medium, Effort::High]),
        // Second-hand: as for Medium 3.5. The server's list says its own.
        thinking_temperature: Some(1.0),
        // Second-hand: with it, replies stalled for minutes in another client, which dropped it.
        strict_tools: StrictTools::NotSent,
        // Second-hand: the prices of resellers (vercel.com/ai-gateway/models/mistral/mistral-large-4; another page says
        // 1.36 and 4.18). A cached price was not seen: a tenth, as for all others of Mistral's.
        prices: &[usd(&["mistral-large-4-0", "mistral-large-2610"], 0.70, 0.07, 2.10)],
        ..MISTRAL_THINKING
    },
    Profile {
        name: "mistral-large",
        ids: &["mistral-large"],
        prices: &[usd(&["mistral-large-2512"], 0.50, 0.05, 1.50)],
        ..MISTRAL
    },
    // The versions of 2025 take no `reasoning_effort`.
    Profile {
        name: "mistral-small-3",
        ids: &["mistral-small-24", "mistral-small-25", "mistral-small-3"],
        temperature: 0.15,
        context_tokens: Some(131_072),
        ..MISTRAL
    },
    Profile {
        name: "mistral-small",
        ids: &["mistral-small"],
        temperature: 0.15,
        // No source was found for it: the upper end of what Mistral recommends in general (MISTRAL.md 1.1).
        thinking_temperature: Some(0.7),
        prices: &[usd(&["mistral-small-2603", "mistral-small-latest"], 0.15, 0.015, 0.60)],
        ..MISTRAL_THINKING
    },
    // Deprecated. They think in any case, and took both levels in August 2026 (mozilla-ai/any-llm#1241).
    Profile {
        name: "magistral",
        ids: &["magistral"],
        temperature: 0.7,
        context_tokens: Some(131_072),
        ..MISTRAL_THINKING
    },
    Profile { name: "ministral", ids: &["ministral"], ..MISTRAL },
    Profile {
        name: "codestral",
        ids: &["codestral"],
        context_tokens: Some(131_072),
        prices: &[usd(&["codestral-2508", "codestral-latest"], 0.30, 0.03, 0.90)],
        ..MISTRAL
    },
    Profile {
        name: "small-coder",
        ids: &[
            "qwen2.5-coder-0.5b",
            "qwen2.5-coder-1.5b",
            "qwen2.5-coder-3b",
            "qwen2.5-coder:0.5b",
            "qwen2.5-coder:1.5b",
            "qwen2.5-coder:3b",
        ],
        anew_temperature: Some(0.6),
        edits: Edits::WholeFile,
        supervision: Supervision::Anew,
        text_calls: TextCalls::Always,
        longest_pause: Some(Duration::from_secs(60)),
        reply_bounds: ReplyBounds::NARROW,
        ..DEFAULT
    },
    Profile {
        name: "qwen-coder",
        ids: &["qwen2.5-coder"],
        supervision: Supervision::Close,
        text_calls: TextCalls::Always,
        longest_pause: Some(Duration::from_secs(60)),
        ..DEFAULT
    },
    Profile {
        name: "gemma",
        ids: &["gemma-", "gemma2", "gemma3", "gemma:", "codegemma"],
        system_role: SystemRole::User,
        ..DEFAULT
    },
    Profile { name: "glm", ids: &["zai-glm", "glm-"], prices: &[usd(&["zai-glm-5-2"], 1.40, 0.14, 4.40)], ..DEFAULT },
];

/// What Mistral's models have in common. Those that do not think refuse `reasoning_effort` (tontinton/maki#396).
const MISTRAL: Profile = Profile {
    context_tokens: Some(262_144),
    repo_map: RepoMap::Offered,
    efforts: Some(&[]),
    strict_tools: StrictTools::Sent,
    text_calls: TextCalls::Bare,
    ..DEFAULT
};

/// Those that think: `none` and `high` and nothing between, and high is recommended for agents and code
/// (docs.mistral.ai/inference/conversations/reasoning). They want their thoughts back on later turns
/// (mozilla-ai/any-llm#1241).
const MISTRAL_THINKING: Profile = Profile {
    efforts: Some(&[Effort::None, Effort::High]),
    effort: Some(Effort::High),
    thoughts: Thoughts::SentBack,
    ..MISTRAL
};

/// Where nothing is known. Servers on one's own machine often default to a temperature of 0.8, at which small models
/// miss the form of a call; Mistral's own agent took 0.2 (MISTRAL.md 3).
const DEFAULT: Profile = Profile {
    name: "default",
    ids: &[],
    temperature: 0.2,
    thinking_temperature: None,
    efforts: None,
    effort: None,
    thoughts: Thoughts::Dropped,
    strict_tools: StrictTools::Sent,
    text_calls: TextCalls::Fenced,
    anew_temperature: None,
    context_tokens: None,
    edits: Edits::Diff,
    repo_map: RepoMap::NotOffered,
    supervision: Supervision::Light,
    longest_pause: None,
    reply_bounds: ReplyBounds::WIDE,
    system_role: SystemRole::Own,
    prices: &[],
};

/// All profiles, the default last.
pub fn profiles() -> impl Iterator<Item = &'static Profile> {
    PROFILES.iter().chain([&DEFAULT])
}

impl Profile {
    /// Of the model with this id, such as `Qwen/Qwen2.5-Coder-1.5B-Instruct`.
    pub fn of(model: &str) -> &'static Profile {
        let id = model.rsplit('/').next().unwrap_or(model).to_lowercase();
        PROFILES.iter().find(|profile| profile.ids.iter().any(|start| id.starts_with(start))).unwrap_or(&DEFAULT)
    }

    /// Of a model on a server's list. A name that moves from version to version, such as `mistral-medium-latest`, says
    /// less than the others of the same model.
    pub fn of_card(card: &ModelCard) -> &'static Profile {
        let mut names = std::iter::once(&card.id).chain(&card.aliases);
        Profile::of(names.find(|name| !name.ends_with("-latest")).unwrap_or(&card.id))
    }

    pub fn named(name: &str) -> Option<&'static Profile> {
        profiles().find(|profile| profile.name == name)
    }
}

/// The price of a model of Mistral's own API. A model of the same name on a server of one's own costs nothing of this.
pub fn price(model: &str) -> Option<Price> {
    profiles().flat_map(|profile| profile.prices).find(|row| row.ids.contains(&model)).map(|row| row.price)
}

#[cfg(test)]
#[path = "profiles_tests.rs"]
mod tests;
