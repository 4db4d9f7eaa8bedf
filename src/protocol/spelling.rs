//! How a name is written: which characters may stand where, and what is left of a text as it was typed or pasted; pure.
//!
//! What nobody sees is left out in silence, since it comes along with what people copy: zero-width spaces, marks of direction,
//! soft hyphens, selectors. It stays where something is read or drawn by it: joiners by Unicode's rules for identifiers
//! (UTS 46, CONTEXTJ), and sequences of emoji.

use unicode_joining_type::{JoiningType, get_joining_type};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;
use unicode_properties::{GeneralCategory, UnicodeEmoji, UnicodeGeneralCategory};
use unicode_security::skeleton;

use super::bidi;
use super::reason::Reason;
use crate::limits::COMBINING_MARKS;

const ZERO_WIDTH_NON_JOINER: char = '\u{200C}';
pub(super) const ZERO_WIDTH_JOINER: char = '\u{200D}';
/// Asks for the coloured form of the emoji before it.
const EMOJI_PRESENTATION: char = '\u{FE0F}';
/// The box around a digit that makes a keycap emoji.
const KEYCAP: char = '\u{20E3}';
/// The combining class of the signs that join consonants.
const VIRAMA: u8 = 9;
/// Assigned, no format characters, and yet drawn as nothing, or as a stand-in for something that is not there.
const BLANK: [char; 6] = ['\u{2800}', '\u{1D159}', '\u{13441}', '\u{13442}', '\u{FFFC}', '\u{FFFD}'];
/// Drawn as nothing, but as wide as a letter: whoever has one wants to look empty.
const FILLERS: [char; 4] = ['\u{115F}', '\u{1160}', '\u{3164}', '\u{FFA0}'];
/// A black flag, which an invisible word after it makes the flag of a land.
const BLACK_FLAG: char = '\u{1F3F4}';
/// The flags that are drawn so (England, Scotland, Wales), as the letters of which the invisible ones are twins.
const FLAGS_OF_TAGS: [&str; 3] = ["gbeng", "gbsct", "gbwls"];
const TAG_END: char = '\u{E007F}';

/// What is left of a text, in the one form in which it is a name: NFKC, trimmed, with single spaces.
pub(super) fn normalised(text: &str) -> String {
    let mut name = collapsed(&unwrapped(text.trim()).nfkc().filter(|c| !is_unseen(*c)).collect::<String>());
    // Composed once more: what something kept apart may now be one character, of which a joiner's place depends. Each turn but the
    // last leaves something out.
    loop {
        let next = collapsed(&in_place(&name).nfc().collect::<String>());
        if next == name {
            return name;
        }
        name = next;
    }
}

fn collapsed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text without the isolates or embeddings that programs put around names of unknown direction.
fn unwrapped(text: &str) -> &str {
    let inside = |text: &str| -> Option<usize> {
        let (mut both, first) = (text.chars(), text.chars().next()?);
        let is_pair = match both.next_back()? {
            '\u{2069}' => matches!(first, '\u{2066}'..='\u{2068}'),
            '\u{202C}' => matches!(first, '\u{202A}' | '\u{202B}'),
            _ => false,
        };
        is_pair.then_some(first.len_utf8())
    };
    match inside(text) {
        Some(length) => unwrapped(&text[length..text.len() - length]),
        None => text,
    }
}

/// Whether a character is drawn as nothing, wherever it stands. Not those that hold until they are ended: without them a text
/// would be read in another order than its author saw.
fn is_unseen(c: char) -> bool {
    is_ignorable(c) && !has_place(c) && !FILLERS.contains(&c) && !bidi::is_embedding(c)
}

/// Whether it depends on its neighbours what it does.
fn has_place(c: char) -> bool {
    matches!(c, ZERO_WIDTH_JOINER | ZERO_WIDTH_NON_JOINER | EMOJI_PRESENTATION) || is_tag(c)
}

fn is_tag(c: char) -> bool {
    ('\u{E0020}'..=TAG_END).contains(&c)
}

/// A skeleton leaves out what a renderer may draw as nothing, whatever its category.
fn is_ignorable(c: char) -> bool {
    !c.is_ascii() && skeleton(c.encode_utf8(&mut [0; 4])).next().is_none()
}

