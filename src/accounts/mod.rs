//! Accounts: who has one, who is logged in, and how a forgotten password is replaced.
//!
//! Kept in the room's database by two connections of their own: one that writes, a row at a time, and one that reads and
//! so waits for nobody's lock. Each question is asked on the thread that has it: an HTTP worker, or a client's thread while it is
//! taken in. The hub never does. It is told what follows, after it is on disk.
//!
//! Nothing here can be used by somebody who reads the file: passwords are kept as argon2id hashes ([`password`]), what browsers
//! and links hold as SHA-256 ([`token`]).
//!
//! | file | owns |
//! |---|---|
//! | `members.rs`, `names.rs` | an account's life; its name, which a host can take |
//! | `email.rs`, `password.rs` | which address and which password may be chosen, and how a password is kept |
//! | `sessions.rs`, `token.rs` | who is logged in; the secret that a browser holds for it |
//! | `throttle.rs` | how long is waited after too many failures |
//! | `resets.rs` | a link to a new password |
//! | `hosts.rs`, `first_key.rs` | links that make a host; the key for the browser that is opened at start |
//! | `invite.rs` | the code that signing up needs in a room for members |

pub(crate) mod email;
mod first_key;
mod hosts;
pub(crate) mod invite;
mod members;
mod names;
pub(crate) mod password;
mod resets;
mod sessions;
pub(crate) mod throttle;
pub(crate) mod token;

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use data_encoding::BASE64URL_NOPAD;
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

pub use hosts::make_host_link_beside;
pub(crate) use hosts::{HostGeneration, HostNews};
pub(crate) use names::Taken;
pub use names::free_name_beside;
pub(crate) use resets::ResetLink;
pub use resets::issue_reset_beside;

use crate::accounts::email::Email;
use crate::limits;
use crate::protocol::names::Name;
use crate::protocol::title::DEFAULT_TITLE;
use crate::protocol::{AccountId, Reason, Role};
use crate::store::{self, sql};
use invite::InviteCode;
use throttle::{Subject, Throttle};
use token::{Token, TokenHash};

/// A cookie's owner: a member, a host, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Hash of the cookie's token.
    pub token: TokenHash,
    /// None where somebody has opened a host link without an account.
    pub member: Option<Member>,
    /// The generation of the link that made it a host's.
    pub host: Option<HostGeneration>,
}

impl Session {
    pub fn role(&self) -> Role {
        if self.host.is_some() { Role::Host } else { Role::Member }
    }

    /// Whether this is one of the account's sessions.
    pub fn is_of(&self, account: AccountId) -> bool {
        self.member.as_ref().is_some_and(|member| member.account == account)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub account: AccountId,
    pub name: Name,
    /// A host has taken the name it had: it may choose another.
    pub chooses_name: bool,
}

/// A session that has just begun.
#[derive(Debug)]
pub struct NewSession {
    /// The browser's new cookie.
    pub token: Token,
    pub session: Arc<Session>,
    /// Proves later that this browser has logged in to this account before.
    pub device: Option<String>,
    /// Sessions that ended with it: those whose cookies were shown, and the oldest above
    /// [`limits::ACCOUNT_SESSIONS`].
    pub ended: Vec<TokenHash>,
}

/// Where somebody asks from.
#[derive(Debug, Clone)]
pub struct Asker<'a> {
    /// An IPv6 address as its /64.
    pub address: IpAddr,
    /// What their browser may have as its [`NewSession::device`]: the first that is valid counts.
    pub devices: Vec<&'a str>,
    /// What their cookies show: the first that is somebody's session counts.
    pub sessions: Vec<TokenHash>,
}

/// Why somebody does not get what they ask for. Nothing was changed.
#[derive(Debug)]
pub enum AccountError {
    /// The address or the name has an account: in the moment between asking and writing.
    Taken,
    /// The room has as many accounts as it may have.
    Full,
    /// No such address or not its password (nobody learns which); or a link that is none, was used, has expired, or was
    /// voided.
    Wrong,
    /// Too many failures: to be tried again after this time.
    Wait(Duration),
    /// The new password breaks a rule.
    Password(Reason),
    /// The key counts on the host's own computer alone.
    Elsewhere,
    /// The key with which the room opened its host's browser, after that.
    Spent,
    Unavailable(Unavailable),
}

impl<E: Into<Unavailable>> From<E> for AccountError {
    fn from(error: E) -> AccountError {
        AccountError::Unavailable(error.into())
    }
}

