//! Frames: what RFC 6455 forbids ends the connection with its code, and what it allows is understood however it comes.

use super::Room;
use crate::support::{Ended, TestClient};
use serde_json::json;
use std::io::Write;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A client's frame: its first byte as given, its length in the shortest form, masked.
pub(super) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match u16::try_from(payload.len()) {
        Ok(length @ 0..126) => bytes.push(0x80 | length as u8),
        Ok(length) => {
            bytes.push(0x80 | 126);
            bytes.extend(length.to_be_bytes());
        }
        Err(_) => {
            bytes.push(0x80 | 127);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// A frame that only says how long it is.
fn claim(first: u8, length: u64) -> Vec<u8> {
    [&[first, 0x80 | 127][..], &length.to_be_bytes(), &[0; 4]].concat()
}

fn goodbye(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(0x88, &[&code.to_be_bytes(), reason].concat())
}

/// Somebody in the room who does not read what is said there.
fn enter(addr: SocketAddr) -> TestClient {
    let mut client = TestClient::connect(addr);
    client.expect_event("presence");
    client
}

/// Sends bytes, and reads how the connection ends. The server may hang up in the middle of them.
fn end_after(addr: SocketAddr, bytes: &[u8]) -> (Ended, Duration) {
    let mut client = enter(addr);
    let begin = Instant::now();
    let mut half = client.raw().try_clone().expect("one socket, two ends");
    std::thread::scope(|scope| {
        scope.spawn(move || half.write_all(bytes));
        let end = client.expect_end();
        let after = begin.elapsed();
        drop(client); // and with it whatever is still being written
        (end, after)
    })
}

fn expect_codes(what: &str, cases: &[(&str, Vec<u8>, &[u16])]) {
    Room::open().endure(what, |addr| {
        for (case, bytes, codes) in cases {
            let (end, after) = end_after(addr, bytes);
            assert!(
                codes.iter().any(|code| end == Ended::Closed(*code)),
                "{case}: {end:?} and not {codes:?}"
            );
            assert!(after < Duration::from_secs(8), "{case}: only after {after:?}");
        }
    });
}

#[test]
fn broken_framing_is_1002() {
    let mut cases: Vec<(String, Vec<u8>)> = vec![
        ("an unmasked frame".into(), b"\x81\x02hi".to_vec()),
        ("an unmasked ping".into(), b"\x89\x00".to_vec()),
        ("an unmasked goodbye".into(), b"\x88\x02\x03\xe8".to_vec()),
        ("a ping in fragments".into(), frame(0x09, b"hi")),
        ("a pong in fragments".into(), frame(0x0a, b"hi")),
        ("a goodbye in fragments".into(), frame(0x08, b"\x03\xe8")),
        ("a ping of 126 bytes".into(), frame(0x89, &[b'x'; 126])),
        ("a pong of 126 bytes".into(), frame(0x8a, &[b'x'; 126])),
        ("a goodbye of 126 bytes".into(), goodbye(1000, &[b'x'; 124])),
        ("a ping of 64 KiB".into(), frame(0x89, &[b'x'; 65536])),
        ("a continuation of nothing".into(), frame(0x80, b"hi")),
        ("a continuation of nothing, to be continued".into(), frame(0x00, b"hi")),
        ("a continuation of what has ended".into(), [frame(0x81, b"{}"), frame(0x80, b"hi")].concat()),
        ("a text inside fragments".into(), [frame(0x01, b"{"), frame(0x81, b"}")].concat()),
        ("another beginning inside fragments".into(), [frame(0x01, b"{"), frame(0x01, b"}")].concat()),
        ("a goodbye of one byte".into(), frame(0x88, b"\x03")),
    ];
    for bit in [0x40, 0x20, 0x10] {
        cases.push((format!("a text with the reserved bit {bit:#x}"), frame(0x81 | bit, b"{}")));
        cases.push((format!("a ping with the reserved bit {bit:#x}"), frame(0x89 | bit, b"")));
    }
    for opcode in (0x3..=0x7).chain(0xb..=0xf) {
        cases.push((format!("the reserved opcode {opcode:#x}"), frame(0x80 | opcode, b"hi")));
    }
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
        cases.push((format!("a goodbye with {code}"), goodbye(code, b"bye")));
    }
    let cases: Vec<_> = cases.iter().map(|(case, bytes)| (&**case, bytes.clone(), &[1002][..])).collect();
    expect_codes("broken framing", &cases);
}

#[test]
fn what_is_no_text_is_1003_or_1007() {
    let split = |text: &[u8], at: usize| [frame(0x01, &text[..at]), frame(0x80, &text[at..])].concat();
    let cases: &[(&str, Vec<u8>, &[u16])] = &[
        ("a binary frame", frame(0x82, b"hi"), &[1003]),
        ("a binary frame of nothing", frame(0x82, b""), &[1003]),
        ("a binary message in fragments", [frame(0x02, b"h"), frame(0x80, b"i")].concat(), &[1003]),
        ("bytes that no UTF-8 has", frame(0x81, b"{\xff\xfe}"), &[1007]),
        ("a letter in too many bytes", frame(0x81, b"\xc0\xaf"), &[1007]),
        ("half a pair of UTF-16", frame(0x81, b"\xed\xa0\x80"), &[1007]),
        ("a character beyond the last", frame(0x81, b"\xf4\x90\x80\x80"), &[1007]),
        ("half a character", frame(0x81, b"\xf0\x9f\x98"), &[1007]),
        ("half a character at the end of fragments", split(b"ab\xf0\x9f\x98", 3), &[1007]),
        ("bytes that no UTF-8 has in the second fragment", split(b"ab\xff", 2), &[1007]),
        ("half a character, and another's half", split(b"\xf0\x9f\xc3\xa4", 2), &[1007]),
        ("bytes that no UTF-8 has, in a goodbye", goodbye(1000, b"\xff\xfe"), &[1002, 1007]),
    ];
    expect_codes("what is no text", cases);
}

#[test]
fn what_is_too_long_is_1009() {
    let endless =
        |first: &[u8], more: &[u8]| [frame(0x01, first), frame(0x00, more).repeat(300_000)].concat();
    let cases: &[(&str, Vec<u8>, &[u16])] = &[
        ("one byte more than 64 KiB", frame(0x81, &[b'x'; 65537]), &[1009]),
        ("a claim of one byte more", claim(0x81, 65537), &[1009]),
        ("a claim of 4 GiB", claim(0x81, 1 << 32), &[1009]),
        ("a claim of 2^63 - 1", claim(0x81, (1 << 63) - 1), &[1009]),
        ("a claim of 2^63", claim(0x81, 1 << 63), &[1002, 1009]),
        ("a claim of 2^64 - 1", claim(0x81, u64::MAX), &[1002, 1009]),
        ("a binary claim of 2^63", claim(0x82, 1 << 63), &[1002, 1009]),
        (
            "fragments of more than 64 KiB",
            [frame(0x01, &[b'x'; 40_000]), frame(0x80, &[b'x'; 40_000])].concat(),
            &[1009],
        ),
        ("empty fragments without end", endless(b"", b""), &[1009]),
        ("fragments of a byte without end", endless(b"x", b"x"), &[1009]),
    ];
    expect_codes("what is too long", cases);
}

#[test]
fn nothing_is_heard_after_a_goodbye() {
    let room = Room::open();
    let late =
        json!({"event": "send_message", "username": "Late", "message": "after the goodbye"}).to_string();
    let bytes = [
        goodbye(1000, b"bye"),
        frame(0x81, late.as_bytes()),
        frame(0x89, b"ping"),
        b"\xff\xff\xff\xff".to_vec(),
        goodbye(1001, b""),
    ];
    let mut listener = enter(room.addr);
    let (end, _) = room.endure("words behind a goodbye", |addr| end_after(addr, &bytes.concat()));
    assert_eq!(end, Ended::Closed(1000));
    listener.send(json!({"event": "send_message", "username": "Ana", "message": "the last word"}));
    listener.expect_text("the last word");
    assert!(listener.received("receive_message").iter().all(|event| event["username"] != "Late"));
}

#[test]
fn what_is_allowed_is_understood() {
    let room = Room::open();
    room.endure("odd and allowed", |addr| {
        let mut ana = enter(addr);
        ana.join("Ana");
        let mut say = |case: &str, bytes: Vec<u8>, text: &str| {
            ana.raw().write_all(&bytes).unwrap_or_else(|error| panic!("{case}: {error}"));
            ana.expect_text(text);
        };
        let event = |text: &str| json!({"event": "send_message", "message": text}).to_string().into_bytes();
        let smiling = event("ü😀");
        let cut = |first: u8, at: &[usize]| {
            let mut bounds = vec![0];
            bounds.extend(at);
            bounds.push(smiling.len());
            let last = bounds.len() - 2;
            (0..=last)
                .flat_map(|n| {
                    let part = &smiling[bounds[n]..bounds[n + 1]];
                    frame(if n == 0 { first } else { 0 } | if n == last { 0x80 } else { 0 }, part)
                })
                .collect::<Vec<u8>>()
        };
        let all: Vec<usize> = (1..smiling.len()).collect();
        say("a fragment for each byte, cutting characters", cut(0x01, &all), "ü😀");
        say("empty fragments among others", cut(0x01, &[0, 0, 5, 5, 5]), "ü😀");
        let between = [
            frame(0x01, &smiling[..9]),
            frame(0x89, b"ping"),
            frame(0x8a, b"pong"),
            frame(0x80, &smiling[9..]),
        ];
        say("control frames between fragments", between.concat(), "ü😀");
        say(
            "pongs that nobody asked for",
            [frame(0x8a, b"").repeat(50), frame(0x81, &event("pongs"))].concat(),
            "pongs",
        );
        say(
            "pings of 125 bytes",
            [frame(0x89, &[b'x'; 125]).repeat(20), frame(0x81, &event("pings"))].concat(),
            "pings",
        );
        let padded = [event("padded"), vec![b' '; 65536 - event("padded").len()]].concat();
        say("a frame of exactly 64 KiB", frame(0x81, &padded), "padded");
        let (length, long_form) = (smiling.len() as u64, claim(0x81, smiling.len() as u64));
        assert!(length < 126);
        say("a length in a longer form than it needs", [long_form, smiling.clone()].concat(), "ü😀");
        ana.leave();
    });
}

#[test]
fn a_stream_may_come_in_pieces_of_any_size() {
    let room = Room::with(&["--rate-limit", "0"]);
    let said = |text: &str| json!({"event": "send_message", "message": text}).to_string();
    let (first, second) = (said("öne"), said("two"));
    let stream = [
        frame(0x01, &first.as_bytes()[..40]),
        frame(0x89, b"between"),
        frame(0x80, &first.as_bytes()[40..]),
        frame(0x81, second.as_bytes()),
        goodbye(1000, b"done"),
    ]
    .concat();
    room.endure("a valid stream in pieces of every size", |addr| {
        for size in 1..=stream.len() {
            let mut client = enter(addr);
            client.join(&format!("Pieces of {size}"));
            for piece in stream.chunks(size) {
                client.raw().write_all(piece).expect("a piece can be written");
            }
            client.expect_text("öne");
            client.expect_text("two");
            assert_eq!(client.expect_end(), Ended::Closed(1000), "pieces of {size}");
        }
    });
}

/// More than the budget of any client: it is read later, and later, and its answers wait in vain.
#[test]
fn who_pings_without_reading_waits_for_the_budget() {
    let room = Room::open();
    room.endure("floods of pings and pongs that nobody reads", |addr| {
        let clients: Vec<TestClient> = (0..10).map(|_| enter(addr)).collect();
        std::thread::scope(|scope| {
            for (n, client) in clients.iter().enumerate() {
                scope.spawn(move || {
                    let flood = frame(if n % 2 == 0 { 0x89 } else { 0x8a }, &[b'x'; 125]).repeat(50_000);
                    client.raw().set_write_timeout(Some(Duration::from_secs(2))).expect("not zero");
                    let written = client.raw().write_all(&flood);
                    assert!(written.is_err(), "6.5 MB were read from one client at once");
                });
            }
        });
    });
}
