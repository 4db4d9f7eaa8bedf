//! The real binary: started, listened to, signalled, killed.

use super::{DEADLINE, Random};
use socket2::{Domain, Socket, Type};
use std::io::{self, ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant, SystemTime};

#[cfg(unix)]
pub use rustix::process::Signal;

/// How much of each output is kept; what comes later is read and dropped.
const KEPT_BYTES: usize = 1024 * 1024;

/// The program, with nothing said to it yet.
pub fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_chat-app"))
}

/// A process of `chat-app`. Dropping it kills it.
pub struct Process {
    child: u32,
    exit: Receiver<ExitStatus>,
    status: Option<ExitStatus>,
    /// What it printed.
    pub stdout: Output,
    /// What it logged.
    pub stderr: Output,
}

impl Process {
    /// The room on a free port of the loopback interface, open.
    pub fn start(database: &Path, arguments: &[&str]) -> Process {
        let mut command = Process::command(database);
        Process::spawn(command.args(["--port", "0"]).args(arguments))
    }

    /// The room on `port`, open.
    #[cfg(unix)]
    pub fn start_on(port: u16, database: &Path, arguments: &[&str]) -> Process {
        let mut command = Process::command(database);
        Process::spawn(command.arg("--port").arg(port.to_string()).args(arguments))
    }

    /// The command that opens a quiet room on loopback with `database` and no limit of pace; the port is missing.
    pub fn command(database: &Path) -> Command {
        let mut command = program();
        command.args(["--bind", "127.0.0.1", "--quiet", "--rate-limit", "0", "--database"]).arg(database);
        command
    }

    /// Runs any command; reads what it prints, waits for nothing.
    pub fn spawn(command: &mut Command) -> Process {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let until = Instant::now() + DEADLINE;
        loop {
            match command.spawn() {
                // Just copied: a child that another test has forked meanwhile holds it open for writing until it is a program itself.
                Err(error) if error.kind() == ErrorKind::ExecutableFileBusy && Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                // Wine's own word for a process that it could not begin at this moment: ERROR_INTERNAL_ERROR.
                Err(error)
                    if cfg!(windows) && error.raw_os_error() == Some(1359) && Instant::now() < until =>
                {
                    std::thread::sleep(Duration::from_millis(50));
                }
                child => return Process::adopt(child.expect("the binary can be run")),
            }
        }
    }

    /// Runs a command to its end; gives back the exit code, what it printed, and what it logged.
    pub fn run(command: &mut Command) -> (Option<i32>, String, String) {
        let mut process = Process::spawn(command);
        (process.wait().code(), process.stdout.whole(), process.stderr.whole())
    }

    /// Takes over a child, and those of its outputs that it still has.
    pub fn adopt(mut child: Child) -> Process {
        let stdout = child.stdout.take().map_or_else(Output::default, Output::read);
        let stderr = child.stderr.take().map_or_else(Output::default, Output::read);
        let id = child.id();
        let (report, exit) = channel();
        // Waiting with a deadline is waiting for this thread's word.
        std::thread::spawn(move || report.send(child.wait().expect("a child can be waited for")));
        Process { child: id, exit, status: None, stdout, stderr }
    }

    /// Where it listens: from the URL that it printed first.
    pub fn addr(&self) -> SocketAddr {
        let url = self.stdout.wait_for("a URL", &self.stderr, |text| {
            text.split_once('\n').map(|(line, _)| line.trim().to_owned())
        });
        let addr = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
        addr.and_then(|addr| addr.parse().ok()).unwrap_or_else(|| panic!("no URL with an address: {url:?}"))
    }

    /// What stands after this label of the banner: a word.
    pub fn shown(&self, label: &'static str) -> String {
        self.stdout.wait_for(label, &self.stderr, |text| {
            let (_, rest) = text.split_once(label)?;
            Some(rest.split_once('\n')?.0.split_whitespace().next()?.to_owned())
        })
    }

    /// The number of the process.
    #[cfg(target_os = "linux")]
    pub fn id(&self) -> u32 {
        self.child
    }

    /// Waits for the process to end.
    pub fn wait(&mut self) -> ExitStatus {
        self.wait_within(DEADLINE)
    }

    /// Waits for the process to end, no longer than `patience`.
    pub fn wait_within(&mut self, patience: Duration) -> ExitStatus {
        *self.status.get_or_insert_with(|| {
            let status = self.exit.recv_timeout(patience);
            status.unwrap_or_else(|_| {
                panic!("still running after {patience:?}; it logged:\n{}", self.stderr.text())
            })
        })
    }

    /// Kills it outright, as a power cut would: no handler runs, nothing is flushed.
    pub fn kill(&mut self) {
        self.end_now();
        self.wait();
    }

