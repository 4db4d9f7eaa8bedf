//! Who waits for a password's hash: a bounded queue, of which everybody has a fair share.
//!
//! Accounts take turns: the second request of one comes behind the first of all others that wait, whoever came earlier.
//! While there is room, anybody may wait, however often: a class that logs in at once comes from one address. In a full queue
//! room is made for who has less of it: the newest request goes that belongs to the address with the most, or, where the
//! newcomer's own address has the most, to its account with the most. So who sends many logins at once, and be they right,
//! holds up nobody but themselves.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Whom a request counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Party {
    /// Their address, an IPv6 one as its /64.
    pub address: IpAddr,
    /// Their account, as a number.
    pub account: u64,
}

/// The queue. Any number of threads may push and pop.
#[derive(Debug)]
pub(crate) struct PasswordQueue<T> {
    places: usize,
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    /// In the order of coming.
    waiting: VecDeque<Waiting<T>>,
    /// The round that is being served.
    round: u64,
    is_closed: bool,
}

#[derive(Debug)]
struct Waiting<T> {
    party: Party,
    /// Each account has one request a round.
    round: u64,
    item: T,
}

impl<T> PasswordQueue<T> {
    /// A queue with so many places.
    pub(crate) fn new(places: usize) -> PasswordQueue<T> {
        let state = State { waiting: VecDeque::new(), round: 0, is_closed: false };
        PasswordQueue { places, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Takes in a request. What comes back has no place: this one, or another in its stead.
    pub(crate) fn push(&self, party: Party, item: T) -> Option<T> {
        let mut state = self.lock();
        if state.is_closed {
            return Some(item);
        }
        let mut displaced = None;
        if state.waiting.len() >= self.places {
            let Some(index) = displaced_by(party, &state.waiting) else { return Some(item) };
            displaced = state.waiting.remove(index).map(|waiting| waiting.item);
        }
        let last = state.waiting.iter().rfind(|waiting| waiting.party == party);
        let round = last.map_or(0, |waiting| waiting.round + 1).max(state.round + 1);
        state.waiting.push_back(Waiting { party, round, item });
        self.changed.notify_one();
        displaced
    }

    /// Waits for the next request; none once the queue is closed.
    pub(crate) fn pop(&self) -> Option<T> {
        let idle = |state: &mut State<T>| state.waiting.is_empty() && !state.is_closed;
        let waited = self.changed.wait_while(self.lock(), idle);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        // Of several, the first.
        let (index, _) = state.waiting.iter().enumerate().min_by_key(|(_, waiting)| waiting.round)?;
        let next = state.waiting.remove(index)?;
        state.round = next.round;
        Some(next.item)
    }

    /// Lets nobody in any more, and drops who waits.
    pub(crate) fn close(&self) {
        let waiting = {
            let mut state = self.lock();
            state.is_closed = true;
            std::mem::take(&mut state.waiting)
        };
        self.changed.notify_all();
        drop(waiting);
    }

    /// Nothing panics while it holds this.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose place a newcomer gets in a full queue; none where nobody has more than they would.
fn displaced_by<T>(party: Party, waiting: &VecDeque<Waiting<T>>) -> Option<usize> {
    let parties = || waiting.iter().map(|waiting| waiting.party);
    let (addresses, most) = counted(parties().map(|party| party.address));
    let own = addresses.get(&party.address).copied().unwrap_or(0);
    let (address, _) = most.filter(|(_, count)| *count > own + 1).unwrap_or((party.address, own));
    let (accounts, most) =
        counted(parties().filter(|party| party.address == address).map(|party| party.account));
    let own =
        if address == party.address { accounts.get(&party.account).copied().unwrap_or(0) + 1 } else { 0 };
    let (account, _) = most.filter(|(_, count)| *count > own)?;
    let newest = Party { address, account };
    parties().enumerate().filter(|(_, party)| *party == newest).last().map(|(index, _)| index)
}

/// How often each occurs, and what occurs most.
fn counted<K: Copy + Eq + Hash>(keys: impl Iterator<Item = K>) -> (HashMap<K, usize>, Option<(K, usize)>) {
    let mut counts = HashMap::new();
    keys.for_each(|key| *counts.entry(key).or_insert(0) += 1);
    let most = counts.iter().max_by_key(|(_, count)| **count).map(|(key, count)| (*key, *count));
    (counts, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(address: u8, account: u64) -> Party {
        Party { address: IpAddr::from([192, 0, 2, address]), account }
    }

    /// Pushes, each with its party as the item, and says who has no place.
    fn push(queue: &PasswordQueue<Party>, address: u8, account: u64) -> Option<(IpAddr, u64)> {
        let party = party(address, account);
        queue.push(party, party).map(|party| (party.address, party.account))
    }

    fn key(address: u8, account: u64) -> Option<(IpAddr, u64)> {
        Some((party(address, account).address, account))
    }

    #[test]
    fn while_there_is_room_anybody_waits_and_accounts_take_turns() {
        let queue = PasswordQueue::new(7);
        for account in [1, 1, 1, 1, 2, 2, 3] {
            assert_eq!(push(&queue, 1, account), None);
        }
        let pop = || queue.pop().expect("somebody waits").account;
        assert_eq!([pop(), pop(), pop(), pop(), pop()], [1, 2, 3, 1, 2]);
        push(&queue, 1, 4);
        assert_eq!([pop(), pop(), pop()], [1, 4, 1], "a newcomer is not behind all that waited");
    }

    #[test]
    fn who_sends_many_makes_room_for_others_of_their_address() {
        let queue = PasswordQueue::new(8);
        (0..8).for_each(|_| assert_eq!(push(&queue, 1, 1), None));
        assert_eq!(push(&queue, 1, 1), key(1, 1), "not for themselves");
        for account in 2..9 {
            assert_eq!(push(&queue, 1, account), key(1, 1), "{account}");
        }
        assert_eq!(push(&queue, 1, 9), key(1, 9), "eight accounts have a place each");
        assert_eq!(push(&queue, 1, 1), key(1, 1));
        let order: Vec<u64> = (0..8).map(|_| queue.pop().expect("waits").account).collect();
        assert_eq!(order, [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn an_address_with_many_accounts_makes_room_for_other_addresses() {
        let queue = PasswordQueue::new(8);
        (0..8).for_each(|account| assert_eq!(push(&queue, 1, account), None));
        for number in 0..4 {
            let (address, _) = push(&queue, 2, number).expect("somebody goes");
            assert_eq!(address, party(1, 0).address);
        }
        assert_eq!(push(&queue, 2, 4), key(2, 4), "both have half");
        assert_eq!(push(&queue, 1, 9), key(1, 9));
        let (address, _) = push(&queue, 3, 1).expect("somebody goes");
        assert_ne!(address, party(3, 1).address);
    }

    #[test]
    fn closing_ends_every_wait_and_takes_nobody_in() {
        let queue = PasswordQueue::new(2);
        std::thread::scope(|scope| {
            let waits: Vec<_> = (0..3).map(|_| scope.spawn(|| queue.pop())).collect();
            push(&queue, 1, 1);
            queue.close();
            let got = waits.into_iter().filter_map(|wait| wait.join().expect("no panic"));
            assert!(got.count() <= 1);
        });
        assert_eq!(push(&queue, 1, 1), key(1, 1));
        assert_eq!(queue.pop(), None);
    }
}
