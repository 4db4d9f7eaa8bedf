//! Who would disturb whom: more tests run at once than there are cores, since most of them only wait. Those that do not
//! take a place first.

use super::lock;
use std::sync::{Condvar, Mutex, PoisonError};

/// Tests with a crowd that keeps the machine busy.
static CROWDS: Places = Places::new(2);

/// So many places, for the tests of one kind.
pub(super) struct Places {
    count: Mutex<Count>,
    freed: Condvar,
}

struct Count {
    free: usize,
    waiting: usize,
}

/// One of them, until it is dropped.
pub struct Place(&'static Places);

/// Held by a test whose crowd keeps the machine busy.
pub fn crowd() -> Place {
    CROWDS.take()
}

impl Places {
    pub(super) const fn new(count: usize) -> Places {
        Places { count: Mutex::new(Count { free: count, waiting: 0 }), freed: Condvar::new() }
    }

    /// Waits for a place. Each that is taken is given back by a test that ends, so nobody waits for ever.
    pub(super) fn take(&'static self) -> Place {
        let mut count = lock(&self.count);
        count.waiting += 1;
        let free = self.freed.wait_while(count, |count| count.free == 0);
        count = free.unwrap_or_else(PoisonError::into_inner);
        count.waiting -= 1;
        count.free -= 1;
        Place(self)
    }
}

#[cfg(unix)]
impl Place {
    /// Whether somebody waits for it: what takes long to make is left to them.
    pub(super) fn is_wanted(&self) -> bool {
        lock(&self.0.count).waiting > 0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.0.count).free += 1;
        self.0.freed.notify_one();
    }
}
