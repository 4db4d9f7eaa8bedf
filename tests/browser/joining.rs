//! Coming in: a first visit, a name that is taken, a browser that was here before, an empty room and its address.

use super::look::{look, look_at, look_closely, look_into_drawer};
use crate::support::{Browser, Engine, Process, Scheme, Signal, Size, TestServer, clipboard, free_port, key};
use serde_json::json;

also_in!([firefox, webkit]:
    a_first_visit_asks_for_a_name_and_offers_another_when_it_is_taken,
    a_browser_that_was_here_before_continues_as_who_it_was,
    a_newcomer_who_has_to_wait_gets_in_without_asking_again,
    an_empty_room_shows_how_to_bring_others_in,
    the_invitation_fills_the_screen_and_is_copied_on_plain_http,
    a_page_that_stays_open_invites_to_where_the_room_is_now,
    the_keyboard_alone_leads_from_a_first_visit_through_every_part_and_back,
);

#[test]
fn a_first_visit_asks_for_a_name_and_offers_another_when_it_is_taken() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::with(|config| config.title = Some("Room 12".to_owned()));
    let mut ana = server.join("Ana");
    ana.say_and_wait("Good morning!");
    let page = browser.open(server.addr());
    page.expect_focus("#name");
    page.expect_message("Ana", "Good morning!");
    look_closely(&page, "first-visit");

    page.fill("#name", "ana");
    page.press("Enter");
    page.expect_text("#name-problem", "has this name");
    page.expect_text("#suggestion", "ana 2");
    look(&page, "name-taken");
    page.click("#suggestion");
    page.expect_focus("#message");
    page.say("Hello!");
    assert_eq!(ana.expect_text("Hello!")["username"], "ana 2");
}

#[test]
fn a_browser_that_was_here_before_continues_as_who_it_was() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let first = browser.join(server.addr(), "Ana");
    first.say("I was here.");
    drop(first);
    let again = browser.open(server.addr());
    again.expect_text("#join-button", "Continue as Ana");
    again.expect_focus("#name");
    look(&again, "continue-as");
    again.press("Enter");
    again.expect_focus("#message");
    // The browser's key proves the name: another browser is not given it.
    again.say("And again.");
    again.expect_message("You", "I was here.");
    let stranger = Browser::start().expect("one is running").open(server.addr());
    stranger.fill("#name", "Ana");
    stranger.press("Enter");
    stranger.expect_text("#suggestion", "Ana 2");
}

/// More than a class came from this network at once: the next has to wait, and not to ask again.
#[test]
fn a_newcomer_who_has_to_wait_gets_in_without_asking_again() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::with(|config| config.rate_limit = 5);
    let page = browser.open(server.addr());
    page.fill("#name", "Late");
    let mut class = Vec::new();
    loop {
        let (mut pupil, name) = (server.connect(), format!("Pupil {}", class.len()));
        pupil.send(json!({"event": "join", "username": name, "guest_key": key(&name)}));
        let answer = pupil.expect("an answer", |it| it["event"] == "joined" || it["code"] == "rate_limited");
        class.push(pupil);
        if answer["event"] == "error" {
            break;
        }
    }
    page.press("Enter");
    page.expect_focus("#message");
    page.say("I am in.");
    class[0].expect_text("I am in.");
}

#[test]
fn an_empty_room_shows_how_to_bring_others_in() {
    let Some(browser) = Browser::start() else { return };
    let local = TestServer::start();
    let page = browser.open(local.addr());
    // A phone would take this address for itself.
    page.expect_text("#empty-text", "Only this computer can open this address.");
    assert_eq!(
        page.run("[el.emptyQr.hidden, el.emptyAddress.textContent.includes('127.0.0.1')]"),
        json!([true, true])
    );
    page.click("#open-invite");
    page.expect_text("#invite-hint", "Only this computer can open this address.");
    assert_eq!(page.run("el.inviteQr.hidden"), true);
    look(&page, "invite-local");
    let server =
        TestServer::with(|config| config.public_urls = vec!["http://192.168.178.20:5000".to_owned()]);
    let page = browser.open(server.addr());
    let url = server.get("/api/invite").json()["url"].as_str().expect("an address").to_owned();
    page.expect_text("#empty-address", &url);
    page.expect("the code", "el.emptyQr.checkVisibility() && el.emptyQr.naturalWidth > 0");
    look_closely(&page, "empty-room");
    // Where there is no room for all of it, it begins at its head.
    page.size(Size::Zoomed);
    page.run("new Promise(requestAnimationFrame)");
    assert_eq!(page.run("[el.scroller.scrollTop, el.jump.hidden]"), serde_json::json!([0, true]));
    page.size(Size::Desk);
    page.join("Ana");
    page.say("First!");
    page.expect_hidden("#empty");
}

