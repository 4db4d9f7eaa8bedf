//! The menu of a message and of a person: how it opens, what it offers to whom, what comes of it.

use super::class::become_host;
use super::look::look;
use super::reading::{AT_THE_END, talkative_room};
use super::stage::{Actor, Stage, message, now_ms};
use crate::support::{Browser, Finger, Page, Size, TestServer, clipboard};
use serde_json::json;

also_in!([firefox, webkit]:
    a_menu_opens_by_click_right_click_and_keyboard_and_leaves_links_and_selections_alone,
    a_host_mutes_removes_and_cleans_up_from_a_message_and_from_the_list,
    after_a_flood_three_clicks_leave_nothing_of_it,
    a_deleted_message_has_no_menu,
    what_a_host_does_without_a_connection_is_answered_in_sight,
    a_hosts_badge_keeps_its_distance_from_the_name_in_either_direction,
);

// WebKit's driver has no fingers.
also_in!([firefox]: a_finger_that_has_opened_the_menu_is_lifted_from_a_row_without_choosing_it);

const ROWS: &str = "[...el.menuRows.children].map((row) => row.textContent)";
/// The first row, wherever one may react.
const SIGNS: &str = "👍❤️😂😮✅❓";

/// A host's page in a room that the test plays, with something said by Ben and by another host.
fn on_stage(browser: &Browser) -> (Page, Actor) {
    let stage = Stage::open();
    let (page, mut actor) = stage.enter(browser);
    let at = now_ms() - 60_000;
    actor.welcome(&[
        message(1, at, "Mr Sato", "host", "Good morning!"),
        message(2, at, "Ben", "guest", "Spam"),
    ]);
    page.expect_connection("live");
    page.fill("#name", "Ms Keller");
    page.press("Enter");
    let join = actor.expect("join");
    actor.send(json!({"event": "joined", "username": join["username"], "role": "host", "muted": false}));
    actor.send(json!({"event": "moderation", "muted": [], "removed": [], "reset_requests": [], "invite_code": null, "actions": []}));
    page.expect("a host", "isHost() && state.me.joined");
    (page, actor)
}

#[test]
fn a_menu_opens_by_click_right_click_and_keyboard_and_leaves_links_and_selections_alone() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let mut ana = server.join("Ana");
    ana.say_and_wait("please, all of you, do see https://x.example/a");
    let page = browser.join(server.addr(), "Ben");
    page.say("I see");
    page.expect("two messages", "el.log.querySelectorAll('.message').length === 2");
    for opener in [".disc", ".name", ".text"] {
        page.click(&format!("#log .message:not(.own) {opener}"));
        page.expect(opener, "el.menu.open");
        assert_eq!(
            page.run(ROWS),
            json!([SIGNS, "Reply …", "Copy"]),
            "what a guest may do with somebody else's"
        );
        page.press("Escape");
        page.expect_hidden("#menu");
        page.expect_focus(".message:not(.own)");
    }
    page.run("void el.log.querySelector('.own').dispatchEvent(new MouseEvent('contextmenu', { bubbles: true, cancelable: true }))");
    page.expect("the menu", "el.menu.open");
    assert_eq!(page.run(ROWS), json!([SIGNS, "Reply …", "Copy", "Delete"]));
    page.press("Escape");
    // Two clicks select a word, and that is no wish for a menu; nor is a selection that is to be copied.
    page.run("void getSelection().selectAllChildren(el.log.querySelector('.text'))");
    let own = "el.log.querySelector('.own .text').dispatchEvent";
    page.run(&format!("void {own}(new MouseEvent('click', {{ bubbles: true, detail: 1 }}))"));
    page.run("new Promise((done) => setTimeout(done, CLICK_MS + 50))");
    let taken =
        page.run(&format!("{own}(new MouseEvent('contextmenu', {{ bubbles: true, cancelable: true }}))"));
    assert_eq!((taken, page.run("el.menu.open")), (json!(true), json!(false)));
    page.run("getSelection().removeAllRanges()");
    let link = "el.log.querySelector('a').dispatchEvent(new MouseEvent('contextmenu', { bubbles: true, cancelable: true }))";
    assert_eq!(page.run(link), true, "a link keeps the browser's own");

    let held = clipboard();
    page.choose("#log .message:not(.own) .disc", "Copy");
    page.expect_text("#menu-rows .half + .half", "Copied");
    page.press("Escape");
    page.run("el.message.focus()");
    page.paste();
    page.expect("the text", "el.message.value === 'please, all of you, do see https://x.example/a'");
    drop(held);
}

