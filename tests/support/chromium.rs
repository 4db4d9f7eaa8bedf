//! A headless Chromium, spoken to in its DevTools protocol.
//!
//! Tests that run at the same time share one process, since starting it takes longer than most of them; each has a
//! profile of its own in it.

use super::browser::Profile;
use super::devtools::DevTools;
use super::engine::{Tab, find, reader};
use super::notes::Notes;
use super::places::Place;
use super::wire::Wire;
use super::{Engine, Process, lock};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, Weak};
use tempfile::TempDir;

static SHARED: Mutex<Weak<Chromium>> = Mutex::new(Weak::new());

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

/// A running Chromium. Dropping it ends it and removes its files.
struct Chromium {
    wire: Arc<Wire>,
    /// Behind a lock because it is only ever dropped, and may be by any thread.
    _process: Mutex<Process>,
    _files: TempDir,
}

impl Chromium {
    fn launch(path: &Path) -> Chromium {
        let files = tempfile::tempdir().expect("a folder for Chromium's files");
        let mut command = Command::new(path);
        command.arg(format!("--user-data-dir={}", files.path().display())).args(FLAGS);
        let process = Process::spawn(&mut command);
        let url = process.stderr.wait_for("DevTools address", &process.stdout, |text| {
            let (_, rest) = text.split_once("DevTools listening on ")?;
            rest.split_once('\n').map(|(url, _)| url.trim().to_owned())
        });
        Chromium { wire: Arc::new(Wire::connect(&url)), _process: Mutex::new(process), _files: files }
    }
}

/// `CHROME`, or what is on the path, or where macOS has it.
pub(super) fn find_chromium() -> Option<PathBuf> {
    const NAMES: [&str; 5] =
        ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
    find("CHROME", &NAMES, &["/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"])
}

/// A profile; it goes with the last of its tabs, and the last profile ends the process.
struct ChromiumProfile {
    chromium: Arc<Chromium>,
    id: Value,
    _place: Arc<Place>,
}

/// A fresh profile in the Chromium at `path`.
pub(super) fn start(path: &Path) -> Arc<dyn Profile> {
    let place = reader(Engine::Chromium);
    let mut shared = lock(&SHARED);
    let chromium = shared.upgrade().unwrap_or_else(|| Arc::new(Chromium::launch(path)));
    *shared = Arc::downgrade(&chromium);
    let context = chromium.wire.call(None, "Target.createBrowserContext", json!({}));
    let id = context.expect("a fresh profile")["browserContextId"].take();
    Arc::new(ChromiumProfile { chromium, id, _place: place })
}

impl Profile for ChromiumProfile {
    fn tab(self: Arc<Self>, notes: &Arc<Notes>) -> Box<dyn Tab> {
        let wire = &self.chromium.wire;
        let place = json!({"url": "about:blank", "browserContextId": self.id});
        let target = wire.call(None, "Target.createTarget", place).expect("a new tab")["targetId"].take();
        let attach = json!({"targetId": target, "flatten": true});
        let session =
            wire.call(None, "Target.attachToTarget", attach).expect("a session")["sessionId"].take();
        let session = session.as_str().expect("a session has an id").to_owned();
        let wire = Arc::clone(wire);
        Box::new(DevTools::begin(wire, Some(session), target, self, notes))
    }
}

impl Drop for ChromiumProfile {
    fn drop(&mut self) {
        let context = json!({"browserContextId": self.id});
        let _ = self.chromium.wire.call(None, "Target.disposeBrowserContext", context);
    }
}
