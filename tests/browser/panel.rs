//! The room as a host runs it: two windows side by side, what is done in the one and what shows in the other.

use super::look::{look, look_at, look_closely, look_into_drawer};
use crate::support::{Browser, Page, Scheme, Size, TestServer};

also_in!([firefox, webkit]:
    a_host_link_brings_the_panel_and_one_that_is_void_says_so,
    a_host_locks_the_room_closes_the_door_and_slows_it_down,
    a_switch_that_is_pressed_without_a_connection_says_so_and_goes_back,
    who_is_muted_waits_with_what_they_wrote_until_they_may_again,
    who_is_removed_stays_out_until_let_back_in,
    a_host_deletes_what_anybody_said_and_clears_the_room_after_two_questions,
    a_forgotten_password_is_a_request_and_then_a_link_to_show,
    two_hosts_see_each_other_and_what_each_did,
    who_has_left_and_who_has_an_account_can_be_named,
    in_a_room_for_members_the_host_shows_the_invite_code,
);

/// A host's tab and a student's, each in a browser of its own, both in the room.
struct Lesson {
    server: TestServer,
    host: Page,
    student: Page,
}

impl Lesson {
    fn begin() -> Option<Lesson> {
        let browser = Browser::start()?;
        let server = TestServer::with(|config| config.title = Some("Room 12".to_owned()));
        let host = become_host(&browser, &server);
        host.join("Ms Keller");
        let student = Browser::start()?.join(server.addr(), "Ben");
        student.say("Because it is lighter!");
        host.expect_message("Ben", "Because it is lighter!");
        host.expect_text("#people", "Ben");
        Some(Lesson { server, host, student })
    }

    /// Opens the menu of the student's row in the host's panel, and presses one of its rows.
    fn act_on_ben(&self, action: &str) {
        self.host.choose("#people [aria-label='More: Ben']", &format!("{action} Ben"));
    }

    /// What the record says first.
    fn expect_record(&self, deed: &str) {
        self.host.expect_text("#record li", deed);
    }
}

/// A tab that has opened the host link, as the host's own computer shows it.
pub fn become_host(browser: &Browser, server: &TestServer) -> Page {
    let page = browser.tab();
    page.visit(&format!("http://{}/#host={}", server.addr(), server.host_key()));
    page.expect("a host's controls", "isHost() && document.querySelector('#lock').checkVisibility()");
    assert_eq!(page.run("location.hash"), "", "the secret is out of the address bar");
    page
}

/// Looks at what the panel shows: in the drawer, which it is where there is no room for it, then at a desk.
fn look_into_panel(host: &Page, state: &str) {
    host.size(Size::Phone);
    host.click("#toggle-panel");
    host.expect_focus("#close-panel");
    look_into_drawer(host, state);
    host.press("Escape");
    host.expect_hidden("#panel");
    host.size(Size::Desk);
    look_at(host, state, Size::Desk, Scheme::Light);
}

fn expect_blocked(student: &Page, why: &str) {
    student.expect_text("#status-text", why);
    student.expect("a box that takes nothing", "el.message.readOnly");
}

fn expect_free(student: &Page) {
    student.expect("a box that takes text", "!el.message.readOnly && !state.outbox.items.length");
}

/// Chromium notes every refusal of the server in its console, whatever the page makes of it. There is nothing else.
fn expect_one_refusal(page: &Page) {
    let complaints = page.take_complaints();
    let refused = complaints.iter().filter(|line| line.contains("status of 403")).count();
    assert_eq!((complaints.len(), refused == 1), (refused, page.engine.notes_refusals()), "{complaints:?}");
}

#[test]
fn a_host_link_brings_the_panel_and_one_that_is_void_says_so() {
    let Some(lesson) = Lesson::begin() else { return };
    let Lesson { host, student, .. } = &lesson;
    host.expect_text("#announcer", "You are the host now");
    look_into_panel(host, "host-panel");
    host.size(Size::Phone);
    host.click("#toggle-panel");
    host.expect_focus("#close-panel");
    // What is refused is said where the host is.
    host.run("moderate('remove', { username: 'Ms Keller' })");
    host.expect_text("#host-note", "You cannot do this to yourself.");
    look_at(host, "host-drawer-refused", Size::Phone, Scheme::Dark);
    host.press("Escape");
    host.size(Size::Desk);
    host.reload();
    host.expect("a host's controls, still", "isHost() && state.me.role === 'host' && state.me.joined");
    // What is no host's key is said in words, and nothing else changes.
    student.run("void (location.hash = 'host=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')");
    student.expect_text("#account-title", "This link doesn’t work");
    student.expect_text("#account-text", "This host link is not whole");
    look(student, "host-link-refused");
    student.press("Enter");
    student.expect_hidden("#account");
    assert_eq!(
        student.run("[location.hash, state.connection.phase, isHost()]"),
        serde_json::json!(["", "live", false])
    );
    expect_one_refusal(student);
}

