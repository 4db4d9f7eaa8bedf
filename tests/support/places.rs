//! Who would disturb whom: more tests run at once than there are cores, since most of them only wait. Those that do not
//! take a place first.

use super::lock;
use std::sync::{Condvar, Mutex};

/// Tests with a crowd that keeps the machine busy: two at a time.
static CROWDS: Places = Places::new(2);

/// So many places, for the tests of one kind.
pub(super) struct Places {
    free: Mutex<usize>,
    freed: Condvar,
}

/// One of them, until it is dropped.
pub struct Place(&'static Places);

impl Places {
    pub(super) const fn new(count: usize) -> Places {
        Places { free: Mutex::new(count), freed: Condvar::new() }
    }

    /// Waits for a place. Each that is taken is given back by a test that ends, so nobody waits for ever.
    pub(super) fn take(&'static self) -> Place {
        let free = lock(&self.free);
        *self.freed.wait_while(free, |free| *free == 0).unwrap_or_else(|poisoned| poisoned.into_inner()) -= 1;
        Place(self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *lock(&self.0.free) += 1;
        self.0.freed.notify_one();
    }
}

/// Held by a test whose crowd keeps the machine busy.
pub fn crowd() -> Place {
    CROWDS.take()
}
