//! Starting: what the operator sees, and what keeps the room from opening.

#[cfg(target_os = "linux")]
mod desktop;

use crate::support::{DEADLINE, Knock, Process, TestClient, TestServer, free_port, get, program};
use std::ffi::OsStr;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;
use tempfile::TempDir;

/// Runs the binary to its end; gives back the exit code and what it printed and logged.
fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().expect("a folder to run in");
    Process::run(program().current_dir(folder.path()).args(arguments))
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder for the database")
}

/// Starts a room over `database`, which must be refused with code 1 and one sentence that names the file.
fn expect_refused(database: &Path) -> String {
    let arguments = ["--bind", "127.0.0.1", "--port", "0", "--database"].map(OsStr::new);
    let (code, _, log) = run(arguments.into_iter().chain([database.as_os_str()]));
    assert_eq!(code, Some(1), "{log}");
    let named = [Some(database), database.parent()].map(|path| path.and_then(Path::to_str).expect("a path"));
    assert!(named.iter().any(|path| log.contains(path)), "the file or its folder is named: {log}");
    assert!(!log.contains("panicked"), "{log}");
    log
}

#[test]
fn quiet_prints_the_address_alone() {
    let folder = folder();
    let process = Process::start(&folder.path().join("chat.db"), &[]);
    let addr = process.addr();
    assert_eq!(get(addr, "/healthz").status, 200, "what is printed is open");
    assert_eq!(process.stdout.text(), format!("http://{addr}\n"));
}

#[test]
fn a_temporary_folder_whose_path_is_too_long_for_a_socket_does_not_keep_the_room_closed() {
    let folder = folder();
    let deep = folder.path().join("d".repeat(100));
    std::fs::create_dir(&deep).expect("a folder in our own");
    let mut command = Process::command(&folder.path().join("chat.db"));
    let process = Process::spawn(command.args(["--port", "0"]).env("TMPDIR", &deep));
    assert_eq!(get(process.addr(), "/healthz").status, 200);
}

#[test]
fn the_banner_says_all_and_in_plain_text_without_a_terminal() {
    let folder = folder();
    let mut command = program();
    // Open to the network, which hears nothing of it.
    command.current_dir(folder.path()).args(["--port", "0", "--title", "Class 7b", "--no-lan-name"]);
    let process = Process::spawn(&mut command);
    let text = process.stdout.wait_for("the address", &process.stderr, |text| {
        text.lines().any(|line| line.contains("Everybody opens")).then(|| text.to_owned())
    });
    assert!(!text.contains('\x1b'), "no colours where nobody sees them: {text:?}");
    for said in ["Class 7b", "Ctrl-C", "http://127.0.0.1:", "chat.db", "firewall"] {
        assert!(text.contains(said), "no {said} in {text}");
    }
    assert!(!process.stderr.text().contains('\x1b'), "nor in the log");
    assert!(folder.path().join("chat.db").exists(), "the default database is in the working directory");
}

#[test]
fn a_taken_port_is_named_with_the_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let (code, printed, log) = run(["--bind", "127.0.0.1", "--port", &port]);
    assert_eq!(code, Some(1));
    assert!(log.contains(&port) && log.contains("--port"), "{log}");
    assert_eq!(printed, "", "no address of a room that is not there");
}

/// An address of this computer at which nobody else listens.
#[cfg(target_os = "linux")]
fn own_address() -> String {
    format!("127.77.{}.{}", std::process::id() % 250, 1 + free_port() % 250)
}

#[cfg(target_os = "linux")] // elsewhere this computer has one address of its own, and others test on it
#[test]
fn without_a_port_the_next_free_one_is_taken_and_said() {
    let (folder, address) = (folder(), own_address());
    let mut taken: Vec<_> =
        (5000..5002).map(|port| TcpListener::bind((&*address, port)).expect("a port")).collect();
    let open = |quiet: &[&str]| {
        let mut command = program();
        Process::spawn(command.current_dir(folder.path()).args(["--bind", &address]).args(quiet))
    };
    let quiet = open(&["--quiet"]);
    assert_eq!(quiet.addr().port(), 5002);
    drop(quiet);
    let said = open(&[]);
    said.stdout.wait_for("the port", &said.stderr, |text| {
        text.lines().any(|line| line.contains("5000 is taken") && line.contains("5002")).then_some(())
    });
    drop(said);
    let (code, _, log) = run(["--bind", &address, "--port", "5000"]);
    assert_eq!(code, Some(1), "a port that was asked for is no other: {log}");
    taken.extend((5002..5010).map(|port| TcpListener::bind((&*address, port)).expect("a port")));
    let (code, _, log) = run(["--bind", &address]);
    assert!(
        code == Some(1) && ["5000", "5009", "--port 5010"].iter().all(|part| log.contains(part)),
        "{log}"
    );
}

#[test]
fn a_port_that_is_taken_leaves_no_file_behind() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let folder = folder();
    let database = folder.path().join("chat.db");
    let mut command = Process::command(&database);
    assert_eq!(Process::spawn(command.args(["--port", &port])).wait().code(), Some(1));
    assert!(!database.exists());
}

