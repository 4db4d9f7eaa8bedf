//! The room's rules and a host's word, as everybody else's page meets them. The text that one was about to send is never lost.

use super::look::{look, look_closely};
use super::stage::{Actor, Stage, ben, expect_text_kept, message, now_ms, said};
use crate::support::{Browser, Page};
use serde_json::{Value, json};

also_in!([firefox, webkit]:
    a_locked_room_says_why_and_keeps_the_text,
    who_is_muted_is_told_and_keeps_the_text,
    slow_mode_counts_down_and_then_sends_again,
    a_clock_that_is_set_back_makes_no_page_wait,
    a_closed_door_lets_people_read_and_says_why_they_cannot_join,
    a_guest_among_members_only_reads_and_is_told_so,
    a_members_room_and_an_ended_session_end_in_a_gate_that_can_be_tried_again,
    who_is_removed_is_told_and_does_not_come_back_by_itself,
);

/// Presses Enter, which must send nothing.
fn expect_nothing_sent(page: &Page, actor: &mut Actor) {
    page.press("Enter");
    page.run("askHistory('probe', 1, 1)");
    actor.expect_none_until("send_message", "request_history");
    expect_text_kept(page);
}

#[test]
fn a_locked_room_says_why_and_keeps_the_text() {
    let Some(browser) = Browser::start() else { return };
    let stage = Stage::open();
    let (page, mut actor) = ben(&browser, &stage);
    actor.room(json!({"locked": true}));
    page.expect_text("#status-text", "Only the host can write now. Your text is kept.");
    look(&page, "locked");
    expect_nothing_sent(&page, &mut actor);
    actor.room(json!({}));
    page.expect("the word", "!el.statusText.textContent.includes('host')");
    page.press("Enter");
    assert_eq!(actor.expect("send_message")["message"], "Because it is lighter");
}

#[test]
fn who_is_muted_is_told_and_keeps_the_text() {
    let Some(browser) = Browser::start() else { return };
    let stage = Stage::open();
    let (page, mut actor) = ben(&browser, &stage);
    actor.send(json!({"event": "joined", "username": "Ben", "role": "guest", "muted": true}));
    page.expect_text("#status-text", "The host has muted you. Your text is kept.");
    look(&page, "muted");
    expect_nothing_sent(&page, &mut actor);
    // Who does not see the line hears of it, both times.
    page.expect_text("#announcer", "The host has muted you.");
    actor.send(json!({"event": "joined", "username": "Ben", "role": "guest", "muted": false}));
    page.expect_text("#announcer", "You can write again.");
}

#[test]
fn slow_mode_counts_down_and_then_sends_again() {
    let Some(browser) = Browser::start() else { return };
    let stage = Stage::open();
    let (page, mut actor) = ben(&browser, &stage);
    actor.room(json!({"slow_mode_seconds": 2}));
    page.press("Enter");
    let request = actor.expect("send_message");
    actor.store(&request, "Ben");
    page.expect_message("You", "Because it is lighter");
    page.type_text("Less dense");
    page.expect("the countdown", "/^[12] s$/.test(el.send.textContent)");
    page.expect_text("#status-text", "One message per 2 s. You can send the next in");
    page.expect_text("#send", "Send");
    page.press("Enter");
    assert_eq!(actor.expect("send_message")["message"], "Less dense");

    // A countdown long enough to be looked at.
    actor.room(json!({"slow_mode_seconds": 60}));
    actor.send(json!({
        "event": "error", "code": "slow_mode", "message": "Slow mode: one message every 60 s.",
        "retry_after_ms": 58_000, "client_message_id": page.run("state.outbox.inFlight"),
    }));
    page.expect("the countdown", "/^5\\d s$/.test(el.send.textContent)");
    look(&page, "slow-mode");
}

