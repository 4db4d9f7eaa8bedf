//! How soon there is something to read.

use crate::support::{Browser, TestServer};

#[test]
fn the_first_message_is_there_before_a_reader_has_to_wait() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let mut ana = server.join("Ana");
    for number in 1..=60 {
        ana.say_and_wait(&format!("message {number}"));
    }
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let page = browser.tab();
        page.observe(
            "new MutationObserver((_, observer) => {
                if (!document.querySelector('#log .message')) return;
                observer.disconnect();
                window.firstMessageAt = performance.now();
            }).observe(document, { childList: true, subtree: true });",
        );
        page.go_to(server.addr());
        page.expect_message("Ana", "message 60");
        let [first, response, parsed] = [
            "firstMessageAt",
            "performance.getEntriesByType('navigation')[0].responseEnd",
            "performance.getEntriesByType('navigation')[0].domInteractive",
        ]
        .map(|moment| page.number(moment));
        println!("first message after {first:.0} ms (answered {response:.0} ms, parsed {parsed:.0} ms)");
        best = best.min(first / parsed);
    }
    // However fast the machine is: it comes with the page, and not after another wait of that length.
    assert!(best < 2.5, "the first message took {best} times as long as the page");
}
