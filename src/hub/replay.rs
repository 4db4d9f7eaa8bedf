//! The newest part of the log as finished frames, for those who come back.
//!
//! Frames share the turns' buffers, so keeping them copies nothing. Each position has an entry, so that a position is an
//! index.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use super::broadcast::{Broadcast, Logged, StoredChange};
use crate::limits;
use crate::protocol::Position;

#[derive(Debug)]
struct Entry {
    /// Empty where it went with its message, or a newer one took its place.
    frame: Bytes,
    logged: Logged,
}

impl Entry {
    const EMPTY: Entry = Entry { frame: Bytes::new(), logged: Logged::Nothing };

    fn is_message(&self) -> bool {
        self.logged == Logged::Message
    }
}

/// The frames of the newest positions, at most [`limits::KEPT_BYTES`] of at most [`limits::KEPT_ENTRIES`].
#[derive(Debug)]
pub(crate) struct Replay {
    entries: VecDeque<Entry>,
    /// Where the newest reactions to a message are, as far as they are kept.
    reactions: HashMap<Position, Position>,
    /// The position before the first entry.
    before: Position,
    bytes: usize,
}

impl Replay {
    /// Nothing yet, from after this position on.
    pub(crate) fn new(before: Position) -> Replay {
        Replay { entries: VecDeque::new(), reactions: HashMap::new(), before, bytes: 0 }
    }

    /// The newest position.
    pub(crate) fn head(&self) -> Position {
        self.before + self.entries.len() as Position
    }

    /// Keeps a turn's part of the log.
    pub(crate) fn extend(&mut self, broadcast: &Broadcast) {
        let mut start = broadcast.begin;
        for StoredChange { at, logged } in &broadcast.changes {
            let frame = broadcast.frames.slice(start..*at);
            start = *at;
            match *logged {
                Logged::Nothing => {}
                Logged::Cleared => self.clear(),
                logged => self.push(frame, logged),
            }
        }
    }

    /// Keeps nothing of what was so far.
    pub(crate) fn clear(&mut self) {
        *self = Replay::new(self.head());
    }

    /// Passes the positions before this one: what they had is gone.
    pub(crate) fn fill_to(&mut self, position: Position) {
        while self.head() + 1 < position {
            self.push(Bytes::new(), Logged::Nothing);
        }
    }

    /// Keeps the frame of the next position, and none that it makes untrue.
    pub(crate) fn push(&mut self, frame: Bytes, logged: Logged) {
        let position = self.head() + 1;
        let before = match logged {
            Logged::Reactions { message_id } => self.reactions.insert(message_id, position),
            Logged::Deletion { message_id } => {
                self.erase(message_id);
                self.reactions.remove(&message_id)
            }
            _ => None,
        };
        if let Some(before) = before {
            self.erase(before);
        }
        self.bytes += frame.len();
        self.entries.push_back(Entry { frame, logged });
        while (self.bytes > limits::KEPT_BYTES || self.entries.len() > limits::KEPT_ENTRIES)
            && let Some(oldest) = self.entries.pop_front()
        {
            self.bytes -= oldest.frame.len();
            self.before += 1;
            if let Logged::Reactions { message_id } = oldest.logged {
                self.reactions.remove(&message_id);
            }
        }
    }

    fn erase(&mut self, position: Position) {
        let index = position.checked_sub(self.before + 1).and_then(|index| usize::try_from(index).ok());
        if let Some(entry) = index.and_then(|index| self.entries.get_mut(index)) {
            self.bytes -= entry.frame.len();
            *entry = Entry::EMPTY;
        }
    }

    /// The frames after a position, oldest first and at most `most` bytes of them, and the position up to which they
    /// go; none if older ones would be missing.
    pub(crate) fn after(&self, position: Position, most: usize) -> Option<(Vec<Bytes>, Position)> {
        let skipped = usize::try_from(position.checked_sub(self.before)?).ok()?;
        let (mut frames, mut reached, mut bytes) = (Vec::new(), position, 0);
        for entry in self.entries.range(skipped.min(self.entries.len())..) {
            bytes += entry.frame.len();
            if bytes > most {
                break;
            }
            reached += 1;
            if !entry.frame.is_empty() {
                frames.push(entry.frame.clone());
            }
        }
        Some((frames, reached))
    }

    /// The position after which at most `count` of the newest messages stand, in at most `most` bytes.
    pub(crate) fn start_of_newest_within(&self, count: usize, most: usize) -> Position {
        let (mut messages, mut bytes) = (0, 0);
        let fits = |entry: &&Entry| {
            messages += usize::from(entry.is_message());
            bytes += entry.frame.len();
            messages <= count && bytes <= most
        };
        self.head() - self.entries.iter().rev().take_while(fits).count() as Position
    }

