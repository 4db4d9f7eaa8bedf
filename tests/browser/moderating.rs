//! What a host does about people and about what they have said: muting, removing, by name, deleting, clearing, the transcript.

use super::class::{Class, look_into_panel};
use super::look::{look, look_closely};
use crate::support::{Browser, TestServer};

also_in!([firefox, webkit]:
    who_is_muted_waits_with_what_they_wrote_until_they_may_again,
    who_is_removed_stays_out_until_let_back_in,
    who_has_left_and_who_has_an_account_can_be_named,
    a_host_deletes_what_anybody_said_and_clears_the_room_after_two_questions,
);
// WebKit for GTK has one language until it ends.
also_in!([firefox]: a_spreadsheet_comes_with_the_separator_that_the_browsers_country_expects);

#[test]
fn who_is_muted_waits_with_what_they_wrote_until_they_may_again() {
    let Some(class) = Class::begin() else { return };
    let Class { host, student, .. } = &class;
    class.act_on_ben("Mute");
    host.expect_text("#people", "muted");
    host.expect_text("#held", "Ben · muted");
    class.expect_blocked("The host has muted you.");
    look_into_panel(host, "host-muted-ben");
    // Sent a moment before the page heard of it, it is not lost and nobody has to send it again.
    student.run("void (state.me.muted = false, renderComposer())");
    student.write("I was quicker");
    student.expect(
        "a message that waits",
        "state.outbox.items.length === 1 && state.outbox.items[0].status === 'pending' && state.me.muted",
    );
    student.expect_text("#waiting .state", "Waiting");
    look(student, "muted-waiting");
    // By keyboard, from the list of those who are muted or removed.
    host.press_until("Tab", false, "#open-more");
    host.press("Enter");
    host.press_until("Tab", false, "#held button");
    host.press("Enter");
    host.expect_message("Ben", "I was quicker");
    host.expect_focus("#more .close");
    student.expect_waiting(0);
    class.expect_record("Ms Keller unmuted Ben");
}

#[test]
fn who_is_removed_stays_out_until_let_back_in() {
    let Some(class) = Class::begin() else { return };
    let Class { host, student, .. } = &class;
    class.act_on_ben("Remove");
    host.expect_text("#confirm-title", "Remove Ben?");
    look_closely(host, "remove");
    // Their device is this one: refused with the reason, and nothing is done.
    host.click("#confirm-more input");
    host.click("#confirm-yes");
    host.expect_text("#status-text", "Their device has your own address");
    assert_eq!(student.run("state.connection.phase"), "live");

    class.act_on_ben("Remove");
    host.expect(
        "a question that forgets",
        "el.confirm.open && !el.confirmMore.querySelector('input').checked",
    );
    host.click("#confirm-yes");
    student.expect_text("#gate-title", "You were removed from the room");
    look(student, "removed-by-host");
    host.expect_text("#held", "Ben · removed");
    host.expect("them gone", "!el.people.textContent.includes('Ben')");
    host.expect_focus("#lock"); // their row is gone, and nobody else's is left
    host.say("Now without Ben.");
    student.reload();
    student.expect_text("#gate-title", "You were removed from the room");
    assert_eq!(student.messages(), [], "nothing is read");
    assert_eq!(student.run("state.log.seen"), 0);
    let before = student.number("state.connection.openedAt");
    student.click("#gate-button");
    student.expect(
        "no way in",
        &format!("state.connection.openedAt > {before} && state.connection.phase === 'removed'"),
    );
    student.expect_text("#gate-text", "you were not let in yet");
    student.expect_text("#announcer", "you were not let in yet");
    look(student, "still-removed");
    host.click("#open-more");
    host.click("#held button");
    host.expect_hidden("#held-part");
    student.click("#gate-button");
    student.expect("them back", "state.me.joined");
    student.expect_message("Ms Keller", "Now without Ben.");
    student.say("Sorry.");
    class.expect_record("Ms Keller let Ben back in");
}

