//! What clients ask for: each request taken in its place in the turn, done or refused.

use std::time::Instant;

use super::{Hub, LogAnswer, Request};
use crate::hub::client::Identity;
use crate::hub::clients::ClientId;
use crate::protocol::names::Name;
use crate::protocol::{ClientEvent, KeyHash, Position, Reason, Refusal, ServerEvent, encode_close};
use crate::room::Owner;
use crate::room::kept::AccountBrowser;
use crate::room::newcomers::New;
use crate::store::{NewMessage, Speaker};
use crate::sys::failpoint;

impl Hub {
    pub(super) fn take_request(&mut self, client: ClientId, request: Request) {
        match request {
            Request::Event(event) => {
                if let Err(refusal) = self.take_event(client, event) {
                    self.send_to(client, &ServerEvent::Error(&refusal));
                }
            }
            Request::Frames(frames) => self.send_frames_to(client, frames),
            Request::Answer(answer) => {
                let LogAnswer { frame, empty, cleared, taken: _, whole } = answer;
                let is_gone = cleared < self.log.cleared() || self.log.is_clearing();
                self.send_frames_to(client, if is_gone { empty } else { frame });
                self.clients.hold_until_written(client, whole);
            }
            Request::Close(code) => self.depart(client, encode_close(code)),
            Request::Goodbye(frame) => self.depart(client, frame),
        }
    }

    fn take_event(&mut self, client: ClientId, event: ClientEvent) -> Result<(), Refusal> {
        match event {
            ClientEvent::SendMessage { message, client_message_id, username, reply_to } => {
                self.say(client, message, client_message_id, username, reply_to)
            }
            ClientEvent::Join { username, guest_key, tab_key } => {
                self.join(client, username, guest_key, tab_key)
            }
            ClientEvent::Typing => {
                self.type_on(client, Instant::now());
                Ok(())
            }
            ClientEvent::DeleteMessage { message_id } => self.delete(client, message_id),
            ClientEvent::React { message_id, reaction, on } => {
                let done = self.react(client, message_id, &reaction, on);
                done.map_err(|refusal| refusal.of_reaction(message_id, &reaction))
            }
            ClientEvent::WhoReacted(message_id) => self.tell_reactors(client, message_id),
            ClientEvent::Moderate(action) => self.moderate(client, action),
            ClientEvent::RaiseHand { question } => self.raise_hand(client, question),
            ClientEvent::LowerHand(whose) => self.lower_hand(client, whose),
            // Answered on the client's own thread.
            ClientEvent::RequestHistory { .. }
            | ClientEvent::RequestMessages(_)
            | ClientEvent::Search { .. } => Ok(()),
        }
    }

    pub(super) fn join(
        &mut self,
        id: ClientId,
        name: Option<Name>,
        guest_key: Option<KeyHash>,
        tab_key: Option<KeyHash>,
    ) -> Result<(), Refusal> {
        let now_ms = self.log.now_ms();
        let Some(client) = self.clients.get(id) else { return Ok(()) };
        client.take_keys(guest_key, tab_key)?;
        let (is_host, address, identifiers) =
            (client.is_host(), client.visitor.address, client.identifiers());
        if !is_host && self.moderation.is_removed(&identifiers) {
            self.moderation.recognise(&identifiers);
            self.depart_removed(id);
            return Ok(());
        }
        let identity = client.identity.clone();
        let current = identity.as_ref().map(|identity| identity.folded.clone());
        let session = client.visitor.session.as_ref();
        let member = session.and_then(|session| Some((session.member.as_ref()?, session.role())));
        let (name, owner) = match (member, name) {
            (Some((member, role)), _) => (member.name.clone(), Owner::Account(member.account, role)),
            (None, Some(name)) if is_host => (name, Owner::Host(client.guest_key)),
            (None, Some(name)) => (name, Owner::Guest(client.guest_key)),
            (None, None) => return Err(Reason::JoinWithoutUsername.into()),
        };
        let is_other = current.as_deref() != Some(name.folded());
        if is_other {
            if is_host && !self.make_way(id, &name, owner)? {
                return Ok(());
            }
            self.check_name(&name, owner, &identifiers, now_ms)?;
            self.check_door(&name, owner, now_ms)?;
            if is_host && self.moderation.is_name_out(name.folded()) {
                self.room.give_up(name.folded()); // somebody sat down under the host's own name, and was removed for it
            }
        }
        self.check_rename(identity.as_ref(), &identifiers, &name, owner, now_ms)?;
        let new: &[New] = match is_other && !self.room.is_theirs(&name, owner, now_ms) {
            true if current.is_some() && matches!(owner, Owner::Guest(Some(_))) => &[New::Correction],
            true => &[New::Name],
            false => &[],
        };
        let is_stranger = current.is_none() && !self.room.knows(owner, now_ms);
        self.check_new(new, address)?;
        let folded = self.room.join(current.as_deref(), &name, owner, address, now_ms)?;
        self.count_new(new, address);
        self.note_browser(id, &folded, owner);
        if let Some(person) = self.room.person(&folded)
            && let Some(client) = self.clients.get(id)
        {
            client.identity = Some(Identity { folded, display: person.username, role: owner.role() });
            client.guest_key.inspect(|key| client.sender.know(*key));
            if is_stranger {
                self.moderation.arrive(client.speakers(), Instant::now());
            }
            self.update_muted(id);
            self.send_joined(id);
            if is_host && current.is_none() {
                self.send_frames_to(id, self.moderation_frame());
            }
        }
        Ok(())
    }

