//! Copies that the program makes: a backup of a room that is open, and its restoring, however it ends.

use super::{Room, files, run};
use crate::support::{Process, Random, program};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

#[test]
fn a_backup_is_made_while_the_room_talks_and_restored_when_it_is_closed() {
    let mut room = Room::start();
    for n in 0..200 {
        room.say(&format!("{n} {}", "x".repeat(3_000)));
    }
    let (database, target) = (room.path("chat.db"), room.path("backup.db"));
    let mut command = program();
    let mut backup = Process::spawn(command.arg("backup").arg(&target).arg("--database").arg(&database));
    let mut meanwhile = 0;
    while !target.exists() {
        room.say("meanwhile");
        meanwhile += 1;
        assert!(meanwhile < 100_000, "{}", backup.stderr.text());
    }
    assert_eq!(backup.wait().code(), Some(0));
    let said = backup.stdout.whole();
    assert!(said.contains("backup.db") && said.contains("MB") && said.contains("write-ahead log"), "{said}");
    assert_eq!(backup.stderr.whole(), "", "no progress without a terminal");
    let (code, _, log) = run(room.folder.path(), &["backup", "backup.db"]);
    assert!(code == Some(1) && log.contains("Choose another name"), "{log}");
    let (code, _, log) = run(room.folder.path(), &["restore", "backup.db"]);
    assert!(code == Some(1) && log.contains("another chat-app"), "{log}");

    room.say("after it");
    let seen = room.view.position();
    room.process.kill();
    let (code, said, log) = run(room.folder.path(), &["restore", "backup.db"]);
    assert_eq!(code, Some(0), "{log}");
    let replaced =
        said.lines().find_map(|line| line.split_once("What was there is ")?.1.strip_suffix(" now."));
    let replaced = PathBuf::from(replaced.unwrap_or_else(|| panic!("no name in {said}")));
    room.start_again();
    assert!(room.was_reset() && room.view.position() < seen);
    let texts = room.view.texts().join("\n");
    assert!(texts.contains("199 x") && !texts.contains("after it"));
    let (code, said, log) = run(room.folder.path(), &["export", "--database", &replaced.to_string_lossy()]);
    assert!(code == Some(0) && said.contains("after it"), "what was there is whole: {log}");
}

/// However a restore ends, the next start opens the old room, or the new one, or says what to do; and nothing is lost.
#[test]
fn a_restore_that_is_killed_leaves_no_mixture() {
    let mut random = Random::new(7);
    let mut room = Room::start();
    for n in 0..300 {
        room.say(&format!("{n} {}", "x".repeat(3_000)));
    }
    assert_eq!(run(room.folder.path(), &["backup", "backup.db"]).0, Some(0));
    room.say("the newest");
    room.process.kill();
    let restored = |folder: &Path, patience: Duration| {
        let mut command = program();
        let mut process = Process::spawn(command.current_dir(folder).args(["restore", "backup.db"]));
        let (_never, silence) = mpsc::channel::<()>();
        let _ = silence.recv_timeout(patience);
        process.kill();
    };
    let (once, begin) = (clone(room.folder.path()), Instant::now());
    assert_eq!(run(once.path(), &["restore", "backup.db"]).0, Some(0));
    let longest = begin.elapsed().as_micros() as u64;
    for _ in 0..12 {
        let folder = clone(room.folder.path());
        restored(folder.path(), Duration::from_micros(random.within(0..longest)));
        let (code, said, log) = run(folder.path(), &["export"]);
        let newest = said.contains("the newest");
        match code {
            Some(0) => assert!(said.contains("299 x"), "{log}"),
            _ => assert!(log.contains("the newest messages") && log.contains("restore"), "{log}"),
        }
        let kept = fs::read_dir(folder.path()).expect("the folder").any(|file| {
            let name = file.expect("a file").file_name().to_string_lossy().into_owned();
            name.contains(".replaced-")
        });
        assert!(newest || kept, "the old room is there under one name or the other: {log}");
    }
}

/// A folder with the same files.
fn clone(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    for (path, bytes) in files(folder) {
        fs::write(copy.path().join(path.file_name().expect("a name")), bytes).expect("a copy");
    }
    copy
}
