//! A forgotten password: a link that works once, for [`limits::RESET`]. With it, or with a password that was changed
//! meanwhile, every other one of the account ends.
//!
//! A host's link takes the place of every link before. A mailed one stands beside them: anybody can ask for it, and must not
//! be able to void the one that its owner is about to open. A link is 256 random bits, so three are as good as one.

use std::path::Path;

use rusqlite::{Connection, params, params_from_iter};

use super::password::Password;
use super::throttle::Subject;
use super::token::{Token, TokenHash};
use super::{AccountError, Accounts, Asker, Unavailable, beside, sessions};
use crate::accounts::email::Email;
use crate::limits;
use crate::protocol::names::Name;
use crate::protocol::{AccountId, ResetRequest};
use crate::store::sql;
use crate::sys::clock::wall_clock_ms;

/// A link under which somebody chooses a new password. Its holder has the account: it is shown to the person who asked
/// for it, and to nobody else.
#[derive(Debug, Clone)]
pub struct ResetLink {
    /// The account's name in the room.
    pub username: String,
    /// The account's address.
    pub email: String,
    /// The secret stands after its #, which browsers send to nobody.
    pub url: String,
    /// When it ends, in milliseconds since 1970.
    pub expires_at_ms: i64,
}

impl Accounts {
    /// A new link for the account with this name in the room, in place of every one before; none if it has none.
    pub fn issue_reset_of(&self, name: &Name) -> Result<Option<ResetLink>, Unavailable> {
        // The account that is shown so, before the one that has what it folds to.
        let which =
            "id = (SELECT id FROM users WHERE display = ?1 OR folded = ?2 ORDER BY display <> ?1 LIMIT 1)";
        issue(&mut self.writer(), &self.address, which, &[name.display(), name.folded()], true)
    }

    /// A new link to be mailed to this address, beside those before; none if no account has it, or if it got one less
    /// than [`limits::RESET_MAIL_EVERY`] ago.
    pub fn issue_reset_to_mail(&self, email: &Email) -> Result<Option<ResetLink>, Unavailable> {
        let (now_ms, latest_ms) = lifetimes();
        let made_lately_ms = now_ms + (limits::RESET - limits::RESET_MAIL_EVERY).as_millis() as i64;
        let mut writer = self.writer();
        let select = "SELECT 1 FROM password_resets JOIN users ON users.id = user
                      WHERE email = ?1 AND expires_at > ?2 AND expires_at <= ?3";
        let recent =
            writer.prepare_cached(select)?.exists(params![email.as_str(), made_lately_ms, latest_ms])?;
        if recent {
            return Ok(None);
        }
        issue(&mut writer, &self.address, "email = ?1", &[email.as_str()], false)
    }

    /// Keeps for the hosts that the owner of this address forgot the password. Without effect if no account has it.
    pub fn request_reset(&self, email: &Email) -> Result<bool, Unavailable> {
        let update = "UPDATE users SET reset_requested_at = ?1 WHERE email = ?2";
        Ok(sql::run(&self.writer(), update, params![wall_clock_ms(), email.as_str()])? > 0)
    }

    /// Requests that wait for a host's link, the newest first, at most [`limits::RESET_REQUESTS`].
    pub fn reset_requests(&self) -> Result<Vec<ResetRequest>, Unavailable> {
        let select = "SELECT display, reset_requested_at FROM users WHERE reset_requested_at IS NOT NULL
                      ORDER BY reset_requested_at DESC LIMIT ?1";
        Ok(sql::all(&self.reader(), select, [limits::RESET_REQUESTS], |row| {
            Ok(ResetRequest { username: row.get(0)?, at_ms: row.get(1)? })
        })?)
    }

    /// Replaces the password of who has this link, ends the link and every session of the account. Hashes a password.
    /// A link that worked still does, where that fails.
    pub fn reset(&self, token: &Token, new: &str, asker: &Asker) -> Result<AccountId, AccountError> {
        let hash = token.hash();
        let (email, display) = self.holder_of(&hash)?.ok_or(AccountError::Wrong)?;
        let email = Email::parse(&email).map_err(|_| AccountError::Wrong)?;
        let password = Password::choose(new, &[email.as_str(), email.local(), &display])
            .map_err(AccountError::Password)?;
        let hashed = password.hash()?;
        let account = sql::at_once(&mut self.writer(), |transaction| {
            // Asked again: of many who use it at once, one finds it here.
            let delete = "DELETE FROM password_resets
                          WHERE token = ?1 AND expires_at > ?2 AND expires_at <= ?3 RETURNING user";
            let (now_ms, latest_ms) = lifetimes();
            let account = sql::value(transaction, delete, params![hash, now_ms, latest_ms])?;
            let account = account.ok_or(AccountError::Wrong)?;
            let update = "UPDATE users SET password = ?1, reset_requested_at = NULL WHERE id = ?2 AND password IS NOT NULL";
            sql::run(transaction, update, params![hashed, account])?;
            sessions::end_all(transaction, account, None)?;
            Ok::<AccountId, AccountError>(account)
        })?;
        // They could not know the old password, and now know the new one.
        self.throttle.forgive(&[Subject::Pair(self.number_of(email.as_str()), asker.address)]);
        Ok(account)
    }

    /// Address and name of who has this link.
    fn holder_of(&self, token: &TokenHash) -> rusqlite::Result<Option<(String, String)>> {
        let select = "SELECT email, display FROM password_resets JOIN users ON users.id = user
                      WHERE token = ?1 AND expires_at > ?2 AND expires_at <= ?3 AND email IS NOT NULL";
        let (now_ms, latest_ms) = lifetimes();
        sql::first(&self.reader(), select, params![token, now_ms, latest_ms], |row| row.try_into())
    }
}

/// After when a link that works must expire, and when at the latest: one that would last longer than any does was made before
/// the clock was set back.
fn lifetimes() -> (i64, i64) {
    let now_ms = wall_clock_ms();
    (now_ms, now_ms + (limits::RESET + limits::CLOCK_HOLD).as_millis() as i64)
}

/// A new link for who `which` finds, in place of every one before or beside them.
fn issue(
    db: &mut Connection,
    address: &str,
    which: &str,
    values: &[&str],
    ends_earlier: bool,
) -> Result<Option<ResetLink>, Unavailable> {
    let token = Token::random()?;
    let expires_at_ms = wall_clock_ms() + limits::RESET.as_millis() as i64;
    let update = format!(
        "UPDATE users SET reset_requested_at = NULL WHERE {which} AND password IS NOT NULL RETURNING id, display, email"
    );
    sql::at_once(db, |transaction| {
        let found: Option<(AccountId, String, String)> =
            sql::first(transaction, &update, params_from_iter(values), |row| row.try_into())?;
        let Some((account, username, email)) = found else { return Ok(None) };
        if ends_earlier {
            sql::run(transaction, "DELETE FROM password_resets WHERE user = ?1", [account])?;
        }
        let insert = "INSERT INTO password_resets (token, user, expires_at) VALUES (?1, ?2, ?3)";
        sql::run(transaction, insert, params![token.hash(), account, expires_at_ms])?;
        let url = format!("{address}/#reset={}", token.text());
        Ok(Some(ResetLink { username, email, url, expires_at_ms }))
    })
}

/// A new link from outside of the server, whether or not it runs: for `chat-app reset-password`. None if no account has
/// this address.
///
/// # Errors
/// A sentence that says what to do.
pub fn issue_reset_beside(database: &Path, email: &Email) -> Result<Option<ResetLink>, String> {
    beside(database, |db, address| issue(db, address, "email = ?1", &[email.as_str()], true))
}
