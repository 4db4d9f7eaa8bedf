//! Whom a name could be taken for, by what is drawn of it; pure.
//!
//! A twin is drawn as a resident's name is in some case: `PauI` as `Paul`, `Мr BECKER` with a Cyrillic `М` as `Mr BECKER`. `Ilsa`
//! is drawn as `lIsa`, and yet no twin of Lisa's: nobody writes Lisa so. Each word of a resident must be read in a case in which
//! people write it (small, in capitals, with one at its head, as its owner does), unless the newcomer's own is in none either.
//!
//! Who is to be compared is found by a key: of a letter, it holds what both its cases have in common.

use std::array;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};
use unicode_security::skeleton;

/// Added to a tag, it is a character that stands for itself in a skeleton, which leaves tags out. But they draw flags.
const TAG_STAND_IN: u32 = 0x1_0000;
const DOT_ABOVE: char = '\u{307}';
/// No script with cases has a letter from here on.
const CASELESS: char = '\u{1F000}';

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Small,
    Capital,
}

/// What is drawn of a newcomer's name.
#[derive(Debug)]
pub(crate) struct Picture {
    /// Each character of the skeleton; the first of a letter with the letter's case.
    drawn: Vec<(char, Option<Case>)>,
    key: String,
    is_near: bool,
}

impl Picture {
    /// `is_near`: without what stands between letters or around them, as long as there is anything else.
    pub(crate) fn of(display: &str, is_near: bool) -> Picture {
        let drawn: Vec<_> = letters(display).iter().flat_map(|letter| strokes(letter, is_near)).collect();
        if drawn.is_empty() && is_near {
            return Picture::of(display, false);
        }
        let key = key_of_drawn(drawn.iter().map(|(c, _)| *c));
        Picture { drawn, key, is_near }
    }

    /// Equal to the [`key`] of all whom it passes for.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Whether somebody new who is drawn so would be taken for `resident`, who has the same key.
    pub(crate) fn passes_for(&self, resident: &str) -> bool {
        let mut readings = vec![Reading::new(0)];
        let mut before = None;
        for letter in letters(resident) {
            let first = letter.chars().next().unwrap_or(' ');
            let humps = before.is_some_and(|c| case_of(c) == Some(Case::Small))
                && case_of(first) == Some(Case::Capital);
            if !first.is_alphanumeric() || humps {
                readings =
                    readings.iter().filter(|it| it.is_likely()).map(|it| Reading::new(it.at)).collect();
            }
            before = Some(first);
            let mut next: Vec<Reading> = Vec::with_capacity(readings.len());
            for (number, spelling) in spellings(&letter).iter().enumerate() {
                let strokes = strokes(spelling, self.is_near);
                for reading in &readings {
                    let reading = reading.on(&self.drawn, &strokes, case_of_letter(spelling), number == 0);
                    next.extend(reading.filter(|it| !next.contains(it)));
                }
            }
            if next.is_empty() {
                return false;
            }
            readings = next;
        }
        readings.iter().any(|it| it.at == self.drawn.len() && it.is_likely())
    }
}

/// A newcomer's picture, read up to a place as a resident's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reading {
    at: usize,
    /// How the resident's word is written, read so, and how the newcomer's own letters are.
    theirs: Ways,
    own: Ways,
}

impl Reading {
    /// At the begin of a word.
    fn new(at: usize) -> Reading {
        let usual = Ways { left: Ways::SMALL | Ways::CAPITALS | Ways::TITLED, has_begun: false };
        Reading { at, theirs: Ways { left: usual.left | Ways::AS_SHOWN, ..usual }, own: usual }
    }

    /// After a letter of the resident's, if that is drawn next.
    fn on(
        mut self,
        drawn: &[(char, Option<Case>)],
        strokes: &[(char, Option<Case>)],
        case: Option<Case>,
        is_as_shown: bool,
    ) -> Option<Reading> {
        let here = drawn.get(self.at..self.at + strokes.len())?;
        if !here.iter().map(|(c, _)| c).eq(strokes.iter().map(|(c, _)| c)) {
            return None;
        }
        self.at += strokes.len();
        self.own = here.iter().fold(self.own, |own, (_, case)| own.with(*case));
        self.theirs = self.theirs.with(case);
        if !is_as_shown {
            self.theirs.left &= !Ways::AS_SHOWN;
        }
        Some(self)
    }

    /// Whether people would read it so.
    fn is_likely(&self) -> bool {
        self.theirs.left != 0 || self.own.left == 0
    }
}

/// In which ways the letters of a word are written so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ways {
    left: u8,
    has_begun: bool,
}

impl Ways {
    const SMALL: u8 = 1;
    const CAPITALS: u8 = 2;
    const TITLED: u8 = 4;
    const AS_SHOWN: u8 = 8;

