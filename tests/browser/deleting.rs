//! Taking back what one has said: from the tab that said it, after a question, for everybody.

use super::look::{look, look_at, look_closely};
use crate::support::{Browser, Page, Scheme, Size, TestServer};

/// Whether `page` offers to delete the message `text`.
fn offers_to_delete(page: &Page, text: &str) -> bool {
    let node = format!(
        "[...el.log.querySelectorAll('.message')].find((node) => node.textContent.includes('{text}'))"
    );
    page.run(&format!("Boolean({node}.querySelector('.delete'))")) == true
}

#[test]
fn an_own_message_is_deleted_for_everyone_after_a_question_by_keyboard_alone() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let ana = browser.join(server.addr(), "Ana");
    let ben = Browser::start().expect("one is running").join(server.addr(), "Ben");
    ana.say("I like it.");
    ana.say("The teacher is wrong.");
    ben.say("Is she?");
    ana.expect_message("Ben", "Is she?");
    assert!(!offers_to_delete(&ana, "Is she?") && !offers_to_delete(&ben, "teacher"), "only one's own");

    ana.press_until("Tab", true, ".delete");
    ana.expect(
        "the newest first",
        "document.activeElement.closest('.message').textContent.includes('teacher')",
    );
    ana.press("ArrowUp");
    ana.expect("the one before", "document.activeElement.closest('.message').textContent.includes('like')");
    ana.press("ArrowDown");
    ana.press("Enter");
    ana.expect("the question", "el.confirm.open && el.confirm.contains(document.activeElement)");
    ana.expect_text("#confirm-text", "The teacher is wrong.");
    look_closely(&ana, "delete");
    ana.press("Escape");
    ana.expect_focus(".delete");
    assert!(offers_to_delete(&ana, "teacher"), "nothing was deleted yet");
    let height = ana.number("document.activeElement.closest('.message').offsetHeight");
    ana.press("Enter");
    ana.press_until("Tab", false, "#confirm-yes");
    ana.press("Enter");
    for page in [&ana, &ben] {
        page.expect("the place it had", "document.querySelector('.deleted .text').textContent === 'Deleted'");
    }
    ana.expect_focus("#message");
    assert_eq!(ana.number("document.querySelector('.deleted').offsetHeight"), height, "nothing else moves");
    look(&ana, "deleted");
    ana.reload();
    ana.expect_message("Ben", "Is she?");
    assert_eq!(ana.messages().len(), 2);
}

#[test]
fn a_tab_knows_its_own_messages_after_a_reload_and_no_other_tab_does() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let first = browser.join(server.addr(), "Ana");
    first.say("From the first tab.");
    first.reload();
    first.expect_message("You", "From the first tab.");
    first.expect("the button", "document.querySelector('#log .delete')");
    // The server takes a tab's word for what it sent, not a name's.
    let second = browser.open(server.addr());
    second.expect_focus("#name");
    second.press("Enter");
    second.expect_focus("#message");
    second.expect_message("You", "From the first tab.");
    assert!(!offers_to_delete(&second, "first"));

    // A mouse brings the button out, and so does a finger, which has to tap first.
    first.click("#log .message.own .bubble");
    look_at(&first, "delete-button", Size::Desk, Scheme::Light);
    first.click("#log .delete");
    first.expect_shown("#confirm");
    first.click("#confirm-no");
    first.expect_hidden("#confirm");
    first.size(Size::Phone);
    first.click("#log .bubble .text");
    first.expect("the button", "getComputedStyle(document.querySelector('#log .delete')).opacity === '1'");
    look_at(&first, "delete-button", Size::Phone, Scheme::Dark);
    first.expect("room for a finger", "document.querySelector('#log .delete').offsetHeight >= 44");
    first.click("#log .delete");
    first.click("#confirm-yes");
    first.expect_shown(".deleted");
    second.expect_shown(".deleted");
}
