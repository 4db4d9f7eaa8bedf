//! The room as a service: the README's own unit.

use crate::support::{Process, configuration, get, installed};
use std::process::Command;

#[test]
fn the_readmes_unit_is_understood_and_what_it_starts_opens() {
    let Some(systemd) = installed("systemd-analyze") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let binary = env!("CARGO_BIN_EXE_chat-app");
    let unit = configuration("```ini\n", &[("/usr/local/bin/chat-app", binary.to_owned())]);
    let file = folder.path().join("chat-app.service");
    std::fs::write(&file, &unit).expect("a file can be written");
    let verified = Command::new(systemd).args(["verify", "--man=no"]).arg(&file).output().expect("it runs");
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && !said.contains("chat-app.service"), "{said}");

    let database = folder.path().join("chat.db");
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("what it starts");
    let line = line.replace("--port 5000", "--bind 127.0.0.1 --port 0");
    let line = line.replace("/var/lib/chat-app/chat.db", database.to_str().expect("a path"));
    let mut words = line.split(' ');
    let room = Process::spawn(Command::new(words.next().expect("a program")).args(words));
    assert_eq!(get(room.addr(), "/healthz").status, 200);
    assert!(database.exists());
}