#[test]
fn a_host_mutes_removes_and_cleans_up_from_a_message_and_from_the_list() {
    let Some(browser) = Browser::start() else { return };
    let (page, mut actor) = on_stage(&browser);
    page.click("#log .message:first-of-type .disc");
    page.expect("the menu", "el.menu.open");
    assert_eq!(page.run(ROWS), json!(["Reply …", "Copy", "Pin", "Delete"]), "nothing against a host");
    page.press("Escape");
    let bens = "#log .message:last-child .disc";
    let said = ["Reply …", "Copy", "Pin", "Delete"];
    let deeds = ["Mute Ben", "Remove Ben", "Delete what Ben said in the last 10 minutes"];
    let all = json!([&said[..], &deeds].concat());
    page.click(bens);
    page.expect("the menu", "el.menu.open");
    assert_eq!(page.run(ROWS), all);
    look(&page, "menu-of-a-message");
    page.press("Escape");
    page.choose(bens, "Mute Ben");
    let asked = actor.expect("moderate");
    assert_eq!((&asked["action"], &asked["username"]), (&json!("mute"), &json!("Ben")));
    page.choose(bens, "Delete what Ben");
    page.expect_text("#confirm-title", "Delete what Ben said in the last 10 minutes");
    look(&page, "delete-recent");
    page.click("#confirm-yes");
    let asked = actor.expect("moderate");
    assert_eq!(
        (&asked["action"], &asked["username"], &asked["minutes"]),
        (&json!("delete_recent"), &json!("Ben"), &json!(10))
    );
    assert_eq!(asked["message_id"], 2, "a name can be several people's");
    // Who is here has the same, without what is a message's.
    let people = json!([{"username": "Ms Keller", "role": "host"}, {"username": "Ben", "role": "guest"}]);
    actor.send(json!({"event": "presence", "online": 2, "users": people}));
    page.expect_text("#people", "Ben");
    page.click("#people li:last-child .name");
    page.expect("the menu", "el.menu.open");
    assert_eq!(page.run(ROWS), json!(deeds));
    page.press("Escape");
    page.expect_focus("#people button");
    page.click("#people li:first-child .name");
    assert_eq!(page.run("el.menu.open"), false, "nor against oneself");
}

#[test]
fn after_a_flood_three_clicks_leave_nothing_of_it() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let host = become_host(&browser, &server);
    host.join("Ms Keller");
    host.say("Good morning!");
    let mut ben = server.join("Ben");
    for number in 1..=14 {
        ben.say_and_wait(&format!("spam {number}"));
    }
    host.expect_message("Ben", "spam 14");
    host.expect_text(".notice", "Ben joined"); // the last that moves the log
    host.choose("#log .message:not(.own, .continued) .disc", "Delete what Ben");
    host.click("#confirm-yes");
    host.expect("all of it gone", "el.log.querySelectorAll('.deleted').length === 14");
    host.expect("the rest there", "el.log.querySelectorAll('.message:not(.deleted)').length === 1");
    host.expect_text("#record li", "Ms Keller deleted messages of Ben: 14 of the last 10 min");
    assert_eq!(host.number("el.record.children.length"), 1.0, "one record");
    host.choose("#people .icon", "Delete what Ben");
    host.click("#confirm-yes");
    host.expect_text("#status-text", "Ben has said nothing in that time");
}

#[test]
fn what_a_host_does_without_a_connection_is_answered_in_sight() {
    let Some(browser) = Browser::start() else { return };
    let (page, _actor) = on_stage(&browser);
    page.size(Size::Phone);
    page.run("void (abandon(), clearTimeout(state.connection.retryTimer))");
    page.expect_connection("lost");
    page.expect_text("#status-text", "Reconnecting");
    page.choose("#log .message:last-child .disc", "Mute Ben");
    page.expect_text("#status-text", "Not connected: nothing was changed.");
    page.expect_shown("#status-text");
    page.run("void (state.status.flash.until = 0)");
    page.expect_text("#status-text", "Reconnecting");
}

