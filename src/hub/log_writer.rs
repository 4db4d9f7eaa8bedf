//! What waits to be stored, and what becomes of it: stored, answered, or refused with `not_saved`.
//!
//! Owned by the hub. The disk may say no in two ways. Somebody else's lock on the file passes: the turn is kept and
//! tried again for [`limits::SAVE_DEADLINE`], while the hub goes on with everything else. A failure (full, broken)
//! is told to the senders at once. Either way nobody is shown what is not on disk, and the next turn tries again.

use std::collections::VecDeque;
use std::time::Instant;

use crate::hub::clients::ClientId;
use crate::hub::fullness::Fullness;
use crate::limits;
use crate::protocol::{KeyHash, Position, Reason, Refusal, encoded_bytes};
use crate::room::kept::RoomChange;
use crate::store::{AppendError, Change, KeptRoom, NewMessage, Outcome, Reaction, Store};
use crate::sys::clock::LogClock;

/// A change on its way to the disk.
pub(crate) struct Pending {
    /// What is to be stored.
    pub change: Change,
    /// The client that waits for an answer.
    pub from: Option<ClientId>,
    /// Why a [`Change::Refused`] is refused, unless it is a retry.
    pub refusal: Option<Refusal>,
    /// When its sender's pause of slow mode began with it.
    pub spoken: Option<Instant>,
    /// Its encoded bytes.
    bytes: usize,
}

/// What became of a turn.
pub(crate) enum Committed {
    /// Nothing waits, or the disk does not take it yet.
    Nothing,
    /// Everything is on disk; the outcomes are in the order of the changes.
    Stored(Vec<Pending>, Vec<Outcome>),
    /// Nothing of this will be stored.
    Unsaved(Vec<Pending>),
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
    waiting: Vec<Pending>,
    waiting_bytes: usize,
    /// Messages that a host deletes, a part with each turn.
    deletions_due: VecDeque<Position>,
    stall: Option<Stall>,
    /// What hosts did while the disk did not take it, at most [`limits::HOST_ACTIONS_SHOWN`], the newest last.
    unrecorded: VecDeque<RoomChange>,
    /// When the next texts of cleared messages are overwritten.
    overwrite_due: Option<Instant>,
    fullness: Fullness,
    /// The operator has been told that the disk does not take messages.
    failing: bool,
    /// The disk works again, and what is not of the log has to be stored once more.
    recovered: bool,
    clock: LogClock,
}

impl LogWriter {
    /// The only writer of this store's log, which may take so many bytes.
    pub(crate) fn new(store: Store, bound: u64) -> LogWriter {
        LogWriter {
            fullness: Fullness::new(&store, bound),
            clock: LogClock::after(store.newest_at_ms()),
            store,
            waiting: Vec::new(),
            waiting_bytes: 0,
            deletions_due: VecDeque::new(),
            stall: None,
            unrecorded: VecDeque::new(),
            // What a crash left undone.
            overwrite_due: Some(Instant::now()),
            failing: false,
            recovered: false,
        }
    }

    /// What the store has kept of the room beside the log; `title` is the operator's.
    ///
    /// # Errors
    /// When the store cannot be written: what expired is removed first.
    pub(crate) fn kept_room(&mut self, title: Option<&str>) -> Result<KeptRoom, AppendError> {
        let now_ms = self.now_ms();
        self.store.kept_room(title, now_ms)
    }

    /// See [`Store::begin`].
    pub(crate) fn begin(&mut self) {
        self.store.begin();
    }

    /// Names the log.
    pub(crate) fn epoch(&self) -> &str {
        self.store.epoch()
    }

    /// The log's time, in milliseconds since 1970.
    pub(crate) fn now_ms(&mut self) -> i64 {
        self.clock.now_ms()
    }

    /// Whether the next message belongs to the next turn.
    pub(crate) fn turn_is_full(&self) -> bool {
        self.stall.is_none()
            && (self.waiting.len() >= limits::TURN_MESSAGES || self.waiting_bytes >= limits::TURN_BYTES)
    }

    /// When [`LogWriter::commit`] has to be called, though nothing new came.
    pub(crate) fn due(&self) -> Option<Instant> {
        if let Some(stall) = self.stall {
            return Some(stall.retry);
        }
        let is_idle = self.waiting.is_empty() && self.deletions_due.is_empty();
        if is_idle { self.overwrite_due } else { Some(Instant::now()) }
    }

    /// The position up to which everything was cleared.
    pub(crate) fn cleared(&self) -> Position {
        self.store.cleared()
    }

