//! Opening: what is refused stays as it was, and nothing lies beside it afterwards.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rusqlite::Connection;

use super::*;
use crate::store::error::OpenProblem;
use crate::store::file::resolve;
use crate::store::{OpenError, Reader};

/// Name, content and time of change of every file in a folder.
fn everything_in(folder: &Path) -> Vec<(String, Vec<u8>, SystemTime)> {
    let entries = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry"));
    let mut all: Vec<_> = entries
        .map(|entry| {
            let changed = entry.metadata().and_then(|metadata| metadata.modified()).expect("a time");
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).unwrap_or_default(), changed)
        })
        .collect();
    all.sort();
    all
}

/// Opens it and expects a refusal that leaves everything as it was, and names the file and what to do.
fn refused(path: &Path) -> OpenError {
    let folder = path.parent().expect("a folder");
    let before = everything_in(folder);
    let error = Store::open(path).expect_err("a refusal");
    assert_eq!(everything_in(folder), before, "after: {error}");
    let text = error.to_string();
    assert!(text.starts_with(&*resolve(path).unwrap_or(path.to_owned()).to_string_lossy()), "{text}");
    error
}

/// A closed database of ours with a message in it.
fn resting() -> Place {
    let place = Place::new();
    say(&mut place.open(), "one");
    fs::remove_file(place.folder.path().join("chat.db.lock")).expect("the lock file");
    place
}

