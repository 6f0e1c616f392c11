//! Which model answers if the user names none: the first of a table that the server's own list offers. Pure.
//!
//! Names come and go: Devstral was retired from Mistral's API, and is still what many servers and machines offer.

use agent::{ChatError, ChatErrorKind};

use crate::models::{ModelCard, closest, names, resolve};

/// A family of models, its names from the most wanted on.
struct Family {
    ids: &'static [&'static str],
    /// Why it replies. Nothing is to be said of the first family.
    reason: Option<&'static str>,
    /// Any other name that starts so, such as Ollama's `devstral:24b`.
    prefix: Option<&'static str>,
}

/// Devstral is what `agent` was made for. Its successors are those of Mistral's pages "Models" and "Reasoning" and of the
/// announcement of Mistral Large 4 of October 2026, in the order in which they serve coding agents.
const FAMILIES: &[Family] = &[
    Family {
        ids: &[
            FIRST_CHOICE,
            "devstral-2512",
            "devstral-latest",
            "devstral-small-latest",
            "labs-devstral-small-2512",
            "devstral-medium-2507",
            "devstral-small-2507",
        ],
        reason: None,
        prefix: Some("devstral"),
    },
    Family {
        ids: &["mistral-medium-3-5", "mistral-medium-3.5", "mistral-medium-latest"],
        reason: NO_DEVSTRAL,
        prefix: None,
    },
    Family { ids: &["mistral-large-4-0", "mistral-large-4", "mistral-large-2610"], reason: NO_DEVSTRAL, prefix: None },
    Family {
        ids: &["mistral-small-2603", "mistral-small-4", "mistral-small-latest"],
        reason: NO_DEVSTRAL,
        prefix: None,
    },
    Family { ids: &["codestral-latest", "codestral-2508"], reason: NO_DEVSTRAL, prefix: None },
];

const NO_DEVSTRAL: Option<&str> = Some("the server offers no Devstral");

/// What replies unless a server's list says otherwise.
pub const FIRST_CHOICE: &str = "devstral-medium-latest";

/// Asked if there is no list to choose from: Mistral retired Devstral, and this is its replacement (MISTRAL.md 0.1).
const WITHOUT_LIST: &str = "mistral-medium-3-5";

/// Whose list of models it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListOf {
    /// What it lacks is not there.
    Mistral,
    /// Routers and gateways take names that their list lacks.
    Others,
}

/// The model that is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    pub model: String,
    /// What the server says of it.
    pub card: Option<ModelCard>,
    /// Why this one, if the user named none.
    pub reason: Option<String>,
    /// What a human should know before relying on it.
    pub notice: Option<String>,
}

/// `wanted`: what the user named. `today`: the date, as `2026-12-01`. No cards: the list could not be read.
pub fn choose(wanted: Option<&str>, cards: &[ModelCard], of: ListOf, today: &str) -> Result<Choice, ChatError> {
    match wanted {
        Some(wanted) => named(wanted, cards, of),
        None => preferred(cards, of, today),
    }
}

fn named(wanted: &str, cards: &[ModelCard], of: ListOf) -> Result<Choice, ChatError> {
    let choice = Choice { model: wanted.to_owned(), card: None, reason: None, notice: None };
    if cards.is_empty() {
        return Ok(choice);
    }
    match (resolve(wanted, cards), of) {
        (Ok(card), _) => Ok(Choice { card: Some(card.clone()), notice: card.notice(), ..choice }),
        (Err(error), ListOf::Mistral) => Err(error),
        (Err(_), ListOf::Others) => {
            let notice = format!("the server does not list the model `{wanted}`; {}", closest(wanted, cards));
            Ok(Choice { notice: Some(notice), ..choice })
        }
    }
}

fn preferred(cards: &[ModelCard], of: ListOf, today: &str) -> Result<Choice, ChatError> {
    let choice = |model: &str, card: Option<&ModelCard>, reason: Option<&str>| Choice {
        model: model.to_owned(),
        card: card.cloned(),
        reason: reason.map(str::to_owned),
        notice: card.and_then(ModelCard::notice),
    };
    match (cards, of) {
        ([], _) => return Ok(choice(WITHOUT_LIST, None, Some("the server did not list its models"))),
        ([only], ListOf::Others) => return Ok(choice(&only.id, Some(only), Some("the server's only model"))),
        (_, ListOf::Mistral | ListOf::Others) => (),
    }
    let lasts = |card: &&ModelCard| card.deprecation.as_deref().is_none_or(|day| today < day);
    let (lasting, retired): (Vec<&ModelCard>, Vec<&ModelCard>) = cards.iter().partition(lasts);
    for cards in [lasting, retired] {
        for family in FAMILIES {
            let by_id = family.ids.iter().find_map(|id| find(&cards, |name| name == *id));
            let by_prefix =
                || family.prefix.and_then(|prefix| find(&cards, |name| name.to_lowercase().starts_with(prefix)));
            let found = by_id.or_else(by_prefix);
            if let Some((name, card)) = found {
                return Ok(choice(name, Some(card), family.reason));
            }
        }
    }
    let few: Vec<String> = names(cards).take(3).map(|name| format!("`{name}`")).collect();
    Err(ChatError {
        message: "no model was named, and the server offers none of the default ones".to_owned(),
        hint: Some(format!("pass --model, for example {}; `agent models` lists them all", few.join(", "))),
        kind: ChatErrorKind::Model,
    })
}

