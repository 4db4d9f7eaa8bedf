//! Names: which there are; pure.
//!
//! A name has two forms. The **display** form is what everybody reads. The **folded** form is the identity: it is compared,
//! reserved and stored, never shown, so that "Ana" and "ana" are one. What a name could be taken for is a third thing, and
//! no part of it (`look_alikes.rs`): nobody who is here has to care, only who comes.

use std::fmt;
use std::sync::Arc;

use super::fold::identity;
use super::reason::Reason;
use super::spelling;
use crate::limits::{NAME_CHARACTERS, NAME_SUGGESTIONS};

/// Begins what parts the identity of an account from that of another: no name has a control character, so nobody types it.
pub(crate) const APART: char = '\u{1}';

/// A name that may be shown, with its identity. Cloning copies two pointers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    display: Arc<str>,
    folded: Arc<str>,
}

impl Name {
    /// Reads a name as a person typed or pasted it: NFKC, trimmed, inner whitespace folded to one space, without what nobody
    /// sees, then checked (`spelling.rs`).
    ///
    /// # Errors
    /// The first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Name, Reason> {
        let display = spelling::normalised(text);
        let count = display.chars().count();
        match count {
            0 => return Err(Reason::NameEmpty),
            1..=NAME_CHARACTERS => spelling::check(&display)?,
            _ => return Err(Reason::too_long(count)),
        }
        let folded = identity(&display);
        Ok(Name { display: display.into(), folded: folded.into() })
    }

    /// A name that was read once and kept: its identity stays as it was, whatever the rules of today.
    pub fn stored(display: Arc<str>, folded: Arc<str>) -> Name {
        Name { display, folded }
    }

    /// A name that was kept, with the identity that the rules of today give it.
    pub(crate) fn refolded(display: &str) -> Name {
        Name { display: display.into(), folded: identity(display).into() }
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

    /// The first of "Ana 2", "Ana 3", … that is not `taken`. `None` when [`NAME_SUGGESTIONS`] of them are.
    pub fn suggest(&self, taken: impl Fn(&Name) -> bool) -> Option<Name> {
        let base = without_number(&self.display);
        let mut stem = None;
        (2..).take(NAME_SUGGESTIONS).find_map(|number| {
            let suffix = format!(" {number}");
            let room = NAME_CHARACTERS - suffix.len();
            if stem.as_ref().is_none_or(|&(length, _)| length != room) {
                // A cut inside a joined emoji leaves a joiner that joins nothing, which is dropped.
                stem = Some((room, Name::parse(&base.chars().take(room).collect::<String>()).ok()));
            }
            let (_, Some(stem)) = stem.as_ref()? else { return None };
            // Neither blank nor digits have a case: the hub, which asks this, folds the stem once for all numbers.
            let with_number = |part: &str| format!("{part}{suffix}").into();
            let name = Name { display: with_number(&stem.display), folded: with_number(&stem.folded) };
            (!taken(&name)).then_some(name)
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

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization;

    use super::*;

    pub(crate) fn name(text: &str) -> Name {
        Name::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
    }

    fn refusal(text: &str) -> Reason {
        Name::parse(text).expect_err(text)
    }

    fn is_invisible(text: &str, code: &str) -> bool {
        refusal(text) == Reason::NameInvisibleCharacter { character: code.to_owned() }
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
        assert_eq!(refusal(&"é".repeat(33)), Reason::too_long(33));
        assert_eq!(refusal("ﷺﷺ"), Reason::too_long(36));
        assert_eq!(refusal(""), Reason::NameEmpty);
        assert_eq!(refusal(" \u{3000}\n"), Reason::NameEmpty);
    }

    #[test]
    fn what_nobody_can_see_or_read_is_refused() {
        for c in [
            '\0',
            '\u{7}',
            '\u{7F}',
            '\u{115F}',
            '\u{1160}',
            '\u{202E}',
            '\u{2066}',
            '\u{2800}',
            '\u{E000}',
            '\u{FFFC}',
            '\u{FFFD}',
            '\u{FFFF}',
            '\u{378}',
            '\u{1D159}',
            '\u{10FFFF}',
        ] {
            assert!(is_invisible(&format!("A{c}na"), &format!("U+{:04X}", u32::from(c))), "{c:?}");
        }
        assert!(is_invisible("\u{3164}", "U+1160"));
    }

    #[test]
    fn marks_need_a_letter_and_do_not_tower() {
        assert_eq!(refusal("\u{301}Ana"), Reason::NameLooseAccent);
        assert_eq!(refusal("Ana \u{301}"), Reason::NameLooseAccent);
        assert_eq!(refusal("´Ana"), Reason::NameLooseAccent, "NFKC makes a space and a mark of it");
        assert_eq!(name(&format!("x{}", "\u{323}".repeat(4))).display().chars().count(), 5);
        assert_eq!(refusal(&format!("x{}", "\u{323}".repeat(5))), Reason::TOO_MANY_ACCENTS);
    }

    #[test]
    fn a_taken_name_is_offered_with_the_first_number_that_is_free() {
        let suggest = |text: &str, taken: &[&str]| {
            let taken: Vec<_> = taken.iter().map(|text| name(text).shared_folded()).collect();
            name(text)
                .suggest(|other| taken.iter().any(|it| **it == *other.folded()))
                .map(|name| name.display().to_owned())
        };
        assert_eq!(suggest("Ana", &["Ana"]).as_deref(), Some("Ana 2"));
        assert_eq!(suggest("Ana", &["Ana", "ana 2", "ANA 3"]).as_deref(), Some("Ana 4"));
        assert_eq!(suggest("Ana 2", &["Ana 2"]).as_deref(), Some("Ana 3"));
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
            1 => prop::sample::select(vec![' ', '\u{200D}', '\u{FE0F}', '👩', '❤', '1', 'İ', 'ſ', 'ς', '\u{345}', 'ı', 'ع', '\u{94D}', '\u{200C}', '\u{200B}', '🏴', '\u{E0067}']),
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
                let free = name.suggest(|other| {
                    other.folded() == name.folded() || calls.replace(calls.get() + 1) < taken
                });
                prop_assert!(free.as_ref().is_some_and(|free| free.folded() != name.folded()));
                let typed = free.as_ref().map(|free| Name::parse(free.display()));
                prop_assert_eq!(typed, free.map(Ok), "it is what it would be if somebody typed it");
            }
        }
    }
}
