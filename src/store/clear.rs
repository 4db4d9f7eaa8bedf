//! Clearing the log for a new lesson: gone for everybody at once, overwritten on the disk little by little.
//!
//! A log may have a million messages, and overwriting them is a long write; the room must not wait for it. So one row says
//! up to which position everything is gone, reading leaves that out, and the hub overwrites a piece of it at a time. When there is
//! nothing to read in any of them, their rows are removed, but for the newest ([`limits::CLEARED_KEPT`]), and then their place in
//! the file is given back to the disk.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::error::AppendError;
use super::{Store, reactions, sql};
use crate::limits;
use crate::protocol::Position;

/// Everything up to `head` is gone from here on, and the log has another name.
pub(super) fn clear(db: &Connection, head: Position, epoch: &str) -> rusqlite::Result<()> {
    sql::run(db, "UPDATE room SET cleared = ?1, epoch = ?2, pinned = NULL", params![head, epoch])?;
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

    /// Overwrites the texts of at most `most` cleared messages, or removes so many, or gives back some of their place, in one
    /// transaction. Returns whether there is nothing left to do.
    ///
    /// # Errors
    /// Nothing is changed then, and it can be tried again.
    pub fn overwrite(&mut self, most: usize) -> Result<bool, AppendError> {
        let is_over = sql::value(&self.db, "SELECT overwritten = cleared FROM room", [])? == Some(true);
        let mut erases = false;
        if !is_over {
            erases = overwrite(&self.db, most)?;
        } else if has_rows(&self.db, most)? {
            remove(&self.db, most)?;
        } else if has_free_pages(&self.db)? {
            give_back(&self.db, limits::GIVE_BACK_PAGES)?;
        } else {
            return Ok(true);
        }
        // It grows the write-ahead log as turns do, maybe with no turn beside it. What that still holds of the texts goes
        // when the last is done.
        if let Some(checkpointer) = &mut self.checkpointer {
            checkpointer.committed(erases);
        }
        Ok((is_over || erases) && !has_rows(&self.db, most)? && !has_free_pages(&self.db)?)
    }
}

/// The oldest position that keeps its row; 0 for all.
fn oldest_kept(db: &Connection) -> rusqlite::Result<Position> {
    let (rows, bytes) = limits::CLEARED_KEPT;
    let select = "SELECT coalesce(min(position), 0) FROM (
                      SELECT position, sum(octet_length(text)) OVER (ORDER BY position DESC) AS bytes FROM messages
                      WHERE position <= (SELECT cleared FROM room) ORDER BY position DESC LIMIT ?1)
                  WHERE bytes <= ?2";
    Ok(sql::value(db, select, params![rows, bytes])?.unwrap_or_default())
}

/// Whether there are rows of cleared messages that are not kept.
fn has_rows(db: &Connection, most: usize) -> rusqlite::Result<bool> {
    let select = "SELECT coalesce((SELECT min(position) FROM messages) < ?1, 0)
                      OR coalesce((SELECT min(position) FROM deletions) < ?1, 0)
                      OR coalesce((SELECT min(position) FROM replies) < ?1, 0)
                      OR coalesce((SELECT min(position) FROM reaction_counts) < ?1, 0)";
    let has_rows = sql::value(db, select, [oldest_kept(db)?])? == Some(true);
    Ok(has_rows || reactions::removable(db, most)?.is_some())
}

/// Removes the oldest rows. There is nothing to read in them any more: so pages that come free need not be overwritten.
fn remove(db: &Connection, most: usize) -> rusqlite::Result<()> {
    db.pragma_update(None, "secure_delete", "FAST")?;
    let removed = || {
        let transaction = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
        let oldest = oldest_kept(&transaction)?;
        for table in ["messages", "deletions", "replies", "reaction_counts"] {
            let delete = format!(
                "DELETE FROM {table} WHERE position IN (
                     SELECT position FROM {table} WHERE position < ?1 ORDER BY position LIMIT ?2)"
            );
            sql::run(&transaction, &delete, params![oldest, most])?;
        }
        if let Some(end) = reactions::removable(&transaction, most)? {
            sql::run(&transaction, "DELETE FROM reactions WHERE id < ?1", [end])?;
        }
        transaction.commit()
    };
    let removed = removed();
    db.pragma_update(None, "secure_delete", true)?;
    removed
}

/// Whether there are pages to give back.
fn has_free_pages(db: &Connection) -> rusqlite::Result<bool> {
    Ok(sql::number(db, "freelist_count")? > 0 && gives_space_back(db)?)
}

/// Moves pages from the end of the file to free ones; a checkpoint then cuts the end off.
pub(super) fn give_back(db: &Connection, pages: u64) -> rusqlite::Result<()> {
    let mut vacuum = db.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut pages = vacuum.query([])?;
    while pages.next()?.is_some() {}
    Ok(())
}

/// Makes a database without tables one that can give space back.
pub(super) fn let_go_of_space(db: &Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "auto_vacuum", "INCREMENTAL")
}

pub(super) fn gives_space_back(db: &Connection) -> rusqlite::Result<bool> {
    const INCREMENTAL: u64 = 2;
    Ok(sql::number(db, "auto_vacuum")? == INCREMENTAL)
}

/// Makes a database of an earlier version one that can: all of it is written once more. Where the disk has no place for that, the
/// room goes on as before.
pub(super) fn rebuild(db: &Connection, path: &Path) {
    let megabytes = sql::number(db, "page_count").unwrap_or_default() / 256;
    log::info!(
        "{}: written once more ({megabytes} MB), so that it can give space back to the disk. This is done once",
        path.display()
    );
    // In a file, since all of it need not fit into memory.
    let rebuilt = db.execute_batch("PRAGMA temp_store = FILE; PRAGMA auto_vacuum = INCREMENTAL; VACUUM");
    let _ = db.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA wal_checkpoint(TRUNCATE)"); // as good as it goes
    if let Err(error) = rebuilt {
        log::warn!("{}: that was not possible, and is tried at the next start: {error}", path.display());
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
    // The last step is taken with the last reaction: it says that all is done.
    let more = reactions::overwrite_cleared(&transaction, most)?;
    let to = if more && to == cleared { from } else { to };
    sql::run(&transaction, "UPDATE room SET overwritten = ?1", [to])?;
    transaction.commit()?;
    Ok(to == cleared)
}
