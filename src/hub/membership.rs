//! What the hub is told of accounts, once it is on disk: who signs up, and whose sessions have ended.

use std::sync::Arc;

use crossbeam_channel::Sender;

use super::Hub;
use crate::accounts::token::TokenHash;
use crate::accounts::{AccountId, Login};
use crate::clients::Identity;
use crate::names::Name;
use crate::protocol::{CloseCode, KeyHash, Refusal, ServerEvent, encode_close};

/// May this name become an account's? It is held for this claim if so.
pub struct Claim {
    /// The name.
    pub name: Name,
    /// Whose it may be already.
    pub guest_key: Option<KeyHash>,
    /// Tells this claim from all others.
    pub number: u64,
    /// Takes one answer: nothing, or `name_taken`.
    pub answer: Sender<Result<(), Refusal>>,
}

/// Sessions that have ended.
pub enum Ended {
    /// These.
    Sessions(Vec<TokenHash>),
    /// All of an account's, but one.
    Others(AccountId, TokenHash),
    /// All of an account's.
    All(AccountId),
}

impl Hub {
    pub(super) fn claim(&mut self, claim: Claim) {
        let Claim { name, guest_key, number, answer } = claim;
        let now_ms = self.log.now_ms();
        let _ = answer.send(self.room.claim(&name, guest_key, number, now_ms)); // who is gone unclaims it
    }

    /// A guest who is here has an account now. They stay, on every connection, and are told what they are.
    pub(super) fn enrol(&mut self, login: &Arc<Login>) {
        self.room.enrol(&login.name, login.account, login.role);
        let theirs = |identity: &Identity| *identity.folded == *login.name.folded();
        for id in self.clients.which(|client| client.identity.as_ref().is_some_and(theirs)) {
            let Some(client) = self.clients.get(id) else { continue };
            client.login = Some(login.clone());
            if let Some(identity) = &mut client.identity {
                identity.role = login.role;
                identity.display = login.name.shared_display();
            }
            let username = login.name.display();
            self.tell(id, &ServerEvent::Joined { username, role: login.role, muted: false });
        }
        self.note_changes();
    }

    pub(super) fn end_sessions(&mut self, ended: &Ended) {
        let has_ended = |login: &Login| match ended {
            Ended::Sessions(sessions) => sessions.contains(&login.session),
            Ended::Others(account, but) => login.account == *account && login.session != *but,
            Ended::All(account) => login.account == *account,
        };
        for id in self.clients.which(|client| client.login.as_deref().is_some_and(has_ended)) {
            self.depart(id, encode_close(CloseCode::SessionEnded));
        }
    }

    /// What they said is a guest's from now on: on disk it is, and what is kept in memory is dropped with this turn.
    pub(super) fn forget_account(&mut self, account: AccountId) {
        self.end_sessions(&Ended::All(account));
        self.kept_is_stale = true;
    }
}
