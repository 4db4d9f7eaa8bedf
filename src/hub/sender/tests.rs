use std::io::Read;
use std::net::TcpListener;

use super::*;

/// A sender with its window, and the peer it writes to.
struct Line {
    sender: Sender,
    window: Window,
    peer: TcpStream,
    sent: Vec<u8>,
}

impl Line {
    fn new() -> Line {
        let (socket, peer) = linked();
        Line {
            sender: Sender::new(socket, 0, Instant::now()),
            window: Window::default(),
            peer,
            sent: Vec::new(),
        }
    }

    /// A turn of one frame, whose payload is as long as a turn may be.
    fn tell(&mut self, number: u8, now: Instant) {
        let frames = framed(&vec![number; limits::TURN_BYTES]);
        self.sent.extend_from_slice(&frames);
        self.window.push(frames.clone(), now);
        self.sender.send(&frames, &self.window, now);
    }

    fn tell_own(&mut self, frames: &[u8], now: Instant) {
        self.sent.extend_from_slice(frames);
        self.sender.send_own([(self.window.end(), frames.to_vec())], &self.window, now);
    }

    /// Tells so much that some of it has to wait.
    fn stuff(&mut self, now: Instant) {
        for number in 1..=4 {
            self.tell(number, now);
        }
        let mut taken = 0;
        while std::mem::replace(&mut taken, self.sender.at) < self.sender.at {
            self.sender.tick(&self.window, now); // until the kernels take no more
        }
        assert!(self.sender.is_before(self.window.end()) && self.sender.due().is_some());
    }

    /// What the peer gets until it has `bytes`, or the end.
    fn read(&mut self, bytes: usize, now: Instant) -> Vec<u8> {
        let (mut received, mut chunk) = (Vec::new(), vec![0; 64 * 1024]);
        while received.len() < bytes {
            match self.peer.read(&mut chunk).expect("more is coming, or an end in order") {
                0 => break,
                count => received.extend_from_slice(&chunk[..count]),
            }
            self.sender.tick(&self.window, now);
        }
        received
    }
}

/// A payload as a text frame.
fn framed(payload: &[u8]) -> Bytes {
    let length = (payload.len() as u64).to_be_bytes();
    [&[0x81, 127], &length[..], payload].concat().into()
}

/// A client's socket, and its peer.
pub(crate) fn linked() -> (Arc<ClientSocket>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let peer = TcpStream::connect(listener.local_addr().expect("bound")).expect("listening");
    rustix::net::sockopt::set_socket_recv_buffer_size(&peer, 64 * 1024).expect("allowed");
    let (stream, _) = listener.accept().expect("connected");
    stream.set_nonblocking(true).expect("a socket can be");
    rustix::net::sockopt::set_socket_send_buffer_size(&stream, limits::SEND_BUFFER_BYTES).expect("allowed");
    peer.set_read_timeout(Some(Duration::from_secs(10))).expect("not zero");
    (Arc::new(ClientSocket::new(stream)), peer)
}

#[test]
fn what_the_socket_does_not_take_follows_in_order() {
    let mut line = Line::new();
    let now = Instant::now();
    line.stuff(now);
    line.tell_own(b"own", now);
    line.tell(5, now);
    line.tell_own(b"own again", now);
    let received = line.read(line.sent.len(), now);
    assert!(received == line.sent);
    assert_eq!((line.sender.own_bytes(), line.sender.due()), (0, None));
    line.tell(6, now);
    assert!(line.read(limits::TURN_BYTES, now).ends_with(&[6; 9]), "and goes on as before");
}

#[test]
fn who_takes_no_byte_for_ten_seconds_is_cut_off_and_not_sooner() {
    let mut line = Line::new();
    let start = Instant::now();
    line.stuff(start);
    line.sender.tick(&line.window, start + limits::STALL - Duration::from_millis(1));
    assert!(line.sender.is_open());
    line.sender.tick(&line.window, start + limits::STALL);
    assert!(!line.sender.is_open() && line.sender.socket.is_closing());
}

#[test]
fn who_takes_a_byte_now_and_then_stays() {
    let mut line = Line::new();
    let start = Instant::now();
    line.stuff(start);
    let taken = line.read(300 * 1024, start + limits::STALL * 9 / 10);
    assert!(!taken.is_empty());
    line.sender.tick(&line.window, start + limits::STALL * 18 / 10);
    assert!(line.sender.is_open());
}