#[test]
fn a_clock_that_is_set_back_makes_no_page_wait() {
    let Some(browser) = Browser::start() else { return };
    let stage = Stage::open();
    let (page, mut actor) = ben(&browser, &stage);
    actor.room(json!({"slow_mode_seconds": 2}));
    page.press("Enter");
    let request = actor.expect("send_message");
    actor.store(&request, "Ben");
    page.expect_message("You", "Because it is lighter");
    page.expect("the countdown", "/^[12] s$/.test(el.send.textContent)");
    page.run("void (window.real = Date.now, Date.now = () => real() - 2 * 60 * 60 * 1000)");
    page.type_text("Less dense");
    page.expect_text("#send", "Send");
    page.press("Enter");
    let request = actor.expect("send_message");
    assert_eq!(request["message"], "Less dense");
    actor.store(&request, "Ben");
    // Times that do not ascend: each stands under its own day, and order is the id's.
    let now = now_ms();
    for (id, hours_ago, text) in
        [(10, 0, "now"), (11, 48, "set back by two days"), (12, 0, "and right again")]
    {
        actor.send(message(id, now - hours_ago * 60 * 60 * 1000, "Ana", "member", text));
    }
    page.expect_message("Ana", "and right again");
    let shown = "[...el.log.querySelectorAll('.day, .text')].slice(-6).map((node) => node.matches('.day') ? 'day' : node.textContent)";
    let expected = ["now", "day", "set back by two days", "day", "and right again"];
    let shown = page.run(shown);
    assert!(shown.as_array().expect("lines").ends_with(&expected.map(Value::from)), "{shown}");
}

#[test]
fn a_closed_door_lets_people_read_and_says_why_they_cannot_join() {
    let Some(browser) = Browser::start() else { return };
    let stage = Stage::open();
    let (page, mut actor) = stage.enter(&browser);
    actor.welcome(&said());
    page.expect_connection("live");
    actor.room(json!({"door_closed": true}));
    page.expect_text("#status-text", "No newcomers at the moment");
    page.expect_message("Ana", "I know!");
    look(&page, "door-closed");
    actor.room(json!({}));
    page.expect("the word", "!el.statusText.textContent.includes('newcomers')");
    page.fill("#name", "Ben");
    page.press("Enter");
    assert_eq!(actor.expect("join")["username"], "Ben");
}

#[test]
fn a_guest_among_members_only_reads_and_is_told_so() {
    let Some(browser) = Browser::start() else { return };
    let stage = Stage::open();
    let (page, mut actor) = ben(&browser, &stage);
    actor.room(json!({"members_only": true}));
    page.expect_text("#status-text", "Only members can write here.");
    look(&page, "members-may-write");
    expect_nothing_sent(&page, &mut actor);
}

#[test]
fn a_members_room_and_an_ended_session_end_in_a_gate_that_can_be_tried_again() {
    let Some(browser) = Browser::start() else { return };
    let stage = Stage::open();
    let (page, mut actor) = stage.enter(&browser);
    actor.send(json!({"event": "error", "code": "login_required", "message": "This room is for members."}));
    actor.close(4401);
    page.expect_text("#gate-title", "This room is for members");
    look(&page, "members-only");
    // Another tab of this browser logs in.
    page.run("void new BroadcastChannel('chat-tabs').postMessage({ loggedIn: true })");
    let mut actor = stage.expect_entrance();
    actor.welcome(&said());
    page.fill("#name", "Ben");
    page.press("Enter");
    actor.admit(false);
    page.expect_focus("#message");
    page.type_text("Because it is lighter");
    actor.close(4401);
    page.expect_text("#gate-title", "Your session has ended");
    page.expect_focus("#gate-login");
    look_closely(&page, "session-ended");
    page.run("el.gateButton.focus()");
    page.press("Enter");
    let mut actor = stage.expect_entrance();
    actor.welcome(&said());
    actor.admit(false);
    page.expect_focus("#message");
    expect_text_kept(&page);
}

#[test]
fn who_is_removed_is_told_and_does_not_come_back_by_itself() {
    let Some(browser) = Browser::start() else { return };
    let stage = Stage::open();
    let (page, actor) = ben(&browser, &stage);
    actor.close(4403);
    page.expect_text("#gate-title", "You were removed");
    assert_eq!(page.run("state.connection.retryTimer"), 0, "the page would come back by itself");
    look(&page, "removed");
}
