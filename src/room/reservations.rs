//! Guests' names that have spoken, each kept for the browser that has its key; pure.
//!
//! A guest has no password, yet nobody else is to be "Ana" while Ana's laptop restarts. So a name that has spoken
//! stays its key's for [`limits::RESERVED`] after it left. What changes is handed out as [`ReservationChange`]s
//! for the store, which brings them back after a restart.

use std::collections::HashMap;
use std::sync::Arc;

use crate::limits;
use crate::protocol::KeyHash;

/// A guest's name that is kept for its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The name in the form that is compared.
    pub folded: Arc<str>,
    /// The name as its owner writes it.
    pub display: Arc<str>,
    /// Hash of the `guest_key` it belongs to.
    pub key: KeyHash,
    /// When its owner left, in milliseconds since 1970; none while they are here.
    pub left_at_ms: Option<i64>,
}

impl Reservation {
    fn holds(&self, now_ms: i64) -> bool {
        let kept_ms = limits::RESERVED.as_millis() as i64;
        self.left_at_ms.is_none_or(|left| now_ms.saturating_sub(left) < kept_ms)
    }
}

/// What is to be stored of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReservationChange {
    /// The name is its key's, whose owner is here.
    Reserve {
        /// The name in the form that is compared.
        folded: Arc<str>,
        /// The name as its owner writes it.
        display: Arc<str>,
        /// Whose it is.
        key: KeyHash,
    },
    /// Its owner left: the time runs.
    Release {
        /// The name in the form that is compared.
        folded: Arc<str>,
        /// Milliseconds since 1970.
        left_at_ms: i64,
    },
    /// It is free for all.
    Forget {
        /// The name in the form that is compared.
        folded: Arc<str>,
    },
}

/// All names that are kept for a key.
#[derive(Debug, Default)]
pub(crate) struct Reservations {
    by_name: HashMap<Arc<str>, Reservation>,
    /// The names of each key, at most [`limits::NAMES_PER_KEY`].
    by_key: HashMap<KeyHash, Vec<Arc<str>>>,
    changes: Vec<ReservationChange>,
}

impl Reservations {
    /// Those that the store has kept.
    pub(crate) fn new(stored: impl IntoIterator<Item = Reservation>) -> Reservations {
        let mut all = Reservations::default();
        for reservation in stored {
            all.insert(reservation);
        }
        all
    }

    /// Whether this name is somebody's who has another key than `key`, or none at all.
    pub(crate) fn is_closed_to(&self, key: Option<KeyHash>, folded: &str, now_ms: i64) -> bool {
        self.by_name.get(folded).is_some_and(|it| it.holds(now_ms) && Some(it.key) != key)
    }

    /// Whether this name is kept for this key.
    pub(crate) fn is_kept_for(&self, key: KeyHash, folded: &str, now_ms: i64) -> bool {
        self.key_of(folded, now_ms) == Some(key)
    }

    /// Whose a name is.
    pub(crate) fn key_of(&self, folded: &str, now_ms: i64) -> Option<KeyHash> {
        self.by_name.get(folded).filter(|it| it.holds(now_ms)).map(|it| it.key)
    }

    /// Keeps a name for its key. Without effect where the key's owner is here under as many as a key may hold.
    pub(crate) fn reserve(&mut self, folded: &Arc<str>, display: &Arc<str>, key: KeyHash, now_ms: i64) {
        if self.by_name.get(folded).is_some_and(|it| it.key == key) || !self.make_room(key, now_ms) {
            return;
        }
        self.forget(folded); // expired, or its taker could not have joined
        let (folded, display) = (folded.clone(), display.clone());
        self.changes.push(ReservationChange::Reserve {
            folded: folded.clone(),
            display: display.clone(),
            key,
        });
        self.insert(Reservation { folded, display, key, left_at_ms: None });
    }

    /// Somebody with this key, to whom the name is not closed, has come under it: its owner again, or the next one
    /// after its time was over.
    pub(crate) fn hold(&mut self, folded: &str, key: Option<KeyHash>) {
        let Some(reservation) = self.by_name.get_mut(folded) else { return };
        if key != Some(reservation.key) {
            return self.forget(folded);
        }
        reservation.left_at_ms = None;
        let Reservation { folded, display, key, .. } = reservation.clone();
        self.changes.push(ReservationChange::Reserve { folded, display, key });
    }

    /// The owner of this name left.
    pub(crate) fn release(&mut self, folded: &Arc<str>, now_ms: i64) {
        if let Some(reservation) = self.by_name.get_mut(folded) {
            reservation.left_at_ms = Some(now_ms);
            self.changes.push(ReservationChange::Release { folded: folded.clone(), left_at_ms: now_ms });
        }
    }

    /// What has to be stored since the last call.
    pub(crate) fn take_changes(&mut self) -> Vec<ReservationChange> {
        std::mem::take(&mut self.changes)
    }

    /// The changes that make a store hold what is held here, whatever it missed. What was forgotten meanwhile it
    /// forgets by itself, in time.
    pub(crate) fn all(&self) -> Vec<ReservationChange> {
        let changes = |it: &Reservation| {
            let Reservation { folded, display, key, left_at_ms } = it.clone();
            let release = left_at_ms
                .map(|left_at_ms| ReservationChange::Release { folded: folded.clone(), left_at_ms });
            [Some(ReservationChange::Reserve { folded, display, key }), release]
        };
        self.by_name.values().flat_map(changes).flatten().collect()
    }

