//! The log for people to read: a message a line, with what belongs to it under it, and nothing in it can pass for another line, or for another part of its own.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};

use unicode_security::skeleton;

use crate::protocol::Message;
use crate::protocol::bidi::isolated;

/// The ends of a line, for programs that show text.
const LINE_ENDS: [char; 3] = ['\n', '\u{2028}', '\u{2029}'];

/// In place of what looks like a colon in a name, which would end the name for its reader: as NFKC, no name has this one.
const WIDE_COLON: char = '\u{ff1a}';

pub(super) fn write(out: &mut Vec<u8>, message: &Message, time: &str) -> io::Result<()> {
    write!(out, "{time} {}:", shown(&name(&message.username)))?;
    for (index, line) in message.message.split(LINE_ENDS).enumerate() {
        let indent = if index == 0 { " " } else { "    " };
        writeln!(out, "{indent}{}", shown(line.strip_suffix('\r').unwrap_or(line)))?;
    }
    Ok(())
}

/// What it answers, by the time and the name, and what people reacted with: each on a line that is indented less than text, so that
/// no text passes for one.
pub(super) fn write_beside(
    out: &mut Vec<u8>,
    message: &Message,
    answered: Option<Option<(String, &str)>>,
) -> io::Result<()> {
    match answered {
        Some(Some((time, username))) => writeln!(out, "  ↪ {time} {}", shown(&name(username)))?,
        Some(None) => writeln!(out, "  ↪ –")?, // it is gone
        None => {}
    }
    if !message.reactions.is_empty() {
        writeln!(out, "  {}", shown(&message.reactions.to_string()))?;
    }
    Ok(())
}

fn name(username: &str) -> String {
    username.chars().map(|c| if is_colon(c) { WIDE_COLON } else { c }).collect()
}

fn is_colon(c: char) -> bool {
    c == ':' || !c.is_ascii() && skeleton(c.encode_utf8(&mut [0; 4])).eq([':'])
}

fn shown(text: &str) -> Visible<'_> {
    Visible(isolated(text))
}

/// Text on one line, its control characters shown as their symbols: an escape sequence could make a terminal do things.
struct Visible<'a>(Cow<'a, str>);

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        use fmt::Write;
        self.0.chars().try_for_each(|c| match c {
            '\t' => f.write_char(c),
            '\0'..='\x1f' => f.write_char(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}')),
            '\x7f' => f.write_char('\u{2421}'),
            c if c.is_control() => f.write_char('\u{fffd}'),
            c => f.write_char(c),
        })
    }
}
