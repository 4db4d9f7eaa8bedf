//! Sessions: begun by a login, recognised by their cookie, ended by logout and by much else.

use std::sync::Arc;

use rusqlite::{OptionalExtension, Transaction, params};

use super::token::{Token, TokenHash, same};
use super::{AccountId, Accounts, Login, Unavailable};
use crate::clock::wall_clock_ms;
use crate::limits;
use crate::names::Name;
use crate::protocol::Role;

impl Accounts {
    /// Who a cookie belongs to; none if nobody, or no longer.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn session(&self, token: &Token) -> Result<Option<Arc<Login>>, Unavailable> {
        self.session_by_hash(&token.hash())
    }

    /// The same, for who knows the token's hash already.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn session_by_hash(&self, hash: &TokenHash) -> Result<Option<Arc<Login>>, Unavailable> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT sessions.token, users.id, users.display, users.folded FROM sessions JOIN users ON users.id = user
             WHERE token = ?1 AND expires_at > ?2",
        )?;
        let found = statement.query_row(params![hash, wall_clock_ms()], |row| {
            let (display, folded): (String, String) = (row.get(2)?, row.get(3)?);
            let name = Name::stored(display.into(), folded.into());
            Ok(Login { session: row.get(0)?, account: row.get(1)?, name, role: Role::Member })
        });
        // The index found it by a hash of which nobody can choose a bit; what decides is compared in constant time.
        Ok(found.optional()?.filter(|login| same(&login.session, hash)).map(Arc::new))
    }

    /// Ends one session; whether there was one.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn log_out(&self, session: &TokenHash) -> Result<bool, Unavailable> {
        let ended = self.writer().execute("DELETE FROM sessions WHERE token = ?1", [session])?;
        Ok(ended > 0)
    }

    /// Removes what has expired; the sessions that ended so.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn sweep(&self) -> Result<Vec<TokenHash>, Unavailable> {
        let writer = self.writer();
        let now_ms = wall_clock_ms();
        writer.execute("DELETE FROM password_resets WHERE expires_at <= ?1", [now_ms])?;
        let mut statement =
            writer.prepare_cached("DELETE FROM sessions WHERE expires_at <= ?1 RETURNING token")?;
        let tokens = statement.query_map([now_ms], |row| row.get(0))?;
        Ok(tokens.collect::<rusqlite::Result<_>>()?)
    }
}

/// Begins a session in place of `old`; the sessions that end with it.
pub(super) fn begin(
    db: &Transaction<'_>,
    account: AccountId,
    token: &TokenHash,
    old: Option<TokenHash>,
) -> rusqlite::Result<Vec<TokenHash>> {
    let expires_at = wall_clock_ms() + limits::SESSION.as_millis() as i64;
    db.execute(
        "INSERT INTO sessions (token, user, expires_at) VALUES (?1, ?2, ?3)",
        params![token, account, expires_at],
    )?;
    let mut ended = Vec::new();
    if let Some(old) = old
        && db.execute("DELETE FROM sessions WHERE token = ?1", [old])? > 0
    {
        ended.push(old);
    }
    let mut statement = db.prepare_cached(
        "DELETE FROM sessions WHERE token IN
             (SELECT token FROM sessions WHERE user = ?1 AND token <> ?2 ORDER BY expires_at DESC LIMIT -1 OFFSET ?3)
         RETURNING token",
    )?;
    let others = limits::ACCOUNT_SESSIONS as i64 - 1;
    let oldest = statement.query_map(params![account, token, others], |row| row.get(0))?;
    ended.extend(oldest.collect::<rusqlite::Result<Vec<TokenHash>>>()?);
    Ok(ended)
}

/// Ends every session of an account but this one.
pub(super) fn end_all(
    db: &Transaction<'_>,
    account: AccountId,
    but: Option<TokenHash>,
) -> rusqlite::Result<()> {
    // A blob of no bytes is no token.
    let but = but.as_ref().map_or(&[][..], |token| &token[..]);
    db.execute("DELETE FROM sessions WHERE user = ?1 AND token <> ?2", params![account, but]).map(drop)
}
