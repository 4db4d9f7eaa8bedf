//! How fast people are read. A budget is somebody's, not a connection's: on the next connection it is as they left it.
//!
//! A host's session has one, an account, and a guest whose browser has told its key and who has a name; all others at an address
//! are strangers. They share one for what they say; for all else each of their connections has its own. What all of an address
//! do together is paid once more by the address, which has as much as [`limits::ADDRESS_PEOPLE`], and as much again for
//! strangers who ask: nobody who is known waits for those, and hosts wait for nobody. A budget is time: each second brings one,
//! and buys so many messages, names, frames or bytes.

use std::hash::RandomState;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hashlink::LruCache;

use crate::accounts::token::TokenHash;
use crate::hub::visitor::Visitor;
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
    /// A host's session.
    Host(TokenHash),
    Account(AccountId),
    /// The hash of their browser's key.
    Guest(KeyHash),
    /// What those at this address say who have told neither, or have no name yet.
    Strangers(IpAddr),
    /// All else that those do, as many as they are.
    StrangersAsking(IpAddr),
    /// What all others at this address do, and what strangers say.
    Everybody(IpAddr),
}

/// What a frame does, as far as strangers pay it from different budgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Everybody gets it.
    Say,
    /// Nobody else does.
    Ask,
}

/// What a connection's frames are paid from.
#[derive(Debug)]
pub(crate) struct Purse {
    own: Arc<Budget>,
    /// None for hosts.
    everybody: Option<Arc<Budget>>,
    /// By act, as long as nobody is known here.
    strangers: Option<[Arc<Budget>; 2]>,
}

impl Purse {
    /// Whether its guest's key would make a difference.
    pub(crate) fn is_strangers(&self) -> bool {
        self.strangers.is_some()
    }

    /// The two that pay for this, one after the other.
    pub(crate) fn budgets(&self, act: Act) -> [Option<&Arc<Budget>>; 2] {
        match (&self.strangers, act) {
            (Some([say, _]), Act::Say) => [Some(say), self.everybody.as_ref()],
            (Some([_, ask]), Act::Ask) => [Some(&self.own), Some(ask)],
            (None, _) => [Some(&self.own), self.everybody.as_ref()],
        }
    }
}

