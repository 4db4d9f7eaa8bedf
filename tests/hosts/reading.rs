//! Who was removed does not read either: a browser is known by its cookie before anything of the log is sent.

use super::leaving_out::host_from;
use super::{about, expect_done, guest, host, host_browser, moderate_with};
use crate::accounts::{Browser, behind_a_proxy, email_of, password_of, refused};
use crate::support::{TestClient, TestServer, key};
use chat_app::config::Config;
use serde_json::json;

/// A browser that has loaded the page.
pub(super) fn browser(server: &TestServer) -> Browser {
    loaded(Browser::new(server.addr()))
}

fn loaded(mut browser: Browser) -> Browser {
    assert_eq!(browser.get("/").status, 200);
    browser
}

/// Its tab, which has joined with the keys that go by this name.
pub(super) fn join(browser: &Browser, name: &str) -> TestClient {
    let mut tab = browser.connect();
    tab.join_with_keys(name, &key(name), &key(name));
    tab
}

pub(super) fn remove(host: &mut TestClient, name: &str) {
    moderate_with(host, "remove", about(name));
    expect_done(host, "remove");
}

pub(super) fn allow(host: &mut TestClient, name: &str) {
    moderate_with(host, "allow", about(name));
    expect_done(host, "allow");
}

pub(super) fn expect_nothing_read(mut tab: TestClient) {
    tab.expect_close(4403);
    assert!(tab.received_so_far().is_empty(), "{:?}", tab.received_so_far());
}

#[test]
fn a_guest_who_was_removed_and_reloads_or_never_joins_reads_nothing() {
    let mut server = TestServer::staying();
    let hosts = host_browser(&server);
    let mut host = hosts.connect();
    host.join_with_keys("Ms Keller", &key("host"), &key("host"));
    let mut anas = browser(&server);
    let (mut ana, mut beside) = (join(&anas, "Ana"), anas.connect());
    let (epoch, mut ben) = (beside.epoch(), join(&browser(&server), "Ben"));
    remove(&mut host, "Ana");
    ana.expect_close(4403);
    beside.expect_close(4403);
    host.say_and_wait("among us");
    for again in [false, true] {
        if again {
            server.stop();
            server.start_again();
            host = hosts.connect();
            host.join_with_keys("Ms Keller", &key("host"), &key("host"));
            ben = join(&browser(&server), "Ben");
        }
        assert_eq!(anas.get("/").status, 200, "the page itself says why");
        expect_nothing_read(anas.connect());
        expect_nothing_read(anas.connect_at(&format!("/ws?after=0&epoch={epoch}")));
        // All have one address, and that is no reason.
        server.connect().expect_text("among us");
        browser(&server).connect().expect_text("among us");
        ben.say_and_wait("here");
    }
    allow(&mut host, "Ana");
    anas.connect().expect_text("among us");
    join(&anas, "Ana").say_and_wait("thank you");
}

#[test]
fn who_is_removed_while_away_is_known_by_the_browser_too() {
    let mut server = TestServer::staying();
    let hosts = host_browser(&server);
    let anas = browser(&server);
    let mut ana = join(&anas, "Ana");
    ana.say_and_wait("I was here");
    ana.leave();
    server.stop();
    server.start_again();
    remove(&mut hosts.connect(), "Ana");
    expect_nothing_read(anas.connect());
}

#[test]
fn who_has_lost_the_cookie_is_known_again_once_they_join() {
    let server = TestServer::start();
    let (mut host, mut anas) = (host(&server, "Ms Keller"), browser(&server));
    let _ana = join(&anas, "Ana");
    remove(&mut host, "Ana");
    host.say_and_wait("among us");
    anas.lose_cookies();
    anas.get("/");
    let mut back = anas.connect();
    back.expect_text("among us");
    back.send(
        json!({"event": "join", "username": "Zoe", "guest_key": key("Ana"), "tab_key": key("new tab")}),
    );
    back.expect_close(4403);
    expect_nothing_read(anas.connect());
    // The tab is a mark as well, and what came with it.
    let mut other = browser(&server);
    let mut tab = other.connect();
    tab.send(json!({"event": "join", "username": "Zoe", "guest_key": key("Zoe"), "tab_key": key("Ana")}));
    tab.expect_close(4403);
    expect_nothing_read(other.connect());
    other.lose_cookies();
    let mut keyless = other.connect();
    keyless.send(json!({"event": "join", "username": "Zoe", "guest_key": key("Zoe")}));
    keyless.expect_close(4403);
    allow(&mut host, "Ana");
    for browser in [anas, other] {
        browser.connect().expect_text("among us");
    }
}

#[test]
fn a_browser_is_known_from_the_pages_first_load_and_is_told_once() {
    let server = TestServer::start();
    let mut browser = Browser::new(server.addr());
    let page = browser.get("/");
    let set = page.header("set-cookie").expect("one cookie");
    let name = format!("chat-app-browser-{}=", server.addr().port());
    assert!(set.starts_with(&name) && set.contains("; HttpOnly; SameSite=Lax"), "{set}");
    assert_eq!(page.header("cache-control"), Some("no-store"), "nobody else may get this one");
    let again = browser.get("/");
    assert_eq!((again.header("set-cookie"), again.header("cache-control")), (None, Some("no-cache")));
    let other = server.get("/");
    assert_ne!(other.header("set-cookie"), Some(set), "each browser has its own");
    for path in ["/healthz", "/api/session", "/api/invite", "/nothing"] {
        assert_eq!(server.get(path).header("set-cookie"), None, "{path}: other programs need none");
    }
    // Without one, or with what is none of ours, everything goes on.
    server.join("Simple").say_and_wait("no cookie");
    for nonsense in ["x", "", "ä", &"A".repeat(4_000)] {
        let mut odd = Browser::new(server.addr());
        odd.take_cookie(&name[..name.len() - 1], nonsense);
        odd.connect().expect_text("no cookie");
        assert!(odd.get("/").header("set-cookie").is_some(), "{nonsense:?} is no cookie of ours");
    }
}

