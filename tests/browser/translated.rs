//! The page under a browser's translation: names, addresses and codes stay, and nothing depends on the words shown.

use super::class::become_host;
use crate::support::{Browser, Page, TestClient, TestServer, clipboard};

also_in!([firefox, webkit]:
    a_translation_leaves_names_and_addresses_alone,
    what_the_page_knows_is_not_what_it_shows,
);

/// What a translator does: each text becomes another in an element of its own. Gives back what was translated.
const TRANSLATE: &str = "(() => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (texts.nextNode()) found.push(texts.currentNode);
    const words = found.filter((node) => node.data.trim()
        && !node.parentNode.closest('[translate=no], script, style, noscript, textarea, font'));
    for (const node of words) {
        const font = document.createElement('font');
        font.textContent = `⟪${node.data}⟫`;
        node.replaceWith(font);
    }
    return words.map((node) => node.data).join('\\n');
})()";

/// A lesson in which every place of a name, an address or a code shows one.
fn lesson(browser: &Browser, server: &TestServer) -> (Page, TestClient) {
    let host = become_host(browser, server);
    host.join("Ms Keller");
    host.say("see https://needle.example/x");
    let mut ben = server.join("Ben");
    ben.say_and_wait("hello");
    host.expect_message("Ben", "hello");
    host.expect_text(".notice", "Ben joined");
    host.choose("#people .icon", "Mute Ben");
    host.expect_text("#held", "Ben · muted");
    host.expect_text("#record", "Ms Keller muted Ben");
    host.click("#open-search");
    host.fill("#query", "needle");
    host.press("Enter");
    host.expect_shown("#results bdi[dir=ltr]");
    host.press("Escape");
    host.choose("#people .icon", "Remove Ben");
    host.expect_text("#confirm-title", "Remove Ben?");
    host.press("Escape");
    (host, ben)
}

#[test]
fn a_translation_leaves_names_and_addresses_alone() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let (host, _ben) = lesson(&browser, &server);
    let words = host.run(TRANSLATE);
    let words = words.as_str().expect("words");
    for kept in ["Ben", "Keller", "needle.example", "127.0.0.1"] {
        assert!(!words.contains(kept), "{kept} was translated: {words}");
    }
    for word in ["Only hosts write", "hello", "You", " joined", "Remove ", " · muted"] {
        assert!(words.contains(word), "{word} was not translated: {words}");
    }
    assert_eq!(host.run("el.code.translate"), false);
    // Drawing again, with nothing new to say, writes no word over those of the translation.
    let written = host.run(
        "(() => {
            const watch = new MutationObserver(() => {});
            watch.observe(document.body, { childList: true, characterData: true, subtree: true });
            for (let turn = 0; turn < 2; turn++) { tick(); drawAll(); renderNow(); }
            return watch.takeRecords().flatMap(({ addedNodes }) => [...addedNodes])
                .filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data);
        })()",
    );
    assert_eq!(written, serde_json::json!([]));
}

#[test]
fn what_the_page_knows_is_not_what_it_shows() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let (host, _ben) = lesson(&browser, &server);
    // A translator that spares nothing.
    host.run(
        "document.querySelectorAll('[translate=no]').forEach((node) => node.removeAttribute('translate'))",
    );
    let address = host.run("inviteUrl()");
    host.run(TRANSLATE);
    host.run("void (drawAll(), renderNow())");
    host.choose("#people .icon", "Unmute");
    host.expect("nobody muted", "el.heldPart.hidden");

    let held = clipboard();
    host.click("#open-invite");
    host.run(TRANSLATE);
    host.click_that_says("#invite-copy", "Copied");
    host.run("el.inviteCopy.click()");
    host.expect_text("#invite-copy", "⟪Copy the address⟫");
    host.press("Escape");
    host.run("el.message.focus()");
    host.paste();
    host.expect("the address", &format!("el.message.value === {address}"));
    drop(held);
}
