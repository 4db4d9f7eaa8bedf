//! Who becomes a host, or is none any more, in the page that is open: controls come and go in place, nothing that was typed
//! is lost, and nobody else has any.

use super::class::become_host;
use super::look::take_picture;
use crate::support::{Browser, Engine, Page, Process, Size, TestServer, program};
use serde_json::json;

also_in!([firefox, webkit]:
    a_guest_becomes_a_host_in_the_middle_of_a_sentence,
    a_member_becomes_a_host_under_the_same_name_in_all_tabs_and_logging_out_ends_it,
    a_host_whose_link_is_voided_loses_the_controls_and_nothing_else,
    a_drawer_keeps_the_focus_when_its_hosts_controls_go,
    nobody_else_sees_or_reaches_a_hosts_control_and_the_server_refuses_what_it_asks_for,
);

/// What a host alone is offered, by the names that a screen reader says.
const CONTROLS: [&str; 7] =
    ["Only hosts write", "No newcomers", "Slow mode", "More: Ben", "Transcript", "Clear …", "More"];

/// And what stands in the dialog that the last of them opens.
const MORE: [&str; 8] = [
    "Room and record",
    "Title",
    "Set",
    "Anybody by name",
    "Mute",
    "Make a reset link",
    "Free the name",
    "What hosts did",
];

/// Which of them the page offers now, to whoever looks, listens or goes through it by keyboard.
fn offered(page: &Page, controls: &[&'static str]) -> Vec<&'static str> {
    let tree = page.call("Accessibility.getFullAXTree", json!({}));
    let nodes = tree["nodes"].as_array().expect("a tree");
    let is_named = |name: &str| {
        nodes.iter().any(|node| {
            let (role, own) = (&node["role"]["value"], &node["name"]["value"]);
            node["ignored"] == false && role != "StaticText" && own == name
        })
    };
    controls.iter().copied().filter(|name| is_named(name)).collect()
}

/// Waits for the controls or their end.
fn expect_controls(page: &Page, all: bool) {
    page.expect(
        "the role",
        &format!("isHost() === {all} && document.body.classList.contains('host') === {all}"),
    );
    // No other engine tells what it would tell a screen reader.
    if page.engine == Engine::Chromium {
        let expected = |controls: &[&'static str]| if all { controls.to_vec() } else { Vec::new() };
        assert_eq!(offered(page, &CONTROLS), expected(&CONTROLS));
        page.run("isHost() && el.more.showModal()");
        assert_eq!(offered(page, &MORE), expected(&MORE));
        page.run("el.more.close()");
    }
    let reached = "[...document.querySelectorAll('.for-hosts, .for-hosts *, #people button')]
        .filter((node) => node.checkVisibility()).length";
    assert_eq!(page.number(reached) > 0.0, all, "in sight");
}

/// Opens a host link in the page that is open, and has the page remember that it was never loaded again.
fn open_link(page: &Page, server: &TestServer) {
    page.run("void (window.isTheSame = true)");
    page.run(&format!("void (location.hash = 'host={}')", server.host_key()));
}

fn expect_never_reloaded(page: &Page) {
    assert_eq!(page.run("window.isTheSame"), true, "the page was loaded again");
}

/// Notes whether the page ever says that one is out.
fn watch_gate(page: &Page) {
    page.run(
        "void new MutationObserver(() => { window.wasOut ||= !el.gate.hidden; })
            .observe(el.gate, { attributes: true, attributeFilter: ['hidden'] })",
    );
}

/// Holds the server's next answers back until this tab has seen its session end, and has drawn what it makes of that.
fn hold_answers_until_the_session_has_ended(page: &Page) {
    page.run(
        "void (() => {
            const [ask, old] = [fetch, state.connection.socket];
            const frame = () => new Promise(requestAnimationFrame);
            window.fetch = async (...asked) => {
                const answer = await ask(...asked);
                while (old.readyState !== WebSocket.CLOSED) await frame();
                await frame();
                await frame();
                return answer;
            };
        })()",
    );
}

/// As whoever runs the room voids every host link and host.
fn void_hosts(server: &TestServer) {
    let mut command = program();
    let mut process =
        Process::spawn(command.args(["host-link", "--new", "--database"]).arg(server.database()));
    assert!(process.wait().success(), "{}", process.stderr.text());
}

fn sign_up(page: &Page, name: &str) {
    page.click("#open-account");
    page.click("[data-to=signup]");
    page.fill("#account-email", "keller@school.example");
    page.fill("#account-username", name);
    page.fill("#account-password", "ice floats on water");
    page.press("Enter");
    page.expect("the account", "state.me.joined && state.me.role === 'member' && !el.account.open");
}

#[test]
fn a_guest_becomes_a_host_in_the_middle_of_a_sentence() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let mut ben = server.join("Ben");
    for number in 1..=60 {
        ben.say_and_wait(&format!("message {number}: {}", "why does ice float? ".repeat(number % 20)));
    }
    let page = browser.join(server.addr(), "Ms Keller");
    page.say("I am the teacher.");
    page.expect_text("#people", "Ben");
    expect_controls(&page, false);
    // On a phone the room that a host's buttons need wraps the bubbles' lines again.
    page.size(Size::Phone);
    page.run("void (el.scroller.scrollTop -= 1000)");
    page.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
    page.fill("#message", "Good mor");
    // The first message in sight, and where it is.
    page.run(
        "void (window.read = [...state.log.messages.values()]
            .find(({ node }) => node.getBoundingClientRect().bottom > topOf(el.scroller)).id)",
    );
    let place = "topOf(state.log.messages.get(read).node) - topOf(el.scroller)";
    let before = page.number(place);
    watch_gate(&page);
    open_link(&page, &server);
    page.expect_text("#status-text", "You are the host now");
    page.expect("the host", "state.me.joined && state.me.role === 'host'");
    assert!((page.number(place) - before).abs() < 2.0, "what is read has moved");
    page.expect_focus("#message");
    page.type_text("ning");
    page.press("Enter");
    page.size(Size::Desk);
    expect_controls(&page, true);
    take_picture(&page, "host-in-place-desk-light");
    page.run("el.send.click()");
    page.expect_message("You", "Good morning");
    assert_eq!(ben.expect_text("Good morning")["role"], "host");
    assert_eq!(page.messages().last().map(|(_, text)| text.as_str()), Some("Good morning"));
    assert_eq!(page.run("[location.hash, Boolean(window.wasOut)]"), json!(["", false]));
    expect_never_reloaded(&page);
}

