//! The world's scripts in the page: where their sentences end a link, in which order text is drawn, what is one letter.

use super::look::look;
use crate::support::{Browser, Page, TestServer};
use serde_json::json;

also_in!([firefox, webkit]:
    a_link_ends_where_the_text_of_its_script_ends_it,
    no_address_is_drawn_in_an_order_that_lies,
    a_name_from_right_to_left_does_not_turn_its_neighbours,
    a_discs_letters_are_whole,
);

/// What the message `text`, which has to be the log's last, links to.
fn links(page: &Page, text: &str) -> serde_json::Value {
    page.say(text);
    page.run("[...[...el.log.querySelectorAll('.text')].at(-1).querySelectorAll('a')].map((link) => link.textContent)")
}

#[test]
fn a_link_ends_where_the_text_of_its_script_ends_it() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.join(server.addr(), "Ana");
    // Each with its link in brackets of its own kind: ⟦…⟧.
    let cases = [
        "请看⟦https://example.com⟧。谢谢",
        "看⟦https://example.com⟧，⟦http://b.example/a⟧；好！（⟦https://example.com/a⟧）",
        "「⟦https://x.example⟧」《⟦https://x.example⟧》【⟦https://x.example⟧】﹐⟦https://x.example⟧︒⟦https://x.example⟧｡",
        "⟦http://192.168.1.5:5000⟧を開いて、⟦https://example.com⟧을 봐",
        "⟦https://example.com⟧을/를 ⟦http://laptop⟧を ⟦http://büro/x⟧ ⟦http://büro⟧ ⟦https://www.münchen.example⟧へ",
        "⟦https://ja.wikipedia.org/wiki/レオナルド・ダ・ヴィンチ⟧・",
        "⟦https://例え.jp/パス⟧〜",
        "⟦https://x.example⟧،ثم ⟦https://عربي.مثال/مسار⟧؟ ﴿⟦https://x.example/a⟧﴾ ⟦https://x.example⟧۔",
        "⟦https://fa.wikipedia.org/wiki/می\u{200C}خواهم⟧؛",
        "⟦https://x.example⟧। ⟦https://x.example/क⟧॥ ⟦https://x.example⟧\u{11047}",
        "⟦https://x.example⟧։ ⟦https://x.example⟧። ⟦https://x.example⟧။ ⟦https://x.example⟧។ ⟦https://x.example⟧།",
        "⟦https://x.example⟧׃ ⟦https://he.wikipedia.org/wiki/צה״ל⟧״",
        "“⟦https://x.example⟧” ‘⟦https://x.example⟧’ „⟦https://x.example⟧‟ ‹⟦https://x.example⟧› »⟦https://x.example⟧«",
        "⟦https://x.example⟧… ⟦https://x.example⟧—and ⟦https://x.example⟧’s ⟦https://x.example⟧´",
        "⟦https://fr.wikipedia.org/wiki/L’Équipe⟧’ ⟦https://x.example/Hardy–Weinberg⟧–",
        "`⟦https://x.example⟧` *⟦https://x.example⟧* _⟦https://x.example/y⟧_ __⟦https://x.example/y⟧__ ~⟦https://x.example⟧~",
        "⟦https://x.example⟧\u{200B}a ⟦https://x.example⟧\u{2060}a ⟦https://x.example⟧\u{AD}a ⟦https://x.example⟧\u{3164}a",
        "⟦https://x.example⟧\u{200D}a ⟦https://x.example⟧\u{3000}a ⟦https://x.example⟧\u{202E}a ⟦https://x.example⟧\u{2069}a",
        "(⟦https://x.example/a_(b)⟧) [⟦https://x.example⟧] {⟦https://x.example⟧} <⟦https://x.example⟧>",
        "⟦https://x.example/it's⟧' ⟦https://x.example/?q=a&b=[1]⟧, ⟦http://[::1]:5000/x⟧; ⟦www.x.example⟧.",
        "⟦https://x.example/⟧)))))) https://... www... https:// xhttps://x.example https://。",
    ];
    for case in cases {
        let expected: Vec<&str> = case.split('⟦').skip(1).filter_map(|part| part.split('⟧').next()).collect();
        let text = case.replace(['⟦', '⟧'], "");
        assert_eq!(links(&page, &text), json!(expected), "{text}");
    }
    look(&page, "links");
}

/// Whether each character of the address that stands in `selector` is drawn right of the one before it.
fn expect_in_order(page: &Page, selector: &str) {
    let order = format!(
        "(() => {{
            const node = document.querySelector(`{selector}`);
            const letters = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
            const places = [];
            while (letters.nextNode()) {{
                for (let at = 0; at < letters.currentNode.length; at++) {{
                    const range = document.createRange();
                    range.setStart(letters.currentNode, at);
                    range.setEnd(letters.currentNode, at + 1);
                    places.push(range.getBoundingClientRect().left);
                }}
            }}
            return places.length > 10 && places.every((left, at) => at === 0 || left > places[at - 1]);
        }})()"
    );
    assert_eq!(page.run(&order), true, "{selector} is drawn in another order");
}

