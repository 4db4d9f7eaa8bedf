//! Passwords as people have them: forgotten, guessed, changed, and asked for before an account goes.

use super::accounts::{EMAIL, PASSWORD, expect_member, fill_in, log_out, sign_up};
use super::look::{look, look_closely};
use crate::accounts::link_from_the_command;
use crate::support::{Browser, TestServer};

also_in!([firefox, webkit]:
    a_forgotten_password_is_replaced_by_the_hosts_link,
    a_dialog_that_opens_as_another_closes_keeps_its_form,
    a_reset_link_works_as_the_first_thing_a_browser_opens,
    a_password_is_changed_and_an_account_deleted_only_by_who_knows_it,
    too_many_tries_say_how_long_to_wait,
);

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

    let link = link_from_the_command(server.database(), EMAIL).0;
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
    page.expect_refusals(1);
    again.expect_refusals(1);
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
    page.expect_refusals(1);
}

#[test]
fn a_reset_link_works_as_the_first_thing_a_browser_opens() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let first = browser.open(server.addr());
    first.join("Ana");
    sign_up(&first);
    let link = link_from_the_command(server.database(), EMAIL).0;
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
    page.expect_refusals(2);
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
    page.expect_refusals(usize::try_from(tries).expect("few") + 1);
}
