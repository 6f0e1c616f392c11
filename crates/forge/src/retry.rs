//! How long to wait before the next attempt, and when to stop trying.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, SystemTime};

use crate::failure::{Again, Failure, Trouble};

/// How long one operation is tried. An operation that is dropped is given up at once, whatever it waits for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Requests in a row that may fail before the operation does.
    pub attempts: u32,
    /// Waiting between attempts in all. A forge that asks for more is not waited for.
    pub waiting: Duration,
    /// The first wait where the forge asks for none; each further one is twice as long, up to 30 s, and each a quarter
    /// more or less, so that many runs do not come back at once.
    pub first_wait: Duration,
    /// For one answer, from the first byte sent to the last one read.
    pub answer: Duration,
    /// For one push or fetch.
    pub transfer: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            attempts: 6,
            waiting: Duration::from_secs(300),
            first_wait: Duration::from_millis(500),
            answer: Duration::from_secs(60),
            transfer: Duration::from_secs(600),
        }
    }
}

const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// GitHub: "If the retry-after header is not present, wait for at least one minute" (docs.github.com, "Best practices
/// for using the REST API"). GitLab's and Forgejo's proxies usually count by the minute too.
pub(crate) const UNSAID: Duration = Duration::from_secs(60);

/// What was used up of a [`Patience`] by one operation.
#[derive(Debug)]
pub(crate) struct Spent {
    patience: Patience,
    failed: u32,
    waited: Duration,
}

impl Spent {
    pub(crate) fn new(patience: Patience) -> Spent {
        Spent { patience, failed: 0, waited: Duration::ZERO }
    }

    /// Counts a failed attempt: the wait before the next one, `None` if there is none. `chance` is between 0 and 1.
    pub(crate) fn next(&mut self, again: Again, chance: f64) -> Option<Duration> {
        self.failed += 1;
        let Again::Later(asked) = again else { return None };
        let doubled = self.patience.first_wait.saturating_mul(1 << (self.failed - 1).min(16)).min(LONGEST_WAIT);
        let wait = asked.unwrap_or_else(|| doubled.mul_f64(0.75 + 0.5 * chance));
        if self.failed >= self.patience.attempts || self.waited + wait > self.patience.waiting {
            return None;
        }
        self.waited += wait;
        Some(wait)
    }

    /// Waits before another attempt, or gives up.
    pub(crate) async fn pause(&mut self, trouble: Trouble) -> Result<(), Failure> {
        let Some(wait) = self.next(trouble.again, chance()) else { return Err(trouble.failure) };
        tracing::debug!(wait_ms = wait.as_millis() as u64, why = trouble.failure.message, "again");
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

/// From the seed that each of these has of its own: chance enough for a wait.
fn chance() -> f64 {
    let seeded = RandomState::new().build_hasher().finish();
    f64::from((seeded >> 32) as u32) / f64::from(u32::MAX)
}

/// What a forge says about when to come back.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Headers<'a> {
    pub(crate) retry_after: Option<&'a str>,
    /// `X-RateLimit-Remaining` (GitHub), `RateLimit-Remaining` (GitLab).
    pub(crate) remaining: Option<&'a str>,
    /// `X-RateLimit-Reset`, `RateLimit-Reset`: seconds since 1970.
    pub(crate) reset: Option<&'a str>,
}

impl Headers<'_> {
    /// `Retry-After` in seconds or as a date, else the end of a used-up window. `now` is the forge's clock where it
    /// told us, so that ours may be wrong.
    pub(crate) fn wait(&self, now: SystemTime) -> Option<Duration> {
        let until = |time: SystemTime| time.duration_since(now).unwrap_or(Duration::ZERO);
        if let Some(after) = self.retry_after.map(str::trim) {
            if let Ok(seconds) = after.parse::<u64>() {
                return Some(Duration::from_secs(seconds));
            }
            if let Ok(date) = httpdate::parse_http_date(after) {
                return Some(until(date));
            }
        }
        if !self.is_used_up() {
            return None;
        }
        let reset = self.reset?.trim().parse().ok()?;
        // A second more: the window ends within the second that is named.
        Some(until(SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(reset))?) + Duration::from_secs(1))
    }

    pub(crate) fn is_used_up(&self) -> bool {
        self.remaining.is_some_and(|remaining| remaining.trim() == "0")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(asked: Option<u64>) -> Vec<u128> {
        let mut spent = Spent::new(Patience::default());
        let again = Again::Later(asked.map(Duration::from_secs));
        std::iter::from_fn(|| spent.next(again, 0.5)).map(|wait| wait.as_millis()).collect()
    }

    #[test]
    fn waits_double_and_the_forges_wish_counts() {
        assert_eq!(waits(None), [500, 1000, 2000, 4000, 8000]);
        assert_eq!(waits(Some(100)), [100_000, 100_000, 100_000]);
        assert_eq!(waits(Some(3600)), [0u128; 0]);
        assert_eq!(Spent::new(Patience::default()).next(Again::Never, 0.5), None);
    }

    #[test]
    fn runs_do_not_come_back_at_once_but_when_the_forge_says() {
        let first = |asked, chance| Spent::new(Patience::default()).next(Again::Later(asked), chance).unwrap();
        assert_eq!(first(None, 0.0).as_millis(), 375);
        assert_eq!(first(None, 1.0).as_millis(), 625);
        assert_eq!(first(Some(UNSAID), 1.0), UNSAID);
        assert!((0..99).map(|_| chance()).all(|chance| (0.0..=1.0).contains(&chance)));
        assert_ne!(chance(), chance());
    }

    #[test]
    fn what_forges_say_about_coming_back() {
        let now = httpdate::parse_http_date("Sun, 22 Nov 2026 08:00:00 GMT").unwrap();
        let epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let reset = (epoch + 9).to_string();
        let wait = |retry_after, remaining| {
            let headers = Headers { retry_after, remaining, reset: Some(&reset) };
            headers.wait(now).map(|wait| wait.as_secs())
        };
        assert_eq!(wait(Some("7"), Some("0")), Some(7));
        assert_eq!(wait(Some("Sun, 22 Nov 2026 08:00:05 GMT"), None), Some(5));
        assert_eq!(wait(Some("Sun, 22 Nov 2026 07:00:00 GMT"), None), Some(0));
        assert_eq!(wait(None, Some("0")), Some(10));
        assert_eq!(wait(Some("soon"), Some("0")), Some(10));
        assert_eq!(wait(None, Some("12")), None);
        assert_eq!(wait(None, None), None);
    }
}
