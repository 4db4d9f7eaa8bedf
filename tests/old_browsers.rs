//! The page's script and style against MDN's data: features that the oldest browsers do not have (the README names them) stand
//! in a check, have an older form before them, or are niceties.

mod markup;

use crate::support::from_npm;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const PAGE: &str = include_str!("../index.html");
const STYLE: &str = include_str!("../src/http/style.css");
const DATA_VERSION: &str = "8.1.9";

/// The oldest browsers in which the page has to work, as the README and the page itself name them.
const OLDEST: [(&str, f64); 3] = [("chrome", 90.0), ("firefox", 98.0), ("safari", 15.4)];

/// Interfaces whose objects the page meets, beside HTML elements and the language's own.
const MET: [&str; 48] = [
    "AbortController",
    "AbortSignal",
    "AudioContext",
    "AudioNode",
    "AudioParam",
    "BaseAudioContext",
    "BroadcastChannel",
    "Clipboard",
    "ClipboardEvent",
    "CloseEvent",
    "CompositionEvent",
    "Crypto",
    "DOMException",
    "DOMRect",
    "DOMRectReadOnly",
    "DOMTokenList",
    "DataTransfer",
    "Document",
    "DocumentFragment",
    "Element",
    "Event",
    "EventTarget",
    "FormData",
    "Headers",
    "History",
    "InputEvent",
    "KeyboardEvent",
    "Location",
    "MediaQueryList",
    "MessageEvent",
    "MouseEvent",
    "Navigator",
    "Node",
    "NodeList",
    "Notification",
    "PageTransitionEvent",
    "Performance",
    "PerformanceNavigationTiming",
    "Range",
    "ResizeObserver",
    "Response",
    "Selection",
    "Storage",
    "UIEvent",
    "URL",
    "URLSearchParams",
    "WebSocket",
    "Window",
];

/// Newer features that are used all the same, each with the piece of the page that makes it harmless.
const CHECKED: [(&str, &str); 10] = [
    ("Intl.Segmenter", "Intl.Segmenter ?"),
    (".Segmenter", "Intl.Segmenter ?"),
    (".toWellFormed", ".toWellFormed?.()"),
    (".inert", "if (knowsInert) node.inert"),
    (".fullscreenEnabled", "hidden = !document.fullscreenEnabled"),
    (".requestFullscreen", "hidden = !document.fullscreenEnabled"),
    (".fullscreenElement", "if (document.fullscreenElement)"),
    (".exitFullscreen", "if (document.fullscreenElement) document.exitFullscreen()"),
    (".isComposing", "event.keyCode === 229"),
    (".cookieEnabled", "navigator.cookieEnabled && taken"), // old, and of little worth alone
];

/// Fields of the page's own, or of what the server sends, that are called as something newer is.
const OWN: [&str; 5] = [".actions", ".at", ".connection", ".role", ".use"];

/// Style that only pleases: without it nothing is missing.
const NICETIES: [&str; 13] = [
    "-webkit-touch-callout", // iOS alone has what it switches off
    ":fullscreen",
    ":has",
    "accent-color",
    "align-self: end", // newer in flex boxes, where it does not stand
    "forced-color-adjust",
    "outline",
    "overflow-anchor",
    "overscroll-behavior",
    "scrollbar-color",
    "scrollbar-gutter",
    "scrollbar-width",
    "text-wrap",
];

/// Syntax that stops a whole script or style where it is not known.
const NEWER_SYNTAX: [&str; 12] = [
    "(?<=",
    "(?<!",
    "static {",
    "await using",
    "#private",
    "import(",
    "light-dark(",
    "color-mix(",
    "@container",
    "@layer",
    "@scope",
    "@starting-style",
];

/// All scripts of the page, without comments.
fn script() -> String {
    let parts: Vec<&str> = PAGE
        .split("<script>")
        .skip(1)
        .map(|rest| rest.split("</script>").next().unwrap_or_default())
        .collect();
    assert!(parts.len() > 1, "the page has scripts");
    // No address stands in the script.
    parts.concat().lines().flat_map(|line| [line.split("// ").next().unwrap_or_default(), "\n"]).collect()
}

/// The page's style, without comments.
fn style() -> String {
    let mut text = STYLE.to_owned();
    while let Some(begin) = text.find("/*") {
        let end = text[begin..].find("*/").map_or(text.len(), |end| begin + end + 2);
        text.replace_range(begin..end, "");
    }
    text
}

/// Whether one of the oldest browsers lacks it, or has only a part of it or another name for it.
fn is_newer(compat: &Value) -> bool {
    let has = |statement: &Value, oldest: f64| {
        let plain = ["flags", "prefix", "alternative_name", "partial_implementation", "version_removed"];
        let is_plain = plain.iter().all(|key| statement.get(key).is_none_or(|value| value == false));
        let version =
            statement["version_added"].as_str().and_then(|v| v.trim_start_matches('≤').parse::<f64>().ok());
        is_plain && version.is_some_and(|version| version <= oldest)
    };
    OLDEST.iter().any(|(browser, oldest)| match &compat["support"][browser] {
        Value::Null => false,
        Value::Array(statements) => !statements.iter().any(|one| has(one, *oldest)),
        one => !has(one, *oldest),
    })
}

