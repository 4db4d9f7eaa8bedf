//! The log: what stays in place while it grows, what is marked as unread, how much of it is kept.

use super::class::become_host;
use super::look::look;
use crate::support::{Browser, Page, Size, TestServer};
use serde_json::json;

also_in!([firefox, webkit]:
    what_came_while_the_tab_was_hidden_begins_under_a_line,
    a_burst_of_5000_messages_keeps_the_page_answering_and_the_log_short,
    scrolling_up_brings_older_messages_without_moving_what_is_read,
    what_is_read_stays_in_sight_when_the_window_changes,
    the_log_follows_its_end_only_for_who_is_there,
    a_screen_reader_hears_what_is_new_and_is_spared_what_is_old,
    nothing_outside_the_log_can_be_scrolled_away,
);

/// The log's last 20 pixels are what "at the end" means to a reader.
pub(super) const AT_THE_END: &str =
    "el.scroller.scrollHeight - el.scroller.clientHeight - el.scroller.scrollTop < 20";

/// A room in which `count` messages were said, numbered from 1.
pub(super) fn talkative_room(count: usize) -> TestServer {
    let server = TestServer::start();
    let mut ana = server.join("Ana");
    for number in 1..=count {
        ana.say(&format!("message {number}"));
    }
    ana.expect_text(&format!("message {count}"));
    server
}

/// The numbers of the messages that the log shows.
fn numbers(page: &Page) -> Vec<usize> {
    let number =
        |(_, text): (String, String)| text.strip_prefix("message ").and_then(|number| number.parse().ok());
    page.messages().into_iter().filter_map(number).collect()
}

pub(super) fn scroll_to(page: &Page, top: &str) {
    page.run(&format!("void (el.scroller.scrollTop = {top})"));
    page.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
}

#[test]
fn scrolling_up_brings_older_messages_without_moving_what_is_read() {
    let Some(browser) = Browser::start() else { return };
    let server = talkative_room(320);
    let page = browser.join(server.addr(), "Ben");
    page.expect_message("Ana", "message 320");
    page.expect("the end", AT_THE_END);
    let mut first = numbers(&page)[0];
    assert!(first > 200, "a first load is short, and begins with {first}");
    while first > 1 {
        // A place to read, the page before it on its way: the same script sees both, so that nothing comes between.
        let moved = page.run(
            "(async () => {
                el.scroller.scrollTop = 300;
                const top = el.scroller.getBoundingClientRect().top;
                const node = [...el.log.querySelectorAll('.message')]
                    .find((message) => message.getBoundingClientRect().top > top);
                const before = node.getBoundingClientRect().top;
                const first = firstMessage().id;
                const end = Date.now() + 20000;
                while (firstMessage().id === first && Date.now() < end) await new Promise(requestAnimationFrame);
                return node.getBoundingClientRect().top - before;
            })()",
        );
        assert!(moved.as_f64().is_some_and(|pixels| pixels.abs() < 2.0), "what was read moved by {moved}");
        let now = numbers(&page)[0];
        assert!(now < first, "nothing older than {first} came");
        first = now;
    }
    assert_eq!(numbers(&page), (1..=320).collect::<Vec<_>>(), "all, once, in order");
    page.expect_text("#older", "The beginning of the conversation");
    // What arrives meanwhile moves nothing either.
    let top = page.number("el.scroller.scrollTop");
    server.join("Carla").say_and_wait("message 321");
    page.expect_text("#jump", "1 new ↓");
    assert_eq!(page.number("el.scroller.scrollTop"), top);
}

#[test]
fn what_is_read_stays_in_sight_when_the_window_changes() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let mut ana = server.join("Ana");
    for number in 1..=50 {
        ana.say_and_wait(&format!("message {number}: {}", "why does ice float? ".repeat(number % 20)));
    }
    let page = browser.join(server.addr(), "Ben");
    page.expect("all of it", "state.log.messages.has(1) && state.log.messages.has(50)");
    // As a phone is turned, which wraps every line anew.
    scroll_to(
        &page,
        "el.scroller.scrollTop + topOf(state.log.messages.get(25).node) - topOf(el.scroller) + 2",
    );
    for size in [Size::Phone, Size::Desk] {
        page.size(size);
        page.expect(
            "the same message",
            "document.elementFromPoint(innerWidth / 2, topOf(el.scroller) + 8).closest('.message')?.dataset.id === '25'",
        );
    }
}

