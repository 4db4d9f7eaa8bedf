//! What the page says, a catalogue a language, put into the page before it is sent; pure.
//!
//! `en.json` is the source, and says in its first line how another language is added; [`choice`] is about which of them a
//! visitor gets.

mod choice;

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::OnceLock;

use flate2::read::DeflateDecoder;
use serde_json::{Map, Value};

use crate::protocol::Reason;

pub(crate) use choice::{chosen, kept};

// `CATALOGUES`, each by its tag, as `pack.rs` has packed them, and the place of the English one among them, `ENGLISH`.
include!(concat!(env!("OUT_DIR"), "/catalogues.rs"));

/// One of the languages that the page speaks, as a place in [`CATALOGUES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Language(usize);

impl Language {
    pub(crate) const COUNT: usize = CATALOGUES.len();
    pub(crate) const ENGLISH: Language = Language(ENGLISH);

    /// The language of exactly this tag, in any case.
    pub(crate) fn of(tag: &str) -> Option<Language> {
        CATALOGUES.iter().position(|(known, _)| known.eq_ignore_ascii_case(tag)).map(Language)
    }

    pub(crate) fn all() -> impl Iterator<Item = Language> {
        (0..Language::COUNT).map(Language)
    }

    pub(crate) fn index(self) -> usize {
        self.0
    }

    pub(crate) fn tag(self) -> &'static str {
        CATALOGUES[self.0].0
    }

    /// This page with what it has in double braces: the language's text under that key (or that of `page`), its tag, all of its
    /// sentences as JSON, or what can be chosen in place of it.
    pub(crate) fn put_into(self, page: &str) -> String {
        filled(page, self.tag(), &self.sentences())
    }

    /// The sentence of a reason that names nothing, for somebody who has no page that would say it.
    pub(crate) fn sentence_of(self, reason: &Reason) -> String {
        static REASONS: [OnceLock<Map<String, Value>>; Language::COUNT] =
            [const { OnceLock::new() }; Language::COUNT];
        let reasons = REASONS[self.index()].get_or_init(|| {
            self.sentences().into_iter().filter(|(key, _)| key.starts_with("reason.")).collect()
        });
        let key = serde_json::to_value(reason)
            .ok()
            .and_then(|told| Some(format!("reason.{}", told["reason"].as_str()?)));
        let own = key.and_then(|key| reasons.get(&key)?.as_str());
        own.map_or_else(|| reason.to_string(), str::to_owned)
    }

    /// What somebody with this role is called who has no name.
    pub(crate) fn nameless(self, role: &str) -> String {
        let word = self.sentences().remove(&format!("role.{role}"));
        word.as_ref().and_then(Value::as_str).unwrap_or(role).to_owned()
    }

    /// Its sentences by their keys, in English where it lacks one: a text, or its forms by CLDR's plural categories.
    fn sentences(self) -> Map<String, Value> {
        let mut sentences = english();
        if self != Language::ENGLISH {
            let own: Vec<Value> = serde_json::from_str(&unpacked(CATALOGUES[self.0].1)).expect("a list");
            for (sentence, own) in sentences.values_mut().zip(own) {
                *sentence = if own.is_null() { sentence.take() } else { own };
            }
        }
        sentences
    }
}

/// What `pack.rs` has compressed.
pub(crate) fn unpacked(packed: &[u8]) -> String {
    let mut text = String::new();
    DeflateDecoder::new(packed).read_to_string(&mut text).expect("what was packed is text");
    text
}

fn english() -> Map<String, Value> {
    serde_json::from_str(&unpacked(CATALOGUES[ENGLISH].1)).expect("sentences by their keys")
}

fn filled(page: &str, tag: &str, sentences: &Map<String, Value>) -> String {
    let mut filled = String::with_capacity(page.len() + 32 * 1024);
    let mut parts = page.split("{{");
    filled.extend(parts.next());
    for part in parts {
        let value = |key: &str| match key {
            "lang" => Some(tag.to_owned()),
            "words" => Some(as_json(sentences)),
            "languages" => Some(Language::all().map(option).collect()),
            key => {
                sentences.get(key).or_else(|| sentences.get(&format!("page.{key}")))?.as_str().map(escaped)
            }
        };
        match part.split_once("}}").and_then(|(key, rest)| Some((value(key)?, rest))) {
            Some((value, rest)) => filled.extend([&value, rest]),
            None => filled.extend(["{{", part]),
        }
    }
    filled
}

/// What the script says, by group: what stands in the markup alone (`page`, `start`) it need not know.
fn as_json(sentences: &Map<String, Value>) -> String {
    let (mut groups, mut said) = (BTreeMap::<&str, Map<String, Value>>::new(), Map::new());
    for (key, sentence) in sentences {
        match key.split_once('.') {
            Some(("page" | "start" | "language", _)) => {}
            Some((group, name)) => {
                drop(groups.entry(group).or_default().insert(name.to_owned(), sentence.clone()))
            }
            None => drop(said.insert(key.clone(), sentence.clone())),
        }
    }
    said.extend(groups.into_iter().map(|(group, sentences)| (group.to_owned(), sentences.into())));
    // No end of the element around it.
    serde_json::to_string(&said).unwrap_or_default().replace('<', "\\u003c")
}

/// A language under its own name, to be chosen.
fn option(language: Language) -> String {
    let tag = language.tag();
    let sentences = language.sentences();
    let name = sentences["language.name"].as_str().unwrap_or(tag);
    format!("<option value={tag}>{}", escaped(name))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_catalogue_fills_the_page_and_leaves_what_is_none_of_its_keys() {
        let sentences = json!({"a.b": "Tom & <Ben>", "language.direction": "rtl", "page.d": "D", "c.e": {"other": "{count}"}});
        let Value::Object(sentences) = sentences else { unreachable!("an object") };
        let page = "<p lang=\"{{lang}}\" dir=\"{{language.direction}}\">{{a.b}}{{d}}<script>{{words}}</script>{{c}} {{ x }} {{";
        assert_eq!(
            filled(page, "he", &sentences),
            "<p lang=\"he\" dir=\"rtl\">Tom &amp; &lt;Ben>D<script>{\"a\":{\"b\":\"Tom & \\u003cBen>\"},\"c\":{\"e\":{\"other\":\"{count}\"}}}</script>{{c}} {{ x }} {{"
        );
    }

    #[test]
    fn a_reason_has_its_sentence_in_each_language_or_the_protocols() {
        let german = Language::of("de").expect("German");
        let full = Reason::RoomFull;
        assert_eq!(
            german.sentence_of(&full),
            "Der Raum ist voll. Sein Host kann mehr erlauben: --max-clients"
        );
        assert_eq!(Language::ENGLISH.sentence_of(&full), full.to_string());
        assert_eq!(german.sentence_of(&Reason::BodyNotJson), Reason::BodyNotJson.to_string(), "for programs");
    }

    #[test]
    fn each_language_is_offered_under_its_own_name() {
        assert_eq!((Language::ENGLISH.tag(), Language::of("EN")), ("en", Some(Language::ENGLISH)));
        let options = Language::ENGLISH.put_into("<select>{{languages}}</select>");
        assert!(options.contains("<option value=de>Deutsch<"), "{options}");
        assert_eq!(options.matches("<option").count(), Language::COUNT);
    }
}
