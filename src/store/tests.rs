//! What the store promises, on real files.

mod backups;
mod clear;
mod files;
mod find;
mod log;
mod marks;
mod mixtures;
mod pages;
mod pressure;
mod reactions;
mod recent;
mod refold;

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tempfile::TempDir;

use super::{AppendError, Change, Lent, NewMessage, Outcome, Reader, Speaker, Store, file};
use crate::protocol::{Position, Role};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A folder for a database, removed with everything in it.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Place {
        Place { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("chat.db")
    }

    fn open(&self) -> Store {
        let mut store = Store::open(&self.path()).expect("a database of ours");
        store.begin();
        store
    }

    /// Names of all files in the folder, sorted.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).expect("the folder");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

fn part(place: &Place, name: &str) -> PathBuf {
    place.folder.path().join(name)
}

/// The file and what belongs to it, as a folder has it.
const PARTS: [&str; 3] = ["chat.db", "chat.db-wal", "chat.db.lock"];

fn contents(place: &Place) -> Vec<Option<Vec<u8>>> {
    PARTS.iter().map(|name| fs::read(part(place, name)).ok()).collect()
}

fn texts(path: &Path) -> Vec<String> {
    let reader = Reader::open(path).expect("a reader");
    let page = reader.before(Position::MAX, 1_000, usize::MAX).expect("a page");
    page.messages.into_iter().map(|message| message.message.into_owned()).collect()
}

/// A copy of a database as a crash of its server would leave it.
fn crashed(place: &Place) -> Place {
    let copy = Place::new();
    let other = Connection::open(place.path()).expect("a connection");
    other.busy_timeout(Duration::from_secs(5)).expect("a timeout");
    // Under the write lock the log can't start over between the two copies.
    other.execute_batch("BEGIN IMMEDIATE").expect("the write lock");
    for name in place.files().iter().filter(|name| *name != "chat.db-shm") {
        fs::copy(place.folder.path().join(name), copy.folder.path().join(name)).expect("a copy");
    }
    copy
}

/// A message of Ana's. `id` is its `client_message_id` and `tab` says which tab it is from.
fn message(text: &str, tab: u8, id: Option<&str>) -> Change {
    Change::Message(NewMessage {
        at_ms: 1_763_900_000_000,
        username: "Ana".into(),
        role: Role::Member,
        text: text.to_owned(),
        tab: [tab; 32],
        speaker: Speaker::default(),
        client_message_id: id.map(str::to_owned),
        reply_to: None,
    })
}

fn reader(store: &Store) -> Lent {
    store.readers().lend().expect("a reader")
}

fn say(store: &mut Store, text: &str) -> Position {
    stored(store, message(text, 1, None))
}

fn delete(store: &mut Store, message_id: Position) -> Position {
    stored(store, deletion(message_id))
}

fn deletion(message_id: Position) -> Change {
    Change::Deletion { message_id, at_ms: 1_763_900_001_000, tab: [0; 32], any: true }
}

fn stored(store: &mut Store, change: Change) -> Position {
    match one(store, change) {
        Outcome::Stored { position } | Outcome::Deleted { position, .. } => position,
        other => panic!("expected it to be stored, got {other:?}"),
    }
}

/// A turn of one change.
fn one(store: &mut Store, change: Change) -> Outcome {
    patiently(|| store.append(std::slice::from_ref(&change))).pop().expect("an outcome for each change")
}

/// What was written in the end. A checkpoint may hold the lock for a moment: like the hub, it tries again.
fn patiently<T>(mut write: impl FnMut() -> Result<T, AppendError>) -> T {
    let mut written = Err(AppendError::Busy);
    eventually("the lock is free", || {
        written = write();
        !matches!(written, Err(AppendError::Busy))
    });
    written.expect("a working disk")
}

/// Waits for what another thread does.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        thread::yield_now();
    }
}
