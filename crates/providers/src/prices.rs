//! What Mistral's models cost, as data with its date.

use agent::Price;

/// The day on which the table was read (MISTRAL.md section 3).
pub const PRICES_AS_OF: &str = "2026-11-22";

/// USD per million tokens: ids and aliases, input, cached input, output.
const PRICES: &[(&[&str], f64, f64, f64)] = &[
    (&["mistral-medium-3-5", "mistral-medium-3", "mistral-medium-latest"], 1.50, 0.15, 7.50),
    (&["mistral-small-2603", "mistral-small-latest"], 0.15, 0.015, 0.60),
    (&["mistral-large-2512"], 0.50, 0.05, 1.50),
    (&["devstral-2512", "devstral-latest", "devstral-medium-latest"], 0.40, 0.04, 2.00),
    (&["labs-devstral-small-2512", "devstral-small-latest"], 0.10, 0.01, 0.30),
    (&["devstral-medium-2507"], 0.40, 0.04, 2.00),
    (&["devstral-small-2507"], 0.10, 0.01, 0.30),
    // Its cached price is in no table: the full one errs on the safe side.
    (&["devstral-small-2505"], 0.10, 0.10, 0.30),
    (&["codestral-2508", "codestral-latest"], 0.30, 0.03, 0.90),
    (&["zai-glm-5-2"], 1.40, 0.14, 4.40),
];

/// The price of a model of Mistral's own API. A model of the same name on a server of one's own costs nothing of this.
pub fn price(model: &str) -> Option<Price> {
    let (_, input, cached, output) = PRICES.iter().find(|(ids, ..)| ids.contains(&model))?;
    Some(Price { input: *input, cached: *cached, output: *output })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_id_once_and_cached_input_is_never_dearer() {
        let mut ids: Vec<&str> = PRICES.iter().flat_map(|(ids, ..)| ids.iter().copied()).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
        assert!(PRICES.iter().all(|(_, input, cached, output)| cached <= input && input < output));
        assert_eq!(price("devstral-medium-latest"), Some(Price { input: 0.4, cached: 0.04, output: 2.0 }));
        assert_eq!(price("llama"), None);
    }
}