#[test]
fn who_has_left_and_who_has_an_account_can_be_named() {
    let Some(class) = Class::begin() else { return };
    let Class { host, student, .. } = &class;
    student.visit("about:blank");
    host.expect("them gone", "!el.people.textContent.includes('Ben')");
    host.click("#open-more");
    host.fill("#who", "Ben");
    host.press("Enter");
    host.click("#by-name [data-do=issue_reset]");
    host.expect("a refusal in words", "state.status.flash?.text.includes('account')");
    assert_eq!(host.run("[...el.authors.children].map(({ value }) => value)"), serde_json::json!(["Ben"]));
    host.click("#by-name [data-do=mute]");
    host.expect_text("#held", "Ben · muted");
    host.click("#by-name [data-do=remove]");
    host.expect_text("#confirm-title", "Remove Ben?");
    host.click("#confirm-yes");
    host.expect_text("#held", "Ben · removed");
    look_closely(host, "muted-and-removed");
    student.visit(&format!("http://{}", class.server.addr()));
    student.expect_text("#gate-title", "You were removed from the room");
    assert_eq!(student.messages(), [], "they were away, and read nothing all the same");
}

#[test]
fn a_host_deletes_what_anybody_said_and_clears_the_room_after_two_questions() {
    let Some(class) = Class::begin() else { return };
    let Class { host, student, .. } = &class;
    host.click("#log .message .bubble");
    host.expect("the menu", "el.menu.open");
    look_closely(host, "host-menu");
    host.press("Escape");
    host.choose("#log .message .bubble", "Delete");
    host.expect_text("#confirm-text", "Because it is lighter!");
    host.click("#confirm-yes");
    student.expect_shown(".deleted");
    class.expect_record("Ms Keller deleted a message of Ben");

    student.say("Good night!");
    host.expect_message("Ben", "Good night!");
    student.run("void (el.message.value = 'kept', noteInput())");
    host.click("#open-transcript");
    host.expect_text("#confirm", "Spreadsheet");
    look_closely(host, "transcript");
    assert_eq!(
        host.run("[el.confirmYes.hidden, el.confirmNo.textContent]"),
        serde_json::json!([true, "Close"])
    );
    host.press("Escape");
    host.click("#clear");
    host.expect("the transcript", "el.confirmMore.querySelectorAll('a[download]').length === 3");
    let taken = "Promise.all([...el.confirmMore.querySelectorAll('a')].map(({ href }) => fetch(href).then((it) => it.text())))";
    for (text, ending) in host.run(taken).as_array().expect("three").iter().zip(["txt", "csv", "json"]) {
        assert!(text.as_str().is_some_and(|text| text.contains("Good night!")), "{ending}: {text}");
    }
    look_closely(host, "clear");
    host.click("#confirm-yes");
    host.expect_text("#confirm-title", "Clear it now?");
    look(host, "clear-sure");
    host.click("#confirm-yes");
    for page in [host, student] {
        page.expect("an empty log", "el.log.childElementCount === 0 && !state.log.more");
        page.expect_text("#status-text", "The chat was cleared");
        page.expect_text("#empty-title", "The chat starts here");
    }
    assert_eq!(student.run("el.message.value"), "kept");
    look(student, "cleared");
    class.expect_record("Ms Keller cleared the chat");
    student.run("el.send.click()");
    student.expect_message("You", "kept");
    host.expect_message("Ben", "kept");
    student.reload();
    student.expect_message("You", "kept");
    assert_eq!(student.messages().len(), 1);
    host.say("Good morning!");
    student.expect_message("Ms Keller", "Good morning!");
}

#[test]
fn a_spreadsheet_comes_with_the_separator_that_the_browsers_country_expects() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.open(server.addr());
    for (locale, ending) in [
        ("en-GB", "/transcript.csv"),
        ("de-DE", "/transcript.csv?separator=;"),
        ("pt-BR", "/transcript.csv?separator=;"),
        ("ja-JP", "/transcript.csv"),
        ("tr-TR", "/transcript.csv?separator=;"),
    ] {
        page.speak(locale);
        page.reload();
        page.expect(locale, &format!("document.importNode(el.transcriptTemplate.content, true).firstChild.children[1].href.endsWith('{ending}')"));
    }
}
