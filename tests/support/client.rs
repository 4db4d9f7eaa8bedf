//! A client that speaks the protocol and remembers everything it was told.

use super::{DEADLINE, Knock};
use serde_json::{Value, json};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use tungstenite::{Error, Message, WebSocket};

/// Why nothing more came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The server said goodbye with this code (1005: without one).
    Closed(u16),
    /// The stream ended, or broke, without a goodbye.
    Torn,
    /// It is still open, and silent.
    Silent,
}

/// A connected client. Reading is done only when a test expects something, so a test that expects nothing of it has
/// a reader that stands still.
pub struct TestClient {
    socket: WebSocket<TcpStream>,
    received: Vec<Value>,
    /// How many of `received` a test has already looked at.
    seen: usize,
    /// How many a view has followed: it misses nothing of what a test skips.
    followed: usize,
}

impl TestClient {
    /// A fresh load.
    pub fn connect(addr: SocketAddr) -> TestClient {
        TestClient::open(addr, "/ws")
    }

    /// Comes back to the log `epoch` after the position `after`.
    pub fn resume(addr: SocketAddr, after: u64, epoch: &str) -> TestClient {
        TestClient::open(addr, &format!("/ws?after={after}&epoch={epoch}"))
    }

    /// A client on a socket that has become a WebSocket.
    pub fn over(socket: WebSocket<TcpStream>) -> TestClient {
        TestClient { socket, received: Vec::new(), seen: 0, followed: 0 }
    }

    fn open(addr: SocketAddr, target: &str) -> TestClient {
        let answer = Knock::at(addr, target).and_then(Knock::enter).expect("the server answers");
        answer.unwrap_or_else(|response| panic!("refused: {response:?}"))
    }

    /// The socket below, to write what no WebSocket library would, or to look at.
    pub fn raw(&self) -> &TcpStream {
        self.socket.get_ref()
    }

    /// Makes the system hold only little for this client: what it does not read then waits at the server. Not less
    /// than this, since a smaller window is refilled only a few times a second.
    pub fn hold_little(&self) {
        rustix::net::sockopt::set_socket_recv_buffer_size(self.raw(), 64 * 1024).expect("a small buffer");
    }

    /// Sends one event.
    pub fn send(&mut self, event: Value) {
        self.try_send(event).expect("the connection takes a frame");
    }

    /// As [`TestClient::send`], where the connection may be gone.
    pub fn try_send(&mut self, event: Value) -> Result<(), Error> {
        self.send_frame(Message::text(event.to_string()))
    }

    /// Sends any frame.
    pub fn send_frame(&mut self, frame: Message) -> Result<(), Error> {
        self.socket.send(frame)
    }

    /// Takes the name `name`; gives back the `joined`.
    pub fn join(&mut self, name: &str) -> Value {
        self.send(json!({"event": "join", "username": name}));
        self.expect_event("joined")
    }

    /// Takes the name `name` as the browser with `guest_key` and the tab with `tab_key`.
    pub fn join_with_keys(&mut self, name: &str, guest_key: &str, tab_key: &str) -> Value {
        self.send(json!({"event": "join", "username": name, "guest_key": guest_key, "tab_key": tab_key}));
        self.expect_event("joined")
    }

    /// Says `text`, without waiting for its receipt.
    pub fn say(&mut self, text: &str) {
        self.send(json!({"event": "send_message", "message": text}));
    }

    /// The name of the log, as its last welcome has it.
    pub fn epoch(&mut self) -> String {
        if self.received("welcome").is_empty() {
            self.expect_event("welcome");
        }
        let welcomes = self.received("welcome");
        let epoch = welcomes.last().and_then(|welcome| welcome["epoch"].as_str());
        epoch.expect("a welcome has the epoch").to_owned()
    }

    /// Says `text` under an id, without waiting for its receipt.
    pub fn say_with_id(&mut self, text: &str, id: &str) {
        self.send(json!({"event": "send_message", "message": text, "client_message_id": id}));
    }

    /// Says `text` and waits for its receipt: what other clients have not seen before this, they see after it.
    pub fn say_and_wait(&mut self, text: &str) -> Value {
        self.say(text);
        self.expect_text(text)
    }

    /// The next event the server sends, or why there is none within `patience`.
    pub fn next_within(&mut self, patience: Duration) -> Result<Value, Ended> {
        let until = Instant::now() + patience;
        loop {
            if let Some(event) = self.received.get(self.seen) {
                self.seen += 1;
                return Ok(event.clone());
            }
            self.read(until)?;
        }
    }

    /// The next event, or why there is none before the deadline.
    pub fn next(&mut self) -> Result<Value, Ended> {
        self.next_within(DEADLINE)
    }

    /// The next event, which is then forgotten: for who is told so much that it should not be kept.
    pub fn take_next(&mut self, patience: Duration) -> Result<Value, Ended> {
        let event = self.next_within(patience);
        self.received.clear();
        (self.seen, self.followed) = (0, 0);
        event
    }

    /// The next event that no view has followed yet, looked at or not.
    pub fn follow(&mut self) -> Result<Value, Ended> {
        let until = Instant::now() + DEADLINE;
        while self.followed == self.received.len() {
            self.read(until)?;
        }
        self.followed += 1;
        Ok(self.received[self.followed - 1].clone())
    }

