//! The big screen: what a projector shows of the room, by itself.

use super::class::become_host;
use super::look::look_at;
use super::stage::{Stage, message, now_ms};
use crate::support::{Browser, Page, Scheme, Size, TestServer};
use serde_json::{Value, json};

also_in!([firefox, webkit]:
    a_projector_shows_the_newest_messages_large_and_the_way_in,
    the_big_screen_shows_a_long_message_from_its_head_and_stays_over_a_reload,
    nothing_private_reaches_the_big_screen,
    the_big_screen_says_that_the_room_is_gone_and_comes_back_by_itself,
    no_phone_is_led_to_an_address_of_this_computer_alone,
    a_host_opens_it_in_a_second_window_and_a_student_sees_no_more_on_it,
    a_room_for_members_is_shown_to_members_alone,
);

/// What can be seen of what does not belong there.
const STRAYS: &str = "[...document.querySelectorAll('button, input, textarea, a, dialog, #panel, header, .notice, .disc, time')]
    .filter((node) => node.checkVisibility()).map((node) => node.id || node.className || node.tagName)";

const SHOWN: &str = "[...el.log.querySelectorAll('.message')].filter((node) => node.checkVisibility())
    .map((node) => node.querySelector('.text').textContent)";

/// Opens the room's big screen in a new tab.
fn open_screen(browser: &Browser, room: &impl std::fmt::Display) -> Page {
    let page = browser.tab();
    page.visit(&format!("http://{room}/#screen"));
    page
}

#[test]
fn a_projector_shows_the_newest_messages_large_and_the_way_in() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::with(|config| config.public_urls = vec!["https://chat.example.org".to_owned()]);
    let host = become_host(&browser, &server);
    host.join("Ms Keller");
    let screen = open_screen(&browser, &server.addr());
    screen.expect_connection("live");
    screen.expect_text("#empty", "Nobody has said anything yet");
    screen.expect_shown("#empty-qr");
    look_at(&screen, "screen-empty", Size::Desk, Scheme::Light);
    let mut ben = server.join("Ben");
    for number in 1..=12 {
        ben.say_and_wait(&format!("Because {number} is lighter?"));
    }
    host.say("Exactly: `ice` is less dense than water.");
    screen.expect_message("Ms Keller", "Exactly: `ice` is less dense than water.");
    let shown = screen.run(SHOWN);
    let shown = shown.as_array().expect("texts");
    assert_eq!((shown.len(), &shown[0]), (12, &json!("Because 2 is lighter?")));
    assert_eq!(screen.run(STRAYS), json!([]));
    for size in [Size::Desk, Size::Phone] {
        screen.size(size);
        let facts = screen.run(
            "(() => {
                const last = el.log.lastElementChild;
                const [said, log, corner] = [last, el.scroller, el.emptyInvite].map((node) => node.getBoundingClientRect());
                const share = (length) => Math.round(100 * length / innerHeight);
                const ground = (node) => getComputedStyle(node.querySelector('.bubble')).backgroundColor;
                return {
                    type: (parseFloat(getComputedStyle(last.querySelector('.text')).fontSize) / innerHeight).toFixed(3),
                    bottom: Math.abs(said.bottom - log.bottom) < 2, qr: share(el.emptyQr.getBoundingClientRect().height),
                    address: el.emptyAddress.textContent,
                    apart: corner.left >= log.right || corner.top >= log.bottom,
                    inside: corner.right <= innerWidth && corner.bottom <= innerHeight,
                    tinted: ground(last) !== ground(last.previousElementSibling),
                    name: last.querySelector('.name').textContent,
                };
            })()",
        );
        let expected = json!({
            "type": "0.030", "bottom": true, "qr": 18, "address": "https://chat.example.org", "apart": true,
            "inside": true, "tinted": true, "name": "Ms Keller",
        });
        assert_eq!(facts, expected, "{size:?}");
    }
    look_at(&screen, "screen", Size::Phone, Scheme::Dark);
    look_at(&screen, "screen", Size::Desk, Scheme::Light);
    // It is nobody who is here, and counts nothing.
    host.expect_text("#people-title", "2 here");
    assert_eq!(screen.run("[document.title, state.me.username, state.me.tabKey]"), json!(["Chat", "", ""]));
    // However long an address is, and low the window.
    screen.run("void renderAddress('empty', 'https://classroom-chat.a-long-subdomain.of-a-school.example.org:8443/room/12', '')");
    let share = "el.emptyInvite.getBoundingClientRect().width / innerHeight";
    assert!(screen.number(share) < 0.31, "{}", screen.number(share));
    screen.size(Size::Sideways(350));
    for place in ["el.log.querySelector('.text')", "el.emptyInvite"] {
        assert!(screen.number(&format!("parseFloat(getComputedStyle({place}).fontSize)")) >= 12.0, "{place}");
    }
    screen.size(Size::Desk);
    // What is deleted makes room for what was said before.
    host.run("send({ event: 'delete_message', message_id: state.log.last.id })");
    let twelve: Vec<String> = (1..=12).map(|number| format!("Because {number} is lighter?")).collect();
    screen.expect("the twelve", &format!("JSON.stringify({SHOWN}) === JSON.stringify({})", json!(twelve)));
}

