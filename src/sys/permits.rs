//! A bound on how many threads do one thing at once.

use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};

/// A number of permits; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Permits {
    free: Receiver<()>,
    freed: Sender<()>,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub struct Permit(Sender<()>);

impl Permits {
    pub(crate) fn new(count: usize) -> Permits {
        let (freed, free) = bounded(count);
        (0..count).for_each(|_| freed.try_send(()).expect("there is a place for each"));
        Permits { free, freed }
    }

    /// Waits for a permit until the deadline; a free one can be had even after it.
    pub(crate) fn take(&self, deadline: Instant) -> Option<Permit> {
        self.free.recv_deadline(deadline).ok().map(|()| Permit(self.freed.clone()))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let _ = self.0.try_send(()); // there is a place for it, or nobody is left who could wait
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn there_are_so_many_and_no_more_until_one_is_dropped() {
        let permits = Permits::new(2);
        let held: Vec<_> = (0..2).map(|_| permits.take(Instant::now()).expect("free")).collect();
        assert!(permits.clone().take(Instant::now()).is_none());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| permits.take(Instant::now() + Duration::from_secs(10)).is_some());
            drop(held);
            assert!(waiting.join().expect("no panic"));
        });
        drop((permits.take(Instant::now()).expect("free"), permits.take(Instant::now()).expect("free")));
    }
}
