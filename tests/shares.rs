//! Disks that a room can't be open on: a file system that can't be written, and one without shared memory. What is on them can be
//! read all the same, and nothing is left on them.

use crate::support::{Process, TestServer};
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_chat-app");

/// A closed room's database in a folder of its own, with a message in it.
fn closed_room() -> TempDir {
    let mut server = TestServer::start();
    server.join("Ana").say_and_wait("kept");
    server.stop();
    let folder = tempfile::tempdir().expect("a folder");
    fs::copy(server.database(), folder.path().join("chat.db")).expect("a copy");
    folder
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry"));
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The program on the folder, mounted for reading only.
fn on_a_read_only_disk(folder: &Path, arguments: &[&str]) -> Command {
    let script =
        "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" && cd \"$1\" && shift && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(folder).arg(PROGRAM).args(arguments);
    command
}

fn nobody_may_mount() -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    let mut probe = on_a_read_only_disk(folder.path(), &["--version"]);
    let may = probe.output().is_ok_and(|output| output.status.success());
    if !may {
        println!("skipped: this machine lets nobody mount a file system");
    }
    !may
}

#[test]
fn a_log_on_a_disk_that_cannot_be_written_is_read_without_writing() {
    if nobody_may_mount() {
        return;
    }
    let folder = closed_room();
    let target = tempfile::tempdir().expect("a folder");
    let backup = target.path().join("backup.db");
    for (arguments, printed) in
        [(["export", "--format=txt"], "kept"), (["backup", &backup.to_string_lossy()], "1 message,")]
    {
        let (code, out, log) = Process::run(&mut on_a_read_only_disk(folder.path(), &arguments));
        assert!(code == Some(0) && out.contains(printed), "{out}{log}");
    }
    let (code, _, log) = Process::run(&mut on_a_read_only_disk(folder.path(), &["host-link"]));
    assert!(code == Some(1) && log.contains("can't be written"), "{log}");
    let (code, _, log) = Process::run(&mut on_a_read_only_disk(folder.path(), &["--port", "0"]));
    assert!(code == Some(1) && log.contains("can't be written"), "{log}");
    // A killed room's, with all that belongs to it; and without the part that only memory needs.
    let killed = killed_room();
    for shared in [true, false] {
        if !shared {
            let _ = fs::remove_file(killed.path().join("chat.db-shm"));
        }
        let (code, out, log) = Process::run(&mut on_a_read_only_disk(killed.path(), &["export"]));
        match code {
            Some(0) => assert!(out.contains("newest"), "{out}"),
            _ => assert!(log.contains("-wal") && log.contains("Copy both"), "{log}"),
        }
    }
}

/// A folder that a killed room has left, with a message that is only in its log.
fn killed_room() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let mut process = Process::start(&folder.path().join("chat.db"), &[]);
    let mut client = crate::support::TestClient::connect(process.addr());
    client.join("Ana");
    client.say_and_wait("newest");
    process.kill();
    folder
}

/// Starts a program whose system refuses memory that is shared by way of a file, as the file systems of most network shares do.
const WITHOUT_SHARED_MEMORY: &str = r#"
import ctypes, os, platform, struct, sys
MMAP = {"x86_64": 9, "aarch64": 222}[platform.machine()]
MAP_SHARED, ENODEV, ALLOW, ERRNO = 1, 19, 0x7FFF0000, 0x00050000
LOAD, EQUAL, BITS, RETURN = 0x20, 0x15, 0x45, 0x06
number, flags, file = 0, 16 + 3 * 8, 16 + 4 * 8
rules = [
    (LOAD, 0, 0, number), (EQUAL, 0, 5, MMAP),
    (LOAD, 0, 0, flags), (BITS, 0, 3, MAP_SHARED),
    (LOAD, 0, 0, file), (EQUAL, 1, 0, 0xFFFFFFFF),
    (RETURN, 0, 0, ERRNO | ENODEV), (RETURN, 0, 0, ALLOW),
]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(rules), ctypes.addressof(code)))
libc = ctypes.CDLL(None, use_errno=True)
NO_NEW_PRIVILEGES, SECCOMP, FILTER = 38, 22, 2
if libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(SECCOMP, FILTER, program, 0, 0):
    sys.exit("no filter: " + os.strerror(ctypes.get_errno()))
os.execv(sys.argv[1], sys.argv[1:])
"#;

fn without_shared_memory(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.args(["-c", WITHOUT_SHARED_MEMORY, PROGRAM]).args(arguments).current_dir(folder);
    command
}

#[test]
fn a_share_without_shared_memory_is_named_with_the_way_out_and_nothing_is_left_on_it() {
    let probe = without_shared_memory(Path::new("/"), &["--version"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        println!("skipped: this machine has no python3, or lets nobody filter system calls");
        return;
    }
    let (empty, closed) = (tempfile::tempdir().expect("a folder"), closed_room());
    for folder in [empty.path(), closed.path()] {
        let before = names(folder);
        let arguments = ["--bind", "127.0.0.1", "--port", "0"];
        let (code, _, log) = Process::run(&mut without_shared_memory(folder, &arguments));
        assert_eq!(code, Some(1), "{log}");
        for said in
            ["can't be open on this disk, ", " on /", "network share", "--database", "chat-app backup"]
        {
            assert!(log.contains(said), "no {said:?} in {log}");
        }
        assert_eq!(names(folder), before);
    }
    let (code, out, log) = Process::run(&mut without_shared_memory(closed.path(), &["export"]));
    assert!(code == Some(0) && out.contains("kept"), "{log}");
    let (code, out, log) = Process::run(&mut without_shared_memory(closed.path(), &["backup", "backup.db"]));
    assert!(code == Some(0) && out.contains("1 message,"), "{log}");
    assert_eq!(names(closed.path()), ["backup.db", "chat.db"]);
}
