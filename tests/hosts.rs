//! Hosts, from the outside: how one becomes a host and is none any more, what they decide, whom it concerns, who is told.

mod absent;
mod becoming;
mod clearing;
mod deleting;
mod inviting;
mod lasting;
mod leaving_out;
mod meant;
mod muting;
mod names;
mod pinning;
mod reading;
mod refusing;
mod resets;
mod switches;

use crate::accounts::Browser;
use crate::support::{TestClient, TestServer, key};
pub use leaving_out::host_from;
use serde_json::{Value, json};

/// The browser of somebody who has opened the host link on the host's own computer.
fn host_browser(server: &TestServer) -> Browser {
    Browser::host(server.addr(), &server.host_key())
}

/// A host in the room under this name.
pub fn host(server: &TestServer, name: &str) -> TestClient {
    let mut host = host_browser(server).connect();
    assert_eq!(host.join_with_keys(name, &key(name), &key(name))["role"], "host");
    host
}

/// A guest whose browser has a key, as the page's has.
pub fn guest(server: &TestServer, name: &str) -> TestClient {
    let mut guest = server.connect();
    guest.join_with_keys(name, &key(name), &key(name));
    guest
}

pub fn moderate(client: &mut TestClient, action: &str) {
    moderate_with(client, action, json!({}));
}

/// `fields` go along with the action.
pub fn moderate_with(client: &mut TestClient, action: &str, fields: Value) {
    let mut event = json!({"event": "moderate", "action": action});
    event.as_object_mut().expect("an object").extend(fields.as_object().expect("fields").clone());
    client.send(event);
}

pub fn about(name: &str) -> Value {
    json!({"username": name})
}

/// Waits for the record of this action, as hosts see it; gives back the whole `moderation`.
pub fn expect_done(host: &mut TestClient, action: &str) -> Value {
    host.expect(action, |event| event["event"] == "moderation" && event["actions"][0]["action"] == action)
}
