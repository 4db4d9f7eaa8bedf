//! Raised hands: one button to raise and lower one's own, a question for hosts, and the hosts' list.

use super::class::become_host;
use super::look::{look, look_into_drawer};
use super::reacting::{on_stage, welcome};
use crate::support::{Browser, Size, TestServer};
use serde_json::json;

also_in!([firefox, webkit]:
    a_hand_goes_up_and_down_by_one_button_and_takes_a_question_along,
    a_host_sees_hands_in_their_order_and_lowers_them,
);

/// Each person in the list, and what stands beside the name.
const MARKS: &str = "Object.fromEntries([...el.people.children].map((row) => [row.dataset.who, row.querySelector('.mark').textContent]))";
/// The host's list of hands.
const HANDS: &str = "[...el.hands.children].map((row) => row.firstChild.innerText.trim())";

#[test]
fn a_hand_goes_up_and_down_by_one_button_and_takes_a_question_along() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let mut host = crate::hosts::host(&server, "Ms Keller");
    let page = browser.join(server.addr(), "Ana");
    let state = "[el.hand.getAttribute('aria-pressed'), el.hand.getAttribute('aria-label'), el.ask.checkVisibility()]";
    assert_eq!(page.run(state), json!(["false", "Raise your hand", false]));
    page.run("el.hand.focus()");
    page.press("Enter");
    page.expect("a hand", "el.hand.getAttribute('aria-pressed') === 'true' && el.ask.checkVisibility()");
    host.expect("her hand", |event| event["event"] == "hands" && event["hands"] == json!(["Ana"]));
    page.expect("it in the list", &format!("{MARKS}.Ana === '✋'"));
    page.fill("#question", "Why is the sky blue?");
    look(&page, "hand-with-a-question");
    page.press("Enter");
    host.expect("her question", |event| event["questions"][0]["question"] == "Why is the sky blue?");
    page.expect_focus("#message");
    page.expect("nothing new to ask", "el.askButton.getAttribute('aria-disabled') === 'true'");
    // While only hosts write, it goes on.
    crate::hosts::moderate(&mut host, "lock");
    page.expect("the lock", "el.message.readOnly");
    look(&page, "hand-in-a-locked-room");
    page.size(Size::Desk);
    page.click("#hand");
    page.expect("no hand", "el.hand.getAttribute('aria-pressed') === 'false' && !el.ask.checkVisibility()");
    page.expect("none in the list", &format!("{MARKS}.Ana === ''"));
    page.click("#hand");
    page.expect("a hand again, without a question", "el.ask.checkVisibility() && el.question.value === ''");
    // A reload is no leaving.
    page.reload();
    page.expect("it", "state.me.joined && el.hand.getAttribute('aria-pressed') === 'true'");
    // A host lowers it, and what somebody muted has to say is a hand.
    host.send(json!({"event": "lower_hand", "all": true}));
    page.expect("no hand", "el.hand.getAttribute('aria-pressed') === 'false'");
    crate::hosts::moderate_with(&mut host, "mute", json!({"username": "Ana"}));
    page.expect("the mute", "state.me.muted");
    page.click("#hand");
    page.expect("a hand", "el.hand.getAttribute('aria-pressed') === 'true' && !el.ask.checkVisibility()");
}

#[test]
fn a_host_sees_hands_in_their_order_and_lowers_them() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let host = become_host(&browser, &server);
    host.join("Ms Keller");
    host.expect_hidden("#hand");
    let mut guests: Vec<_> = ["Cem", "Ana", "يوسف"].map(|name| server.join(name)).into();
    for (guest, question) in
        guests.iter_mut().zip(["", "Why is https://example.org/a/b blue?", "ما هي عاصمة فرنسا؟"])
    {
        guest.send(json!({"event": "raise_hand", "question": question}));
        guest.expect_pong();
    }
    host.expect("the questions", "el.hands.innerText.includes('فرنسا')");
    assert_eq!(
        host.run(&format!("{HANDS}.map((text) => text.replace(/[\\u2066-\\u2069]/g, ''))")),
        json!(["1. Cem", "2. Ana\nWhy is https://example.org/a/b blue?", "3. يوسف\nما هي عاصمة فرنسا؟"])
    );
    host.expect("numbers", &format!("{MARKS}.Ana === '✋ 2'"));
    assert_eq!(host.run("[el.asking.textContent, el.askingWord.textContent]"), json!(["3", "3 hands up"]));
    host.expect_text("#announcer", "has a hand up");
    look(&host, "hands");
    host.size(Size::Phone);
    host.run("void setDrawer(true)");
    look_into_drawer(&host, "hands-in-the-drawer");
    host.size(Size::Desk);
    host.run("el.hands.querySelectorAll('button')[1].focus()");
    assert_eq!(host.run("document.activeElement.getAttribute('aria-label')"), "Lower: Ana");
    host.press("Enter");
    host.expect("two", "el.hands.children.length === 2");
    host.expect("the next one", "document.activeElement.getAttribute('aria-label') === 'Lower: يوسف'");
    host.click("#lower-all");
    host.expect("none", "el.hands.children.length === 0 && el.asking.hidden");
    host.expect_hidden("#lower-all");
    host.expect_hidden("#hands");
}

/// Whether the room has heard it nobody knows, and asking twice asks once.
#[test]
fn a_question_that_was_cut_off_is_asked_again() {
    let Some(browser) = Browser::start() else { return };
    let (stage, page, mut actor) = on_stage(&browser, 1);
    let hands = |names: &[&str]| json!({"event": "hands", "hands": names, "more": false});
    page.click("#hand");
    actor.expect("raise_hand");
    actor.send(hands(&["Ana"]));
    page.fill("#question", "Why is the sky blue?");
    page.press("Enter");
    actor.expect("raise_hand");
    actor.close(1001);
    for (up, is_asked) in [(&["Ana"] as &[_], true), (&[], false)] {
        page.expect("its loss", "!isLive()");
        page.run("reconnectNow()");
        let mut again = stage.expect_entrance();
        welcome(&mut again, &[], "first");
        again.send(hands(up));
        again.admit(false);
        page.expect("the name", "state.me.joined");
        match is_asked {
            true => assert_eq!(again.expect("raise_hand")["question"], "Why is the sky blue?"),
            false => {
                page.run("[el.query.value = 'it', search()]");
                again.expect_none_until("raise_hand", "search");
            }
        }
        again.close(1001);
    }
}

#[test]
fn thirty_people_and_their_hands_leave_all_of_the_panel_in_sight() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let host = become_host(&browser, &server);
    host.join("Ms Keller");
    let mut guests: Vec<_> = (1..=29).map(|number| server.join(&format!("Pupil {number}"))).collect();
    for guest in &mut guests {
        guest.send(json!({"event": "raise_hand", "question": "May I read what I have written about it?"}));
    }
    host.expect("all of them", "el.hands.children.length === 29");
    host.size(Size::Desk);
    host.expect("the panel, whole", "el.panel.scrollHeight <= el.panel.clientHeight");
}
