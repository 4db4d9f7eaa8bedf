//! Whose the database is: nobody else's, and nobody else may put another in its place, or lead to another.

use crate::support::{Process, TestClient, program};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
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
    let mut command = program();
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
    let mut command = program();
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

/// Somebody who is neither the super-user nor [`SOMEBODY_ELSE`].
const ORDINARY: u32 = 20_001;

/// A computer that several people share: each has a folder, and there is one in which all may make files.
struct Shared {
    folder: tempfile::TempDir,
}

impl Shared {
    /// None where only the super-user could make it.
    fn new() -> Option<Shared> {
        let shared = Shared { folder: tempfile::tempdir().expect("a folder") };
        set_mode(shared.folder.path(), 0o755);
        for (name, mode, owner) in [("home", 0o700, ORDINARY), ("all", 0o1777, 0), ("open", 0o777, ORDINARY)]
        {
            fs::create_dir(shared.at(name)).expect("a folder");
            set_mode(&shared.at(name), mode);
            if chown(shared.at(name), Some(owner), None).is_err() {
                println!("skipped: only the super-user can give files away");
                return None;
            }
        }
        fs::copy(env!("CARGO_BIN_EXE_chat-app"), shared.at("program")).expect("the program"); // it may lie in a closed folder
        Some(shared)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn link(&self, from: &str, to: &str, owner: u32) {
        symlink(to, self.at(from)).expect("a link");
        lchown(self.at(from), Some(owner), None).expect("given away");
    }

    fn run(&self, user: u32, arguments: &[&str], database: &str) -> Process {
        let mut command = Command::new(self.at("program"));
        command.uid(user).gid(user).args(arguments).arg("--database").arg(self.at(database));
        Process::spawn(&mut command)
    }

    fn refused(&self, user: u32, arguments: &[&str], database: &str, why: &str) {
        let mut process = self.run(user, arguments, database);
        assert_eq!(process.wait().code(), Some(1), "{arguments:?} {database}: {}", process.stderr.text());
        let said = process.stderr.whole();
        assert!(said.contains(why), "{arguments:?} {database}: {said}");
    }

    /// Opens it, and says something, which is gone on with where it was opened before.
    fn open(&self, user: u32, database: &str) {
        let process = self.run(user, &[&OPEN[..], &["--quiet"]].concat(), database);
        TestClient::connect(process.addr()).join("Ana");
    }
}

/// A stranger's link in the folder of all led the room to another one of one's own: this class read what that one had said.
#[test]
fn a_strangers_link_is_not_followed_and_ones_own_is() {
    let Some(shared) = Shared::new() else { return };
    shared.open(ORDINARY, "home/7b.db");
    let foreign = "is a link that another user";
    let target = shared.at("home/7b.db");
    let target = target.to_str().expect("a path");
    for (link, to, database) in [
        ("all/chat.db", target, "all/chat.db"),
        ("all/folder", "../home", "all/folder/7b.db"),
        ("all/new", "../home", "all/new/8c.db"),
    ] {
        shared.link(link, to, SOMEBODY_ELSE);
        shared.refused(ORDINARY, &OPEN, database, foreign);
        shared.refused(ORDINARY, &OPEN, database, shared.at(link).to_str().expect("a path"));
    }
    // Nor by way of one's own, nor where others could put a link in the place of one's own.
    shared.link("home/chat.db", "../all/chat.db", ORDINARY);
    shared.refused(ORDINARY, &OPEN, "home/chat.db", foreign);
    shared.link("open/chat.db", target, ORDINARY);
    shared.refused(ORDINARY, &OPEN, "open/chat.db", "other users");
    shared.refused(ORDINARY, &["restore", target], "all/new/8c.db", foreign);
    shared.open(0, "root.db");
    shared.link("all/root.db", "../root.db", SOMEBODY_ELSE);
    shared.refused(0, &OPEN, "all/root.db", foreign);
    // What one has linked oneself leads where it led, and so does the system's.
    shared.link("all/mine", "../home", ORDINARY);
    shared.link("all/mine.db", "mine/7b.db", ORDINARY);
    shared.link("all/systems", "../home", 0);
    for database in ["home/7b.db", "all/mine.db", "all/mine/../home/7b.db", "all/systems/7b.db"] {
        shared.open(ORDINARY, database);
    }
}

#[test]
fn a_program_beside_the_room_uses_nobody_elses_database() {
    let Some(shared) = Shared::new() else { return };
    shared.open(ORDINARY, "home/7b.db");
    fs::copy(shared.at("home/7b.db"), shared.at("all/7b.db")).expect("a copy");
    chown(shared.at("all/7b.db"), Some(SOMEBODY_ELSE), None).expect("given away");
    set_mode(&shared.at("all/7b.db"), 0o666);
    let copy = shared.at("home/copy.db");
    let copy = copy.to_str().expect("a path");
    for arguments in [
        &["export"][..],
        &["host-link"],
        &["backup", copy],
        &["free-name", "Ana"],
        &["reset-password", "a@b.example"],
    ] {
        shared.refused(ORDINARY, arguments, "all/7b.db", "belongs to another user");
    }
    // Nor is one's own found by a stranger's link, or where others could put another.
    shared.link("all/link.db", "../home/7b.db", SOMEBODY_ELSE);
    shared.link("open/7b.db", "../home/7b.db", ORDINARY);
    for arguments in [&["export"][..], &["host-link"], &["backup", copy]] {
        shared.refused(ORDINARY, arguments, "all/link.db", "is a link that another user");
        shared.refused(ORDINARY, arguments, "open/7b.db", "other users");
    }
    // The super-user looks after others' rooms.
    let mut process = shared.run(0, &["export"], "home/7b.db");
    assert_eq!(process.wait().code(), Some(0), "{}", process.stderr.whole());
}

#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    for (pipe, arguments) in
        [("chat.db", &OPEN[..]), ("chat.db-wal", &OPEN), ("chat.db.lock", &OPEN), ("chat.db", &["export"])]
    {
        let folder = tempfile::tempdir().expect("a folder");
        let (database, pipe) = (folder.path().join("chat.db"), folder.path().join(pipe));
        if pipe != database {
            open_and_close(&database);
            let _ = fs::remove_file(&pipe);
        }
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
        let mut command = program();
        let mut process = Process::spawn(command.args(arguments).arg("--database").arg(&database));
        assert_eq!(process.wait().code(), Some(1), "{}", process.stderr.text());
        let said = process.stderr.whole();
        assert!(said.contains(&format!("{} is no file", pipe.display())), "{said}");
    }
}
