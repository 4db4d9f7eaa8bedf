//! The composer: what Enter means, what is kept, what is too long, who is typing.

use super::look::look;
use crate::support::{Browser, Size, TestServer};
use serde_json::json;

also_in!([firefox, webkit]:
    enter_sends_and_shift_enter_breaks_the_line,
    a_message_over_the_limit_counts_down_and_stays_in_the_box,
    a_draft_outlives_a_reload,
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
