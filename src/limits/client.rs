//! One client's thread: its pace, its silence, and what it reads of the log.

use std::time::Duration;

use super::protocol::FRAME_BYTES;

// ---- pace and silence ----

/// tungstenite's read buffer for each client, allocated for as long as it is connected: ten messages as people write them.
pub const READ_BUFFER_BYTES: usize = 2 * 1024;
/// The largest `--rate-limit` that is one: beyond it, say 0.
pub const RATE_LIMIT: u32 = 10_000;
/// What a budget saves at most, and so may be spent at once: ten messages at five a second.
pub const BURST: Duration = Duration::from_secs(2);
/// Budgets that are remembered, some 250 bytes each; above it, the one asked for longest ago is full again. Each is an account's,
/// an address's or a name's, and all of these are hard to have many of.
pub const BUDGETS: usize = 40_000;
/// Bytes that a second buys at least: above the longest messages at full pace, so it only meets other floods.
pub const INBOUND_BYTES_PER_SECOND: u32 = 128 * 1024;
/// The least price of a frame that is no message: 16 a second. Each is a turn's work for the hub, and an address may have a
/// thousand connections: at 128 a second, three hundred took 40 per cent of its time.
pub const FRAME_PRICE: Duration = Duration::from_micros(62_500);
/// The price of a `join`: while the hub looks for a free name, everybody waits.
pub const JOIN_PRICE: Duration = Duration::from_millis(500);
/// Names that a connection may ask for free of charge: one, another where that is taken, and once more. They cost less than it.
pub const FREE_JOINS: u32 = 3;
/// Raw bytes that may come without completing a message: headers of endless fragments are met here.
pub const BYTES_WITHOUT_MESSAGE: usize = 4 * FRAME_BYTES;
/// A client is told that it is paced at most this often.
pub const RATE_LIMITED_NOTICE: Duration = Duration::from_secs(1);
/// For the hub to give a name to who joins with a key, before more is read of them: a turn, and what is before it.
pub const NAME_WAIT: Duration = Duration::from_millis(100);
/// How often that is looked for meanwhile.
pub const NAME_POLL: Duration = Duration::from_millis(1);
/// A client that is paced looks this often whether the hub has closed it meanwhile.
pub const PACE_SLICE: Duration = Duration::from_millis(100);
/// One `typing` in this time counts, others are dropped.
pub const TYPING_EVERY: Duration = Duration::from_secs(3);
/// A client without a byte for this long gets a ping …
pub const PING_AFTER: Duration = Duration::from_secs(25);
/// … and is let go after this long: a Wi-Fi that went away sends no FIN. The others are told within a minute.
pub const IDLE: Duration = Duration::from_secs(58);

// ---- reading the log ----

/// Answers from the log that are under way to the hub: each may have [`HISTORY_BYTES`].
pub const ANSWERS: usize = 4;
/// For such an answer to come up; then the client is asked to try again.
pub const ANSWER_WAIT: Duration = Duration::from_secs(2);
/// Encoded bytes of one `history`, and of one page read from the store.
pub const HISTORY_BYTES: usize = 256 * 1024;
/// Messages that are looked at on a reader before others have their turn: one or two milliseconds, as a page of history.
pub const SEARCH_PAGE_ROWS: usize = 4_000;
/// Bytes of text of such a page, which makes the same of long messages.
pub const SEARCH_PAGE_BYTES: usize = 512 * 1024;
/// Messages that one search looks at: years of a class, for 50 ms of a core in ASCII and 150 in other alphabets.
pub const SEARCH_ROWS: usize = 250_000;
/// Bytes of text of those: the same of long messages.
pub const SEARCH_BYTES: usize = 64 * 1024 * 1024;
/// The longest search, where many search at once: then too it answers with what it has.
pub const SEARCH_TIME: Duration = Duration::from_secs(1);
/// Entries of one page read from the store for someone who catches up.
pub const CATCH_UP_ENTRIES: usize = 1_000;
/// Encoded bytes of such a page: everybody may take one at once, as slowly as they like, beside what the kernel holds.
pub const CATCH_UP_PAGE_BYTES: usize = 64 * 1024;
