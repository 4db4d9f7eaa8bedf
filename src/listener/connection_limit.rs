//! How many connections there are, in all and from one address.
//!
//! The accepting thread counts alone, by the address that a connection comes from. Behind a trusted proxy that address
//! says nothing: such connections count in all at once, and by the address that the proxy speaks for once their head
//! has been read, on their own thread ([`ForwardedSeats`]).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::http::client_address::{address_key, is_trusted};
use crate::limits;

/// How many connections there may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caps {
    /// In all.
    pub all: usize,
    /// From one address.
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

/// One connection's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seat {
    /// What it is for.
    pub kind: Kind,
    /// Where it counts; none for a trusted proxy.
    address: Option<IpAddr>,
}

/// All places, on the accepting thread.
#[derive(Debug)]
pub(crate) struct Seats {
    caps: Caps,
    trusted_proxies: Vec<IpAddr>,
    all: usize,
    refusals: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl Seats {
    /// Nobody is here yet.
    pub(crate) fn new(caps: Caps, trusted_proxies: Vec<IpAddr>) -> Seats {
        Seats { caps, trusted_proxies, all: 0, refusals: 0, by_address: HashMap::new() }
    }

    /// A place for a connection from this address; none if there is not even one to be refused on.
    pub(crate) fn take(&mut self, peer: IpAddr) -> Option<Seat> {
        let address = (!is_trusted(peer, &self.trusted_proxies)).then(|| address_key(peer));
        let here = address.and_then(|address| self.by_address.get(&address)).copied().unwrap_or_default();
        let kind = match (self.all >= self.caps.all, here >= self.caps.per_address) {
            (false, false) => Kind::Guest,
            (_, true) => Kind::Crowded,
            (true, false) => Kind::Full,
        };
        if kind == Kind::Guest {
            self.all += 1;
            if let Some(address) = address {
                self.by_address.insert(address, here + 1);
            }
        } else if self.refusals >= limits::REFUSALS {
            return None;
        } else {
            self.refusals += 1;
        }
        Some(Seat { kind, address })
    }

    /// The connection has ended.
    pub(crate) fn free(&mut self, seat: Seat) {
        if seat.kind != Kind::Guest {
            self.refusals -= 1;
            return;
        }
        self.all -= 1;
        if let Some(address) = seat.address {
            leave(&mut self.by_address, address);
        }
    }
}

/// The places of those for whom trusted proxies speak, by their address. Taken and left on connections' own threads.
#[derive(Debug)]
pub(crate) struct ForwardedSeats {
    per_address: usize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

impl ForwardedSeats {
    /// Nobody is here yet.
    pub(crate) fn new(caps: Caps) -> ForwardedSeats {
        ForwardedSeats { per_address: caps.per_address, by_address: Mutex::default() }
    }

    /// A place, until it is dropped; none if this address has as many as it may.
    pub(crate) fn take(self: &Arc<Self>, address: IpAddr) -> Option<ForwardedSeat> {
        let address = address_key(address);
        let mut all = self.lock();
        let here = all.get(&address).copied().unwrap_or_default();
        (here < self.per_address).then(|| {
            all.insert(address, here + 1);
            ForwardedSeat { all: self.clone(), address }
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner) // nothing panics while it is held
    }
}

/// One place of somebody behind a proxy.
#[derive(Debug)]
pub(crate) struct ForwardedSeat {
    all: Arc<ForwardedSeats>,
    address: IpAddr,
}

impl Drop for ForwardedSeat {
    fn drop(&mut self) {
        leave(&mut self.all.lock(), self.address);
    }
}

fn leave(by_address: &mut HashMap<IpAddr, usize>, address: IpAddr) {
    if let Some(here) = by_address.get_mut(&address) {
        *here -= 1;
        if *here == 0 {
            by_address.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPS: Caps = Caps { all: 5, per_address: 2 };

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_has_its_number_of_places_and_gets_them_back() {
        let mut seats = Seats::new(CAPS, Vec::new());
        let mut take = |text: &str| seats.take(address(text)).expect("a place");
        let first = take("2001:db8::1");
        assert_eq!((first.kind, take("2001:db8::2").kind), (Kind::Guest, Kind::Guest));
        assert_eq!(take("2001:db8::3").kind, Kind::Crowded, "one /64 is one address");
        assert_eq!((take("10.0.0.1").kind, take("::ffff:10.0.0.1").kind), (Kind::Guest, Kind::Guest));
        assert_eq!(take("10.0.0.1").kind, Kind::Crowded);
        assert_eq!((take("10.0.0.2").kind, take("10.0.0.3").kind), (Kind::Guest, Kind::Full));
        seats.free(first);
        assert_eq!(seats.take(address("2001:db8::3")).map(|seat| seat.kind), Some(Kind::Guest));
    }

    #[test]
    fn a_trusted_proxys_own_address_has_no_cap_and_those_behind_it_have() {
        let mut seats = Seats::new(CAPS, vec![address("10.0.0.1")]);
        for _ in 0..CAPS.all {
            assert_eq!(seats.take(address("10.0.0.1")).map(|seat| seat.kind), Some(Kind::Guest));
        }
        assert_eq!(seats.take(address("10.0.0.1")).map(|seat| seat.kind), Some(Kind::Full));
        let forwarded = Arc::new(ForwardedSeats::new(CAPS));
        let held: Vec<_> = (0..2).map(|_| forwarded.take(address("203.0.113.7")).expect("a place")).collect();
        assert!(forwarded.take(address("203.0.113.7")).is_none());
        assert!(forwarded.take(address("203.0.113.8")).is_some());
        drop(held);
        assert!(forwarded.take(address("203.0.113.7")).is_some());
        assert!(forwarded.lock().is_empty());
    }
}
