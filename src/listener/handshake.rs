//! The WebSocket handshake: which requests ask for the room, and where a client says it is.

use tungstenite::handshake::server::{create_response, write_response};
use tungstenite::http;

use crate::http::head::Head;
use crate::http::refused::Refused;
use crate::hub::Resume;

/// The answer to a handshake for the room's WebSocket; none for a plain request.
pub(super) fn route(head: &Head) -> Result<Option<Vec<u8>>, Refused> {
    if head.path() != "/ws" {
        return match head.wants_websocket() {
            true => Err(Refused::new(404, "The room's WebSocket is at /ws.")),
            false => Ok(None),
        };
    }
    if head.method != "GET" {
        return Err(Refused::new(405, "A WebSocket begins with GET."));
    }
    if head.header("upgrade").is_none() && head.header("sec-websocket-key").is_some() {
        return Err(Refused::operators(426, LEFT_OUT));
    }
    if !head.is_http_11 {
        return Err(Refused::new(400, "A WebSocket begins with HTTP/1.1."));
    }
    if !head.wants_websocket() || head.header("sec-websocket-version") != Some("13") {
        return Err(Refused::new(
            426,
            "This is the room's WebSocket, version 13. Open / in a browser for the page.",
        ));
    }
    for once in ["sec-websocket-key", "sec-websocket-version"] {
        if head.headers.iter().filter(|(name, _)| name == once).count() > 1 {
            return Err(Refused::new(
                400,
                format!("Not a WebSocket handshake: it has more than one {once}."),
            ));
        }
    }
    let mut request = http::Request::new(());
    for (name, value) in &head.headers {
        let name = http::HeaderName::from_bytes(name.as_bytes());
        let value = http::HeaderValue::from_bytes(value);
        if let (Ok(name), Ok(value)) = (name, value) {
            request.headers_mut().append(name, value);
        }
    }
    let not_a_handshake = |error| Refused::new(400, format!("Not a WebSocket handshake: {error}."));
    let response = create_response(&request).map_err(not_a_handshake)?;
    let mut bytes = Vec::new();
    write_response(&mut bytes, &response).map_err(not_a_handshake)?;
    Ok(Some(bytes))
}

const LEFT_OUT: &str = "A proxy on the way has left Upgrade out of a WebSocket's handshake: it has to pass it on, over HTTP/1.1.";

/// Where the client says it is. With a position that is no number it starts afresh, and is told so.
pub(super) fn resume_of(head: &Head) -> Resume {
    match (head.query("after"), head.query("epoch")) {
        (None, None) => Resume::Fresh,
        (after, epoch) => {
            let position = after.and_then(|digits| digits.parse().ok()).unwrap_or(u64::MAX);
            Resume::After(position, epoch.unwrap_or_default().to_owned())
        }
    }
}
