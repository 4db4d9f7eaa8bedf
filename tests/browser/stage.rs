//! A room that plays whatever a test writes for it: the page as the real server sends it, with the same policy, and a
//! WebSocket whose other side is the test. For what only a host, or a room in trouble, brings about.

use crate::support::{Browser, DEADLINE, Page, Response, TestServer, http};
use serde_json::{Value, json};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Error, Message, WebSocket};

/// A listening room. Its thread ends with the test process: it waits on its socket and holds nothing else.
pub(super) struct Stage {
    addr: SocketAddr,
    entrances: Receiver<Actor>,
}

/// The room's side of one connection.
pub(super) struct Actor {
    socket: WebSocket<TcpStream>,
    /// The query that it came with: empty on a fresh load.
    pub query: String,
    position: u64,
}

impl Stage {
    /// Opens on a free port.
    pub(super) fn open() -> Stage {
        Stage::under(str::to_owned)
    }

    /// As [`Stage::open`], with what `change` makes of the page's policy.
    pub(super) fn under(change: fn(&str) -> String) -> Stage {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let addr = listener.local_addr().expect("a bound socket has an address");
        // The policy names the address by which the page is asked for.
        let server = TestServer::start();
        let mut page =
            http(server.addr(), format!("GET / HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n"));
        for (_, policy) in page.headers.iter_mut().filter(|(name, _)| name == "content-security-policy") {
            *policy = change(policy);
        }
        let (enter, entrances) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A browser opens sockets that it never uses; each may wait in a thread of its own.
                let (page, enter) = (answer_of(&page), enter.clone());
                std::thread::spawn(move || serve(stream, &page, &enter));
            }
        });
        Stage { addr, entrances }
    }

    /// Where it listens.
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// A tab that shows its page, and the connection that this opens.
    pub(super) fn enter(&self, browser: &Browser) -> (Page, Actor) {
        let page = browser.tab();
        page.visit(&format!("http://{}", self.addr()));
        (page, self.expect_entrance())
    }

    /// The page's next connection.
    pub(super) fn expect_entrance(&self) -> Actor {
        self.entrances.recv_timeout(DEADLINE).expect("the page connects")
    }
}

/// What the real server answered, again.
fn answer_of(page: &Response) -> Vec<u8> {
    let policy = page.header("content-security-policy").expect("the page has a policy");
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\
         Content-Security-Policy: {policy}\r\n\r\n",
        page.body.len()
    )
    .into_bytes();
    answer.extend(&page.body);
    answer
}

fn serve(mut stream: TcpStream, page: &[u8], enter: &Sender<Actor>) -> io::Result<()> {
    stream.set_read_timeout(Some(DEADLINE))?;
    let mut head = [0; 4096];
    // Only looked at: tungstenite reads it again. The browser sends a head in one piece.
    let length = stream.peek(&mut head)?;
    let head = String::from_utf8_lossy(&head[..length]).into_owned();
    let target = head.split(' ').nth(1).unwrap_or_default();
    if target.starts_with("/ws") {
        let socket = tungstenite::accept(stream).map_err(|error| io::Error::other(error.to_string()))?;
        let query = target.split_once('?').map_or("", |(_, query)| query).to_owned();
        // Where the test is over nobody waits for it.
        let _ = enter.send(Actor { socket, query, position: 0 });
        return Ok(());
    }
    let mut lines = BufReader::new(&stream).lines();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    match target {
        "/" => stream.write_all(page),
        _ => stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"),
    }
}

impl Actor {
    /// Sends one event.
    pub(super) fn send(&mut self, event: Value) {
        self.socket.send(Message::text(event.to_string())).expect("the page takes a frame");
    }

    /// What a registering connection gets first, with `messages` as the replay.
    pub(super) fn welcome(&mut self, messages: &[Value]) {
        self.welcome_with(messages, false);
    }

    /// What a page gets that could not keep up: the newest messages, in place of what it shows.
    pub(super) fn start_afresh(&mut self, messages: &[Value]) {
        self.welcome_with(messages, true);
    }

