//! When two names are one: what a person would take for each other has one identity; pure.
//!
//! "Looks the same" and "is the same in another case" do not go together: `I` looks like `l` and is the capital of
//! `i`, the Greek `Ν` looks like `N` and its small letter `ν` like `v`. Honouring both everywhere would make one of
//! Ana and Ava. [`fold`] says what is honoured where, and what that costs.

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;
use unicode_security::skeleton;

/// Passes until a fold has settled. One usually does; two were the most that any single character needed.
const FOLD_PASSES: usize = 8;

/// The identity of a normalised name: what is left when case and look-alikes are taken away.
///
/// - In a word with an ASCII letter, other letters that look like ASCII count as what they look like: `Аna` is
///   `ana`, `Aνa` is `ava`.
/// - All others count by their capitals, and these by what they look like: `Том`, `ТОМ` and `Tom` are one, and
///   a Greek or Cyrillic name does not change with its case.
/// - `i`, `I`, `l`, `L`, `1` and `|` are one letter, since `I` is both the capital of the first and the twin of the
///   third. The price: Elia and Ella cannot both be here; whoever comes second is offered "Ella 2".
///
/// Not caught: a word wholly in those few small letters (`ν`, `υ`, `г`) that look like another Latin letter than
/// their capitals do.
pub(super) fn fold(display: &str) -> String {
    let mut folded = display.to_owned();
    for _ in 0..FOLD_PASSES {
        let next = folded.split(' ').map(fold_word).collect::<Vec<_>>().join(" ");
        if next == folded {
            break;
        }
        folded = next;
    }
    folded
}

pub(super) fn fold_word(word: &str) -> String {
    let decomposed: String = word.nfd().collect();
    let latin = decomposed.chars().any(|c| c.is_ascii_alphabetic());
    let mut capital = String::new();
    for c in decomposed.chars() {
        let alike: String = skeleton(c.encode_utf8(&mut [0; 4])).collect();
        if c.is_ascii() {
            capital.push(c);
        } else if latin && alike.is_ascii() {
            capital.push_str(&alike);
        } else {
            capital.extend(c.to_uppercase());
        }
    }
    let alike: String = skeleton(&capital).collect();
    let small: String = alike.chars().nfkd().default_case_fold().nfkd().collect();
    let alike: String = skeleton(&small).map(|c| if c == 'i' { 'l' } else { c }).collect();
    // The Turkish İ: its small letter is a plain i, which carries that dot already.
    alike.replace("l\u{307}", "l")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::names::tests::{name, texts};
    use crate::protocol::names::{Name, is_readable};

    fn same(one: &str, other: &str) -> bool {
        name(one).folded() == name(other).folded()
    }

    #[test]
    fn look_alikes_are_one() {
        for (one, other) in [
            ("Ana", "ana"),
            ("Ana", "Аna"),
            ("Ana", "Ａｎａ"),
            ("Ana", "𝓐𝓷𝓪"),
            ("Ava", "Aνa"),
            ("Nina", "Νina"),
            ("Paul", "PauI"),
            ("Paul", "Pau1"),
            ("Paul", "PAUL"),
            ("Ivan", "ivan"),
            ("Ivan", "lvan"),
            ("Modern", "modem"),
            ("Modern", "rnodern"),
            ("Bob", "B0b"),
            ("BOB", "ВОВ"),
            ("Tom", "Том"),
            ("Виктор", "ВИКТОР"),
            ("Виктор", "Виктoр"),
            ("Γιώργος", "ΓΙΏΡΓΟΣ"),
            ("Straße", "STRASSE"),
            ("İbrahim", "ibrahim"),
            ("Ana 10", "Ana lo"),
            ("❤️", "❤"),
        ] {
            assert!(same(one, other), "{one} {other}: {} {}", name(one).folded(), name(other).folded());
        }
    }

    #[test]
    fn different_people_stay_different() {
        for (one, other) in [
            ("Ana", "Ava"),
            ("Ana", "Anna"),
            ("José", "Jose"),
            ("Lucy", "Lucu"),
            ("Ana 2", "Ana 3"),
            ("李", "季"),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn no_letter_of_any_script_changes_identity_with_its_case() {
        for c in ('\u{80}'..=char::MAX).filter(|&c| is_readable(c)) {
            let small: String = c.to_lowercase().collect();
            let capital: String = c.to_uppercase().collect();
            if small != capital {
                let identity = fold(c.encode_utf8(&mut [0; 4]));
                assert_eq!((fold(&small), fold(&capital)), (identity.clone(), identity), "{c}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

        #[test]
        fn folding_twice_is_folding_once(text in texts()) {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }

        #[test]
        fn case_does_not_make_another_person(text in "[A-Za-zÀ-ÖØ-ö ]{1,32}|[Α-ΡΣ-Ωα-ω]{1,32}|[А-я]{1,32}") {
            if let Ok(name) = Name::parse(&text) {
                prop_assert_eq!(fold(&name.display().to_uppercase()), name.folded());
                prop_assert_eq!(fold(&name.display().to_lowercase()), name.folded());
            }
        }
    }
}
