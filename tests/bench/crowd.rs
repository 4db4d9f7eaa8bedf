//! Thousands of clients on one thread, which does as little as a client can: one wait for all of them, one read for
//! what one of them has got, a look at each frame, and no allocation for any. So the server is the limit; where this
//! thread was, its use of CPU tells. Their sockets are as the system makes them. A client that the server cuts off is
//! counted, and the others go on.

use crate::dialect::Dialect;
use crate::place::{Lapse, Place};
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use socket2::{Domain, Socket, Type};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Clients that come from one address.
const CLIENTS_OF_AN_ADDRESS: usize = 1_000;
/// What one read may give.
const READ_BYTES: usize = 256 * 1024;
/// What a frame may have that is longer than one read.
const FRAME_BYTES: usize = 512 * 1024;
/// Longer than anything takes: the server is broken then, or the benchmark.
pub const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The handshake is under way.
    Knocking,
    /// It is answered.
    Open,
    /// The server has shown the room.
    Live,
    /// The server has cut it off.
    Gone,
}

struct Client {
    stream: TcpStream,
    state: State,
    /// The begin of a frame whose end has not come.
    partial: Vec<u8>,
    outbox: Vec<u8>,
    /// Over bare TCP, which tells no positions, how many messages have come.
    place: Place,
}

/// A message as one client got it.
pub struct Delivery<'a> {
    pub client: usize,
    pub position: u64,
    /// It had not come to this client before.
    pub is_new: bool,
    /// Its frame's; empty over bare TCP.
    pub payload: &'a [u8],
    pub at: Instant,
}

/// Clients of one server.
pub struct Crowd {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
    clients: Vec<Client>,
    /// Clients that have something to send.
    unsent: Vec<usize>,
    buffer: Vec<u8>,
    dialect: Dialect,
    addr: SocketAddr,
    /// A resuming handshake's target in place of the dialect's.
    target: Option<String>,
    /// What bare TCP delivers for a message.
    message_bytes: usize,
    live: usize,
    mask: u32,
    /// Clients that were cut off once they were live.
    pub cut_off: Vec<Lapse>,
    /// Times that a client was sent afresh.
    pub afresh: Vec<Lapse>,
    /// Reads that gave something, and what they gave.
    pub reads: u64,
    pub read_bytes: u64,
}

