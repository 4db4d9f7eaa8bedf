//! Which file it is: the room's own, a copy, or one beside another's log.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::*;
use crate::limits;
use crate::store::error::OpenProblem;
use crate::store::mark::in_file;
use crate::store::restore::{RestoreError, restore};
use crate::store::{Reader, backup::back_up};

/// The file and what belongs to it, as a folder has it.
const PARTS: [&str; 3] = ["chat.db", "chat.db-wal", "chat.db.lock"];

fn part(place: &Place, name: &str) -> PathBuf {
    place.folder.path().join(name)
}

fn contents(place: &Place) -> Vec<Option<Vec<u8>>> {
    PARTS.iter().map(|name| fs::read(part(place, name)).ok()).collect()
}

fn texts(path: &Path) -> Vec<String> {
    let reader = Reader::open(path).expect("a reader");
    let page = reader.before(Position::MAX, 1_000, usize::MAX).expect("a page");
    page.messages.into_iter().map(|message| message.message.into_owned()).collect()
}

/// Waits until everything is in the file itself, as a copy of it alone shows.
fn wait_until_quiet(place: &Place, last: &str) {
    eventually("the file has it", || {
        let copy = Place::new();
        fs::copy(place.path(), copy.path()).expect("a copy");
        Reader::open(&copy.path()).is_ok() && texts(&copy.path()).last().is_some_and(|text| text == last)
    });
}

/// A refusal of what would be a mixture, by the room and by who reads beside it; nothing is touched.
fn expect_foreign_log(place: &Place) {
    let before = contents(place);
    for _ in 0..2 {
        let error = Store::open(&place.path()).expect_err("a refusal");
        assert!(matches!(error.problem, OpenProblem::ForeignLog), "{error:?}");
        assert!(error.to_string().contains("restore"), "{error}");
    }
    if place.path().exists() {
        let error = Reader::open(&place.path()).expect_err("a refusal");
        assert!(matches!(error.problem, OpenProblem::ForeignLog), "{error:?}");
    }
    assert_eq!(contents(place), before);
}

#[test]
fn a_rooms_own_file_keeps_its_epoch_whether_it_was_closed_or_killed() {
    let place = Place::new();
    let mut store = place.open();
    let epoch = store.epoch().to_owned();
    for round in 0..4 {
        say(&mut store, &round.to_string());
        let killed = crashed(&place);
        assert_eq!(killed.open().epoch(), epoch, "killed in round {round}");
        // Killed again, before or after everything was in the file.
        let killed = crashed(&killed);
        assert_eq!(killed.open().head(), round + 1);
        drop(store);
        store = place.open();
        assert_eq!(store.epoch(), epoch, "closed in round {round}");
    }
}

#[test]
fn a_file_beside_the_log_of_another_is_refused_and_nothing_is_touched() {
    let place = Place::new();
    let mut store = place.open();
    say(&mut store, "of an earlier start");
    drop(store);
    let earlier = fs::read(place.path()).expect("the file");
    let mut store = place.open();
    say(&mut store, "of this one");
    wait_until_quiet(&place, "of this one");
    let same_start = fs::read(place.path()).expect("the file");
    say(&mut store, "and on");
    wait_until_quiet(&place, "and on");
    say(&mut store, "lost, if the log went with another file");
    let other = Place::new();
    say(&mut other.open(), "another room");
    for file in [earlier, same_start, fs::read(other.path()).expect("the file")] {
        let killed = crashed(&place);
        fs::write(killed.path(), file).expect("another file");
        expect_foreign_log(&killed);
        // The way out that the refusal names.
        fs::rename(part(&killed, "chat.db-wal"), part(&killed, "aside")).expect("moved");
        assert_ne!(killed.open().epoch(), store.epoch());
    }
    let killed = crashed(&place);
    fs::remove_file(killed.path()).expect("moved away");
    expect_foreign_log(&killed);
    fs::write(killed.path(), "").expect("an empty file");
    expect_foreign_log(&killed);
}

#[test]
fn a_copy_gets_a_new_epoch_once() {
    let place = Place::new();
    let mut store = place.open();
    let epoch = store.epoch().to_owned();
    say(&mut store, "one");
    wait_until_quiet(&place, "one");
    let of_this_start = fs::read(place.path()).expect("the file");
    say(&mut store, "two");
    let killed = crashed(&place);
    drop(store);
    // Put back after the room was closed; or after it was killed, without its log; or elsewhere.
    fs::remove_file(part(&killed, "chat.db-wal")).expect("taken away");
    let elsewhere = Place::new();
    for place in [&place, &killed, &elsewhere] {
        fs::write(place.path(), &of_this_start).expect("put in its place");
        let opened = place.open();
        assert_eq!(opened.head(), 1);
        let new = opened.epoch().to_owned();
        assert_ne!(new, epoch);
        drop(opened);
        assert_eq!(place.open().epoch(), new, "from now on it is this place's own");
    }
}

