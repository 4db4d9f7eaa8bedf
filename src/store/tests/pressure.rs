//! Full disks, others' locks, readers beside the writer, and the write-ahead log.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::*;
use crate::limits;
use crate::store::{AppendError, LogEntry};

const ALL: usize = usize::MAX >> 1;

/// Another program's connection to the database.
fn other_program(place: &Place) -> Connection {
    Connection::open(place.path()).expect("a connection")
}

#[test]
fn a_full_disk_stores_nothing_of_the_turn_and_the_next_one_works_when_there_is_room() {
    let place = Place::new();
    let mut store = place.open();
    say(&mut store, "before");
    let pages: i64 = store.db.query_row("PRAGMA page_count", [], |row| row.get(0)).expect("pages");
    store.db.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).expect("a full disk");
    let turn = [message("small", 2, Some("a")), deletion(1), message(&"large ".repeat(9_000), 2, Some("b"))];
    for _ in 0..3 {
        let failure = store.append(&turn).expect_err("the disk is full");
        assert!(matches!(&failure, AppendError::Failed(detail) if detail.contains("full")), "{failure:?}");
        assert_eq!(store.head(), 1);
        let page = reader(&store).after(0, 9, ALL).expect("reading goes on");
        assert!(
            matches!(&page.entries[..], [LogEntry::Message(only)] if only.message == "before"),
            "{page:?}"
        );
    }
    store.db.query_row("PRAGMA max_page_count = 1000000", [], |_| Ok(())).expect("room again");
    // The tab's row was rolled back with the rest: it must not be remembered.
    let outcomes = store.append(&turn).expect("a turn");
    let deleted = Outcome::Deleted { position: 3, author: Some("Ana".into()) };
    assert_eq!(outcomes, [Outcome::Stored { position: 2 }, deleted, Outcome::Stored { position: 4 }]);
    assert!(matches!(one(&mut store, turn[0].clone()), Outcome::Retry(found) if found.id == 2));
    let orphans = "SELECT count(*) FROM messages WHERE tab NOT IN (SELECT id FROM tabs)";
    assert_eq!(store.db.query_row(orphans, [], |row| row.get(0)), Ok(0));
}

#[test]
fn anothers_lock_is_told_soon_and_passes() {
    let place = Place::new();
    let mut store = place.open();
    let other = other_program(&place);
    other.execute_batch("BEGIN IMMEDIATE").expect("the write lock");
    let tries = [(); 3].map(|()| {
        let started = Instant::now();
        assert_eq!(store.append(&[message("hi", 1, Some("a"))]), Err(AppendError::Busy));
        let took = started.elapsed();
        assert_eq!(store.head(), 0);
        assert_eq!(reader(&store).after(0, 9, ALL).expect("reading goes on").entries.len(), 0);
        took
    });
    // A busy machine may let one of them wait for itself.
    assert!(tries.iter().any(|took| *took < limits::STORE_BUSY * 20), "they took {tries:?}");
    other.execute_batch("ROLLBACK").expect("the lock given back");
    assert_eq!(stored(&mut store, message("hi", 1, Some("a"))), 1);
}

#[test]
fn readers_see_whole_turns_beside_a_writer_and_none_waits_for_ever() {
    for path in ["file", ":memory:"] {
        let place = Place::new();
        let path = if path == "file" { place.path() } else { path.into() };
        let mut store = Store::open(&path).expect("a store");
        let (readers, done) = (store.readers(), AtomicBool::new(false));
        thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let mut seen = 0;
                    while !done.load(Ordering::Acquire) {
                        let reader = readers.lend().expect("a reader");
                        let page = reader.after(0, ALL >> 1, ALL).expect("a page");
                        assert_eq!(page.through % 5, 0, "half a turn");
                        assert_eq!(page.entries.len() as Position, page.through);
                        assert!(page.through >= seen, "the log only grows");
                        seen = page.through;
                        let start = reader.start_of_newest(3).expect("a start");
                        assert!(start + 3 >= seen.min(3));
                    }
                });
            }
            for _ in 0..60 {
                // A reader of a database in memory can hold up the commit for a moment, as the hub knows it.
                let turn = [(); 5].map(|()| message("hi", 1, None));
                eventually("a turn is stored", || store.append(&turn).is_ok());
            }
            done.store(true, Ordering::Release);
        });
        assert_eq!(store.head(), 300);
    }
}

