//! The page by way of a real nginx: under a path as the README has it, and where a proxy leaves out what a room needs.

use super::look::look;
use crate::accounts::{email_of, password_of};
use crate::support::{
    Browser, Knock, Page, Process, TestServer, configuration, free_port, http, installed, start_nginx,
};
use serde_json::json;
use std::net::SocketAddr;

also_in!([firefox, webkit]:
    a_room_under_a_path_has_all_that_it_has_elsewhere,
    a_bare_proxy_is_told_what_it_leaves_out,
    a_room_that_is_refused_while_people_talk_says_so_below_what_they_said,
);

/// The README's room under `/chat/`, on a port of this machine.
fn under_a_path(port: u16, room: SocketAddr) -> String {
    let map = configuration("```nginx\nmap ", &[]);
    let (map, _) = map.split_once("server {").expect("a map and a server");
    let address = ("http://127.0.0.1:5000/", format!("http://{room}/"));
    let location = configuration("```nginx\n    location /chat/ {", &[address]);
    format!("{map}server {{ listen 127.0.0.1:{port}; {location} }}")
}

#[test]
fn a_room_under_a_path_has_all_that_it_has_elsewhere() {
    let (Some(nginx), Some(browser)) = (installed("nginx"), Browser::start()) else { return };
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}/chat");
    let server = TestServer::with(|config| {
        config.public_urls = vec![url.clone()];
        config.trusted_proxies = vec![config.bind];
    });
    let _nginx = start_nginx(&nginx, port, &under_a_path(port, server.addr()));
    let page = browser.tab();
    // Without the slash: the proxy adds it.
    page.visit(&url);
    page.expect_connection("live");
    assert_eq!(page.run("location.pathname"), "/chat/");
    page.expect_text("#empty-address", &format!("{url}/"));
    page.join("Ana");
    page.say("From under a path");
    server.connect().expect_text("From under a path");

    page.click("#open-account");
    page.run("openForm('signup')");
    page.fill("#account-email", &email_of("Ana"));
    page.fill("#account-password", &password_of("Ana"));
    page.press("Enter");
    page.expect("the account", "isMember()");
    page.reload();
    page.expect("the account, still", "isLive() && isMember()");
    let link = format!("{url}/#host={}", host_link_key(&server));
    page.visit(&link);
    page.expect("a host's controls", "isHost()");
    let transcript = page.run("fetch(document.importNode(el.transcriptTemplate.content, true).querySelector('a').href).then((answer) => answer.text())");
    assert!(transcript.as_str().is_some_and(|text| text.contains("From under a path")), "{transcript}");
    let keys = page.run("[...Object.keys(localStorage), ...Object.keys(sessionStorage)].filter((key) => !key.startsWith('/chat/'))");
    assert_eq!(keys, json!([]), "another room on this host has storage of its own");
    look(&page, "under-a-path");
}

