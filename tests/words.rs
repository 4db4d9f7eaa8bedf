//! The page's sentences: all of them in one table, where they can be read one after another and translated.

const PAGE: &str = include_str!("../index.html");

/// Names of the web's, and the room's title until it has one.
const NO_WORDS: [&str; 12] = [
    "ArrowDown",
    "ArrowUp",
    "Chat",
    "Content-Type",
    "Enter",
    "Escape",
    "JSON",
    "Notification",
    "Retry-After",
    "noopener noreferrer",
    "quiet show",
    "wrong problem",
];

/// The markup before the script, without what is for browsers in which no script runs.
fn markup() -> String {
    let body = PAGE.split_once("<body>").and_then(|(_, body)| body.split_once("<script>")).expect("a body").0;
    let mut kept = body.to_owned();
    for (open, close) in [("<!--", "-->"), ("<p id=\"too-old\"", "</p>"), ("<noscript>", "</noscript>")] {
        while let Some(begin) = kept.find(open) {
            let end = kept[begin..].find(close).expect("its end") + close.len();
            kept.replace_range(begin..begin + end, "");
        }
    }
    kept
}

/// The last script, in three parts: before the table of words, the table, and the rest.
fn script() -> [&'static str; 3] {
    let script = PAGE.rsplit_once("<script>").expect("a script").1;
    let (before, rest) = script.split_once("const WORDS = {").expect("the table of words");
    let (words, after) = rest.split_once("\n};").expect("its end");
    [before, words, after]
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
fn every_sentence_of_the_page_stands_in_its_table_of_words() {
    let markup = markup();
    let texts = markup.split('>').filter_map(|part| part.split('<').next());
    let strays: Vec<&str> = texts
        .map(str::trim)
        .filter(|text| text.chars().filter(|c| c.is_alphabetic()).count() > 1 && !NO_WORDS.contains(text))
        .collect();
    assert!(strays.is_empty(), "in the markup: {strays:#?}");
    for attribute in [" aria-label=\"", " alt=\"", " placeholder=\"", " title=\""] {
        assert!(!markup.contains(attribute), "{attribute} in the markup: the table has words for it");
    }
    let [before, _, after] = script();
    let strays: Vec<String> = literals(before)
        .into_iter()
        .chain(literals(after))
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

#[test]
fn what_the_markup_asks_for_is_in_the_table_and_all_of_that_is_asked_for() {
    let [_, words, after] = script();
    let page =
        words.split_once("page: {").and_then(|(_, page)| page.split_once("\n\t},")).expect("its part").0;
    let has = |key: &str| page.contains(&format!("{key}: '"));
    let (mut asked, markup) = (Vec::new(), markup());
    for kind in ["data-say=\"", "data-aria-label=\"", "data-alt=\"", "data-placeholder=\""] {
        asked.extend(markup.split(kind).skip(1).map(|rest| rest.split('"').next().unwrap_or_default()));
    }
    assert!(asked.len() > 50, "{asked:?}");
    for key in &asked {
        assert!(has(key), "no words for {key}");
    }
    for key in page.split("', ").flat_map(|part| part.split("',\n")).filter_map(|part| part.split_once(": '"))
    {
        let key = key.0.trim();
        let said = [format!("WORDS.page.{key}"), format!("'{key}'"), format!("{{ {key}, ")];
        let used = asked.contains(&key) || said.iter().any(|way| after.contains(way));
        assert!(used, "nobody says {key}");
    }
}
