//! The log on paper.

use super::look::take_picture;
use super::reading::talkative_room;
use crate::support::{Browser, Scheme};
use data_encoding::BASE64;
use serde_json::json;

#[test]
fn on_paper_there_is_the_log_alone_all_that_is_loaded_black_on_white() {
    let Some(browser) = Browser::start() else { return };
    let server = talkative_room(120);
    let page = browser.join(server.addr(), "Ben");
    page.scheme(Scheme::Dark);
    page.say("And mine");
    page.run("void openInvite()");
    page.expect_shown("#invite");
    page.call("Emulation.setEmulatedMedia", json!({"media": "print"}));
    let shown = page.run(
        "(() => {
            const visible = [...document.querySelectorAll('body *')].filter((node) => node.checkVisibility() && node.offsetHeight > 1);
            const outside = visible.filter((node) => !el.log.contains(node) && !node.contains(el.log));
            const inks = visible.filter((node) => el.log.contains(node)).map((node) => getComputedStyle(node).color);
            const grounds = visible.map((node) => getComputedStyle(node).backgroundColor);
            const own = el.log.lastElementChild.querySelector('.name');
            return {
                outside: outside.map((node) => node.id || node.className),
                inks: [...new Set(inks)], grounds: [...new Set(grounds)].sort(),
                whole: el.scroller.clientHeight > el.log.clientHeight && el.log.clientHeight > innerHeight,
                author: getComputedStyle(own, '::before').content,
                times: [...el.log.querySelectorAll('.message:not(.continues) time [aria-hidden]')]
                    .filter((node) => node.offsetWidth > 20).length > 0,
            };
        })()",
    );
    assert_eq!(
        shown,
        json!({
            "outside": [], "inks": ["rgb(0, 0, 0)"], "grounds": ["rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"],
            "whole": true, "author": "\"Ben\"", "times": true,
        })
    );
    take_picture(&page, "printed");
    let pdf = page.call("Page.printToPDF", json!({}));
    let pdf = BASE64.decode(pdf["data"].as_str().expect("a file").as_bytes()).expect("base 64");
    let pages = String::from_utf8_lossy(&pdf).matches("/Type /Page\n").count();
    assert!(pages > 1, "{pages} pages");
}
