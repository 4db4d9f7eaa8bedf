//! How many names that nobody had an address may bring: as many as a class at once, then one after the other; pure.

use std::hash::RandomState;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use hashlink::LruCache;

use crate::limits;
use crate::protocol::{Reason, Refusal};

/// What each address has brought lately. Addresses without an end are remembered up to [`limits::NEWCOMERS_ADDRESSES`].
#[derive(Debug)]
pub(crate) struct Newcomers {
    /// When all that an address has brought is over, one after the other.
    names: LruCache<IpAddr, Instant, RandomState>,
    accounts: LruCache<IpAddr, Instant, RandomState>,
    corrections: LruCache<IpAddr, Instant, RandomState>,
}

/// What somebody brings who comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum New {
    Name,
    Account,
    /// Another name of somebody who is here, and known: as many as new ones, beside those.
    Correction,
}

impl Default for Newcomers {
    fn default() -> Newcomers {
        let all = || LruCache::with_hasher(limits::NEWCOMERS_ADDRESSES, RandomState::new());
        Newcomers { names: all(), accounts: all(), corrections: all() }
    }
}

impl Newcomers {
    /// Whether this address may bring one more now; counted by [`Newcomers::count`] once it has.
    ///
    /// # Errors
    /// `rate_limited`, and in how long.
    pub(crate) fn check(&self, new: New, address: IpAddr, now: Instant) -> Result<(), Refusal> {
        let (over, every, at_once) = match new {
            New::Name => (&self.names, limits::NAME_EVERY, limits::NAMES_AT_ONCE),
            New::Account => (&self.accounts, limits::ACCOUNT_EVERY, limits::ACCOUNTS_AT_ONCE),
            New::Correction => (&self.corrections, limits::NAME_EVERY, limits::NAMES_AT_ONCE),
        };
        let left = over.peek(&address).map_or(Duration::ZERO, |over| over.saturating_duration_since(now));
        let wait_ms = left.saturating_sub((at_once - 1) * every).as_micros().div_ceil(1000) as u64;
        if wait_ms == 0 {
            return Ok(());
        }
        let seconds = wait_ms.div_ceil(1000);
        let reason = match new {
            New::Name | New::Correction => Reason::ManyNewNames { seconds },
            New::Account => Reason::ManyNewAccounts { seconds },
        };
        Err(Refusal::from(reason).after(wait_ms))
    }

    /// This address has brought one.
    pub(crate) fn count(&mut self, new: New, address: IpAddr, now: Instant) {
        let (over, every) = match new {
            New::Name => (&mut self.names, limits::NAME_EVERY),
            New::Account => (&mut self.accounts, limits::ACCOUNT_EVERY),
            New::Correction => (&mut self.corrections, limits::NAME_EVERY),
        };
        let begin = over.peek(&address).map_or(now, |over| now.max(*over));
        over.insert(address, begin + every);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    /// How many come at once, and in how many milliseconds the next may.
    fn bring(newcomers: &mut Newcomers, new: New, now: Instant) -> (usize, u64) {
        let mut count = 0;
        loop {
            match newcomers.check(new, HERE, now) {
                Ok(()) => newcomers.count(new, HERE, now),
                Err(refusal) => return (count, refusal.retry_after_ms.expect("a time")),
            }
            count += 1;
        }
    }

    #[test]
    fn a_class_comes_at_once_and_then_one_after_the_other() {
        let start = Instant::now();
        for (new, every, class) in
            [(New::Name, limits::NAME_EVERY, 50), (New::Account, limits::ACCOUNT_EVERY, 40)]
        {
            let (mut newcomers, every_ms) = (Newcomers::default(), every.as_millis() as u64);
            assert_eq!(bring(&mut newcomers, new, start), (class, every_ms));
            assert_eq!(bring(&mut newcomers, new, start + every - Duration::from_millis(1)), (0, 1));
            assert_eq!(bring(&mut newcomers, new, start + every), (1, every_ms));
            assert_eq!(bring(&mut newcomers, new, start + 3 * every), (2, every_ms));
            assert_eq!(
                bring(&mut newcomers, new, start + 10_000 * every),
                (class, every_ms),
                "no more than a class"
            );
        }
    }

    #[test]
    fn addresses_and_kinds_count_by_themselves() {
        let (mut newcomers, now) = (Newcomers::default(), Instant::now());
        bring(&mut newcomers, New::Name, now);
        newcomers.check(New::Name, [192, 0, 2, 1].into(), now).expect("another address");
        newcomers.check(New::Account, HERE, now).expect("another kind");
    }

    #[test]
    fn however_many_addresses_come_the_memory_is_bounded() {
        let (mut newcomers, now) = (Newcomers::default(), Instant::now());
        for number in 0..limits::NEWCOMERS_ADDRESSES as u32 + 1_000 {
            newcomers.count(New::Name, std::net::Ipv4Addr::from(number).into(), now);
        }
        assert_eq!(newcomers.names.len(), limits::NEWCOMERS_ADDRESSES);
    }
}
