//! Titles of rooms.

use crate::limits::TITLE_CHARACTERS;

/// The name of a room without a title of its own.
pub(crate) const DEFAULT_TITLE: &str = "Chat";

/// A room's title, trimmed: one line of 1 to [`TITLE_CHARACTERS`] scalar values, or `None`.
pub(crate) fn parse(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = (1..=TITLE_CHARACTERS).contains(&text.chars().count());
    (fits && !text.contains(char::is_control)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_one_bounded_line() {
        assert_eq!(parse("  Физика 9b 🦀 ").as_deref(), Some("Физика 9b 🦀"));
        assert_eq!(parse(&"é".repeat(TITLE_CHARACTERS)).map(|t| t.chars().count()), Some(TITLE_CHARACTERS));
        for bad in ["", " ", "a\nb", "a\u{1b}[31m", &"é".repeat(TITLE_CHARACTERS + 1)] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
