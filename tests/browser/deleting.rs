//! Taking back what one has said: from the tab that said it, after a question, for everybody.

use super::look::{look, look_at, look_closely};
use crate::support::{Browser, Page, Scheme, Size, TestServer};

also_in!([firefox, webkit]:
    an_own_message_is_deleted_for_everyone_after_a_question_by_keyboard_alone,
);
// WebKit's screen cannot be touched here, and there the menu comes with a finger.
also_in!([firefox]: a_tab_knows_its_own_messages_after_a_reload_and_no_other_tab_does);

/// Whether `page` offers to delete the message `text`.
fn offers_to_delete(page: &Page, text: &str) -> bool {
    page.run(&format!(
        "(() => {{
            openMessageMenu([...state.log.messages.values()].find(({{ message }}) => message.includes('{text}')));
            const offered = [...el.menuRows.children].some((row) => row.textContent === 'Delete');
            el.menu.close();
            return offered;
        }})()"
    )) == true
}

/// Presses the row of the open menu that has the focus first, then the others, until it says this.
fn press_in_menu(page: &Page, word: &str) {
    page.expect("the menu", "el.menu.open && el.menu.contains(document.activeElement)");
    while page.run("document.activeElement.textContent") != word {
        page.press("ArrowDown");
    }
    page.press("Enter");
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

    ana.run("el.message.focus()");
    ana.press_until("Tab", true, ".message");
    ana.expect("the newest first", "document.activeElement.textContent.includes('Is she?')");
    ana.press("ArrowUp");
    ana.press("ArrowUp");
    ana.expect("the one before", "document.activeElement.textContent.includes('like')");
    ana.press("ArrowDown");
    ana.press("Enter");
    look_closely(&ana, "message-menu");
    press_in_menu(&ana, "Delete");
    ana.expect("the question", "el.confirm.open && el.confirm.contains(document.activeElement)");
    ana.expect_text("#confirm-text", "The teacher is wrong.");
    look_closely(&ana, "delete");
    ana.press("Escape");
    ana.expect("the message again", "document.activeElement.matches('.message') && !el.confirm.open");
    assert!(offers_to_delete(&ana, "teacher"), "nothing was deleted yet");
    let height = ana.number("document.activeElement.closest('.message').offsetHeight");
    ana.press("Enter");
    press_in_menu(&ana, "Delete");
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
    assert!(offers_to_delete(&first, "first"));
    // The server takes a tab's word for what it sent, not a name's.
    let second = browser.open(server.addr());
    second.expect_focus("#name");
    second.press("Enter");
    second.expect_focus("#message");
    second.expect_message("You", "From the first tab.");
    assert!(!offers_to_delete(&second, "first"));

    // By mouse, by finger.
    first.choose("#log .message.own .bubble", "Delete");
    first.expect_shown("#confirm");
    first.click("#confirm-no");
    first.expect_hidden("#confirm");
    first.size(Size::Phone);
    first.click("#log .bubble .text");
    first.expect("the menu", "el.menu.open");
    let low =
        "innerHeight - el.menu.getBoundingClientRect().bottom < 16 && el.menu.offsetWidth > innerWidth - 20";
    first.expect("it at the foot of the window", low);
    look_at(&first, "message-sheet", Size::Phone, Scheme::Dark);
    first.click("#menu-rows > button:last-child");
    first.click("#confirm-yes");
    first.expect_shown(".deleted");
    second.expect_shown(".deleted");
}
