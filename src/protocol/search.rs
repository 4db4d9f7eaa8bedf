//! What a search asks for, and whether a text has it; pure.
//!
//! Query and text are compared folded: without case, without diacritics, in the plain form of what can be written in
//! several ways. So `lodz` finds `Łódź`, `strasse` finds `STRASSE` and `Straße`, and `don't` finds `don’t`. All words of
//! a query must occur, in any order, also inside longer words. No character has a special meaning.
//!
//! A text is folded into a buffer that is used again for the next: a scan allocates nothing for each message. Nearly all
//! of the work is a copy in small letters for ASCII, and a table for the scripts below U+3100.

use std::iter;
use std::sync::LazyLock;

use caseless::Caseless;
use memchr::memmem::Finder;
use unicode_normalization::char::{canonical_combining_class, decompose_compatible};
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use crate::limits::QUERY_CHARACTERS;
use crate::protocol::Reason;

/// At least one word to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    text: String,
    /// Folded, the longest first: it is the likeliest to rule a text out. None is part of another.
    words: Vec<String>,
}

impl Query {
    /// The query that a person typed.
    pub fn parse(text: &str) -> Result<Query, Reason> {
        if text.chars().nth(QUERY_CHARACTERS).is_some() {
            return Err(Reason::SearchTooLong { limit: QUERY_CHARACTERS });
        }
        let mut folded = String::new();
        fold_into(text, &mut folded);
        let mut all: Vec<&str> = folded.split_whitespace().collect();
        all.sort_by_key(|word| std::cmp::Reverse(word.len()));
        let mut words: Vec<String> = Vec::new();
        for word in all {
            if !words.iter().any(|longer| longer.contains(word)) {
                words.push(word.to_owned());
            }
        }
        if words.is_empty() {
            return Err(Reason::SearchEmpty);
        }
        Ok(Query { text: text.to_owned(), words })
    }

    /// As it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn matcher(&self) -> Matcher<'_> {
        Matcher {
            words: self.words.iter().map(Finder::new).collect(),
            ascii: self.words.iter().all(|word| word.is_ascii()),
            folded: String::new(),
        }
    }
}

/// Tells which texts have what a [`Query`] asks for, one after the other.
#[derive(Debug)]
pub struct Matcher<'a> {
    words: Vec<Finder<'a>>,
    /// Whether what is all ASCII can have it.
    ascii: bool,
    /// The text that is looked at, folded.
    folded: String,
}

impl Matcher<'_> {
    /// Whether every word occurs in `text` or in its author's name.
    pub fn matches(&mut self, author: &str, text: &str) -> bool {
        if !self.ascii && text.is_ascii() && author.is_ascii() {
            return false;
        }
        self.folded.clear();
        self.append(text);
        self.folded.push('\n'); // in no word
        self.append(author);
        self.words.iter().all(|word| word.find(self.folded.as_bytes()).is_some())
    }

    fn append(&mut self, text: &str) {
        if text.is_ascii() {
            let from = self.folded.len();
            self.folded.push_str(text);
            self.folded[from..].make_ascii_lowercase();
        } else {
            fold_into(text, &mut self.folded);
        }
    }
}

/// Characters below this are folded by a table. Beyond are the scripts that have neither case nor diacritics (and
/// rarities, which are folded one by one).
const TABLE_END: usize = 0x3100;
/// Nothing is left of this character.
const DROPPED: u16 = 0;
/// More than one character is left, or one that the table cannot hold.
const SEVERAL: u16 = 0xFFFF;

static TABLE: LazyLock<Box<[u16]>> = LazyLock::new(|| {
    let folded = |code: u32| {
        let (mut count, mut last) = (0, '\0');
        fold_char(char::from_u32(code)?, &mut |c| (count, last) = (count + 1, c));
        match count {
            0 => Some(DROPPED),
            1 => u16::try_from(u32::from(last)).ok(),
            _ => None,
        }
    };
    (0..TABLE_END as u32).map(|code| folded(code).unwrap_or(SEVERAL)).collect()
});

fn fold_into(text: &str, out: &mut String) {
    let table = &*TABLE;
    out.reserve(text.len());
    for c in text.chars() {
        match c {
            // U+0000 is what the table says of none.
            '\0' | '\u{3400}'..='\u{9FFF}' => out.push(c),
            c => match table.get(c as usize) {
                Some(&DROPPED) => {}
                Some(&code) if code != SEVERAL => out.push(char::from_u32(u32::from(code)).unwrap_or(c)),
                _ => fold_char(c, &mut |folded| out.push(folded)),
            },
        }
    }
}

/// One character without the table: its compatibility decomposition, case folded, without what is dropped.
fn fold_char(c: char, emit: &mut impl FnMut(char)) {
    decompose_compatible(c, |part| {
        // The iota under a Greek vowel is a diacritic, which case folding takes for a letter.
        for small in iter::once(part).filter(|part| *part != '\u{345}').default_case_fold() {
            // A few small letters come apart once more.
            decompose_compatible(small, |part| match plain(part) {
                Some(plain) => plain.chars().for_each(&mut *emit),
                None if is_dropped(part) => {}
                None => emit(part),
            });
        }
    });
}

