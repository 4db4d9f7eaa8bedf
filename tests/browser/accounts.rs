//! Accounts as people have them: signing up out of the middle of a talk, logging in and out, a room for members only.

use super::look::{look, look_closely, look_into_drawer};
use crate::support::{Browser, Page, Process, Size, TestServer, program};

also_in!([firefox, webkit, old_chromium]: a_guest_who_has_spoken_signs_up_and_keeps_name_tab_and_place);
also_in!([firefox, webkit]:
    what_waits_across_a_login_arrives_exactly_once,
    who_logs_out_is_a_stranger_until_the_next_login_and_no_password_is_hinted_at,
    who_comes_after_a_logout_in_the_same_tab_has_said_nothing_yet,
    a_room_for_members_opens_with_the_invite_code,
    a_login_takes_this_browsers_other_tabs_along_and_a_taken_name_is_offered_another,
);

pub(super) const EMAIL: &str = "ana@school.example";
pub(super) const PASSWORD: &str = "ice floats on water";

/// Fills in what the dialog asks for, by the fields' names, and presses Enter in the last.
pub(super) fn fill_in(page: &Page, fields: &[(&str, &str)]) {
    for (name, text) in fields {
        page.fill(&format!("#account-{name}"), text);
    }
    page.press("Enter");
}

/// Signs up; the name is the one that the page offers.
pub(super) fn sign_up(page: &Page) {
    page.click("#open-account");
    page.click("[data-to=signup]");
    fill_in(page, &[("email", EMAIL), ("password", PASSWORD)]);
    expect_member(page);
}

fn log_in(page: &Page, password: &str) {
    page.click("#open-account");
    fill_in(page, &[("email", EMAIL), ("password", password)]);
}

pub(super) fn log_out(page: &Page) {
    page.click("#open-account");
    page.expect_text("#account-text", EMAIL);
    page.press("Enter");
    page.expect_text("#open-account", "Log in");
    page.expect_hidden("#account");
}

pub(super) fn expect_member(page: &Page) {
    page.expect(
        "a name at the button",
        "isMember() && el.openAccount.textContent === state.account.session.username",
    );
    page.expect_hidden("#account");
    page.expect("the name", "state.me.joined && state.me.role === 'member'");
}

#[test]
fn a_guest_who_has_spoken_signs_up_and_keeps_name_tab_and_place() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let mut ben = server.join("Ben");
    let page = browser.tab();
    // As on a LAN, where crypto.randomUUID and the like do not exist.
    page.visit(&format!("http://room.lan:{}", server.addr().port()));
    page.join("Ana");
    page.say("as a guest");
    let tab_key = page.run("state.me.tabKey");
    page.click("#open-account");
    page.expect_focus("#account-email");
    page.expect_shown("#account-wire");
    look_closely(&page, "log-in");
    page.click("[data-to=signup]");
    page.expect("the guest's name", "document.querySelector('#account-username').value === 'Ana'");
    look_closely(&page, "sign-up");
    fill_in(&page, &[("email", EMAIL), ("password", PASSWORD)]);
    expect_member(&page);
    page.expect_focus("#message");
    page.say("as a member");
    assert_eq!(ben.expect_text("as a guest")["role"], "guest");
    let said = ben.expect_text("as a member");
    assert_eq!((&said["username"], &said["role"]), (&"Ana".into(), &"member".into()));
    assert_eq!(page.run("state.me.tabKey"), tab_key);
    assert_eq!(page.messages().len(), 2, "{:?}", page.messages());
    page.reload();
    expect_member(&page);
    page.expect_message("You", "as a guest");
    page.expect_message("You", "as a member");
    look(&page, "member");
}

#[test]
fn what_waits_across_a_login_arrives_exactly_once() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let mut ben = server.join("Ben");
    let first = browser.open(server.addr());
    first.join("Ana");
    sign_up(&first);
    drop(first);
    let page = Browser::start().expect("one is running").open(server.addr());
    page.join("Guest of Ana");
    page.say("heard");
    // One is on the server already, and its receipt is lost; two have not left the page.
    page.run("void (state.connection.socket.onmessage = null)");
    page.write("unheard receipt");
    ben.expect_text("unheard receipt");
    page.write("waiting");
    page.write("waiting too");
    page.expect_waiting(3);
    log_in(&page, PASSWORD);
    expect_member(&page);
    page.expect_waiting(0);
    page.say("and on");
    assert_eq!(ben.expect_text("waiting too")["username"], "Ana");
    ben.expect_text("and on");
    let heard: Vec<_> = ben.received("receive_message").iter().map(|m| m["message"].clone()).collect();
    assert_eq!(heard, ["heard", "unheard receipt", "waiting", "waiting too", "and on"]);
    let shown: Vec<_> = page.messages().into_iter().map(|(_, text)| text).collect();
    assert_eq!(shown, ["heard", "unheard receipt", "waiting", "waiting too", "and on"]);
}