impl Crowd {
    /// Nobody yet. `message_bytes` is what bare TCP delivers for a message.
    pub fn new(addr: SocketAddr, dialect: Dialect, message_bytes: usize) -> Crowd {
        Crowd {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC).expect("an epoll"),
            events: Vec::with_capacity(4096),
            clients: Vec::new(),
            unsent: Vec::new(),
            buffer: vec![0; FRAME_BYTES + READ_BYTES],
            dialect,
            addr,
            target: None,
            message_bytes,
            live: 0,
            mask: 0x9e37_79b9,
            cut_off: Vec::new(),
            afresh: Vec::new(),
            reads: 0,
            read_bytes: 0,
        }
    }

    /// The same, resuming a log where somebody left it.
    pub fn resuming(addr: SocketAddr, dialect: Dialect, after: u64, epoch: &str) -> Crowd {
        let target = Some(format!("/ws?after={after}&epoch={epoch}"));
        Crowd { target, ..Crowd::new(addr, dialect, 0) }
    }

    /// Connects `count` clients, at most `at_once` of them on their way at a time, and returns when all are live.
    pub fn connect(&mut self, count: usize, at_once: usize) {
        let until = Instant::now() + PATIENCE;
        let all = self.clients.len() + count;
        while self.live < all {
            while self.clients.len() < all && self.clients.len() - self.live < at_once {
                self.knock();
            }
            self.poll(Duration::from_millis(100), &mut |_| {});
            assert!(Instant::now() < until, "{} of {all} clients are live after {PATIENCE:?}", self.live);
        }
    }

    fn knock(&mut self) {
        // The system chooses ports slowly once an address has used half of them.
        let own = Ipv4Addr::new(127, 0, 0, 1 + (self.clients.len() / CLIENTS_OF_AN_ADDRESS) as u8);
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("one more socket");
        socket.bind(&SocketAddr::from((own, 0)).into()).expect("a port");
        socket.connect(&self.addr.into()).expect("the server takes connections");
        let mut stream = TcpStream::from(socket);
        stream.set_nodelay(true).expect("an option");
        let mut state = State::Live;
        if let Some(target) = self.target.as_deref().or(self.dialect.target) {
            state = State::Knocking;
            write!(
                stream,
                "GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                self.addr
            )
            .expect("a request fits any buffer");
        } else {
            self.live += 1;
        }
        stream.set_nonblocking(true).expect("an option");
        let data = epoll::EventData::new_u64(self.clients.len() as u64);
        epoll::add(&self.epoll, &stream, data, epoll::EventFlags::IN).expect("one more to wait for");
        self.clients.push(Client {
            stream,
            state,
            partial: Vec::new(),
            outbox: Vec::new(),
            place: Place::default(),
        });
    }

    /// The lowest and the highest position that those who are left have come to.
    pub fn positions(&self) -> (u64, u64) {
        let left = self.clients.iter().filter(|client| client.state != State::Gone);
        left.map(|client| client.place.position)
            .fold((u64::MAX, 0), |(low, high), position| (low.min(position), high.max(position)))
    }

    /// Whether a client was not cut off.
    pub fn is_left(&self, client: usize) -> bool {
        self.clients[client].state != State::Gone
    }

    /// Whether anybody was not.
    pub fn is_anybody_left(&self) -> bool {
        self.cut_off.len() < self.clients.len()
    }

    /// A client's text, masked as browsers do, to be sent with the next [`Crowd::poll`].
    pub fn say(&mut self, client: usize, text: &str) {
        self.mask ^= self.mask << 13;
        self.mask ^= self.mask >> 17;
        self.mask ^= self.mask << 5;
        let mask = self.mask.to_be_bytes();
        let to = &mut self.clients[client];
        if to.state == State::Gone {
            return;
        }
        if to.outbox.is_empty() {
            self.unsent.push(client);
        }
        match text.len() {
            short @ 0..126 => to.outbox.extend_from_slice(&[0x81, 0x80 | short as u8]),
            long => {
                to.outbox.extend_from_slice(&[0x81, 0x80 | 126]);
                to.outbox.extend_from_slice(&(long as u16).to_be_bytes());
            }
        }
        to.outbox.extend_from_slice(&mask);
        to.outbox.extend(text.bytes().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    }

    /// How many bytes a text takes on its way to the server.
    pub fn frame_bytes(text: &str) -> usize {
        text.len() + if text.len() < 126 { 6 } else { 8 }
    }

    /// Sends what waits, waits for something to come, and shows `delivered` each message.
    pub fn poll(&mut self, patience: Duration, delivered: &mut impl FnMut(Delivery)) {
        self.send();
        let patience = if self.unsent.is_empty() { patience } else { patience.min(Duration::from_millis(1)) };
        let timeout =
            Timespec { tv_sec: patience.as_secs() as i64, tv_nsec: i64::from(patience.subsec_nanos()) };
        let mut events = std::mem::take(&mut self.events);
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => panic!("cannot wait: {error}"),
        }
        for event in events.drain(..) {
            self.read(event.data.u64() as usize, delivered);
        }
        self.events = events;
    }

    fn send(&mut self) {
        let clients = &mut self.clients;
        self.unsent.retain(|client| {
            let client = &mut clients[*client];
            match client.stream.write(&client.outbox) {
                Ok(taken) => drop(client.outbox.drain(..taken)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => client.outbox.clear(), // reading will tell that it is cut off
            }
            !client.outbox.is_empty()
        });
    }

    fn read(&mut self, index: usize, delivered: &mut impl FnMut(Delivery)) {
        let client = &mut self.clients[index];
        let kept = client.partial.len();
        let count = match client.stream.read(&mut self.buffer[kept..kept + READ_BYTES]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Ok(0) | Err(_) => return self.leave(index),
            Ok(count) => count,
        };
        let at = Instant::now();
        self.buffer[..kept].copy_from_slice(&client.partial);
        client.partial.clear();
        self.reads += 1;
        self.read_bytes += count as u64;
        let mut buffer = std::mem::take(&mut self.buffer);
        let used = self.take(index, &buffer[..kept + count], at, delivered);
        self.clients[index].partial.extend_from_slice(&buffer[used..kept + count]);
        self.buffer = std::mem::take(&mut buffer);
    }

    /// The server has cut a client off, with a goodbye or without.
    fn leave(&mut self, index: usize) {
        let client = &mut self.clients[index];
        assert!(client.state == State::Live, "the server refuses a client that is {:?}", client.state);
        client.state = State::Gone;
        self.live -= 1;
        self.cut_off.push(Lapse { client: index, position: client.place.position, at: Instant::now() });
        epoll::delete(&self.epoll, &client.stream).expect("it was waited for");
        let _ = client.stream.shutdown(std::net::Shutdown::Both);
    }

    /// Everything that is whole in `bytes`, which came at `at`. Returns how much that was.
    fn take(
        &mut self,
        index: usize,
        bytes: &[u8],
        at: Instant,
        delivered: &mut impl FnMut(Delivery),
    ) -> usize {
        if self.dialect.target.is_none() {
            let (count, place) = (bytes.len() / self.message_bytes, &mut self.clients[index].place);
            for position in place.position + 1..=place.position + count as u64 {
                let is_new = place.take(position);
                delivered(Delivery { client: index, position, is_new, payload: &[], at });
            }
            return count * self.message_bytes;
        }
        let mut used = 0;
        if self.clients[index].state == State::Knocking {
            let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return 0 };
            assert!(bytes.starts_with(b"HTTP/1.1 101 "), "refused: {}", bytes[..end].escape_ascii());
            self.clients[index].state = State::Open;
            used = end + 4;
        }
        while let Some((opcode, payload, length)) = frame(&bytes[used..]) {
            used += length;
            match opcode {
                1 => self.take_text(index, payload, at, delivered),
                8 => {
                    self.leave(index);
                    return bytes.len();
                }
                9 => self.pong(index, payload),
                _ => {}
            }
        }
        used
    }

    fn take_text(&mut self, index: usize, payload: &[u8], at: Instant, delivered: &mut impl FnMut(Delivery)) {
        let dialect = self.dialect;
        let client = &mut self.clients[index];
        if let Some(position) = dialect.position(payload) {
            let is_new = client.place.take(position);
            delivered(Delivery { client: index, position, is_new, payload, at });
        } else if let Some(position) = dialect.reactions_position(payload) {
            client.place.take_reactions(position);
        } else if client.state == State::Open {
            if payload.starts_with(dialect.live.as_bytes()) {
                client.state = State::Live;
                self.live += 1;
            } else if let Some(hello) = dialect.hello {
                self.say(index, hello);
            }
        } else if let Some((question, answer)) = dialect.are_you_there
            && payload == question.as_bytes()
        {
            self.say(index, answer);
        } else if client.place.is_sent_afresh(payload) {
            self.afresh.push(Lapse { client: index, position: client.place.position, at });
        } else {
            assert!(!payload.starts_with(br#"{"event":"error""#), "refused: {}", payload.escape_ascii());
        }
    }

    fn pong(&mut self, index: usize, payload: &[u8]) {
        let client = &mut self.clients[index];
        if client.outbox.is_empty() {
            self.unsent.push(index);
        }
        client.outbox.extend_from_slice(&[0x8a, 0x80 | payload.len() as u8, 0, 0, 0, 0]);
        client.outbox.extend_from_slice(payload);
    }
}

/// The first frame: its opcode, its payload, its length in all. None while it is not whole.
fn frame(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (header, payload) = match *bytes {
        [_, short @ 0..126, ..] => (2, usize::from(short)),
        [_, 126, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
        [_, 127, a, b, c, d, e, f, g, h, ..] => (10, u64::from_be_bytes([a, b, c, d, e, f, g, h]) as usize),
        _ => return None,
    };
    let whole = bytes.get(header..header + payload)?;
    Some((bytes[0] & 15, whole, header + payload))
}

/// Time that this thread has been running on a core.
pub fn own_cpu() -> Duration {
    crate::target::schedule("/proc/thread-self/schedstat").unwrap_or_default()
}
