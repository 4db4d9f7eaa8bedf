//! Somebody is meant: the names that an @ offers, and how a message shows whom it means.

use super::look::look;
use super::reading::scroll_to;
use super::stage::{Stage, message, now_ms};
use crate::support::{Browser, Page, Size, TestClient, TestServer};
use serde_json::{Value, json};

also_in!([firefox, webkit]:
    an_at_sign_offers_those_here_and_keys_choose_among_them,
    an_at_sign_that_means_nobody_offers_nobody,
    names_are_offered_without_their_marks_in_the_order_of_their_numbers,
    a_name_that_stands_there_whole_is_sent_at_once,
    where_too_many_are_here_to_be_named_those_are_offered_who_have_spoken,
    a_finger_takes_a_name_and_the_keyboard_stays,
    a_message_with_ones_name_is_marked_said_and_counted,
);

const OFFERED: &str =
    "el.mention.hidden ? [] : [...el.offers.children].map((row) => row.querySelector('.name').textContent)";

/// Ana's page, and who else is here.
fn room(browser: &Browser) -> (TestServer, Vec<TestClient>, Page) {
    let server = TestServer::start();
    server.join("Carla").say_and_wait("Good morning!");
    let others: Vec<_> = ["Ben", "Frau Müller", "Liu Wei", "Li Na", "يوسف"]
        .into_iter()
        .map(|name| server.join(name))
        .collect();
    let page = browser.join(server.addr(), "Ana");
    page.expect("everybody", "el.people.childElementCount === 6");
    page.run("el.message.focus()");
    (server, others, page)
}

fn expect_offered(page: &Page, names: &[&str]) {
    page.expect(
        &format!("{names:?}"),
        &format!("JSON.stringify({OFFERED}) === JSON.stringify({})", json!(names)),
    );
}

#[test]
fn an_at_sign_offers_those_here_and_keys_choose_among_them() {
    let Some(browser) = Browser::start() else { return };
    let (_server, _others, page) = room(&browser);
    page.type_text("Hello (@");
    expect_offered(&page, &["Ben", "Frau Müller", "Li Na", "Liu Wei", "يوسف"]);
    page.expect_text("#announcer", "5 people");
    let facts = page.run(
        "(([first, second]) => ({
            list: [el.offers.getAttribute('role'), el.offers.getAttribute('aria-label')],
            box: ['aria-autocomplete', 'aria-haspopup', 'aria-controls'].map((name) => el.message.getAttribute(name)),
            chosen: [first, second].map((row) => [row.getAttribute('role'), row.getAttribute('aria-selected')]),
            active: el.message.getAttribute('aria-activedescendant') === first.id,
            focus: document.activeElement === el.message,
        }))(el.offers.children)",
    );
    assert_eq!(
        facts,
        json!({
            "list": ["listbox", "People"], "box": ["list", "listbox", "offers"],
            "chosen": [["option", "true"], ["option", "false"]], "active": true, "focus": true,
        })
    );
    look(&page, "names-offered");
    // Round and round, and words in a name count, too, without case and in any form.
    let chosen = |name: &str| {
        page.expect(
            name,
            &format!("document.querySelector('#mention [aria-selected=true] .name').textContent === {}
                && document.getElementById(el.message.getAttribute('aria-activedescendant')).ariaSelected !== 'false'", json!(name)),
        );
    };
    page.press("ArrowUp");
    chosen("يوسف");
    page.press("ArrowDown");
    chosen("Ben");
    page.type_text("MU\u{308}l");
    expect_offered(&page, &["Frau Müller"]);
    page.press("Enter");
    page.expect("the name", "el.message.value === 'Hello (@Frau Müller '");
    expect_offered(&page, &[]);
    page.type_text("and @li");
    expect_offered(&page, &["Li Na", "Liu Wei"]);
    page.press("ArrowDown");
    chosen("Liu Wei");
    page.press("Tab");
    page.expect_focus("#message");
    page.type_text("and @ي");
    page.press("Enter");
    let said = "Hello (@Frau Müller and @Liu Wei and @يوسف ";
    page.expect("all three", &format!("el.message.value === {}", json!(said)));
    page.press("Enter");
    page.expect_message("You", said.trim_end());
}

