//! A turn: what it gathers, and its end, where all of it is stored at once, told once to everybody, and forgotten.

use std::time::Instant;

use bytes::Bytes;

use super::log_writer::{Committed, Pending, not_saved};
use super::{Hub, Registration, Request};
use crate::hub::broadcast::{Broadcast, Logged, StoredChange};
use crate::hub::clients::ClientId;
use crate::limits;
use crate::protocol::signs::Counts;
use crate::protocol::{CloseCode, Message, Position, Reason, Refusal, ServerEvent, encode, frame};
use crate::room::PresenceUpdate;
use crate::store::{Change, NewMessage, Outcome, Reaction};
use crate::sys::failpoint;

/// What the turn under way has gathered.
#[derive(Default)]
pub(super) struct Turn {
    /// When it takes in no more.
    until: Option<Instant>,
    /// The rest of a batch that did not fit the turn before.
    pub(super) rest: Option<(ClientId, std::vec::IntoIter<Request>)>,
    pub(super) registering: Vec<Registration>,
    /// Clients to be closed at its end, each with its close frame.
    pub(super) closing: Vec<(ClientId, Vec<u8>)>,
    /// The server stops with it.
    pub(super) stop: bool,
    /// Frames for everybody; kept for its capacity.
    frames: Vec<u8>,
}

impl Turn {
    pub(super) fn begin(&mut self) {
        self.until = Some(Instant::now() + limits::TURN_TIME);
    }

    /// Whether it has lasted as long as it may.
    pub(super) fn has_lasted(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }
}

/// What has changed and is yet to be told.
#[derive(Default)]
pub(super) struct Due {
    /// What holds for everybody.
    pub(super) room: bool,
    /// What hosts know.
    pub(super) moderation: bool,
    /// Frames are kept that show somebody as what they are no more.
    pub(super) replay_is_stale: bool,
    presence: Option<Instant>,
    typing: Option<Instant>,
    typing_told: Option<Instant>,
    hands: Option<Instant>,
    hands_told: Option<Instant>,
}

impl Due {
    /// When something is to be told, though no command comes.
    pub(super) fn next(&self) -> Option<Instant> {
        // What the end of a turn brought about is told with the next one, which begins at once.
        let at_once = (self.room || self.moderation).then(Instant::now);
        [self.presence, self.typing, self.hands, at_once].into_iter().flatten().min()
    }

    /// Whose hands are up has changed.
    pub(super) fn tell_hands(&mut self, now: Instant) {
        let next = self.hands_told.map_or(now, |told| told + limits::COALESCE);
        self.hands.get_or_insert(next.max(now));
    }
}

impl Hub {
    /// Stores the turn, tells it to everybody, and takes in who came meanwhile.
    pub(super) fn end_turn(&mut self) {
        let now = Instant::now();
        // Blocked clients are tried again before more is added, and have the time of the commit to read.
        self.clients.tick(now);
        self.note_changes();
        self.note_hands(now);
        self.announce(now);
        let broadcast = self.store(now);
        self.clients.fan_out(&broadcast, now);
        for (client, frame) in self.turn.closing.drain(..) {
            self.clients.close_with(client, &frame, now);
        }
        if self.turn.stop {
            self.stop(now);
        }
        self.register_all(now);
        self.start_afresh(now);
        self.clients.tick(Instant::now());
        self.log.overwrite(now);
    }

    /// Passes on what the turn has changed beside the log, and plans when the room is told.
    fn note_changes(&mut self) {
        self.due.moderation |= self.log.percent_has_changed();
        self.log.push_room_changes(self.room.take_changes());
        self.log.push_room_changes(self.moderation.take_changes());
        if self.room.presence_changed() && self.due.presence.is_none() {
            // Waits first: a page that is only reloaded then neither left nor came.
            self.due.presence = Some(Instant::now() + limits::COALESCE);
        }
        if self.room.typing_changed() && self.due.typing.is_none() {
            let now = Instant::now();
            let next = self.due.typing_told.map_or(now, |told| told + limits::COALESCE);
            self.due.typing = Some(next.max(now));
        }
    }

