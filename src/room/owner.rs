//! Whose a name is: somebody's who is here, an account's, a host's, or kept for a guest's browser.

use std::sync::Arc;

use super::kept::{Identifier, RoomChange};
use super::{Claim, Room};
use crate::limits;
use crate::protocol::names::Name;
use crate::protocol::{AccountId, ErrorCode, KeyHash, Refusal, Role};

/// A connection's owner: that decides whether a name is theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Without an account: the hash of the browser's key, where it has told one.
    Guest(Option<KeyHash>),
    /// A host without an account; the same.
    Host(Option<KeyHash>),
    /// An account's, and what it is in the room.
    Account(AccountId, Role),
}

impl Owner {
    /// Whether both are certainly one person. A guest without a key could be anybody.
    pub(super) fn is(self, other: Owner) -> bool {
        match (self, other) {
            (Owner::Account(account, _), Owner::Account(other, _)) => account == other,
            _ => self.key().is_some() && self.key() == other.key(),
        }
    }

    /// The key of who has no account.
    pub(super) fn key(self) -> Option<KeyHash> {
        match self {
            Owner::Guest(key) | Owner::Host(key) => key,
            Owner::Account(..) => None,
        }
    }

    pub(crate) fn role(self) -> Role {
        match self {
            Owner::Guest(_) => Role::Guest,
            Owner::Host(_) => Role::Host,
            Owner::Account(_, role) => role,
        }
    }

    /// The identifier that nobody else can have.
    pub(crate) fn proof(self) -> Option<Identifier> {
        match self {
            Owner::Account(account, _) => Some(Identifier::Account(account)),
            _ => self.key().map(Identifier::Guest),
        }
    }
}

impl Room {
    /// Whether `owner` has this name already, and so is nobody new: it is an account's or a host's own, kept for the
    /// owner's browser, or they are here under it.
    pub(crate) fn is_theirs(&self, name: &Name, owner: Owner, now_ms: i64) -> bool {
        let kept = || owner.key().is_some() && self.reservations.key_of(name.folded(), now_ms) == owner.key();
        owner.role() == Role::Host
            || self.members_name_admits(name.folded(), owner) == Some(true)
            || self.present.get(name.folded()).is_some_and(|person| person.owner.is(owner))
            || kept()
    }

    /// The account that has this name, or the key: as far as the room knows, whether they are here or not.
    pub(crate) fn owner_of(&self, folded: &str, now_ms: i64) -> Option<Owner> {
        if let Some(person) = self.present.get(folded) {
            return Some(person.owner);
        }
        if let Some(claim) = self.claims.get(folded) {
            return Some(Owner::Guest(claim.key));
        }
        match self.members.get(folded) {
            Some(account) => Some(Owner::Account(*account, Role::Member)),
            None => Some(Owner::Guest(Some(self.reservations.key_of(folded, now_ms)?))),
        }
    }

    /// For a member's name, and one that is held for who signs up: whether this owner may have it.
    fn members_name_admits(&self, folded: &str, owner: Owner) -> Option<bool> {
        match (self.claims.get(folded), self.members.get(folded)) {
            (Some(claim), _) => Some(claim.key.is_some() && claim.key == owner.key()),
            (None, Some(account)) => Some(matches!(owner, Owner::Account(own, _) if own == *account)),
            (None, None) => None,
        }
    }

    /// Whether a host without an account has this name, and from another browser than the one with `key`.
    fn is_another_hosts(&self, folded: &str, key: Option<KeyHash>) -> bool {
        self.host_names.get(folded).is_some_and(|host| host.is_none() || *host != key)
    }

    /// Whether `owner` may take `name` now.
    pub(super) fn check(&self, name: &Name, owner: Owner, now_ms: i64) -> Result<(), Refusal> {
        let folded = name.folded();
        let member = self.members_name_admits(folded, owner);
        let reason = match self.present.get(folded) {
            _ if member == Some(false) => {
                "This name belongs to a member. If it is yours, log in; else choose another."
            }
            _ if member.is_none()
                && owner.role() != Role::Host
                && self.is_another_hosts(folded, owner.key()) =>
            {
                "This name belongs to a host."
            }
            Some(person) if !person.owner.is(owner) => {
                "Somebody here has this name, or one that looks like it."
            }
            Some(person) if person.connections >= limits::PERSON_CONNECTIONS => {
                let reason = "This name is open in 8 tabs already: close one of them.";
                return Err(Refusal::new(ErrorCode::NameTaken, reason));
            }
            None if !matches!(owner, Owner::Account(..))
                && self.reservations.is_closed_to(owner.key(), folded, now_ms) =>
            {
                KEPT
            }
            _ => return Ok(()),
        };
        Err(self.taken(name, reason, now_ms))
    }

