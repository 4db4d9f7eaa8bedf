//! The process dies at the worst moments: what anybody has seen is stored, and what is stored reaches everybody.

use crate::support::{Ended, Process, TestClient, View, armed, epoch, free_port, key};
use chat_app::inside::TRIGGER;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A room on a port that it comes back to.
struct Room {
    process: Process,
    port: u16,
    database: PathBuf,
    _folder: TempDir,
}

impl Room {
    fn start(point: Option<&str>) -> Room {
        let folder = tempfile::tempdir().expect("a folder for the database");
        let (port, database) = (free_port(), folder.path().join("chat.db"));
        Room { process: start(port, &database, point), port, database, _folder: folder }
    }

    fn addr(&self) -> SocketAddr {
        self.process.addr()
    }

    fn start_again(&mut self) {
        self.process = start(self.port, &self.database, None);
    }
}

fn start(port: u16, database: &Path, point: Option<&str>) -> Process {
    let mut command = Process::command(database);
    command.args(["--port", &port.to_string()]);
    if let Some(point) = point {
        armed(&mut command, point);
    }
    let process = Process::spawn(&mut command);
    process.addr();
    process
}

/// Someone in the room, with a view of the log.
struct Guest {
    name: &'static str,
    view: View,
    client: TestClient,
}

impl Guest {
    fn join(room: &Room, name: &'static str) -> Guest {
        let view = View::default();
        let client = view.connect(room.addr());
        let mut guest = Guest { name, view, client };
        guest.enter();
        guest
    }

    fn enter(&mut self) {
        self.view.follow_replay(&mut self.client).expect("a replay");
        self.client.join_with_keys(self.name, &key(self.name), &key("tab"));
    }

    /// Reads what came before the connection broke.
    fn read_out(&mut self) {
        let end = self.view.follow_to(&mut self.client, u64::MAX).expect_err("the process died");
        assert_ne!(end, Ended::Silent);
    }

    fn come_back(&mut self, room: &Room) {
        self.client = self.view.connect(room.addr());
        self.enter();
    }
}

#[test]
fn a_kill_loses_nothing_that_was_acknowledged() {
    let mut room = Room::start(None);
    let mut ana = Guest::join(&room, "Ana");
    for n in 0..5 {
        (0..20).for_each(|i| ana.client.say(&format!("{n}:{i}")));
        let head = ana.view.position();
        ana.view.follow_to(&mut ana.client, head + 10).expect("receipts");
        room.process.kill();
        ana.read_out();
        let seen = ana.view.position();
        room.start_again();
        ana.come_back(&room);
        assert!(ana.view.position() >= seen);
        let mut whole = View::default();
        let mut client = TestClient::resume(room.addr(), 0, &epoch(room.addr()));
        whole.follow_replay(&mut client).expect("a replay");
        assert_eq!(whole.messages(), ana.view.messages(), "what was seen is what is stored");
    }
}

#[cfg(debug_assertions)]
#[test]
fn a_death_between_commit_and_broadcast_is_made_good() {
    dies_at("after_commit");
}

#[cfg(debug_assertions)]
#[test]
fn a_death_between_two_clients_is_made_good() {
    dies_at("between_writes");
}

/// The message that kills the server is stored: whoever saw it or not, all have it once after the restart, and its
/// sender's retry does not double it.
#[cfg(debug_assertions)]
fn dies_at(point: &str) {
    let mut room = Room::start(Some(point));
    let mut guests = ["Ana", "Ben", "Carla"].map(|name| Guest::join(&room, name));
    guests[0].client.say("before");
    for guest in &mut guests {
        guest.view.follow_to(&mut guest.client, 1).expect("a message");
    }
    let fatal = format!("the end: {}", TRIGGER);
    guests[0].view.sent("fatal-1");
    guests[0].client.say_with_id(&fatal, "fatal-1");
    assert_ne!(room.process.wait().code(), Some(0));
    guests.iter_mut().for_each(Guest::read_out);
    let saw = guests.iter().filter(|guest| guest.view.position() == 2).count();
    match point {
        "after_commit" => assert_eq!(saw, 0, "nobody was sent anything yet"),
        _ => assert!((1..guests.len()).contains(&saw), "{saw} saw it: some, not all"),
    }

    room.start_again();
    for guest in &mut guests {
        guest.come_back(&room);
        assert_eq!(guest.view.texts(), ["before", fatal.as_str()], "{}", guest.name);
    }
    guests[0].client.say_with_id(&fatal, "fatal-1");
    guests[0].client.expect("its receipt", |event| event["message"] == fatal.as_str() && event["id"] == 2);
    guests[1].client.say("after");
    for guest in &mut guests {
        guest.view.follow_to(&mut guest.client, 3).expect("a message");
        assert_eq!(guest.view.texts(), ["before", fatal.as_str(), "after"], "{}", guest.name);
    }
}