    /// Notes the browser of somebody who has just joined: while they are away, they are known by it too.
    fn note_browser(&mut self, id: ClientId, folded: &str, owner: Owner) {
        let Some(client) = self.clients.get(id) else { return };
        let Some(browser) = client.visitor.browser else { return };
        match owner {
            Owner::Account(account, _) => {
                let (key, at_ms) = (client.guest_key, self.log.now_ms());
                self.room.note_account_browser(AccountBrowser { account, browser, key, at_ms });
            }
            _ => self.room.note_browser(folded, browser),
        }
    }

    /// A message's name is taken before it is said, and it is said under no other.
    fn join_first(&mut self, id: ClientId, username: Option<Name>) -> Result<(), Refusal> {
        self.join(id, username.clone(), None, None)?;
        match self.clients.get(id) {
            Some(client) if !client.is_leaving && !client.speaks_as_before(username.as_ref()) => {
                Err(Refusal::from(Reason::NameBeingFreed).after(1_000))
            }
            _ => Ok(()),
        }
    }

    /// Who the client is in the room, and what it may.
    pub(super) fn send_joined(&mut self, id: ClientId) {
        let Some(client) = self.clients.get(id) else { return };
        let (Some(identity), muted) = (client.identity.clone(), client.is_muted) else { return };
        self.send_to(id, &ServerEvent::Joined { username: &identity.display, role: identity.role, muted });
    }

    /// Who speaks, whether they may, and then it is stored with the turn.
    fn say(
        &mut self,
        id: ClientId,
        text: String,
        client_message_id: Option<String>,
        username: Option<Name>,
        reply_to: Option<Position>,
    ) -> Result<(), Refusal> {
        failpoint::hit("hub", &text);
        let Some(client) = self.clients.get(id) else { return Ok(()) };
        if !client.speaks_as_before(username.as_ref()) {
            let joined = self.join_first(id, username);
            joined.map_err(|refusal| refusal.of(client_message_id.clone()))?;
        }
        let Some(client) = self.clients.get(id).filter(|client| !client.is_leaving) else { return Ok(()) };
        let Some(Identity { display, folded, role }) = client.identity.clone() else {
            return Err(Refusal::from(Reason::SendWithoutName).of(client_message_id));
        };
        let (account, browser) = (client.visitor.account(), client.visitor.browser);
        let speaker = Speaker { account, key: client.guest_key, browser };
        let (tab, at_ms) = (client.tab, self.log.now_ms());
        let username = display;
        let message = NewMessage { at_ms, username, role, text, tab, speaker, client_message_id, reply_to };
        let may_speak = self.log.check_space().and_then(|()| self.may_speak(id, &message));
        let spoken = match may_speak {
            Ok(spoken) => spoken,
            Err(refusal) => {
                let refusal = refusal.of(message.client_message_id.clone());
                return self.log.push_refused(message, refusal, id);
            }
        };
        self.room.stop_typing(&folded);
        self.room.speak(&folded, at_ms);
        self.log.push_message(message, spoken, id)
    }

    /// In slow mode a retry of what is stored does not make the time run once more.
    ///
    /// # Returns
    /// When a pause began with it.
    fn may_speak(&mut self, id: ClientId, message: &NewMessage) -> Result<Option<Instant>, Refusal> {
        let Some(client) = self.clients.get(id).filter(|client| !client.is_host()) else { return Ok(None) };
        let (speakers, is_muted) = (client.speakers(), client.is_muted);
        let is_slow = self.moderation.settings().slow_mode_seconds > 0;
        let id_of = message.client_message_id.as_deref();
        let is_stored = |it| self.log.store().is_stored(&message.tab, it).unwrap_or(false);
        if is_slow && id_of.is_some_and(is_stored) {
            return Ok(None);
        }
        let now = is_slow.then(Instant::now); // few rooms are slow, and it is read for each message
        self.moderation.speak(is_muted, speakers, now)?;
        Ok(now)
    }

    /// One's own message, as the tab knows it that sent it; a host's any.
    fn delete(&mut self, id: ClientId, message_id: Position) -> Result<(), Refusal> {
        let Some(client) = self.clients.get(id) else { return Ok(()) };
        if client.identity.is_none() && !client.is_host() {
            return Err(Reason::DeleteWithoutName.into());
        }
        let (tab, any) = (client.tab, client.is_host());
        self.log.push_deletion(message_id, tab, any, id);
        Ok(())
    }

    /// Nobody who may not write is shown as writing.
    fn type_on(&mut self, id: ClientId, now: Instant) {
        let is_locked = self.moderation.settings().locked;
        let Some(client) = self.clients.get(id) else { return };
        let may_write = client.is_host() || !(is_locked || client.is_muted);
        if let Some(identity) = client.identity.as_ref().filter(|_| may_write) {
            self.room.type_on(&identity.folded, now);
        }
    }
}
