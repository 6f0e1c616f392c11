//! A number with its noun, for what users and models read. Pure.

use std::fmt::Display;

/// `1 step`, `2 steps`.
pub fn counted<N: Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    let noun = plural(&count, noun);
    format!("{count} {noun}")
}

/// Only the noun.
pub fn plural<N: PartialEq + From<u8>>(count: &N, noun: &str) -> String {
    if *count == N::from(1) { noun.to_owned() } else { format!("{noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_zero_is_not() {
        let counts = [0, 1, 2].map(|count: usize| counted(count, "step"));
        assert_eq!(counts, ["0 steps", "1 step", "2 steps"]);
        assert_eq!(counted(1_u64, "more line"), "1 more line");
    }
}
