//! A forgotten password: a link that works once, for [`limits::RESET`]. With it, or with a password that was changed
//! meanwhile, every other one of the account ends.
//!
//! A host's link takes the place of every link before. A mailed one stands beside them: anybody can ask for it, and must not
//! be able to void the one that its owner is about to open. A link is 256 random bits, so three are as good as one.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::password::Password;
use super::throttle::Subject;
use super::token::{Token, TokenHash};
use super::{AccountError, Accounts, Asker, Unavailable, beside, sessions};
use crate::accounts::email::Email;
use crate::limits;
use crate::protocol::names::Name;
use crate::protocol::{AccountId, ResetRequest};
use crate::sys::clock::wall_clock_ms;

/// A link under which somebody chooses a new password. Whoever has it has the account: it is shown to who asked for it
/// and to nobody else.
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
        issue(&mut self.writer(), &self.address, "folded = ?1", name.folded(), true)
    }

    /// A new link to be mailed to this address, beside those before; none if no account has it, or if it got one less
    /// than [`limits::RESET_MAIL_EVERY`] ago.
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
        issue(&mut writer, &self.address, "email = ?1", email.as_str(), false)
    }

    /// Keeps for the hosts that the owner of this address forgot the password. Without effect if no account has it.
    pub fn request_reset(&self, email: &Email) -> Result<bool, Unavailable> {
        let asked = self.writer().execute(
            "UPDATE users SET reset_requested_at = ?1 WHERE email = ?2",
            params![wall_clock_ms(), email.as_str()],
        )?;
        Ok(asked > 0)
    }

    /// Requests that wait for a host's link, the newest first, at most [`limits::RESET_REQUESTS`].
    pub fn reset_requests(&self) -> Result<Vec<ResetRequest>, Unavailable> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT display, reset_requested_at FROM users WHERE reset_requested_at IS NOT NULL
             ORDER BY reset_requested_at DESC LIMIT ?1",
        )?;
        let request = |row: &Row<'_>| Ok(ResetRequest { username: row.get(0)?, at_ms: row.get(1)? });
        let requests = statement.query_map([limits::RESET_REQUESTS], request)?;
        Ok(requests.collect::<rusqlite::Result<_>>()?)
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
        let account = account.ok_or(AccountError::Wrong)?;
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
    fn holder_of(&self, token: &TokenHash) -> rusqlite::Result<Option<(String, String)>> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT email, display FROM password_resets JOIN users ON users.id = user
             WHERE token = ?1 AND expires_at > ?2 AND email IS NOT NULL",
        )?;
        statement.query_row(params![token, wall_clock_ms()], |row| Ok((row.get(0)?, row.get(1)?))).optional()
    }
}

/// A new link for who `which` finds, in place of every one before or beside them.
fn issue(
    db: &mut Connection,
    address: &str,
    which: &str,
    value: &str,
    ends_earlier: bool,
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
    if ends_earlier {
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
    beside(database, |db, address| issue(db, address, "email = ?1", email.as_str(), true))
}
