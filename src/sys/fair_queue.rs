//! A queue in which addresses take turns: one with many waiting waits for itself. And permits, as in [`super::permits`], that are
//! given out in that order.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crossbeam_channel::{Sender, bounded};

/// A number of permits; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct FairPermits(Arc<Mutex<Places>>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct FairPermit(FairPermits);

#[derive(Debug)]
struct Places {
    free: usize,
    waiting: FairQueue<Sender<()>>,
}

/// Where somebody waits, the address whose turn is next first; those of one in the order in which they came.
#[derive(Debug)]
pub(crate) struct FairQueue<T>(VecDeque<(IpAddr, VecDeque<T>)>);

impl<T> Default for FairQueue<T> {
    fn default() -> FairQueue<T> {
        FairQueue(VecDeque::new())
    }
}

impl<T> FairQueue<T> {
    pub(crate) fn push(&mut self, address: IpAddr, item: T) {
        match self.0.iter_mut().find(|(other, _)| *other == address) {
            Some((_, row)) => row.push_back(item),
            None => self.0.push_back((address, VecDeque::from([item]))),
        }
    }

    /// The next one; the address has its next turn after all others.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let (address, mut row) = self.0.pop_front()?;
        let item = row.pop_front();
        if !row.is_empty() {
            self.0.push_back((address, row));
        }
        item
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|(_, row)| row.len()).sum()
    }

    /// All of an address.
    pub(crate) fn of(&self, address: IpAddr) -> impl Iterator<Item = &T> {
        self.0.iter().filter(move |(other, _)| *other == address).flat_map(|(_, row)| row)
    }

    fn retain(&mut self, mut stays: impl FnMut(&T) -> bool) {
        self.0.iter_mut().for_each(|(_, row)| row.retain(&mut stays));
        self.0.retain(|(_, row)| !row.is_empty());
    }
}

impl FairPermits {
    pub(crate) fn new(places: usize) -> FairPermits {
        FairPermits(Arc::new(Mutex::new(Places { free: places, waiting: FairQueue::default() })))
    }

    /// Waits for this address's turn until the deadline; a free place can be had even after it.
    pub(crate) fn take(&self, address: IpAddr, deadline: Instant) -> Option<FairPermit> {
        let (call, called) = bounded(1);
        {
            let mut places = self.lock();
            if places.free > 0 {
                places.free -= 1;
                return Some(FairPermit(self.clone()));
            }
            places.waiting.push(address, call.clone());
        }
        if called.recv_deadline(deadline).is_err() {
            let mut places = self.lock();
            if called.try_recv().is_err() {
                places.waiting.retain(|other| !other.same_channel(&call));
                return None;
            }
        }
        Some(FairPermit(self.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner) // nothing panics while it is held
    }
}

impl Drop for FairPermit {
    fn drop(&mut self) {
        let mut places = self.0.lock();
        // The one called is there, or is about to look: none leaves the row but under the lock.
        match places.waiting.pop() {
            Some(next) => drop(next.try_send(())),
            None => places.free += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    fn address(number: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, number])
    }

    fn waiting(permits: &FairPermits) -> usize {
        permits.lock().waiting.len()
    }

    #[test]
    fn addresses_take_turns_however_many_wait_at_one() {
        let permits = FairPermits::new(1);
        let held = permits.take(address(1), Instant::now());
        let (served, order) = bounded(100);
        thread::scope(|scope| {
            for (number, from) in [1, 1, 1, 1, 2, 3, 2].into_iter().enumerate() {
                let (own, served) = (permits.clone(), served.clone());
                scope.spawn(move || {
                    let _permit = own.take(address(from), Instant::now() + Duration::from_secs(60));
                    served.send(from).expect("there is room");
                });
                while waiting(&permits) <= number {
                    thread::yield_now();
                }
            }
            drop(held);
        });
        assert!([1, 2, 3, 1, 2, 1, 1].into_iter().eq(order.try_iter()));
        assert!(permits.take(address(9), Instant::now()).is_some(), "it is free again");
    }

    #[test]
    fn whoever_has_waited_in_vain_is_forgotten() {
        let permits = FairPermits::new(2);
        let held: Vec<_> = (0..2).map(|_| permits.take(address(1), Instant::now()).expect("free")).collect();
        for from in [1, 2] {
            assert!(permits.take(address(from), Instant::now() + Duration::from_millis(5)).is_none());
        }
        assert_eq!(waiting(&permits), 0);
        drop(held);
        assert_eq!(permits.lock().free, 2);
    }
}