/// The time that people have; no more than [`limits::BURST`] of it is ever saved, and no more than [`limits::DEBT`] is owed.
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

    pub(crate) fn purse(&self, visitor: &Visitor) -> Purse {
        let everybody = || self.budget(Payer::Everybody(visitor.address), limits::ADDRESS_PEOPLE);
        let host = visitor.session.as_ref().filter(|_| visitor.is_host());
        match (host, visitor.account()) {
            (Some(host), _) => {
                Purse { own: self.budget(Payer::Host(host.token), 1), everybody: None, strangers: None }
            }
            (None, Some(account)) => {
                let own = self.budget(Payer::Account(account), 1);
                Purse { own, everybody: Some(everybody()), strangers: None }
            }
            (None, None) => {
                let say = self.budget(Payer::Strangers(visitor.address), 1);
                let ask = self.budget(Payer::StrangersAsking(visitor.address), limits::ADDRESS_PEOPLE);
                let own = Arc::new(Budget::new(1, Instant::now()));
                Purse { own, everybody: Some(everybody()), strangers: Some([say, ask]) }
            }
        }
    }

    /// The connection's guest has a name now, and this key.
    pub(crate) fn know(&self, purse: &mut Purse, key: KeyHash) {
        if purse.strangers.take().is_some() {
            purse.own = self.budget(Payer::Guest(key), 1);
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
    ///
    /// # Errors
    /// Where so many wait already that [`limits::DEBT`] is owed, nothing is spent; until when it is.
    pub(crate) fn spend(&self, price: Duration, now: Instant) -> Result<Instant, Instant> {
        let since_begin = nanos(now.saturating_duration_since(self.begin));
        let saved = since_begin - nanos(limits::BURST);
        let after = |spent: i64| spent.max(saved).saturating_add(nanos(price / self.people));
        let owes_most = |spent: i64| spent > since_begin + nanos(limits::DEBT);
        let spend = |spent: i64| (!owes_most(spent)).then(|| after(spent));
        let spent = self.spent.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend);
        let at = |until: i64| self.begin + Duration::from_nanos(until.try_into().unwrap_or(0));
        spent.map(after).map(at).map_err(at)
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
    use crate::accounts::{Member, Session};
    use crate::protocol::names::Name;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const KEY: KeyHash = [1; 32];

    /// How long each of so many messages waits.
    fn waits(budget: &Budget, price: Duration, count: usize, now: Instant) -> Vec<u128> {
        let wait = |_| budget.spend(price, now).expect("paid").saturating_duration_since(now).as_millis();
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
    fn nobody_is_owed_without_end() {
        let (start, price) = (Instant::now(), Duration::from_millis(500));
        let budget = Budget::new(1, start);
        let paid = (0..60).filter(|_| budget.spend(price, start).is_ok()).count();
        assert_eq!(paid, 25, "four that are saved, and ten seconds in advance");
        assert_eq!(budget.spend(price, start), Err(start + Duration::from_millis(10_500)));
        let later = start + Duration::from_millis(500);
        assert_eq!(budget.spend(price, later), Ok(later + Duration::from_millis(10_500)));
    }

    fn visitor(account: Option<AccountId>, address: IpAddr, host: Option<i64>) -> Visitor {
        let member = account.map(|account| {
            let name = Name::parse("Ana").expect("a name");
            Member { account, name, chooses_name: false }
        });
        let session = Session { token: [7; 32], member, host };
        let session = (account.is_some() || host.is_some()).then(|| Arc::new(session));
        Visitor { session, address, browser: None }
    }

    #[test]
    fn a_budget_outlives_its_connections_and_a_name_makes_a_key_count() {
        let pace = Pace::new(5).expect("a limit");
        let elsewhere: IpAddr = [192, 0, 2, 1].into();
        let same = |one: &Purse, other: &Purse, act: Act| {
            let same = |(one, other): (Option<&Arc<Budget>>, Option<&Arc<Budget>>)| match (one, other) {
                (Some(one), Some(other)) => Arc::ptr_eq(one, other),
                _ => false,
            };
            let [first, second] = [0, 1].map(|place| (one.budgets(act)[place], other.budgets(act)[place]));
            (same(first), same(second))
        };
        let stranger = pace.purse(&visitor(None, HERE, None));
        let mut ana = pace.purse(&visitor(None, HERE, None));
        assert_eq!(same(&ana, &stranger, Act::Say), (true, true));
        assert_eq!(same(&ana, &stranger, Act::Ask), (false, true), "none waits for what another asks");
        pace.know(&mut ana, KEY);
        assert_eq!(same(&ana, &stranger, Act::Say), (false, true));
        assert_eq!(same(&ana, &stranger, Act::Ask), (false, false), "who is known waits for none of them");
        let member = |address| pace.purse(&visitor(Some(7), address, None));
        assert_eq!(same(&member(HERE), &member(elsewhere), Act::Say), (true, false));
        let mut known = member(HERE);
        pace.know(&mut known, KEY);
        assert_eq!(same(&known, &member(elsewhere), Act::Ask), (true, false), "an account stays what it is");
        let host = |address| pace.purse(&visitor(Some(7), address, Some(1)));
        assert_eq!(same(&host(HERE), &host(elsewhere), Act::Say), (true, false));
        assert!(host(HERE).budgets(Act::Ask)[1].is_none(), "and no address");
        let mut again = pace.purse(&visitor(None, elsewhere, None));
        pace.know(&mut again, KEY);
        assert!(same(&again, &ana, Act::Say).0, "wherever they come from");
    }

    #[test]
    fn however_many_come_the_memory_is_bounded() {
        let pace = Pace::new(5).expect("a limit");
        for number in 0..limits::BUDGETS as i64 + 1_000 {
            pace.purse(&visitor(Some(number), HERE, None));
        }
        assert_eq!(pace.budgets.lock().expect("nobody panics").len(), limits::BUDGETS);
        assert!(Pace::new(0).is_none(), "no limit, no budgets");
    }
}
