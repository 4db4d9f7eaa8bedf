//! Guests' names that have spoken, each kept for the browser that has its key; pure.
//!
//! A guest has no password, yet nobody else is to be "Ana" while Ana's laptop restarts. So a name that has spoken
//! stays its key's for [`limits::RESERVED`] after it left.

use std::collections::HashMap;
use std::hash::RandomState;
use std::sync::Arc;

use hashlink::LinkedHashMap;

use super::kept::{Reservation, RoomChange};
use super::looks::Looks;
use crate::limits;
use crate::protocol::KeyHash;
use crate::protocol::names::Name;

/// All names that are kept for a key.
#[derive(Debug, Default)]
pub(super) struct Reservations {
    /// By folded name, the one left longest ago first, but for some whose owner is here.
    by_name: LinkedHashMap<Arc<str>, Reservation, RandomState>,
    /// The names of each key, at most [`limits::NAMES_PER_KEY`].
    by_key: HashMap<KeyHash, Vec<Arc<str>>>,
    looks: Looks,
    changes: Vec<RoomChange>,
}

impl Reservations {
    /// Those that the store has kept, the one left longest ago first.
    pub(super) fn new(stored: Vec<Reservation>) -> Reservations {
        let mut all = Reservations::default();
        stored.into_iter().for_each(|reservation| all.insert(reservation));
        all
    }

    /// The key that a name is kept for.
    pub(super) fn key_of(&self, folded: &str, now_ms: i64) -> Option<KeyHash> {
        let kept_ms = limits::RESERVED.as_millis() as u64;
        // Either way: a clock that was wrong by years keeps nobody's name for years.
        let holds = |it: &&Reservation| it.left_at_ms.is_none_or(|left| now_ms.abs_diff(left) < kept_ms);
        self.by_name.get(folded).filter(holds).map(|it| it.key)
    }

    /// Whether this name is kept for this key, and spelled so.
    pub(super) fn has(&self, name: &Name, key: Option<KeyHash>, now_ms: i64) -> bool {
        key.is_some()
            && self.key_of(name.folded(), now_ms) == key
            && self.by_name.get(name.folded()).is_some_and(|own| own.name.display() == name.display())
    }

    /// Whether this name is somebody's who has another key than `key`, or none at all.
    pub(super) fn is_closed_to(&self, key: Option<KeyHash>, folded: &str, now_ms: i64) -> bool {
        self.key_of(folded, now_ms).is_some_and(|own| Some(own) != key)
    }

    /// Keeps a name for its key. Without effect where the key's owner is here under as many as a key may hold.
    pub(super) fn reserve(&mut self, name: &Name, key: KeyHash) {
        let folded = name.folded();
        if self.by_name.get(folded).is_some_and(|it| it.key == key) || !self.make_room(key) {
            return;
        }
        self.forget(folded); // expired, or its taker could not have joined
        let reservation = Reservation { name: name.clone(), key, left_at_ms: None };
        self.changes.push(RoomChange::Reserve(reservation.clone()));
        self.insert(reservation);
    }

    /// Somebody with this key, to whom the name is not closed, has come under it: its owner again, or the next one
    /// after its time was over.
    pub(super) fn hold(&mut self, folded: &str, key: Option<KeyHash>) {
        match self.by_name.get_mut(folded) {
            Some(reservation) if key == Some(reservation.key) => {
                reservation.left_at_ms = None;
                self.changes.push(RoomChange::Reserve(reservation.clone()));
            }
            _ => self.forget(folded),
        }
    }

    /// The owner of this name left.
    pub(super) fn release(&mut self, folded: &str, now_ms: i64) {
        if let Some(reservation) = self.by_name.to_back(folded) {
            reservation.left_at_ms = Some(now_ms);
            self.changes.push(RoomChange::Reserve(reservation.clone()));
        }
    }

