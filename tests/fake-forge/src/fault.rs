//! What goes wrong with one request.

/// How a request fails. Requests are counted from 1, those of git included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Refused before anything is done: a status, headers, a JSON body.
    Refused { status: u16, headers: Vec<(String, String)>, body: String },
    /// Done all the same, and answered with this status.
    DoneButRefused(u16),
    /// The connection ends before anything is done.
    Lost,
    /// Done, and the connection ends before the answer.
    DoneButLost,
    /// Never answered, and not done. The connection stays.
    Silent,
}

impl Fault {
    /// An error of the forge's own, such as 502.
    pub fn status(status: u16) -> Fault {
        Fault::Refused { status, headers: Vec::new(), body: format!("{{\"message\":\"fault {status}\"}}") }
    }

    /// The window's requests are used up: GitHub's 403 until a second since 1970.
    pub fn used_up(until: u64) -> Fault {
        let headers = [("x-ratelimit-remaining", "0".to_owned()), ("x-ratelimit-reset", until.to_string())];
        Fault::limit(403, &headers, "API rate limit exceeded for user ID 1.")
    }

    /// Too fast: 429 with a wait.
    pub fn too_many(retry_after_seconds: u64) -> Fault {
        Fault::limit(429, &[("retry-after", retry_after_seconds.to_string())], "Too Many Requests")
    }

    /// GitHub's other limit, which says 403.
    pub fn secondary(retry_after_seconds: u64) -> Fault {
        let said = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
        Fault::limit(403, &[("retry-after", retry_after_seconds.to_string())], said)
    }

    fn limit(status: u16, headers: &[(&str, String)], said: &str) -> Fault {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Fault::Refused { status, headers, body: format!("{{\"message\":\"{said}\"}}") }
    }
}
