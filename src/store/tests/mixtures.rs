//! Files and logs that look as if they belonged together, and starts that were cut short.

use std::fs;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::marks::{as_an_earlier_version, expect_foreign_log};
use super::*;
use crate::limits;
use crate::store::error::OpenProblem;
use crate::store::lock::{Mark, Note};
use crate::store::mark::in_file;

/// A file that is copied before its log was ever copied into it.
#[test]
fn a_new_rooms_file_is_known_from_the_first_moment() {
    let (place, copy) = (Place::new(), Place::new());
    let mut store = place.open();
    fs::copy(place.path(), copy.path()).expect("a copy");
    say(&mut store, "one");
    assert_ne!(copy.open().epoch(), store.epoch());
    assert_ne!(in_file(&place.path()).expect("a mark"), Mark::default());
}

#[test]
fn of_two_copies_that_both_went_on_one_is_not_the_other() {
    let (place, other) = (Place::new(), Place::new());
    let epoch = place.open().epoch().to_owned();
    for name in place.files() {
        fs::copy(part(&place, &name), part(&other, &name)).expect("a copy of the folder");
    }
    for place in [&place, &other] {
        say(&mut place.open(), "on");
        assert_eq!(place.open().epoch(), epoch);
    }
    fs::copy(other.path(), place.path()).expect("put in its place");
    assert_ne!(place.open().epoch(), epoch);
}

/// Killed when there was a log, and nothing in it.
#[test]
fn a_copy_whose_first_start_was_cut_short_is_a_copy_at_the_next() {
    let (place, copy) = (Place::new(), Place::new());
    say(&mut place.open(), "one");
    fs::copy(place.path(), copy.path()).expect("a copy");
    let epoch = place.open().epoch().to_owned();
    let _store = Store::open(&copy.path()).expect("opens");
    let killed = crashed(&copy);
    let log = fs::File::options().write(true).open(part(&killed, "chat.db-wal")).expect("a log");
    log.set_len(32).expect("its header alone");
    assert_ne!(killed.open().epoch(), epoch);
    // Or a moment later.
    let killed = crashed(&copy);
    let opened = killed.open();
    assert_ne!(opened.epoch(), epoch);
    assert_eq!((crashed(&killed).open().epoch(), opened.head()), (opened.epoch(), 1));
}

#[test]
fn an_earlier_log_beside_the_rooms_own_file_is_refused() {
    let place = Place::new();
    let mut store = place.open();
    say(&mut store, "one");
    let killed = crashed(&place);
    let log = fs::read(part(&killed, "chat.db-wal")).expect("the log");
    let mut store = killed.open();
    say(&mut store, "two");
    let epoch = store.epoch().to_owned();
    drop(store);
    fs::write(part(&killed, "chat.db-wal"), log).expect("put back");
    expect_foreign_log(&killed);
    fs::remove_file(part(&killed, "chat.db-wal")).expect("moved away");
    let store = killed.open();
    assert_eq!((store.epoch(), store.head()), (epoch.as_str(), 2));
}

/// It has the mark of its moment, and its pages lie elsewhere.
#[test]
fn what_a_program_has_copied_page_by_page_is_not_the_logs_file() {
    let place = Place::new();
    let mut store = place.open();
    for _ in 0..12 {
        say(&mut store, &"x".repeat(3_000));
    }
    let copied = part(&place, "copied");
    let db = Connection::open(place.path()).expect("a connection");
    db.execute("VACUUM INTO ?1", [copied.to_str()]).expect("a copy");
    say(&mut store, "on");
    let killed = crashed(&place);
    fs::copy(&copied, killed.path()).expect("put in its place");
    fs::remove_file(part(&killed, "copied")).expect("moved");
    expect_foreign_log(&killed);
}

#[test]
fn an_unmarked_file_is_soon_told_from_the_one_that_was_renewed() {
    let place = Place::new();
    say(&mut place.open(), "last week");
    as_an_earlier_version(&place);
    let last_week = fs::read(place.path()).expect("the file");
    let mut store = place.open();
    say(&mut store, "today");
    eventually("it is told", || {
        thread::sleep(limits::QUIET / 4);
        let killed = crashed(&place);
        fs::write(killed.path(), &last_week).expect("put in its place");
        matches!(Store::open(&killed.path()), Err(error) if matches!(error.problem, OpenProblem::ForeignLog))
    });
    assert_eq!(crashed(&place).open().epoch(), store.epoch());
}