#[cfg(unix)]
#[test]
fn the_database_and_all_beside_it_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let mut store = place.open();
    say(&mut store, "one");
    assert_eq!(place.files(), ["chat.db", "chat.db-shm", "chat.db-wal", "chat.db.lock"]);
    for name in place.files() {
        let mode = fs::metadata(place.folder.path().join(&name)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn closing_leaves_one_whole_file() {
    let place = Place::new();
    let mut store = place.open();
    say(&mut store, "one");
    drop(store);
    assert_eq!(place.files(), ["chat.db", "chat.db.lock"]);
    // The file alone is the room.
    let moved = Place::new();
    fs::copy(place.path(), moved.path()).expect("a copy");
    assert_eq!(moved.open().head(), 1);
}

#[test]
fn what_a_crash_leaves_is_opened_whole() {
    let place = Place::new();
    let mut store = place.open();
    for _ in 0..3 {
        say(&mut store, "one");
    }
    let copy = crashed(&place);
    let restarted = copy.open();
    assert_eq!((restarted.head(), restarted.epoch()), (3, store.epoch()));
}

#[test]
fn a_first_start_cut_short_is_finished_by_the_next() {
    let place = Place::new();
    let db = Connection::open(place.path()).expect("a database");
    db.execute_batch("PRAGMA user_version = 1; PRAGMA user_version = 0").expect("a database without tables");
    drop(db);
    assert_eq!(say(&mut place.open(), "one"), 1);
    let place = Place::new();
    fs::write(place.path(), "").expect("an empty file");
    assert_eq!(say(&mut place.open(), "one"), 1);
}

#[test]
fn a_newer_schema_is_refused() {
    let place = resting();
    let db = Connection::open(place.path()).expect("a database");
    db.pragma_update(None, "user_version", 4_000).expect("a version");
    drop(db);
    let error = refused(&place.path());
    assert!(matches!(error.problem, OpenProblem::Newer(4_000)), "{error:?}");
    assert!(error.to_string().contains("newer"), "{error}");
}

#[test]
fn a_newer_schema_that_a_crash_left_in_the_log_is_refused() {
    let place = Place::new();
    let mut store = place.open();
    say(&mut store, "one");
    Connection::open(place.path())
        .and_then(|db| db.pragma_update(None, "user_version", 4_000))
        .expect("a version");
    let copy = crashed(&place);
    let before = fs::read(copy.path()).expect("the file");
    let log = fs::read(copy.folder.path().join("chat.db-wal")).expect("the log");
    let error = Store::open(&copy.path()).expect_err("a refusal");
    assert!(matches!(error.problem, OpenProblem::Newer(4_000)), "{error:?}");
    assert_eq!(fs::read(copy.path()).expect("the file"), before);
    assert_eq!(fs::read(copy.folder.path().join("chat.db-wal")).expect("the log"), log);
}

#[test]
fn what_is_no_database_is_refused() {
    for content in ["x", "SQLite format 3\0 and no more", &"My thesis. ".repeat(10_000)] {
        let place = Place::new();
        fs::write(place.path(), content).expect("a file");
        let error = refused(&place.path());
        assert!(matches!(error.problem, OpenProblem::NotADatabase), "{error:?}");
    }
}

#[test]
fn another_programs_database_is_refused() {
    for statements in ["CREATE TABLE bookmarks (url)", "PRAGMA application_id = 252006675"] {
        let place = Place::new();
        let db = Connection::open(place.path()).expect("a database");
        db.execute_batch(statements).expect("a foreign database");
        drop(db);
        let error = refused(&place.path());
        assert!(matches!(error.problem, OpenProblem::NotOurs), "{error:?}");
    }
}

#[test]
fn another_programs_crashed_database_is_refused_and_keeps_its_log() {
    let place = Place::new();
    let db = Connection::open(place.path()).expect("a database");
    db.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE bookmarks (url)").expect("a foreign database");
    let copy = crashed(&place);
    let contents =
        || ["chat.db", "chat.db-wal"].map(|name| fs::read(copy.folder.path().join(name)).expect("a file"));
    let before = contents();
    assert!(matches!(Store::open(&copy.path()).expect_err("refused").problem, OpenProblem::NotOurs));
    assert!(matches!(Reader::open(&copy.path()).expect_err("refused").problem, OpenProblem::NotOurs));
    assert_eq!(contents(), before);
}

#[test]
fn a_damaged_database_is_refused() {
    let damages: [fn(&mut Vec<u8>); 3] = [
        |bytes| bytes[100..200].fill(0xff),
        |bytes| bytes.truncate(bytes.len() / 2 / 4096 * 4096),
        |bytes| {
            let at = bytes.windows(8).position(|it| it == b"messages").expect("the table's name");
            bytes[at - 20..at].fill(b'!');
        },
    ];
    for damage in damages {
        let place = resting();
        let mut bytes = fs::read(place.path()).expect("the file");
        damage(&mut bytes);
        fs::write(place.path(), bytes).expect("a damaged file");
        let error = refused(&place.path());
        assert!(matches!(error.problem, OpenProblem::Damaged(_)), "{error:?}");
    }
}

#[test]
fn a_second_server_is_refused_and_the_first_goes_on() {
    let place = Place::new();
    let mut store = place.open();
    let folder = place.folder.path();
    let around = folder.join("..").join(folder.file_name().expect("a name")).join("chat.db");
    #[cfg(unix)]
    let linked = {
        let link = folder.join("link.db");
        std::os::unix::fs::symlink(place.path(), &link).expect("a link");
        link
    };
    #[cfg(not(unix))] // a link needs an administrator there
    let linked = place.path();
    for way in [place.path(), around, linked] {
        let error = Store::open(&way).expect_err("a refusal");
        assert!(matches!(error.problem, OpenProblem::InUse), "{error:?}");
        assert_eq!(error.to_string().matches("chat.db").count(), 1, "{error}");
    }
    assert_eq!(say(&mut store, "one"), 1);
    // Not even SQLite's own locks were dropped by looking at the file.
    let other = Connection::open(place.path()).expect("a connection");
    other.busy_timeout(Duration::ZERO).expect("a timeout");
    store.db.execute_batch("BEGIN IMMEDIATE").expect("the write lock");
    assert!(Store::open(&place.path()).is_err());
    assert!(other.execute_batch("BEGIN IMMEDIATE").is_err(), "the write lock is ours");
    store.db.execute_batch("COMMIT").expect("a commit");
    drop(store);
    assert_eq!(place.open().head(), 1, "free again");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let place = Place::new();
    let error = Store::open(&place.folder.path().join("nowhere").join("chat.db")).expect_err("a refusal");
    assert!(matches!(error.problem, OpenProblem::NoFolder), "{error:?}");
    assert!(error.to_string().contains("the folder for the database is not there"), "{error}");
    assert_eq!(place.files(), [""; 0]);
}

#[test]
fn a_folder_is_no_database() {
    let place = Place::new();
    fs::create_dir(place.path()).expect("a folder");
    let error = refused(&place.path());
    assert!(matches!(error.problem, OpenProblem::NotAFile(_)), "{error:?}");
}

/// A folder in which nobody can make a file. The super-user needs a file system that takes none.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let folder = place.folder.path();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o500)).expect("a mode");
    let is_super_user = fs::write(folder.join("probe"), "").is_ok();
    let path = if is_super_user { Path::new("/sys/chat.db").to_owned() } else { place.path() };
    let error = Store::open(&path).expect_err("a refusal");
    assert!(matches!(error.problem, OpenProblem::ReadOnly(_)), "{error:?}");
    assert!(!path.exists());
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).expect("a mode");
}