    /// `name_taken` for this reason, with a suggestion.
    pub(crate) fn taken(&self, name: &Name, reason: &'static str, now_ms: i64) -> Refusal {
        let taken = |folded: &str| {
            self.present.contains_key(folded)
                || self.members.contains_key(folded)
                || self.claims.contains_key(folded)
                || self.host_names.contains_key(folded)
                || self.reservations.is_closed_to(None, folded, now_ms)
        };
        let suggestion = name.suggest(taken).map(|free| free.display().to_string());
        Refusal { suggestion, ..Refusal::new(ErrorCode::NameTaken, reason) }
    }

    /// Somebody signs up and wants to be `name`: holds it for them until [`Room::account_created`] or
    /// [`Room::release_name`] with the same `number`, the caller's own for each.
    ///
    /// # Errors
    /// `name_taken` when it is a member's, or a guest's whose key is not `key`.
    pub(crate) fn hold_name(
        &mut self,
        name: &Name,
        key: Option<KeyHash>,
        number: u64,
        now_ms: i64,
    ) -> Result<(), Refusal> {
        let folded = name.folded();
        let here = self.present.get(folded);
        if here.is_some_and(|person| !person.owner.is(Owner::Guest(key)))
            || self.is_another_hosts(folded, key)
            || self.members.contains_key(folded)
            || self.claims.contains_key(folded)
        {
            return Err(self.taken(name, "Somebody has this name, or one that looks like it.", now_ms));
        }
        if self.reservations.is_closed_to(key, folded, now_ms) {
            return Err(self.taken(name, KEPT, now_ms));
        }
        self.claims.insert(name.shared_folded(), Claim { number, key });
        Ok(())
    }

    /// Nobody signed up: a name that was held for them is as free as before.
    pub(crate) fn release_name(&mut self, name: &Name, number: u64) {
        if self.claims.get(name.folded()).is_some_and(|claim| claim.number == number) {
            self.claims.remove(name.folded());
        }
    }

    /// The name is this account's from now on. Whoever is here under it is the account's owner: nobody else could have
    /// stayed.
    ///
    /// # Returns
    /// The key that they claimed the name with.
    pub(crate) fn account_created(&mut self, name: &Name, account: AccountId, role: Role) -> Option<KeyHash> {
        self.members.insert(name.shared_folded(), account);
        self.reservations.forget(name.folded());
        if let Some(person) = self.present.get_mut(name.folded()) {
            person.owner = Owner::Account(account, role);
            person.name = name.clone();
            self.presence_changed = true;
        }
        self.claims.remove(name.folded())?.key
    }

    /// A host is shown as one on all connections, and a host's name without an account is kept for hosts.
    pub(super) fn note_host(&mut self, folded: &Arc<str>, owner: Owner) {
        if owner.role() != Role::Host {
            return;
        }
        if let Some(person) = self.present.get_mut(folded)
            && person.owner.role() != Role::Host
        {
            person.owner = owner;
            self.presence_changed = true;
        }
        if let Owner::Host(key) = owner
            && self.host_names.len() < limits::HOST_NAMES
            && !self.host_names.contains_key(folded)
        {
            self.host_names.insert(folded.clone(), key);
            self.changes.push(RoomChange::HostName(folded.clone(), key));
        }
    }

    /// The last host's connection of this person ended, and others of theirs go on.
    pub(crate) fn is_host_no_more(&mut self, folded: &str) {
        if let Some(person) = self.present.get_mut(folded) {
            person.owner = match person.owner {
                Owner::Account(account, _) => Owner::Account(account, Role::Member),
                Owner::Guest(key) | Owner::Host(key) => Owner::Guest(key),
            };
            self.presence_changed = true;
        }
    }

    /// A name that is kept for somebody whom hosts have removed is theirs to take.
    pub(crate) fn give_up(&mut self, folded: &str) {
        self.reservations.forget(folded);
    }

    /// Keeps their names for all guests who are here with a key: the door is closed, and they are to get back in.
    pub(crate) fn keep_who_is_here(&mut self) {
        for person in self.present.values() {
            if let Owner::Guest(Some(key)) = person.owner {
                self.reservations.reserve(&person.name, key);
            }
        }
    }

    /// This person says something: from now on the name is kept for its key, if it has told one.
    pub(crate) fn speak(&mut self, folded: &str) {
        if let Some(person) = self.present.get(folded)
            && let Owner::Guest(Some(key)) = person.owner
        {
            self.reservations.reserve(&person.name, key);
        }
    }
}

const KEPT: &str = "This name belongs to somebody who was here today.";
