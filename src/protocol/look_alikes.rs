//! When two names are one, and when one could be taken for another; pure.
//!
//! The two go different ways. **Who somebody is** must not change with how a name is typed, so the identity is blind to case
//! and to nothing else. **Whom somebody is taken for** is a matter of what is drawn: `I` and `l`, `0` and `O`, a Cyrillic
//! `а` and a Latin one. By looks, `Ilsa` is as near to `llsa` as can be, and far from `Lisa`; were looks and case honoured
//! together, all three would be one.

use std::array;
use std::borrow::Cow;
use std::sync::LazyLock;

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};
use unicode_security::skeleton;

/// Added to a tag, it is a character that stands for itself in a skeleton, which leaves tags out. But they draw flags.
const TAG_STAND_IN: u32 = 0x1_0000;

/// The identity of a normalised name: without case and joiners. `İ` and `I`, the capitals of the Turkish `i` and `ı`, do
/// not part who writes them so from who does not.
pub(super) fn identity(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    let mut folded: String = name.chars().filter(|c| !is_joining(*c)).collect();
    loop {
        // Small letters once more: the standard library knows the newest scripts.
        let small = folded.chars().nfkd().default_case_fold().flat_map(char::to_lowercase);
        let next: String = small.nfkc().collect();
        let next = next.replace('ı', "i").replace("i\u{307}", "i");
        if next == folded {
            return folded;
        }
        folded = next;
    }
}

/// Joiners, and the selector that colours emoji.
fn is_joining(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}' | '\u{FE0F}')
}

/// What ASCII looks like, each character by itself: most names have no other, and a room may begin with 100,000.
static ASCII: LazyLock<[String; 128]> = LazyLock::new(|| {
    array::from_fn(|code| skeleton(char::from(code as u8).encode_utf8(&mut [0; 4])).collect())
});

/// What is drawn of a text: the skeleton of UTS 39.
fn look(text: &str) -> String {
    if text.is_ascii() {
        return text.bytes().map(|byte| ASCII[usize::from(byte)].as_str()).collect();
    }
    let stand_in = |c: char| match c {
        '\u{E0020}'..='\u{E007F}' => char::from_u32(u32::from(c) + TAG_STAND_IN).unwrap_or(c),
        c => c,
    };
    let has_tags = text.contains(|c| stand_in(c) != c);
    let text = if has_tags { Cow::Owned(text.chars().map(stand_in).collect()) } else { Cow::Borrowed(text) };
    skeleton(&text).collect()
}

/// A look without punctuation and spaces; as it is, where there is nothing else.
pub(crate) fn bare(look: &str) -> String {
    let is_between = |c: &char| {
        let is_mark = || {
            matches!(
                c.general_category_group(),
                GeneralCategoryGroup::Punctuation | GeneralCategoryGroup::Separator
            ) || matches!(c.general_category(), GeneralCategory::ModifierSymbol | GeneralCategory::MathSymbol)
        };
        !c.is_ascii_alphanumeric() && is_mark()
    };
    let bare: String = look.chars().filter(|c| !is_between(c)).collect();
    if bare.is_empty() { look.to_owned() } else { bare }
}

/// What a name looks like in the ways in which people write it, each once: as it is, in small letters, in capitals, and with
/// a capital at the head of each word.
pub(super) fn looks(display: &str) -> Vec<String> {
    let words = display.split(' ').map(|word| {
        let mut letters = word.chars();
        let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
        first + &letters.as_str().to_lowercase()
    });
    let titled = words.collect::<Vec<_>>().join(" ");
    let mut spellings = vec![display.to_owned(), display.to_lowercase(), display.to_uppercase(), titled];
    spellings.sort_unstable();
    spellings.dedup();
    let mut looks: Vec<String> = spellings.iter().map(|text| look(text)).collect();
    looks.sort_unstable();
    looks.dedup();
    looks
}

