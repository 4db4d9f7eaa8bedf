//! One person may not be here: closed with 4403, and closed again however they come back, until they are let back in.

use super::{about, expect_done, guest, host, moderate_with};
use crate::accounts::{Browser, behind_a_proxy, email_of, password_of, refused};
use crate::support::{DEADLINE, Knock, TestClient, TestServer, key};
use serde_json::json;
use std::net::IpAddr;
use std::time::Instant;

fn from(server: &TestServer, address: &str) -> TestClient {
    let headers = format!("Host: {}\r\nX-Forwarded-For: {address}\r\n", server.addr());
    let knock = Knock::with_headers(server.addr(), "/ws", &headers).and_then(Knock::enter);
    knock.expect("an answer").expect("a WebSocket")
}

#[test]
fn who_is_removed_is_out_on_every_connection_and_stays_out() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    let mut other_tab = server.connect();
    other_tab.join_with_keys("Ana", &key("Ana"), &key("other tab"));
    ana.say_and_wait("last words");
    moderate_with(&mut host, "remove", about("Ana"));
    ana.expect_close(4403);
    other_tab.expect_close(4403);
    assert_eq!(expect_done(&mut host, "remove")["removed"], json!(["Ana"]));
    for (name, guest_key, tab_key) in
        [("Ana", "Ana", "new tab"), ("Zoe", "Ana", "new tab"), ("Zoe", "new browser", "other tab")]
    {
        let mut back = server.connect();
        back.send(
            json!({"event": "join", "username": name, "guest_key": key(guest_key), "tab_key": key(tab_key)}),
        );
        back.expect_close(4403);
    }
    // The bare name is nobody's, and no reason to send anybody away.
    let mut namesake = server.connect();
    namesake.send(json!({"event": "join", "username": "Ana", "guest_key": key("namesake")}));
    namesake.expect_error("name_taken");
    namesake.join("Anna");
    // Nor does her own browser get it for good.
    let wish = json!({"email": email_of("Ana"), "username": "Ana", "password": password_of("Ana"),
                      "guest_key": key("Ana")});
    let answer = Browser::new(server.addr()).post("/api/signup", wish);
    assert_eq!(refused(&answer), (409, "name_taken".to_owned()));
    moderate_with(&mut host, "allow", about("Ana"));
    assert_eq!(expect_done(&mut host, "allow")["removed"], json!([]));
    guest(&server, "Ana").say_and_wait("thank you");
}

#[test]
fn nobody_is_back_under_a_twin() {
    let server = TestServer::start();
    let (mut host, mut paula) = (host(&server, "Ms Keller"), guest(&server, "Paula"));
    moderate_with(&mut host, "remove", about("Paula"));
    paula.expect_close(4403);
    for twin in ["Paula", "Раula", "PАULA", "pаULа"] {
        let mut back = server.connect();
        back.send(json!({"event": "join", "username": twin}));
        assert_eq!(back.expect_error("name_taken")["reason"], "name_removed", "{twin}");
        let wish = json!({"email": email_of("Paula"), "username": twin, "password": password_of("Paula")});
        let answer = Browser::new(server.addr()).post("/api/signup", wish);
        assert_eq!(answer.json()["error"]["reason"], "name_removed", "{twin}");
    }
    moderate_with(&mut host, "allow", about("Paula"));
    expect_done(&mut host, "allow");
    let mut back = server.connect();
    back.send(json!({"event": "join", "username": "Раula"}));
    assert_eq!(back.expect_error("name_taken")["reason"], "name_looks_like_kept", "as anybody's name is");
    guest(&server, "Paula").say_and_wait("thank you");
}

#[test]
fn a_removed_member_is_out_before_anything_is_read() {
    let server = TestServer::start();
    let (mut host, mia) = (host(&server, "Ms Keller"), Browser::signed_up(&server, "Mia"));
    let mut tab = mia.join();
    moderate_with(&mut host, "remove", about("Mia"));
    tab.expect_close(4403);
    let mut back = mia.connect();
    back.expect_close(4403);
    assert!(back.received_so_far().is_empty(), "not even a welcome");
    moderate_with(&mut host, "allow", about("Mia"));
    expect_done(&mut host, "allow");
    mia.join().say_and_wait("back");
}

#[test]
fn somebody_who_is_away_can_be_removed() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    ana.say_and_wait("I was here");
    ana.leave();
    moderate_with(&mut host, "remove", about("Ana"));
    expect_done(&mut host, "remove");
    let mut back = server.connect();
    back.send(json!({"event": "join", "username": "Zoe", "guest_key": key("Ana"), "tab_key": key("Zoe")}));
    back.expect_close(4403);
}

