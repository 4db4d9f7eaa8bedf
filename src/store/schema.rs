//! The tables, and how a connection to them is set up.

use rusqlite::{Connection, TransactionBehavior, params};

use super::refold;

/// Marks the file as this program's (`application_id`): "chat" in ASCII.
pub(super) const APPLICATION_ID: u32 = 0x6368_6174;

/// Each step takes the schema from the version of its index to the next. A step that has been released is never
/// edited: what it made lies on other people's disks.
const MIGRATIONS: [&str; 10] = [
    include_str!("schema_1.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
    include_str!("schema_6.sql"),
    include_str!("schema_7.sql"),
    include_str!("schema_8.sql"),
    include_str!("schema_9.sql"),
    include_str!("schema_10.sql"),
];

/// The schema this program writes (`user_version`).
pub(super) const VERSION: u32 = MIGRATIONS.len() as u32;

/// The settings of every connection that writes. `FULL` syncs the write-ahead log with each commit; macOS needs its own
/// call for a real sync; deleted rows are overwritten, not only unlinked; nothing is sorted in files.
pub(super) fn set_up_writing(db: &Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "fullfsync", true)?;
    db.pragma_update(None, "checkpoint_fullfsync", true)?;
    db.pragma_update(None, "secure_delete", true)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.pragma_update(None, "trusted_schema", false)?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// (`application_id`, `user_version`) as SQLite sees them, write-ahead log included.
pub(super) fn marks(db: &Connection) -> rusqlite::Result<(u32, u32)> {
    let application_id: i32 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: i32 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok((application_id.cast_unsigned(), version.cast_unsigned()))
}

/// Whether nothing was ever created in the database.
pub(super) fn is_blank(db: &Connection) -> rusqlite::Result<bool> {
    db.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))
}

/// Brings the schema to [`VERSION`] in one transaction, and makes the room with its epoch and its first mark
/// if there is none.
pub(super) fn migrate(db: &mut Connection, new_epoch: &str, mark: Option<&[u8]>) -> rusqlite::Result<()> {
    let (_, version) = marks(db)?;
    if version == VERSION {
        return Ok(());
    }
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (before, step) in MIGRATIONS.iter().enumerate().skip(version as usize) {
        transaction.execute_batch(step)?;
        if before + 1 == refold::SCHEMA {
            refold::refold(&transaction)?;
        }
    }
    transaction.execute(
        "INSERT OR IGNORE INTO room (id, epoch, mark) VALUES (1, ?1, ?2)",
        params![new_epoch, mark],
    )?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}
