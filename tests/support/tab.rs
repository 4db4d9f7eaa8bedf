//! What can be done in a tab, whatever page it shows: ask it, wait for it, type, click, change the window around it.

use super::{DEADLINE, Finger, Page, Scheme, Size};
use data_encoding::BASE64;
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long one question to the page may take before it is asked again.
const SLICE: Duration = Duration::from_secs(5);

/// How long a page may take with anything else: longer than a question may wait inside it.
const ANSWER: Duration = Duration::from_secs(2 * DEADLINE.as_secs());

/// What can be done with any page. Waiting means asking the page until it says yes, or the deadline.
impl Page {
    /// A call of the DevTools protocol, for what Chromium alone can do.
    pub fn call(&self, method: &str, params: Value) -> Value {
        self.tab.devtools(method, params).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Opens an address, such as `http://127.0.0.1:5000` or a link into the page, and allows its origin to be asked for
    /// things.
    pub fn visit(&self, url: &str) {
        self.notes.allow(url);
        self.tab.navigate(url);
        self.expect("the page", "document.readyState !== 'loading'");
    }

    /// As a user's reload; an error page is a page.
    pub fn reload(&self) {
        self.run("void (window.isLeft = true)");
        self.tab.reload();
        self.expect("something to be shown", "!window.isLeft && document.readyState !== 'loading'");
    }

    /// The value of `script`, which may await, as JSON.
    pub fn run(&self, script: &str) -> Value {
        self.try_run(script, ANSWER).unwrap_or_else(|error| panic!("{error} from {script}"))
    }

    /// By way of a text: values themselves come as each engine has them.
    fn try_run(&self, script: &str, patience: Duration) -> Result<Value, String> {
        let script = format!("(async () => JSON.stringify(await ({script})))()");
        let text = self.tab.evaluate(&script, patience)?;
        Ok(text.as_str().map_or(Value::Null, |text| serde_json::from_str(text).expect("JSON")))
    }

    /// Runs a whole script, which the page's policy has no say in.
    pub fn inject(&self, script: &str) {
        self.tab.inject(script);
    }

    /// Runs a script in every page that this tab loads from now on, before the page's own.
    pub fn observe(&self, script: &str) {
        self.tab.observe(script);
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
                    if (problem) reject(problem);
                    else resolve(document.body.innerText + '\\n' + (window.lastClick ?? ''));
                }};
                look();
            }})"
        );
        let end = Instant::now() + DEADLINE;
        loop {
            // A page that is being left takes the question with it: then its successor is asked.
            let answer = self.try_run(&wait, 2 * SLICE);
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
        BASE64.decode(self.tab.picture().as_bytes()).expect("a picture comes in base 64")
    }

    /// Types text where the focus is, all at once, as a paste or an input method does.
    pub fn type_text(&self, text: &str) {
        self.tab.insert(text);
    }

    /// Presses and releases a key: `Enter`, `Tab`, `Escape`, or an arrow such as `ArrowUp`.
    pub fn press(&self, key: &str) {
        self.tab.press(key, &[]);
    }

    /// Does this with a finger.
    pub fn touch(&self, finger: Finger) {
        self.tab.touch(finger);
    }

    /// Shows the page as it would be on paper.
    pub fn show_paper(&self) {
        self.tab.show_paper();
    }

    /// The page as PDF in base 64.
    pub fn print(&self) -> String {
        self.tab.print()
    }

    /// The same with Shift held.
    pub fn press_with_shift(&self, key: &str) {
        self.tab.press(key, &["Shift"]);
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
        self.tab.press("c", &["Control"]);
    }

    /// Pastes what was copied last, as the keyboard does.
    pub fn paste(&self) {
        self.tab.press("v", &["Control"]);
    }

    /// Clicks a button that says for a moment what it has done: a busy machine may look only after that.
    pub fn click_that_says(&self, selector: &str, said: &str) {
        self.run(
            "void (window.flashed = [], new MutationObserver((changes) => {
                for (const { target } of changes) flashed.push(target.textContent);
            }).observe(document.body, { childList: true, subtree: true }))",
        );
        self.click(selector);
        self.expect(said, &format!("flashed.includes('{said}')"));
    }

    /// Clicks the middle of the first element of `selector` that is shown, with a mouse, as a user's gesture: once it
    /// stays in its place and nothing but what is beside it lies over it, as the button does that takes a whole row.
    pub fn click(&self, selector: &str) {
        let visible =
            format!("[...document.querySelectorAll(`{selector}`)].find((node) => node.checkVisibility())");
        self.expect(selector, &visible);
        let point = self.run(&format!(
            "(async () => {{
                // Told where what the click was for does not come.
                window.lastClick ??= (addEventListener('click', ({{ target }}) => {{
                    window.lastClick = 'The last click came to ' + target.cloneNode().outerHTML;
                }}, true), 'No click came');
                const end = Date.now() + {};
                for (let before = null; Date.now() < end; ) {{
                    const node = {visible};
                    node?.scrollIntoView({{ block: 'nearest' }});
                    const {{ x, y, width, height }} = node?.getBoundingClientRect() ?? {{}};
                    const place = {{ x: x + width / 2, y: y + height / 2 }};
                    const hit = node && document.elementFromPoint(place.x, place.y);
                    const stays = place.x === before?.x && place.y === before?.y;
                    if (stays && (node.parentElement.contains(hit) || hit?.contains(node))) return place;
                    before = place;
                    await new Promise((resolve) => setTimeout(resolve, 20));
                }}
            }})()",
            SLICE.as_millis()
        ));
        let at =
            |axis: &str| point[axis].as_f64().unwrap_or_else(|| panic!("{selector} moves, or is covered"));
        self.tab.click(at("x"), at("y"));
    }

    /// Changes the window.
    pub fn size(&self, size: Size) {
        let (width, height, _) = size.metrics();
        self.tab.resize(size);
        // The answer comes before the page knows, and what is clicked before its buttons have moved is missed. Any other
        // page than ours has nothing to say.
        let moved = "wide.matches === el.actions.contains(el.openInvite)";
        let wide = size == Size::Desk;
        let settled = format!(
            "typeof wide === 'undefined' || (innerWidth === {width} && innerHeight === {height} && wide.matches === {wide} && {moved})"
        );
        self.expect("the new size", &settled);
    }

    /// Changes what the system prefers; with less motion, so that nothing is caught half-way.
    pub fn scheme(&self, scheme: Scheme) {
        self.tab.prefer(scheme);
    }

    /// Has the system prefer as much motion as there is, or less.
    pub fn allow_motion(&self, allowed: bool) {
        self.tab.allow_motion(allowed);
    }

    /// Has the system force its colours on the page.
    pub fn force_colours(&self) {
        self.tab.force_colours();
    }

    /// Has the browser take no cookies, from the next page on; or takes that back.
    pub fn block_cookies(&self, blocked: bool) {
        self.tab.block_cookies(blocked);
    }

    /// Has words and clocks as this place has them, from the next page on.
    pub fn speak(&self, locale: &str) {
        self.tab.speak(locale);
    }

    /// Tabs pass for such that are looked at. Taken away, one that another covers is hidden.
    pub fn pass_for_seen(&self, enabled: bool) {
        self.tab.pass_for_seen(enabled);
    }

    /// Makes this the tab that its window shows.
    pub fn bring_to_front(&self) {
        self.tab.bring_to_front();
    }
}
