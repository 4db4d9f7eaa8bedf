//! Handshakes that browsers would not send, or would send on somebody else's behalf.

use super::{Room, exchange};
use crate::support::{Ended, Knock, TestClient};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A handshake with these lines in place of its usual ones; `{host}` is the room's address.
fn handshake(addr: SocketAddr, line: &str, lines: &str) -> String {
    format!("{line}\r\nHost: {{host}}\r\n{lines}\r\n").replace("{host}", &addr.to_string())
}

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";
const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

#[test]
fn a_handshake_is_whole_or_refused() {
    let get = "GET /ws HTTP/1.1";
    let cases = [
        ("no upgrade", 426, get, format!("{VERSION}{KEY}")),
        ("no Upgrade header", 426, get, format!("Connection: Upgrade\r\n{VERSION}{KEY}")),
        ("no Connection header", 400, get, format!("Upgrade: websocket\r\n{VERSION}{KEY}")),
        ("another upgrade", 426, get, format!("Connection: Upgrade\r\nUpgrade: h2c\r\n{VERSION}{KEY}")),
        ("no version", 426, get, format!("{UPGRADE}{KEY}")),
        ("version 8", 426, get, format!("{UPGRADE}Sec-WebSocket-Version: 8\r\n{KEY}")),
        ("version 013", 426, get, format!("{UPGRADE}Sec-WebSocket-Version: 013\r\n{KEY}")),
        ("a list of versions", 426, get, format!("{UPGRADE}Sec-WebSocket-Version: 13, 8\r\n{KEY}")),
        ("no key", 400, get, format!("{UPGRADE}{VERSION}")),
        ("an empty key", 400, get, format!("{UPGRADE}{VERSION}Sec-WebSocket-Key:\r\n")),
        (
            "a key of 15 bytes",
            400,
            get,
            format!("{UPGRADE}{VERSION}Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA\r\n"),
        ),
        (
            "a key that is no base64",
            400,
            get,
            format!("{UPGRADE}{VERSION}Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!==\r\n"),
        ),
        ("two keys", 400, get, format!("{UPGRADE}{VERSION}{KEY}{KEY}")),
        ("POST", 405, "POST /ws HTTP/1.1", format!("{UPGRADE}{VERSION}{KEY}Content-Length: 0\r\n")),
        ("HTTP/1.0", 400, "GET /ws HTTP/1.0", format!("{UPGRADE}{VERSION}{KEY}")),
        ("another place", 404, "GET / HTTP/1.1", format!("{UPGRADE}{VERSION}{KEY}")),
        ("a body", 400, get, format!("{UPGRADE}{VERSION}{KEY}Content-Length: 5\r\n\r\nhello")),
        ("a body in chunks", 501, get, format!("{UPGRADE}{VERSION}{KEY}Transfer-Encoding: chunked\r\n")),
        ("the origin null", 403, get, format!("{UPGRADE}{VERSION}{KEY}Origin: null\r\n")),
        ("a foreign origin", 403, get, format!("{UPGRADE}{VERSION}{KEY}Origin: http://evil.example\r\n")),
        (
            "a foreign origin that begins like ours",
            403,
            get,
            format!("{UPGRADE}{VERSION}{KEY}Origin: http://{{host}}.evil.example\r\n"),
        ),
        (
            "a foreign origin that ends like ours",
            403,
            get,
            format!("{UPGRADE}{VERSION}{KEY}Origin: http://evil{{host}}\r\n"),
        ),
        (
            "our origin on another port",
            403,
            get,
            format!("{UPGRADE}{VERSION}{KEY}Origin: http://127.0.0.1:1\r\n"),
        ),
        (
            "our origin by another scheme",
            403,
            get,
            format!("{UPGRADE}{VERSION}{KEY}Origin: https://{{host}}\r\n"),
        ),
        (
            "our origin as somebody's user",
            403,
            get,
            format!("{UPGRADE}{VERSION}{KEY}Origin: http://{{host}}@evil.example\r\n"),
        ),
        (
            "our origin and a foreign one",
            403,
            get,
            format!("{UPGRADE}{VERSION}{KEY}Origin: http://evil.example\r\nOrigin: http://{{host}}\r\n"),
        ),
        (
            "our origin, then a foreign one",
            403,
            get,
            format!("{UPGRADE}{VERSION}{KEY}Origin: http://{{host}}\r\nOrigin: http://evil.example\r\n"),
        ),
    ];
    Room::open().endure("handshakes that are none", |addr| {
        for (case, status, line, lines) in cases {
            let end = exchange(addr, handshake(addr, line, &lines).as_bytes());
            let shown = end.bytes.escape_ascii().to_string();
            assert_eq!((end.status(), end.answers()), (Some(status), 1), "{case}: {shown}");
            assert!(end.body().len() > 5, "{case}: no reason in {shown}");
            assert!(end.after < Duration::from_secs(8), "{case}: only after {:?}", end.after);
        }
    });
}

