//! The page in each of its languages: whole, mirrored where they are written from the right, and changed while somebody writes.

use super::look::{look, look_at, take_picture};
use crate::support::{Browser, Page, Scheme, Size, TestServer};
use serde_json::{Map, Value, json};
use std::path::Path;

also_in!([firefox, webkit]:
    what_is_written_from_the_right_is_mirrored,
    another_language_keeps_what_was_being_written,
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
        "setTimeout(() => {{
            el.language.value = '{tag}';
            el.language.dispatchEvent(new Event('change'));
        }})"
    ));
    page.expect(
        tag,
        &format!("document.documentElement.lang === '{tag}' && document.readyState === 'complete'"),
    );
    page.expect_connection("live");
}

/// Somebody in a conversation, whose page says `own` for what is theirs.
fn talk(page: &Page, server: &TestServer) {
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
    for tag in LANGUAGES.split(' ') {
        let server = TestServer::start();
        let page = open_in(&browser, &server, tag);
        let words = catalogue(tag);
        assert_eq!(page.run("el.joinButton.textContent"), words["me.join"], "{tag}");
        assert_eq!(page.run("document.documentElement.dir"), words["language.direction"], "{tag}");
        assert_eq!(page.run("el.openInvite.textContent"), words["page.invite"], "{tag}");
        talk(&page, &server);
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
    // Back to what the browser asks for.
    page.run("setTimeout(() => { el.language.value = ''; el.language.dispatchEvent(new Event('change')); })");
    page.expect("English", "document.documentElement.lang === 'en' && document.readyState === 'complete'");
    page.expect("what was written", "el.message.value === 'half a sent'");
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
        // The digits are the browser's, whose Arabic may have its own.
        let counted = page.run(
            "[1, 2, 5, 11, 21].map((count) => phrase('status.waiting', { count })
                .replace(/[٠-٩]/g, (digit) => digit.charCodeAt(0) - 0x660))",
        );
        assert_eq!(counted, json!(said), "{tag}");
    }
    choose(&page, "de");
    assert_eq!(
        page.run("[grouped(12345), nameSome(['Ana', 'Ben', 'Cem'])]"),
        json!(["12.345", "\u{2068}Ana\u{2069}, \u{2068}Ben\u{2069} und \u{2068}Cem\u{2069}"])
    );
}

/// Doubles every text, as no language is longer.
const DOUBLE: &str = "(() => {
    const twice = (text) => /\\p{L}{2}/u.test(text) ? `${text} ${text}` : text;
    const parse = JSON.parse;
    JSON.parse = (text, ...rest) => {
        const value = parse(text, ...rest);
        if (!value?.['language.name']) return value;
        for (const [key, words] of Object.entries(value)) {
            if (typeof words === 'string') value[key] = twice(words);
            else for (const form of Object.keys(words)) words[form] = twice(words[form]);
        }
        const roots = [document.body, ...[...document.querySelectorAll('template')].map(({ content }) => content)];
        for (const root of roots) {
            const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
            while (texts.nextNode()) {
                const { currentNode: node } = texts;
                if (!node.parentElement?.closest('script, #language')) node.data = twice(node.data);
            }
        }
        return value;
    };
})()";

/// What stands in less room than it needs, other than names, titles and what the people here wrote.
fn cut_words(page: &Page) -> Value {
    page.run(
        "[...document.querySelectorAll('button, label, span, p, h2, h3, legend, summary')]
            .filter((node) => node.checkVisibility() && node.childElementCount === 0 && node.textContent.trim()
                && !node.closest('.vh, .name, .value, .disc, .text, time, #title, #open-account, noscript')
                && getComputedStyle(node).position !== 'absolute')
            .filter((node) => {
                const range = document.createRange();
                range.selectNodeContents(node);
                const { left, right } = range.getBoundingClientRect();
                for (let box = node; box; box = box.parentElement) {
                    if (['visible', 'auto'].includes(getComputedStyle(box).overflowX)) continue;
                    const edges = box.getBoundingClientRect();
                    if (left < edges.left - 1 || right > edges.right + 1) return true;
                }
                return left < -1 || right > innerWidth + 1;
            })
            .map((node) => `${node.id || node.className}: ${node.textContent}`)",
    )
}

#[test]
fn twice_as_many_words_fit_a_narrow_window() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.tab();
    page.observe(DOUBLE);
    page.go_to(server.addr());
    page.size(Size::Narrow);
    assert_eq!(cut_words(&page), json!([]), "asked for a name");
    talk(&page, &server);
    assert_eq!(cut_words(&page), json!([]), "in a conversation");
    page.click("#toggle-panel");
    page.run("el.settings.open = true");
    assert_eq!(cut_words(&page), json!([]), "in the drawer");
    page.expect(
        "the choice of languages within its row",
        "el.language.getBoundingClientRect().right <= el.languageRow.getBoundingClientRect().right + 1",
    );
    look_at(&page, "doubled-drawer", Size::Narrow, Scheme::Light);
    page.click("#open-account");
    page.run("openForm('signup')");
    assert_eq!(cut_words(&page), json!([]), "in a dialog");
    take_picture(&page, "doubled-dialog");
}
