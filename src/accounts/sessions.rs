//! Sessions: begun by a login, recognised by their cookie, ended by logout and by much else.

use std::sync::Arc;

use rusqlite::{Connection, Transaction, params};

use super::token::{Token, TokenHash, same};
use super::{Accounts, HostGeneration, Member, NewSession, Session, Unavailable};
use crate::limits;
use crate::protocol::names::Name;
use crate::protocol::{AccountId, KeyHash};
use crate::store::sql;
use crate::sys::clock::wall_clock_ms;

impl Accounts {
    /// The session of a cookie; none if it is nobody's, or no longer.
    pub fn session(&self, token: &Token) -> Result<Option<Arc<Session>>, Unavailable> {
        self.session_by_hash(&token.hash())
    }

    /// The same by the token's hash.
    pub fn session_by_hash(&self, hash: &TokenHash) -> Result<Option<Arc<Session>>, Unavailable> {
        Ok(find(&self.reader(), hash)?.map(Arc::new))
    }

    /// The first of these that is somebody's.
    pub fn first_session(&self, hashes: &[TokenHash]) -> Result<Option<Arc<Session>>, Unavailable> {
        Ok(first(&self.reader(), hashes)?.map(Arc::new))
    }

    /// Ends one session, in a browser with this cookie; whether there was one.
    pub fn log_out(&self, session: &TokenHash, browser: Option<KeyHash>) -> Result<bool, Unavailable> {
        let writer = self.writer();
        let leave = "UPDATE account_browsers SET until = min(until, ?1) WHERE browser = ?2";
        sql::run(&writer, leave, params![known_until_ms(), browser])?;
        Ok(sql::run(&writer, "DELETE FROM sessions WHERE token = ?1", [session])? > 0)
    }

    /// Removes what has expired; the sessions that ended so.
    pub fn sweep(&self) -> Result<Vec<TokenHash>, Unavailable> {
        let writer = self.writer();
        let now_ms = wall_clock_ms();
        writer.execute("DELETE FROM password_resets WHERE expires_at <= ?1", [now_ms])?;
        writer.execute("DELETE FROM account_browsers WHERE until <= ?1", [now_ms])?;
        let delete = "DELETE FROM sessions WHERE expires_at <= ?1 RETURNING token";
        Ok(sql::all(&writer, delete, [now_ms], |row| row.get(0))?)
    }
}

/// The session with this hash that has not expired.
pub(super) fn find(db: &Connection, hash: &TokenHash) -> rusqlite::Result<Option<Session>> {
    let select =
        "SELECT token, host, users.id, display, folded, chooses_name FROM sessions LEFT JOIN users ON users.id = user
                  WHERE token = ?1 AND expires_at > ?2";
    let found = sql::first(db, select, params![hash, wall_clock_ms()], |row| {
        let member = match row.get(2)? {
            Some(account) => {
                let name = Name::stored(row.get(3)?, row.get(4)?);
                Some(Member { account, name, chooses_name: row.get(5)? })
            }
            None => None,
        };
        Ok(Session { token: row.get(0)?, host: row.get(1)?, member })
    });
    // The index found it by a hash of which nobody can choose a bit; what decides is compared in constant time.
    Ok(found?.filter(|session| same(&session.token, hash)))
}

/// The first of these that is a session.
pub(super) fn first(db: &Connection, hashes: &[TokenHash]) -> rusqlite::Result<Option<Session>> {
    hashes.iter().find_map(|hash| find(db, hash).transpose()).transpose()
}

/// Begins a session in place of those in `old`: a member's, or a host's without an account. A host stays one.
pub(super) fn begin(
    db: &Transaction<'_>,
    member: Option<Member>,
    mut host: Option<HostGeneration>,
    old: &[TokenHash],
) -> Result<NewSession, Unavailable> {
    let now_ms = wall_clock_ms();
    let token = Token::random()?;
    let hash = token.hash();
    let account = member.as_ref().map(|member| member.account);
    let mut ended = Vec::new();
    for old in old {
        let delete = "DELETE FROM sessions WHERE token = ?1 RETURNING host, expires_at";
        let replaced: Option<(Option<HostGeneration>, i64)> =
            sql::first(db, delete, [old], |row| row.try_into())?;
        if let Some((was_host, expires_at)) = replaced {
            host = host.or(was_host.filter(|_| expires_at > now_ms));
            ended.push(*old);
        }
    }
    let expires_at = now_ms + limits::SESSION.as_millis() as i64;
    let insert = "INSERT INTO sessions (token, user, host, expires_at) VALUES (?1, ?2, ?3, ?4)";
    sql::run(db, insert, params![hash, account, host, expires_at])?;
    // `IS`: hosts without an account share one bound.
    let delete = "DELETE FROM sessions WHERE token IN
        (SELECT token FROM sessions WHERE user IS ?1 AND token <> ?2 ORDER BY expires_at DESC LIMIT -1 OFFSET ?3)
        RETURNING token";
    let others = if account.is_some() { limits::ACCOUNT_SESSIONS } else { limits::HOST_SESSIONS } - 1;
    ended.extend(sql::all(db, delete, params![account, hash, others], |row| row.get::<_, TokenHash>(0))?);
    let session = Arc::new(Session { token: hash, member, host });
    Ok(NewSession { token, session, device: None, ended })
}

/// Ends every session of an account but this one, and every link to a new password.
pub(super) fn end_all(
    db: &Transaction<'_>,
    account: AccountId,
    but: Option<TokenHash>,
) -> rusqlite::Result<()> {
    db.execute("DELETE FROM sessions WHERE user = ?1 AND token IS NOT ?2", params![account, but])?;
    db.execute("DELETE FROM password_resets WHERE user = ?1", [account])?;
    // The browser that stays says so when it is here next.
    let leave = "UPDATE account_browsers SET until = min(until, ?1) WHERE user = ?2";
    sql::run(db, leave, params![known_until_ms(), account]).map(drop)
}

/// A browser that somebody has logged out in is known as theirs for as long as a guest's is.
fn known_until_ms() -> i64 {
    wall_clock_ms() + limits::RESERVED.as_millis() as i64
}
