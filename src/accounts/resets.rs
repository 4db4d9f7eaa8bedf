//! A forgotten password: a link that works once, for [`limits::RESET`]. With it, or with a password that was changed
//! meanwhile, every other one of the account ends.
//!
//! What a host issues takes the place of every link before. What is mailed stands beside them: anybody can ask for it, and
//! must not be able to void what its owner is about to open. A link is 256 random bits, so three are as good as one.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::password::{Password, PasswordError};
use super::throttle::Subject;
use super::token::Token;
use super::{Accounts, Asker, Unavailable, sessions, wait_in_turn};
use crate::accounts::email::Email;
use crate::limits;
use crate::protocol::names::Name;
use crate::protocol::{AccountId, ResetRequest};
use crate::store;
use crate::sys::clock::wall_clock_ms;

/// A link under which somebody chooses a new password. Whoever has it has the account: it is shown to who asked for it
/// and to nobody else.
#[derive(Debug, Clone)]
pub struct ResetLink {
    /// The account's name in the room.
    pub username: String,
    /// The account's address.
    pub email: String,
    /// The link. The secret stands behind its #, which browsers send to nobody.
    pub url: String,
    /// When it ends, in milliseconds since 1970.
    pub expires_at_ms: i64,
}

/// Why a password was not replaced.
#[derive(Debug)]
pub enum ResetError {
    /// The link is none, was used, has expired, or a newer one took its place.
    Invalid,
    /// The new password breaks a rule.
    Password(PasswordError),
    /// Our fault.
    Unavailable(Unavailable),
}

impl<E: Into<Unavailable>> From<E> for ResetError {
    fn from(error: E) -> ResetError {
        ResetError::Unavailable(error.into())
    }
}

impl Accounts {
    /// A new link for the account with this name in the room, in place of every one before; none if it has none.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn issue_reset_of(&self, name: &Name) -> Result<Option<ResetLink>, Unavailable> {
        issue(&mut self.writer(), Earlier::End, "folded = ?1", name.folded(), &self.address)
    }

    /// A new link to be mailed to this address, beside those before; none if no account has it, or if it got one less
    /// than [`limits::RESET_MAIL_EVERY`] ago.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn issue_reset_to_mail(&self, email: &Email) -> Result<Option<ResetLink>, Unavailable> {
        let every = limits::RESET.saturating_sub(limits::RESET_MAIL_EVERY).as_millis() as i64;
        let mut writer = self.writer();
        let recent: bool = writer
            .prepare_cached(
                "SELECT 1 FROM password_resets JOIN users ON users.id = user WHERE email = ?1 AND expires_at > ?2",
            )?
            .exists(params![email.as_str(), wall_clock_ms() + every])?;
        if recent {
            return Ok(None);
        }
        issue(&mut writer, Earlier::Stay, "email = ?1", email.as_str(), &self.address)
    }

    /// Keeps for the hosts that the owner of this address forgot the password. Without effect if no account has it.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn request_reset(&self, email: &Email) -> Result<bool, Unavailable> {
        let asked = self.writer().execute(
            "UPDATE users SET reset_requested_at = ?1 WHERE email = ?2",
            params![wall_clock_ms(), email.as_str()],
        )?;
        Ok(asked > 0)
    }

    /// Who waits for a host to issue a link, the newest first, at most [`limits::RESET_REQUESTS`].
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn reset_requests(&self) -> Result<Vec<ResetRequest>, Unavailable> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT display, reset_requested_at FROM users WHERE reset_requested_at IS NOT NULL
             ORDER BY reset_requested_at DESC LIMIT ?1",
        )?;
        let request = |row: &Row<'_>| Ok(ResetRequest { username: row.get(0)?, at_ms: row.get(1)? });
        let requests = statement.query_map([limits::RESET_REQUESTS as i64], request)?;
        Ok(requests.collect::<rusqlite::Result<_>>()?)
    }

    /// Replaces the password of who has this link, ends the link and every session of the account. Hashes a password.
    ///
    /// # Errors
    /// [`ResetError`]; then nothing changed, and a link that worked still does.
    pub fn reset(&self, token: &Token, new: &str, asker: &Asker) -> Result<AccountId, ResetError> {
        let hash = token.hash();
        let (email, display) = self.holder_of(&hash)?.ok_or(ResetError::Invalid)?;
        let email = Email::parse(&email).map_err(|_| ResetError::Invalid)?;
        let password = Password::choose(new, &[email.as_str(), email.local(), &display])
            .map_err(ResetError::Password)?;
        let hashed = password.hash()?;
        let mut writer = self.writer();
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Asked again: of many who use it at once, one finds it here.
        let account: Option<AccountId> = transaction
            .query_row(
                "DELETE FROM password_resets WHERE token = ?1 AND expires_at > ?2 RETURNING user",
                params![hash, wall_clock_ms()],
                |row| row.get(0),
            )
            .optional()?;
        let account = account.ok_or(ResetError::Invalid)?;
        transaction.execute("DELETE FROM password_resets WHERE user = ?1", [account])?;
        transaction.execute(
            "UPDATE users SET password = ?1, reset_requested_at = NULL WHERE id = ?2 AND password IS NOT NULL",
            params![hashed, account],
        )?;
        sessions::end_all(&transaction, account, None)?;
        transaction.commit()?;
        drop(writer);
        // They could not know the old password, and now know the new one.
        self.throttle.forgive(&[Subject::Pair(self.number(&email), asker.address)]);
        Ok(account)
    }

    /// Address and name of who has this link.
    fn holder_of(&self, token: &[u8; 32]) -> rusqlite::Result<Option<(String, String)>> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT email, display FROM password_resets JOIN users ON users.id = user
             WHERE token = ?1 AND expires_at > ?2 AND email IS NOT NULL",
        )?;
        statement.query_row(params![token, wall_clock_ms()], |row| Ok((row.get(0)?, row.get(1)?))).optional()
    }
}

