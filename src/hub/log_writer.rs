//! What waits to be stored, and what becomes of it: stored, answered, or refused with `not_saved`.
//!
//! Owned by the hub. The disk may say no in two ways. Somebody else's lock on the file passes: the turn is kept and
//! tried again for [`limits::SAVE_DEADLINE`], while the hub goes on with everything else. A failure (full, broken)
//! is told to the senders at once. Either way nobody is shown what is not on disk, and the next turn tries anew.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use crate::hub::clients::ClientId;
use crate::limits;
use crate::protocol::{ErrorCode, KeyHash, Message, Position, Refusal, ServerEvent, encode, encoded_bytes};
use crate::room::moderation::HostChange;
use crate::room::reservations::{Reservation, ReservationChange};
use crate::store::{AppendError, Change, HostsRoom, NewMessage, Outcome, Store};
use crate::sys::clock::wall_clock_ms;
use crate::sys::failpoint;

/// What a deletion takes in a turn, encoded.
const DELETION_BYTES: usize = 96;

/// What one turn came to.
#[derive(Default)]
pub(crate) struct Saved {
    /// The disk works again after changes were dropped: what is not of the log has to be stored anew.
    pub recovered: bool,
    /// What each change was to the log.
    pub logged: Vec<Logged>,
    /// Where the frame of each change ends in the turn's buffer, in order; no further where it has none.
    pub ends: Vec<usize>,
    /// Frames for single clients, each behind so many changes: the stored message to who sent it again, a refusal to
    /// who is out of luck.
    pub answers: Vec<(ClientId, Vec<u8>, usize)>,
    /// What hosts have done to the log.
    pub host_deeds: Vec<HostDeed>,
    /// When the first of the messages was taken that are refused because the disk did not take them, in ms since 1970.
    pub unsaved_since: Option<i64>,
}

/// What a change was to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Logged {
    /// No part of it.
    Nothing,
    /// A message took the next position.
    Message,
    /// A deletion took the next position.
    Deletion {
        /// The message that is gone.
        message_id: Position,
    },
    /// All before it is gone.
    Cleared,
}

/// What a host has done to the log, once it is on disk.
#[derive(Debug)]
pub(crate) enum HostDeed {
    /// Deleted what somebody else had said.
    Deleted {
        /// The host.
        by: ClientId,
        /// Who had said it.
        author: Arc<str>,
    },
    /// Cleared the log.
    Cleared {
        /// The host.
        by: ClientId,
    },
}

/// The disk did not take the turn yet.
#[derive(Clone, Copy)]
struct Stall {
    since: Instant,
    retry: Instant,
}

/// The hub's way to the store.
pub(crate) struct LogWriter {
    store: Store,
    waiting: Vec<Change>,
    /// For each of them: who waits for the answer, and its encoded bytes.
    origins: Vec<(Option<ClientId>, usize)>,
    /// Why each [`Change::Refused`] among them is refused, in order.
    refusals: VecDeque<Refusal>,
    waiting_bytes: usize,
    stall: Option<Stall>,
    /// What hosts did while the disk did not take it, at most [`limits::HOST_ACTIONS_SHOWN`], the newest last.
    unrecorded: VecDeque<HostChange>,
    /// When the next texts of cleared messages are overwritten.
    overwrite_due: Option<Instant>,
    /// The operator has been told that the disk does not take messages.
    failing: bool,
    last_ms: i64,
}

impl LogWriter {
    /// The only writer of this store's log.
    pub(crate) fn new(store: Store) -> LogWriter {
        LogWriter {
            store,
            waiting: Vec::new(),
            origins: Vec::new(),
            refusals: VecDeque::new(),
            waiting_bytes: 0,
            stall: None,
            unrecorded: VecDeque::new(),
            // What a crash left undone.
            overwrite_due: Some(Instant::now()),
            failing: false,
            last_ms: 0,
        }
    }

    /// Names that the store has kept for their owners.
    ///
    /// # Errors
    /// When the store cannot be written: what expired is removed first.
    pub(crate) fn reservations(&mut self) -> Result<Vec<Reservation>, AppendError> {
        let now_ms = self.now_ms();
        self.store.reservations(now_ms)
    }

