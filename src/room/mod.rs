//! The room's state and rules, pure: who is here, whose name is whose, who is typing, and what hosts have decided.
//!
//! No I/O, no clock, no threads: the hub passes in what time it is and carries out what comes back. Names are
//! compared by their folded form ([`Name::folded`]), so that one person's "Ana" is nobody else's "ana".
//!
//! | file | owns |
//! |---|---|
//! | `kept.rs` | the part that is kept over restarts |
//! | `owner.rs` | whose a name is |
//! | `reservations.rs` | guests' names, each kept for its browser after they left |
//! | `presence.rs` | what is told of who is here and who is typing |
//! | `moderation.rs`, `held_back.rs` | what hosts have decided; who is muted or out |

mod held_back;
pub(crate) mod kept;
pub(crate) mod moderation;
mod owner;
mod presence;
mod reservations;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use crate::protocol::names::Name;
use crate::protocol::{AccountId, KeyHash, Person, Refusal};
use crate::room::kept::{Reservation, RoomChange};
use crate::room::reservations::Reservations;

pub(crate) use owner::Owner;
pub(crate) use presence::PresenceUpdate;

/// Somebody who is here, on one connection or several.
#[derive(Debug)]
struct Present {
    name: Name,
    owner: Owner,
    connections: usize,
}

/// A name that is held for somebody who is signing up; until then its guest may still come and go.
#[derive(Debug)]
struct Claim {
    number: u64,
    key: Option<KeyHash>,
}

/// Everybody who is here, and everybody's names. All maps are by folded name.
#[derive(Debug, Default)]
pub(crate) struct Room {
    present: BTreeMap<Arc<str>, Present>,
    reservations: Reservations,
    /// Accounts' names, deleted accounts' too.
    members: HashMap<Arc<str>, AccountId>,
    claims: HashMap<Arc<str>, Claim>,
    /// Names of hosts without an account, each with the key of its browser.
    host_names: HashMap<Arc<str>, Option<KeyHash>>,
    changes: Vec<RoomChange>,
    presence_changed: bool,
    /// The last `presence`. Empty while the room is too large to be listed.
    told: BTreeMap<Arc<str>, Person>,
    told_large: bool,
    /// Folded names, each with the time of its last `typing`.
    typing: Vec<(Arc<str>, Instant)>,
    typing_changed: bool,
}

impl Room {
    /// An empty room in which these names are somebody's: guests' for a while, accounts' and hosts' for ever.
    pub(crate) fn new(
        reservations: Vec<Reservation>,
        members: Vec<(Arc<str>, AccountId)>,
        host_names: Vec<(Arc<str>, Option<KeyHash>)>,
    ) -> Room {
        Room {
            reservations: Reservations::new(reservations),
            members: members.into_iter().collect(),
            host_names: host_names.into_iter().collect(),
            ..Room::default()
        }
    }

    /// Persons here.
    pub(crate) fn online(&self) -> usize {
        self.present.len()
    }

    /// A connection that is `current` takes `name`.
    ///
    /// # Returns
    /// The folded name that the connection has from now on.
    ///
    /// # Errors
    /// `name_taken` when the name is somebody else's; the connection keeps the name it had.
    pub(crate) fn join(
        &mut self,
        current: Option<&str>,
        name: &Name,
        owner: Owner,
        now_ms: i64,
    ) -> Result<Arc<str>, Refusal> {
        let folded = name.shared_folded();
        if current == Some(name.folded()) {
            self.rejoin(name, owner);
        } else {
            self.check(name, owner, now_ms)?;
            if let Some(current) = current {
                self.leave(current, now_ms);
            }
            let newcomer = || Present { name: name.clone(), owner, connections: 0 };
            let person = self.present.entry(folded.clone()).or_insert_with(newcomer);
            person.connections += 1;
            if person.connections == 1 {
                self.reservations.hold(&folded, owner.key());
                self.presence_changed = true;
            }
        }
        self.note_host(&folded, owner);
        Ok(folded)
    }

    /// The same person again: another spelling of the name, or a key that was not known yet. Only where no second
    /// connection would be renamed unasked.
    fn rejoin(&mut self, name: &Name, owner: Owner) {
        if let Some(person) = self.present.get_mut(name.folded())
            && person.connections == 1
        {
            self.presence_changed |= person.name != *name;
            person.name = name.clone();
            if person.owner == Owner::Guest(None) {
                person.owner = owner;
            }
        }
    }

    /// One connection of this person ended.
    pub(crate) fn leave(&mut self, folded: &str, now_ms: i64) {
        let Some(person) = self.present.get_mut(folded) else { return };
        person.connections -= 1;
        if person.connections > 0 {
            return;
        }
        self.present.remove(folded);
        self.stop_typing(folded);
        self.reservations.release(folded, now_ms);
        self.presence_changed = true;
    }

    /// The person with this name, as the room shows them.
    pub(crate) fn person(&self, folded: &str) -> Option<Person> {
        self.present.get(folded).map(Present::person)
    }

    /// The changes since the last call.
    pub(crate) fn take_changes(&mut self) -> Vec<RoomChange> {
        let mut changes = self.reservations.take_changes();
        changes.append(&mut self.changes);
        changes
    }

    /// The changes that make a store hold what is held here, whatever it missed. What was forgotten meanwhile it
    /// forgets by itself, in time.
    pub(crate) fn all(&self) -> Vec<RoomChange> {
        let host_name = |(folded, key): (&Arc<str>, &_)| RoomChange::HostName(folded.clone(), *key);
        self.reservations.all().chain(self.host_names.iter().map(host_name)).collect()
    }
}

impl Present {
    fn person(&self) -> Person {
        Person { username: self.name.shared_display(), role: self.owner.role() }
    }
}

#[cfg(test)]
mod tests;