/// A text without those characters of [`has_place`] that have nothing to do where they stand.
fn in_place(text: &str) -> String {
    if !text.chars().any(has_place) {
        return text.to_owned();
    }
    let characters: Vec<char> = text.chars().collect();
    let mut kept: Vec<char> = Vec::with_capacity(characters.len());
    let mut flag_end = 0;
    for (at, &c) in characters.iter().enumerate() {
        let rest = &characters[at + 1..];
        let next = rest.first().copied().unwrap_or(' ');
        let previous = kept.last().copied().unwrap_or(' ');
        let stays = match c {
            ZERO_WIDTH_NON_JOINER => is_virama(previous) || separates(&kept, rest),
            ZERO_WIDTH_JOINER => {
                is_virama(previous)
                    || joins_emoji(previous) && is_emoji(next)
                    // The letter keeps its form before the sign: Bengali and Kannada write it so.
                    || is_letter(previous) && is_virama(next)
            }
            EMOJI_PRESENTATION => is_emoji(previous) || is_keycap_base(previous) && next == KEYCAP,
            BLACK_FLAG => {
                flag_end = at + 1 + flag_length(rest);
                true
            }
            c => !is_tag(c) || at < flag_end,
        };
        if stays {
            kept.push(c);
        }
    }
    kept.into_iter().collect()
}

/// How many characters after a black flag make it a land's.
fn flag_length(rest: &[char]) -> usize {
    let is_next = |word: &&str| {
        let tags = word.bytes().map(|letter| char::from_u32(0xE0000 + u32::from(letter)));
        tags.chain([Some(TAG_END)]).eq(rest.iter().take(word.len() + 1).copied().map(Some))
    };
    FLAGS_OF_TAGS.iter().find(|word| is_next(word)).map_or(0, |word| word.len() + 1)
}

/// Whether two letters that would be joined are kept apart: RFC 5892, A.1.
fn separates(before: &[char], after: &[char]) -> bool {
    let is_seen = |c: &char| get_joining_type(*c) != JoiningType::Transparent;
    let joins_on =
        |c: &char| matches!(get_joining_type(*c), JoiningType::LeftJoining | JoiningType::DualJoining);
    let is_joined =
        |c: &char| matches!(get_joining_type(*c), JoiningType::RightJoining | JoiningType::DualJoining);
    before.iter().rev().copied().find(is_seen).is_some_and(|c| joins_on(&c))
        && after.iter().copied().find(is_seen).is_some_and(|c| is_joined(&c))
}

fn is_virama(c: char) -> bool {
    canonical_combining_class(c) == VIRAMA
}

fn is_letter(c: char) -> bool {
    c.general_category() == GeneralCategory::OtherLetter
}

/// Unicode counts digits, `#` and `*` among the emoji, for the keycaps; here they are what they look like.
fn is_emoji(c: char) -> bool {
    c.is_emoji_char() && !c.is_ascii()
}

fn joins_emoji(c: char) -> bool {
    c == EMOJI_PRESENTATION || is_emoji(c)
}

fn is_keycap_base(c: char) -> bool {
    matches!(c, '0'..='9' | '#' | '*')
}

