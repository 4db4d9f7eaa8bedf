//! The log: what it looks like, what stays in place while it grows, what is marked as unread.

use super::look::{look, look_at};
use super::stage::{Stage, message, now_ms};
use crate::support::{Browser, Page, Scheme, Size, TestServer};
use serde_json::{Value, json};

/// The log's last 20 pixels are what "at the end" means to a reader.
const AT_THE_END: &str = "el.scroller.scrollHeight - el.scroller.clientHeight - el.scroller.scrollTop < 20";

/// A room in which `count` messages were said, numbered from 1.
fn talkative_room(count: usize) -> TestServer {
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

fn scroll_to(page: &Page, top: &str) {
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
    page.act_as_if_looked_at(false);
    other.bring_to_front();
    page.expect("to be hidden", "document.hidden");
    let mut carla = server.join("Carla");
    for number in 1..=30 {
        carla.say_and_wait(&format!("while you were away {number}"));
    }
    page.expect("the count in the title", "document.title === '(30) Chat'");
    page.expect("the count in the icon", "el.favicon.href.includes(encodeURIComponent('9+'))");
    page.bring_to_front();
    page.act_as_if_looked_at(true);
    page.expect("the line", "unreadLine.nextElementSibling.textContent.includes('while you were away 1')");
    page.expect(
        "the line in sight",
        "unreadLine.getBoundingClientRect().top >= el.scroller.getBoundingClientRect().top
            && unreadLine.getBoundingClientRect().top < innerHeight / 2",
    );
    look_at(&page, "unread", Size::Desk, Scheme::Light);
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
            window.most = window.longest = 0;
            const look = () => { most = Math.max(most, el.log.childElementCount); requestAnimationFrame(look); };
            look();
            new PerformanceObserver((list) => {
                for (const task of list.getEntries()) longest = Math.max(longest, task.duration);
            }).observe({ entryTypes: ['longtask'] });
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
    page.expect("all of them", "state.seen === 5002");
    page.expect("the newest", "state.last.id === 5002 && el.log.contains(state.last.node)");
    page.expect("the end", AT_THE_END);
    let (most, longest) = (page.number("most"), page.number("longest"));
    println!("5,000 messages: at most {most} nodes in the log, the longest task {longest} ms");
    assert!(most <= 620.0, "{most} nodes in the log");
    assert!(longest < 1_000.0, "the page did not answer for {longest} ms");
    // What fell out comes back on scrolling up.
    let first = page.number("firstMessage().id");
    scroll_to(&page, "0");
    page.expect("older messages", &format!("firstMessage().id < {first}"));
}

/// A class in the middle of its lesson, Ben's eyes: everything that a log can hold.
fn lesson() -> Vec<Value> {
    let today = now_ms();
    let at = |minutes: u64, seconds: u64| today - minutes * 60_000 + seconds * 1_000;
    let yesterday = today - 24 * 3_600_000;
    let said = [
        (yesterday, "Ms Keller", "host", "For tomorrow: freeze a full bottle of water. Outside, please."),
        (yesterday + 90_000, "Sofia", "guest", "Done. Mum is not amused 🙈"),
        (at(9, 0), "Ms Keller", "host", "Good morning! Today’s question: why does ice float?"),
        (
            at(9, 0),
            "Ms Keller",
            "host",
            "Write what you think first, then we compare. Materials: https://example.org/ice.",
        ),
        (at(8, 0), "Ana", "member", "Because it is lighter?"),
        (at(8, 0), "Ana", "member", "I mean less dense 😅"),
        (at(7, 0), "يوسف", "guest", "لأن جزيئات الماء تترتب في شبكة مفتوحة عندما تتجمد"),
        (
            at(6, 0),
            "Ben",
            "guest",
            "Water is strange: most solids sink in their own liquid. The crystal keeps the molecules \
                                    further apart than the liquid does.",
        ),
        (at(5, 0), "Liu Wei", "guest", "🧊👍"),
        (at(4, 0), "Ana", "member", "So if ice sank, lakes would freeze from the bottom?"),
        (at(3, 0), "Ms Keller", "host", "Exactly, and the fish would have to move out."),
    ];
    (1..).zip(said).map(|(id, (at, username, role, text))| message(id, at, username, role, text)).collect()
}

fn in_the_lesson(browser: &Browser, messages: &[Value]) -> (Page, super::stage::Actor) {
    let stage = Stage::open();
    let page = browser.tab();
    page.visit(&format!("http://{}", stage.addr()));
    let mut actor = stage.expect_entrance();
    actor.welcome(messages);
    page.expect_connection("live");
    page.fill("#name", "Ben");
    page.press("Enter");
    actor.admit(false);
    page.expect_focus("#message");
    let person = |name: &str, role: &str| json!({"username": name, "role": role});
    actor.send(json!({"event": "presence", "online": 6, "users": [
        person("Ms Keller", "host"), person("Ana", "member"), person("Ben", "guest"), person("يوسف", "guest"),
        person("Liu Wei", "guest"), person("Sofia", "guest"),
    ]}));
    page.expect_text("#people-title", "6 here");
    (page, actor)
}

#[test]
fn a_lively_room_shows_days_groups_roles_scripts_and_links() {
    let Some(browser) = Browser::start() else { return };
    let (page, mut actor) = in_the_lesson(&browser, &lesson());
    let person = |name: &str| json!({"username": name, "role": "guest"});
    actor.send(json!({
        "event": "presence", "online": 8, "joined": [person("Olena"), person("Mateo")], "left": [],
    }));
    actor.send(json!({"event": "typing", "usernames": ["Ana", "Sofia", "Olena"], "others": 0}));
    page.expect_text(".notice", "Olena and Mateo joined");
    page.expect_text("#status-text", "Ana and 2 others are typing");
    for (size, scheme) in [(Size::Phone, Scheme::Light), (Size::Desk, Scheme::Dark)] {
        look_at(&page, "lively", size, scheme);
    }
    look(&page, "lively");

    let days = page.run("[...document.querySelectorAll('.day')].map((day) => day.textContent)");
    assert_eq!(days, json!(["Yesterday", "Today"]));
    let facts = page.run(
        "(() => {
            const find = (text) => [...el.log.querySelectorAll('.message')].find((node) => node.textContent.includes(text));
            const link = find('Materials').querySelector('a');
            return {
                grouped: find('less dense').classList.contains('continues'),
                apart: find('Exactly').classList.contains('continues'),
                own: find('Water is strange').classList.contains('own'),
                emoji: find('🧊').classList.contains('emoji'),
                text_with_emoji: find('amused').classList.contains('emoji'),
                right_to_left: getComputedStyle(find('جزيئات').querySelector('.text')).direction,
                host: find('Good morning').querySelector('.badge').textContent,
                link: [link.href, link.target, link.rel, link.nextSibling.textContent],
            };
        })()",
    );
    assert_eq!(
        facts,
        json!({
            "grouped": true, "apart": false, "own": true, "emoji": true, "text_with_emoji": false,
            "right_to_left": "rtl", "host": "Host",
            "link": ["https://example.org/ice", "_blank", "noopener noreferrer", "."],
        })
    );
}