#[test]
fn a_log_that_was_taken_away_is_missed() {
    let place = Place::new();
    let mut store = place.open();
    say(&mut store, "one");
    // It is known of from the first seconds on.
    eventually("it is missed", || {
        let killed = crashed(&place);
        fs::remove_file(part(&killed, "chat.db-wal")).expect("taken away");
        killed.open().epoch() != store.epoch()
    });
    // Not where there was none to take away.
    delete(&mut store, 1);
    eventually("the log is emptied, and begins anew with a mark", || {
        let size = fs::metadata(part(&place, "chat.db-wal")).map_or(0, |log| log.len());
        (1..20_000).contains(&size)
    });
    assert_eq!(crashed(&place).open().epoch(), store.epoch());
}

#[test]
fn a_copy_that_is_damaged_is_not_opened() {
    let place = Place::new();
    let mut store = place.open();
    let turn: Vec<_> = (0..2_000).map(|n| message(&format!("message {n}"), 1, None)).collect();
    patiently(|| store.append(&turn));
    drop(store);
    let copy = Place::new();
    let mut bytes = fs::read(place.path()).expect("the file");
    let at = bytes.windows(12).position(|text| text == b"message 1000").expect("its page") / 4096 * 4096;
    bytes[at..at + 100].fill(0x5a);
    fs::write(copy.path(), bytes).expect("a damaged copy");
    let before = contents(&copy);
    let error = Store::open(&copy.path()).expect_err("a refusal");
    assert!(matches!(error.problem, OpenProblem::Damaged(_)), "{error:?}");
    assert_eq!(contents(&copy), before);
}

#[test]
fn half_a_copy_is_refused_and_never_a_new_room() {
    let place = Place::new();
    let db = Connection::open(place.path()).expect("a database");
    db.execute_batch("PRAGMA journal_mode = WAL; BEGIN; CREATE TABLE room (id); COMMIT").expect("a table");
    let half = Place::new();
    fs::copy(place.path(), half.path()).expect("a copy without its log");
    assert_eq!(fs::metadata(half.path()).expect("a file").len(), 4096);
    for _ in 0..2 {
        let error = Store::open(&half.path()).expect_err("a refusal");
        assert!(matches!(error.problem, OpenProblem::Partial), "{error:?}");
        assert_eq!(half.files(), ["chat.db"]);
    }
    let error = Reader::open(&half.path()).expect_err("a refusal");
    assert!(matches!(error.problem, OpenProblem::Partial), "{error:?}");
}

#[test]
fn a_file_of_an_earlier_version_is_its_rooms_own() {
    let place = Place::new();
    say(&mut place.open(), "one");
    let db = Connection::open(place.path()).expect("a connection");
    let epoch: String = db.query_row("SELECT epoch FROM room", [], |row| row.get(0)).expect("an epoch");
    let before = "ALTER TABLE room DROP COLUMN mark; ALTER TABLE guests DROP COLUMN address;
                  ALTER TABLE guests DROP COLUMN has_spoken; PRAGMA user_version = 4";
    db.execute_batch(before).expect("as it was");
    drop(db);
    fs::write(part(&place, "chat.db.lock"), "").expect("as it was");
    assert_eq!(place.open().epoch(), epoch);
    assert_eq!(place.open().epoch(), epoch);
}

#[test]
fn everything_is_in_the_file_as_soon_as_the_room_is_quiet() {
    let place = Place::new();
    let mut store = place.open();
    for text in ["one", "two"] {
        say(&mut store, text);
        wait_until_quiet(&place, text);
    }
    // What others than the hub have written, too.
    let other = store.connect().expect("a connection");
    other.execute_batch("INSERT INTO host_names (folded) VALUES ('ana')").expect("a row");
    eventually("the file has it", || {
        let copy = Place::new();
        fs::copy(place.path(), copy.path()).expect("a copy");
        let copy = Connection::open(copy.path()).expect("a connection");
        copy.query_row("SELECT count(*) FROM host_names", [], |row| row.get(0)) == Ok(1)
    });
    assert_eq!(fs::metadata(part(&place, "chat.db-wal")).map(|log| log.len() > 0).ok(), Some(true));
}

#[test]
fn who_talks_without_pause_is_in_the_file_within_seconds() {
    let place = Place::new();
    let mut store = place.open();
    say(&mut store, "first");
    eventually("the file has it", || {
        say(&mut store, "and on");
        thread::sleep(limits::QUIET / 10);
        let copy = Place::new();
        fs::copy(place.path(), copy.path()).expect("a copy");
        Reader::open(&copy.path()).is_ok() && texts(&copy.path()).first().is_some_and(|text| text == "first")
    });
}

/// Each log that starts over has other random numbers in its header. The last mark of one is the first of the next.
#[test]
fn whenever_the_log_starts_over_the_file_has_another_mark() {
    let place = Place::new();
    let mut store = place.open();
    let log = || fs::read(part(&place, "chat.db-wal")).expect("the log").get(16..24).map(<[u8]>::to_vec);
    let turn = [(); 16].map(|()| message(&"x".repeat(15_800), 1, None));
    let (mut logs, mut marks) = (vec![None], vec![None]);
    eventually("it has started over some times", || {
        for _ in 0..8 {
            patiently(|| store.append(&turn));
            store.settle();
            let (log, mark) = (log(), Some(in_file(&place.path()).expect("a mark")));
            if logs.last() != Some(&log) {
                let earlier = &marks[..marks.len() - 1];
                assert!(!earlier.contains(&mark), "{mark:?} is in {earlier:?}");
                logs.push(log);
                marks.push(mark);
            }
        }
        logs.len() > 12
    });
}