#[test]
fn the_log_follows_its_end_only_for_who_is_there() {
    let Some(browser) = Browser::start() else { return };
    let server = talkative_room(60);
    let page = browser.join(server.addr(), "Ben");
    page.expect_message("Ana", "message 60");
    let mut carla = server.join("Carla");
    carla.say_and_wait("Can you see me?");
    page.expect_message("Carla", "Can you see me?");
    page.expect("the end", AT_THE_END);
    page.expect_hidden("#jump");

    scroll_to(&page, "0");
    page.expect_text("#older", "The beginning of the conversation");
    scroll_to(&page, "400");
    page.expect_text("#jump", "Newest ↓");
    for text in ["one", "two", "three"] {
        carla.say_and_wait(text);
    }
    page.expect_text("#jump", "3 new ↓");
    page.expect("the count in the title", "document.title === '(3) Chat'");
    assert_eq!(page.number("el.scroller.scrollTop"), 400.0);
    look(&page, "new-below");
    page.click("#jump");
    page.expect("the end", AT_THE_END);
    page.expect_hidden("#jump");
    page.expect("no count", "document.title === 'Chat'");
    page.expect_focus("#message");
}

#[test]
fn what_came_while_the_tab_was_hidden_begins_under_a_line() {
    let Some(browser) = Browser::start() else { return };
    let server = talkative_room(40);
    let page = browser.join(server.addr(), "Ben");
    page.expect_message("Ana", "message 40");
    let other = browser.tab();
    // A frame that was asked for just before does not come any more; what is drawn later must not wait for it.
    page.run("void (state.drawing.frame = 1)");
    page.pass_for_seen(false);
    other.bring_to_front();
    page.expect("to be hidden", "document.hidden");
    let mut carla = server.join("Carla");
    for number in 1..=30 {
        carla.say_and_wait(&format!("while you were away {number}"));
    }
    page.expect("the count in the title", "document.title === '(30) Chat'");
    page.expect("the count in the icon", "el.favicon.href.includes(encodeURIComponent('9+'))");
    page.bring_to_front();
    page.pass_for_seen(true);
    page.expect("the line", "unreadLine.nextElementSibling.textContent.includes('while you were away 1')");
    page.expect(
        "the line in sight",
        "unreadLine.getBoundingClientRect().top >= el.scroller.getBoundingClientRect().top
            && unreadLine.getBoundingClientRect().top < innerHeight / 2",
    );
    look(&page, "unread");
    page.click("#jump");
    page.expect("no count", "document.title === 'Chat'");
}

#[test]
fn a_burst_of_5000_messages_keeps_the_page_answering_and_the_log_short() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.join(server.addr(), "Ben");
    page.say("Ready.");
    page.run(
        "void (() => {
            window.most = window.longest = window.atOnce = 0;
            const look = () => { most = Math.max(most, el.log.childElementCount); requestAnimationFrame(look); };
            look();
            // Chromium alone tells.
            if (PerformanceObserver.supportedEntryTypes.includes('longtask')) new PerformanceObserver((list) => {
                for (const task of list.getEntries()) longest = Math.max(longest, task.duration);
            }).observe({ entryTypes: ['longtask'] });
            // Called once for all that one frame has brought.
            new MutationObserver((records) => {
                const added = records.flatMap(({ addedNodes }) => [...addedNodes]);
                atOnce = Math.max(atOnce, added.filter((node) => node.matches?.('.message')).length);
            }).observe(el.log, { childList: true });
        })()",
    );
    let writers: Vec<_> = (1..=5)
        .map(|writer| {
            let mut client = server.join(&format!("Writer {writer}"));
            std::thread::spawn(move || {
                for number in 1..=1_000 {
                    client.say(&format!("{writer}: {number}"));
                }
                client.expect_text(&format!("{writer}: 1000"));
            })
        })
        .collect();
    // In the middle of it, the page takes what is typed and sends it.
    page.fill("#message", "Slowly, please!");
    page.press("Enter");
    for writer in writers {
        writer.join().expect("the writer is heard");
    }
    page.expect("all of them", "state.log.seen === 5002");
    page.expect("the newest", "state.log.last.id === 5002 && el.log.contains(state.log.last.node)");
    page.expect("the end", AT_THE_END);
    let (most, longest) = (page.number("most"), page.number("longest"));
    println!("5,000 messages: at most {most} nodes in the log, the longest task {longest} ms");
    assert!(most <= 620.0, "{most} nodes in the log");
    // However slow the machine is, between two such pieces the page answers.
    let (at_once, piece) = (page.number("atOnce"), page.number("FRAME_MESSAGES"));
    assert!(at_once > 1.0 && at_once <= piece + 1.0, "{at_once} messages in one frame, and one's own");
    // What fell out comes back on scrolling up.
    let first = page.number("firstMessage().id");
    scroll_to(&page, "0");
    page.expect("older messages", &format!("firstMessage().id < {first}"));
}

