//! Replies: how one is written, the line that quotes, and that it is drawn from the message itself.

use super::look::{look, look_at};
use super::reading::{AT_THE_END, talkative_room};
use super::stage::{Stage, message, now_ms};
use crate::support::{Browser, Page, Scheme, Size, TestServer};
use serde_json::json;

also_in!([firefox, webkit]:
    a_reply_quotes_a_message_and_leads_to_it,
    a_draft_keeps_what_it_answers_over_a_reload_until_it_is_given_up,
    what_is_deleted_is_quoted_as_deleted_everywhere,
    a_message_that_is_not_loaded_is_fetched_for_its_quote_and_led_to,
);

const QUOTES: &str =
    "[...document.querySelectorAll('.quote')].map((quote) =>
    [...quote.children].filter((part) => part.getAttribute('aria-hidden') !== 'true').map((part) => part.textContent).join(''))";

/// The menu's row for a reply to the message with this text.
fn reply_to(page: &Page, text: &str) {
    page.run(&format!(
        "void openMessageMenu([...state.log.messages.values()].find(({{ message }}) => message.startsWith('{text}')))"
    ));
    page.run("[...el.menuRows.children].find((row) => row.textContent === 'Reply …').click()");
    page.expect_shown("#reply");
    page.expect_focus("#message");
}

fn expect_quotes(page: &Page, labels: &[&str]) {
    page.expect(
        &format!("{labels:?}"),
        &format!("JSON.stringify({QUOTES}) === JSON.stringify({})", json!(labels)),
    );
}

#[test]
fn a_reply_quotes_a_message_and_leads_to_it() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let mut ben = server.join("Ben");
    ben.say_and_wait("\n```\nx = 1\n```\nWhat is the capital of France?");
    for number in 1..=30 {
        ben.say_and_wait(&format!("and {number}"));
    }
    let page = browser.join(server.addr(), "Ana");
    page.expect("the end", AT_THE_END);
    reply_to(&page, "\\n```");
    page.expect_text("#announcer", "Reply to Ben");
    expect_quotes(&page, &["Reply to Ben: x = 1"]);
    look(&page, "reply-begun");
    page.say("Paris");
    page.expect_hidden("#reply");
    page.expect("the end", AT_THE_END);
    expect_quotes(&page, &["Reply to Ben: x = 1"]);
    assert_eq!(ben.expect_text("Paris")["reply_to"], 1);
    assert_eq!(
        page.run("el.log.querySelector('.own .text').textContent"),
        "Paris",
        "the quote is no part of it"
    );
    // One's own is quoted as such, and by others by its author.
    let id = page.run("state.log.last.id");
    ben.send(json!({"event": "send_message", "message": "Right", "reply_to": id}));
    expect_quotes(&page, &["Reply to Ben: x = 1", "Reply to You: Paris"]);
    look(&page, "replies");
    page.size(Size::Desk);
    let other = Browser::start().expect("one is running").open(server.addr());
    expect_quotes(&other, &["Reply to Ben: x = 1", "Reply to Ana: Paris"]);
    // By keyboard: it is the stop after what has been said.
    page.run("el.log.querySelector('.own .quote').focus()");
    page.press("Enter");
    page.expect("the message", "document.activeElement === state.log.messages.get(1).node");
    page.expect("its ring", "document.activeElement.classList.contains('found')");
    let seen = page.run(
        "(({ top, bottom }) => top >= topOf(el.scroller) && bottom <= el.foot.getBoundingClientRect().top)
            (document.activeElement.querySelector('.bubble').getBoundingClientRect())",
    );
    assert_eq!(seen, true);
    look_at(&page, "reply-led-to", Size::Desk, Scheme::Light);
}

#[test]
fn a_draft_keeps_what_it_answers_over_a_reload_until_it_is_given_up() {
    let Some(browser) = Browser::start() else { return };
    let mut server = TestServer::staying();
    let mut ben = server.join("Ben");
    ben.say_and_wait("What is the capital of France?");
    let page = browser.join(server.addr(), "Ana");
    reply_to(&page, "What");
    page.type_text("Par");
    page.reload();
    page.expect_shown("#reply");
    page.expect("the draft", "el.message.value === 'Par'");
    expect_quotes(&page, &["Reply to Ben: What is the capital of France?"]);
    page.run("el.message.focus()");
    page.press("Escape");
    page.expect_hidden("#reply");
    page.expect_focus("#message");
    page.reload();
    page.expect("the draft", "el.message.value === 'Par' && state.me.joined");
    page.expect_hidden("#reply");
    reply_to(&page, "What");
    page.click("#cancel-reply");
    page.expect_hidden("#reply");
    page.expect_focus("#message");
    assert_eq!(page.run("el.message.value"), "Par", "what was written stays");
    // What waits for the room answers the same message once it is back.
    reply_to(&page, "What");
    drop(ben);
    server.stop();
    page.expect_connection("lost");
    page.run("el.send.click()");
    page.expect_waiting(1);
    page.expect_hidden("#reply");
    server.start_again();
    page.expect_message("You", "Par");
    page.expect("its answer", "state.log.last.reply_to === 1");
    page.expect_waiting(0);
}

