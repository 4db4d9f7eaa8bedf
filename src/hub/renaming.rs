//! Hosts own names: a person with one that a host wants is called otherwise, and told.
//!
//! A guest is, at once. An account's name is on disk: it changes there first, aside, and the host's wish is gone on with when that
//! is done.

use std::sync::Arc;
use std::time::Instant;

use super::{Hub, Job, Nameless};
use crate::accounts::{Session, Taken};
use crate::hub::clients::ClientId;
use crate::protocol::names::Name;
use crate::protocol::{AccountId, Reason, Refusal, ServerEvent};
use crate::room::{Holder, Owner};

/// A host wants a name that an account has.
#[derive(Debug)]
pub struct TakeName {
    pub account: AccountId,
    pub name: Name,
    /// How the account is called then, which is held under this number meanwhile.
    pub spare: Name,
    pub number: u64,
    /// Who wants it; none where it was asked for beside the room.
    pub by: Option<ClientId>,
    /// For themselves.
    pub is_own: bool,
}

impl Hub {
    /// Takes the name that a host joins with from its holder, who is called otherwise; whether that is done. If not, it is being
    /// done, and the host joins once it is.
    pub(super) fn make_way(&mut self, by: ClientId, name: &Name, owner: Owner) -> Result<bool, Refusal> {
        match self.room.holder(name, self.log.now_ms()) {
            Holder::Account(account) if !matches!(owner, Owner::Account(own, _) if own == account) => {
                self.take_name(account, name, Some(by), true)?;
                Ok(false)
            }
            Holder::Guest(guest) if !guest.is(owner) => {
                self.rename_guest(name.folded())?;
                Ok(true)
            }
            Holder::SigningUp
                if !self.room.owner_of(name.folded(), self.log.now_ms()).is_some_and(|own| own.is(owner)) =>
            {
                self.waiting.retain(|(id, _)| *id != by);
                self.waiting.push((by, name.clone()));
                Ok(false)
            }
            _ => Ok(true),
        }
    }

    /// A name is held no longer for who signs up, and maybe an account's: hosts who want it go on.
    pub(super) fn release_name(&mut self, name: &Name, number: u64) {
        self.room.release_name(name, number);
        let is_it = |(_, wanted): &mut (ClientId, Name)| wanted.folded() == name.folded();
        for (by, wanted) in self.waiting.extract_if(.., is_it).collect::<Vec<_>>() {
            if let Err(refusal) = self.join(by, Some(wanted), None, None) {
                self.tell_host(Some(by), &refusal);
            }
        }
    }

    /// Takes this name from its holder, who is called otherwise, and keeps it for nobody: for a while it is anybody's but theirs.
    pub(super) fn free_name(&mut self, by: Option<ClientId>, name: &Name) -> Result<(), Refusal> {
        let name = &self.room.as_shown(name);
        let username = || name.display().to_owned();
        let (identifiers, _) = self.known(name)?;
        match self.room.holder(name, self.log.now_ms()) {
            Holder::Host => return Err(Reason::ActionOnHost { username: username() }.into()),
            Holder::SigningUp => return Err(Reason::NameTakenAtSignup.into()),
            Holder::Nobody => return Err(Reason::NameNobodys { username: username() }.into()),
            Holder::Account(account) => {
                self.take_name(account, name, by, false)?;
                self.freed.insert(name, identifiers, Instant::now());
                return Ok(());
            }
            Holder::Guest(_) => self.rename_guest(name.folded())?,
            Holder::Absent => {}
        }
        self.freed.insert(name, identifiers, Instant::now());
        self.room.forget_name(name);
        self.note_action(by, "free_name", Some(name.shared_display()), None);
        Ok(())
    }

    fn rename_guest(&mut self, folded: &str) -> Result<(), Refusal> {
        let (spare, now_ms) = (self.spare_name(|nameless| &nameless.guest)?, self.log.now_ms());
        self.room.rename(folded, &spare, now_ms);
        self.rename_clients(folded, &spare);
        Ok(())
    }

