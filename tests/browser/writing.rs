//! The composer: what Enter means, what is kept, what is too long, what is refused, who is typing.

use super::look::{look, look_closely};
use super::stage::{Stage, ben};
use crate::support::{Browser, Size, TestServer, clipboard};
use serde_json::{Value, json};

also_in!([firefox, webkit]:
    enter_sends_and_shift_enter_breaks_the_line,
    a_message_over_the_limit_counts_down_and_stays_in_the_box,
    a_draft_outlives_a_reload,
    a_refused_message_can_be_sent_again_copied_or_discarded,
    who_is_typing_stands_in_one_line_and_goes_when_they_have_spoken,
);
// WebKit's screen cannot be touched here; nobody but Chromium composes text for a test.
also_in!([firefox]: on_a_touch_screen_enter_breaks_the_line_and_the_button_sends);

#[test]
fn enter_sends_and_shift_enter_breaks_the_line() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.join(server.addr(), "Ana");
    page.fill("#message", "one");
    let height = page.number("el.message.offsetHeight");
    page.press_with_shift("Enter");
    page.type_text("two");
    page.expect("two lines", "el.message.value === 'one\\ntwo'");
    page.expect("a taller box", &format!("el.message.offsetHeight > {height}"));
    page.press("Enter");
    page.expect_message("You", "one\ntwo");
    page.expect(
        "an empty box of the old height",
        &format!("!el.message.value && el.message.offsetHeight === {height}"),
    );
    // No editing by surprise: the last message is no draft.
    page.press("ArrowUp");
    assert_eq!(page.run("[el.message.value, document.activeElement.id]"), json!(["", "message"]));
    // Nothing but space is nothing to say.
    page.type_text("  ");
    page.press("Enter");
    page.say("three");
    assert_eq!(page.messages().len(), 2);
}

#[test]
fn on_a_touch_screen_enter_breaks_the_line_and_the_button_sends() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.tab();
    page.size(Size::Phone);
    page.go_to(server.addr());
    page.join("Ana");
    page.fill("#message", "one");
    page.press("Enter");
    page.type_text("two");
    page.expect("two lines", "el.message.value === 'one\\ntwo'");
    page.click("#send");
    page.expect_message("You", "one\ntwo");
}

#[test]
fn enter_that_ends_a_composition_does_not_send() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.join(server.addr(), "Ana");
    page.run("el.message.focus()");
    page.call("Input.imeSetComposition", json!({"text": "にほん", "selectionStart": 3, "selectionEnd": 3}));
    page.expect("the composition", "el.message.value === 'にほん'");
    // Chromium marks keys within a composition; Safari's Enter that ends one only has this key code.
    for (name, value) in [("isComposing", "true"), ("keyCode", "229")] {
        let stopped = format!(
            "!el.message.dispatchEvent(new KeyboardEvent('keydown',
                {{ key: 'Enter', {name}: {value}, bubbles: true, cancelable: true }}))"
        );
        assert_eq!(page.run(&stopped), false, "an Enter with {name} was taken for sending");
    }
    page.type_text("日本");
    page.expect("the choice", "el.message.value === '日本'");
    page.press("Enter");
    page.expect_message("You", "日本");
    assert_eq!(page.messages().len(), 1);
}

#[test]
fn a_message_over_the_limit_counts_down_and_stays_in_the_box() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.join(server.addr(), "Ana");
    page.fill("#message", &"a".repeat(3_500));
    page.expect_hidden("#counter");
    page.type_text(&"🧊".repeat(490));
    // Characters as people count them, not JavaScript's halves.
    page.expect_text("#counter", "10");
    page.type_text(&"b".repeat(31));
    page.expect("the counter below zero", "/^[-−]21$/.test(el.counter.textContent)");
    look(&page, "over-the-limit");
    page.press("Enter");
    page.expect(
        "the text is kept",
        "el.message.value.length > 4000 && !document.querySelector('#waiting .message')",
    );
    page.fill("#message", "short");
    page.press("Enter");
    page.expect_message("You", "short");
}

#[test]
fn a_draft_outlives_a_reload() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.join(server.addr(), "Ana");
    page.fill("#message", "not yet");
    page.reload();
    page.expect_connection("live");
    page.expect("the draft", "el.message.value === 'not yet'");
    page.expect_focus("#message");
    page.press("Enter");
    page.expect_message("You", "not yet");
    page.reload();
    page.expect_message("You", "not yet");
    page.expect("no draft", "el.message.value === ''");
}

#[test]
fn a_refused_message_can_be_sent_again_copied_or_discarded() {
    let Some(browser) = Browser::start() else { return };
    let stage = Stage::open();
    let (page, mut actor) = ben(&browser, &stage);
    let refusal = |request: &Value, code: &str, text: &str| json!({"event": "error", "code": code, "message": text, "client_message_id": request["client_message_id"]});
    page.press("Enter");
    let request = actor.expect("send_message");
    actor.send(refusal(&request, "not_saved", "The room could not save this message. Try again."));
    page.expect_text("#waiting .failed .state", "Not sent: The room could not save this message.");
    page.type_text("A second one");
    page.press("Enter");
    // One that was refused does not hold up the next.
    let second = actor.expect("send_message");
    assert_eq!(second["message"], "A second one");
    actor.send(refusal(&second, "too_long", "A message has at most 4,000 characters."));
    page.expect("two refused", "document.querySelectorAll('#waiting .failed').length === 2");
    look_closely(&page, "not-sent");

    let held = clipboard();
    page.click_that_says("#waiting .failed:last-child [data-do=copy]", "Copied");
    page.run("el.message.focus()");
    page.paste();
    page.expect("the copy", "el.message.value === 'A second one'");
    drop(held);
    page.click("#waiting .failed:last-child [data-do=discard]");
    page.expect_waiting(1);
    page.click("#waiting .failed [data-do=retry]");
    let again = actor.expect("send_message");
    assert_eq!(again["client_message_id"], request["client_message_id"], "so that it cannot be stored twice");
    actor.store(&again, "Ben");
    page.expect_message("You", "Because it is lighter");
    page.expect_waiting(0);
}

#[test]
fn who_is_typing_stands_in_one_line_and_goes_when_they_have_spoken() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.join(server.addr(), "You there");
    let mut others: Vec<_> = ["Ana", "Ben", "يوسف"].iter().map(|name| server.join(name)).collect();
    page.fill("#message", "H");
    others[0].expect("the page typing", |event| {
        event["event"] == "typing" && event["usernames"][0] == "You there"
    });
    page.say("Hello?");
    for other in &mut others {
        other.send(json!({"event": "typing"}));
    }
    page.expect_text("#status-text", "and 2 others are typing");
    look(&page, "typing");
    for other in &mut others {
        other.say("done");
    }
    page.expect("nobody typing", "!el.statusText.textContent.includes('typing')");
}
