//! Raised hands: who may raise and lower one, and what of them is told.

use std::time::Instant;

use super::Hub;
use crate::hub::clients::ClientId;
use crate::protocol::{Lowered, Reason, Refusal, ServerEvent, encode};

impl Hub {
    /// Also while only hosts write. What somebody muted asks is not told.
    pub(super) fn raise_hand(&mut self, id: ClientId, question: Option<String>) -> Result<(), Refusal> {
        let Some(client) = self.clients.get(id) else { return Ok(()) };
        let folded = client.identity.as_ref().map(|identity| identity.folded.clone());
        let folded = folded.ok_or(Reason::RaiseWithoutName)?;
        if client.is_muted && question.is_some() {
            return Err(Reason::Muted.into());
        }
        Ok(self.room.raise_hand(&folded, question.map(Into::into))?)
    }

    /// One's own, or as a host anybody's.
    pub(super) fn lower_hand(&mut self, id: ClientId, whose: Lowered) -> Result<(), Refusal> {
        let Some(client) = self.clients.get(id) else { return Ok(()) };
        let (is_host, identity) = (client.is_host(), client.identity.clone());
        let own = identity.map(|identity| identity.folded);
        match whose {
            Lowered::Own => {
                self.room.hands.lower(&own.ok_or(Reason::RaiseWithoutName)?);
            }
            Lowered::Named(name) => {
                let name = self.room.as_shown(&name);
                if !is_host && own.as_deref() != Some(name.folded()) {
                    return Err(Reason::NotHost.into());
                }
                if !self.room.hands.lower(name.folded()) {
                    return Err(Reason::HandNotUp { username: name.display().to_owned() }.into());
                }
            }
            Lowered::All if is_host => self.room.hands.lower_all(),
            Lowered::All => return Err(Reason::NotHost.into()),
        }
        Ok(())
    }

    /// Whoever speaks on this connection has been muted or removed.
    pub(super) fn lower_hand_of(&mut self, id: ClientId) {
        let identity = self.clients.get(id).and_then(|client| client.identity.as_ref());
        if let Some(folded) = identity.map(|identity| identity.folded.clone()) {
            self.room.hands.lower(&folded);
        }
    }

    /// Plans when everybody is told.
    pub(super) fn note_hands(&mut self, now: Instant) {
        self.room.hands.note_time(now);
        if self.room.hands.have_changed() {
            self.due.tell_hands(now);
        }
    }

    /// Tells everybody whose hands are up, and hosts what they ask.
    pub(super) fn announce_hands(&mut self, frames: &mut Vec<u8>) {
        self.room.hands.note_told();
        self.encode_hands(frames);
        let questions = self.room.hands.questions();
        if self.moderation.questions != questions {
            self.moderation.questions = questions;
            self.due.moderation = true;
        }
    }

    pub(super) fn encode_hands(&self, frames: &mut Vec<u8>) {
        let (hands, more) = self.room.hands.told();
        encode(&ServerEvent::Hands { hands: &hands, more }, frames);
    }
}
