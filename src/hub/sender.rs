//! One client's write half: the only code that writes to a registered client's socket.
//!
//! The hub owns every [`Sender`] and never waits in one. Bytes that a socket does not take at once stay in the [`Window`] that
//! all clients share: a client that is behind is a position in it, and is tried again when [`Sender::due`] says. Out of the
//! window it loses its place and starts afresh. Only a socket that takes nothing for
//! [`limits::STALL`] is cut off, and a client with too much of its own waiting; both come back with their position.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use rustix::event::PollFlags;

use super::window::Window;
use crate::limits;
use crate::protocol::{CloseCode, KeyHash, encode_close};
use crate::sys::socket;

/// A client's socket as the hub and the client's own thread share it. An `Arc` of one descriptor: `try_clone`
/// would double them.
#[derive(Debug)]
pub struct ClientSocket {
    /// Non-blocking. The thread reads; the hub alone writes, from registering on.
    pub stream: TcpStream,
    /// Set by the hub with its close frame: bytes that still come are to be read and dropped.
    closing: AtomicBool,
    /// Set by the hub while something waits that the socket does not take yet.
    behind: AtomicBool,
    /// Set by the hub once a guest with this key has a name.
    guest_key: OnceLock<KeyHash>,
}

impl ClientSocket {
    /// Shares a socket that has been made non-blocking.
    pub fn new(stream: TcpStream) -> ClientSocket {
        let (closing, behind) = (AtomicBool::new(false), AtomicBool::new(false));
        ClientSocket { stream, closing, behind, guest_key: OnceLock::new() }
    }

    /// The key of the guest, whom the hub has given a name.
    pub(crate) fn guest_key(&self) -> Option<KeyHash> {
        self.guest_key.get().copied()
    }

    /// Whether the hub has said its last word on this socket.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Whether the hub has bytes for it that it does not take yet, and watches that it takes some.
    pub fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The frames that it missed are gone. When the rest of the frame under way is written, it starts afresh; frames for it alone wait for
    /// that, since they may be about messages that it has not seen.
    FallenOut,
    /// Nothing from this offset on; then what is its own, its close frame the last. Cut when `until` passes.
    Closing {
        end: u64,
        until: Instant,
    },
    /// Nothing more is written.
    Cut,
}

/// Frames for one client alone, and the offset before which everybody's come first.
#[derive(Debug)]
struct Own {
    /// 0 also for what comes first where a client has fallen out.
    place: u64,
    frames: Bytes,
}

/// The write half of one registered client.
#[derive(Debug)]
pub(crate) struct Sender {
    socket: Arc<ClientSocket>,
    state: State,
    /// Where in the window this client is.
    at: u64,
    /// What waits for it alone, in order. The first may be cut in the middle of a frame.
    own: VecDeque<Own>,
    own_bytes: usize,
    /// When the socket last took a byte, while something waits.
    progress: Instant,
    due: Option<Instant>,
}

impl Sender {
    /// Takes over the writing of this socket; everybody's frames count from this offset on.
    pub(crate) fn new(socket: Arc<ClientSocket>, at: u64, now: Instant) -> Sender {
        let own = VecDeque::new();
        Sender { socket, state: State::Open, at, own, own_bytes: 0, progress: now, due: None }
    }

    /// Tells the client's thread whom it reads. The first key of a connection stays.
    pub(crate) fn know(&self, key: KeyHash) {
        let _ = self.socket.guest_key.set(key);
    }

    /// Bytes waiting for this client alone.
    pub(crate) fn own_bytes(&self) -> usize {
        self.own_bytes
    }

