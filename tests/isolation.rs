//! What breaks one connection breaks no other; what breaks the room ends it for everybody to see.
#![cfg(all(unix, debug_assertions))]

use crate::support::{Ended, Process, TestClient, armed};
use chat_app::inside::TRIGGER;
use std::io::Write;
use std::process::Stdio;

/// The room with a fault point armed: a message with [`TRIGGER`] in it sets it off.
fn start(point: &str) -> (Process, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder for the database");
    let mut command = Process::command(&folder.path().join("chat.db"));
    (Process::spawn(armed(command.args(["--port", "0"]), point)), folder)
}

#[test]
fn a_panic_in_one_connection_leaves_the_room_alive() {
    let (process, _folder) = start("client");
    let addr = process.addr();
    let (mut ana, mut ben) = (TestClient::connect(addr), TestClient::connect(addr));
    ana.join("Ana");
    ben.join("Ben");
    for _ in 0..3 {
        let mut victim = TestClient::connect(addr);
        victim.join("Victim");
        ana.expect("Victim", |event| event["event"] == "presence" && event["online"] == 3);
        victim.say(TRIGGER);
        assert_ne!(victim.expect_end(), Ended::Silent);
        ana.expect("that Victim is gone", |event| event["left"] == serde_json::json!(["Victim"]));
    }
    ben.say("we are still here");
    ana.expect_message("we are still here");
    TestClient::connect(addr).join("Victim");
    let log = process.stderr.text();
    assert!(log.contains("ERROR") && !log.contains(TRIGGER), "said aloud, without the message: {log}");
}

#[test]
fn a_panic_of_the_hub_ends_the_process_loudly() {
    let (mut process, _folder) = start("hub");
    let mut ana = TestClient::connect(process.addr());
    ana.join("Ana");
    ana.say(TRIGGER);
    let status = process.wait();
    assert!(status.code().is_some_and(|code| code != 0), "{status}");
    let log = process.stderr.whole();
    assert!(log.contains("ERROR") && log.contains("hub"), "{log}");
    assert_ne!(ana.expect_end(), Ended::Silent);
}

#[test]
fn a_panic_of_the_hub_ends_the_process_though_nobody_reads_its_log() {
    let (_unread, mut full) = std::io::pipe().expect("a pipe");
    rustix::io::ioctl_fionbio(&full, true).expect("a pipe can be asked not to wait");
    while full.write(&[b'x'; 4096]).is_ok() {}
    rustix::io::ioctl_fionbio(&full, false).expect("and to wait again");
    let folder = tempfile::tempdir().expect("a folder for the database");
    let mut command = Process::command(&folder.path().join("chat.db"));
    armed(command.args(["--port", "0"]), "hub").stdin(Stdio::null());
    let child = command.stdout(Stdio::piped()).stderr(full).spawn().expect("the binary can be run");
    let mut process = Process::adopt(child);
    let mut ana = TestClient::connect(process.addr());
    ana.join("Ana");
    ana.say(TRIGGER);
    let status = process.wait();
    assert!(status.code().is_some_and(|code| code != 0), "{status}");
}
