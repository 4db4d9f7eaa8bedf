//! A headless Firefox, spoken to in WebDriver BiDi, which it has without a driver beside it.
//!
//! One test at a time has the process, since only one of its windows can have the focus; who waits for it takes it over.
//! Each profile is a container in it, with cookies and storage of its own, and each tab a window, so that it can be seen.

use super::browser::Profile;
use super::engine::{Tab, click_actions, find, insertion, key_actions, reader};
use super::notes::Notes;
use super::places::Place;
use super::wire::Wire;
use super::{DEADLINE, Engine, Finger, Process, Scheme, Size, lock};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tempfile::TempDir;

/// What differs from what WebDriver sets by itself. Addresses of a room on a LAN and of a school's server: plain http, and not
/// this computer. Nothing is asked for elsewhere.
const PREFERENCES: &str = r#"
user_pref("network.dns.localDomains", "room.lan,school.example");
user_pref("ui.prefersReducedMotion", 1);
user_pref("dom.security.https_first", false);
user_pref("full-screen-api.warning.timeout", 0);
user_pref("full-screen-api.transition-duration.enter", "0 0");
user_pref("full-screen-api.transition-duration.leave", "0 0");
user_pref("browser.startup.page", 0);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.sessionstore.interval", 10000000);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.normandy.enabled", false);
user_pref("services.settings.server", "data:,#remote-settings-dummy/v1");
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("media.gmp-manager.url", "data:,");
"#;

/// A running Firefox. Dropping it ends it and removes its files.
struct Firefox {
    wire: Wire,
    /// Firefox's own window, in whose script its settings are changed.
    chrome: String,
    /// The tab that has the focus.
    front: Mutex<String>,
    _process: Mutex<Process>,
    _files: TempDir,
}

/// The one that the tests of one thread have, and their place.
struct Seat {
    firefox: Option<Firefox>,
    place: Arc<Place>,
}

/// Left to whoever waits for a place.
static LEFT: Mutex<Vec<Firefox>> = Mutex::new(Vec::new());

thread_local! {
    static OWN: RefCell<Weak<Seat>> = const { RefCell::new(Weak::new()) };
}

/// `FIREFOX`, or what is on the path.
pub(super) fn find_firefox() -> Option<PathBuf> {
    find("FIREFOX", &["firefox-esr", "firefox"], &["/Applications/Firefox.app/Contents/MacOS/firefox"])
}

/// A fresh profile in the Firefox at `path`.
pub(super) fn start(path: &Path) -> Arc<dyn Profile> {
    let place = reader(Engine::Firefox);
    let seat = OWN.with_borrow_mut(|own| {
        let seat = own.upgrade().unwrap_or_else(|| {
            let left = lock(&LEFT).pop();
            Arc::new(Seat { firefox: Some(left.unwrap_or_else(|| Firefox::launch(path))), place })
        });
        *own = Arc::downgrade(&seat);
        seat
    });
    let id = seat.firefox().call("browser.createUserContext", json!({}))["userContext"].take();
    Arc::new(FirefoxProfile { seat, id })
}

impl Firefox {
    fn launch(path: &Path) -> Firefox {
        let files = tempfile::tempdir().expect("a folder for Firefox's files");
        std::fs::write(files.path().join("user.js"), PREFERENCES).expect("preferences can be written");
        let mut command = Command::new(path);
        command.args([
            "--headless",
            "--no-remote",
            "--remote-debugging-port",
            "0",
            "--remote-allow-system-access",
        ]);
        command.arg("--profile").arg(files.path()).arg("about:blank").env("HOME", files.path());
        let process = Process::spawn(&mut command);
        let url = process.stderr.wait_for("WebDriver's address", &process.stdout, |text| {
            let (_, rest) = text.split_once("WebDriver BiDi listening on ")?;
            rest.split_once('\n').map(|(url, _)| url.trim().to_owned())
        });
        let wire = Wire::connect(&format!("{url}/session"));
        let ask = |method: &str, params: Value| wire.call(None, method, params).expect("a session");
        ask("session.new", json!({"capabilities": {}}));
        ask("session.subscribe", json!({"events": ["log.entryAdded", "network.beforeRequestSent"]}));
        let windows = ask("browsingContext.getTree", json!({"moz:scope": "chrome"}));
        let chrome = windows["contexts"][0]["context"].as_str().expect("a window").to_owned();
        Firefox { wire, chrome, front: Mutex::default(), _process: Mutex::new(process), _files: files }
    }

