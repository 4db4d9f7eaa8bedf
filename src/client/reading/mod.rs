//! Reading a registered client: decode, have it paid, hand over, wait.

mod answers;
mod payment;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown};
use std::sync::Arc;
use std::time::Instant;

use rustix::event::PollFlags;
use tungstenite::protocol::{Role, WebSocket, WebSocketConfig};
use tungstenite::{Error, Message};

use super::ClientContext;
use crate::client::pace::{Act, Purse};
use crate::hub::clients::ClientId;
use crate::hub::sender::ClientSocket;
use crate::hub::{Command, Request};
use crate::limits;
use crate::protocol::{ClientEvent, CloseCode, LastName, Refusal, ServerEvent, decode, encode, frame};
use crate::sys::failpoint;
use crate::sys::permits::Permits;
use crate::sys::socket;

/// The socket as tungstenite sees it: reads are metered, writes are put aside for the hub.
struct Inbound {
    socket: Arc<ClientSocket>,
    /// Something was read since that was last asked for.
    has_read: bool,
    /// The last read took all that there was.
    is_drained: bool,
    /// Bytes read since the last message.
    without_message: usize,
    replies: Vec<u8>,
}

impl Read for Inbound {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Empty continuation frames are eaten inside tungstenite: no limit on messages ever sees them.
        if self.without_message > limits::BYTES_WITHOUT_MESSAGE {
            return Err(io::Error::new(ErrorKind::InvalidData, "too many bytes without a message"));
        }
        // Whether more has come since is told by the wait that follows: a system call less for each batch.
        if std::mem::take(&mut self.is_drained) {
            return Err(ErrorKind::WouldBlock.into());
        }
        let count = (&self.socket.stream).read(buffer)?;
        self.is_drained = (1..buffer.len()).contains(&count);
        self.has_read |= count > 0;
        self.without_message += count;
        Ok(count)
    }
}

