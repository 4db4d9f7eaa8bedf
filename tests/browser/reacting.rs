//! Reactions: signs that are counted under a message, joined and taken back by one tap, in a room that the test plays.

use super::class::become_host;
use super::look::{look, take_picture};
use super::reading::scroll_to;
use super::stage::{Actor, Stage, message, now_ms};
use crate::support::{Browser, Page, Scheme, Size, TestServer};
use serde_json::{Value, json};

also_in!([firefox, webkit]:
    one_tap_joins_a_count_and_the_next_one_takes_it_back,
    the_menus_first_row_has_the_signs_by_keyboard,
    reactions_appear_without_moving_what_is_read,
    ones_own_are_remembered_for_as_long_as_the_log_is_the_same,
    what_was_pressed_while_the_room_was_away_is_asked_for_again,
);

/// The room's signs.
const SIGNS: [&str; 6] = ["👍", "❤️", "😂", "😮", "✅", "❓"];
/// Label and state of each count.
const PILLS: &str = "[...el.log.querySelectorAll('.pill')].map((pill) =>
    [pill.getAttribute('aria-label'), pill.getAttribute('aria-pressed')])";

/// Somebody comes into a room with these messages, of which Ben's, the first, is to be reacted to.
pub fn welcome(actor: &mut Actor, messages: &[Value], epoch: &str) {
    welcome_with(actor, messages, epoch, false);
}

fn welcome_with(actor: &mut Actor, messages: &[Value], epoch: &str, reset: bool) {
    let last = messages.iter().filter_map(|message| message["id"].as_u64()).max().unwrap_or(0);
    actor.send(json!({
        "event": "welcome", "epoch": epoch, "position": last, "reset": reset, "more": false, "session": null,
        "limits": {"message_characters": 4000, "username_characters": 32}, "reactions": SIGNS,
    }));
    messages.iter().for_each(|message| actor.send(message.clone()));
    actor.room(json!({}));
    let users = ["Ana", "Ben", "Cem"].map(|username| json!({"username": username, "role": "guest"}));
    actor.send(json!({"event": "presence", "online": 3, "users": users}));
}

fn some_messages(count: u64) -> Vec<Value> {
    (1..=count)
        .map(|id| message(id, now_ms() - 600_000 + id * 1000, "Ben", "guest", &format!("Done with {id}?")))
        .collect()
}

/// Ana's page in such a room.
pub fn on_stage(browser: &Browser, count: u64) -> (Stage, Page, Actor) {
    let stage = Stage::open();
    let (page, mut actor) = stage.enter(browser);
    welcome(&mut actor, &some_messages(count), "first");
    page.expect_connection("live");
    page.fill("#name", "Ana");
    page.press("Enter");
    actor.admit(false);
    page.expect("the name", "state.me.joined");
    (stage, page, actor)
}

fn count(actor: &mut Actor, id: u64, message_id: u64, reactions: Value) {
    actor.send(json!({"event": "reactions", "id": id, "message_id": message_id, "reactions": reactions}));
}

fn expect_pills(page: &Page, pills: &[(&str, bool)]) {
    let pills: Vec<_> = pills.iter().map(|(label, is_own)| (label, is_own.to_string())).collect();
    page.expect(
        &format!("{pills:?}"),
        &format!("JSON.stringify({PILLS}) === JSON.stringify({})", json!(pills)),
    );
}

fn answer(actor: &mut Actor, is_on: bool) -> Value {
    let asked = actor.expect("react");
    assert_eq!(asked["on"], is_on, "{asked}");
    let mut reacted = asked.clone();
    reacted["event"] = json!("reacted");
    actor.send(reacted);
    asked
}

