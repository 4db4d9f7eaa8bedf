//! How a connection ends: with the code that says why, and with an answer to a goodbye.

use crate::support::{Ended, TestClient, TestServer};
use std::io::Write;
use tungstenite::Message;
use tungstenite::protocol::CloseFrame;

/// A masked client frame, its first byte as given: what no WebSocket library would send.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first, 0x80 | u8::try_from(payload.len()).expect("a short payload")];
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

fn expect_code_after(bytes: &[u8], code: u16) {
    let server = TestServer::start();
    let (client, mut ben) = (server.join("Ana"), server.join("Ben"));
    client.raw().write_all(bytes).expect("bytes can be written");
    let mut client = client;
    client.expect_close(code);
    ben.say("unharmed");
    ben.expect_message("unharmed");
}

#[test]
fn a_goodbye_is_answered() {
    let server = TestServer::start();
    for code in [1000, 1001, 3000, 4999] {
        let mut client = server.join("Ana");
        let goodbye = CloseFrame { code: code.into(), reason: "bye".into() };
        client.send_frame(Message::Close(Some(goodbye))).expect("a close frame can be sent");
        client.expect_close(code);
    }
}

#[test]
fn a_goodbye_without_a_code_is_answered_without_one() {
    let server = TestServer::start();
    let mut client = server.join("Ana");
    client.send_frame(Message::Close(None)).expect("a close frame can be sent");
    assert!(matches!(client.expect_end(), Ended::Closed(1005 | 1000)));
}

#[test]
fn what_was_said_before_a_goodbye_is_heard() {
    let server = TestServer::start();
    let (mut ana, mut ben) = (server.join("Ana"), server.join("Ben"));
    (0..20).for_each(|n| ana.say(&n.to_string()));
    ana.leave();
    (0..20).for_each(|n| drop(ben.expect_message(&n.to_string())));
}

#[test]
fn a_binary_frame_is_1003() {
    expect_code_after(&frame(0x82, b"hi"), 1003);
}

#[test]
fn text_that_is_no_utf8_is_1007() {
    expect_code_after(&frame(0x81, b"\xff\xfe"), 1007);
}

#[test]
fn an_unmasked_frame_is_1002() {
    expect_code_after(b"\x81\x02hi", 1002);
}

#[test]
fn a_reserved_bit_is_1002() {
    expect_code_after(&frame(0xC1, b"hi"), 1002);
}

#[test]
fn a_reserved_opcode_is_1002() {
    expect_code_after(&frame(0x83, b"hi"), 1002);
}

#[test]
fn a_fragmented_ping_is_1002() {
    expect_code_after(&frame(0x09, b"hi"), 1002);
}

#[test]
fn a_continuation_of_nothing_is_1002() {
    expect_code_after(&frame(0x80, b"hi"), 1002);
}

#[test]
fn a_frame_above_64_kib_is_1009() {
    let server = TestServer::start();
    let mut client = server.join("Ana");
    client.send_frame(Message::text("x".repeat(64 * 1024 + 1))).expect("a large frame can be sent");
    client.expect_close(1009);
}

#[test]
fn fragments_that_add_up_to_more_are_1009() {
    let server = TestServer::start();
    let mut client = server.join("Ana");
    let part = |first: u8| {
        let mut bytes = vec![first, 0x80 | 126];
        bytes.extend(40_000u16.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend([b'x'; 40_000]);
        bytes
    };
    client.raw().write_all(&[part(0x01), part(0x80)].concat()).expect("bytes can be written");
    client.expect_close(1009);
}

#[test]
fn endless_empty_fragments_come_to_an_end() {
    let server = TestServer::start();
    let mut client = server.join("Ana");
    let mut bytes = frame(0x01, b"");
    (0..100_000).for_each(|_| bytes.extend(frame(0x00, b"")));
    // The server may hang up in the middle of it.
    let _ = client.raw().write_all(&bytes);
    assert_ne!(client.expect_end(), Ended::Silent);
    server.join("Ben").say_and_wait("unharmed");
}

#[test]
fn a_message_in_fragments_is_a_message() {
    let server = TestServer::start();
    let mut client = server.join("Ana");
    let text = br#"{"event":"send_message","message":"in parts"}"#;
    let parts = [
        frame(0x01, &text[..10]),
        frame(0x89, b"ping between"),
        frame(0x00, &text[10..20]),
        frame(0x80, &text[20..]),
    ];
    for byte in parts.concat() {
        // One byte at a time: a reader that waits for more must not lose what it has.
        client.raw().write_all(&[byte]).expect("a byte can be written");
    }
    client.expect_message("in parts");
}

#[test]
fn a_ping_is_answered() {
    let server = TestServer::start();
    let mut client: TestClient = server.connect();
    (0..3).for_each(|_| client.expect_pong());
}

#[test]
fn a_stopping_server_says_1001_to_everybody() {
    let mut server = TestServer::start();
    let mut clients: Vec<TestClient> = (0..10).map(|n| server.join(&format!("Guest {n}"))).collect();
    clients.push(server.connect());
    server.stop();
    clients.iter_mut().for_each(|client| client.expect_close(1001));
}
