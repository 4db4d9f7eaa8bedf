//! One client: its thread brings it up to date, and another reads it until it goes.
//!
//! The first one's stack and the memory that its allocator keeps have seen a handshake and perhaps pages of the log; most
//! clients then say nothing for hours. So the reading begins on a fresh thread, which has hardly touched anything, and the
//! first ends: one thread for each client at any time.
//!
//! The thread writes to the socket until the hub has registered the client, and never after: pongs, close replies
//! and answers go through the hub like everything else, so no frame can be torn by another. It reads until the
//! socket has no more, hands the hub what that gave as one batch, and only then waits.
//!
//! | file | owns |
//! |---|---|
//! | `reading/` | decoding what it says, handing it over, answering from the log |
//! | `pace.rs` | how fast it is read |

mod pace;
mod reading;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use crossbeam_channel::{Sender, bounded};

use crate::accounts::{Accounts, Session};
use crate::hub::clients::ClientId;
use crate::hub::sender::ClientSocket;
use crate::hub::visitor::Visitor;
use crate::hub::{Command, LogPart, Registered, Registration, Request, Resume, welcome};
use crate::limits;
use crate::protocol::signs::Signs;
use crate::protocol::{CloseCode, Position, Reason, ServerEvent, encode, encode_close, frame};
use crate::store::{Lent, LogEntry, Readers};
use crate::sys::permits::Permits;
use crate::sys::socket::{self, StopSignal};
use pace::{Pace, Purse};
use reading::Reading;

/// What every client's thread shares.
pub(crate) struct ClientContext {
    /// The way to the hub.
    pub hub: Sender<Command>,
    /// The way to the log.
    pub readers: Readers,
    /// Who has an account.
    pub accounts: Arc<Accounts>,
    /// What the operator chose.
    pub options: ClientOptions,
    /// Given when the server stops.
    pub stop: Arc<StopSignal>,
    /// None where there is no limit.
    pace: Option<Pace>,
    /// For answers from the log that are under way to the hub.
    answers: Permits,
}

/// What the operator chose for all clients.
#[derive(Debug, Clone)]
pub(crate) struct ClientOptions {
    /// Messages a second for each person, 0 for no limit.
    pub rate_limit: u32,
    /// Whether only who is logged in may be here, reading included.
    pub members_only: bool,
    /// What people react with.
    pub signs: Signs,
}

impl ClientContext {
    /// What every client's thread shares.
    pub(crate) fn new(
        hub: Sender<Command>,
        readers: Readers,
        accounts: Arc<Accounts>,
        options: ClientOptions,
        stop: Arc<StopSignal>,
    ) -> ClientContext {
        let (pace, answers) = (Pace::new(options.rate_limit), Permits::new(limits::ANSWERS));
        ClientContext { hub, readers, accounts, options, stop, pace, answers }
    }
}

/// A client that the hub has registered and that is now to be read.
pub(crate) struct Live {
    socket: Arc<ClientSocket>,
    address: IpAddr,
    early: Vec<u8>,
    purse: Option<Purse>,
    departure: Departure,
}

impl Live {
    /// Reads it; returns when the connection has ended.
    pub(crate) fn read(self, context: &ClientContext) {
        let Live { socket, address, early, purse, departure } = self;
        Reading::new(&socket, departure.id, address, early, purse, context).run();
        await_end(&socket);
    }
}

/// Waits for the hub to end the connection: with its answer to a goodbye, a code of its own, or at once.
fn await_end(socket: &ClientSocket) {
    socket::drain(&socket.stream, Instant::now() + 2 * limits::CLOSE_LINGER);
}

/// Brings a client whose handshake is answered up to date, and registers it. None if its connection has ended.
///
/// `early` is what came after the request head.
pub(crate) fn enter(
    socket: Arc<ClientSocket>,
    resume: Resume,
    visitor: Visitor,
    early: Vec<u8>,
    context: &ClientContext,
) -> Option<Live> {
    if context.options.members_only && visitor.session.is_none() {
        refuse_stranger(&socket, &context.stop);
        return None;
    }
    match register(&socket, resume, &visitor, context) {
        Ok(id) => {
            let departure = Departure { id, hub: context.hub.clone() };
            match has_ended(visitor.session.as_ref(), context) {
                Ok(false) => {
                    let purse = context.pace.as_ref().map(|pace| pace.purse(&visitor, id));
                    return Some(Live { socket, address: visitor.address, early, purse, departure });
                }
                Ok(true) => {
                    let closed = vec![Request::Close(CloseCode::SessionEnded)];
                    let _ = context.hub.send(Command::Batch(id, closed)); // no hub, no one to tell
                    await_end(&socket);
                }
                Err(_) => {} // it comes back, and is looked up again
            }
        }
        Err(Unregistered::Stopping) => refuse(&socket, CloseCode::Stopping, &context.stop),
        Err(Unregistered::Removed) => refuse(&socket, CloseCode::Removed, &context.stop),
        Err(Unregistered::SessionEnded) => refuse(&socket, CloseCode::SessionEnded, &context.stop),
        Err(Unregistered::Gone(error)) => log::debug!("a client went before it was live: {error}"),
    }
    None
}

/// Ends a connection that is not the hub's yet with a close code.
pub(crate) fn refuse(socket: &ClientSocket, code: CloseCode, stop: &StopSignal) {
    if socket::write_all(&socket.stream, &encode_close(code), stop).is_ok() {
        socket::finish_politely(&socket.stream);
    }
}

/// Says that this room is for members, and ends the connection.
fn refuse_stranger(socket: &ClientSocket, stop: &StopSignal) {
    let mut frames = frame(&ServerEvent::Error(&Reason::MembersOnly.into()));
    frames.extend(encode_close(CloseCode::SessionEnded));
    if socket::write_all(&socket.stream, &frames, stop).is_ok() {
        socket::finish_politely(&socket.stream);
    }
}

