//! The room's state and rules, pure: who is here, whose name is whose, who is typing, what of it was told.
//!
//! No I/O, no clock, no threads: the hub passes in what time it is and carries out what comes back. Names are
//! compared by their folded form ([`Name::folded`]), so that one person's "Ana" is nobody else's "ana".
//! [`reservations`] keeps names for those who left, [`moderation`] what hosts have decided.

pub(crate) mod moderation;
mod presence;
pub(crate) mod reservations;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use crate::limits;
use crate::protocol::AccountId;
use crate::protocol::names::Name;
use crate::protocol::{ErrorCode, KeyHash, Person, Refusal, Role};
use crate::room::reservations::{ReservationChange, Reservations};

/// Whose a connection is: what decides whether a name is theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Somebody without an account, and the hash of their browser's key, where it has told one.
    Guest(Option<KeyHash>),
    /// A host without an account, and the same.
    Host(Option<KeyHash>),
    /// The owner of an account, and what they are in the room.
    Account(AccountId, Role),
}

impl Owner {
    /// Whether both are certainly one person. A guest without a key could be anybody.
    fn is(self, other: Owner) -> bool {
        match (self, other) {
            (Owner::Account(account, _), Owner::Account(other, _)) => account == other,
            _ => self.key().is_some() && self.key() == other.key(),
        }
    }

    /// The key of who has no account.
    fn key(self) -> Option<KeyHash> {
        match self {
            Owner::Guest(key) | Owner::Host(key) => key,
            Owner::Account(..) => None,
        }
    }

    /// What a connection of this owner's is in the room.
    pub(crate) fn role(self) -> Role {
        match self {
            Owner::Guest(_) => Role::Guest,
            Owner::Host(_) => Role::Host,
            Owner::Account(_, role) => role,
        }
    }
}

/// Whose a name is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NameOwner {
    /// An account's, or that of one that was deleted.
    Account(AccountId),
    /// Somebody's who is signing up, by the number of their claim; until then its guest may still come and go.
    Held(u64, Option<KeyHash>),
}

impl NameOwner {
    fn admits(self, owner: Owner) -> bool {
        match (self, owner) {
            (NameOwner::Account(account), Owner::Account(other, _)) => account == other,
            (NameOwner::Held(_, Some(key)), owner) => owner.key() == Some(key),
            _ => false,
        }
    }
}

/// A name that a host without an account has used: hosts', and that browser's, for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName {
    /// The name in the form that is compared.
    pub folded: Arc<str>,
    /// Hash of the `guest_key` it was used with.
    pub key: Option<KeyHash>,
}

/// Somebody who is here, on one connection or several.
#[derive(Debug)]
struct Present {
    display: Arc<str>,
    owner: Owner,
    connections: usize,
}

/// What `presence` has to say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PresenceUpdate {
    /// Everybody, in the order of their names.
    Whole(Vec<Person>),
    /// Who came and who went since the last time.
    Changes {
        /// Who came.
        joined: Vec<Person>,
        /// Who went.
        left: Vec<Arc<str>>,
    },
    /// Too many to be listed.
    Count,
}

/// Who is here and whose names are whose.
#[derive(Debug, Default)]
pub(crate) struct Room {
    present: BTreeMap<Arc<str>, Present>,
    reservations: Reservations,
    /// The names of all accounts, by folded name.
    members: HashMap<Arc<str>, NameOwner>,
    /// The names of hosts without an account, by folded name.
    host_names: HashMap<Arc<str>, Option<KeyHash>>,
    new_host_names: Vec<HostName>,
    /// Folded names whose presence may differ from what was told.
    changed: BTreeSet<Arc<str>>,
    /// What `presence` said last, by folded name. Empty while the room is too large to be listed.
    told: BTreeMap<Arc<str>, Person>,
    told_large: bool,
    /// Who is typing, and since when that was last said.
    typing: Vec<(Arc<str>, Instant)>,
    typing_changed: bool,
}

impl Room {
    /// An empty room in which these names are somebody's: guests' for a while, accounts' and hosts' for ever.
    pub(crate) fn new(
        reservations: Reservations,
        accounts: Vec<(Arc<str>, AccountId)>,
        host_names: Vec<HostName>,
    ) -> Room {
        let members = accounts.into_iter().map(|(folded, account)| (folded, NameOwner::Account(account)));
        let host_names = host_names.into_iter().map(|name| (name.folded, name.key));
        Room { reservations, members: members.collect(), host_names: host_names.collect(), ..Room::default() }
    }

    /// Persons here.
    pub(crate) fn online(&self) -> usize {
        self.present.len()
    }

