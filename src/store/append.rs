//! Writing a turn: all of it in one transaction, or nothing.

use std::hash::RandomState;
use std::sync::Arc;

use hashlink::LruCache;
use rusqlite::{CachedStatement, Connection, params};

use super::checkpoint::Checkpointer;
use super::error::AppendError;
use super::reactions::{Reaction, TurnReactions};
use super::read::{COLUMNS, message_at, message_from_row};
use super::speakers::{self, Speaker};
use super::{Store, clear, kept, new_epoch, positions, sql, to_sql};
use crate::protocol::signs::Counts;
use crate::protocol::{KeyHash, Message, Position, Role};
use crate::room::kept::RoomChange;

/// One change of what the store holds.
#[derive(Debug, Clone)]
pub enum Change {
    /// Takes a position, unless it is a retry.
    Message(NewMessage),
    /// A message is taken back: a position of its own.
    Deletion {
        message_id: Position,
        /// Milliseconds since 1970 UTC.
        at_ms: i64,
        /// The tab that wants it.
        tab: KeyHash,
        /// Whether it may be another tab's message.
        any: bool,
    },
    /// Takes a position with all others of its message in the turn, if any of them changes anything.
    Reaction(Reaction),
    /// This message, or none, is pinned. Takes no position.
    Pin(Option<Position>),
    /// No part of the log.
    Room(RoomChange),
    /// Everything that was said before goes, and the log gets another name. Takes no position.
    Clear,
    /// A message that its sender may not send now, unless it is a retry: then it is answered as one. Never stored.
    Refused(NewMessage),
}

/// A message on its way to the log.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// When the server took it, in ms since 1970 UTC.
    pub at_ms: i64,
    pub username: Arc<str>,
    pub role: Role,
    pub text: String,
    /// SHA-256 of the `tab_key`: the scope of `client_message_id`.
    pub tab: KeyHash,
    pub speaker: Speaker,
    /// The sender's own id of it. Without one, a retry can't be told from a new message.
    pub client_message_id: Option<String>,
    /// The message that it answers, if that is there.
    pub reply_to: Option<Position>,
}

/// The outcome of one [`Change`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Stored {
        position: Position,
    },
    /// The message was in the log already: this one, which may have been deleted since. Nothing was stored.
    Retry(Message<'static>),
    /// The same tab has used this `client_message_id` for another text. Nothing was stored.
    Conflict,
    /// The message is gone; the deletion has this position.
    Deleted {
        /// The deletion's own position.
        position: Position,
        /// Its author, if that was another tab.
        author: Option<Arc<str>>,
    },
    /// It is so now; and the position and the counts of its message, in the place of the last of the turn.
    Reacted(Option<(Position, Counts)>),
    /// What is pinned now, since it was something else before.
    Pinned(Option<Box<Message<'static>>>),
    /// The message to delete, to answer, to react to or to pin never was, or is deleted. Nothing was stored.
    Missing,
    /// The message to delete is another tab's. Nothing was stored.
    Foreign,
    /// Everything up to a position is gone, and the log has another name.
    Cleared {
        through: Position,
        epoch: String,
    },
    /// Done; it is no part of the log.
    Done,
    /// No retry: it stays refused.
    Refused,
}

/// `tabs.id` of those who sent lately, and who spoke in them last.
pub(super) type TabIds = LruCache<KeyHash, (i64, Speaker), RandomState>;

// The conflict target matters: a position that is taken must be an error, never a silent retry.
const INSERT_MESSAGE: &str =
    "INSERT INTO messages (position, at, role, deleted, tab, username, client_message_id, text)
    VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6, ?7)
    ON CONFLICT (client_message_id, tab) WHERE client_message_id IS NOT NULL DO NOTHING";

