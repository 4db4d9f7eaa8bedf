//! Raised hands: whose is lowered, and the question that may go with one.

use std::sync::Arc;

use serde::Serialize;

use super::Reason;
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

/// A question in one line, without what cannot be seen in it; none where there is nothing to read.
///
/// # Errors
/// `too_long`.
pub(super) fn question(text: &str) -> Result<Option<String>, Reason> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words.join(" ").chars().filter(|c| !c.is_control()).collect();
    if line.chars().count() > QUESTION_CHARACTERS {
        return Err(Reason::QuestionTooLong { limit: QUESTION_CHARACTERS });
    }
    Ok((!line.is_empty()).then_some(line))
}