#[test]
fn what_is_offered_is_declined_and_the_rest_is_taken() {
    let room = Room::open();
    let headers = format!(
        "Host: {}\r\nSec-WebSocket-Protocol: chat, superchat\r\n\
         Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits; server_no_context_takeover\r\n",
        room.addr
    );
    let end = room.endure("offers", |addr| {
        let end = exchange_head(addr, &headers);
        let mut client = Knock::with_headers(addr, "/ws", &headers)
            .and_then(Knock::enter)
            .expect("an answer")
            .unwrap_or_else(|refused| panic!("{refused:?}"));
        client.expect_event("welcome");
        client.leave();
        end
    });
    assert!(end.starts_with("http/1.1 101 "), "{end}");
    assert!(!end.contains("sec-websocket-protocol") && !end.contains("sec-websocket-extensions"), "{end}");
}

/// The answer's head to a handshake with these headers, in small letters.
fn exchange_head(addr: SocketAddr, headers: &str) -> String {
    let mut stream = TcpStream::connect(addr).expect("a connection");
    let request = format!("GET /ws HTTP/1.1\r\n{headers}{UPGRADE}{VERSION}{KEY}\r\n");
    // With a goodbye behind it, which ends the connection.
    stream.write_all(&[request.as_bytes(), b"\x88\x80\0\0\0\0"].concat()).expect("bytes can be written");
    let answer = super::read_to_end(&mut stream);
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    String::from_utf8_lossy(&answer[..end]).to_lowercase()
}

#[test]
fn what_comes_with_the_handshake_is_not_lost() {
    let room = Room::open();
    let early = room.endure("words in the handshake's packet", |addr| {
        let mut stream = TcpStream::connect(addr).expect("a connection");
        let mut bytes = handshake(addr, "GET /ws HTTP/1.1", &format!("{UPGRADE}{VERSION}{KEY}")).into_bytes();
        let said = br#"{"event":"send_message","username":"Early","message":"early"}"#;
        bytes.extend([0x81, 0x80 | u8::try_from(said.len()).expect("short"), 0, 0, 0, 0]);
        bytes.extend(said);
        bytes.extend(b"\x88\x82\0\0\0\0\x03\xe8");
        stream.write_all(&bytes).expect("bytes can be written");
        super::read_to_end(&mut stream)
    });
    let early = String::from_utf8_lossy(&early);
    assert!(early.contains(r#""username":"Early""#) && early.contains(r#""message":"early""#), "{early}");
    assert!(early.ends_with("\u{2}\u{3}\u{fffd}"), "and the goodbye was answered: {early:?}");
}

#[test]
fn a_handshake_that_is_torn_leaves_nothing() {
    let room = Room::open();
    room.endure("300 handshakes torn anywhere", |addr| {
        let whole = handshake(addr, "GET /ws HTTP/1.1", &format!("{UPGRADE}{VERSION}{KEY}"));
        for n in 0..300 {
            let mut stream = TcpStream::connect(addr).expect("a connection");
            // No goodbye, not even TCP's: closing with a reset.
            rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).expect("allowed");
            let torn = &whole.as_bytes()[..(n * 7) % (whole.len() + 1)];
            stream.write_all(torn).expect("bytes can be written");
        }
    });
    assert_eq!(
        TestClient::connect(room.addr).next().map(|event| event["event"] == "welcome"),
        Ok::<_, Ended>(true)
    );
}
