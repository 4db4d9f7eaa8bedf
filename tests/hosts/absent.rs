//! Members who are removed or muted while they are away: logged out, they are nobody new in the browsers that were theirs.

use super::leaving_out::host_from;
use super::reading::{allow, browser, expect_nothing_read, join, remove};
use super::{about, expect_done, host, host_browser, moderate_with};
use crate::accounts::{Browser, behind_a_proxy, email_of, password_of, refused};
use crate::support::{TestServer, key};
use serde_json::json;

/// A browser in which somebody has signed up, has been here, and has gone.
fn member(server: &TestServer, name: &str) -> Browser {
    let mut browser = browser(server);
    assert_eq!(browser.sign_up(name).status, 201);
    join(&browser, name).leave();
    browser
}

fn log_out(browser: &mut Browser) {
    assert_eq!(browser.post("/api/logout", json!({})).status, 204);
}

#[test]
fn a_member_who_is_removed_while_away_is_out_in_their_browsers_logged_out_too() {
    let mut server = TestServer::staying();
    let hosts = host_browser(&server);
    let mut phone = member(&server, "Mia");
    let mut laptop = browser(&server);
    assert_eq!(laptop.log_in(&email_of("Mia"), &password_of("Mia")).status, 200);
    laptop.join().leave();
    server.stop();
    server.start_again();
    let mut host = hosts.connect();
    host.join_with_keys("Ms Keller", &key("host"), &key("host"));
    remove(&mut host, "Mia");
    host.say_and_wait("among us");
    for again in [false, true] {
        if again {
            server.stop();
            server.start_again();
        }
        for browser in [&mut phone, &mut laptop] {
            expect_nothing_read(browser.connect());
            log_out(browser);
            expect_nothing_read(browser.connect());
        }
    }
    // Nor do they get another account there.
    assert_eq!(refused(&phone.sign_up("Zoe")), (403, "removed".to_owned()));
    // Nor is it enough to lose the cookie.
    laptop.lose_cookies();
    let mut key_kept = laptop.connect();
    key_kept.send(json!({"event": "join", "username": "Lea", "guest_key": key("Mia")}));
    key_kept.expect_close(4403);
    let mut host = hosts.connect();
    allow(&mut host, "Mia");
    log_out(&mut phone);
    phone.connect().expect_text("among us");
}

#[test]
fn who_has_logged_out_before_is_known_by_the_browser_for_a_while() {
    let server = TestServer::start();
    let mut host = host(&server, "Ms Keller");
    let mut mias = member(&server, "Mia");
    log_out(&mut mias);
    // The next one at the same computer is somebody else's account.
    let next = member(&server, "Ben");
    remove(&mut host, "Mia");
    expect_nothing_read(mias.connect());
    next.join().say_and_wait("no matter of mine");
}

#[test]
fn a_member_who_is_muted_while_away_is_muted_logged_out_too() {
    let server = TestServer::start();
    let mut host = host(&server, "Ms Keller");
    let mut mias = member(&server, "Mia");
    moderate_with(&mut host, "mute", about("Mia"));
    expect_done(&mut host, "mute");
    log_out(&mut mias);
    let mut back = mias.connect();
    back.send(json!({"event": "join", "username": "Zoe", "guest_key": key("Zoe"), "tab_key": key("Zoe")}));
    back.expect_error("muted");
    assert_eq!(mias.log_in(&email_of("Mia"), &password_of("Mia")).status, 200);
    assert_eq!(mias.join().received("joined")[0]["muted"], true);
}

#[test]
fn who_is_removed_by_the_name_that_a_host_has_just_freed_is_out() {
    let server = TestServer::start();
    let mut host = host(&server, "Ms Keller");
    let ottos = browser(&server);
    let mut otto = join(&ottos, "Otto");
    otto.say_and_wait("rude");
    otto.leave();
    let mut mias = member(&server, "Mia");
    for name in ["Otto", "Mia"] {
        moderate_with(&mut host, "free_name", about(name));
        expect_done(&mut host, "free_name");
        remove(&mut host, name);
    }
    expect_nothing_read(ottos.connect());
    expect_nothing_read(mias.connect());
    log_out(&mut mias);
    expect_nothing_read(mias.connect());
}

