//! Code in a message: a box of its own between lines of three backticks, a word between single ones, and nothing else.

use super::look::look;
use super::stage::{Actor, Stage, message, now_ms};
use crate::support::{Browser, Engine, Page, Size, TestServer, clipboard};
use serde_json::{Value, json};

also_in!([firefox, webkit]:
    code_stands_in_a_box_that_scrolls_sideways_and_is_the_only_markup,
    what_is_not_between_its_marks_is_no_code,
    code_is_copied_and_exported_as_it_was_typed,
    code_at_the_head_of_ones_own_message_begins_at_its_head,
    a_text_of_many_pieces_is_put_in_as_one_and_marks_only_so_many,
    a_click_copies_code_and_paper_has_all_of_it,
);

const LOOP: &str = "for number in range(10):\n    print(\"<b>https://x.example</b>\", number, \
                    \"and so on, until the line is longer than any bubble\")\n";

/// Ben's page in a room in which this was said by Ana.
fn reading(browser: &Browser, texts: &[String]) -> (Page, Actor) {
    let stage = Stage::open();
    let page = browser.tab();
    page.visit(&format!("http://{}", stage.addr()));
    let said: Vec<Value> =
        (1..).zip(texts).map(|(id, text)| message(id, now_ms(), "Ana", "guest", text)).collect();
    let mut actor = stage.expect_entrance();
    actor.welcome(&said);
    page.expect_connection("live");
    let shown: Vec<String> = page.messages().into_iter().map(|(_, text)| text).collect();
    assert_eq!(shown, texts, "to the letter");
    (page, actor)
}

#[test]
fn code_stands_in_a_box_that_scrolls_sideways_and_is_the_only_markup() {
    let Some(browser) = Browser::start() else { return };
    let texts = [
        format!("See https://x.example/a:\n```python\n{LOOP}```\n*Does* `it` run?"),
        "שלום `x < y` שלום\n```\nif שלום: pass\n```\nעוד".to_owned(),
    ];
    let (page, _actor) = reading(&browser, &texts);
    let facts = page.run(
        "[...el.log.querySelectorAll('.message')].map((node) => ({
            blocks: [...node.querySelectorAll('.code code')].map((code) => code.textContent),
            words: [...node.querySelectorAll('.text > code')].map((code) => code.textContent),
            links: [...node.querySelectorAll('a')].map((link) => link.textContent),
            others: node.querySelectorAll('.text :not(a, code, span, button)').length,
            seen: node.querySelector('.text').innerText.includes('\\x60'),
            direction: getComputedStyle(node.querySelector('.said')).direction,
            inside: [...node.querySelectorAll('code')].map((code) => getComputedStyle(code).direction),
        }))",
    );
    let fact = |blocks: &str, word: &str, links: &[&str], direction: &str| {
        json!({
            "blocks": [blocks], "words": [word], "links": links, "others": 0, "seen": false, "direction": direction,
            "inside": ["ltr", "ltr"],
        })
    };
    let expected =
        [fact(LOOP, "it", &["https://x.example/a"], "ltr"), fact("if שלום: pass\n", "x < y", &[], "rtl")];
    assert_eq!(facts, json!(expected));
    look(&page, "code");
    let room = "[...document.querySelectorAll('.code')].map((box) => {
        const [code, button] = [...box.children].map((node) => node.getBoundingClientRect());
        return (code.right < button.left + 1 || button.bottom < code.top + 1) && button.right <= box.getBoundingClientRect().right;
    })";
    for (size, compact) in [(Size::Desk, false), (Size::Narrow, false), (Size::Narrow, true)] {
        page.size(size);
        page.run(&format!("void document.body.classList.toggle('compact', {compact})"));
        let facts = page.run(
            "(([code, word], [box, bubble]) => ({
                scrolls: code.scrollWidth > code.clientWidth,
                alone: [box, bubble, el.scroller, document.documentElement].every((node) => node.scrollWidth <= node.clientWidth),
                lines: Math.round((code.clientHeight - 16) / parseFloat(getComputedStyle(code).lineHeight)),
                font: [code, word].map((node) => getComputedStyle(node).fontSize),
                mono: getComputedStyle(code).fontFamily === getComputedStyle(word).fontFamily,
            }))([...el.log.querySelectorAll('code')], [document.querySelector('.code'), document.querySelector('.bubble')])",
        );
        let expected =
            json!({"scrolls": true, "alone": true, "lines": 2, "font": ["14px", "14px"], "mono": true});
        assert_eq!(facts, expected, "{size:?}, {compact}");
        assert_eq!(page.run(room), json!([true, true]), "Copy lies on no code: {size:?}");
    }
}

