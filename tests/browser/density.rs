//! How much of a lesson is in sight: lines of a message, the compact form, a host's panel.

use super::class::become_host;
use super::look::{look, look_at, take_picture};
use super::reading::AT_THE_END;
use super::stage::{Actor, Stage, message, now_ms};
use crate::support::{Browser, Page, Scheme, Size, TestServer};
use serde_json::{Value, json};

also_in!([firefox, webkit]:
    a_line_of_a_new_author_takes_at_most_56_pixels_and_a_compact_one_30,
    at_200_percent_there_is_more_than_two_messages_to_read,
    with_30_people_all_of_a_hosts_panel_is_in_view,
);

/// Ben's page in a room in which two take turns, a minute each.
fn conversation(browser: &Browser) -> (Page, Actor) {
    let stage = Stage::open();
    let (page, mut actor) = stage.enter(browser);
    let start = now_ms() / 60_000 * 60_000 - 60 * 60_000;
    let said: Vec<Value> = (1..=60)
        .map(|id| {
            let (name, role) = [("Ana", "guest"), ("Ms Keller", "host"), ("Ben", "guest")][id as usize % 3];
            message(id, start + id / 2 * 60_000, name, role, &format!("Lighter? {id}"))
        })
        .collect();
    actor.welcome(&said);
    page.expect_connection("live");
    page.fill("#name", "Ben");
    page.press("Enter");
    actor.admit(false);
    page.expect_focus("#message");
    page.expect("the end", AT_THE_END);
    (page, actor)
}

/// From a bubble to the next author's, the most of all.
const TALLEST: &str = "Math.max(...[...el.log.querySelectorAll('.message + .message')].map((node) =>
    topOf(node.querySelector('.bubble')) - topOf(node.previousElementSibling.querySelector('.bubble'))))";

#[test]
fn a_line_of_a_new_author_takes_at_most_56_pixels_and_a_compact_one_30() {
    let Some(browser) = Browser::start() else { return };
    let (page, _actor) = conversation(&browser);
    for size in [Size::Desk, Size::Phone] {
        page.size(size);
        let tallest = page.number(TALLEST);
        assert!((45.0..=56.0).contains(&tallest), "{tallest} px, {size:?}");
    }
    look(&page, "dense");
    // A host is seen from the back of the room, in both themes.
    let ground = |selector: &str| {
        page.run(&format!("getComputedStyle(el.log.querySelector('{selector} .bubble')).backgroundColor"))
    };
    assert_ne!(ground(".by-host"), ground(".message:not(.by-host, .own)"));
    let shown = page.run(
        "[...el.log.querySelectorAll('.message + .message')].every((node) =>
            (node.dataset.minute === node.previousElementSibling.dataset.minute) === (node.querySelector('time').offsetWidth < 10))",
    );
    assert_eq!(shown, true, "a time stands where the minute is another than above");

    page.click("#settings summary");
    page.click("#compact");
    page.expect("rows", "document.body.classList.contains('compact')");
    page.expect("the end, still", AT_THE_END);
    page.click("#settings summary");
    for size in [Size::Desk, Size::Phone] {
        page.size(size);
        let tallest = page
            .number("Math.max(...[...el.log.querySelectorAll('.message')].map((node) => node.offsetHeight))");
        assert!((24.0..=30.5).contains(&tallest), "{tallest} px, {size:?}");
    }
    let parts = page.run(
        "[...el.log.querySelectorAll('.message')].every((node) => ['.name', '.text', 'time span']
            .every((part) => node.querySelector(part).offsetWidth > 5) && node.querySelector('.disc').offsetWidth === 0)",
    );
    assert_eq!(parts, true, "name, text and time in each");
    look(&page, "compact");
    page.reload();
    page.expect("the wish", "document.body.classList.contains('compact') && el.compact.checked");
}

#[test]
fn at_200_percent_there_is_more_than_two_messages_to_read() {
    let Some(browser) = Browser::start() else { return };
    let (page, _actor) = conversation(&browser);
    page.size(Size::Zoomed);
    page.expect("the end", AT_THE_END);
    let whole = page.number(
        "[...el.log.querySelectorAll('.message')].filter((node) => {
            const [{ top, bottom }, frame] = [node.getBoundingClientRect(), el.scroller.getBoundingClientRect()];
            return top >= frame.top && bottom <= frame.bottom;
        }).length",
    );
    assert!(whole > 2.0, "{whole}");
    look_at(&page, "dense-zoomed", Size::Zoomed, Scheme::Light);
}

#[test]
fn with_30_people_all_of_a_hosts_panel_is_in_view() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let host = become_host(&browser, &server);
    host.join("Ms Keller");
    let class: Vec<_> = (1..=30).map(|number| server.join(&format!("Pupil {number}"))).collect();
    host.expect("the class", "el.people.childElementCount === 31");
    let out =
        "[el.lock, el.door, el.slow, el.people.firstElementChild, el.openTranscript, el.clear, el.openMore,
        document.querySelector('#settings summary')].filter((node) => {
            const { top, bottom, height } = node.getBoundingClientRect();
            return height < 20 || top < 0 || bottom > innerHeight;
        }).map((node) => node.id)";
    assert_eq!(host.run(out), json!([]));
    assert!(host.number("el.everybody.clientHeight") > 250.0, "and the people have the rest");
    assert_eq!(host.run("el.panel.scrollHeight > el.panel.clientHeight"), false);
    look_at(&host, "class-of-30", Size::Desk, Scheme::Light);
    host.size(Size::Phone);
    host.click("#toggle-panel");
    host.expect_focus("#close-panel");
    assert_eq!(host.run(out), json!([]), "nor in a phone's drawer");
    take_picture(&host, "class-of-30-phone");
    drop(class);
}
