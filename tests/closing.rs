//! How a connection ends: with the code that says why, and with an answer to a goodbye.

use crate::support::{Ended, TestClient, TestServer};
use tungstenite::Message;
use tungstenite::protocol::CloseFrame;

#[test]
fn a_goodbye_is_answered() {
    let server = TestServer::start();
    for code in [1000, 1001, 3000, 4999] {
        let mut client = server.join("Ana");
        let goodbye = CloseFrame { code: code.into(), reason: "bye".into() };
        client.send_frame(Message::Close(Some(goodbye))).expect("a close frame can be sent");
        client.expect_close(code);
    }
}

#[test]
fn a_goodbye_without_a_code_is_answered_without_one() {
    let server = TestServer::start();
    let mut client = server.join("Ana");
    client.send_frame(Message::Close(None)).expect("a close frame can be sent");
    assert!(matches!(client.expect_end(), Ended::Closed(1005 | 1000)));
}

#[test]
fn what_was_said_before_a_goodbye_is_heard() {
    let server = TestServer::start();
    let (mut ana, mut ben) = (server.join("Ana"), server.join("Ben"));
    (0..20).for_each(|n| ana.say(&n.to_string()));
    ana.leave();
    (0..20).for_each(|n| drop(ben.expect_message(&n.to_string())));
}

#[test]
fn a_ping_is_answered() {
    let server = TestServer::start();
    let mut client: TestClient = server.connect();
    (0..3).for_each(|_| client.expect_pong());
}

#[test]
fn a_stopping_server_says_1001_to_everybody() {
    let mut server = TestServer::start();
    let mut clients: Vec<TestClient> = (0..10).map(|n| server.join(&format!("Guest {n}"))).collect();
    clients.push(server.connect());
    server.stop();
    clients.iter_mut().for_each(|client| client.expect_close(1001));
}