#[test]
fn one_tap_joins_a_count_and_the_next_one_takes_it_back() {
    let Some(browser) = Browser::start() else { return };
    let (_stage, page, mut actor) = on_stage(&browser, 3);
    count(&mut actor, 4, 1, json!({"❓": 1, "👍": 23, "🎉": 2}));
    // In the room's order, and what it has no more at the end.
    expect_pills(&page, &[("👍 23 people", false), ("❓ 1 person", false), ("🎉 2 people", false)]);
    assert_eq!(page.number("el.log.querySelectorAll('.pill').length"), 3.0);
    page.click(".pill[data-sign='👍']");
    expect_pills(&page, &[("👍 23 people", true), ("❓ 1 person", false), ("🎉 2 people", false)]);
    let asked = answer(&mut actor, true);
    assert_eq!((&asked["message_id"], &asked["reaction"]), (&json!(1), &json!("👍")));
    count(&mut actor, 5, 1, json!({"👍": 24}));
    expect_pills(&page, &[("👍 24 people", true)]);
    count(&mut actor, 6, 3, json!({"😂": 1}));
    look(&page, "reactions");
    page.click(".pill[data-sign='👍']");
    answer(&mut actor, false);
    count(&mut actor, 7, 1, json!({"👍": 23}));
    expect_pills(&page, &[("👍 23 people", false), ("😂 1 person", false)]);
    // A sign of before can be taken back only.
    count(&mut actor, 8, 1, json!({"🎉": 2}));
    page.click(".pill[data-sign='🎉']");
    count(&mut actor, 9, 1, json!({}));
    expect_pills(&page, &[("😂 1 person", false)]);
    page.click(".pill");
    let asked = actor.expect("react");
    assert_eq!(asked["reaction"], "😂", "nothing was asked of the other");
    actor.send(json!({
        "event": "error", "code": "not_saved", "message": "This could not be saved, and nobody saw it. Try again.",
        "reason": "message_not_saved", "message_id": 3, "reaction": "😂",
    }));
    page.expect_text("#status-text", "This could not be saved");
    expect_pills(&page, &[("😂 1 person", false)]);
    // What is deleted has none.
    actor.send(json!({"event": "message_deleted", "id": 10, "message_id": 3}));
    page.expect("none", "!el.log.querySelector('.pill').checkVisibility({ visibilityProperty: true })");
}

#[test]
fn the_menus_first_row_has_the_signs_by_keyboard() {
    let Some(browser) = Browser::start() else { return };
    let (_stage, page, mut actor) = on_stage(&browser, 2);
    page.run("el.message.focus()");
    page.press_until("Tab", true, ".message");
    page.press("Enter");
    page.expect("the menu", "el.menu.open");
    page.expect_focus(".signs :first-child");
    look(&page, "menu-with-reactions");
    page.size(Size::Desk);
    page.run("void (el.menu.close(), openMessageMenu(state.log.last))");
    page.press("ArrowRight");
    page.press("ArrowRight");
    page.expect("the third", "document.activeElement.textContent === '😂'");
    page.press("ArrowDown");
    page.expect("the next row", "document.activeElement.textContent === 'Reply …'");
    page.press("ArrowRight");
    page.expect("what stands beside it", "document.activeElement.textContent === 'Copy'");
    page.press("ArrowLeft");
    page.expect("back", "document.activeElement.textContent === 'Reply …'");
    page.press("ArrowUp");
    page.expect("the signs", "document.activeElement.textContent === '👍'");
    page.press("Enter");
    let asked = answer(&mut actor, true);
    assert_eq!((&asked["message_id"], &asked["reaction"]), (&json!(2), &json!("👍")));
    page.expect_hidden("#menu");
    page.expect_focus(".message");
    page.run("void openMessageMenu(state.log.last)");
    page.expect("the choice", "el.menuRows.querySelector('[aria-checked=true]').textContent === '👍'");
    page.press("Enter");
    answer(&mut actor, false);
    // Whoever is muted reads the counts.
    actor.send(json!({"event": "joined", "username": "Ana", "role": "guest", "muted": true}));
    count(&mut actor, 3, 2, json!({"👍": 1}));
    page.click(".pill");
    page.expect_text("#status-text", "The host has muted you.");
    page.run("void openMessageMenu(state.log.last)");
    assert_eq!(page.run("el.menuRows.textContent"), "Copy");
}

