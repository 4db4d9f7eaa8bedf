//! The page's sentences: all of them in a catalogue for each language, where they can be read one after another and
//! translated.

use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

const PAGE: &str = include_str!("../index.html");
const ENGLISH: &str = include_str!("../src/http/languages/en.json");
const REASONS: &str = include_str!("../src/protocol/reason.rs");
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/languages");

/// The plural categories of whole numbers by language, as CLDR has them. The `many` that French, Spanish, Italian and
/// Portuguese have for millions is not counted up to here. With `=`, a category is of one number alone, which words may name.
const CATEGORIES: [(&str, &str); 33] = [
    ("ar", "=zero =one =two few many other"),
    ("bn", "one other"),
    ("cs", "=one few other"),
    ("da", "=one other"),
    ("de", "=one other"),
    ("el", "=one other"),
    ("en", "=one other"),
    ("es", "=one other"),
    ("fa", "one other"),
    ("fi", "=one other"),
    ("fr", "one other"),
    ("he", "=one =two other"),
    ("hi", "one other"),
    ("hu", "=one other"),
    ("id", "other"),
    ("it", "=one other"),
    ("ja", "other"),
    ("ko", "other"),
    ("nb", "=one other"),
    ("nl", "=one other"),
    ("pl", "=one few many other"),
    ("pt-BR", "one other"),
    ("pt-PT", "=one other"),
    ("ro", "=one few other"),
    ("ru", "one few many other"),
    ("sv", "=one other"),
    ("sw", "=one other"),
    ("th", "other"),
    ("tr", "=one other"),
    ("uk", "one few many other"),
    ("vi", "other"),
    ("zh-Hans", "other"),
    ("zh-Hant", "other"),
];

/// Reasons that the page cannot meet, or shows in words of its own, and how that comes.
const FOR_PROGRAMS: [(&str, &str); 24] = [
    ("action_needs_username", "its fields say whom"),
    ("action_unknown", "it names what there is"),
    ("address_unknown", "it asks at those that there are"),
    ("body_invalid", "its forms fill in all"),
    ("body_not_json", "it sends nothing else"),
    ("delete_without_name", "without a name nothing can be deleted"),
    ("event_invalid", "it writes them whole"),
    ("event_not_an_object", "it writes them whole"),
    ("event_unknown", "it names what there is"),
    ("join_without_username", "it has one, or asks for one"),
    ("key_changed", "it keeps them while it is open"),
    ("key_invalid", "it makes them as they have to be"),
    ("limit_out_of_range", "it asks for as many as it may"),
    ("message_id_length", "all of its ids are as long"),
    ("message_id_reused", "none comes twice"),
    ("method_not_allowed", "it asks as it has to"),
    ("minutes_out_of_range", "it offers what there is"),
    ("origin_missing", "browsers send it"),
    ("question_too_long", "the field ends before"),
    ("raise_without_name", "without a name nobody raises a hand"),
    ("search_too_long", "the field ends before"),
    ("send_without_name", "without a name nothing can be written"),
    ("slow_mode_out_of_range", "it offers what there is"),
    ("too_fast", "it says that what comes next waits"),
];

/// Names of the web's, and the room's title until it has one.
const NO_WORDS: [&str; 15] = [
    "ArrowDown",
    "ArrowLeft",
    "ArrowRight",
    "ArrowUp",
    "Chat",
    "Content-Type",
    "Enter",
    "Escape",
    "JSON",
    "Notification",
    "Retry-After",
    "Tab",
    "noopener noreferrer",
    "quiet show",
    "wrong problem",
];

/// The markup before the script, without comments and what the server fills in.
fn markup() -> String {
    let body = PAGE.split_once("<body>").and_then(|(_, body)| body.split_once("<script")).expect("a body").0;
    let mut kept = body.to_owned();
    for (open, close) in [("<!--", "-->"), ("{{", "}}")] {
        while let Some(begin) = kept.find(open) {
            let end = kept[begin..].find(close).expect("its end") + close.len();
            kept.replace_range(begin..begin + end, "");
        }
    }
    kept
}

/// The last script: all of the page's but its first steps.
fn script() -> &'static str {
    PAGE.rsplit_once("<script>").expect("a script").1
}

/// The sentences of the source.
fn english() -> Map<String, Value> {
    serde_json::from_str(ENGLISH).expect("JSON")
}

/// The literals of a piece of script, without comments.
fn literals(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in code.lines() {
        let mut rest = line;
        while let Some(begin) = rest.find(['\'', '`', '/']) {
            let (quote, tail) = (&rest[begin..=begin], &rest[begin + 1..]);
            if quote == "/" {
                if tail.starts_with('/') {
                    break; // the rest is a comment
                }
                rest = tail;
                continue;
            }
            let Some(end) = tail.find(quote) else { break };
            found.push(tail[..end].to_owned());
            rest = &tail[end + 1..];
        }
    }
    found
}

