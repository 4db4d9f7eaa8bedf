//! A server under measurement: started in a process of its own, and what that process used.

use crate::dialect::{BARE, Dialect, PLAIN};
use crate::options::Options;
use crate::peers::Peer;
use crate::support::{DEADLINE, Process};
use crate::yardstick::Work;
use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The room as `cargo build --release` makes it.
pub const ROOM: &str = env!("CARGO_BIN_EXE_chat-app");

/// What a room is told to let in: about as many threads as a system usually gives a process the mappings for.
pub const MOST_CLIENTS: usize = 15_000;

/// Where the room keeps its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Log {
    /// In a new file on this machine's disk.
    Disk,
    /// In this file, which has a history.
    File(PathBuf),
    /// In memory.
    Memory,
}

/// What is measured.
#[derive(Debug, Clone)]
pub enum Server {
    Room { binary: PathBuf, log: Log },
    Yardstick(Work),
    Peer(Peer),
}

impl Server {
    /// The build of the room that is measured where there can be only one.
    pub fn room(options: &Options, log: Log) -> Server {
        Server::Room { binary: options.binaries[0].clone(), log }
    }

    /// Whether an ordinary WebSocket client can talk to it.
    pub fn speaks_plainly(&self) -> bool {
        !matches!(self, Server::Yardstick(_) | Server::Peer(Peer::Flask))
    }
}

/// A server that takes connections.
pub struct Running {
    process: Process,
    pub addr: SocketAddr,
    pub dialect: Dialect,
    /// What bare TCP delivers for a message.
    pub message_bytes: usize,
    _folder: TempDir,
}

impl Running {
    pub fn start(server: &Server) -> Running {
        let folder = folder();
        let (mut command, dialect, message_bytes) = match server {
            Server::Room { binary, log } => {
                let database = match log {
                    Log::Disk => folder.path().join("chat.db"),
                    Log::File(path) => path.clone(),
                    Log::Memory => ":memory:".into(),
                };
                (room(binary, &database, 0), PLAIN, 0)
            }
            Server::Yardstick(work) => {
                let mut command = Command::new(std::env::current_exe().expect("the benchmark has a path"));
                command.arg("--yardstick").arg(work.to_string());
                (command, BARE, work.out_bytes)
            }
            Server::Peer(peer) => (peer.command(), peer.dialect(), 0),
        };
        let process = Process::spawn(&mut command);
        let addr = process.addr();
        if let Server::Peer(_) = server {
            // Not every server knows its port once it listens.
            let until = Instant::now() + DEADLINE;
            while TcpStream::connect(addr).is_err() {
                assert!(Instant::now() < until, "nothing listens at {addr}");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Running { process, addr, dialect, message_bytes, _folder: folder }
    }

    /// What the process has used so far.
    pub fn usage(&self) -> Usage {
        Usage::of(self.process.id())
    }

    /// The same while something else goes on: asking a thousand threads takes its time.
    pub fn usage_while(&self, mut goes_on: impl FnMut()) -> Usage {
        let process = self.process.id();
        let asking = std::thread::spawn(move || Usage::of(process));
        while !asking.is_finished() {
            goes_on();
        }
        asking.join().expect("the server runs")
    }

    /// Bytes that are in memory.
    pub fn resident(&self) -> f64 {
        status(self.process.id(), "VmRSS:") * 1024.0
    }

    pub fn threads(&self) -> f64 {
        status(self.process.id(), "Threads:")
    }
}

/// The command that opens a room.
pub fn room(binary: &Path, database: &Path, port: u16) -> Command {
    let mut command = Command::new(binary);
    command.args(["--bind", "127.0.0.1", "--quiet", "--rate-limit", "0"]);
    for limit in ["--max-clients", "--max-clients-per-address"] {
        command.arg(limit).arg(MOST_CLIENTS.to_string());
    }
    command.arg("--port").arg(port.to_string()).arg("--database").arg(database);
    command
}

/// A folder on the disk that the project is on, gone when dropped.
pub fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder beside the build")
}

/// CPU time of a process, thread by thread.
pub struct Usage(HashMap<String, Duration>);

impl Usage {
    fn of(process: u32) -> Usage {
        let tasks = std::fs::read_dir(format!("/proc/{process}/task")).expect("the server runs");
        let cpu = |task: std::fs::DirEntry| {
            Some((task.file_name().to_string_lossy().into_owned(), schedule(task.path().join("schedstat"))?))
        };
        Usage(tasks.flatten().filter_map(cpu).collect())
    }

    /// What was used since `before`: by all threads, and by the busiest.
    pub fn since(&self, before: &Usage) -> (Duration, Duration) {
        let used = |(thread, now): (&String, &Duration)| {
            now.saturating_sub(before.0.get(thread).copied().unwrap_or_default())
        };
        (self.0.iter().map(used).sum(), self.0.iter().map(used).max().unwrap_or_default())
    }
}

/// How long a thread has run, by the scheduler's own account.
pub fn schedule(path: impl AsRef<Path>) -> Option<Duration> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(Duration::from_nanos(text.split_whitespace().next()?.parse().ok()?))
}

fn status(process: u32, field: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the server runs");
    let line = text.lines().find_map(|line| line.strip_prefix(field)).expect("a field of every process");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

/// What all this ran on.
pub fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("an unknown processor", |(_, name)| name.trim()).to_owned();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    format!("{cores} cores of {model}, Linux {}; load {load} before this run", kernel.trim())
}
