//! The room's state and rules, pure: who is here, whose name is whose, who is typing, and what hosts have decided.
//!
//! No I/O, no clock, no threads: the hub passes in what time it is and carries out what comes back. Names are
//! compared by their folded form ([`Name::folded`]), so that one person's "Ana" is nobody else's "ana".
//!
//! | file | owns |
//! |---|---|
//! | `kept.rs` | the part that is kept over restarts |
//! | `owner.rs`, `looks.rs` | whose a name is; whom somebody new could be taken for |
//! | `taking.rs`, `freed.rs` | names that hosts take; who has just lost one |
//! | `reservations.rs` | guests' names, each kept for its browser after they left |
//! | `newcomers.rs` | how many new names an address may bring |
//! | `hands.rs` | whose hands are up |
//! | `presence.rs` | what is told of who is here and who is typing |
//! | `moderation.rs`, `held_back.rs` | what hosts have decided; who is muted or out |

pub(crate) mod freed;
mod hands;
mod held_back;
pub(crate) mod kept;
mod looks;
pub(crate) mod moderation;
pub(crate) mod newcomers;
mod owner;
mod presence;
mod reservations;
mod taking;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::protocol::names::{APART, Name};
use crate::protocol::{AccountId, KeyHash, Person, Reason, Refusal};
use crate::room::hands::Hands;
use crate::room::kept::{HostName, Reservation, RoomChange};
use crate::room::looks::Looks;
use crate::room::reservations::Reservations;

pub(crate) use owner::Owner;
pub(crate) use presence::PresenceUpdate;
pub(crate) use taking::Holder;

/// Somebody who is here, on one connection or several.
#[derive(Debug)]
struct Present {
    name: Name,
    owner: Owner,
    connections: usize,
    /// Where they came from first, an IPv6 address as its /64.
    address: IpAddr,
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
    /// Of everybody here.
    looks: Looks,
    reservations: Reservations,
    /// Accounts' names, deleted accounts' too.
    members: HashMap<Arc<str>, AccountId>,
    /// Those accounts' of which another has what the name folds to.
    apart: Vec<Name>,
    claims: HashMap<Arc<str>, Claim>,
    /// Names of hosts without an account.
    host_names: HashMap<Arc<str>, HostName>,
    /// Such names of which nothing is known but [`former_fold`]'s form of them, each with the key of its browser.
    former_host_names: HashMap<Arc<str>, Option<KeyHash>>,
    /// Of members, of who is about to be one, and of hosts: near them, punctuation, spaces and symbols do not count.
    lasting_looks: Looks,
    changes: Vec<RoomChange>,
    presence_changed: bool,
    /// The last `presence`. Empty while the room is too large to be listed.
    told: BTreeMap<Arc<str>, Person>,
    told_large: bool,
    /// Names taken since then by who was told of under another: the new one, and that. Both folded.
    renames: HashMap<Arc<str>, Arc<str>>,
    /// Folded names, each with the time of its last `typing`.
    typing: Vec<(Arc<str>, Instant)>,
    typing_changed: bool,
    pub hands: Hands,
}

impl Room {
    /// An empty room in which these names are somebody's: guests' for a while, accounts' and hosts' for ever.
    pub(crate) fn new(
        reservations: Vec<Reservation>,
        members: &[(Name, AccountId)],
        host_names: Vec<HostName>,
        former_host_names: Vec<(Arc<str>, Option<KeyHash>)>,
    ) -> Room {
        let mut lasting_looks = Looks::near();
        members.iter().for_each(|(name, _)| lasting_looks.insert(name));
        host_names.iter().for_each(|host| lasting_looks.insert(&host.name));
        let is_apart = |name: &&Name| name.folded().contains(APART);
        Room {
            apart: members.iter().map(|(name, _)| name).filter(is_apart).cloned().collect(),
            reservations: Reservations::new(reservations),
            members: members.iter().map(|(name, account)| (name.shared_folded(), *account)).collect(),
            host_names: host_names.into_iter().map(|host| (host.name.shared_folded(), host)).collect(),
            former_host_names: former_host_names.into_iter().collect(),
            lasting_looks,
            ..Room::default()
        }
    }

