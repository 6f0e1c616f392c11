//! What is known of models before they are asked: data, one row a family. What a server says of its model goes first.

use std::time::Duration;

use agent::Supervision;

/// How a model is best spoken to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    pub name: &'static str,
    /// How its ids begin, in small letters and without what stands before a slash.
    pub ids: &'static [&'static str],
    pub temperature: f64,
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
    /// Calls after which a reply ends. Qwen2.5-Coder 1.5B, asked to check its work, wrote lists of calls until its window
    /// was full in 6 of 6 replies, `rm` of its own file among them; llama-server does not heed `parallel_tool_calls`.
    pub most_calls: Option<usize>,
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
        anew_temperature: None,
        context_tokens: Some(262_144),
        edits: Edits::Diff,
        repo_map: RepoMap::Offered,
        supervision: Supervision::Light,
        longest_pause: None,
        most_calls: None,
    },
    Profile {
        name: "mistral-medium",
        ids: &["mistral-medium", "mistral-large"],
        temperature: 0.2,
        anew_temperature: None,
        context_tokens: Some(262_144),
        edits: Edits::Diff,
        repo_map: RepoMap::Offered,
        supervision: Supervision::Light,
        longest_pause: None,
        most_calls: None,
    },
    Profile {
        name: "mistral-small",
        ids: &["mistral-small"],
        temperature: 0.15,
        anew_temperature: None,
        context_tokens: Some(262_144),
        edits: Edits::Diff,
        repo_map: RepoMap::Offered,
        supervision: Supervision::Light,
        longest_pause: None,
        most_calls: None,
    },
    Profile {
        name: "codestral",
        ids: &["codestral"],
        temperature: 0.2,
        anew_temperature: None,
        context_tokens: Some(131_072),
        edits: Edits::Diff,
        repo_map: RepoMap::Offered,
        supervision: Supervision::Light,
        longest_pause: None,
        most_calls: None,
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
        temperature: 0.2,
        anew_temperature: Some(0.6),
        context_tokens: None,
        edits: Edits::WholeFile,
        repo_map: RepoMap::NotOffered,
        supervision: Supervision::Anew,
        longest_pause: Some(Duration::from_secs(60)),
        most_calls: Some(1),
    },
    Profile {
        name: "qwen-coder",
        ids: &["qwen2.5-coder"],
        temperature: 0.2,
        anew_temperature: None,
        context_tokens: None,
        edits: Edits::Diff,
        repo_map: RepoMap::NotOffered,
        supervision: Supervision::Close,
        longest_pause: Some(Duration::from_secs(60)),
        most_calls: None,
    },
];

/// Where nothing is known. Servers on one's own machine often default to a temperature of 0.8, at which small models
/// miss the form of a call; Mistral's own agent took 0.2 (MISTRAL.md 3).
const DEFAULT: Profile = Profile {
    name: "default",
    ids: &[],
    temperature: 0.2,
    anew_temperature: None,
    context_tokens: None,
    edits: Edits::Diff,
    repo_map: RepoMap::NotOffered,
    supervision: Supervision::Light,
    longest_pause: None,
    most_calls: None,
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

    pub fn named(name: &str) -> Option<&'static Profile> {
        profiles().find(|profile| profile.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_the_profile_of_its_family_and_size() {
        for (model, profile) in [
            ("devstral-medium-latest", "devstral"),
            ("labs-devstral-small-2512", "devstral"),
            ("mistral-medium-3-5", "mistral-medium"),
            ("mistral-small-2603", "mistral-small"),
            ("codestral-latest", "codestral"),
            ("Qwen/Qwen2.5-Coder-1.5B-Instruct", "small-coder"),
            ("qwen2.5-coder:7b", "qwen-coder"),
            ("llama3.2", "default"),
            ("", "default"),
        ] {
            assert_eq!(Profile::of(model).name, profile, "{model}");
        }
    }

    #[test]
    fn names_are_unique_and_found() {
        for profile in profiles() {
            assert_eq!(Profile::named(profile.name), Some(profile));
        }
        assert_eq!(Profile::named("none"), None);
    }
}
