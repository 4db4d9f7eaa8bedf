//! Accounts: who has one, who is logged in, and how a forgotten password is replaced.
//!
//! Kept in the room's database by two connections of their own: one that writes, a row at a time, and one that reads and
//! so waits for nobody's lock. Whoever asks does so on its own thread: an HTTP worker, or a client's thread while it is
//! taken in. The hub never does. It is told what follows, after it is on disk.
//!
//! Nothing here can be used by who reads the file: passwords are kept as argon2id hashes ([`password`]), what browsers
//! and links hold as SHA-256 ([`token`]).

pub(crate) mod email;
mod hosts;
pub(crate) mod invite;
mod members;
pub(crate) mod password;
mod resets;
mod sessions;
pub(crate) mod throttle;
pub(crate) mod token;

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use data_encoding::BASE64URL_NOPAD;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

pub use hosts::make_host_link_beside;
pub(crate) use hosts::{HostError, HostGeneration, HostNews, StartKey};
pub(crate) use members::{LoginError, SignUpError};
pub use resets::issue_reset_beside;
pub(crate) use resets::{ResetError, ResetLink};

use crate::accounts::email::Email;
use crate::limits;
use crate::protocol::names::Name;
use crate::protocol::title::DEFAULT_TITLE;
use crate::protocol::{AccountId, Role};
use password::HashError;
use throttle::{Subject, Throttle};
use token::{Token, TokenHash};

/// One session: who a cookie belongs to. It has a [`Member`], or is a host's, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// What the cookie's token hashes to.
    pub token: TokenHash,
    /// Whose it is; none where somebody has opened a host link without an account.
    pub member: Option<Member>,
    /// The generation of the link that made it a host's.
    pub host: Option<HostGeneration>,
}

impl Session {
    /// What its owner is in the room.
    pub fn role(&self) -> Role {
        if self.host.is_some() { Role::Host } else { Role::Member }
    }

    /// Whether this is one of the account's sessions.
    pub fn is_of(&self, account: AccountId) -> bool {
        self.member.as_ref().is_some_and(|member| member.account == account)
    }
}

/// Who has an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Their account.
    pub account: AccountId,
    /// Their name in the room.
    pub name: Name,
}

/// A session that has just begun.
#[derive(Debug)]
pub struct NewSession {
    /// What the browser gets as its cookie.
    pub token: Token,
    /// Whose it is.
    pub session: Arc<Session>,
    /// The account's address.
    pub email: String,
    /// Proves later that this browser has logged in to this account before.
    pub device: String,
    /// Sessions that ended with it: the one whose cookie was shown, and the oldest above
    /// [`limits::ACCOUNT_SESSIONS`].
    pub ended: Vec<TokenHash>,
}

/// Where somebody asks from.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// Their address, an IPv6 one as its /64.
    pub address: IpAddr,
    /// What [`NewSession::device`] gave their browser, if it did.
    pub device: Option<&'a str>,
    /// The session whose cookie they show.
    pub session: Option<TokenHash>,
}

/// What is wrong on our side: the database, or the system. Nothing was changed.
#[derive(Debug)]
pub enum Unavailable {
    /// The database cannot be read or written.
    Database(rusqlite::Error),
    /// No random numbers, or no memory.
    System(String),
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unavailable::Database(error) => write!(f, "the accounts' database does not work: {error}"),
            Unavailable::System(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Unavailable {}

impl From<rusqlite::Error> for Unavailable {
    fn from(error: rusqlite::Error) -> Unavailable {
        Unavailable::Database(error)
    }
}

impl From<HashError> for Unavailable {
    fn from(error: HashError) -> Unavailable {
        Unavailable::System(error.to_string())
    }
}

impl From<std::io::Error> for Unavailable {
    fn from(error: std::io::Error) -> Unavailable {
        Unavailable::System(format!("the system has no random numbers: {error}"))
    }
}

/// All accounts of a room.
#[derive(Debug)]
pub struct Accounts {
    reader: Mutex<Connection>,
    writer: Mutex<Connection>,
    /// Who fails too often.
    pub throttle: Throttle,
    /// Numbers accounts for the throttle, those that do not exist too.
    numbers: RandomState,
    device_key: [u8; 32],
    /// Where links lead: an origin.
    address: String,
}

impl Accounts {
    /// The accounts in a room's database, on two connections of [`crate::store::Store::connect`]. `address` is where links
    /// lead; it is kept for [`issue_reset_beside`].
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn open(mut writer: Connection, reader: Connection, address: &str) -> Result<Accounts, Unavailable> {
        wait_in_turn(&mut writer)?;
        reader.pragma_update(None, "query_only", true)?;
        writer.execute("UPDATE room SET address = ?1", [address])?;
        let device_key = device_key(&writer)?;
        Ok(Accounts {
            reader: Mutex::new(reader),
            writer: Mutex::new(writer),
            throttle: Throttle::default(),
            numbers: RandomState::new(),
            device_key,
            address: address.to_owned(),
        })
    }

    /// Every name that an account has or had, in the form that is compared.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn names(&self) -> Result<Vec<(Arc<str>, AccountId)>, Unavailable> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached("SELECT folded, id FROM users")?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?.into(), row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// What the room is called: by hosts, else by the operator.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn room_title(&self) -> Result<String, Unavailable> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached("SELECT coalesce(title, operator_title) FROM room")?;
        let title: Option<String> = statement.query_row([], |row| row.get(0))?;
        Ok(title.unwrap_or_else(|| DEFAULT_TITLE.to_owned()))
    }

    /// Whether an account has this address.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn is_known(&self, email: &Email) -> Result<bool, Unavailable> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached("SELECT 1 FROM users WHERE email = ?1")?;
        Ok(statement.exists([email.as_str()])?)
    }

