//! Copies of the room's file, made by hand or by the program, put back by hand or by the program, and killed on the way: a room is
//! whole, or is not opened.

mod backup;

use crate::support::{DEADLINE, Process, Signal, TestClient, View, free_port, key, program};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tempfile::TempDir;

/// A room on a port that it comes back to, and a client who has seen all of it.
struct Room {
    folder: TempDir,
    port: u16,
    process: Process,
    view: View,
    client: TestClient,
}

impl Room {
    fn start() -> Room {
        let (folder, port) = (tempfile::tempdir().expect("a folder"), free_port());
        let process = Process::start_on(port, &folder.path().join("chat.db"), &[]);
        let (mut view, mut client) = enter(process.addr(), View::default());
        view.follow_replay(&mut client).expect("a replay");
        Room { folder, port, process, view, client }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn say(&mut self, text: &str) {
        let next = self.view.position() + 1;
        self.client.say(text);
        self.view.follow_to(&mut self.client, next).expect("a receipt");
    }

    /// Ends the room so that everything is in one file, which a machine too busy for its two seconds may need a second try for.
    fn close(&mut self) {
        let until = Instant::now() + DEADLINE;
        loop {
            self.process.signal(Signal::TERM);
            assert_eq!(self.process.wait().code(), Some(0), "{}", self.process.stderr.text());
            if !self.path("chat.db-wal").exists() {
                return;
            }
            assert!(Instant::now() < until, "it is never closed");
            self.process = Process::start_on(self.port, &self.path("chat.db"), &[]);
            self.process.addr(); // it is open
        }
    }

    /// Waits until a copy of the file alone has the newest message.
    fn wait_until_quiet(&self) {
        let until = Instant::now() + DEADLINE;
        loop {
            let copy = tempfile::tempdir().expect("a folder");
            fs::copy(self.path("chat.db"), copy.path().join("chat.db")).expect("a copy");
            let (code, log, _) = run(copy.path(), &["export", "--format", "json"]);
            let texts = self.view.texts();
            if code == Some(0) && log.contains(texts.last().expect("something was said")) {
                return;
            }
            assert!(Instant::now() < until, "the file never has everything");
        }
    }

    /// Opens what is there now, on the same port, and lets the client come back.
    fn start_again(&mut self) {
        self.process = Process::start_on(self.port, &self.path("chat.db"), &[]);
        self.come_back();
    }

    fn come_back(&mut self) {
        let (view, client) = enter(self.process.addr(), std::mem::take(&mut self.view));
        (self.view, self.client) = (view, client);
        self.view.follow_replay(&mut self.client).expect("a replay");
    }

    /// Whether the client was told to drop what it shows.
    fn was_reset(&self) -> bool {
        self.client.received("welcome")[0]["reset"] == true
    }

    /// Nothing opens what is there now; gives back the sentence that says why. It leaves every file as it is.
    fn expect_refused(&self) -> String {
        let before = files(self.folder.path());
        let (code, _, log) = run(self.folder.path(), &["--bind", "127.0.0.1", "--port", "0"]);
        assert_eq!(code, Some(1), "{log}");
        let (code, _, said) = run(self.folder.path(), &["export"]);
        assert_eq!(code, Some(1), "{said}");
        assert!(files(self.folder.path()) == before, "nothing is touched: {log}");
        log
    }
}

/// Comes in where the view left off.
fn enter(addr: SocketAddr, view: View) -> (View, TestClient) {
    let mut client = view.connect(addr);
    client.join_with_keys("Ana", &key("Ana"), &key("tab"));
    (view, client)
}

/// Runs the program in a folder; exit code, what it printed, what it logged.
fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    Process::run(program().current_dir(folder).args(arguments))
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = entries.map(|path| (path.clone(), fs::read(path).unwrap_or_default())).collect();
    files.sort();
    files
}

#[test]
fn the_file_of_a_quiet_room_is_the_whole_room() {
    let mut room = Room::start();
    for n in 0..100 {
        room.say(&format!("message {n}"));
    }
    room.wait_until_quiet();
    let copy = tempfile::tempdir().expect("a folder");
    fs::copy(room.path("chat.db"), copy.path().join("chat.db")).expect("a copy");
    let elsewhere = Process::start(&copy.path().join("chat.db"), &[]);
    let mut view = View::default();
    let mut client = view.connect(elsewhere.addr());
    view.follow_replay(&mut client).expect("a replay");
    view.scroll_back(&mut client, 200).expect("what was before");
    assert_eq!(view.texts(), room.view.texts());
}

#[test]
fn another_file_beside_the_log_of_a_killed_room_is_refused() {
    let mut room = Room::start();
    room.say("before the backup");
    room.wait_until_quiet();
    fs::copy(room.path("chat.db"), room.path("older")).expect("a copy by hand");
    let (code, _, log) = run(room.folder.path(), &["backup", "backup.db"]);
    assert_eq!(code, Some(0), "{log}");
    for n in 0..300 {
        room.say(&format!("after it {n}"));
    }
    room.wait_until_quiet();
    room.say("only in the log");
    room.process.kill();
    fs::copy(room.path("chat.db"), room.path("own")).expect("a copy");
    for name in ["older", "backup.db"] {
        fs::copy(room.path(name), room.path("chat.db")).expect("put in its place");
        let said = room.expect_refused();
        assert!(said.contains("chat.db: the newest messages") && said.contains("-wal"), "{name}: {said}");
        assert!(said.contains("restore"), "{name}: {said}");
    }
    fs::remove_file(room.path("chat.db")).expect("moved away");
    let (code, _, log) = run(room.folder.path(), &["--bind", "127.0.0.1", "--port", "0"]);
    assert_eq!(code, Some(1), "never a new room over the old one's log: {log}");
    assert!(!room.path("chat.db").exists());
    // The first way out: its own file.
    fs::rename(room.path("own"), room.path("chat.db")).expect("put back");
    room.start_again();
    assert!(!room.was_reset());
    assert_eq!(room.view.texts().last(), Some(&"only in the log"));
    // The second: without the log.
    room.say("on");
    room.process.kill();
    fs::rename(room.path("backup.db"), room.path("chat.db")).expect("put in its place");
    fs::rename(room.path("chat.db-wal"), room.path("aside")).expect("moved away");
    room.start_again();
    assert!(room.was_reset(), "the client had seen more");
    assert_eq!(room.view.texts(), ["before the backup"]);
}

