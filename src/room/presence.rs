//! What is told of who is here and who is writing: whole to a newcomer, changes to all others.

use std::sync::Arc;
use std::time::Instant;

use super::{PresenceUpdate, Present, Room};
use crate::limits;
use crate::protocol::Person;

impl Room {
    /// This person is writing.
    pub(crate) fn type_on(&mut self, folded: &Arc<str>, now: Instant) {
        match self.typing.iter_mut().find(|(name, _)| name == folded) {
            Some((_, since)) => *since = now,
            None => self.typing.push((folded.clone(), now)),
        }
        self.typing_changed = true;
    }

    /// This person is not writing any more, having sent it or left.
    pub(crate) fn stop_typing(&mut self, folded: &str) {
        let before = self.typing.len();
        self.typing.retain(|(name, _)| **name != *folded);
        self.typing_changed |= self.typing.len() != before;
    }

    /// Whether `typing` has something to say.
    pub(crate) fn typing_changed(&self) -> bool {
        self.typing_changed
    }

    /// Who is typing now, in the order they began.
    pub(crate) fn take_typing(&mut self, now: Instant) -> Vec<Arc<str>> {
        self.typing_changed = false;
        self.typing.retain(|(_, since)| now.duration_since(*since) < limits::TYPING_SHOWN);
        self.typing.iter().filter_map(|(folded, _)| Some(self.person(folded)?.0.clone())).collect()
    }

    /// Whether `presence` has something to say.
    pub(crate) fn presence_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// How many persons there are, and who unless they are too many to be listed, as `presence` has told it so far.
    ///
    /// For a newcomer, who gets the same changes as everybody from then on. Told of a change already that is still to
    /// come, or that comes to nothing in the end, the newcomer's list would be another one than theirs.
    pub(crate) fn told(&self) -> (usize, Option<Vec<Person>>) {
        match self.told_large {
            true => (self.online(), None),
            false => (self.told.len(), Some(self.told.values().cloned().collect())),
        }
    }

    /// Everybody, or none if the room is too large to be listed.
    fn everybody(&self) -> Option<Vec<Person>> {
        let listed = self.present.len() <= limits::PRESENCE_PERSONS;
        listed.then(|| self.present.values().map(Present::person).collect())
    }

    /// What changed since the last call; none if it came to nothing, as when somebody only reloaded the page.
    pub(crate) fn take_presence(&mut self) -> Option<PresenceUpdate> {
        let changed = std::mem::take(&mut self.changed);
        let Some(everybody) = self.everybody() else {
            self.told_large = true;
            self.told.clear();
            return (!changed.is_empty()).then_some(PresenceUpdate::Count);
        };
        if std::mem::take(&mut self.told_large) {
            let keys = self.present.keys().cloned();
            self.told = keys.zip(everybody.iter().cloned()).collect();
            return Some(PresenceUpdate::Whole(everybody));
        }
        let (mut joined, mut left) = (Vec::new(), Vec::new());
        for folded in changed {
            let now = self.present.get(&folded).map(Present::person);
            let before = match &now {
                Some(person) => self.told.insert(folded, person.clone()),
                None => self.told.remove(&folded),
            };
            if now != before {
                left.extend(
                    before
                        .filter(|it| now.as_ref().is_none_or(|now| now.username != it.username))
                        .map(|it| it.username),
                );
                joined.extend(now);
            }
        }
        (!joined.is_empty() || !left.is_empty()).then_some(PresenceUpdate::Changes { joined, left })
    }
}