/// What becomes of an account's links when there is a new one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Earlier {
    End,
    Stay,
}

/// A new link for who `which` finds.
fn issue(
    db: &mut Connection,
    earlier: Earlier,
    which: &str,
    value: &str,
    address: &str,
) -> Result<Option<ResetLink>, Unavailable> {
    let token = Token::random()?;
    let expires_at_ms = wall_clock_ms() + limits::RESET.as_millis() as i64;
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: Option<(AccountId, String, String)> = transaction
        .query_row(
            &format!(
                "UPDATE users SET reset_requested_at = NULL WHERE {which} AND password IS NOT NULL
                 RETURNING id, display, email"
            ),
            [value],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    let Some((account, username, email)) = found else { return Ok(None) };
    if earlier == Earlier::End {
        transaction.execute("DELETE FROM password_resets WHERE user = ?1", [account])?;
    }
    transaction.execute(
        "INSERT INTO password_resets (token, user, expires_at) VALUES (?1, ?2, ?3)",
        params![token.hash(), account, expires_at_ms],
    )?;
    transaction.commit()?;
    Ok(Some(ResetLink { username, email, url: format!("{address}/#reset={}", token.text()), expires_at_ms }))
}

/// A new link from outside of the server, whether or not it runs: for `chat-app reset-password`. None if no account has
/// this address.
///
/// # Errors
/// A sentence that says what to do.
pub fn issue_reset_beside(database: &Path, email: &Email) -> Result<Option<ResetLink>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", database.display());
    let mut db = store::connect_beside(database).map_err(|error| error.to_string())?;
    wait_in_turn(&mut db).map_err(|error| failed(&error))?;
    let address: Option<String> =
        db.query_row("SELECT address FROM room", [], |row| row.get(0)).map_err(|error| failed(&error))?;
    let address =
        address.ok_or_else(|| failed(&"start the room with it once, so that links know where to lead"))?;
    issue(&mut db, Earlier::End, "email = ?1", email.as_str(), &address).map_err(|error| failed(&error))
}
