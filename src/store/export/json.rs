//! The log for programs: a message an object, with the fields of `receive_message`.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use crate::protocol::Message;
use crate::protocol::bidi;

pub(super) fn write(out: &mut Vec<u8>, message: &Message) -> io::Result<()> {
    Ok(message.serialize(&mut Serializer::with_formatter(out, InOrder))?)
}

/// JSON on one line, with the controls of text direction as escapes: a program reads the same, and people who look at the file
/// see its fields in their order.
struct InOrder;

impl Formatter for InOrder {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        // All of them begin with one of these bytes, which most texts do not have.
        while memchr::memchr2(0xD8, 0xE2, rest.as_bytes()).is_some()
            && let Some((at, control)) = rest.char_indices().find(|(_, c)| bidi::is_control(*c))
        {
            write!(out, "{}\\u{:04x}", &rest[..at], u32::from(control))?;
            rest = &rest[at + control.len_utf8()..];
        }
        out.write_all(rest.as_bytes())
    }
}