    fn with(self, case: Option<Case>) -> Ways {
        let fitting = match (case, self.has_begun) {
            (None, _) => return self,
            (Some(Case::Small), false) => Ways::SMALL,
            (Some(Case::Small), true) => Ways::SMALL | Ways::TITLED,
            (Some(Case::Capital), false) => Ways::CAPITALS | Ways::TITLED,
            (Some(Case::Capital), true) => Ways::CAPITALS,
        };
        Ways { left: self.left & (fitting | Ways::AS_SHOWN), has_begun: true }
    }
}

/// The letters of a name, each with its marks.
fn letters(display: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::with_capacity(display.len());
    for c in display.nfd() {
        match all.last_mut() {
            Some(letter) if is_mark(c) => letter.push(c),
            _ => all.push(c.into()),
        }
    }
    all
}

fn is_mark(c: char) -> bool {
    !c.is_ascii() && c.general_category_group() == GeneralCategoryGroup::Mark
}

fn case_of(c: char) -> Option<Case> {
    if c.is_lowercase() { Some(Case::Small) } else { c.is_uppercase().then_some(Case::Capital) }
}

fn case_of_letter(letter: &str) -> Option<Case> {
    letter.chars().next().and_then(case_of)
}

/// A letter in all cases that are one to [`identity`](super::look_alikes::identity), first as it is.
fn spellings(letter: &str) -> Vec<String> {
    let mut characters = letter.chars();
    let Some(base) = characters.next() else { return Vec::new() };
    let small: String = base.to_lowercase().collect();
    let capital = small.to_uppercase();
    let mut all = vec![letter.to_owned()];
    if small == capital {
        return all;
    }
    // A dot that nobody sees on the small letter is no part of the capital one.
    let marks = match draw(&small).ends_with(is_soft_dotted) {
        true => characters.as_str().replace(DOT_ABOVE, ""),
        false => characters.as_str().to_owned(),
    };
    let mut add = |base: &str, marks: &str| {
        let spelling = format!("{base}{marks}");
        if !all.contains(&spelling) {
            all.push(spelling);
        }
    };
    match capital.as_str() {
        // With the Turkish İ, and without its dot.
        "I" => ["i", "I", "I\u{307}"].iter().for_each(|base| add(base, &marks)),
        "Σ" => ["σ", "ς", "Σ"].iter().for_each(|base| add(base, &marks)),
        _ => [&small, &capital].iter().for_each(|base| add(base, &marks)),
    }
    all
}

/// What is drawn of a letter, and which case that is. `is_near`: without lines over, under and through it.
fn strokes(letter: &str, is_near: bool) -> Vec<(char, Option<Case>)> {
    let (mut case, shown) = (case_of_letter(letter), letter.chars().next().unwrap_or(' '));
    let drawn = match is_near && letter.contains(is_line) {
        true => draw(&letter.replace(is_line, "")),
        false => draw(letter),
    };
    let seen = drawn.chars().filter(|c| !(is_near && is_between(*c, shown)));
    seen.map(|c| (c, case.take())).collect()
}

/// What ASCII looks like, each character by itself: most names have no other, and a room may begin with 100,000.
static ASCII: LazyLock<[String; 128]> = LazyLock::new(|| {
    array::from_fn(|code| skeleton(char::from(code as u8).encode_utf8(&mut [0; 4])).collect())
});

/// The skeleton of UTS 39, without the dots that letters with a dot of their own do not show twice.
fn draw(letter: &str) -> Cow<'static, str> {
    if let [byte @ ..128] = letter.as_bytes() {
        return Cow::Borrowed(&ASCII[usize::from(*byte)]);
    }
    let stand_in = |c: char| match c {
        '\u{E0020}'..='\u{E007F}' => char::from_u32(u32::from(c) + TAG_STAND_IN).unwrap_or(c),
        c => c,
    };
    let letter: String = letter.chars().map(stand_in).collect();
    let mut has_dot = false;
    let is_seen = |c: &char| {
        if canonical_combining_class(*c) == 0 {
            has_dot = is_soft_dotted(*c);
        }
        !(has_dot && *c == DOT_ABOVE)
    };
    Cow::Owned(skeleton(&letter).filter(is_seen).collect())
}

/// Unicode's property Soft_Dotted, of what a skeleton may have: it makes `i` and `j` of most.
fn is_soft_dotted(c: char) -> bool {
    matches!(c, 'i' | 'j' | 'ʝ' | 'ᶖ' | '\u{1DF1A}')
}

/// Whether this is drawn between letters or around them, and makes nobody another: punctuation, spaces and symbols. Some
/// letters are drawn as symbols, and some symbols as letters.
fn is_between(drawn: char, shown: char) -> bool {
    if drawn.is_ascii_alphanumeric() {
        return false;
    }
    match drawn.general_category() {
        GeneralCategory::ModifierSymbol => true,
        GeneralCategory::PrivateUse => true, // stands for a tag
        _ => match drawn.general_category_group() {
            GeneralCategoryGroup::Punctuation | GeneralCategoryGroup::Separator => true,
            GeneralCategoryGroup::Symbol => !shown.is_alphabetic(),
            _ => shown.general_category_group() == GeneralCategoryGroup::Symbol,
        },
    }
}

