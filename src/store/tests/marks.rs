//! Which file it is: the room's own, a copy, or one beside another's log.

use std::fs;

use rusqlite::Connection;
use rusqlite::backup::Progress;

use super::*;
use crate::limits;
use crate::store::Reader;
use crate::store::error::OpenProblem;
use crate::store::lock::Mark;
use crate::store::mark::in_file;

/// The newest mark, wherever it is.
fn mark_of(db: &Connection) -> rusqlite::Result<Mark> {
    db.query_row("SELECT mark FROM room", [], |row| row.get(0)).map(|mark: Vec<u8>| Mark::from_bytes(&mark))
}

/// Waits until everything is in the file itself, as a copy of it alone shows, and the room knows.
fn wait_until_quiet(place: &Place, last: &str) {
    eventually("the file has it", || {
        let note = fs::read_to_string(part(place, "chat.db.lock")).expect("the note");
        if note.contains("uncopied") {
            return false;
        }
        let copy = Place::new();
        fs::copy(place.path(), copy.path()).expect("a copy");
        Reader::open(&copy.path()).is_ok() && texts(&copy.path()).last().is_some_and(|text| text == last)
    });
}

/// A refusal of what would be a mixture, by the room and by who reads beside it; nothing is touched.
pub(super) fn expect_foreign_log(place: &Place) {
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

/// From the first moment on, and as soon as it has been emptied.
#[test]
fn a_log_that_was_taken_away_is_missed() {
    let place = Place::new();
    let mut store = place.open();
    let without_log = || {
        let killed = crashed(&place);
        fs::remove_file(part(&killed, "chat.db-wal")).expect("taken away");
        killed.open().epoch().to_owned()
    };
    assert_ne!(without_log(), store.epoch(), "nothing was said yet");
    say(&mut store, "one");
    assert_ne!(without_log(), store.epoch());
    drop(store);
    let mut store = place.open();
    assert_ne!(without_log(), store.epoch(), "not even with nothing in it");
    delete(&mut store, 1);
    eventually("the log is emptied, and begins with a mark", || {
        let size = fs::metadata(part(&place, "chat.db-wal")).map_or(0, |log| log.len());
        (1..20_000).contains(&size)
    });
    eventually("that is noted", || without_log() != store.epoch());
    assert_eq!(crashed(&place).open().epoch(), store.epoch());
}

/// A database that somebody has removed, but for what lies beside it, is followed by a new room.
#[test]
fn a_new_room_beside_the_note_of_another_is_its_own() {
    let place = Place::new();
    let mut store = place.open();
    for text in ["one", "two", "three"] {
        say(&mut store, text);
    }
    drop(store);
    fs::remove_file(place.path()).expect("removed");
    let mut store = place.open();
    for round in 0..3 {
        let killed = crashed(&place);
        assert_eq!(killed.open().epoch(), store.epoch(), "killed in round {round}");
        say(&mut store, "one");
    }
}

/// As replicating programs do it, which hold the log in between.
#[test]
fn a_log_that_another_program_has_started_over_is_no_earlier_files() {
    let place = Place::new();
    let mut store = place.open();
    let log = || fs::read(part(&place, "chat.db-wal")).expect("the log").get(16..24).map(<[u8]>::to_vec);
    let other = Connection::open(place.path()).expect("a connection");
    let hold = || other.execute_batch("BEGIN; SELECT count(*) FROM room").expect("a snapshot");
    hold();
    let mut snapshots = Vec::new();
    for round in 0..3 {
        say(&mut store, &format!("{round} {}", "x".repeat(9_000)));
        let snapshot = part(&place, &format!("snapshot {round}"));
        let from = Connection::open(place.path()).expect("a connection");
        from.backup("main", &snapshot, None::<fn(Progress)>).expect("a file of this moment");
        let mark = mark_of(&from).expect("a mark");
        snapshots.push(snapshot);
        say(&mut store, &format!("{round}, of which it knows nothing"));
        eventually("it is marked", || mark_of(&from) != Ok(mark));
        let before = log();
        eventually("the log has started over", || {
            other.execute_batch("COMMIT; PRAGMA wal_checkpoint(PASSIVE)").expect("copied");
            say(&mut store, "on");
            hold();
            log() != before
        });
        for snapshot in &snapshots {
            let killed = crashed(&place);
            fs::copy(snapshot, killed.path()).expect("put in its place");
            expect_foreign_log(&killed);
        }
        let killed = crashed(&place);
        assert_eq!(killed.open().head(), store.head(), "its own file has all");
    }
}

/// Before the room could mark what was said last.
#[test]
fn a_file_of_before_beside_a_log_that_somebody_else_has_started_over_is_not_its_rooms_own() {
    let place = Place::new();
    let mut store = place.open();
    say(&mut store, "in both");
    wait_until_quiet(&place, "in both");
    let snapshot = part(&place, "snapshot");
    let other = Connection::open(place.path()).expect("a connection");
    other.backup("main", &snapshot, None::<fn(Progress)>).expect("a file of this moment");
    say(&mut store, "in one");
    let log = || fs::read(part(&place, "chat.db-wal")).expect("the log").get(16..24).map(<[u8]>::to_vec);
    let before = log();
    eventually("somebody else has started it over", || {
        other.execute_batch("PRAGMA wal_checkpoint(PASSIVE); UPDATE room SET title = 'x'").expect("copied");
        log() != before
    });
    let killed = crashed(&place);
    fs::copy(&snapshot, killed.path()).expect("put in its place");
    let opened = Store::open(&killed.path());
    assert!(opened.is_err() || opened.is_ok_and(|opened| opened.epoch() != store.epoch()));
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
    let epoch = as_an_earlier_version(&place);
    assert_eq!(place.open().epoch(), epoch);
    assert_eq!(place.open().epoch(), epoch);
}

/// Makes it of the closed room that is there; gives back its epoch.
pub(super) fn as_an_earlier_version(place: &Place) -> String {
    let db = Connection::open(place.path()).expect("a connection");
    let before = "ALTER TABLE room DROP COLUMN mark; ALTER TABLE guests DROP COLUMN address;
                  ALTER TABLE guests DROP COLUMN has_spoken; ALTER TABLE guests DROP COLUMN browser;
                  ALTER TABLE users DROP COLUMN chooses_name; ALTER TABLE room DROP COLUMN invite_code;
                  ALTER TABLE room DROP COLUMN names_fixed;
                  DROP TABLE former_names; DROP TABLE names_to_free;
                  DROP TABLE account_browsers; DROP TABLE speakers; DROP TABLE replies;
                  DROP TABLE reaction_counts; DROP TABLE reactions; ALTER TABLE room DROP COLUMN pinned;
                  PRAGMA user_version = 4";
    db.execute_batch(before).expect("as it was");
    fs::write(part(place, "chat.db.lock"), "").expect("as it was");
    db.query_row("SELECT epoch FROM room", [], |row| row.get(0)).expect("an epoch")
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
