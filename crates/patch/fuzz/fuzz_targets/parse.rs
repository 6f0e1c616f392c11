//! Any text is read as an edit or refused, without a panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Err(error) = patch::parse(text) {
        assert!(!error.to_string().is_empty());
    }
});