    /// What somebody is called who loses their name.
    fn spare_name(&mut self, of: fn(&Nameless) -> &String) -> Result<Name, Reason> {
        let (now_ms, moderation) = (self.log.now_ms(), &self.moderation);
        let is_held = |name: &Name| {
            moderation.is_name_muted(name.folded())
                || moderation.is_name_out(name.folded())
                || moderation.is_look_out(name)
        };
        self.room.spare_name(of(&self.config.nameless), now_ms, is_held).ok_or(Reason::NoSpareName)
    }

    /// Everybody who speaks under this name is told the new one.
    fn rename_clients(&mut self, folded: &str, to: &Name) {
        let theirs = self
            .clients
            .which(|client| client.identity.as_ref().is_some_and(|identity| *identity.folded == *folded));
        for id in theirs {
            if let Some(identity) = self.clients.get(id).and_then(|client| client.identity.as_mut()) {
                (identity.folded, identity.display) = (to.shared_folded(), to.shared_display());
            }
            self.send_joined(id);
        }
    }

    fn take_name(
        &mut self,
        account: AccountId,
        name: &Name,
        by: Option<ClientId>,
        is_own: bool,
    ) -> Result<(), Refusal> {
        let (spare, now_ms) = (self.spare_name(|nameless| &nameless.member)?, self.log.now_ms());
        self.takings += 1;
        let number = u64::MAX - self.takings; // who signs up counts from 0
        self.room.hold_name(&spare, None, number, now_ms)?;
        let wish = TakeName { account, name: name.clone(), spare: spare.clone(), number, by, is_own };
        self.config.jobs.try_send(Job::TakeName(wish)).map_err(|_| {
            self.room.release_name(&spare, number);
            Refusal::from(Reason::HostsBusy).after(1_000)
        })
    }

    /// What became of an account's name.
    pub(super) fn name_taken(&mut self, wish: TakeName, taken: Result<Taken, Refusal>) {
        let TakeName { account, name, spare, number, by, is_own } = wish;
        self.release_name(&spare, number);
        let freed = match taken {
            Ok(Taken::Renamed(from)) => {
                self.account_renamed(account, &from, Some(&spare), true);
                from
            }
            Ok(Taken::Nobodys(from)) => {
                self.account_renamed(account, &from, None, false);
                from
            }
            Ok(Taken::Gone) => {
                self.account_renamed(account, &name, None, false); // another host was quicker
                name.clone()
            }
            Ok(Taken::Hosts) if is_own => return self.tell_host(by, &Reason::NameTakenByHost.into()),
            Ok(Taken::Hosts) => {
                let username = name.display().to_owned();
                return self.tell_host(by, &Reason::ActionOnHost { username }.into());
            }
            Err(refusal) => return self.tell_host(by, &refusal),
        };
        match by.filter(|_| is_own) {
            Some(by) => {
                if let Err(refusal) = self.join(by, Some(name), None, None) {
                    self.tell_host(Some(by), &refusal);
                }
            }
            None => self.note_action(by, "free_name", Some(freed.shared_display()), None),
        }
    }

    /// An account has another name on disk, or none any more: here as well from now on, and on all its connections.
    pub(super) fn account_renamed(
        &mut self,
        account: AccountId,
        from: &Name,
        to: Option<&Name>,
        chooses_name: bool,
    ) {
        let now_ms = self.log.now_ms();
        self.room.rename_account(account, from, to, now_ms);
        let Some(to) = to else { return };
        let is_theirs = |session: &Session| session.is_of(account);
        for id in self.clients.which(|client| client.visitor.session.as_deref().is_some_and(is_theirs)) {
            let session = self.clients.get(id).and_then(|client| client.visitor.session.as_mut());
            let Some(session) = session.map(Arc::make_mut) else { continue };
            if let Some(member) = &mut session.member {
                (member.name, member.chooses_name) = (to.clone(), chooses_name);
            }
        }
        self.rename_clients(from.folded(), to);
    }

    fn tell_host(&mut self, by: Option<ClientId>, refusal: &Refusal) {
        match by {
            Some(by) => self.send_to(by, &ServerEvent::Error(refusal)),
            None => log::warn!("a name was not freed: {}", refusal.message),
        }
    }
}
