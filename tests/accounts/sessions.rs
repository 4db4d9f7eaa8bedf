//! What ends a session, and that its tabs are closed with it.

use super::{Browser, email_of, password_of, refused};
use crate::support::TestServer;
use serde_json::json;

#[test]
fn a_logout_closes_the_sessions_tabs_and_no_others() {
    let server = TestServer::start();
    let mut laptop = Browser::signed_up(&server, "Ana");
    let mut phone = Browser::new(server.addr());
    assert_eq!(phone.log_in(&email_of("Ana"), &password_of("Ana")).status, 200);
    let (mut first, mut second, mut reader) = (laptop.join(), laptop.join(), laptop.connect());
    let (mut other, mut guest) = (phone.join(), server.join("Ben"));
    reader.expect_event("presence");
    assert_eq!(laptop.post("/api/logout", json!({})).status, 204);
    for tab in [&mut first, &mut second, &mut reader] {
        tab.expect_close(4401);
    }
    other.say_and_wait("still here");
    guest.say_and_wait("me too");
    assert!(laptop.user().is_null() && laptop.session().is_none());
    assert_eq!(phone.user()["username"], "Ana");
    assert!(laptop.connect().expect_event("welcome")["session"].is_null());
}

#[test]
fn another_password_ends_the_other_sessions() {
    let server = TestServer::start();
    let mut laptop = Browser::signed_up(&server, "Ana");
    let mut phone = Browser::new(server.addr());
    assert_eq!(phone.log_in(&email_of("Ana"), &password_of("Ana")).status, 200);
    let (mut here, mut there) = (laptop.join(), phone.join());
    let wrong = laptop.post("/api/password", json!({"current": "wrong", "new": "a brand new one"}));
    assert_eq!(
        (refused(&wrong), &wrong.json()["error"]["field"]),
        ((422, "wrong_password".into()), &json!("current"))
    );
    let weak = laptop.post("/api/password", json!({"current": password_of("Ana"), "new": "iloveyou"}));
    assert_eq!(
        (refused(&weak), &weak.json()["error"]["field"]),
        ((422, "bad_password".into()), &json!("new"))
    );
    there.say_and_wait("nothing happened");
    let changed =
        laptop.post("/api/password", json!({"current": password_of("Ana"), "new": "a brand new one"}));
    assert_eq!(changed.status, 204, "{}", changed.text());
    there.expect_close(4401);
    here.say_and_wait("my own session goes on");
    assert!(phone.user().is_null());
    assert_eq!(phone.log_in(&email_of("Ana"), &password_of("Ana")).status, 401);
    assert_eq!(phone.log_in(&email_of("Ana"), "a brand new one").status, 200);
}

#[test]
fn a_deleted_account_leaves_its_messages_as_a_guests_and_its_name_to_nobody() {
    let mut server = TestServer::start();
    let mut ana = Browser::signed_up(&server, "Ana");
    let mut tab = ana.join();
    tab.say_and_wait("before");
    let wrong = ana.post("/api/delete-account", json!({"password": "wrong"}));
    assert_eq!(
        (refused(&wrong), &wrong.json()["error"]["field"]),
        ((422, "wrong_password".into()), &json!("password"))
    );
    assert_eq!(ana.post("/api/delete-account", json!({"password": password_of("Ana")})).status, 204);
    tab.expect_close(4401);
    assert_eq!(ana.log_in(&email_of("Ana"), &password_of("Ana")).status, 401);
    for _ in 0..2 {
        let mut fresh = server.connect();
        let message = fresh.expect_message("before");
        assert_eq!((&message["username"], &message["role"]), (&json!("Ana"), &json!("guest")));
        let mut resumed = crate::support::TestClient::resume(server.addr(), 0, &fresh.epoch());
        assert_eq!(resumed.expect_message("before")["role"], "guest");
        fresh.send(json!({"event": "request_history", "before": 2}));
        assert_eq!(fresh.expect_event("history")["messages"][0]["role"], "guest");
        fresh.send(json!({"event": "join", "username": "Ana"}));
        fresh.expect_error("name_taken");
        assert_eq!(refused(&ana.sign_up("Ana")), (409, "name_taken".into()), "not even who had it");
        server.stop();
        server.start_again();
        ana.addr = server.addr();
    }
}

#[test]
fn a_session_outlives_the_server() {
    let mut server = TestServer::staying();
    let mut ana = Browser::signed_up(&server, "Ana");
    ana.join().say_and_wait("before");
    server.stop();
    server.start_again();
    assert_eq!(ana.user()["username"], "Ana");
    ana.join().say_and_wait("after");
}

#[test]
fn a_login_with_another_account_takes_the_tabs_along() {
    let server = TestServer::start();
    drop(Browser::signed_up(&server, "Ben"));
    let mut browser = Browser::signed_up(&server, "Ana");
    let mut tab = browser.join();
    assert_eq!(browser.log_in(&email_of("Ben"), &password_of("Ben")).status, 200);
    tab.expect_close(4401);
    assert_eq!(browser.join().received("joined")[0]["username"], "Ben");
}