/// Whether somebody would read it: a capitalized word, two words, or what ends as sentences do.
fn reads_like_words(text: &str) -> bool {
    let letters = |word: &str| word.len() > 1 && word.chars().all(char::is_alphabetic);
    let words: Vec<&str> = text.split(' ').collect();
    let first = text.chars().next().is_some_and(char::is_uppercase)
        && text.chars().nth(1).is_some_and(char::is_lowercase);
    let two = words.windows(2).any(|pair| letters(pair[0]) && letters(pair[1]));
    let ends = text.ends_with(['.', '!', '?', '…']) && text.chars().any(char::is_alphabetic);
    first || two || ends
}

#[test]
fn every_sentence_of_the_page_stands_in_its_catalogue() {
    let markup = markup();
    let texts = markup.split('>').filter_map(|part| part.split('<').next());
    let strays: Vec<&str> = texts
        .map(str::trim)
        .filter(|text| text.chars().filter(|c| c.is_alphabetic()).count() > 1 && !NO_WORDS.contains(text))
        .collect();
    assert!(strays.is_empty(), "in the markup: {strays:#?}");
    for attribute in [" aria-label=\"", " alt=\"", " placeholder=\"", " title=\""] {
        let mut given = markup.split(attribute).skip(1);
        let stray = given.find(|rest| !rest.starts_with('"'));
        assert_eq!(
            stray.map(|rest| rest.split('"').next()),
            None,
            "{attribute}: the catalogue has words for it"
        );
    }
    let strays: Vec<String> = literals(script())
        .into_iter()
        .filter(|text| reads_like_words(text) && !NO_WORDS.contains(&text.as_str()))
        .filter(|text| !text.starts_with(['.', '#', '[', '<', '(']) && text != "use strict")
        .collect();
    assert!(strays.is_empty(), "in the script: {strays:#?}");
    for (text, is_word) in
        [("Copied", true), ("press it", true), ("offline.", true), ("is-quiet", false), ("live", false)]
    {
        assert_eq!(reads_like_words(text), is_word, "{text}");
    }
}

/// What the page says: the keys in its markup and in the literals of its script, the latter with `${…}` for what is put in.
fn said() -> Vec<String> {
    let keys = PAGE.split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0));
    let keys =
        keys.filter(|key| !["lang", "languages", "style", "words"].contains(key) && !key.contains(' '));
    let mut said: Vec<String> =
        keys.map(|key| if key.contains('.') { key.to_owned() } else { format!("page.{key}") }).collect();
    assert!(said.len() > 50, "{said:?}");
    assert!(!script().contains("'page.") && !script().contains("`page."), "that is the markup's alone");
    let (groups, script) = (groups(), script());
    for (at, quote) in script.match_indices(['\'', '`']) {
        let text = script[at + 1..].split(quote).next().unwrap_or_default();
        let is_key = text.split_once('.').is_some_and(|(group, _)| groups.contains(group));
        if is_key && !text.contains(' ') {
            said.push(text.to_owned());
        }
    }
    said
}

/// Whether a literal of the script is this key, whatever it puts in.
fn means(literal: &str, key: &str) -> bool {
    match literal.split_once("${") {
        None => literal == key,
        Some((head, rest)) => key.strip_prefix(head).is_some_and(|key| {
            let tail = rest.split_once('}').map_or("", |(_, tail)| tail);
            let word = key.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(key.len());
            (1..=word).any(|end| key.is_char_boundary(end) && means(tail, &key[end..]))
        }),
    }
}

/// What stands before the dot.
fn groups() -> BTreeSet<String> {
    english().keys().filter_map(|key| Some(key.split_once('.')?.0.to_owned())).collect()
}

#[test]
fn what_the_page_says_is_in_the_catalogue_and_all_of_that_is_said() {
    let (english, said) = (english(), said());
    for key in said.iter().filter(|key| !key.contains("${")) {
        assert!(english.contains_key(key), "no words for {key}");
    }
    let for_people = |key: &str| key.contains(' ') || key.starts_with("language.");
    let unsaid: Vec<&String> =
        english.keys().filter(|key| !for_people(key) && !said.iter().any(|said| means(said, key))).collect();
    assert!(unsaid.is_empty(), "nobody says {unsaid:#?}");
}

/// All catalogues but the source, by tag.
fn others() -> BTreeMap<String, Map<String, Value>> {
    let files = fs::read_dir(FOLDER).expect("a folder").map(|entry| entry.expect("an entry").path());
    let catalogues = files.filter(|path| path.extension().is_some_and(|it| it == "json"));
    let others = catalogues.filter_map(|path| {
        let tag = path.file_stem().expect("a tag").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("text");
        let catalogue = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{tag}: {error}"));
        (tag != "en").then_some((tag, catalogue))
    });
    others.collect()
}

/// A sentence's forms by their categories; one without any has a single one, without a name.
fn forms(sentence: &Value) -> BTreeMap<&str, &str> {
    match sentence {
        Value::String(text) => BTreeMap::from([("", text.as_str())]),
        Value::Object(forms) => forms
            .iter()
            .map(|(category, text)| (category.as_str(), text.as_str().unwrap_or_default()))
            .collect(),
        _ => BTreeMap::new(),
    }
}

/// What stands in braces.
fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect()
}

