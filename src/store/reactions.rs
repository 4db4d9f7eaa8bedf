//! Reactions: how many each message has, which is part of the log, and who has made them, which nobody is told but hosts.
//!
//! What a turn does to a message's reactions is one entry of the log, in the place of the last of it. It takes the place of the
//! message's entry before, whose position becomes a gap: who comes back is told how many there are, and not how they came about.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

use super::error::ReadError;
use super::identifier::identifier_to_sql;
use super::positions::{is_shown, widen_gaps};
use super::{Store, sql, to_sql};
use crate::limits;
use crate::protocol::Position;
use crate::protocol::signs::Counts;
use crate::room::kept::Identifier;

/// Somebody reacts to a message, or takes that back.
#[derive(Debug, Clone)]
pub struct Reaction {
    pub message_id: Position,
    pub sign: Arc<str>,
    /// False takes it back.
    pub on: bool,
    /// Who counts once.
    pub person: Identifier,
    /// Their name.
    pub username: Arc<str>,
}

/// Who has reacted with a sign: the hash that knows them again, and their name then.
pub(crate) type Reacted = (String, Vec<(i64, Arc<str>)>);

/// What a turn does to reactions.
#[derive(Default)]
pub(super) struct TurnReactions {
    /// Each message's last change in the turn.
    last: HashMap<Position, usize>,
    /// The counts that have changed so far, and are not in the log yet.
    changed: HashMap<Position, Counts>,
}

impl TurnReactions {
    /// Of a turn, of which each place is a reaction or not.
    pub(super) fn of<'a>(turn: impl Iterator<Item = Option<&'a Reaction>>) -> TurnReactions {
        let reactions = turn.enumerate().filter_map(|(place, reaction)| Some((reaction?.message_id, place)));
        TurnReactions { last: reactions.collect(), changed: HashMap::new() }
    }

    /// The reaction at this place of the turn, to a message that is there. Returns the entry of the log, which takes the position
    /// `next`, if this is the place for it.
    pub(super) fn react(
        &mut self,
        db: &Connection,
        place: usize,
        reaction: &Reaction,
        next: Position,
    ) -> rusqlite::Result<Option<(Position, Counts)>> {
        let message_id = reaction.message_id;
        if change(db, reaction)? {
            let counts = match self.changed.entry(message_id) {
                Entry::Occupied(counts) => counts.into_mut(),
                Entry::Vacant(place) => place.insert(counts_of(db, message_id)?),
            };
            counts.count(&reaction.sign, reaction.on);
        }
        if self.last.get(&message_id) != Some(&place) {
            return Ok(None);
        }
        let Some(counts) = self.changed.remove(&message_id) else { return Ok(None) };
        let keep = "INSERT INTO reaction_counts (position, message_id, counts) VALUES (?1, ?2, ?3)
                    ON CONFLICT (message_id) DO UPDATE SET position = excluded.position, counts = excluded.counts";
        sql::run(db, keep, params![next, message_id, counts.to_string()])?;
        widen_gaps(db, next)?;
        Ok(Some((next, counts)))
    }

    /// A message is deleted: its reactions go with it, from the disk too.
    pub(super) fn delete(&mut self, db: &Connection, message_id: Position) -> rusqlite::Result<()> {
        self.changed.remove(&message_id);
        sql::run(db, "DELETE FROM reaction_counts WHERE message_id = ?1", [message_id])?;
        let update = format!("UPDATE reactions SET {GONE} WHERE message_id = ?1 AND who IS NOT NULL");
        sql::run(db, &update, [message_id]).map(drop)
    }

    /// All that was is gone.
    pub(super) fn clear(&mut self) {
        self.changed.clear();
    }
}

/// Overwrites a row where it lies: the name with as many blanks as it has bytes.
const GONE: &str = "who = NULL, username = printf('%*s', octet_length(username), '')";

