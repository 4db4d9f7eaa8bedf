//! A class, for the tests of what a host does: two windows side by side, what is done in the one and what shows in the other.

use super::look::{look_at, look_into_drawer};
use crate::support::{Browser, Page, Scheme, Size, TestServer};

/// A host's tab and a student's, each in a browser of its own, both in the room.
pub(super) struct Class {
    pub(super) server: TestServer,
    pub(super) host: Page,
    pub(super) student: Page,
}

impl Class {
    pub(super) fn begin() -> Option<Class> {
        let browser = Browser::start()?;
        let server = TestServer::with(|config| config.title = Some("Room 12".to_owned()));
        let host = become_host(&browser, &server);
        host.join("Ms Keller");
        let student = Browser::start()?.join(server.addr(), "Ben");
        student.say("Because it is lighter!");
        host.expect_message("Ben", "Because it is lighter!");
        host.expect_text("#people", "Ben");
        Some(Class { server, host, student })
    }

    /// Opens the menu of the student's row in the host's panel, and presses one of its rows.
    pub(super) fn act_on_ben(&self, action: &str) {
        self.host.choose("#people [aria-label='More: Ben']", &format!("{action} Ben"));
    }

    /// The student's box takes nothing, and says why.
    pub(super) fn expect_blocked(&self, why: &str) {
        self.student.expect_text("#status-text", why);
        self.student.expect("a box that takes nothing", "el.message.readOnly");
    }

    /// What the record says first.
    pub(super) fn expect_record(&self, deed: &str) {
        self.host.expect_text("#record li", deed);
    }
}

/// A tab that has opened the host link, as the host's own computer shows it.
pub(super) fn become_host(browser: &Browser, server: &TestServer) -> Page {
    let page = browser.tab();
    page.visit(&format!("http://{}/#host={}", server.addr(), server.host_key()));
    page.expect("a host's controls", "isHost() && document.querySelector('#lock').checkVisibility()");
    assert_eq!(page.run("location.hash"), "", "the secret is out of the address bar");
    page
}

/// Looks at what the panel shows: in the drawer, which it is where there is no room for it, then at a desk.
pub(super) fn look_into_panel(host: &Page, state: &str) {
    host.size(Size::Phone);
    host.click("#toggle-panel");
    host.expect_focus("#close-panel");
    look_into_drawer(host, state);
    host.press("Escape");
    host.expect_hidden("#panel");
    host.size(Size::Desk);
    look_at(host, state, Size::Desk, Scheme::Light);
}
