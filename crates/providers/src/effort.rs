//! How much a model thinks before it replies, as `reasoning_effort` names it. Pure.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// From the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
}

impl Effort {
    pub const ALL: [Effort; 6] =
        [Effort::None, Effort::Minimal, Effort::Low, Effort::Medium, Effort::High, Effort::Xhigh];

    pub fn name(self) -> &'static str {
        match self {
            Effort::None => "none",
            Effort::Minimal => "minimal",
            Effort::Low => "low",
            Effort::Medium => "medium",
            Effort::High => "high",
            Effort::Xhigh => "xhigh",
        }
    }

    /// The nearest of these levels, the higher of two. Who asks for some thinking gets some, where there is any.
    pub fn nearest(self, levels: &[Effort]) -> Option<Effort> {
        let rank = |effort: &Effort| {
            let distance = (*effort as i32 - self as i32).abs();
            let other_kind = (*effort == Effort::None) != (self == Effort::None);
            (other_kind, distance, std::cmp::Reverse(*effort))
        };
        levels.iter().copied().min_by_key(rank)
    }
}

impl FromStr for Effort {
    type Err = UnknownEffort;

    fn from_str(name: &str) -> Result<Effort, UnknownEffort> {
        let known = Effort::ALL.into_iter().find(|effort| effort.name().eq_ignore_ascii_case(name.trim()));
        known.ok_or_else(|| UnknownEffort(name.to_owned()))
    }
}

impl std::fmt::Display for Effort {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("unknown effort `{0}`: use none, minimal, low, medium, high or xhigh")]
pub struct UnknownEffort(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_level_never_turns_thinking_off() {
        let on_off = [Effort::None, Effort::High];
        let nearest = |levels: &[Effort]| Effort::ALL.map(|effort| effort.nearest(levels).map(Effort::name));
        assert_eq!(nearest(&on_off), ["none", "high", "high", "high", "high", "high"].map(Some));
        let three = [Effort::Low, Effort::Medium, Effort::High];
        assert_eq!(nearest(&three), ["low", "low", "low", "medium", "high", "high"].map(Some));
        assert_eq!(nearest(&[Effort::Low, Effort::High])[3], Some("high"), "the higher of two");
        assert_eq!(nearest(&[]), [None; 6]);
        assert_eq!(" High".parse::<Effort>().unwrap(), Effort::High);
        assert!("much".parse::<Effort>().is_err());
    }
}