impl Write for Inbound {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.replies.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Nothing more is read from this connection: its peer is gone or may say no more, or the hub is gone.
struct Over;

/// A registered client being read.
pub(super) struct Reading<'a> {
    context: &'a ClientContext,
    id: ClientId,
    /// An IPv6 one as its /64.
    address: IpAddr,
    socket: WebSocket<Inbound>,
    batch: Vec<Request>,
    batch_bytes: usize,
    /// What it pays from; none where there is no limit.
    purse: Option<Purse>,
    /// How often a name was asked for.
    joins: u32,
    last_byte: Instant,
    /// Since the last byte.
    pings: u32,
    /// Answers to pings that are still to come.
    pongs: u32,
    last_name: LastName,
    told_pace: Option<Instant>,
    typed: Option<Instant>,
    /// One answer from the log at a time is on its way to this client. Most never ask for one.
    answered: Option<Permits>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(
        socket: &Arc<ClientSocket>,
        id: ClientId,
        address: IpAddr,
        early: Vec<u8>,
        purse: Option<Purse>,
        context: &'a ClientContext,
    ) -> Reading<'a> {
        let inbound = Inbound {
            socket: socket.clone(),
            has_read: false,
            is_drained: false,
            without_message: early.len(),
            replies: Vec::new(),
        };
        let config = WebSocketConfig::default()
            .read_buffer_size(limits::READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(limits::FRAME_BYTES))
            .max_frame_size(Some(limits::FRAME_BYTES));
        Reading {
            context,
            id,
            address,
            socket: WebSocket::from_partially_read(inbound, early, Role::Server, Some(config)),
            batch: Vec::new(),
            batch_bytes: 0,
            purse,
            joins: 0,
            last_byte: Instant::now(),
            pings: 0,
            pongs: 0,
            last_name: LastName::default(),
            told_pace: None,
            typed: None,
            answered: None,
        }
    }

    /// Reads until the client goes, is to go, or the hub has closed it.
    pub(super) fn run(mut self) {
        while !self.socket.get_ref().socket.is_closing() {
            let read = self.socket.read();
            if std::mem::take(&mut self.socket.get_mut().has_read) {
                (self.last_byte, self.pings) = (Instant::now(), 0);
            }
            let outcome = match read {
                Ok(message) => self.take(message),
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                    self.hand_over().and_then(|()| self.wait_for_bytes())
                }
                Err(error) => {
                    self.end(&error);
                    return;
                }
            };
            if outcome.is_err() {
                return;
            }
        }
    }

    fn take(&mut self, message: Message) -> Result<(), Over> {
        let raw = std::mem::take(&mut self.socket.get_mut().without_message).max(message.len());
        let size = message.len().max(limits::REQUEST_BYTES);
        match message {
            Message::Text(text) => self.take_text(&text, raw)?,
            Message::Binary(_) => {
                self.batch.push(Request::Close(CloseCode::Unsupported));
                self.hand_over()?;
                return Err(Over);
            }
            Message::Pong(_) if self.pongs > 0 => self.pongs -= 1,
            _ => self.pay(Act::Ask, limits::FRAME_PRICE, raw)?, // tungstenite has its answer ready
        }
        self.batch_bytes += size;
        if self.batch_bytes >= limits::COMMAND_BYTES { self.hand_over() } else { Ok(()) }
    }

    fn take_text(&mut self, text: &str, raw: usize) -> Result<(), Over> {
        failpoint::hit("client", text);
        failpoint::hit("clock", text);
        let decoded = decode(text, &mut self.last_name);
        if let Some((act, price)) = self.price(&decoded) {
            self.pay(act, price, raw)?;
        }
        match decoded {
            Ok(ClientEvent::RequestHistory { before, limit }) => return self.answer_history(before, limit),
            Ok(ClientEvent::RequestMessages(ids)) => return self.answer_messages(&ids),
            Ok(ClientEvent::Search { query, before, limit }) => {
                return self.answer_search(&query, before, limit);
            }
            Ok(ClientEvent::Typing) => {
                let now = Instant::now();
                if self.typed.is_none_or(|typed| now.duration_since(typed) >= limits::TYPING_EVERY) {
                    self.typed = Some(now);
                    self.batch.push(Request::Event(ClientEvent::Typing));
                }
            }
            Ok(event) => {
                let tells_key = matches!(event, ClientEvent::Join { guest_key: Some(_), .. });
                self.batch.push(Request::Event(event));
                if tells_key && self.purse.as_ref().is_some_and(|purse| purse.is_strangers()) {
                    return self.wait_for_name();
                }
            }
            Err(refusal) => {
                log::debug!("a client's frame was refused: {:?}", refusal.code);
                self.refuse(&refusal);
            }
        }
        Ok(())
    }

    /// Gives the hub what has been read. A full channel makes this wait, and TCP slows the client.
    fn hand_over(&mut self) -> Result<(), Over> {
        self.batch_bytes = 0;
        let replies = std::mem::take(&mut self.socket.get_mut().replies);
        if !replies.is_empty() {
            self.batch.push(Request::Frames(replies));
        }
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        self.context.hub.send(Command::Batch(self.id, batch)).map_err(|_| Over)
    }

    /// Encodes the refusal here: the hub, which everybody waits for, only passes it on in its place.
    fn refuse(&mut self, refusal: &Refusal) {
        let event = ServerEvent::Error(refusal);
        match self.batch.last_mut() {
            Some(Request::Frames(frames)) => encode(&event, frames),
            _ => self.batch.push(Request::Frames(frame(&event))),
        }
    }

    /// Until there is something to read. Pings a silent client, and lets it go if it stays so. One that is behind would answer a
    /// ping as late as it takes everything before it: its taking shows that it is there, which the hub watches.
    fn wait_for_bytes(&mut self) -> Result<(), Over> {
        loop {
            let idle_at = self.last_byte + limits::IDLE;
            let ping_at = self.last_byte + limits::PING_AFTER * (self.pings + 1);
            let socket = &self.socket.get_ref().socket;
            match socket::wait(&socket.stream, PollFlags::IN, ping_at.min(idle_at)) {
                Ok(false) if socket.is_behind() => {
                    self.last_byte = Instant::now();
                    self.pings = 0;
                }
                Ok(false) if Instant::now() >= idle_at => {
                    log::debug!("a client was silent for {:?}", limits::IDLE);
                    // Nobody says goodbye there, so nobody is to wait for it.
                    let _ = socket.stream.shutdown(Shutdown::Read);
                    return Err(Over);
                }
                Ok(false) => {
                    self.pings += 1;
                    self.pongs += 1;
                    self.batch.push(Request::Frames(crate::protocol::PING.to_vec()));
                    self.hand_over()?;
                }
                Ok(true) => return Ok(()),
                Err(error) => {
                    log::warn!("cannot wait for a client: {error}");
                    return Err(Over);
                }
            }
        }
    }

    /// The stream has ended or cannot be read on: says so to the hub, and through it to the client.
    fn end(&mut self, error: &Error) {
        use tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
        let code = match error {
            Error::ConnectionClosed => {
                let reply = std::mem::take(&mut self.socket.get_mut().replies);
                self.batch.push(Request::Goodbye(reply));
                None
            }
            Error::Protocol(ResetWithoutClosingHandshake) => None,
            Error::Io(error) if error.kind() == ErrorKind::InvalidData => Some(CloseCode::TooBig),
            Error::Io(_) => None,
            Error::Capacity(_) => Some(CloseCode::TooBig),
            Error::Utf8(_) => Some(CloseCode::Invalid),
            _ => Some(CloseCode::Protocol),
        };
        if let Some(code) = code {
            log::debug!("a client broke the protocol: {error}");
            self.batch.push(Request::Close(code));
        }
        let _ = self.hand_over(); // no hub, no one to tell
    }
}
