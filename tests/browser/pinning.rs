//! The pinned message: a line under the header that unfolds, for those who come late and on the big screen too.

use super::look::look;
use super::stage::{Actor, Stage, message, now_ms};
use crate::support::{Browser, Page, Size};
use serde_json::{Value, json};

also_in!([firefox, webkit]:
    a_pinned_message_is_a_line_that_unfolds,
    a_host_pins_and_unpins,
    the_big_screen_has_the_pinned_message_on_top,
);

const TEXT: &str = "Read page 12, do 3 and 4.\n```\nx = 1\n```\nMore: https://example.org/exercises and some words that fill the line and then another";

fn pinned() -> Value {
    let mut pinned = message(1, now_ms() - 60_000, "Mr Sato", "host", TEXT);
    pinned.as_object_mut().expect("an object").remove("event");
    pinned
}

/// A page in a room with that message and another.
fn on_stage(browser: &Browser, hash: &str) -> (Page, Actor) {
    let stage = Stage::open();
    let page = browser.tab();
    page.visit(&format!("http://{}/{hash}", stage.addr()));
    let mut actor = stage.expect_entrance();
    let at = now_ms() - 60_000;
    actor.welcome(&[message(1, at, "Mr Sato", "host", TEXT), message(2, at, "Ben", "guest", "Done!")]);
    page.expect_connection("live");
    (page, actor)
}

#[test]
fn a_pinned_message_is_a_line_that_unfolds() {
    let Some(browser) = Browser::start() else { return };
    let (page, mut actor) = on_stage(&browser, "");
    page.fill("#name", "Ana");
    page.press("Enter");
    actor.admit(false);
    page.expect("the name", "state.me.joined");
    page.expect_hidden("#pinned");
    actor.room(json!({"pinned": pinned()}));
    page.expect_shown("#pinned");
    page.expect_text("#announcer", "Pinned: Mr Sato: Read page 12, do 3 and 4.");
    let height = || page.number("el.pinned.offsetHeight");
    for size in [Size::Narrow, Size::Desk] {
        page.size(size);
        page.expect(
            "one line",
            "el.pinned.offsetHeight < 50 && el.pinnedText.textContent === 'Read page 12, do 3 and 4.'",
        );
    }
    look(&page, "pinned");
    page.size(Size::Desk);
    let folded = height();
    page.run("el.unfold.focus()");
    page.press("Enter");
    page.expect(
        "all of it",
        "el.unfold.getAttribute('aria-expanded') === 'true' && el.pinnedText.textContent.includes('another')",
    );
    assert!(height() > folded + 40.0);
    assert_eq!(page.run("el.pinnedText.querySelector('a').href"), "https://example.org/exercises");
    look(&page, "pinned-unfolded");
    assert_eq!(page.run("el.unpin.checkVisibility()"), false, "no host");
    // Another one is folded; a rule that changes folds nothing.
    actor.room(json!({"pinned": pinned(), "locked": true}));
    page.expect_text("#room-state", "Only the host writes");
    assert_eq!(page.run("state.pin.unfolded"), true);
    let mut other = pinned();
    other["id"] = json!(2);
    actor.room(json!({"pinned": other}));
    page.expect("a line", "el.unfold.getAttribute('aria-expanded') === 'false'");
    page.run("el.unfold.focus()");
    actor.room(json!({}));
    page.expect_hidden("#pinned");
    page.expect("the focus elsewhere", "!isFocusLost()");
}

#[test]
fn a_host_pins_and_unpins() {
    let Some(browser) = Browser::start() else { return };
    let (page, mut actor) = on_stage(&browser, "");
    page.fill("#name", "Ms Keller");
    page.press("Enter");
    actor.expect("join");
    actor.send(json!({"event": "joined", "username": "Ms Keller", "role": "host", "muted": false}));
    page.expect("a host", "isHost() && state.me.joined");
    page.click("#pin");
    page.expect_focus("#message"); // nothing is said yet
    page.choose("#log .message:last-child .disc", "Pin");
    let asked = actor.expect("moderate");
    assert_eq!((&asked["action"], &asked["message_id"]), (&json!("pin"), &json!(2)));
    actor.room(json!({"pinned": pinned()}));
    page.expect_shown("#unpin");
    look(&page, "pinned-for-hosts");
    page.size(Size::Desk);
    page.choose("#log .message:first-of-type .disc", "Unpin");
    assert_eq!(actor.expect("moderate")["action"], "unpin");
    page.click("#unpin");
    assert_eq!(actor.expect("moderate")["action"], "unpin");
    // From the panel what the host has said last, whoever spoke after that.
    for (id, who, role) in [(3, "Ms Keller", "host"), (4, "Ms Keller", "host"), (5, "Ben", "guest")] {
        actor.send(message(id, now_ms(), who, role, "Read page 13."));
    }
    actor.send(json!({"event": "message_deleted", "id": 6, "message_id": 4}));
    page.expect("the deletion", "el.log.querySelector('.deleted')");
    page.click("#pin");
    let asked = actor.expect("moderate");
    assert_eq!((&asked["action"], &asked["message_id"]), (&json!("pin"), &json!(3)));
    // While older messages are read, the newest of those here is none that was just said.
    page.run("void update({ log: { tail: false } })");
    page.click("#pin");
    page.run("void update({ log: { tail: true } })");
    page.click("#unpin");
    assert_eq!(actor.expect("moderate")["action"], "unpin");
    page.click("#log .message:last-child .disc");
    page.expect("the menu", "el.menu.open");
    assert!(
        page.number("el.menuRows.getBoundingClientRect().height") < 7.0 * 44.0 + 20.0,
        "seven rows at most"
    );
}

#[test]
fn the_big_screen_has_the_pinned_message_on_top() {
    let Some(browser) = Browser::start() else { return };
    let (page, mut actor) = on_stage(&browser, "#screen");
    actor.room(json!({"pinned": pinned()}));
    page.size(Size::Desk);
    page.expect_shown("#pinned");
    let facts = page.run(
        "(({ top, bottom }, log) => [top < 40, bottom <= log.top, el.pinnedText.innerText.includes('some words'),
            parseFloat(getComputedStyle(el.pinnedText).fontSize) >= 19, el.unpin.checkVisibility()])
            (el.pinned.getBoundingClientRect(), el.log.getBoundingClientRect())",
    );
    assert_eq!(facts, json!([true, true, true, true, false]));
    look(&page, "screen-with-a-pinned-message");
}
