//! An account's life: made, logged in to, given another password, deleted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{ErrorCode, OptionalExtension, TransactionBehavior, params};

use super::password::{NOBODYS_HASH, Password};
use super::sessions::Begun;
use super::token::Token;
use super::{Accounts, Asker, Member, NewSession, Session, Unavailable, sessions};
use crate::accounts::email::Email;
use crate::limits;
use crate::protocol::AccountId;
use crate::protocol::names::Name;
use crate::sys::clock::wall_clock_ms;

/// Why there is no new account.
#[derive(Debug)]
pub enum SignUpError {
    /// The address or the name has an account: in the moment between asking and writing.
    Taken,
    /// The room has as many as it may have.
    Full,
    /// Our fault.
    Unavailable(Unavailable),
}

/// Why nobody is logged in.
#[derive(Debug)]
pub enum LoginError {
    /// No such address, or not its password: nobody learns which.
    Wrong,
    /// Too many failures: to be tried again after this time.
    Wait(Duration),
    /// Our fault.
    Unavailable(Unavailable),
}

/// Why who is logged in is not believed to be the account's owner.
pub(crate) type ProofError = LoginError;

impl<E: Into<Unavailable>> From<E> for SignUpError {
    fn from(error: E) -> SignUpError {
        SignUpError::Unavailable(error.into())
    }
}

impl<E: Into<Unavailable>> From<E> for LoginError {
    fn from(error: E) -> LoginError {
        LoginError::Unavailable(error.into())
    }
}

/// What a try to log in has to be checked against.
struct Known {
    id: AccountId,
    name: Name,
    email: String,
    hash: String,
}