#[test]
fn what_is_not_between_its_marks_is_no_code() {
    let Some(browser) = Browser::start() else { return };
    let cases: [(&str, &[&str]); 15] = [
        ("one ` alone", &[]),
        ("never closed\n```\nx = 1", &[]),
        ("```\n```", &[]),
        ("```x = 1```", &[]),
        ("in ```\nthe line\n```", &[]),
        ("`over\ntwo lines`", &[]),
        ("``", &[]),
        ("`a` and `b`", &["a", "b"]),
        ("don`t and can`t, but (`int`s)", &["int"]),
        ("``two`` `a`", &["a"]),
        ("www.x.example/`a``b`", &[]),
        ("```js\nlet x;\n```  ", &["let x;\n"]),
        ("```\n`a`\n```js\n```\n`b`", &["`a`\n```js\n", "b"]),
        ("```\na\n```\n```\nb\n\n```", &["a\n", "b\n\n"]),
        ("`<img src=x onerror=alert(1)>`", &["<img src=x onerror=alert(1)>"]),
    ];
    let texts: Vec<String> = cases.iter().map(|(text, _)| (*text).to_owned()).collect();
    let (page, _actor) = reading(&browser, &texts);
    let found = page.run(
        "[...el.log.querySelectorAll('.message')].map((node) =>
            [...node.querySelectorAll('code')].map((code) => code.textContent))",
    );
    assert_eq!(found, json!(cases.map(|(_, codes)| codes)));
}

#[test]
fn code_is_copied_and_exported_as_it_was_typed() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let mut ana = server.join("Ana");
    let text = format!("Try\n```\n{LOOP}```\nand `it` runs");
    ana.say_and_wait(&text);
    ana.say_and_wait("Or not");
    let page = browser.join(server.addr(), "Ben");
    page.expect_message("Ana", "Or not");
    let copied = page.run(
        "(() => {
            getSelection().selectAllChildren(el.log);
            const event = new ClipboardEvent('copy', { clipboardData: new DataTransfer(), bubbles: true, cancelable: true });
            document.body.dispatchEvent(event);
            getSelection().removeAllRanges();
            return event.clipboardData.getData('text/plain').split('\\n').map((line) => line.replace(/^.*?Ana: /, ''));
        })()",
    );
    let lines: Vec<String> =
        format!("{}\nOr not", text.replace('\n', "\n    ")).lines().map(str::to_owned).collect();
    assert_eq!(copied, json!(lines), "with its marks, and without its button");
    // So is one message alone, all of it or a part.
    let copied = |from: &str, to: &str| {
        page.run(&format!(
            "(([from, at], [to, end]) => {{
                getSelection().setBaseAndExtent(from, at, to, end);
                const event = new ClipboardEvent('copy', {{ clipboardData: new DataTransfer(), bubbles: true, cancelable: true }});
                document.body.dispatchEvent(event);
                getSelection().removeAllRanges();
                return event.clipboardData.getData('text/plain');
            }})({from}, {to})"
        ))
    };
    assert_eq!(
        copied("[el.log.querySelector('.message'), 0]", "[el.log.querySelector('time'), 1]"),
        json!(text)
    );
    let last = "el.log.querySelector('.text').lastChild";
    let it = "el.log.querySelector('.text > code').firstChild";
    assert_eq!(copied(&format!("[{it}, 0]"), &format!("[{last}, 5]")), json!("it` runs"));
    // A search finds what was typed, marks and all.
    page.click("#open-search");
    page.fill("#query", "`it`");
    page.press("Enter");
    page.expect_text("#results", "and `it` runs");
    page.expect("the mark", "document.querySelector('#results mark').textContent === '`it`'");
    page.press("Escape");
    // The button shows where it is pointed at, focused, or where fingers point; it has no word that a selection could hold.
    page.run("document.querySelector('.code button').focus()");
    page.expect("to be seen", "getComputedStyle(document.querySelector('.code button')).opacity === '1'");
    assert_eq!(page.run("document.querySelector('.code button').ariaLabel ?? document.querySelector('.code button').getAttribute('aria-label')"), "Copy");
    page.run("window.asked = ''");
    page.run("void (document.execCommand = () => { window.asked = focused().value; return true; })");
    page.run("void Object.defineProperty(navigator, 'clipboard', { value: undefined })");
    page.press("Enter");
    page.expect("the code alone", &format!("asked === {}", json!(LOOP.trim_end())));
    page.expect_text(".code button", "Copied");
    page.expect_text("#announcer", "Copied");
    assert_eq!(page.run("el.menu.open"), false, "and opens no menu");
}

