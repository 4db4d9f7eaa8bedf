//! When two names are one; pure.
//!
//! The two go different ways. **Who somebody is** must not change with how a name is typed, so the identity is blind to case
//! and to nothing else. **Whom somebody is taken for** (`look_alikes.rs`) is a matter of what is drawn: `I` and `l`, a Cyrillic
//! `а` and a Latin one. By looks, `Ilsa` is as near to `llsa` as can be, and far from `Lisa`; were looks and case honoured
//! together, all three would be one.

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;

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
    }
}
