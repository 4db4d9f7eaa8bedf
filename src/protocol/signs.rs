//! The signs that people react with, and how many have.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use crate::limits;

/// The signs that a room offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signs(Arc<[Arc<str>]>);

impl Signs {
    pub const DEFAULT: &str = "👍 ❤️ 😂 😮 ✅ ❓";
    /// How an operator says that there are none.
    pub const NONE: &str = "none";

    /// Reads them as an operator writes them, with blanks between them.
    ///
    /// # Errors
    /// A sentence that names what is wrong.
    pub fn parse(text: &str) -> Result<Signs, String> {
        if text.trim() == Signs::NONE {
            return Ok(Signs(Arc::default()));
        }
        let mut signs: Vec<Arc<str>> = Vec::new();
        for sign in text.split_whitespace() {
            let shown = sign.escape_debug();
            if sign.len() > limits::SIGN_BYTES {
                return Err(format!("{shown} is longer than {} bytes", limits::SIGN_BYTES));
            }
            if !is_one(sign) {
                return Err(format!("{shown} is not one sign: put a blank after each"));
            }
            if signs.iter().any(|before| **before == *sign) {
                return Err(format!("{shown} is there twice"));
            }
            signs.push(sign.into());
        }
        match signs.len() {
            0 => Err(format!("there are no signs; say {} if that is meant", Signs::NONE)),
            1..=limits::SIGNS => Ok(Signs(signs.into())),
            many => Err(format!("{many} signs are more than {}", limits::SIGNS)),
        }
    }

    /// The room's own copy of a sign, if it offers that.
    pub(crate) fn find(&self, sign: &str) -> Option<Arc<str>> {
        self.0.iter().find(|own| ***own == *sign).cloned()
    }
}

impl Default for Signs {
    fn default() -> Signs {
        Signs::parse(Signs::DEFAULT).expect("these are signs")
    }
}

/// Whether this is one sign for who sees it: a letter, a digit or a picture, with all that belongs to it.
fn is_one(text: &str) -> bool {
    let mut chars = text.chars();
    let Some(first) = chars.next().filter(|c| is_base(*c)) else { return false };
    let mut rest = chars.as_str();
    // Two letters make a flag.
    if is_regional(first) {
        let Some(second) = chars.next().filter(|c| is_regional(*c)) else { return false };
        rest = &rest[second.len_utf8()..];
    }
    let is_picture = first.general_category_group() == GeneralCategoryGroup::Symbol;
    let mut chars = rest.chars();
    while let Some(c) = chars.next() {
        let belongs = match c {
            '\u{200d}' => {
                is_picture && chars.next().is_some_and(|joined| is_symbol(joined) && is_base(joined))
            }
            // Colours of skin, and the letters of a flag's region.
            '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}' => is_picture,
            c => c.general_category_group() == GeneralCategoryGroup::Mark,
        };
        if !belongs {
            return false;
        }
    }
    true
}

fn is_base(c: char) -> bool {
    use GeneralCategoryGroup::{Letter, Number, Punctuation, Symbol};
    matches!(c.general_category_group(), Letter | Number | Punctuation | Symbol)
        && c.general_category() != GeneralCategory::ModifierSymbol
}

fn is_symbol(c: char) -> bool {
    c.general_category_group() == GeneralCategoryGroup::Symbol
}

fn is_regional(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

/// How many have reacted to a message with each sign, in the order in which the signs came. Shown, it is `👍 25 ❤️ 3`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts(Vec<(Box<str>, u64)>);

impl Counts {
    /// Reads what [`Counts`] shows.
    pub(crate) fn read(shown: &str) -> Counts {
        let mut words = shown.split(' ');
        let next = || Some((words.next()?.into(), words.next()?.parse().ok()?));
        Counts(std::iter::from_fn(next).collect())
    }

    /// One more, or one fewer.
    pub(crate) fn count(&mut self, sign: &str, on: bool) {
        match self.0.iter_mut().find(|(own, _)| **own == *sign) {
            Some((_, count)) if on => *count += 1,
            Some((_, count)) => *count = count.saturating_sub(1),
            None if on => self.0.push((sign.into(), 1)),
            None => {}
        }
        self.0.retain(|(_, count)| *count > 0);
    }

    pub(crate) fn signs(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(sign, _)| &**sign)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes that [`crate::protocol::encode`] makes of them at most, with a field's name where there are any.
    pub(crate) fn encoded_bytes(&self) -> usize {
        const NAME: usize = 16;
        /// Quotes, colon, comma, a 20-digit number; each sign may be an escaped one.
        const EACH: usize = 24;
        let each: usize = self.signs().map(|sign| 2 * sign.len() + EACH).sum();
        each + if self.is_empty() { 0 } else { NAME }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (place, (sign, count)) in self.0.iter().enumerate() {
            let blank = if place == 0 { "" } else { " " };
            write!(f, "{blank}{sign} {count}")?;
        }
        Ok(())
    }
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(sign, count)| (sign, count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_is_what_people_take_for_one() {
        for sign in
            ["👍", "❤️", "❤", "👍🏽", "🏳️‍🌈", "👩‍❤️‍👨", "🇩🇪", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "1️⃣", "A", "é", "e\u{301}", "ж", "✓", "?", "漢"]
        {
            assert!(is_one(sign), "{sign}");
        }
        for other in [
            "",
            "ab",
            "👍👍",
            "👍a",
            "🇩",
            "🇩🇪🇫",
            "\u{301}",
            "\u{200b}",
            "a\u{200d}b",
            "👍\u{200d}",
            "\u{202e}a",
            "\u{7}",
            "🏽",
            "\u{e000}",
        ] {
            assert!(!is_one(other), "{other:?}");
        }
    }

    #[test]
    fn an_operator_chooses_up_to_eight_or_none() {
        let signs = |text| Signs::parse(text).map(|signs| signs.0.len());
        assert_eq!(signs(Signs::DEFAULT), Ok(6));
        assert_eq!(signs("none"), Ok(0));
        assert_eq!(signs(" A  B "), Ok(2));
        assert_eq!(signs("1 2 3 4 5 6 7 8"), Ok(limits::SIGNS));
        let long = format!("e{}", "\u{301}".repeat(16));
        for (text, named) in [
            ("", "none"),
            ("1 2 3 4 5 6 7 8 9", "more than 8"),
            ("A yes", "yes is not one sign"),
            ("A B A", "A is there twice"),
            ("\u{200b}", "\\u{200b} is not one sign"),
            (&*long, "longer than 32 bytes"),
        ] {
            let complaint = Signs::parse(text).expect_err(text);
            assert!(complaint.contains(named), "{complaint}");
        }
        assert!(is_one(&format!("e{}", "\u{301}".repeat(15))), "32 bytes would do");
    }

    #[test]
    fn counts_are_read_as_they_are_shown() {
        let mut counts = Counts::default();
        for (sign, on) in [("👍", true), ("❤️", true), ("👍", true), ("?", true), ("?", false), ("!", false)]
        {
            counts.count(sign, on);
        }
        assert_eq!(counts.to_string(), "👍 2 ❤️ 1");
        assert_eq!(Counts::read(&counts.to_string()), counts);
        assert_eq!(serde_json::to_string(&counts).ok().as_deref(), Some(r#"{"👍":2,"❤️":1}"#));
        assert_eq!(Counts::read(""), Counts::default());
    }
}
