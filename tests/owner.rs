//! Whose the database is: nobody else's, and nobody else may put another in its place.

use crate::support::{Process, TestClient};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

/// "nobody", on most systems.
const SOMEBODY_ELSE: u32 = 65_534;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("one's own file");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o7777
}

/// The sentence with which the program refuses to open a room there, or to put a backup there. It makes nothing.
fn refused(database: &Path, arguments: &[&str]) -> String {
    let folder = database.parent().expect("a folder");
    let names = || fs::read_dir(folder).expect("the folder").count();
    let before = (names(), fs::read(database).ok(), fs::metadata(database).ok().map(|_| mode(database)));
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-app"));
    let mut process = Process::spawn(command.args(arguments).arg("--database").arg(database));
    assert_eq!(process.wait().code(), Some(1), "{}", process.stderr.text());
    let after = (names(), fs::read(database).ok(), fs::metadata(database).ok().map(|_| mode(database)));
    assert!(after == before, "nothing is touched");
    process.stderr.whole()
}

const OPEN: [&str; 4] = ["--bind", "127.0.0.1", "--port", "0"];

/// A room that was open, with a message in it.
fn open_and_close(database: &Path) {
    let process = Process::start(database, &[]);
    let mut ana = TestClient::connect(process.addr());
    ana.join("Ana");
    ana.say_and_wait("kept");
}

#[test]
fn somebody_elses_database_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("chat.db");
    for part in ["chat.db", "chat.db-wal", "chat.db.lock"] {
        open_and_close(&database);
        let part = folder.path().join(part);
        set_mode(&part, 0o666);
        if chown(&part, Some(SOMEBODY_ELSE), None).is_err() {
            println!("skipped: only the super-user can give files away");
            return;
        }
        let said = refused(&database, &OPEN);
        assert!(
            said.contains("belongs to another user") && said.contains(&*part.to_string_lossy()),
            "{said}"
        );
        fs::remove_file(&database).expect("removed");
        let _ = fs::remove_file(folder.path().join("chat.db-wal")); // killed, it leaves one
        let _ = fs::remove_file(folder.path().join("chat.db.lock"));
    }
}

#[test]
fn a_database_that_others_may_replace_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).expect("a folder");
    let database = inner.join("chat.db");
    for shared in [folder.path(), &inner] {
        for (bits, is_refused) in
            [(0o777, true), (0o757, true), (0o1777, false), (0o755, false), (0o700, false)]
        {
            set_mode(shared, bits);
            if is_refused {
                let said = refused(&database, &OPEN);
                assert!(said.contains("other users") && said.contains("chmod go-w"), "{bits:o}: {said}");
            } else {
                open_and_close(&database);
            }
        }
    }
    let backup = folder.path().join("backup.db");
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-app"));
    let mut made = Process::spawn(command.arg("backup").arg(&backup).arg("--database").arg(&database));
    assert_eq!(made.wait().code(), Some(0), "{}", made.stderr.text());
    set_mode(&inner, 0o777);
    let said = refused(&database, &["restore", &backup.to_string_lossy()]);
    assert!(said.contains("other users"), "{said}");
}

#[test]
fn ones_own_database_becomes_private() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("chat.db");
    open_and_close(&database);
    let parts =
        ["chat.db", "chat.db-wal", "chat.db-shm", "chat.db.lock"].map(|name| folder.path().join(name));
    for part in &parts {
        set_mode(part, 0o664);
    }
    let process = Process::start(&database, &["--log-level", "info"]);
    process.addr(); // it is open
    for part in &parts {
        assert_eq!(mode(part), 0o600, "{}", part.display());
    }
    process.stderr.wait_for("a line", &process.stdout, |log| log.contains("yours alone").then_some(()));
}
