//! Accounts as people have them: signing up out of the middle of a talk, logging in and out, a forgotten password, a room
//! for members only.

use super::look::{look, look_closely, look_into_drawer};

use crate::support::{Browser, Page, Process, Size, TestServer};
use std::path::Path;
use std::process::Command;

also_in!([firefox, webkit, old_chromium]: a_guest_who_has_spoken_signs_up_and_keeps_name_tab_and_place);
also_in!([firefox, webkit]:
    what_waits_across_a_login_arrives_exactly_once,
    who_logs_out_is_a_stranger_until_the_next_login_and_no_password_is_hinted_at,
    who_comes_after_a_logout_in_the_same_tab_has_said_nothing_yet,
    too_many_tries_say_how_long_to_wait,
    a_forgotten_password_is_replaced_by_the_hosts_link,
    a_dialog_that_opens_as_another_closes_keeps_its_form,
    a_reset_link_works_as_the_first_thing_a_browser_opens,
    a_password_is_changed_and_an_account_deleted_only_by_who_knows_it,
    a_room_for_members_opens_with_the_invite_code,
    a_login_takes_this_browsers_other_tabs_along_and_a_taken_name_is_offered_another,
);

const EMAIL: &str = "ana@school.example";
const PASSWORD: &str = "ice floats on water";

/// Fills in what the dialog asks for, by the fields' names, and presses Enter in the last.
fn fill_in(page: &Page, fields: &[(&str, &str)]) {
    for (name, text) in fields {
        page.fill(&format!("#account-{name}"), text);
    }
    page.press("Enter");
}

/// Signs up; the name is the one that the page offers.
fn sign_up(page: &Page) {
    page.click("#open-account");
    page.click("[data-to=signup]");
    fill_in(page, &[("email", EMAIL), ("password", PASSWORD)]);
    expect_member(page);
}

fn log_in(page: &Page, password: &str) {
    page.click("#open-account");
    fill_in(page, &[("email", EMAIL), ("password", password)]);
}

fn log_out(page: &Page) {
    page.click("#open-account");
    page.expect_text("#account-text", EMAIL);
    page.press("Enter");
    page.expect_text("#open-account", "Log in");
    page.expect_hidden("#account");
}

fn expect_member(page: &Page) {
    page.expect(
        "a name at the button",
        "isMember() && el.openAccount.textContent === state.account.session.username",
    );
    page.expect_hidden("#account");
    page.expect("the name", "state.me.joined && state.me.role === 'member'");
}

/// Chromium notes every refusal of the server in its console, whatever the page makes of it. There is nothing else.
fn expect_refusals(page: &Page, count: usize) {
    let count = if page.engine.notes_refusals() { count } else { 0 };
    let complaints = page.take_complaints();
    assert!(
        complaints.iter().all(|line| line.contains("the server responded with a status of 4")),
        "{complaints:?}"
    );
    assert_eq!(complaints.len(), count, "{complaints:?}");
}

/// What `chat-app reset-password` prints as the link.
fn reset_link(database: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-app"));
    let mut process = Process::spawn(command.args(["reset-password", EMAIL, "--database"]).arg(database));
    assert!(process.wait().success(), "{}", process.stderr.text());
    let said = process.stdout.whole();
    said.split_whitespace().find(|word| word.contains("/#reset=")).expect("a link").to_owned()
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
    expect_refusals(&page, 1);
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
fn too_many_tries_say_how_long_to_wait() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.open(server.addr());
    page.click("#open-account");
    let tries = chat_app::limits::LOGIN_FAILURES.0;
    for _ in 0..=tries {
        page.expect("a form that takes it", "!state.account.form.busy");
        fill_in(&page, &[("email", EMAIL), ("password", "a guess")]);
        page.expect("an answer", "!state.account.form.busy && state.account.form.wrong");
    }
    page.expect_text("#account .go", "Try again in");
    page.expect_text(".problem", "Too many tries.");
    look(&page, "throttled");
    page.expect("its end", "!state.account.form.until && state.account.form.wrong === null");
    page.expect_text("#account .go", "Log in");
    expect_refusals(&page, usize::try_from(tries).expect("few") + 1);
}

