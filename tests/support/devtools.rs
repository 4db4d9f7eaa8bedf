//! A tab of a Chromium, old or new, in the words of its DevTools.

use super::browser::Profile;
use super::engine::Tab;
use super::notes::Notes;
use super::wire::Wire;
use super::{DEADLINE, Finger, Scheme, Size};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// One tab: a session of the browser's connection, or a connection of its own.
pub(super) struct DevTools {
    wire: Arc<Wire>,
    session: Option<String>,
    target: Value,
    _profile: Arc<dyn Profile>,
}

impl DevTools {
    /// From here on nothing that the tab does is missed. Tabs of one window act as if each were in front, so that tests can
    /// run side by side.
    pub(super) fn begin(
        wire: Arc<Wire>,
        session: Option<String>,
        target: Value,
        profile: Arc<dyn Profile>,
        notes: &Arc<Notes>,
    ) -> DevTools {
        let tab = DevTools { wire, session, target, _profile: profile };
        let notes = Arc::clone(notes);
        tab.wire.listen(tab.session(), Box::new(move |method, params| note(&notes, method, params)));
        for domain in ["Log", "Runtime", "Network", "Page"] {
            tab.call(&format!("{domain}.enable"), json!({}));
        }
        tab.pass_for_seen(true);
        tab
    }

    fn session(&self) -> &str {
        self.session.as_deref().unwrap_or_default()
    }

    fn ask(&self, method: &str, params: Value) -> Result<Value, String> {
        self.wire.call(self.session.as_deref(), method, params)
    }