#[test]
fn reactions_appear_without_moving_what_is_read() {
    let Some(browser) = Browser::start() else { return };
    let (_stage, page, mut actor) = on_stage(&browser, 60);
    let place = "Math.round(topOf(state.log.messages.get(30).node))";
    page.expect("all of it", "el.log.querySelectorAll('.message').length === 60");
    scroll_to(&page, "state.log.messages.get(30).node.offsetTop - 100");
    let before = page.run(place);
    for (id, message_id) in [(61, 5), (62, 40)] {
        count(&mut actor, id, message_id, json!({"✅": 7}));
        page.expect("it", &format!("state.log.messages.get({message_id}).node.querySelector('.pill')"));
    }
    assert_eq!(page.run(place), before, "above and below");
    page.run("jumpToEnd()");
    let end = "el.scroller.scrollHeight - el.scroller.clientHeight - el.scroller.scrollTop < 2";
    page.expect("the end", end);
    count(&mut actor, 63, 60, json!({"✅": 1}));
    page.expect("the newest one's", "state.log.last.node.querySelector('.pill')");
    page.expect("the end", end);
    assert_eq!(page.run("el.log.querySelector('.reactions').getAttribute('aria-live')"), "off");
}

#[test]
fn ones_own_are_remembered_for_as_long_as_the_log_is_the_same() {
    let Some(browser) = Browser::start() else { return };
    let (stage, page, mut actor) = on_stage(&browser, 2);
    count(&mut actor, 3, 1, json!({"👍": 1}));
    page.click(".pill");
    answer(&mut actor, true);
    page.expect("its place", "local.get('reactions')?.includes('👍')");
    for (epoch, is_own) in [("first", true), ("second", false)] {
        page.reload();
        let mut again = stage.expect_entrance();
        let mut messages = some_messages(2);
        messages.push(json!({"event": "reactions", "id": 3, "message_id": 1, "reactions": {"👍": 2}}));
        welcome(&mut again, &messages, epoch);
        again.admit(false);
        expect_pills(&page, &[("👍 2 people", is_own)]);
    }
    page.run(
        "[...Array(600).keys()].forEach((n) => handlers.reacted({ message_id: n + 1, reaction: '👍', on: true }))",
    );
    let kept = "Object.keys(JSON.parse(local.get('reactions')).own)";
    assert_eq!(page.run(&format!("[{kept}.length, {kept}[0]]")), json!([500, "101"]), "the newest messages'");
}

/// Ana's page, which has pressed a sign, and lost the room before it answered.
fn pressed_and_cut_off(browser: &Browser) -> (Stage, Page) {
    let (stage, page, mut actor) = on_stage(browser, 2);
    count(&mut actor, 3, 1, json!({"👍": 1}));
    page.click(".pill");
    actor.expect("react");
    actor.close(1001);
    page.expect("its loss", "!isLive()");
    (stage, page)
}

#[test]
fn what_was_pressed_while_the_room_was_away_is_asked_for_again() {
    let Some(browser) = Browser::start() else { return };
    let (stage, page) = pressed_and_cut_off(&browser);
    page.run("void openMessageMenu(state.log.messages.get(2))");
    page.run("el.menuRows.querySelector('.signs').children[4].click()");
    page.run("reconnectNow()");
    let mut again = stage.expect_entrance();
    assert_eq!(again.query, "after=3&epoch=first", "a count has a place in the log");
    welcome(&mut again, &[], "first");
    again.admit(false);
    let asked = [answer(&mut again, true), answer(&mut again, true)];
    assert_eq!(asked.map(|asked| asked["reaction"].clone()), [json!("👍"), json!("✅")]);
    page.expect("both", "state.reactions.asked.size === 0");
}

