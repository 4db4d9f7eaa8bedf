//! One client's write half: the only code that writes to a registered client's socket.
//!
//! The hub owns every [`Sender`] and never waits in one. What the socket does not take at once stays in a backlog
//! that shares the turn's bytes with all other clients, and is tried again when [`Sender::due`] says. A client that
//! takes nothing for [`limits::STALL`], or lets its backlog grow past [`limits::BACKLOG_BYTES`], is cut off: it
//! loses nothing, since it comes back with its position.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};

use crate::limits;
use crate::protocol::{CloseCode, encode_close};

/// A client's socket as the hub and the client's own thread share it. An `Arc` of one descriptor: `try_clone`
/// would double them.
#[derive(Debug)]
pub struct ClientSocket {
    /// Non-blocking. The thread reads; the hub alone writes, from registering on.
    pub stream: TcpStream,
    /// Set by the hub with its close frame: what still comes is to be read and dropped.
    closing: AtomicBool,
}

impl ClientSocket {
    /// Shares a socket that has been made non-blocking.
    pub fn new(stream: TcpStream) -> ClientSocket {
        ClientSocket { stream, closing: AtomicBool::new(false) }
    }

    /// Whether the hub has said its last word on this socket.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// A close frame is the last of the backlog; cut when this passes, flushed or not.
    Closing {
        until: Instant,
    },
    /// Nothing more is written.
    Cut,
}

/// The write half of one registered client.
#[derive(Debug)]
pub(crate) struct Sender {
    socket: Arc<ClientSocket>,
    state: State,
    /// What the socket did not take, in order. Its first piece may be cut in the middle of a frame, the others
    /// begin and end with one.
    backlog: VecDeque<Bytes>,
    backlog_bytes: usize,
    /// When the socket last took a byte, while there is a backlog.
    progress: Instant,
    due: Option<Instant>,
}

impl Sender {
    /// Takes over the writing of this socket.
    pub(crate) fn new(socket: Arc<ClientSocket>, now: Instant) -> Sender {
        Sender {
            socket,
            state: State::Open,
            backlog: VecDeque::new(),
            backlog_bytes: 0,
            progress: now,
            due: None,
        }
    }

    /// Bytes waiting for this client.
    pub(crate) fn backlog_bytes(&self) -> usize {
        self.backlog_bytes
    }

    /// When [`Sender::tick`] has to be called next.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether frames still reach this client.
    pub(crate) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Reads what [`Sender::send`] reads of this client's memory, its socket's number included, which lies beside the flag.
    pub(crate) fn peek(&self) -> (bool, bool) {
        (self.is_open(), self.socket.is_closing())
    }

    /// Sends whole frames: first `own`, which are for this client alone, then `shared`, in one write.
    ///
    /// # Returns
    /// Whether the backlog or what is due may have changed: false where all was taken, which is the rule.
    pub(crate) fn send(&mut self, own: &[u8], shared: &Bytes, now: Instant) -> bool {
        if self.state != State::Open {
            return false;
        }
        let mut taken = 0;
        if self.backlog.is_empty() {
            self.progress = now;
            match self.write(own, shared) {
                Ok(bytes) => taken = bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => {
                    self.tear(&error);
                    return true;
                }
            }
            if taken == own.len() + shared.len() {
                return false;
            }
            self.due = Some(now + self.retry_in(now));
        }
        if taken < own.len() {
            self.push(Bytes::copy_from_slice(&own[taken..]));
            self.push(shared.clone());
        } else {
            self.push(shared.slice(taken - own.len()..));
        }
        if self.backlog_bytes > limits::BACKLOG_BYTES {
            log::debug!("a client has {} unsent bytes: cut off", self.backlog_bytes);
            self.cut_off(now);
        }
        true
    }

    /// Ends the connection in order: what waits, then the close frame, then no more, and an end to it all within
    /// [`limits::CLOSE_LINGER`]. Cut at once instead, a browser reports 1006 in place of the code.
    pub(crate) fn close(&mut self, code: CloseCode, now: Instant) {
        self.close_with(&encode_close(code), now);
    }

