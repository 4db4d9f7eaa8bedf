//! A browser that keeps nothing for the page: what needs a cookie says so before anything is lost, all else works.

use super::look::look;
use crate::support::{Browser, Page, TestServer};
use serde_json::json;

fn block_cookies(page: &Page, blocked: bool) {
    page.call("Emulation.setDocumentCookieDisabled", json!({"disabled": blocked}));
}

fn expect_told(page: &Page) {
    page.expect_text("#account-title", "This browser takes no cookies");
    page.expect_text("#account-text", "Allow cookies for this address");
    assert_eq!(page.run("el.accountSheet.querySelector('.field')"), json!(null), "nothing to be filled in");
}

#[test]
fn who_blocks_cookies_is_told_before_signing_up() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.join(server.addr(), "Ana");
    block_cookies(&page, true);
    page.click("#open-account");
    expect_told(&page);
    look(&page, "no-cookies");
    page.press("Enter");
    page.expect_hidden("#account");
    // Some browsers say yes and mean no.
    page.run("void Object.defineProperty(navigator, 'cookieEnabled', { value: true })");
    page.run("openForm('signup')");
    expect_told(&page);
    page.press("Enter");
    page.expect_hidden("#account");
    page.say("As a guest one needs none.");

    block_cookies(&page, false);
    page.click("#open-account");
    page.expect_focus("#account-email");
    assert_eq!(page.run("document.cookie"), "", "what was tried is gone");
}

#[test]
fn a_host_link_waits_until_cookies_are_allowed() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.join(server.addr(), "Ms Keller");
    let open_link = format!("void (location.hash = 'host={}')", server.host_key());
    block_cookies(&page, true);
    page.run(&open_link);
    expect_told(&page);
    assert_eq!(page.run("[location.hash, isHost()]"), json!(["", false]));
    page.press("Enter");
    block_cookies(&page, false);
    page.run(&open_link);
    page.expect("a host's controls", "isHost()");
}

#[test]
fn a_browser_that_keeps_nothing_talks_all_the_same() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.tab();
    // As Firefox with all cookies blocked.
    page.observe(
        "(() => {
            const get = () => { throw new DOMException('blocked', 'SecurityError'); };
            window.BroadcastChannel = class { constructor() { get(); } };
            for (const kind of ['localStorage', 'sessionStorage']) Object.defineProperty(window, kind, { get });
        })()",
    );
    page.go_to(server.addr());
    page.join("Ana");
    page.say("Can you hear me?");
    page.click("#toggle-panel");
    page.expect_hidden("#panel");
}
