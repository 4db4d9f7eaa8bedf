//! Budgets that refill: how fast one client may be read.

use std::time::{Duration, Instant};

/// A token bucket. It may be overdrawn by what was read before its size was known; the wait then is longer.
#[derive(Debug)]
pub(crate) struct TokenBucket {
    per_second: f64,
    burst: f64,
    left: f64,
    at: Instant,
}

impl TokenBucket {
    /// A full budget of `burst`, refilled by `per_second`. None of it at all, 0 a second, is no limit.
    pub(crate) fn new(per_second: u32, burst: u32, now: Instant) -> TokenBucket {
        TokenBucket {
            per_second: f64::from(per_second),
            burst: f64::from(burst),
            left: f64::from(burst),
            at: now,
        }
    }

    /// Spends `amount`.
    pub(crate) fn spend(&mut self, amount: u32, now: Instant) {
        let refilled = now.saturating_duration_since(self.at).as_secs_f64() * self.per_second;
        self.left = (self.left + refilled).min(self.burst) - f64::from(amount);
        self.at = now;
    }

    /// How long until one more may be spent; none if it may be now.
    pub(crate) fn wait(&self, now: Instant) -> Option<Duration> {
        let refilled = now.saturating_duration_since(self.at).as_secs_f64() * self.per_second;
        let missing = 1.0 - (self.left + refilled);
        (self.per_second > 0.0 && missing > 0.0).then(|| Duration::from_secs_f64(missing / self.per_second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_then_the_rate_holds() {
        let start = Instant::now();
        let mut budget = TokenBucket::new(5, 10, start);
        for _ in 0..10 {
            assert_eq!(budget.wait(start), None);
            budget.spend(1, start);
        }
        let wait = budget.wait(start).expect("the burst is spent");
        assert!((wait.as_secs_f64() - 0.2).abs() < 0.001, "{wait:?}");
        assert_eq!(budget.wait(start + Duration::from_millis(201)), None);
    }

    #[test]
    fn a_rest_refills_no_more_than_the_burst() {
        let start = Instant::now();
        let mut budget = TokenBucket::new(5, 10, start);
        let later = start + Duration::from_secs(3600);
        for _ in 0..10 {
            budget.spend(1, later);
        }
        assert!(budget.wait(later).is_some());
    }

    #[test]
    fn a_rate_of_zero_is_no_limit() {
        let start = Instant::now();
        let mut budget = TokenBucket::new(0, 0, start);
        budget.spend(u32::MAX, start);
        assert_eq!(budget.wait(start), None);
    }
}
