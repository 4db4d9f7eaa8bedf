//! What each command beside the room says once it is done.

use std::path::Path;

use super::layout::drawn;
use crate::accounts::ResetLink;
use crate::limits::RESET;
use crate::store::backup::BackedUp;
use crate::store::restore::Restored;

/// The text of `chat-app reset-password`: the link, and for a terminal (`tty`) its QR code.
pub fn reset_link(link: &ResetLink, tty: bool) -> String {
    let ResetLink { username, email, url, .. } = link;
    let (code, minutes) = (code(url, tty), RESET.as_secs() / 60);
    format!(
        "\n  {username} ({email}) chooses a new password here:\n\n  {url}\n{code}\n  It works once, for {minutes} minutes. \
         Earlier links are void.\n\n"
    )
}

/// The text of `chat-app host-link`: the link, and for a terminal (`tty`) its QR code.
pub fn host_link(link: &str, voided_earlier: bool, tty: bool) -> String {
    let code = code(link, tty);
    let earlier =
        if voided_earlier { "\n  Earlier links, and the hosts made by them, have ended." } else { "" };
    format!(
        "\n  Whoever opens this runs the room, from any device:\n\n  {link}\n{code}{earlier}\n  It works until \
         chat-app host-link --new. Show it to nobody else.\n\n"
    )
}

/// What a second start says where the room is open already.
pub fn open_already(url: &str) -> String {
    format!("\n  The room is open already, in another window. Your browser opens it at {url}\n\n")
}

/// What `chat-app free-name` says.
pub fn name_freed(name: &str) -> String {
    format!(
        "\n  {name} is free in a moment, or once the room is opened. An account that had it stays its owner's, who\n  chooses another name \
         after logging in.\n\n"
    )
}

/// What `chat-app backup` says of a backup that was made.
pub fn backup(target: &Path, made: &BackedUp) -> String {
    let log = match made.log_bytes {
        0 => "did not grow".to_owned(),
        bytes => format!("grew by {}", megabytes(bytes)),
    };
    format!(
        "\n  {}: {}, {}, checked.\n  The room's write-ahead log {log} meanwhile.\n\n",
        target.display(),
        messages(made.messages),
        megabytes(made.bytes)
    )
}

/// What `chat-app restore` says of a backup that has taken its place.
pub fn restored(database: &Path, restored: &Restored) -> String {
    let replaced =
        restored.replaced.as_ref().map(|name| format!("\n  What was there is {} now.", name.display()));
    format!(
        "\n  {} is the backup now: {}.{}\n  Everybody logs in again, and passwords are those of the backup. Links of chat-app \
         host-link\n  and to new passwords have ended.\n\n",
        database.display(),
        messages(restored.messages),
        replaced.unwrap_or_default()
    )
}

fn messages(count: u64) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// An empty line and a link's QR code, for a terminal alone.
fn code(link: &str, tty: bool) -> String {
    match drawn(link, tty) {
        none if none.is_empty() => none,
        code => format!("\n{code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_link_is_shown_with_its_code_on_a_terminal() {
        let link = ResetLink {
            username: "Ana".to_owned(),
            email: "ana@school.example".to_owned(),
            url: "http://192.168.1.5:5000/#reset=abc".to_owned(),
            expires_at_ms: 0,
        };
        let (terminal, plain) = (reset_link(&link, true), reset_link(&link, false));
        for shown in [&terminal, &plain] {
            assert!(shown.contains(&link.url) && shown.contains("once, for 15 minutes"), "{shown}");
        }
        assert!(terminal.contains('█') && !plain.contains(['█', '\x1b']), "{plain}");
    }
}