    /// A connection that is `current` takes `name`.
    ///
    /// # Returns
    /// The folded name the connection has from now on.
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
        if current == Some(name.folded()) {
            return Ok(self.rejoin(name, owner));
        }
        self.check(name, owner, now_ms)?;
        if let Some(current) = current {
            self.leave(current, now_ms);
        }
        let folded = name.shared_folded();
        let person = self.present.entry(folded.clone()).or_insert_with(|| Present {
            display: name.shared_display(),
            owner,
            connections: 0,
        });
        person.connections += 1;
        if person.connections == 1 {
            self.reservations.hold(&folded, owner.key());
            self.changed.insert(folded.clone());
        }
        self.note_host(&folded, owner);
        Ok(folded)
    }

    /// A host is shown as one on all connections, and its name is kept for hosts.
    fn note_host(&mut self, folded: &Arc<str>, owner: Owner) {
        if owner.role() != Role::Host {
            return;
        }
        if let Some(person) = self.present.get_mut(folded)
            && person.owner.role() != Role::Host
        {
            person.owner = owner;
            self.changed.insert(folded.clone());
        }
        if let Owner::Host(key) = owner
            && self.host_names.len() < limits::HOST_NAMES
            && !self.host_names.contains_key(folded)
        {
            self.host_names.insert(folded.clone(), key);
            self.new_host_names.push(HostName { folded: folded.clone(), key });
        }
    }

    /// The last host's connection of this person ended, and others of theirs go on.
    pub(crate) fn is_host_no_more(&mut self, folded: &str) {
        if let Some(person) = self.present.get_mut(folded) {
            person.owner = match person.owner {
                Owner::Account(account, _) => Owner::Account(account, Role::Member),
                Owner::Guest(key) | Owner::Host(key) => Owner::Guest(key),
            };
            self.changed.insert(folded.into());
        }
    }

    /// Names of hosts that have to be stored since the last call.
    pub(crate) fn take_host_names(&mut self) -> Vec<HostName> {
        std::mem::take(&mut self.new_host_names)
    }

    /// All names of hosts, to be stored anew after changes were lost.
    pub(crate) fn all_host_names(&self) -> Vec<HostName> {
        self.host_names.iter().map(|(folded, key)| HostName { folded: folded.clone(), key: *key }).collect()
    }

    /// Whether `owner` has this name already, and so is nobody new: it is an account's or a host's own, kept for the
    /// owner's browser, or they are here under it.
    pub(crate) fn is_theirs(&self, name: &Name, owner: Owner, now_ms: i64) -> bool {
        owner.role() == Role::Host
            || self.members.get(name.folded()).is_some_and(|member| member.admits(owner))
            || self.present.get(name.folded()).is_some_and(|person| person.owner.is(owner))
            || owner.key().is_some_and(|key| self.reservations.is_kept_for(key, name.folded(), now_ms))
    }

    /// Keeps their names for all guests who are here with a key: the door is closed, and they are to get back in.
    pub(crate) fn keep_who_is_here(&mut self, now_ms: i64) {
        for (folded, person) in &self.present {
            if let Owner::Guest(Some(key)) = person.owner {
                self.reservations.reserve(folded, &person.display, key, now_ms);
            }
        }
    }

    /// The account that has this name, and the key that has it: as far as the room knows, whether they are here or not.
    pub(crate) fn owner_of(&self, folded: &str, now_ms: i64) -> Option<Owner> {
        let here = self.present.get(folded).map(|person| person.owner);
        let member = || match self.members.get(folded)? {
            NameOwner::Account(account) => Some(Owner::Account(*account, Role::Member)),
            NameOwner::Held(_, key) => Some(Owner::Guest(*key)),
        };
        let kept = || Some(Owner::Guest(Some(self.reservations.key_of(folded, now_ms)?)));
        here.or_else(member).or_else(kept)
    }

    /// The same person again: another spelling of the name, or a key that was not known yet. Only where no second
    /// connection would be renamed behind its back.
    fn rejoin(&mut self, name: &Name, owner: Owner) -> Arc<str> {
        let folded = name.shared_folded();
        if let Some(person) = self.present.get_mut(&folded)
            && person.connections == 1
        {
            if *person.display != *name.display() {
                person.display = name.shared_display();
                self.changed.insert(folded.clone());
            }
            if person.owner == Owner::Guest(None) {
                person.owner = owner;
            }
        }
        self.note_host(&folded, owner);
        folded
    }

    /// Whether `owner` may take `name` now.
    fn check(&mut self, name: &Name, owner: Owner, now_ms: i64) -> Result<(), Refusal> {
        let member = self.members.get(name.folded());
        if member.is_some_and(|member| !member.admits(owner)) {
            let reason = "This name belongs to a member. If it is yours, log in; else choose another.";
            return Err(self.taken(name, reason, now_ms));
        }
        if let Some(key) = self.host_names.get(name.folded())
            && member.is_none()
            && owner.role() != Role::Host
            && (key.is_none() || *key != owner.key())
        {
            return Err(self.taken(name, "This name belongs to a host.", now_ms));
        }
        if let Some(person) = self.present.get(name.folded()) {
            if !person.owner.is(owner) {
                return Err(self.taken(
                    name,
                    "Somebody here has this name, or one that looks like it.",
                    now_ms,
                ));
            }
            if person.connections >= limits::PERSON_CONNECTIONS {
                let reason = "This name is open in 8 tabs already: close one of them.";
                return Err(Refusal::new(ErrorCode::NameTaken, reason));
            }
        } else if !matches!(owner, Owner::Account(..))
            && self.reservations.is_closed_to(owner.key(), name.folded(), now_ms)
        {
            return Err(self.taken(name, "This name belongs to somebody who was here today.", now_ms));
        }
        Ok(())
    }

    /// A name that is kept for somebody whom hosts have removed is theirs to take.
    pub(crate) fn give_up(&mut self, folded: &str) {
        self.reservations.forget(folded);
    }

    /// `name_taken` for this reason, with a suggestion.
    pub(crate) fn refuse_name(&self, name: &Name, reason: &'static str, now_ms: i64) -> Refusal {
        self.taken(name, reason, now_ms)
    }

    fn taken(&self, name: &Name, reason: &'static str, now_ms: i64) -> Refusal {
        let taken = |folded: &str| {
            self.present.contains_key(folded)
                || self.members.contains_key(folded)
                || self.host_names.contains_key(folded)
                || self.reservations.is_closed_to(None, folded, now_ms)
        };
        let suggestion = name.suggest(taken).map(|free| free.display().to_string());
        Refusal { suggestion, ..Refusal::new(ErrorCode::NameTaken, reason) }
    }

    /// Somebody signs up and wants to be `name`: holds it for them until [`Room::account_created`] or [`Room::release_name`] with the same
    /// `claim`, a number of the caller's that no other claim has.
    ///
    /// # Errors
    /// `name_taken` when it is a member's, or a guest's whose key is not `key`.
    pub(crate) fn hold_name(
        &mut self,
        name: &Name,
        key: Option<KeyHash>,
        claim: u64,
        now_ms: i64,
    ) -> Result<(), Refusal> {
        let owner = Owner::Guest(key);
        let elsewhere = self.present.get(name.folded()).is_some_and(|person| !person.owner.is(owner));
        let hosts = self.host_names.get(name.folded()).is_some_and(|host| host.is_none() || *host != key);
        if elsewhere || hosts || self.members.contains_key(name.folded()) {
            return Err(self.taken(name, "Somebody has this name, or one that looks like it.", now_ms));
        }
        if self.reservations.is_closed_to(key, name.folded(), now_ms) {
            return Err(self.taken(name, "This name belongs to somebody who was here today.", now_ms));
        }
        self.members.insert(name.shared_folded(), NameOwner::Held(claim, key));
        Ok(())
    }

    /// Nobody signed up: a name that was held for them is as free as before.
    pub(crate) fn release_name(&mut self, name: &Name, claim: u64) {
        let held = self.members.get(name.folded());
        if held.is_some_and(|held| matches!(held, NameOwner::Held(holder, _) if *holder == claim)) {
            self.members.remove(name.folded());
        }
    }

    /// The name is this account's from now on. Whoever is here under it is the account's owner: nobody else could have
    /// stayed.
    ///
    /// # Returns
    /// The key that they claimed the name with.
    pub(crate) fn account_created(&mut self, name: &Name, account: AccountId, role: Role) -> Option<KeyHash> {
        let claimed = self.members.insert(name.shared_folded(), NameOwner::Account(account));
        self.reservations.forget(name.folded());
        if let Some(person) = self.present.get_mut(name.folded()) {
            person.owner = Owner::Account(account, role);
            person.display = name.shared_display();
            self.changed.insert(name.shared_folded());
        }
        match claimed? {
            NameOwner::Held(_, key) => key,
            NameOwner::Account(_) => None,
        }
    }

    /// One connection of this person ended.
    pub(crate) fn leave(&mut self, folded: &str, now_ms: i64) {
        let Some(person) = self.present.get_mut(folded) else { return };
        person.connections -= 1;
        if person.connections > 0 {
            return;
        }
        let Some((folded, _)) = self.present.remove_entry(folded) else { return };
        self.stop_typing(&folded);
        self.reservations.release(&folded, now_ms);
        self.changed.insert(folded);
    }

    /// The name as the room shows it, and what its owner is.
    pub(crate) fn person(&self, folded: &str) -> Option<(&Arc<str>, Role)> {
        self.present.get(folded).map(|person| (&person.display, person.owner.role()))
    }

    /// This person says something: from now on the name is kept for its key, if it has told one.
    pub(crate) fn speak(&mut self, folded: &str, now_ms: i64) {
        if let Some((folded, person)) = self.present.get_key_value(folded)
            && let Owner::Guest(Some(key)) = person.owner
        {
            self.reservations.reserve(folded, &person.display, key, now_ms);
        }
    }

    /// All reservations, to be stored anew after changes were lost.
    pub(crate) fn all_reservations(&self) -> Vec<ReservationChange> {
        self.reservations.all()
    }

    /// What has to be stored of the reservations since the last call.
    pub(crate) fn take_reservation_changes(&mut self) -> Vec<ReservationChange> {
        self.reservations.take_changes()
    }
}

impl Present {
    fn person(&self) -> Person {
        Person { username: self.display.clone(), role: self.owner.role() }
    }
}

#[cfg(test)]
mod tests;
