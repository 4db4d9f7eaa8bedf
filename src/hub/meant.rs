//! Whom a host means: by a name, or by a message of theirs.

use std::time::Instant;

use super::Hub;
use crate::hub::client::Identity;
use crate::hub::clients::ClientId;
use crate::protocol::names::Name;
use crate::protocol::{AccountId, Position, Reason, Refusal};
use crate::room::Owner;
use crate::room::kept::{HeldBack, Identifier};
use crate::store::{Author, ReadError, Recent};

/// Somebody who is to be held back, and their connections.
pub(super) struct Meant {
    pub held: HeldBack,
    pub connections: Vec<ClientId>,
}

/// All that somebody is known by, their addresses aside; and the connections that are theirs.
type Known = (Vec<Identifier>, Vec<ClientId>);

impl Hub {
    /// The person whom a host wants to hold back, under the name that they have now.
    ///
    /// # Errors
    /// `bad_request`, where it is the host in person or another one; `not_found`, where it is nobody.
    pub(super) fn person_to_hold(
        &mut self,
        by: ClientId,
        name: &Name,
        message_id: Option<Position>,
    ) -> Result<Meant, Refusal> {
        let name = &self.room.as_shown(name);
        let (identifiers, connections) = self.meant(name, message_id)?;
        if connections.contains(&by) {
            return Err(Reason::ActionOnOneself.into());
        }
        if connections.iter().any(|id| self.clients.get(*id).is_some_and(|client| client.is_host())) {
            return Err(Reason::ActionOnHost { username: name.display().to_owned() }.into());
        }
        let name = self.name_now(name, &connections);
        let held = HeldBack { name, identifiers: identifiers.into_iter().collect() };
        Ok(Meant { held, connections })
    }

    /// How somebody with these connections is called now; if they are not here, as before.
    fn name_now(&mut self, name: &Name, connections: &[ClientId]) -> Name {
        let mut now = Vec::new();
        for id in connections {
            let identity = self.clients.get(*id).and_then(|client| client.identity.as_ref());
            now.extend(identity.map(|identity| identity.folded.clone()));
        }
        let same = now.iter().find(|folded| ***folded == *name.folded());
        let person =
            same.or(now.first()).and_then(|folded| Some((self.room.person(folded)?, folded.clone())));
        person.map_or_else(|| name.clone(), |(person, folded)| Name::stored(person.username, folded))
    }

    /// By a message, its author. By a name, whoever has it; or else who spoke under it last, and is called otherwise by now or was
    /// never known by more than the tab.
    fn meant(&mut self, name: &Name, message_id: Option<Position>) -> Result<Known, Refusal> {
        let found = match message_id {
            Some(message_id) => self.log.store().author_of(message_id),
            None => match self.known(name)? {
                (identifiers, connections) if identifiers.is_empty() && connections.is_empty() => {
                    self.log.store().last_author(name)
                }
                known => return Ok(known),
            },
        };
        let username = || name.display().to_owned();
        match found.map_err(|error| not_read(&error))?.filter(|author| author.is_called(name)) {
            Some(author) if author.is_host => Err(Reason::ActionOnHost { username: username() }.into()),
            Some(author) => self.known_author(&author),
            None if message_id.is_some() => Err(Reason::MessageNotFound.into()),
            None => Err(Reason::NameNobodys { username: username() }.into()),
        }
    }

    /// What somebody is known by, here or not.
    pub(super) fn known(&mut self, name: &Name) -> Result<Known, Refusal> {
        let now_ms = self.log.now_ms();
        let proof = self.room.owner_of(name.folded(), now_ms).and_then(Owner::proof);
        let connections = self.clients.which(|client| {
            client.identity.as_ref().is_some_and(|identity| *identity.folded == *name.folded())
                || proof.as_ref().is_some_and(|proof| client.identifiers().contains(proof))
        });
        let browser = self.room.browser_of(name.folded(), now_ms).map(Identifier::Browser);
        let mut identifiers: Vec<Identifier> = proof.into_iter().chain(browser).collect();
        if identifiers.is_empty() && connections.is_empty() {
            identifiers = self.freed.identifiers_of(name, Instant::now()); // they are still meant by it
        }
        self.all_known((identifiers, connections))
    }

    fn known_author(&mut self, author: &Author) -> Result<Known, Refusal> {
        let persons = author.persons();
        let connections =
            self.clients.which(|client| client.identifiers().iter().any(|one| persons.contains(one)));
        self.all_known((persons.into_iter().chain(author.browser()).collect(), connections))
    }

    /// Adds what their account and their connections tell.
    fn all_known(&mut self, (mut identifiers, connections): Known) -> Result<Known, Refusal> {
        let accounts: Vec<AccountId> = identifiers
            .iter()
            .filter_map(|one| if let Identifier::Account(account) = one { Some(*account) } else { None })
            .collect();
        let now_ms = self.log.now_ms();
        for account in accounts {
            let browsers = self.log.store().browsers_of(account, now_ms);
            identifiers.extend(browsers.map_err(|error| not_read(&error))?);
        }
        for id in &connections {
            let own = self.clients.get(*id).map(|client| client.identifiers()).unwrap_or_default();
            identifiers.extend(own.into_iter().filter(|one| !matches!(one, Identifier::Address(_))));
        }
        // A host's browser, lent to them for once, stays the host's.
        for host in self.clients.which(|client| client.is_host()) {
            let hosts = self.clients.get(host).map(|client| client.identifiers()).unwrap_or_default();
            identifiers.retain(|one| !hosts.contains(one));
        }
        Ok((identifiers, connections))
    }

    /// What somebody has said lately, to be found.
    pub(super) fn recent(&mut self, name: &Name, minutes: u32, message_id: Option<Position>) -> Recent {
        let name = self.room.as_shown(name);
        let since_ms = self.log.now_ms() - i64::from(minutes) * 60_000;
        let (mut here, mut host_tabs) = (Vec::new(), Vec::new());
        let has_name = |identity: &Identity| *identity.folded == *name.folded();
        for id in self.clients.which(|_| true) {
            let Some(client) = self.clients.get(id) else { continue };
            if client.is_host() {
                host_tabs.push(client.tab);
            } else if client.identity.as_ref().is_some_and(has_name) {
                here.extend([client.person(), Identifier::Tab(client.tab)]);
            }
        }
        let (here, host_tabs) = (here.into_iter().collect(), host_tabs.into_iter().collect());
        Recent { name, minutes, since_ms, message_id, here, host_tabs }
    }
}

fn not_read(error: &ReadError) -> Refusal {
    log::warn!("what somebody is known by could not be looked up: {error}");
    Refusal::from(Reason::HostsBusy).after(1_000)
}
