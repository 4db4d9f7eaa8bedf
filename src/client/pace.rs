//! How fast people are read. A budget is somebody's, not a connection's: on the next connection it is as they left it.
//!
//! A host's session has one, an account, and a guest whose browser has told its key and who has a name; all others at an address
//! are strangers. They share one for what they say; for all else each of their connections has its own. All that people at an address
//! do together is paid once more by the address, which has as much as [`limits::ADDRESS_PEOPLE`], and as much again for
//! strangers who ask: nobody who is known waits for those, and hosts wait for nobody. A budget is time: each second brings one,
//! and buys so many messages, names, frames or bytes. Where several wait for one, they take turns, and the turn of those who have
//! bought least there comes first: one student with fifty names makes no other at the address wait.

use std::collections::{BTreeMap, HashMap};
use std::hash::RandomState;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hashlink::LruCache;

use crate::accounts::token::TokenHash;
use crate::hub::clients::ClientId;
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
pub(crate) enum Payer {
    /// Somebody who has told no key, or has no name yet.
    Connection(ClientId),
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
    payer: Payer,
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

    /// Whose turn it is where others pay from the same budget.
    pub(crate) fn payer(&self) -> Payer {
        self.payer
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

/// The time that people have; no more than [`limits::BURST`] of it is ever saved.
#[derive(Debug)]
pub(crate) struct Budget {
    people: u32,
    row: Mutex<Row>,
}

#[derive(Debug)]
struct Row {
    /// Up to when all of it is spent.
    spent: Instant,
    /// The prices of those who wait; the first one's turn is next.
    waiting: BTreeMap<Place, Duration>,
    /// What each has bought here since somebody waits. Somebody who is not in it, or has less, has [`limits::BURST`] less than the `level`.
    bought: HashMap<Payer, Duration>,
    /// The most that anybody had bought before they were served.
    level: Duration,
    places: u64,
}

/// By what they have bought, then in the order in which they came.
type Place = (Duration, u64);

/// Somebody waits for their turn; it is no more theirs once this is dropped.
#[derive(Debug)]
pub(crate) struct Waiting<'a> {
    budget: &'a Budget,
    place: Place,
    /// When it comes, if nobody comes first who has bought less.
    pub until: Instant,
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

    pub(crate) fn purse(&self, visitor: &Visitor, id: ClientId) -> Purse {
        let everybody = || self.budget(Payer::Everybody(visitor.address), limits::ADDRESS_PEOPLE);
        let host = visitor.session.as_ref().filter(|_| visitor.is_host());
        match (host, visitor.account()) {
            (Some(host), _) => {
                let payer = Payer::Host(host.token);
                Purse { payer, own: self.budget(payer, 1), everybody: None, strangers: None }
            }
            (None, Some(account)) => {
                let payer = Payer::Account(account);
                Purse { payer, own: self.budget(payer, 1), everybody: Some(everybody()), strangers: None }
            }
            (None, None) => {
                let say = self.budget(Payer::Strangers(visitor.address), 1);
                let ask = self.budget(Payer::StrangersAsking(visitor.address), limits::ADDRESS_PEOPLE);
                let own = Arc::new(Budget::new(1, Instant::now()));
                let payer = Payer::Connection(id);
                Purse { payer, own, everybody: Some(everybody()), strangers: Some([say, ask]) }
            }
        }
    }

    /// The connection's guest has a name now, and this key.
    pub(crate) fn know(&self, purse: &mut Purse, key: KeyHash) {
        if purse.strangers.take().is_some() {
            purse.payer = Payer::Guest(key);
            purse.own = self.budget(purse.payer, 1);
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
    fn new(people: u32, now: Instant) -> Budget {
        // The clock may have begun a moment ago.
        let spent = now.checked_sub(limits::BURST).unwrap_or(now);
        let (waiting, bought) = (BTreeMap::new(), HashMap::new());
        Budget { people, row: Mutex::new(Row { spent, waiting, bought, level: Duration::ZERO, places: 0 }) }
    }

    /// Spends this much at once; or gives a place in the row, if that is not saved or somebody waits already.
    pub(crate) fn spend(&self, payer: Payer, price: Duration, now: Instant) -> Option<Waiting<'_>> {
        let price = price / self.people;
        let mut row = self.serve(now);
        if row.waiting.is_empty() {
            row.spent = now.checked_sub(limits::BURST).map_or(row.spent, |saved| row.spent.max(saved));
            row.bought.clear();
            row.level = limits::BURST / self.people;
            if row.spent + price <= now {
                row.spent += price;
                return None;
            }
        }
        let least = row.level.saturating_sub(limits::BURST / self.people);
        row.bought.retain(|_, bought| *bought > least);
        let bought = row.bought.entry(payer).or_insert(least);
        let before = *bought;
        *bought += price;
        row.places += 1;
        let place = (before, row.places);
        row.waiting.insert(place, price);
        let until = row.spent + row.waiting.range(..=place).map(|(_, price)| *price).sum::<Duration>();
        Some(Waiting { budget: self, place, until })
    }

    /// After all those were served whose turn has come by now.
    fn serve(&self, now: Instant) -> MutexGuard<'_, Row> {
        let mut row = self.row.lock().unwrap_or_else(PoisonError::into_inner); // nothing panics while it is held
        while let Some(first) = row.waiting.first_entry()
            && let (before, price) = (first.key().0, *first.get())
            && row.spent + price <= now
        {
            row.waiting.pop_first();
            row.spent += price;
            row.level = row.level.max(before);
        }
        row
    }
}

impl Waiting<'_> {
    /// When to look again whether it was this one's turn; none once it was.
    pub(crate) fn look_at(&self, now: Instant) -> Option<Instant> {
        let row = self.budget.serve(now);
        let price = row.waiting.get(&self.place)?;
        let is_first = row.waiting.first_key_value().is_some_and(|(first, _)| *first == self.place);
        Some(if is_first { row.spent + *price } else { now + limits::PACE_SLICE })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut row = self.budget.row.lock().unwrap_or_else(PoisonError::into_inner);
        row.waiting.remove(&self.place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::{Member, Session};
    use crate::protocol::names::Name;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const KEY: KeyHash = [1; 32];

    fn guest(number: u8) -> Payer {
        Payer::Guest([number; 32])
    }

    /// How long each of so many messages waits, and their places.
    fn wait(budget: &Budget, price: Duration, count: usize, now: Instant) -> (Vec<u128>, Vec<Waiting<'_>>) {
        let waits: Vec<_> = (0..count).map(|_| budget.spend(guest(1), price, now)).collect();
        let until = |wait: &Option<Waiting>| wait.as_ref().map_or(now, |wait| wait.until);
        (
            waits.iter().map(|wait| (until(wait) - now).as_millis()).collect(),
            waits.into_iter().flatten().collect(),
        )
    }

    #[test]
    fn ten_at_once_are_free_and_then_each_has_its_place_in_the_row() {
        let (start, price) = (Instant::now(), Duration::from_millis(200));
        let budget = Budget::new(1, start);
        let (waits, mut row) = wait(&budget, price, 13, start);
        assert_eq!(waits, [[0; 10].as_slice(), &[200, 400, 600]].concat());
        row.pop();
        assert_eq!(wait(&budget, price, 1, start).0, [600], "the place of who has gone");
        let second = row.pop().expect("it waits");
        assert_eq!(second.look_at(start + price), Some(start + 2 * price));
        assert_eq!(second.look_at(start + 2 * price), None);
        drop(row);
        let later = start + Duration::from_secs(3600);
        let (waits, _row) = wait(&budget, price, 11, later);
        assert_eq!(waits, [[0; 10].as_slice(), &[200]].concat(), "nothing more is saved");
    }

    #[test]
    fn an_address_has_as_much_as_its_people() {
        let (start, price) = (Instant::now(), Duration::from_millis(200));
        let budget = Budget::new(40, start);
        let (waits, _row) = wait(&budget, price, 600, start);
        assert!(waits[..400].iter().all(|wait| *wait == 0));
        assert_eq!((waits[439], waits[599]), (200, 1000), "two hundred a second");
    }

    /// Forty-nine names, each with eight connections that never stop: whoever spoke beside them was to wait for five seconds.
    #[test]
    fn whoever_has_bought_little_waits_for_nobody_who_buys_much() {
        let (mut now, price) = (Instant::now(), Duration::from_millis(500));
        let budget = Budget::new(40, now);
        let mut hog: Vec<_> = (0..49 * 8_u16).map(|n| ((n % 49) as u8, None)).collect();
        let mut bought = [0; 49];
        for _ in 0..2_000 {
            now += Duration::from_millis(5);
            for (name, waiting) in &mut hog {
                if waiting.as_ref().is_none_or(|waiting: &Waiting| waiting.look_at(now).is_none()) {
                    bought[*name as usize] += 1;
                    *waiting = budget.spend(guest(*name), price, now);
                }
            }
        }
        for _ in 0..4 {
            let ana = budget.spend(guest(99), price, now).expect("others wait");
            assert!(ana.until <= now + price / 40, "she is next");
            now += price / 40;
            assert_eq!(ana.look_at(now), None);
        }
        let (least, most) = (bought.iter().min().expect("some"), bought.iter().max().expect("some"));
        assert!(most - least <= 10, "and each had as much: {bought:?}");
        assert!(budget.row.lock().expect("nobody panics").bought.len() <= 50);
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
        let id = ClientId::default();
        let elsewhere: IpAddr = [192, 0, 2, 1].into();
        let same = |one: &Purse, other: &Purse, act: Act| {
            let same = |(one, other): (Option<&Arc<Budget>>, Option<&Arc<Budget>>)| match (one, other) {
                (Some(one), Some(other)) => Arc::ptr_eq(one, other),
                _ => false,
            };
            let [first, second] = [0, 1].map(|place| (one.budgets(act)[place], other.budgets(act)[place]));
            (same(first), same(second))
        };
        let stranger = pace.purse(&visitor(None, HERE, None), id);
        let mut ana = pace.purse(&visitor(None, HERE, None), id);
        assert_eq!(same(&ana, &stranger, Act::Say), (true, true));
        assert_eq!(same(&ana, &stranger, Act::Ask), (false, true), "none waits for what another asks");
        pace.know(&mut ana, KEY);
        assert_eq!(same(&ana, &stranger, Act::Say), (false, true));
        assert_eq!(same(&ana, &stranger, Act::Ask), (false, false), "who is known waits for none of them");
        let member = |address| pace.purse(&visitor(Some(7), address, None), id);
        assert_eq!(same(&member(HERE), &member(elsewhere), Act::Say), (true, false));
        let mut known = member(HERE);
        pace.know(&mut known, KEY);
        assert_eq!(same(&known, &member(elsewhere), Act::Ask), (true, false), "an account stays what it is");
        let host = |address| pace.purse(&visitor(Some(7), address, Some(1)), id);
        assert_eq!(same(&host(HERE), &host(elsewhere), Act::Say), (true, false));
        assert!(host(HERE).budgets(Act::Ask)[1].is_none(), "and no address");
        let mut again = pace.purse(&visitor(None, elsewhere, None), id);
        pace.know(&mut again, KEY);
        assert!(same(&again, &ana, Act::Say).0, "wherever they come from");
    }

    #[test]
    fn however_many_come_the_memory_is_bounded() {
        let pace = Pace::new(5).expect("a limit");
        for number in 0..limits::BUDGETS as i64 + 1_000 {
            pace.purse(&visitor(Some(number), HERE, None), ClientId::default());
        }
        assert_eq!(pace.budgets.lock().expect("nobody panics").len(), limits::BUDGETS);
        assert!(Pace::new(0).is_none(), "no limit, no budgets");
    }
}
