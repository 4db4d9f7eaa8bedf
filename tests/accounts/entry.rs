//! Signing up and logging in: who gets in, under which name, and what somebody who should not learns from it.

use super::{Browser, behind_a_proxy, email_of, password_of, refused};
use crate::support::{Response, TestServer, key};
use chat_app::limits;
use serde_json::json;
use std::thread;

#[test]
fn who_signs_up_is_a_member_everywhere() {
    let server = TestServer::start();
    let mut watcher = server.connect();
    let mut ana = Browser::new(server.addr());
    assert!(ana.user().is_null());
    let answer = ana.sign_up("Ana");
    assert_eq!(answer.status, 201, "{}", answer.text());
    let user = json!({"username": "Ana", "email": "ana@school.example", "role": "member"});
    assert_eq!((&answer.json()["user"], &ana.user()), (&user, &user));

    let mut tab = ana.connect();
    assert_eq!(tab.expect_event("welcome")["session"], json!({"username": "Ana", "role": "member"}));
    tab.send(json!({"event": "join", "username": "Somebody else", "tab_key": key("tab")}));
    let joined = tab.expect_event("joined");
    assert_eq!(
        (&joined["username"], &joined["role"]),
        (&json!("Ana"), &json!("member")),
        "the account's name counts"
    );
    tab.say("hi");
    assert_eq!(watcher.expect_message("hi")["role"], "member");
    watcher.expect("Ana among those present", |event| {
        event["event"] == "presence" && event["joined"] == json!([{"username": "Ana", "role": "member"}])
    });
    let mut one_frame = ana.connect();
    one_frame.send(json!({"event": "send_message", "message": "in one frame", "username": "Anybody"}));
    assert_eq!(watcher.expect_message("in one frame")["username"], "Ana");
}

