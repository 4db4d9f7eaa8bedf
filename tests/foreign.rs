//! The binaries for other systems, as far as this one can run them: Windows' in Wine, and ARM's in QEMU. One lesson each, from the
//! first start to a restored backup.
//!
//! They are built before the tests, and named by the environment: see `.ci/run`.

use crate::accounts::Browser;
use crate::support::{DEADLINE, Process, Signal, TestClient, free_port, get, on_ci};
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Another machine's first start is slow on this one.
const PATIENCE: Duration = Duration::from_secs(120);

/// A binary that another program runs, and the folder that both run in.
struct Foreign {
    runner: PathBuf,
    binary: PathBuf,
    folder: TempDir,
}

impl Foreign {
    /// None, with a line that says why, where one of the two is missing; on CI that is an error.
    fn found(runners: &[&str], variable: &str) -> Option<Foreign> {
        let binary = std::env::var_os(variable).map(PathBuf::from).filter(|binary| binary.exists());
        let runner = runners.iter().map(PathBuf::from).find(|runner| runner.exists());
        if let (Some(runner), Some(binary)) = (&runner, &binary) {
            let folder = tempfile::tempdir().expect("a folder to run in");
            return Some(Foreign { runner: runner.clone(), binary: binary.clone(), folder });
        }
        assert!(!on_ci(), "{runners:?} and a binary named by {variable} are needed: {runner:?}, {binary:?}");
        println!("skipped: it takes {} and a binary named by {variable}", runners[0]);
        None
    }

    fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(&self.runner);
        command.arg(&self.binary).args(arguments).current_dir(self.folder.path());
        // Wine's own disk and server, and nothing of its own talk. No window is asked for.
        command.env("WINEPREFIX", self.prefix()).env("WINEDEBUG", "-all").env_remove("DISPLAY");
        command
    }

    fn prefix(&self) -> PathBuf {
        self.folder.path().join("wine")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command to its end, and gives back what it printed.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut process = Process::spawn(&mut self.command(arguments));
        let code = process.wait_within(PATIENCE).code();
        (code, process.stdout.whole(), process.stderr.whole())
    }

    /// What a command prints that must succeed.
    fn print(&self, arguments: &[&str]) -> String {
        let (code, printed, said) = self.run(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
        printed
    }

    fn open(&self, port: u16) -> (Process, SocketAddr) {
        let port = port.to_string();
        let arguments = ["--bind", "127.0.0.1", "--port", &port, "--quiet", "--rate-limit", "0"];
        let process = Process::spawn(&mut self.command(arguments));
        let until = Instant::now() + PATIENCE;
        while process.stdout.text().is_empty() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5)); // longer than what the address is waited for below
        }
        let addr = process.addr();
        (process, addr)
    }

    /// As a power cut would, whatever runs it.
    fn kill(mut room: Process) {
        room.signal(Signal::KILL);
        room.wait();
    }

    /// Ctrl-C, of which the clients are told.
    fn close(&self, mut room: Process, mut client: TestClient) {
        let begin = Instant::now();
        room.signal(Signal::INT);
        client.expect_close(1001);
        assert_eq!(room.wait_within(PATIENCE).code(), Some(0), "{}", room.stderr.text());
        assert!(begin.elapsed() < DEADLINE);
        assert!(!self.path("chat.db-wal").exists(), "everything is in one file");
    }

    fn lesson(&self) {
        let begin = Instant::now();
        assert!(self.print(&["--version"]).starts_with("chat-app "));
        let (port, started) = (free_port(), Instant::now());
        let (room, addr) = self.open(port);
        assert_eq!(get(addr, "/healthz").text().trim_end(), "ok");
        println!(
            "{:?} to the first answer, after {:?} for the very first start",
            started.elapsed(),
            started - begin
        );
        assert!(get(addr, "/").text().contains("<!doctype html>"));
        let (mut ana, mut ben) = (TestClient::connect(addr), TestClient::connect(addr));
        ana.join("Ana");
        ben.join("Ben");
        ana.say_and_wait("good morning");
        ben.expect_text("good morning");
        self.beside(addr);
        Foreign::kill(room);
        let (room, addr) = self.open(port);
        let mut ana = TestClient::connect(addr);
        ana.expect_text("good morning");
        ana.join("Ana");
        ana.say_and_wait("back again");
        self.close(room, ana);
        let restored = self.print(&["restore", "backup.db"]);
        assert!(restored.contains("is the backup now"), "{restored}");
        let exported = self.print(&["export"]);
        assert!(exported.contains("good morning") && !exported.contains("back again"), "{exported}");
        let (room, addr) = self.open(port);
        let mut ana = TestClient::connect(addr);
        ana.expect_text("good morning");
        self.close(room, ana);
    }

    /// What may run beside an open room, and what may not.
    fn beside(&self, addr: SocketAddr) {
        let (code, _, said) = self.run(&["--bind", "127.0.0.1", "--port", "0"]);
        assert!(code == Some(1) && (said.contains("already") || said.contains("another")), "{code:?} {said}");
        assert!(!said.contains(r"\\?\"), "a path as people know it: {said}");
        assert!(self.print(&["export"]).contains("good morning"));
        let printed = self.print(&["host-link"]);
        let key = printed.split_whitespace().find_map(|word| Some(word.split_once("#host=")?.1));
        assert_eq!(Browser::new(addr).open_host_link(key.expect("a link")).status, 200);
        assert!(self.print(&["backup", "backup.db"]).contains("checked"));
    }
}

impl Drop for Foreign {
    /// Ends what Wine leaves running for its next start.
    fn drop(&mut self) {
        if self.prefix().exists() {
            let server = ["/usr/lib/wine/wineserver64", "/usr/lib/wine/wineserver", "/usr/bin/wineserver"];
            if let Some(server) = server.into_iter().find(|path| Path::new(path).exists()) {
                let _ = Command::new(server).arg("-k").env("WINEPREFIX", self.prefix()).status(); // it may have ended
            }
        }
    }
}

#[test]
fn the_binary_for_windows_holds_a_lesson() {
    if let Some(windows) = Foreign::found(&["/usr/lib/wine/wine64", "/usr/bin/wine"], "CHAT_APP_WINDOWS") {
        windows.lesson();
    }
}

#[test]
fn the_binary_for_arm_holds_a_lesson() {
    if let Some(arm) = Foreign::found(&["/usr/bin/qemu-aarch64-static"], "CHAT_APP_ARM") {
        arm.lesson();
    }
}