#[test]
fn a_forgotten_password_is_replaced_by_the_hosts_link() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.open(server.addr());
    page.join("Ana");
    sign_up(&page);
    log_out(&page);
    page.click("#open-account");
    page.click("[data-to=forgot]");
    look_closely(&page, "forgot");
    fill_in(&page, &[("email", EMAIL)]);
    page.expect_text("#account-text", "If there is such an account, the host has been told.");
    look(&page, "asked");
    page.press("Enter");
    page.expect_hidden("#account");

    let link = reset_link(server.database());
    page.run(&format!("void (location.href = {link:?})"));
    page.expect_text("#account-title", "Choose a new password");
    assert!(!page.run("location.href").to_string().contains("reset"), "the secret is out of the address bar");
    look_closely(&page, "reset");
    fill_in(&page, &[("password", "password1")]);
    page.expect_text("#account-password-wrong", "everybody tries first");
    page.expect_focus("#account-password");
    look(&page, "bad-password");
    fill_in(&page, &[("password", "water floats on nothing")]);
    page.expect_text("#account-text", "You have a new password.");
    page.expect(
        "the address, kept",
        &format!("document.querySelector('#account-email').value === '{EMAIL}'"),
    );
    fill_in(&page, &[("password", "water floats on nothing")]);
    expect_member(&page);

    let again = Browser::start().expect("one is running").tab();
    again.visit(&format!("http://{}", server.addr()));
    again.run(&format!("void (location.href = {link:?})"));
    fill_in(&again, &[("password", "yet another password")]);
    again.expect_text(".problem", "This link was used");
    look(&again, "used-link");
    expect_refusals(&page, 1);
    expect_refusals(&again, 1);
}

/// A dialog says a frame later that it was closed: what was opened meanwhile is not emptied by it.
#[test]
fn a_dialog_that_opens_as_another_closes_keeps_its_form() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.open(server.addr());
    page.run("void (openForm('forgot'), el.account.close(), openForm('login'))");
    // The event of the closing comes before the second frame.
    page.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
    page.expect_shown("#account-password");
    fill_in(&page, &[("email", EMAIL), ("password", "nobody's")]);
    page.expect_text(".problem", "Email address or password is wrong.");
    expect_refusals(&page, 1);
}

#[test]
fn a_reset_link_works_as_the_first_thing_a_browser_opens() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let first = browser.open(server.addr());
    first.join("Ana");
    sign_up(&first);
    let link = reset_link(server.database());
    let page = Browser::start().expect("one is running").tab();
    page.visit(&link);
    page.expect_text("#account-title", "Choose a new password");
    page.expect_focus("#account-password");
    assert_eq!(page.run("location.hash"), "");
    fill_in(&page, &[("password", "water floats on nothing")]);
    page.expect_text("#account-text", "You have a new password.");
    // Every session ended with it.
    first.expect_text("#gate-title", "Your session has ended");
    first.expect_focus("#gate-login");
    look(&first, "session-ended");
    first.click("#gate-button");
    first.expect_shown("#name");
}

#[test]
fn a_password_is_changed_and_an_account_deleted_only_by_who_knows_it() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.open(server.addr());
    page.join("Ana");
    page.say("I was here.");
    sign_up(&page);
    page.click("#open-account");
    page.click("[data-to=password]");
    fill_in(&page, &[("current", "not this"), ("new", "water floats on nothing")]);
    page.expect_text("#account-current-wrong", "This is not your password.");
    page.expect_focus("#account-current");
    look_closely(&page, "change-password");
    fill_in(&page, &[("current", PASSWORD), ("new", "water floats on nothing")]);
    page.expect_hidden("#account");
    page.expect_text("#status-text", "You have a new password.");

    page.click("#open-account");
    page.click("[data-to=leave]");
    look_closely(&page, "leave");
    page.click("[data-to=delete]");
    look(&page, "delete");
    fill_in(&page, &[("password", PASSWORD)]);
    page.expect_text("#account-password-wrong", "This is not your password.");
    assert_eq!(page.run("state.connection.phase"), "live");
    fill_in(&page, &[("password", "water floats on nothing")]);
    page.expect_text("#open-account", "Log in");
    page.expect_shown("#name");
    page.expect_message("Ana", "I was here.");
    expect_refusals(&page, 2);
}

#[test]
fn a_room_for_members_opens_with_the_invite_code() {
    let Some(browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-app"));
    command.args(["--bind", "127.0.0.1", "--port", "0", "--members-only", "--database"]);
    let room = Process::spawn(command.arg(folder.path().join("chat.db")));
    let shown = |label: &'static str| {
        room.stdout.wait_for(label, &room.stderr, |text| {
            let (_, rest) = text.split_once(label)?;
            Some(rest.split_once('\n')?.0.split_whitespace().next()?.to_owned())
        })
    };
    let code = shown("To sign up");
    let page = browser.tab();
    page.visit(&shown("On this computer"));
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
    expect_refusals(&page, 1);
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
    expect_refusals(&page, 1);
}