#[test]
fn the_cookie_is_for_this_server_alone() {
    let server = TestServer::start();
    let answer = Browser::new(server.addr()).sign_up("Ana");
    let cookies: Vec<_> = answer.headers.iter().filter(|(name, _)| name == "set-cookie").collect();
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    for (_, cookie) in cookies {
        for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn behind_https_the_cookie_is_bound_to_the_host() {
    let server = TestServer::with(|config| config.public_urls = vec!["https://chat.example.org".to_owned()]);
    let body =
        json!({"email": "ana@school.example", "username": "Ana", "password": password_of("Ana")}).to_string();
    let answer = crate::support::http(
        server.addr(),
        format!(
            "POST /api/signup HTTP/1.1\r\nHost: chat.example.org\r\nOrigin: https://chat.example.org\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    let cookies: Vec<_> = answer.headers.iter().filter(|(name, _)| name == "set-cookie").collect();
    for (_, cookie) in &cookies {
        assert!(cookie.starts_with("__Host-") && cookie.ends_with("; Secure"), "{cookie}");
    }
    assert_eq!(cookies.len(), 2);
}

#[test]
fn every_bad_field_is_refused_by_its_name() {
    let server = TestServer::start();
    let mut browser = Browser::new(server.addr());
    let good = json!({"email": "ana@school.example", "username": "Ana", "password": password_of("Ana")});
    for (field, value, code) in [
        ("email", "ana", "bad_email"),
        ("email", "ana@school.example\nBcc: x@y", "bad_email"),
        ("username", " ", "bad_username"),
        ("username", "A\u{202e}na", "bad_username"),
        ("password", "1234567", "bad_password"),
        ("password", "Password1", "bad_password"),
        ("password", "ana@school.example", "bad_password"),
        ("password", &"x1 ".repeat(43), "bad_password"),
        ("guest_key", "short", "bad_request"),
    ] {
        let mut body = good.clone();
        body[field] = json!(value);
        let answer = browser.post("/api/signup", body);
        assert_eq!(refused(&answer), (422, code.to_owned()), "{field} {value:?}");
        assert_eq!(answer.json()["error"]["field"], field);
    }
    for bad in ["", "{", "[]", "null", r#"{"email":"a@b"}"#, r#"{"email":1,"username":"A","password":"x"}"#] {
        let answer = browser.post_as("/api/signup", "application/json", bad);
        assert_eq!(refused(&answer), (400, "bad_request".to_owned()), "{bad:?}");
    }
    assert!(browser.cookies.is_empty());
    assert_eq!(browser.post("/api/signup", good).status, 201, "and nothing of it stuck");
}

#[test]
fn address_and_name_are_one_accounts_for_ever() {
    let mut server = TestServer::start();
    drop(Browser::signed_up(&server, "Ana"));
    for _ in 0..2 {
        let mut ben = Browser::new(server.addr());
        let same_address =
            json!({"email": "ANA@school.example", "username": "Ben", "password": password_of("Ben")});
        let answer = ben.post("/api/signup", same_address);
        assert_eq!(
            (refused(&answer), &answer.json()["error"]["field"]),
            ((409, "email_taken".into()), &json!("email"))
        );
        let same_name =
            json!({"email": "ben@school.example", "username": "аna", "password": password_of("Ben")});
        let answer = ben.post("/api/signup", same_name);
        assert_eq!(refused(&answer), (409, "name_taken".into()));
        assert_eq!(answer.json()["error"]["field"], "username");
        assert!(answer.json()["error"]["suggestion"].is_null(), "nothing near a member's name");
        let mut guest = server.connect();
        guest.send(json!({"event": "join", "username": "ANA", "guest_key": key("guest")}));
        assert_eq!(guest.expect_error("name_taken")["suggestion"], json!(null), "though Ana is not here");
        server.stop();
        server.start_again();
    }
}

#[test]
fn a_guest_who_signs_up_keeps_the_name_and_stays_connected() {
    let server = TestServer::start();
    let mut watcher = server.connect();
    let mut tab = server.connect();
    tab.join_with_keys("Ana", &key("ana"), &key("tab"));
    tab.say_and_wait("as a guest");
    let mut browser = Browser::new(server.addr());
    let mut wish = json!({"email": email_of("Ana"), "username": "Ana", "password": password_of("Ana")});
    assert_eq!(
        refused(&browser.post("/api/signup", wish.clone())),
        (409, "name_taken".into()),
        "without the key"
    );
    wish["guest_key"] = json!(key("other"));
    assert_eq!(
        refused(&browser.post("/api/signup", wish.clone())),
        (409, "name_taken".into()),
        "with another"
    );
    wish["guest_key"] = json!(key("ana"));
    assert_eq!(browser.post("/api/signup", wish).status, 201);
    assert_eq!(tab.expect_event("joined")["role"], "member", "without coming back");
    tab.say("as a member");
    assert_eq!(watcher.expect_message("as a guest")["role"], "guest");
    assert_eq!(watcher.expect_message("as a member")["role"], "member");
    browser.join(); // a further tab is the same person
    assert_eq!(browser.post("/api/logout", json!({})).status, 204);
    tab.expect_close(4401);
}

#[test]
fn a_guest_who_left_keeps_the_name_for_signing_up() {
    let server = TestServer::start();
    let mut tab = server.connect();
    tab.join_with_keys("Ana", &key("ana"), &key("tab"));
    tab.say_and_wait("hi");
    tab.leave();
    let mut browser = Browser::new(server.addr());
    let mut wish = json!({"email": email_of("Ana"), "username": "Ana", "password": password_of("Ana")});
    assert_eq!(refused(&browser.post("/api/signup", wish.clone())), (409, "name_taken".into()));
    wish["guest_key"] = json!(key("ana"));
    assert_eq!(browser.post("/api/signup", wish).status, 201);
}

#[test]
fn what_waits_in_the_outbox_is_neither_lost_nor_doubled_by_a_login() {
    let server = TestServer::start();
    let mut browser = Browser::signed_up(&server, "Ana");
    browser.cookies.clear();
    let mut tab = browser.connect();
    tab.join_with_keys("Guest", &key("guest"), &key("tab"));
    let position = tab.expect_event("presence");
    drop(position);
    tab.say_with_id("before", "id-1");
    let stored = tab.expect_message("before");
    drop(tab);
    assert_eq!(browser.log_in(&email_of("Ana"), &password_of("Ana")).status, 200);
    let mut tab = browser.connect();
    tab.send(json!({"event": "join", "tab_key": key("tab")}));
    tab.expect_event("joined");
    tab.say_with_id("before", "id-1");
    tab.say_with_id("after", "id-2");
    let again = tab
        .expect("the receipt", |event| event["client_message_id"] == "id-1" && event["id"] == stored["id"]);
    assert_eq!(again["username"], "Guest", "the stored one");
    let after = tab.expect("the next one", |event| event["client_message_id"] == "id-2");
    assert_eq!(after["id"].as_u64(), stored["id"].as_u64().map(|id| id + 1), "nothing in between");
}

#[test]
fn of_many_who_want_a_name_at_once_one_gets_it() {
    let server = TestServer::start();
    let addr = server.addr();
    let statuses: Vec<u16> = thread::scope(|scope| {
        let tries: Vec<_> = (0..10)
            .map(|number| {
                scope.spawn(move || {
                    let wish = json!({
                        "email": format!("ana{number}@school.example"), "username": "Ana", "password": password_of("Ana"),
                    });
                    Browser::new(addr).post("/api/signup", wish).status
                })
            })
            .collect();
        tries.into_iter().map(|each| each.join().expect("no panic")).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 409].contains(status)), "{statuses:?}");
}

#[test]
fn refused_sign_ups_are_throttled_since_they_tell() {
    let server = TestServer::with(behind_a_proxy);
    drop(Browser::signed_up(&server, "Ana"));
    let mut prober = Browser::new(server.addr()).from("203.0.113.7");
    for _ in 0..limits::SIGNUP_REFUSALS.0 {
        assert_eq!(prober.sign_up("Ana").status, 409);
    }
    let answer = prober.sign_up("Ana");
    assert_eq!(refused(&answer), (429, "throttled".into()));
    assert!(
        answer.header("retry-after").and_then(|value| value.parse::<u64>().ok()).is_some_and(|wait| wait > 0)
    );
    assert_eq!(Browser::new(server.addr()).from("203.0.113.8").sign_up("Ben").status, 201, "others are free");
}

/// What a stranger sees of an answer: everything but the time of day.
fn seen(answer: &Response) -> (u16, Vec<(String, String)>, String) {
    let headers = answer.headers.iter().filter(|(name, _)| name != "date").cloned().collect();
    (answer.status, headers, answer.text().to_owned())
}

#[test]
fn an_unknown_address_and_a_wrong_password_are_answered_alike() {
    let server = TestServer::start();
    drop(Browser::signed_up(&server, "Ana"));
    let wrong = Browser::new(server.addr()).log_in(&email_of("Ana"), "wrong wrong wrong");
    let unknown = Browser::new(server.addr()).log_in("nobody@school.example", "wrong wrong wrong");
    let no_address = Browser::new(server.addr()).log_in("nobody", "");
    assert_eq!(refused(&wrong), (401, "wrong_login".into()));
    assert_eq!(seen(&wrong), seen(&unknown));
    assert_eq!(seen(&wrong), seen(&no_address));
    let forgot = |email: &str| Browser::new(server.addr()).post("/api/forgot", json!({"email": email}));
    let known = forgot(&email_of("Ana"));
    assert_eq!(known.status, 202);
    assert_eq!(seen(&known), seen(&forgot("nobody@school.example")));
    assert_eq!(seen(&known), seen(&forgot("no address")));
}

#[test]
fn failed_logins_wait_longer_and_longer_and_hold_up_nobody_else() {
    let server = TestServer::with(behind_a_proxy);
    let ana_at_home = Browser::signed_up(&server, "Ana");
    let mut guesser = Browser::new(server.addr()).from("203.0.113.7");
    for _ in 0..limits::LOGIN_FAILURES.0 {
        assert_eq!(guesser.log_in(&email_of("Ana"), "a wrong guess").status, 401);
    }
    let answer = guesser.log_in(&email_of("Ana"), &password_of("Ana"));
    assert_eq!(refused(&answer), (429, "throttled".into()), "even the right one, or it could be guessed");
    assert!(answer.header("retry-after").is_some());
    let log_in = |mut browser: Browser| browser.log_in(&email_of("Ana"), &password_of("Ana")).status;
    assert_eq!(log_in(Browser::new(server.addr()).from("203.0.113.8")), 200, "from another address");
    assert_eq!(
        log_in(ana_at_home.from("203.0.113.7")),
        200,
        "a browser she has used before, at the guesser's address"
    );
}

#[test]
fn a_session_cannot_be_fixed_from_outside() {
    let server = TestServer::start();
    let mut browser = Browser::signed_up(&server, "Ana");
    let first = browser.session().expect("a session").to_owned();
    let planted = "A".repeat(43);
    for old in [planted.as_str(), &first] {
        browser.cookies = vec![(browser.session_name(), old.to_owned())];
        assert_eq!(browser.log_in(&email_of("Ana"), &password_of("Ana")).status, 200);
        assert_ne!(browser.session(), Some(old), "a login always makes a new one");
        let mut with_old = Browser::new(server.addr());
        with_old.cookies = vec![(browser.session_name(), old.to_owned())];
        assert!(with_old.user().is_null(), "and the one that was shown is nobody's");
    }
}

#[test]
fn another_site_can_do_nothing_with_a_visitors_cookie() {
    let server = TestServer::start();
    let mut ana = Browser::signed_up(&server, "Ana");
    let cookie = format!("Cookie: {}={}\r\n", ana.session_name(), ana.session().expect("a session"));
    let body = json!({"password": password_of("Ana")}).to_string();
    let (host, length) = (server.addr(), body.len());
    for (origin, kind, status) in [
        ("Origin: https://evil.example\r\n".to_owned(), "application/json", 403),
        ("Origin: null\r\n".to_owned(), "application/json", 403),
        (String::new(), "application/json", 403),
        (format!("Origin: http://{host}\r\n"), "application/x-www-form-urlencoded", 415),
        (format!("Origin: http://{host}\r\n"), "multipart/form-data; boundary=x", 415),
        (format!("Origin: http://{host}\r\n"), "text/plain", 415),
    ] {
        for path in ["/api/delete-account", "/api/login", "/api/forgot", "/api/reset", "/api/password"] {
            let request = format!(
                "POST {path} HTTP/1.1\r\nHost: {host}\r\n{origin}{cookie}Content-Type: {kind}\r\n\
                 Content-Length: {length}\r\n\r\n{body}"
            );
            assert_eq!(crate::support::http(server.addr(), request).status, status, "{path} {origin} {kind}");
        }
    }
    assert_eq!(ana.user()["username"], "Ana", "all as it was");
}

#[test]
fn an_address_of_the_api_says_what_it_takes() {
    let server = TestServer::start();
    let mut browser = Browser::new(server.addr());
    for path in ["signup", "login", "logout", "password", "delete-account", "forgot", "reset"] {
        let answer = browser.get(&format!("/api/{path}"));
        assert_eq!(
            (refused(&answer), answer.header("allow")),
            ((405, "method_not_allowed".into()), Some("POST"))
        );
    }
    assert_eq!(refused(&browser.post("/api/session", json!({}))), (405, "method_not_allowed".into()));
    for path in ["password", "delete-account"] {
        let body = json!({"current": "x", "new": "y", "password": "z"});
        assert_eq!(refused(&browser.post(&format!("/api/{path}"), body)), (401, "login_required".into()));
    }
    assert_eq!(browser.post("/api/logout", json!({})).status, 204, "who is not logged in is logged out");
}

#[test]
fn the_files_hold_no_password_and_no_cookie() {
    let server = TestServer::start();
    let browser = Browser::signed_up(&server, "Ana");
    let is_there = server.has_on_disk(&email_of("Ana")) && server.has_on_disk("$argon2id$");
    assert!(is_there, "the account is in there");
    for (name, value) in &browser.cookies {
        assert!(!server.has_on_disk(value), "{name}");
    }
    assert!(!server.has_on_disk(&password_of("Ana")));
}