    fn call(&self, method: &str, params: Value) -> Value {
        self.wire.call(None, method, params).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Seat {
    fn firefox(&self) -> &Firefox {
        self.firefox.as_ref().expect("it is only taken at the end")
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // After a failure nobody knows what it is in.
        if self.place.is_wanted() && !std::thread::panicking() {
            lock(&LEFT).extend(self.firefox.take());
        }
    }
}

/// A container; it goes with the last of its tabs.
struct FirefoxProfile {
    seat: Arc<Seat>,
    id: Value,
}

impl Profile for FirefoxProfile {
    fn tab(self: Arc<Self>, notes: &Arc<Notes>) -> Box<dyn Tab> {
        let firefox = self.seat.firefox();
        let window = json!({"type": "window", "userContext": self.id});
        let context = firefox.call("browsingContext.create", window);
        let id = context["context"].as_str().expect("a window has an id").to_owned();
        let notes = Arc::clone(notes);
        firefox.wire.listen(&id, Box::new(move |method, params| note(&notes, method, params)));
        id.clone_into(&mut lock(&firefox.front));
        Box::new(FirefoxTab { profile: self, id })
    }
}

impl Drop for FirefoxProfile {
    fn drop(&mut self) {
        let context = json!({"userContext": self.id});
        let _ = self.seat.firefox().wire.call(None, "browser.removeUserContext", context);
    }
}

/// What this event says against the page.
fn note(notes: &Notes, method: &str, params: &Value) {
    if method == "network.beforeRequestSent" {
        notes.request(params["request"]["url"].as_str().unwrap_or_default());
    }
    if method == "log.entryAdded" {
        let (kind, text) = (&params["type"], params["text"].as_str().unwrap_or_default());
        // Its own warnings are advice. A server that is away is no fault of the page's, and Firefox mentions each try.
        let bad = params["level"] == "error" || (params["level"] == "warn" && kind == "console");
        if bad && !text.contains("ws://") {
            notes.complain(format!("{kind}: {text}"));
        }
    }
}

struct FirefoxTab {
    profile: Arc<FirefoxProfile>,
    id: String,
}

impl FirefoxTab {
    fn firefox(&self) -> &Firefox {
        self.profile.seat.firefox()
    }

    /// A call about this tab.
    fn ask(&self, method: &str, mut params: Value) -> Result<Value, String> {
        params["context"] = self.id.as_str().into();
        self.firefox().wire.call(None, method, params)
    }

    fn call(&self, method: &str, params: Value) -> Value {
        self.ask(method, params).unwrap_or_else(|error| panic!("{error}"))
    }

    /// What a script gives, in this tab or in Firefox's own window.
    fn script(&self, context: &str, expression: &str, patience: Duration) -> Result<Value, String> {
        let question = json!({
            "expression": expression, "target": {"context": context}, "awaitPromise": true, "userActivation": false,
        });
        let mut answer = self.firefox().wire.call_within(patience, None, "script.evaluate", question)?;
        match answer.get("exceptionDetails") {
            Some(details) => Err(details["text"].to_string()),
            None => Ok(answer["result"]["value"].take()),
        }
    }

    /// Runs a script in Firefox's own window.
    fn command(&self, script: &str) {
        self.script(&self.firefox().chrome, &format!("{script}, null"), DEADLINE)
            .unwrap_or_else(|error| panic!("{error} from {script}"));
    }

    /// Sets fields that WebDriver has no command for, as Firefox' own developer tools do.
    fn set(&self, fields: &str) {
        self.command(&format!(
            "Object.assign(ChromeUtils.importESModule('chrome://remote/content/shared/NavigableManager.sys.mjs')
                .NavigableManager.getBrowsingContextById('{}'), {fields})",
            self.id
        ));
    }

    /// What is pressed or clicked is for the window in front.
    fn act(&self, actions: Value) {
        if *lock(&self.firefox().front) != self.id {
            self.bring_to_front();
        }
        self.call("input.performActions", json!({"actions": actions}));
    }
}

impl Tab for FirefoxTab {
    fn navigate(&self, url: &str) {
        self.call("browsingContext.navigate", json!({"url": url, "wait": "interactive"}));
    }

