//! A Chromium of the oldest version that the page has to work in, as Qt's WebEngine 6.2 from PyPI has it inside. A window of
//! it is a process, and so is each tab.

use super::browser::Profile;
use super::devtools::DevTools;
use super::engine::{Tab, find, reader};
use super::notes::Notes;
use super::places::Place;
use super::wire::Wire;
use super::{DEADLINE, Engine, Process, free_port, try_http};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const WINDOW: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/old_chromium.py");

const FLAGS: [&str; 4] = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP room.lan 127.0.0.1",
];

/// What the tests ask of a page, and this Chromium does not have yet.
const NEWER: &str = "Element.prototype.checkVisibility = function (options = {}) {
    for (let node = this; node && options.opacityProperty; node = node.parentElement) {
        if (getComputedStyle(node).opacity === '0') return false;
    }
    const seen = !options.visibilityProperty || getComputedStyle(this).visibility === 'visible';
    return this.getClientRects().length > 0 && seen;
};";

/// The Python that `OLD_CHROMIUM` names, where it has WebEngine.
pub(super) fn find_python() -> Option<PathBuf> {
    let python = find("OLD_CHROMIUM", &[], &[])?;
    let asked = Command::new(&python).args(["-c", "import PyQt6.QtWebEngineCore"]).output();
    asked.is_ok_and(|output| output.status.success()).then_some(python)
}

/// A window, and a connection to its page.
struct OldChromium {
    wire: Arc<Wire>,
    _process: Mutex<Process>,
    _place: Arc<Place>,
}

/// A fresh window in the WebEngine of the Python at `path`.
pub(super) fn start(path: &Path) -> Arc<dyn Profile> {
    let place = reader(Engine::OldChromium);
    let port = free_port();
    let mut command = Command::new(path);
    command.arg(WINDOW).args(FLAGS).env("QT_QPA_PLATFORM", "offscreen");
    command.env("QTWEBENGINE_REMOTE_DEBUGGING", port.to_string());
    let process = Process::spawn(&mut command);
    let wire = Arc::new(Wire::connect(&page_of(([127, 0, 0, 1], port).into())));
    Arc::new(OldChromium { wire, _process: Mutex::new(process), _place: place })
}

/// The address of the only page's own connection.
fn page_of(addr: SocketAddr) -> String {
    let end = Instant::now() + DEADLINE;
    let request = format!("GET /json/list HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
    loop {
        let pages: Value = try_http(addr, &request).map(|answer| answer.json()).unwrap_or_default();
        if let Some(url) = pages[0]["webSocketDebuggerUrl"].as_str() {
            return url.to_owned();
        }
        assert!(Instant::now() < end, "the old Chromium shows no page: {pages}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Profile for OldChromium {
    fn tab(self: Arc<Self>, notes: &Arc<Notes>) -> Box<dyn Tab> {
        let wire = Arc::clone(&self.wire);
        let tab = DevTools::begin(wire, None, Value::Null, self, notes);
        tab.observe(NEWER);
        Box::new(tab)
    }
}