/// A position is another message's there.
#[test]
fn what_was_pressed_is_not_asked_of_another_log() {
    let Some(browser) = Browser::start() else { return };
    let (stage, page) = pressed_and_cut_off(&browser);
    page.run("reconnectNow()");
    let mut again = stage.expect_entrance();
    welcome_with(&mut again, &some_messages(2), "second", true);
    again.admit(false);
    page.expect("the name", "state.me.joined");
    page.run("void openMessageMenu(state.log.messages.get(2))");
    page.run("el.menuRows.querySelector('.signs').children[4].click()");
    let asked = answer(&mut again, true);
    assert_eq!((&asked["message_id"], &asked["reaction"]), (&json!(2), &json!("✅")));
}

#[test]
fn a_count_is_newer_than_an_answer_that_was_on_its_way() {
    let Some(browser) = Browser::start() else { return };
    let stage = Stage::open();
    let (page, mut actor) = stage.enter(&browser);
    let newest: Vec<Value> = some_messages(100).split_off(50);
    welcome(&mut actor, &newest, "first");
    page.expect_connection("live");
    page.run("void askHistory('older', 51)");
    actor.expect("request_history");
    count(&mut actor, 101, 50, json!({"👍": 2}));
    count(&mut actor, 102, 49, json!({"👍": 9}));
    let mut older: Vec<Value> = some_messages(50);
    for message in &mut older {
        message["reactions"] = json!({"👍": 1});
    }
    actor.send(json!({"event": "history", "messages": older, "more": false, "position": 101}));
    page.expect("both pages", "el.log.querySelectorAll('.message').length === 100");
    let shown =
        |id| page.run(&format!("state.log.messages.get({id}).node.querySelector('.pill').textContent"));
    assert_eq!([shown(48), shown(49), shown(50)], [json!("👍 1"), json!("👍 9"), json!("👍 1")]);
}

#[test]
fn a_host_sees_who_reacted_and_who_has_not() {
    let Some(browser) = Browser::start() else { return };
    let (_stage, page, mut actor) = on_stage(&browser, 2);
    actor.send(json!({"event": "joined", "username": "Ana", "role": "host", "muted": false}));
    page.expect("a host", "isHost()");
    let users = [("Ana", "host"), ("Ben", "guest"), ("Cem", "guest"), ("Dora", "guest")]
        .map(|(username, role)| json!({"username": username, "role": role}));
    actor.send(json!({"event": "presence", "online": 4, "users": users}));
    count(&mut actor, 3, 1, json!({"✅": 1, "❓": 2}));
    page.expect_shown(".pill");
    page.run("void openMessageMenu(state.log.messages.get(1))");
    page.click(".signs [aria-label='Who reacted']");
    let asked = actor.expect("who_reacted");
    assert_eq!(asked["message_id"], 1);
    actor.send(
        json!({"event": "reactors", "message_id": 1, "reactors": {"✅": ["BEN"], "❓": ["Ben", "Eva"]}}),
    );
    let list = "[...el.people.children].map((row) => [row.querySelector('.name').textContent, row.querySelector('.mark').textContent])";
    page.expect("the list", &format!("JSON.stringify({list}).includes('✅ ❓')"));
    assert_eq!(
        page.run(list),
        json!([["Cem", "not yet"], ["Dora", "not yet"], ["Ana", ""], ["Ben", "✅ ❓"]]),
        "those first who have not, and no host is waited for"
    );
    page.expect_text("#reacted", "Done with 1?");
    look(&page, "who-reacted");
    page.size(Size::Desk);
    // What changes is asked for again, also while a class reacts without a pause.
    page.run("void (window.storm = setInterval(() => handlers.reactions({ id: 4, message_id: 1, reactions: {'✅': 2, '❓': 2} }), 50))");
    (0..3).for_each(|_| drop(actor.expect("who_reacted")));
    page.run("clearInterval(storm)");
    actor.send(json!({"event": "reactors", "message_id": 1, "reactors": {"✅": ["Ben", "Cem"]}}));
    page.expect(
        "him as well",
        &format!("JSON.stringify({list}).startsWith('[[\"Dora\",\"not yet\"],[\"Ana\"')"),
    );
    let nothing = json!([["Ana", ""], ["Ben", ""], ["Cem", ""], ["Dora", ""]]);
    page.click("#close-reacted");
    page.expect_hidden("#reacted");
    assert_eq!(page.run(list), nothing);
    // It goes by itself with the message or the log: nobody has failed to react to what is no more.
    let look_at = |actor: &mut Actor, message_id: u64| {
        page.run(&format!("void openMessageMenu(state.log.messages.get({message_id}))"));
        page.click(".signs [aria-label='Who reacted']");
        while actor.expect("who_reacted")["message_id"] != message_id {} // one from before may be under way
        page.expect_shown("#reacted");
    };
    look_at(&mut actor, 1);
    // Somebody with another name.
    let cem = json!({"from": "Cem", "username": "Cemal"});
    let joined = json!([{"username": "Cemal", "role": "guest"}]);
    actor
        .send(json!({"event": "presence", "online": 4, "joined": joined, "left": ["Cem"], "renamed": [cem]}));
    actor.expect("who_reacted");
    actor.send(json!({"event": "message_deleted", "id": 5, "message_id": 1}));
    page.expect_hidden("#reacted");
    assert!(!page.run(list).to_string().contains("not yet"));
    count(&mut actor, 6, 2, json!({"✅": 1}));
    page.expect("it", "state.log.messages.get(2).node.querySelector('.pill')");
    look_at(&mut actor, 2);
    // Nor is anybody waited for by who is no host any more.
    actor.send(json!({"event": "joined", "username": "Ana", "role": "guest", "muted": false}));
    page.expect_hidden("#reacted");
    page.expect("no marks", &format!("!JSON.stringify({list}).includes('not yet')"));
    actor.send(json!({"event": "joined", "username": "Ana", "role": "host", "muted": false}));
    page.expect_shown("#reacted");
    welcome_with(&mut actor, &[], "second", true);
    page.expect_hidden("#reacted");
    assert!(!page.run(list).to_string().contains("not yet"));
}

