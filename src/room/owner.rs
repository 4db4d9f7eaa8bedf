//! Whose a name is: somebody's who is here, an account's, a host's, or kept for a guest's browser.

use super::kept::{AccountBrowser, HostName, Identifier, Reservation, RoomChange};
use super::{Claim, Present, Room};
use crate::limits;
use crate::protocol::former_fold::former_fold;
use crate::protocol::names::Name;
use crate::protocol::{AccountId, KeyHash, Reason, Refusal, Role};

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
    pub(crate) fn is(self, other: Owner) -> bool {
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

    /// This name, as it is compared here: of somebody who is shown so, here or not, though another account has what it folds to.
    pub(crate) fn as_shown(&self, name: &Name) -> Name {
        let is_shown = |person: &&Present| person.name.display() == name.display();
        let own = self.present.get(name.folded()).filter(is_shown);
        let shown = own.or_else(|| self.present.values().find(is_shown));
        let is_apart = |other: &&Name| other.display() == name.display();
        let known = shown.map(|person| &person.name).or_else(|| self.apart.iter().find(is_apart));
        known.unwrap_or(name).clone()
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
    fn is_another_hosts(&self, name: &Name, key: Option<KeyHash>) -> bool {
        let is_anothers = |own: Option<KeyHash>| own.is_none() || own != key;
        self.host_names.get(name.folded()).is_some_and(|host| is_anothers(host.key))
            || !self.former_host_names.is_empty()
                && self
                    .former_host_names
                    .get(&*former_fold(name.display()))
                    .is_some_and(|own| is_anothers(*own))
    }

    /// Whether `owner` may take `name` now, on a connection that is `current`.
    pub(super) fn check(
        &self,
        name: &Name,
        owner: Owner,
        current: Option<&str>,
        now_ms: i64,
    ) -> Result<(), Refusal> {
        let folded = name.folded();
        let member = self.members_name_admits(folded, owner);
        let reason = match self.present.get(folded) {
            _ if member == Some(false) => Reason::NameTakenByMember,
            _ if member.is_none()
                && owner.role() != Role::Host
                && self.is_another_hosts(name, owner.key()) =>
            {
                Reason::NameTakenByHost
            }
            Some(person) if !person.owner.is(owner) => Reason::NameTakenHere,
            Some(person) if person.connections >= limits::PERSON_CONNECTIONS => {
                return Err(Reason::IN_MANY_TABS.into());
            }
            None if matches!(owner, Owner::Guest(_))
                && self.reservations.is_closed_to(owner.key(), folded, now_ms) =>
            {
                Reason::NameKept
            }
            _ => return self.check_look(name, owner, current, now_ms),
        };
        Err(self.taken(name, reason, now_ms))
    }

    /// Whether `owner` may be shown as `name`. Hosts and members may: whoever looks like them came later, or was here before
    /// this was looked at.
    pub(super) fn check_look(
        &self,
        name: &Name,
        owner: Owner,
        current: Option<&str>,
        now_ms: i64,
    ) -> Result<(), Refusal> {
        let own = self.present.get(name.folded());
        let is_shown = || own.is_some_and(|person| person.name.display() == name.display());
        if owner.role() != Role::Guest || is_shown() {
            return Ok(());
        }
        match self.mistaken_for(name, owner, current, now_ms) {
            Some(reason) => Err(self.taken(name, reason, now_ms)),
            None => Ok(()),
        }
    }

    /// Whom everybody would take a newcomer for, by what is drawn of the name. Not for themselves under another name.
    fn mistaken_for(&self, name: &Name, owner: Owner, current: Option<&str>, now_ms: i64) -> Option<Reason> {
        let is_other = |folded: &&str| *folded != name.folded();
        let is_gone_then =
            |folded: &str, person: &Present| current == Some(folded) && person.connections == 1;
        let somebody_here = |folded: &str| {
            let person = self.present.get(folded)?;
            let is_they = person.owner.is(owner) || is_gone_then(folded, person);
            (!is_they).then(|| Reason::NameLooksLike { username: person.name.display().to_owned() })
        };
        let somebody_lasting = |folded: &str| {
            let is_theirs = match (self.members.get(folded), self.host_names.get(folded)) {
                (Some(account), _) => matches!(owner, Owner::Account(own, _) if own == *account),
                (None, host) => {
                    let key = self.claims.get(folded).map(|claim| claim.key).or(host.map(|host| host.key));
                    owner.key().is_some() && key == Some(owner.key())
                }
            };
            let is_host = self.host_names.contains_key(folded) && !self.members.contains_key(folded);
            let reason = if is_host { Reason::NameLooksLikeHost } else { Reason::NameLooksLikeMember };
            (!is_theirs).then(|| somebody_here(folded).unwrap_or(reason))
        };
        let somebody_kept = |kept: &Reservation| {
            let folded = kept.name.folded();
            let is_anothers =
                folded != name.folded() && self.reservations.is_closed_to(owner.key(), folded, now_ms);
            is_anothers.then(|| Reason::NameLooksLikeKept { username: kept.name.display().to_owned() })
        };
        // Guests keep a name beside guests who came later, but not beside hosts and members.
        let is_kept = self.reservations.has(name, owner.key(), now_ms);
        let guest_here = || self.looks.alike(name).filter(is_other).find_map(somebody_here);
        let lasting = || self.lasting_looks.alike(name).filter(is_other).find_map(somebody_lasting);
        let guest_kept = || self.reservations.alike(name).find_map(somebody_kept);
        match is_kept {
            true => lasting(),
            false => guest_here().or_else(lasting).or_else(guest_kept),
        }
    }

    /// `name_taken` for this reason, with a suggestion: none near a member's or a host's name, whom it would be taken for.
    pub(crate) fn taken(&self, name: &Name, reason: Reason, now_ms: i64) -> Refusal {
        let folded = name.folded();
        let is_lasting = self.members.contains_key(folded)
            || self.claims.contains_key(folded)
            || self.is_another_hosts(name, None)
            || self.lasting_looks.alike(name).next().is_some();
        let free = if is_lasting { None } else { name.suggest(|name| self.is_taken(name, now_ms)) };
        let suggestion = free.map(|free| free.display().to_string());
        Refusal { suggestion, ..reason.into() }
    }

    /// Whether somebody whom nobody knows could not have this name.
    pub(super) fn is_taken(&self, name: &Name, now_ms: i64) -> bool {
        let (folded, nobody) = (name.folded(), Owner::Guest(None));
        self.present.contains_key(folded)
            || self.members.contains_key(folded)
            || self.claims.contains_key(folded)
            || self.host_names.contains_key(folded)
            || self.is_another_hosts(name, None)
            || self.reservations.is_closed_to(None, folded, now_ms)
            || self.mistaken_for(name, nobody, None, now_ms).is_some()
    }

    /// Somebody signs up and wants to be `name`: holds it for them until [`Room::account_created`] or
    /// [`Room::release_name`] with the same `number`, the caller's own for each.
    ///
    /// # Errors
    /// `name_taken` when it is a member's, a guest's whose key is not `key`, or looks like somebody else's.
    pub(crate) fn hold_name(
        &mut self,
        name: &Name,
        key: Option<KeyHash>,
        number: u64,
        now_ms: i64,
    ) -> Result<(), Refusal> {
        let (folded, owner) = (name.folded(), Owner::Guest(key));
        let taken = if self.members.contains_key(folded) {
            Some(Reason::NameTakenByMember)
        } else if self.claims.contains_key(folded) {
            Some(Reason::NameTakenAtSignup)
        } else if self.is_another_hosts(name, key) {
            Some(Reason::NameTakenByHost)
        } else if self.present.get(folded).is_some_and(|person| !person.owner.is(owner)) {
            Some(Reason::NameTakenHere)
        } else if self.reservations.is_closed_to(key, folded, now_ms) {
            Some(Reason::NameKept)
        } else {
            None
        };
        if let Some(reason) = taken {
            return Err(self.taken(name, reason, now_ms));
        }
        self.check_look(name, owner, None, now_ms)?;
        self.lasting_looks.insert(name);
        self.claims.insert(name.shared_folded(), Claim { number, key });
        Ok(())
    }

    /// Nobody signed up: a name that was held for them is as free as before.
    pub(crate) fn release_name(&mut self, name: &Name, number: u64) {
        let folded = name.folded();
        if self.claims.get(folded).is_some_and(|claim| claim.number == number) {
            self.claims.remove(folded);
            if !self.host_names.contains_key(folded) {
                self.lasting_looks.remove(name);
            }
        }
    }

    /// The name is this account's from now on. Somebody here under it is the account's owner: nobody else could have
    /// stayed.
    ///
    /// # Returns
    /// The key that they claimed the name with.
    pub(crate) fn account_created(&mut self, name: &Name, account: AccountId, role: Role) -> Option<KeyHash> {
        self.members.insert(name.shared_folded(), account);
        self.lasting_looks.insert(name);
        self.reservations.forget(name.folded());
        if let Some(person) = self.present.get_mut(name.folded()) {
            person.owner = Owner::Account(account, role);
            self.looks.remove(&person.name);
            self.looks.insert(name);
            person.name = name.clone();
            self.hands.rename(name.folded(), name);
            self.presence_changed = true;
        }
        self.claims.remove(name.folded())?.key
    }

    /// A host is shown as one on all connections, and a host's name without an account is kept for hosts.
    pub(super) fn note_host(&mut self, name: &Name, owner: Owner) {
        if owner.role() != Role::Host {
            return;
        }
        if let Some(person) = self.present.get_mut(name.folded())
            && person.owner.role() != Role::Host
        {
            person.owner = owner;
            self.presence_changed = true;
        }
        if let Owner::Host(key) = owner
            && self.host_names.len() < limits::HOST_NAMES
            && !self.host_names.contains_key(name.folded())
        {
            let host = HostName { name: name.clone(), key };
            self.lasting_looks.insert(name);
            self.host_names.insert(name.shared_folded(), host.clone());
            self.changes.push(RoomChange::HostName(host));
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

    /// Keeps their names for all guests who are here with a key, for long: the door is closed, and they are to get back in.
    pub(crate) fn keep_who_is_here(&mut self, now_ms: i64) {
        for folded in self.present.keys().cloned().collect::<Vec<_>>() {
            self.keep(&folded, true, now_ms);
        }
    }

    /// Somebody who has just logged in or joined is in this browser.
    pub(crate) fn note_account_browser(&mut self, here: AccountBrowser) {
        self.changes.push(RoomChange::AccountBrowser(here));
    }

    /// This person says something: from now on the name is kept for long for its key, if it has told one.
    pub(crate) fn speak(&mut self, folded: &str, now_ms: i64) {
        self.keep(folded, true, now_ms);
    }

    pub(super) fn keep(&mut self, folded: &str, has_spoken: bool, now_ms: i64) {
        if let Some(Present { name, owner: Owner::Guest(Some(key)), address, .. }) = self.present.get(folded)
        {
            self.reservations.reserve(name, *key, *address, has_spoken, now_ms);
        }
    }

    /// Whether somebody is known already, under whatever name.
    pub(crate) fn knows(&self, owner: Owner, now_ms: i64) -> bool {
        match owner {
            Owner::Account(..) | Owner::Host(_) => true,
            Owner::Guest(key) => key.is_some_and(|key| self.reservations.knows(key, now_ms)),
        }
    }
}