#[test]
fn a_browser_is_known_from_every_address_and_behind_https() {
    let server = TestServer::with(|config: &mut Config| {
        behind_a_proxy(config);
        config.public_urls = vec!["https://chat.example.org".to_owned()];
    });
    let at = |address| {
        let mut browser = Browser::new(server.addr()).from(address);
        browser.site = Some("chat.example.org");
        browser
    };
    let (mut host, anas) = (host_from(&server, "203.0.113.1"), loaded(at("2001:db8::1")));
    host.join("Ms Keller");
    assert!(anas.cookie("__Host-chat-app-browser-443").is_some());
    let _ana = join(&anas, "Ana");
    remove(&mut host, "Ana");
    host.join("Ms Keller");
    host.say_and_wait("among us");
    for address in ["2001:db8::1", "2001:db8::2", "203.0.113.7"] {
        expect_nothing_read(anas.clone().from(address).connect());
        loaded(at(address)).connect().expect_text("among us");
    }
}

#[test]
fn another_account_in_a_browser_that_is_out_is_out_too_and_a_host_is_not() {
    let server = TestServer::start();
    let (mut host, mut shared) = (host(&server, "Ms Keller"), browser(&server));
    assert_eq!(shared.sign_up("Mia").status, 201);
    let mut mia = shared.join();
    remove(&mut host, "Mia");
    mia.expect_close(4403);
    host.say_and_wait("among us");
    // Nor is a new account a way out, nor one from elsewhere.
    assert_eq!(shared.post("/api/logout", json!({})).status, 204);
    expect_nothing_read(shared.connect());
    assert_eq!(refused(&shared.sign_up("Zoe")), (403, "removed".to_owned()));
    Browser::signed_up(&server, "Zoe");
    assert_eq!(shared.log_in(&email_of("Zoe"), &password_of("Zoe")).status, 200);
    expect_nothing_read(shared.connect());
    assert_eq!(shared.open_host_link(&server.host_key()).status, 200);
    shared.connect().expect_text("among us");
}

#[test]
fn among_members_only_a_browser_that_is_out_reads_nothing_with_any_account() {
    let server = TestServer::with(|config| config.members_only = true);
    let mut host = host(&server, "Ms Keller");
    let code = host.received("moderation")[0]["invite_code"].as_str().expect("a code").to_owned();
    let sign_up = |browser: &mut Browser, name: &str| {
        let wish =
            json!({"email": email_of(name), "username": name, "password": password_of(name), "invite": code});
        browser.post("/api/signup", wish)
    };
    let mut shared = browser(&server);
    assert_eq!(sign_up(&mut shared, "Mia").status, 201);
    let mut mia = shared.join();
    remove(&mut host, "Mia");
    mia.expect_close(4403);
    assert_eq!(shared.post("/api/logout", json!({})).status, 204);
    assert_eq!(refused(&sign_up(&mut shared, "Zoe")), (403, "removed".to_owned()));
    assert_eq!(sign_up(&mut Browser::new(server.addr()), "Zoe").status, 201);
    assert_eq!(shared.log_in(&email_of("Zoe"), &password_of("Zoe")).status, 200);
    expect_nothing_read(shared.connect());
}

#[test]
fn who_is_muted_and_cleans_up_is_known_by_the_cookie() {
    let server = TestServer::start();
    let (mut host, anas) = (host(&server, "Ms Keller"), browser(&server));
    let ana = join(&anas, "Ana");
    moderate_with(&mut host, "mute", about("Ana"));
    expect_done(&mut host, "mute");
    ana.leave();
    let mut again = anas.connect();
    again.send(json!({"event": "join", "username": "I say it all the same", "guest_key": key("new")}));
    again.expect_error("muted");
    let mut wish = anas.clone();
    assert_eq!(wish.sign_up("I say it all the same").status, 403);
    assert_eq!(guest(&server, "Ben").received("joined")[0]["muted"], false);
}

/// What a peer has under way is measured with Unix's socket buffers: elsewhere the log here is too short to hold one up.
#[cfg(unix)]
#[test]
fn who_is_still_catching_up_when_they_are_removed_reads_nothing_newer() {
    let server = TestServer::start();
    let (mut host, anas) = (host(&server, "Ms Keller"), browser(&server));
    let mut ana = join(&anas, "Ana");
    let epoch = ana.epoch();
    // More than the kernel holds for one who does not read. A few at a time: whoever says it has to read it too.
    let (mut speaker, text) = (server.join("Speaker"), "x".repeat(3900));
    for _ in 0..24 {
        (0..50).for_each(|_| speaker.say(&text));
        (0..50).for_each(|_| drop(speaker.expect_event("receive_message")));
    }
    let mut slow = anas.connect_at(&format!("/ws?after=0&epoch={epoch}"));
    slow.hold_little();
    slow.expect_event("welcome");
    remove(&mut host, "Ana");
    speaker.say_and_wait("among us");
    slow.expect_close(4403);
    let read = slow.received("receive_message");
    assert!(read.iter().all(|message| message["message"] != "among us"), "{} messages", read.len());
}
