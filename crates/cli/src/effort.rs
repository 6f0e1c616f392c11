//! How much a model is asked to think: what the human wants, brought to a level that the model takes.

use providers::{Dialect, Effort, Profile};

use crate::config::Config;

/// The level that goes with each request, and a line for the human if it is not the one that they named.
pub(crate) fn choose(
    wanted: Option<Effort>,
    profile: &Profile,
    dialect: Dialect,
    model: &str,
) -> (Option<Effort>, Option<String>) {
    match (wanted, profile.efforts) {
        // A server of one's own has its own default; Mistral's is no thinking.
        (None, _) => (profile.effort.filter(|_| dialect == Dialect::Mistral), None),
        // Nothing is known of the model: its server decides.
        (Some(wanted), None) => (Some(wanted), None),
        (Some(Effort::None), Some([])) => (None, None),
        (Some(wanted), Some([])) => (None, Some(format!("{model} has no effort levels: effort {wanted} is ignored"))),
        (Some(wanted), Some(levels)) => {
            let nearest = wanted.nearest(levels);
            let note = nearest
                .filter(|nearest| *nearest != wanted)
                .map(|nearest| format!("{model} accepts effort {}, not {wanted}: using {nearest}", names(levels)));
            (nearest, note)
        }
    }
}

/// `none or high`
fn names(levels: &[Effort]) -> String {
    let names: Vec<&str> = levels.iter().map(|level| level.name()).collect();
    match names.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => names.concat(),
    }
}

/// The temperature: the human's word, then the server's, then what suits the model.
pub(crate) fn temperature(config: &Config, card: Option<f64>, profile: &Profile, effort: Option<Effort>) -> f64 {
    let thinks = effort.is_some_and(|effort| effort != Effort::None);
    let of_profile = profile.thinking_temperature.filter(|_| thinks).unwrap_or(profile.temperature);
    config.temperature().or(card).unwrap_or(of_profile)
}

/// For `/effort` alone: what is asked for, and what could be.
pub(crate) fn describe(effort: Option<Effort>, profile: &Profile, model: &str) -> String {
    let now = effort.map_or("the server's default", Effort::name);
    match profile.efforts {
        None => format!("{model}: effort {now}; its levels are unknown; to change it: /effort LEVEL"),
        Some([]) => format!("{model} has no effort levels"),
        Some(levels) => format!("{model}: effort {now}; it accepts {}: /effort LEVEL", names(levels)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(model: &str, wanted: Option<Effort>, expected: (Option<Effort>, &str)) {
        let (effort, note) = choose(wanted, Profile::of(model), Dialect::Mistral, model);
        assert_eq!((effort, note.unwrap_or_default().as_str()), expected, "{model} {wanted:?}");
    }

    #[test]
    fn each_model_is_sent_a_level_that_it_takes() {
        use Effort::{High, Low, Medium, None as Off, Xhigh};
        check("mistral-medium-3-5", None, (Some(High), ""));
        check("mistral-medium-3-5", Some(Off), (Some(Off), ""));
        check(
            "mistral-medium-3-5",
            Some(Low),
            (Some(High), "mistral-medium-3-5 accepts effort none or high, not low: using high"),
        );
        check(
            "mistral-large-4-0",
            Some(Xhigh),
            (Some(High), "mistral-large-4-0 accepts effort low, medium or high, not xhigh: using high"),
        );
        check("mistral-large-4-0", Some(Medium), (Some(Medium), ""));
        check("devstral-2512", None, (None, ""));
        check("devstral-2512", Some(Off), (None, ""));
        check("devstral-2512", Some(High), (None, "devstral-2512 has no effort levels: effort high is ignored"));
        check("gpt-5", Some(Medium), (Some(Medium), ""));
    }

    #[test]
    fn a_server_of_ones_own_is_asked_for_no_level_that_nobody_named() {
        let profile = Profile::of("mistral-small-2603");
        assert_eq!(choose(None, profile, Dialect::OpenAiCompatible, "m"), (None, None));
    }
}
