//! 300 kills of the release build. `cargo bench -p house-tests --bench kill -- SEED` prints what was met.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench that meets a fault stops")]

#[path = "../fault.rs"]
mod fault;

use std::path::Path;
use std::process::Command;
use std::time::Instant;

fn main() {
    let house = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--release", "--quiet", "-p", "agent-cli"])
        .current_dir(house)
        .status();
    assert!(built.unwrap().success());
    // target/release/deps/kill-HASH
    let binary = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("agent");
    let seed = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(1);
    let began = Instant::now();
    let figures = fault::kill_and_resume(&binary, 300, seed);
    println!(
        "seed {seed}: {figures:?} in {:.0} s; nothing lost, doubled, half-written or refused",
        began.elapsed().as_secs_f64()
    );
}