#[test]
fn a_device_that_is_kept_out_does_not_even_read() {
    let server = TestServer::with(behind_a_proxy);
    let mut host = host_from(&server, "203.0.113.1");
    let mut ana = from(&server, "203.0.113.9");
    ana.join("Ana");
    let mut beside = from(&server, "203.0.113.9");
    beside.expect_event("presence");
    moderate_with(&mut host, "remove", json!({"username": "Ana", "keep_device_out": true}));
    ana.expect_close(4403);
    beside.expect_close(4403);
    let mut private_window = from(&server, "203.0.113.9");
    private_window.expect_close(4403);
    assert!(private_window.received_so_far().is_empty());
    from(&server, "203.0.113.10").join("Ben");
    moderate_with(&mut host, "allow", about("Ana"));
    expect_done(&mut host, "allow");
    from(&server, "203.0.113.9").join("Ana");
}

#[test]
fn an_address_that_others_need_is_not_closed_and_nobody_is_removed() {
    let server = TestServer::with(|config| {
        behind_a_proxy(config);
        config.trusted_proxies.push("203.0.113.3".parse().expect("an address"));
    });
    let mut host = host_from(&server, "203.0.113.1");
    let mut other = host_from(&server, "203.0.113.2");
    assert_eq!(other.join("Mr Brown")["role"], "host");
    let refused = |host: &mut TestClient, mut person: TestClient, name: &str| {
        person.join(name);
        moderate_with(host, "remove", json!({"username": name, "keep_device_out": true}));
        host.expect_error("bad_request");
        person.expect_pong();
    };
    refused(&mut host, from(&server, "203.0.113.1"), "Beside the host");
    refused(&mut host, from(&server, "203.0.113.2"), "Beside the other host");
    refused(&mut host, server.connect(), "Behind the proxy");
    refused(&mut host, from(&server, "203.0.113.3"), "Behind a proxy elsewhere");
    // An IPv6 address stands for its network: that of this computer is everybody's in the room.
    let own =
        chat_app::inside::interfaces().into_iter().map(|own| own.address).filter(|own| !own.is_loopback());
    for (number, own) in own.enumerate() {
        let neighbour = match own {
            IpAddr::V4(_) => own,
            IpAddr::V6(own) => IpAddr::V6((u128::from(own) ^ 0xbeef).into()),
        };
        refused(&mut host, from(&server, &neighbour.to_string()), &format!("Neighbour {number}"));
    }
    let mut away = from(&server, "203.0.113.7");
    away.join("Away");
    away.say_and_wait("soon away");
    away.leave();
    // They are told goodbye before they are gone.
    let until = Instant::now() + DEADLINE;
    let is_here = || server.connect().expect("who is here", |event| event["event"] == "presence");
    while is_here()["users"].to_string().contains("Away") {
        assert!(Instant::now() < until, "they do not go");
    }
    moderate_with(&mut host, "remove", json!({"username": "Away", "keep_device_out": true}));
    host.expect_error("bad_request");
    assert_eq!(host.received("moderation").last().expect("told")["removed"], json!([]));
}

pub fn host_from(server: &TestServer, address: &str) -> TestClient {
    let mut browser = Browser::new(server.addr()).from(address);
    let link = chat_app::make_host_link_beside(server.database(), false).expect("a link");
    let key = link.split_once("/#host=").expect("a host link").1;
    assert_eq!(browser.open_host_link(key).status, 200);
    browser.connect()
}

#[test]
fn who_was_removed_and_becomes_a_host_is_in() {
    let server = TestServer::start();
    let (mut host, mut mia) = (host(&server, "Ms Keller"), Browser::signed_up(&server, "Mia"));
    moderate_with(&mut host, "remove", about("Mia"));
    expect_done(&mut host, "remove");
    mia.connect().expect_close(4403);
    assert_eq!(mia.open_host_link(&server.host_key()).status, 200);
    mia.join().say_and_wait("in again");
}

#[test]
fn who_took_a_hosts_name_and_was_removed_does_not_keep_it() {
    let server = TestServer::start();
    let mut impostor = guest(&server, "Ms Keller");
    impostor.say_and_wait("no homework today");
    let mut host = super::host_browser(&server).connect();
    moderate_with(&mut host, "remove", about("Ms Keller"));
    impostor.expect_close(4403);
    assert_eq!(host.join_with_keys("Ms Keller", &key("host"), &key("host"))["role"], "host");
    moderate_with(&mut host, "allow", about("Ms Keller"));
    expect_done(&mut host, "allow");
    let mut back = server.connect();
    back.send(json!({"event": "join", "username": "Ms Keller", "guest_key": key("Ms Keller")}));
    back.expect_error("name_taken");
    back.join("Not Ms Keller").as_object().expect("is back");
}
