//! One flag that everything slow looks at, set by Ctrl-C or by the time limit.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

/// Why everything should stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The human said so (Ctrl-C, SIGTERM).
    Human,
    /// `--max-time` has passed. The timer runs in the cli: this crate has no clock.
    WallTime,
}

/// A cheap handle; clones share one flag. The first stop wins.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    token: CancellationToken,
    why: Arc<OnceLock<Stop>>,
}

impl Cancel {
    pub fn stop(&self, why: Stop) {
        self.why.get_or_init(|| why);
        self.token.cancel();
    }

    pub fn is_set(&self) -> bool {
        self.token.is_cancelled()
    }

    pub fn why(&self) -> Option<Stop> {
        self.why.get().copied()
    }

    /// Returns once the flag is set, at once if it is already.
    pub async fn wait(&self) {
        self.token.cancelled().await;
    }
}