#[test]
fn long_words_markup_and_links_stay_inside_their_bubble() {
    let Some(browser) = Browser::start() else { return };
    let at = now_ms();
    let texts = [
        "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft".repeat(3),
        "https://example.org/".to_owned() + &"a-very-long-path/".repeat(12),
        "two\n\n    indented lines".to_owned(),
        "<img src=x onerror=alert(1)> <b>not bold</b> &amp;".to_owned(),
        "(see www.example.org/a_(b)), “https://example.org/ü?x=1#y”!".to_owned(),
        "👩🏽‍🚀🏳️‍🌈🇺🇦".to_owned(),
        "a 🧊 in text".to_owned(),
        "שלום world".to_owned(),
    ];
    let messages: Vec<Value> = (1..)
        .zip(&texts)
        .map(|(id, text)| message(id, at, "A name as long as it may be, 32", "guest", text))
        .collect();
    let (page, _actor) = in_the_lesson(&browser, &messages);
    let shown: Vec<String> = page.messages().into_iter().map(|(_, text)| text).collect();
    assert_eq!(shown, texts, "to the letter");
    look(&page, "long-words");
    page.size(Size::Phone);
    let facts = page.run(
        "({
            wider: [...el.log.querySelectorAll('.bubble')].filter((node) => node.scrollWidth > node.clientWidth).length,
            page: document.documentElement.scrollWidth,
            parsed: el.log.querySelectorAll('img, b').length,
            links: [...el.log.querySelectorAll('a')].slice(1).map((link) => link.textContent),
            emoji: el.log.querySelectorAll('.emoji').length,
        })",
    );
    assert_eq!(
        facts,
        json!({
            "wider": 0, "page": 390, "parsed": 0, "emoji": 1,
            "links": ["www.example.org/a_(b)", "https://example.org/ü?x=1#y"],
        })
    );
}
