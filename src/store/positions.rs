//! The log's positions: where it ends, and where it holds no message. Each is a message's, a deletion's or that of reactions, or was
//! until there were newer reactions to the same message.

use rusqlite::Connection;

use super::{schema, sql, to_sql};
use crate::protocol::Position;

/// The newest position.
pub(crate) fn head(db: &Connection) -> rusqlite::Result<Position> {
    let select = "SELECT max(coalesce((SELECT max(position) FROM messages), 0),
                             coalesce((SELECT max(position) FROM deletions), 0),
                             coalesce((SELECT max(position) FROM reaction_counts), 0))";
    db.prepare_cached(select)?.query_row([], |row| row.get(0))
}

/// The same in a database that an earlier version may have left.
pub(super) fn head_of_any(db: &Connection) -> rusqlite::Result<Position> {
    if schema::marks(db)?.1 == schema::VERSION {
        return head(db);
    }
    let select = "SELECT max(coalesce((SELECT max(position) FROM messages), 0),
                             coalesce((SELECT max(position) FROM deletions), 0))";
    db.query_row(select, [], |row| row.get(0))
}

/// Whether a message lies there that is neither deleted nor cleared.
pub(super) fn is_shown(db: &Connection, position: Position) -> rusqlite::Result<bool> {
    let select = "SELECT 1 FROM messages
                  WHERE position = ?1 AND deleted = 0 AND position > (SELECT cleared FROM room)";
    db.prepare_cached(select)?.exists([to_sql(position)])
}

/// Adds a position to the runs that hold no message, joining the runs on either side of it.
pub(super) fn widen_gaps(db: &Connection, position: Position) -> rusqlite::Result<()> {
    let before =
        "SELECT first FROM (SELECT first, last FROM gaps WHERE first < ?1 ORDER BY first DESC LIMIT 1)
         WHERE last = ?1 - 1";
    let first = sql::value(db, before, [position])?.unwrap_or(position);
    let after = "DELETE FROM gaps WHERE first = ?1 + 1 RETURNING last";
    let last = sql::value(db, after, [position])?.unwrap_or(position);
    let insert = "INSERT INTO gaps (first, last) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET last = ?2";
    sql::run(db, insert, [first, last]).map(drop)
}

/// When the newest message was taken, in ms since 1970; 0 without one.
pub(super) fn newest_at_ms(db: &Connection) -> rusqlite::Result<i64> {
    let select = "SELECT at FROM messages ORDER BY position DESC LIMIT 1";
    Ok(sql::value(db, select, [])?.unwrap_or(0))
}

/// The first position of the run without messages around `position`.
pub(super) fn gap_start(db: &Connection, position: Position) -> rusqlite::Result<Position> {
    let select = "SELECT first FROM gaps WHERE first <= ?1 ORDER BY first DESC LIMIT 1";
    Ok(sql::value(db, select, [position])?.unwrap_or(position))
}

/// Whether one of the `newest` positions is neither a message's nor in a gap: then not all of the log is there.
pub(super) fn has_hole(db: &Connection, newest: Position) -> rusqlite::Result<bool> {
    let to = head(db)?;
    let from = to.saturating_sub(newest);
    let select = "SELECT
        (SELECT count(*) FROM messages WHERE position > max(?1, (SELECT cleared FROM room)) AND deleted = 0)
        + (SELECT coalesce(sum(last - max(first - 1, ?1)), 0) FROM gaps WHERE last > ?1)";
    Ok(sql::value(db, select, [from])? != Some(to - from))
}

/// Every position is a message's or in a gap: so there is one up to `position`, unless one gap covers all of it.
pub(super) fn has_older(db: &Connection, position: Position) -> rusqlite::Result<bool> {
    let select = "SELECT last FROM gaps WHERE first = 1";
    let gap = sql::value(db, select, [])?.unwrap_or(0);
    Ok(gap < position.min(head(db)?))
}
