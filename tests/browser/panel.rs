//! The host's panel: the link that brings it, the room's rules, links and codes to show, how full the history is.

use super::class::{Class, become_host, look_into_panel};
use super::look::{look, look_at, look_closely};
use crate::support::{Browser, Page, Scheme, Size, TestServer};

also_in!([firefox, webkit]:
    a_host_link_brings_the_panel_and_one_that_is_void_says_so,
    a_host_locks_the_room_closes_the_door_and_slows_it_down,
    a_switch_that_is_pressed_without_a_connection_says_so_and_goes_back,
    a_forgotten_password_is_a_request_and_then_a_link_to_show,
    two_hosts_see_each_other_and_what_each_did,
    in_a_room_for_members_the_host_shows_the_invite_code,
    hosts_see_that_the_history_fills_up_and_that_it_is_full,
);

fn expect_free(student: &Page) {
    student.expect("a box that takes text", "!el.message.readOnly && !state.outbox.items.length");
}

#[test]
fn a_host_link_brings_the_panel_and_one_that_is_void_says_so() {
    let Some(class) = Class::begin() else { return };
    let Class { host, student, .. } = &class;
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
    student.expect_refusals(1);
}

#[test]
fn a_host_locks_the_room_closes_the_door_and_slows_it_down() {
    let Some(class) = Class::begin() else { return };
    let Class { server, host, student } = &class;
    student.fill("#message", "What I was about to say");
    host.click("#lock");
    host.expect("the switch", "el.lock.checked");
    class.expect_blocked("Only the host can write now. Your text is kept.");
    student.expect_text("#room-state", "Only the host writes");
    host.say("Listen, please.");
    student.expect_message("Ms Keller", "Listen, please.");
    host.click("#lock");
    expect_free(student);
    student.expect_hidden("#room-state");
    student.run("el.send.click()");
    host.expect_message("Ben", "What I was about to say");
    class.expect_record("Ms Keller let everybody write");

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
    class.expect_record("let everybody write");

    host.click("#open-more");
    host.fill("#new-title", "Ice and water");
    host.press("Enter");
    student.expect_text("#title", "Ice and water");
    student.expect("the tab's title", "document.title.endsWith('Ice and water')");
    class.expect_record("Ms Keller named the room Ice and water");
    look_closely(host, "room-and-record");
}

#[test]
fn a_switch_that_is_pressed_without_a_connection_says_so_and_goes_back() {
    let Some(class) = Class::begin() else { return };
    let Class { host, .. } = &class;
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
fn a_forgotten_password_is_a_request_and_then_a_link_to_show() {
    let Some(class) = Class::begin() else { return };
    let Class { host, student, .. } = &class;
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
    class.expect_record("made a reset link for Ben");
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
    let Some(class) = Class::begin() else { return };
    let Class { server, host, .. } = &class;
    let other = become_host(&Browser::start().expect("one is running"), server);
    other.join("Mr Sato");
    host.expect_text("#people", "Mr Sato");
    other.click("#lock");
    host.expect("the switch", "el.lock.checked");
    class.expect_record("Mr Sato let only hosts write");
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

#[test]
fn hosts_see_that_the_history_fills_up_and_that_it_is_full() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::with(|config| config.history_megabytes = 1);
    let host = become_host(&browser, &server);
    host.expect_hidden("#fullness");
    let mut ana = server.join("Ana");
    let told = || host.run("el.fullness.textContent").as_str().unwrap_or_default().to_owned();
    let mut said = 0;
    while told().is_empty() {
        assert!(said < 300, "more than a megabyte, and nothing is told");
        ana.say_and_wait(&"x".repeat(4_000));
        said += 1;
    }
    assert!(told().contains("The history is 8"), "{}", told());
    // It is said for a moment only, which a page with so much to draw may miss.
    host.run(
        "void (window.heard = '', new MutationObserver(() => { heard += el.announcer.textContent; })
            .observe(el.announcer, { childList: true }))",
    );
    (said..300).for_each(|_| ana.say(&"x".repeat(4_000)));
    host.expect_text("#fullness", "100 % full");
    host.expect("it said", "heard.includes('100 % full')");
}