/// Whether a session ended after it was looked up and before the hub knew of this connection: the hub closes only
/// those that it knows.
///
/// # Errors
/// Where that cannot be known, or its account is called otherwise by now: it is to be looked up again.
fn has_ended(session: Option<&Arc<Session>>, context: &ClientContext) -> io::Result<bool> {
    let Some(session) = session else { return Ok(false) };
    let found = context.accounts.session_by_hash(&session.token).map_err(|error| {
        log::warn!("a session could not be looked up again: {error}");
        io::Error::other("the accounts cannot be read")
    })?;
    match found {
        Some(found) if found != *session => Err(io::Error::other("the account has another name")),
        found => Ok(found.is_none()),
    }
}

/// The connection's last word, whatever ends it.
struct Departure {
    id: ClientId,
    hub: Sender<Command>,
}

impl Drop for Departure {
    fn drop(&mut self) {
        let _ = self.hub.send(Command::Unregister(self.id)); // no hub, no room to leave
    }
}

enum Unregistered {
    Stopping,
    SessionEnded,
    Removed,
    Gone(io::Error),
}

impl From<io::Error> for Unregistered {
    fn from(error: io::Error) -> Unregistered {
        Unregistered::Gone(error)
    }
}

/// Catches up under flow control until the hub takes over.
fn register(
    socket: &Arc<ClientSocket>,
    mut resume: Resume,
    visitor: &Visitor,
    context: &ClientContext,
) -> Result<ClientId, Unregistered> {
    let session = visitor.session.as_ref();
    loop {
        let (answer, answered) = bounded(1);
        let registration = Registration { socket: socket.clone(), resume, visitor: visitor.clone(), answer };
        context.hub.send(Command::Register(registration)).map_err(|_| Unregistered::Stopping)?;
        let (position, epoch) = match answered.recv().map_err(|_| Unregistered::Stopping)? {
            Registered::Live(id) => return Ok(id),
            Registered::Removed => return Err(Unregistered::Removed),
            Registered::Frames(frames, reached, epoch) => {
                write_frames(socket, &frames, context)?;
                (reached, epoch)
            }
            Registered::Log(part) => (catch_up(socket, &part, session, context)?, part.epoch),
        };
        // A slow reader takes long to catch up, and could else follow the room without a session.
        if has_ended(session, context)? {
            return Err(Unregistered::SessionEnded);
        }
        resume = Resume::Continue(position, epoch);
    }
}

/// Many small frames in few writes.
fn write_frames(socket: &ClientSocket, frames: &[Bytes], context: &ClientContext) -> io::Result<()> {
    let mut chunk = Vec::with_capacity(limits::REGISTER_BYTES);
    for frame in frames {
        if chunk.len() + frame.len() > limits::REGISTER_BYTES {
            socket::write_all(&socket.stream, &chunk, &context.stop)?;
            chunk.clear();
        }
        chunk.extend_from_slice(frame);
    }
    socket::write_all(&socket.stream, &chunk, &context.stop)
}

/// Sends a part of the log, a page at a time, and nothing that came after the hub has looked at who asks: a slow reader
/// would else follow the room after they were removed. Stops early when the session ends.
fn catch_up(
    socket: &ClientSocket,
    part: &LogPart,
    session: Option<&Arc<Session>>,
    context: &ClientContext,
) -> io::Result<Position> {
    let failed = |error| {
        log::error!("a client cannot be brought up to date, the log cannot be read: {error}");
        io::Error::other("the log cannot be read")
    };
    let lend = || context.readers.lend_within(limits::CATCH_UP_DEADLINE);
    let mut position = match part.after {
        Some(position) => position,
        None => {
            let start = |reader: Lent| reader.start_of_newest(limits::FRESH_MESSAGES);
            lend().and_then(start).map_err(failed)?
        }
    };
    let mut chunk = Vec::with_capacity(limits::CATCH_UP_PAGE_BYTES);
    if let Some(reset) = part.welcome {
        let session = session.map(AsRef::as_ref);
        let more = lend().and_then(|reader| reader.has_older(position)).map_err(failed)?;
        let welcome = welcome(&part.epoch, part.head, reset, more, session, &context.options.signs);
        encode(&welcome, &mut chunk);
    }
    loop {
        let (entries, bytes) = (limits::CATCH_UP_ENTRIES, limits::CATCH_UP_PAGE_BYTES);
        let page = lend().and_then(|reader| reader.after(position, entries, bytes)).map_err(failed)?;
        // Each is given back before the writing, which may wait for long.
        for entry in page.entries.iter().filter(|entry| entry.position() <= part.head) {
            encode(&event_of(entry), &mut chunk);
        }
        socket::write_all(&socket.stream, &chunk, &context.stop)?;
        chunk.clear();
        position = page.through.min(part.head);
        // A peer that reads as fast as the log is read never makes the writing wait, where the signal would be seen.
        if !page.more || position == part.head || context.stop.is_given() || has_ended(session, context)? {
            return Ok(position);
        }
    }
}

/// A change of the log as the wire has it.
pub(crate) fn event_of(entry: &LogEntry) -> ServerEvent<'_> {
    match entry {
        LogEntry::Message(stored) => ServerEvent::ReceiveMessage(stored),
        LogEntry::Reactions { position, message_id, counts } => {
            ServerEvent::Reactions { id: *position, message_id: *message_id, reactions: counts }
        }
        LogEntry::Deletion { position, message_id } => {
            ServerEvent::MessageDeleted { id: *position, message_id: *message_id }
        }
    }
}
