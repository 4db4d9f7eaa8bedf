//! What a host's word does to everybody else's page. The text that one was about to send is never lost.

use super::look::{look, look_closely};
use super::panel::become_host;
use super::stage::{Actor, Stage, message, now_ms};
use crate::support::{Browser, Page, TestServer, clipboard};
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
    a_page_that_was_cut_off_resumes_from_its_position_and_whom_it_knew_is_no_news,
    a_page_that_could_not_keep_up_says_how_much_it_skipped_and_asks_for_its_receipt_again,
    a_page_that_fell_behind_with_no_message_missed_shows_what_it_is_sent,
    a_refused_message_can_be_sent_again_copied_or_discarded,
    hosts_see_that_the_history_fills_up_and_that_it_is_full,
);
// WebKit for GTK takes the close code of a full room for a mistake, and has one language until it ends.
also_in!([firefox]:
    a_full_room_is_tried_again_by_itself,
    a_spreadsheet_comes_with_the_separator_that_the_browsers_country_expects,
);

/// A page that has joined as Ben, with somebody's question before it and a draft in the box.
fn ben(browser: &Browser, stage: &Stage) -> (Page, Actor) {
    let page = browser.tab();
    page.visit(&format!("http://{}", stage.addr()));
    let mut actor = stage.expect_entrance();
    actor.welcome(&said());
    page.expect_connection("live");
    page.fill("#name", "Ben");
    page.press("Enter");
    actor.admit(false);
    page.expect_focus("#message");
    page.type_text("Because it is lighter");
    (page, actor)
}

fn said() -> [Value; 2] {
    let at = now_ms() - 60_000;
    [
        message(1, at, "Ms Keller", "host", "Good morning! Today’s question: why does ice float?"),
        message(2, at + 20_000, "Ana", "member", "I know!"),
    ]
}

fn expect_text_kept(page: &Page) {
    page.expect("the text", "el.message.value === 'Because it is lighter'");
}

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
    let page = browser.tab();
    page.visit(&format!("http://{}", stage.addr()));
    let mut actor = stage.expect_entrance();
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
    let page = browser.tab();
    page.visit(&format!("http://{}", stage.addr()));
    let mut actor = stage.expect_entrance();
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

#[test]
fn a_full_room_is_tried_again_by_itself() {
    let Some(browser) = Browser::start() else { return };
    let stage = Stage::open();
    let page = browser.tab();
    page.visit(&format!("http://{}", stage.addr()));
    stage.expect_entrance().close(1013);
    page.expect_text("#status-text", "The room is full.");
    look(&page, "full");
    page.click("#retry-now");
    let mut actor = stage.expect_entrance();
    actor.welcome(&said());
    page.expect_message("Ana", "I know!");
    page.expect_connection("live");
}

#[test]
fn a_page_that_was_cut_off_resumes_from_its_position_and_whom_it_knew_is_no_news() {
    let Some(browser) = Browser::start() else { return };
    let stage = Stage::open();
    let (page, mut actor) = ben(&browser, &stage);
    let joined = |names: &[&str]| {
        let people: Vec<Value> =
            names.iter().map(|name| json!({"username": name, "role": "guest"})).collect();
        json!({"event": "presence", "online": 1 + names.len(), "joined": people, "left": []})
    };
    actor.send(joined(&["Ana"]));
    page.expect_text(".notice", "Ana joined");
    actor.close(4408);
    let mut actor = stage.expect_entrance();
    assert_eq!(actor.query, "after=2&epoch=stage");
    actor.welcome(&[message(3, now_ms(), "Ms Keller", "host", "Less dense!")]);
    actor.admit(false);
    page.expect_text("#status-text", "Caught up: 1 new");
    assert_eq!(page.messages().len(), 3);
    expect_text_kept(&page);
    actor.send(joined(&["Ana", "Olena"]));
    page.expect(
        "the one who is new",
        "[...document.querySelectorAll('.notice')].at(-1).textContent === 'Olena joined'",
    );
}

