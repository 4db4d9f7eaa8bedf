//! SCRATCH
use super::look::{look, look_at};
use super::stage::{Stage, message, now_ms};
use crate::support::{Browser, Scheme, Size};
use serde_json::json;

#[test]
fn scratch() {
    let Some(browser) = Browser::start() else { return };
    let stage = Stage::for_hosts();
    let page = browser.tab();
    page.visit(&format!("http://{}", stage.addr()));
    let mut actor = stage.expect_entrance();
    let at = now_ms() - 60_000;
    actor.send(json!({
        "event": "welcome", "epoch": "stage", "position": 2, "reset": false, "more": false,
        "session": {"username": null, "role": "host"}, "limits": {"message_characters": 4000, "username_characters": 32},
    }));
    actor.send(message(1, at, "Ana", "member", "I know!"));
    actor.send(message(2, at, "Ben", "guest", "A long message that goes on and on and on until it fills the bubble from the one side to the other, and then some more of it for good measure"));
    actor.room(json!({"locked": true, "slow_mode_seconds": 30, "door_closed": true}));
    let person = |name: &str, role: &str| json!({"username": name, "role": role});
    actor.send(json!({"event": "presence", "online": 6, "users": [
        person("Ms Keller", "host"), person("Ana", "member"), person("Ben", "guest"), person("يوسف", "guest"),
        person("Liu Wei", "guest"), person("Somebody with a long name", "member"),
    ]}));
    page.expect_connection("live");
    page.fill("#name", "Ms Keller");
    page.press("Enter");
    let join = actor.expect("join");
    actor.send(json!({"event": "joined", "username": join["username"], "role": "host", "muted": false}));
    actor.send(json!({"event": "moderation", "muted": ["Ben"], "removed": ["Carla"],
        "reset_requests": [{"username": "Ana", "at": at}], "invite_code": "0000-1111-2222",
        "actions": [{"at": at, "host": "Ms Keller", "action": "mute", "username": "Ben"}, {"at": at, "host": "Ms Keller", "action": "set_title", "detail": "Room 12"}]}));
    page.expect_focus("#message");
    look(&page, "host-panel");
    page.run("document.querySelector('#host-more').open = true");
    look_at(&page, "host-more", Size::Desk, Scheme::Dark);
    page.run("document.querySelector('#host-more summary').scrollIntoView()");
    look_at(&page, "host-more2", Size::Desk, Scheme::Light);
    page.run("document.querySelector('#host-more').open = false");
    page.size(Size::Phone);
    page.click("#toggle-panel");
    look_at(&page, "host-panel", Size::Phone, Scheme::Dark);
    look_at(&page, "host-panel", Size::Phone, Scheme::Light);
    page.press("Escape");
    page.size(Size::Desk);
    page.click("[aria-label=\"Remove Ben\"]");
    page.expect_shown("#confirm");
    look(&page, "remove");
    page.press("Escape");
    page.run("document.querySelector('#host-more').open = true");
    page.click("#clear");
    look(&page, "clear");
    page.click("#confirm-yes");
    look(&page, "clear-2");
    page.press("Escape");
    actor.send(json!({"event": "reset_issued", "username": "Ana", "link": "http://192.168.178.20:5000/#reset=abcdefghijklmnopqrstuvwxyz0123456789abcdefg", "expires_at": at + 900_000, "qr_svg": "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 10 10'><rect width='10' height='10' fill='#eee'/><path d='M2 2h6v6H2z'/></svg>"}));
    page.expect_shown("#invite");
    look(&page, "reset-issued");
    page.press("Escape");
    // search
    page.click("#open-search");
    page.fill("#query", "good mea");
    page.press("Enter");
    let q = actor.expect("search");
    actor.send(json!({"event": "results", "query": q["query"], "more": true, "next": 5, "messages": [
        {"id": 2, "at": at, "username": "Ben", "role": "guest", "message": "A long message that goes on and on and on until it fills the bubble from the one side to the other, and then some more of it for good measure, and yet it does not stop until everything is said that could be said, twice."},
        {"id": 1, "at": at, "username": "Ana", "role": "member", "message": "Méasure, GOOD!"},
    ]}));
    page.expect_shown("#results button");
    look(&page, "search");
    look_at(&page, "search", Size::Desk, Scheme::Dark);
    page.press("ArrowDown");
    page.expect_focus("#results button");
    page.press("Enter");
    page.expect_focus(".message");
    look(&page, "found");
    page.size(Size::Desk);
    page.click("#log .message .bubble");
    look_at(&page, "host-delete", Size::Desk, Scheme::Light);
}