#[test]
fn a_host_locks_the_room_closes_the_door_and_slows_it_down() {
    let Some(lesson) = Lesson::begin() else { return };
    let Lesson { server, host, student } = &lesson;
    student.fill("#message", "What I was about to say");
    host.click("#lock");
    host.expect("the switch", "el.lock.checked");
    expect_blocked(student, "Only the host can write now. Your text is kept.");
    student.expect_text("#room-state", "Only the host writes");
    host.say("Listen, please.");
    student.expect_message("Ms Keller", "Listen, please.");
    host.click("#lock");
    expect_free(student);
    student.expect_hidden("#room-state");
    student.run("el.send.click()");
    host.expect_message("Ben", "What I was about to say");
    lesson.expect_record("Ms Keller let everybody write");

    host.click("#door");
    student.expect_text("#room-state", "No newcomers");
    let late = Browser::start().expect("one is running").open(server.addr());
    late.expect_text("#status-text", "No newcomers at the moment");
    late.expect_message("Ben", "What I was about to say");
    host.click("#door");
    late.expect("a name field that takes one", "!el.name.readOnly");

    host.run("void (el.slow.value = '30', el.slow.dispatchEvent(new Event('change')))");
    student.expect_text("#room-state", "One message per 30 s");
    student.say("One.");
    student.expect_text("#status-text", "One message per 30 s. You can send the next in");
    host.click("#lock");
    host.click("#door");
    student.expect_text("#room-state", "Only the host writes · No newcomers · One message per 30 s");
    look(student, "all-rules");
    look_into_panel(host, "all-rules-host");
    host.run("void (el.slow.value = '0', el.slow.dispatchEvent(new Event('change')))");
    host.click("#lock");
    expect_free(student);
    lesson.expect_record("let everybody write");

    host.click("#open-more");
    host.fill("#new-title", "Ice and water");
    host.press("Enter");
    student.expect_text("#title", "Ice and water");
    student.expect("the tab's title", "document.title.endsWith('Ice and water')");
    lesson.expect_record("Ms Keller named the room Ice and water");
    look_closely(host, "room-and-record");
}

#[test]
fn a_switch_that_is_pressed_without_a_connection_says_so_and_goes_back() {
    let Some(lesson) = Lesson::begin() else { return };
    let Lesson { host, .. } = &lesson;
    host.run("void (abandon(), clearTimeout(state.connection.retryTimer))");
    host.expect_connection("lost");
    host.click("#lock");
    host.expect_text("#host-note", "Not connected: nothing was changed.");
    host.expect("the switch as it was", "!el.lock.checked");
    look_at(host, "host-offline", Size::Desk, Scheme::Light);
    host.run("reconnectNow()");
    host.expect_connection("live");
    host.expect_hidden("#host-note");
    host.click("#lock");
    host.expect_text("#room-state", "Only the host writes");
}

#[test]
fn who_is_muted_waits_with_what_they_wrote_until_they_may_again() {
    let Some(lesson) = Lesson::begin() else { return };
    let Lesson { host, student, .. } = &lesson;
    lesson.act_on_ben("Mute");
    host.expect_text("#people", "muted");
    host.expect_text("#held", "Ben · muted");
    expect_blocked(student, "The host has muted you.");
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
    lesson.expect_record("Ms Keller unmuted Ben");
}

#[test]
fn who_is_removed_stays_out_until_let_back_in() {
    let Some(lesson) = Lesson::begin() else { return };
    let Lesson { host, student, .. } = &lesson;
    lesson.act_on_ben("Remove");
    host.expect_text("#confirm-title", "Remove Ben?");
    look_closely(host, "remove");
    // Their device is this one: refused with the reason, and nothing is done.
    host.click("#confirm-more input");
    host.click("#confirm-yes");
    host.expect_text("#status-text", "Their device has your own address");
    assert_eq!(student.run("state.connection.phase"), "live");

    lesson.act_on_ben("Remove");
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
    lesson.expect_record("Ms Keller let Ben back in");
}

