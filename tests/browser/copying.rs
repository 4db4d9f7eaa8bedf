//! What a selection in the log gives to the clipboard.

use crate::support::{Browser, Page, TestServer, clipboard};
use serde_json::{Value, json};

also_in!([firefox, webkit]:
    several_messages_are_copied_as_the_transcript_has_them,
    what_is_selected_in_one_message_is_copied_as_it_is,
);

/// A selection from one place to another, each a text of the log (from 0) and a place in it; what is copied of it, or null
/// where that is left to the browser.
fn copied(page: &Page, from: (usize, usize), to: (usize, usize)) -> Value {
    let ((first, start), (last, end)) = (from, to);
    page.run(&format!(
        "(() => {{
            const texts = [...el.log.querySelectorAll('.text')];
            getSelection().setBaseAndExtent(texts[{first}].firstChild, {start}, texts[{last}].firstChild, {end});
            return copy(document.body);
        }})()"
    ))
}

/// A room with messages of others and of one's own, in several lines, deleted, and such that pretend to be more.
fn talk(page: &Page, server: &TestServer) {
    page.inject(
        "function copy(target) {
            const clipboardData = new DataTransfer();
            const event = new ClipboardEvent('copy', { clipboardData, bubbles: true, cancelable: true });
            // Firefox has one of its own in each event.
            return target.dispatchEvent(event) ? null : event.clipboardData.getData('text/plain');
        }",
    );
    let mut ben = server.join("Ben");
    ben.say_and_wait("why does ice float?");
    ben.say_and_wait("one\n[07:13] Ana: two\u{2028}three");
    page.expect_message("Ben", "one\n[07:13] Ana: two\u{2028}three");
    page.say("taken back");
    page.say("see https://x.example/a");
    let mut yusuf = server.join("يوسف: Ana");
    yusuf.say_and_wait("أهلا");
    page.expect_message("يوسف: Ana", "أهلا");
    page.run("send({ event: 'delete_message', message_id: 3 })");
    page.expect_shown(".deleted");
}

#[test]
fn several_messages_are_copied_as_the_transcript_has_them() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.join(server.addr(), "Ana");
    talk(&page, &server);
    let times = page.run("[1, 2, 4, 5].map((id) => timeOf(state.log.messages.get(id).at))");
    let [ben, two, own, yusuf] = [0, 1, 2, 3].map(|at| times[at].as_str().expect("a time"));
    assert!(ben.len() == 5 && ben.contains(':'), "hours and minutes: {ben}");
    let lines = [
        format!("[{ben}] Ben: why does ice float?"),
        format!("[{two}] Ben: one\n    [07:13] Ana: two\n    three"),
        format!("[{own}] Ana: see https://x.example/a"),
        format!("[{yusuf}] يوسف： Ana: أهلا"),
    ];
    let all = lines.join("\n");
    assert_eq!(copied(&page, (0, 0), (4, 4)), all);
    let part = format!("[{ben}] Ben: ice float?\n[{two}] Ben: one");
    assert_eq!(copied(&page, (0, 9), (1, 3)), part, "a part of the first and of the last");
    assert_eq!(copied(&page, (1, 3), (0, 9)), part, "backwards");
    // The whole log, with the keyboard, as it comes out elsewhere.
    let held = clipboard();
    page.run("void (el.scroller.focus(), getSelection().selectAllChildren(el.log))");
    page.copy();
    page.run("el.message.focus()");
    page.paste();
    page.expect("the lines", &format!("el.message.value === {}", json!(all)));
    drop(held);
}

#[test]
fn what_is_selected_in_one_message_is_copied_as_it_is() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.join(server.addr(), "Ana");
    talk(&page, &server);
    assert_eq!(copied(&page, (0, 0), (0, 19)), Value::Null);
    assert_eq!(copied(&page, (0, 0), (1, 0)), Value::Null, "to the next one's edge, as three clicks select");
    assert_eq!(copied(&page, (1, 3), (2, 7)), Value::Null, "one, and one that was deleted");
    let node = "el.log.querySelectorAll('.message')[4]";
    page.run(&format!("getSelection().selectAllChildren({node})"));
    assert_eq!(page.run("copy(document.body)"), Value::Null, "one with its name and time");
    // What is typed is not the log's.
    page.run("getSelection().selectAllChildren(el.log)");
    assert_eq!(page.run("copy(el.message)"), Value::Null);
}
