//! What the fuzzer found worth keeping, once more; and as many cases again as chance finds in a second.

use super::properties;
use proptest::prelude::*;
use std::fs;
use std::path::Path;

#[test]
fn the_corpus_holds() {
    for (parser, property) in properties::ALL {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(parser);
        let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut cases = 0;
        for file in files {
            let path = file.expect("an entry").path();
            let bytes = fs::read(&path).expect("a file can be read");
            let held = std::panic::catch_unwind(|| property(&bytes));
            assert!(held.is_ok(), "{}: {}", path.display(), bytes.escape_ascii());
            cases += 1;
        }
        assert!(cases >= 20, "{cases} cases for {parser}");
    }
}

/// One of these words, or any text.
fn words(known: &'static [&'static str]) -> impl Strategy<Value = String> {
    let word = prop_oneof![3 => proptest::sample::select(known).prop_map(str::to_owned), 1 => ".{0,6}"];
    proptest::collection::vec(word, 0..24).prop_map(|words| words.concat())
}

const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\"event\":",
    "\"send_message\"",
    "\"join\"",
    "\"typing\"",
    "\"request_history\"",
    "\"delete_message\"",
    "\"moderate\"",
    "\"message\":",
    "\"username\":",
    "\"limit\":",
    "\"client_message_id\":",
    "\"guest_key\":",
    "\"before\":",
    "\"message_id\":",
    "null",
    "true",
    "-1",
    "1e99",
    "18446744073709551616",
    "\\ud83d",
    "\\u0000",
    "\\u200b",
    "\"Ana\"",
];

const EVENTS: &[&str] = &[
    "send_message",
    "join",
    "typing",
    "request_history",
    "search",
    "delete_message",
    "moderate",
    "\\u0000",
    "x\\n",
];

const FIELDS: &[&str] = &[
    "message",
    "username",
    "client_message_id",
    "guest_key",
    "tab_key",
    "before",
    "limit",
    "query",
    "message_id",
    "action",
    "seconds",
    "title",
];

const VALUES: &[&str] = &[
    "0",
    "1",
    "50",
    "201",
    "-1",
    "1e99",
    "18446744073709551616",
    "null",
    "true",
    "[]",
    "{}",
    "\"Ana\"",
    "\"mute\"",
    "\"\\u0000\"",
    "\"\\u202e\"",
    "\"\\ud83d\"",
    "\"",
];

/// An event with any of the fields there are, and anything in them.
fn event() -> impl Strategy<Value = String> {
    let field = (proptest::sample::select(FIELDS), proptest::sample::select(VALUES));
    let fields = proptest::collection::vec(field, 0..4);
    (proptest::sample::select(EVENTS), fields).prop_map(|(event, fields)| {
        let fields: String = fields.iter().map(|(name, value)| format!(r#","{name}":{value}"#)).collect();
        format!(r#"{{"event":"{event}"{fields}}}"#)
    })
}

const HTTP: &[&str] = &[
    "GET ",
    "POST ",
    "HEAD ",
    "/",
    "/ws?after=1&epoch=a",
    " HTTP/1.1\r\n",
    " HTTP/1.0\r\n",
    "\r\n",
    "\n",
    "\r",
    " ",
    "\t",
    ":",
    "Host: x\r\n",
    "Host: ",
    "Content-Length: 5\r\n",
    "Content-Length: ",
    "Transfer-Encoding: chunked\r\n",
    "Expect: 100-continue\r\n",
    "Connection: Upgrade\r\n",
    "Upgrade: websocket\r\n",
    "Origin: http://x\r\n",
    "X-Forwarded-For: 1.2.3.4, [::1]:5\r\n",
    "Cookie: chat-app-80=a\r\n",
    "\0",
];

const NAMES: &[&str] = &[
    "Ana",
    "Аna",
    " ",
    "\u{200d}",
    "\u{fe0f}",
    "\u{20e3}",
    "\u{301}",
    "\u{345}",
    "👩",
    "🏳",
    "\u{202e}",
    "İ",
    "ı",
    "ﬁ",
    "ß",
    "ｱ",
    "\u{3164}",
    "\u{1160}",
    "각",
    "1",
    "l",
    "|",
    "10",
    "\u{e0061}",
    "ǆ",
    "ͅ",
    "ΐ",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn decode_holds(text in words(JSON), event in event()) {
        properties::frame(text.as_bytes());
        properties::frame(event.as_bytes());
    }

    #[test]
    fn a_whole_event_holds(
        event in proptest::sample::select(&["send_message", "join", "request_history", "search", "delete_message", "moderate"][..]),
        action in proptest::sample::select(&["lock", "slow_mode", "mute", "remove", "set_title", "clear", "x"][..]),
        text in ".{0,40}", name in words(NAMES), number in any::<i64>(),
    ) {
        let event = serde_json::json!({
            "event": event, "message": text, "username": name, "client_message_id": text, "guest_key": text,
            "before": number, "limit": number % 300, "message_id": number, "query": text, "action": action,
            "title": text, "seconds": number % 9_000,
        });
        properties::frame(event.to_string().as_bytes());
    }

    #[test]
    fn heads_hold(text in words(HTTP)) {
        properties::head(text.as_bytes());
        for method in ["GET", "POST"] {
            properties::head(format!("{method} / HTTP/1.1\r\nHost: x\r\n{text}\r\n\r\n").as_bytes());
        }
    }

    #[test]
    fn names_hold(text in words(NAMES)) {
        properties::name(text.as_bytes());
    }
}
