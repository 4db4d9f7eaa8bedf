//! Cookies on a host that other programs share: each room's are its own, and those of before are exchanged.

use super::{Browser, email_of, password_of};
use crate::support::{TestServer, http};
use chat_app::config::Config;
use serde_json::{Value, json};

/// A cookie as Flask's `session`, and one that looks like ours.
const FLASK: &str = "eyJfcGVybWFuZW50Ijp0cnVlfQ.aSrWZg.x1v_8kqYc0pBf3t2Jw";
const LIKE_OURS: &str = "Zm9yZWlnbi1zZXNzaW9uLW9mLWFub3RoZXItYXBwLTE";

/// A browser that knows the room by its cookies of before, beside others' of the same names.
fn of_before(server: &TestServer, others: &[(&str, &str)]) -> Browser {
    let mut browser = Browser::signed_up(server, "Ana");
    for (name, _) in &mut browser.cookies {
        *name = if name.contains("device") { "device" } else { "session" }.to_owned();
    }
    let others = others.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    // Longer paths come first.
    browser.cookies = others.chain(browser.cookies).collect();
    browser
}

/// What the room calls its cookies.
fn own_names(server: &TestServer) -> [String; 2] {
    ["chat-app", "chat-app-device"].map(|begin| format!("{begin}-{}", server.addr().port()))
}

/// Names of the cookies, in the alphabet.
fn names(browser: &Browser) -> Vec<String> {
    let mut names: Vec<String> = browser.cookies.iter().map(|(name, _)| name.clone()).collect();
    names.sort_unstable();
    names
}

#[test]
fn two_rooms_on_one_laptop_log_nobody_out_of_the_other() {
    let (first, second) = (TestServer::start(), TestServer::start());
    // Browsers keep cookies by the host, whatever the port.
    let mut browser = Browser::signed_up(&first, "Ana");
    browser.cookies.push(("session".to_owned(), FLASK.to_owned()));
    browser.addr = second.addr();
    assert_eq!(browser.user(), Value::Null, "another room's session is nobody's here");
    assert_eq!(browser.sign_up("Ben").status, 201);
    assert_eq!((browser.user()["username"].clone(), browser.cookies.len()), (json!("Ben"), 5));
    browser.addr = first.addr();
    assert_eq!(browser.user()["username"], "Ana");
    assert_eq!(browser.connect().expect_event("welcome")["session"]["username"], "Ana");
    assert_eq!(browser.post("/api/logout", json!({})).status, 204);
    browser.addr = second.addr();
    assert_eq!(browser.user()["username"], "Ben");
    assert_eq!(browser.cookie("session"), Some(FLASK));
}

#[test]
fn a_session_of_before_is_exchanged_at_the_next_answer() {
    for (path, body) in [
        ("session", None),
        ("invite", None),
        ("nothing", None),
        ("knock", Some(json!({}))),
        ("login", Some(json!({"email": email_of("Ana"), "password": "a wrong one"}))),
        ("password", Some(json!({"current": "a wrong one", "new": "another"}))),
    ] {
        let server = TestServer::start();
        let own = own_names(&server);
        let mut browser = of_before(&server, &[]);
        assert_eq!(browser.connect().expect_event("welcome")["session"]["username"], "Ana");
        assert_eq!(names(&browser), ["device", "session"], "a socket's answer is none of the API's");
        let values = ["session", "device"].map(|name| browser.cookie(name).map(str::to_owned));
        let path = format!("/api/{path}");
        let answer = match body {
            Some(body) => browser.post(&path, body),
            None => browser.get(&path),
        };
        assert_eq!(names(&browser), own, "{path}: {answer:?}");
        assert_eq!(own.each_ref().map(|name| browser.cookie(name).map(str::to_owned)), values, "{path}");
        assert_eq!(browser.user()["username"], "Ana", "{path}");
        assert_eq!(
            browser.get(&path).headers.iter().filter(|(name, _)| name == "set-cookie").count(),
            0,
            "{path}"
        );
    }
}

