//! Any bytes in any pieces: the same events, and no panic. The first byte is the length of a piece.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((cut, bytes)) = bytes.split_first() {
        providers::properties::sse(bytes, &[*cut]);
    }
});
