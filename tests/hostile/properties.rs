//! What holds of the three parsers that strangers talk to, whatever they say: `decode`, the request's head, the rules of
//! names.
//!
//! Shared by the fuzzer (`tests/fuzz`), the replay of its corpus and the property tests. Each takes any bytes, and
//! panics where something does not hold.

use chat_app::inside::{
    ClientEvent, Counts, Head, LastName, Lowered, Message, Moderate, Name, Role, ServerEvent,
    canonical_origin, check_origin, client_address, decode, encode, encoded_bytes, parse_head,
};
use chat_app::limits;
use serde_json::Value;

/// One of the parsers: its name, which is also its corpus' folder, and what holds of it.
pub(super) type Property = (&'static str, fn(&[u8]));

/// All of them.
pub(super) const ALL: [Property; 3] = [("decode", frame), ("head", head), ("name", name)];

/// A frame is an event that keeps every rule, or is refused with a sentence and, where it had one, its own id.
pub(super) fn frame(bytes: &[u8]) {
    // tungstenite has seen to both before `decode` is asked.
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if text.len() > limits::FRAME_BYTES {
        return;
    }
    // None where a field that means nothing here is no JSON in all its depth: such fields are not looked at.
    let told = serde_json::from_str::<Value>(text).ok();
    let is_told = |name: &str, here: &Value| told.as_ref().is_none_or(|value| value.get(name) == Some(here));
    match decode(text, &mut LastName::default()) {
        Err(refusal) => {
            let mut frame = Vec::new();
            encode(&ServerEvent::Error(&refusal), &mut frame);
            assert!(frame.len() < 2_000, "no refusal is long, whatever was refused: {} bytes", frame.len());
            let sentence = &*refusal.message;
            assert!(sentence.len() > 5 && !sentence.chars().any(char::is_control), "{sentence:?}");
            if let Some(id) = refusal.client_message_id {
                assert!((1..=limits::CLIENT_MESSAGE_ID_CHARACTERS).contains(&id.chars().count()), "{id:?}");
                assert!(is_told("client_message_id", &Value::from(id)));
            }
        }
        Ok(ClientEvent::SendMessage { message, client_message_id, username, reply_to }) => {
            assert!(is_told("message", &Value::from(&*message)));
            message_is_carried(&message, client_message_id.as_deref(), username.as_ref(), reply_to);
        }
        Ok(ClientEvent::Join { username, .. }) => username.iter().for_each(name_is_settled),
        Ok(ClientEvent::RequestHistory { before, limit }) => {
            assert!(is_told("before", &Value::from(before)));
            assert!((1..=limits::HISTORY_MESSAGES).contains(&limit), "{limit}");
        }
        Ok(ClientEvent::RequestMessages(ids)) => {
            assert!(ids.len() <= limits::HISTORY_IDS && ids.is_sorted(), "{ids:?}");
        }
        Ok(ClientEvent::Search { limit, .. }) => {
            assert!((1..=limits::SEARCH_MESSAGES).contains(&limit), "{limit}");
        }
        Ok(ClientEvent::Moderate(moderate)) => order_is_sound(&moderate),
        Ok(ClientEvent::React { message_id, reaction, on }) => {
            assert!(reaction.len() <= limits::SIGN_BYTES, "{reaction:?}");
            assert!(is_told("message_id", &Value::from(message_id)) && is_told("on", &Value::from(on)));
            assert!(is_told("reaction", &Value::from(reaction)));
        }
        Ok(ClientEvent::DeleteMessage { message_id } | ClientEvent::WhoReacted(message_id)) => {
            assert!(is_told("message_id", &Value::from(message_id)))
        }
        Ok(ClientEvent::RaiseHand { question }) => {
            let question = question.unwrap_or_default();
            assert!(question.chars().count() <= limits::QUESTION_CHARACTERS, "{question:?}");
            assert!(!question.contains(char::is_control) && question.trim() == question, "{question:?}");
        }
        Ok(ClientEvent::LowerHand(Lowered::Named(name))) => name_is_settled(&name),
        Ok(ClientEvent::LowerHand(Lowered::Own | Lowered::All) | ClientEvent::Typing) => {}
    }
}

/// A host's order keeps every rule that needs no knowledge of the room.
fn order_is_sound(order: &Moderate) {
    match order {
        Moderate::SlowMode(seconds) => assert!(*seconds <= limits::SLOW_MODE_SECONDS),
        Moderate::SetTitle(title) => {
            assert!((1..=limits::TITLE_CHARACTERS).contains(&title.chars().count()), "{title:?}");
            assert!(!title.chars().any(char::is_control), "{title:?}");
        }
        Moderate::Mute { name, .. }
        | Moderate::Unmute(name)
        | Moderate::Remove { name, .. }
        | Moderate::Allow(name)
        | Moderate::IssueReset(name) => name_is_settled(name),
        _ => {}
    }
}

/// A message that was taken fits its bound, and comes out as it went in.
fn message_is_carried(text: &str, id: Option<&str>, username: Option<&Name>, reply_to: Option<u64>) {
    assert!((1..=limits::MESSAGE_CHARACTERS).contains(&text.chars().count()));
    assert!(id.is_none_or(|id| (1..=limits::CLIENT_MESSAGE_ID_CHARACTERS).contains(&id.chars().count())));
    username.iter().for_each(|name| name_is_settled(name));
    let username = username.map_or("Ana", Name::display);
    let message = Message {
        id: 1,
        at: 1,
        username: username.into(),
        role: Role::Guest,
        message: text.into(),
        client_message_id: id.map(Into::into),
        reply_to,
        reactions: Counts::default(),
        deleted: false,
    };
    let mut frame = Vec::new();
    encode(&ServerEvent::ReceiveMessage(&message), &mut frame);
    assert!(frame.len() <= encoded_bytes(text, username, id, reply_to.is_some()), "{} bytes", frame.len());
    let (&[first, length], rest) = frame.split_first_chunk().expect("a frame has a head");
    assert_eq!(first, 0x81, "one whole text frame");
    let payload = match length {
        126 => &rest[2..],
        127 => &rest[8..],
        _ => rest,
    };
    let event: Value = serde_json::from_slice(payload).expect("the server sends JSON");
    assert_eq!((event["message"].as_str(), event["username"].as_str()), (Some(text), Some(username)));
    assert_eq!(event["reply_to"].as_u64(), reply_to);
}

/// A head is read whole or refused with a status, is the same however it was cut in pieces, and leaves nothing that a
/// second parser could read in another way.
pub(super) fn head(bytes: &[u8]) {
    let whole = parse_head(bytes);
    // The listener asks again with each piece that comes, and stops at the first answer.
    let step = 1 + bytes.len() / 8;
    for end in (1..bytes.len()).step_by(step) {
        match parse_head(&bytes[..end]) {
            Ok(None) => {}
            Ok(answer) => assert_eq!(Ok(answer), whole, "nothing behind a head changes it"),
            Err(refused) => assert!(whole.is_err(), "refused at {end}, and then taken: {refused:?}"),
        }
    }
    match whole {
        Ok(None) => assert!(bytes.len() < limits::HEAD_BYTES, "a head without end is not waited for"),
        Err(refused) => {
            assert!(matches!(refused.status, 400..=599) && refused.reason.len() > 5, "{refused:?}");
            let answer = String::from_utf8(refused.answer_to("GET")).expect("answers are text");
            assert_eq!(answer.matches("\r\n\r\n").count(), 1, "{answer:?}");
            assert!(
                answer.ends_with(&format!("\r\n\r\n{}\n", refused.reason)),
                "one line says why: {answer:?}"
            );
            assert!(!refused.reason.contains(['\r', '\n']), "{answer:?}");
        }
        Ok(Some((head, end))) => {
            assert_eq!(parse_head(&bytes[..end]), Ok(Some((head.clone(), end))), "its end is its end");
            head_is_plain(&head, end);
            let bare = |at: usize| bytes[at] == b'\n' && (at == 0 || bytes[at - 1] != b'\r');
            assert!(!(0..end).any(bare), "a line feed alone ends no line: {}", bytes[..end].escape_ascii());
            // What is asked of every head.
            let _ = (head.path(), head.query("after"), head.wants_websocket());
            let _ = check_origin(&head, &["https://chat.example.org/room".to_owned()], Vec::new);
            let proxy = [10, 0, 0, 2].into();
            client_address(proxy, &head, &[proxy]);
        }
    }
}

fn head_is_plain(head: &Head, end: usize) {
    assert!(end <= limits::HEAD_BYTES && head.headers.len() <= limits::HEADERS);
    assert!(matches!(&*head.method, "GET" | "HEAD" | "POST"), "{:?}", head.method);
    assert!(head.target.starts_with('/') && head.target.bytes().all(|byte| byte.is_ascii_graphic()));
    assert!(head.body_bytes <= limits::BODY_BYTES && (head.body_bytes == 0 || head.method == "POST"));
    let count = |wanted: &str| head.headers.iter().filter(|(name, _)| name == wanted).count();
    assert!(count("host") == 1 || count("host") == 0 && !head.is_http_11, "{head:?}");
    assert_eq!(count("transfer-encoding"), 0, "{head:?}");
    assert!(count("content-length") <= 1, "{head:?}");
    for (name, value) in &head.headers {
        assert!(
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':'),
            "{name:?}"
        );
        assert!(
            !value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)),
            "{name}: {}",
            value.escape_ascii()
        );
    }
}