#[test]
fn a_host_who_comes_back_by_the_page_alone_keeps_the_session_from_others() {
    let server = TestServer::start();
    let mut host = Browser::host(server.addr(), &server.host_key());
    let today = host.session_name();
    let value = host.session().expect("a session").to_owned();
    let tag = host.get("/").header("etag").expect("a tag").to_owned();
    host.cookies = vec![("session".to_owned(), value.clone())];
    let known = format!("If-None-Match: {tag}\r\n");
    let page = host.ask("GET /", &known, "");
    assert_eq!((page.status, page.header("cache-control")), (200, Some("no-store")), "it has cookies");
    assert!(page.text().contains("<!doctype html>"), "and is whole");
    assert_eq!((host.cookie(&today), host.cookie("session")), (Some(&*value), None));
    // Any program on this computer, whatever its port.
    host.cookies.push(("session".to_owned(), FLASK.to_owned()));
    assert_eq!(host.get("/api/session").json()["host"], true);
    let page = host.ask("GET /", &known, "");
    assert_eq!(
        (page.status, page.header("cache-control")),
        (304, Some("no-cache")),
        "nothing is left to be done"
    );
    assert_eq!(host.cookie("session"), Some(FLASK));
}

#[test]
fn what_begins_or_ends_a_session_leaves_none_of_before() {
    let server = TestServer::start();
    let own = own_names(&server);
    let mut browser = of_before(&server, &[]);
    let old = browser.cookie("session").map(str::to_owned);
    assert_eq!(browser.log_in(&email_of("Ana"), &password_of("Ana")).status, 200);
    assert_eq!(names(&browser), own);
    assert_ne!(browser.session().map(str::to_owned), old, "a login begins a new one");
    let mut late = Browser::new(server.addr());
    late.cookies = vec![("session".to_owned(), old.expect("a session"))];
    assert_eq!(
        (late.user(), names(&late)),
        (Value::Null, vec!["session".to_owned()]),
        "and ends the one of before"
    );

    for (name, _) in &mut browser.cookies {
        *name = if name.contains("device") { "device" } else { "session" }.to_owned();
    }
    assert_eq!(browser.post("/api/logout", json!({})).status, 204);
    assert_eq!(names(&browser), own[1..], "the browser is still known, and logged out");
    assert_eq!(browser.user(), Value::Null);
}

#[test]
fn a_cookie_of_another_program_stays_as_it_is() {
    let server = TestServer::start();
    for (name, value) in
        [("session", FLASK), ("session", LIKE_OURS), ("device", "kitchen"), ("device", "a.b")]
    {
        let mut stranger = Browser::new(server.addr());
        stranger.cookies = vec![(name.to_owned(), value.to_owned())];
        for path in ["/api/session", "/api/invite"] {
            stranger.get(path);
        }
        stranger.post("/api/login", json!({"email": email_of("Ana"), "password": "a wrong one"}));
        assert_eq!(stranger.post("/api/logout", json!({})).status, 204);
        assert_eq!(stranger.cookies, [(name.to_owned(), value.to_owned())]);
    }
    // Theirs for a longer path, ours for the whole host: the one that goes is ours.
    let mut ana = of_before(&server, &[("session", LIKE_OURS), ("device", "kitchen")]);
    let answer = ana.get("/api/session");
    assert_eq!(answer.json()["user"]["username"], "Ana");
    let set: Vec<&str> =
        answer.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, set)| &**set).collect();
    assert_eq!(set.len(), 4, "{set:?}");
    assert!(set.iter().all(|set| set.contains("; Path=/; ") && !set.contains("Domain")), "{set:?}");
}

#[test]
fn behind_https_the_cookies_of_before_had_the_prefix_too() {
    let server = TestServer::with(|config: &mut Config| {
        config.public_urls = vec!["https://chat.example.org".to_owned()];
    });
    let mut browser = Browser { site: Some("chat.example.org"), ..Browser::new(server.addr()) };
    assert_eq!(browser.sign_up("Ana").status, 201);
    let value = browser.session().expect("a session").to_owned();
    browser.cookies = vec![("session".to_owned(), value.clone())];
    assert_eq!(browser.user(), Value::Null, "anybody could have set it");
    assert_eq!(names(&browser), ["session"]);
    browser.cookies = vec![("__Host-session".to_owned(), value)];
    let answer = browser.get("/api/session");
    assert_eq!(
        (answer.json()["user"]["username"].clone(), names(&browser)),
        (json!("Ana"), vec![browser.session_name()])
    );
    for (_, set) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
        assert!(set.starts_with("__Host-") && set.ends_with("; Secure"), "{set}");
    }
}