    fn reload(&self) {
        // Where nobody answers this is an error, and Firefox shows a page that says so.
        let _ = self.ask("browsingContext.reload", json!({"wait": "none"}));
    }

    fn evaluate(&self, expression: &str, patience: Duration) -> Result<Value, String> {
        self.script(&self.id, expression, patience)
    }

    fn inject(&self, script: &str) {
        self.script(&self.id, &format!("{script}\n;null"), DEADLINE)
            .unwrap_or_else(|error| panic!("{error}"));
    }

    fn observe(&self, script: &str) {
        let script = json!({"functionDeclaration": format!("() => {{ {script} }}"), "contexts": [self.id]});
        self.firefox().call("script.addPreloadScript", script);
    }

    fn insert(&self, text: &str) {
        self.evaluate(&insertion(text), DEADLINE).unwrap_or_else(|error| panic!("{error}"));
    }

    fn press(&self, key: &str, held: &[&str]) {
        self.act(key_actions(key, held));
    }

    fn click(&self, x: f64, y: f64) {
        self.act(click_actions(x, y));
    }

    fn touch(&self, finger: Finger) {
        let to = |x: f64, y: f64| json!({"type": "pointerMove", "x": x.floor(), "y": y.floor(), "duration": 0, "origin": "viewport"});
        let actions = match finger {
            Finger::Down(x, y) => json!([to(x, y), {"type": "pointerDown", "button": 0}]),
            Finger::To(x, y) => json!([to(x, y)]),
            Finger::Up => json!([{"type": "pointerUp", "button": 0}]),
        };
        let parameters = json!({"pointerType": "touch"});
        self.act(json!([{"type": "pointer", "id": "finger", "parameters": parameters, "actions": actions}]));
    }

    fn show_paper(&self) {
        self.set("{ mediumOverride: 'print' }");
    }

    fn print(&self) -> String {
        self.call("browsingContext.print", json!({}))["data"].as_str().expect("a file").to_owned()
    }

    fn resize(&self, size: Size) {
        let (width, height, scale) = size.metrics();
        let view = json!({"viewport": {"width": width, "height": height}, "devicePixelRatio": scale});
        self.call("browsingContext.setViewport", view);
        let touch = if size.is_touched() { "enabled" } else { "none" };
        self.set(&format!("{{ touchEventsOverride: '{touch}' }}"));
    }

    fn prefer(&self, scheme: Scheme) {
        let scheme = if scheme == Scheme::Dark { "dark" } else { "light" };
        self.set(&format!("{{ prefersColorSchemeOverride: '{scheme}' }}"));
    }

    fn allow_motion(&self, allowed: bool) {
        self.command(&format!(
            "Services.prefs.setIntPref('ui.prefersReducedMotion', {})",
            u8::from(!allowed)
        ));
    }

    fn force_colours(&self) {
        self.set("{ forcedColorsOverride: 'active' }");
    }

    fn block_cookies(&self, blocked: bool) {
        let change = if blocked {
            "setIntPref('network.cookie.cookieBehavior', 2)"
        } else {
            "clearUserPref('network.cookie.cookieBehavior')"
        };
        self.command(&format!("Services.prefs.{change}"));
    }

    fn pass_for_seen(&self, enabled: bool) {
        self.set(&format!("{{ isActive: {enabled} }}"));
    }

    fn speak(&self, locale: &str) {
        let locale = json!({"locale": locale, "contexts": [self.id]});
        self.firefox().call("emulation.setLocaleOverride", locale);
    }

    fn bring_to_front(&self) {
        self.call("browsingContext.activate", json!({}));
        self.id.clone_into(&mut lock(&self.firefox().front));
    }

    fn picture(&self) -> String {
        let picture = self.call("browsingContext.captureScreenshot", json!({}));
        picture["data"].as_str().expect("a picture").to_owned()
    }

    fn close(&self) {
        let _ = self.ask("browsingContext.close", json!({}));
        self.firefox().wire.forget(&self.id);
    }
}
