//! A self-hosted, real-time chat room: one binary, one port, one thread per connection, no async runtime.
//!
//! # The way of a message
//!
//! ```text
//!  browser ── TCP, one port ──► listener      accepts, counts; then a thread of its own for each connection,
//!                                 │           which reads the request's head under one deadline
//!               Upgrade: websocket│     anything else
//!                                 ▼           ▼
//!                              client       relay ──► page: tiny_http on a private socket
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
//! 5. The hub waits for nobody: what a client does not take waits in its backlog, and who takes nothing is cut off.
//! 6. Every queue, wait and input has a bound, and the bound has a reason ([`limits`]).
//! 7. What breaks one connection breaks no other. A hub that panics ends the process.
//! 8. Passwords, tokens, keys and what people write are never logged.
//!
//! # Where things are
//!
//! Each module uses only those above it in this list (but for [`accounts`], which opens the [`store`] for commands beside a
//! room that may be open).
//!
//! | module | owns |
//! |---|---|
//! | [`limits`] | every bound, with its unit and its reason |
//! | [`email`] | what an email address may be, and when two are one; pure |
//! | [`config`] | the command line |
//! | [`fault`] | where a development build breaks on demand |
//! | [`logging`] | log lines on stderr |
//! | [`clock`] | what time it is |
//! | [`names`] | what a name may be, and when two are one |
//! | [`search`] | what a search asks for, and whether a text has it |
//! | [`protocol`] | what clients and the server say, as frames |
//! | [`accounts`] | who has an account, sessions, resets |
//! | [`reservations`] | guests' names that are kept for their browsers |
//! | [`room`] | who is here, who is typing, what of it was told |
//! | [`moderation`] | what hosts have decided and done |
//! | [`store`] | the log on disk |
//! | [`export`] | the log as a file |
//! | [`kept`] | the newest part of the log in memory |
//! | [`socket`] | waiting, writing and closing with deadlines |
//! | [`sender`] | one client's write half and its backlog |
//! | [`clients`] | all registered clients: fan-out and timers |
//! | [`log_writer`] | what waits to be stored, and what becomes of it |
//! | [`hub`] | the hub's thread: turns and order |
//! | [`pace`] | how fast a client is read |
//! | [`client`] | one client's thread |
//! | [`banner`] | what the operator sees at start |
//! | [`mailer`] | reset links by mail |
//! | [`errands`] | what is done for accounts aside from requests |
//! | [`password_queue`] | who waits for a password's hash |
//! | [`request`] | a request's head, read strictly |
//! | [`origin`] | which hosts and origins are the room's own |
//! | [`cookies`] | who is logged in, as a browser keeps it |
//! | [`peer`] | whose address a connection counts for |
//! | [`answer`] | what is asked and answered over HTTP |
//! | [`api`] | what accounts answer over HTTP |
//! | [`variants`] | the page with the host's part and without it; pure |
//! | [`site`] | what is answered over HTTP: the page and its API |
//! | `private_socket` | the way to tiny_http that nobody else can take |
//! | [`transcript`] | the log as a download |
//! | [`page`] | page and API over tiny_http, which is supervised |
//! | [`caps`] | how many connections there are |
//! | [`relay`] | a plain request on its way to the page |
//! | [`listener`] | the public port |
//! | [`server`] | all of it, started and stopped |

pub mod accounts;
pub mod answer;
pub mod api;
pub mod banner;
pub mod caps;
pub mod client;
pub mod clients;
pub mod clock;
pub mod config;
pub mod cookies;
pub mod email;
pub mod errands;
pub mod export;
pub mod fault;
pub mod hub;
pub mod kept;
pub mod limits;
pub mod listener;
pub mod log_writer;
pub mod logging;
pub mod mailer;
pub mod moderation;
pub mod names;
pub mod origin;
pub mod pace;
pub mod page;
pub mod password_queue;
pub mod peer;
mod private_socket;
pub mod protocol;
pub mod relay;
pub mod request;
pub mod reservations;
pub mod room;
pub mod search;
pub mod sender;
pub mod server;
pub mod site;
pub mod socket;
pub mod store;
pub mod transcript;
pub mod variants;