#[test]
fn a_host_deletes_what_anybody_said_and_clears_the_room_after_two_questions() {
    let Some(lesson) = Lesson::begin() else { return };
    let Lesson { host, student, .. } = &lesson;
    host.click("#log .message .bubble");
    host.expect("the menu", "el.menu.open");
    look_closely(host, "host-menu");
    host.press("Escape");
    host.choose("#log .message .bubble", "Delete");
    host.expect_text("#confirm-text", "Because it is lighter!");
    host.click("#confirm-yes");
    student.expect_shown(".deleted");
    lesson.expect_record("Ms Keller deleted a message of Ben");

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
    lesson.expect_record("Ms Keller cleared the chat");
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
fn a_forgotten_password_is_a_request_and_then_a_link_to_show() {
    let Some(lesson) = Lesson::begin() else { return };
    let Lesson { host, student, .. } = &lesson;
    student.click("#open-account");
    student.click("[data-to=signup]");
    student.fill("#account-email", "ben@school.example");
    student.fill("#account-password", "ice floats on water");
    student.press("Enter");
    student.expect_text("#open-account", "Ben");
    student.run(
        "fetch('/api/forgot', { method: 'POST', headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ email: 'ben@school.example' }) }).then(({ status }) => status)",
    );
    host.expect_text("#requests", "Ben asked for a new password");
    host.expect_text("#asking", "1");
    look_into_panel(host, "reset-request");
    // Counted at the button, also while nothing else of the panel is shown.
    host.click("#toggle-panel");
    host.expect_shown("#asking");
    assert_eq!(host.text("#asking-word"), "1 request");
    host.click("#toggle-panel");
    host.click("#requests button");
    host.expect_text("#confirm-text", "Can others see this screen?");
    assert_eq!(host.run("document.body.textContent.includes('#reset=')"), false, "nothing is shown unasked");
    look_closely(host, "reset-link-asked");
    host.click("#confirm-yes");
    host.expect_text("#invite-title", "New password for Ben");
    host.expect("the code", "el.inviteQr.naturalWidth > 0 && el.inviteFull.hidden");
    look_closely(host, "reset-link");
    let link = host.text("#invite-address");
    host.press("Escape");
    host.expect_hidden("#invite");
    host.expect_focus("#open-invite"); // the request's button is gone
    lesson.expect_record("made a reset link for Ben");
    assert_eq!(host.number("el.record.children.length"), 1.0, "one press makes one link");
    student.run(&format!("void (location.href = {link:?})"));
    student.expect_text("#account-title", "Choose a new password");
    student.fill("#account-password", "water floats on nothing");
    student.press("Enter");
    student.expect_text("#account-text", "You have a new password.");
    host.expect("no request", "el.requests.childElementCount === 0");
    // The invitation is the room's again.
    host.click("#open-invite");
    host.expect_text("#invite-title", "Invite");
    host.expect("the room's address", "!el.inviteAddress.textContent.includes('reset')");
}

#[test]
fn two_hosts_see_each_other_and_what_each_did() {
    let Some(lesson) = Lesson::begin() else { return };
    let Lesson { server, host, .. } = &lesson;
    let other = become_host(&Browser::start().expect("one is running"), server);
    other.join("Mr Sato");
    host.expect_text("#people", "Mr Sato");
    other.click("#lock");
    host.expect("the switch", "el.lock.checked");
    lesson.expect_record("Mr Sato let only hosts write");
    let offered = "[...el.people.querySelectorAll('button')].map((button) => button.ariaLabel)";
    assert_eq!(host.run(offered), serde_json::json!(["More: Ben"]), "nothing against a host");
    // Arrow keys lead from person to person, on a list that is one stop of the Tab key.
    let _more = [server.join("Ana"), server.join("Carla")];
    host.expect_text("#people", "Carla");
    host.run("document.querySelector('#people button').focus()");
    host.press("ArrowDown");
    host.expect_focus("[aria-label=\"More: Ben\"]");
    host.press("ArrowDown");
    host.expect_focus("[aria-label=\"More: Carla\"]");
    assert_eq!(host.run("el.people.querySelectorAll('button[tabindex=\"0\"]').length"), 1);
}

#[test]
fn who_has_left_and_who_has_an_account_can_be_named() {
    let Some(lesson) = Lesson::begin() else { return };
    let Lesson { host, student, .. } = &lesson;
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
    student.visit(&format!("http://{}", lesson.server.addr()));
    student.expect_text("#gate-title", "You were removed from the room");
    assert_eq!(student.messages(), [], "they were away, and read nothing all the same");
}

#[test]
fn in_a_room_for_members_the_host_shows_the_invite_code() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::with(|config| config.members_only = true);
    let host = become_host(&browser, &server);
    host.click("#open-more");
    let code = host.text("#code");
    assert!(!code.is_empty());
    look_closely(&host, "invite-code");
    let student = Browser::start().expect("one is running").tab();
    student.visit(&format!("http://{}", server.addr()));
    student.click("#gate-button");
    for (name, text) in [
        ("email", "ben@school.example"),
        ("username", "Ben"),
        ("password", "ice floats on water"),
        ("invite", &code),
    ] {
        student.fill(&format!("#account-{name}"), text);
    }
    student.press("Enter");
    host.expect_text("#people", "Ben");
}