/// The super-user may write every file: for them it opens.
#[cfg(unix)]
#[test]
fn a_write_protected_file_is_refused_to_who_cannot_write_it() {
    use std::os::unix::fs::PermissionsExt;
    let place = resting();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o400)).expect("a mode");
    if fs::OpenOptions::new().append(true).open(place.path()).is_ok() {
        assert_eq!(place.open().head(), 1);
    } else {
        let error = refused(&place.path());
        assert!(matches!(error.problem, OpenProblem::ReadOnly(_)), "{error:?}");
    }
}

#[test]
fn reading_makes_no_database_and_refuses_what_is_not_ours() {
    let place = Place::new();
    assert!(matches!(Reader::open(&place.path()).expect_err("refused").problem, OpenProblem::Missing));
    assert_eq!(place.files(), [""; 0]);
    fs::write(place.path(), "a shopping list, longer than the header of a database".repeat(9))
        .expect("a file");
    let before = everything_in(place.folder.path());
    assert!(matches!(Reader::open(&place.path()).expect_err("refused").problem, OpenProblem::NotADatabase));
    assert_eq!(everything_in(place.folder.path()), before);
}

#[test]
fn reading_a_resting_database_leaves_it_as_it_was() {
    let place = resting();
    let before = everything_in(place.folder.path());
    let reader = Reader::open(&place.path()).expect("a reader");
    assert_eq!(reader.after(0, 9, 9_999).expect("a page").entries.len(), 1);
    drop(reader);
    assert_eq!(everything_in(place.folder.path()), before);
}

#[test]
fn a_room_in_memory_leaves_nothing_on_disk_and_is_nobody_elses() {
    let mut store = Store::open(Path::new(":memory:")).expect("a database in memory");
    let other = Store::open(Path::new(":memory:")).expect("another one");
    say(&mut store, "one");
    assert_eq!(reader(&store).after(0, 9, 9_999).expect("a page").entries.len(), 1);
    assert_eq!((store.head(), other.head()), (1, 0));
    assert_ne!(store.epoch(), other.epoch());
    assert!(!Path::new(":memory:").exists() && !Path::new(":memory:.lock").exists());
}

#[cfg(unix)]
#[test]
fn a_link_to_a_file_that_is_not_there_names_it_and_makes_none() {
    let place = Place::new();
    let link = place.folder.path().join("link.db");
    std::os::unix::fs::symlink(place.path(), &link).expect("a link");
    let error = Store::open(&link).expect_err("a refusal");
    assert!(
        matches!(&error.problem, OpenProblem::Dangling(target) if target.ends_with("chat.db")),
        "{error:?}"
    );
    assert!(error.to_string().contains("Is its disk connected?"), "{error}");
    assert_eq!(place.files(), ["link.db"]);
}
