//! Who is here, and what a browser remembers of its user's wishes.

use super::look::look;
use super::stage::{Stage, message, now_ms};
use crate::support::{Browser, Engine, Scheme, Size, TestServer};
use serde_json::json;

also_in!([firefox, webkit]:
    comings_and_goings_are_one_line_and_one_list,
    a_new_name_is_said_as_one_and_names_can_be_told_to_stay,
    on_a_narrow_window_people_are_a_drawer_that_holds_the_focus,
    a_chosen_theme_outlives_the_tab,
    nothing_moves_for_those_who_asked_for_that,
    sound_and_notifications_are_off_until_asked_for_and_explained_where_there_are_none,
);

#[test]
fn comings_and_goings_are_one_line_and_one_list() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.join(server.addr(), "Ms Keller");
    page.say("Come in!");
    let names = ["Ana", "Ben", "Liu Wei", "Sofia", "يوسف"];
    // A row that is taken out and put back loses the click that has begun on it.
    page.run(
        "void (window.out = 0, new MutationObserver((records) => {
            for (const { removedNodes } of records) out += removedNodes.length;
        }).observe(el.people, { childList: true }))",
    );
    let others: Vec<_> = names.iter().map(|name| server.join(name)).collect();
    page.expect_text("#people-title", "6 here");
    page.expect("everybody", "el.people.childElementCount === 6");
    assert_eq!(page.run("out"), 0);
    page.expect_text(".notice", "and 3 others joined");
    assert_eq!(page.number("document.querySelectorAll('.notice').length"), 1.0);
    assert_eq!(page.number("el.people.children.length"), 6.0);
    look(&page, "joined");
    // Who came and went with no message between is no news at all.
    for other in others {
        other.leave();
    }
    page.expect_text("#people-title", "1 here");
    page.expect_hidden(".notice");
}

#[test]
fn a_new_name_is_said_as_one_and_names_can_be_told_to_stay() {
    let Some(browser) = Browser::start() else { return };
    let stage = Stage::open();
    let (page, mut actor) = stage.enter(&browser);
    actor.welcome(&[message(1, now_ms(), "Ms Keller", "host", "Come in!")]);
    page.expect_connection("live");
    page.fill("#name", "Ms Keller");
    page.press("Enter");
    let join = actor.expect("join");
    actor.send(json!({"event": "joined", "username": join["username"], "role": "host", "muted": false}));
    page.expect("a host", "isHost() && state.me.joined");
    let mut change = |joined: &str, left: &str| {
        let renamed = json!([{"from": left, "username": joined}]);
        let (joined, left): (Vec<_>, Vec<_>) = (
            [joined]
                .into_iter()
                .filter(|name| !name.is_empty())
                .map(|name| json!({"username": name, "role": "guest"}))
                .collect(),
            [left].into_iter().filter(|name| !name.is_empty()).collect(),
        );
        let renamed = if joined.len() + left.len() == 2 { renamed } else { json!([]) };
        actor.send(
            json!({"event": "presence", "online": 3, "joined": joined, "left": left, "renamed": renamed}),
        );
    };
    change("Lena 2", "");
    page.expect_text(".notice", "Lena 2 joined");
    change("Mia", "Lena 2"); // came under the new name, as far as anybody has to know
    page.expect("one who came", "document.querySelector('.notice').textContent === 'Mia joined'");
    change("Tom", "");
    page.expect_text(".notice", "Mia and Tom joined");
    actor.send(message(2, now_ms(), "Tom", "guest", "Hi"));
    page.expect_message("Tom", "Hi");
    let mut change = |joined: &str, left: &str| {
        actor.send(json!({
            "event": "presence", "online": 3, "joined": [{"username": joined, "role": "guest"}], "left": [left],
            "renamed": [{"from": left, "username": joined}],
        }));
    };
    change("Thomas", "Tom");
    change("Tommy", "Thomas");
    let last = "[...document.querySelectorAll('.notice')].at(-1).textContent";
    page.expect("one change", &format!("{last} === 'Tom is now Tommy'"));
    assert_eq!(
        page.run("[...el.people.querySelectorAll('.name')].map((name) => name.textContent).sort()"),
        json!(["Mia", "Ms Keller", "Tommy"])
    );
    look(&page, "renamed");
    // The switch is there where the room has one.
    page.expect("no switch", "el.namesRow.hidden");
    actor.room(json!({"names_fixed": false}));
    page.expect_shown("#names");
    page.click("#names");
    assert_eq!(actor.expect("moderate")["action"], "fix_names");
    actor.room(json!({"names_fixed": true}));
    page.expect("the switch", "el.names.checked");
    page.click("#names");
    assert_eq!(actor.expect("moderate")["action"], "free_names");
}