#[test]
fn the_big_screen_shows_a_long_message_from_its_head_and_stays_over_a_reload() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let host = become_host(&browser, &server);
    let screen = open_screen(&browser, &server.addr());
    screen.expect_connection("live");
    let mut ben = server.join("Ben");
    for number in 1..=12 {
        ben.say_and_wait(&format!("Because {number} is lighter?"));
    }
    ben.say_and_wait(&"word ".repeat(790));
    screen.expect("the long one", "el.log.lastElementChild.offsetHeight > innerHeight");
    screen.expect("its head", "Math.abs(topOf(el.log.lastElementChild) - topOf(el.scroller)) < 20");
    // One may read on, until somebody writes; and it stands at the newest's head, whatever went before or after.
    screen.expect_focus("#scroller");
    assert_eq!(screen.run("getComputedStyle(el.scroller).overflowY"), "auto");
    screen.run("void (el.scroller.dispatchEvent(new WheelEvent('wheel')), el.scroller.scrollTop = el.scroller.scrollHeight)");
    screen.run("new Promise((done) => setTimeout(done, 2 * TICK_MS))");
    screen.expect("still", "el.scroller.scrollHeight - el.scroller.clientHeight - el.scroller.scrollTop < 2");
    ben.say_and_wait("A slip");
    screen.expect_message("Ben", "A slip");
    host.expect_message("Ben", "A slip");
    host.run("send({ event: 'delete_message', message_id: state.log.last.id })");
    screen.expect("the long one", "state.log.last.node.textContent.includes('word word')");
    screen.expect(
        "its head",
        "Math.abs(topOf(el.log.querySelector('article:last-of-type')) - topOf(el.scroller)) < 20",
    );
    ben.say_and_wait("The end");
    screen.expect("the end", "Math.abs(el.log.lastElementChild.getBoundingClientRect().bottom - el.scroller.getBoundingClientRect().bottom) < 2");
    // Over a reload it is what it was, and its window what it shows.
    screen.reload();
    screen.expect_message("Ben", "The end");
    assert_eq!(screen.run("[isScreen, location.hash]"), json!([true, "#screen"]));
    screen.run("void (location.hash = '')");
    screen.expect("the page", "!isScreen && el.connection.dataset.state === 'live'");
    screen.run("void (location.hash = '#screen')");
    screen.expect("the screen", "isScreen && document.body.classList.contains('screen')");
}

