//! The public port speaks strict, bounded HTTP/1.1; what is anything else is refused, with a reason.

use crate::support::{Knock, Response, TestServer, http};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};

fn expect_refusal(addr: SocketAddr, request: &[u8], status: u16) -> Response {
    let response = http(addr, request);
    let shown = request[..request.len().min(120)].escape_ascii();
    assert_eq!(response.status, status, "{shown}: {:?}", response.text());
    let text = response.text();
    assert!(text.trim().len() > 5 && text.trim_end().lines().count() == 1, "{shown}: no reason in {text:?}");
    response
}

#[test]
fn other_methods_are_405_and_name_the_right_ones() {
    let server = TestServer::start();
    let addr = server.addr();
    for request in ["DELETE / HTTP/1.1", "OPTIONS * HTTP/1.1", "PUT /healthz HTTP/1.1", "TRACE / HTTP/1.1"] {
        let response = expect_refusal(addr, format!("{request}\r\nHost: {addr}\r\n\r\n").as_bytes(), 405);
        assert!(response.header("allow").is_some(), "{request}");
    }
    for path in ["/", "/healthz", "/api/invite"] {
        let request = format!("POST {path} HTTP/1.1\r\nHost: {addr}\r\nContent-Length: 0\r\n\r\n");
        let response = expect_refusal(addr, request.as_bytes(), 405);
        assert!(response.header("allow").is_some_and(|allow| allow.contains("GET")), "{path}");
    }
}

#[test]
fn a_websocket_needs_an_upgrade() {
    let server = TestServer::start();
    let addr = server.addr();
    let response = expect_refusal(addr, format!("GET /ws HTTP/1.1\r\nHost: {addr}\r\n\r\n").as_bytes(), 426);
    assert_eq!(response.header("upgrade"), Some("websocket"));
    let old = format!(
        "GET /ws HTTP/1.1\r\nHost: {addr}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    assert_eq!(expect_refusal(addr, old.as_bytes(), 426).header("sec-websocket-version"), Some("13"));
    let keyless = old.replace("Version: 8", "Version: 13").replace("Sec-WebSocket-Key", "X-Key");
    expect_refusal(addr, keyless.as_bytes(), 400);
    let elsewhere = Knock::at(addr, "/elsewhere").and_then(Knock::enter).expect("an answer");
    assert_eq!(elsewhere.err().map(|response| response.status), Some(404));
}

#[test]
fn an_upgrade_as_browsers_write_it_is_accepted() {
    let server = TestServer::start();
    let addr = server.addr();
    // Every browser offers compression, which is declined; a proxy may add what it likes.
    let headers = format!(
        "Host: {addr}\r\nOrigin: http://{addr}\r\nX-Forwarded-Proto: http\r\n\
         Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    );
    let mut client = Knock::with_headers(addr, "/ws", &headers)
        .and_then(Knock::enter)
        .expect("an answer")
        .unwrap_or_else(|response| panic!("{response:?}"));
    client.expect_event("welcome");
}

/// Health checks of proxies and monitors; whatever else comes without a name is told what is missing.
#[test]
fn without_a_host_health_is_answered_and_everything_else_says_why_not() {
    let server = TestServer::start();
    let addr = server.addr();
    for request in [
        "GET /healthz HTTP/1.0\r\n\r\n",
        "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\nUser-Agent: probe\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n",
    ] {
        let answer = http(addr, request);
        assert_eq!((answer.status, answer.text()), (200, "ok\n"), "{request:?}");
    }
    let head = http(addr, "HEAD /healthz HTTP/1.0\r\n\r\n");
    assert_eq!((head.status, head.body.len()), (200, 0));
    for request in [
        "GET / HTTP/1.0\r\n\r\n",
        "GET /nothing HTTP/1.0\r\n\r\n",
        "GET /api/session HTTP/1.0\r\n\r\n",
        "GET /transcript.txt HTTP/1.0\r\n\r\n",
        "GET /ws HTTP/1.0\r\n\r\n",
        "POST /api/login HTTP/1.0\r\nContent-Length: 0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
    ] {
        let refusal = expect_refusal(addr, request.as_bytes(), 400);
        assert!(refusal.text().contains("Host: localhost"), "the way out is named: {}", refusal.text());
    }
    expect_refusal(addr, b"GET /healthz HTTP/1.1\r\n\r\n", 400); // as HTTP/1.1 wants it
    expect_refusal(addr, b"OPTIONS / HTTP/1.0\r\n\r\n", 405);
    expect_refusal(addr, b"GET /healthz HTTP/1.0\r\nHost: evil.example\r\n\r\n", 421);
}

#[test]
fn a_silent_visitor_holds_up_nobody() {
    let server = TestServer::start();
    let silent: Vec<TcpStream> =
        (0..100).map(|_| TcpStream::connect(server.addr()).expect("a connection")).collect();
    // These have asked and do not read the answer.
    for mut stream in &silent[..50] {
        write!(stream, "GET / HTTP/1.1\r\nHost: {}\r\n\r\n", server.addr()).expect("bytes can be written");
    }
    for _ in 0..10 {
        assert_eq!(server.get("/").status, 200);
    }
    server.join("Ana").say_and_wait("hi");
}
