//! Copies out of the room, and back into its place.

use std::fs::{self, File};
use std::time::SystemTime;

use super::*;
use crate::limits;
use crate::store::backup::back_up;
use crate::store::restore::{RestoreError, restore};

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

/// What a restore leaves that is killed before its copy has taken the place: a second name of what is still there.
#[cfg(unix)]
#[test]
fn a_restore_that_was_killed_early_leaves_no_second_name() {
    let place = Place::new();
    let mut store = place.open();
    say(&mut store, "one");
    back_up(&place.path(), &part(&place, "backup.db"), |_, _| ()).expect("a backup");
    let killed = crashed(&place);
    let second = part(&killed, "chat.db.replaced-2026-11-29-120000");
    fs::hard_link(killed.path(), &second).expect("a second name");
    fs::copy(part(&killed, "chat.db.lock"), part(&killed, "chat.db.replaced-2026-11-29-120000.lock"))
        .expect("a note");
    let restored = restore(&part(&place, "backup.db"), &killed.path(), |_, _| ()).expect("restored");
    let replaced = restored.replaced.expect("it has a name");
    assert!(!second.exists() && replaced != second);
    assert_eq!(texts(&replaced), ["one"]);
    assert_eq!(killed.files().iter().filter(|name| name.contains("120000")).count(), 0);
}

/// And before the log has followed its file.
#[test]
fn a_restore_that_was_killed_late_is_finished_by_the_next() {
    let place = Place::new();
    let backup = part(&place, "backup.db");
    let mut store = place.open();
    say(&mut store, "one");
    back_up(&place.path(), &backup, |_, _| ()).expect("a backup");
    say(&mut store, "two");
    let killed = crashed(&place);
    let once = restore(&backup, &killed.path(), |_, _| ()).expect("restored").replaced.expect("a name");
    let log_of = |path: &Path| file::beside(path, "-wal");
    fs::rename(log_of(&once), log_of(&killed.path())).expect("as it was a moment before");
    let error = Store::open(&killed.path()).expect_err("a refusal");
    assert!(error.to_string().contains("newest messages"), "{error}");
    restore(&backup, &killed.path(), |_, _| ()).expect("restored again");
    assert_eq!(texts(&killed.path()), ["one"]);
    let old = Store::open(&once).expect("the old room opens");
    assert_eq!((old.head(), old.epoch()), (2, store.epoch()), "whole, with its log");
}

#[test]
fn what_a_killed_backup_has_left_is_removed_by_a_later_one() {
    let place = Place::new();
    say(&mut place.open(), "one");
    let (dead, living) = (part(&place, ".chat-copy-dead"), part(&place, ".chat-copy-living"));
    for path in [&dead, &living] {
        fs::write(path, "half").expect("a file");
    }
    let long_ago = SystemTime::now() - 2 * limits::DEAD_COPY;
    File::options().write(true).open(&dead).and_then(|file| file.set_modified(long_ago)).expect("a time");
    back_up(&place.path(), &part(&place, "backup.db"), |_, _| ()).expect("a backup");
    assert!(!dead.exists() && living.exists());
}

/// The words are of the file that was given: the room's own, and where it is, are not in question.
#[test]
fn a_file_that_is_no_backup_is_told_as_such() {
    let place = Place::new();
    say(&mut place.open(), "one");
    let given = part(&place, "given.db");
    let other = Connection::open(part(&place, "other.db")).expect("a database");
    other.execute_batch("CREATE TABLE bookmarks (url)").expect("a table");
    drop(other);
    let read = |name| fs::read(part(&place, name)).expect("a file");
    let (mut damaged, mut newer) = (read("chat.db"), read("chat.db"));
    damaged[4096 * 3..4096 * 4].fill(0x5a);
    newer[60..64].copy_from_slice(&4_000_u32.to_be_bytes());
    for (content, said) in [
        (None, "no such file"),
        (Some(Vec::new()), "empty"),
        (Some(b"My thesis. ".repeat(10_000)), "not even a database"),
        (Some(read("other.db")), "another program's database, and no backup"),
        (Some(damaged), "this backup is damaged"),
        (Some(newer), "of a newer chat-app"),
    ] {
        if let Some(content) = content {
            fs::write(&given, content).expect("a file");
        }
        let error = restore(&given, &place.path(), |_, _| ()).expect_err("a refusal").to_string();
        assert!(error.contains("given.db") && error.contains(said), "{error}");
        assert!(!error.contains("--database") && error.contains("chat-app backup"), "{error}");
    }
    let nowhere =
        back_up(&place.path(), &part(&place, "nowhere/backup.db"), |_, _| ()).expect_err("a refusal");
    assert!(
        nowhere.to_string().contains("no such folder") && !nowhere.to_string().contains("--database"),
        "{nowhere}"
    );
}