#[test]
fn a_dead_cookie_of_todays_name_shadows_no_living_one_of_before() {
    let server = TestServer::start();
    let [session, device] = own_names(&server);
    let mut browser = of_before(&server, &[]);
    let values = ["session", "device"].map(|name| browser.cookie(name).expect("of before").to_owned());
    browser.cookies.push((session.clone(), "A".repeat(43)));
    browser.cookies.push((device.clone(), "nobody.s".to_owned()));
    assert_eq!(browser.connect().expect_event("welcome")["session"]["username"], "Ana");
    assert_eq!(browser.user()["username"], "Ana");
    assert_eq!(names(&browser), [session.clone(), device.clone()]);
    let kept = [&session, &device].map(|name| browser.cookie(name).expect("of today").to_owned());
    assert_eq!(kept, values, "what was of before has today's names");
    assert_eq!(browser.user()["username"], "Ana");

    // Both alive: today's counts, and stays.
    let mut second = Browser::signed_up(&server, "Ben");
    let bens = second.session().expect("a session").to_owned();
    second.cookies.push(("session".to_owned(), values[0].clone()));
    assert_eq!((second.user()["username"].clone(), second.session()), (json!("Ben"), Some(&*bens)));
    assert_eq!(second.cookie("session"), None);
}

#[test]
fn a_logout_ends_all_sessions_that_the_browser_shows() {
    let server = TestServer::start();
    let (ana, mut ben) = (Browser::signed_up(&server, "Ana"), Browser::signed_up(&server, "Ben"));
    let (mut anas, mut bens) = (ana.join(), ben.join());
    ben.cookies.push(("session".to_owned(), ana.session().expect("a session").to_owned()));
    assert_eq!(ben.post("/api/logout", json!({})).status, 204);
    anas.expect_close(4401);
    bens.expect_close(4401);
    assert_eq!(ana.clone().user(), Value::Null, "in the database too");
    assert_eq!((ben.cookie("session"), ben.session()), (None, None));
}

#[test]
fn a_login_ends_all_sessions_that_the_browser_shows_and_a_host_stays_one() {
    let server = TestServer::start();
    let mut host = Browser::host(server.addr(), &server.host_key());
    let old = host.session().expect("a session").to_owned();
    host.cookies = vec![("session".to_owned(), old.clone()), (host.session_name(), "A".repeat(43))];
    assert_eq!(host.sign_up("Ana").status, 201);
    assert_eq!(host.get("/api/session").json()["host"], true, "what it was by the cookie of before");
    let mut late = Browser::new(server.addr());
    late.cookies = vec![(late.session_name(), old)];
    assert_eq!(late.get("/api/session").json()["host"], false, "and that one is over");
}

#[test]
fn a_proxy_that_passes_on_no_host_lets_a_dead_cookie_shadow_no_hosts() {
    let server = TestServer::with(|config: &mut Config| {
        config.public_urls = vec!["https://school.example:8443/chat".to_owned()];
    });
    let host = Browser::host(server.addr(), &server.host_key());
    let (addr, token) = (server.addr(), host.session().expect("a session"));
    for (cookies, status) in [
        (format!("{}={}; __Host-chat-app-8443-chat={token}", host.session_name(), "A".repeat(43)), 200),
        (format!("__Host-chat-app-8443-chat={}; {}={token}", "A".repeat(43), host.session_name()), 200),
        (format!("session={}; __Host-session={token}", "A".repeat(43)), 200),
        (format!("__Host-chat-app-8443-other={token}"), 403),
    ] {
        let answer = http(
            addr,
            format!(
                "GET /transcript.txt HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\nCookie: {cookies}\r\n\r\n"
            ),
        );
        assert_eq!(answer.status, status, "{cookies}: {}", answer.text());
    }
}
