//! A headless Chromium: profiles, tabs, and everything a page must not do.
//!
//! Tests that run at the same time share one process, since starting it takes longer than most of them; each has a
//! profile of its own in it. What can be
//! done in a tab is in `tab`, and what people do with our page in `page`.

use super::devtools::DevTools;
use super::places::{Place, reader};
use super::{Page, lock};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

static SHARED: Mutex<Weak<DevTools>> = Mutex::new(Weak::new());

/// A profile of its own in a Chromium.
pub struct Browser(Arc<Profile>);

/// Held from copying to pasting: what is copied is the computer's, not the profile's.
pub fn clipboard() -> MutexGuard<'static, ()> {
    static CLIPBOARD: Mutex<()> = Mutex::new(());
    lock(&CLIPBOARD)
}

/// Goes with the last of its tabs; the last profile ends the process.
pub(super) struct Profile {
    pub(super) chromium: Arc<DevTools>,
    id: Value,
    _place: Arc<Place>,
}

impl Browser {
    /// A fresh profile; `None`, and a line that says so, where there is no Chromium.
    pub fn start() -> Option<Browser> {
        let Some(path) = find_chromium() else {
            assert!(!on_ci(), "CI runs the browser's tests, and there is no Chromium");
            println!("skipped: no Chromium found (CHROME=path names one)");
            return None;
        };
        let place = reader();
        let mut shared = lock(&SHARED);
        let chromium = shared.upgrade().unwrap_or_else(|| Arc::new(DevTools::launch(&path)));
        *shared = Arc::downgrade(&chromium);
        let context = chromium.call(None, "Target.createBrowserContext", json!({})).expect("a fresh profile");
        let id = context["browserContextId"].clone();
        Some(Browser(Arc::new(Profile { chromium, id, _place: place })))
    }

    /// A new tab that shows nothing yet, 1280 pixels wide and light.
    pub fn tab(&self) -> Page {
        let chromium = &self.0.chromium;
        let place = json!({"url": "about:blank", "browserContextId": self.0.id});
        let target = chromium.call(None, "Target.createTarget", place).expect("a new tab")["targetId"].take();
        let attach = json!({"targetId": target, "flatten": true});
        let session =
            chromium.call(None, "Target.attachToTarget", attach).expect("a session")["sessionId"].take();
        let session = session.as_str().expect("a session has an id").to_owned();
        let page = Page {
            profile: Arc::clone(&self.0),
            target,
            session,
            complaints: Arc::default(),
            origins: Arc::default(),
        };
        page.listen();
        page.act_as_if_looked_at(true);
        // Words and clocks as one place has them, wherever the test runs.
        page.call("Emulation.setLocaleOverride", json!({"locale": "en-GB"}));
        page.size(Size::Desk);
        page.scheme(Scheme::Light);
        page
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        let _ =
            self.chromium.call(None, "Target.disposeBrowserContext", json!({"browserContextId": self.id}));
    }
}

/// `CHROME`, or what is on the path, or where macOS has it.
fn find_chromium() -> Option<PathBuf> {
    const NAMES: [&str; 5] =
        ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
    let named = std::env::var_os("CHROME").map(PathBuf::from);
    let folders: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    let on_path = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let app = PathBuf::from("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome");
    named.into_iter().chain(on_path).chain([app]).find(|path| path.is_file())
}

/// Whether a missing tool is an error.
pub fn on_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// A window's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// 1280 × 800, with a mouse.
    Desk,
    /// 390 × 844, with a finger.
    Phone,
    /// 320 × 568, with a mouse: the narrowest there is.
    Narrow,
    /// What a desk's window of 1280 × 800 has to show at 200 %.
    Zoomed,
}

impl Size {
    /// Width, height, and how many pixels of the screen each is.
    pub(super) fn metrics(self) -> (u32, u32, u32) {
        match self {
            Size::Desk => (1280, 800, 1),
            Size::Phone => (390, 844, 1),
            Size::Narrow => (320, 568, 1),
            Size::Zoomed => (640, 400, 2),
        }
    }
}

/// What the system prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Scheme {
    /// Which it is not.
    pub fn other(self) -> Scheme {
        if self == Scheme::Dark { Scheme::Light } else { Scheme::Dark }
    }
}

impl Page {
    /// From here on nothing that a page does is missed.
    fn listen(&self) {
        let (complaints, origins) = (Arc::clone(&self.complaints), Arc::clone(&self.origins));
        let listener = move |method: &str, params: &Value| {
            lock(&complaints).extend(complaint(method, params, &lock(&origins)));
        };
        self.profile.chromium.listen(&self.session, Box::new(listener));
        for domain in ["Log", "Runtime", "Network", "Page"] {
            self.call(&format!("{domain}.enable"), json!({}));
        }
    }

    /// What the page did so far that it must not; taken away, so that it no longer fails the test.
    pub fn take_complaints(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.complaints))
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // A tab that is gone already has nothing to close.
        let _ = self.profile.chromium.call(None, "Target.closeTarget", json!({"targetId": self.target}));
        self.profile.chromium.forget(&self.session);
        if !std::thread::panicking() {
            let complaints = lock(&self.complaints);
            assert!(complaints.is_empty(), "the page complained: {complaints:#?}");
        }
    }
}

/// What this event says against the page.
fn complaint(method: &str, params: &Value, origins: &[String]) -> Option<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match method {
        "Log.entryAdded" => {
            let entry = &params["entry"];
            let (level, said) = (text(&entry["level"]), text(&entry["text"]));
            // A server that is away is no fault of the page's, and Chromium mentions each try.
            let known = said.contains("net::ERR_");
            let bad = level == "error" || level == "warning";
            (bad && !known).then(|| entry.to_string())
        }
        "Runtime.exceptionThrown" => Some(params["exceptionDetails"].to_string()),
        "Runtime.consoleAPICalled" => {
            let bad = ["error", "warning", "assert"].contains(&params["type"].as_str()?);
            bad.then(|| format!("console: {}", params["args"]))
        }
        "Network.requestWillBeSent" => foreign(params["request"]["url"].as_str()?, origins),
        "Network.webSocketCreated" => foreign(params["url"].as_str()?, origins),
        _ => None,
    }
}

fn foreign(url: &str, origins: &[String]) -> Option<String> {
    let own = origins.iter().any(|origin| {
        let socket = origin.replacen("http", "ws", 1);
        [origin, &socket]
            .iter()
            .any(|own| url.strip_prefix(own.as_str()).is_some_and(|rest| rest.starts_with('/')))
    });
    let inside = ["data:", "blob:", "about:", "chrome-error:"].iter().any(|scheme| url.starts_with(scheme));
    (!own && !inside).then(|| format!("a request elsewhere: {url}"))
}
