//! The log on paper.

use super::look::take_picture;
use super::reading::talkative_room;
use crate::support::{Browser, Scheme};
use data_encoding::BASE64;
use flate2::read::ZlibDecoder;
use serde_json::json;
use std::io::Read;

/// How many pages a PDF has: each is an object, and some engines pack those.
fn pages(pdf: &[u8]) -> usize {
    let (mut text, begin) = (pdf.to_vec(), b"stream\n");
    for at in memchr::memmem::find_iter(pdf, begin) {
        let _ = ZlibDecoder::new(&pdf[at + begin.len()..]).read_to_end(&mut text); // not all are packed
    }
    let count = |what: &[u8]| memchr::memmem::find_iter(&text, what).count();
    count(b"/Type /Page") - count(b"/Type /Pages")
}

// WebKit's driver shows no paper.
also_in!([firefox]: on_paper_there_is_the_log_alone_all_that_is_loaded_black_on_white);

#[test]
fn on_paper_there_is_the_log_alone_all_that_is_loaded_black_on_white() {
    let Some(browser) = Browser::start() else { return };
    let server = talkative_room(120);
    let page = browser.join(server.addr(), "Ben");
    page.scheme(Scheme::Dark);
    page.say("And mine");
    page.run("void openInvite()");
    page.expect_shown("#invite");
    page.show_paper();
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
                author: [own.dataset.author, getComputedStyle(own, '::before').content !== 'none'],
                times: [...el.log.querySelectorAll('.message:not(.continues) time [aria-hidden]')]
                    .filter((node) => node.offsetWidth > 20).length > 0,
            };
        })()",
    );
    assert_eq!(
        shown,
        json!({
            "outside": [], "inks": ["rgb(0, 0, 0)"], "grounds": ["rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"],
            "whole": true, "author": ["Ben", true], "times": true,
        })
    );
    take_picture(&page, "printed");
    let pdf = BASE64.decode(page.print().as_bytes()).expect("base 64");
    let pages = pages(&pdf);
    assert!(pages > 1, "{pages} pages");
}
