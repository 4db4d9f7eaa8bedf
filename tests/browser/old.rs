//! Browsers that lack something: older ones, and those that block a part of the page. Each lacks it before the page's first
//! line runs.

use super::look::look;
use super::stage::Stage;
use crate::support::{Browser, DEADLINE, Page, TestServer};
use serde_json::json;
use std::time::Instant;

// Also in a real one, which lacks all of that by itself.
also_in!([firefox, webkit, old_chromium]:
    the_oldest_browsers_join_write_log_in_and_show_the_code,
    a_hosts_switches_tell_their_state_in_attributes,
);
// No other driver switches scripts off, or tells at once what a policy has stopped.
also_in!([firefox, webkit]:
    a_drawer_keeps_the_focus_where_nothing_is_inert,
    a_browser_without_notifications_is_not_told_to_get_https,
    a_browser_that_notifies_from_workers_alone_offers_no_switch,
    a_browser_that_opens_no_socket_says_so,
    a_browser_that_is_too_old_is_told_which_are_not,
    a_browser_without_dialogs_is_told_and_not_told_otherwise,
    a_fault_of_the_page_is_not_taken_for_a_room_that_does_not_answer,
    a_room_that_is_late_makes_no_browser_old,
);

/// Takes away each feature that the page once used, or still does, and Chrome 90, Firefox 98 or Safari 15.4 has not.
const LACKS: &str = "
    delete Object.hasOwn;
    for (const type of [Array, String, Object.getPrototypeOf(Int8Array)]) delete type.prototype.at;
    delete String.prototype.toWellFormed;
    delete AbortSignal.timeout;
    delete Intl.Segmenter;
    for (const name of Object.getOwnPropertyNames(Element.prototype)) {
        if (/^aria[A-Z]|^role$/.test(name)) delete Element.prototype[name];
    }
    for (const type of [Document, Element]) {
        for (const name of ['fullscreenEnabled', 'fullscreenElement', 'exitFullscreen', 'requestFullscreen']) {
            delete type.prototype[name];
        }
    }
    delete HTMLElement.prototype.inert;
    delete window.Notification;";

fn old_tab(browser: &Browser, lacks: &str) -> Page {
    let page = browser.tab();
    page.observe(&format!("(() => {{ {lacks} }})()"));
    page
}

fn attribute(page: &Page, selector: &str, name: &str) -> serde_json::Value {
    page.run(&format!("document.querySelector(`{selector}`).getAttribute('{name}')"))
}

#[test]
fn the_oldest_browsers_join_write_log_in_and_show_the_code() {
    let Some(browser) = Browser::start() else { return };
    let server =
        TestServer::with(|config| config.public_urls = vec!["http://192.168.178.20:5000".to_owned()]);
    let page = old_tab(&browser, LACKS);
    page.go_to(server.addr());
    page.expect("the code", "el.emptyQr.checkVisibility() && el.emptyQr.src.startsWith('data:image/svg')");
    let rest = "[innerHeight - el.foot.getBoundingClientRect().bottom, document.documentElement.scrollHeight - innerHeight]";
    assert_eq!(
        page.run(&format!("{rest}.map(Math.round)")),
        json!([0, 0]),
        "the page is as high as the window"
    );
    page.join("Ana María");
    page.say("From long ago");
    let mut ben = server.join("Ben");
    ben.say("From today");
    page.expect_message("Ben", "From today");
    page.expect_text("#log .notice", "Ben joined");
    page.expect("news for screen readers", "el.log.getAttribute('aria-live') === 'polite'");

    page.click("#open-account");
    assert_eq!(attribute(&page, "#account .problem", "role"), "alert");
    page.fill("#account-email", "nobody@school.example");
    page.press("Enter");
    page.expect_text("#account-password-wrong", "Please fill this in.");
    assert_eq!(attribute(&page, "#account-password", "aria-invalid"), "true");
    assert_eq!(attribute(&page, "#account-email", "aria-invalid"), "false");
    assert_eq!(attribute(&page, "#account-password + .show", "aria-label"), "Show the password");
    page.fill("#account-password", "not the right one");
    page.press("Enter");
    page.expect_text("#account .problem", "Email address or password is wrong");
    page.expect_refusals(1);
    page.press("Escape");
    page.click("#open-invite");
    page.expect_shown("#invite-qr");
    page.expect_hidden("#invite-full");
    page.press("Escape");
    page.expect_hidden("#too-old");
}

