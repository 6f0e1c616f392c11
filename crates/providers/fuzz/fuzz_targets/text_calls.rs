//! Any text: a call is read only at its end, and from no quotation or thought.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| providers::properties::text_calls(text));