/// Whether it was otherwise before.
fn change(db: &Connection, reaction: &Reaction) -> rusqlite::Result<bool> {
    let Reaction { message_id, sign, on, person, username } = reaction;
    let who = who(*message_id, person);
    let changed = if *on {
        let insert = "INSERT INTO reactions (message_id, sign, who, username) VALUES (?1, ?2, ?3, ?4)
                      ON CONFLICT (message_id, sign, who) WHERE who IS NOT NULL DO NOTHING";
        sql::run(db, insert, params![message_id, sign, who, username])?
    } else {
        let update = format!("UPDATE reactions SET {GONE} WHERE message_id = ?1 AND sign = ?2 AND who = ?3");
        sql::run(db, &update, params![message_id, sign, who])?
    };
    Ok(changed == 1)
}

/// Knows a person again who has reacted to a message, and says nothing of them to who does not know them.
pub(crate) fn who(message_id: Position, person: &Identifier) -> i64 {
    let hash = Sha256::new().chain_update(message_id.to_be_bytes()).chain_update(identifier_to_sql(person));
    hash.finalize().first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes))
}

/// What a message has.
pub(super) fn counts_of(db: &Connection, message_id: Position) -> rusqlite::Result<Counts> {
    let select = "SELECT counts FROM reaction_counts WHERE message_id = ?1";
    let found =
        sql::first(db, select, [to_sql(message_id)], |row| Ok(Counts::read(row.get_ref(0)?.as_str()?)));
    Ok(found?.unwrap_or_default())
}

impl Store {
    /// What a message has; nothing if it is not there.
    pub(crate) fn counts_of(&self, message_id: Position) -> Result<Counts, ReadError> {
        Ok(counts_of(&self.db, message_id)?)
    }

    /// Who has reacted to a message, those who came first, at most [`limits::REACTORS`] with each sign; none if it is not there.
    pub(crate) fn reacted(&self, message_id: Position) -> Result<Option<Vec<Reacted>>, ReadError> {
        if !is_shown(&self.db, message_id)? {
            return Ok(None);
        }
        let select = "SELECT who, username FROM reactions WHERE id IN (
                          SELECT id FROM reactions WHERE message_id = ?1 AND sign = ?2 AND who IS NOT NULL
                          ORDER BY id LIMIT ?3)
                      ORDER BY id";
        let counts = counts_of(&self.db, message_id)?;
        let signs = counts.signs().map(|sign| {
            let params = params![to_sql(message_id), sign, limits::REACTORS];
            let who = sql::all(&self.db, select, params, |row| row.try_into())?;
            Ok((sign.to_owned(), who))
        });
        Ok(Some(signs.collect::<rusqlite::Result<_>>()?))
    }
}

/// Overwrites at most `most` reactions to messages that were cleared; whether there may be more.
pub(super) fn overwrite_cleared(db: &Connection, most: usize) -> rusqlite::Result<bool> {
    let update = format!(
        "UPDATE reactions SET {GONE} WHERE id IN (
             SELECT id FROM reactions
             WHERE who IS NOT NULL AND message_id <= (SELECT cleared FROM room) ORDER BY message_id LIMIT ?1)"
    );
    Ok(sql::run(db, &update, [most])? == most)
}

/// The end of the oldest `most` rows, if all of them and [`limits::CLEARED_REACTIONS_KEPT`] more are of messages that were cleared:
/// after a clearing come none to those of before.
pub(super) fn removable(db: &Connection, most: usize) -> rusqlite::Result<Option<i64>> {
    let select = "SELECT first.id + ?1 FROM (SELECT id FROM reactions ORDER BY id LIMIT 1) AS first
                  WHERE (SELECT message_id FROM reactions WHERE id >= first.id + ?1 + ?2 ORDER BY id LIMIT 1)
                        <= (SELECT cleared FROM room)";
    sql::value(db, select, params![most, limits::CLEARED_REACTIONS_KEPT])
}