/// Takes files away from under open stores, which Windows allows nobody.
#[cfg(unix)]
#[test]
fn a_killed_room_without_its_note_is_opened_as_a_copy() {
    let place = Place::new();
    let mut store = place.open();
    for text in ["one", "two"] {
        say(&mut store, text);
    }
    let killed = crashed(&place);
    fs::remove_file(part(&killed, "chat.db.lock")).expect("removed");
    assert_eq!(texts(&killed.path()), ["one", "two"]);
    let opened = Store::open(&killed.path()).expect("opens");
    assert_ne!(opened.epoch(), store.epoch());
    assert_eq!(opened.head(), 2);
    let again = crashed(&killed).open();
    assert_eq!((again.head(), again.epoch() == store.epoch()), (2, false));
    // Not beside another room's log.
    let other = Place::new();
    say(&mut other.open(), "another room");
    fs::copy(other.path(), killed.path()).expect("put in its place");
    fs::remove_file(part(&killed, "chat.db.lock")).expect("removed");
    expect_foreign_log(&killed);
}

/// Of a room that was killed, or closed.
#[test]
fn a_start_that_ends_before_the_room_is_open_changes_nothing() {
    let place = Place::new();
    say(&mut place.open(), "one");
    let mut store = place.open();
    say(&mut store, "two");
    let killed = crashed(&place);
    drop(store);
    for place in [killed, place] {
        let before = contents(&place);
        let store = Store::open(&place.path()).expect("opens");
        let other = store.connect().expect("a connection");
        other.query_row("SELECT epoch FROM room", [], |_| Ok(())).expect("a row");
        drop(store);
        drop(other);
        assert_eq!(contents(&place), before);
        assert_eq!(place.open().head(), 2);
    }
}

/// Receipts would be for what nobody finds.
#[cfg(unix)]
#[test]
fn a_file_that_is_replaced_while_the_room_is_open_takes_nothing_more() {
    let place = Place::new();
    let mut store = place.open();
    say(&mut store, "one");
    for round in 0..2 {
        let aside = part(&place, "aside");
        fs::rename(place.path(), &aside).expect("moved");
        if round == 1 {
            fs::write(place.path(), "another").expect("another file");
        }
        let turn = [message("lost", 1, None)];
        eventually("it is noticed", || matches!(store.append(&turn), Err(AppendError::Failed(_))));
        fs::rename(&aside, place.path()).expect("put back");
        eventually("and that it is back", || store.append(&turn).is_ok());
    }
}

/// As an earlier file has it whose log others have started over since.
#[test]
fn a_log_that_lacks_something_between_is_a_mixture() {
    let place = Place::new();
    let mut store = place.open();
    for n in 0..20 {
        say(&mut store, &format!("{n}"));
    }
    delete(&mut store, 3);
    delete(&mut store, 5);
    say(&mut store, "on");
    assert_eq!(crashed(&place).open().epoch(), store.epoch());
    one(&mut store, Change::Clear);
    for text in ["new", "lesson"] {
        say(&mut store, text);
    }
    while !patiently(|| store.overwrite(7)) {
        assert_eq!(crashed(&place).open().epoch(), store.epoch());
    }
    let note = |place: &Place| Note::left_beside(&place.path()).expect("reads").expect("nobody holds it");
    eventually("the newest is noted", || {
        thread::sleep(limits::QUIET / 4);
        note(&crashed(&place)).head == store.head()
    });
    for lost in ["(SELECT max(position) - 1 FROM messages)", "(SELECT max(position) FROM messages)"] {
        let killed = crashed(&place);
        let db = Connection::open(killed.path()).expect("a connection");
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).expect("a flag");
        db.execute(&format!("DELETE FROM messages WHERE position = {lost}"), []).expect("lost");
        drop(db);
        expect_foreign_start(&killed);
    }
}

fn expect_foreign_start(place: &Place) {
    let before = contents(place);
    let error = Store::open(&place.path()).expect_err("a refusal");
    assert!(matches!(error.problem, OpenProblem::ForeignLog), "{error:?}");
    assert_eq!(contents(place), before);
}

/// No mark tells then what is in the file.
#[test]
fn a_file_is_checked_whole_whose_log_others_have_started_over() {
    let place = Place::new();
    let mut store = place.open();
    say(&mut store, &"y".repeat(20_000));
    let other = Connection::open(place.path()).expect("a connection");
    eventually("the damage is found", || {
        for _ in 0..3 {
            other.execute_batch("PRAGMA wal_checkpoint(PASSIVE)").expect("copied");
            say(&mut store, "on");
        }
        let killed = crashed(&place);
        let mut bytes = fs::read(killed.path()).expect("the file");
        let Some(at) = bytes.windows(4_000).position(|part| part.iter().all(|&byte| byte == b'y')) else {
            return false;
        };
        let whole = crashed(&place);
        bytes[at / 4096 * 4096..][..4096].fill(0x5a);
        fs::write(killed.path(), bytes).expect("a damaged file");
        let is_found = matches!(Store::open(&killed.path()), Err(error) if matches!(error.problem, OpenProblem::Damaged(_)));
        assert_eq!(whole.open().head(), store.head(), "its own file is whole");
        is_found
    });
}
