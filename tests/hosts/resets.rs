//! A forgotten password: hosts are told who needs a link, and make one.

use super::{about, expect_done, guest, host, moderate_with};
use crate::accounts::Browser;
use crate::support::TestServer;
use serde_json::json;

#[test]
fn who_forgot_the_password_is_shown_to_hosts_and_gets_a_link_from_them() {
    let server = TestServer::start();
    let (mut host, mut other) = (host(&server, "Ms Keller"), host(&server, "Mr Brown"));
    let mut ana = guest(&server, "Ana");
    let mut mia = Browser::signed_up(&server, "Mia");
    assert_eq!(mia.post("/api/forgot", json!({"email": "mia@school.example"})).status, 202);
    let told = host.expect("the request", |event| {
        event["event"] == "moderation" && event["reset_requests"][0]["username"] == "Mia"
    });
    assert!(told["reset_requests"][0]["at"].as_i64() > Some(1_700_000_000_000));
    moderate_with(&mut host, "issue_reset", about("Mia"));
    let issued = host.expect_event("reset_issued");
    assert_eq!(issued["username"], "Mia");
    assert!(issued["qr_svg"].as_str().is_some_and(|svg| svg.starts_with("<svg")));
    let link = issued["link"].as_str().expect("a link");
    let (address, token) = link.split_once("/#reset=").expect("a reset link");
    assert!(address.starts_with("http://"));
    host.expect("no request any more", |event| {
        event["event"] == "moderation" && event["reset_requests"] == json!([])
    });
    expect_done(&mut other, "issue_reset");
    assert!(other.received("reset_issued").is_empty() && ana.received("reset_issued").is_empty());
    let reset = json!({"token": token, "password": "a brand new secret"});
    assert_eq!(mia.post("/api/reset", reset.clone()).status, 204);
    assert_eq!(mia.post("/api/reset", reset).status, 422, "it works once");
    assert_eq!(mia.log_in("mia@school.example", "a brand new secret").status, 200);
    ana.expect_pong();
    assert!(ana.received("moderation").is_empty());
}

#[test]
fn a_newer_link_voids_the_older() {
    let server = TestServer::start();
    let mut host = host(&server, "Ms Keller");
    let mut mia = Browser::signed_up(&server, "Mia");
    let mut token = || {
        moderate_with(&mut host, "issue_reset", about("Mia"));
        let link = host.expect_event("reset_issued")["link"].as_str().expect("a link").to_owned();
        link.split_once("/#reset=").expect("a reset link").1.to_owned()
    };
    let (older, newer) = (token(), token());
    let reset = |token: &str| json!({"token": token, "password": "a brand new secret"});
    assert_eq!(mia.post("/api/reset", reset(&older)).status, 422);
    assert_eq!(mia.post("/api/reset", reset(&newer)).status, 204);
}

#[test]
fn in_a_room_for_members_the_invite_code_is_shown_to_hosts() {
    let server = TestServer::with(|config| config.members_only = true);
    let mut browser = super::host_browser(&server);
    let mut host = browser.connect();
    let code = host.expect_event("moderation")["invite_code"].as_str().expect("a code").to_owned();
    let fields = json!({"email": "ana@school.example", "username": "Ana", "password": "what only Ana knows",
                        "invite": code});
    assert_eq!(browser.post("/api/signup", fields).status, 201);
    let open = TestServer::start();
    assert!(super::host(&open, "Ms Keller").received("moderation")[0]["invite_code"].is_null());
}
