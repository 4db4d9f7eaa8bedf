//! Finding what was said, however long ago, and going to it.

use super::look::{look, look_closely};
use crate::support::{Browser, Page, Size, TestServer};
use serde_json::json;

also_in!([firefox, webkit]:
    what_was_said_long_ago_is_found_and_stands_in_its_place,
    many_findings_come_step_by_step_newest_first_and_a_deleted_one_goes,
    what_was_found_is_marked_however_it_is_written,
);

fn search(page: &Page, query: &str) {
    page.fill("#query", query);
    page.press("Enter");
    page.expect("an answer", "state.search.query && !state.search.busy");
}

fn found(page: &Page) -> serde_json::Value {
    page.run("[...el.results.querySelectorAll('button')].map((button) => button.lastChild.textContent)")
}

#[test]
fn what_was_said_long_ago_is_found_and_stands_in_its_place() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let mut ana = server.join("Ana");
    for number in 1..=300 {
        let text = match number {
            40 => {
                "Why does <b>ICE</b> float on a café’s lake? ".to_owned() + &"And so on. ".repeat(40) + "Ice!"
            }
            41 => "Because it is lighter.".to_owned(),
            _ => format!("message {number}"),
        };
        ana.say_and_wait(&text);
    }
    let page = browser.join(server.addr(), "Ben");
    page.expect_message("Ana", "message 300");
    page.click("#open-search");
    page.expect_focus("#query");
    page.press("Enter");
    page.expect_text("#search-state", "");
    search(&page, "zebra");
    page.expect_text("#search-state", "Nothing found.");
    look(&page, "nothing-found");
    search(&page, "CAFE ice");
    page.expect_text("#search-state", "1 message");
    assert_eq!(
        page.run("[...el.results.querySelectorAll('mark')].map((mark) => mark.textContent)"),
        json!(["ICE", "café"])
    );
    assert_eq!(
        page.run("el.results.querySelectorAll('mark > *, span b').length"),
        0,
        "nothing is parsed as HTML"
    );
    look_closely(&page, "found");

    page.press("ArrowDown");
    page.expect_focus("#results button");
    page.press("Enter");
    page.expect_focus(".message.found");
    page.expect(
        "its place",
        "document.activeElement.nextElementSibling.textContent.includes('Because it is lighter.')",
    );
    page.expect(
        "it in sight",
        "(({ top, bottom }) => top >= 0 && bottom <= innerHeight)(document.activeElement.getBoundingClientRect())",
    );
    assert_eq!(page.run("el.search.open || state.scroll.sticking || state.log.tail"), false);
    page.expect_text("#jump", "Newest ↓");
    look(&page, "gone-to");
    // What comes meanwhile is counted, and moves nothing.
    ana.say_and_wait("message 301");
    page.expect_text("#jump", "1 new ↓");
    page.click("#jump");
    page.expect_message("Ana", "message 301");
    page.expect("the end", "state.log.tail && state.scroll.sticking");
    page.expect_focus("#message");

    // One that the log holds already is only brought into sight.
    page.click("#open-search");
    search(&page, "message 280");
    page.click("#results button");
    page.expect("it, marked", "document.querySelector('.found').textContent.includes('message 280')");
    assert_eq!(page.run("state.log.tail"), true);
}

#[test]
fn many_findings_come_step_by_step_newest_first_and_a_deleted_one_goes() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.join(server.addr(), "Ana");
    for number in 1..=25 {
        page.say(&format!("needle {number}"));
    }
    page.size(Size::Phone);
    page.click("#open-search");
    search(&page, "needle");
    page.expect_text("#search-state", "20 messages so far");
    assert_eq!(found(&page)[0], "needle 25");
    look(&page, "many-found");
    page.click("#search-more");
    page.expect_text("#search-state", "25 messages");
    page.expect_hidden("#search-more");
    assert_eq!(found(&page)[24], "needle 1");
    let newest = page.number("state.search.found[0].id");
    page.run(&format!("send({{ event: 'delete_message', message_id: {newest} }})"));
    page.expect("one less", "el.results.querySelector('button')?.lastChild.textContent === 'needle 24'");
    page.press("Escape");
    page.expect_hidden("#search");
    page.expect_focus("#open-search");
}

#[test]
fn what_was_found_is_marked_however_it_is_written() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.join(server.addr(), "Ana");
    let cases = [
        ("Łódź, don’t forget", "LODZ don't", json!(["Łódź", "don’t"])),
        ("Die Straße — im Süden", "strasse - sud", json!(["Straße", "—", "Süd"])),
        ("STRASSE 7", "straße", json!(["STRASSE"])),
        ("Ærøskøbing", "aeroskobing", json!(["Ærøskøbing"])),
        // A vowel sign is a word to the server, and nothing to mark by.
        ("ที่นี่", "\u{E35}", json!([])),
        ("soft\u{AD}hyphen", "softhyphen", json!(["soft\u{AD}hyphen"])),
        ("Jose\u{301} was here", "jose was", json!(["Jose\u{301}", "was"])),
        ("ΟΔΥΣΣΕΥΣ ﬁne ISPARTA", "οδυσσεύς FINE ısparta", json!(["ΟΔΥΣΣΕΥΣ", "ﬁne", "ISPARTA"])),
    ];
    for (text, ..) in &cases {
        page.say(text);
    }
    page.click("#open-search");
    for (text, query, marks) in cases {
        search(&page, query);
        let button = format!(
            "[...el.results.querySelectorAll('button')].find((button) => button.lastChild.textContent === {})",
            json!(text)
        );
        page.expect(query, &button);
        let marked =
            page.run(&format!("[...{button}.querySelectorAll('mark')].map((mark) => mark.textContent)"));
        assert_eq!(marked, marks, "{query} in {text}");
    }
}
