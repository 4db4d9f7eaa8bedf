//! What a log shows: days, groups, roles, scripts, links, and whatever does not fit a line.

use super::look::{look, look_at, look_closely, look_into_drawer, take_picture};
use super::stage::{Actor, Stage, message, now_ms};
use crate::support::{Browser, Engine, Page, Scheme, Size};
use serde_json::{Value, json};

// WebKit for GTK knows no forced colours.
also_in!([firefox, webkit]:
    a_lively_room_shows_days_groups_roles_scripts_and_links,
    a_window_of_320_pixels_a_page_at_200_percent_and_forced_colours_lose_nothing,
    long_words_markup_and_links_stay_inside_their_bubble,
);

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

fn in_the_lesson(browser: &Browser, messages: &[Value]) -> (Page, Actor) {
    let stage = Stage::open();
    let (page, mut actor) = stage.enter(browser);
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
    look_closely(&page, "lively");

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
fn a_window_of_320_pixels_a_page_at_200_percent_and_forced_colours_lose_nothing() {
    let Some(browser) = Browser::start() else { return };
    let (page, mut actor) = in_the_lesson(&browser, &lesson());
    actor.room(json!({"title": "Physics with Ms Keller, room 12", "locked": true, "slow_mode_seconds": 30, "door_closed": true}));
    page.expect_text("#room-state", "Only the host writes");
    look_into_drawer(&page, "ruled");
    for size in [Size::Narrow, Size::Zoomed] {
        page.size(size);
        let outside = page.run(
            "[...document.querySelectorAll('h1, header p, header button, #foot button, #message')].filter((node) => {
                const { left, right, bottom, width } = node.getBoundingClientRect();
                const edge = node.closest('.room') ? el.actions.getBoundingClientRect().left : innerWidth;
                return width > 0 && (left < 0 || right > edge || bottom > innerHeight);
            }).map((node) => node.id)",
        );
        assert_eq!(outside, json!([]), "{size:?}");
        assert!(
            page.number("el.scroller.clientHeight") > 100.0,
            "{size:?}: there is still something to read"
        );
    }
    page.size(Size::Desk);
    if page.engine == Engine::WebKit {
        return;
    }
    page.force_colours();
    take_picture(&page, "forced-colors");
    let edge = "getComputedStyle(document.querySelector('.own .bubble')).borderTopColor";
    let other = "getComputedStyle(document.querySelector('.message:not(.own) .bubble')).borderTopColor";
    assert_ne!(page.run(edge), page.run(other), "one's own can be told from others'");
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
        "Www.example.org, as phones begin a sentence".to_owned(),
        "Z\u{334}\u{361}\u{301}".repeat(3) + "a" + &"\u{300}\u{302}".repeat(40) + "lgo",
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
            links: [...el.log.querySelectorAll('a')].slice(1).map((link) => [link.textContent, link.href]),
            spilling: [...el.log.querySelectorAll('.said')].filter((node) => getComputedStyle(node).overflow !== 'clip').length,
            emoji: el.log.querySelectorAll('.emoji').length,
        })",
    );
    assert_eq!(
        facts,
        json!({
            "wider": 0, "page": 390, "parsed": 0, "emoji": 1, "spilling": 0,
            "links": [
                ["www.example.org/a_(b)", "https://www.example.org/a_(b)"],
                ["https://example.org/ü?x=1#y", "https://example.org/%C3%BC?x=1#y"],
                ["Www.example.org", "https://www.example.org/"],
            ],
        })
    );
}