#[test]
fn what_is_deleted_is_quoted_as_deleted_everywhere() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let ben = browser.join(server.addr(), "Ben");
    ben.say("What a silly question");
    let ana = Browser::start().expect("one is running").join(server.addr(), "Ana");
    ana.expect_message("Ben", "What a silly question");
    reply_to(&ana, "What");
    ana.say("No, it is not");
    expect_quotes(&ben, &["Reply to You: What a silly question"]);
    reply_to(&ana, "What");
    ana.fill("#message", "And yours?");
    ben.choose("#log .own .bubble", "Delete");
    ben.click("#confirm-yes");
    for page in [&ana, &ben] {
        page.expect(
            "no word of it",
            "![el.log, el.reply].some((node) => node.textContent.includes('silly'))",
        );
        page.expect_text("#log .quote", "Deleted");
    }
    look(&ana, "reply-to-what-is-deleted");
    ana.run("el.log.querySelector('.quote').click()");
    ana.expect_text("#status", "This message has been deleted.");
    // What answers it is refused, kept, and sent again without it.
    ana.run("el.send.click()");
    ana.expect_text("#waiting .state", "There is no such message, or it is deleted already.");
    ana.click("#waiting [data-do=retry]");
    ana.expect_message("You", "And yours?");
    assert_eq!(ana.run("state.log.last.reply_to"), json!(null));
    let late = Browser::start().expect("one is running").open(server.addr());
    expect_quotes(&late, &["Deleted"]);
}

#[test]
fn a_message_that_is_not_loaded_is_fetched_for_its_quote_and_led_to() {
    let Some(browser) = Browser::start() else { return };
    let server = talkative_room(300);
    let mut ben = server.join("Ben");
    for to in [7, 8, 7] {
        ben.send(json!({"event": "send_message", "message": "I have a question to this", "reply_to": to}));
    }
    ben.expect_text("I have a question to this");
    let page = browser.join(server.addr(), "Carl");
    let (seven, eight) = ("Reply to Ana: message 7", "Reply to Ana: message 8");
    expect_quotes(&page, &[seven, eight, seven]);
    assert_eq!(page.run("state.log.messages.has(7)"), false);
    page.expect("the end", AT_THE_END);
    page.run("el.log.querySelector('.quote').click()");
    page.expect("it, with a ring", "state.log.messages.get(7)?.node.classList.contains('found')");
    page.click("#jump");
    page.expect("the end", AT_THE_END);
}

/// What an answer has no place for is there all the same.
#[test]
fn quotes_of_many_long_messages_come_in_several_answers() {
    let Some(browser) = Browser::start() else { return };
    let stage = Stage::open();
    let (page, mut actor) = stage.enter(&browser);
    let at = now_ms() - 60_000;
    let replies = [(11, 3), (12, 1), (13, 2)].map(|(id, to)| {
        let mut reply = message(id, at, "Ben", "guest", "I have a question to this");
        reply["reply_to"] = json!(to);
        reply
    });
    actor.welcome(&replies);
    for (ids, there, more) in [(vec![3, 1, 2], 1, true), (vec![3, 2], 3, false)] {
        assert_eq!(actor.expect("request_history")["ids"], json!(ids));
        let long = message(there, at, "Ana", "guest", &format!("message {there}"));
        actor.send(json!({"event": "history", "messages": [long], "more": more, "position": 13}));
    }
    expect_quotes(&page, &["Reply to Ana: message 3", "Reply to Ana: message 1", "Deleted"]);
}

#[test]
fn a_quote_takes_one_line_in_its_own_direction_and_has_its_authors_colour() {
    let Some(browser) = Browser::start() else { return };
    let stage = Stage::open();
    let (page, mut actor) = stage.enter(&browser);
    let at = now_ms() - 60_000;
    let reply = |id, name, role, text, to: u64| {
        let mut reply = message(id, at, name, role, text);
        reply["reply_to"] = json!(to);
        reply
    };
    let long = "many words ".repeat(40);
    actor.welcome(&[
        message(1, at, "Mr Sato", "host", &long),
        message(2, at, "يوسف", "guest", "ما هي عاصمة فرنسا؟ https://example.org/a/b"),
        reply(3, "Ben", "guest", "Short", 1),
        reply(4, "Cem", "guest", "Paris", 2),
        reply(5, "يوسف", "guest", "صحيح", 4),
    ]);
    page.expect_connection("live");
    page.expect("three quotes", "el.log.querySelectorAll('.quote').length === 3");
    for size in [Size::Desk, Size::Narrow] {
        page.size(size);
        let facts = page.run(
            "[...el.log.querySelectorAll('.quote')].map((quote) => {
                const text = quote.querySelector('.line');
                const { left, right } = quote.closest('.bubble').getBoundingClientRect();
                return { isOneLine: text.getBoundingClientRect().height < 22, isInside: [...quote.querySelectorAll('.author, .line')].every((part) =>
                    part.getBoundingClientRect().left >= left && part.getBoundingClientRect().right <= right),
                    isRight: getComputedStyle(text).direction === 'rtl', isHost: Boolean(quote.querySelector('.badge')?.offsetWidth),
                    hasColour: getComputedStyle(quote, '::before').backgroundColor !== 'rgba(0, 0, 0, 0)' };
            })",
        );
        let fact = |is_right, is_host| json!({"isOneLine": true, "isInside": true, "isRight": is_right, "isHost": is_host, "hasColour": true});
        assert_eq!(facts, json!([fact(false, true), fact(true, false), fact(false, false)]), "{size:?}");
    }
}