#[test]
fn a_member_becomes_a_host_under_the_same_name_in_all_tabs_and_logging_out_ends_it() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let _ben = server.join("Ben");
    let page = browser.join(server.addr(), "Keller");
    page.say("as a guest");
    sign_up(&page, "Ms Keller");
    let other = browser.open(server.addr());
    other.expect("the account", "state.me.joined");
    other.fill("#message", "Kept, too");
    // The news of the new session may overtake the end of the old one.
    other.run("void (window.isTheSame = true, state.connection.socket.onclose = null)");
    page.bring_to_front();
    page.fill("#message", "Kept");
    watch_gate(&page);
    hold_answers_until_the_session_has_ended(&page);
    open_link(&page, &server);
    for (page, draft) in [(&page, "Kept"), (&other, "Kept, too")] {
        page.expect("the host", "state.me.joined && state.me.role === 'host'");
        expect_controls(page, true);
        assert_eq!(page.run("[state.me.username, el.message.value]"), json!(["Ms Keller", draft]));
    }
    page.expect_message("You", "as a guest");
    assert_ne!(page.run("window.wasOut"), true, "the old session's end is not shown");

    page.click("#open-account");
    page.expect_text("#account-text", "keller@school.example");
    page.press("Enter");
    page.expect_shown("#name");
    other.expect_text("#gate-title", "Your session has ended");
    for (page, draft) in [(&page, "Kept"), (&other, "Kept, too")] {
        expect_controls(page, false);
        assert_eq!(page.run("el.message.value"), draft);
        expect_never_reloaded(page);
    }
}

#[test]
fn a_host_whose_link_is_voided_loses_the_controls_and_nothing_else() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let _ben = server.join("Ben");
    let page = become_host(&browser, &server);
    page.join("Ms Keller");
    page.expect_text("#people", "Ben");
    expect_controls(&page, true);
    page.run("void (window.isTheSame = true)");
    page.fill("#message", "Good mor");
    page.click("#clear");
    page.expect_text("#confirm-title", "Clear the chat for a new lesson?");
    void_hosts(&server);
    // A host's question goes with what it asks for.
    page.expect_hidden("#confirm");
    page.expect_text("#gate-title", "Your session has ended");
    page.expect_focus("#gate-login");
    expect_controls(&page, false);
    page.click("#gate-button");
    page.expect_connection("live");
    page.join("A guest");
    page.expect_text("#people", "Ben");
    expect_controls(&page, false);
    assert_eq!(page.run("el.message.value"), "Good mor");
    expect_never_reloaded(&page);
}

#[test]
fn a_drawer_keeps_the_focus_when_its_hosts_controls_go() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = become_host(&browser, &server);
    page.join("Ms Keller");
    page.size(Size::Phone);
    page.click("#toggle-panel");
    page.run("el.door.focus()");
    void_hosts(&server);
    page.expect("its end", "!isHost()");
    page.expect_focus("#close-panel");
}

#[test]
fn nobody_else_sees_or_reaches_a_hosts_control_and_the_server_refuses_what_it_asks_for() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let _ben = server.join("Ben");
    let page = browser.join(server.addr(), "Ana");
    page.say("Hello");
    page.expect_text("#people", "Ben");
    expect_controls(&page, false);
    for size in [Size::Phone, Size::Narrow] {
        page.size(size);
        page.click("#toggle-panel");
        page.expect_focus("#close-panel");
        expect_controls(&page, false);
        page.press("Escape");
    }
    // By keyboard through all of it, once round.
    page.size(Size::Desk);
    let hosts = "document.activeElement.closest('.for-hosts, #people, #confirm')";
    for _ in 0..40 {
        page.press("Tab");
        assert_eq!(page.run(&format!("Boolean({hosts})")), false);
    }
    page.run("moderate('lock')");
    page.expect_text("#status-text", "Only a host");
    assert_eq!(page.run("state.room.locked"), false);
}