#[test]
fn a_command_line_that_makes_no_sense_is_2_and_shows_help() {
    for arguments in [
        &["--prot", "5000"][..],
        &["--port"],
        &["--port", "many"],
        &["--port", "65536"],
        &["--bind", "nowhere"],
        &["--max-clients", "0"],
        &["--public-url", "chat.example.org"],
        &["surprise"],
    ] {
        let (code, printed, log) = run(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {log}");
        let wrong = arguments[0].trim_start_matches("--prot");
        assert!(log.contains(wrong) && log.contains("--database"), "{arguments:?}: {log}");
        assert_eq!(printed, "");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    let (code, printed, log) = run(["--help"]);
    assert_eq!((code, log.as_str()), (Some(0), ""));
    for flag in [
        "--bind",
        "--port",
        "--database",
        "--title",
        "--public-url",
        "--rate-limit",
        "--max-clients",
        "--quiet",
    ] {
        assert!(printed.contains(flag), "no {flag} in {printed}");
    }
    let (code, printed, _) = run(["--version"]);
    assert_eq!(code, Some(0));
    assert!(printed.contains(env!("CARGO_PKG_VERSION")), "{printed}");
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_is_an_error() {
    let line = concat!(env!("CARGO_BIN_EXE_chat-app"), " --licenses >/dev/full");
    let done = std::process::Command::new("sh").args(["-c", line]).output().expect("a shell");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.code() == Some(1) && said.contains("could not be written"), "{said}");
}

#[test]
fn a_file_that_is_no_database_stays_as_it_is() {
    let folder = folder();
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "my notes, not yours").expect("a file can be written");
    expect_refused(&file);
    assert_eq!(std::fs::read_to_string(&file).expect("still there"), "my notes, not yours");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing new lies beside it");
}

#[test]
fn another_programs_database_stays_as_it_is() {
    let folder = folder();
    let file = folder.path().join("other.db");
    let other = rusqlite::Connection::open(&file).expect("a database");
    other
        .execute_batch("CREATE TABLE messages (id INTEGER); INSERT INTO messages VALUES (7)")
        .expect("a table");
    drop(other);
    let before = std::fs::read(&file).expect("a file");
    expect_refused(&file);
    assert!(std::fs::read(&file).expect("a file") == before, "untouched");
}

#[test]
fn a_newer_history_stays_as_it_is() {
    let mut server = TestServer::start();
    server.join("Ana").say_and_wait("hi");
    server.stop();
    let newer = rusqlite::Connection::open(server.database()).expect("the database");
    newer.pragma_update(None, "user_version", 10_000).expect("a version");
    drop(newer);
    let before = std::fs::read(server.database()).expect("a file");
    let log = expect_refused(server.database());
    assert!(log.contains("newer"), "{log}");
    assert!(std::fs::read(server.database()).expect("a file") == before, "untouched");
}

#[test]
fn a_history_that_another_server_has_open_is_refused() {
    let server = TestServer::start();
    let log = expect_refused(server.database());
    assert!(log.contains("another") || log.contains("already"), "{log}");
    server.join("Ana").say_and_wait("unharmed");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = folder();
    let missing = folder.path().join("missing");
    let log = expect_refused(&missing.join("chat.db"));
    assert!(log.contains("missing"), "{log}");
    assert!(!missing.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_takes_no_file_is_named() {
    // Nobody, not even root, makes files here.
    expect_refused(Path::new("/proc/chat.db"));
}

#[cfg(target_os = "linux")]
#[test]
fn lines_for_the_journal_have_no_times_of_their_own() {
    let first = |journal: &str| {
        let folder = folder();
        let line = format!("export JOURNAL_STREAM={journal}; exec \"$0\" --bind 127.0.0.1 --port 0 --quiet");
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &line]).arg(env!("CARGO_BIN_EXE_chat-app")).current_dir(folder.path());
        let process = Process::spawn(&mut command);
        process.stderr.wait_for("a line", &process.stdout, |log| Some(log.split_once('\n')?.0.to_owned()))
    };
    let (journal, other) = (first("$(stat --dereference --format %d:%i /proc/self/fd/2)"), first("1:1"));
    assert!(journal.starts_with("INFO "), "{journal}");
    assert!(other.starts_with("20") && other.contains(" INFO "), "not where it was only inherited: {other}");
}

#[test]
fn the_log_says_that_a_message_came_and_never_what_it_said() {
    let folder = folder();
    let mut command = Process::command(&folder.path().join("chat.db"));
    let process = Process::spawn(command.args(["--port", "0"]).env("RUST_LOG", "trace"));
    let mut client = TestClient::connect(process.addr());
    let (guest_key, tab_key) = ("guest-key-1234567890", "tab-key-1234567890");
    client.join_with_keys("Ana", guest_key, tab_key);
    client.say_and_wait("the body of the message");
    let line = process.stderr.wait_for("message received", &process.stdout, |log| {
        log.lines().find(|line| line.to_lowercase().contains("message received")).map(str::to_owned)
    });
    assert!(
        line.contains("Ana") && line.contains('1') && line.contains("23"),
        "position, name and length: {line}"
    );
    client.leave();
    let log = process.stderr.text();
    for secret in ["the body of", guest_key, tab_key] {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
}

#[test]
fn a_room_whose_terminal_is_closed_goes_on() {
    let folder = folder();
    let port = free_port();
    let mut command = Process::command(&folder.path().join("chat.db"));
    command.args(["--port", &port.to_string()]).env("RUST_LOG", "debug").stdin(Stdio::null());
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary can be run");
    drop((child.stdout.take(), child.stderr.take()));
    let mut process = Process::adopt(child);
    let addr = ([127, 0, 0, 1], port).into();
    let until = Instant::now() + DEADLINE;
    let mut client = loop {
        // Its address is known, only not whether it is open yet.
        assert!(Instant::now() < until, "the room does not open");
        if let Ok(Ok(client)) = Knock::at(addr, "/ws").and_then(Knock::enter) {
            break client;
        }
    };
    client.join("Ana");
    for n in 0..20 {
        client.say_and_wait(&n.to_string());
    }
    #[cfg(unix)]
    {
        process.signal(crate::support::Signal::TERM);
        assert_eq!(process.wait().code(), Some(0));
        client.expect_close(1001);
    }
    #[cfg(not(unix))]
    process.kill();
}
