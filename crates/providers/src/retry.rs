//! How long to wait before the next attempt, and when to stop trying. Pure: it neither sleeps nor looks at a clock.

use std::time::{Duration, SystemTime};

use crate::failure::Again;

/// One budget for everything that can go wrong with one request.
#[derive(Clone, Copy, Debug)]
pub struct RetryBudget {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// Waiting between attempts in all.
    pub waiting: Duration,
    /// The first wait where the server asks for none; each further one is twice as long, up to 30 s.
    pub first_wait: Duration,
}

impl Default for RetryBudget {
    fn default() -> RetryBudget {
        RetryBudget { attempts: 8, waiting: Duration::from_secs(300), first_wait: Duration::from_millis(500) }
    }
}

const LONGEST_WAIT: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Spent {
    budget: RetryBudget,
    /// Attempts that failed.
    pub(crate) attempts: u32,
    waited: Duration,
}

impl Spent {
    pub(crate) fn new(budget: RetryBudget) -> Spent {
        Spent { budget, attempts: 0, waited: Duration::ZERO }
    }

    /// Counts a failed attempt: the wait before the next one, `None` if there is none.
    /// `chance` is between 0 and 1; it keeps many clients from coming back at once.
    pub(crate) fn next(&mut self, again: Again, chance: f64) -> Option<Duration> {
        self.attempts += 1;
        let Again::Later { asked, most } = again else { return None };
        let doubled = self.budget.first_wait.saturating_mul(1 << (self.attempts - 1).min(16)).min(LONGEST_WAIT);
        let chance = chance.clamp(0.0, 1.0);
        let own = doubled.mul_f64(0.75 + 0.5 * chance);
        // `Retry-After: 0` and dates that have passed would spend all attempts at once.
        let wait = asked.map_or(own, |asked| asked.max(own));
        if self.attempts >= self.budget.attempts.min(most) || self.waited + wait > self.budget.waiting {
            return None;
        }
        self.waited += wait;
        // Many clients are asked to wait until the same moment: they come back spread over a little time after it.
        let spread = asked.map_or(Duration::ZERO, |_| self.budget.first_wait.mul_f64(chance));
        Some(wait + spread)
    }
}

/// `retry-after-ms`, or `Retry-After` in seconds or as a date. `now` is the server's clock where it told us.
pub(crate) fn retry_after(millis: Option<&str>, after: Option<&str>, now: SystemTime) -> Option<Duration> {
    if let Some(millis) = millis.and_then(|text| text.trim().parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(millis / 1000.0).ok();
    }
    let after = after?.trim();
    if let Ok(seconds) = after.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = httpdate::parse_http_date(after).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::ANY;

    fn waits(budget: RetryBudget, again: Again) -> Vec<u64> {
        let mut spent = Spent::new(budget);
        std::iter::from_fn(|| spent.next(again, 0.5)).map(|wait| wait.as_millis() as u64).collect()
    }

    #[test]
    fn doubles_up_to_a_bound() {
        let budget = RetryBudget { attempts: 9, ..RetryBudget::default() };
        let later = Again::Later { asked: None, most: ANY };
        assert_eq!(waits(budget, later), [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
    }

    #[test]
    fn the_servers_wish_counts_against_the_budget() {
        let later = Again::Later { asked: Some(Duration::from_secs(100)), most: ANY };
        assert_eq!(waits(RetryBudget::default(), later), [100_250, 100_250, 100_250]);
        let too_long = Again::Later { asked: Some(Duration::from_secs(3600)), most: ANY };
        assert_eq!(waits(RetryBudget::default(), too_long), [0u64; 0]);
    }

    #[test]
    fn a_wish_for_no_wait_does_not_spend_the_attempts() {
        for asked in [Duration::ZERO, Duration::from_millis(1), Duration::from_millis(600)] {
            let waited = waits(RetryBudget::default(), Again::Later { asked: Some(asked), most: ANY });
            assert_eq!(waited.len(), 7);
            assert!(waited.iter().zip([500, 1000, 2000, 4000, 8000, 16000, 30000]).all(|(wait, own)| *wait >= own));
        }
    }

    #[test]
    fn clients_that_are_asked_for_the_same_wait_come_back_apart() {
        let later = Again::Later { asked: Some(Duration::from_secs(9)), most: ANY };
        let wait = |chance| Spent::new(RetryBudget::default()).next(later, chance).unwrap();
        assert_eq!((wait(0.0), wait(1.0)), (Duration::from_millis(9_000), Duration::from_millis(9_500)));
    }

    #[test]
    fn some_failures_have_fewer_attempts() {
        assert_eq!(waits(RetryBudget::default(), Again::Later { asked: None, most: 3 }), [500, 1000]);
        assert_eq!(waits(RetryBudget::default(), Again::Never), [0u64; 0]);
    }

    #[test]
    fn retry_after_in_all_its_forms() {
        let now = httpdate::parse_http_date("Sun, 22 Nov 2026 08:00:00 GMT").unwrap();
        let seconds = |millis, after| retry_after(millis, after, now).map(|wait| wait.as_secs_f64());
        assert_eq!(seconds(None, Some("2")), Some(2.0));
        assert_eq!(seconds(None, Some("Sun, 22 Nov 2026 08:00:07 GMT")), Some(7.0));
        assert_eq!(seconds(None, Some("Sun, 22 Nov 2026 07:00:00 GMT")), Some(0.0));
        assert_eq!(seconds(Some("250"), Some("9")), Some(0.25));
        assert_eq!(seconds(None, Some("soon")), None);
        assert_eq!(seconds(None, Some("-1")), None);
        assert_eq!(seconds(None, None), None);
    }
}