const SECRETS: Position = 450;

/// Whether a file beside (or with) the database contains `text`.
fn lies_in(place: &Place, file: &str, text: &str) -> bool {
    let bytes = fs::read(place.folder.path().join(file)).unwrap_or_default();
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Texts with a word that is found in all of them: most so short that many share a page, some several pages long.
fn secrets(word: &str) -> Vec<Change> {
    let size = |n: usize| if n.is_multiple_of(40) { n * 35 } else { n % 97 };
    let text = |n: usize| format!("{word}{}{word}", "x".repeat(size(n)));
    let id = |n: usize| format!("{}{n}", &word[..3]);
    (0..SECRETS as usize).map(|n| message(&text(n), 1, n.is_multiple_of(2).then_some(&id(n)))).collect()
}

#[test]
fn deleted_text_is_nowhere_on_the_disk() {
    let place = Place::new();
    let mut store = place.open();
    store.append(&secrets("opossum")).expect("a turn");
    store.append(&secrets("quokka")).expect("a turn");
    let lies_somewhere =
        || lies_in(&place, "chat.db-wal", "opossum") || lies_in(&place, "chat.db", "opossum");
    assert!(lies_somewhere(), "the test would see it");
    // In an order that empties pages, leaves others half full, and meets those around later.
    let orders = [1, 2, 3, 4].map(|first| (first..=SECRETS).step_by(4));
    for id in orders.into_iter().flatten() {
        delete(&mut store, id);
        if id == 101 {
            // What was copied into the file already, and what is still in the log: both.
            drop(store);
            assert!(lies_in(&place, "chat.db", "opossum"), "the test would see it");
            store = place.open();
        }
    }
    eventually("the log is cleared", || !lies_in(&place, "chat.db-wal", "opossum"));
    assert!(!lies_in(&place, "chat.db", "opossum"));
    let page = reader(&store).after(0, ALL, ALL).expect("a page");
    let left = page
        .entries
        .iter()
        .filter(|entry| matches!(entry, LogEntry::Message(it) if it.message.contains("quokka")));
    assert_eq!(left.count(), SECRETS as usize, "and nothing else is gone");
    drop(store);
    assert!(!lies_in(&place, "chat.db", "opossum"));
}

/// In place, or SQLite would move the row's neighbours about in their page and could leave copies of them.
#[test]
fn a_deletion_overwrites_the_text_where_it_lies_and_moves_nothing() {
    let place = Place::new();
    let texts: Vec<_> = (0..300).map(|n| format!("[{n}{}]", "o".repeat(n * 7 % 311))).collect();
    let turn: Vec<_> = texts.iter().map(|text| message(text, 1, None)).collect();
    place.open().append(&turn).expect("a turn");
    let whole = || fs::read(place.path()).expect("the file");
    let bytes = whole();
    let offset = |text: &String| bytes.windows(text.len()).position(|it| it == text.as_bytes());
    let offsets: Vec<_> = texts.iter().map(|text| offset(text).expect("its text")).collect();
    let mut store = place.open();
    for id in (1..=300).filter(|id| id % 10 != 0) {
        delete(&mut store, id);
    }
    drop(store);
    let bytes = whole();
    for ((text, at), id) in texts.iter().zip(offsets).zip(1..) {
        let expected = if id % 10 == 0 { text.clone() } else { " ".repeat(text.len()) };
        assert_eq!(&bytes[at..at + text.len()], expected.as_bytes(), "message {id}");
    }
}

#[test]
fn deleted_text_leaves_the_log_as_soon_as_nobody_reads_from_it() {
    let place = Place::new();
    let mut store = place.open();
    say(&mut store, "opossum");
    let other = other_program(&place);
    other.execute_batch("BEGIN").expect("a snapshot");
    let read = "SELECT text FROM messages WHERE position = 1";
    assert_eq!(other.query_row(read, [], |row| row.get(0)), Ok("opossum".to_owned()));
    delete(&mut store, 1);
    say(&mut store, "the room goes on");
    assert_eq!(other.query_row(read, [], |row| row.get(0)), Ok("opossum".to_owned()), "a snapshot is one");
    assert!(lies_in(&place, "chat.db-wal", "opossum") || lies_in(&place, "chat.db", "opossum"));
    other.execute_batch("COMMIT").expect("the end of it");
    eventually("the log is cleared", || {
        !lies_in(&place, "chat.db-wal", "opossum") && !lies_in(&place, "chat.db", "opossum")
    });
    assert_eq!(say(&mut store, "and on"), 4);
}

#[test]
fn deleted_text_that_a_crash_left_in_the_log_is_erased_at_the_next_start() {
    let place = Place::new();
    let mut store = place.open();
    let other = other_program(&place);
    other.execute_batch("BEGIN; SELECT count(*) FROM messages").expect("a snapshot, which keeps the log");
    say(&mut store, "opossum");
    delete(&mut store, 1);
    let copy = crashed(&place);
    assert!(lies_in(&copy, "chat.db-wal", "opossum"), "the test would see it");
    let restarted = copy.open();
    eventually("the log is cleared", || !lies_in(&copy, "chat.db-wal", "opossum"));
    assert!(!lies_in(&copy, "chat.db", "opossum"));
    drop(restarted);
}

/// Bytes of the write-ahead log's file.
fn log_size(place: &Place) -> usize {
    fs::metadata(place.folder.path().join("chat.db-wal")).map_or(0, |metadata| metadata.len() as usize)
}

/// Stores about `bytes`, a quarter of a megabyte a turn, and returns the longest pause.
fn flood(store: &mut Store, bytes: usize) -> Duration {
    let text = "x".repeat(15_800);
    let turn = [(); 16].map(|()| message(&text, 1, None));
    let pauses = (0..bytes / (256 * 1024)).map(|_| {
        patiently(|| store.append(&turn));
        store.settle()
    });
    pauses.max().expect("at least one turn")
}

#[test]
fn the_log_stays_bounded_under_a_flood() {
    let place = Place::new();
    let mut store = place.open();
    let longest = flood(&mut store, 3 * limits::WAL_BYTES);
    let size = log_size(&place);
    // On a machine that does not copy it in time the room goes on until there is as much once more; without a pause all of it lies there.
    let most = if longest < limits::SETTLE { limits::WAL_BYTES } else { 2 * limits::WAL_BYTES };
    assert!(size <= most + (1 << 20), "{} MB, after pauses of up to {longest:?}", size >> 20);
    drop(store);
    assert_eq!(place.files(), ["chat.db", "chat.db.lock"]);
}

#[test]
fn who_pins_the_log_makes_it_grow_but_does_not_stop_the_room() {
    let place = Place::new();
    let mut store = place.open();
    say(&mut store, "one");
    let other = other_program(&place);
    other.execute_batch("BEGIN; SELECT count(*) FROM messages").expect("a snapshot");
    let longest = flood(&mut store, limits::WAL_BYTES + limits::WAL_BYTES / 2);
    assert!(log_size(&place) > limits::WAL_BYTES);
    assert!(longest < limits::SETTLE * 4, "it paused for {longest:?}");
    assert!(longest >= limits::SETTLE, "the flood was too small to test anything");
    assert_eq!(flood(&mut store, 4 << 20), Duration::ZERO, "it waits once, not at each turn");
    other.execute_batch("COMMIT").expect("the end of it");
    flood(&mut store, limits::WAL_BYTES);
    eventually("the log has started over", || {
        // As much at a time as brings it to its next pause soon, however slow the machine is.
        flood(&mut store, 4 << 20);
        log_size(&place) <= limits::WAL_BYTES
    });
}