/// It goes with Escape, and where the caret goes elsewhere; an address and a strange name are none.
#[test]
fn an_at_sign_that_means_nobody_offers_nobody() {
    let Some(browser) = Browser::start() else { return };
    let (_server, _others, page) = room(&browser);
    page.type_text("@");
    page.press("Escape");
    expect_offered(&page, &[]);
    assert_eq!(page.run("el.message.value"), "@");
    page.type_text("b");
    expect_offered(&page, &["Ben"]);
    page.click("#open-search");
    expect_offered(&page, &[]);
    page.press("Escape");
    for text in [
        "ana@",
        "@@",
        "@Zo",
        "@ ",
        "@Ben,",
        "@\nB",
        "https://x.example/@b",
        "https://x.example?q=@b",
        "josé@b",
        "x/@b",
    ] {
        page.fill("#message", text);
        page.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
        assert_eq!(page.run(OFFERED), json!([]), "{text}");
    }
}

#[test]
fn names_are_offered_without_their_marks_in_the_order_of_their_numbers() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let _others: Vec<_> =
        ["Zoë", "O’Neil", "Łukasz", "Team 11", "Team 3"].map(|name| server.join(name)).into();
    let page = browser.join(server.addr(), "Ana");
    page.expect("everybody", "el.people.childElementCount === 6");
    page.run("el.message.focus()");
    for (typed, names) in [
        ("@zoe", &["Zoë"][..]),
        ("@neil", &["O’Neil"]),
        ("@o'n", &["O’Neil"]),
        ("@lu", &["Łukasz"]),
        ("＠team", &["Team 3", "Team 11"]),
    ] {
        page.fill("#message", typed);
        expect_offered(&page, names);
    }
    page.press("Enter");
    page.expect("the name", "el.message.value === '＠Team 3 '");
    // An address is sent as it stands.
    page.fill("#message", "https://x.example/@lu");
    page.press("Enter");
    page.expect_message("You", "https://x.example/@lu");
}

#[test]
fn a_name_that_stands_there_whole_is_sent_at_once() {
    let Some(browser) = Browser::start() else { return };
    let (_server, _others, page) = room(&browser);
    page.type_text("@ben");
    expect_offered(&page, &["Ben"]);
    page.press("Enter");
    page.expect_message("You", "@ben");
    // Nor is a key taken that an input method has for itself.
    page.type_text("@");
    expect_offered(&page, &["Ben", "Frau Müller", "Li Na", "Liu Wei", "يوسف"]);
    for (key, mark) in [("Enter", "isComposing: true"), ("ArrowDown", "keyCode: 229")] {
        let taken = format!(
            "!el.message.dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}', {mark}, bubbles: true, cancelable: true }}))"
        );
        assert_eq!(page.run(&taken), false, "{key}");
    }
    assert_eq!(page.run("[el.message.value, state.mention.at]"), json!(["@", 0]));
}

#[test]
fn where_too_many_are_here_to_be_named_those_are_offered_who_have_spoken() {
    let Some(browser) = Browser::start() else { return };
    let (_server, _others, page) = room(&browser);
    page.run("void handlers.presence({ online: 201 })");
    page.type_text("@");
    expect_offered(&page, &["Carla"]);
}

#[test]
fn a_finger_takes_a_name_and_the_keyboard_stays() {
    let Some(browser) = Browser::start() else { return };
    let (_server, _others, page) = room(&browser);
    page.size(Size::Phone);
    page.run("el.message.focus()");
    page.type_text("@");
    expect_offered(&page, &["Ben", "Frau Müller", "Li Na", "Liu Wei", "يوسف"]);
    page.click("#mention li:nth-child(2)");
    page.expect("the name", "el.message.value === '@Frau Müller '");
    page.expect_focus("#message");
    // In a landscape with a keyboard the list keeps within what is left.
    page.run("void document.documentElement.style.setProperty('--below', '620px')");
    page.type_text("what do you think, @");
    page.expect(
        "the list in sight",
        "!el.mention.hidden && topOf(el.mention) >= 0 && el.mention.clientHeight > 44",
    );
    // In Firefox a scroller has no round corners: what is in them scrolls.
    let facts = page.run(
        "[el.offers.scrollHeight > el.offers.clientHeight, ...[el.mention, el.offers].map((node) => getComputedStyle(node).overflowY),
            el.offers.getBoundingClientRect().bottom <= el.mention.getBoundingClientRect().bottom]",
    );
    assert_eq!(facts, json!([true, "hidden", "auto", true]));
    page.run("void document.documentElement.style.setProperty('--below', '0px')");
    page.click("#mention li:last-child");
    page.expect("the other", "el.message.value === '@Frau Müller what do you think, @يوسف '");
    page.run("document.execCommand('undo')");
    page.expect("it undone", "!el.message.value.includes('يوسف')");
}

