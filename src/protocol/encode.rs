//! The server's events as finished frames, ready to be written to any number of sockets.

use serde::Serialize;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::frame::{Frame, FrameHeader};

use super::{CloseCode, Message, ServerEvent};

/// Room for the header of a frame up to 64 KiB, which is nearly every one: written around, not moved.
const HEADER_BYTES: usize = 4;
/// The header of a frame of any length that a server sends, which masks nothing.
const LONGEST_HEADER_BYTES: usize = 10;

/// Appends an event to `out` as one finished text frame.
pub fn encode(event: &ServerEvent, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_BYTES]);
    match event {
        ServerEvent::ReceiveMessage(message) => write_message(message, out),
        other => write_json(other, out),
    }
    let length = out.len() - start - HEADER_BYTES;
    let header = FrameHeader { opcode: OpCode::Data(Data::Text), ..FrameHeader::default() };
    let mut bytes = [0; LONGEST_HEADER_BYTES];
    header.format(length as u64, &mut &mut bytes[..]).expect("the longest header fits");
    let header = &bytes[..header.len(length as u64)];
    match out.get_mut(start..start + HEADER_BYTES) {
        Some(place) if place.len() == header.len() => place.copy_from_slice(header),
        _ => drop(out.splice(start..start + HEADER_BYTES, header.iter().copied())),
    }
}

/// An event as a frame of its own.
pub(crate) fn frame(event: &ServerEvent) -> Vec<u8> {
    let mut frame = Vec::new();
    encode(event, &mut frame);
    frame
}

fn write_json(value: &impl Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("strings and numbers serialise, and a Vec takes every byte");
}

/// The same bytes of a `receive_message` as [`write_json`]'s in a third of the time: the server says nothing more often.
fn write_message(message: &Message, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"event":"receive_message","id":"#);
    write_json(&message.id, out);
    out.extend_from_slice(br#","at":"#);
    write_json(&message.at, out);
    out.extend_from_slice(br#","username":"#);
    write_text(&message.username, out);
    out.extend_from_slice(br#","role":"#);
    write_json(&message.role, out);
    out.extend_from_slice(br#","message":"#);
    write_text(&message.message, out);
    if let Some(id) = &message.client_message_id {
        out.extend_from_slice(br#","client_message_id":"#);
        write_text(id, out);
    }
    if let Some(answered) = &message.reply_to {
        out.extend_from_slice(br#","reply_to":"#);
        write_json(answered, out);
    }
    if message.deleted {
        out.extend_from_slice(br#","deleted":true"#);
    }
    out.push(b'}');
}

/// A string, copied at once where nothing in it has to be escaped.
fn write_text(text: &str, out: &mut Vec<u8>) {
    if escaped_bytes(text) == text.len() {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        write_json(&text, out);
    }
}

/// Bytes that a text takes at most between the quotes of a JSON string: a control character takes six, a quote or
/// backslash two, anything else what it is. Sums over all bytes, which the compiler does many bytes at a time.
fn escaped_bytes(text: &str) -> usize {
    text.len() + 5 * count(text, |byte| byte < 0x20) + count(text, |byte| byte == b'"' || byte == b'\\')
}

fn count(text: &str, is_it: impl Fn(u8) -> bool) -> usize {
    // In pieces whose count fits a byte.
    let pieces = text.as_bytes().chunks(usize::from(u8::MAX));
    pieces.map(|piece| usize::from(piece.iter().map(|byte| u8::from(is_it(*byte))).sum::<u8>())).sum()
}

/// Bytes that [`encode`] makes at most of a message whose text, name, id and whether it answers another are given.
pub fn encoded_bytes(text: &str, username: &str, client_message_id: Option<&str>, is_reply: bool) -> usize {
    /// Braces, field names, two 20-digit numbers, the role, the header.
    const FIXED: usize = 192;
    /// A field name and a 20-digit number.
    const REPLY: usize = 32;
    let id = client_message_id.map_or(0, escaped_bytes);
    FIXED + escaped_bytes(text) + escaped_bytes(username) + id + if is_reply { REPLY } else { 0 }
}

/// A close frame.
pub(crate) fn encode_close(code: CloseCode) -> Vec<u8> {
    let frame = Frame::close(Some(tungstenite::protocol::CloseFrame {
        code: (code as u16).into(),
        reason: code.reason().into(),
    }));
    let mut out = Vec::with_capacity(frame.len());
    frame.format(&mut out).expect("a Vec takes every byte");
    out
}

/// A ping frame with nothing in it: final, opcode 9, length 0.
pub(crate) const PING: [u8; 2] = [0x89, 0];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::Role;
    use crate::protocol::signs::Counts;

    /// The payload of the one frame in `bytes`, by the header's own account.
    fn payload(bytes: &[u8]) -> &[u8] {
        assert_eq!(bytes[0], 0x81, "final, text");
        let (length, header) = match bytes[1] {
            126 => (usize::from(u16::from_be_bytes([bytes[2], bytes[3]])), 4),
            127 => (bytes[2..10].iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), 10),
            short => (usize::from(short), 2),
        };
        assert_eq!(bytes.len(), header + length);
        &bytes[header..]
    }

    fn message(text: &str) -> Message<'_> {
        Message {
            id: u64::MAX,
            at: i64::MIN,
            username: "Ana".into(),
            role: Role::Member,
            message: text.into(),
            client_message_id: Some("7".into()),
            reply_to: Some(u64::MAX),
            reactions: Counts::default(),
            deleted: true,
        }
    }

    #[test]
    fn frames_of_every_length_carry_it_in_their_header() {
        for length in [0, 1, 20, 100, 65_300, 65_500, 65_536, 300_000] {
            let text = "x".repeat(length);
            let mut bytes = b"before".to_vec();
            encode(&ServerEvent::ReceiveMessage(&message(&text)), &mut bytes);
            let json: serde_json::Value = serde_json::from_slice(payload(&bytes[6..])).expect("JSON");
            assert_eq!((&json["event"], &json["message"]), (&"receive_message".into(), &text.into()));
        }
    }

    proptest! {
        #[test]
        fn messages_are_written_as_everything_else_is(
            text in "[\\x00-\\x7f\u{80}-\u{ffff}]{0,300}",
            name in ".{0,9}",
            id in proptest::option::of("[ -~]{1,9}"),
            reply_to in proptest::option::of(0..u64::MAX),
            deleted in proptest::bool::ANY,
        ) {
            for role in [Role::Guest, Role::Member, Role::Host] {
                let message = Message {
                    username: name.as_str().into(), role, client_message_id: id.as_deref().map(Into::into), reply_to,
                    deleted,
                    ..message(&text)
                };
                let (mut ours, mut serdes) = (Vec::new(), Vec::new());
                write_message(&message, &mut ours);
                write_json(&ServerEvent::ReceiveMessage(&message), &mut serdes);
                prop_assert_eq!(String::from_utf8(ours), String::from_utf8(serdes));
            }
        }

        #[test]
        fn no_message_is_larger_than_its_bound(text in "[\\x00-\\x7f\u{80}-\u{ffff}]{0,200}") {
            let mut bytes = Vec::new();
            encode(&ServerEvent::ReceiveMessage(&message(&text)), &mut bytes);
            prop_assert!(bytes.len() <= encoded_bytes(&text, "Ana", Some("7"), true));
        }
    }
}
