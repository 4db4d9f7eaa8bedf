//! Raised hands, in the order in which they went up; pure, and kept nowhere.

use std::sync::Arc;
use std::time::Instant;

use super::Owner;
use super::kept::HeldBack;
use crate::limits;
use crate::protocol::names::Name;
use crate::protocol::{Question, Reason};

/// Everybody whose hand is up.
#[derive(Debug, Default)]
pub(crate) struct Hands {
    up: Vec<Hand>,
    changed: bool,
}

#[derive(Debug)]
struct Hand {
    name: Name,
    question: Option<Arc<str>>,
    /// Its person is not here.
    left: Option<Left>,
}

#[derive(Debug)]
struct Left {
    /// Who may come back to it.
    owner: Owner,
    /// None until it has been noted when that was.
    since: Option<Instant>,
}

impl Hands {
    /// Somebody who is here raises their hand, or asks something else; it keeps its place.
    ///
    /// # Errors
    /// `bad_request` when as many as can be are up.
    pub(crate) fn raise(&mut self, name: Name, question: Option<Arc<str>>) -> Result<(), Reason> {
        match self.up.iter().position(|hand| hand.name.folded() == name.folded()) {
            Some(place) if self.up[place].question == question => return Ok(()),
            Some(place) => self.up[place].question = question,
            None if self.up.len() == limits::HANDS => {
                return Err(Reason::HandsFull { limit: limits::HANDS });
            }
            None => self.up.push(Hand { name, question, left: None }),
        }
        self.changed = true;
        Ok(())
    }

    /// Lowers one; whether it was up.
    pub(crate) fn lower(&mut self, folded: &str) -> bool {
        self.keep(|hand| hand.name.folded() != folded)
    }

    /// Somebody is muted or removed: theirs goes, also one that they have left up under another name.
    pub(crate) fn lower_of(&mut self, held: &HeldBack) {
        let proof = |hand: &Hand| hand.left.as_ref()?.owner.proof();
        self.keep(|hand| {
            hand.name.folded() != held.name.folded()
                && !proof(hand).is_some_and(|proof| held.identifiers.contains(&proof))
        });
    }

    pub(crate) fn lower_all(&mut self) {
        self.keep(|_| false);
    }

    /// Somebody is called otherwise, or written otherwise. Of two hands that are one person's by then, the first stays.
    pub(super) fn rename(&mut self, before: &str, to: &Name) {
        self.keep(|hand| hand.left.is_none() || hand.name.folded() != to.folded() || before == to.folded());
        for hand in self.up.iter_mut().filter(|hand| hand.name.folded() == before) {
            (hand.name, hand.left) = (to.clone(), None);
            self.changed = true;
        }
        let first = self.up.iter().position(|hand| hand.name.folded() == to.folded());
        let mut place = 0..;
        self.keep(|hand| {
            let place = place.next();
            hand.name.folded() != to.folded() || place == first
        });
    }

    /// This person's last connection has ended; until now they were `owner`.
    pub(super) fn leave(&mut self, folded: &str, owner: Owner) {
        for hand in self.up.iter_mut().filter(|hand| hand.name.folded() == folded) {
            hand.left = Some(Left { owner, since: None });
        }
    }

    /// Somebody comes under this name: to their own hand, or somebody else's goes.
    pub(super) fn arrive(&mut self, folded: &str, owner: Owner) {
        self.keep(|hand| {
            hand.name.folded() != folded || hand.left.as_ref().is_none_or(|left| left.owner.is(owner))
        });
        for hand in self.up.iter_mut().filter(|hand| hand.name.folded() == folded) {
            hand.left = None;
        }
    }

    /// Lowers the hands of those who have been away for too long.
    pub(crate) fn note_time(&mut self, now: Instant) {
        for left in self.up.iter_mut().filter_map(|hand| hand.left.as_mut()) {
            left.since.get_or_insert(now);
        }
        let is_away = |left: &Left| left.since.is_some_and(|since| now >= since + limits::HAND_KEPT);
        self.keep(|hand| !hand.left.as_ref().is_some_and(is_away));
    }

    /// When [`Hands::note_time`] has something to lower next.
    pub(crate) fn due(&self) -> Option<Instant> {
        let since = |hand: &Hand| hand.left.as_ref()?.since;
        self.up.iter().filter_map(since).min().map(|since| since + limits::HAND_KEPT)
    }

    /// Whether `hands` has something to say.
    pub(crate) fn have_changed(&self) -> bool {
        self.changed
    }

    /// What is to be told has been.
    pub(crate) fn note_told(&mut self) {
        self.changed = false;
    }

    /// The first of them, as everybody is told; and whether there are more.
    pub(crate) fn told(&self) -> (Vec<Arc<str>>, bool) {
        let names = self.up.iter().take(limits::HANDS_TOLD).map(|hand| hand.name.shared_display());
        (names.collect(), self.up.len() > limits::HANDS_TOLD)
    }

    /// What those ask, for hosts.
    pub(crate) fn questions(&self) -> Vec<Question> {
        let question = |hand: &Hand| {
            Some(Question { username: hand.name.shared_display(), question: hand.question.clone()? })
        };
        self.up.iter().take(limits::HANDS_TOLD).filter_map(question).collect()
    }

    fn keep(&mut self, is_kept: impl FnMut(&Hand) -> bool) -> bool {
        let before = self.up.len();
        self.up.retain(is_kept);
        let has_lowered = self.up.len() != before;
        self.changed |= has_lowered;
        has_lowered
    }
}
