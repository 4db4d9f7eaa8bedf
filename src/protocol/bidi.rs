//! Texts that run from right to left, or turn the order around: what is written beside them stays where it is; pure.

use std::borrow::Cow;

/// Begins a part whose order is its own affair; [`POP`] ends it, and everything that was begun inside.
const FIRST_STRONG_ISOLATE: char = '\u{2068}';
const POP: char = '\u{2069}';
/// The other two that [`POP`] ends.
const ISOLATES: std::ops::RangeInclusive<char> = '\u{2066}'..=FIRST_STRONG_ISOLATE;

/// One line of text such that it can be shown beside others: as it is, or between isolates where its order could reach
/// beyond it. Nothing of it is left out: the ends of isolates that it has too many of get a beginning, and those that it
/// has too few of an end.
pub(crate) fn isolated(line: &str) -> Cow<'_, str> {
    // Nearly every line is without; of all others, the first bytes of what counts here are few.
    if line.is_ascii() || !line.chars().any(reaches_beyond) {
        return Cow::Borrowed(line);
    }
    let (mut open, mut unbegun) = (0, 0);
    for c in line.chars() {
        match c {
            POP if open == 0 => unbegun += 1,
            POP => open -= 1,
            c if ISOLATES.contains(&c) => open += 1,
            _ => {}
        }
    }
    let begin = std::iter::repeat_n(FIRST_STRONG_ISOLATE, unbegun + 1);
    Cow::Owned(begin.chain(line.chars()).chain(std::iter::repeat_n(POP, open + 1)).collect())
}

/// Whether a character orders its neighbours: the scripts that run from right to left, whole blocks of them with what will be
/// assigned there, and the controls.
fn reaches_beyond(c: char) -> bool {
    is_control(c)
        || matches!(c, '\u{590}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFE}')
        || matches!(c, '\u{10800}'..='\u{10FFF}' | '\u{1E800}'..='\u{1EFFF}')
}

/// The marks, embeddings, overrides and isolates of Unicode's bidirectional algorithm.
pub(crate) fn is_control(c: char) -> bool {
    matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}') || is_embedding(c)
}

/// Those of them that hold until they are ended: what comes after them is in another order than it looks.
pub(crate) fn is_embedding(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What stands outside of all isolates of a line, by the pairs of the algorithm (BD9).
    pub(crate) fn outside(line: &str) -> String {
        let characters: Vec<char> = line.chars().collect();
        let (mut outside, mut at) = (String::new(), 0);
        while at < characters.len() {
            if ISOLATES.contains(&characters[at]) {
                let mut depth = 0;
                let end = characters[at..].iter().position(|c| {
                    depth += i32::from(ISOLATES.contains(c)) - i32::from(*c == POP);
                    depth == 0
                });
                // Without its end it reaches to the end of the line.
                at += end.map_or(characters.len(), |end| end + 1);
            } else {
                outside.push(characters[at]);
                at += 1;
            }
        }
        outside
    }

    #[test]
    fn what_can_order_its_neighbours_is_isolated_and_nothing_else() {
        for plain in ["", "hi", "José 山田 🦀", "हिन्दी", "a\u{300}", "ไทย", "=1+1", "\u{feff}a"]
        {
            assert!(matches!(isolated(plain), Cow::Borrowed(same) if same == plain), "{plain}");
        }
        for text in [
            "שלום",
            "سلام",
            "ܫܠܡܐ",
            "ދިވެހި",
            "ߒߞߏ",
            "𞤀𞤣𞤤𞤢𞤥",
            "\u{202e}txt",
            "\u{200f}",
            "\u{61c}a",
            "a\u{2067}b",
            "ﷲ",
            "١٢٣",
        ] {
            let shown = isolated(text);
            assert!(shown.contains(text), "{text:?} is all there: {shown:?}");
            assert_eq!(outside(&format!("a {shown}: b")), "a : b", "{shown:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

        #[test]
        fn nothing_gets_out_of_it_and_nothing_is_lost(text in "[ab\u{5d0}\u{202a}-\u{202e}\u{2066}-\u{2069}\u{200f}]{0,20}") {
            let shown = isolated(&text);
            prop_assert!(shown.contains(&text));
            if shown.len() > text.len() {
                prop_assert_eq!(outside(&format!("a {shown}: b")), "a : b");
            } else {
                prop_assert!(!text.chars().any(reaches_beyond));
            }
        }
    }
}
