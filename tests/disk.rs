//! The disk does not take what is said: the sender learns it, nobody is shown it, and the room goes on.

use crate::hosts::{guest, host, moderate_with};
use crate::support::{Process, TestClient, TestServer};
use chat_app::limits;
use rusqlite::Connection;
use serde_json::json;
use std::path::Path;
#[cfg(target_os = "linux")]
use std::path::PathBuf;
#[cfg(target_os = "linux")]
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Another program with SQLite's write lock on the database, for as long as this lives.
fn lock(database: &Path) -> Connection {
    let other = Connection::open(database).expect("the database");
    other.busy_timeout(Duration::from_secs(10)).expect("a timeout can be set");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    other
}

/// Lets `time` pass, as a program does that holds its lock for so long.
fn hold(time: Duration) {
    let (_sender, receiver) = mpsc::channel::<()>();
    let _ = receiver.recv_timeout(time);
}

/// Everything that needs no writing goes on.
fn expect_reading_goes_on(client: &mut TestClient, addr: std::net::SocketAddr) {
    client.expect_pong();
    client.send(json!({"event": "request_history", "before": 2}));
    assert_eq!(client.expect_event("history")["messages"][0]["message"], "before");
    let mut newcomer = TestClient::connect(addr);
    newcomer.expect_message("before");
    newcomer.expect_event("presence");
}

fn start() -> (Process, tempfile::TempDir, TestClient, TestClient) {
    let folder = tempfile::tempdir().expect("a folder for the database");
    let process = Process::start(&folder.path().join("chat.db"), &[]);
    let (mut ana, mut ben) = (TestClient::connect(process.addr()), TestClient::connect(process.addr()));
    ana.join("Ana");
    ben.join("Ben");
    ana.say_and_wait("before");
    ben.expect_message("before");
    (process, folder, ana, ben)
}

#[test]
fn a_lock_of_a_second_only_delays() {
    let (process, folder, mut ana, mut ben) = start();
    let locked = lock(&folder.path().join("chat.db"));
    let begin = Instant::now();
    (0..5).for_each(|n| ana.say_with_id(&n.to_string(), &n.to_string()));
    expect_reading_goes_on(&mut ben, process.addr());
    hold(Duration::from_secs(1).saturating_sub(begin.elapsed()));
    drop(locked);
    // On a machine too busy for its seconds, the lock was one that takes too long: see the next test.
    if begin.elapsed() < limits::SAVE_DEADLINE - Duration::from_millis(200) {
        (0..5).for_each(|n| drop(ben.expect_message(&n.to_string())));
        (0..5).for_each(|n| drop(ana.expect_message(&n.to_string())));
        assert!(ana.received("error").is_empty(), "nobody has to do anything");
    }
}

#[test]
fn a_lock_that_stays_is_told_to_the_sender_and_to_nobody_else() {
    let (process, folder, mut ana, mut ben) = start();
    let locked = lock(&folder.path().join("chat.db"));
    let begin = Instant::now();
    for n in 0..20 {
        ana.say_with_id(&n.to_string(), &n.to_string());
    }
    for n in 0..20 {
        assert_eq!(ana.expect_error("not_saved")["client_message_id"], n.to_string());
    }
    while begin.elapsed() < Duration::from_secs(10) {
        expect_reading_goes_on(&mut ben, process.addr());
        ana.say_with_id("again", "again");
        ana.expect_error("not_saved");
    }
    drop(locked);
    // All recovers by itself: what was refused can be sent again, under the same ids.
    for n in 0..20 {
        ana.say_with_id(&n.to_string(), &n.to_string());
        ben.expect_message(&n.to_string());
    }
    let log = process.stderr.text();
    let errors = log.lines().filter(|line| line.contains("ERROR")).count();
    assert!((1..=10).contains(&errors), "one line for the operator, not one a message: {errors} in\n{log}");
}

#[test]
fn a_reaction_and_a_pin_that_are_not_on_disk_are_told_to_nobody_but_their_maker() {
    let server = TestServer::start();
    let (mut host, mut ana) = (host(&server, "Ms Keller"), guest(&server, "Ana"));
    ana.say_and_wait("before");
    let locked = lock(server.database());
    let react = json!({"event": "react", "message_id": 1, "reaction": "👍", "on": true});
    ana.send(react.clone());
    let error = ana.expect_error("not_saved");
    assert_eq!((&error["message_id"], &error["reaction"]), (&json!(1), &json!("👍")));
    moderate_with(&mut host, "pin", json!({"message_id": 1}));
    host.expect_error("not_saved");
    drop(locked);
    ana.send(react);
    ana.expect_event("reacted");
    let mut late = server.connect();
    assert_eq!(late.expect_event("room").get("pinned"), None);
    for client in [&ana, &host, &late] {
        assert!(
            client
                .received("reactions")
                .iter()
                .all(|event| event["reactions"]["👍"] == 1 && event["id"] == 2)
        );
        assert!(client.received("room").iter().all(|event| event.get("pinned").is_none()));
    }
}

