//! What the hub is told of accounts, once it is on disk: who signs up, and whose sessions have ended.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::Sender;

use super::{Hub, Job};
use crate::accounts::email::Email;
use crate::accounts::token::TokenHash;
use crate::accounts::{HostGeneration, Member, Session};
use crate::hub::client::Identity;
use crate::hub::visitor::Visitor;
use crate::protocol::AccountId;
use crate::protocol::names::Name;
use crate::protocol::{CloseCode, KeyHash, Reason, Refusal, encode_close};
use crate::room::Owner;
use crate::room::kept::Identifier;
use crate::room::newcomers::New;

/// A name that is to become an account's: held for this claim, if it may.
pub struct HoldName {
    pub name: Name,
    /// Whose it may be already.
    pub guest_key: Option<KeyHash>,
    pub visitor: Visitor,
    /// The account that is to be called so; none where it is yet to be made.
    pub account: Option<AccountId>,
    /// Tells this claim from all others.
    pub number: u64,
    /// Takes one answer: nothing, or why not.
    pub answer: Sender<Result<(), Refusal>>,
}

/// An account's owner has chosen another name, after a host has taken the one it had.
pub struct ChosenName {
    pub account: AccountId,
    /// Until now.
    pub from: Name,
    pub name: Name,
    /// The claim by which it was held.
    pub number: u64,
}

/// Sessions that have ended.
pub enum EndedSessions {
    /// These.
    These(Vec<TokenHash>),
    /// All of an account's, but one.
    Others(AccountId, TokenHash),
    /// All of an account's.
    All(AccountId),
    /// Those of hosts whose socket is of an earlier generation.
    HostsBefore(HostGeneration),
}

impl Hub {
    pub(super) fn hold_name(&mut self, claim: HoldName) {
        let HoldName { name, guest_key, visitor, account, number, answer } = claim;
        let now_ms = self.log.now_ms();
        let owner = Owner::Guest(guest_key);
        let mut identifiers = visitor.identifiers();
        identifiers.extend(guest_key.map(Identifier::Guest));
        let is_theirs = self.room.is_theirs(&name, owner, now_ms);
        let new = [account.is_none().then_some(New::Account), (!is_theirs).then_some(New::Name)];
        let new: Vec<New> = new.into_iter().flatten().collect();
        // A member is in already, and is only called otherwise.
        let is_in = account.is_some();
        let is_out = !visitor.is_host() && self.moderation.is_removed(&identifiers);
        let claimed = self
            .check_name(&name, owner, &identifiers, now_ms)
            .and_then(|()| if is_out { Err(Reason::Removed.into()) } else { Ok(()) })
            .and_then(|()| if is_in { Ok(()) } else { self.check_door(&name, owner, now_ms) })
            .and_then(|()| self.check_rename(None, &identifiers, &name, owner, now_ms))
            .and_then(|()| self.check_new(&new, visitor.address))
            .and_then(|()| self.room.hold_name(&name, guest_key, number, now_ms));
        if claimed.is_ok() {
            self.count_new(&new, visitor.address);
        }
        let _ = answer.send(claimed); // who is gone unclaims it
    }

    /// A guest who is here has an account now. They stay, on every connection, and are told what they are.
    pub(super) fn account_created(&mut self, session: &Arc<Session>, browser: Option<KeyHash>) {
        let Some(Member { account, name, .. }) = &session.member else { return };
        if self.room.person(name.folded()).is_none() {
            let speakers = [Identifier::Account(*account), Identifier::Name(name.shared_folded())];
            self.moderation.arrive(speakers, Instant::now());
        }
        // An account is no way out for a guest whom a host has muted or removed.
        let key = self.room.account_created(name, *account, session.role());
        for known in key.map(Identifier::Guest).into_iter().chain(browser.map(Identifier::Browser)) {
            self.moderation.follow(&known, &Identifier::Account(*account));
        }
        let theirs = |identity: &Identity| *identity.folded == *name.folded();
        for id in self.clients.which(|client| client.identity.as_ref().is_some_and(theirs)) {
            let Some(client) = self.clients.get(id) else { continue };
            client.visitor.session = Some(session.clone());
            if let Some(identity) = &mut client.identity {
                identity.role = session.role();
                identity.display = name.shared_display();
            }
            self.send_joined(id);
        }
    }

    /// Somebody forgot their password. Somebody removed gets no line into the hosts' panel by it, nor letters for others.
    pub(super) fn forgot(&mut self, email: Email, visitor: &Visitor) {
        if !self.is_out(visitor) && self.config.jobs.try_send(Job::Forgot(email)).is_err() {
            log::warn!("too many people forget their passwords at once: one of them was not heard");
        }
    }

    pub(super) fn name_chosen(&mut self, chosen: &ChosenName) {
        let ChosenName { account, from, name, number } = chosen;
        self.release_name(name, *number);
        self.account_renamed(*account, from, Some(name), false);
    }

    pub(super) fn end_sessions(&mut self, ended: &EndedSessions) {
        let has_ended = |session: &Session| match ended {
            EndedSessions::These(sessions) => sessions.contains(&session.token),
            EndedSessions::Others(account, but) => session.is_of(*account) && session.token != *but,
            EndedSessions::All(account) => session.is_of(*account),
            EndedSessions::HostsBefore(generation) => session.host.is_some_and(|own| own < *generation),
        };
        for id in self.clients.which(|client| client.visitor.session.as_deref().is_some_and(has_ended)) {
            self.depart(id, encode_close(CloseCode::SessionEnded));
        }
    }

    /// What they said is a guest's from now on: on disk it is, and what is kept in memory is dropped with this turn.
    pub(super) fn forget_account(&mut self, account: AccountId) {
        self.end_sessions(&EndedSessions::All(account));
        self.due.replay_is_stale = true;
        if self.pinned.is_some()
            && let Ok(pinned) = self.log.store().pinned()
        {
            self.pinned = pinned;
            self.due.room = true;
        }
    }
}
