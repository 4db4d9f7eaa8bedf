//! Who would be taken for whom.

use proptest::prelude::*;

use super::*;
use crate::protocol::fold::identity;
use crate::protocol::names::Name;
use crate::protocol::names::tests::{name, texts};

fn is_taken_for(newcomer: &str, resident: &str, is_near: bool) -> bool {
    let picture = Picture::of(name(newcomer).display(), is_near);
    let resident = name(resident);
    let passes = picture.passes_for(resident.display());
    let has_key = picture.key() == key(resident.display(), is_near);
    assert!(has_key || !passes, "{newcomer} is not looked up beside {resident}");
    passes
}

/// Whether somebody new as `newcomer` would pass for `resident`.
fn passes_for(newcomer: &str, resident: &str) -> bool {
    is_taken_for(newcomer, resident, false)
}

fn is_near(newcomer: &str, resident: &str) -> bool {
    is_taken_for(newcomer, resident, true)
}

#[test]
fn people_of_different_names_are_different_and_both_may_be_here() {
    for (one, other) in [
        ("Lisa", "Ilsa"),
        ("Ali", "All"),
        ("Lisa Becker", "Ilsa Becker"),
        ("LISA BECKER", "Ilsa Becker"),
        ("Anna-Lisa", "Anna-Ilsa"),
        ("AnnaLisa", "AnnaIlsa"),
        ("LARA", "IARA"),
        ("PAUI", "Paul"),
        ("ELİA", "ELLA"),
        ("Pau\u{142}", "Paul"),
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
        assert_ne!(name(one).folded(), name(other).folded(), "{one} {other}");
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
        ("Мr BECKER", "Mr Becker"),
        ("Мr BeCkEr", "Mr Becker"),
        ("PauI MILLER", "Paul Miller"),
        ("PauI MiLLer", "Paul Miller"),
        ("PAUL MiIler", "Paul Miller"),
        ("pAUI MILLER", "Paul Miller"),
        ("Мs KELLER", "Ms Keller"),
        ("МS Keller", "Ms Keller"),
        ("МCdonald", "McDonald"),
        ("mcdОnald", "McDonald"),
        ("Mclntyre", "McIntyre"),
        ("mclntyre", "McIntyre"),
        ("НAnna", "HAnna"),
        ("НAnNa", "Hanna"),
        ("Ana MElER", "Ana Meier"),
        ("aIi", "ALi"),
        ("Ali", "AIi"),
        ("STRАSSE", "Straße"),
        ("γιώργoσ", "ΓΙΏΡΓΟΣ"),
        ("γιώργoς", "ΓΙΏΡΓΟΣ"),
        ("KİМ", "Kim"),
        ("ϺODERN", "Modern"),
        ("МODEM", "Modem"),
        ("Ir\u{456}\u{307}s", "Iris"),
        ("Benj\u{307}amin", "Benjamin"),
        ("Ben\u{458}\u{307}amin", "Benjamin"),
        ("BenJ\u{430}min", "Benj\u{307}amin"),
        ("Ben\u{3F3}\u{307}\u{307}amin", "Benjamin"),
        ("Fi\u{323}\u{307}n", "Fi\u{323}n"),
        ("ʝ\u{307}o", "ʝo"),
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
fn near_a_host_symbols_and_lines_do_not_count() {
    for newcomer in [
        "Mr Becker ✓",
        "✓Mr Becker",
        "Mr Becker\u{332}",
        "Mr B\u{336}ecker",
        "M\u{305}r Becker",
        "Mr Becker®",
        "Mr Becker €",
        "Mr Becker👑",
        "Mr Becker 🇩🇪",
        "Мr BECKER ★",
        "Mr Becker\u{20DD}",
        "Mr + Becker",
    ] {
        assert!(is_near(newcomer, "Mr Becker"), "{newcomer}");
        assert!(!passes_for(newcomer, "Mr Becker"), "{newcomer}");
        assert!(is_near("Mr Becker", newcomer), "{newcomer}");
    }
    for (newcomer, resident) in
        [("Guðrún", "Gurún"), ("Ξenia", "enia"), ("Mr Beckér", "Mr Becker"), ("🦊", "🐙")]
    {
        assert!(!is_near(newcomer, resident) && !is_near(resident, newcomer), "{newcomer}");
    }
    assert!(is_near("GUÐRÚN", "Guðrún") && is_near("Guðrún", "GUÐRÚN"));
}

#[test]
fn no_letter_of_any_script_changes_its_key_with_its_case() {
    for c in ('\u{41}'..CASELESS).filter(|c| case_of(*c).is_some() && !is_mark(*c)) {
        let letter = c.encode_utf8(&mut [0; 4]).to_owned();
        if letter.nfkd().eq([c]) {
            for spelling in spellings(&letter) {
                for is_near in [false, true] {
                    let (one, other) =
                        (key(&format!("q{letter}"), is_near), key(&format!("q{spelling}"), is_near));
                    assert_eq!(one, other, "{letter} {spelling}");
                }
                assert_eq!(identity(&spelling), identity(&letter), "{letter} {spelling}");
            }
        }
    }
}

/// Characters of other scripts that are drawn as these letters are, in this case.
const TWINS: [(char, char); 34] = [
    ('A', 'А'),
    ('B', 'В'),
    ('C', 'С'),
    ('E', 'Е'),
    ('H', 'Н'),
    ('I', 'І'),
    ('J', 'Ј'),
    ('K', 'К'),
    ('M', 'М'),
    ('N', 'Ν'),
    ('O', 'О'),
    ('P', 'Р'),
    ('S', 'Ѕ'),
    ('T', 'Т'),
    ('X', 'Х'),
    ('Y', 'Υ'),
    ('Z', 'Ζ'),
    ('a', 'а'),
    ('c', 'с'),
    ('e', 'е'),
    ('i', 'і'),
    ('j', 'ј'),
    ('o', 'о'),
    ('p', 'р'),
    ('s', 'ѕ'),
    ('x', 'х'),
    ('y', 'у'),
    ('v', 'ν'),
    ('u', 'υ'),
    ('h', 'һ'),
    ('d', 'ԁ'),
    ('q', 'ԛ'),
    ('w', 'ԝ'),
    ('l', 'ӏ'),
];

fn twin_of(c: char) -> Option<char> {
    TWINS.iter().find(|(own, _)| *own == c).map(|(_, twin)| *twin)
}

/// A text with each letter in the case, and as the twin, that the dice say.
fn disguised(text: &str, dice: &[(bool, bool)]) -> String {
    let letters = text.chars().zip(dice.iter().cycle());
    letters
        .map(|(c, (is_capital, is_twin))| {
            let c = if *is_capital { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
            twin_of(c).filter(|_| *is_twin).unwrap_or(c)
        })
        .collect()
}

/// A word as people write it, with the twins within ASCII that the dice say.
fn written(word: &str, way: u8, dice: &[bool]) -> String {
    let word = match way {
        0 => word.to_lowercase(),
        1 => word.to_uppercase(),
        _ => word[..1].to_uppercase() + &word[1..].to_lowercase(),
    };
    let twin = |c: char| match c {
        'l' => 'I',
        'I' => 'l',
        'O' => '0',
        c => c,
    };
    word.chars().zip(dice.iter().cycle()).map(|(c, is_twin)| if *is_twin { twin(c) } else { c }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1024) })]

    #[test]
    fn no_case_hides_a_letter_of_another_script(
        text in "[A-Za-z]{1,10}( [A-Za-z]{1,10})?",
        dice in prop::collection::vec((any::<bool>(), any::<bool>()), 24),
    ) {
        let newcomer = disguised(&text, &dice);
        prop_assert!(passes_for(&newcomer, &text), "{} {}", newcomer, text);
        let adorned = newcomer + " ✓";
        prop_assert!(is_near(&adorned, &text));
    }

    #[test]
    fn no_usual_case_of_a_word_hides_a_letter_of_ascii(
        words in prop::collection::vec(("[A-Za-z]{1,8}", 0..3_u8), 1..4),
        dice in prop::collection::vec(any::<bool>(), 9),
    ) {
        let resident: Vec<&str> = words.iter().map(|(word, _)| &**word).collect();
        let newcomer: Vec<String> = words.iter().map(|(word, way)| written(word, *way, &dice)).collect();
        let (newcomer, resident) = (newcomer.join(" "), resident.join(" "));
        prop_assert!(passes_for(&newcomer, &resident), "{} {}", newcomer, resident);
    }

    #[test]
    fn everybody_passes_for_who_they_are(text in texts()) {
        if let Ok(name) = Name::parse(&text) {
            for is_near in [false, true] {
                prop_assert!(is_taken_for(name.display(), name.display(), is_near), "{}", name);
            }
        }
    }

    #[test]
    fn a_dot_on_a_letter_with_a_dot_is_not_seen(text in "[a-z]{0,5}[ijіјϳʝ][a-z]{0,5}") {
        let dotted: String =
            text.chars().flat_map(|c| [Some(c), "ijіјϳʝ".contains(c).then_some(DOT_ABOVE)]).flatten().collect();
        prop_assert!(passes_for(&dotted, &text) && passes_for(&text, &dotted), "{}", text);
    }

    #[test]
    fn ascii_looks_the_same_by_the_short_way(text in "[ -~]{0,40}", is_near: bool) {
        let drawn: String = letters(&text).iter().map(|letter| draw(letter)).collect();
        prop_assert_eq!(drawn, skeleton(&text).collect::<String>());
        prop_assert_eq!(key(&text, is_near), Picture::of(&text, is_near).key);
    }

    #[test]
    fn who_is_taken_for_somebody_is_looked_up_beside_them(one in texts(), other in texts()) {
        if let (Ok(one), Ok(other)) = (Name::parse(&one), Name::parse(&other)) {
            passes_for(one.display(), other.display());
            is_near(one.display(), other.display());
        }
    }
}
