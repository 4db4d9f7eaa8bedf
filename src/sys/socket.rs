//! Reading, writing and closing on a connection's own thread, each with a deadline.
//!
//! Every socket is non-blocking and every wait for one is made here: this is the only place where a thread can stand still,
//! and a deadline and the end of the server bound it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd};

use crate::limits;

/// Tells every waiting thread that the server stops, once and for good.
///
/// A datagram that nobody takes makes a socket readable for everybody who polls it, on every platform. The two ends are
/// connected, so nobody else's datagram is accepted.
#[derive(Debug)]
pub struct StopSignal {
    bell: UdpSocket,
    hand: UdpSocket,
}

impl StopSignal {
    /// # Errors
    /// When the system has no socket left.
    pub fn new() -> io::Result<StopSignal> {
        let bell = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let hand = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        bell.connect(hand.local_addr()?)?;
        hand.connect(bell.local_addr()?)?;
        Ok(StopSignal { bell, hand })
    }

    pub fn stop(&self) {
        if let Err(error) = self.hand.send(&[1]) {
            log::error!("cannot tell the threads to stop: {error}");
        }
    }

    pub fn is_given(&self) -> bool {
        matches!(wait(&self.bell, PollFlags::IN, Instant::now()), Ok(true))
    }

    /// Waits for `time`, or until the signal is given.
    pub fn pause(&self, time: Duration) {
        let _ = wait(&self.bell, PollFlags::IN, Instant::now() + time); // either way the pause is over
    }

    /// Waits until `socket` has `events` or has failed, even if the signal is given as well.
    ///
    /// # Errors
    /// `TimedOut` at the deadline, `Interrupted` when the signal is given, and what the system says when it cannot wait.
    pub fn wait(&self, socket: impl AsFd, events: PollFlags, deadline: Instant) -> io::Result<()> {
        match poll_until(socket.as_fd(), events, Some(self.bell.as_fd()), deadline)? {
            (true, _) => Ok(()),
            (false, true) => Err(ErrorKind::Interrupted.into()),
            (false, false) => Err(ErrorKind::TimedOut.into()),
        }
    }
}

/// Waits until `socket` has `events` (or has failed) or the deadline passes; true if it has.
///
/// For sockets that the hub shuts down when the server stops: nothing else needs to wake them.
///
/// # Errors
/// When the system cannot wait.
pub(crate) fn wait(socket: impl AsFd, events: PollFlags, deadline: Instant) -> io::Result<bool> {
    Ok(poll_until(socket.as_fd(), events, None, deadline)?.0)
}

/// Waits until the socket has `events` or has failed, the bell rings or the deadline passes. Returns whether the socket has, and
/// whether the bell rings.
fn poll_until(
    socket: BorrowedFd<'_>,
    events: PollFlags,
    bell: Option<BorrowedFd<'_>>,
    deadline: Instant,
) -> io::Result<(bool, bool)> {
    // Without a bell there is nothing to hear but the socket.
    let mut fds =
        [PollFd::new(&socket, events), PollFd::from_borrowed_fd(bell.unwrap_or(socket), PollFlags::IN)];
    let fds = &mut fds[..1 + usize::from(bell.is_some())];
    loop {
        let mut left = deadline.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            // Rounded up: a wait that ends a hair early would be followed by one of nothing. A mere look must not wait at all:
            // the accepting thread looks before each connection.
            left += Duration::from_micros(999);
        }
        let slice = if HEARS_SHUTDOWN { left } else { left.min(limits::SHUTDOWN_SLICE) };
        let timeout = Timespec::try_from(slice).map_err(io::Error::other)?;
        match poll(fds, Some(&timeout)) {
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(0) if slice < left && !(events.contains(PollFlags::IN) && has_ended(socket)) => {}
            Ok(0) if slice < left => return Ok((true, false)),
            Ok(_) => {
                let has = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
                return Ok((has(0), has(1)));
            }
        }
    }
}

/// Whether a wait ends when another thread shuts its socket down. Windows leaves it waiting, and so it is made of slices there.
const HEARS_SHUTDOWN: bool = !cfg!(windows);

/// Whether a socket that has nothing to read never will.
fn has_ended(socket: BorrowedFd<'_>) -> bool {
    let peeked = rustix::net::recv(socket, &mut [0; 1][..], rustix::net::RecvFlags::PEEK);
    !matches!(peeked, Err(rustix::io::Errno::WOULDBLOCK))
}