#[test]
fn no_address_is_drawn_in_an_order_that_lies() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.join(server.addr(), "Ana");
    let link = "https://evil.example/moc.knab//:sptth";
    let texts = [
        format!("\u{202E}{link}"),
        format!("\u{2067}{link} needle"),
        format!("\u{202B}אבג {link} דהו"),
        format!("\u{2066}\u{2069}\u{202E}a {link}"),
        format!("שלום {link}, {link}"),
        "\u{202E}\u{202D}".repeat(90) + link,
        "\u{202B}\u{202A}".repeat(70) + "\u{202E}" + link,
    ];
    for (at, text) in texts.iter().enumerate() {
        // Not by its text: what nests too deeply is shown without its controls.
        page.write(text);
        page.expect(text, &format!("el.log.querySelectorAll('.message').length === {}", at + 1));
        expect_in_order(&page, ".message:last-child .text a");
        page.run("void openMessageMenu(state.log.last)");
        page.click("#menu-rows > button:last-child");
        expect_in_order(&page, "#confirm-text bdi");
        assert!(page.text("#confirm-text").contains(link));
        page.press("Escape");
        page.expect_hidden("#confirm");
    }
    // An excerpt may begin inside an address: then it is no link, and is drawn in its order all the same.
    page.say(&format!("\u{202E}https://evil.example/{}knab needle", "a/".repeat(20)));
    page.click("#open-search");
    for (query, count) in [("evil", texts.len() + 1), ("moc.knab", texts.len()), ("a/knab", 1)] {
        page.fill("#query", query);
        page.press("Enter");
        page.expect(query, &format!("el.results.children.length === {count} && !state.search.busy"));
        for number in 1..=count {
            expect_in_order(&page, &format!("#results li:nth-child({number}) bdi[dir=ltr]"));
        }
    }
    look(&page, "addresses-found");
}

#[test]
fn a_name_from_right_to_left_does_not_turn_its_neighbours() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.join(server.addr(), "Ana");
    page.say("Come in!");
    let names = ["דן 2", "يوسف", "\u{1E900}\u{1E901}"];
    let _others = names.map(|name| server.join(name));
    // Whatever sentence it stands in, and however many stand beside it.
    let isolated = page.run(&format!(
        "(() => {{
            const node = make('p');
            document.body.append(node);
            say(node, phrase('host.request', {{ name: {0}, time: '07:13' }}) + nameSome([{0}, 'Ben']));
            const [first, second, third] = node.querySelectorAll('bdi');
            const [name, rest] = [first, node.childNodes[1]].map((part) => {{
                const range = document.createRange();
                range.selectNodeContents(part);
                return range.getBoundingClientRect();
            }});
            node.remove();
            return [first.textContent, second.textContent, third.textContent, name.right <= rest.left + 1];
        }})()",
        json!(names[0])
    ));
    assert_eq!(isolated, json!([names[0], names[0], "Ben", true]));
    page.expect("their names", "document.querySelectorAll('.notice bdi').length === 3");
}

#[test]
fn a_discs_letters_are_whole() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.open(server.addr());
    let cases = [
        ("Ana Berg", "AB"),
        ("ana", "AN"),
        ("🇵🇹 Ana", "🇵🇹"),
        ("🇵🇹🇪🇸", "🇵🇹"),
        (
            "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F} Tom",
            "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
        ),
        ("👨‍👩‍👧 Kim", "👨‍👩‍👧"),
        ("👩🏽‍🚀", "👩🏽‍🚀"),
        ("1\u{FE0F}\u{20E3} One", "1\u{FE0F}\u{20E3}"),
        ("क्षत्रिय", "क्षत्रि"),
        ("ক্ষমা", "ক্ষমা"),
        ("ಕ್ಷೀರ", "ಕ್ಷೀರ"),
        ("ශ\u{DCA}\u{200D}රී", "ශ\u{DCA}\u{200D}රී"),
        ("ក្រុម", "ក្រុម"),
        ("e\u{301}mile o\u{302}", "E\u{301}O\u{302}"),
        ("علی\u{200C}رضا", "عل"),
        ("ßa", "ßA"),
        ("გიორგი", "გი"),
        ("한글", "한글"),
    ];
    // With the browser's own idea of a letter, and where it has none.
    for segmenter in ["Intl.Segmenter", "undefined"] {
        page.run(&format!("void (Intl.Segmenter = {segmenter})"));
        for (name, letters) in cases {
            assert_eq!(page.run(&format!("initials({})", json!(name))), letters, "{name} with {segmenter}");
        }
    }
}