    /// What hosts have decided so far; `title` is the operator's.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(crate) fn hosts_room(&mut self, title: Option<&str>) -> Result<HostsRoom, AppendError> {
        self.store.hosts_room(title)
    }

    /// Names the log.
    pub(crate) fn epoch(&self) -> &str {
        self.store.epoch()
    }

    /// Milliseconds since 1970. Never goes back, whatever the machine's clock does.
    pub(crate) fn now_ms(&mut self) -> i64 {
        self.last_ms = self.last_ms.max(wall_clock_ms());
        self.last_ms
    }

    /// Whether the next message belongs to the next turn.
    pub(crate) fn turn_is_full(&self) -> bool {
        self.stall.is_none()
            && (self.waiting.len() >= limits::TURN_MESSAGES || self.waiting_bytes >= limits::TURN_BYTES)
    }

    /// When [`LogWriter::save`] has to be called, though nothing new came.
    pub(crate) fn due(&self) -> Option<Instant> {
        if let Some(stall) = self.stall {
            return Some(stall.retry);
        }
        if self.waiting.is_empty() { self.overwrite_due } else { Some(Instant::now()) }
    }

    /// The position up to which everything was cleared.
    pub(crate) fn cleared(&self) -> Position {
        self.store.cleared()
    }

    /// Whether this turn clears the log.
    pub(crate) fn is_clearing(&self) -> bool {
        self.waiting.iter().any(|change| matches!(change, Change::Clear))
    }

    /// Everything that was said goes with this turn, and the log gets another name.
    pub(crate) fn push_clear(&mut self, from: ClientId) {
        self.waiting.push(Change::Clear);
        self.origins.push((Some(from), 0));
    }

    /// Overwrites some texts of messages that were cleared, when that is due.
    pub(crate) fn overwrite(&mut self, now: Instant) {
        if self.stall.is_some() || self.overwrite_due.is_none_or(|due| now < due) {
            return;
        }
        let (most, pause) = limits::OVERWRITE;
        let overwritten = self.store.overwrite(most);
        self.store.settle();
        self.overwrite_due = match overwritten {
            Ok(true) => None,
            Ok(false) => Some(Instant::now() + pause),
            Err(error) => {
                log::debug!("cleared messages could not be overwritten, trying on: {error}");
                Some(Instant::now() + limits::SAVE_DEADLINE)
            }
        };
    }

    /// How many changes wait: the place in the turn of what is told now.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// A message to be stored with this turn.
    ///
    /// # Errors
    /// `not_saved`, when the disk has not taken what came before for so long that no more is kept.
    pub(crate) fn push(&mut self, message: NewMessage, from: ClientId) -> Result<(), Refusal> {
        if self.is_full() {
            return Err(not_saved(message.client_message_id));
        }
        let bytes = encoded_bytes(&message.text, &message.username, message.client_message_id.as_deref());
        self.waiting_bytes += bytes;
        self.waiting.push(Change::Message(message));
        self.origins.push((Some(from), bytes));
        Ok(())
    }

    /// A message that is refused, unless it is a retry of a stored one: the sender has a right to that one's receipt. That
    /// can be told only at its place in the turn.
    ///
    /// # Errors
    /// The refusal, where a message without an id can be no retry, or nothing more is kept.
    pub(crate) fn push_refused(
        &mut self,
        message: NewMessage,
        refusal: Refusal,
        from: ClientId,
    ) -> Result<(), Refusal> {
        if message.client_message_id.is_none() || self.is_full() {
            return Err(refusal);
        }
        let bytes = encoded_bytes(&message.text, &message.username, message.client_message_id.as_deref());
        self.waiting_bytes += bytes;
        self.waiting.push(Change::Refused(message));
        self.origins.push((Some(from), bytes));
        self.refusals.push_back(refusal);
        Ok(())
    }

    /// Whether the disk has not taken what came before for so long that no more is kept.
    fn is_full(&self) -> bool {
        self.waiting.len() >= limits::WAITING_MESSAGES || self.waiting_bytes >= limits::WAITING_BYTES
    }

    /// A deletion to be stored with this turn: of a message that `tab` has sent, or of `any`.
    pub(crate) fn push_deletion(&mut self, message_id: Position, tab: KeyHash, any: bool, from: ClientId) {
        let at_ms = self.now_ms();
        self.waiting.push(Change::Deletion { message_id, at_ms, tab, any });
        self.origins.push((Some(from), DELETION_BYTES));
        self.waiting_bytes += DELETION_BYTES;
    }

    /// Names that are kept for their owners, to be stored with this turn.
    pub(crate) fn push_reservations(&mut self, changes: Vec<ReservationChange>) {
        for change in changes {
            self.waiting.push(Change::Reservation(change));
            self.origins.push((None, 0));
        }
    }

    /// What hosts have decided and done, to be stored with this turn.
    pub(crate) fn push_host_changes(&mut self, changes: Vec<HostChange>) {
        for change in changes {
            self.waiting.push(Change::Host(change));
            self.origins.push((None, 0));
        }
    }

    /// Whether a tab's message with this id is stored. The disk's failing counts as no.
    pub(crate) fn is_stored(&self, tab: &KeyHash, client_message_id: &str) -> bool {
        self.store.is_stored(tab, client_message_id).unwrap_or(false)
    }

    /// Stores what waits, at most a turn of it, and appends its frames to `shared`.
    pub(crate) fn save(&mut self, shared: &mut Vec<u8>, now: Instant) -> Saved {
        if self.waiting.is_empty() || self.stall.is_some_and(|stall| now < stall.retry) {
            return Saved::default();
        }
        let count = self.turn_length();
        match self.store.append(&self.waiting[..count]) {
            Ok(outcomes) => {
                self.stall = None;
                let recovered = std::mem::take(&mut self.failing);
                if recovered {
                    log::info!("messages are saved again");
                }
                self.store.settle();
                let saved = Saved { recovered, ..self.conclude(outcomes, shared) };
                let unrecorded = std::mem::take(&mut self.unrecorded);
                self.push_host_changes(unrecorded.into());
                saved
            }
            Err(AppendError::Busy) => {
                let since = self.stall.map_or(now, |stall| stall.since);
                if now.duration_since(since) < limits::SAVE_DEADLINE {
                    self.stall = Some(Stall { since, retry: now + limits::SAVE_RETRY });
                    return Saved::default();
                }
                self.refuse_all("the database is locked by another program")
            }
            Err(AppendError::Failed(reason)) => self.refuse_all(&reason),
        }
    }

    /// How many changes make the next turn: all of them, unless a stall let more gather.
    fn turn_length(&self) -> usize {
        let mut bytes = 0;
        let fits = |(_, size): &&(Option<ClientId>, usize)| {
            let fits = bytes < limits::TURN_BYTES;
            bytes += size;
            fits
        };
        self.origins.iter().take(limits::TURN_MESSAGES).take_while(fits).count()
    }

    /// Encodes what was stored, and answers what was not.
    fn conclude(&mut self, outcomes: Vec<Outcome>, shared: &mut Vec<u8>) -> Saved {
        let mut saved = Saved::default();
        let changes = self.waiting.drain(..outcomes.len()).zip(self.origins.drain(..outcomes.len()));
        for ((change, (from, bytes)), outcome) in changes.zip(outcomes) {
            self.waiting_bytes -= bytes;
            let (logged, answer) = match &change {
                Change::Message(message) => conclude_message(message, outcome, shared),
                Change::Deletion { message_id, .. } => {
                    if let (Outcome::Deleted { author: Some(author), .. }, Some(by)) = (&outcome, from) {
                        saved.host_deeds.push(HostDeed::Deleted { by, author: author.clone() });
                    }
                    conclude_deletion(*message_id, outcome, shared)
                }
                Change::Refused(message) => {
                    let refusal = self.refusals.pop_front().filter(|_| outcome == Outcome::Refused);
                    match refusal {
                        Some(refusal) => (Logged::Nothing, Some(frame(&ServerEvent::Error(&refusal)))),
                        None => conclude_message(message, outcome, shared),
                    }
                }
                Change::Clear => {
                    self.overwrite_due = Some(Instant::now() + limits::OVERWRITE.1);
                    saved.host_deeds.extend(from.map(|by| HostDeed::Cleared { by }));
                    (Logged::Cleared, None)
                }
                Change::Reservation(_) | Change::Host(_) => (Logged::Nothing, None),
            };
            saved.logged.push(logged);
            saved.ends.push(shared.len());
            if let (Some(answer), Some(from)) = (answer, from) {
                saved.answers.push((from, answer, saved.ends.len()));
            }
        }
        saved
    }

    /// Nothing that waits will be stored: its senders are told, and the operator once.
    fn refuse_all(&mut self, reason: &str) -> Saved {
        if !std::mem::replace(&mut self.failing, true) {
            log::error!("messages cannot be saved and are refused until they can: {reason}");
        }
        self.stall = None;
        self.waiting_bytes = 0;
        self.refusals.clear();
        let mut saved = Saved::default();
        for (change, (from, _)) in self.waiting.drain(..).zip(self.origins.drain(..)) {
            let id = match change {
                Change::Message(message) => {
                    saved.unsaved_since.get_or_insert(message.at_ms);
                    message.client_message_id
                }
                Change::Refused(message) => message.client_message_id,
                Change::Deletion { .. } | Change::Clear => None,
                Change::Host(change @ HostChange::Action(_)) => {
                    if self.unrecorded.len() == limits::HOST_ACTIONS_SHOWN {
                        self.unrecorded.pop_front();
                    }
                    self.unrecorded.push_back(change);
                    continue;
                }
                Change::Reservation(_) | Change::Host(_) => continue, // stored anew, once the disk works again
            };
            if let Some(from) = from {
                saved.answers.push((from, frame(&ServerEvent::Error(&not_saved(id))), 0));
            }
        }
        saved
    }
}

