//! What a turn tells everybody.

use bytes::Bytes;

use crate::protocol::Position;

/// The frames of a turn for everybody.
#[derive(Debug, Default)]
pub(crate) struct Broadcast {
    /// All of them, one after the other.
    pub frames: Bytes,
    /// Where what the turn has stored begins in them.
    pub begin: usize,
    /// Each change that it has stored, in order.
    pub changes: Vec<StoredChange>,
}

/// A stored change, and where its frame ends in the turn's; no further than the one before where it has none.
#[derive(Debug)]
pub(crate) struct StoredChange {
    pub at: usize,
    pub logged: Logged,
}

/// What a change was to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Logged {
    /// No part of it.
    Nothing,
    /// A message took the next position.
    Message,
    /// A message's reactions took the next position.
    Reactions { message_id: Position },
    /// A deletion took the next position.
    Deletion {
        /// The message that is gone.
        message_id: Position,
    },
    /// All before it is gone.
    Cleared,
}

impl Broadcast {
    /// After how many of its changes the log was cleared last, if it was.
    pub(crate) fn cleared(&self) -> Option<usize> {
        self.changes.iter().rposition(|change| change.logged == Logged::Cleared).map(|index| index + 1)
    }

    /// Where in the frames the place after so many changes is. All that is not in this turn (yet) is after its end.
    pub(crate) fn offset(&self, changes: usize) -> u64 {
        let offset = match changes.checked_sub(1) {
            None => 0,
            Some(last) => self.changes.get(last).map_or(self.frames.len(), |change| change.at),
        };
        offset as u64
    }
}
