//! A browser of the engine that the test runs in: profiles, tabs, and everything a page must not do. What can be done in a
//! tab is in `tab`, and what people do with our page in `page`.

use super::engine::Tab;
use super::notes::Notes;
use super::{Engine, Page, chromium, firefox, lock, old_chromium, webkit};
use std::sync::{Arc, Mutex, MutexGuard};

/// A profile of its own in a browser.
pub struct Browser(Arc<dyn Profile>);

/// Goes with the last of its tabs.
pub(super) trait Profile: Send + Sync {
    fn tab(self: Arc<Self>, notes: &Arc<Notes>) -> Box<dyn Tab>;
}

/// Held from copying to pasting: what is copied is the computer's, not the profile's.
pub fn clipboard() -> MutexGuard<'static, ()> {
    static CLIPBOARD: Mutex<()> = Mutex::new(());
    lock(&CLIPBOARD)
}

impl Browser {
    /// A fresh profile; `None`, and a line that says so, where the engine is not there.
    pub fn start() -> Option<Browser> {
        let (profile, missing) = match Engine::current() {
            Engine::Chromium => {
                (chromium::find_chromium().map(|path| chromium::start(&path)), "Chromium (CHROME names one)")
            }
            Engine::OldChromium => (
                old_chromium::find_python().map(|path| old_chromium::start(&path)),
                "Python with PyQt6-WebEngine 6.2 (OLD_CHROMIUM names it)",
            ),
            Engine::Firefox => {
                (firefox::find_firefox().map(|path| firefox::start(&path)), "Firefox (FIREFOX names one)")
            }
            Engine::WebKit => {
                (webkit::find().map(webkit::start), "WebKitWebDriver with WebKit for GTK, Xvfb and bwrap")
            }
        };
        if profile.is_none() {
            assert!(!on_ci(), "CI runs the browser's tests, and there is no {missing}");
            println!("skipped: no {missing}");
        }
        profile.map(Browser)
    }

    /// A new tab that shows nothing yet, 1280 pixels wide and light.
    pub fn tab(&self) -> Page {
        let notes = Arc::default();
        let page = Page { engine: Engine::current(), tab: Arc::clone(&self.0).tab(&notes), notes };
        // Words and clocks as one place has them, wherever the test runs.
        page.speak("en-GB");
        page.size(Size::Desk);
        page.scheme(Scheme::Light);
        page
    }
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
    /// 844 wide and this high, with a finger: a phone on its side, and what a keyboard leaves of it.
    Sideways(u32),
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
            Size::Sideways(height) => (844, height, 1),
            Size::Narrow => (320, 568, 1),
            Size::Zoomed => (640, 400, 2),
        }
    }

    /// Whether it has a finger's screen.
    pub(super) fn is_touched(self) -> bool {
        matches!(self, Size::Phone | Size::Sideways(_))
    }
}

/// What a finger does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Finger {
    /// It is put on the glass here.
    Down(f64, f64),
    /// It is drawn to here.
    To(f64, f64),
    /// It is taken off.
    Up,
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
    /// What the page did so far that it must not; taken away, so that it no longer fails the test.
    pub fn take_complaints(&self) -> Vec<String> {
        self.tab.note();
        self.notes.take()
    }

    /// That the server has refused so many requests, and nothing else is wrong. Chromium notes every refusal in its console,
    /// whatever the page makes of it.
    pub fn expect_refusals(&self, count: usize) {
        let (complaints, count) =
            (self.take_complaints(), if self.engine.notes_refusals() { count } else { 0 });
        let is_refusal = |line: &String| line.contains("the server responded with a status of 4");
        assert!(complaints.iter().all(is_refusal) && complaints.len() == count, "{count}: {complaints:?}");
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.tab.close();
        if !std::thread::panicking() {
            let complaints = self.take_complaints();
            assert!(complaints.is_empty(), "the page complained: {complaints:#?}");
        }
    }
}
