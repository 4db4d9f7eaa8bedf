//! Names that a host takes: the page of whoever had one says so, and offers another.

use super::class::become_host;
use super::look::{look_at, look_closely};
use crate::accounts::{email_of, password_of};
use crate::support::{Browser, Page, Scheme, Size, TestServer};
use serde_json::json;

also_in!([firefox, webkit]:
    a_guest_whose_name_a_host_takes_goes_on_under_another,
    a_member_whose_name_a_host_frees_chooses_another,
    a_removal_among_members_offers_a_new_code,
);

fn sign_up(page: &Page, name: &str) {
    let fields = json!({"email": email_of(name), "username": name, "password": password_of(name)});
    assert_eq!(page.run(&format!("ask('api/signup', {fields})"))["user"]["username"], name);
    page.reload();
    page.expect("the account", "isLive() && state.me.joined && state.me.role === 'member'");
}

fn free(host: &Page, name: &str) {
    host.click("#open-more");
    host.fill("#who", name);
    look_closely(host, "free-name");
    host.click("#by-name [data-do=free_name]");
}

#[test]
fn a_guest_whose_name_a_host_takes_goes_on_under_another() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let student = browser.join(server.addr(), "Ms Keller");
    student.fill("#message", "No homew");
    let host = become_host(&Browser::start().expect("one is running"), &server);
    host.join("Ms Keller");
    student.expect_text(
        "#status-text",
        "A host has freed your name. You are Guest 1 now, and can choose another.",
    );
    look_at(&student, "renamed", Size::Desk, Scheme::Light);
    student.expect_focus("#message");
    student.type_text("ork");
    student.press("Enter");
    host.expect_message("Guest 1", "No homework");
    student.expect_message("You", "No homework");
    // The name that it has is the one that it comes back with.
    student.reload();
    student.expect("the name", "state.me.joined && state.me.username === 'Guest 1'");
    student.run("setRenaming(true)");
    student.fill("#name", "Ben");
    student.press("Enter");
    student.expect("another", "state.me.username === 'Ben'");
    assert_eq!(
        student.run("state.status.flash?.text.includes('freed') ?? false"),
        false,
        "chosen, not given"
    );
}

#[test]
fn a_member_whose_name_a_host_frees_chooses_another() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let member = browser.open(server.addr());
    sign_up(&member, "Frau Meier");
    let other = browser.open(server.addr());
    other.expect("the account", "state.me.joined");
    let host = become_host(&Browser::start().expect("one is running"), &server);
    host.join("Ms Keller");
    free(&host, "Frau Meier");
    host.expect_text("#record li", "Ms Keller freed the name Frau Meier");
    for page in [&member, &other] {
        page.expect_text("#status-text", "A host has freed your name. You are Member 1 now");
    }
    member.reload();
    member.expect_text("#status-text", "A host has freed your name.");
    member.bring_to_front();
    member.click("#open-account");
    member.expect_text("#account-title", "Choose a name");
    look_closely(&member, "choose-a-name");
    member.fill("#account-username", "Ms Keller");
    member.press("Enter");
    member.expect_text("#account-username-wrong", "This name belongs to a host.");
    member.expect_refusals(1);
    member.fill("#account-username", "Mia");
    member.press("Enter");
    member.expect_hidden("#account");
    for page in [&member, &other] {
        page.expect("the name", "state.me.username === 'Mia' && !state.account.session.choose_name");
    }
    member.say("Hello");
    host.expect_message("Mia", "Hello");
    member.click("#open-account");
    member.expect_text("#account-title", "Your account");
}

#[test]
fn a_removal_among_members_offers_a_new_code() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::with(|config| config.members_only = true);
    let host = become_host(&browser, &server);
    host.join("Ms Keller");
    let code = |before: &str| {
        host.expect("another code", &format!("el.code.textContent && el.code.textContent !== '{before}'"));
        host.text("#code")
    };
    let first = code("");
    let student = Browser::start().expect("one is running").tab();
    student.visit(&format!("http://{}", server.addr()));
    let fields =
        json!({"email": email_of("Ben"), "username": "Ben", "password": password_of("Ben"), "invite": first});
    assert_eq!(student.run(&format!("ask('api/signup', {fields})"))["user"]["username"], "Ben");
    student.reload();
    student.expect("the account", "state.me.joined");
    host.choose("#people [aria-label='More: Ben']", "Remove Ben");
    look_closely(&host, "remove-a-member");
    host.click("#confirm-more label:last-child input");
    host.click("#confirm-yes");
    student.expect_text("#gate-title", "You were removed from the room");
    code(&first);
    host.expect_text("#record li", "Ms Keller made a new invite code");
    student.reload();
    student.expect_text("#gate-title", "You were removed from the room");
}
