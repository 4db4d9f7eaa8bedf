//! Accounts' names: a host takes one, and its owner, who keeps the account, chooses another.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use rusqlite::{Connection, ErrorCode, Transaction, params};

use super::{AccountError, Accounts, Member, Session, Unavailable, beside, sessions};
use crate::limits;
use crate::protocol::AccountId;
use crate::protocol::names::{APART, Name};
use crate::store::{self, sql};
use crate::sys::clock::wall_clock_ms;

/// What became of a name that a host wants.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// Its account is called otherwise now; the name as it was shown.
    Renamed(Name),
    /// It was a deleted account's, and is nobody's now; the same.
    Nobodys(Name),
    /// The account has it no more.
    Gone,
    /// Its owner is a host too.
    Hosts,
}

impl Accounts {
    /// Takes its name from an account, which is called `spare` from then on, until its owner chooses another.
    pub fn take_name(&self, account: AccountId, name: &Name, spare: &Name) -> Result<Taken, Unavailable> {
        let select = "SELECT display, password IS NULL, EXISTS (SELECT 1 FROM sessions WHERE user = users.id AND expires_at > ?3
                          AND host = (SELECT host_generation FROM room))
                      FROM users WHERE id = ?1 AND folded = ?2";
        sql::at_once(&mut self.writer(), |transaction| {
            let who = params![account, name.folded(), wall_clock_ms()];
            let known: Option<(Arc<str>, bool, bool)> =
                sql::first(transaction, select, who, |row| row.try_into())?;
            let Some((display, is_deleted, is_host)) = known else { return Ok(Taken::Gone) };
            if is_host {
                return Ok(Taken::Hosts);
            }
            let name = Name::stored(display, name.shared_folded());
            if is_deleted {
                // The row stays: what was said is still this account's, and no other gets its number.
                let nobodys = Name::stored("".into(), format!("{APART}{account}").into());
                rename(transaction, account, &name, &nobodys, false)?;
                return Ok(Taken::Nobodys(name));
            }
            rename(transaction, account, &name, spare, true)?;
            Ok(Taken::Renamed(name))
        })
    }

    /// Gives the account of this session the name that its owner chooses, once a host has taken the one it had: the session
    /// with it, and the name until now. That the new one is free in the room is the caller's to have made sure of.
    pub fn choose_name(&self, session: &Session, name: &Name) -> Result<(Session, Name), AccountError> {
        sql::at_once(&mut self.writer(), |transaction| {
            let session = sessions::find(transaction, &session.token)?.ok_or(AccountError::Wrong)?;
            let member = session.member.clone().filter(|member| member.chooses_name);
            let member = member.ok_or(AccountError::Wrong)?;
            rename(transaction, member.account, &member.name, name, false).map_err(|error| {
                match error.sqlite_error_code() {
                    Some(ErrorCode::ConstraintViolation) => AccountError::Taken,
                    _ => error.into(),
                }
            })?;
            let chosen = Member { account: member.account, name: name.clone(), chooses_name: false };
            Ok((Session { member: Some(chosen), ..session }, member.name))
        })
    }

    /// The names that [`free_name_beside`] was asked for since the last call.
    pub fn names_to_free(&self) -> Result<Vec<Name>, Unavailable> {
        // Looked up first, many times for nothing: writing waits for the database's one writer.
        if !self.reader().prepare_cached("SELECT 1 FROM names_to_free")?.exists([])? {
            return Ok(Vec::new());
        }
        let names: Vec<String> =
            sql::all(&self.writer(), "DELETE FROM names_to_free RETURNING name", [], |row| row.get(0))?;
        Ok(names.iter().filter_map(|name| Name::parse(name).ok()).collect())
    }
}

fn rename(
    db: &Transaction,
    account: AccountId,
    from: &Name,
    to: &Name,
    chooses_name: bool,
) -> rusqlite::Result<()> {
    let keep = "INSERT OR IGNORE INTO former_names (display, until, user) VALUES (?1, ?2, ?3)";
    sql::run(db, keep, params![from.display(), store::head_of(db)? as i64, account])?;
    let update = "UPDATE users SET folded = ?2, display = ?3, chooses_name = ?4 WHERE id = ?1";
    sql::run(db, update, params![account, to.folded(), to.display(), chooses_name]).map(drop)
}

/// Has a name freed, from outside of the server: at once where it runs, else at its next start.
///
/// # Errors
/// A sentence that says what to do.
pub fn free_name_beside(database: &Path, name: &Name) -> Result<(), String> {
    let is_kept = "SELECT 1 FROM users WHERE display = ?1 OR folded = ?2
                   UNION ALL SELECT 1 FROM guests WHERE folded = ?2 UNION ALL SELECT 1 FROM host_names WHERE folded = ?2";
    beside(database, |db, _| {
        let is_open = store::is_open(database);
        let is_kept = db.prepare(is_kept)?.exists([name.display(), name.folded()])?;
        let newest: Option<i64> = sql::value(db, "SELECT coalesce(max(id), 0) FROM host_actions", [])?;
        if is_kept || is_open {
            sql::run(db, "INSERT OR IGNORE INTO names_to_free (name) VALUES (?1)", [name.display()])?;
        }
        // Who is here without a key or an account is known to the open room alone; so is a host.
        let is_freed = match is_open {
            true => is_done(db, name, newest.unwrap_or_default())?,
            false => is_kept, // at the next start
        };
        if is_freed {
            return Ok(());
        }
        let asked = "SELECT 1 FROM names_to_free WHERE name = ?1";
        if is_kept && db.prepare(asked)?.exists([name.display()])? {
            return Ok(()); // the room comes to it later
        }
        sql::run(db, "DELETE FROM names_to_free WHERE name = ?1", [name.display()])?;
        let name = name.display();
        Err(Unavailable::Other(match is_kept {
            true => format!("{name} is a host's, who is here, or somebody's who is just signing up"),
            false => format!("nobody has the name {name}, and it is kept for nobody"),
        }))
    })
}

/// Waits for the room to free this name, which is on record then after that action.
fn is_done(db: &Connection, name: &Name, newest: i64) -> Result<bool, Unavailable> {
    let freed = "SELECT username FROM host_actions WHERE id > ?1 AND action = 'free_name'";
    let is_it = |freed: &String| {
        freed == name.display() || Name::parse(freed).is_ok_and(|freed| freed.folded() == name.folded())
    };
    let until = Instant::now() + limits::BESIDE_ANSWER;
    loop {
        let freed: Vec<String> = sql::all(db, freed, [newest], |row| row.get(0))?;
        if freed.iter().any(is_it) {
            return Ok(true);
        }
        if Instant::now() >= until {
            return Ok(false);
        }
        std::thread::sleep(limits::POLL);
    }
}
