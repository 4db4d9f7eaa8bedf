//! The hub: commands, turns, frames kept for those who come back, and what waits for sockets.

use std::time::Duration;

use super::protocol::FRAME_BYTES;

// ---- commands and turns ----

/// Commands waiting for the hub. A full channel makes a reader wait, and TCP slows its sender.
pub const HUB_COMMANDS: usize = 1024;
/// Bytes of requests a reader puts in one command.
pub const COMMAND_BYTES: usize = FRAME_BYTES;
/// The least that a request counts of them: an empty frame too is answered with a sentence.
pub const REQUEST_BYTES: usize = 256;
/// Messages of one turn, which is one transaction.
pub const TURN_MESSAGES: usize = 1024;
/// Encoded bytes of one turn, so that a turn is a small part of the window.
pub const TURN_BYTES: usize = 256 * 1024;
/// What a deletion counts of those: it is always about as long.
pub const DELETION_BYTES: usize = 96;
/// What a reaction counts of those: as long as an event with eight emoji is, and one stands for all of its message's in the turn.
pub const REACTION_BYTES: usize = 256;
/// A turn takes in no more after this long: a taken name costs up to half a millisecond where every name near it is taken too.
pub const TURN_TIME: Duration = Duration::from_millis(20);
/// Messages kept while the disk does not take them; further ones are refused at once.
pub const WAITING_MESSAGES: usize = 4 * TURN_MESSAGES;
/// Bytes of those messages.
pub const WAITING_BYTES: usize = 4 * TURN_BYTES;
/// A turn that the disk does not take for this long is refused with `not_saved`.
pub const SAVE_DEADLINE: Duration = Duration::from_secs(2);
/// Between two tries to save a turn.
pub const SAVE_RETRY: Duration = Duration::from_millis(50);

// ---- coming back ----

/// Encoded frames kept in memory for those who come back.
pub const KEPT_BYTES: usize = 4 * 1024 * 1024;
/// Positions for which they are kept. A frame that went with its message, or that a newer one replaces, leaves its place.
pub const KEPT_ENTRIES: usize = KEPT_BYTES / 64;
/// Newest positions whose frames are read from the store at start: what a class misses while a server restarts.
pub const KEPT_AT_START: u64 = 1_000;
/// The most that the hub itself sends to a client that registers; one that misses more catches up on its own thread.
pub const REGISTER_BYTES: usize = 64 * 1024;
/// The most that the hub hands out at once to a client that catches up. More than a turn adds, so that catching up has an end; not
/// all that is kept, since the handles of its frames alone can be a megabyte for each who comes back.
pub const CATCH_UP_BYTES: usize = 2 * TURN_BYTES;
/// Messages of a fresh load.
pub const FRESH_MESSAGES: usize = 50;

// ---- what waits for sockets ----

/// The newest bytes of what everybody is told, kept once for all who have not taken them yet. A client further behind starts
/// afresh: at 16 MB/s, as fast as a busy room gets, these are two seconds.
pub const WINDOW_BYTES: usize = 32 * 1024 * 1024;
/// How old they may be: nobody has older ones to take from here. What the system has taken for them may be later still.
pub const WINDOW_AGE: Duration = Duration::from_secs(30);
/// How often it is looked for what has become too old, where nothing is said.
pub const WINDOW_STEP: Duration = Duration::from_millis(250);
/// Clients that start afresh in one turn: each is sent up to [`REGISTER_BYTES`], and the others wait for their next try.
pub const AFRESH_CLIENTS: usize = 64;
/// Unsent bytes for one client alone: answers, refusals, what hosts are told. Past it the client is cut off and resumes.
pub const OWN_BYTES: usize = 1024 * 1024;
/// The same for all clients. Past it the one with the most is cut off.
pub const ALL_OWN_BYTES: usize = 64 * 1024 * 1024;
/// A client that takes no byte for this long, though some wait, is cut off. Kernels open their windows in steps of seconds.
pub const STALL: Duration = Duration::from_secs(10);
/// Shortest and longest time until a blocked client is tried again.
pub const RETRY_WRITE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));
/// The kernel's send buffer for a client: autotuning would let it hold about 4 MB for each that stops reading.
pub const SEND_BUFFER_BYTES: usize = 128 * 1024;
/// Bytes in it that the system has not sent yet (Linux): on a slow line a full buffer would be many seconds of what was said, and
/// would seem to take nothing for as long.
pub const UNSENT_BYTES: u32 = 16 * 1024;
/// Pieces of what waits that one system call takes: a turn and some of a client's own between its parts.
pub const SLICES: usize = 16;
/// From our close frame until the socket is cut, for the peer to read it and answer.
pub const CLOSE_LINGER: Duration = Duration::from_secs(1);

// ---- who is here ----

/// Changes of who is here, who is typing and whose hand is up are told at most this often.
pub const COALESCE: Duration = Duration::from_millis(500);