/// Appends a stored message to the turn, or makes the answer that its sender alone gets.
fn conclude_message(
    message: &NewMessage,
    outcome: Outcome,
    shared: &mut Vec<u8>,
) -> (Logged, Option<Vec<u8>>) {
    failpoint::hit("after_commit", &message.text);
    match outcome {
        Outcome::Stored { position } => {
            let (bytes, username) = (message.text.len(), &message.username);
            log::debug!("message received: position {position}, {bytes} bytes from {username}");
            encode(&ServerEvent::ReceiveMessage(wire_new(message, position)), shared);
            (Logged::Message, None)
        }
        Outcome::Retry(stored) => (Logged::Nothing, Some(frame(&ServerEvent::ReceiveMessage(stored.wire())))),
        _ => {
            let reason = "This client_message_id was used for another text.";
            let id = message.client_message_id.clone();
            (
                Logged::Nothing,
                Some(frame(&ServerEvent::Error(&Refusal::new(ErrorCode::BadRequest, reason).of(id)))),
            )
        }
    }
}

/// The same for a deletion.
fn conclude_deletion(
    message_id: Position,
    outcome: Outcome,
    shared: &mut Vec<u8>,
) -> (Logged, Option<Vec<u8>>) {
    let refusal = match outcome {
        Outcome::Deleted { position, .. } => {
            encode(&ServerEvent::MessageDeleted { id: position, message_id }, shared);
            return (Logged::Deletion { message_id }, None);
        }
        Outcome::Foreign => Refusal::new(ErrorCode::NotHost, "Only a host deletes what others have said."),
        _ => Refusal::new(ErrorCode::NotFound, "There is no such message, or it is deleted already."),
    };
    (Logged::Nothing, Some(frame(&ServerEvent::Error(&refusal))))
}

fn not_saved(client_message_id: Option<String>) -> Refusal {
    let reason = "This could not be saved, and nobody saw it. Try again.";
    let retry_after_ms = Some(limits::SAVE_DEADLINE.as_millis() as u64);
    Refusal { retry_after_ms, ..Refusal::new(ErrorCode::NotSaved, reason).of(client_message_id) }
}

fn wire_new(message: &NewMessage, id: Position) -> Message<'_> {
    Message {
        id,
        at: message.at_ms,
        username: &message.username,
        role: message.role,
        message: &message.text,
        client_message_id: message.client_message_id.as_deref(),
        deleted: false,
    }
}

fn frame(event: &ServerEvent) -> Vec<u8> {
    let mut out = Vec::new();
    encode(event, &mut out);
    out
}
