//! 300 kills of the release build. `cargo bench -p house-tests --bench kill -- SEED` prints what was met.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench that meets a fault stops")]

#[path = "../fault.rs"]
mod fault;

use std::time::Instant;

fn main() {
    let binary = house_tests::release_binary();
    let seed = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(1);
    let began = Instant::now();
    let figures = fault::kill_and_resume(&binary, 300, seed);
    println!(
        "seed {seed}: {figures:?} in {:.0} s; nothing lost, doubled, half-written or refused",
        began.elapsed().as_secs_f64()
    );
}