    /// Skips events until one satisfies `is_it`, and gives that back. `what` names it in the failure.
    pub fn expect(&mut self, what: &str, mut is_it: impl FnMut(&Value) -> bool) -> Value {
        let until = Instant::now() + DEADLINE;
        loop {
            match self.next_within(until.saturating_duration_since(Instant::now())) {
                Ok(event) if is_it(&event) => return event,
                Ok(_) => (),
                Err(ended) => panic!("{ended:?} while waiting for {what}; {}", self.story()),
            }
        }
    }

    /// Skips events until one of this kind.
    pub fn expect_event(&mut self, kind: &str) -> Value {
        self.expect(kind, |event| event["event"] == kind)
    }

    /// Skips to the next message of the log, which must be `text`: so nothing stands between, and nothing comes twice.
    pub fn expect_message(&mut self, text: &str) -> Value {
        let message = self.expect_event("receive_message");
        assert_eq!(message["message"], text, "{}", self.story());
        message
    }

    /// Skips to the message `text`, whatever stands between.
    pub fn expect_text(&mut self, text: &str) -> Value {
        self.expect(text, |event| event["event"] == "receive_message" && event["message"] == text)
    }

    /// Skips to the next error, which must have this code and a sentence for a person.
    pub fn expect_error(&mut self, code: &str) -> Value {
        let error = self.expect_event("error");
        assert_eq!(error["code"], code, "{}", self.story());
        let sentence = error["message"].as_str().expect("an error says what is wrong");
        assert!(sentence.len() > 5 && !sentence.contains('\n'), "no sentence: {sentence:?}");
        assert!(error["reason"].is_string(), "no reason for programs: {error}");
        error
    }

    /// Reads until the connection ends, and says how.
    pub fn expect_end(&mut self) -> Ended {
        let until = Instant::now() + DEADLINE;
        loop {
            match self.next_within(until.saturating_duration_since(Instant::now())) {
                Ok(_) => (),
                Err(Ended::Silent) => panic!("still open; {}", self.story()),
                Err(ended) => return ended,
            }
        }
    }

    /// Reads until the connection ends, which must be with this close code.
    pub fn expect_close(&mut self, code: u16) {
        assert_eq!(self.expect_end(), Ended::Closed(code), "{}", self.story());
    }

    /// As [`TestClient::expect_end`], however long it takes as long as something comes: what a kernel still has for a
    /// reader that stood still comes slowly.
    pub fn read_to_end(&mut self) -> Ended {
        loop {
            match self.next() {
                Ok(_) => (),
                Err(Ended::Silent) => panic!("still open; {}", self.story()),
                Err(ended) => return ended,
            }
        }
    }

    /// Says goodbye as a browser does and waits for the server's: after this it is gone from the room.
    pub fn leave(mut self) {
        self.socket.close(None).expect("a close frame can be sent");
        self.expect_end();
    }

    /// A ping that has to come back: the server is alive for this client.
    pub fn expect_pong(&mut self) {
        let payload = self.received.len().to_string();
        self.send_frame(Message::Ping(payload.clone().into())).expect("the connection takes a ping");
        self.socket.get_ref().set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
        loop {
            match self.socket.read() {
                Ok(Message::Pong(answer)) => return assert_eq!(answer, payload.as_bytes()),
                Ok(Message::Text(text)) => self.keep(text.as_str()),
                other => panic!("{other:?} while waiting for a pong; {}", self.story()),
            }
        }
    }

    /// Everything of this kind that has come so far, looked at or not.
    pub fn received(&self, kind: &str) -> Vec<&Value> {
        self.received.iter().filter(|event| event["event"] == kind).collect()
    }

    /// Everything that has come so far, of every kind.
    pub fn received_so_far(&self) -> &[Value] {
        &self.received
    }

    /// Everything that came before the test's present place in it.
    pub fn story_so_far(&self) -> &[Value] {
        &self.received[..self.seen]
    }

    /// Reads until one event more is kept.
    fn read(&mut self, until: Instant) -> Result<(), Ended> {
        loop {
            // Zero would mean no timeout at all.
            let patience = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            self.socket.get_ref().set_read_timeout(Some(patience)).expect("a timeout can be set");
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    self.keep(text.as_str());
                    return Ok(());
                }
                Ok(Message::Close(frame)) => {
                    // Our side of the goodbye goes out with the next reads, which also see the server hang up.
                    while self.socket.read().is_ok() {}
                    return Err(Ended::Closed(frame.map_or(1005, |frame| frame.code.into())));
                }
                Ok(Message::Ping(_) | Message::Pong(_)) => (),
                Ok(other) => panic!("the protocol has text frames only: {other:?}"),
                Err(Error::Io(error))
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) =>
                {
                    if Instant::now() >= until {
                        return Err(Ended::Silent);
                    }
                }
                Err(_) => return Err(Ended::Torn),
            }
        }
    }

    fn keep(&mut self, text: &str) {
        let event: Value = serde_json::from_str(text).expect("the server sends JSON");
        assert!(event["event"].is_string(), "a frame names its event: {text}");
        self.received.push(event);
    }

    /// The latest of what was received, for the failing test to print.
    fn story(&self) -> String {
        let from = self.received.len().saturating_sub(20);
        let events: Vec<String> = self.received[from..].iter().map(clipped).collect();
        format!("received {} events, lately:\n  {}", self.received.len(), events.join("\n  "))
    }
}

fn clipped(event: &Value) -> String {
    let text = event.to_string();
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

impl Drop for TestClient {
    /// Cuts the stream, as a laptop that is closed does, without a goodbye.
    fn drop(&mut self) {
        let _ = self.socket.get_ref().shutdown(std::net::Shutdown::Both);
    }
}