    /// The position after which the newest `count` messages stand; none if that is older than what is kept.
    pub(crate) fn start_of_newest(&self, count: usize) -> Option<Position> {
        let messages = self.entries.iter().enumerate().rev().filter(|(_, entry)| entry.is_message());
        match messages.skip(count - 1).map(|(index, _)| index).next() {
            Some(index) => Some(self.before + index as Position),
            None => (self.before == 0).then_some(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(kept: &Replay, after: Position) -> Option<Vec<Bytes>> {
        kept.after(after, usize::MAX).map(|(frames, _)| frames)
    }

    #[test]
    fn what_is_kept_is_found_by_position() {
        let mut kept = Replay::new(7);
        for frame in [&b"eight"[..], b"nine", b"ten"] {
            kept.push(Bytes::from_static(frame), Logged::Message);
        }
        assert_eq!(kept.head(), 10);
        assert_eq!(frames(&kept, 8), Some(vec![Bytes::from("nine"), Bytes::from("ten")]));
        assert_eq!(frames(&kept, 10), Some(vec![]));
        assert_eq!(frames(&kept, 6), None, "position 7 would be missing");
    }

    #[test]
    fn what_is_too_much_at_once_is_handed_out_in_pieces() {
        let mut kept = Replay::new(0);
        for frame in [&b"one"[..], b"", b"three", b"four"] {
            kept.push(Bytes::from_static(frame), Logged::Message);
        }
        assert_eq!(kept.after(0, 7), Some((vec![Bytes::from("one")], 2)), "the second is empty");
        assert_eq!(kept.after(2, 9), Some((vec![Bytes::from("three"), Bytes::from("four")], 4)));
        assert_eq!(kept.after(4, 9), Some((vec![], 4)));
    }

    #[test]
    fn the_oldest_goes_when_the_bytes_are_spent() {
        let mut kept = Replay::new(0);
        let frame = Bytes::from(vec![b'x'; limits::KEPT_BYTES / 4]);
        for _ in 0..6 {
            kept.push(frame.clone(), Logged::Message);
        }
        assert_eq!(frames(&kept, 2).map(|frames| frames.len()), Some(4));
        assert_eq!(frames(&kept, 1), None);
        assert_eq!(kept.head(), 6);
    }

    #[test]
    fn a_fresh_load_begins_before_the_newest_messages_and_counts_nothing_else() {
        let mut kept = Replay::new(0);
        for position in 1..=6 {
            let logged = if position == 5 { Logged::Deletion { message_id: 9 } } else { Logged::Message };
            kept.push(Bytes::from_static(b"x"), logged);
        }
        assert_eq!(kept.start_of_newest(2), Some(3), "4 and 6 are messages");
        assert_eq!(kept.start_of_newest(50), Some(0), "there are no more");
        let mut cut = Replay::new(3);
        cut.push(Bytes::from_static(b"x"), Logged::Message);
        assert_eq!(cut.start_of_newest(2), None, "older ones are not kept");
    }

    /// Whether a message's frames are kept, and how many positions.
    fn counted(kept: &Replay) -> (usize, Position) {
        let frames = frames(kept, kept.before).expect("all of them");
        assert_eq!(kept.bytes, frames.iter().map(Bytes::len).sum::<usize>());
        (frames.len(), kept.head() - kept.before)
    }

    #[test]
    fn of_a_messages_reactions_the_newest_are_kept_until_it_goes() {
        let mut kept = Replay::new(0);
        let frame = || Bytes::from_static(b"x");
        kept.push(frame(), Logged::Message);
        kept.push(frame(), Logged::Message);
        for (message_id, expected) in [(1, 3), (1, 3), (2, 4), (1, 4), (9, 5), (2, 5)] {
            kept.push(frame(), Logged::Reactions { message_id });
            assert_eq!(counted(&kept).0, expected, "{message_id}");
        }
        kept.push(frame(), Logged::Deletion { message_id: 1 });
        assert_eq!(
            counted(&kept),
            (4, 9),
            "the other message, its reactions, those of an earlier one, the deletion"
        );
        assert_eq!(frames(&kept, 6).map(|frames| frames.len()), Some(3));
    }

    #[test]
    fn whoever_reacts_without_end_takes_no_memory_without_end() {
        let mut kept = Replay::new(0);
        kept.push(Bytes::from_static(b"hi"), Logged::Message);
        for _ in 0..limits::KEPT_ENTRIES + 10 {
            kept.push(Bytes::from_static(b"x"), Logged::Reactions { message_id: 1 });
        }
        assert_eq!(counted(&kept), (1, limits::KEPT_ENTRIES as Position));
        assert_eq!(kept.reactions.len(), 1);
        for message_id in 0..limits::KEPT_ENTRIES as Position {
            kept.push(Bytes::new(), Logged::Reactions { message_id });
        }
        kept.push(Bytes::from(vec![b'x'; limits::KEPT_BYTES]), Logged::Message);
        assert!(kept.reactions.len() < limits::KEPT_ENTRIES);
    }
}