#[test]
fn code_at_the_head_of_ones_own_message_begins_at_its_head() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.join(server.addr(), "Ben");
    page.say("```\nlet x;\n```");
    page.expect_shown(".own .code");
    let distance = page
        .number("topOf(document.querySelector('.own .code')) - topOf(document.querySelector('.own .said'))");
    assert!((7.0..14.0).contains(&distance), "{distance}");
}

#[test]
fn a_text_of_many_pieces_is_put_in_as_one_and_marks_only_so_many() {
    let Some(browser) = Browser::start() else { return };
    let texts = ["`a ".repeat(1333), "`a` ".repeat(90), "www.a.b ".repeat(490), "```\na\n```\n".repeat(390)]
        .map(|text| text.trim_end().to_owned());
    let (page, _actor) = reading(&browser, &texts);
    let facts = page.run(
        "[...el.log.querySelectorAll('.message')].map((node) =>
            [node.querySelectorAll('code').length, node.querySelectorAll('a').length])",
    );
    assert_eq!(facts, json!([[0, 0], [90, 0], [0, 490], [0, 0]]));
    // What comes under an element whose direction follows from its text has all of the text read again.
    let put_in = page.run(
        "(() => {
            let count = 0;
            for (const name of ['append', 'prepend', 'before', 'after', 'replaceWith', 'replaceChildren', 'appendChild']) {
                const real = Element.prototype[name];
                Element.prototype[name] = function (...nodes) {
                    if (this.closest('[dir=auto]')) count += nodes.length;
                    return real.apply(this, nodes);
                };
            }
            return [...state.log.messages.values()].map((message) => {
                count = 0;
                buildMessage(message);
                return count;
            });
        })()",
    );
    let counts: Vec<u64> =
        put_in.as_array().expect("counts").iter().map(|count| count.as_u64().expect("a number")).collect();
    assert!(counts.iter().all(|count| (1..10).contains(count)), "{counts:?}");
}

#[test]
fn a_click_copies_code_and_paper_has_all_of_it() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.join(server.addr(), "Ben");
    page.say(&format!("```\n{LOOP}```"));
    let held = clipboard();
    page.click_that_says(".code button", "Copied");
    page.run("el.message.focus()");
    page.paste();
    page.expect("the code", &format!("el.message.value === {}", json!(LOOP.trim_end())));
    drop(held);
    // WebKit's driver can't show paper.
    if page.engine == Engine::WebKit {
        return;
    }
    page.show_paper();
    let facts = page.run(
        "(([code, button]) => [code.scrollWidth <= code.clientWidth, button.checkVisibility()])(
            document.querySelector('.code').querySelectorAll('code, button'))",
    );
    assert_eq!(facts, json!([true, false]), "wrapped, without a button");
}