/// What a teacher's phone shows after 25 of 30 have answered "Done?", each in this way: how many messages, and whether the
/// question is in sight still.
fn a_class_answers(browser: &Browser, way: &str, answer: impl Fn(u64) -> Value) -> (f64, bool) {
    let server = TestServer::start();
    let host = become_host(browser, &server);
    host.join("Ms Keller");
    let mut pupils: Vec<_> = (1..=29).map(|number| server.join(&format!("Pupil {number}"))).collect();
    host.say("Done?");
    for pupil in &mut pupils[..25] {
        let id = pupil.expect_text("Done?")["id"].as_u64().expect("a position");
        pupil.send(answer(id));
    }
    let all = "el.log.querySelectorAll('.message').length === 26 || el.log.querySelector('.pill')?.textContent.includes('25')";
    host.expect("all answers", all);
    host.expect("everybody", "el.people.children.length === 30");
    for size in [Size::Desk, Size::Phone] {
        host.size(size);
        host.scheme(Scheme::Light);
        take_picture(&host, &format!("class-{way}-{size:?}").to_lowercase());
    }
    let question = "el.log.querySelector('.message .text').getBoundingClientRect().bottom > el.scroller.getBoundingClientRect().top";
    (host.number("el.log.querySelectorAll('.message').length"), host.run(question) == true)
}

#[test]
fn a_class_that_answers_by_sign_leaves_the_question_in_sight() {
    let Some(browser) = Browser::start() else { return };
    let by_sign = |id| json!({"event": "react", "message_id": id, "reaction": "✅", "on": true});
    assert_eq!(a_class_answers(&browser, "by-sign", by_sign), (1.0, true));
    let by_message = |_| json!({"event": "send_message", "message": "Done!"});
    assert_eq!(a_class_answers(&browser, "by-message", by_message), (26.0, false));
}
