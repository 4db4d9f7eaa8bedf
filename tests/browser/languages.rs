//! The page in each of its languages: whole, mirrored where they are written from the right, and changed while somebody writes.

use super::look::{look, look_at};
use crate::support::{Browser, Engine, Page, Scheme, Size, TestServer};
use serde_json::{Map, Value, json};
use std::path::Path;

also_in!([firefox, webkit]:
    each_language_is_shown_without_a_complaint,
    a_room_out_of_reach_keeps_its_language_and_says_so,
    refusals_are_told_in_the_pages_language,
    numbers_take_the_forms_that_their_language_has,
    what_is_written_from_the_right_is_mirrored,
    another_language_keeps_what_was_being_written,
    what_was_refused_is_told_in_the_language_of_now,
    the_settings_are_still_open_in_the_other_language,
);

/// The tags of all languages.
const LANGUAGES: &str = env!("LANGUAGES");

/// What this language says.
fn catalogue(tag: &str) -> Map<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/languages");
    let text = std::fs::read_to_string(folder.join(tag).with_extension("json")).expect("a catalogue");
    serde_json::from_str(&text).expect("JSON")
}

/// The page's own words for somebody who has chosen this language.
fn open_in(browser: &Browser, server: &TestServer, tag: &str) -> Page {
    let page = browser.open(server.addr());
    choose(&page, tag);
    page
}

fn choose(page: &Page, tag: &str) {
    page.expect("the choice", "!el.languageRow.hidden");
    page.run(&format!(
        "void (window.isLeft = true, setTimeout(() => {{
            el.language.value = '{tag}';
            el.language.dispatchEvent(new Event('change'));
        }}))"
    ));
    // Another page, though this one may be in that language too.
    let is_there = format!(
        "!window.isLeft && document.documentElement.lang === '{tag}' && document.readyState === 'complete'"
    );
    page.expect(tag, &is_there);
    page.expect_connection("live");
    page.expect_focus("#language"); // which comes last
}

/// Somebody in a conversation, whose page says `own` for what is theirs.
pub(super) fn talk(page: &Page, server: &TestServer) {
    page.join("Ana");
    page.write("Hello! https://example.org");
    page.expect("the message", "el.log.querySelectorAll('.message.own').length === 1");
    let mut ben = server.join("Ben");
    ben.say_and_wait("سلام دنیا 123");
    page.expect("the other", "el.log.querySelectorAll('.message').length === 2");
}

#[test]
fn each_language_is_shown_without_a_complaint() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.open(server.addr());
    talk(&page, &server);
    for tag in LANGUAGES.split(' ') {
        page.size(Size::Desk);
        choose(&page, tag);
        let words = catalogue(tag);
        page.expect(tag, &format!("el.send.textContent === {}", words["outbox.send"]));
        assert_eq!(page.run("document.documentElement.dir"), words["language.direction"], "{tag}");
        assert_eq!(page.run("el.openInvite.textContent"), words["page.invite"], "{tag}");
        let room = page.run(
            "Math.min(...[...el.theme.querySelectorAll('span')].map((word) => {
                const [range, box] = [document.createRange(), word.getBoundingClientRect()];
                range.selectNodeContents(word);
                const { left, right } = range.getBoundingClientRect();
                return Math.min(left - box.left, box.right - right);
            })) >= 5",
        );
        assert_eq!(room, true, "{tag}: the words of the appearance keep off its edges");
        let height = page.number("el.languageRow.firstElementChild.getBoundingClientRect().height");
        assert!((10.0..40.0).contains(&height), "{tag}: the row of languages has its name in one line");
        page.expect("what was said", "el.log.querySelectorAll('.message').length === 2");
        // Words are as long in one engine as in another.
        if page.engine != Engine::Chromium {
            continue;
        }
        look_at(&page, &format!("language-{tag}"), Size::Desk, Scheme::Light);
        look_at(&page, &format!("language-{tag}"), Size::Phone, Scheme::Dark);
    }
}

