//! A host link makes a host: here or everywhere, until it is voided.

use super::{host, host_browser, moderate};
use crate::accounts::{Browser, behind_a_proxy, refused};
#[cfg(unix)]
use crate::support::Signal;
use crate::support::{Ended, Process, TestServer, http, key, program};
use chat_app::make_host_link_beside;
use serde_json::json;
use std::path::Path;

fn link_of(server: &TestServer, void_earlier: bool) -> String {
    let link = make_host_link_beside(server.database(), void_earlier).expect("a link");
    link.split_once("/#host=").expect("a host link").1.to_owned()
}

/// What `chat-app host-link` prints, and how it ends.
fn command(database: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    Process::run(program().args(["host-link", "--database"]).arg(database).args(arguments))
}

#[test]
fn the_command_makes_links_beside_the_running_room_and_voids_them() {
    let server = TestServer::start();
    let key = |arguments: &[&str]| {
        let (code, said, _) = command(server.database(), arguments);
        assert_eq!(code, Some(0));
        let link = said.split_whitespace().find(|word| word.contains("/#host=")).expect("a link");
        (link.split_once("/#host=").expect("a key").1.to_owned(), said.contains("Earlier links"))
    };
    let mut browser = Browser::new(server.addr());
    let (first, voided) = key(&[]);
    assert_eq!((browser.open_host_link(&first).status, voided), (200, false));
    let mut tab = browser.connect();
    let (second, voided) = key(&["--new"]);
    assert!(voided);
    tab.expect_close(4401);
    assert_eq!(browser.open_host_link(&first).status, 403);
    assert_eq!(browser.open_host_link(&second).status, 200);
}

