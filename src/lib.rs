//! A self-hosted, real-time chat room: one binary, one port, one thread per connection, no async runtime.
//!
//! # The way of a message
//!
//! ```text
//!  browser ── TCP, one port ──► listener      accepts, counts; then a thread of its own for each connection,
//!                                 │           which reads the request's head under one deadline
//!               Upgrade: websocket│     anything else
//!                                 ▼           ▼
//!                              client       http: relay ──► tiny_http on a private socket
//!            decode, check, pace  │
//!                                 ▼  commands, a bounded channel
//!                                hub          one turn: take what waits, store it in one transaction, encode each
//!                                 │           event once, write to each client once
//!                                 ▼
//!                         every client's sender
//! ```
//!
//! # What always holds
//!
//! 1. The order of positions is the order of commits is the order in which everybody sees the log.
//! 2. Nobody sees a message that is not on disk.
//! 3. A message sent twice with the same id is stored once; the second is answered with the first.
//! 4. One thread at a time writes to a socket: the connection's own until it is registered, the hub from then on.
//! 5. The hub waits for nobody. A client that is behind is a place in a window of recent turns, kept once for all; out of the
//!    window it starts afresh, and a socket that takes nothing is cut off.
//! 6. Every queue, wait and input has a bound, and the bound has a reason ([`limits`]).
//! 7. A connection that breaks, breaks alone. A hub that panics ends the process.
//! 8. Passwords, tokens, keys and what people write are never logged. No connection goes out; of its own accord the room sends its
//!    name alone, to its own network.
//!
//! # Where things are
//!
//! Each room is a folder or a file, and uses only those above it in this list. A folder's head, its `mod.rs`, says what is in it.
//!
//! | room | owns |
//! |---|---|
//! | [`limits`] | every bound, with its unit and its reason |
//! | [`sys`] | what the system gives: waiting on sockets, permits, clock, logging, fault points, network interfaces and names |
//! | [`lan_name`] | the room's name in the local network, by multicast DNS |
//! | [`protocol`] | what is said on the wire, and what names, titles, origins and searches may be; pure |
//! | [`room`] | who is here and what they may do; pure |
//! | [`store`] | the log on disk, as a file, and the whole of it as a backup |
//! | [`accounts`] | users, sessions, password resets |
//! | [`config`] | the command line |
//! | [`hub`] | the hub's thread: turns, order, broadcast, senders |
//! | [`client`] | one client's thread: catching up, reading, pace |
//! | [`http`] | page and API over tiny_http, after the listener |
//! | [`listener`] | the public port: accept, caps, request head, route |
//! | [`server`] | all of it, started and stopped |
//! | [`banner`] | what the operator sees in the terminal |

// What nothing outside can reach says so, and what nothing uses is seen.
#![warn(unreachable_pub)]

mod accounts;
pub mod banner;
mod client;
pub mod config;
mod http;
mod hub;
pub mod lan_name;
pub mod limits;
mod listener;
mod protocol;
mod room;
pub mod server;
mod store;
mod sys;

pub use accounts::email::Email;
pub use accounts::{free_name_beside, issue_reset_beside, make_host_link_beside};
pub use store::backup::back_up;
pub use store::export::{ExportFormat, export};
pub use store::restore::restore;
pub use sys::launch;
pub use sys::logging::start as start_logging;

/// What the project's own tests, benchmark and fuzzers look into. No interface for anybody else.
#[doc(hidden)]
pub mod inside {
    pub use crate::http::client_address::client_address;
    pub use crate::http::head::{Head, parse as parse_head};
    pub use crate::http::origin::check as check_origin;
    pub use crate::http::page::page_as_sent;
    pub use crate::protocol::names::Name;
    pub use crate::protocol::origin::canonical as canonical_origin;
    pub use crate::protocol::signs::{Counts, Signs};
    pub use crate::protocol::{
        ClientEvent, CloseCode, LastName, Lowered, Message, Moderate, Role, ServerEvent, decode, encode,
        encoded_bytes,
    };
    pub use crate::store::{Change, NewMessage, Speaker, Store};
    pub use crate::sys::failpoint::TRIGGER;
    pub use crate::sys::interfaces::interfaces;
}
