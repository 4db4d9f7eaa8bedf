//! Raised hands: whose is lowered, and the question that may go with one.

use std::sync::Arc;

use serde::Serialize;

use super::Reason;
use super::spelling::is_readable;
use crate::limits::QUESTION_CHARACTERS;
use crate::protocol::names::Name;

/// Whose hand is to be lowered.
#[derive(Debug, PartialEq, Eq)]
pub enum Lowered {
    Own,
    Named(Name),
    All,
}

/// What somebody asks with their hand up, for hosts alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    pub username: Arc<str>,
    pub question: Arc<str>,
}

/// A question in one line, without control characters; none where there is nothing to read.
///
/// # Errors
/// `too_long`.
pub(super) fn question(text: &str) -> Result<Option<String>, Reason> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words.join(" ").chars().filter(|c| !c.is_control()).collect();
    if line.chars().count() > QUESTION_CHARACTERS {
        return Err(Reason::QuestionTooLong { limit: QUESTION_CHARACTERS });
    }
    // Blanks that are none to Unicode, and what nobody sees.
    Ok(line.chars().any(|c| c != ' ' && is_readable(c)).then_some(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_a_line_with_something_to_read_in_it() {
        let asked = |text: &str| question(text).expect("short enough");
        for (text, line) in [
            (" Why\n is\u{7} it\u{2028}so? ", "Why is it so?"),
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
            ("x² or 👩\u{200d}🔬?", "x² or 👩\u{200d}🔬?"),
            ("\u{202e}?", "\u{202e}?"),
            ("?", "?"),
        ] {
            assert_eq!(asked(text).as_deref(), Some(line), "{text:?}");
        }
        for nothing in
            ["", " \n", "\u{7}", "\u{200b}", "\u{feff} \u{2060}", "\u{3164}", "\u{2800}", "\u{202e}\u{e0041}"]
        {
            assert_eq!(asked(nothing), None, "{nothing:?}");
        }
    }
}