/// Whether every character of a [`normalised`] name may be in one.
///
/// # Errors
/// The first rule that it breaks.
pub(super) fn check(name: &str) -> Result<(), Reason> {
    let (mut previous, mut stacked) = (' ', 0);
    for c in name.chars() {
        if has_place(c) {
            continue; // it was left where it has one; nor does it end a tower of marks
        }
        if !is_readable(c) {
            return Err(Reason::invisible(c));
        }
        let category = c.general_category();
        // Marks over and under a character stack up into towers; spacing marks take room of their own.
        let stacks = matches!(category, GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark);
        if previous == ' ' && (stacks || category == GeneralCategory::SpacingMark) {
            return Err(Reason::NameLooseAccent);
        }
        stacked = if stacks { stacked + 1 } else { 0 };
        if stacked > COMBINING_MARKS {
            return Err(Reason::TOO_MANY_ACCENTS);
        }
        previous = c;
    }
    Ok(())
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
    !meaningless && !BLANK.contains(&c) && !is_ignorable(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joiners_stay_where_something_is_read_by_them_and_nowhere_else() {
        for stays in [
            "علی\u{200C}رضا",
            "می\u{200C}خواهم",
            "بِ\u{200C}رَ",
            "ܒ\u{200C}ܒ",
            "ߊ\u{200C}ߓ",
            "ᠠ\u{200C}ᠨ",
            "𞤀\u{200C}𞤣",
            "ශ්\u{200D}රී",
            "क्\u{200D}षत्रिय",
            "क्\u{200C}ष",
            "ന്\u{200D}",
            "র\u{200D}্যাচেল",
            "ರ\u{200D}್ಕ",
            "র্\u{200D}য",
            "క్\u{200C}ష",
        ] {
            assert_eq!(normalised(stays), stays, "{}", stays.escape_unicode());
            assert_eq!(check(stays), Ok(()), "{stays}");
        }
        for (typed, expected) in [
            ("An\u{200C}a", "Ana"),
            ("An\u{200D}a", "Ana"),
            ("\u{200C}علی\u{200C}", "علی"),
            ("آزاد\u{200C}راه", "آزادراه"),
            ("علی\u{200D}رضا", "علیرضا"),
            ("علی\u{200C} رضا", "علی رضا"),
            ("علی\u{200C}\u{200C}رضا", "علی\u{200C}رضا"),
            ("क\u{200D}ष", "कष"),
            ("ab\u{200D}\u{94D}", "ab\u{94D}"),
            ("山\u{200D}田", "山田"),
            ("שי\u{200D}רה", "שירה"),
            ("ส\u{200C}ม", "สม"),
        ] {
            assert_eq!(normalised(typed), expected, "{}", typed.escape_unicode());
        }
    }

    #[test]
    fn sequences_of_emoji_stay_whole_and_what_is_left_of_others_is_not_seen() {
        for stays in [
            "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F} Ana",
            "🏴\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}",
            "🏴\u{E0067}\u{E0062}\u{E0077}\u{E006C}\u{E0073}\u{E007F}🏴",
            "🏴\u{200D}☠\u{FE0F}",
            "👨\u{200D}👩\u{200D}👧\u{200D}👦 Kim",
            "👩🏽\u{200D}❤\u{FE0F}\u{200D}💋\u{200D}👩🏿",
            "🏳\u{FE0F}\u{200D}⚧\u{FE0F}",
            "🧑🏻\u{200D}🦰",
            "🏃\u{200D}➡\u{FE0F}",
            "🇵🇹 Ana",
            "1\u{FE0F}\u{20E3}",
            "©\u{FE0F}",
        ] {
            assert_eq!(normalised(stays), stays, "{}", stays.escape_unicode());
            assert_eq!(check(stays), Ok(()), "{stays}");
        }
        for (typed, expected) in [
            ("👨\u{200D}", "👨"),
            ("👨\u{200D}Ana", "👨Ana"),
            ("\u{200D}👨", "👨"),
            ("👨\u{200D}\u{200D}👩", "👨\u{200D}👩"),
            ("1\u{FE0F}", "1"),
            ("1\u{200D}👩", "1👩"),
            ("a\u{FE0F}", "a"),
            ("❤\u{FE0E}", "❤"),
            ("👩\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}", "👩"),
            ("🏴\u{E0067}\u{E0062}", "🏴"),
            ("🏴\u{E0068}\u{E0069}\u{E007F}", "🏴"),
            (
                "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}\u{E0061}",
                "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
            ),
        ] {
            assert_eq!(normalised(typed), expected, "{}", typed.escape_unicode());
        }
    }

    #[test]
    fn what_a_paste_brings_along_is_left_out() {
        for c in [
            '\u{AD}',
            '\u{34F}',
            '\u{61C}',
            '\u{17B4}',
            '\u{180B}',
            '\u{180E}',
            '\u{200B}',
            '\u{200E}',
            '\u{200F}',
            '\u{2060}',
            '\u{2063}',
            '\u{206A}',
            '\u{FE00}',
            '\u{FEFF}',
            '\u{1D173}',
            '\u{E0001}',
            '\u{E0041}',
            '\u{E0100}',
        ] {
            for typed in
                [format!("A{c}na"), format!("{c}Ana"), format!("Ana{c}"), format!("{c}{c} A{c}na {c}")]
            {
                assert_eq!(normalised(&typed), "Ana", "{}", typed.escape_unicode());
            }
        }
        for (typed, expected) in [
            ("Jose\u{200B}\u{301}", "José"),
            ("\u{1112}\u{200B}\u{1161}\u{11AB}", "한"),
            ("\u{2068}Ana\u{2069}", "Ana"),
            ("\u{202A}Ana\u{202C}", "Ana"),
            ("\u{2067}\u{202B}שרה\u{202C}\u{2069}", "שרה"),
            ("\u{FEFF}", ""),
            ("\u{200B} \u{2060}", ""),
        ] {
            assert_eq!(normalised(typed), expected, "{}", typed.escape_unicode());
        }
    }

    #[test]
    fn what_turns_the_order_around_or_wants_to_look_empty_is_refused() {
        for typed in [
            "\u{202E}anA",
            "A\u{202D}na",
            "A\u{2066}na",
            "\u{2068}Ana",
            "Ana\u{2069}",
            "\u{2067}A\u{2069}na",
            "\u{202A}Ana",
            "\u{202E}anA\u{202C}",
            "A\u{115F}na",
            "\u{3164}",
            "A\u{FFA0}",
            "A\u{2800}na",
            "\u{600}1",
            "A\u{FFF9}na",
        ] {
            let refused = check(&normalised(typed));
            assert!(
                matches!(refused, Err(Reason::NameInvisibleCharacter { .. })),
                "{}",
                typed.escape_unicode()
            );
        }
    }

    #[test]
    fn a_joiner_ends_no_tower_of_marks() {
        let tower = format!("क{}", "\u{94D}\u{200D}".repeat(5));
        assert_eq!(check(&normalised(&tower)), Err(Reason::TOO_MANY_ACCENTS));
    }
}