#[test]
fn a_hosts_switches_tell_their_state_in_attributes() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let mut ben = server.join("Ben");
    let page = old_tab(&browser, LACKS);
    page.go_to(server.addr());
    page.run(&format!("void (location.hash = 'host={}')", server.host_key()));
    page.expect("a host's controls", "isHost() && isLive()");
    for (switch, pressed) in [("#lock", "Only the host writes"), ("#door", "No newcomers")] {
        let is_on = format!("document.querySelector('{switch}').checked");
        assert_eq!(page.run(&is_on), false);
        page.click(switch);
        page.expect_text("#room-state", pressed);
        page.expect(switch, &is_on);
        page.click(switch);
        page.expect(switch, &format!("!{is_on}"));
    }
    page.choose("#people .icon", "Mute Ben");
    page.expect_text("#people", "muted");
    ben.expect("muted", |event| event["event"] == "joined" && event["muted"] == true);
    page.choose("#people .icon", "Unmute Ben");
    page.expect("Ben unmuted", "!el.people.textContent.includes('muted')");
    ben.expect("unmuted", |event| event["event"] == "joined" && event["muted"] == false);
    assert_eq!(attribute(&page, "#toggle-panel", "aria-expanded"), "true");
}

#[test]
fn a_drawer_keeps_the_focus_where_nothing_is_inert() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = old_tab(&browser, LACKS);
    page.go_to(server.addr());
    page.size(crate::support::Size::Narrow);
    page.click("#toggle-panel");
    page.expect_focus("#close-panel");
    page.run("el.name.focus()");
    page.expect_focus("#close-panel");
    let hidden = "[el.main, el.header].map((node) => node.getAttribute('aria-hidden'))";
    assert_eq!(page.run(hidden), json!(["true", "true"]), "to who listens, too");
    page.press("Escape");
    assert_eq!(page.run(hidden), json!(["false", "false"]));
    page.run("el.name.focus()");
    page.expect_focus("#name");
}

#[test]
fn a_browser_without_notifications_is_not_told_to_get_https() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    for (lacks, shown) in [("", json!([true, false])), ("delete window.Notification;", json!([false, false]))]
    {
        let page = old_tab(&browser, lacks);
        page.go_to(server.addr());
        let seen = page.run(
            "(el.settings.open = true, [el.notifyRow, el.notifyHint].map((node) => node.checkVisibility()))",
        );
        assert_eq!(seen, shown, "{lacks}");
    }
}

#[test]
fn a_browser_that_notifies_from_workers_alone_offers_no_switch() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = old_tab(
        &browser,
        "window.noted = [];
        window.Notification = class {
            static permission = 'granted';
            static requestPermission() { return Promise.resolve('granted'); }
            constructor(title) {
                if (localStorage.getItem('phone')) throw new TypeError('Illegal constructor');
                noted.push(title);
            }
        };",
    );
    page.go_to(server.addr());
    page.expect_connection("live");
    page.click("summary");
    page.click("#notify");
    page.expect("a first one", "noted.join() === 'Chat' && el.notify.checked");
    // As Chrome on Android: first where the switch was on, then where it is pressed.
    page.run("localStorage.setItem('phone', 'yes')");
    for act in ["alertUser({ username: 'Ben', message: 'Hi' })", "el.notify.click()"] {
        page.run(&format!("void {act}"));
        page.expect_hidden("#notify-row");
        page.expect_hidden("#notify-hint");
        page.reload();
        page.expect_connection("live");
        page.run("void (el.settings.open = true)");
        page.expect("no switch", "el.notifyRow.hidden && !el.notify.checked");
        page.run("(local.set('notify', 'off'), renderSettings())");
        page.expect_shown("#notify-row");
    }
    assert_eq!(page.run("noted"), json!([]), "none since");
}

#[test]
fn a_browser_that_opens_no_socket_says_so() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = old_tab(
        &browser,
        "const open = window.WebSocket;
         window.WebSocket = class { constructor() { throw new DOMException('The operation is insecure.', 'SecurityError'); } };
         Object.assign(window.WebSocket, { CONNECTING: 0, OPEN: 1, CLOSED: 3 });
         window.allowSockets = () => { window.WebSocket = open; };",
    );
    page.visit(&format!("http://{}", server.addr()));
    page.expect_text("#empty-text", "This browser can’t connect to this address.");
    look(&page, "no-socket");
    page.run("allowSockets()");
    page.run("reconnectNow()");
    page.expect_connection("live");
    page.join("Ana");
    page.say("After all");
}

