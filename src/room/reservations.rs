//! Guests' names, each kept for the browser that has its key; pure.
//!
//! A guest has no password, yet nobody else is to be "Ana" while Ana's laptop restarts. So her name stays her key's after she
//! left: for [`limits::RESERVED`] once it has spoken, else for [`limits::RESERVED_SILENT`].
//!
//! Nobody pushes out what others hold. An address has a share of the places, and while all are taken, newcomers get none; people
//! who speak get the oldest of the address that holds most.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use super::kept::{Reservation, RoomChange};
use super::looks::Looks;
use crate::limits;
use crate::protocol::KeyHash;
use crate::protocol::names::Name;

/// When the name of somebody who is here runs out.
const NEVER: i64 = i64::MAX;

/// All names that are kept for a key.
#[derive(Debug, Default)]
pub(super) struct Reservations {
    /// By folded name.
    by_name: HashMap<Arc<str>, Reservation>,
    /// The names of each key, at most [`limits::NAMES_PER_KEY`].
    by_key: HashMap<KeyHash, Vec<Arc<str>>>,
    /// The names of each address, each with the time when it runs out.
    by_address: HashMap<Option<IpAddr>, BTreeSet<(i64, Arc<str>)>>,
    looks: Looks,
    changes: Vec<RoomChange>,
}

impl Reservation {
    fn kept_ms(&self) -> i64 {
        let kept = if self.has_spoken { limits::RESERVED } else { limits::RESERVED_SILENT };
        kept.as_millis() as i64
    }

    fn runs_out_ms(&self) -> i64 {
        self.left_at_ms.map_or(NEVER, |left| left.saturating_add(self.kept_ms()))
    }

    /// Either way: a clock that was wrong by years keeps nobody's name for years.
    fn holds(&self, now_ms: i64) -> bool {
        self.left_at_ms.is_none_or(|left| now_ms.abs_diff(left) < self.kept_ms().unsigned_abs())
    }
}

impl Reservations {
    /// Those that the store has kept.
    pub(super) fn new(stored: Vec<Reservation>) -> Reservations {
        let mut all = Reservations::default();
        stored.into_iter().for_each(|reservation| all.insert(reservation));
        all
    }

    /// The key that a name is kept for.
    pub(super) fn key_of(&self, folded: &str, now_ms: i64) -> Option<KeyHash> {
        self.by_name.get(folded).filter(|it| it.holds(now_ms)).map(|it| it.key)
    }