#[test]
fn an_older_file_put_back_tells_everybody_who_has_seen_more() {
    let mut room = Room::start();
    room.say("one");
    room.wait_until_quiet();
    fs::copy(room.path("chat.db"), room.path("older")).expect("a copy of this very start");
    room.say("two");
    room.close();
    fs::rename(room.path("older"), room.path("chat.db")).expect("put back");
    room.start_again();
    assert!(room.was_reset());
    assert_eq!(room.view.texts(), ["one"]);
    for text in ["three", "four"] {
        room.say(text);
    }
    room.process.kill();
    room.start_again();
    assert!(!room.was_reset(), "now it is the room's own");
    assert_eq!(room.view.texts(), ["one", "three", "four"]);
}

/// However soon it was killed.
#[test]
fn a_killed_rooms_file_without_its_log_is_a_copy() {
    let mut room = Room::start();
    room.say("one");
    room.process.kill();
    fs::remove_file(room.path("chat.db-wal")).expect("removed");
    room.process = Process::start_on(room.port, &room.path("chat.db"), &[]);
    let mut ben = TestClient::connect(room.process.addr());
    ben.join("Ben");
    ben.say_and_wait("in its place");
    room.come_back();
    assert!(room.was_reset(), "the client shows another one there");
    assert_eq!(room.view.texts(), ["in its place"]);
}

#[test]
fn half_a_copy_is_no_new_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let original = rusqlite::Connection::open(folder.path().join("original")).expect("a database");
    original
        .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE messages (position INTEGER PRIMARY KEY)")
        .expect("a table, in the log");
    fs::copy(folder.path().join("original"), folder.path().join("chat.db")).expect("half a copy");
    let before = fs::read(folder.path().join("chat.db")).expect("a file");
    for arguments in [&["--bind", "127.0.0.1", "--port", "0"][..], &["export"], &["backup", "b.db"]] {
        let (code, _, log) = run(folder.path(), arguments);
        assert_eq!(code, Some(1), "{log}");
        assert!(log.contains("half of a copy") && log.contains("backup"), "{log}");
        assert!(fs::read(folder.path().join("chat.db")).expect("a file") == before);
    }
    assert!(!folder.path().join("b.db").exists());
}

/// Twenty descriptors are too few for a room, and the start ends at another point with each number.
#[cfg(target_os = "linux")]
#[test]
fn a_start_that_fails_leaves_the_log_of_a_killed_room_its_own() {
    let mut room = Room::start();
    room.say("one");
    room.say("two");
    room.process.kill();
    for descriptors in 6..=20 {
        let mut command = std::process::Command::new("prlimit");
        command.arg(format!("--nofile={descriptors}:{descriptors}")).arg(env!("CARGO_BIN_EXE_chat-app"));
        command.args(["--bind", "127.0.0.1", "--port", "0", "--quiet"]).arg("--database");
        let output = command.arg(room.path("chat.db")).output().expect("util-linux is there");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && !said.contains("is a copy"), "{descriptors}: {said}");
    }
    room.start_again();
    assert!(!room.was_reset(), "it is the same log");
    assert_eq!(room.view.texts(), ["one", "two"]);
}

/// Wherever the damage is found. Its log may be of use with another file.
#[test]
fn a_damaged_file_that_is_refused_and_its_log_stay_as_they_were() {
    let mut room = Room::start();
    for n in 0..300 {
        room.say(&format!("message {n} {}", "x".repeat(900)));
    }
    room.wait_until_quiet();
    room.say("only in the log");
    room.process.kill();
    let own = fs::read(room.path("chat.db")).expect("the file");
    let page_of = |text: &str| own.windows(text.len()).rposition(|bytes| bytes == text.as_bytes());
    let mut pages =
        ["message 100 ", "message 280 "].map(|text| page_of(text).expect("its page") / 4096).to_vec();
    fs::write(room.path("copy"), &own).expect("a copy");
    let copy = rusqlite::Connection::open(room.path("copy")).expect("a database");
    for table in ["users", "sessions", "host_actions"] {
        let select = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
        let page: usize = copy.query_row(select, [table], |row| row.get(0)).expect("its page");
        pages.push(page - 1);
    }
    for page in pages {
        let mut damaged = own.clone();
        damaged[page * 4096..][..4096].fill(0x5a);
        fs::write(room.path("chat.db"), &damaged).expect("a damaged file");
        let (code, _, log) = run(room.folder.path(), &["--bind", "127.0.0.1", "--port", "0"]);
        assert_eq!(code, Some(1), "{page}: {log}");
        assert!(
            log.contains("this database is damaged") && log.contains("chat-app restore"),
            "{page}: {log}"
        );
        assert!(fs::read(room.path("chat.db")).expect("the file") == damaged, "{page}: nothing is changed");
    }
    fs::write(room.path("chat.db"), own).expect("put back");
    room.start_again();
    assert!(!room.was_reset());
    assert_eq!(room.view.texts().last(), Some(&"only in the log"));
}