    /// When [`Sender::tick`] has to be called next; none where nothing waits.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether frames still reach this client.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Open | State::FallenOut)
    }

    /// Whether it has missed something, got whole frames so far, and can take what it starts afresh with.
    fn may_start_afresh(&self, now: Instant) -> bool {
        self.is_idle() && matches!(socket::wait(&self.socket.stream, PollFlags::OUT, now), Ok(true))
    }

    /// Whether it has fallen out and got whole frames so far.
    fn is_idle(&self) -> bool {
        self.state == State::FallenOut && !self.waits(0)
    }

    /// Sends `frames`, which the window ends with. The rule: nothing waited, and the socket takes all of it.
    ///
    /// # Returns
    /// Whether what waits or is due may have changed.
    pub(crate) fn send(&mut self, frames: &Bytes, window: &Window, now: Instant) -> bool {
        let start = window.end() - frames.len() as u64;
        if self.state != State::Open || self.at != start {
            return false; // it is behind already, or never gets it
        }
        if !self.own.is_empty() {
            return true; // from here on it is behind
        }
        match (&self.socket.stream).write(frames) {
            Ok(taken) => self.at = start + taken as u64,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => {
                self.tear(&error);
                return true;
            }
        }
        if self.at == window.end() {
            return false;
        }
        self.progress = now;
        self.due = Some(now + limits::RETRY_WRITE.0);
        self.socket.behind.store(true, Ordering::Relaxed);
        true
    }

    /// Sends frames for this client alone, each after all that stands before its place in the window.
    pub(crate) fn send_own(
        &mut self,
        own: impl IntoIterator<Item = (u64, Vec<u8>)>,
        window: &Window,
        now: Instant,
    ) {
        if !self.is_open() {
            return;
        }
        own.into_iter().for_each(|(place, frames)| self.push(frames.into(), place));
        if self.own_bytes > limits::OWN_BYTES {
            log::debug!("a client has {} unsent bytes of its own: cut off", self.own_bytes);
            self.cut_off(window, now);
        } else if self.due.is_none() {
            self.progress = now;
            self.flush(window, now);
        }
    }

    /// The window is about to begin after this client's place: keeps the rest of the frame under way, and no more.
    pub(crate) fn fall_out(&mut self, window: &Window) {
        let (at, rest) = (self.at, window.rest_of_frame(self.at));
        match &mut self.state {
            State::Open => self.state = State::FallenOut,
            State::Closing { end, .. } => *end = 0,
            State::FallenOut | State::Cut => return,
        }
        // A frame of its own may be under way where none of everybody's is.
        self.own.iter_mut().filter(|own| own.place <= at).for_each(|own| own.place = 0);
        if !rest.is_empty() {
            self.own_bytes += rest.len();
            self.own.push_front(Own { place: 0, frames: rest });
        }
        self.at = 0;
    }

    /// Whether it is at an offset before this one.
    pub(crate) fn is_before(&self, offset: u64) -> bool {
        match self.state {
            State::Open => self.at < offset,
            State::Closing { end, .. } => self.at < offset.min(end),
            State::FallenOut | State::Cut => false,
        }
    }

    /// Goes on at the end of the window, after what is sent to it now. What it was told before the log was cleared, at the
    /// offset `cleared`, goes as the log went.
    pub(crate) fn start_afresh(&mut self, frames: [Bytes; 2], cleared: u64, window: &Window, now: Instant) {
        if self.state == State::FallenOut {
            (self.state, self.at, self.due) = (State::Open, window.end(), None);
            self.own.retain(|own| own.place > cleared);
            for frames in frames.into_iter().rev() {
                self.own.push_front(Own { place: 0, frames });
            }
            self.own_bytes = self.own.iter().map(|own| own.frames.len()).sum();
            self.send_own([], window, now);
        }
    }

    /// Ends the connection in order: what waits, then the close frame, then no more, and an end to it all within
    /// [`limits::CLOSE_LINGER`]. Cut at once instead, a browser reports 1006 in place of the code.
    pub(crate) fn close_with(&mut self, frame: &[u8], window: &Window, now: Instant) {
        let end = match self.state {
            State::Open => window.end(),
            State::FallenOut => {
                self.own.retain(|own| own.place == 0);
                0
            }
            State::Closing { .. } | State::Cut => return,
        };
        self.push(Bytes::copy_from_slice(frame), end);
        self.own_bytes = self.own.iter().map(|own| own.frames.len()).sum();
        self.socket.closing.store(true, Ordering::Relaxed);
        self.state = State::Closing { end, until: now + limits::CLOSE_LINGER };
        self.flush(window, now);
    }

    /// Ends a connection that does not keep up. Its code can reach it only if the rest of the frame under way does, so
    /// everything after that goes.
    pub(crate) fn cut_off(&mut self, window: &Window, now: Instant) {
        if self.own.front().is_none_or(|own| own.place > self.at) {
            self.own.clear();
        }
        self.own.truncate(1);
        self.own_bytes = self.own.iter().map(|own| own.frames.len()).sum();
        self.fall_out(window);
        self.close_with(&encode_close(CloseCode::TooSlow), window, now);
    }

    /// Does what is due: tries again what waits, and ends what has lasted too long.
    ///
    /// # Returns
    /// Whether [`Sender::start_afresh`] is to be called: what it missed is gone.
    pub(crate) fn tick(&mut self, window: &Window, now: Instant) -> bool {
        self.due = None;
        match self.state {
            State::Open | State::FallenOut => {
                self.flush(window, now);
                // Who has fallen out may be sent nothing before the system finds room for a good deal.
                let patience = if self.is_idle() { limits::WINDOW_AGE } else { limits::STALL };
                if self.due.is_some() && now.duration_since(self.progress) >= patience {
                    log::debug!("a client took no byte for {patience:?}: cut off");
                    self.cut_off(window, now);
                }
            }
            State::Closing { until, .. } if now < until => self.flush(window, now),
            State::Closing { .. } => self.cut(),
            State::Cut => {}
        }
        self.may_start_afresh(now)
    }

    /// Ends the connection at once; its thread wakes.
    pub(crate) fn cut(&mut self) {
        self.state = State::Cut;
        self.own = VecDeque::new();
        self.own_bytes = 0;
        self.due = None;
        self.socket.closing.store(true, Ordering::Relaxed);
        let _ = self.socket.stream.shutdown(Shutdown::Both); // fails only if the peer was faster
    }

    fn tear(&mut self, error: &io::Error) {
        log::debug!("a client's connection broke: {error}");
        self.cut();
    }

    fn push(&mut self, frames: Bytes, place: u64) {
        self.own_bytes += frames.len();
        self.own.push_back(Own { place, frames });
    }

    /// Writes what it can of what waits, and plans the next try.
    fn flush(&mut self, window: &Window, now: Instant) {
        let end = match self.state {
            State::Open => window.end(),
            State::FallenOut => 0,
            State::Closing { end, .. } => end,
            State::Cut => return,
        };
        while self.waits(end) {
            let mut slices = [IoSlice::new(&[]); limits::SLICES];
            let count = self.gather(window, end, &mut slices);
            match (&self.socket.stream).write_vectored(&slices[..count]) {
                Ok(0) => break,
                Ok(taken) => self.advance(taken, end, now),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return self.tear(&error),
            }
        }
        let behind = self.waits(end) || self.state == State::FallenOut;
        self.socket.behind.store(behind, Ordering::Relaxed);
        if behind {
            self.due = Some(now + self.retry_in(now));
        } else if let State::Closing { until, .. } = self.state {
            let _ = self.socket.stream.shutdown(Shutdown::Write); // fails only if the peer was faster
            self.due = Some(until);
        } else {
            self.due = None;
        }
    }

    /// Whether anything is to be written, of everybody's up to this offset.
    fn waits(&self, end: u64) -> bool {
        self.at < end || self.own.front().is_some_and(|own| self.may_write(own))
    }

    fn may_write(&self, own: &Own) -> bool {
        self.state != State::FallenOut || own.place == 0
    }

    /// What waits, in order: everybody's up to the place of what is its own, that, and so on. As much as fits.
    fn gather<'a>(
        &'a self,
        window: &'a Window,
        end: u64,
        slices: &mut [IoSlice<'a>; limits::SLICES],
    ) -> usize {
        let mut at = self.at;
        let mut stops = self.own.iter().take_while(|own| self.may_write(own));
        let mut count = 0;
        loop {
            let own = stops.next();
            let to = own.map_or(end, |own| own.place.min(end));
            let shared = (at < to).then(|| window.slices(at, to)).into_iter().flatten();
            for piece in shared.chain(own.map(|own| &own.frames[..])) {
                let Some(slice) = slices.get_mut(count) else { return count };
                *slice = IoSlice::new(piece);
                count += 1;
            }
            at = at.max(to);
            if own.is_none() {
                return count;
            }
        }
    }

    fn advance(&mut self, mut taken: usize, end: u64, now: Instant) {
        self.progress = now;
        while taken > 0 {
            let to = self.own.front().map_or(end, |own| own.place.min(end));
            let shared = to.saturating_sub(self.at).min(taken as u64);
            self.at += shared;
            taken -= shared as usize;
            if let Some(own) = self.own.front_mut()
                && self.at >= to
            {
                let part = own.frames.len().min(taken);
                own.frames.advance(part);
                self.own_bytes -= part;
                taken -= part;
                if own.frames.is_empty() {
                    self.own.pop_front();
                }
            }
        }
    }

    /// A quarter of the time that it has been blocked: a peer that reads in gulps is found soon after one, and one that
    /// does not read costs little.
    fn retry_in(&self, now: Instant) -> Duration {
        (now.saturating_duration_since(self.progress) / 4).clamp(limits::RETRY_WRITE.0, limits::RETRY_WRITE.1)
    }
}

#[cfg(test)]
pub(crate) mod tests;