    fn call(&self, method: &str, params: Value) -> Value {
        self.ask(method, params).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// What this event says against the page.
fn note(notes: &Notes, method: &str, params: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match method {
        "Log.entryAdded" => {
            let entry = &params["entry"];
            let (level, said) = (text(&entry["level"]), text(&entry["text"]));
            // A server that is away is no fault of the page's, and Chromium mentions each try.
            // An old one mentions a word about the window that it does not know.
            let known = said.contains("net::ERR_") || said.contains("\"interactive-widget\"");
            if (level == "error" || level == "warning") && !known {
                notes.complain(entry.to_string());
            }
        }
        "Runtime.exceptionThrown" => notes.complain(params["exceptionDetails"].to_string()),
        "Runtime.consoleAPICalled"
            if ["error", "warning", "assert"].contains(&text(&params["type"]).as_str()) =>
        {
            notes.complain(format!("console: {}", params["args"]));
        }
        "Network.requestWillBeSent" => notes.request(&text(&params["request"]["url"])),
        "Network.webSocketCreated" => notes.request(&text(&params["url"])),
        _ => (),
    }
}

impl Tab for DevTools {
    fn navigate(&self, url: &str) {
        // Answered when the new page has begun to take the old one's place.
        let answer = self.call("Page.navigate", json!({"url": url}));
        assert_eq!(answer.get("errorText"), None, "{url} is not answered");
    }

    fn reload(&self) {
        self.call("Page.reload", json!({}));
    }

    fn evaluate(&self, expression: &str, patience: Duration) -> Result<Value, String> {
        let question = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let session = self.session.as_deref();
        let answer = self.wire.call_within(patience, session, "Runtime.evaluate", question)?;
        match answer.get("exceptionDetails") {
            Some(details) => Err(details["exception"]["description"].to_string()),
            None => Ok(answer["result"]["value"].clone()),
        }
    }

    fn inject(&self, script: &str) {
        self.call("Runtime.evaluate", json!({"expression": script}));
    }

    fn observe(&self, script: &str) {
        self.call("Page.addScriptToEvaluateOnNewDocument", json!({"source": script}));
    }

    fn insert(&self, text: &str) {
        self.call("Input.insertText", json!({"text": text}));
    }

    fn press(&self, key: &str, held: &[&str]) {
        // A window of its own presses its keys itself, when it is asked to on the console.
        if self.target.is_null() {
            let words = [held, &[key]].concat().join(" ");
            let pressed = format!(
                "new Promise((done) => {{
                    addEventListener('keyup', () => done('0'), {{ once: true, capture: true }});
                    console.log('press {words}');
                }})"
            );
            self.evaluate(&pressed, DEADLINE).unwrap_or_else(|error| panic!("{error}"));
            return;
        }
        let modifiers: u32 = held.iter().map(|key| if *key == "Shift" { 8 } else { 2 }).sum();
        let (code, number, text, commands) = match key {
            "Enter" => (key, 13, "\r", json!([])),
            "Tab" => (key, 9, "", json!([])),
            "Escape" => (key, 27, "", json!([])),
            "ArrowUp" => (key, 38, "", json!([])),
            "ArrowDown" => (key, 40, "", json!([])),
            "ArrowLeft" => (key, 37, "", json!([])),
            "ArrowRight" => (key, 39, "", json!([])),
            "c" => ("KeyC", 67, "", json!(["copy"])),
            "v" => ("KeyV", 86, "", json!(["paste"])),
            other => panic!("no such key: {other}"),
        };
        let mut event = json!({
            "type": if text.is_empty() { "rawKeyDown" } else { "keyDown" }, "key": key, "code": code, "text": text,
            "windowsVirtualKeyCode": number, "modifiers": modifiers, "commands": commands,
        });
        self.call("Input.dispatchKeyEvent", event.clone());
        event["type"] = "keyUp".into();
        event["text"] = "".into();
        event["commands"] = json!([]);
        self.call("Input.dispatchKeyEvent", event);
    }

    fn click(&self, x: f64, y: f64) {
        for (kind, clicks) in [("mouseMoved", 0), ("mousePressed", 1), ("mouseReleased", 1)] {
            let button = if clicks > 0 { "left" } else { "none" };
            let event = json!({"type": kind, "x": x, "y": y, "button": button, "clickCount": clicks});
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    fn touch(&self, finger: Finger) {
        let (kind, points) = match finger {
            Finger::Down(x, y) => ("touchStart", json!([{"x": x, "y": y}])),
            Finger::To(x, y) => ("touchMove", json!([{"x": x, "y": y}])),
            Finger::Up => ("touchEnd", json!([])),
        };
        self.call("Input.dispatchTouchEvent", json!({"type": kind, "touchPoints": points}));
    }

    fn show_paper(&self) {
        self.call("Emulation.setEmulatedMedia", json!({"media": "print"}));
    }

    fn print(&self) -> String {
        self.call("Page.printToPDF", json!({}))["data"].as_str().expect("a file").to_owned()
    }

    fn resize(&self, size: Size) {
        let phone = size.is_touched();
        let (width, height, scale) = size.metrics();
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": scale, "mobile": phone});
        self.call("Emulation.setDeviceMetricsOverride", metrics);
        self.call("Emulation.setTouchEmulationEnabled", json!({"enabled": phone}));
    }

    fn prefer(&self, scheme: Scheme) {
        let scheme = if scheme == Scheme::Dark { "dark" } else { "light" };
        let features = json!([
            {"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        self.call("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    fn allow_motion(&self, allowed: bool) {
        let value = if allowed { "no-preference" } else { "reduce" };
        let features = json!([{"name": "prefers-reduced-motion", "value": value}]);
        self.call("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    fn force_colours(&self) {
        let features = json!([{"name": "forced-colors", "value": "active"}]);
        self.call("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    fn block_cookies(&self, blocked: bool) {
        self.call("Emulation.setDocumentCookieDisabled", json!({"disabled": blocked}));
    }

    fn pass_for_seen(&self, enabled: bool) {
        self.call("Emulation.setFocusEmulationEnabled", json!({"enabled": enabled}));
    }

    fn speak(&self, locales: &str) {
        let first = locales.split(',').next().unwrap_or_default();
        self.call("Emulation.setLocaleOverride", json!({"locale": first}));
        let agent = self.evaluate("navigator.userAgent", DEADLINE).unwrap_or_else(|error| panic!("{error}"));
        let agent = json!({"userAgent": agent, "acceptLanguage": locales});
        self.call("Emulation.setUserAgentOverride", agent);
    }

    fn bring_to_front(&self) {
        self.call("Page.bringToFront", json!({}));
    }

    fn picture(&self) -> String {
        // Chromium waits for ever for the picture of a tab that another one covers.
        self.bring_to_front();
        let picture = self.call("Page.captureScreenshot", json!({"format": "png", "optimizeForSpeed": true}));
        picture["data"].as_str().expect("a picture").to_owned()
    }

    fn close(&self) {
        // A tab that is gone already has nothing to close; a page's own connection goes with its window.
        if !self.target.is_null() {
            let _ = self.wire.call(None, "Target.closeTarget", json!({"targetId": self.target}));
        }
        self.wire.forget(self.session());
    }

    fn devtools(&self, method: &str, params: Value) -> Result<Value, String> {
        self.ask(method, params)
    }
}
