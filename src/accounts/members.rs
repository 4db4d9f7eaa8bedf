//! An account's life: made, logged in to, given another password, deleted.

use std::time::Instant;

use rusqlite::{ErrorCode, params};

use super::password::{NOBODYS_HASH, Password};
use super::token::TokenHash;
use super::{AccountError, Accounts, Asker, Member, NewSession, Session, Unavailable, sessions};
use crate::accounts::email::Email;
use crate::limits;
use crate::protocol::names::Name;
use crate::store::sql;
use crate::sys::clock::wall_clock_ms;

/// An account as a login is checked against it.
struct Known {
    member: Member,
    email: String,
    hash: String,
}

impl Accounts {
    /// Makes an account and its first session. Hashes a password. That the name is free in the room is the caller's
    /// to have made sure of.
    pub fn sign_up(
        &self,
        email: &Email,
        name: &Name,
        password: &Password,
        asker: &Asker,
    ) -> Result<NewSession, AccountError> {
        let hash = password.hash()?;
        let device = Some(self.device(email, asker)?);
        let insert =
            "INSERT INTO users (folded, display, email, password, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";
        let user = params![name.folded(), name.display(), email.as_str(), hash, wall_clock_ms()];
        sql::at_once(&mut self.writer(), |transaction| {
            let count: Option<usize> = sql::value(transaction, "SELECT count(*) FROM users", [])?;
            if count >= Some(limits::ACCOUNTS) {
                return Err(AccountError::Full);
            }
            match sql::run(transaction, insert, user) {
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                    return Err(AccountError::Taken);
                }
                inserted => inserted?,
            };
            let account = transaction.last_insert_rowid();
            let member = Member { account, name: name.clone(), chooses_name: false };
            let begun = sessions::begin(transaction, Some(member), None, &asker.sessions)?;
            Ok(NewSession { device, ..begun })
        })
    }

    /// Begins a session for who knows the address and its password. Hashes a password, whether or not there is such an
    /// account.
    pub fn log_in(
        &self,
        email: &Email,
        password: &Password,
        asker: &Asker,
    ) -> Result<NewSession, AccountError> {
        let known = self.known("users.email = ?1", email.as_str())?;
        self.prove(email, known.as_ref(), password, asker)?;
        let known = known.ok_or(AccountError::Wrong)?;
        let device = Some(self.device(email, asker)?);
        sql::at_once(&mut self.writer(), |transaction| {
            // A new password, meanwhile, has ended all sessions, and means this one too.
            let is_current = "SELECT 1 FROM users WHERE id = ?1 AND password = ?2";
            if !transaction.prepare(is_current)?.exists(params![known.member.account, known.hash])? {
                return Err(AccountError::Wrong);
            }
            let begun = sessions::begin(transaction, Some(known.member), None, &asker.sessions)?;
            Ok(NewSession { device, ..begun })
        })
    }

    /// Gives the account of this session another password, and ends its other sessions and its reset link. Hashes two
    /// passwords.
    pub fn change_password(
        &self,
        session: &Session,
        current: &Password,
        new: &Password,
        asker: &Asker,
    ) -> Result<(), AccountError> {
        let known = self.prove_own(session, current, asker)?;
        self.replace(&known, Some(&new.hash()?), Some(session.token))
    }

    /// Deletes the account of this session: address, password, sessions and links. Its name stays nobody else's.
    /// Hashes a password.
    pub fn delete(&self, session: &Session, password: &Password, asker: &Asker) -> Result<(), AccountError> {
        let known = self.prove_own(session, password, asker)?;
        self.replace(&known, None, None)
    }

    /// Another password or, for an account that is deleted, none and no address either; all sessions end but one.
    fn replace(
        &self,
        known: &Known,
        password: Option<&str>,
        but: Option<TokenHash>,
    ) -> Result<(), AccountError> {
        let update =
            "UPDATE users SET email = iif(?1 IS NULL, NULL, email), password = ?1, reset_requested_at = NULL
             WHERE id = ?2 AND password = ?3";
        sql::at_once(&mut self.writer(), |transaction| {
            let account = known.member.account;
            if sql::run(transaction, update, params![password, account, known.hash])? == 0 {
                return Err(AccountError::Wrong); // replaced by somebody else, meanwhile
            }
            Ok(sessions::end_all(transaction, account, but)?)
        })
    }

    fn prove_own(
        &self,
        session: &Session,
        password: &Password,
        asker: &Asker,
    ) -> Result<Known, AccountError> {
        let account = session.member.as_ref().ok_or(AccountError::Wrong)?.account;
        let known = self.known("users.id = ?1", account)?.ok_or(AccountError::Wrong)?;
        let email = Email::parse(&known.email).map_err(|_| AccountError::Wrong)?;
        self.prove(&email, Some(&known), password, asker)?;
        Ok(known)
    }

    /// Checks a password against an account, or against nobody's in the same time, and counts what fails.
    fn prove(
        &self,
        email: &Email,
        known: Option<&Known>,
        password: &Password,
        asker: &Asker,
    ) -> Result<(), AccountError> {
        let subjects = self.subjects(email, asker);
        if let Some(wait) = self.throttle.wait(&subjects, Instant::now()) {
            return Err(AccountError::Wait(wait));
        }
        let is_right = password.is(known.map_or(NOBODYS_HASH, |known| &known.hash));
        if !is_right || known.is_none() {
            self.throttle.fail(&subjects, Instant::now());
            return Err(AccountError::Wrong);
        }
        // An address keeps its failures: they may have been at other accounts.
        self.throttle.forgive(&subjects[..1]);
        Ok(())
    }

    fn known(&self, which: &str, value: impl rusqlite::ToSql) -> Result<Option<Known>, Unavailable> {
        let select = format!(
            "SELECT id, display, folded, chooses_name, email, password FROM users WHERE {which} AND password IS NOT NULL"
        );
        Ok(sql::first(&self.reader(), &select, [value], |row| {
            let name = Name::stored(row.get(1)?, row.get(2)?);
            let member = Member { account: row.get(0)?, name, chooses_name: row.get(3)? };
            Ok(Known { member, email: row.get(4)?, hash: row.get(5)? })
        })?)
    }
}