    fn insert(&mut self, reservation: Reservation) {
        self.by_key.entry(reservation.key).or_default().push(reservation.folded.clone());
        self.by_name.insert(reservation.folded.clone(), reservation);
    }

    /// The name is nobody's any more; or an account's, which needs no reservation.
    pub(crate) fn forget(&mut self, folded: &str) {
        let Some(gone) = self.by_name.remove(folded) else { return };
        if let Some(names) = self.by_key.get_mut(&gone.key) {
            names.retain(|name| *name != gone.folded);
            if names.is_empty() {
                self.by_key.remove(&gone.key);
            }
        }
        self.changes.push(ReservationChange::Forget { folded: gone.folded });
    }

    /// Of a key's names the one left longest ago makes room; false if its owner is here under all of them.
    fn make_room(&mut self, key: KeyHash, now_ms: i64) -> bool {
        if self.by_name.len() >= limits::RESERVATIONS {
            self.thin_out(now_ms);
        }
        let names = self.by_key.get(&key).map_or(&[][..], Vec::as_slice);
        if names.len() < limits::NAMES_PER_KEY {
            return self.by_name.len() < limits::RESERVATIONS;
        }
        let left = |name: &Arc<str>| Some((self.by_name.get(name)?.left_at_ms?, name.clone()));
        let Some((_, oldest)) = names.iter().filter_map(left).min() else { return false };
        self.forget(&oldest);
        true
    }

    /// Drops what expired, and a part of the rest, left longest ago: a whole scan then pays for many names.
    fn thin_out(&mut self, now_ms: i64) {
        let mut left: Vec<(i64, Arc<str>)> =
            self.by_name.values().filter_map(|it| Some((it.left_at_ms?, it.folded.clone()))).collect();
        left.sort_unstable();
        for (index, (_, folded)) in left.iter().enumerate() {
            let expired = self.by_name.get(folded).is_some_and(|it| !it.holds(now_ms));
            if !expired && index >= limits::RESERVATIONS / 16 {
                break;
            }
            self.forget(folded);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINE: KeyHash = [1; 32];
    const YOURS: KeyHash = [2; 32];
    const HOUR_MS: i64 = 60 * 60 * 1000;

    fn name(text: &str) -> Arc<str> {
        text.into()
    }

    fn reserve(all: &mut Reservations, text: &str, key: KeyHash, now_ms: i64) {
        all.reserve(&name(text), &name(text), key, now_ms);
    }

    #[test]
    fn a_name_is_its_keys_for_twelve_hours_after_it_left() {
        let mut all = Reservations::default();
        reserve(&mut all, "ana", MINE, 0);
        assert!(all.is_closed_to(None, "ana", 100 * HOUR_MS), "while its owner is here");
        all.release(&name("ana"), 100 * HOUR_MS);
        assert!(all.is_closed_to(Some(YOURS), "ana", 111 * HOUR_MS));
        assert!(!all.is_closed_to(Some(MINE), "ana", 111 * HOUR_MS));
        assert!(!all.is_closed_to(Some(YOURS), "ana", 112 * HOUR_MS));
        reserve(&mut all, "ana", YOURS, 112 * HOUR_MS);
        assert!(all.is_closed_to(Some(MINE), "ana", 112 * HOUR_MS));
    }

    #[test]
    fn a_name_whose_time_is_over_is_not_its_old_keys_again_because_somebody_takes_it() {
        let mut all = Reservations::default();
        reserve(&mut all, "ana", MINE, 0);
        all.release(&name("ana"), 0);
        all.hold("ana", None);
        all.release(&name("ana"), 13 * HOUR_MS);
        assert!(!all.is_closed_to(None, "ana", 13 * HOUR_MS));
        assert_eq!(all.take_changes().last(), Some(&ReservationChange::Forget { folded: name("ana") }));
    }

    #[test]
    fn of_a_keys_names_the_one_left_longest_ago_makes_room() {
        let mut all = Reservations::default();
        for (time, text) in ["a", "b", "c", "d", "e"].iter().enumerate() {
            reserve(&mut all, text, MINE, 0);
            all.release(&name(text), time as i64);
        }
        all.hold("a", Some(MINE));
        all.take_changes();
        reserve(&mut all, "f", MINE, 10);
        let forgotten = ReservationChange::Forget { folded: name("b") };
        assert_eq!(all.take_changes().first(), Some(&forgotten), "a is here again");
        assert!(all.is_closed_to(None, "f", 10) && !all.is_closed_to(None, "b", 10));
    }

    #[test]
    fn who_is_here_under_as_many_names_as_a_key_may_hold_gets_no_more() {
        let mut all = Reservations::default();
        for text in ["a", "b", "c", "d", "e", "f"] {
            reserve(&mut all, text, MINE, 0);
        }
        assert!(all.is_closed_to(None, "e", 0) && !all.is_closed_to(None, "f", 0));
    }

    #[test]
    fn in_all_they_are_bounded() {
        let mut all = Reservations::default();
        for number in 0..limits::RESERVATIONS + 100 {
            let text = number.to_string();
            let mut key = MINE;
            key[..8].copy_from_slice(&number.to_be_bytes());
            reserve(&mut all, &text, key, 0);
            all.release(&name(&text), number as i64);
        }
        assert!(all.by_name.len() <= limits::RESERVATIONS);
        assert_eq!(all.by_name.len(), all.by_key.len());
        let newest = (limits::RESERVATIONS + 99).to_string();
        assert!(all.is_closed_to(None, &newest, 0) && !all.is_closed_to(None, "0", 0));
    }
}