    /// Whether this turn clears the log.
    pub(crate) fn is_clearing(&self) -> bool {
        self.waiting.iter().any(|pending| matches!(pending.change, Change::Clear))
    }

    /// Overwrites some texts of messages that were cleared, when that is due.
    pub(crate) fn overwrite(&mut self, now: Instant) {
        if self.stall.is_some() || self.overwrite_due.is_none_or(|due| now < due) {
            return;
        }
        let (most, pause) = limits::OVERWRITE;
        let overwritten = self.store.overwrite(most);
        self.store.settle();
        self.fullness.look(&self.store, now);
        self.overwrite_due = match overwritten {
            Ok(true) => None,
            Ok(false) => Some(Instant::now() + pause),
            Err(error) => {
                log::debug!("cleared messages could not be overwritten, trying on: {error}");
                Some(Instant::now() + limits::SAVE_DEADLINE)
            }
        };
    }

    /// How full the history is, where hosts have to be told.
    pub(crate) fn percent(&self) -> Option<u64> {
        self.fullness.percent()
    }

    /// Whether that has changed since this was last asked.
    pub(crate) fn percent_has_changed(&mut self) -> bool {
        self.fullness.has_changed()
    }

    /// Whether a message or a reaction fits.
    ///
    /// # Errors
    /// `not_saved`, where the history is full.
    pub(crate) fn check_space(&mut self) -> Result<(), Refusal> {
        self.fullness.check(&self.store)
    }

    /// How many changes wait: the place in the turn of what is told now.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// A message of this client's, to be stored with this turn; `spoken` is when a pause of slow mode began with it.
    ///
    /// # Errors
    /// `not_saved`, when the disk has not taken what came before for so long that no more is kept.
    pub(crate) fn push_message(
        &mut self,
        message: NewMessage,
        spoken: Option<Instant>,
        from: ClientId,
    ) -> Result<(), Refusal> {
        if self.is_full() {
            return Err(not_saved(message.client_message_id));
        }
        let bytes = message_bytes(&message);
        let (change, from) = (Change::Message(message), Some(from));
        self.push(Pending { change, from, refusal: None, spoken, bytes });
        Ok(())
    }

