//! What can be done in a tab, whatever page it shows: ask it, wait for it, type, click, change the window around it.

use super::{DEADLINE, Page, Scheme, Size, lock};
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long one question to the page may take before it is asked again.
const SLICE: Duration = Duration::from_secs(5);

/// What can be done with any page. Waiting means asking the page until it says yes, or the deadline.
impl Page {
    fn try_call(&self, method: &str, params: Value) -> Result<Value, String> {
        self.profile.chromium.call(Some(&self.session), method, params)
    }

    /// A call of the DevTools protocol.
    pub fn call(&self, method: &str, params: Value) -> Value {
        self.try_call(method, params).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Opens an address, such as `http://127.0.0.1:5000` or a link into the page, and allows its origin to be asked for
    /// things.
    pub fn visit(&self, url: &str) {
        let origin: Vec<&str> = url.splitn(4, '/').take(3).collect();
        lock(&self.origins).push(origin.join("/"));
        // Answered when the new page has begun to take the old one's place.
        let answer = self.call("Page.navigate", json!({"url": url}));
        assert_eq!(answer.get("errorText"), None, "{url} is not answered");
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
        let picture = self.call("Page.captureScreenshot", json!({"format": "png", "optimizeForSpeed": true}));
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

    /// Copies what is selected, as the keyboard does.
    pub fn copy(&self) {
        self.press_for("copy", "c", 67);
    }

    /// Pastes what was copied last, as the keyboard does.
    pub fn paste(&self) {
        self.press_for("paste", "v", 86);
    }

    fn press_for(&self, command: &str, key: &str, code: u32) {
        let mut event = json!({
            "type": "rawKeyDown", "key": key, "code": format!("Key{}", key.to_uppercase()),
            "windowsVirtualKeyCode": code, "modifiers": 2, "commands": [command],
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
        let (width, height, scale) = size.metrics();
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": scale, "mobile": phone});
        self.call("Emulation.setDeviceMetricsOverride", metrics);
        self.call("Emulation.setTouchEmulationEnabled", json!({"enabled": phone}));
        // The answer comes before the page knows, and what is clicked before its buttons have moved is missed. Any other
        // page than ours has nothing to say.
        let moved = "wide.matches === el.actions.contains(el.openInvite)";
        let wide = size == Size::Desk;
        let settled = format!(
            "typeof wide === 'undefined' || (innerWidth === {width} && wide.matches === {wide} && {moved})"
        );
        self.expect("the new size", &settled);
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
}