/// The first name that is wanted, and its card. Routers put a maker before a name.
fn find<'a>(cards: &[&'a ModelCard], is_wanted: impl Fn(&str) -> bool) -> Option<(&'a str, &'a ModelCard)> {
    let of_card = |card: &&'a ModelCard| {
        let card: &'a ModelCard = card;
        let mut names = std::iter::once(&card.id).chain(&card.aliases);
        let name = names.find(|name| name.rsplit('/').next().is_some_and(&is_wanted))?;
        Some((name.as_str(), card))
    };
    cards.iter().find_map(of_card)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const TODAY: &str = "2026-12-01";

    #[track_caller]
    fn check(wanted: Option<&str>, of: ListOf, ids: &[&str], expected: Expect) {
        let cards: Vec<ModelCard> =
            ids.iter().map(|id| ModelCard { id: (*id).to_owned(), ..ModelCard::default() }).collect();
        expected.assert_eq(&told(choose(wanted, &cards, of, TODAY)));
    }

    fn told(choice: Result<Choice, ChatError>) -> String {
        match choice {
            Ok(choice) => {
                let parts = [choice.reason.map(|reason| format!("({reason})")), choice.notice];
                let parts: Vec<String> = std::iter::once(choice.model).chain(parts.into_iter().flatten()).collect();
                parts.join(" ")
            }
            Err(error) => format!("error: {}\nhint: {}", error.message, error.hint.unwrap_or_default()),
        }
    }

    #[test]
    fn the_first_of_the_table_that_the_list_offers() {
        let new = ["mistral-large-4-0", "mistral-small-2603", "mistral-medium-3-5", "codestral-latest"];
        check(None, ListOf::Mistral, &new, expect!["mistral-medium-3-5 (the server offers no Devstral)"]);
        check(None, ListOf::Mistral, &new[..2], expect!["mistral-large-4-0 (the server offers no Devstral)"]);
        check(
            None,
            ListOf::Mistral,
            &["x", "codestral-latest"],
            expect!["codestral-latest (the server offers no Devstral)"],
        );
        check(None, ListOf::Mistral, &["mistral-medium-3-5", "devstral-2512"], expect!["devstral-2512"]);
        check(None, ListOf::Others, &["z/glm", "mistralai/devstral-2512"], expect!["mistralai/devstral-2512"]);
        check(None, ListOf::Others, &["qwen3", "Devstral:24b"], expect!["Devstral:24b"]);
        check(None, ListOf::Others, &["only.gguf"], expect!["only.gguf (the server's only model)"]);
        check(None, ListOf::Mistral, &[], expect!["mistral-medium-3-5 (the server did not list its models)"]);
        check(
            None,
            ListOf::Others,
            &["a", "b", "c", "d"],
            expect![[r#"
                error: no model was named, and the server offers none of the default ones
                hint: pass --model, for example `a`, `b`, `c`; `agent models` lists them all"#]],
        );
    }

    #[test]
    fn a_model_whose_day_has_passed_comes_last() {
        let card = |id: &str, day: &str| ModelCard {
            id: id.to_owned(),
            deprecation: Some(day.to_owned()),
            ..ModelCard::default()
        };
        let (gone, going) = (card("devstral-2512", "2026-11-30T12:00:00Z"), card("mistral-medium-3-5", "2027-01-01"));
        let cards = [gone.clone(), going, ModelCard { id: "other".to_owned(), ..ModelCard::default() }];
        expect![
            "mistral-medium-3-5 (the server offers no Devstral) the model `mistral-medium-3-5` retires on 2027-01-01"
        ]
        .assert_eq(&told(choose(None, &cards, ListOf::Mistral, TODAY)));
        expect!["devstral-2512 the model `devstral-2512` retires on 2026-11-30"].assert_eq(&told(choose(
            None,
            &[gone],
            ListOf::Mistral,
            TODAY,
        )));
    }

    #[test]
    fn a_named_model_is_strict_only_where_the_list_is_mistrals() {
        let list = ["mistralai/devstral-medium", "x/y"];
        check(
            Some("mistralai/devstral-medium:nitro"),
            ListOf::Others,
            &list,
            expect![
                "mistralai/devstral-medium:nitro the server does not list the model `mistralai/devstral-medium:nitro`; closest matches: `mistralai/devstral-medium`, `x/y`"
            ],
        );
        check(
            Some("mistralai/devstral-medium:nitro"),
            ListOf::Mistral,
            &list,
            expect![[r#"
                error: the server has no model `mistralai/devstral-medium:nitro`
                hint: closest matches: `mistralai/devstral-medium`, `x/y`"#]],
        );
        check(Some("any"), ListOf::Mistral, &[], expect!["any"]);
    }
}
