//! Any text in any pieces (their lengths, then U+0001): the same words and calls, and no word lost.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &str| {
    let (cuts, text) = input.split_once('\u{1}').unwrap_or(("", input));
    providers::properties::screen(text, cuts.as_bytes());
});