#[test]
fn a_message_with_ones_name_is_marked_said_and_counted() {
    let Some(browser) = Browser::start() else { return };
    let stage = Stage::open();
    let (page, mut actor) = stage.enter(&browser);
    let cases = [
        ("@Ben what do you think?", true),
        ("And you, @BEN?", true),
        ("(@ben) ＠Ben!", true),
        ("@Ben Stiller is somebody else", false),
        ("@Ben Stillers, or @Ben", true),
        ("@Benjamin, too", false),
        ("Ben without it", false),
        ("write to x@ben or ben@ben.example", false),
        ("@", false),
        ("https://medium.example/@ben/x and x/@ben", false),
        ("josé@ben, @ben.example, @ben_x, @ben-y", false),
        ("`@ben` and\n```\n@ben\n```", false),
        ("Well, @ben. https://x.example/@Zoe @Ben", true),
        ("@Ben Lee, who has left, is somebody else", false),
    ];
    let mut said: Vec<Value> =
        (1..).zip(cases).map(|(id, (text, _))| message(id, now_ms(), "Ana", "guest", text)).collect();
    said.extend((15..60).map(|id| message(id, now_ms(), "Ana", "guest", &format!("message {id}"))));
    said[20]["username"] = json!("Ben Lee");
    actor.welcome(&said);
    page.expect_connection("live");
    let people =
        ["Ana", "Ben", "Ben Stiller", "Ms Keller"].map(|name| json!({"username": name, "role": "guest"}));
    actor.send(json!({"event": "presence", "online": 4, "users": people}));
    page.expect_text("#people", "Ben Stiller");
    assert_eq!(page.run("el.log.querySelectorAll('.meant').length"), 0, "nobody is anybody yet");
    page.fill("#name", "Ben");
    page.press("Enter");
    actor.admit(false);
    let expected: Vec<bool> = cases.iter().map(|(_, is_meant)| *is_meant).collect();
    page.expect(
        "the marks",
        &format!(
            "JSON.stringify([...el.log.querySelectorAll('.message')].slice(0, 14).map((node) => node.classList.contains('meant')))
                === '{}'",
            json!(expected)
        ),
    );
    let marks = page.run(
        "[...el.log.querySelectorAll('.message')].slice(0, 4).map((node) =>
            [node.querySelector('.for-me').checkVisibility(), node.querySelector('.said').innerText.includes('For you')])",
    );
    assert_eq!(marks, json!([[true, true], [true, true], [true, true], [false, false]]), "in words");
    scroll_to(&page, "0");
    look(&page, "meant");
    // While somebody reads elsewhere, they are counted beside the others.
    page.expect_shown("#jump");
    for (id, text) in [(60, "Nothing for Ben"), (61, "@Ben!"), (62, "@ben?")] {
        actor.send(message(id, now_ms(), "Ana", "guest", text));
    }
    page.expect_text("#jump", "3 new, 2 for you ↓");
    // What is deleted is not new any more.
    for (id, text) in [(63, "@Ben, by mistake"), (64, "and this")] {
        actor.send(message(id, now_ms(), "Ana", "guest", text));
    }
    page.expect_text("#jump", "5 new, 3 for you ↓");
    for id in [63, 64] {
        actor.send(json!({"event": "message_deleted", "id": id + 2, "message_id": id}));
    }
    page.expect_text("#jump", "3 new, 2 for you ↓");
    page.expect("the title", "document.title === '(@2 / 3) Room 12'");
    page.expect("the icon", "decodeURIComponent(el.favicon.href).includes('@')");
    page.click("#jump");
    page.expect("no count", "document.title === 'Room 12'");
    // In the compact form the mark takes no height.
    page.run("void document.body.classList.add('compact')");
    let heights = "[...el.log.querySelectorAll('.message')].slice(0, 9).map((node) => node.offsetHeight)";
    assert_eq!(page.number(&format!("new Set({heights}).size")), 1.0, "{}", page.run(heights));
    page.run("void document.body.classList.remove('compact')");
    // One's own are none, and what is deleted means nobody any more.
    page.write("I mean @Ben");
    let request = actor.expect("send_message");
    let mut own = message(67, now_ms(), "Ben", "guest", "I mean @Ben");
    own["client_message_id"] = request["client_message_id"].clone();
    actor.send(own);
    page.expect_message("You", "I mean @Ben");
    actor.send(json!({"event": "message_deleted", "id": 70, "message_id": 61}));
    page.expect("the mark gone", "!el.log.querySelector('.deleted .for-me').checkVisibility()");
    assert_eq!(page.run("el.log.lastElementChild.classList.contains('meant')"), false);
}
