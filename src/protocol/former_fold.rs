//! The form in which names were compared up to schema 3, in which looks and case were one; pure.
//!
//! Of hosts' names without an account, nothing but this form was kept. It still says which name is theirs.

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;
use unicode_security::skeleton;

/// Passes until it has settled. Two were the most that any single character needed.
const PASSES: usize = 8;

/// In a word with an ASCII letter, other letters counted as the ASCII that they look like; all others by their capitals, and
/// these by what they look like. `i`, `I`, `l`, `L`, `1` and `|` were one letter.
pub(crate) fn former_fold(display: &str) -> String {
    let mut folded = display.to_owned();
    for _ in 0..PASSES {
        let next = folded.split(' ').map(fold_word).collect::<Vec<_>>().join(" ");
        if next == folded {
            break;
        }
        folded = next;
    }
    folded
}

fn fold_word(word: &str) -> String {
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
    use super::*;

    #[test]
    fn a_name_that_was_kept_in_this_form_is_still_known_by_it() {
        for (kept, displays) in [
            ("rns keller", ["Ms Keller", "MS KELLER", "Мs Ke1ler"]),
            ("rnr wlllls", ["Mr Willis", "mr wiiiis", "МR WILLIS"]),
            ("yчᴎteʌb", ["Учитель", "УЧИТЕЛЬ", "учитель"]),
            ("strasse loa", ["Straße 10A", "STRASSE lOA", "strasse 1oa"]),
        ] {
            for display in displays {
                assert_eq!(former_fold(display), kept, "{display}");
            }
        }
    }
}
