//! Who is here, whose each name is, and what hosts decide.

use std::time::Duration;

// ---- who is here ----

/// Above this many persons only their number is told.
pub const PRESENCE_PERSONS: usize = 200;
/// Names that hosts are told of who has reacted with a sign: as many as are listed of those who are here.
pub const REACTORS: usize = PRESENCE_PERSONS;
/// How long typing is shown without being said again.
pub const TYPING_SHOWN: Duration = Duration::from_secs(5);
/// Names in a `typing` event; the rest is a number.
pub const TYPING_NAMES: usize = 3;
/// Hands that are up at a time, each with a question: more than a class, and some that nobody lowers.
pub const HANDS: usize = 200;
/// Hands that are told, the first ones: as many as a host calls in a lesson.
pub const HANDS_TOLD: usize = 50;
/// How long somebody's hand stays up while they are away: a reload, or a Wi-Fi that comes back.
pub const HAND_KEPT: Duration = Duration::from_secs(60);
/// Connections of one person: tabs, and sockets that died without a word.
pub const PERSON_CONNECTIONS: usize = 8;
/// People who all at one address together may do as much as: a class that shares a router.
pub const ADDRESS_PEOPLE: u32 = 40;

// ---- whose each name is ----

/// Accounts that an address may bring at once: a class that shares a router, as many as [`ADDRESS_PEOPLE`].
pub const ACCOUNTS_AT_ONCE: u32 = ADDRESS_PEOPLE;
/// Names that nobody had; a few of the class correct theirs.
pub const NAMES_AT_ONCE: u32 = ADDRESS_PEOPLE + 10;
/// How long until it may bring one name more.
pub const NAME_EVERY: Duration = Duration::from_secs(5);
/// How long until it may bring one account more: its name is gone for ever.
pub const ACCOUNT_EVERY: Duration = Duration::from_secs(60);
/// Addresses of which that is remembered, some 60 bytes each; above it, the one that came longest ago is forgotten.
pub const NEWCOMERS_ADDRESSES: usize = 20_000;
/// How long a name that a host has freed is not for its last holder: the person for whom it was freed has it by then.
pub const FREED: Duration = Duration::from_secs(10 * 60);
/// Such names that are remembered, a few hundred bytes each; the oldest goes when another is freed.
pub const FREED_NAMES: usize = 1_000;
/// Names that one `guest_key` may hold reserved.
pub const NAMES_PER_KEY: usize = 5;
/// Names kept for hosts without an account, until one frees them: more than a school has teachers. Further ones are as guests' are.
pub const HOST_NAMES: usize = 1_000;
/// Names that are tried for somebody whose own a host takes: more than are taken where nobody means harm, and some 20 ms.
pub const SPARE_NAMES: u32 = 10_000;
/// Names kept for guests' keys in all, some 300 bytes each.
pub const RESERVATIONS: usize = 20_000;
/// Those of one address: a school's network, and a part of all that leaves most of it to others.
pub const RESERVATIONS_PER_ADDRESS: usize = 1_000;
/// How long a guest's name that has spoken stays its own after it left: a school day.
pub const RESERVED: Duration = Duration::from_secs(12 * 60 * 60);
/// The same of one that has said nothing: a reload, a lost Wi-Fi.
pub const RESERVED_SILENT: Duration = Duration::from_secs(10 * 60);

// ---- what hosts decide ----

/// People who are muted, and as many who are out: more than a school would ever hold back, by name, at a time.
pub const HELD_BACK: usize = 1_000;
/// Things that each of them is known by: some tabs, and what they come back with. Above it nothing more is learnt.
pub const HELD_BACK_IDENTIFIERS: usize = 64;
/// The longest pause of slow mode, in seconds.
pub const SLOW_MODE_SECONDS: u32 = 3_600;
/// Speakers whose last message is remembered for slow mode; above it, the time of who spoke longest ago is over.
pub const SLOW_MODE_SPEAKERS: usize = 20_000;
/// Minutes back to which a host deletes all that somebody has said: a lesson and a break.
pub const DELETE_RECENT_MINUTES: u32 = 60;
/// Messages deleted by that at once, the newest: more than anybody may send in a lesson. Each is an event for everybody.
pub const DELETE_RECENT: usize = 5_000;
/// Of them, so many in a turn: some ten milliseconds of the hub's time.
pub const DELETE_RECENT_TURN: usize = 500;
/// Messages that are looked through for them, the newest: a second of a reader's time.
pub const RECENT_ROWS: u64 = 1_000_000;
/// The same for whom a host names who is nobody any more: some milliseconds of the hub's time.
pub const AUTHOR_ROWS: u64 = 20_000;
/// Actions in the host's panel.
pub const HOST_ACTIONS_SHOWN: usize = 50;
/// Actions kept in all: a school year of busy lessons.
pub const HOST_ACTIONS: usize = 10_000;