#[test]
fn on_a_narrow_window_people_are_a_drawer_that_holds_the_focus() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.tab();
    page.size(Size::Phone);
    page.go_to(server.addr());
    page.join("Ana");
    page.expect_hidden("#panel");
    page.click("#toggle-panel");
    page.expect_focus("#close-panel");
    assert_eq!(page.run("document.querySelector('main').inert"), true, "nothing behind it can be reached");
    page.click("#open-invite");
    page.expect_shown("#invite");
    page.press("Escape");
    page.expect_focus("#toggle-panel");
    page.click("#toggle-panel");
    page.expect_shown("#panel");
    // A window that became narrow a moment ago tells so late; the drawer that was opened since stays open.
    page.run("void wide.dispatchEvent(new Event('change'))");
    page.expect_focus("#close-panel");
    // What is not the drawer closes it.
    page.run("el.scrim.click()");
    page.expect_hidden("#panel");
    page.expect_focus("#toggle-panel");
    assert_eq!(
        page.number("document.documentElement.scrollWidth"),
        390.0,
        "nothing is wider than the window"
    );
}

#[test]
fn a_chosen_theme_outlives_the_tab() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.join(server.addr(), "Ana");
    let background = "getComputedStyle(document.body).backgroundColor";
    let light = page.run(background);
    page.click("summary");
    page.click("#theme label:nth-of-type(3)");
    page.expect("the dark page", &format!("{background} !== '{}'", light.as_str().expect("a colour")));
    drop(page);
    let again = browser.open(server.addr());
    assert_eq!(again.run("document.documentElement.dataset.theme"), "dark");
    assert_ne!(again.run(background), light);
    // "Auto" follows the system again.
    again.click("summary");
    again.click("#theme label:nth-of-type(1)");
    again.expect("the light page", &format!("{background} === '{}'", light.as_str().expect("a colour")));
    again.scheme(Scheme::Dark);
    again.expect("the dark page", &format!("{background} !== '{}'", light.as_str().expect("a colour")));
}

#[test]
fn nothing_moves_for_those_who_asked_for_that() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.join(server.addr(), "Ana");
    let moving = "[...document.querySelectorAll('*')].filter((node) => {
        const style = getComputedStyle(node);
        return style.animationName !== 'none' || parseFloat(style.transitionDuration) > 0;
    }).length";
    page.click("#open-invite");
    page.expect_shown("#invite");
    // WebKit looks when a page begins.
    let change = |allowed: bool| {
        page.allow_motion(allowed);
        if page.engine == Engine::WebKit {
            page.reload();
        }
    };
    change(true);
    page.expect("something to switch off", &format!("{moving} > 0"));
    change(false);
    page.expect("nothing that moves", &format!("{moving} === 0"));
}

#[test]
fn sound_and_notifications_are_off_until_asked_for_and_explained_where_there_are_none() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.join(server.addr(), "Ana");
    page.click("summary");
    page.expect_shown("#notify-row");
    page.expect_hidden("#notify-hint");
    assert_eq!(
        page.run("[el.sound.checked, el.notify.checked, Notification.permission]"),
        json!([false, false, "default"])
    );
    page.click("#sound");
    page.expect("a sound", "state.settings.audio && local.get('sound') === 'on'");
    page.reload();
    page.expect("the wish", "el.sound.checked");
    // Nothing sounds, or waits to, until somebody does something with the page again.
    page.run("void alertUser({ username: 'Ben', message: 'Hi' })");
    assert_eq!(page.run("[state.settings.audio, state.settings.chimedAt]"), json!([null, 0]));
    page.click("#title");
    page.expect("a woken sound", "state.settings.audio");
    // The others are not sure of a loudspeaker.
    if page.engine == Engine::Chromium {
        page.expect("a running one", "state.settings.audio.state === 'running'");
        page.run("void alertUser({ username: 'Ben', message: 'Hi' })");
        assert_eq!(page.run("state.settings.chimedAt > 0"), true);
    }
    // Without https a browser has none.
    let on_lan = browser.tab();
    on_lan.visit(&format!("http://room.lan:{}", server.addr().port()));
    on_lan.click("summary");
    on_lan.expect_text("#notify-hint", "Desktop notifications need https");
    on_lan.expect_shown("#notify-hint");
    on_lan.expect_hidden("#notify-row");
    assert_eq!(on_lan.run("el.sound.checked"), false);
}
