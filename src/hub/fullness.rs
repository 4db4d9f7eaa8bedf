//! How full the history is: looked at now and then, and told to hosts and to whoever writes.

use std::time::Instant;

use crate::limits;
use crate::protocol::{Reason, Refusal};
use crate::store::{Space, Store};

pub(crate) struct Fullness {
    /// Bytes that the history may take.
    bound: u64,
    space: Space,
    /// When to look next.
    due: Instant,
    /// Bytes that were stored since it was looked.
    unseen: u64,
    /// The per cent of which hosts have been told.
    told: Option<u64>,
}

impl Fullness {
    pub(crate) fn new(store: &Store, bound: u64) -> Fullness {
        let (space, now) = (Space { used: 0, most: bound }, Instant::now());
        let mut fullness = Fullness { bound, space, due: now, unseen: 0, told: None };
        fullness.look(store, now);
        fullness
    }

    /// So many bytes more were stored.
    pub(crate) fn stored(&mut self, bytes: u64) {
        self.unseen += bytes;
    }

    pub(crate) fn look(&mut self, store: &Store, now: Instant) {
        if now < self.due && self.unseen < self.bound / limits::SPACE_PARTS {
            return;
        }
        self.due = now + limits::SPACE_LOOK;
        self.unseen = 0;
        // A database that can't be read is told about when it is written to.
        let Ok(space) = store.space(self.bound) else { return };
        if space.is_full() && !self.space.is_full() {
            log::warn!(
                "the history is full ({} MB of {}): messages are refused until a host clears it, --history-megabytes allows more, \
                 or the disk has more free",
                space.used >> 20,
                space.most >> 20
            );
        }
        self.space = space;
    }

    /// In per cent, where hosts have to be told.
    pub(crate) fn percent(&self) -> Option<u64> {
        self.space.percent()
    }

    /// Whether that has changed since this was last asked.
    pub(crate) fn has_changed(&mut self) -> bool {
        let percent = self.percent();
        percent != std::mem::replace(&mut self.told, percent)
    }

    /// Whether anything fits.
    ///
    /// # Errors
    /// `not_saved`, where the history is full.
    pub(crate) fn check(&mut self, store: &Store) -> Result<(), Refusal> {
        if self.space.is_full() {
            // Somebody may just have made room. Else it is looked at with each turn that is stored.
            self.due = Instant::now();
            self.look(store, self.due);
        }
        match self.space.is_full() {
            true => Err(Reason::HistoryFull.into()),
            false => Ok(()),
        }
    }
}
