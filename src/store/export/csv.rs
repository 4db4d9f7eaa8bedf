//! The log for spreadsheets: RFC 4180, with fields that none of them runs as a formula.

use std::io::{self, Write};

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use crate::protocol::{Message, Role};

/// Without the mark in front, Excel takes the text for another encoding than UTF-8.
pub(super) fn head(separator: char) -> Vec<u8> {
    let fields = ["position", "time", "username", "role", "message", "reply_to", "reactions"];
    let fields = fields.join(&separator.to_string());
    format!("\u{feff}{fields}\r\n").into_bytes()
}

pub(super) fn write(out: &mut Vec<u8>, separator: char, message: &Message, time: &str) -> io::Result<()> {
    let (position, username, text) = (message.id, text(&message.username), text(&message.message));
    let (role, s) = (role(message.role), separator);
    let reply_to = message.reply_to.map(|id| id.to_string()).unwrap_or_default();
    let reactions =
        if message.reactions.is_empty() { String::new() } else { self::text(&message.reactions.to_string()) };
    write!(out, "{position}{s}{time}{s}{username}{s}{role}{s}{text}{s}{reply_to}{s}{reactions}\r\n")
}

/// A field of text, always in quotes: so it may hold separators, quotes and lines.
fn text(text: &str) -> String {
    let guard = if is_formula(text) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

/// Whether a spreadsheet could take a field for a formula and run it: one that begins with `=`, `+`, `-`, `@` or their
/// full-width forms, also after quotes, blanks and what nobody sees, which are dropped on import; or with a tab or a
/// carriage return, which begin a new cell in some.
fn is_formula(text: &str) -> bool {
    let bare = text.trim_start_matches(|c: char| {
        let is_unseen = c.is_control() || c.general_category() == GeneralCategory::Format;
        c.is_whitespace() || is_unseen || matches!(c, '"' | '\'')
    });
    text.starts_with(['\t', '\r'])
        || bare.starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Guest => "guest",
        Role::Member => "member",
        Role::Host => "host",
    }
}
