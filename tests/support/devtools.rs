//! Chromium's DevTools protocol: JSON over one WebSocket, as much of it as a test needs.
//!
//! Our own, since the crate for it looks for answers only every 100 ms and drops events that are newer than it is.

use super::{DEADLINE, Process, lock};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

/// For an answer: longer than a question to a page may wait inside it.
const ANSWER: Duration = Duration::from_secs(2 * DEADLINE.as_secs());

const FLAGS: &[&str] = &[
    "--headless=new",
    "--remote-debugging-port=0",
    // In a container there is no user to give the sandbox away to.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    // What each profile's window would load beside the page: the address bar's menus, and a process for the next page. They
    // are half of what a short test costs.
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,SpareRendererForSitePerProcess",
    "--force-color-profile=srgb",
    "--mute-audio",
    "--password-store=basic",
    "--use-mock-keychain",
    "--window-size=1280,800",
    // Addresses of a room on a LAN and of a school's server, as far as a browser can tell: plain http, and not this computer.
    "--host-resolver-rules=MAP room.lan 127.0.0.1, MAP school.example 127.0.0.1",
    "about:blank",
];

/// What a session is told of: a method and its parameters.
type Listener = Box<dyn Fn(&str, &Value) + Send>;

/// A running Chromium. Dropping it ends it and removes its files.
pub(super) struct DevTools {
    writer: Mutex<WebSocket<TcpStream>>,
    shared: Arc<Shared>,
    next_id: AtomicU64,
    /// Behind a lock because it is only ever dropped, and may be by any thread.
    _process: Mutex<Process>,
    _files: TempDir,
}

#[derive(Default)]
struct Shared {
    /// Who waits for the answer with this id.
    waiting: Mutex<HashMap<u64, Sender<Value>>>,
    /// By session.
    listeners: Mutex<HashMap<String, Listener>>,
}

impl DevTools {
    /// Starts the program at `path` and connects to it.
    pub(super) fn launch(path: &Path) -> DevTools {
        let files = tempfile::tempdir().expect("a folder for Chromium's files");
        let mut command = Command::new(path);
        command.arg(format!("--user-data-dir={}", files.path().display())).args(FLAGS);
        let process = Process::spawn(&mut command);
        let url = process.stderr.wait_for("DevTools address", &process.stdout, |text| {
            let (_, rest) = text.split_once("DevTools listening on ")?;
            rest.split_once('\n').map(|(url, _)| url.trim().to_owned())
        });
        let host = url.strip_prefix("ws://").and_then(|rest| rest.split('/').next()).expect("an address");
        let stream = TcpStream::connect(host).expect("Chromium listens");
        stream.set_nodelay(true).expect("a socket takes options");
        let (reader, _) = tungstenite::client(url.as_str(), stream).expect("Chromium speaks WebSocket");
        // One side for each direction. Chromium sends no pings, so the reading side never has to write.
        let writing_side = reader.get_ref().try_clone().expect("a descriptor for the other direction");
        let writer = Mutex::new(WebSocket::from_raw_socket(writing_side, Role::Client, None));
        let shared = Arc::new(Shared::default());
        let told = Arc::clone(&shared);
        std::thread::spawn(move || told.listen(reader));
        DevTools { writer, shared, next_id: AtomicU64::new(1), _process: Mutex::new(process), _files: files }
    }

    /// Calls `method`, of a session or of the browser itself, and waits for its result.
    pub(super) fn call(&self, session: Option<&str>, method: &str, params: Value) -> Result<Value, String> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = channel();
        lock(&self.shared.waiting).insert(id, answer);
        let mut request = json!({"id": id, "method": method, "params": params});
        if let Some(session) = session {
            request["sessionId"] = session.into();
        }
        lock(&self.writer).send(Message::text(request.to_string())).map_err(|error| error.to_string())?;
        let mut answer = answered.recv_timeout(ANSWER).map_err(|_| format!("no answer to {method}"))?;
        match answer.get("error") {
            Some(error) => Err(format!("{method}: {error}")),
            None => Ok(answer["result"].take()),
        }
    }

    /// Tells `listener` of everything that happens in a session.
    pub(super) fn listen(&self, session: &str, listener: Listener) {
        lock(&self.shared.listeners).insert(session.to_owned(), listener);
    }

    /// Ends [`DevTools::listen`].
    pub(super) fn forget(&self, session: &str) {
        lock(&self.shared.listeners).remove(session);
    }
}

impl Shared {
    /// Until the connection ends, and the process with it.
    fn listen(&self, mut reader: WebSocket<TcpStream>) {
        while let Ok(message) = reader.read() {
            let Message::Text(text) = message else { continue };
            let mut frame: Value = serde_json::from_str(text.as_str()).expect("Chromium sends JSON");
            if let Some(id) = frame["id"].as_u64() {
                let waiting = lock(&self.waiting).remove(&id);
                // Who asked may have given up.
                let _ = waiting.map(|waiting| waiting.send(frame.take()));
            } else if let (Some(session), Some(method)) =
                (frame["sessionId"].as_str(), frame["method"].as_str())
                && let Some(listener) = lock(&self.listeners).get(session)
            {
                listener(method, &frame["params"]);
            }
        }
        // Nobody waits for an answer that cannot come.
        lock(&self.waiting).clear();
    }
}
