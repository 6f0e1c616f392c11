//! Which of its limits a server says is used up, from the headers of a 429. Pure.
//!
//! Mistral sends `x-ratelimit-remaining-tokens-minute` and its like (MISTRAL.md 2.4), OpenAI
//! `x-ratelimit-remaining-requests`, older gateways `ratelimitbysize-remaining`: all have the same parts.

/// `headers`: names in lower case, with their values. Such as `tokens per minute, limit 500000`.
pub(crate) fn used_up(headers: &[(&str, &str)]) -> Option<String> {
    let kinds: Vec<String> = headers
        .iter()
        .filter(|(name, value)| name.contains("ratelimit") && name.contains("remaining") && is_zero(value))
        .map(|(name, _)| {
            let limit_name = name.replace("remaining", "limit");
            let limit = headers.iter().find(|(other, _)| *other == limit_name).map(|(_, value)| value.trim());
            let limit = limit.map(|limit| format!(", limit {limit}")).unwrap_or_default();
            format!("{}{limit}", kind(name))
        })
        .collect();
    (!kinds.is_empty()).then(|| kinds.join("; "))
}

fn is_zero(value: &str) -> bool {
    value.trim().parse::<f64>().is_ok_and(|value| value <= 0.0)
}

/// `x-ratelimit-remaining-tokens-minute`: `tokens per minute`.
fn kind(name: &str) -> String {
    let after = name.split_once("ratelimit").map_or(name, |(_, after)| after);
    let parts: Vec<&str> = after.split('-').filter(|part| !part.is_empty() && *part != "remaining").collect();
    match parts.as_slice() {
        [] => "requests".to_owned(),
        ["bysize"] => "tokens".to_owned(),
        [what, time @ ("second" | "minute" | "hour" | "day" | "month")] => format!("{} per {time}", plural(what)),
        other => other.iter().map(|part| plural(part)).collect::<Vec<&str>>().join(" "),
    }
}

fn plural(what: &str) -> &str {
    match what {
        "req" | "request" => "requests",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[(&str, &str)], expected: Option<&str>) {
        assert_eq!(used_up(headers).as_deref(), expected);
    }

    #[test]
    fn the_limit_that_is_used_up_is_named() {
        check(
            &[
                ("x-ratelimit-limit-tokens-minute", "500000"),
                ("x-ratelimit-remaining-tokens-minute", "0"),
                ("x-ratelimit-remaining-req-minute", "12"),
            ],
            Some("tokens per minute, limit 500000"),
        );
        check(&[("x-ratelimit-remaining-req-minute", "0")], Some("requests per minute"));
        check(&[("x-ratelimit-remaining-tokens-month", "0")], Some("tokens per month"));
        check(
            &[("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-limit-requests", "60")],
            Some("requests, limit 60"),
        );
        check(&[("ratelimitbysize-remaining", "-5"), ("ratelimitbysize-limit", "1000")], Some("tokens, limit 1000"));
        check(&[("x-ratelimit-remaining-tokens-minute", "9"), ("retry-after", "0")], None);
    }
}