/// The forms that this language needs, and whether one is of a single number.
fn needed(tag: &str) -> BTreeMap<&'static str, bool> {
    let known = CATEGORIES.iter().find(|(known, _)| *known == tag);
    let (_, categories) =
        known.unwrap_or_else(|| panic!("{tag} has no line in CATEGORIES: see CLDR's plural rules"));
    categories
        .split(' ')
        .map(|category| (category.trim_start_matches('='), category.starts_with('=')))
        .collect()
}

/// What is wrong with a sentence of a language whose forms are `needed`, compared with the source's.
fn faults(own: &Value, source: &Value, needed: &BTreeMap<&str, bool>) -> Vec<String> {
    let (own, source) = (forms(own), forms(source));
    let single = BTreeMap::from([("", false)]);
    let needed = if source.len() > 1 { needed } else { &single };
    let mut faults = Vec::new();
    if !own.keys().eq(needed.keys()) {
        faults.push(format!("it needs the forms {:?}", needed.keys()));
    }
    let fills = placeholders(source.values().next_back().expect("a form"));
    for (category, text) in own {
        if text.trim().is_empty() || text.trim() != text || text.contains('<') {
            faults.push(format!("'{text}' is no plain text"));
        }
        let mut named = placeholders(text);
        if needed.get(category) == Some(&true) && fills.contains("count") {
            named.insert("count");
        }
        if named != fills {
            faults.push(format!("'{text}' fills in other things than {fills:?}"));
        }
    }
    faults
}

#[test]
fn every_catalogue_is_whole_and_fills_in_what_the_source_does() {
    let english = english();
    for (tag, catalogue) in others() {
        let needed = needed(&tag);
        for key in catalogue.keys() {
            assert!(english.contains_key(key), "{tag}: the source has no {key}");
        }
        for (key, source) in english.iter().filter(|(key, _)| !key.contains(' ')) {
            let own = catalogue.get(key).unwrap_or_else(|| panic!("{tag} lacks {key}: {source}"));
            let faults = faults(own, source, &needed);
            assert!(faults.is_empty(), "{tag}, {key}: {faults:#?}");
        }
        let direction = catalogue["language.direction"].as_str().expect("a direction");
        assert!(["ltr", "rtl"].contains(&direction), "{tag}");
    }
}

#[test]
fn a_form_of_many_numbers_names_which() {
    let source = json!({"one": "{count} new, {meant} for you", "other": "{count} new, {meant} for you"});
    let whole = "{count}, {meant}";
    for (tag, own, is_whole) in [
        ("de", json!({"one": "eine, {meant}", "other": whole}), true),
        ("de", json!({"one": whole, "other": "viele, {meant}"}), false),
        ("de", json!({"one": "eine", "other": whole}), false),
        ("ru", json!({"one": "{meant}", "few": whole, "many": whole, "other": whole}), false),
        ("fr", json!({"one": "une, {meant}", "other": whole}), false),
        ("ja", json!({"other": whole}), true),
        ("ja", json!({"one": whole, "other": whole}), false),
        ("pl", json!({"one": whole, "other": whole}), false),
        ("de", json!(whole), false),
    ] {
        assert_eq!(faults(&own, &source, &needed(tag)).is_empty(), is_whole, "{tag}: {own}");
    }
    let tags: Vec<&str> = CATEGORIES.iter().map(|(tag, _)| *tag).collect();
    assert_eq!(tags, env!("LANGUAGES").split(' ').collect::<Vec<_>>(), "each that there is, and no other");
}

/// The sentences of refusals by their keys, as the protocol has them.
fn reasons() -> BTreeMap<String, String> {
    let list = REASONS.split("\nimpl Reason").next().expect("the list");
    let each = list.split("#[error(").skip(1).map(|rest| {
        let (sentence, rest) =
            rest.trim_start().trim_start_matches('"').split_once("\"").expect("a sentence");
        let variant =
            rest.lines().skip(1).map(str::trim).find(|line| line.starts_with(|c: char| c.is_uppercase()));
        let mut key = String::new();
        for c in variant.expect("a reason").chars().take_while(|c| c.is_alphanumeric()) {
            if c.is_uppercase() && !key.is_empty() {
                key.push('_');
            }
            key.extend(c.to_lowercase());
        }
        (key, sentence.to_owned())
    });
    each.collect()
}

#[test]
fn refusals_stand_in_the_catalogue_as_the_server_says_them() {
    let (english, reasons) = (english(), reasons());
    assert!(reasons.len() > 90, "{reasons:#?}");
    for (key, sentence) in &reasons {
        let listed = english.get(&format!("reason.{key}")).and_then(Value::as_str);
        let is_shown = FOR_PROGRAMS.iter().all(|(known, _)| known != key);
        assert_eq!(listed, is_shown.then_some(sentence.as_str()), "{key}");
    }
    let unshown = FOR_PROGRAMS.iter().map(|(key, _)| *key);
    for key in english.keys().filter_map(|key| key.strip_prefix("reason.")).chain(unshown) {
        assert!(reasons.contains_key(key), "no refusal gives the reason {key}");
    }
}