#[test]
fn the_policy_names_the_socket_where_self_does_not_cover_it() {
    let Some(browser) = Browser::start() else { return };
    // As Safari before 16 reads it.
    let stage = Stage::under(|policy| policy.replace("connect-src 'self'", "connect-src"));
    let (page, mut actor) = stage.enter(&browser);
    actor.welcome(&[]);
    page.expect_connection("live");
    page.run("loadInvite()");
    assert!(!page.take_complaints().is_empty(), "what is asked for over HTTP is covered by `'self'` alone");
}

const TOLD: &str = "Chrome and Edge from version 90, in Firefox from 98, in Safari from 15.4";

#[test]
fn a_browser_that_is_too_old_is_told_which_are_not() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    // All at once: each waits three seconds.
    let pages = [
        "delete window.WebSocket;",
        "delete window.ResizeObserver;",
        "delete Element.prototype.replaceChildren;",
        "delete Object.fromEntries; delete Object.entries;",
        "delete window.crypto; delete window.matchMedia;",
        "delete Performance.prototype.getEntriesByType;", // missed in what nobody waits for
    ]
    .map(|lacks| {
        let page = old_tab(&browser, lacks);
        page.visit(&format!("http://{}", server.addr()));
        (lacks, page)
    });
    for (lacks, page) in &pages {
        page.expect_shown("#too-old");
        page.expect_text("#too-old", TOLD);
        assert!(!page.take_complaints().is_empty(), "{lacks}: something is missing, after all");
        if lacks.contains("ResizeObserver") {
            super::look::take_picture(page, "too-old");
        }
    }
}

/// Nothing fails in it until somebody is asked something.
#[test]
fn a_browser_without_dialogs_is_told_and_not_told_otherwise() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = old_tab(&browser, "delete window.HTMLDialogElement;");
    page.go_to(server.addr());
    page.join("Ana");
    page.say("One may write all the same.");
    page.expect_shown("#too-old");
    page.expect_text("#too-old", TOLD);
    page.run("void start.look()");
    page.expect_shown("#too-old");
    // There a dialog is an element like any other.
    let rule = page.run(
        "[...document.styleSheets[0].cssRules].some(({ selectorText, style }) =>
            selectorText?.includes('dialog:not([open])') && style.display === 'none')",
    );
    assert_eq!(rule, true);
}

/// Only a room that does not answer is told as one.
#[test]
fn a_fault_of_the_page_is_not_taken_for_a_room_that_does_not_answer() {
    let Some(browser) = Browser::start() else { return };
    let mut server = TestServer::start();
    let page = browser.open(server.addr());
    let asked =
        "ask('api/session').then((answer) => answer.error?.code ?? 'an answer', (fault) => fault.message)";
    assert_eq!(page.run(asked), "an answer");
    page.run("void (window.real = answerOf, answerOf = () => { throw new Error('a fault'); })");
    assert_eq!(page.run(asked), "a fault");
    page.run("void (answerOf = real)");
    let half = "new Response('{', { headers: { 'Content-Type': 'application/json' } })";
    page.run(&format!("void (window.real = fetch, window.fetch = async () => {half})"));
    assert_eq!(page.run(asked), "no_answer", "one that is cut off");
    page.run("void (window.fetch = real)");
    server.stop();
    assert_eq!(page.run(asked), "no_answer");
    let _ = page.take_complaints();
}

#[test]
fn a_browser_that_runs_no_scripts_is_told_to_allow_them() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.tab();
    page.call("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    page.call("Page.navigate", json!({"url": format!("http://{}", server.addr())}));
    // Nothing can be asked of the page: what a screen reader gets of it.
    let end = Instant::now() + DEADLINE;
    while !page
        .call("Accessibility.getFullAXTree", json!({}))
        .to_string()
        .contains("Allow it for this address")
    {
        assert!(Instant::now() < end, "the words do not come");
    }
    let _ = page.take_complaints();
}

#[test]
fn a_room_that_is_late_makes_no_browser_old() {
    let Some(browser) = Browser::start() else { return };
    let stage = Stage::open();
    let (page, mut actor) = stage.enter(&browser);
    page.expect("three seconds", "start.waited");
    page.expect_hidden("#too-old");
    // An error before the room is there shows it, also in what nobody waits for, and the room takes it back.
    page.inject("setTimeout(() => Promise.reject(new Error('a promise of theirs')));");
    page.expect_shown("#too-old");
    page.run("void (start.wrong = '', start.look())");
    page.expect_hidden("#too-old");
    page.inject("setTimeout(() => { throw new Error('an add-on of theirs'); });");
    page.expect_shown("#too-old");
    actor.welcome(&[]);
    page.expect_connection("live");
    page.expect_hidden("#too-old");
    assert_eq!(page.take_complaints().len(), 2);
}
