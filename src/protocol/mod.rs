//! The wire protocol: what a client may say, what the server says, and both as WebSocket text frames.
//!
//! One JSON object a frame, its kind in `event`. Pure: no I/O, no state. A client's event that is decoded keeps every rule
//! that needs no knowledge of the room; the server's are encoded once, for any number of sockets.
//!
//! | file | owns |
//! |---|---|
//! | `event.rs`, `refusal.rs`, `reason.rs` | both sides' events; how the server says no, and why |
//! | `decode.rs`, `encode.rs` | a frame's text → an event; an event → a finished frame |
//! | `hand.rs` | what goes with a raised hand |
//! | `names.rs`, `spelling.rs` | names; which characters may stand where |
//! | `fold.rs`, `former_fold.rs` | when two names are one; when they were one in earlier versions |
//! | `look_alikes.rs` | whom a name could be taken for |
//! | `title.rs`, `origin.rs`, `search.rs`, `signs.rs` | what a room's title, an origin, a search and a reaction may be |
//! | `bidi.rs` | texts that reach beyond themselves when they are shown |

pub(crate) mod bidi;
mod decode;
mod encode;
mod event;
mod fold;
pub(crate) mod former_fold;
mod hand;
pub(crate) mod look_alikes;
pub(crate) mod names;
pub(crate) mod origin;
mod reason;
mod refusal;
pub(crate) mod search;
pub(crate) mod signs;
mod spelling;
pub(crate) mod title;

use std::sync::Arc;

use serde::Serialize;

pub use decode::{LastName, decode};
pub(crate) use decode::{hash_key, no_sign};
pub(crate) use encode::{PING, encode_close, frame};
pub use encode::{encode, encoded_bytes};
pub use event::{ClientEvent, Message, Moderate, ServerEvent};
pub(crate) use event::{HostAction, Reactors, ResetRequest, WIRE_LIMITS, WelcomeSession};
pub use hand::Lowered;
pub(crate) use hand::Question;
pub(crate) use reason::Reason;
pub use refusal::CloseCode;
pub(crate) use refusal::{ErrorCode, Refusal};

/// A place in the log: each change of it takes the next one, from 1 on. 0 is before the first.
pub(crate) type Position = u64;

/// Names one account for ever.
pub(crate) type AccountId = i64;

/// SHA-256 of a `guest_key` or `tab_key`: the keys themselves are kept nowhere.
pub(crate) type KeyHash = [u8; 32];

/// Stored as its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Came with a name only.
    Guest = 0,
    /// Has an account.
    Member = 1,
    Host = 2,
}

/// Somebody who is here, as the room shows them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Person {
    pub username: Arc<str>,
    pub role: Role,
}

/// Somebody who goes on under another name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Renamed {
    pub from: Arc<str>,
    pub username: Arc<str>,
}