/// Waits for bytes and reads them; none at the peer's end.
///
/// # Errors
/// Those of [`StopSignal::wait`] and the socket's. The deadline also holds for a peer that always has another byte.
pub(crate) fn read(
    mut from: impl Read + AsFd,
    into: &mut [u8],
    deadline: Instant,
    stop: &StopSignal,
) -> io::Result<usize> {
    while Instant::now() < deadline {
        match from.read(into) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                stop.wait(from.as_fd(), PollFlags::IN, deadline)?
            }
            read => return read,
        }
    }
    Err(ErrorKind::TimedOut.into())
}

/// Reads into `bytes` until `enough` makes something of them; none if that takes longer than the deadline.
///
/// # Errors
/// `UnexpectedEof` at the peer's end, and as [`read`].
pub(crate) fn read_until<T>(
    stream: &TcpStream,
    bytes: &mut Vec<u8>,
    deadline: Instant,
    stop: &StopSignal,
    mut enough: impl FnMut(&[u8]) -> Option<T>,
) -> io::Result<Option<T>> {
    let mut chunk = [0; 2048];
    loop {
        if let Some(made) = enough(bytes) {
            return Ok(Some(made));
        }
        match read(stream, &mut chunk, deadline, stop) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == ErrorKind::TimedOut => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

/// Writes all of `bytes`, as long as the peer takes some of it every [`limits::ANSWER_STALL`].
///
/// # Errors
/// `TimedOut` when it does not, `Interrupted` when the server stops, and what the socket says.
pub(crate) fn write_all(mut stream: &TcpStream, mut bytes: &[u8], stop: &StopSignal) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(taken) => bytes = &bytes[taken..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                stop.wait(stream, PollFlags::OUT, Instant::now() + limits::ANSWER_STALL)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Ends a connection whose last bytes are written. For a moment it reads and drops what still comes: closing a socket with
/// unread bytes makes the peer lose what it has not read yet.
pub(crate) fn finish(stream: &TcpStream) {
    if stream.shutdown(Shutdown::Write).is_ok() {
        drain(stream, Instant::now() + limits::CLOSE_LINGER);
        let _ = stream.shutdown(Shutdown::Both); // the peer was faster
    }
}

/// The same after a close frame: the end waits until the peer has answered. Firefox drops whatever a new WebSocket was told
/// when the end of the stream comes with it, the reason of a refusal too.
pub(crate) fn finish_politely(stream: &TcpStream) {
    let until = Instant::now() + limits::CLOSE_LINGER;
    let _ = wait(stream, PollFlags::IN, until); // without an answer it ends all the same
    if stream.shutdown(Shutdown::Write).is_ok() {
        drain(stream, until);
        let _ = stream.shutdown(Shutdown::Both); // the peer was faster
    }
}

/// Reads and drops bytes until the peer's end, an error or the deadline.
pub(crate) fn drain(mut stream: &TcpStream, deadline: Instant) {
    let mut dropped = [0; 1024];
    while Instant::now() < deadline {
        match stream.read(&mut dropped) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if !matches!(wait(stream, PollFlags::IN, deadline), Ok(true)) {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn a_peer_that_always_has_another_byte_does_not_extend_the_deadline() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let mut peer = TcpStream::connect(listener.local_addr().expect("bound")).expect("a connection");
        let (stream, _) = listener.accept().expect("a connection");
        stream.set_nonblocking(true).expect("set");
        let stop = StopSignal::new().expect("two sockets");
        let deadline = Instant::now() + Duration::from_millis(20);
        thread::scope(|scope| {
            scope.spawn(move || while peer.write_all(&[1; 1024]).is_ok() {});
            let too_much = |bytes: &[u8]| {
                thread::sleep(Duration::from_millis(1)); // the peer is the faster one
                (bytes.len() > 1 << 20).then_some(())
            };
            let read = read_until(&stream, &mut Vec::new(), deadline, &stop, too_much);
            drop(stream); // ends the peer
            assert_eq!(read.expect("no error"), None);
        });
    }

    #[test]
    fn a_look_at_the_signal_does_not_wait() {
        let signal = StopSignal::new().expect("two sockets");
        let start = Instant::now();
        for _ in 0..1_000 {
            assert!(!signal.is_given());
        }
        assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
        signal.stop();
        assert!(signal.is_given() && signal.is_given(), "once and for good");
    }
}
