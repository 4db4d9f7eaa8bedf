//! Registering: from here on the hub writes to a client.

use std::time::Instant;

use bytes::Bytes;

use super::{Answer, Hub, Registration, Resume};
use crate::accounts::Login;
use crate::clients::Turn;
use crate::limits;
use crate::protocol::{KeyHash, Person, Position, ServerEvent, Session, WIRE_LIMITS, encode};

impl Hub {
    /// Everybody who came during the turn, now that it is told: they see the room as it is behind it.
    pub(super) fn register_all(&mut self, now: Instant) {
        if self.registering.is_empty() {
            return;
        }
        let mut state = Vec::new();
        encode(&self.room_event(), &mut state);
        let (online, listed) = self.room.told();
        encode(&presence(online, listed.as_deref()), &mut state);
        for registration in std::mem::take(&mut self.registering) {
            self.register(registration, &state, now);
        }
        self.clients.fan_out(&Turn::default(), now);
    }

    fn room_event(&self) -> ServerEvent<'_> {
        ServerEvent::Room {
            title: &self.config.title,
            locked: false,
            door_closed: false,
            slow_mode_seconds: 0,
            members_only: self.config.members_only,
        }
    }

    /// Answers at once: live if what is missing is little, else what is missing or where to find it.
    fn register(&mut self, registration: Registration, state: &[u8], now: Instant) {
        let Registration { link, resume, login, answer } = registration;
        let head = self.kept.head();
        let (after, reset) = match resume {
            Resume::Continue(position) => (Some(position), None),
            Resume::After(position, epoch) if epoch == self.log.epoch() && position <= head => {
                (Some(position), Some(false))
            }
            Resume::After(..) => (self.kept.start_of_newest(limits::FRESH_MESSAGES), Some(true)),
            Resume::Fresh => (self.kept.start_of_newest(limits::FRESH_MESSAGES), Some(false)),
        };
        let missing = after.and_then(|after| Some((after, self.kept.after(after, limits::CATCH_UP_BYTES)?)));
        let Some((after, (frames, reached))) = missing else {
            let _ = answer.send(Answer::Log(after, head, reset.unwrap_or(false)));
            return;
        };
        let mut own = Vec::new();
        if let Some(reset) = reset {
            encode(&welcome(self.log.epoch(), head, reset, after > 0, login.as_deref()), &mut own);
        }
        if reached < head || frames.iter().map(Bytes::len).sum::<usize>() > limits::REGISTER_BYTES {
            let frames = std::iter::once(Bytes::from(own)).chain(frames).collect();
            let _ = answer.send(Answer::Frames(frames, reached));
            return;
        }
        frames.iter().for_each(|frame| own.extend_from_slice(frame));
        own.extend_from_slice(state);
        let nonce = self.config.nonce;
        let id = self.clients.add(link, login, |serial| tab_of_connection(nonce, serial), now);
        self.clients.tell_frames(id, own, 0);
        if answer.send(Answer::Live(id)).is_err() {
            self.clients.remove(id); // its thread is gone
        }
    }
}

/// The first event of a connection.
pub fn welcome<'a>(
    epoch: &'a str,
    head: Position,
    reset: bool,
    more: bool,
    login: Option<&'a Login>,
) -> ServerEvent<'a> {
    let session = login.map(|login| Session { username: login.name.display(), role: login.role });
    ServerEvent::Welcome { epoch, position: head, reset, more, session, limits: WIRE_LIMITS }
}

/// `presence` with everybody, or with their number alone.
pub(super) fn presence(online: usize, users: Option<&[Person]>) -> ServerEvent<'_> {
    ServerEvent::Presence { online, users, joined: &[], left: &[] }
}

/// The scope of message ids for a connection that has told no tab's key: its own, in this run of the server.
fn tab_of_connection(nonce: KeyHash, serial: u64) -> KeyHash {
    let mut tab = nonce;
    tab[..8].copy_from_slice(&serial.to_be_bytes());
    tab
}
