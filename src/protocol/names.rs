//! Names: which there are; pure.
//!
//! A name has two forms. The **display** form is what everybody reads. The **folded** form is the identity: it is
//! compared, reserved and stored, never shown. Two names that a person would take for each other fold to the same text
//! (`look_alikes.rs`), so nobody can sit down beside Ana as `аna` (with a Cyrillic а) or as `ANA`.

use std::fmt;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeEmoji, UnicodeGeneralCategory};
use unicode_security::skeleton;

use super::look_alikes::{fold, fold_word};
use crate::limits::{COMBINING_MARKS, NAME_CHARACTERS, NAME_SUGGESTIONS};

const ZERO_WIDTH_JOINER: char = '\u{200D}';
/// Asks for the coloured form of the emoji before it.
const EMOJI_PRESENTATION: char = '\u{FE0F}';
/// The box around a digit that makes a keycap emoji.
const KEYCAP: char = '\u{20E3}';
/// Assigned, no format characters, and yet drawn as nothing, or as a stand-in for something that is not there.
const BLANK: [char; 6] = ['\u{2800}', '\u{1D159}', '\u{13441}', '\u{13442}', '\u{FFFC}', '\u{FFFD}'];

/// A name that may be shown, with its identity. Cloning copies two pointers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    display: Arc<str>,
    folded: Arc<str>,
}

/// Why a text is not a name. Its `Display` is a sentence for the person who chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("Please choose a name.")]
    Empty,
    #[error("This name has {0} characters; at most {most} fit.", most = NAME_CHARACTERS)]
    TooLong(usize),
    /// Invisible, in control of the text around it, or without a meaning (yet).
    #[error(
        "This name contains a character that nobody can see or read (U+{:04X}); please leave it out.",
        u32::from(*.0)
    )]
    Forbidden(char),
    /// A combining mark with nothing to stand on.
    #[error("An accent in this name stands on its own; please put it on a letter.")]
    LooseMark,
    #[error("A letter in this name has more than {most} accents; please use fewer.", most = COMBINING_MARKS)]
    TooManyMarks,
}

impl Name {
    /// Reads a name as a person typed it: NFKC, trimmed, inner whitespace folded to one space, then checked.
    ///
    /// Emoji are fine, joined ones too: a zero-width joiner is let through between two emoji and nowhere else. Tag
    /// characters are not, although three flags (England, Scotland, Wales) need them: they are an invisible alphabet.
    ///
    /// # Errors
    /// The first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Name, NameError> {
        let display = normalise(text);
        let count = display.chars().count();
        match count {
            0 => return Err(NameError::Empty),
            1..=NAME_CHARACTERS => check(&display)?,
            _ => return Err(NameError::TooLong(count)),
        }
        let folded = fold(&display);
        Ok(Name { display: display.into(), folded: folded.into() })
    }

    /// A name that was read once and kept: its identity stays as it was, whatever the rules of today.
    pub fn stored(display: Arc<str>, folded: Arc<str>) -> Name {
        Name { display, folded }
    }

    /// The name as it is shown: 1 to [`NAME_CHARACTERS`] scalar values.
    pub fn display(&self) -> &str {
        &self.display
    }

    /// The identity: two names are one exactly when these are equal. Not for showing; may be longer than the name.
    pub fn folded(&self) -> &str {
        &self.folded
    }

    pub fn shared_display(&self) -> Arc<str> {
        self.display.clone()
    }

    pub fn shared_folded(&self) -> Arc<str> {
        self.folded.clone()
    }

    /// The first of "Ana 2", "Ana 3", … of which `taken` says false when given its folded form. `None` when
    /// [`NAME_SUGGESTIONS`] of them are taken.
    ///
    /// The folded form has to decide: "Ana 10" and "Ana lo" are one.
    pub fn suggest(&self, taken: impl Fn(&str) -> bool) -> Option<Name> {
        let base = without_number(&self.display);
        let mut stem = None;
        (2..).take(NAME_SUGGESTIONS).find_map(|number| {
            let suffix = format!(" {number}");
            let room = NAME_CHARACTERS - suffix.len();
            if stem.as_ref().is_none_or(|&(length, _)| length != room) {
                // A cut inside a joined emoji leaves a joiner that joins nothing.
                let cut: String = base.chars().take(room).collect();
                stem = Some((room, Name::parse(cut.trim_end_matches([' ', ZERO_WIDTH_JOINER])).ok()));
            }
            let (_, Some(stem)) = stem.as_ref()? else { return None };
            // Each word folds by itself, so the hub, which asks this, folds the stem once for all numbers.
            let folded = format!("{} {}", stem.folded, fold_word(&number.to_string()));
            let display = format!("{}{suffix}", stem.display);
            (!taken(&folded)).then(|| Name { display: display.into(), folded: folded.into() })
        })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display)
    }
}

/// "Ana" for "Ana 2", so that the next in line is "Ana 3" and not "Ana 2 2".
fn without_number(display: &str) -> &str {
    match display.rsplit_once(' ') {
        Some((base, number)) if number.bytes().all(|b| b.is_ascii_digit()) => base,
        _ => display,
    }
}