impl Accounts {
    /// Makes an account and its first session. Hashes a password. That the name is free in the room is the caller's
    /// to have made sure of.
    ///
    /// # Errors
    /// [`SignUpError`]; then there is neither.
    pub fn sign_up(
        &self,
        email: &Email,
        name: &Name,
        password: &Password,
        asker: &Asker,
    ) -> Result<NewSession, SignUpError> {
        let hash = password.hash()?;
        let (token, device) = (Token::random()?, self.device(email, asker)?);
        let mut writer = self.writer();
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let count: i64 = transaction.query_row("SELECT count(*) FROM users", [], |row| row.get(0))?;
        if count >= limits::ACCOUNTS as i64 {
            return Err(SignUpError::Full);
        }
        let inserted = transaction.execute(
            "INSERT INTO users (folded, display, email, password, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![name.folded(), name.display(), email.as_str(), hash, wall_clock_ms()],
        );
        match inserted {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                return Err(SignUpError::Taken);
            }
            inserted => inserted?,
        };
        let account = transaction.last_insert_rowid();
        let begun = sessions::begin(&transaction, Some(account), None, &token.hash(), asker.session)?;
        transaction.commit()?;
        let member = Member { account, name: name.clone() };
        Ok(new_session(member, email.as_str().to_owned(), token, device, begun))
    }

    /// Begins a session for who knows the address and its password. Hashes a password, whether or not there is such an
    /// account.
    ///
    /// # Errors
    /// [`LoginError`]
    pub fn log_in(
        &self,
        email: &Email,
        password: &Password,
        asker: &Asker,
    ) -> Result<NewSession, LoginError> {
        let known = self.known("users.email = ?1", email.as_str())?;
        self.prove(email, known.as_ref(), password, asker)?;
        let known = known.ok_or(LoginError::Wrong)?;
        let (token, device) = (Token::random()?, self.device(email, asker)?);
        let mut writer = self.writer();
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Whoever replaced the password meanwhile has ended all sessions, and means this one too.
        let current: Option<String> = transaction
            .query_row("SELECT password FROM users WHERE id = ?1", [known.id], |row| row.get(0))
            .optional()?
            .flatten();
        if current.as_ref() != Some(&known.hash) {
            return Err(LoginError::Wrong);
        }
        let begun = sessions::begin(&transaction, Some(known.id), None, &token.hash(), asker.session)?;
        transaction.commit()?;
        let member = Member { account: known.id, name: known.name };
        Ok(new_session(member, known.email, token, device, begun))
    }

    /// Gives the account of this session another password, and ends its other sessions and its reset link. Hashes two
    /// passwords.
    ///
    /// # Errors
    /// [`ProofError`]; then nothing changed.
    pub fn change_password(
        &self,
        session: &Session,
        current: &Password,
        new: &Password,
        asker: &Asker,
    ) -> Result<(), ProofError> {
        let known = self.prove_own(session, current, asker)?;
        let hash = new.hash()?;
        let mut writer = self.writer();
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let changed = transaction.execute(
            "UPDATE users SET password = ?1, reset_requested_at = NULL WHERE id = ?2 AND password = ?3",
            params![hash, known.id, known.hash],
        )?;
        if changed == 0 {
            return Err(LoginError::Wrong); // replaced meanwhile
        }
        sessions::end_all(&transaction, known.id, Some(session.token))?;
        transaction.execute("DELETE FROM password_resets WHERE user = ?1", [known.id])?;
        Ok(transaction.commit()?)
    }

    /// Deletes the account of this session: address, password, sessions and links. Its name stays nobody else's.
    /// Hashes a password.
    ///
    /// # Errors
    /// [`ProofError`]; then nothing changed.
    pub fn delete(&self, session: &Session, password: &Password, asker: &Asker) -> Result<(), ProofError> {
        let known = self.prove_own(session, password, asker)?;
        let mut writer = self.writer();
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let deleted = transaction.execute(
            "UPDATE users SET email = NULL, password = NULL, reset_requested_at = NULL WHERE id = ?1 AND password = ?2",
            params![known.id, known.hash],
        )?;
        if deleted == 0 {
            return Err(LoginError::Wrong); // replaced meanwhile
        }
        sessions::end_all(&transaction, known.id, None)?;
        transaction.execute("DELETE FROM password_resets WHERE user = ?1", [known.id])?;
        Ok(transaction.commit()?)
    }

    fn prove_own(&self, session: &Session, password: &Password, asker: &Asker) -> Result<Known, ProofError> {
        let account = session.member.as_ref().ok_or(LoginError::Wrong)?.account;
        let known = self.known("users.id = ?1", account)?.ok_or(LoginError::Wrong)?;
        let email = Email::parse(&known.email).map_err(|_| LoginError::Wrong)?;
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
    ) -> Result<(), LoginError> {
        let subjects = self.subjects(email, asker);
        if let Some(wait) = self.throttle.wait(&subjects, Instant::now()) {
            return Err(LoginError::Wait(wait));
        }
        let is_right = password.is(known.map_or(NOBODYS_HASH, |known| &known.hash));
        if !is_right || known.is_none() {
            self.throttle.fail(&subjects, Instant::now());
            return Err(LoginError::Wrong);
        }
        // An address keeps its failures: they may have been at other accounts.
        self.throttle.forgive(&subjects[..1]);
        Ok(())
    }

    fn known(&self, which: &str, value: impl rusqlite::ToSql) -> Result<Option<Known>, Unavailable> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(&format!(
            "SELECT id, display, folded, email, password FROM users WHERE {which} AND password IS NOT NULL"
        ))?;
        let known = statement.query_row([value], |row| {
            let (display, folded): (String, String) = (row.get(1)?, row.get(2)?);
            let name = Name::stored(display.into(), folded.into());
            Ok(Known { id: row.get(0)?, name, email: row.get(3)?, hash: row.get(4)? })
        });
        Ok(known.optional()?)
    }
}

fn new_session(member: Member, email: String, token: Token, device: String, begun: Begun) -> NewSession {
    let session = Arc::new(Session { token: token.hash(), member: Some(member), host: begun.host });
    NewSession { token, session, email, device, ended: begun.ended }
}