#[test]
fn who_logs_out_is_a_stranger_until_the_next_login_and_no_password_is_hinted_at() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.open(server.addr());
    page.join("Ana");
    sign_up(&page);
    page.click("#open-account");
    page.expect_text("#account-text", EMAIL);
    look_closely(&page, "account");
    page.press("Escape");
    page.expect_hidden("#account");
    page.expect_focus("#open-account");
    log_out(&page);
    page.expect_connection("live");
    page.expect_text("#connection-word", "Nobody here yet");
    page.expect_focus("#name");
    look(&page, "logged-out");

    // On a phone the way in is in the drawer; the focus finds back.
    page.size(Size::Phone);
    page.click("#toggle-panel");
    look_into_drawer(&page, "drawer-guest");
    page.size(Size::Phone);
    page.click("#open-account");
    page.expect_focus("#account-email");
    page.press("Escape");
    page.expect_hidden("#account");
    page.expect_focus("#toggle-panel");
    page.size(Size::Desk);

    page.click("#open-account");
    page.press("Enter");
    page.expect_focus("#account-email");
    page.expect_text("#account-email-wrong", "Please fill this in.");
    assert_eq!(page.run("document.querySelector('#account-email').getAttribute('aria-invalid')"), "true");
    fill_in(&page, &[("email", EMAIL), ("password", "is it this one?")]);
    page.expect_text(".problem", "Email address or password is wrong.");
    page.expect_focus("#account-password");
    assert_eq!(page.run("document.querySelectorAll('#account [aria-invalid=true]').length"), 0);
    assert!(page.run("state.account.session").is_null());
    look(&page, "wrong-password");
    page.click("#account .show");
    page.expect("the password", "document.querySelector('#account-password').type === 'text'");
    page.expect_refusals(1);
    fill_in(&page, &[("password", PASSWORD)]);
    expect_member(&page);
}

#[test]
fn who_comes_after_a_logout_in_the_same_tab_has_said_nothing_yet() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.open(server.addr());
    page.join("Ana");
    sign_up(&page);
    page.say("Ana was here");
    page.expect_message("You", "Ana was here");
    log_out(&page);
    page.join("Ben");
    page.say("and now Ben");
    page.expect_message("Ana", "Ana was here");
    page.reload();
    page.expect_message("You", "and now Ben");
    page.expect_message("Ana", "Ana was here");
}

#[test]
fn a_room_for_members_opens_with_the_invite_code() {
    let Some(browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = program();
    command.args(["--bind", "127.0.0.1", "--port", "0", "--members-only", "--database"]);
    let room = Process::spawn(command.arg(folder.path().join("chat.db")));
    let code = room.shown("To sign up");
    let page = browser.tab();
    page.visit(&room.shown("On this computer"));
    page.expect_text("#gate-title", "This room is for members");
    page.expect_focus("#gate-login");
    look(&page, "members-only");
    page.click("#gate-button");
    fill_in(
        &page,
        &[("email", EMAIL), ("username", "Ana"), ("password", PASSWORD), ("invite", "0000-0000-0000")],
    );
    page.expect_text("#account-invite-wrong", "This is not it.");
    page.expect_focus("#account-invite");
    look(&page, "wrong-invite");
    fill_in(&page, &[("invite", &code)]);
    expect_member(&page);
    page.say("among us");
    page.reload();
    page.expect_message("You", "among us");
    log_out(&page);
    page.expect_text("#gate-title", "This room is for members");
    page.expect_refusals(1);
}

#[test]
fn a_login_takes_this_browsers_other_tabs_along_and_a_taken_name_is_offered_another() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let mut ben = server.join("Ben");
    ben.say_and_wait("hello");
    let (page, other) = (browser.open(server.addr()), browser.open(server.addr()));
    other.expect_connection("live");
    page.bring_to_front();
    page.click("#open-account");
    page.click("[data-to=signup]");
    fill_in(&page, &[("email", EMAIL), ("username", "Ben"), ("password", PASSWORD)]);
    page.expect_text("#account-username-wrong", "Use Ben 2");
    page.expect_focus("#account-username");
    look(&page, "name-of-an-account-taken");
    page.click("#account-username-wrong button");
    page.expect_focus("#account-username");
    page.press("Enter");
    expect_member(&page);
    expect_member(&other);
    other.say("from the other tab");
    assert_eq!(ben.expect_text("from the other tab")["username"], "Ben 2");
    log_out(&page);
    other.expect_text("#gate-title", "Your session has ended");
    page.expect_refusals(1);
}
