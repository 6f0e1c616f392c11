//! What a run may use, what it has used, and what is reached first. Pure.

use serde::{Deserialize, Serialize};

use crate::chat::Usage;

/// `None` anywhere: no such limit. Wall time is the cli's timer, see [`crate::Stop::WallTime`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Requests to the model.
    pub steps: Option<u32>,
    /// Tokens of all requests together, input and output.
    pub tokens: Option<u64>,
    pub cost_usd: Option<f64>,
    /// The model's window: the most tokens one request and its reply may have. `compact.rs` keeps it.
    pub context_tokens: Option<u64>,
}

/// USD per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Price {
    pub input: f64,
    /// Input that the server had in its prompt cache.
    pub cached: f64,
    pub output: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    pub steps: u32,
    pub input_tokens: u64,
    /// Part of `input_tokens`.
    pub cached_tokens: u64,
    pub output_tokens: u64,
    /// `None` where no price is known.
    pub cost_usd: Option<f64>,
    /// A server that reports no usage was met: some counts are bytes / 4.
    pub estimated: bool,
}

/// Which limit ended a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    Steps(u32),
    Tokens(u64),
    CostUsd(f64),
    WallTime,
}

impl Limits {
    /// Whether the next request, of about `input` tokens, may go out.
    pub fn before_request(&self, spent: &Spent, price: Option<Price>, input: u64) -> Option<Limit> {
        if let Some(steps) = self.steps
            && steps <= spent.steps
        {
            return Some(Limit::Steps(steps));
        }
        self.during_reply(spent, price, Usage { input, cached: 0, output: 0 })
    }

    /// Whether a reply that has come to `usage` so far must be stopped.
    pub fn during_reply(&self, spent: &Spent, price: Option<Price>, usage: Usage) -> Option<Limit> {
        let mut after = *spent;
        after.add(usage, price);
        if let Some(tokens) = self.tokens
            && tokens < after.tokens()
        {
            return Some(Limit::Tokens(tokens));
        }
        match (self.cost_usd, after.cost_usd) {
            (Some(limit), Some(cost)) if limit < cost => Some(Limit::CostUsd(limit)),
            (_, _) => None,
        }
    }

    /// The most tokens that a reply to about `input` tokens may have, where a limit bounds it.
    pub fn room_for_reply(&self, spent: &Spent, price: Option<Price>, input: u64) -> Option<u64> {
        let by_tokens = self.tokens.map(|tokens| tokens.saturating_sub(spent.tokens().saturating_add(input)));
        let by_cost = match (self.cost_usd, price) {
            (Some(limit), Some(price)) if 0.0 < price.output => {
                let left = limit - spent.cost_usd.unwrap_or_default() - price.of(Usage { input, cached: 0, output: 0 });
                Some((left.max(0.0) / price.output * 1e6) as u64)
            }
            (_, _) => None,
        };
        // A reply of no tokens is refused by some servers.
        [by_tokens, by_cost].into_iter().flatten().min().map(|room| room.max(1))
    }
}

impl Price {
    /// USD.
    pub fn of(&self, usage: Usage) -> f64 {
        let fresh = usage.input.saturating_sub(usage.cached);
        (fresh as f64 * self.input + usage.cached as f64 * self.cached + usage.output as f64 * self.output) / 1e6
    }
}

impl Spent {
    pub fn tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }

    pub fn add(&mut self, usage: Usage, price: Option<Price>) {
        self.input_tokens = self.input_tokens.saturating_add(usage.input);
        self.cached_tokens = self.cached_tokens.saturating_add(usage.cached);
        self.output_tokens = self.output_tokens.saturating_add(usage.output);
        if let Some(price) = price {
            self.cost_usd = Some(self.cost_usd.unwrap_or_default() + price.of(usage));
        }
    }
}

/// Tokens of `bytes` of text: 4 bytes a token, rounded up. Measured 4.3 on Rust source (CRATES.md 11).
pub fn estimate_tokens(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(4)
}

impl std::fmt::Display for Limit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Limit::Steps(steps) => write!(formatter, "the {steps}-step limit"),
            Limit::Tokens(tokens) => write!(formatter, "the {tokens}-token limit"),
            Limit::CostUsd(cost) => write!(formatter, "the USD {cost} cost limit"),
            Limit::WallTime => formatter.write_str("the time limit"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRICE: Price = Price { input: 0.4, cached: 0.04, output: 2.0 };

    fn spent(steps: u32, tokens: u64, cost_usd: f64) -> Spent {
        Spent { steps, input_tokens: tokens, cost_usd: Some(cost_usd), ..Spent::default() }
    }

    #[track_caller]
    fn check(limits: Limits, spent: Spent, input: u64, expected: Option<Limit>) {
        assert_eq!(limits.before_request(&spent, Some(PRICE), input), expected);
    }

    #[test]
    fn nothing_is_limited_by_default() {
        check(Limits::default(), spent(9_999, 1 << 40, 1e9), 1 << 30, None);
    }

    #[test]
    fn each_limit_stops_before_it_is_passed() {
        let steps = Limits { steps: Some(3), ..Limits::default() };
        check(steps, spent(2, 0, 0.0), 1, None);
        check(steps, spent(3, 0, 0.0), 1, Some(Limit::Steps(3)));
        let tokens = Limits { tokens: Some(1_000), ..Limits::default() };
        check(tokens, spent(1, 900, 0.0), 100, None);
        check(tokens, spent(1, 900, 0.0), 101, Some(Limit::Tokens(1_000)));
        let cost = Limits { cost_usd: Some(0.01), ..Limits::default() };
        check(cost, spent(1, 0, 0.0099), 200, None);
        check(cost, spent(1, 0, 0.0099), 300, Some(Limit::CostUsd(0.01)));
    }

    #[test]
    fn a_reply_gets_the_room_that_is_left() {
        let limits = Limits { tokens: Some(1_000), cost_usd: Some(0.001), ..Limits::default() };
        assert_eq!(limits.room_for_reply(&spent(1, 500, 0.0), Some(PRICE), 100), Some(400));
        assert_eq!(limits.room_for_reply(&spent(1, 500, 0.0009), Some(PRICE), 100), Some(30));
        assert_eq!(Limits::default().room_for_reply(&spent(1, 500, 0.0), Some(PRICE), 100), None);
    }

    #[test]
    fn cached_input_costs_its_own_price() {
        let cost = PRICE.of(Usage { input: 1_000_000, cached: 900_000, output: 100_000 });
        assert!((cost - (0.04 + 0.036 + 0.2)).abs() < 1e-9);
    }
}
