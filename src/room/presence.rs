//! `presence` and `typing`: whole to a newcomer, changes to all others.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use super::Room;
use crate::limits;
use crate::protocol::names::Name;
use crate::protocol::{Person, Renamed};

/// The content of `presence`: nothing but the number of persons where they are too many to be listed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct PresenceUpdate {
    /// Everybody, in the order of their names.
    pub users: Option<Vec<Person>>,
    pub joined: Vec<Person>,
    pub left: Vec<Arc<str>>,
    /// Of those who joined: who they were among those who left.
    pub renamed: Vec<Renamed>,
}

impl Room {
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

    /// Everybody who is typing now, in the order they began.
    pub(crate) fn take_typing(&mut self, now: Instant) -> Vec<Arc<str>> {
        self.typing_changed = false;
        self.typing.retain(|(_, since)| now.duration_since(*since) < limits::TYPING_SHOWN);
        self.typing.iter().filter_map(|(folded, _)| Some(self.person(folded)?.username)).collect()
    }

    /// Whether `presence` may have something to say.
    pub(crate) fn presence_changed(&self) -> bool {
        self.presence_changed
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

    /// The changes since the last call; none if they came to nothing, as when somebody only reloaded the page.
    pub(crate) fn take_presence(&mut self) -> Option<PresenceUpdate> {
        if !std::mem::take(&mut self.presence_changed) {
            return None;
        }
        let renames = std::mem::take(&mut self.renames);
        let was_large = self.told_large;
        self.told_large = self.present.len() > limits::PRESENCE_PERSONS;
        if self.told_large {
            self.told.clear();
            return Some(PresenceUpdate::default());
        }
        let persons = self.present.iter().map(|(folded, person)| (folded.clone(), person.person()));
        let before = std::mem::replace(&mut self.told, persons.collect());
        if was_large {
            let users = Some(self.told.values().cloned().collect());
            return Some(PresenceUpdate { users, ..PresenceUpdate::default() });
        }
        let is_new = |(folded, person): &(&Arc<str>, &Person)| before.get(*folded) != Some(*person);
        let joined: Vec<_> = self.told.iter().filter(is_new).map(|(_, person)| person.clone()).collect();
        let has_left = |(folded, person): &(&Arc<str>, &Person)| {
            self.told.get(*folded).is_none_or(|now| now.username != person.username)
        };
        let left: Vec<_> =
            before.iter().filter(has_left).map(|(_, person)| person.username.clone()).collect();
        let has_changed = !joined.is_empty() || !left.is_empty();
        let renamed = self.renamed_since(&before, &renames);
        has_changed.then_some(PresenceUpdate { users: None, joined, left, renamed })
    }

    /// Somebody's last connection under one name goes on under another.
    pub(super) fn note_rename(&mut self, before: &str, now: &Name) {
        self.hands.rename(before, now);
        let first = self.renames.remove(before).unwrap_or_else(|| before.into());
        self.renames.insert(now.shared_folded(), first);
    }

    /// Who is told of under another name than `before`; only who has left that name to nobody.
    fn renamed_since(
        &self,
        before: &BTreeMap<Arc<str>, Person>,
        renames: &HashMap<Arc<str>, Arc<str>>,
    ) -> Vec<Renamed> {
        let rename = |(folded, person): (&Arc<str>, &Person)| {
            let (from, username) = (before.get(folded), person.username.clone());
            let first = match from {
                Some(_) if renames.values().any(|first| first == folded) => return None, // they are somebody else
                Some(_) => folded,
                None => renames.get(folded).filter(|first| !self.told.contains_key(*first))?,
            };
            let from = before.get(first).map(|person| person.username.clone())?;
            (from != username).then_some(Renamed { from, username })
        };
        self.told.iter().filter_map(rename).collect()
    }
}