/// What Unicode holds for letters and signs of their own, and a keyboard has only in their plain form.
fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        'ł' => "l",
        'ø' => "o",
        'đ' => "d",
        'ħ' => "h",
        'ŧ' => "t",
        'ı' => "i",
        'æ' => "ae",
        'œ' => "oe",
        '‘' | '’' | '‚' | 'ʼ' | '′' => "'",
        '“' | '”' | '„' => "\"",
        '‐'..='―' | '−' => "-",
        _ => return None,
    })
}

/// The combining class of the signs that join the consonants of Indic scripts: what is left without them is another word.
const VIRAMA: u8 = 9;

/// Diacritics, and what nobody sees. Vowel signs, which have no combining class, stay.
fn is_dropped(c: char) -> bool {
    let class = canonical_combining_class(c);
    (class != 0 && class != VIRAMA)
        || matches!(c, '\u{34F}' | '\u{FE00}'..='\u{FE0F}')
        || c.general_category() == GeneralCategory::Format
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization;

    use super::*;

    fn has(text: &str, query: &str) -> bool {
        Query::parse(query).expect("a query").matcher().matches("", text)
    }

    fn folded(text: &str) -> String {
        let mut folded = String::new();
        fold_into(text, &mut folded);
        folded
    }

    #[test]
    fn case_and_diacritics_do_not_count() {
        for (text, query) in [
            ("Hello World", "hello"),
            ("hello world", "WORLD"),
            ("José was here", "jose"),
            ("Jose was here", "JOSÉ"),
            ("Jose\u{301}", "josé"),
            ("Łódź", "lodz"),
            ("Ærøskøbing", "aeroskobing"),
            ("Straße", "STRASSE"),
            ("STRASSE", "straße"),
            ("ΟΔΥΣΣΕΥΣ", "Οδυσσεύς"),
            ("Ёлка", "елка"),
            ("İstanbul", "istanbul"),
            ("ISPARTA", "ısparta"),
            ("Ｆｕｌｌ width", "full"),
            ("ﬁne", "fine"),
            ("don’t", "don't"),
            ("“so” — he said", "\"so\" -"),
            ("שָׁלוֹם", "שלום"),
            ("مُحَمَّد", "محمد"),
            ("한국어", "한국"),
            ("한국어".nfd().collect::<String>().as_str(), "한국어"),
            ("我们在山田家", "山田"),
            ("❤️ it", "❤"),
            ("soft\u{AD}hyphen", "softhyphen"),
            ("Nguyễn Thị Ánh", "nguyen anh thi"),
            ("ガラス", "カラス"),
            ("क्षत्रिय", "क्षत्रिय"),
            ("ᾠδή", "ωδη"),
            ("ῷ\u{bcd}", "ω\u{bcd}\u{342}\u{345}"),
        ] {
            assert!(has(text, query), "{query} in {text}");
        }
        for (text, query) in [("hello", "help"), ("की", "का"), ("क्षत्रिय", "कषतरिय"), ("ana", "аna")]
        {
            assert!(!has(text, query), "{query} not in {text}");
        }
    }

    #[test]
    fn every_word_must_occur_in_any_order_also_inside_others() {
        assert!(has("the quick brown fox", "  fox \n THE  row "));
        assert!(!has("the quick brown fox", "fox dog"));
        assert!(has("a", "a a a A"));
        assert_eq!(Query::parse("ana an banana b").expect("words").words, ["banana"]);
    }

    #[test]
    fn no_character_has_a_special_meaning() {
        for query in ["%", "_", "*", "?", "\\", "'", "\"", ".*", "[a-z]", "a OR b", "^", "$", "\0"] {
            assert!(!has("nothing of the kind", query), "{query:?}");
            assert!(has(&format!("here it is: {query} !"), query), "{query:?}");
        }
    }

    #[test]
    fn a_query_has_a_word_and_an_end() {
        for empty in ["", " \n\u{3000}", "\u{301}", "\u{200B}\u{AD}"] {
            assert_eq!(Query::parse(empty), Err(Reason::SearchEmpty), "{empty:?}");
        }
        assert!(Query::parse(&"é".repeat(QUERY_CHARACTERS)).is_ok());
        assert_eq!(
            Query::parse(&"é".repeat(QUERY_CHARACTERS + 1)),
            Err(Reason::SearchTooLong { limit: QUERY_CHARACTERS })
        );
    }

    #[test]
    fn the_table_is_what_folding_one_by_one_gives() {
        for c in '\u{1}'..=char::MAX {
            let mut slow = String::new();
            fold_char(c, &mut |part| slow.push(part));
            assert_eq!(folded(c.encode_utf8(&mut [0; 4])), slow, "U+{:04X}", c as u32);
        }
    }

    proptest! {
        #[test]
        fn a_text_has_each_part_of_itself(text in "\\PC{1,40}", from in 0..40_usize, count in 1..20_usize) {
            let part: String = text.chars().skip(from).take(count).collect();
            if let Ok(query) = Query::parse(&part) {
                prop_assert!(query.matcher().matches("", &text), "{:?} in {:?}", part, text);
            }
        }

        #[test]
        fn folding_twice_is_folding_once(text in "\\PC{0,40}") {
            let once = folded(&text);
            prop_assert_eq!(folded(&once), once.clone());
            prop_assert_eq!(folded(&text.nfd().collect::<String>()), folded(&text.nfc().collect::<String>()));
        }
    }
}