    /// The changes since the last call.
    pub(super) fn take_changes(&mut self) -> Vec<RoomChange> {
        std::mem::take(&mut self.changes)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = RoomChange> {
        self.by_name.values().cloned().map(RoomChange::Reserve)
    }

    /// Those that one of these looks could be taken for, whether or not their time is over.
    pub(super) fn alike<'a>(&'a self, seen: &'a [String]) -> impl Iterator<Item = &'a Reservation> {
        self.looks.alike(seen).filter_map(|folded| self.by_name.get(folded))
    }

    fn insert(&mut self, reservation: Reservation) {
        self.looks.insert(&reservation.name);
        let folded = reservation.name.shared_folded();
        self.by_key.entry(reservation.key).or_default().push(folded.clone());
        self.by_name.insert(folded, reservation);
    }

    /// The name is nobody's any more; or an account's, which needs no reservation.
    pub(super) fn forget(&mut self, folded: &str) {
        let Some((folded, gone)) = self.by_name.remove_entry(folded) else { return };
        self.looks.remove(&gone.name);
        if let Some(names) = self.by_key.get_mut(&gone.key) {
            names.retain(|name| *name != folded);
            if names.is_empty() {
                self.by_key.remove(&gone.key);
            }
        }
        self.changes.push(RoomChange::Forget(folded));
    }

    /// Of a key's names, and of all, the one left longest ago makes room; false if its owner is here under all of them.
    fn make_room(&mut self, key: KeyHash) -> bool {
        let names = self.by_key.get(&key).map_or(&[][..], Vec::as_slice);
        if names.len() >= limits::NAMES_PER_KEY {
            let left = |name: &Arc<str>| Some((self.by_name.get(name)?.left_at_ms?, name.clone()));
            let Some((_, oldest)) = names.iter().filter_map(left).min() else { return false };
            self.forget(&oldest);
        }
        for _ in 0..self.by_name.len() {
            let (folded, left_at_ms) = match self.by_name.front() {
                Some((folded, oldest)) if self.by_name.len() >= limits::RESERVATIONS => {
                    (folded.clone(), oldest.left_at_ms)
                }
                _ => break,
            };
            match left_at_ms {
                Some(_) => self.forget(&folded),
                None => drop(self.by_name.to_back(&folded)), // its owner is here
            }
        }
        self.by_name.len() < limits::RESERVATIONS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINE: KeyHash = [1; 32];
    const YOURS: KeyHash = [2; 32];
    const HOUR_MS: i64 = 60 * 60 * 1000;

    fn reserve(all: &mut Reservations, text: &str, key: KeyHash) {
        all.reserve(&Name::stored(text.into(), text.into()), key);
    }

    #[test]
    fn a_name_is_its_keys_for_twelve_hours_after_it_left() {
        let mut all = Reservations::default();
        reserve(&mut all, "ana", MINE);
        assert!(all.is_closed_to(None, "ana", 100 * HOUR_MS), "while its owner is here");
        all.release("ana", 100 * HOUR_MS);
        assert!(all.is_closed_to(Some(YOURS), "ana", 111 * HOUR_MS));
        assert!(!all.is_closed_to(Some(MINE), "ana", 111 * HOUR_MS));
        assert!(!all.is_closed_to(Some(YOURS), "ana", 112 * HOUR_MS));
        reserve(&mut all, "ana", YOURS);
        assert!(all.is_closed_to(Some(MINE), "ana", 112 * HOUR_MS));
        all.release("ana", 200 * HOUR_MS);
        assert!(all.is_closed_to(None, "ana", 198 * HOUR_MS), "the clock was set back by two hours");
        assert!(!all.is_closed_to(None, "ana", 100 * HOUR_MS), "it was days ahead");
    }

    #[test]
    fn a_name_whose_time_is_over_is_not_its_old_keys_again_because_somebody_takes_it() {
        let mut all = Reservations::default();
        reserve(&mut all, "ana", MINE);
        all.release("ana", 0);
        all.hold("ana", None);
        all.release("ana", 13 * HOUR_MS);
        assert!(!all.is_closed_to(None, "ana", 13 * HOUR_MS));
        assert_eq!(all.take_changes().last(), Some(&RoomChange::Forget("ana".into())));
    }

    #[test]
    fn of_a_keys_names_the_one_left_longest_ago_makes_room() {
        let mut all = Reservations::default();
        for (time, text) in ["a", "b", "c", "d", "e"].iter().enumerate() {
            reserve(&mut all, text, MINE);
            all.release(text, time as i64);
        }
        all.hold("a", Some(MINE));
        all.take_changes();
        reserve(&mut all, "f", MINE);
        let forgotten = RoomChange::Forget("b".into());
        assert_eq!(all.take_changes().first(), Some(&forgotten), "a is here again");
        assert!(all.is_closed_to(None, "f", 10) && !all.is_closed_to(None, "b", 10));
    }

    #[test]
    fn who_is_here_under_as_many_names_as_a_key_may_hold_gets_no_more() {
        let mut all = Reservations::default();
        for text in ["a", "b", "c", "d", "e", "f"] {
            reserve(&mut all, text, MINE);
        }
        assert!(all.is_closed_to(None, "e", 0) && !all.is_closed_to(None, "f", 0));
    }

    fn key(number: usize) -> KeyHash {
        let mut key = MINE;
        key[..8].copy_from_slice(&number.to_be_bytes());
        key
    }

    #[test]
    fn in_all_they_are_bounded_and_who_left_first_makes_room_not_who_is_here() {
        let mut all = Reservations::default();
        reserve(&mut all, "here", YOURS);
        for number in 1..limits::RESERVATIONS + 100 {
            let text = number.to_string();
            reserve(&mut all, &text, key(number));
            all.release(&text, number as i64);
        }
        assert_eq!(all.by_name.len(), limits::RESERVATIONS);
        assert_eq!(all.by_name.len(), all.by_key.len());
        assert!(all.is_closed_to(None, "here", 0), "its owner never left");
        let kept = |number: usize| all.is_closed_to(None, &number.to_string(), 0);
        assert!(!kept(1) && !kept(100) && kept(101) && kept(limits::RESERVATIONS + 99));
    }

    #[test]
    fn where_all_are_here_nobody_new_gets_one() {
        let mut all = Reservations::default();
        (0..limits::RESERVATIONS).for_each(|number| reserve(&mut all, &number.to_string(), key(number)));
        reserve(&mut all, "late", YOURS);
        assert!(!all.is_closed_to(None, "late", 0) && all.is_closed_to(None, "0", 0));
        all.release("7", 0);
        reserve(&mut all, "late", YOURS);
        assert!(all.is_closed_to(None, "late", 0) && !all.is_closed_to(None, "7", 0));
    }
}
