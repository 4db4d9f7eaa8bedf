//! Where a client is in the log: every message comes once and in order, and a gap is told.

use std::time::Instant;

/// One client's place.
#[derive(Debug, Default)]
pub struct Place {
    /// The last position that came.
    pub position: u64,
    /// The server has told that what comes next need not follow it.
    gap_told: bool,
    was_sent_afresh: bool,
    /// Reactions came: newer ones leave gaps in what it is sent afresh.
    has_reactions: bool,
}

impl Place {
    /// A message's position has come. False if it is not new: after a gap there are receipts and messages of before.
    pub fn take(&mut self, position: u64) -> bool {
        if position <= self.position && self.was_sent_afresh {
            return false;
        }
        let follows = self.position == 0 || position == self.position + 1;
        let may_jump =
            (self.gap_told || self.has_reactions && self.was_sent_afresh) && position > self.position;
        assert!(follows || may_jump, "{position} comes after {}", self.position);
        (self.position, self.gap_told) = (position, false);
        true
    }

    /// Reactions have taken a position.
    pub fn take_reactions(&mut self, position: u64) {
        self.has_reactions = true;
        self.take(position);
    }

    /// Takes note if this event is a second `welcome`: the client was too far behind and goes on from the newest messages.
    pub fn is_sent_afresh(&mut self, event: &[u8]) -> bool {
        let afresh = event.starts_with(br#"{"event":"welcome""#);
        if afresh {
            let reset = br#""reset":true"#;
            assert!(event.windows(reset.len()).any(|part| part == reset), "{}", event.escape_ascii());
            (self.gap_told, self.was_sent_afresh) = (true, true);
        }
        afresh
    }
}

/// Who could not keep up, and how far it was then.
#[derive(Debug, Clone, Copy)]
pub struct Lapse {
    pub client: usize,
    /// The last that it had got.
    pub position: u64,
    pub at: Instant,
}
