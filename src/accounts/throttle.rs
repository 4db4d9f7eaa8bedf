//! Too many failures lately, and the wait for them; bounded memory, no I/O.
//!
//! Failures are counted for each [`Subject`], and forgiven one by one as time passes. Up to a rule's number they cost
//! nothing. Beyond it each doubles the wait before the next try, which grows to about the time in which one is
//! forgiven: guessing becomes that slow, and no wait is ever long. Successes are not counted.
//!
//! Nobody can lock another out: failures at somebody's account from elsewhere make only that address wait, and a
//! browser that has logged in before ([`Subject::Device`]) is counted by itself, whatever others at its address do.

use std::hash::RandomState;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hashlink::LruCache;

use crate::limits;

/// Failures that are counted together. An account is named by a number of the caller's; so is an address without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Logins at one account from one address.
    Pair(u64, IpAddr),
    /// Logins at one account from one browser that has logged in there before, by a number of the caller's for both.
    Device(u64),
    /// Logins from one address.
    Address(IpAddr),
    /// Sign-ups from one address that were refused.
    SignupRefused(IpAddr),
    /// Requests for a reset from one address.
    Forgot(IpAddr),
}

impl Subject {
    /// How many failures are free, and how long until one is forgiven.
    fn rule(self) -> (u32, Duration) {
        match self {
            Subject::Pair(..) | Subject::Device(_) => limits::LOGIN_FAILURES,
            Subject::Address(_) => limits::ADDRESS_FAILURES,
            Subject::SignupRefused(_) => limits::SIGNUP_REFUSALS,
            Subject::Forgot(_) => limits::FORGOT,
        }
    }
}

#[derive(Debug)]
struct Failures {
    last: Instant,
    /// When all are forgiven, one after the other.
    forgiven: Instant,
}

impl Failures {
    /// When these may try again.
    fn until(&self, (free, every): (u32, Duration), now: Instant) -> Instant {
        let left = self.forgiven.saturating_duration_since(now).as_nanos().div_ceil(every.as_nanos());
        let count = u32::try_from(left).unwrap_or(u32::MAX);
        let Some(above) = count.checked_sub(free) else { return now };
        let (first, longest) = limits::THROTTLE_DELAY;
        self.last + first.saturating_mul(2u32.saturating_pow(above)).min(longest)
    }
}

/// All failures that are remembered, of at most [`limits::THROTTLE_ENTRIES`] subjects: those that failed last.
#[derive(Debug)]
pub struct Throttle(Mutex<LruCache<Subject, Failures, RandomState>>);

impl Default for Throttle {
    fn default() -> Throttle {
        Throttle(Mutex::new(LruCache::with_hasher(limits::THROTTLE_ENTRIES, RandomState::new())))
    }
}

impl Throttle {
    /// How long these have to wait before they may try: the longest of them. None if they may now.
    pub fn wait(&self, subjects: &[Subject], now: Instant) -> Option<Duration> {
        let all = self.lock();
        let waits = subjects.iter().filter_map(|subject| {
            let until = all.peek(subject)?.until(subject.rule(), now);
            until.checked_duration_since(now).filter(|wait| !wait.is_zero())
        });
        waits.max()
    }

    /// Counts a failure for each.
    pub fn fail(&self, subjects: &[Subject], now: Instant) {
        let mut all = self.lock();
        for subject in subjects {
            let (_, every) = subject.rule();
            let forgiven = all.peek(subject).map_or(now, |failures| failures.forgiven.max(now)) + every;
            all.insert(*subject, Failures { last: now, forgiven });
        }
    }

    /// Forgives everything at once: they have proved who they are.
    pub fn forgive(&self, subjects: &[Subject]) {
        let mut all = self.lock();
        for subject in subjects {
            all.remove(subject);
        }
    }

    /// Nothing panics while it holds this.
    fn lock(&self) -> MutexGuard<'_, LruCache<Subject, Failures, RandomState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const ANA: Subject = Subject::Pair(1, HERE);

    fn seconds(wait: Option<Duration>) -> u64 {
        wait.map_or(0, |wait| wait.as_secs())
    }

    #[test]
    fn the_first_failures_are_free_and_then_each_doubles_the_wait() {
        let throttle = Throttle::default();
        let now = Instant::now();
        let (free, _) = limits::LOGIN_FAILURES;
        for _ in 0..free {
            assert_eq!(throttle.wait(&[ANA], now), None);
            throttle.fail(&[ANA], now);
        }
        let mut waits = Vec::new();
        for _ in 0..8 {
            waits.push(seconds(throttle.wait(&[ANA], now)));
            throttle.fail(&[ANA], now);
        }
        assert_eq!(waits, [5, 10, 20, 40, 60, 60, 60, 60]);
        assert_eq!(
            throttle.wait(&[Subject::Pair(2, HERE), Subject::Device(1)], now),
            None,
            "others are free"
        );
        assert_eq!(seconds(throttle.wait(&[Subject::Pair(2, HERE), ANA], now)), 60, "the longest counts");
        throttle.forgive(&[ANA]);
        assert_eq!(throttle.wait(&[ANA], now), None);
    }

    #[test]
    fn a_wait_ends_by_itself_and_failures_are_forgiven_one_by_one() {
        let throttle = Throttle::default();
        let start = Instant::now();
        let (free, every) = limits::LOGIN_FAILURES;
        (0..=free).for_each(|_| throttle.fail(&[ANA], start));
        let wait = throttle.wait(&[ANA], start).expect("one above");
        assert_eq!(wait, Duration::from_secs(10));
        assert_eq!(throttle.wait(&[ANA], start + wait), None);
        let later = start + every;
        throttle.fail(&[ANA], later);
        assert_eq!(throttle.wait(&[ANA], later), Some(Duration::from_secs(10)), "one was forgiven, one came");
        let next_day = start + Duration::from_secs(86_400);
        (0..free - 1).for_each(|_| throttle.fail(&[ANA], next_day));
        assert_eq!(throttle.wait(&[ANA], next_day), None, "all were forgiven");
    }

    #[test]
    fn however_many_fail_the_memory_is_bounded_and_the_newest_are_remembered() {
        let throttle = Throttle::default();
        let start = Instant::now();
        let many = limits::THROTTLE_ENTRIES as u64 + 5_000;
        let (free, _) = limits::LOGIN_FAILURES;
        for number in 0..many {
            let now = start + Duration::from_micros(number);
            (0..=free).for_each(|_| throttle.fail(&[Subject::Pair(number, HERE)], now));
            if number == 10_000 {
                throttle.fail(&[Subject::Pair(1, HERE)], now);
            }
        }
        assert!(throttle.lock().len() <= limits::THROTTLE_ENTRIES);
        let now = start + Duration::from_micros(many);
        assert!(throttle.wait(&[Subject::Pair(many - 1, HERE)], now).is_some());
        assert!(throttle.wait(&[Subject::Pair(1, HERE)], now).is_some(), "it has failed since");
        for number in [0, 2, 4_999] {
            assert!(throttle.wait(&[Subject::Pair(number, HERE)], now).is_none());
        }
    }
}
