//! Who comes with a name that nobody had, or takes another one: how many of an address may, and who may not.

use std::net::IpAddr;
use std::time::Instant;

use super::Hub;
use crate::hub::client::{Client, Identity};
use crate::protocol::names::Name;
use crate::protocol::{Reason, Refusal, Role};
use crate::room::Owner;
use crate::room::kept::Identifier;
use crate::room::newcomers::New;

impl Hub {
    /// Whether the door is open to who wants this name.
    pub(super) fn check_door(&self, name: &Name, owner: Owner, now_ms: i64) -> Result<(), Refusal> {
        match self.moderation.settings().door_closed && !self.room.is_theirs(name, owner, now_ms) {
            true => Err(Reason::DoorClosed.into()),
            false => Ok(()),
        }
    }

    /// Whether the name is open to who is known by these: not somebody's who was removed, nor what they have just lost.
    pub(super) fn check_name(
        &self,
        name: &Name,
        owner: Owner,
        identifiers: &[Identifier],
        now_ms: i64,
    ) -> Result<(), Refusal> {
        let is_twin_out = || {
            owner.role() == Role::Guest
                && self.moderation.is_look_out(name)
                && !self.room.is_theirs(name, owner, now_ms)
        };
        if owner.role() != Role::Host && (self.moderation.is_name_out(name.folded()) || is_twin_out()) {
            return Err(self.room.taken(name, Reason::NameRemoved, now_ms));
        }
        if owner.role() == Role::Guest && self.freed.is_lost_by(name, identifiers, Instant::now()) {
            return Err(self.room.taken(name, Reason::NameFreed, now_ms));
        }
        Ok(())
    }

    /// Guests who may not write say nothing by a name either: the one that they have, they keep, on whichever connection. All
    /// do where hosts have fixed the names.
    pub(super) fn check_rename(
        &self,
        current: Option<&Identity>,
        identifiers: &[Identifier],
        name: &Name,
        owner: Owner,
        now_ms: i64,
    ) -> Result<(), Refusal> {
        let keeps = match current {
            Some(identity) => *identity.display == *name.display(),
            None => self.room.is_theirs(name, owner, now_ms) || self.moderation.is_name_muted(name.folded()),
        };
        let folded = current.map_or(name.folded(), |identity| &identity.folded);
        if keeps || !matches!(owner, Owner::Guest(_)) {
            Ok(())
        } else if let Some(username) = self.moderation.muted_as(folded, identifiers) {
            Err(Reason::NameKeptWhileMuted { username: username.to_string() }.into())
        } else {
            let settings = self.moderation.settings();
            let reason = match (settings.locked, settings.names_fixed) {
                (true, _) => Reason::NameKeptWhileLocked,
                (false, true) => Reason::NamesFixed,
                (false, false) => return Ok(()),
            };
            let is_known = current.is_some() || self.is_known(owner, identifiers, now_ms);
            if is_known { Err(reason.into()) } else { Ok(()) }
        }
    }

    /// Whether somebody has a name already, here or kept, by their key or by their browser.
    fn is_known(&self, owner: Owner, identifiers: &[Identifier], now_ms: i64) -> bool {
        let browser = identifiers.iter().find_map(|one| match one {
            Identifier::Browser(browser) => Some(*browser),
            _ => None,
        });
        let is_here = |client: &Client| {
            client.visitor.browser == browser && client.identity.is_some() && !client.is_host()
        };
        self.room.knows(owner, now_ms)
            || browser.is_some_and(|browser| {
                self.room.knows_browser(browser, now_ms) || !self.clients.which(is_here).is_empty()
            })
    }

    /// Whether an address may bring these; always where there is no pace.
    pub(super) fn check_new(&self, new: &[New], address: IpAddr) -> Result<(), Refusal> {
        let now = Instant::now();
        let check = |new: &New| self.newcomers.check(*new, address, now);
        if self.config.is_paced { new.iter().try_for_each(check) } else { Ok(()) }
    }

    /// It has brought them.
    pub(super) fn count_new(&mut self, new: &[New], address: IpAddr) {
        let now = Instant::now();
        new.iter().for_each(|new| self.newcomers.count(*new, address, now));
    }
}
