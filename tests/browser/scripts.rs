//! The world's scripts in the page: where their sentences end a link, in which order text is drawn, what is one letter.

use super::look::look;
use crate::support::{Browser, Page, TestServer};
use serde_json::json;

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