#[test]
fn a_reader_of_the_database_holds_up_nobody() {
    let server = TestServer::start();
    let (mut ana, mut ben) = (server.join("Ana"), server.join("Ben"));
    ana.say_and_wait("before");
    let reader = Connection::open(server.database()).expect("the database");
    reader.execute_batch("BEGIN; SELECT * FROM messages").expect("a long read");
    for n in 0..50 {
        ana.say_and_wait(&n.to_string());
        ben.expect_text(&n.to_string());
    }
    let rows: i64 = reader.query_row("SELECT count(*) FROM messages", [], |row| row.get(0)).expect("a count");
    assert_eq!(rows, 1, "and sees the log as it was");
}

/// A file system of two megabytes with a database on it, seen by one room alone.
#[cfg(target_os = "linux")]
pub struct SmallDisk {
    folder: tempfile::TempDir,
}

#[cfg(target_os = "linux")]
impl SmallDisk {
    /// None where nobody may mount a file system.
    pub fn new() -> Option<SmallDisk> {
        let disk = SmallDisk { folder: tempfile::tempdir().expect("a folder to mount on") };
        let tried = Command::new("unshare").args(["--mount", "sh", "-c", &disk.mount()]).output();
        if !tried.is_ok_and(|output| output.status.success()) {
            println!("skipped: this machine lets nobody mount a small file system");
            return None;
        }
        Some(disk)
    }

    /// The command that opens a room where nothing can be made any more.
    fn command_when_full(&self) -> Command {
        let folder = self.folder.path().display();
        let room = format!(
            "{} && ! head -c 4m /dev/zero >{folder}/filler && exec {} --bind 127.0.0.1 --port 0 --database {folder}/chat.db",
            self.mount(),
            env!("CARGO_BIN_EXE_chat-app"),
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &room]);
        command
    }

    fn mount(&self) -> String {
        format!("mount -t tmpfs -o size=2m none {}", self.folder.path().display())
    }

    /// The command that opens a room with its database there.
    pub fn command(&self, arguments: &str) -> Command {
        let room = format!(
            "{} && exec {} --bind 127.0.0.1 --port 0 --quiet --database {}/chat.db {arguments}",
            self.mount(),
            env!("CARGO_BIN_EXE_chat-app"),
            self.folder.path().display()
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &room]);
        command
    }

    /// Fills it up, for this process, until [`SmallDisk::empty`] is called with the file that is given back.
    pub fn fill(&self, process: &Process) -> PathBuf {
        // The room's mount is reached through the room's process.
        let filler = format!("/proc/{}/root{}/filler", process.id(), self.folder.path().display());
        let full = std::fs::write(&filler, vec![0; 4 << 20]).expect_err("more than there is room for");
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
        filler.into()
    }

    /// Gives back what the file takes, though another test's process that has yet to begin may hold it open.
    pub fn empty(&self, filler: &Path) {
        std::fs::write(filler, "").expect("the file can be emptied");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_room_that_starts_on_a_full_disk_says_so() {
    let Some(disk) = SmallDisk::new() else { return };
    let mut room = Process::spawn(&mut disk.command_when_full());
    assert_eq!(room.wait().code(), Some(1));
    let said = room.stderr.whole();
    assert!(said.contains("the disk is full") && said.contains("chat.db"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_refuses_and_recovers() {
    let Some(disk) = SmallDisk::new() else { return };
    let process = Process::spawn(&mut disk.command("--rate-limit 0"));
    let (mut ana, mut ben) = (TestClient::connect(process.addr()), TestClient::connect(process.addr()));
    ana.join("Ana");
    ben.join("Ben");
    ana.say_and_wait("before");

    let filler = disk.fill(&process);
    let long = "x".repeat(4000);
    let mut refused = 0;
    for n in 0..1000 {
        let id = n.to_string();
        ana.say_with_id(&format!("{n}{long}")[..4000], &id);
        let answer = ana.expect("an answer", |event| event["client_message_id"] == id.as_str());
        if answer["event"] == "error" {
            assert_eq!(answer["code"], "not_saved");
            refused += 1;
            if refused == 3 {
                break;
            }
        }
    }
    assert_eq!(refused, 3, "a full disk takes nothing");
    expect_reading_goes_on(&mut ana, process.addr());
    let shown = ana.received("receive_message").len();

    disk.empty(&filler);
    ana.say_with_id("after", "after");
    ana.expect_text("after");
    ben.expect_text("after");
    assert_eq!(
        ben.received("receive_message").len(),
        shown + 1,
        "Ben was shown what is stored, nothing else"
    );
    let log = process.stderr.text();
    assert!(log.lines().filter(|line| line.contains("ERROR")).count() <= 10, "{log}");
}
