//! Hosts own names: who has one that a host wants, and how they are called from then on; pure.

use super::kept::RoomChange;
use super::{Owner, Present, Room};
use crate::limits;
use crate::protocol::former_fold::former_fold;
use crate::protocol::names::Name;
use crate::protocol::{AccountId, Role};

/// Who has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    /// A host who is here: it is theirs.
    Host,
    /// Somebody who is signing up just now, and has it as an account in a moment.
    SigningUp,
    /// An account that has it, or had it until it was deleted.
    Account(AccountId),
    /// Somebody who merely is here under it.
    Guest(Owner),
    /// A guest who was here, or a host who is not: it is kept for them.
    Absent,
    Nobody,
}

impl Room {
    pub(crate) fn holder(&self, name: &Name, now_ms: i64) -> Holder {
        let folded = name.folded();
        let present = self.present.get(folded).map(|person| person.owner);
        if present.is_some_and(|owner| owner.role() == Role::Host) {
            return Holder::Host;
        }
        if self.claims.contains_key(folded) {
            return Holder::SigningUp;
        }
        if let Some(account) = self.members.get(folded) {
            return Holder::Account(*account);
        }
        if let Some(owner) = present {
            return Holder::Guest(owner);
        }
        let is_kept = self.host_names.contains_key(folded)
            || self.former_host_names.contains_key(&*former_fold(name.display()))
            || self.reservations.key_of(folded, now_ms).is_some();
        if is_kept { Holder::Absent } else { Holder::Nobody }
    }

    /// A free name for somebody who loses theirs: "Guest 1", "Guest 2", …, without any trace of what they were taken for. None where
    /// very many are taken, or `is_barred`.
    pub(crate) fn spare_name(
        &self,
        kind: &str,
        now_ms: i64,
        is_barred: impl Fn(&Name) -> bool,
    ) -> Option<Name> {
        let names = (1..=limits::SPARE_NAMES).map(|number| Name::parse(&format!("{kind} {number}")));
        names.flatten().find(|name| !self.is_taken(name, now_ms) && !is_barred(name))
    }

    /// Somebody who is here is called otherwise from now on, on all their connections, and what they were called is nobody's.
    pub(crate) fn rename(&mut self, folded: &str, name: &Name, now_ms: i64) {
        let Some(person) = self.present.remove(folded) else { return };
        self.looks.remove(&person.name);
        self.looks.insert(name);
        self.stop_typing(folded);
        let has_spoken = self.reservations.has_spoken(folded);
        self.reservations.forget(folded);
        self.present.insert(name.shared_folded(), Present { name: name.clone(), ..person });
        self.keep(name.folded(), has_spoken, now_ms);
        self.note_rename(folded, name);
        self.presence_changed = true;
    }

    /// An account has another name, or none any more; the one it had is nobody's.
    pub(crate) fn rename_account(&mut self, account: AccountId, from: &Name, to: Option<&Name>, now_ms: i64) {
        if self.members.get(from.folded()) == Some(&account) {
            self.members.remove(from.folded());
            self.apart.retain(|name| name.folded() != from.folded());
            if !self.host_names.contains_key(from.folded()) {
                self.lasting_looks.remove(from);
            }
        }
        let Some(to) = to else { return };
        self.members.insert(to.shared_folded(), account);
        self.lasting_looks.insert(to);
        let is_theirs = |person: &Present| matches!(person.owner, Owner::Account(own, _) if own == account);
        if self.present.get(from.folded()).is_some_and(is_theirs) {
            self.rename(from.folded(), to, now_ms);
        }
    }

    /// A name is kept for nobody any more: no guest's browser, and no host who is not here.
    pub(crate) fn forget_name(&mut self, name: &Name) {
        self.reservations.forget(name.folded());
        let former = former_fold(name.display());
        if let Some(host) = self.host_names.remove(name.folded()) {
            self.lasting_looks.remove(&host.name);
            self.changes.push(RoomChange::ForgetHostName(name.shared_folded()));
        }
        if self.former_host_names.remove(&*former).is_some() {
            self.changes.push(RoomChange::ForgetHostName(former.into()));
        }
    }
}