/// Something is wrong on our side: the database, or the system. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    #[error("the accounts' database does not work: {0}")]
    Database(#[from] rusqlite::Error),
    #[error("the system has no random numbers: {0}")]
    Random(#[from] std::io::Error),
    #[error("{0}")]
    Other(String),
}

/// All accounts of a room.
#[derive(Debug)]
pub struct Accounts {
    reader: Mutex<Connection>,
    writer: Mutex<Connection>,
    pub throttle: Throttle,
    /// Numbers accounts for the throttle, those that do not exist too.
    numbers: RandomState,
    device_key: [u8; 32],
    /// What signing up needs; none where anybody may.
    invite: Mutex<Option<InviteCode>>,
    /// The key of the link that is shown at start, and its generation.
    start_key: (Token, HostGeneration),
    /// The key that the host's browser is opened with.
    first_key: first_key::FirstKey,
    /// Where links lead: an origin, and maybe a path without a slash at the end.
    address: String,
}

impl Accounts {
    /// The accounts in a room's database, on two connections of [`store::Store::connect`]. `address` is where links lead; it
    /// is kept for links that are made from outside.
    ///
    /// # Errors
    /// When the database cannot be read or written, or the system has no random numbers.
    pub fn open(mut writer: Connection, reader: Connection, address: &str) -> Result<Accounts, Unavailable> {
        wait_in_turn(&mut writer)?;
        reader.pragma_update(None, "query_only", true)?;
        writer.execute("UPDATE room SET address = ?1", [address])?;
        Ok(Accounts {
            throttle: Throttle::default(),
            numbers: RandomState::new(),
            device_key: device_key(&writer)?,
            invite: Mutex::default(),
            start_key: (Token::random()?, hosts::generation(&reader)?),
            first_key: first_key::FirstKey::new()?,
            address: address.to_owned(),
            reader: Mutex::new(reader),
            writer: Mutex::new(writer),
        })
    }

    /// Every account's name, and those of accounts that are deleted, unless a host has freed them.
    pub fn names(&self) -> Result<Vec<(Name, AccountId)>, Unavailable> {
        let select = "SELECT display, folded, id FROM users WHERE display <> ''";
        Ok(sql::all(&self.reader(), select, [], |row| {
            Ok((Name::stored(row.get(0)?, row.get(1)?), row.get(2)?))
        })?)
    }

    /// The hosts' title of the room, else the operator's.
    pub fn room_title(&self) -> Result<String, Unavailable> {
        let select = "SELECT coalesce(title, operator_title) FROM room";
        let title: Option<Option<String>> = sql::value(&self.reader(), select, [])?;
        Ok(title.flatten().unwrap_or_else(|| DEFAULT_TITLE.to_owned()))
    }

    /// Whether an account has this address.
    pub fn is_known(&self, email: &Email) -> Result<bool, Unavailable> {
        let reader = self.reader();
        Ok(reader.prepare_cached("SELECT 1 FROM users WHERE email = ?1")?.exists([email.as_str()])?)
    }

    /// The address of an account; none once it is deleted.
    pub fn email_of(&self, account: AccountId) -> Result<Option<String>, Unavailable> {
        let email = sql::value(&self.reader(), "SELECT email FROM users WHERE id = ?1", [account])?;
        Ok(email.flatten())
    }

    /// Whether a browser shows that it has logged in with this address before.
    pub fn knows_device(&self, email: &str, given: &str) -> bool {
        Email::parse(email).is_ok_and(|email| self.device_mark(&email, given).is_some())
    }

    /// The subjects of a login that fails.
    fn subjects(&self, email: &Email, asker: &Asker) -> Vec<Subject> {
        match self.known_mark(email, asker) {
            Some(mark) => vec![Subject::Device(self.numbers.hash_one((mark.hash(), email.folded())))],
            None => vec![
                Subject::Pair(self.number_of(email.as_str()), asker.address),
                Subject::Address(asker.address),
            ],
        }
    }

    /// A number for what somebody names an account by: an address, in whatever case, or what their cookie holds.
    pub fn number_of(&self, named: &str) -> u64 {
        self.numbers.hash_one(named.trim().to_ascii_lowercase())
    }

    /// The proof that a browser keeps once it has logged in with this address: the one it shows, if it is valid, else a new one.
    fn device(&self, email: &Email, asker: &Asker) -> std::io::Result<String> {
        let mark = self.known_mark(email, asker).map_or_else(Token::random, Ok)?;
        Ok(format!("{}.{}", mark.text(), self.device_proof(&mark, email)))
    }

    fn known_mark(&self, email: &Email, asker: &Asker) -> Option<Token> {
        asker.devices.iter().find_map(|given| self.device_mark(email, given))
    }

    /// The browser's own mark, if what it shows was made for this address. Its own, so that who guesses at a computer
    /// where somebody once logged in makes only that one wait.
    fn device_mark(&self, email: &Email, given: &str) -> Option<Token> {
        let (mark, proof) = given.split_once('.')?;
        let mark = Token::parse(mark)?;
        token::same(proof.as_bytes(), self.device_proof(&mark, email).as_bytes()).then_some(mark)
    }

    /// Known only to a browser that has logged in with this address.
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

/// The address that a room has handed out since its last start.
///
/// # Errors
/// A sentence that says what to do.
pub(crate) fn address_beside(database: &Path) -> Result<String, String> {
    beside(database, |_, address| Ok(address.to_owned()))
}

/// Makes something in a room's database from outside of the server, whether or not it runs. `make` is told where links lead.
///
/// # Errors
/// A sentence that says what to do.
fn beside<T>(
    database: &Path,
    make: impl FnOnce(&mut Connection, &str) -> Result<T, Unavailable>,
) -> Result<T, String> {
    let mut db = store::connect_beside(database).map_err(|error| error.to_string())?;
    let made = || {
        wait_in_turn(&mut db)?;
        let address: Option<String> = db.query_row("SELECT address FROM room", [], |row| row.get(0))?;
        let unknown = "start the room with it once, so that links know where to lead";
        make(&mut db, &address.ok_or_else(|| Unavailable::Other(unknown.to_owned()))?)
    };
    made().map_err(|error: Unavailable| format!("{}: {error}", database.display()))
}

#[cfg(test)]
mod tests;
