//! One registered client as the hub knows it: who it is, and the way to it.

use std::sync::Arc;
use std::time::Instant;

use crate::hub::sender::Sender;
use crate::hub::visitor::Visitor;
use crate::protocol::names::Name;
use crate::protocol::{KeyHash, Reason, Refusal, Role};
use crate::room::kept::Identifier;
use crate::sys::permits::Permit;

/// Who a client speaks as.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// The name in the form that is compared.
    pub folded: Arc<str>,
    /// The name as the room shows it.
    pub display: Arc<str>,
    /// What its owner is.
    pub role: Role,
}

/// One registered client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(super) serial: u64,
    pub(super) sender: Sender,
    /// This turn's frames for it alone, and their places: after so many of the changes that the turn stores.
    pub(super) own: Vec<(usize, Vec<u8>)>,
    /// What [`super::clients::Clients`] has counted of its sender.
    pub(super) counted: Counted,
    /// Whatever it still says comes too late: its connection ends with this turn.
    pub is_leaving: bool,
    /// Who is logged in on it, and where it comes from.
    pub visitor: Visitor,
    /// Dropped as soon as nothing waits for this client any more.
    pub(super) until_written: Option<Permit>,
    /// Its name, once it has one.
    pub identity: Option<Identity>,
    /// The hash of its browser's key, where it has told one.
    pub guest_key: Option<KeyHash>,
    /// The scope of its message ids: the hash of its tab's key, else a value of its own.
    pub tab: KeyHash,
    pub(super) has_told_tab: bool,
    /// Its person may not write.
    pub is_muted: bool,
}

/// A sender's part in the sums over all of them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    pub own_bytes: usize,
    pub is_behind: bool,
    pub due: Option<Instant>,
}

impl Client {
    /// Whether it is a host's.
    pub(crate) fn is_host(&self) -> bool {
        self.visitor.is_host()
    }

    /// Whether a message with this `username` is said under the name that the client has: the account's, or the same.
    pub(crate) fn speaks_as_before(&self, username: Option<&Name>) -> bool {
        let is_member = self.visitor.account().is_some();
        match (&self.identity, username) {
            (None, _) if is_member => false,
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(own), Some(name)) => {
                is_member || (*own.display == *name.display() && *own.folded == *name.folded())
            }
        }
    }

    /// Takes the keys that a `join` tells. The first of each stays: with another one, who is muted or has to wait would be
    /// somebody new under the name that they have.
    ///
    /// # Errors
    /// `bad_request` for another key than was told before; then none is taken.
    pub(crate) fn take_keys(
        &mut self,
        guest_key: Option<KeyHash>,
        tab_key: Option<KeyHash>,
    ) -> Result<(), Refusal> {
        let told_tab = Some(self.tab).filter(|_| self.has_told_tab);
        for (field, told, new) in [("guest_key", self.guest_key, guest_key), ("tab_key", told_tab, tab_key)] {
            if told.is_some() && new.is_some() && told != new {
                return Err(Reason::KeyChanged { field: field.to_owned() }.into());
            }
        }
        self.guest_key = guest_key.or(self.guest_key);
        if let Some(tab) = tab_key {
            (self.tab, self.has_told_tab) = (tab, true);
        }
        Ok(())
    }

    /// All that its person is known by.
    pub(crate) fn identifiers(&self) -> Vec<Identifier> {
        let mut identifiers = self.visitor.identifiers();
        identifiers.push(Identifier::Tab(self.tab));
        identifiers.extend(self.guest_key.map(Identifier::Guest));
        identifiers
    }

    /// Who it is that speaks: the surest of them, and their name. By the identifier alone, a person with a new connection for each
    /// message, or one who tells a key or signs up only then, would be somebody new each time.
    pub(crate) fn speakers(&self) -> impl Iterator<Item = Identifier> + use<> {
        let named = self.identity.as_ref().map(|identity| Identifier::Name(identity.folded.clone()));
        std::iter::once(self.person()).chain(named)
    }

    /// The surest of what its person is known by.
    pub(crate) fn person(&self) -> Identifier {
        let account = self.visitor.account().map(Identifier::Account);
        account.or(self.guest_key.map(Identifier::Guest)).unwrap_or(Identifier::Tab(self.tab))
    }
}