impl Store {
    /// Stores a turn: its changes in their order, each position the next one, in one transaction that is on the disk
    /// when this returns. The outcomes are in the turn's order.
    ///
    /// # Errors
    /// Nothing of the turn is stored then, [`Store::head`] is as it was, and a later turn works when the disk does.
    pub fn append<'a>(
        &mut self,
        turn: impl IntoIterator<Item = &'a Change, IntoIter: Clone>,
    ) -> Result<Vec<Outcome>, AppendError> {
        if self.checkpointer.as_ref().is_some_and(Checkpointer::is_lost) {
            return Err(AppendError::Failed("the database is not in its place".to_owned()));
        }
        match write(&self.db, &mut self.tabs, self.head, turn.into_iter()) {
            Ok((outcomes, head)) => {
                self.head = head;
                let mut deleted = false;
                for outcome in &outcomes {
                    if let Outcome::Cleared { through, epoch } = outcome {
                        self.cleared = *through;
                        self.epoch.clone_from(epoch);
                    }
                    deleted |= matches!(outcome, Outcome::Deleted { .. });
                }
                if let Some(checkpointer) = &mut self.checkpointer {
                    checkpointer.committed(deleted);
                }
                Ok(outcomes)
            }
            Err(error) => {
                // SQLite has rolled back by itself after some errors. If this fails too, `BEGIN` will say so.
                if !self.db.is_autocommit() {
                    let _ = self.db.execute_batch("ROLLBACK");
                }
                // It may hold rows that were rolled back.
                self.tabs.clear();
                Err(error.into())
            }
        }
    }

    /// Whether a tab's message with this id is in the log.
    pub fn is_stored(&self, tab: &KeyHash, client_message_id: &str) -> Result<bool, AppendError> {
        let select = "SELECT 1 FROM messages WHERE client_message_id = ?1 AND tab = (SELECT id FROM tabs WHERE key = ?2)";
        Ok(self.db.prepare_cached(select)?.exists(params![client_message_id, tab])?)
    }
}

/// The whole transaction. Returns the outcomes and the new head.
fn write<'a>(
    db: &Connection,
    tabs: &mut TabIds,
    head: Position,
    turn: impl Iterator<Item = &'a Change> + Clone,
) -> rusqlite::Result<(Vec<Outcome>, Position)> {
    // The write lock is taken first: a transaction that begins with reading can be refused it at its end.
    sql::run(db, "BEGIN IMMEDIATE", [])?;
    let reactions = TurnReactions::of(turn.clone().map(|change| match change {
        Change::Reaction(reaction) => Some(reaction),
        _ => None,
    }));
    let insert = db.prepare_cached(INSERT_MESSAGE)?;
    let mut writer = Turn { db, tabs, insert, reactions, head };
    let applied = turn.enumerate().map(|(place, change)| writer.apply(place, change));
    let outcomes = applied.collect::<Result<_, _>>()?;
    let head = writer.head;
    sql::run(db, "COMMIT", [])?;
    Ok((outcomes, head))
}

/// A turn inside its transaction.
struct Turn<'a> {
    db: &'a Connection,
    tabs: &'a mut TabIds,
    insert: CachedStatement<'a>,
    reactions: TurnReactions,
    head: Position,
}