#[test]
fn what_is_written_from_the_right_is_mirrored() {
    let Some(browser) = Browser::start() else { return };
    for tag in LANGUAGES.split(' ').filter(|tag| catalogue(tag)["language.direction"] == "rtl") {
        let server = TestServer::start();
        let page = open_in(&browser, &server, tag);
        talk(&page, &server);
        page.size(Size::Desk);
        let sides = page.run(
            "(() => {
                const box = (selector) => document.querySelector(selector).getBoundingClientRect();
                const middle = box('#scroller').left + box('#scroller').width / 2;
                return [box('#panel').left < 1, box('.message.own .bubble').left < middle,
                    box('.message:not(.own) .disc').left > middle, box('#title').right > innerWidth / 2,
                    box('#send').left < middle];
            })()",
        );
        assert_eq!(sides, json!([true, true, true, true, true]), "{tag}: panel, own, other, title, button");
        look(&page, &format!("mirrored-{tag}"));
        page.run("openForm('login')");
        assert_eq!(
            page.run("[...el.accountSheet.querySelectorAll('.field input')].map((input) => getComputedStyle(input).direction)"),
            json!(["ltr", "ltr"]),
            "{tag}: addresses and passwords"
        );
        page.press("Escape");
        let fields = page.run(
            "(() => {
                const sides = () => [el.query, el.who].map((field) => getComputedStyle(field).direction);
                const empty = sides();
                el.query.value = el.who.value = 'Ana';
                const written = sides();
                el.query.value = el.who.value = '';
                return [...empty, ...written];
            })()",
        );
        assert_eq!(fields, json!(["rtl", "rtl", "ltr", "ltr"]), "{tag}: empty, and with a name");
        page.size(Size::Narrow);
        page.expect(
            "the title on the right",
            "(() => {
                const range = document.createRange();
                range.selectNodeContents(el.title);
                return range.getBoundingClientRect().right > innerWidth - 20;
            })()",
        );
        page.click("#toggle-panel");
        page.expect("the drawer on the left", "el.panel.getBoundingClientRect().left < 1");
        look_at(&page, &format!("mirrored-{tag}-drawer"), Size::Narrow, Scheme::Light);
    }
}

#[test]
fn another_language_keeps_what_was_being_written() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.open(server.addr());
    page.fill("#name", "Łucja");
    choose(&page, "pl");
    assert_eq!(page.run("el.name.value"), "Łucja");
    page.run("el.name.focus()");
    page.press("Enter");
    page.expect("the name", "state.me.joined");
    page.fill("#message", "half a sent");
    choose(&page, "de");
    assert_eq!(page.text("#open-invite"), "Einladen");
    page.expect("what was written", "el.message.value === 'half a sent'");
    page.expect("the name", "state.me.joined && state.me.username === 'Łucja'");
    page.expect("the choice", "el.language.value === 'de'");
    // Another program's cookie on this host is none.
    let chosen =
        page.run("(document.cookie = 'a-chat-app-language=pl', renderLanguage(), el.language.value)");
    assert_eq!(chosen, "de");
    // Back to what the browser asks for.
    page.run("setTimeout(() => { el.language.value = ''; el.language.dispatchEvent(new Event('change')); })");
    page.expect("English", "document.documentElement.lang === 'en' && document.readyState === 'complete'");
    page.expect("what was written", "el.message.value === 'half a sent'");
}

#[test]
fn what_was_refused_is_told_in_the_language_of_now() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.join(server.addr(), "Ana");
    page.run(
        "(state.outbox.items.push({ id: 'x', message: 'half a sentence', at: Date.now(), status: 'pending' }),
        handlers.error({ code: 'not_saved', reason: 'message_not_saved', message: 'No.', client_message_id: 'x' }))",
    );
    page.expect_text("#waiting", "Not sent: This could not be saved, and nobody saw it.");
    choose(&page, "de");
    let words = catalogue("de");
    let told =
        words["outbox.failed"].as_str().expect("a sentence").split('{').next().expect("its begin").trim();
    page.expect_text("#waiting", told);
    page.expect_text("#waiting", words["reason.message_not_saved"].as_str().expect("a sentence"));
}

#[test]
fn a_room_out_of_reach_keeps_its_language_and_says_so() {
    let Some(browser) = Browser::start() else { return };
    let mut server = TestServer::start();
    let page = browser.join(server.addr(), "Ana");
    page.expect("the choice", "!el.languageRow.hidden");
    server.stop();
    page.expect_connection("lost");
    page.run("(el.language.value = 'de', el.language.dispatchEvent(new Event('change')))");
    page.expect_text("#host-note", "nothing was changed");
    assert_eq!(page.run("[el.language.value, document.documentElement.lang]"), json!(["", "en"]));
    page.take_complaints();
}

#[test]
fn a_network_that_went_unnoticed_takes_no_page_away() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.join(server.addr(), "Ana");
    page.expect("the choice", "!el.languageRow.hidden");
    let cut = |offline: bool| {
        page.call("Network.enable", json!({}));
        let none =
            json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        page.call("Network.emulateNetworkConditions", none);
    };
    cut(true);
    page.expect_connection("live");
    page.run("(el.language.value = 'de', el.language.dispatchEvent(new Event('change')))");
    page.expect_text("#status-text", "nothing was changed");
    assert_eq!(page.run("[el.language.value, document.cookie]"), json!(["", ""]));
    page.take_complaints();
    cut(false);
    choose(&page, "de");
}

#[test]
fn the_settings_are_still_open_in_the_other_language() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.join(server.addr(), "Ana");
    page.size(Size::Phone);
    page.click("#toggle-panel");
    page.click("#settings summary");
    choose(&page, "pl");
    page.expect_focus("#language");
    assert_eq!(page.run("[state.people.drawer, el.settings.open]"), json!([true, true]));
    page.reload();
    page.expect_connection("live");
    page.expect("the choice", "!el.languageRow.hidden");
    assert_eq!(page.run("[state.people.drawer, el.settings.open]"), json!([false, false]), "only then");
}

