//! Clearing the log for a new lesson: gone for everybody at once, overwritten on the disk little by little.
//!
//! A log may have a million messages, and overwriting them is a long write; the room must not wait for it. So one row says
//! up to which position everything is gone, reading leaves that out, and the hub overwrites a piece of it at a time. Rows
//! stay, as with deletions, so that a retry of a cleared message is known as one.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::error::AppendError;
use super::{Store, sql};
use crate::protocol::Position;

/// Everything up to `head` is gone from here on, and the log has another name.
pub(super) fn clear(db: &Connection, head: Position, epoch: &str) -> rusqlite::Result<()> {
    sql::run(db, "UPDATE room SET cleared = ?1, epoch = ?2", params![head, epoch])?;
    // One run without messages takes the place of all the others.
    sql::run(db, "DELETE FROM gaps", [])?;
    if head > 0 {
        sql::run(db, "INSERT INTO gaps (first, last) VALUES (1, ?1)", [head])?;
    }
    Ok(())
}

/// The position up to which everything was cleared; 0 if nothing was.
pub(super) fn cleared(db: &Connection) -> rusqlite::Result<Position> {
    db.prepare_cached("SELECT cleared FROM room")?.query_row([], |row| row.get(0))
}

impl Store {
    /// The position up to which everything was cleared; 0 if nothing was.
    pub fn cleared(&self) -> Position {
        self.cleared
    }

    /// Overwrites the texts of at most `most` cleared messages, in one transaction. Returns whether none are left.
    ///
    /// # Errors
    /// Nothing is changed then, and it can be tried again.
    pub fn overwrite(&mut self, most: usize) -> Result<bool, AppendError> {
        if sql::value(&self.db, "SELECT overwritten = cleared FROM room", [])? == Some(true) {
            return Ok(true);
        }
        let done = overwrite(&self.db, most)?;
        // It grows the write-ahead log as turns do, maybe with no turn beside it. What that still holds of the texts goes
        // when the last is done.
        if let Some(checkpointer) = &mut self.checkpointer {
            checkpointer.committed(done);
        }
        Ok(done)
    }
}

fn overwrite(db: &Connection, most: usize) -> rusqlite::Result<bool> {
    // The write lock is taken first: a transaction that begins with reading can be refused it.
    let transaction = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    let (from, cleared): (Position, Position) = transaction
        .prepare_cached("SELECT overwritten, cleared FROM room")?
        .query_row([], |row| row.try_into())?;
    let to = cleared.min(from.saturating_add(most as Position));
    // As many bytes as before: then SQLite overwrites each row where it lies.
    let update = "UPDATE messages SET deleted = 1, text = printf('%*s', octet_length(text), '')
                  WHERE position > ?1 AND position <= ?2 AND deleted = 0";
    sql::run(&transaction, update, [from, to])?;
    sql::run(&transaction, "UPDATE room SET overwritten = ?1", [to])?;
    transaction.commit()?;
    Ok(to == cleared)
}