    /// A message that is refused, unless it is a retry of a stored one: its sender has a right to that one's receipt, which
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
        let bytes = message_bytes(&message);
        let (change, from, refusal) = (Change::Refused(message), Some(from), Some(refusal));
        self.push(Pending { change, from, refusal, spoken: None, bytes });
        Ok(())
    }

    /// A reaction of this client's, to be stored with this turn.
    ///
    /// # Errors
    /// `not_saved`, as of a message.
    pub(crate) fn push_reaction(&mut self, reaction: Reaction, from: ClientId) -> Result<(), Refusal> {
        if self.is_full() {
            return Err(not_saved(None));
        }
        self.push_change(Change::Reaction(reaction), Some(from), limits::REACTION_BYTES);
        Ok(())
    }

    /// A deletion to be stored with this turn: of a message that `tab` has sent, or of `any`.
    pub(crate) fn push_deletion(&mut self, message_id: Position, tab: KeyHash, any: bool, from: ClientId) {
        let at_ms = self.now_ms();
        let change = Change::Deletion { message_id, at_ms, tab, any };
        self.push_change(change, Some(from), limits::DELETION_BYTES);
    }

    /// Deletions of all these, to be stored a part with each turn; nobody waits for an answer.
    pub(crate) fn delete_all(&mut self, messages: Vec<Position>) {
        self.deletions_due.extend(messages);
    }

    /// The part of this turn.
    pub(crate) fn push_due_deletions(&mut self) {
        let left = limits::DELETE_RECENT_TURN.saturating_sub(self.waiting.len());
        let part = self.deletions_due.len().min(left);
        let at_ms = self.now_ms();
        for message_id in self.deletions_due.drain(..part).collect::<Vec<_>>() {
            let change = Change::Deletion { message_id, at_ms, tab: KeyHash::default(), any: true };
            self.push_change(change, None, limits::DELETION_BYTES);
        }
    }

    /// Everything that was said goes with this turn, and the log gets another name.
    pub(crate) fn push_clear(&mut self, from: ClientId) {
        self.push_change(Change::Clear, Some(from), 0);
    }

    /// This message, or none, is pinned with this turn.
    pub(crate) fn push_pin(&mut self, pinned: Option<Position>, from: ClientId) {
        self.push_change(Change::Pin(pinned), Some(from), 0);
    }

    /// What has changed of the room beside the log, to be stored with this turn.
    pub(crate) fn push_room_changes(&mut self, changes: impl IntoIterator<Item = RoomChange>) {
        changes.into_iter().for_each(|change| self.push_change(Change::Room(change), None, 0));
    }

    fn push_change(&mut self, change: Change, from: Option<ClientId>, bytes: usize) {
        self.push(Pending { change, from, refusal: None, spoken: None, bytes });
    }

    fn push(&mut self, pending: Pending) {
        self.waiting_bytes += pending.bytes;
        self.waiting.push(pending);
    }

    /// Whether the disk has not taken what came before for so long that no more is kept.
    fn is_full(&self) -> bool {
        self.waiting.len() >= limits::WAITING_MESSAGES || self.waiting_bytes >= limits::WAITING_BYTES
    }

    /// To look up a row in, which takes microseconds.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Whether the disk has come to work again since this was last asked.
    pub(crate) fn has_recovered(&mut self) -> bool {
        std::mem::take(&mut self.recovered)
    }

    /// Stores what waits, at most a turn of it.
    pub(crate) fn commit(&mut self, now: Instant) -> Committed {
        if self.waiting.is_empty() || self.stall.is_some_and(|stall| now < stall.retry) {
            return Committed::Nothing;
        }
        let count = self.turn_length();
        match self.store.append(self.waiting[..count].iter().map(|pending| &pending.change)) {
            Ok(outcomes) => {
                self.stall = None;
                if std::mem::take(&mut self.failing) {
                    log::info!("messages are saved again");
                    self.recovered = true;
                }
                let pause = self.store.settle();
                if !pause.is_zero() {
                    log::debug!("the room paused for {pause:?}, for the disk to catch up");
                }
                let later = self.waiting.split_off(count);
                let stored = std::mem::replace(&mut self.waiting, later);
                let bytes = stored.iter().map(|pending| pending.bytes).sum::<usize>();
                self.waiting_bytes -= bytes;
                self.fullness.stored(bytes as u64);
                self.fullness.look(&self.store, now);
                if stored.iter().any(|pending| matches!(pending.change, Change::Clear)) {
                    self.overwrite_due = Some(Instant::now() + limits::OVERWRITE.1);
                }
                let unrecorded = std::mem::take(&mut self.unrecorded);
                self.push_room_changes(unrecorded);
                Committed::Stored(stored, outcomes)
            }
            Err(AppendError::Busy) => {
                let since = self.stall.map_or(now, |stall| stall.since);
                if now.duration_since(since) < limits::SAVE_DEADLINE {
                    self.stall = Some(Stall { since, retry: now + limits::SAVE_RETRY });
                    return Committed::Nothing;
                }
                self.give_up("the database is locked by another program")
            }
            Err(AppendError::Failed(reason)) => self.give_up(&reason),
        }
    }

    /// How many changes make the next turn: all of them, unless a stall let more gather.
    fn turn_length(&self) -> usize {
        let mut bytes = 0;
        let fits = |pending: &&Pending| {
            let fits = bytes < limits::TURN_BYTES;
            bytes += pending.bytes;
            fits
        };
        self.waiting.iter().take(limits::TURN_MESSAGES).take_while(fits).count()
    }

    /// Nothing that waits will be stored; the operator hears of it once. What hosts did is recorded when the disk works
    /// again, and what else is not of the log is then stored as it is.
    fn give_up(&mut self, reason: &str) -> Committed {
        if !std::mem::replace(&mut self.failing, true) {
            log::error!("messages cannot be saved and are refused until they can: {reason}");
        }
        self.stall = None;
        self.waiting_bytes = 0;
        self.deletions_due.clear();
        let mut unsaved = std::mem::take(&mut self.waiting);
        for pending in &mut unsaved {
            if let Change::Room(change @ RoomChange::Action(_)) = &pending.change {
                if self.unrecorded.len() == limits::HOST_ACTIONS_SHOWN {
                    self.unrecorded.pop_front();
                }
                self.unrecorded.push_back(change.clone());
            }
        }
        Committed::Unsaved(unsaved)
    }
}

fn message_bytes(message: &NewMessage) -> usize {
    let id = message.client_message_id.as_deref();
    encoded_bytes(&message.text, &message.username, id, message.reply_to.is_some())
}

/// What a sender is told whose message the disk did not take.
pub(crate) fn not_saved(client_message_id: Option<String>) -> Refusal {
    let again = limits::SAVE_DEADLINE.as_millis() as u64;
    Refusal::from(Reason::MessageNotSaved).of(client_message_id).after(again)
}