    /// Tells what is due and no part of the log.
    fn announce(&mut self, now: Instant) {
        let mut frames = std::mem::take(&mut self.turn.frames);
        if std::mem::take(&mut self.due.room) {
            encode(&self.room_event(), &mut frames);
        }
        if self.due.hands.take_if(|due| *due <= now).is_some() {
            self.due.hands_told = Some(now);
            self.announce_hands(&mut frames);
        }
        if std::mem::take(&mut self.due.moderation) {
            self.send_moderation();
        }
        if self.due.presence.take_if(|due| *due <= now).is_some() {
            self.announce_presence(&mut frames);
        }
        if self.due.typing.take_if(|due| *due <= now).is_some() {
            self.due.typing_told = Some(now);
            let typing = self.room.take_typing(now);
            let usernames: Vec<&str> = typing.iter().take(limits::TYPING_NAMES).map(AsRef::as_ref).collect();
            let others = typing.len() - usernames.len();
            encode(&ServerEvent::Typing { usernames: &usernames, others }, &mut frames);
        }
        self.turn.frames = frames;
    }

    fn announce_presence(&mut self, frames: &mut Vec<u8>) {
        let Some(update) = self.room.take_presence() else { return };
        let PresenceUpdate { users, joined, left, renamed } = &update;
        let (online, users) = (self.room.online(), users.as_deref());
        encode(&ServerEvent::Presence { online, users, joined, left, renamed }, frames);
    }

    /// One transaction, and one buffer with all that everybody is told.
    fn store(&mut self, now: Instant) -> Broadcast {
        let mut frames = std::mem::take(&mut self.turn.frames);
        let mut broadcast = Broadcast { begin: frames.len(), ..Broadcast::default() };
        match self.log.commit(now) {
            Committed::Nothing => {}
            Committed::Stored(changes, outcomes) => {
                for (pending, outcome) in changes.into_iter().zip(outcomes) {
                    let logged = self.conclude(pending, outcome, broadcast.changes.len() + 1, &mut frames);
                    broadcast.changes.push(StoredChange { at: frames.len(), logged });
                }
            }
            Committed::Unsaved(changes) => self.refuse_unsaved(changes),
        }
        broadcast.frames = Bytes::copy_from_slice(&frames);
        frames.clear();
        self.turn.frames = frames;
        self.replay.extend(&broadcast);
        if std::mem::take(&mut self.due.replay_is_stale) {
            // The log on disk shows them right; who comes back reads it there.
            self.replay.clear();
        }
        if self.log.has_recovered() {
            self.log.push_room_changes(self.room.all());
            self.log.push_room_changes(self.moderation.all());
        }
        broadcast
    }