/// The features below a node of the data that have a statement of their own.
fn features(node: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let fields = node.as_object().into_iter().flatten();
    fields.filter_map(|(name, feature)| Some((name, feature.get("__compat")?)))
}

/// Names as they stand in a script: `.member`, `Interface.member`, `global`.
fn words(script: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = BTreeSet::new();
    let pieces: Vec<&str> = script.split_inclusive(|c: char| !is_part(c)).collect();
    let mut before = (String::new(), ' ');
    for piece in pieces {
        let word = piece.trim_end_matches(|c: char| !is_part(c));
        let end = piece.chars().last().filter(|&c| !is_part(c)).unwrap_or(' ');
        if !word.is_empty() {
            match before.1 {
                '.' => {
                    words.insert(format!(".{word}"));
                    words.insert(format!("{}.{word}", before.0));
                }
                _ => drop(words.insert(word.to_owned())),
            }
            before = (word.to_owned(), end);
        } else {
            // Dots in a row spread; one after a bracket or a question mark leads to a member.
            let spreads = end == '.' && ['.', '…'].contains(&before.1);
            before = (String::new(), if spreads { '…' } else { end });
        }
    }
    words
}

/// The newer features that the script uses.
fn newer_in_script(data: &Value, script: &str) -> BTreeSet<String> {
    let mut members: BTreeMap<String, bool> = BTreeMap::new();
    let mut newer = BTreeSet::new();
    for (part, is_language) in [(&data["api"], false), (&data["javascript"]["builtins"], true)] {
        for (interface, node) in part.as_object().expect("interfaces") {
            if node.get("__compat").is_some_and(is_newer) {
                newer.insert(interface.clone());
            }
            let is_met = is_language || MET.contains(&interface.as_str()) || interface.starts_with("HTML");
            for (name, compat) in features(node).filter(|(name, _)| !name.ends_with("_event")) {
                let is_static = name.ends_with("_static");
                let name = name.trim_end_matches("_static");
                if is_newer(compat) && (is_static || is_language) {
                    newer.insert(format!("{interface}.{name}"));
                }
                if is_met && !is_static {
                    *members.entry(format!(".{name}")).or_insert(true) &= is_newer(compat);
                }
            }
        }
    }
    newer.extend(members.into_iter().filter_map(|(name, is_newer)| is_newer.then_some(name)));
    words(script).intersection(&newer).cloned().collect()
}

/// A style's rules, but for those behind a check: what stands before the innermost braces, and the declarations in them.
fn rules(style: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut rules = Vec::new();
    for block in style.split('}') {
        let mut parts = block.rsplit('{');
        let (Some(body), Some(selector)) = (parts.next(), parts.next()) else { continue };
        if parts.next().is_some_and(|check| check.trim().starts_with("@supports")) {
            continue;
        }
        let declarations = body.split(';').filter_map(|one| one.split_once(':'));
        let declarations =
            declarations.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect();
        rules.push((selector.trim().to_owned(), declarations));
    }
    rules
}

/// The newer parts of a declaration: the property, one of its words, or a unit.
fn newer_in_declaration(data: &Value, name: &str, value: &str) -> Vec<String> {
    let property = &data["css"]["properties"][name];
    let mut newer = Vec::new();
    if property.get("__compat").is_some_and(is_newer) {
        newer.push(name.to_owned());
    }
    let tokens: Vec<&str> = value.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '.')).collect();
    for (word, compat) in features(property) {
        let is_used = tokens.contains(&word.as_str()) || (word == "alt_text" && value.contains(" / "));
        if is_used && is_newer(compat) {
            newer.push(format!("{name}: {word}"));
        }
    }
    let has_unit = |unit: &str| {
        tokens.iter().any(|token| token.strip_suffix(unit).is_some_and(|n| n.parse::<f64>().is_ok()))
    };
    newer.extend(
        ["dvh", "svh", "lvh", "dvw", "lh", "rlh", "cqw", "cqi"]
            .into_iter()
            .filter(|unit| has_unit(unit))
            .map(str::to_owned),
    );
    newer
}

/// The newer features that the style uses without an older form before them in the same rule.
fn newer_in_style(data: &Value, style: &str) -> BTreeSet<String> {
    let mut newer = BTreeSet::new();
    for (selector, declarations) in rules(style) {
        for (index, (name, value)) in declarations.iter().enumerate() {
            let found = newer_in_declaration(data, name, value);
            let is_older = |(earlier, value): &(String, String)| {
                *earlier == format!("-webkit-{name}")
                    || (earlier == name && newer_in_declaration(data, name, value).is_empty())
            };
            // With a variable in it, one that is not known takes the older form's place all the same.
            if value.contains("var(") || !declarations[..index].iter().any(is_older) {
                newer.extend(found);
            }
        }
        let pseudo = selector
            .split(':')
            .skip(1)
            .filter_map(|rest| rest.split(|c: char| !(c.is_alphanumeric() || c == '-')).next());
        for name in pseudo.filter(|name| data["css"]["selectors"][name].get("__compat").is_some_and(is_newer))
        {
            newer.insert(format!(":{name}"));
        }
    }
    newer
}

