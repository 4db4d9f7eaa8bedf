//! What the page says, a catalogue a language, put into the page before it is sent; pure.
//!
//! `en.json` is the source, and says in its first line how another language is added.

use serde_json::{Map, Value};

const ENGLISH: &str = include_str!("en.json");

/// The key of the line that is for people.
const ADVICE: &str = "how to add a language";

/// The sentences of one language by their keys: a text, or its forms by CLDR's plural categories.
#[derive(Debug)]
pub(crate) struct Catalogue(Map<String, Value>);

impl Catalogue {
    pub(crate) fn english() -> Catalogue {
        let mut sentences: Map<String, Value> = serde_json::from_str(ENGLISH).expect("a catalogue is JSON");
        sentences.remove(ADVICE);
        Catalogue(sentences)
    }

    /// The page with what it has in double braces: this catalogue's text under that key, its tag, or all of it as JSON.
    pub(crate) fn put_into(&self, page: &str) -> String {
        let mut filled = String::with_capacity(page.len() + 16 * 1024);
        let mut parts = page.split("{{");
        filled.extend(parts.next());
        for part in parts {
            match part.split_once("}}").and_then(|(key, rest)| Some((self.value(key)?, rest))) {
                Some((value, rest)) => filled.extend([&value, rest]),
                None => filled.extend(["{{", part]),
            }
        }
        filled
    }

    fn value(&self, key: &str) -> Option<String> {
        match key {
            "lang" => Some("en".to_owned()),
            // No end of the element around it.
            "words" => serde_json::to_string(&self.0).ok().map(|json| json.replace('<', "\\u003c")),
            key => self.0.get(key)?.as_str().map(escaped),
        }
    }
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
        let sentences = json!({"a.b": "Tom & <Ben>", "language.direction": "rtl", "c": {"other": "{count}"}});
        let Value::Object(sentences) = sentences else { unreachable!("an object") };
        let page = "<p lang=\"{{lang}}\" dir=\"{{language.direction}}\">{{a.b}}<script>{{words}}</script>{{c}} {{ x }} {{";
        assert_eq!(
            Catalogue(sentences).put_into(page),
            "<p lang=\"en\" dir=\"rtl\">Tom &amp; &lt;Ben><script>{\"a.b\":\"Tom & \\u003cBen>\",\"c\":{\"other\":\"{count}\"},\
             \"language.direction\":\"rtl\"}</script>{{c}} {{ x }} {{"
        );
    }
}
