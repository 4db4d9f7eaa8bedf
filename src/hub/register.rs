//! Registering: from here on the hub writes to a client.

use std::time::Instant;

use bytes::Bytes;

use super::{Hub, LogPart, Registered, Registration, Resume};
use crate::accounts::Session;
use crate::hub::broadcast::Broadcast;
use crate::hub::visitor::Visitor;
use crate::limits;
use crate::protocol::signs::Signs;
use crate::protocol::{KeyHash, Person, Position, ServerEvent, WIRE_LIMITS, WelcomeSession, encode, frame};

impl Hub {
    /// Everybody who came during the turn, now that it is told: they see the room as it is after it.
    pub(super) fn register_all(&mut self, now: Instant) {
        if self.turn.registering.is_empty() {
            return;
        }
        let state = self.state();
        for registration in std::mem::take(&mut self.turn.registering) {
            self.register(registration, &state, now);
        }
        self.clients.fan_out(&Broadcast::default(), now);
    }

    /// The room as everybody has been told: `room`, a whole `presence` and `hands`.
    fn state(&self) -> Vec<u8> {
        let mut state = frame(&self.room_event());
        let (online, listed) = self.room.told();
        encode(&presence(online, listed.as_deref()), &mut state);
        self.encode_hands(&mut state);
        state
    }

    pub(super) fn room_event(&self) -> ServerEvent<'_> {
        let room = self.moderation.settings();
        ServerEvent::Room {
            title: room.title.as_deref().unwrap_or(&self.config.title),
            locked: room.locked,
            door_closed: room.door_closed,
            slow_mode_seconds: room.slow_mode_seconds,
            names_fixed: room.names_fixed,
            members_only: self.config.members_only,
            pinned: self.pinned.as_ref(),
        }
    }

    /// Whether this is somebody who was removed, as far as that can be told before they join.
    pub(super) fn is_out(&self, visitor: &Visitor) -> bool {
        !visitor.is_host() && self.moderation.is_removed(&visitor.identifiers())
    }

    /// Answers at once: live if what is missing is little, else what is missing or where to find it.
    fn register(&mut self, registration: Registration, state: &[u8], now: Instant) {
        let Registration { socket, resume, visitor, answer } = registration;
        if self.is_out(&visitor) {
            let _ = answer.send(Registered::Removed); // or its thread is gone
            return;
        }
        let head = self.replay.head();
        let (after, reset) = match resume {
            Resume::Continue(position, epoch) if epoch == self.log.epoch() => (Some(position), None),
            Resume::After(position, epoch) if epoch == self.log.epoch() && position <= head => {
                (Some(position), Some(false))
            }
            // Another log; or this one, cleared meanwhile.
            Resume::Continue(..) | Resume::After(..) => {
                (self.replay.start_of_newest(limits::FRESH_MESSAGES), Some(true))
            }
            Resume::Fresh => (self.replay.start_of_newest(limits::FRESH_MESSAGES), Some(false)),
        };
        let missing =
            after.and_then(|after| Some((after, self.replay.after(after, limits::CATCH_UP_BYTES)?)));
        let Some((after, (frames, reached))) = missing else {
            let part = LogPart { after, head, epoch: self.log.epoch().to_owned(), welcome: reset };
            let _ = answer.send(Registered::Log(part));
            return;
        };
        let mut own = Vec::new();
        if let Some(reset) = reset {
            let more = after > self.log.cleared();
            encode(&self.welcome(head, reset, more, visitor.session.as_deref()), &mut own);
        }
        if reached < head || frames.iter().map(Bytes::len).sum::<usize>() > limits::REGISTER_BYTES {
            let frames = std::iter::once(Bytes::from(own)).chain(frames).collect();
            let _ = answer.send(Registered::Frames(frames, reached, self.log.epoch().to_owned()));
            return;
        }
        frames.iter().for_each(|frame| own.extend_from_slice(frame));
        own.extend_from_slice(state);
        if visitor.is_host() {
            own.extend_from_slice(&self.moderation_frame());
        }
        let nonce = self.config.nonce;
        let id = self.clients.add(socket, visitor, |serial| tab_of_connection(nonce, serial), now);
        self.clients.send_to(id, own, 0);
        if answer.send(Registered::Live(id)).is_err() {
            self.clients.remove(id); // its thread is gone
        }
    }
}

impl Hub {
    fn welcome<'a>(
        &'a self,
        head: Position,
        reset: bool,
        more: bool,
        session: Option<&'a Session>,
    ) -> ServerEvent<'a> {
        welcome(self.log.epoch(), head, reset, more, session, &self.config.signs)
    }

    /// The log was cleared after so many of the turn's changes: everybody drops what they show, as if they came now.
    pub(super) fn broadcast_cleared(&mut self, place: usize) {
        let state = self.state();
        for id in self.clients.which(|_| true) {
            let Some(client) = self.clients.get(id) else { continue };
            let session = client.visitor.session.clone();
            let mut frames = Vec::new();
            let head = self.log.cleared();
            encode(&self.welcome(head, true, false, session.as_deref()), &mut frames);
            frames.extend_from_slice(&state);
            self.clients.send_to(id, frames, place);
        }
    }
}

impl Hub {
    /// Clients that have fallen out of the window go on as if they came now, on the same connection: what they missed is in
    /// the history.
    pub(super) fn start_afresh(&mut self, now: Instant) {
        let fallen_out = self.clients.take_fallen_out();
        if fallen_out.is_empty() {
            return;
        }
        let (head, mut common) = (self.replay.head(), Vec::new());
        let after = self.replay.start_of_newest_within(limits::FRESH_MESSAGES, limits::REGISTER_BYTES);
        let more = after > self.log.cleared();
        for newest in
            self.replay.after(after, limits::REGISTER_BYTES).into_iter().flat_map(|(newest, _)| newest)
        {
            common.extend_from_slice(&newest);
        }
        common.extend_from_slice(&self.state());
        let common = Bytes::from(common);
        for id in fallen_out {
            let Some(client) = self.clients.get(id) else { continue };
            let session = client.visitor.session.clone();
            let welcome = frame(&self.welcome(head, true, more, session.as_deref()));
            self.clients.start_afresh(id, [welcome.into(), common.clone()], now);
        }
    }
}

/// The first event of a connection; and of a log that was cleared.
pub(crate) fn welcome<'a>(
    epoch: &'a str,
    head: Position,
    reset: bool,
    more: bool,
    session: Option<&'a Session>,
    signs: &'a Signs,
) -> ServerEvent<'a> {
    let session = session.map(|session| WelcomeSession {
        username: session.member.as_ref().map(|member| member.name.display()),
        role: session.role(),
        choose_name: session.member.as_ref().is_some_and(|member| member.chooses_name),
    });
    ServerEvent::Welcome {
        epoch,
        position: head,
        reset,
        more,
        session,
        limits: WIRE_LIMITS,
        reactions: signs,
    }
}

/// `presence` with everybody, or with their number alone.
pub(super) fn presence(online: usize, users: Option<&[Person]>) -> ServerEvent<'_> {
    ServerEvent::Presence { online, users, joined: &[], left: &[], renamed: &[] }
}

/// The scope of message ids for a connection that has told no tab's key: its own, in this run of the server.
fn tab_of_connection(nonce: KeyHash, serial: u64) -> KeyHash {
    let mut tab = nonce;
    tab[..8].copy_from_slice(&serial.to_be_bytes());
    tab
}
