//! The approval rules of all layers together.

use agent::{Rule, Rules};

use super::{Config, Layer};
use crate::hint::Hint as _;

impl Config {
    /// The rules of every layer; deny beats ask beats allow, wherever each was said.
    pub(crate) fn rules(&self) -> anyhow::Result<Rules> {
        Ok(Rules {
            deny: self.rules_of(|layer| layer.deny.as_ref())?,
            ask: self.rules_of(|layer| layer.ask.as_ref())?,
            allow: self.rules_of(|layer| layer.allow.as_ref())?,
        })
    }

    fn rules_of(&self, field: impl Fn(&Layer) -> Option<&Vec<String>>) -> anyhow::Result<Vec<Rule>> {
        let texts = self.layers.iter().filter_map(|(place, layer)| Some((place, field(layer)?)));
        let rules = texts.flat_map(|(place, texts)| texts.iter().map(move |text| (place, text)));
        rules
            .map(|(place, text)| {
                Rule::parse(text)
                    .map_err(|why| anyhow::anyhow!("{place}: {why}"))
                    .hint("a rule is like `cargo test`, `exactly:make lint` or `edit:docs/**`")
            })
            .collect()
    }
}
