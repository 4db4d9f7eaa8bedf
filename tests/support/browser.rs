//! A headless Chromium: profiles, tabs, keys, sizes, and everything a page must not do.
//!
//! Tests that run at the same time share one process, since starting it takes longer than most of them; each has a
//! profile of its own in it. What people do with the page is in `page`.

use super::devtools::{DevTools, lock};
use super::{DEADLINE, Page};
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

/// How long one question to the page may take before it is asked again.
const SLICE: Duration = Duration::from_secs(5);

static SHARED: Mutex<Weak<DevTools>> = Mutex::new(Weak::new());

/// A profile of its own in a Chromium.
pub struct Browser(Arc<Profile>);

/// Goes with the last of its tabs; the last profile ends the process.
pub struct Profile {
    pub(super) chromium: Arc<DevTools>,
    id: Value,
}

impl Browser {
    /// A fresh profile; `None`, and a line that says so, where there is no Chromium.
    pub fn start() -> Option<Browser> {
        let Some(path) = find_chromium() else {
            assert!(!on_ci(), "CI runs the browser's tests, and there is no Chromium");
            println!("skipped: no Chromium found (CHROME=path names one)");
            return None;
        };
        let mut shared = lock(&SHARED);
        let chromium = shared.upgrade().unwrap_or_else(|| Arc::new(DevTools::launch(&path)));
        *shared = Arc::downgrade(&chromium);
        let context = chromium.call(None, "Target.createBrowserContext", json!({})).expect("a fresh profile");
        Some(Browser(Arc::new(Profile { chromium, id: context["browserContextId"].clone() })))
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
}

/// What the system prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// What can be done with any page. Waiting means asking the page until it says yes, or the deadline.
impl Page {
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

    fn try_call(&self, method: &str, params: Value) -> Result<Value, String> {
        self.profile.chromium.call(Some(&self.session), method, params)
    }

