//! Logins that wait for a password's hash: bounded rows, and the threads that serve them.
//!
//! An account has few places from one address, and an address fewer than are left for all others; addresses take turns. So a class
//! that logs in at once from one address has room, and many logins by one person, even right ones, hold up no other address.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::limits::{PAGE_STOP, PASSWORD_QUEUE, PASSWORD_QUEUE_ACCOUNT, PASSWORD_WORKERS};
use crate::sys::fair_queue::FairQueue;
use crate::sys::priority::step_back;

/// The way to the threads. They end when it is stopped or dropped.
pub(super) struct PasswordQueue<T> {
    shared: Arc<Shared<T>>,
    /// Disconnected when the last of the threads has ended.
    gone: Receiver<Infallible>,
}

impl<T: Send + 'static> PasswordQueue<T> {
    /// Starts as many threads as may hash at once; each does `work` with what was pushed.
    ///
    /// # Errors
    /// When the system has no thread.
    pub(super) fn start(work: impl Fn(T) + Send + Sync + 'static) -> io::Result<PasswordQueue<T>> {
        let (alive, gone) = bounded(0);
        let queue = PasswordQueue { shared: Arc::new(Shared::new()), gone };
        let work = Arc::new(work);
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        for number in 0..PASSWORD_WORKERS.min(cores) {
            let (shared, work, held) = (queue.shared.clone(), work.clone(), alive.clone());
            thread::Builder::new().name(format!("password-{number}")).spawn(move || {
                let _held: Sender<Infallible> = held;
                step_back();
                while let Some(item) = shared.pop() {
                    work(item);
                }
            })?;
        }
        Ok(queue)
    }

    /// Takes in a request for an account (a number) from an address.
    ///
    /// # Errors
    /// The request, if there is no place for it or the queue is stopped.
    pub(super) fn push(&self, address: IpAddr, account: u64, item: T) -> Result<(), T> {
        self.shared.push(address, account, item)
    }

    /// Refuses and drops all requests, and waits for the threads: a hash takes far less than [`PAGE_STOP`].
    pub(super) fn stop(&self) {
        self.shared.close();
        if let Err(RecvTimeoutError::Timeout) = self.gone.recv_timeout(PAGE_STOP) {
            log::warn!("a password is still being hashed; left behind");
        }
    }
}

impl<T> Drop for PasswordQueue<T> {
    fn drop(&mut self) {
        self.shared.close();
    }
}

struct Shared<T> {
    waiting: Mutex<Waiting<T>>,
    changed: Condvar,
}

struct Waiting<T> {
    /// Each with its account.
    requests: FairQueue<(u64, T)>,
    is_closed: bool,
}

impl<T> Shared<T> {
    fn new() -> Shared<T> {
        let waiting = Waiting { requests: FairQueue::default(), is_closed: false };
        Shared { waiting: Mutex::new(waiting), changed: Condvar::new() }
    }

    fn push(&self, address: IpAddr, account: u64, item: T) -> Result<(), T> {
        let mut waiting = self.lock();
        let from_here = || waiting.requests.of(address);
        let left = PASSWORD_QUEUE - waiting.requests.len();
        let has_all = from_here().count() >= left
            || from_here().filter(|(of, _)| *of == account).count() >= PASSWORD_QUEUE_ACCOUNT;
        if waiting.is_closed || has_all {
            return Err(item);
        }
        waiting.requests.push(address, (account, item));
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for the next request; none once the queue is closed.
    fn pop(&self) -> Option<T> {
        let idle = |waiting: &mut Waiting<T>| waiting.requests.len() == 0 && !waiting.is_closed;
        let waited = self.changed.wait_while(self.lock(), idle);
        let (_, item) = waited.unwrap_or_else(PoisonError::into_inner).requests.pop()?;
        Some(item)
    }

    fn close(&self) {
        let waiting = {
            let mut waiting = self.lock();
            waiting.is_closed = true;
            std::mem::take(&mut waiting.requests)
        };
        self.changed.notify_all();
        drop(waiting); // tiny_http answers a request that is dropped with 500
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner) // nothing panics while it is held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, number])
    }

    /// Pushes until one is refused, and counts those before it.
    fn fill(queue: &Shared<u64>, from: u8, accounts: impl Iterator<Item = u64>) -> usize {
        accounts.take_while(|account| queue.push(address(from), *account, *account).is_ok()).count()
    }

    #[test]
    fn a_class_behind_one_address_waits_in_the_order_of_coming() {
        let queue = Shared::new();
        assert_eq!(fill(&queue, 1, 0..120), 120);
        assert!((0..120).eq((0..120).filter_map(|_| queue.pop())));
    }

    #[test]
    fn addresses_take_turns() {
        let queue = Shared::new();
        assert_eq!(fill(&queue, 1, 0..PASSWORD_QUEUE as u64), PASSWORD_QUEUE / 2);
        assert_eq!(queue.push(address(2), 7, 777), Ok(()), "another, while those wait");
        assert_eq!([queue.pop(), queue.pop(), queue.pop()], [Some(0), Some(777), Some(1)]);
    }

    #[test]
    fn somebody_who_sends_many_for_one_account_is_before_few_and_keeps_nobody_out() {
        let queue = Shared::new();
        assert_eq!(fill(&queue, 1, std::iter::repeat(7)), PASSWORD_QUEUE_ACCOUNT);
        assert_eq!(queue.push(address(1), 8, 8), Ok(()), "others of the same address");
        assert_eq!(queue.push(address(2), 7, 9), Ok(()), "and the account's owner from another");
        let others = (0..).take_while(|_| queue.pop() != Some(8)).count();
        assert_eq!(others, PASSWORD_QUEUE_ACCOUNT + 1, "and the owner, in turn");
        assert_eq!(queue.push(address(1), 7, 7), Ok(()), "a place is free again");
    }

    #[test]
    fn an_address_that_sends_for_many_accounts_leaves_places_to_others() {
        let queue = Shared::new();
        let accounts = || 0..PASSWORD_QUEUE as u64;
        let mut last = PASSWORD_QUEUE;
        for from in 1..=5 {
            let room = fill(&queue, from, accounts());
            assert!((1..=last).contains(&room), "{room} after {last}");
            last /= 2;
        }
        assert_eq!(fill(&queue, 6, 0..2), 2, "and after five of them there is room");
    }

    #[test]
    fn closing_ends_every_wait_and_takes_nobody_in() {
        let queue = Shared::new();
        thread::scope(|scope| {
            let waits: Vec<_> = (0..3).map(|_| scope.spawn(|| queue.pop())).collect();
            assert_eq!(queue.push(address(1), 1, 1), Ok(()));
            queue.close();
            let got = waits.into_iter().filter_map(|wait| wait.join().expect("no panic"));
            assert!(got.count() <= 1);
        });
        assert_eq!(queue.push(address(1), 1, 1), Err(1));
        assert_eq!(queue.pop(), None);
    }
}