#[test]
fn a_quiet_room_leaves_the_disk_alone() {
    let place = Place::new();
    let mut store = place.open();
    say(&mut store, "one");
    wait_until_quiet(&place, "one");
    let mut before = contents(&place);
    eventually("nothing is written for some seconds", || {
        thread::sleep(limits::QUIET * 3);
        let now = contents(&place);
        now == std::mem::replace(&mut before, now.clone())
    });
}

#[test]
fn a_backup_is_the_whole_room_of_one_moment_and_another_log() {
    let place = Place::new();
    let mut store = place.open();
    let turn: Vec<_> = (0..20_000).map(|n| message(&format!("{n:0>1000}"), 1, None)).collect();
    turn.chunks(1_000).for_each(|turn| drop(patiently(|| store.append(turn))));
    let target = part(&place, "backup.db");
    let mut steps = Vec::new();
    let made = back_up(&place.path(), &target, |done, total| {
        // The room goes on, and is not part of it.
        say(&mut store, "meanwhile");
        steps.push((done, total));
        assert!(steps.len() < 1_000, "it begins again with each message");
    })
    .expect("a backup");
    assert_eq!(made.messages, 20_000);
    assert!(steps.len() > 3 && steps.iter().all(|step| step.1 == steps[0].1), "{steps:?}");
    assert!(made.log_bytes > 0 && made.bytes == fs::metadata(&target).expect("a file").len());
    assert_eq!(texts(&target).last().map(String::len), Some(1_000));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&target).expect("a file").permissions().mode() & 0o777, 0o600);
    }
    let beside = ["backup.db", "chat.db", "chat.db-shm", "chat.db-wal", "chat.db.lock"];
    assert_eq!(place.files(), beside, "nothing else is left");
    let again = back_up(&place.path(), &target, |_, _| ()).expect_err("never over a file");
    assert!(again.to_string().contains("is there"), "{again}");
    assert_eq!(place.files(), beside);
    let opened = Store::open(&target).expect("opens");
    assert_eq!(opened.head(), 20_000);
    assert_ne!(opened.epoch(), store.epoch());
}

#[test]
fn a_restored_backup_is_the_room_and_what_was_there_is_kept() {
    let place = Place::new();
    let backup = part(&place, "backup.db");
    let mut store = place.open();
    say(&mut store, "one");
    let rows = "INSERT INTO sessions (token, expires_at) VALUES (x'01', 1);
                INSERT INTO password_resets (token, user, expires_at) VALUES (x'02', 1, 1);
                INSERT INTO host_keys (key) VALUES (x'03')";
    store.connect().expect("a connection").execute_batch(rows).expect("rows");
    back_up(&place.path(), &backup, |_, _| ()).expect("a backup");
    say(&mut store, "two");
    let in_use = restore(&backup, &place.path(), |_, _| ()).expect_err("the room is open");
    assert!(in_use.to_string().contains("another chat-app"), "{in_use}");
    assert!(matches!(restore(&place.path(), &place.path(), |_, _| ()), Err(RestoreError::Same(_))));
    let epoch = store.epoch().to_owned();
    // A room that was killed: with its log in place.
    let killed = crashed(&place);
    let restored = restore(&backup, &killed.path(), |_, _| ()).expect("restored");
    assert_eq!(restored.messages, 1);
    assert_eq!(texts(&killed.path()), ["one"]);
    let opened = killed.open();
    assert_ne!(opened.epoch(), epoch);
    for table in ["sessions", "password_resets", "host_keys"] {
        let count = format!("SELECT count(*) FROM {table}");
        assert_eq!(opened.db.query_row(&count, [], |row| row.get(0)), Ok(0), "{table}");
    }
    let old = Store::open(&restored.replaced.expect("it has a name")).expect("the old room opens");
    assert_eq!((old.head(), old.epoch()), (2, epoch.as_str()), "whole, with its log");
}

#[test]
fn what_cannot_be_restored_changes_nothing() {
    let place = Place::new();
    say(&mut place.open(), "one");
    let before = (contents(&place), place.files());
    let elsewhere = Place::new();
    let backup = part(&elsewhere, "backup.db");
    assert!(restore(&backup, &place.path(), |_, _| ()).is_err(), "there is none");
    for damage in [0..100, 4096 * 3..4096 * 4] {
        let mut bytes = fs::read(place.path()).expect("the file");
        bytes[damage].fill(0x5a);
        fs::write(&backup, bytes).expect("a damaged backup");
        let error = restore(&backup, &place.path(), |_, _| ()).expect_err("a refusal");
        assert!(error.to_string().contains("backup.db"), "{error}");
        assert_eq!((contents(&place), place.files()), before);
    }
}
