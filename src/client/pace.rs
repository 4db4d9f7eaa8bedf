//! How fast people are read. A budget is somebody's, not a connection's: on the next connection it is as they left it.
//!
//! An account has one, and a guest whose browser has told its key and who has a name; all others at an address are strangers
//! and share one. What all of an address do together is paid once more by the address, which has as much as
//! [`limits::ADDRESS_PEOPLE`]. A budget is time: each second brings one, and buys so many messages, names, frames or bytes.

use std::hash::RandomState;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hashlink::LruCache;

use crate::limits;
use crate::protocol::{AccountId, KeyHash};

/// All budgets; of [`limits::BUDGETS`] payers they are remembered, those who came last.
#[derive(Debug)]
pub(crate) struct Pace {
    message: Duration,
    budgets: Mutex<LruCache<Payer, Arc<Budget>, RandomState>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Payer {
    Account(AccountId),
    /// The hash of their browser's key.
    Guest(KeyHash),
    /// Those at this address who have told neither, or have no name yet.
    Strangers(IpAddr),
    /// Everybody at this address.
    Everybody(IpAddr),
}

/// What a connection's frames are paid from, one after the other.
#[derive(Debug)]
pub(crate) struct Purse {
    /// Its guest's key would make a difference.
    pub(crate) is_strangers: bool,
    pub(crate) budgets: [Arc<Budget>; 2],
}

/// The time that people have; no more than [`limits::BURST`] of it is ever saved.
#[derive(Debug)]
pub(crate) struct Budget {
    people: u32,
    begin: Instant,
    /// In nanoseconds after `begin`, up to when all of it is spent. In the future where somebody waits for it.
    spent: AtomicI64,
}

impl Pace {
    /// None where people may send as many messages a second as they like: 0 is no limit.
    pub(crate) fn new(rate: u32) -> Option<Pace> {
        let message = Duration::from_secs(1).checked_div(rate)?;
        let budgets = Mutex::new(LruCache::with_hasher(limits::BUDGETS, RandomState::new()));
        Some(Pace { message, budgets })
    }

    /// The price of a message.
    pub(crate) fn message(&self) -> Duration {
        self.message
    }

    /// For a connection from this address (an IPv6 one as its /64), logged in to this account.
    pub(crate) fn purse(&self, account: Option<AccountId>, address: IpAddr) -> Purse {
        let own = account.map_or(Payer::Strangers(address), Payer::Account);
        let budgets = [self.budget(own, 1), self.budget(Payer::Everybody(address), limits::ADDRESS_PEOPLE)];
        Purse { is_strangers: account.is_none(), budgets }
    }

    /// The connection's guest has a name now, and this key.
    pub(crate) fn know(&self, purse: &mut Purse, key: KeyHash) {
        if purse.is_strangers {
            purse.is_strangers = false;
            purse.budgets[0] = self.budget(Payer::Guest(key), 1);
        }
    }

    fn budget(&self, payer: Payer, people: u32) -> Arc<Budget> {
        let mut all = self.budgets.lock().unwrap_or_else(PoisonError::into_inner); // nothing panics while it is held
        if let Some(budget) = all.get(&payer) {
            return budget.clone();
        }
        let budget = Arc::new(Budget::new(people, Instant::now()));
        all.insert(payer, budget.clone());
        budget
    }
}

impl Budget {
    fn new(people: u32, begin: Instant) -> Budget {
        Budget { people, begin, spent: AtomicI64::new(i64::MIN) }
    }

    /// Spends this much, now or in advance: what it buys may be had from the time on that comes back. So those who wait are
    /// served in the order in which they came.
    pub(crate) fn spend(&self, price: Duration, now: Instant) -> Instant {
        let since_begin = now.saturating_duration_since(self.begin);
        let saved = nanos(since_begin) - nanos(limits::BURST);
        let after = |spent: i64| spent.max(saved).saturating_add(nanos(price / self.people));
        let before =
            self.spent.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |spent| Some(after(spent)));
        let until = before.map_or(0, after);
        self.begin + Duration::from_nanos(until.try_into().unwrap_or(0))
    }

    /// Somebody who waited for what they have paid has gone.
    pub(crate) fn give_back(&self, price: Duration) {
        self.spent.fetch_sub(nanos(price / self.people), Ordering::Relaxed);
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const KEY: KeyHash = [1; 32];

    /// How long each of so many messages waits.
    fn waits(budget: &Budget, price: Duration, count: usize, now: Instant) -> Vec<u128> {
        let wait = |_| budget.spend(price, now).saturating_duration_since(now).as_millis();
        (0..count).map(wait).collect()
    }

    #[test]
    fn ten_at_once_are_free_and_then_each_has_its_place_in_the_row() {
        let (start, price) = (Instant::now(), Duration::from_millis(200));
        let budget = Budget::new(1, start);
        assert_eq!(waits(&budget, price, 13, start), [[0; 10].as_slice(), &[200, 400, 600]].concat());
        budget.give_back(price);
        assert_eq!(waits(&budget, price, 1, start), [600], "the place of who has gone");
        let later = start + Duration::from_secs(3600);
        assert_eq!(
            waits(&budget, price, 11, later),
            [[0; 10].as_slice(), &[200]].concat(),
            "nothing more is saved"
        );
    }

    #[test]
    fn an_address_has_as_much_as_its_people() {
        let (start, price) = (Instant::now(), Duration::from_millis(200));
        let budget = Budget::new(40, start);
        let waits = waits(&budget, price, 600, start);
        assert!(waits[..400].iter().all(|wait| *wait == 0));
        assert_eq!((waits[439], waits[599]), (200, 1000), "two hundred a second");
    }

    #[test]
    fn a_budget_outlives_its_connections_and_a_name_makes_a_key_count() {
        let pace = Pace::new(5).expect("a limit");
        let same = |one: &Purse, other: &Purse, place: usize| {
            Arc::ptr_eq(&one.budgets[place], &other.budgets[place])
        };
        let stranger = pace.purse(None, HERE);
        let mut ana = pace.purse(None, HERE);
        assert!(same(&ana, &stranger, 0) && same(&ana, &stranger, 1));
        pace.know(&mut ana, KEY);
        assert!(!same(&ana, &stranger, 0) && same(&ana, &stranger, 1));
        let (member, elsewhere) = (pace.purse(Some(7), HERE), pace.purse(Some(7), [192, 0, 2, 1].into()));
        assert!(same(&member, &elsewhere, 0) && !same(&member, &elsewhere, 1));
        let mut member = member;
        pace.know(&mut member, KEY);
        assert!(same(&member, &elsewhere, 0), "an account stays what it is");
        let spent = Arc::downgrade(&ana.budgets[0]);
        drop(ana);
        let mut again = pace.purse(None, [192, 0, 2, 1].into());
        pace.know(&mut again, KEY);
        assert_eq!(Arc::as_ptr(&again.budgets[0]), spent.as_ptr(), "wherever they come from");
    }

    #[test]
    fn however_many_come_the_memory_is_bounded() {
        let pace = Pace::new(5).expect("a limit");
        for number in 0..limits::BUDGETS as i64 + 1_000 {
            pace.purse(Some(number), HERE);
        }
        assert_eq!(pace.budgets.lock().expect("nobody panics").len(), limits::BUDGETS);
        assert!(Pace::new(0).is_none(), "no limit, no budgets");
    }
}