/// How the log is announced while each message comes into it, and what stands in it only for who listens.
#[test]
fn a_screen_reader_hears_what_is_new_and_is_spared_what_is_old() {
    let Some(browser) = Browser::start() else { return };
    let server = talkative_room(120);
    let page = browser.tab();
    page.observe(
        "window.heard = [];
        new MutationObserver((records) => {
            for (const { target, addedNodes } of records) {
                const count = [...addedNodes].filter((node) => node.matches?.('.message')).length;
                if (target.id === 'log' && count > 0) heard.push(target.ariaLive);
            }
        }).observe(document, { childList: true, subtree: true });",
    );
    page.go_to(server.addr());
    page.expect_message("Ana", "message 120");
    let log = "[el.log.role, el.log.getAttribute('aria-relevant'), document.querySelectorAll('h1').length]";
    assert_eq!(page.run(log), json!(["log", "additions", 1]));
    page.expect("the end of the hush", "el.log.ariaLive === 'polite'");
    assert_eq!(page.run("[...new Set(heard.splice(0))]"), json!(["off"]), "a first load");
    let mut carla = server.join("Carla");
    carla.say_and_wait("news");
    page.expect_message("Carla", "news");
    assert_eq!(page.run("heard.splice(0)"), json!(["polite"]), "a message");
    let first = numbers(&page)[0];
    scroll_to(&page, "0");
    page.expect("older ones", &format!("firstMessage().node.textContent.includes('message {}')", first - 50));
    assert_eq!(page.run("[...new Set(heard.splice(0))]"), json!(["off"]), "older messages");

    // The clock for the eye; the whole date on hovering, and for the ear.
    let time = page.run(
        "(({ title, firstChild, lastChild }) => [title, lastChild.textContent, firstChild.textContent])(
        [...el.log.querySelectorAll('.message time')].at(-1))",
    );
    let [title, spoken, clock] = [0, 1, 2].map(|part| time[part].as_str().unwrap_or_default());
    assert!(title == spoken && title.ends_with(clock) && title.contains(" 20") && clock.len() == 5, "{time}");
}

#[test]
fn nothing_outside_the_log_can_be_scrolled_away() {
    let Some(browser) = Browser::start() else { return };
    let server = talkative_room(120);
    let page = become_host(&browser, &server);
    page.join("Ben");
    page.expect("the end of the log", AT_THE_END);
    page.expect("whole dates", "el.log.querySelector('.message time .vh').textContent");
    // What stands in a scroller for the ear alone, outside everything that is positioned.
    let hidden = page.run(
        "[...document.querySelectorAll('*')]
            .filter((node) => node.checkVisibility() && /auto|scroll/.test(getComputedStyle(node).overflowY))
            .map((node) => [node.id, node.append(make('span', { className: 'vh', textContent: 'for the ear' }))][0])",
    );
    assert!(hidden.as_array().is_some_and(|nodes| nodes.contains(&json!("scroller"))), "{hidden}");
    for size in [Size::Desk, Size::Phone] {
        page.size(size);
        // As a screen reader does with whatever it reads: dates that stand only for the ear, or anything at all.
        for parts in ["#log .vh, #log .continues .head *", "*"] {
            page.run(&format!(
                "document.querySelectorAll('{parts}').forEach((node) => node.scrollIntoView({{ block: 'center' }}))"
            ));
            let frame = "[document.documentElement, document.body, el.main, el.header, el.foot]";
            let moved = format!(
                "{frame}.filter((node) => node.scrollTop || node.scrollLeft).map((node) => node.tagName)"
            );
            assert_eq!(page.run(&moved), json!([]), "{parts} at {size:?}");
        }
        let tall =
            "[document.documentElement.scrollHeight > innerHeight, document.body.scrollHeight > innerHeight]";
        assert_eq!(page.run(tall), json!([false, false]), "{size:?}");
        page.expect("the box in sight", "el.message.getBoundingClientRect().bottom < innerHeight");
    }
}
