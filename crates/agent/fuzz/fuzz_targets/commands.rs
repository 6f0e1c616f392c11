//! Any command line is judged in every mode, without a panic, and rules only ever narrow what runs unasked.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use agent::{ApprovalPolicy, Effect, Mode, Rule, Rules, Verdict, commands_of};

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let rules = |texts: &[&str]| texts.iter().filter_map(|text| Rule::parse(text).ok()).collect();
    Rules { deny: rules(&["git push", "rm"]), ask: rules(&["cargo publish"]), allow: rules(&["cargo test"]) }
});

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = commands_of(text);
    let _ = Rule::parse(text);
    let effect = Effect::Run { command: text.to_owned(), timeout: Duration::from_secs(1) };
    for mode in [Mode::Confirm, Mode::AcceptEdits, Mode::Auto] {
        let narrowed = Rules { allow: Vec::new(), ..RULES.clone() };
        let free = ApprovalPolicy::new(mode).judge(&effect);
        let bound = ApprovalPolicy::with_rules(mode, narrowed).judge(&effect);
        assert!(free == Verdict::Allow || bound != Verdict::Allow, "{text:?}");
        ApprovalPolicy::with_rules(mode, RULES.clone()).offer(&effect);
    }
});
