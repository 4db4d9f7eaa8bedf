//! The step to schema 4: every name that is kept gets the identity by which it is compared from now on.
//!
//! Nobody loses a name. Before, looks and case were one, which made one of more names; but some that were two are one now.
//! Of accounts that meet so, all stay: the first has the identity, the others one that nobody can type. As all steps, it
//! reads the tables as they are at this step, and is never edited.

use std::collections::{BTreeSet, HashSet};

use rusqlite::types::Value;
use rusqlite::{Connection, params};

use super::sql;
use crate::protocol::former_fold::former_fold;
use crate::protocol::names::{APART, Name};

/// The schema that it brings.
pub(super) const SCHEMA: usize = 4;

pub(super) fn refold(db: &Connection) -> rusqlite::Result<()> {
    accounts(db)?;
    guests(db)?;
    held_back(db)?;
    host_names(db)
}

fn folded(display: &str) -> String {
    Name::refolded(display).folded().to_owned()
}

fn accounts(db: &Connection) -> rusqlite::Result<()> {
    // Those who are gone come last: their names are nobody's, but the living are somebody.
    let select = "SELECT id, display, folded FROM users ORDER BY password IS NULL, id";
    let all: Vec<(i64, String, String)> = sql::all(db, select, [], |row| row.try_into())?;
    let mut taken = HashSet::new();
    let mut changed = Vec::new();
    for (id, display, before) in all {
        let mut own = folded(&display);
        if !taken.insert(own.clone()) {
            own = format!("{own}{APART}{id}");
        }
        if own != before {
            changed.push((id, own));
        }
    }
    // In two goes: one's identity can be what another was compared by.
    let update = "UPDATE users SET folded = ?2 WHERE id = ?1";
    for (id, _) in &changed {
        sql::run(db, update, params![id, format!("{APART}{id}")])?;
    }
    for (id, own) in &changed {
        sql::run(db, update, params![id, own])?;
    }
    Ok(())
}

/// Of guests who meet, the name stays with whoever was here last.
fn guests(db: &Connection) -> rusqlite::Result<()> {
    let select = "SELECT display, key, left_at FROM guests ORDER BY left_at IS NULL DESC, left_at DESC";
    let all: Vec<(String, Value, Option<i64>)> = sql::all(db, select, [], |row| row.try_into())?;
    sql::run(db, "DELETE FROM guests", [])?;
    let insert = "INSERT OR IGNORE INTO guests (folded, display, key, left_at) VALUES (?1, ?2, ?3, ?4)";
    for (display, key, left_at) in all {
        sql::run(db, insert, params![folded(&display), display, key, left_at])?;
    }
    Ok(())
}

/// Who meets is held back by all that both are known by.
fn held_back(db: &Connection) -> rusqlite::Result<()> {
    let select = "SELECT kind, folded, display FROM held_back";
    let all: Vec<(i64, String, String)> = sql::all(db, select, [], |row| row.try_into())?;
    let select = "SELECT kind, folded, mark FROM held_back_marks";
    let marks: Vec<(i64, String, String)> = sql::all(db, select, [], |row| row.try_into())?;
    db.execute_batch("DELETE FROM held_back; DELETE FROM held_back_marks")?;
    for (kind, before, display) in all {
        // Of accounts that meet, the one that is shown so.
        let select = "SELECT folded FROM users WHERE display = ?1";
        let own = sql::value(db, select, [&display])?.unwrap_or_else(|| folded(&display));
        let insert = "INSERT OR IGNORE INTO held_back (kind, folded, display) VALUES (?1, ?2, ?3)";
        sql::run(db, insert, params![kind, own, display])?;
        let insert = "INSERT OR IGNORE INTO held_back_marks (kind, folded, mark) VALUES (?1, ?2, ?3)";
        for (_, _, mark) in marks.iter().filter(|(other, name, _)| *other == kind && *name == before) {
            sql::run(db, insert, params![kind, own, mark])?;
        }
    }
    Ok(())
}

/// How a host's name is written was not kept with it. It stands in the log, and in the record of what hosts did; of a host who
/// never said or did anything, the form stays in which the name was compared.
fn host_names(db: &Connection) -> rusqlite::Result<()> {
    let all: Vec<(String, Value)> =
        sql::all(db, "SELECT folded, key FROM host_names", [], |row| row.try_into())?;
    if all.is_empty() {
        return Ok(()); // the log may be long
    }
    let select = "SELECT username FROM messages WHERE role = 2 UNION SELECT host FROM host_actions";
    let written: BTreeSet<String> = sql::all(db, select, [], |row| row.get(0))?.into_iter().collect();
    let written: Vec<(String, String)> =
        written.into_iter().map(|display| (former_fold(&display), display)).collect();
    sql::run(db, "DELETE FROM host_names", [])?;
    let insert = "INSERT OR IGNORE INTO host_names (folded, key, display) VALUES (?1, ?2, ?3)";
    for (before, key) in all {
        let own: Vec<&String> =
            written.iter().filter(|(form, _)| *form == before).map(|(_, display)| display).collect();
        for display in &own {
            sql::run(db, insert, params![folded(display), key, display])?;
        }
        if own.is_empty() {
            sql::run(db, insert, params![before, key, None::<String>])?;
        }
    }
    Ok(())
}