fn normalise(text: &str) -> String {
    // Variation selectors choose between drawings of one character, so leaving them out changes nobody's name. The one
    // that colours an emoji stays: joined emoji need it.
    let mut previous = ' ';
    let selected = text.nfkc().filter(|&c| {
        let keep = match c {
            EMOJI_PRESENTATION => previous.is_emoji_char(),
            '\u{FE00}'..='\u{FE0E}' | '\u{E0100}'..='\u{E01EF}' => false,
            _ => true,
        };
        previous = c;
        keep
    });
    // Composed once more: what a selector kept apart may now be one character.
    let composed: String = selected.nfc().collect();
    composed.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether every character of a normalised name may stand where it stands.
fn check(display: &str) -> Result<(), NameError> {
    let mut previous = ' ';
    let mut stacked = 0;
    let mut characters = display.chars().peekable();
    while let Some(c) = characters.next() {
        let next = characters.peek().copied().unwrap_or(' ');
        let allowed = match c {
            ZERO_WIDTH_JOINER => joins_emoji(previous) && is_emoji(next),
            EMOJI_PRESENTATION => is_emoji(previous) || next == KEYCAP,
            _ => is_readable(c),
        };
        if !allowed {
            return Err(NameError::Forbidden(c));
        }
        let category = c.general_category();
        // Marks over and under a character stack up into towers; spacing marks take room of their own.
        let stacks = matches!(category, GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark);
        if previous == ' ' && (stacks || category == GeneralCategory::SpacingMark) {
            return Err(NameError::LooseMark);
        }
        stacked = if stacks { stacked + 1 } else { 0 };
        if stacked > COMBINING_MARKS {
            return Err(NameError::TooManyMarks);
        }
        previous = c;
    }
    Ok(())
}

/// Unicode counts digits, `#` and `*` among the emoji, for the keycaps; here they are what they look like.
fn is_emoji(c: char) -> bool {
    c.is_emoji_char() && !c.is_ascii()
}

fn joins_emoji(c: char) -> bool {
    c == EMOJI_PRESENTATION || is_emoji(c)
}

pub(super) fn is_readable(c: char) -> bool {
    let meaningless = matches!(
        c.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::Surrogate
            | GeneralCategory::PrivateUse
            | GeneralCategory::Unassigned
    );
    // A skeleton leaves out what a renderer may draw as nothing (fillers, joiners), whatever its category.
    let ignorable = || skeleton(c.encode_utf8(&mut [0; 4])).next().is_none();
    !meaningless && !BLANK.contains(&c) && !ignorable()
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn name(text: &str) -> Name {
        Name::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
    }

    fn refusal(text: &str) -> NameError {
        Name::parse(text).expect_err(text)
    }

    #[test]
    fn what_is_shown_is_composed_trimmed_and_single_spaced() {
        assert_eq!(name("  Ana\t \n María ").display(), "Ana María");
        assert_eq!(name("Ｊｏｓｅ\u{301}").display(), "José");
        assert_eq!(name("Ana\u{A0}B").display(), "Ana B");
        assert_eq!(name("a".repeat(32).as_str()).display().len(), 32);
        assert_eq!(
            name("e\u{FE0E}\u{301}").display(),
            "é",
            "a selector is dropped and what it kept apart composes"
        );
    }

    #[test]
    fn names_of_every_script_and_emoji_are_welcome() {
        for text in [
            "O’Neil-Smith 3rd",
            "Nguyễn Thị Ánh",
            "שָׁלוֹם",
            "عَبْدُ اللّٰه",
            "ညွှန့်",
            "क्षत्रिय",
            "བསྒྲུབས",
            "สมศักดิ์",
            "김민준",
            "山田 太郎",
            "🦀",
            "👩🏽‍🚀 Ana",
            "👨‍👩‍👧‍👦",
            "🏳️‍🌈",
            "❤️‍🔥",
            "🇵🇹",
            "1️⃣",
        ] {
            assert_eq!(name(text).display(), text.nfkc().collect::<String>());
        }
    }

    #[test]
    fn lengths_are_counted_in_scalar_values_after_normalisation() {
        assert_eq!(name(&"🦀".repeat(32)).display().chars().count(), 32);
        assert_eq!(refusal(&"é".repeat(33)), NameError::TooLong(33));
        assert_eq!(refusal("ﷺﷺ"), NameError::TooLong(36));
        assert_eq!(refusal(""), NameError::Empty);
        assert_eq!(refusal(" \u{3000}\n"), NameError::Empty);
    }

    #[test]
    fn what_nobody_can_see_or_read_is_refused() {
        for c in [
            '\0',
            '\u{7}',
            '\u{7F}',
            '\u{AD}',
            '\u{34F}',
            '\u{61C}',
            '\u{115F}',
            '\u{1160}',
            '\u{180E}',
            '\u{200B}',
            '\u{200C}',
            '\u{200D}',
            '\u{200E}',
            '\u{202E}',
            '\u{2060}',
            '\u{2066}',
            '\u{2800}',
            '\u{E000}',
            '\u{FEFF}',
            '\u{FFFC}',
            '\u{FFFD}',
            '\u{FFFF}',
            '\u{378}',
            '\u{1D159}',
            '\u{E0041}',
            '\u{10FFFF}',
        ] {
            assert_eq!(refusal(&format!("A{c}na")), NameError::Forbidden(c), "{c:?}");
        }
        assert_eq!(refusal("\u{3164}"), NameError::Forbidden('\u{1160}'));
        assert_eq!(refusal("🦀\u{200D}"), NameError::Forbidden(ZERO_WIDTH_JOINER));
        assert_eq!(refusal("🦀\u{200D}a"), NameError::Forbidden(ZERO_WIDTH_JOINER));
    }

    #[test]
    fn marks_need_a_letter_and_do_not_tower() {
        assert_eq!(refusal("\u{301}Ana"), NameError::LooseMark);
        assert_eq!(refusal("Ana \u{301}"), NameError::LooseMark);
        assert_eq!(refusal("´Ana"), NameError::LooseMark, "NFKC makes a space and a mark of it");
        assert_eq!(name(&format!("x{}", "\u{323}".repeat(4))).display().chars().count(), 5);
        assert_eq!(refusal(&format!("x{}", "\u{323}".repeat(5))), NameError::TooManyMarks);
    }

    #[test]
    fn a_taken_name_is_offered_with_the_first_number_that_is_free() {
        let suggest = |text: &str, taken: &[&str]| {
            let taken: Vec<_> = taken.iter().map(|text| name(text).folded().to_owned()).collect();
            name(text)
                .suggest(|folded| taken.iter().any(|t| t == folded))
                .map(|name| name.display().to_owned())
        };
        assert_eq!(suggest("Ana", &["Ana"]).as_deref(), Some("Ana 2"));
        assert_eq!(suggest("Ana", &["Ana", "ana 2", "АNA 3"]).as_deref(), Some("Ana 4"));
        assert_eq!(suggest("Ana 2", &["Ana 2"]).as_deref(), Some("Ana 3"));
        let taken: Vec<String> = (2..10).map(|n| format!("Ana {n}")).chain(["Ana lo".to_owned()]).collect();
        let taken: Vec<&str> = taken.iter().map(String::as_str).collect();
        assert_eq!(suggest("Ana", &taken).as_deref(), Some("Ana 11"), "\"Ana 10\" looks like \"Ana lo\"");
        assert_eq!(suggest(&"x".repeat(32), &[]), Some(format!("{} 2", "x".repeat(30))));
        assert_eq!(suggest(&format!("{}👩‍🚀", "x".repeat(28)), &[]), Some(format!("{}👩 2", "x".repeat(28))));
        assert!(name("Ana").suggest(|_| true).is_none());
    }

    #[test]
    fn refusals_are_sentences_that_name_what_was_wrong() {
        assert!(refusal("A\u{202E}na").to_string().contains("U+202E"));
        assert!(refusal(&"x".repeat(40)).to_string().contains("40 characters; at most 32"));
    }

    /// Texts that are mostly names, with what hostile ones are made of strewn in.
    pub(crate) fn texts() -> impl Strategy<Value = String> {
        let character = prop_oneof![
            4 => any::<char>(),
            4 => prop::char::range('\u{20}', '\u{7E}'),
            4 => prop::char::range('\u{370}', '\u{52F}'),
            1 => prop::char::range('\u{300}', '\u{36F}'),
            1 => prop::sample::select(vec![' ', '\u{200D}', '\u{FE0F}', '👩', '❤', '1', 'İ', 'ſ', 'ς', '\u{345}']),
        ];
        prop::collection::vec(character, 0..40).prop_map(String::from_iter)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

        #[test]
        fn a_name_read_again_is_the_same_name(text in texts()) {
            if let Ok(name) = Name::parse(&text) {
                let again = Name::parse(name.display()).expect("a shown name is a name");
                prop_assert_eq!(again.display(), name.display());
                prop_assert_eq!(again.folded(), name.folded());
                prop_assert!((1..=NAME_CHARACTERS).contains(&name.display().chars().count()));
                prop_assert!(!name.folded().trim().is_empty());
            }
        }

        #[test]
        fn a_suggestion_is_a_free_name(text in texts(), taken in 0..20_usize) {
            if let Ok(name) = Name::parse(&text) {
                let calls = std::cell::Cell::new(0);
                let free = name.suggest(|other| other == name.folded() || calls.replace(calls.get() + 1) < taken);
                prop_assert!(free.as_ref().is_some_and(|free| free.folded() != name.folded()));
                let typed = free.as_ref().map(|free| Name::parse(free.display()));
                prop_assert_eq!(typed, free.map(Ok), "it is what it would be if somebody typed it");
            }
        }
    }
}
