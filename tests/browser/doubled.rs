//! The page in a language whose every text is twice as long as in English: none is longer, and nothing is cut.

use super::languages::talk;
use super::look::{look_at, take_picture};
use crate::support::{Browser, Page, Scheme, Size, TestServer};
use serde_json::{Value, json};

also_in!([firefox, webkit]: twice_as_many_words_fit_a_narrow_window);

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