#[test]
fn nothing_private_reaches_the_big_screen() {
    let Some(browser) = Browser::start() else { return };
    let stage = Stage::open();
    let page = open_screen(&browser, &stage.addr());
    let mut actor = stage.expect_entrance();
    let host = json!({"username": "Ms Keller", "role": "host"});
    actor.send(json!({
        "event": "welcome", "epoch": "stage", "position": 2, "reset": false, "more": true, "session": host,
        "limits": {"message_characters": 4000, "username_characters": 32},
    }));
    actor.send(message(1, now_ms(), "Ms Keller", "host", "Good morning!"));
    actor.send(message(2, now_ms(), "Ben", "guest", "Spam"));
    actor.room(json!({"locked": true, "slow_mode_seconds": 30, "door_closed": true}));
    actor.send(json!({"event": "presence", "online": 1, "users": [host]}));
    page.expect_connection("live");
    actor.send(json!({
        "event": "moderation", "muted": ["Ben"], "removed": ["Zoe"], "reset_requests": [{"username": "Mia", "at": now_ms()}],
        "invite_code": "secret-code", "actions": [], "history_percent": 90,
    }));
    actor.send(json!({
        "event": "reset_issued", "username": "Mia", "link": "http://x.example/#reset=secret", "expires_at": now_ms(), "qr_svg": "<svg/>",
    }));
    actor.send(json!({"event": "typing", "usernames": ["Ana"], "others": 0}));
    let newcomer = json!({"username": "Ana", "role": "guest"});
    actor.send(json!({"event": "presence", "online": 2, "joined": [newcomer], "left": []}));
    actor.send(message(3, now_ms(), "Ana", "guest", "Hello @Ms Keller"));
    page.expect_message("Ana", "Hello @Ms Keller");
    page.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
    assert_eq!(page.run(SHOWN), json!(["Good morning!", "Spam", "Hello @Ms Keller"]));
    assert_eq!(page.run(STRAYS), json!([]));
    let text = page.run("document.body.innerText");
    let text = text.as_str().expect("text");
    for private in ["Mia", "Zoe", "secret", "typing", "joined", "Forgotten", "90 %", "For you", "You"] {
        assert!(!text.contains(private), "{private} in {text}");
    }
    // It only reads: neither mouse nor keyboard do anything to what it shows.
    page.click("#log .message:last-child .text");
    page.run("void el.log.lastElementChild.focus()");
    page.press("Enter");
    page.run("new Promise((done) => setTimeout(done, CLICK_MS + 50))");
    assert_eq!(page.run("[...document.querySelectorAll('dialog')].some((dialog) => dialog.open)"), false);
    page.run("void probe()");
    actor.expect_none_until("join", "request_history");
}

#[test]
fn the_big_screen_says_that_the_room_is_gone_and_comes_back_by_itself() {
    let Some(browser) = Browser::start() else { return };
    let stage = Stage::open();
    let page = open_screen(&browser, &stage.addr());
    let mut actor = stage.expect_entrance();
    actor.welcome(&[message(1, now_ms(), "Ana", "guest", "Before")]);
    page.expect_message("Ana", "Before");
    page.expect_hidden("#status");
    actor.close(1001);
    page.expect_text("#status", "The room is closed for now.");
    page.expect_shown("#status");
    look_at(&page, "screen-closed", Size::Desk, Scheme::Light);
    let mut actor = stage.expect_entrance();
    assert_eq!(actor.query, "after=1&epoch=stage", "it goes on where it was");
    actor.welcome(&[message(2, now_ms(), "Ana", "guest", "After")]);
    page.expect_message("Ana", "After");
    page.expect_hidden("#status");
    // A login that ends in this browser is not the screen's.
    actor.close(4401);
    let mut actor = stage.expect_entrance();
    actor.welcome(&[]);
    page.expect_hidden("#status");
    // A device that is kept out is not let in here either.
    actor.close(4403);
    page.expect_text("#status", "You were removed from the room");
    page.expect_shown("#status");
}

#[test]
fn no_phone_is_led_to_an_address_of_this_computer_alone() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let screen = open_screen(&browser, &server.addr());
    screen.expect_connection("live");
    screen.expect_text("#empty", "Nobody has said anything yet");
    screen.expect_hidden("#empty-invite");
}

#[test]
fn a_host_opens_it_in_a_second_window_and_a_student_sees_no_more_on_it() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let host = become_host(&browser, &server);
    host.join("Ms Keller");
    host.run("void (window.open = (...given) => { window.opened = given; })");
    host.click("#open-more");
    host.click("#open-screen");
    host.expect("a window", "window.opened");
    assert_eq!(host.run("[opened[0], opened[2].includes('noopener')]"), json!(["#screen", true]));
    host.say("Good morning!");
    let other = Browser::start().expect("one is running");
    let screen = open_screen(&other, &server.addr());
    screen.expect_message("Ms Keller", "Good morning!");
    assert_eq!(screen.run(STRAYS), json!([]));
}

#[test]
fn a_room_for_members_is_shown_to_members_alone() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::with(|config| config.members_only = true);
    let screen = open_screen(&browser, &server.addr());
    screen.expect_text("#status", "This room is for members");
    screen.expect_shown("#status");
    assert_eq!(screen.run(STRAYS), json!([]));
    // The same browser is a host's a moment later, in another window.
    let host = become_host(&browser, &server);
    host.join("Ms Keller");
    host.say("Good morning!");
    screen.expect_message("Ms Keller", "Good morning!");
    screen.expect_hidden("#status");
    let shown: Value = screen.run(SHOWN);
    assert_eq!(shown, json!(["Good morning!"]));
}