/// A name is refused with a sentence, or is one that stays what it is.
pub(super) fn name(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Name::parse(text) {
        Ok(name) => name_is_settled(&name),
        Err(error) => {
            let sentence = error.to_string();
            assert!(sentence.len() > 5 && !sentence.chars().any(char::is_control), "{sentence:?}");
        }
    }
    let _ = canonical_origin(text); // hosts and origins are names too, and as foreign
}

fn name_is_settled(name: &Name) {
    let display = name.display();
    assert!((1..=limits::NAME_CHARACTERS).contains(&display.chars().count()), "{display:?}");
    assert!(!display.chars().any(char::is_control) && display.trim() == display, "{display:?}");
    assert!(!name.folded().trim().is_empty(), "{display:?} looks like nothing");
    let again = Name::parse(display).unwrap_or_else(|error| panic!("{display:?}, read again: {error}"));
    assert_eq!((again.display(), again.folded()), (display, name.folded()), "read again, another name");
    if let Some(other) = name.suggest(|other| other.folded() == name.folded()) {
        assert_ne!(other.folded(), name.folded());
        assert!(other.display().chars().count() <= limits::NAME_CHARACTERS);
        assert_eq!(
            Name::parse(other.display()),
            Ok(other),
            "what is offered is what it would be if somebody typed it"
        );
    }
}
