//! A room for members only: strangers do not even read, and sign up only with the code.

use super::{Browser, email_of, password_of, refused};
use crate::support::{Process, TestServer, program};
use serde_json::{Value, json};

fn wish(invite: Option<&str>) -> Value {
    json!({"email": email_of("Ana"), "username": "Ana", "password": password_of("Ana"), "invite": invite})
}

#[test]
fn a_stranger_reads_nothing_and_signs_up_with_the_code_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("chat.db");
    let mut command = program();
    command.args(["--bind", "127.0.0.1", "--port", "0", "--members-only", "--database"]).arg(&database);
    let room = Process::spawn(&mut command);
    let code = room.shown("To sign up");
    let url = room.shown("On this computer");
    let addr = url.strip_prefix("http://").and_then(|addr| addr.parse().ok()).expect("an address");

    let mut browser = Browser::new(addr);
    let mut stranger = browser.connect();
    stranger.expect_error("login_required");
    assert_eq!(stranger.received("welcome").len() + stranger.received("receive_message").len(), 0);
    stranger.expect_close(4401);
    assert_eq!(browser.get("/").status, 200, "the page itself is there, to log in");
    assert_eq!(browser.get("/api/session").json()["room"]["members_only"], true);

    for typed in [None, Some(""), Some("0000-0000-0000")] {
        let answer = browser.post("/api/signup", wish(typed));
        assert_eq!(refused(&answer), (422, "bad_invite".into()));
        assert_eq!(answer.json()["error"]["field"], "invite");
    }
    let answer = browser.post("/api/signup", wish(Some(&code.to_lowercase().replace('-', " "))));
    assert_eq!(answer.status, 201, "{}", answer.text());
    let mut tab = browser.join();
    tab.say_and_wait("among us");
    assert_eq!(tab.received("room")[0]["members_only"], true);
    assert_eq!(browser.post("/api/logout", json!({})).status, 204);
    tab.expect_close(4401);
    browser.connect().expect_close(4401);
}

#[test]
fn guesses_at_the_code_are_throttled() {
    let server = TestServer::with(|config| config.members_only = true);
    let mut browser = Browser::new(server.addr());
    let guesses = chat_app::limits::SIGNUP_REFUSALS.0;
    for _ in 0..guesses {
        assert_eq!(browser.post("/api/signup", wish(Some("0000-0000-0000"))).status, 422);
    }
    assert_eq!(
        refused(&browser.post("/api/signup", wish(Some("0000-0000-0000")))),
        (429, "throttled".into())
    );
}

#[test]
fn an_open_room_asks_for_no_code() {
    let server = TestServer::start();
    assert_eq!(Browser::new(server.addr()).post("/api/signup", wish(None)).status, 201);
}

#[test]
fn who_is_still_catching_up_when_the_session_ends_reads_no_further() {
    let server = TestServer::start();
    let mut ana = Browser::signed_up(&server, "Ana");
    let epoch = ana.connect().epoch();
    // More than the kernel holds for one who does not read. A few at a time: who says it has to read it too.
    let (mut speaker, text) = (server.join("Speaker"), "x".repeat(3900));
    for _ in 0..12 {
        (0..50).for_each(|_| speaker.say(&text));
        (0..50).for_each(|_| drop(speaker.expect_event("receive_message")));
    }
    let mut slow = ana.connect_at(&format!("/ws?after=0&epoch={epoch}"));
    slow.hold_little();
    slow.expect_event("welcome");
    assert_eq!(ana.post("/api/logout", json!({})).status, 204);
    speaker.say_and_wait("not for strangers");
    slow.expect_close(4401);
    let read = slow.received("receive_message");
    assert!(read.iter().all(|message| message["message"] != "not for strangers"), "{} messages", read.len());
}