#[test]
fn the_invitation_fills_the_screen_and_is_copied_on_plain_http() {
    let Some(browser) = Browser::start() else { return };
    let server =
        TestServer::with(|config| config.public_urls = vec!["http://192.168.178.20:5000".to_owned()]);
    let page = browser.tab();
    page.visit(&format!("http://room.lan:{}", server.addr().port()));
    page.expect_connection("live");
    assert_eq!(page.run("isSecureContext"), false, "this is what a LAN's address gives");
    page.join("Ana");
    page.click("#open-invite");
    page.expect("the code", "el.inviteQr.naturalWidth > 0");
    let address = page.text("#invite-address");
    page.expect_text("#invite-hint", "Anyone on the same network can open");
    look_closely(&page, "invite");
    let held = clipboard();
    page.click_that_says("#invite-copy", "Copied");

    page.press("Escape");
    page.expect_focus("#open-invite");
    page.run("el.message.focus()");
    page.paste();
    page.expect("the address", &format!("el.message.value === '{address}'"));
    drop(held);

    // WebKit waits for a window manager's word that the window fills the screen, and there is none.
    if page.engine == Engine::WebKit {
        return;
    }
    page.click("#open-invite");
    page.click("#invite-full");
    page.expect("the full screen", "document.fullscreenElement === el.inviteSheet");
    page.expect_focus("#close-invite");
    page.expect("a large code", "el.inviteQr.getBoundingClientRect().height > innerHeight * 0.7");
    // A name to type goes below the address, at the code's expense.
    page.run("(update({ invite: { lan_url: 'http://chat.local:5000' } }), draw(renderInvite))");
    page.expect_text("#invite-address", "http://chat.local:5000");
    page.expect(
        "all of it",
        "el.inviteSheet.scrollHeight <= innerHeight && el.inviteQr.clientHeight > innerHeight / 2",
    );
    page.expect("the address alone", &format!("state.invite.shown === '{address}'"));
    // Firefox gives a page that fills the screen no other size.
    if page.engine == Engine::Chromium {
        look(&page, "invite-full-screen");
    }
    page.click("#close-invite");
    page.expect("the dialog", "!document.fullscreenElement && el.invite.open");
    page.expect_focus("#invite-full");
    page.press("Escape");
    page.expect_hidden("#invite");
    page.expect_focus("#open-invite");
}

#[test]
fn a_page_that_stays_open_invites_to_where_the_room_is_now() {
    let Some(browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().expect("a folder for the database");
    let (port, database) = (free_port(), folder.path().join("chat.db"));
    let open = |url| {
        let room = Process::start_on(port, &database, &["--public-url", url]);
        room.stdout.wait_for("its address", &room.stderr, |text| text.contains('\n').then_some(()));
        room
    };
    let mut room = open("https://old.example");
    let page = browser.join(([127, 0, 0, 1], port).into(), "Ana");
    page.say("Where are we?");
    page.click("#open-invite");
    page.expect_text("#invite-address", "https://old.example");
    page.expect("the code", "el.inviteQr.naturalWidth > 0");
    let code = page.run("el.inviteQr.src");
    page.press("Escape");
    room.signal(Signal::TERM);
    assert!(room.wait().success());
    page.expect_connection("lost");
    let _room = open("https://new.example");
    page.expect_connection("live");
    page.click("#open-invite");
    page.expect_text("#invite-address", "https://new.example");
    page.expect("the code of it", &format!("el.inviteQr.src !== {code} && el.inviteQr.naturalWidth > 0"));
    // An answer that comes late says nothing any more.
    page.run(
        "(async () => {
            const [answers, real, headers] = [[], fetch, { 'Content-Type': 'application/json' }];
            window.fetch = () => new Promise((resolve) => answers.push(resolve));
            const asked = [loadInvite(), loadInvite()];
            for (const [at, url] of [[1, 'https://newest.example'], [0, 'https://late.example']]) {
                answers[at](new Response(JSON.stringify({ url, qr_svg: '' }), { headers }));
                await asked[at];
            }
            window.fetch = real;
        })()",
    );
    page.expect_text("#invite-address", "https://newest.example");
}

#[test]
fn the_keyboard_alone_leads_from_a_first_visit_through_every_part_and_back() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.open(server.addr());
    page.expect_focus("#name");
    page.type_text("Ana");
    page.press("Enter");
    page.expect_focus("#message");
    page.type_text("Look, no hands!");
    page.press("Enter");
    page.expect_message("You", "Look, no hands!");
    page.expect_focus("#message");

    page.press_until("Tab", true, "#open-invite");
    page.press("Enter");
    page.expect("the focus in the dialog", "el.invite.open && el.invite.contains(document.activeElement)");
    page.press("Escape");
    page.expect_focus("#open-invite");
    page.press_until("Tab", false, "#toggle-panel");
    page.press("Enter");
    page.expect_hidden("#panel");
    page.press("Enter");
    page.expect_shown("#panel");

    page.press_until("Tab", false, "summary");
    page.press("Enter");
    page.press_until("Tab", false, "#rename");
    look_at(&page, "settings", Size::Desk, Scheme::Light);
    page.press("Enter");
    page.expect_focus("#name");
    look(&page, "rename");
    page.type_text("Anna");
    page.press("Enter");
    page.expect_focus("#message");
    page.expect_text("#own-name", "Anna");

    page.size(Size::Phone);
    page.press_until("Tab", true, "#toggle-panel");
    page.press("Enter");
    page.expect_focus("#close-panel");
    look_into_drawer(&page, "drawer");
    page.press("Escape");
    page.expect_hidden("#panel");
    page.expect_focus("#toggle-panel");
}