/// Marks that are drawn as lines or frames; those through a letter have a combining class of their own.
fn is_line(mark: char) -> bool {
    !mark.is_ascii()
        && (canonical_combining_class(mark) == 1
            || mark.general_category() == GeneralCategory::EnclosingMark
            || matches!(
                mark,
                '\u{305}' | '\u{320}' | '\u{330}'..='\u{333}' | '\u{33F}' | '\u{347}' | '\u{34D}' | '\u{35E}' | '\u{35F}'
                    | '\u{362}' | '\u{1AB6}' | '\u{20E8}' | '\u{20EC}'..='\u{20EF}'
            ))
}

/// What both cases of a letter have in common, and all that look like either, by what is drawn.
struct Classes {
    ascii: [Box<str>; 128],
    /// Those of which it is not the character itself.
    others: HashMap<char, Box<str>>,
}

static CLASSES: LazyLock<Classes> = LazyLock::new(|| {
    let mut joined = Joined::default();
    let mut apart = Vec::new();
    for c in ('\u{41}'..CASELESS).filter(|c| case_of(*c).is_some() && !is_mark(*c)) {
        let letter = c.encode_utf8(&mut [0; 4]).to_owned();
        if letter.nfkd().ne([c]) {
            continue; // no name has it, or it is another with marks
        }
        let drawn =
            |letter: &String| draw(letter).chars().filter(|c| !is_left_out(*c)).collect::<Vec<char>>();
        let all: Vec<Vec<char>> = spellings(&letter).iter().map(drawn).collect();
        for (one, other) in all.iter().zip(&all[1..]).filter(|(one, other)| one != other) {
            match (one.as_slice(), other.as_slice()) {
                (one, other) if one.len() == other.len() => {
                    one.iter().zip(other).for_each(|(one, other)| joined.join(*one, *other));
                }
                (&[c], text) | (text, &[c]) => apart.push((c, text.to_vec())),
                _ => {}
            }
        }
    }
    joined.classes(&apart)
});

/// Characters of one class, each with one that is nearer to what stands for all.
#[derive(Default)]
struct Joined(HashMap<char, char>);

impl Joined {
    fn of(&self, mut c: char) -> char {
        while let Some(next) = self.0.get(&c) {
            c = *next;
        }
        c
    }

    fn join(&mut self, one: char, other: char) {
        let (one, other) = (self.of(one), self.of(other));
        if one != other {
            self.0.insert(one.max(other), one.min(other));
        }
    }

    /// `apart`: what is drawn as one character in one case and as several in the other, as `m` is by `rn`.
    fn classes(&self, apart: &[(char, Vec<char>)]) -> Classes {
        let long: HashMap<char, String> =
            apart.iter().map(|(c, text)| (self.of(*c), text.iter().map(|c| self.of(*c)).collect())).collect();
        let class = |c: char| -> Box<str> {
            let own = self.of(c);
            match long.get(&own) {
                _ if is_left_out(c) => "".into(),
                // Once more: `ъ` is drawn with a `b`, and that is a `ß`, which is a long one.
                Some(text) => {
                    text.chars().map(|c| long.get(&c).cloned().unwrap_or(c.into())).collect::<String>().into()
                }
                None => own.encode_utf8(&mut [0; 4]).to_owned().into(),
            }
        };
        let changed = self.0.keys().chain(long.keys()).map(|c| (*c, class(*c))).collect();
        Classes { ascii: array::from_fn(|code| class(char::from(code as u8))), others: changed }
    }
}

/// What is in no key: cases differ in it.
fn is_left_out(drawn: char) -> bool {
    !drawn.is_ascii_alphanumeric() && (is_mark(drawn) || is_between(drawn, 'a'))
}

/// By which a name is found among those that it could be taken for.
pub(crate) fn key(display: &str, is_near: bool) -> String {
    if !display.is_ascii() {
        return Picture::of(display, is_near).key;
    }
    let drawn = || display.bytes().flat_map(|byte| ASCII[usize::from(byte)].chars());
    let near = || drawn().filter(|c| !is_between(*c, *c));
    if is_near && near().next().is_some() { key_of_drawn(near()) } else { key_of_drawn(drawn()) }
}

fn key_of_drawn(drawn: impl Iterator<Item = char> + Clone) -> String {
    let mut key = String::new();
    for c in drawn.clone() {
        match (CLASSES.ascii.get(c as usize), CLASSES.others.get(&c)) {
            (Some(class), _) | (None, Some(class)) => key.push_str(class),
            (None, None) if is_left_out(c) => {}
            (None, None) => key.push(c),
        }
    }
    if key.is_empty() { drawn.collect() } else { key }
}

#[cfg(test)]
mod tests;
