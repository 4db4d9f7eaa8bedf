//! Every bound of the server, with its unit and its reason.
//!
//! A room in front of thirty curious students is bounded everywhere or nowhere: every queue has a size, every wait a
//! deadline, every input a limit. Each file has the bounds of the room it is named after, and all are reached as `limits::NAME`.
//! They stand together because they lean on each other; the assertions below say how. The operator's choices are in
//! [`crate::config`].
//!
//! | file | bounds |
//! |---|---|
//! | `sys.rs` | threads, descriptors, the clock, the log, the end |
//! | `lan_name.rs` | the room's name in the local network |
//! | `protocol.rs` | what is said on the wire |
//! | `room.rs` | who is here, whose each name is, what hosts decide |
//! | `store.rs` | the log on disk |
//! | `accounts.rs` | users, sessions, passwords and their resets |
//! | `hub.rs` | commands, turns, what waits for sockets |
//! | `client.rs` | pace, silence, reading the log |
//! | `http.rs` | page and API |
//! | `listener.rs` | the public port |

mod accounts;
mod client;
mod http;
mod hub;
mod lan_name;
mod listener;
mod protocol;
mod room;
mod store;
mod sys;

use std::time::Duration;

pub use accounts::*;
pub use client::*;
pub use http::*;
pub use hub::*;
pub use lan_name::*;
pub use listener::*;
pub use protocol::*;
pub use room::*;
pub use store::*;
pub use sys::*;

const fn ms(duration: Duration) -> u128 {
    duration.as_millis()
}

const _: () = {
    const MOST: usize = REFUSALS + HAND_OVERS + PAGE_REQUESTS + PAGE_WORKERS + PASSWORD_WORKERS + TRANSCRIPTS;
    assert!(SPARE_THREADS as usize > MOST + 16);
    assert!(SPARE_DESCRIPTORS > 2 * PAGE_REQUESTS as u64 + 128);
    assert!(PAGE_REQUESTS > PASSWORD_QUEUE + PASSWORD_WORKERS, "the page must not wait for passwords");
    assert!(SPARE_MAPPINGS > SPARE_THREADS * THREAD_MAPPINGS + 4 * (WINDOW_BYTES / TURN_BYTES) as u64);
    assert!(ENTRY_STACK_BYTES < READER_STACK_BYTES, "readers must not get stacks that have been used");
    // glibc gives out a used stack of up to four times the size.
    assert!(4 * READER_STACK_BYTES < TRANSCRIPT_STACK_BYTES, "nor those of transcripts");
    assert!(16 * TURN_BYTES < WINDOW_BYTES, "the window must hold many turns");
    assert!(ms(STALL) < ms(WINDOW_AGE), "a client that takes nothing must be cut off, not start afresh");
    assert!(REGISTER_BYTES + HISTORY_BYTES < OWN_BYTES, "what the hub sends at once must fit what may wait");
    assert!(COMMAND_BYTES <= TURN_BYTES, "a command must fit a turn");
    assert!(TURN_MESSAGES * REACTION_BYTES <= TURN_BYTES, "a turn must take as many reactions as messages");
    assert!(
        2 * SIGNS * REACTORS * (NAME_CHARACTERS * 4 + 4) < OWN_BYTES,
        "what a host is told of a message must fit what may wait for one"
    );
    assert!(MESSAGE_CHARACTERS * 12 <= FRAME_BYTES, "every message must fit a frame, each character escaped");
    assert!(
        REGISTER_BYTES < CATCH_UP_BYTES && CATCH_UP_BYTES < KEPT_BYTES,
        "it must be kept to be handed out"
    );
    assert!(CATCH_UP_BYTES > TURN_BYTES, "catching up must be faster than what comes in");
    assert!(CATCH_UP_PAGE_BYTES < SEND_BUFFER_BYTES, "a slow reader costs its thread less than the kernel");
    assert!(BYTES_WITHOUT_MESSAGE > FRAME_BYTES, "a frame must fit what may come without a message");
    assert!(
        ms(BURST) * INBOUND_BYTES_PER_SECOND as u128 >= 1000 * BYTES_WITHOUT_MESSAGE as u128,
        "a frame must pass at once"
    );
    assert!(ms(IDLE) + ms(COALESCE) < 60_000, "everybody must be told within a minute that somebody is gone");
    assert!(ms(PING_AFTER) * 2 < ms(IDLE), "a ping and its answer must fit the idle time, twice");
    assert!(ms(PAGE_STOP) + ms(CLOSE_LINGER) < ms(STOP), "one after the other must fit");
    assert!(ms(CLOSE_LINGER) < ms(STOP), "closing must fit stopping");
    assert!(ms(LOG_STALL) < ms(STOP), "so must a log that nobody reads");
    assert!(ms(SAVE_RETRY) < ms(SAVE_DEADLINE));
    assert!(ms(STORE_BUSY) <= ms(SAVE_RETRY), "a try must not take longer than the time between two");
    assert!(*READERS.start() > 1, "a search must leave a reader to others");
    assert!(ms(SETTLE) < ms(SAVE_DEADLINE), "a pause must not look like a failing disk");
    assert!(ms(STORE_BUSY_ASIDE) < ms(STOP), "the last checkpoint must fit stopping");
    assert!(CHECKPOINT_BYTES < WAL_BYTES, "checkpoints must run long before the hub is paused for one");
    assert!(TURN_BYTES < WAL_BYTES);
    const HASHES_IN_A_ROW: u128 = (PASSWORD_QUEUE / PASSWORD_WORKERS) as u128;
    // The last of a full queue must be answered while its connection still waits.
    assert!(ms(PASSWORD_HASH_TIME) * HASHES_IN_A_ROW + ms(HUB_ANSWER) * 2 < ms(PAGE_DEADLINE));
    assert!(RESERVATIONS >= 20 * RESERVATIONS_PER_ADDRESS, "no few addresses may hold all names");
    assert!(ms(RESET_MAIL_EVERY) < ms(RESET));
};