#[test]
fn a_page_that_could_not_keep_up_says_how_much_it_skipped_and_asks_for_its_receipt_again() {
    let Some(browser) = Browser::start() else { return };
    let stage = Stage::open();
    let (page, mut actor) = ben(&browser, &stage);
    page.press("Enter");
    let sent = actor.expect("send_message"); // its receipt is among what is skipped
    page.type_text("A second one");
    let newest: Vec<Value> =
        (501..=530).map(|id| message(id, now_ms(), "Ana", "guest", &format!("Line {id}"))).collect();
    actor.start_afresh(&newest);
    actor.admit(false);
    let again = actor.expect("send_message");
    assert_eq!(
        (&again["client_message_id"], &again["message"]),
        (&sent["client_message_id"], &sent["message"])
    );
    actor.send(json!({
        "event": "receive_message", "id": 3, "at": now_ms(), "username": "Ben", "role": "guest",
        "message": sent["message"], "client_message_id": sent["client_message_id"],
    }));
    page.expect_text("#status-text", "Your network is too slow: 528 new. Scroll up to read them all");
    page.expect_waiting(0);
    assert_eq!(
        page.messages().len(),
        30,
        "of what it showed nothing is left, and the history has the own one"
    );
    page.expect("what is being written", "el.message.value === 'A second one'");

    // It may have asked by itself already, while the log was short.
    let asked = "(el.scroller.scrollTop = 0, state.connection.asked.at(-1)?.before === 501)";
    page.expect("a question for what comes before", asked);
    let older: Vec<Value> =
        (451..=500).map(|id| message(id, now_ms(), "Ana", "guest", &format!("Line {id}"))).collect();
    actor.send(json!({"event": "history", "messages": older, "more": true}));
    page.expect("what was skipped", "document.querySelectorAll('.message').length === 80");
    look(&page, "skipped"); // not sooner: a page gives up a server that leaves its question open
    page.press("Enter");
    assert_eq!(actor.expect("send_message")["message"], "A second one", "and it goes on");
}

#[test]
fn a_page_that_fell_behind_with_no_message_missed_shows_what_it_is_sent() {
    let Some(browser) = Browser::start() else { return };
    let stage = Stage::open();
    let (page, mut actor) = ben(&browser, &stage);
    actor.start_afresh(&said());
    actor.admit(false);
    page.expect_text("#status-text", "Connected again");
    assert_eq!(page.messages().len(), 2);
    expect_text_kept(&page);
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
fn a_spreadsheet_comes_with_the_separator_that_the_browsers_country_expects() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.open(server.addr());
    for (locale, ending) in [
        ("en-GB", "/transcript.csv"),
        ("de-DE", "/transcript.csv?separator=;"),
        ("pt-BR", "/transcript.csv?separator=;"),
        ("ja-JP", "/transcript.csv"),
        ("tr-TR", "/transcript.csv?separator=;"),
    ] {
        page.speak(locale);
        page.reload();
        page.expect(locale, &format!("document.importNode(el.transcriptTemplate.content, true).firstChild.children[1].href.endsWith('{ending}')"));
    }
}

#[test]
fn hosts_see_that_the_history_fills_up_and_that_it_is_full() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::with(|config| config.history_megabytes = 1);
    let host = become_host(&browser, &server);
    host.expect_hidden("#fullness");
    let mut ana = server.join("Ana");
    let told = || host.run("el.fullness.textContent").as_str().unwrap_or_default().to_owned();
    let mut said = 0;
    while told().is_empty() {
        assert!(said < 300, "more than a megabyte, and nothing is told");
        ana.say_and_wait(&"x".repeat(4_000));
        said += 1;
    }
    assert!(told().contains("The history is 8"), "{}", told());
    // It is said for a moment only, which a page with so much to draw may miss.
    host.run(
        "void (window.heard = '', new MutationObserver(() => { heard += el.announcer.textContent; })
            .observe(el.announcer, { childList: true }))",
    );
    (said..300).for_each(|_| ana.say(&"x".repeat(4_000)));
    host.expect_text("#fullness", "100 % full");
    host.expect("it said", "heard.includes('100 % full')");
}
