//! The engines that the page is tried in, and what each does in its own way. A test runs in Chromium by itself, and in others
//! where `also_in!` names it.

use super::places::{Place, Places};
use super::{Finger, Scheme, Size};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// A browser's engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// What Chrome and Edge are made of.
    Chromium,
    /// The oldest Chromium that the page has to work in.
    OldChromium,
    /// As Debian has it.
    Firefox,
    /// What Safari is made of, as Debian has it for GTK.
    WebKit,
}

thread_local! {
    /// The one that this thread's test runs in.
    static CURRENT: Cell<Engine> = const { Cell::new(Engine::Chromium) };
}

impl Engine {
    /// The one that this test runs in.
    pub fn current() -> Engine {
        CURRENT.get()
    }

    /// Runs a test in this one.
    pub fn run(self, test: fn()) {
        CURRENT.set(self);
        test();
    }

    /// Whether the engine notes in its console, of which a test hears, that the server has refused a request.
    pub fn notes_refusals(self) -> bool {
        self == Engine::Chromium || self == Engine::OldChromium
    }
}

/// Tests with pages open: each keeps a core busy now and then, and a Firefox has one focus.
static CHROMIUM: Places = Places::new(4);
static FIREFOX: Places = Places::new(1);
static WEBKIT: Places = Places::new(1);

/// Held by a test as long as it has a page open: one place, however many there are.
pub(super) fn reader(engine: Engine) -> Arc<Place> {
    thread_local! {
        static OWN: RefCell<Weak<Place>> = const { RefCell::new(Weak::new()) };
    }
    let places = match engine {
        Engine::Chromium | Engine::OldChromium => &CHROMIUM,
        Engine::Firefox => &FIREFOX,
        Engine::WebKit => &WEBKIT,
    };
    OWN.with_borrow_mut(|own| {
        let place = own.upgrade().unwrap_or_else(|| Arc::new(places.take()));
        *own = Arc::downgrade(&place);
        place
    })
}

/// By the names that `also_in!` takes.
pub mod run_in {
    use super::Engine;

    /// Runs a test in Firefox.
    pub fn firefox(test: fn()) {
        Engine::Firefox.run(test);
    }

    /// Runs a test in WebKit.
    pub fn webkit(test: fn()) {
        Engine::WebKit.run(test);
    }

    /// Runs a test in a Chromium of the oldest version.
    pub fn old_chromium(test: fn()) {
        Engine::OldChromium.run(test);
    }
}

/// One tab, as its engine gives it. Its calls are done when they return, as far as the engine tells.
pub(super) trait Tab: Send + Sync {
    /// Begins to open an address.
    fn navigate(&self, url: &str);
    /// Begins to load the page again.
    fn reload(&self);
    /// The string that `expression`, or a promise of it, gives within this time: a page that is left may never answer.
    fn evaluate(&self, expression: &str, patience: Duration) -> Result<Value, String>;
    /// Runs a whole script, which the page's policy has no say in.
    fn inject(&self, script: &str);
    /// Runs a script in every page that this tab loads from now on, before the page's own.
    fn observe(&self, script: &str);
    /// Types text where the focus is, all at once.
    fn insert(&self, text: &str);
    /// Presses and releases a key, with these held: `Shift`, `Control`.
    fn press(&self, key: &str, held: &[&str]);
    /// Presses and releases the mouse's button here.
    fn click(&self, x: f64, y: f64);
    /// Does this with a finger, where the engine has one.
    fn touch(&self, finger: Finger) {
        panic!("{finger:?}: this engine's driver has no fingers")
    }
    /// Shows the page as it would be on paper, where the engine can.
    fn show_paper(&self) {
        panic!("this engine's driver can't show paper")
    }
    /// The page as PDF in base 64.
    fn print(&self) -> String {
        panic!("this engine's driver can't print")
    }
    /// Changes the window; what it shows follows later.
    fn resize(&self, size: Size);
    /// Changes what the system prefers, and has it prefer less motion.
    fn prefer(&self, scheme: Scheme);
    /// Has the system prefer as much motion as there is, or less.
    fn allow_motion(&self, allowed: bool);
    /// Has the system force its colours on every page, where the engine can.
    fn force_colours(&self) {
        panic!("this engine's driver can't force colours")
    }
    /// Has the browser take no cookies, from the next page on; or takes that back.
    fn block_cookies(&self, blocked: bool);
    /// Whether the tab passes for one that is looked at, when another has the focus or covers it.
    fn pass_for_seen(&self, enabled: bool);
    /// Has words and clocks as this place has them, from the next page on.
    fn speak(&self, locale: &str);
    /// Makes this the tab that its window shows, in the window in front.
    fn bring_to_front(&self);
    /// What is to be seen, as PNG in base 64.
    fn picture(&self) -> String;
    /// Closes it; it is not asked for anything after that.
    fn close(&self);
    /// Adds to the notes what the engine does not tell by itself.
    fn note(&self) {}
    /// A call of the DevTools protocol, which Chromium alone has.
    fn devtools(&self, method: &str, _: Value) -> Result<Value, String> {
        panic!("{method}: only Chromium has DevTools")
    }
}

/// Types `text` where the engine has no call for it: as an input method does, without keys.
pub(super) fn insertion(text: &str) -> String {
    format!("document.execCommand('insertText', false, {}) && '0'", json!(text))
}

/// A key's press in WebDriver's words.
pub(super) fn key_actions(key: &str, held: &[&str]) -> Value {
    let code = |name: &str| match name {
        "Enter" => "\u{E007}".to_owned(),
        "Tab" => "\u{E004}".to_owned(),
        "Escape" => "\u{E00C}".to_owned(),
        "ArrowUp" => "\u{E013}".to_owned(),
        "ArrowDown" => "\u{E015}".to_owned(),
        "ArrowLeft" => "\u{E012}".to_owned(),
        "ArrowRight" => "\u{E014}".to_owned(),
        "Shift" => "\u{E008}".to_owned(),
        "Control" => "\u{E009}".to_owned(),
        letter => letter.to_owned(),
    };
    let event = |kind: &str, name: &str| json!({"type": kind, "value": code(name)});
    let down = held.iter().chain([&key]).map(|name| event("keyDown", name));
    let up = [&key].into_iter().chain(held.iter().rev()).map(|name| event("keyUp", name));
    json!([{"type": "key", "id": "keyboard", "actions": down.chain(up).collect::<Vec<Value>>()}])
}

/// A click in WebDriver's words.
pub(super) fn click_actions(x: f64, y: f64) -> Value {
    let actions = json!([
        {"type": "pointerMove", "x": x.floor(), "y": y.floor(), "duration": 0, "origin": "viewport"},
        {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0},
    ]);
    json!([{"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions}])
}

/// The program that this variable names, or the first of these names on the path, or one of these files.
pub(super) fn find(variable: &str, names: &[&str], files: &[&str]) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    let folders: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    let on_path = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    named.into_iter().chain(on_path).chain(files.iter().map(PathBuf::from)).find(|path| path.is_file())
}