#[test]
fn the_command_says_what_is_wrong() {
    let server = TestServer::start();
    for (arguments, said) in [(&["--old"][..], "no option --old"), (&["now"], "takes no argument")] {
        let (code, out, error) = command(server.database(), arguments);
        assert!(code == Some(2) && out.is_empty() && error.contains(said), "{error}");
    }
    let (code, _, error) = command(&server.folder().join("nothing.db"), &[]);
    assert!(code == Some(1) && error.contains("no such database"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_file_that_takes_what_the_room_says_holds_no_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut process = Process::start(&folder.path().join("chat.db"), &["--log-level", "trace"]);
    process.signal(Signal::TERM);
    process.wait();
    assert!(!process.stdout.whole().contains("#host") && !process.stderr.whole().contains("#host"));
}

#[test]
fn the_link_of_the_start_makes_a_host_who_needs_no_account() {
    let server = TestServer::start();
    let mut browser = host_browser(&server);
    let session = browser.get("/api/session").json();
    assert_eq!((&session["user"], &session["host"]), (&json!(null), &json!(true)));
    let mut tab = browser.connect();
    let session = tab.expect_event("welcome")["session"].clone();
    assert_eq!(session, json!({"username": null, "role": "host"}));
    tab.expect_event("moderation");
    assert_eq!(tab.join("Ms Keller")["role"], "host");
    tab.expect_event("moderation");
    let mut ana = server.join("Ana");
    tab.say("Good morning!");
    assert_eq!(ana.expect_message("Good morning!")["role"], "host");
}

#[test]
fn from_elsewhere_only_a_link_made_for_it_works() {
    let server = TestServer::with(behind_a_proxy);
    let mut elsewhere = Browser::new(server.addr()).from("203.0.113.9");
    let answer = elsewhere.open_host_link(&server.host_key());
    assert_eq!(refused(&answer), (403, "host_elsewhere".to_owned()));
    assert!(elsewhere.session().is_none());
    assert_eq!(elsewhere.open_host_link(&link_of(&server, false)).status, 200);
    // A proxy that says nothing of whom it speaks for is not the host's own browser.
    let mut nobody = Browser::new(server.addr());
    assert_eq!(refused(&nobody.open_host_link(&server.host_key())), (403, "host_elsewhere".to_owned()));
}

#[test]
fn a_tunnel_on_the_same_computer_does_not_make_strangers_local() {
    let server = TestServer::with(|config| config.public_urls = vec!["https://chat.example.org".to_owned()]);
    let mut stranger = Browser::new(server.addr());
    stranger.site = Some("chat.example.org");
    assert_eq!(refused(&stranger.open_host_link(&server.host_key())), (403, "host_elsewhere".to_owned()));
    // A proxy that passes on no Host leaves only the page's origin to tell.
    let (addr, body) = (server.addr(), json!({"key": server.host_key()}).to_string());
    let answer = http(
        addr,
        format!(
            "POST /api/host HTTP/1.1\r\nHost: {addr}\r\nOrigin: https://chat.example.org\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    assert_eq!(refused(&answer), (403, "host_elsewhere".to_owned()));
    assert_eq!(Browser::new(server.addr()).open_host_link(&server.host_key()).status, 200);
}

#[test]
fn what_a_proxy_or_tunnel_passes_on_is_not_local_whatever_address_it_names() {
    // A tunnel that nobody has declared, and leaves the Host as it finds it here; a proxy elsewhere, whose own loopback it is.
    for server in [TestServer::start(), TestServer::with(behind_a_proxy)] {
        for address in ["203.0.113.9", "127.0.0.1", "::1"] {
            let mut stranger = Browser::new(server.addr()).from(address);
            let answer = stranger.open_host_link(&server.host_key());
            assert_eq!(refused(&answer), (403, "host_elsewhere".to_owned()), "{address}");
        }
    }
}

#[test]
fn what_is_no_key_makes_no_host() {
    let server = TestServer::start();
    let mut browser = Browser::new(server.addr());
    let whole = server.host_key();
    for key in ["", "abc", &whole[1..], &format!("{whole}A"), &whole.to_lowercase(), &key("nobody")] {
        assert_eq!(refused(&browser.open_host_link(key)), (403, "bad_host_key".to_owned()), "{key}");
    }
    assert_eq!(refused(&browser.post("/api/host", json!({}))).0, 400);
    assert_eq!(browser.get("/api/host").status, 405);
    assert_eq!(browser.get("/api/session").json()["host"], false);
}

#[test]
fn a_page_of_another_site_makes_nobody_a_host() {
    let server = TestServer::start();
    let body = json!({"key": server.host_key()}).to_string();
    let own = format!("http://{}", server.addr());
    for (origin, kind, status) in
        [("http://evil.example", "application/json", 403), (own.as_str(), "text/plain", 415)]
    {
        let answer = http(
            server.addr(),
            format!(
                "POST /api/host HTTP/1.1\r\nHost: {}\r\nOrigin: {origin}\r\nContent-Type: {kind}\r\n\
                 Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                server.addr(),
                body.len()
            ),
        );
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(!answer.headers.iter().any(|(name, _)| name == "set-cookie"));
    }
}

#[test]
fn a_member_becomes_a_host_and_stays_a_member() {
    let server = TestServer::start();
    let mut browser = Browser::signed_up(&server, "Ana");
    let before = browser.session().map(str::to_owned);
    let mut tab = browser.join();
    assert_eq!(browser.open_host_link(&server.host_key()).status, 200);
    assert_ne!(browser.session().map(str::to_owned), before, "a session of more rights is a new one");
    assert_eq!(tab.expect_end(), Ended::Closed(4401));
    assert_eq!(browser.user()["role"], "host");
    let mut tab = browser.join();
    moderate(&mut tab, "lock");
    tab.expect("the room is locked", |event| event["event"] == "room" && event["locked"] == true);
}

#[test]
fn who_logs_in_as_a_host_stays_one_and_who_logs_out_does_not() {
    let server = TestServer::start();
    Browser::signed_up(&server, "Ana");
    let mut browser = host_browser(&server);
    let answer = browser.log_in("ana@school.example", "what only Ana knows");
    assert_eq!((answer.status, &answer.json()["user"]["role"]), (200, &json!("host")));
    let mut tab = browser.join();
    assert_eq!(browser.post("/api/logout", json!({})).status, 204);
    tab.expect_close(4401);
    assert_eq!(browser.get("/api/session").json()["host"], false);
}

#[test]
fn a_new_link_ends_the_hosts_made_by_earlier_ones_while_the_room_is_open() {
    let server = TestServer::start();
    let (mut first, mut member) = (host(&server, "Ms Keller"), Browser::signed_up(&server, "Ana"));
    let mut member_tab = member.join();
    let mut by_link = Browser::new(server.addr());
    let old = link_of(&server, false);
    by_link.open_host_link(&old);
    let mut second = by_link.connect();
    let new = link_of(&server, true);
    first.expect_close(4401);
    second.expect_close(4401);
    for key in [&old, &server.host_key()] {
        assert_eq!(refused(&by_link.open_host_link(key)), (403, "bad_host_key".to_owned()));
    }
    assert_eq!(by_link.open_host_link(&new).status, 200);
    let mut third = by_link.connect();
    third.expect_event("moderation");
    third.expect_pong();
    member_tab.expect_pong();
    assert!(!member.user().is_null(), "who never was a host is as before");
}

#[test]
fn the_file_holds_no_key_of_a_host() {
    let server = TestServer::start();
    let (browser, link) = (host_browser(&server), link_of(&server, false));
    for secret in [server.host_key(), link, browser.session().expect("a cookie").to_owned()] {
        assert!(!server.has_on_disk(&secret));
    }
}

#[test]
fn a_hosts_name_is_nobody_elses_for_ever() {
    let mut server = TestServer::start();
    host(&server, "Ms Keller").leave();
    for again in [false, true] {
        if again {
            server.stop();
            server.start_again();
        }
        let mut student = server.connect();
        student.send(json!({"event": "join", "username": "ms keller", "guest_key": key("student")}));
        assert_eq!(
            student.expect_error("name_taken")["suggestion"],
            json!(null),
            "\"ms keller 2\" would be her, too"
        );
    }
    // The same browser, and any other host, may have it.
    let mut own = server.connect();
    assert_eq!(own.join_with_keys("Ms Keller", &key("Ms Keller"), &key("other tab"))["role"], "guest");
    own.leave();
    let mut other = host_browser(&server).connect();
    assert_eq!(other.join_with_keys("Ms Keller", &key("another"), &key("another"))["role"], "host");
}

#[test]
fn a_person_is_shown_as_a_host_as_long_as_one_of_their_connections_is_one() {
    let server = TestServer::start();
    let mut watcher = server.join("Watcher");
    let role = |event: &serde_json::Value, role: &str| {
        let people = event["joined"].as_array().into_iter().chain(event["users"].as_array()).flatten();
        people.into_iter().any(|person| person["username"] == "Ana" && person["role"] == role)
    };
    let mut guest = server.connect();
    guest.join_with_keys("Ana", &key("Ana"), &key("one"));
    watcher.expect("Ana is a guest", |event| role(event, "guest"));
    let mut host = host_browser(&server).connect();
    assert_eq!(host.join_with_keys("Ana", &key("Ana"), &key("two"))["role"], "host");
    watcher.expect("Ana is a host", |event| role(event, "host"));
    // What the guest's connection says is a guest's: it is no host's session.
    guest.say("hi");
    assert_eq!(watcher.expect_message("hi")["role"], "guest");
    moderate(&mut guest, "lock");
    guest.expect_error("not_host");
    host.leave();
    watcher.expect("Ana is a guest again", |event| role(event, "guest"));
}
