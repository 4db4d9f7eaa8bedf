//! How many connections there are, in all and from one address.
//!
//! A connection counts by the address that it comes from. One from a trusted proxy counts in all at first, and by the
//! address that the proxy names once its head has been read.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::http::client_address::{address_key, is_trusted};
use crate::limits;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Caps {
    pub all: usize,
    pub per_address: usize,
}

/// What a connection is let in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// To be served.
    Guest,
    /// To be told that the room is full.
    Full,
    /// To be told that its address has too many.
    Crowded,
}

/// A place for each connection.
#[derive(Debug)]
pub(crate) struct Seats {
    caps: Caps,
    trusted_proxies: Vec<IpAddr>,
    taken: Mutex<Taken>,
    all_free: Condvar,
}

#[derive(Debug, Default)]
struct Taken {
    guests: usize,
    refusals: usize,
    guests_by_address: HashMap<IpAddr, usize>,
}

/// One connection's place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) kind: Kind,
    is_refusal: bool,
    /// Where a guest counts; not known of a trusted proxy's until its head has been read.
    address: Option<IpAddr>,
    seats: Arc<Seats>,
}

impl Seats {
    pub(crate) fn new(caps: Caps, trusted_proxies: Vec<IpAddr>) -> Arc<Seats> {
        Arc::new(Seats { caps, trusted_proxies, taken: Mutex::default(), all_free: Condvar::new() })
    }

    /// A place for a connection from this address, if only to be refused on; none where even these are taken.
    pub(crate) fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Seat> {
        let mut taken = self.lock();
        let address = (!is_trusted(peer, &self.trusted_proxies)).then(|| address_key(peer));
        let is_crowded = address.is_some_and(|address| self.is_crowded(&taken, address));
        let kind = match taken.guests >= self.caps.all {
            _ if is_crowded => Kind::Crowded,
            true => Kind::Full,
            false => Kind::Guest,
        };
        let is_refusal = kind != Kind::Guest;
        let address = address.filter(|_| !is_refusal);
        if is_refusal {
            if taken.refusals >= limits::REFUSALS {
                return None;
            }
            taken.refusals += 1;
        } else {
            taken.guests += 1;
        }
        if let Some(address) = address {
            *taken.guests_by_address.entry(address).or_default() += 1;
        }
        Some(Seat { kind, is_refusal, address, seats: self.clone() })
    }

    /// Waits until every place is free, at most until the deadline.
    pub(crate) fn wait_until_free(&self, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        let somebody = |taken: &mut Taken| taken.guests + taken.refusals > 0;
        drop(self.all_free.wait_timeout_while(self.lock(), left, somebody));
    }

    fn is_crowded(&self, taken: &Taken, address: IpAddr) -> bool {
        taken.guests_by_address.get(&address).is_some_and(|guests| *guests >= self.caps.per_address)
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner) // nothing panics while it is held
    }
}

impl Seat {
    /// Counts a guest who came by a trusted proxy for the address that the proxy names, if that has room.
    pub(crate) fn count_for(&mut self, address: IpAddr) {
        if self.kind != Kind::Guest || self.address.is_some() {
            return;
        }
        let (mut taken, address) = (self.seats.lock(), address_key(address));
        if self.seats.is_crowded(&taken, address) {
            self.kind = Kind::Crowded;
        } else {
            *taken.guests_by_address.entry(address).or_default() += 1;
            self.address = Some(address);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        match self.is_refusal {
            true => taken.refusals -= 1,
            false => taken.guests -= 1,
        }
        if let Some(address) = self.address
            && let Some(guests) = taken.guests_by_address.get_mut(&address)
        {
            *guests -= 1;
            if *guests == 0 {
                taken.guests_by_address.remove(&address);
            }
        }
        if taken.guests + taken.refusals == 0 {
            self.seats.all_free.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const CAPS: Caps = Caps { all: 5, per_address: 2 };

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    /// Guests, and addresses that are remembered.
    fn left(seats: &Seats) -> (usize, usize) {
        let taken = seats.lock();
        (taken.guests, taken.guests_by_address.len())
    }

    #[test]
    fn an_address_has_its_number_of_places_and_gets_them_back() {
        let seats = Seats::new(CAPS, Vec::new());
        let take = |text: &str| seats.take(address(text)).expect("a place");
        let mut guests = Vec::new();
        for (from, kind) in [
            ("2001:db8::1", Kind::Guest),
            ("2001:db8::2", Kind::Guest),
            ("2001:db8::3", Kind::Crowded), // one /64 is one address
            ("10.0.0.1", Kind::Guest),
            ("::ffff:10.0.0.1", Kind::Guest),
            ("10.0.0.1", Kind::Crowded),
            ("10.0.0.2", Kind::Guest),
            ("10.0.0.3", Kind::Full),
            ("10.0.0.1", Kind::Crowded),
        ] {
            let seat = take(from);
            assert_eq!(seat.kind, kind, "{from}");
            guests.extend((kind == Kind::Guest).then_some(seat));
        }
        drop(guests.remove(0));
        assert_eq!(take("2001:db8::3").kind, Kind::Guest);
        drop(guests);
        assert_eq!(left(&seats), (0, 0));
    }

    #[test]
    fn a_trusted_proxys_own_address_has_no_cap_and_those_behind_it_have() {
        let proxy = address("10.0.0.1");
        let seats = Seats::new(CAPS, vec![proxy]);
        let mut guests: Vec<Seat> = (0..CAPS.all).map(|_| seats.take(proxy).expect("a place")).collect();
        assert!(guests.iter().all(|seat| seat.kind == Kind::Guest));
        assert_eq!(seats.take(proxy).map(|seat| seat.kind), Some(Kind::Full));
        guests.iter_mut().for_each(|seat| seat.count_for(address("203.0.113.7")));
        let crowded: Vec<Seat> = guests.split_off(CAPS.per_address);
        assert!(guests.iter().all(|seat| seat.kind == Kind::Guest));
        assert!(crowded.iter().all(|seat| seat.kind == Kind::Crowded));
        drop(guests.pop());
        let counted_for = |text: &str| {
            let mut seat = seats.take(proxy).expect("a place");
            seat.count_for(address(text));
            seat.kind
        };
        assert_eq!(counted_for("203.0.113.7"), Kind::Guest);
        assert_eq!(counted_for("203.0.113.8"), Kind::Guest);
        drop((guests, crowded));
        assert_eq!(left(&seats), (0, 0));
    }

    #[test]
    fn those_who_are_told_why_they_are_refused_are_bounded_too() {
        let seats = Seats::new(Caps { all: 0, per_address: 1 }, Vec::new());
        let here = address("10.0.0.1");
        let told: Vec<_> = (0..limits::REFUSALS).map(|_| seats.take(here).expect("to be told")).collect();
        assert!(seats.take(here).is_none());
        drop(told);
        assert!(seats.take(here).is_some());
    }

    #[test]
    fn waiting_ends_with_the_last_who_goes_or_at_the_deadline() {
        let seats = Seats::new(CAPS, Vec::new());
        let seat = seats.take(address("10.0.0.1"));
        seats.wait_until_free(Instant::now() + Duration::from_millis(1));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| seats.wait_until_free(Instant::now() + Duration::from_secs(3600)));
            drop(seat);
            waiting.join().expect("no panic");
        });
    }
}
