//! Requests that are none, or that two parsers could read in two ways, or that are too much: each gets its status and
//! one line that says why, and the connection ends.

use super::{Room, exchange};
use crate::support::DEADLINE;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What is refused at once is refused long before any deadline.
const AT_ONCE: Duration = Duration::from_secs(8);

/// Bytes on a connection, with `{host}` where its address belongs, and the status they deserve.
fn expect_statuses(what: &str, cases: &[(&str, u16, &str)]) {
    Room::open().endure(what, |addr| {
        for (case, status, request) in cases {
            let end = exchange(addr, request.replace("{host}", &addr.to_string()).as_bytes());
            expect_refusal(case, &end, *status);
        }
    });
}

fn expect_refusal(case: &str, end: &super::End, status: u16) {
    let shown = end.bytes.escape_ascii().to_string();
    assert_eq!(end.status(), Some(status), "{case}: {shown}");
    assert_eq!(end.answers(), 1, "{case}: {shown}");
    let reason = std::str::from_utf8(end.body()).expect("reasons are text").trim_end();
    assert!(reason.len() > 5 && reason.lines().count() == 1, "{case}: no reason in {shown}");
    assert!(end.after < AT_ONCE, "{case}: only after {:?}", end.after);
}

#[test]
fn a_body_has_one_length_in_plain_digits() {
    let post = |lines: &str| format!("POST /api/login HTTP/1.1\r\nHost: {{host}}\r\n{lines}\r\nxxxxx");
    let cases = [
        ("no length", 411, post("")),
        ("a length of 10^15", 413, post("Content-Length: 1000000000000000\r\n")),
        ("a length of 2^64 - 1", 413, post("Content-Length: 18446744073709551615\r\n")),
        ("a length beyond 2^64", 413, post("Content-Length: 99999999999999999999999999\r\n")),
        ("a length just too large", 413, post("Content-Length: 65537\r\n")),
        ("two lengths", 400, post("Content-Length: 5\r\nContent-Length: 6\r\n")),
        ("the same length twice", 400, post("Content-Length: 5\r\nContent-Length: 5\r\n")),
        ("a list of lengths", 400, post("Content-Length: 5, 5\r\n")),
        ("a negative length", 400, post("Content-Length: -1\r\n")),
        ("a length with a sign", 400, post("Content-Length: +5\r\n")),
        ("a length with more behind it", 400, post("Content-Length: 5x\r\n")),
        ("a hexadecimal length", 400, post("Content-Length: 0x5\r\n")),
        ("a length with a space in it", 400, post("Content-Length: 1 5\r\n")),
        ("a fraction", 400, post("Content-Length: 5.0\r\n")),
        ("an empty length", 400, post("Content-Length: \r\n")),
        ("chunked", 501, post("Transfer-Encoding: chunked\r\n")),
        ("identity", 501, post("Transfer-Encoding: identity\r\n")),
        ("an unknown coding", 501, post("Transfer-Encoding: xchunked\r\n")),
        ("two codings", 501, post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n")),
        ("an empty coding", 501, post("Transfer-Encoding:\r\n")),
        ("a coding behind a tab", 501, post("Transfer-Encoding:\tchunked\r\n")),
        ("a coding behind a vertical tab", 400, post("Transfer-Encoding: \x0bchunked\r\n")),
        ("a length and a coding", 400, post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")),
        ("a coding and a length", 400, post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")),
        ("a space before the colon", 400, post("Content-Length: 5\r\nTransfer-Encoding : chunked\r\n")),
        (
            "a coding in a folded line",
            400,
            post("Content-Length: 5\r\nX: y\r\n Transfer-Encoding: chunked\r\n"),
        ),
        (
            "a body of a GET",
            400,
            "GET / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n\r\nxxxxx".to_owned(),
        ),
        ("an expectation of something else", 417, post("Content-Length: 5\r\nExpect: tea\r\n")),
    ];
    expect_statuses(
        "bodies without one length",
        &cases.each_ref().map(|(case, status, request)| (*case, *status, request.as_str())),
    );
}

#[test]
fn a_head_is_plain_http_1_1_or_is_refused() {
    expect_statuses(
        "heads that are no plain HTTP/1.1",
        &[
            ("no HTTP", 400, "hello\r\n\r\n"),
            ("TLS", 400, "\x16\x03\x01\x02\x00\x01\x00\x01\u{7f}\x03\x03\r\n\r\n"),
            ("HTTP/0.9 by its line", 400, "GET /\r\n\r\n"),
            ("HTTP/0.9 by its name", 505, "GET / HTTP/0.9\r\nHost: {host}\r\n\r\n"),
            ("HTTP/1.2", 505, "GET / HTTP/1.2\r\nHost: {host}\r\n\r\n"),
            ("HTTP/1.10", 400, "GET / HTTP/1.10\r\nHost: {host}\r\n\r\n"),
            ("HTTP/2.0", 505, "GET / HTTP/2.0\r\nHost: {host}\r\n\r\n"),
            ("HTTP/2's preface", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            ("HTTP/3.0", 505, "GET / HTTP/3.0\r\nHost: {host}\r\n\r\n"),
            ("http in small letters", 400, "GET / http/1.1\r\nHost: {host}\r\n\r\n"),
            ("an absolute target", 400, "GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            ("another scheme's target", 400, "GET javascript:alert(1) HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            ("an asterisk for a GET", 400, "GET * HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            ("an asterisk for OPTIONS", 405, "OPTIONS * HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            ("a tunnel", 405, "CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            ("an authority for a GET", 400, "GET {host} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            ("a fragment", 400, "GET /# HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            ("a target of other letters", 400, "GET /ü HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            ("a space in the target", 400, "GET /a b HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            ("two spaces", 400, "GET  / HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            ("a NUL in the target", 400, "GET /\0 HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            ("a NUL in a value", 400, "GET / HTTP/1.1\r\nHost: {host}\r\nX: a\0b\r\n\r\n"),
            ("a NUL in a name", 400, "GET / HTTP/1.1\r\nHost: {host}\r\nX\0: a\r\n\r\n"),
            ("bare line feeds", 400, "GET / HTTP/1.1\nHost: {host}\n\n"),
            ("one bare line feed", 400, "GET / HTTP/1.1\r\nHost: {host}\nX: y\r\n\r\n"),
            ("a bare carriage return", 400, "GET / HTTP/1.1\r\nHost: {host}\r\nX: a\rb\r\n\r\n"),
            ("a bare line feed at the end", 400, "GET / HTTP/1.1\r\nHost: {host}\r\n\n"),
            ("a folded line", 400, "GET / HTTP/1.1\r\nHost: {host}\r\nX: a\r\n b\r\n\r\n"),
            ("a line folded by a tab", 400, "GET / HTTP/1.1\r\nHost: {host}\r\nX: a\r\n\tb\r\n\r\n"),
            ("a header without a name", 400, "GET / HTTP/1.1\r\nHost: {host}\r\n: a\r\n\r\n"),
            ("a header without a colon", 400, "GET / HTTP/1.1\r\nHost: {host}\r\nX\r\n\r\n"),
            ("no host", 400, "GET / HTTP/1.1\r\n\r\n"),
            ("an empty host", 400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
            ("two hosts", 400, "GET / HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n"),
            ("a host behind a space", 400, "GET / HTTP/1.1\r\nHost : {host}\r\n\r\n"),
            ("a host with a user", 400, "GET / HTTP/1.1\r\nHost: a@{host}\r\n\r\n"),
            ("a host with a path", 400, "GET / HTTP/1.1\r\nHost: {host}/a\r\n\r\n"),
            ("a host with a port too high", 400, "GET / HTTP/1.1\r\nHost: 127.0.0.1:65536\r\n\r\n"),
            ("a host of somebody's", 421, "GET / HTTP/1.1\r\nHost: rebound.example\r\n\r\n"),
            ("a host that ends like ours", 421, "GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n"),
            ("a host that is one number", 400, "GET / HTTP/1.1\r\nHost: 2130706433\r\n\r\n"),
            ("PUT", 405, "PUT / HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            ("DELETE", 405, "DELETE / HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            ("TRACE", 405, "TRACE / HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            ("an unknown method", 501, "BREW / HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            ("a method in small letters", 501, "get / HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            ("a method that is none", 400, "G(T / HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        ],
    );
}

#[test]
fn a_head_has_an_end() {
    let head = |lines: &str| format!("GET / HTTP/1.1\r\nHost: {{host}}\r\n{lines}\r\n");
    let megabytes = "x".repeat(20 << 20);
    let cases = [
        ("65 headers", head(&"X: y\r\n".repeat(64))),
        ("2,000 headers", head(&"X: y\r\n".repeat(2_000))),
        ("a header of 20 MB", head(&format!("X: {megabytes}\r\n"))),
        ("a header's name of 20 MB", head(&format!("{megabytes}: x\r\n"))),
        ("a target of 20 MB", format!("GET /{megabytes} HTTP/1.1\r\nHost: {{host}}\r\n\r\n")),
        ("a line without end", format!("GET / HTTP/1.1\r\nHost: {{host}}\r\nX: {}", "x".repeat(16 * 1024))),
        ("a method without end", "X".repeat(16 * 1024)),
        ("empty lines without end", "\r\n".repeat(8 * 1024)),
    ];
    let cases = cases.each_ref().map(|(case, request)| (*case, 431, request.as_str()));
    expect_statuses("heads without end", &cases);
}

#[test]
fn paths_lead_nowhere_else() {
    let room = Room::open();
    let paths = [
        "/../Cargo.toml",
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/%252e%252e/etc/passwd",
        "/..\\..\\windows\\win.ini",
        "/.%00./chat.db",
        "/%00",
        "/%",
        "/%zz",
        "/%ff%fe",
        "/%c0%ae%c0%ae/chat.db",
        "/chat.db",
        "/chat.db-wal",
        "/index.html",
        "//",
        "//evil.example/",
        "/./",
        "/;/",
        "/api/../",
        "/API/session",
        "/WS",
        "/ws/",
    ];
    room.endure("paths that lead elsewhere", |addr| {
        for path in paths {
            let end = exchange(addr, format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\n\r\n").as_bytes());
            assert_eq!(end.status(), Some(404), "{path}: {}", end.bytes.escape_ascii());
            assert!(!end.body().starts_with(b"<"), "{path} is not shown as a page");
        }
    });
}

#[test]
fn one_request_has_one_answer() {
    let room = Room::open();
    let host = format!("Host: {}\r\n", room.addr);
    let get = format!("GET /healthz HTTP/1.1\r\n{host}\r\n");
    let post = |length: usize, body: &str| {
        format!(
            "POST /api/login HTTP/1.1\r\n{host}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };

    let end =
        room.endure("1,000 requests in a pipeline", |addr| exchange(addr, get.repeat(1_000).as_bytes()));
    assert_eq!((end.status(), end.answers()), (Some(200), 1), "{}", end.bytes.escape_ascii());

    let end =
        room.endure("a request behind the body", |addr| exchange(addr, (post(2, "{}") + &get).as_bytes()));
    assert_eq!(end.answers(), 1, "{}", end.bytes.escape_ascii());
    assert!(matches!(end.status(), Some(400..=499)), "{}", end.bytes.escape_ascii());

    let end = room.endure("a body longer than said", |addr| {
        exchange(addr, post(2, &format!("{{}}{}", "x".repeat(1 << 20))).as_bytes())
    });
    assert_eq!(end.answers(), 1, "{}", end.bytes.escape_ascii());

    let end = room.endure("a body shorter than said, and its end", |addr| {
        let mut stream = TcpStream::connect(addr).expect("a connection");
        stream.write_all(post(100, "{}").as_bytes()).expect("bytes can be written");
        stream.shutdown(std::net::Shutdown::Write).expect("connected");
        super::read_to_end(&mut stream)
    });
    assert_eq!(end.escape_ascii().to_string(), "", "there is nothing to answer");

    let end = room.endure("HEAD", |addr| exchange(addr, format!("HEAD / HTTP/1.1\r\n{host}\r\n").as_bytes()));
    assert_eq!((end.status(), end.body()), (Some(200), &b""[..]));
    for (target, status) in [("/nothing", 404), ("/ws", 405)] {
        let end = exchange(room.addr, format!("HEAD {target} HTTP/1.1\r\n{host}\r\n").as_bytes());
        assert_eq!((end.status(), end.body()), (Some(status), &b""[..]), "HEAD {target}");
    }
}

#[test]
fn who_asks_whether_to_go_on_is_told_so_once() {
    let room = Room::open();
    let ask = |addr: SocketAddr, length: usize| {
        let mut stream = TcpStream::connect(addr).expect("a connection");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
        let head = format!(
            "POST /api/login HTTP/1.1\r\nHost: {addr}\r\nContent-Type: application/json\r\n\
             Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("bytes can be written");
        let mut first = [0; 12];
        stream.read_exact(&mut first).expect("an answer");
        (stream, String::from_utf8_lossy(&first).into_owned())
    };
    room.endure("100-continue", |addr| {
        let (mut stream, first) = ask(addr, 2);
        assert_eq!(first, "HTTP/1.1 100");
        stream.write_all(b"{}").expect("bytes can be written");
        let rest = super::read_to_end(&mut stream);
        let rest = String::from_utf8_lossy(&rest);
        assert_eq!(rest.matches("HTTP/1.1 ").count(), 1, "{rest}");
        let (_, first) = ask(addr, 65_537);
        assert_eq!(first, "HTTP/1.1 413", "who would send too much is told so instead");
    });
}