/// What somebody who comes under a name could pass for: what is drawn, and the same in small letters, since case parts nobody
/// from who they are.
pub(super) fn appearances(display: &str) -> [String; 2] {
    [look(display), look(&display.to_lowercase())]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::names::Name;
    use crate::protocol::names::tests::{name, texts};
    use crate::protocol::spelling::is_readable;

    fn is_one(one: &str, other: &str) -> bool {
        name(one).folded() == name(other).folded()
    }

    /// Whether somebody new as `newcomer` would pass for `resident`.
    fn passes_for(newcomer: &str, resident: &str) -> bool {
        let looks = name(resident).looks();
        name(newcomer).appearances().iter().any(|seen| looks.contains(seen))
    }

    fn is_near(newcomer: &str, resident: &str) -> bool {
        let looks: Vec<_> = name(resident).looks().iter().map(|look| bare(look)).collect();
        name(newcomer).appearances().iter().any(|seen| looks.contains(&bare(seen)))
    }

    #[test]
    fn who_writes_a_name_in_another_case_is_the_same() {
        for (one, other) in [
            ("Ana", "ana"),
            ("Ana", "Ａｎａ"),
            ("Ana", "𝓐𝓷𝓪"),
            ("Paul", "PAUL"),
            ("José", "JOSÉ"),
            ("Jose\u{301}", "josé"),
            ("Виктор", "ВИКТОР"),
            ("Γιώργος", "γιώργοσ"),
            ("Straße", "STRASSE"),
            ("İbrahim", "ibrahim"),
            ("IŞIK", "ışık"),
            ("ᏣᎳᎩ", "ꮳꮃꭹ"),
            ("❤️", "❤"),
            ("علی\u{200C}رضا", "علیرضا"),
            ("ශ්\u{200D}රී", "ශ්රී"),
            ("👨\u{200D}👩 Kim", "👨👩 kim"),
        ] {
            assert!(is_one(one, other), "{one} {other}: {} {}", name(one).folded(), name(other).folded());
        }
    }

    #[test]
    fn people_of_different_names_are_different_and_both_may_be_here() {
        for (one, other) in [
            ("Lisa", "Ilsa"),
            ("Ali", "All"),
            ("LISA", "Ilsa"),
            ("ALI", "All"),
            ("Elia", "Ella"),
            ("Ana", "Ava"),
            ("Ana", "Anna"),
            ("Bob", "B0b"),
            ("José", "Jose"),
            ("Lucy", "Lucu"),
            ("Ana 2", "Ana 3"),
            ("Ana 10", "Ana lo"),
            ("Tim", "Tini"),
            ("Ida", "Lda 2"),
            ("Саша", "Маша"),
            ("Νίκος", "Νικός"),
            ("李", "季"),
            ("علي", "عالي"),
            ("מיכאל", "מיכל"),
            ("🇵🇹", "🇪🇸"),
            (
                "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
                "🏴\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}",
            ),
        ] {
            assert!(!is_one(one, other), "{one} {other}");
            assert!(!passes_for(one, other) && !passes_for(other, one), "{one} {other}");
        }
    }

    #[test]
    fn who_would_pass_for_another_is_seen_though_they_are_two() {
        for (newcomer, resident) in [
            ("Group I", "Group 1"),
            ("Group l", "group 1"),
            ("Раulа", "Paula"),
            ("раulа", "PAULA"),
            ("Аna", "ana"),
            ("аNa", "Ana"),
            ("PauI", "Paul"),
            ("PauI", "PAUL"),
            ("Pau1", "paul"),
            ("lvan", "Ivan"),
            ("BOB", "ВОВ"),
            ("B0B", "bob"),
            ("ТОМ", "Tom"),
            ("Виктoр", "Виктор"),
            ("ВИКТOР", "Виктор"),
            ("Ѕаrа", "Sara"),
            ("Αλεξ", "Aλεξ"),
            ("Ꭺna", "Ana"),
            ("Aոa", "Ana"),
            ("Modern", "Modem"),
            ("Aslı", "Asli"),
            ("工藤", "エ藤"),
            ("א\u{5B7}נה", "אַנה"),
        ] {
            assert!(passes_for(newcomer, resident), "{newcomer} {resident}");
        }
    }

    #[test]
    fn near_a_host_punctuation_and_spaces_do_not_count() {
        for newcomer in [
            "Ms. Keller",
            "MsKeller",
            "ms_keller",
            "Ms-Keller",
            "Mskeller",
            "Ms Ke\u{301}ller",
            "Мs·Кeller",
            "(Ms) Keller!",
        ] {
            let is_another = newcomer.contains('\u{301}');
            assert_eq!(is_near(newcomer, "Ms Keller"), !is_another, "{newcomer}");
        }
        for newcomer in ["Ms Kellner", "Keller", "Ms Keller 2", "Ms. Kessler"] {
            assert!(!is_near(newcomer, "Ms Keller"), "{newcomer}");
        }
        assert!(!is_near("...", "Ana") && is_near("...", "...") && !is_near("!!!", "..."));
    }

    #[test]
    fn no_letter_of_any_script_changes_identity_with_its_case() {
        for c in ('\u{80}'..=char::MAX).filter(|&c| is_readable(c)) {
            let small: String = c.to_lowercase().collect();
            let capital: String = c.to_uppercase().collect();
            if small != capital {
                let own = identity(c.encode_utf8(&mut [0; 4]));
                assert_eq!((identity(&small), identity(&capital)), (own.clone(), own), "{c}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

        #[test]
        fn folding_twice_is_folding_once(text in texts()) {
            let once = identity(&text);
            prop_assert_eq!(identity(&once), once);
        }

        #[test]
        fn case_does_not_make_another_person(text in "[A-Za-zÀ-ÖØ-ö ]{1,32}|[Α-ΡΣ-Ωα-ω]{1,32}|[А-я]{1,32}") {
            if let Ok(name) = Name::parse(&text) {
                for other in [name.display().to_uppercase(), name.display().to_lowercase()] {
                    prop_assert_eq!(identity(&other), name.folded());
                }
            }
        }

        #[test]
        fn ascii_looks_the_same_by_the_short_way(text in "[ -~]{0,40}") {
            prop_assert_eq!(look(&text), skeleton(&text).collect::<String>());
        }

        #[test]
        fn everybody_passes_for_who_they_are(text in texts()) {
            if let Ok(name) = Name::parse(&text) {
                let looks = name.looks();
                prop_assert!(name.appearances().iter().all(|seen| looks.contains(seen)));
            }
        }
    }
}
