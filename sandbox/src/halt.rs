//! Stops the program in the middle of a set of files, so that a test can kill it at that very moment. A release has none
//! of it.

use std::path::Path;

/// The path before whose change the program stops.
const STOP_BEFORE: &str = "AGENT_TEST_STOP_BEFORE";

pub(crate) fn before_change_of(path: &Path) {
    if cfg!(debug_assertions) && std::env::var_os(STOP_BEFORE).is_some_and(|stop| path == stop) {
        // A test waits for the stop, and fails where there is none.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
    }
}