#[test]
fn what_is_ones_own_has_a_bound() {
    let mut line = Line::new();
    let now = Instant::now();
    line.stuff(now);
    line.tell_own(&vec![0; limits::OWN_BYTES], now);
    assert!(line.sender.is_open());
    line.tell_own(b"x", now);
    assert!(!line.sender.is_open());
    assert!(line.sender.own_bytes() <= 2 * limits::TURN_BYTES, "what nobody will read is not kept");
}

#[test]
fn a_client_that_was_cut_off_and_reads_on_gets_whole_frames_and_the_code() {
    let mut line = Line::new();
    let now = Instant::now();
    line.stuff(now);
    line.tell_own(b"never read", now);
    line.sender.cut_off(&line.window, now);
    let received = line.read(usize::MAX, now);
    let close = encode_close(CloseCode::TooSlow);
    let frames = received.strip_suffix(&close[..]).expect("the code comes last");
    assert!(line.sent.starts_with(frames));
    assert_eq!(frames.len() % (limits::TURN_BYTES + 10), 0, "no frame is torn");
    assert!(frames.len() < line.window.end() as usize, "the last ones were dropped");
}

#[test]
fn who_falls_out_gets_the_rest_of_the_frame_starts_afresh_and_then_gets_what_is_its_own() {
    let mut line = Line::new();
    let now = Instant::now();
    line.stuff(now);
    line.tell_own(b"own", now);
    line.sender.fall_out(&line.window);
    line.window.clear();
    assert!(line.sender.is_open() && line.sender.own_bytes() > 3);
    line.tell(5, now);
    assert!(!line.sender.tick(&line.window, now), "it cannot take anything yet");
    let taken = line.peer_takes_all();
    assert!(line.sent.starts_with(&taken));
    assert_eq!(taken.len() % (limits::TURN_BYTES + 10), 0, "no frame is torn");
    line.sender.start_afresh([Bytes::from("wel"), Bytes::from("come")], 0, &line.window, now);
    line.tell(6, now);
    let afresh = line.read(limits::TURN_BYTES + 20, now);
    assert!(afresh.starts_with(b"welcomeown") && afresh.ends_with(&[6; 9]), "and nothing of the fifth");
}

impl Line {
    /// Reads until the sender says that it may start afresh.
    fn peer_takes_all(&mut self) -> Vec<u8> {
        self.peer.set_nonblocking(true).expect("a socket can be");
        let (mut received, mut chunk) = (Vec::new(), vec![0; 64 * 1024]);
        let until = Instant::now() + Duration::from_secs(10);
        let mut may_start = false;
        loop {
            match self.peer.read(&mut chunk) {
                Ok(count) => received.extend_from_slice(&chunk[..count]),
                Err(_) if may_start => break,
                Err(_) => std::thread::yield_now(),
            }
            may_start = self.sender.tick(&self.window, Instant::now());
            assert!(Instant::now() < until, "it never may");
        }
        self.peer.set_nonblocking(false).expect("a socket can be");
        received
    }
}

#[test]
fn nothing_follows_a_close_frame_and_the_end_comes_in_time() {
    let mut line = Line::new();
    let now = Instant::now();
    line.sender.close_with(&encode_close(CloseCode::Stopping), &line.window, now);
    line.tell_own(b"late", now);
    line.tell(1, now);
    let mut received = Vec::new();
    line.peer.read_to_end(&mut received).expect("our side is shut down");
    assert_eq!(received, encode_close(CloseCode::Stopping));
    assert_eq!(line.sender.due(), Some(now + limits::CLOSE_LINGER));
    line.sender.tick(&line.window, now + limits::CLOSE_LINGER);
    assert_eq!(line.sender.state, State::Cut);
}

#[test]
fn what_waits_comes_before_the_close_frame_and_what_is_told_later_does_not() {
    let mut line = Line::new();
    let now = Instant::now();
    line.stuff(now);
    line.tell_own(b"own", now);
    let close = encode_close(CloseCode::Removed);
    line.sender.close_with(&close, &line.window, now);
    let before = line.sent.clone();
    line.tell(5, now);
    let received = line.read(usize::MAX, now);
    assert!(received == [&before[..], &close].concat());
}
