//! How two of the browsers are spoken to: JSON over one WebSocket, calls by number and events, as DevTools and WebDriver BiDi
//! both have it.
//!
//! Our own, since the crate for DevTools looks for answers only every 100 ms and drops events that are newer than it is.

use super::{DEADLINE, lock};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

/// For an answer that the browser owes.
const ANSWER: Duration = Duration::from_secs(2 * DEADLINE.as_secs());

/// What a tab is told of: a method and its parameters.
type Listener = Box<dyn Fn(&str, &Value) + Send>;

/// A connection to a running browser.
pub(super) struct Wire {
    writer: Mutex<WebSocket<TcpStream>>,
    shared: Arc<Shared>,
    next_id: AtomicU64,
}

#[derive(Default)]
struct Shared {
    /// Who waits for the answer with this id.
    waiting: Mutex<HashMap<u64, Sender<Value>>>,
    /// By tab.
    listeners: Mutex<HashMap<String, Listener>>,
}

impl Wire {
    /// Connects to a browser that listens at `url`.
    pub(super) fn connect(url: &str) -> Wire {
        let host = url.strip_prefix("ws://").and_then(|rest| rest.split('/').next()).expect("an address");
        let stream = TcpStream::connect(host).expect("the browser listens");
        stream.set_nodelay(true).expect("a socket takes options");
        let (reader, _) = tungstenite::client(url, stream).expect("the browser speaks WebSocket");
        // One side for each direction. Browsers send no pings, so the reading side never has to write.
        let writing_side = reader.get_ref().try_clone().expect("a descriptor for the other direction");
        let writer = Mutex::new(WebSocket::from_raw_socket(writing_side, Role::Client, None));
        let shared = Arc::new(Shared::default());
        let told = Arc::clone(&shared);
        std::thread::spawn(move || told.listen(reader));
        Wire { writer, shared, next_id: AtomicU64::new(1) }
    }

    /// Calls `method`, of a DevTools session or of the browser itself, and waits for its result.
    pub(super) fn call(&self, session: Option<&str>, method: &str, params: Value) -> Result<Value, String> {
        self.call_within(ANSWER, session, method, params)
    }

    /// The same, no longer than `patience`.
    pub(super) fn call_within(
        &self,
        patience: Duration,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<Value, String> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = channel();
        lock(&self.shared.waiting).insert(id, answer);
        let mut request = json!({"id": id, "method": method, "params": params});
        if let Some(session) = session {
            request["sessionId"] = session.into();
        }
        lock(&self.writer).send(Message::text(request.to_string())).map_err(|error| error.to_string())?;
        let mut answer = answered.recv_timeout(patience).map_err(|_| format!("no answer to {method}"))?;
        match answer.get("error") {
            Some(error) => Err(format!("{method}: {error} {}", answer["message"])),
            None => Ok(answer["result"].take()),
        }
    }

    /// Tells `listener` of everything that happens in a tab: by its session in DevTools, its context in BiDi.
    pub(super) fn listen(&self, tab: &str, listener: Listener) {
        lock(&self.shared.listeners).insert(tab.to_owned(), listener);
    }

    /// Ends [`Wire::listen`].
    pub(super) fn forget(&self, tab: &str) {
        lock(&self.shared.listeners).remove(tab);
    }
}

impl Shared {
    /// Until the connection ends, and the process with it.
    fn listen(&self, mut reader: WebSocket<TcpStream>) {
        while let Ok(message) = reader.read() {
            let Message::Text(text) = message else { continue };
            let mut frame: Value = serde_json::from_str(text.as_str()).expect("a browser sends JSON");
            if let Some(id) = frame["id"].as_u64() {
                let waiting = lock(&self.waiting).remove(&id);
                // Who asked may have given up.
                let _ = waiting.map(|waiting| waiting.send(frame.take()));
            } else if let Some(method) = frame["method"].as_str()
                && let Some(listener) = lock(&self.listeners).get(tab_of(&frame))
            {
                listener(method, &frame["params"]);
            }
        }
        // Nobody waits for an answer that cannot come.
        lock(&self.waiting).clear();
    }
}

/// Which tab an event is of; nothing where the connection is one tab's own.
fn tab_of(event: &Value) -> &str {
    let params = &event["params"];
    let places = [&event["sessionId"], &params["context"], &params["source"]["context"]];
    places.into_iter().find_map(Value::as_str).unwrap_or_default()
}