#[test]
fn a_hosts_browser_that_was_lent_to_them_is_not_out() {
    let server = TestServer::start();
    let mut hosts = member(&server, "Mia");
    log_out(&mut hosts);
    assert_eq!(hosts.open_host_link(&server.host_key()).status, 200);
    let mut host = join(&hosts, "Ms Keller");
    remove(&mut host, "Mia");
    host.say_and_wait("among us");
    log_out(&mut hosts);
    hosts.connect().expect_text("among us");
}

/// The code is that of before: nothing but the browser tells who it is.
#[test]
fn in_a_room_for_members_nobody_who_is_out_signs_up_in_the_same_browser() {
    let server = TestServer::with(|config| config.members_only = true);
    let mut host = host(&server, "Ms Keller");
    let invite = host.received("moderation")[0]["invite_code"].clone();
    let sign_up = |browser: &mut Browser, name: &str| {
        let wish = json!({"email": email_of(name), "username": name, "password": password_of(name),
                          "invite": invite});
        browser.post("/api/signup", wish)
    };
    let mut mias = browser(&server);
    assert_eq!(sign_up(&mut mias, "Mia").status, 201);
    mias.join().leave();
    remove(&mut host, "Mia");
    log_out(&mut mias);
    assert_eq!(refused(&sign_up(&mut mias, "Zoe")), (403, "removed".to_owned()));
}

#[test]
fn who_is_out_neither_signs_up_nor_writes_into_the_hosts_panel() {
    let server = TestServer::with(behind_a_proxy);
    let mut host = host_from(&server, "203.0.113.1");
    host.join("Ms Keller");
    let mut mia = Browser::new(server.addr()).from("203.0.113.3");
    assert_eq!(mia.sign_up("Mia").status, 201);
    assert_eq!(Browser::new(server.addr()).from("203.0.113.4").sign_up("Ben").status, 201);
    let mut ottos = browser(&server).from("203.0.113.9");
    let mut otto = join(&ottos, "Otto");
    moderate_with(&mut host, "remove", json!({"username": "Otto", "keep_device_out": true}));
    otto.expect_close(4403);
    remove(&mut host, "Mia");
    let mut moved = ottos.clone().from("203.0.113.10");
    let mut beside = Browser::new(server.addr()).from("203.0.113.9");
    for (browser, name) in [(&mut moved, "Lea"), (&mut beside, "Zoe"), (&mut mia, "Noa"), (&mut ottos, "Max")]
    {
        assert_eq!(refused(&browser.sign_up(name)), (403, "removed".to_owned()), "{name}");
        let answer = browser.post("/api/forgot", json!({"email": email_of("Mia")}));
        assert_eq!(answer.status, 202, "and nothing in it tells");
    }
    let mut bens = Browser::new(server.addr()).from("203.0.113.4");
    assert_eq!(bens.post("/api/forgot", json!({"email": email_of("Ben")})).status, 202);
    let told =
        host.expect("a request", |it| it["event"] == "moderation" && it["reset_requests"] != json!([]));
    let requests = told["reset_requests"].as_array().expect("requests");
    assert_eq!((requests.len(), &requests[0]["username"]), (1, &json!("Ben")));
}

#[test]
fn a_browser_that_logged_in_and_never_joined_is_known_too() {
    let server = TestServer::start();
    let mut host = host(&server, "Ms Keller");
    let _phone = member(&server, "Mia");
    let mut laptop = browser(&server);
    assert_eq!(laptop.log_in(&email_of("Mia"), &password_of("Mia")).status, 200);
    host.say_and_wait("among us");
    remove(&mut host, "Mia");
    log_out(&mut laptop);
    expect_nothing_read(laptop.connect());
}