impl Turn<'_> {
    fn apply(&mut self, place: usize, change: &Change) -> rusqlite::Result<Outcome> {
        match change {
            Change::Message(message) => self.message(message),
            Change::Deletion { message_id, at_ms, tab, any } => self.delete(*message_id, *at_ms, tab, *any),
            Change::Reaction(reaction) => {
                if !positions::is_shown(self.db, reaction.message_id)? {
                    return Ok(Outcome::Missing);
                }
                let entry = self.reactions.react(self.db, place, reaction, self.head + 1)?;
                self.head = entry.as_ref().map_or(self.head, |(position, _)| *position);
                Ok(Outcome::Reacted(entry))
            }
            Change::Pin(pinned) => self.pin(*pinned),
            Change::Room(change) => kept::store(self.db, change).map(|()| Outcome::Done),
            Change::Clear => {
                let epoch =
                    new_epoch().map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
                clear::clear(self.db, self.head, &epoch)?;
                self.reactions.clear();
                Ok(Outcome::Cleared { through: self.head, epoch })
            }
            Change::Refused(message) => self.retry_of(message).map(|retry| retry.unwrap_or(Outcome::Refused)),
        }
    }

    fn message(&mut self, message: &NewMessage) -> rusqlite::Result<Outcome> {
        if let Some(answered) = message.reply_to
            && !positions::is_shown(self.db, answered)?
        {
            return Ok(self.retry_of(message)?.unwrap_or(Outcome::Missing));
        }
        let id = message.client_message_id.as_deref();
        let (tab, speaker) = self.tab(&message.tab)?;
        let position = self.head + 1;
        let inserted = self.insert.execute(params![
            position,
            message.at_ms,
            message.role as i64,
            tab,
            message.username,
            id,
            message.text
        ])?;
        if inserted == 1 {
            self.head = position;
            if let Some(answered) = message.reply_to {
                let insert = "INSERT INTO replies (position, reply_to) VALUES (?1, ?2)";
                sql::run(self.db, insert, [position, answered])?;
            }
            if speaker != message.speaker {
                speakers::note(self.db, tab, position, &message.speaker)?;
                self.tabs.insert(message.tab, (tab, message.speaker));
            }
            return Ok(Outcome::Stored { position });
        }
        self.retry_of(message)?.ok_or(rusqlite::Error::QueryReturnedNoRows)
    }

    /// The outcome of a message whose id its tab has used already; none if it has not.
    fn retry_of(&self, message: &NewMessage) -> rusqlite::Result<Option<Outcome>> {
        let select = format!(
            "SELECT {COLUMNS} FROM messages
             WHERE client_message_id = ?1 AND tab = (SELECT id FROM tabs WHERE key = ?2)"
        );
        let params = params![message.client_message_id, message.tab];
        let stored = sql::first(self.db, &select, params, message_from_row)?;
        // The text of a deleted message is gone, so there is nothing to compare: its id says that it is the one.
        Ok(stored.map(|stored| match stored.deleted || stored.message == message.text {
            true => Outcome::Retry(stored),
            false => Outcome::Conflict,
        }))
    }

    fn pin(&self, message_id: Option<Position>) -> rusqlite::Result<Outcome> {
        let message = message_id.map(|id| message_at(self.db, id)).transpose()?.flatten();
        if message_id.is_some() && message.is_none() {
            return Ok(Outcome::Missing);
        }
        let update = "UPDATE room SET pinned = ?1 WHERE pinned IS NOT ?1";
        let changed = sql::run(self.db, update, [message.as_ref().map(|message| message.id)])? == 1;
        Ok(if changed { Outcome::Pinned(message.map(Box::new)) } else { Outcome::Done })
    }

    fn tab(&mut self, key: &KeyHash) -> rusqlite::Result<(i64, Speaker)> {
        if let Some(known) = self.tabs.get(key) {
            return Ok(*known);
        }
        let id = match sql::value(self.db, "SELECT id FROM tabs WHERE key = ?1", [key])? {
            Some(id) => id,
            None => self.db.prepare_cached("INSERT INTO tabs (key) VALUES (?1)")?.insert([key])?,
        };
        let known = (id, speakers::speaker_at(self.db, id, Position::MAX)?);
        self.tabs.insert(*key, known);
        Ok(known)
    }

    fn delete(
        &mut self,
        message_id: Position,
        at_ms: i64,
        tab: &KeyHash,
        any: bool,
    ) -> rusqlite::Result<Outcome> {
        let select =
            "SELECT octet_length(text), (SELECT key FROM tabs WHERE id = tab), username FROM messages
                      WHERE position = ?1 AND deleted = 0 AND position > (SELECT cleared FROM room)";
        let found: Option<(usize, Option<KeyHash>, Arc<str>)> =
            sql::first(self.db, select, [to_sql(message_id)], |row| row.try_into())?;
        let Some((size, sender, username)) = found else { return Ok(Outcome::Missing) };
        let is_own = sender.as_ref() == Some(tab);
        if !is_own && !any {
            return Ok(Outcome::Foreign);
        }
        // As many bytes as before: then SQLite overwrites the row where it lies.
        let blank = " ".repeat(size);
        let update = "UPDATE messages SET deleted = 1, text = ?2 WHERE position = ?1";
        sql::run(self.db, update, params![message_id, blank])?;
        let position = self.head + 1;
        let insert = "INSERT INTO deletions (position, message_id, at) VALUES (?1, ?2, ?3)";
        sql::run(self.db, insert, params![position, message_id, at_ms])?;
        positions::widen_gaps(self.db, message_id)?;
        positions::widen_gaps(self.db, position)?;
        self.reactions.delete(self.db, message_id)?;
        sql::run(self.db, "UPDATE room SET pinned = NULL WHERE pinned = ?1", [message_id])?;
        self.head = position;
        Ok(Outcome::Deleted { position, author: (!is_own).then_some(username) })
    }
}
