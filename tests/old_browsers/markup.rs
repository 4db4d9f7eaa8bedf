//! The page's elements, their attributes, its media queries and the events that it listens to, against the same data.

use super::{OLDEST, PAGE, STYLE, data, features, is_newer, script, words};
use serde_json::Value;
use std::collections::BTreeSet;

/// Newer ones that are used all the same: without them nothing is missing.
const NICETIES: [&str; 12] = [
    "<b translate>", // Firefox translates pages since it knows the attribute
    "<bdi translate>",
    "<datalist translate>",
    "<input autocapitalize>",
    "<p translate>",
    "<span translate>",
    "forced-colors",
    "fullscreenchange", // behind `fullscreenEnabled`
    "touchcancel",      // where there is a finger
    "touchend",
    "touchmove",
    "touchstart",
];

/// Names of the page's own that newer events have, too.
const OWN: [&str; 6] = ["active", "connect", "connecting", "location", "paint", "search"];

/// The page's markup, without its scripts and comments.
fn markup(page: &str) -> String {
    let mut text = page.to_owned();
    for (begin, end) in [("<!--", "-->"), ("<script>", "</script>"), ("<style>", "</style>")] {
        while let Some(from) = text.find(begin) {
            let length = text[from..].find(end).expect("an end") + end.len();
            text.replace_range(from..from + length, "");
        }
    }
    text
}

/// Each tag of the markup with its attributes, `name="value"` or a name alone.
fn tags(markup: &str) -> Vec<(String, Vec<String>)> {
    let openings =
        markup.split('<').skip(1).filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
    openings
        .map(|rest| {
            let mut is_quoted = false;
            let end = rest.find(|c: char| {
                is_quoted ^= c == '"';
                c == '>' && !is_quoted
            });
            let tag = &rest[..end.expect("a tag has an end")];
            let mut parts = tag.split(|c: char| {
                is_quoted ^= c == '"';
                !is_quoted && (c.is_whitespace() || c == '/')
            });
            let name = parts.next().unwrap_or_default().to_owned();
            (name, parts.filter(|part| !part.is_empty()).map(str::to_owned).collect())
        })
        .collect()
}

/// The newer elements, attributes and types of inputs in this markup.
fn newer_in_markup(data: &Value, markup: &str) -> BTreeSet<String> {
    let mut newer = BTreeSet::new();
    let html = &data["html"];
    for (tag, attributes) in tags(markup) {
        let element = &html["elements"][&tag];
        if element.get("__compat").is_some_and(is_newer) {
            newer.insert(tag.clone());
        }
        for attribute in attributes {
            let (name, value) = attribute.split_once('=').unwrap_or((&attribute, ""));
            let kind = format!("{name}_{}", value.trim_matches('"'));
            for (feature, said) in [(name, name), (&kind, attribute.as_str())] {
                let own = element[feature].get("__compat");
                if own.or(html["global_attributes"][feature].get("__compat")).is_some_and(is_newer) {
                    newer.insert(format!("<{tag} {said}>"));
                }
            }
        }
    }
    newer
}

/// The newer features that this text's media queries ask for: `@media (…)` in a style, `matchMedia('(…)')` in a script.
fn newer_in_media(data: &Value, text: &str) -> BTreeSet<String> {
    let mut newer = BTreeSet::new();
    for (begin, end) in [("@media", '{'), ("matchMedia('", '\'')] {
        for query in text.split(begin).skip(1).filter_map(|rest| rest.split(end).next()) {
            let names = query.split('(').skip(1).filter_map(|rest| rest.split([':', ')']).next());
            for name in names.map(str::trim) {
                let name = name.trim_start_matches("min-").trim_start_matches("max-");
                let feature = &data["css"]["at-rules"]["media"][name];
                // What is a comparison, or known to nobody, is newer than anything.
                if feature.get("__compat").is_none_or(is_newer) {
                    newer.insert(name.to_owned());
                }
            }
        }
    }
    newer
}

/// The newer events that the script listens to or sends: such as no interface had before.
fn newer_events(data: &Value, script: &str) -> BTreeSet<String> {
    let (mut known, mut newer) = (BTreeSet::new(), BTreeSet::new());
    for interface in data["api"].as_object().expect("interfaces").values() {
        for (name, compat) in features(interface) {
            if let Some(event) = name.strip_suffix("_event") {
                (if is_newer(compat) { &mut newer } else { &mut known }).insert(event.to_owned());
            }
        }
    }
    words(script).into_iter().filter(|word| newer.contains(word) && !known.contains(word)).collect()
}

#[test]
fn markup_media_queries_and_events_are_known_to_the_oldest_browsers() {
    let Some(data) = data() else { return };
    let mut found = newer_in_markup(&data, &markup(PAGE));
    found.extend(newer_in_media(&data, STYLE));
    found.extend(newer_in_media(&data, &script()));
    found.extend(newer_events(&data, &script()));
    for name in OWN {
        assert!(found.remove(name), "{name} is no name of the page's");
    }
    assert_eq!(found, NICETIES.map(str::to_owned).into(), "newer than {OLDEST:?}");
}

#[test]
fn the_search_in_markup_finds_what_it_is_for() {
    let Some(data) = data() else { return };
    let page = "<!-- <search> --><p title=\"a > b\" inert>a</p><search></search><script>a<b</script><button popovertarget=\"x\">
                <input type=\"checkbox\" switch><br/><dialog closedby=\"any\"><svg viewBox=\"0 0 1 1\"><path d=\"M0 0\"/></svg>";
    let found: Vec<String> = newer_in_markup(&data, &markup(page)).into_iter().collect();
    assert_eq!(
        found,
        ["<button popovertarget>", "<dialog closedby>", "<input switch>", "<p inert>", "search"]
    );
    let style = "@media (max-width: 1px), (prefers-reduced-transparency: reduce) { a { b: c } } @media (width >= 1px) { d { e: f } }";
    let found: Vec<String> = newer_in_media(&data, style).into_iter().collect();
    assert_eq!(found, ["prefers-reduced-transparency", "width >= 1px"]);
    let found = newer_in_media(&data, "matchMedia('(pointer: coarse) and (scripting: none)')");
    assert_eq!(found, BTreeSet::from(["scripting".to_owned()]));
    let found =
        newer_events(&data, "on(a, { click: b, scrollend() {} }); c.addEventListener('beforematch', d);");
    assert_eq!(found, ["beforematch", "scrollend"].map(str::to_owned).into());
}