    /// Ends it and what it has started, where the system tells (Linux): those who are killed cannot do so themselves.
    #[cfg(unix)]
    pub fn end_with_children(&mut self) {
        let list = format!("/proc/{0}/task/{0}/children", self.child);
        let children = std::fs::read_to_string(list).unwrap_or_default();
        self.end_now();
        for child in children.split_whitespace().filter_map(|id| id.parse().ok()) {
            let id = rustix::process::Pid::from_raw(child).expect("a child has a number");
            let _ = rustix::process::kill_process(id, Signal::KILL);
        }
    }

    #[cfg(unix)]
    fn end_now(&mut self) {
        self.signal(Signal::KILL);
    }

    #[cfg(windows)]
    fn end_now(&mut self) {
        if self.status.is_none() {
            let _ = Command::new("taskkill").args(["/F", "/PID", &self.child.to_string()]).output(); // it may have ended
        }
    }

    /// Sends a signal, unless the process has ended.
    #[cfg(unix)]
    pub fn signal(&mut self, signal: Signal) {
        if self.status.is_none() {
            self.status = self.exit.try_recv().ok();
        }
        if self.status.is_none() {
            let id = i32::try_from(self.child).ok().and_then(rustix::process::Pid::from_raw);
            let _ = rustix::process::kill_process(id.expect("a child has a number"), signal);
        }
    }
}

impl Drop for Process {
    /// Ends it, and says what it logged when a test fails: whoever looks for the cause has nothing else.
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the room logged:\n{}", self.stderr.text());
        }
        if self.status.is_none() {
            self.end_now();
            let _ = self.exit.recv_timeout(DEADLINE);
        }
    }
}

/// What a process writes, as far as it has.
#[derive(Default)]
pub struct Output(Arc<(Mutex<Written>, Condvar)>);

#[derive(Default)]
struct Written {
    text: String,
    ended: bool,
}

impl Output {
    fn read(mut pipe: impl Read + Send + 'static) -> Output {
        let output = Output::default();
        let shared = Arc::clone(&output.0);
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            loop {
                let read = pipe.read(&mut chunk).unwrap_or(0);
                let mut written = shared.0.lock().expect("no reader panics");
                if written.text.len() < KEPT_BYTES {
                    written.text.push_str(&String::from_utf8_lossy(&chunk[..read]));
                }
                written.ended = read == 0;
                shared.1.notify_all();
                if written.ended {
                    return;
                }
            }
        });
        output
    }

    /// Everything so far.
    pub fn text(&self) -> String {
        self.0.0.lock().expect("no reader panics").text.clone()
    }

    /// Everything, once the process has ended.
    pub fn whole(&self) -> String {
        self.wait(|written| written.ended.then(|| written.text.clone())).expect("the output ends")
    }

    /// Waits until `found` finds `what` in it; `other` is shown beside it when it never comes.
    pub fn wait_for<T>(&self, what: &str, other: &Output, found: impl Fn(&str) -> Option<T>) -> T {
        let result = self.wait(|written| match found(&written.text) {
            Some(value) => Some(Some(value)),
            None => written.ended.then_some(None),
        });
        result
            .flatten()
            .unwrap_or_else(|| panic!("no {what} in {:?}; beside it:\n{}", self.text(), other.text()))
    }

    fn wait<T>(&self, found: impl Fn(&Written) -> Option<T>) -> Option<T> {
        let until = Instant::now() + DEADLINE;
        let mut written = self.0.0.lock().expect("no reader panics");
        loop {
            if let Some(value) = found(&written) {
                return Some(value);
            }
            let rest = until.checked_duration_since(Instant::now())?;
            written = self.0.1.wait_timeout(written, rest).expect("no reader panics").0;
        }
    }
}

/// A free port below the range from which the system takes the ports of outgoing connections (32768 and up on
/// Linux, 49152 elsewhere). A room that is to come back on its port needs one of these: from the other range some
/// client could be given it meanwhile, even one of those that try to reconnect, which then talks to itself.
pub fn free_port() -> u16 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("the clock is past 1970");
    let mut random = Random::new(now.as_nanos() as u64 ^ u64::from(std::process::id()));
    (0..1000)
        .map(|_| u16::try_from(random.within(10_000..32_000)).expect("a port"))
        .find(|port| is_ours_alone(*port))
        .expect("a port is free")
}

/// Whether nobody listens there, and no other test, of whichever process, has got this port: the same one of UDP says so, which
/// is held until this process ends.
fn is_ours_alone(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let claim = UdpSocket::bind(address);
    let is_free = claim.is_ok() && can_be_bound(address).is_ok();
    claim.into_iter().for_each(std::mem::forget);
    is_free
}

/// By a socket that never listens: a process that another test is just starting holds it until it begins its program, and a
/// room would find its port taken.
fn can_be_bound(address: SocketAddr) -> io::Result<()> {
    let probe = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    #[cfg(unix)]
    probe.set_reuse_address(true)?; // as listeners do
    probe.bind(&address.into())
}