fn data() -> Option<Value> {
    let text = from_npm("@mdn/browser-compat-data", DATA_VERSION, "data.json")?;
    Some(serde_json::from_str(&text).expect("JSON"))
}

#[test]
fn what_is_newer_than_the_oldest_browsers_is_checked_for() {
    let Some(data) = data() else { return };
    let script = script();
    let mut found = newer_in_script(&data, &script);
    for name in OWN {
        found.remove(name);
    }
    assert!(!script.contains(".at("), "the list's own `.at` is newer: only fields are called so");
    let checked: BTreeSet<String> = CHECKED.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(found, checked, "newer than {OLDEST:?}");
    for (name, check) in CHECKED {
        assert!(script.contains(check), "{name} stands behind `{check}`");
    }
    // Set together with others, a property that is no attribute there.
    for (number, line) in (1..).zip(PAGE.lines()).filter(|(_, line)| line.contains("make(")) {
        assert!(!line.contains(" role:") && !line.contains(" aria"), "{number}: {line}");
    }
}

#[test]
fn style_that_is_newer_has_an_older_form_or_only_pleases() {
    let Some(data) = data() else { return };
    let style = style();
    let niceties: BTreeSet<String> = NICETIES.map(str::to_owned).into();
    let found = newer_in_style(&data, &style);
    let pleases = |name: &String| {
        niceties.contains(name) || niceties.contains(name.split(':').next().unwrap_or_default())
    };
    let missing: Vec<&String> = found.iter().filter(|name| !pleases(name)).collect();
    assert!(missing.is_empty(), "newer than {OLDEST:?}: {missing:?}");
    assert!(!style.contains("100vh"), "on Android a part of that lies under the address bar");
    for (selector, declarations) in rules(&style) {
        let shade = selector.contains("::backdrop");
        assert!(
            !shade || declarations.iter().all(|(_, value)| !value.contains("var(")),
            "{selector} inherits none"
        );
        // Where one selector of a list is not known, the whole rule is dropped.
        assert!(!(selector.contains(":has(") && selector.contains(',')), "{selector}");
        let of = |wanted: &str| declarations.iter().filter(|(name, _)| name == wanted).count();
        assert_eq!(of("user-select"), of("-webkit-user-select"), "{selector}: Safari knows only the prefix");
    }
}

#[test]
fn no_syntax_stops_the_page_where_it_is_not_known() {
    for newer in NEWER_SYNTAX {
        assert!(!script().contains(newer) && !style().contains(newer), "{newer}");
    }
    // The first script runs everywhere.
    let (_, first) = PAGE.split_once("<script>").expect("a script");
    let (first, _) = first.split_once("</script>").expect("its end");
    let first: Vec<&str> = first.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let first = first.concat();
    for newer in ["const ", "let ", "=>", "`", "?.", "??", "...", "class ", "catch {"] {
        assert!(!first.contains(newer), "{newer} in the lines for browsers that know nothing of it");
    }
}

#[test]
fn the_readme_and_the_page_name_the_same_browsers() {
    let words = ["90", "98", "15.4"];
    let readme = include_str!("../README.md");
    let line = |text: &str| {
        text.lines().find(|line| words.iter().all(|word| line.contains(word))).map(str::to_owned)
    };
    let english = include_str!("../src/http/languages/en.json");
    assert!(line(readme).is_some() && line(english).is_some());
}

#[test]
fn the_search_finds_what_it_is_for() {
    let Some(data) = data() else { return };
    let script = "a.at(-1); Object.hasOwn(b, c); d.signal = AbortSignal.timeout(5); e.ariaPressed = true; [...f.keys()];
                  new WebSocket(g); h?.hidden; structuredClone(i); j.findLast(k); l.toSorted();";
    let found: Vec<String> = newer_in_script(&data, script).into_iter().collect();
    assert_eq!(
        found,
        [
            ".ariaPressed",
            ".at",
            ".findLast",
            ".hasOwn",
            ".toSorted",
            "AbortSignal.timeout",
            "Object.hasOwn",
            "structuredClone"
        ]
    );
    let style = "p { translate: 0 -50%; color: red } a:has(b) { overflow: clip } @media (x) { c { overflow: hidden; overflow: clip } }
                 d { height: 100dvh } e { height: 9vh; height: 9dvh } f::before { content: 'x' / '' } g:hover { -webkit-user-select: all; user-select: all }";
    let found: Vec<String> = newer_in_style(&data, style).into_iter().collect();
    assert_eq!(found, [":has", "content: alt_text", "dvh", "overflow: clip", "translate"]);
    let style = "a { height: calc(9vh - var(--b)); height: calc(9dvh - var(--b)) }";
    assert_eq!(newer_in_style(&data, style), BTreeSet::from(["dvh".to_owned()]));
    let style = "a { height: 9vh } @supports (height: 9dvh) { a { height: 9dvh } }";
    assert_eq!(newer_in_style(&data, style), BTreeSet::new());
}