    /// Persons here.
    pub(crate) fn online(&self) -> usize {
        self.present.len()
    }

    /// A connection that is `current` takes `name`, from this address.
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
        address: IpAddr,
        now_ms: i64,
    ) -> Result<Arc<str>, Refusal> {
        let folded = name.shared_folded();
        if current == Some(name.folded()) {
            self.check_look(name, owner, current, now_ms)?;
            self.rejoin(name, owner);
        } else {
            self.check(name, owner, current, now_ms)?;
            if let Some(current) = current {
                self.leave(current, now_ms);
                if !self.present.contains_key(current) {
                    self.reservations.forget_silent(current);
                    self.note_rename(current, name);
                }
            }
            let newcomer = || Present { name: name.clone(), owner, connections: 0, address };
            let person = self.present.entry(folded.clone()).or_insert_with(newcomer);
            person.connections += 1;
            if person.connections == 1 {
                self.looks.insert(name);
                self.reservations.hold(&folded, owner.key(), now_ms);
                self.hands.arrive(&folded, owner);
                self.presence_changed = true;
            }
        }
        self.keep(&folded, false, now_ms);
        self.note_host(name, owner);
        Ok(folded)
    }

    /// The same person again: another spelling of the name, or a key that was not known yet. Only where no second
    /// connection would be renamed unasked.
    fn rejoin(&mut self, name: &Name, owner: Owner) {
        if let Some(person) = self.present.get_mut(name.folded())
            && person.connections == 1
        {
            if person.name != *name {
                self.presence_changed = true;
                self.looks.remove(&person.name);
                self.looks.insert(name);
                person.name = name.clone();
                self.hands.rename(name.folded(), name);
            }
            if person.owner == Owner::Guest(None) {
                person.owner = owner;
            }
        }
    }

    /// A connection that has just joined is in a browser with this cookie.
    pub(crate) fn note_browser(&mut self, folded: &str, browser: KeyHash) {
        self.reservations.note_browser(folded, browser);
    }

    /// The cookie's hash of the browser that a guest's name is kept for.
    pub(crate) fn browser_of(&self, folded: &str, now_ms: i64) -> Option<KeyHash> {
        self.reservations.browser_of(folded, now_ms)
    }

    /// Whether a guest's name is kept for the browser with this cookie.
    pub(crate) fn knows_browser(&self, browser: KeyHash, now_ms: i64) -> bool {
        self.reservations.knows_browser(browser, now_ms)
    }

    /// One connection of this person ended.
    pub(crate) fn leave(&mut self, folded: &str, now_ms: i64) {
        let Some(person) = self.present.get_mut(folded) else { return };
        person.connections -= 1;
        if person.connections > 0 {
            return;
        }
        if let Some(gone) = self.present.remove(folded) {
            self.looks.remove(&gone.name);
            self.hands.leave(folded, gone.owner);
        }
        self.stop_typing(folded);
        self.reservations.release(folded, now_ms);
        self.presence_changed = true;
    }

    /// The person with this name, as the room shows them.
    pub(crate) fn person(&self, folded: &str) -> Option<Person> {
        self.present.get(folded).map(Present::person)
    }

    /// Somebody raises their hand, who is here; nobody else can.
    pub(crate) fn raise_hand(&mut self, folded: &str, question: Option<Arc<str>>) -> Result<(), Reason> {
        self.present.get(folded).map_or(Ok(()), |person| self.hands.raise(person.name.clone(), question))
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
        let host_names = self.host_names.values().cloned().map(RoomChange::HostName);
        self.reservations.all().chain(host_names).collect()
    }
}

impl Present {
    fn person(&self) -> Person {
        Person { username: self.name.shared_display(), role: self.owner.role() }
    }
}

#[cfg(test)]
mod tests;
