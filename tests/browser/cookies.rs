//! A browser that keeps nothing for the page: what needs a cookie says so before anything is lost, all else works.

use super::look::look;
use crate::accounts::{email_of, password_of};
use crate::support::{Browser, Page, TestServer};
use serde_json::json;

also_in!([firefox, webkit]:
    who_blocks_cookies_is_told_before_signing_up,
    a_host_link_waits_until_cookies_are_allowed,
    a_browser_that_keeps_nothing_talks_all_the_same,
    two_rooms_and_another_program_on_one_computer_keep_their_cookies,
);

/// Somebody's page in a browser that blocks cookies.
fn join_without_cookies(browser: &Browser, server: &TestServer, name: &str) -> Page {
    let page = browser.tab();
    page.block_cookies(true);
    page.go_to(server.addr());
    page.join(name);
    page
}

/// Some browsers believe it from the next page on.
fn allow_cookies(page: &Page) {
    page.block_cookies(false);
    page.reload();
    page.expect_connection("live");
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
    let page = join_without_cookies(&browser, &server, "Ana");
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
    page.reload();
    page.expect("the name, still", "state.me.joined && state.me.username === 'Ana'");
    page.say("And stays who one is.");

    allow_cookies(&page);
    page.click("#open-account");
    page.expect_focus("#account-email");
    assert_eq!(page.run("document.cookie"), "", "what was tried is gone");
}

#[test]
fn a_host_link_waits_until_cookies_are_allowed() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = join_without_cookies(&browser, &server, "Ms Keller");
    let open_link = format!("void (location.hash = 'host={}')", server.host_key());
    page.run(&open_link);
    expect_told(&page);
    assert_eq!(page.run("[location.hash, isHost()]"), json!(["", false]));
    page.press("Enter");
    allow_cookies(&page);
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
    page.run("void (location.hash = 'host=x')");
    page.expect_text("#account-title", "link");
    page.press("Escape");
    // A tab's history lasts over a reload.
    page.reload();
    page.expect("the name, still", "state.me.joined && state.me.username === 'Ana'");
    page.say("It is still me.");
    let _ = page.take_complaints(); // of the 403
    page.click("#toggle-panel");
    page.expect_hidden("#panel");
}

/// An account for somebody who has this page open.
fn sign_up(page: &Page, name: &str) {
    let (email, username, password) = (email_of(name), name, password_of(name));
    let fields = json!({"email": email, "username": username, "password": password});
    assert_eq!(page.run(&format!("ask('api/signup', {fields})"))["user"]["username"], name);
    expect_member(page, name);
}

fn expect_member(page: &Page, name: &str) {
    page.reload();
    page.expect("the account", &format!("isLive() && state.account.session?.username === '{name}'"));
}

#[test]
fn two_rooms_and_another_program_on_one_computer_keep_their_cookies() {
    let Some(browser) = Browser::start() else { return };
    let (chemistry, physics) = (TestServer::start(), TestServer::start());
    let (ana, ben) = (browser.open(chemistry.addr()), browser.open(physics.addr()));
    sign_up(&ana, "Ana");
    // As any program on this computer does, whatever its port.
    ana.run("void (document.cookie = 'session=eyJfZmxhc2hlcyI6W119.Z1.x; Path=/')");
    sign_up(&ben, "Ben");
    expect_member(&ana, "Ana");
    expect_member(&ben, "Ben");
    ana.run("ask('api/logout', {})");
    expect_member(&ben, "Ben");
    assert_eq!(ben.run("document.cookie"), "session=eyJfZmxhc2hlcyI6W119.Z1.x");
}
