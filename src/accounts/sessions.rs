//! Sessions: begun by a login, recognised by their cookie, ended by logout and by much else.

use std::sync::Arc;

use rusqlite::{OptionalExtension, Transaction, params};

use super::token::{Token, TokenHash, same};
use super::{Accounts, HostGeneration, Member, Session, Unavailable};
use crate::limits;
use crate::protocol::AccountId;
use crate::protocol::names::Name;
use crate::sys::clock::wall_clock_ms;

impl Accounts {
    /// Who a cookie belongs to; none if nobody, or no longer.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn session(&self, token: &Token) -> Result<Option<Arc<Session>>, Unavailable> {
        self.session_by_hash(&token.hash())
    }

    /// The same, for who knows the token's hash already.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn session_by_hash(&self, hash: &TokenHash) -> Result<Option<Arc<Session>>, Unavailable> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT token, host, users.id, display, folded FROM sessions LEFT JOIN users ON users.id = user
             WHERE token = ?1 AND expires_at > ?2",
        )?;
        let found = statement.query_row(params![hash, wall_clock_ms()], |row| {
            let member = match row.get::<_, Option<AccountId>>(2)? {
                Some(account) => {
                    let (display, folded): (String, String) = (row.get(3)?, row.get(4)?);
                    Some(Member { account, name: Name::stored(display.into(), folded.into()) })
                }
                None => None,
            };
            Ok(Session { token: row.get(0)?, host: row.get(1)?, member })
        });
        // The index found it by a hash of which nobody can choose a bit; what decides is compared in constant time.
        Ok(found.optional()?.filter(|session| same(&session.token, hash)).map(Arc::new))
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

/// A session that is on disk.
pub(super) struct Begun {
    /// Of which generation of host links it is, if it is a host's.
    pub host: Option<HostGeneration>,
    /// The sessions that ended with it.
    pub ended: Vec<TokenHash>,
}

/// Begins a session in place of `old`: of an account, or of a host without one. Who was a host stays it.
pub(super) fn begin(
    db: &Transaction<'_>,
    account: Option<AccountId>,
    host: Option<HostGeneration>,
    token: &TokenHash,
    old: Option<TokenHash>,
) -> rusqlite::Result<Begun> {
    let now_ms = wall_clock_ms();
    let mut ended = Vec::new();
    let mut host = host;
    if let Some(old) = old {
        let replaced: Option<(Option<HostGeneration>, i64)> = db
            .prepare_cached("DELETE FROM sessions WHERE token = ?1 RETURNING host, expires_at")?
            .query_row([old], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if let Some((was_host, expires_at)) = replaced {
            host = host.or(was_host.filter(|_| expires_at > now_ms));
            ended.push(old);
        }
    }
    db.execute(
        "INSERT INTO sessions (token, user, host, expires_at) VALUES (?1, ?2, ?3, ?4)",
        params![token, account, host, now_ms + limits::SESSION.as_millis() as i64],
    )?;
    // `IS`: hosts without an account share one bound.
    let mut statement = db.prepare_cached(
        "DELETE FROM sessions WHERE token IN
             (SELECT token FROM sessions WHERE user IS ?1 AND token <> ?2 ORDER BY expires_at DESC LIMIT -1 OFFSET ?3)
         RETURNING token",
    )?;
    let others = if account.is_some() { limits::ACCOUNT_SESSIONS } else { limits::HOST_SESSIONS } - 1;
    let oldest = statement.query_map(params![account, token, others as i64], |row| row.get(0))?;
    ended.extend(oldest.collect::<rusqlite::Result<Vec<TokenHash>>>()?);
    Ok(Begun { host, ended })
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