    /// Whether it is a name that somebody has spoken under.
    pub(super) fn has_spoken(&self, folded: &str) -> bool {
        self.by_name.get(folded).is_some_and(|it| it.has_spoken)
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

    /// Whether any name is kept for this key.
    pub(super) fn knows(&self, key: KeyHash, now_ms: i64) -> bool {
        self.by_key
            .get(&key)
            .is_some_and(|names| names.iter().any(|name| self.key_of(name, now_ms).is_some()))
    }

    /// Keeps the name of somebody who is here for their key, who come from this address. Without effect where there is no place
    /// for it.
    pub(super) fn reserve(&mut self, name: &Name, key: KeyHash, from: IpAddr, has_spoken: bool, now_ms: i64) {
        if let Some(own) = self.by_name.get_mut(name.folded()).filter(|it| it.key == key) {
            if has_spoken && !own.has_spoken {
                own.has_spoken = true;
                self.changes.push(RoomChange::Reserve(own.clone()));
            }
            return;
        }
        self.forget(name.folded()); // expired, or its taker could not have joined
        if self.make_room(key, from, has_spoken, now_ms) {
            let (name, address) = (name.clone(), Some(from));
            let reservation = Reservation { name, key, address, browser: None, has_spoken, left_at_ms: None };
            self.changes.push(RoomChange::Reserve(reservation.clone()));
            self.insert(reservation);
        }
    }

    /// The guest of a name that is kept is here, in a browser with this cookie.
    pub(super) fn note_browser(&mut self, folded: &str, browser: KeyHash) {
        let own = self.by_name.get_mut(folded);
        if let Some(own) = own.filter(|it| it.left_at_ms.is_none() && it.browser != Some(browser)) {
            own.browser = Some(browser);
            self.changes.push(RoomChange::Reserve(own.clone()));
        }
    }

    /// The cookie's hash of the browser that a name is kept for.
    pub(super) fn browser_of(&self, folded: &str, now_ms: i64) -> Option<KeyHash> {
        self.by_name.get(folded).filter(|it| it.holds(now_ms))?.browser
    }

    /// Whether any name is kept for this browser.
    pub(super) fn knows_browser(&self, browser: KeyHash, now_ms: i64) -> bool {
        self.by_name.values().any(|it| it.browser == Some(browser) && it.holds(now_ms))
    }

    /// Somebody with this key, to whom the name is not closed, has come under it: its owner again, or the next one
    /// after its time was over.
    pub(super) fn hold(&mut self, folded: &str, key: Option<KeyHash>, now_ms: i64) {
        match self.key_of(folded, now_ms) {
            Some(own) if key == Some(own) => self.set_left(folded, None),
            _ => self.forget(folded),
        }
    }

    /// The owner of this name left.
    pub(super) fn release(&mut self, folded: &str, now_ms: i64) {
        self.set_left(folded, Some(now_ms));
    }

    fn set_left(&mut self, folded: &str, left_at_ms: Option<i64>) {
        let Some((folded, reservation)) = self.by_name.get_key_value(folded) else { return };
        let (folded, mut reservation) = (folded.clone(), reservation.clone());
        let names = self.by_address.entry(reservation.address).or_default();
        names.remove(&(reservation.runs_out_ms(), folded.clone()));
        reservation.left_at_ms = left_at_ms;
        names.insert((reservation.runs_out_ms(), folded.clone()));
        self.by_name.insert(folded, reservation.clone());
        self.changes.push(RoomChange::Reserve(reservation));
    }

    /// The changes since the last call.
    pub(super) fn take_changes(&mut self) -> Vec<RoomChange> {
        std::mem::take(&mut self.changes)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = RoomChange> {
        self.by_name.values().cloned().map(RoomChange::Reserve)
    }

    /// Those of whom somebody new under this name could be taken for one, whether or not their time is over.
    pub(super) fn alike(&self, newcomer: &Name) -> impl Iterator<Item = &Reservation> {
        self.looks.alike(newcomer).filter_map(|folded| self.by_name.get(folded))
    }

    fn insert(&mut self, reservation: Reservation) {
        self.looks.insert(&reservation.name);
        let folded = reservation.name.shared_folded();
        self.by_key.entry(reservation.key).or_default().push(folded.clone());
        let names = self.by_address.entry(reservation.address).or_default();
        names.insert((reservation.runs_out_ms(), folded.clone()));
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
        if let Some(names) = self.by_address.get_mut(&gone.address) {
            names.remove(&(gone.runs_out_ms(), folded.clone()));
            if names.is_empty() {
                self.by_address.remove(&gone.address);
            }
        }
        self.changes.push(RoomChange::Forget(folded));
    }

    /// The owner of a name has taken another one: it is kept only if it has spoken.
    pub(super) fn forget_silent(&mut self, folded: &str) {
        if !self.has_spoken(folded) {
            self.forget(folded);
        }
    }

    /// A place for one more name of this key from this address; false if there is none.
    fn make_room(&mut self, key: KeyHash, from: IpAddr, has_spoken: bool, now_ms: i64) -> bool {
        let names = self.by_key.get(&key).map_or(&[][..], Vec::as_slice);
        if names.len() >= limits::NAMES_PER_KEY {
            let left = |name: &Arc<str>| Some((self.by_name.get(name)?.left_at_ms?, name.clone()));
            let Some((_, oldest)) = names.iter().filter_map(left).min() else { return false };
            self.forget(&oldest);
        }
        let names = self.by_address.get(&Some(from));
        let held = names.map_or(0, BTreeSet::len);
        if held >= limits::RESERVATIONS_PER_ADDRESS {
            return self.forget_one(names.and_then(BTreeSet::first).cloned(), now_ms);
        }
        if self.by_name.len() < limits::RESERVATIONS {
            return true;
        }
        let oldest = self.by_address.values().filter_map(BTreeSet::first).min().cloned();
        if self.forget_one(oldest, now_ms) {
            return true;
        }
        let loses =
            |names: &&BTreeSet<(i64, _)>| names.len() > held && names.first().is_some_and(|it| it.0 < NEVER);
        let most = self.by_address.values().filter(loses).max_by_key(|names| names.len());
        let oldest = most.and_then(BTreeSet::first).cloned().filter(|_| has_spoken);
        self.forget_one(oldest, NEVER)
    }

    /// Frees the place of a name that has run out by this time; whether it had.
    fn forget_one(&mut self, name: Option<(i64, Arc<str>)>, time_ms: i64) -> bool {
        let Some((_, folded)) = name.filter(|(runs_out_ms, _)| *runs_out_ms <= time_ms) else { return false };
        self.forget(&folded);
        true
    }
}

#[cfg(test)]
mod tests;