#[test]
fn a_hosts_badge_keeps_its_distance_from_the_name_in_either_direction() {
    let Some(browser) = Browser::start() else { return };
    let stage = Stage::open();
    let (page, mut actor) = stage.enter(&browser);
    let (at, name) = (now_ms(), "Ms Keller");
    actor.welcome(&[
        message(1, at, name, "host", "Good morning!"),
        message(2, at, "يوسف", "host", "صباح الخير"),
    ]);
    page.expect_connection("live");
    for direction in ["ltr", "rtl"] {
        for badge in ["Host", "مضيف"] {
            page.run(&format!(
                "void (document.documentElement.dir = '{direction}',
                    el.log.querySelectorAll('.head .badge').forEach((node) => {{ node.textContent = '{badge}'; }}))"
            ));
            let gaps = page.run(
                "[...el.log.querySelectorAll('.head')].map((head) => {
                    const [name, badge] = [...head.children].map((node) => node.getBoundingClientRect());
                    return Math.round(Math.max(badge.left - name.right, name.left - badge.right));
                })",
            );
            assert_eq!(gaps, json!([6, 6]), "{badge} on a page {direction}");
        }
    }
}

#[test]
fn a_deleted_message_has_no_menu() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let host = become_host(&browser, &server);
    host.join("Ms Keller");
    host.say("A slip");
    host.choose("#log .bubble", "Delete");
    host.click("#confirm-yes");
    host.expect_shown(".deleted");
    host.click("#log .deleted .bubble");
    host.run("new Promise((done) => setTimeout(done, CLICK_MS + 50))");
    assert_eq!(host.run("el.menu.open"), false);
}

#[test]
fn a_finger_that_has_opened_the_menu_is_lifted_from_a_row_without_choosing_it() {
    let Some(browser) = Browser::start() else { return };
    let server = talkative_room(30);
    let host = become_host(&browser, &server);
    host.size(Size::Phone);
    host.join("Ms Keller");
    host.expect_message("Ana", "message 30");
    host.expect("the end", AT_THE_END);
    // Where a row of the sheet is going to be there is a message now.
    host.run("openMessageMenu(state.log.last)");
    let top = host.number("topOf(el.menuRows.querySelector('.half'))");
    host.press("Escape");
    host.expect_hidden("#menu");
    let (x, y) = (100.0, top + 22.0);
    let there = format!("document.elementFromPoint({x}, {y}).closest('.bubble, button').className");
    assert_eq!(host.run(&there), "bubble");
    host.run("void (window.acted = 0, startReply = () => { acted++; })");
    let settle = "new Promise((done) => setTimeout(done, CLICK_MS))";
    for rest in [0, 700] {
        host.touch(Finger::Down(x, y));
        host.expect("the menu", "el.menu.open");
        host.run(&format!("new Promise((done) => setTimeout(done, {rest}))"));
        assert_ne!(host.run(&there), "bubble", "the sheet is under the finger");
        host.touch(Finger::Up);
        // What a browser makes of it, and one that makes nothing of it.
        host.run(&format!(
            "void document.elementFromPoint({x}, {y}).dispatchEvent(new MouseEvent('click', {{ bubbles: true, detail: 1 }}))"
        ));
        host.run(settle);
        assert_eq!(host.run("[el.menu.open, acted]"), json!([true, 0]), "after {rest} ms more");
        // The next tap is meant.
        host.touch(Finger::Down(x, y));
        host.touch(Finger::Up);
        host.expect("the row's act", "acted === 1");
        host.run("void (acted = 0)");
        host.press("Escape");
        host.expect_hidden("#menu");
    }
    // So are a key's click, and a screen reader's, which tells of no press.
    host.touch(Finger::Down(x, y));
    host.expect("the menu", "el.menu.open");
    host.touch(Finger::Up);
    host.run("el.menuRows.querySelector('.half').click()");
    assert_eq!(host.run("acted"), 1);
}