    /// What became of one change: a frame for everybody, or an answer to who wanted it, after so many changes of the turn.
    fn conclude(&mut self, pending: Pending, outcome: Outcome, place: usize, frames: &mut Vec<u8>) -> Logged {
        let answer = match (&pending.change, outcome) {
            (Change::Message(message), Outcome::Stored { position }) => {
                failpoint::hit("after_commit", &message.text);
                let (bytes, username) = (message.text.len(), &message.username);
                log::debug!("message received: position {position}, {bytes} bytes from {username}");
                encode(&ServerEvent::ReceiveMessage(&wire(message, position)), frames);
                return Logged::Message;
            }
            (&Change::Deletion { message_id, .. }, Outcome::Deleted { position, author }) => {
                encode(&ServerEvent::MessageDeleted { id: position, message_id }, frames);
                if self.pinned.take_if(|pinned| pinned.id == message_id).is_some() {
                    self.due.room = true;
                }
                if let (Some(author), Some(by)) = (author, pending.from) {
                    self.note_action(by, "delete", Some(author), None);
                }
                return Logged::Deletion { message_id };
            }
            (Change::Reaction(Reaction { message_id, sign, on, .. }), Outcome::Reacted(entry)) => {
                if let Some(from) = pending.from {
                    let reacted = ServerEvent::Reacted { message_id: *message_id, reaction: sign, on: *on };
                    self.clients.send_to(from, frame(&reacted), place);
                }
                let Some((id, reactions)) = &entry else { return Logged::Nothing };
                encode(&ServerEvent::Reactions { id: *id, message_id: *message_id, reactions }, frames);
                return Logged::Reactions { message_id: *message_id };
            }
            (_, Outcome::Pinned(pinned)) => {
                self.pin(pinned.map(|pinned| *pinned), pending.from);
                return Logged::Nothing;
            }
            (Change::Clear, Outcome::Cleared { .. }) => {
                self.pinned = None;
                self.broadcast_cleared(place);
                if let Some(by) = pending.from {
                    self.note_action(by, "clear", None, None);
                }
                return Logged::Cleared;
            }
            (_, Outcome::Retry(stored)) => frame(&ServerEvent::ReceiveMessage(&stored)),
            (Change::Message(message) | Change::Refused(message), Outcome::Conflict) => {
                let refusal = Refusal::from(Reason::MessageIdReused).of(message.client_message_id.clone());
                frame(&ServerEvent::Error(&refusal))
            }
            (Change::Message(message), Outcome::Missing) => {
                if let Some(spoken) = pending.spoken {
                    self.moderation.unspeak_at(spoken);
                }
                let refusal = Refusal::from(Reason::MessageNotFound).of(message.client_message_id.clone());
                frame(&ServerEvent::Error(&refusal))
            }
            (Change::Reaction(Reaction { message_id, sign, .. }), Outcome::Missing) => {
                let refusal = Refusal::from(Reason::MessageNotFound).of_reaction(*message_id, sign);
                frame(&ServerEvent::Error(&refusal))
            }
            (_, Outcome::Foreign) => frame(&ServerEvent::Error(&Reason::MessageOfAnother.into())),
            (_, Outcome::Missing) => frame(&ServerEvent::Error(&Reason::MessageNotFound.into())),
            _ => match &pending.refusal {
                Some(refusal) => frame(&ServerEvent::Error(refusal)),
                None => return Logged::Nothing,
            },
        };
        if let Some(from) = pending.from {
            self.clients.send_to(from, answer, place);
        }
        Logged::Nothing
    }

    /// What is on disk now is told with the turn that follows at once.
    fn pin(&mut self, pinned: Option<Message<'static>>, by: Option<ClientId>) {
        let author = pinned.as_ref().map(|pinned| (*pinned.username).into());
        let action = if pinned.is_some() { "pin" } else { "unpin" };
        self.pinned = pinned;
        self.due.room = true;
        self.note_action(by, action, author, None);
    }

    /// Tells the senders of a turn that the disk did not take.
    fn refuse_unsaved(&mut self, changes: Vec<Pending>) {
        let mut since = None;
        for Pending { change, from, spoken, .. } in changes {
            since = since.or(spoken);
            let refusal = match change {
                Change::Message(message) | Change::Refused(message) => not_saved(message.client_message_id),
                Change::Reaction(Reaction { message_id, sign, .. }) => {
                    not_saved(None).of_reaction(message_id, &sign)
                }
                _ => not_saved(None),
            };
            if let Some(from) = from {
                self.clients.send_to(from, frame(&ServerEvent::Error(&refusal)), 0);
            }
        }
        if let Some(since) = since {
            self.moderation.unspeak(since);
        }
    }

    /// After the last turn: everybody is told, once, and whoever comes now sees its registration dropped.
    fn stop(&mut self, now: Instant) {
        self.turn.registering.clear();
        if self.stopping.is_none() {
            self.stopping = Some(now + limits::CLOSE_LINGER);
            self.clients.close_all(CloseCode::Stopping, now);
        }
    }
}

fn wire(message: &NewMessage, id: Position) -> Message<'_> {
    Message {
        id,
        at: message.at_ms,
        username: (&*message.username).into(),
        role: message.role,
        message: (&message.text).into(),
        client_message_id: message.client_message_id.as_deref().map(Into::into),
        reply_to: message.reply_to,
        reactions: Counts::default(),
        deleted: false,
    }
}
