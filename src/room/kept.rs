//! The part of the room that is kept over restarts. The room hands out each change for the store, which brings everything
//! back at the next start.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use crate::protocol::names::Name;
use crate::protocol::{AccountId, HostAction, KeyHash};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomChange {
    Reserve(Reservation),
    /// A folded name is free for all.
    Forget(Arc<str>),
    /// Somebody is here who is logged in.
    AccountBrowser(AccountBrowser),
    /// Hosts', and its browser's, until a host frees it.
    HostName(HostName),
    /// A folded name, or what one was compared by before, is no host's any more.
    ForgetHostName(Arc<str>),
    Settings(Settings),
    Hold(Hold, HeldBack),
    /// The one with this folded name is held back no more.
    Release(Hold, Arc<str>),
    /// These are held back, and nobody else.
    AllHeldBack(Vec<(Hold, HeldBack)>),
    Action(HostAction),
}

/// The name of a host without an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName {
    pub name: Name,
    /// Hash of the `guest_key` of the browser that it was used in.
    pub key: Option<KeyHash>,
}

/// A guest's name that is kept for its browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    pub name: Name,
    /// Hash of the browser's `guest_key`.
    pub key: KeyHash,
    /// Where the guest came from who took it, an IPv6 address as its /64; none where an older version kept it.
    pub address: Option<IpAddr>,
    /// Hash of its browser's cookie, as far as it was seen.
    pub browser: Option<KeyHash>,
    /// It has spoken, and is kept for long.
    pub has_spoken: bool,
    /// Milliseconds since 1970; none while its owner is here.
    pub left_at_ms: Option<i64>,
}

/// A browser in which an account is logged in: it is the account's for as long as that lasts, and as a guest's is after that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountBrowser {
    pub account: AccountId,
    /// Hash of its cookie.
    pub browser: KeyHash,
    /// Hash of its `guest_key`, where it has told one.
    pub key: Option<KeyHash>,
    /// Milliseconds since 1970.
    pub at_ms: i64,
}

/// What holds for everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The hosts' title.
    pub title: Option<String>,
    /// Only hosts may write.
    pub locked: bool,
    /// Nobody new gets a name.
    pub door_closed: bool,
    /// Seconds between two messages of one person; 0 for none.
    pub slow_mode_seconds: u32,
    /// Guests keep the name that they have.
    pub names_fixed: bool,
}

/// Stored as its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// They may not write.
    Mute = 0,
    /// They may not be here.
    Ban = 1,
}

/// Somebody who is held back, under the name that they had then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBack {
    pub name: Name,
    pub identifiers: BTreeSet<Identifier>,
}

/// One thing that somebody is known by, the surest first. A name is the last resort, for who never told anything else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identifier {
    Account(AccountId),
    /// Hash of their browser's key.
    Guest(KeyHash),
    /// An IPv6 address as its /64.
    Address(IpAddr),
    /// Hash of their browser's cookie.
    Browser(KeyHash),
    /// Hash of their tab's key.
    Tab(KeyHash),
    /// Folded.
    Name(Arc<str>),
}

impl Identifier {
    /// Whether nobody else can have it.
    pub fn is_proof(&self) -> bool {
        matches!(self, Identifier::Account(_) | Identifier::Guest(_) | Identifier::Browser(_))
    }
}
