//! Reactions: who may react, and who is told who has.

use std::collections::HashMap;
use std::sync::Arc;

use super::Hub;
use crate::hub::clients::ClientId;
use crate::protocol::{Position, Reactors, Reason, Refusal, ServerEvent, no_sign};
use crate::store::{Reacted, Reaction, ReadError, who};

impl Hub {
    /// Sets or takes back one's own reaction. While only hosts write, too: it is the answer to what they ask.
    pub(super) fn react(
        &mut self,
        id: ClientId,
        message_id: Position,
        reaction: &str,
        on: bool,
    ) -> Result<(), Refusal> {
        let Some(client) = self.clients.get(id) else { return Ok(()) };
        let Some(identity) = &client.identity else { return Err(Reason::SendWithoutName.into()) };
        if client.is_muted {
            return Err(Reason::Muted.into());
        }
        let (person, username) = (client.person(), identity.display.clone());
        let sign = match self.config.signs.find(reaction) {
            Some(sign) => sign,
            // One that the room has dropped can still be taken back.
            None if !on && self.has_sign(message_id, reaction) => reaction.into(),
            None => return Err(no_sign(reaction)),
        };
        if on {
            self.log.check_space()?;
        }
        self.log.push_reaction(Reaction { message_id, sign, on, person, username }, id)
    }

    fn has_sign(&self, message_id: Position, sign: &str) -> bool {
        let counts = self.log.store().counts_of(message_id);
        counts.is_ok_and(|counts| counts.signs().any(|own| own == sign))
    }

    /// Tells a host who has reacted to a message, by the names that they have now; who is not here, by the one of then.
    pub(super) fn tell_reactors(&mut self, by: ClientId, message_id: Position) -> Result<(), Refusal> {
        if !self.is_host(by) {
            return Err(Reason::NotHost.into());
        }
        let reacted = self.log.store().reacted(message_id).map_err(|error| not_read(&error))?;
        let reacted = reacted.ok_or(Reason::MessageNotFound)?;
        let mut names = HashMap::new();
        for id in self.clients.which(|client| client.identity.is_some()) {
            if let Some(client) = self.clients.get(id)
                && let Some(identity) = &client.identity
            {
                names.insert(who(message_id, &client.person()), identity.display.clone());
            }
        }
        let now = |(who, then): (i64, Arc<str>)| names.get(&who).cloned().unwrap_or(then);
        let named = |(sign, people): Reacted| (sign, people.into_iter().map(now).collect());
        let reactors = Reactors(reacted.into_iter().map(named).collect());
        self.send_to(by, &ServerEvent::Reactors { message_id, reactors: &reactors });
        Ok(())
    }
}

fn not_read(error: &ReadError) -> Refusal {
    log::warn!("who has reacted could not be looked up: {error}");
    Refusal::from(Reason::HostsBusy).after(1_000)
}