/// A morning and an afternoon of 9 June, and the day.
const MOMENTS: &str = "[timeOf(new Date(2026, 5, 9, 9, 5)), timeOf(new Date(2026, 5, 9, 14, 5)),
    timeOf(new Date(2026, 5, 9, 14, 5), 'short')].map((text) => text.replace(/\\s/g, ' '))";

#[test]
fn english_for_want_of_another_language_brings_no_american_clock() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.open(server.addr());
    for (spoken, tag, expected) in [
        ("sk-SK", "en", ["09:05", "14:05", "9 Jun 2026, 14:05"]),
        ("sk-SK,sk,en-US,en", "en", ["09:05", "14:05", "9 Jun 2026, 14:05"]),
        ("fil-PH", "en", ["9:05 am", "2:05 pm", "9 June 2026, 2:05 pm"]),
        ("en-US", "en", ["9:05 AM", "2:05 PM", "Jun 9, 2026, 2:05 PM"]),
        ("en-GB", "en", ["09:05", "14:05", "9 Jun 2026, 14:05"]),
        ("de-AT", "de", ["09:05", "14:05", "09.06.2026, 14:05"]),
        ("ko-KR", "ko", ["오전 9:05", "오후 2:05", "2026. 6. 9. 오후 2:05"]),
    ] {
        page.speak(spoken);
        page.reload();
        page.expect(tag, &format!("document.documentElement.lang === '{tag}'"));
        assert_eq!(page.run(MOMENTS), json!(expected), "{spoken}");
    }
}

#[test]
fn refusals_are_told_in_the_pages_language() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let _ben = server.join("Ben");
    let page = open_in(&browser, &server, "de");
    page.fill("#name", "Ben");
    page.press("Enter");
    page.expect_text("#name-problem-text", "So heißt hier schon jemand.");
    page.click("#open-account");
    page.fill("#account-email", "nobody@school.example");
    page.fill("#account-password", "not the right one");
    page.press("Enter");
    page.expect_text("#account .problem", "E-Mail-Adresse oder Passwort stimmt nicht.");
    page.take_complaints(); // of the 401
    page.press("Escape");
    page.run(
        "handlers.error({ code: 'rate_limited', reason: 'hosts_busy', message: 'Busy.', retry_after_ms: 9 })",
    );
    page.expect_text("#status-text", "Die Hosts wollen gerade zu viel auf einmal.");
    // A reason that it has no words for is told as the server says it.
    let told =
        page.run("sentenceOf({ reason: 'brought_by_an_update', values: {}, message: 'As it stands.' })");
    assert_eq!(told, "As it stands.");
}

#[test]
fn numbers_take_the_forms_that_their_language_has() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.open(server.addr());
    for (tag, said) in [
        (
            "en",
            [
                "1 message waiting",
                "2 messages waiting",
                "5 messages waiting",
                "11 messages waiting",
                "21 messages waiting",
            ],
        ),
        (
            "pl",
            [
                "1 wiadomość czeka",
                "2 wiadomości czekają",
                "5 wiadomości czeka",
                "11 wiadomości czeka",
                "21 wiadomości czeka",
            ],
        ),
        (
            "ru",
            [
                "1 сообщение ждёт",
                "2 сообщения ждут",
                "5 сообщений ждут",
                "11 сообщений ждут",
                "21 сообщение ждёт",
            ],
        ),
        ("ar", ["رسالة واحدة تنتظر", "رسالتان تنتظران", "5 رسائل تنتظر", "11 رسالة تنتظر", "21 رسالة تنتظر"]),
    ] {
        choose(&page, tag);
        let counted = page.run("[1, 2, 5, 11, 21].map((count) => phrase('status.waiting', { count }))");
        assert_eq!(counted, json!(said), "{tag}");
    }
    // The digits of its sentences in what Intl writes: a region may have others.
    for (tag, digits) in
        [("ar", "^[^٠-٩۰-۹]+$"), ("fa", "^[^0-9٠-٩]+$"), ("bn", "^[^0-9]+$"), ("hi", "^[^०-९]+$")]
    {
        choose(&page, tag);
        let written = page.run(&format!(
            "[timeOf(0), timeOf(0, 'full'), grouped(5), grouped(12345), phrase('hint.chosen'), phrase('host.fullness', {{ percent: 80 }})]
                .filter((text) => !/{digits}/.test(text))"
        ));
        assert_eq!(written, json!([]), "{tag}");
    }
    choose(&page, "de");
    assert_eq!(
        page.run("[grouped(12345), nameSome(['Ana', 'Ben', 'Cem'])]"),
        json!(["12.345", "\u{2068}Ana\u{2069}, \u{2068}Ben\u{2069} und \u{2068}Cem\u{2069}"])
    );
}
