//! Logs that would take long to be said: written as the room writes them, once, and copied for each test.

use super::lock;
use chat_app::inside::{Change, NewMessage, Role, Speaker, Store};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// What each message says after its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Texts {
    /// Nothing.
    Short,
    /// So much that it is 4 KB.
    Long,
}

/// A database with so many messages of one speaker: "message 1" and so on.
pub fn long_log(database: &Path, messages: u64, texts: Texts) {
    type Logs = BTreeMap<(u64, Texts), Arc<[u8]>>;
    static LOGS: Mutex<Logs> = Mutex::new(Logs::new());
    let mut logs = lock(&LOGS);
    let log = logs.entry((messages, texts)).or_insert_with(|| written(messages, texts)).clone();
    drop(logs);
    std::fs::write(database, log).expect("a copy of the log");
}

fn written(messages: u64, texts: Texts) -> Arc<[u8]> {
    let folder = tempfile::tempdir().expect("a folder for the log");
    let database = folder.path().join("chat.db");
    let mut store = Store::open(&database).expect("a new database");
    let username: Arc<str> = "Speaker".into();
    let rest = if texts == Texts::Long { format!(" {}", "x".repeat(3_900)) } else { String::new() };
    let message = |n: u64| {
        Change::Message(NewMessage {
            at_ms: 1_700_000_000_000 + n.cast_signed(),
            username: username.clone(),
            role: Role::Guest,
            text: format!("message {n}{rest}"),
            tab: [0; 32],
            speaker: Speaker::default(),
            client_message_id: None,
            reply_to: None,
        })
    };
    for first in (1..=messages).step_by(1000) {
        let turn: Vec<Change> = (first..=messages.min(first + 999)).map(message).collect();
        store.append(&turn).expect("the disk takes it");
    }
    drop(store); // which leaves one whole file
    std::fs::read(&database).expect("the log").into()
}
