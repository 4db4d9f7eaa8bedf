//! The page in real browsers against a real server: every state that a person can meet in it, as they meet it.
//!
//! Each test runs in Chromium, and in Firefox and WebKit where `also_in!` names it. Without such a browser it says so and does
//! nothing; where `CI` is true it fails. Each state is left as a picture in the target folder (`tmp/screenshots`), on a phone
//! in the dark and at a desk in the light; axe-core looks at each of them in both schemes, and small windows have to offer
//! the same.

/// Tests that run in these engines besides Chromium: `also_in!([firefox, webkit]: a_test, another_test)`.
macro_rules! also_in {
    (@one [$($engine:ident),+] $test:ident) => {
        mod $test {
            $(#[test]
            fn $engine() {
                crate::support::run_in::$engine(super::$test);
            })+
        }
    };
    ($engines:tt: $($test:ident),+ $(,)?) => {
        $(also_in!(@one $engines $test);)+
    };
}

mod axe;
mod class;
mod look;
mod stage;

mod accounts;
mod code;
mod connection;
mod cookies;
mod copying;
mod deleting;
mod density;
mod doubled;
mod hands;
mod hosting;
mod joining;
mod languages;
mod lesson;
mod mentions;
mod menu;
mod moderating;
mod naming;
mod old;
mod panel;
mod passwords;
mod people;
mod phone;
mod pinning;
mod printing;
#[cfg(target_os = "linux")]
mod proxied;
mod reacting;
mod reading;
mod replying;
mod rules;
mod screen;
mod scripts;
mod searching;
mod speed;
mod tabs;
mod translated;
mod writing;

use crate::support::{Browser, DEADLINE, TestServer};
use std::time::Instant;

also_in!([firefox, webkit]: whatever_a_page_must_not_do_is_noticed);

/// What every other test relies on when it ends without a complaint.
#[test]
fn whatever_a_page_must_not_do_is_noticed() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.open(server.addr());
    page.inject("setTimeout(() => { throw new Error('thrown later'); }); console.error('said');");
    page.inject(
        "document.body.append(Object.assign(new Image(), { src: 'http://elsewhere.invalid/x.png' }));",
    );
    page.inject("fetch('/no-such-thing');");
    let (mut complaints, end) = (String::new(), Instant::now() + DEADLINE);
    let mut parts = vec!["thrown later", "said", "Security", "elsewhere.invalid"];
    parts.extend(page.engine.notes_refusals().then_some("404"));
    for part in parts {
        while !complaints.contains(part) {
            assert!(Instant::now() < end, "{part} is missing in {complaints}");
            page.run("new Promise(requestAnimationFrame)");
            complaints += &page.take_complaints().join("\n");
        }
    }
    // Each event comes in its order: what this one waits for is behind anything still on its way.
    page.run("console.error('last')");
    while !page.take_complaints().iter().any(|complaint| complaint.contains("last")) {
        assert!(Instant::now() < end);
    }
}