    /// A call of the DevTools protocol.
    pub fn call(&self, method: &str, params: Value) -> Value {
        self.try_call(method, params).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Opens an address, and allows its origin to be asked for things.
    pub fn visit(&self, origin: &str) {
        lock(&self.origins).push(origin.to_owned());
        // Answered when the new page has begun to take the old one's place.
        let answer = self.call("Page.navigate", json!({"url": format!("{origin}/")}));
        assert_eq!(answer.get("errorText"), None, "{origin} is not answered");
        self.expect("the page", "document.readyState !== 'loading'");
    }

    /// As a user's reload; an error page is a page.
    pub fn reload(&self) {
        self.run("void (window.isLeft = true)");
        self.call("Page.reload", json!({}));
        self.expect("something to be shown", "!window.isLeft && document.readyState !== 'loading'");
    }

    /// The value of `script`, which may await, as JSON.
    pub fn run(&self, script: &str) -> Value {
        self.try_run(script).unwrap_or_else(|error| panic!("{error} from {script}"))
    }

    fn try_run(&self, script: &str) -> Result<Value, String> {
        let question = json!({"expression": format!("(async () => ({script}))()"), "awaitPromise": true, "returnByValue": true});
        let mut answer = self.try_call("Runtime.evaluate", question)?;
        match answer.get("exceptionDetails") {
            Some(details) => Err(details["exception"]["description"].to_string()),
            None => Ok(answer["result"]["value"].take()),
        }
    }

    /// Runs a whole script, which the page's policy has no say in.
    pub fn inject(&self, script: &str) {
        self.call("Runtime.evaluate", json!({"expression": script}));
    }

    /// Runs a script in every page that this tab loads from now on, before the page's own.
    pub fn observe(&self, script: &str) {
        self.call("Page.addScriptToEvaluateOnNewDocument", json!({"source": script}));
    }

    /// Waits until `condition`, an expression of the page's, holds. `what` names it in the failure.
    pub fn expect(&self, what: &str, condition: &str) {
        let slice = SLICE.as_millis();
        let wait = format!(
            "new Promise((resolve, reject) => {{
                const end = Date.now() + {slice};
                const look = () => {{
                    let problem = null;
                    try {{ if ({condition}) return resolve(true); }} catch (error) {{ problem = error; }}
                    if (Date.now() < end) return setTimeout(look, 10);
                    if (problem) reject(problem); else resolve(document.body.innerText);
                }};
                look();
            }})"
        );
        let end = Instant::now() + DEADLINE;
        loop {
            // A page that is being left takes the question with it: then its successor is asked.
            let answer = self.try_run(&wait);
            match &answer {
                Ok(Value::Bool(true)) => return,
                _ if Instant::now() < end => (),
                Ok(shown) => {
                    panic!("{what} does not come; the page shows\n{}", shown.as_str().unwrap_or("nothing"))
                }
                Err(error) => panic!("{what} does not come: {error}"),
            }
        }
    }

    /// What is to be seen, as PNG.
    pub fn screenshot(&self) -> Vec<u8> {
        // Chromium waits for ever for the picture of a tab that another one covers.
        self.bring_to_front();
        let picture = self.call("Page.captureScreenshot", json!({"format": "png"}));
        BASE64
            .decode(picture["data"].as_str().expect("a picture").as_bytes())
            .expect("a picture comes in base 64")
    }

    /// Types text where the focus is, all at once, as a paste or an input method does.
    pub fn type_text(&self, text: &str) {
        self.call("Input.insertText", json!({"text": text}));
    }

    /// Presses and releases a key: `Enter`, `Tab`, `Escape`, `ArrowUp` or `ArrowDown`.
    pub fn press(&self, key: &str) {
        self.press_key(key, 0);
    }

    /// The same with Shift held.
    pub fn press_with_shift(&self, key: &str) {
        self.press_key(key, 8);
    }

    fn press_key(&self, key: &str, modifiers: u32) {
        let (code, text) = match key {
            "Enter" => (13, "\r"),
            "Tab" => (9, ""),
            "Escape" => (27, ""),
            "ArrowUp" => (38, ""),
            "ArrowDown" => (40, ""),
            other => panic!("no such key: {other}"),
        };
        let mut event = json!({
            "type": if text.is_empty() { "rawKeyDown" } else { "keyDown" }, "key": key, "code": key, "text": text,
            "windowsVirtualKeyCode": code, "modifiers": modifiers,
        });
        self.call("Input.dispatchKeyEvent", event.clone());
        event["type"] = "keyUp".into();
        event["text"] = "".into();
        self.call("Input.dispatchKeyEvent", event);
    }

    /// Presses a key again and again, with Shift where `back`, until the focus is on `selector`: a page of this size has
    /// no more stops than these.
    pub fn press_until(&self, key: &str, back: bool, selector: &str) {
        for _ in 0..40 {
            if back {
                self.press_with_shift(key)
            } else {
                self.press(key)
            }
            if self.run(&format!("document.activeElement.matches('{selector}')")) == true {
                return;
            }
        }
        panic!("{key} does not lead to {selector}");
    }

    /// Pastes what was copied last, as the keyboard does.
    pub fn paste(&self) {
        let mut event = json!({
            "type": "rawKeyDown", "key": "v", "code": "KeyV", "windowsVirtualKeyCode": 86, "modifiers": 2,
            "commands": ["paste"],
        });
        self.call("Input.dispatchKeyEvent", event.clone());
        event["type"] = "keyUp".into();
        self.call("Input.dispatchKeyEvent", event);
    }

    /// Clicks the middle of the first element of `selector` that is shown, with a mouse, as a user's gesture.
    pub fn click(&self, selector: &str) {
        let visible =
            format!("[...document.querySelectorAll(`{selector}`)].find((node) => node.checkVisibility())");
        self.expect(selector, &visible);
        let point = self.run(&format!(
            "(() => {{
                const node = {visible};
                node.scrollIntoView({{ block: 'nearest' }});
                const {{ x, y, width, height }} = node.getBoundingClientRect();
                return {{ x: x + width / 2, y: y + height / 2 }};
            }})()"
        ));
        for (kind, clicks) in [("mouseMoved", 0), ("mousePressed", 1), ("mouseReleased", 1)] {
            let button = if clicks > 0 { "left" } else { "none" };
            let event = json!({"type": kind, "x": point["x"], "y": point["y"], "button": button, "clickCount": clicks});
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Changes the window.
    pub fn size(&self, size: Size) {
        let phone = size == Size::Phone;
        let (width, height) = if phone { (390, 844) } else { (1280, 800) };
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone});
        self.call("Emulation.setDeviceMetricsOverride", metrics);
        self.call("Emulation.setTouchEmulationEnabled", json!({"enabled": phone}));
    }

    /// Changes what the system prefers; with less motion, so that nothing is caught half-way.
    pub fn scheme(&self, scheme: Scheme) {
        let scheme = if scheme == Scheme::Dark { "dark" } else { "light" };
        self.prefer(&[("prefers-color-scheme", scheme), ("prefers-reduced-motion", "reduce")]);
    }

    /// Sets media features.
    pub fn prefer(&self, features: &[(&str, &str)]) {
        let feature = |(name, value): &(&str, &str)| json!({"name": name, "value": value});
        let features: Vec<Value> = features.iter().map(feature).collect();
        self.call("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// Tabs of one window act as if each were in front, so that tests can run side by side. Taken away, the tab is as
    /// visible as it is.
    pub fn act_as_if_looked_at(&self, enabled: bool) {
        self.call("Emulation.setFocusEmulationEnabled", json!({"enabled": enabled}));
    }

    /// Makes this the tab that its window shows.
    pub fn bring_to_front(&self) {
        self.call("Page.bringToFront", json!({}));
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
            let (level, said) = (text(&params["entry"]["level"]), text(&params["entry"]["text"]));
            // A server that is away is no fault of the page's, and Chromium mentions each try; and on a LAN's plain
            // http it mentions that one header of the answer is for https only.
            let known = ["net::ERR_", "Cross-Origin-Opener-Policy header has been ignored"];
            let bad = level == "error" || level == "warning";
            (bad && !known.iter().any(|part| said.contains(part))).then_some(said)
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