    /// The same, with a close frame that is already there: the answer to the peer's own.
    pub(crate) fn close_with(&mut self, frame: &[u8], now: Instant) {
        if self.state != State::Open {
            return;
        }
        self.push(Bytes::copy_from_slice(frame));
        self.socket.closing.store(true, Ordering::Relaxed);
        self.state = State::Closing { until: now + limits::CLOSE_LINGER };
        self.flush(now);
    }

    /// Ends a connection that does not keep up. Its code can reach it only if the rest of the piece under way
    /// does, so everything behind that goes.
    pub(crate) fn cut_off(&mut self, now: Instant) {
        self.backlog.truncate(1);
        self.backlog_bytes = self.backlog.front().map_or(0, Bytes::len);
        self.close(CloseCode::TooSlow, now);
    }

    /// Does what is due: tries the backlog again, and ends what has lasted too long.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.due = None;
        match self.state {
            State::Open => {
                self.flush(now);
                if !self.backlog.is_empty() && now.duration_since(self.progress) >= limits::STALL {
                    log::debug!("a client took no byte for {:?}: cut off", limits::STALL);
                    self.cut_off(now);
                }
            }
            State::Closing { until } if now < until => self.flush(now),
            State::Closing { .. } => self.cut(),
            State::Cut => {}
        }
    }

    /// Ends the connection at once; its thread wakes.
    pub(crate) fn cut(&mut self) {
        self.state = State::Cut;
        self.backlog = VecDeque::new();
        self.backlog_bytes = 0;
        self.due = None;
        self.socket.closing.store(true, Ordering::Relaxed);
        let _ = self.socket.stream.shutdown(Shutdown::Both); // fails only if the peer was faster
    }

    fn tear(&mut self, error: &io::Error) {
        log::debug!("a client's connection broke: {error}");
        self.cut();
    }

    fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.backlog_bytes += bytes.len();
            self.backlog.push_back(bytes);
        }
    }

    /// One system call; the kernel's short count is normal.
    fn write(&self, own: &[u8], shared: &[u8]) -> io::Result<usize> {
        let mut stream = &self.socket.stream;
        match (own, shared) {
            ([], []) => Ok(0),
            ([], only) | (only, []) => stream.write(only),
            both => stream.write_vectored(&[IoSlice::new(both.0), IoSlice::new(both.1)]),
        }
    }

    /// Writes what it can of the backlog and plans the next try.
    fn flush(&mut self, now: Instant) {
        while !self.backlog.is_empty() {
            let mut slices = [IoSlice::new(&[]); 16];
            let pieces =
                self.backlog.iter().zip(&mut slices).map(|(bytes, slice)| *slice = IoSlice::new(bytes));
            let count = pieces.count();
            match (&self.socket.stream).write_vectored(&slices[..count]) {
                Ok(0) => break,
                Ok(taken) => self.advance(taken, now),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return self.tear(&error),
            }
        }
        if !self.backlog.is_empty() {
            self.due = Some(now + self.retry_in(now));
        } else if let State::Closing { until } = self.state {
            let _ = self.socket.stream.shutdown(Shutdown::Write); // fails only if the peer was faster
            self.due = Some(until);
        } else {
            self.due = None;
        }
    }

    /// A quarter of the time that it has been blocked: who reads in gulps is found soon after one, and who does not
    /// read costs little.
    fn retry_in(&self, now: Instant) -> Duration {
        (now.saturating_duration_since(self.progress) / 4).clamp(limits::RETRY_WRITE.0, limits::RETRY_WRITE.1)
    }

    fn advance(&mut self, mut taken: usize, now: Instant) {
        self.progress = now;
        self.backlog_bytes -= taken;
        while let Some(front) = self.backlog.front_mut() {
            if taken < front.len() {
                front.advance(taken);
                break;
            }
            taken -= front.len();
            self.backlog.pop_front();
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use super::*;

    /// A sender, and the peer it writes to.
    fn pair() -> (Sender, TcpStream) {
        let (socket, peer) = linked();
        (Sender::new(socket, Instant::now()), peer)
    }

    /// A client's socket, and its peer.
    pub(crate) fn linked() -> (Arc<ClientSocket>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let peer = TcpStream::connect(listener.local_addr().expect("bound")).expect("listening");
        let (stream, _) = listener.accept().expect("connected");
        stream.set_nonblocking(true).expect("a socket can be");
        rustix::net::sockopt::set_socket_send_buffer_size(&stream, limits::SEND_BUFFER_BYTES)
            .expect("allowed");
        peer.set_read_timeout(Some(Duration::from_secs(10))).expect("not zero");
        (Arc::new(ClientSocket::new(stream)), peer)
    }

    /// Pieces of recognisable bytes, as large as a turn may be.
    fn piece(number: u8) -> Bytes {
        Bytes::from(vec![number; limits::TURN_BYTES])
    }

    /// Sends pieces until some of them have to wait.
    fn stuff(sender: &mut Sender, now: Instant) -> u8 {
        let mut number = 0;
        while sender.backlog_bytes() < limits::TURN_BYTES {
            number += 1;
            sender.send(&[], &piece(number), now);
        }
        number
    }

    #[test]
    fn what_the_socket_does_not_take_follows_in_order() {
        let (mut sender, mut peer) = pair();
        let now = Instant::now();
        let last = stuff(&mut sender, now);
        sender.send(b"own", &Bytes::from_static(b"shared"), now);
        assert!(sender.due().is_some());
        let mut expected: Vec<u8> = (1..=last).flat_map(|number| piece(number).to_vec()).collect();
        expected.extend_from_slice(b"ownshared");
        let mut received = Vec::new();
        let mut chunk = vec![0; 64 * 1024];
        while received.len() < expected.len() {
            let count = peer.read(&mut chunk).expect("more is coming");
            received.extend_from_slice(&chunk[..count]);
            sender.tick(Instant::now());
        }
        assert!(received == expected);
        assert_eq!((sender.backlog_bytes(), sender.due()), (0, None));
    }

    #[test]
    fn who_takes_no_byte_for_ten_seconds_is_cut_off_and_not_sooner() {
        let (mut sender, _peer) = pair();
        let start = Instant::now();
        stuff(&mut sender, start);
        sender.tick(start + limits::STALL - Duration::from_millis(1));
        assert!(sender.is_open());
        sender.tick(start + limits::STALL);
        assert!(!sender.is_open() && sender.socket.is_closing());
    }

    #[test]
    fn a_backlog_past_its_bound_is_cut_off() {
        let (mut sender, _peer) = pair();
        let now = Instant::now();
        stuff(&mut sender, now);
        for _ in 0..limits::BACKLOG_BYTES / limits::TURN_BYTES {
            sender.send(&[], &piece(0), now);
        }
        assert!(!sender.is_open());
        assert!(sender.backlog_bytes() <= limits::TURN_BYTES + 64, "what nobody will read is not kept");
    }

    #[test]
    fn a_client_that_was_cut_off_and_reads_on_gets_whole_frames_and_the_code() {
        let (mut sender, mut peer) = pair();
        let now = Instant::now();
        let last = stuff(&mut sender, now);
        sender.send(&[], &piece(0), now);
        sender.cut_off(now);
        let mut received = Vec::new();
        let mut chunk = vec![0; 64 * 1024];
        let close = encode_close(CloseCode::TooSlow);
        loop {
            match peer.read(&mut chunk).expect("an end in order") {
                0 => break,
                count => received.extend_from_slice(&chunk[..count]),
            }
            sender.tick(now);
        }
        assert!(received.ends_with(&close));
        let pieces = received.len() - close.len();
        assert_eq!(pieces % limits::TURN_BYTES, 0, "no piece is torn");
        assert!(pieces < limits::TURN_BYTES * (usize::from(last) + 1), "the last piece was dropped");
    }

    #[test]
    fn nothing_follows_a_close_frame_and_the_end_comes_in_time() {
        let (mut sender, mut peer) = pair();
        let now = Instant::now();
        sender.close(CloseCode::Stopping, now);
        sender.send(b"late", &Bytes::from_static(b"later"), now);
        let mut received = Vec::new();
        peer.read_to_end(&mut received).expect("our side is shut down");
        assert_eq!(received, encode_close(CloseCode::Stopping));
        assert_eq!(sender.due(), Some(now + limits::CLOSE_LINGER));
        sender.tick(now + limits::CLOSE_LINGER);
        assert_eq!(sender.state, State::Cut);
    }
}
