//! Who would disturb whom: more tests run at once than there are cores, since most of them only wait. Those that do not
//! take a place first.

use super::lock;
use std::cell::RefCell;
use std::sync::{Arc, Condvar, Mutex, Weak};

/// Tests with a crowd that keeps the machine busy.
static CROWDS: Places = Places::new(2);
/// Tests with pages open: each keeps a core busy now and then.
static READERS: Places = Places::new(4);

/// So many places, for the tests of one kind.
struct Places {
    free: Mutex<usize>,
    freed: Condvar,
}

/// One of them, until it is dropped.
pub struct Place(&'static Places);

/// Held by a test whose crowd keeps the machine busy.
pub fn crowd() -> Place {
    CROWDS.take()
}

/// Held by a test as long as it has a page open: one place, however many there are.
pub(super) fn reader() -> Arc<Place> {
    thread_local! {
        static OWN: RefCell<Weak<Place>> = const { RefCell::new(Weak::new()) };
    }
    OWN.with_borrow_mut(|own| {
        let place = own.upgrade().unwrap_or_else(|| Arc::new(READERS.take()));
        *own = Arc::downgrade(&place);
        place
    })
}

impl Places {
    const fn new(count: usize) -> Places {
        Places { free: Mutex::new(count), freed: Condvar::new() }
    }

    /// Waits for a place. Each that is taken is given back by a test that ends, so nobody waits for ever.
    fn take(&'static self) -> Place {
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