    fn welcome_with(&mut self, messages: &[Value], reset: bool) {
        self.position =
            messages.iter().filter_map(|message| message["id"].as_u64()).max().unwrap_or(self.position);
        self.send(json!({
            "event": "welcome", "epoch": "stage", "position": self.position, "reset": reset, "more": reset,
            "session": null, "limits": {"message_characters": 4000, "username_characters": 32},
        }));
        for message in messages {
            self.send(message.clone());
        }
        self.room(json!({}));
        self.send(
            json!({"event": "presence", "online": 1, "users": [{"username": "Ms Keller", "role": "host"}]}),
        );
    }

    /// The room's rules: `changes` to an open room called "Room 12".
    pub(super) fn room(&mut self, changes: Value) {
        let mut room = json!({
            "event": "room", "title": "Room 12", "locked": false, "door_closed": false, "slow_mode_seconds": 0,
            "members_only": false,
        });
        for (key, value) in changes.as_object().expect("an object") {
            room[key] = value.clone();
        }
        self.send(room);
    }

    /// Answers a `join`, which has to come first.
    pub(super) fn admit(&mut self, muted: bool) {
        let join = self.expect("join");
        self.send(json!({"event": "joined", "username": join["username"], "role": "guest", "muted": muted}));
    }

    /// Stores a message of the page's and tells it so.
    pub(super) fn store(&mut self, request: &Value, username: &str) {
        self.position += 1;
        self.send(json!({
            "event": "receive_message", "id": self.position, "at": now_ms(), "username": username, "role": "guest",
            "message": request["message"], "client_message_id": request["client_message_id"],
        }));
    }

    /// The next event of this kind that the page sends; others are skipped.
    pub(super) fn expect(&mut self, kind: &str) -> Value {
        let end = Instant::now() + DEADLINE;
        loop {
            let event = self.next(end).unwrap_or_else(|| panic!("no {kind} from the page"));
            if event["event"] == kind {
                return event;
            }
        }
    }

    /// Whether nothing of this kind comes before the page's answer to `question`, which is asked now.
    pub(super) fn expect_none_until(&mut self, kind: &str, last: &str) -> Value {
        let end = Instant::now() + DEADLINE;
        loop {
            let event = self.next(end).unwrap_or_else(|| panic!("no {last} from the page"));
            assert_ne!(event["event"], kind, "the page sent {event}");
            if event["event"] == last {
                return event;
            }
        }
    }

    fn next(&mut self, end: Instant) -> Option<Value> {
        loop {
            let rest = end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            self.socket.get_ref().set_read_timeout(Some(rest)).expect("a timeout can be set");
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    return Some(serde_json::from_str(text.as_str()).expect("the page sends JSON"));
                }
                Ok(_) => (),
                Err(Error::Io(_) | Error::ConnectionClosed | Error::AlreadyClosed) => return None,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Says goodbye with this code and waits for the page's.
    pub(super) fn close(mut self, code: u16) {
        let frame = CloseFrame { code: CloseCode::from(code), reason: "".into() };
        self.socket.close(Some(frame)).expect("a close frame can be sent");
        while self.next(Instant::now() + DEADLINE).is_some() {}
    }
}

/// A message of somebody's, as `receive_message`.
pub(super) fn message(id: u64, at_ms: u64, username: &str, role: &str, text: &str) -> Value {
    json!({
        "event": "receive_message", "id": id, "at": at_ms, "username": username, "role": role, "message": text,
    })
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("the clock is past 1970");
    u64::try_from(now.as_millis()).expect("it is not that late")
}

/// A page that has joined as Ben, with somebody's question before it and a draft in the box.
pub(super) fn ben(browser: &Browser, stage: &Stage) -> (Page, Actor) {
    let (page, mut actor) = stage.enter(browser);
    actor.welcome(&said());
    page.expect_connection("live");
    page.fill("#name", "Ben");
    page.press("Enter");
    actor.admit(false);
    page.expect_focus("#message");
    page.type_text("Because it is lighter");
    (page, actor)
}

/// What was said before anybody came.
pub(super) fn said() -> [Value; 2] {
    let at = now_ms() - 60_000;
    [
        message(1, at, "Ms Keller", "host", "Good morning! Today’s question: why does ice float?"),
        message(2, at + 20_000, "Ana", "member", "I know!"),
    ]
}

/// That what [`ben`] has in the box is still there.
pub(super) fn expect_text_kept(page: &Page) {
    page.expect("the text", "el.message.value === 'Because it is lighter'");
}