    /// The address of an account; none once it is deleted.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn email_of(&self, account: AccountId) -> Result<Option<String>, Unavailable> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached("SELECT email FROM users WHERE id = ?1")?;
        Ok(statement.query_row([account], |row| row.get(0)).optional()?.flatten())
    }

    /// Whose failures a try to log in counts to.
    fn subjects(&self, email: &Email, asker: &Asker) -> Vec<Subject> {
        match asker.device.and_then(|given| self.device_mark(email, given)) {
            Some(mark) => vec![Subject::Device(self.numbers.hash_one((mark.hash(), email.folded())))],
            None => vec![Subject::Pair(self.number(email), asker.address), Subject::Address(asker.address)],
        }
    }

    /// A number for what somebody names an account by: an address, in whatever case, or what their cookie holds.
    pub fn number_of(&self, named: &str) -> u64 {
        self.numbers.hash_one(named.trim().to_ascii_lowercase())
    }

    fn number(&self, email: &Email) -> u64 {
        self.numbers.hash_one(email.folded())
    }

    /// What a browser that has logged in with this address keeps: what it shows, if that is such a thing, else a new one.
    fn device(&self, email: &Email, asker: &Asker) -> std::io::Result<String> {
        let known = asker.device.and_then(|given| self.device_mark(email, given));
        let mark = known.map_or_else(Token::random, Ok)?;
        Ok(format!("{}.{}", mark.text(), self.device_proof(&mark, email)))
    }

    /// The browser's own mark, if what it shows was made for this address. Its own, so that who guesses at a computer
    /// where somebody once logged in makes only that one wait.
    fn device_mark(&self, email: &Email, given: &str) -> Option<Token> {
        let (mark, proof) = given.split_once('.')?;
        let mark = Token::parse(mark)?;
        token::same(proof.as_bytes(), self.device_proof(&mark, email).as_bytes()).then_some(mark)
    }

    /// What only a browser that has logged in with this address can know.
    fn device_proof(&self, mark: &Token, email: &Email) -> String {
        let digest = Sha256::new().chain_update(self.device_key).chain_update(mark.hash());
        BASE64URL_NOPAD.encode(&digest.chain_update(email.folded()).finalize())
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        // A panic while it is held leaves no half of anything: SQLite rolls back.
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for the database's one writer by looking often. SQLite's own waiting looks ever less often, up to ten times a
/// second: in a room where everybody writes, the moments between two turns of the hub would pass it by.
fn wait_in_turn(db: &mut Connection) -> rusqlite::Result<()> {
    let mut since = Instant::now();
    db.busy_handler(Some(move |looked: i32| {
        if looked == 0 {
            since = Instant::now();
        }
        std::thread::sleep(limits::ACCOUNTS_BUSY_POLL);
        since.elapsed() < limits::ACCOUNTS_BUSY
    }))
}

/// The room's own, made at its first start.
fn device_key(db: &Connection) -> Result<[u8; 32], Unavailable> {
    let fresh = Token::random()?.hash();
    db.execute("UPDATE room SET device_key = ?1 WHERE device_key IS NULL", params![fresh])?;
    Ok(db.query_row("SELECT device_key FROM room", [], |row| row.get(0))?)
}

#[cfg(test)]
mod tests;