#[test]
fn a_proxy_on_any_port_may_leave_the_path_in() {
    let Some(nginx) = installed("nginx") else { return };
    let port = free_port();
    let (host, proxy) = (format!("school.example:{port}"), SocketAddr::from(([127, 0, 0, 1], port)));
    let server = TestServer::with(|config| config.public_urls = vec![format!("http://{host}/chat")]);
    let room = server.addr();
    // A slash forgotten at the end of `proxy_pass`.
    let servers = under_a_path(port, room).replace(&format!("http://{room}/;"), &format!("http://{room};"));
    assert!(!servers.contains(&format!("{room}/")), "{servers}");
    let _nginx = start_nginx(&nginx, port, &servers);
    let invite =
        http(proxy, format!("GET /chat/api/invite HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
    assert_eq!(invite.json()["url"], format!("http://{host}/chat/"));
    let origin = format!("Host: {host}\r\nOrigin: http://{host}\r\n");
    let entered = Knock::with_headers(proxy, "/chat/ws", &origin).and_then(Knock::enter).expect("an answer");
    entered.unwrap_or_else(|refused| panic!("{refused:?}")).expect_event("welcome");
    let neighbour = format!(
        "POST /chat/api/knock HTTP/1.1\r\nHost: {host}\r\nOrigin: http://school.example\r\nContent-Length: 0\r\n\
         Connection: close\r\n\r\n"
    );
    assert_eq!(http(proxy, neighbour).status, 403, "a page on another port of the same host");
}

/// The key of a link that works from everywhere.
fn host_link_key(server: &TestServer) -> String {
    let link = chat_app::make_host_link_beside(server.database(), false).expect("a link");
    link.split_once("/#host=").expect("a host link").1.to_owned()
}

/// The configuration that anybody writes first.
fn bare(port: u16, room: SocketAddr) -> String {
    format!("server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://{room}; }} }}")
}

fn expect_told(page: &Page, words: &str) {
    page.expect_text("#empty-title", "The room can’t be reached");
    page.expect_text("#empty-text", words);
}

#[test]
fn a_bare_proxy_is_told_what_it_leaves_out() {
    let (Some(nginx), Some(browser)) = (installed("nginx"), Browser::start()) else { return };
    let folder = tempfile::tempdir().expect("a folder for the database");
    let (database, room_port, port) = (folder.path().join("chat.db"), free_port(), free_port());
    let url = format!("http://127.0.0.1:{port}");
    let mut room = Process::start_on(room_port, &database, &[]);
    let room_addr = room.addr();
    let _nginx = start_nginx(&nginx, port, &bare(port, room_addr));
    let page = browser.tab();
    page.visit(&url);
    let flag = format!("--public-url {url}");
    expect_told(&page, &flag);
    look(&page, "refused");
    room.stderr.wait_for("the flag", &room.stdout, |log| log.contains(&flag).then_some(()));

    // With the flag, what is left is the proxy's own part.
    room.kill();
    page.expect_text("#empty-text", "instead of the room (error 502)");
    let with_flag = Process::start_on(room_port, &database, &["--public-url", &url]);
    let log = &with_flag.stderr;
    log.wait_for("the cause", &with_flag.stdout, |log| log.contains("left Upgrade out").then_some(()));
    expect_told(&page, "no WebSocket gets through");
    assert_eq!(
        page.take_complaints().is_empty(),
        !page.engine.notes_refusals(),
        "Chromium tells of each refusal"
    );
}

#[test]
fn a_room_that_is_refused_while_people_talk_says_so_below_what_they_said() {
    let (Some(nginx), Some(browser)) = (installed("nginx"), Browser::start()) else { return };
    let folder = tempfile::tempdir().expect("a folder for the database");
    let (database, room_port, port) = (folder.path().join("chat.db"), free_port(), free_port());
    let url = format!("http://school.example:{port}/chat");
    let mut room = Process::start_on(room_port, &database, &["--public-url", &url]);
    let room_addr: SocketAddr = ([127, 0, 0, 1], room_port).into();
    let _nginx = start_nginx(&nginx, port, &under_a_path(port, room_addr));
    room.stdout.wait_for("its address", &room.stderr, |text| text.contains(&url).then_some(()));
    let page = browser.tab();
    page.visit(&format!("{url}/"));
    page.join("Ana");
    page.say("Before lunch");
    room.kill();
    // Somebody forgot the flag.
    let mut forgetful = Process::start_on(room_port, &database, &[]);
    page.expect(
        "the flag, with the path",
        &format!("el.statusText.textContent.includes('--public-url {url}')"),
    );
    page.expect_message("You", "Before lunch");
    forgetful.kill();
    let _room = Process::start_on(room_port, &database, &["--public-url", &url]);
    page.run("reconnectNow()");
    page.expect_connection("live");
    page.say("After lunch");
    page.expect("no word of it", "!el.statusText.textContent.includes('--public-url')");
    assert_eq!(
        page.take_complaints().is_empty(),
        !page.engine.notes_refusals(),
        "Chromium tells of each refusal"
    );
}
