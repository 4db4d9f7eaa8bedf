//! Stopping: everybody is told, whatever they are doing, and it is over soon.

use crate::support::{Ended, TestClient, TestServer};
#[cfg(unix)]
use crate::support::{Process, Signal};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
#[cfg(target_os = "linux")]
use std::process::Command;
use std::time::{Duration, Instant};

/// From the signal to the end.
const STOP: Duration = Duration::from_secs(2);

/// What a busy machine may add to the time that stopping takes.
const SLACK: Duration = Duration::from_secs(3);

/// People who would keep a careless server from stopping.
struct Nuisances {
    stalled: Vec<TestClient>,
    streams: Vec<TcpStream>,
}

impl Nuisances {
    fn at(addr: SocketAddr) -> Nuisances {
        let begin = |bytes: String| {
            let mut stream = TcpStream::connect(addr).expect("a connection");
            stream.write_all(bytes.as_bytes()).expect("bytes can be written");
            stream
        };
        let mut stalled: Vec<TestClient> = (0..3).map(|_| TestClient::connect(addr)).collect();
        for (n, client) in stalled.iter_mut().enumerate() {
            client.join(&format!("Stalled {n}"));
            client.hold_little();
        }
        for client in &mut stalled {
            (0..50).for_each(|_| client.say(&"x".repeat(3900)));
        }
        let streams = vec![
            begin(String::new()),
            begin("GET /ws HT".to_owned()),
            begin(format!(
                "GET /ws HTTP/1.1\r\nHost: {addr}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            )),
            begin(format!("GET / HTTP/1.1\r\nHost: {addr}\r\n\r\n")),
            begin(format!("POST /api/login HTTP/1.1\r\nHost: {addr}\r\nContent-Length: 100\r\n\r\n{{")),
        ];
        Nuisances { stalled, streams }
    }

    /// They are let go, not left waiting.
    fn end(self) {
        for mut stream in self.streams {
            stream.set_read_timeout(Some(crate::support::DEADLINE)).expect("a timeout can be set");
            let mut rest = Vec::new();
            if let Err(error) = stream.read_to_end(&mut rest) {
                assert_eq!(
                    error.kind(),
                    std::io::ErrorKind::ConnectionReset,
                    "hung up on, one way or the other"
                );
            }
        }
        for mut client in self.stalled {
            client.read_to_end();
        }
    }
}

#[cfg(unix)]
fn stops_on(signal: Signal) {
    let folder = tempfile::tempdir().expect("a folder for the database");
    let mut process = Process::start(&folder.path().join("chat.db"), &[]);
    let addr = process.addr();
    let mut readers: Vec<TestClient> = (0..10).map(|_| TestClient::connect(addr)).collect();
    for (n, client) in readers.iter_mut().enumerate() {
        client.join(&format!("Reader {n}"));
    }
    let nuisances = Nuisances::at(addr);
    readers[0].say_and_wait("the last word");
    let begin = Instant::now();
    process.signal(signal);
    let status = std::thread::scope(|scope| {
        for client in &mut readers {
            scope.spawn(|| client.expect_close(1001));
        }
        process.wait()
    });
    assert_eq!(status.code(), Some(0), "{}", process.stderr.text());
    assert!(begin.elapsed() < STOP + SLACK, "took {:?}", begin.elapsed());
    let log = process.stderr.whole();
    assert!(!log.contains("panicked"), "{log}");
    nuisances.end();
}

#[cfg(unix)]
#[test]
fn sigterm_is_a_clean_end_whatever_clients_do() {
    stops_on(Signal::TERM);
}

#[cfg(unix)]
#[test]
fn sigint_is_the_same() {
    stops_on(Signal::INT);
}

#[cfg(unix)]
#[test]
fn a_terminal_that_hangs_up_closes_the_room_as_sigterm_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut process = Process::start(&folder.path().join("chat.db"), &[]);
    let mut client = TestClient::connect(process.addr());
    client.join("Ana");
    client.say_and_wait("one");
    process.signal(Signal::HUP);
    client.expect_close(1001);
    assert_eq!(process.wait().code(), Some(0), "{}", process.stderr.text());
    let log = folder.path().join("chat.db-wal");
    assert!(!log.exists(), "everything is in one file: {}", process.stderr.text());
}

#[cfg(target_os = "linux")]
#[test]
fn a_room_that_was_started_to_outlive_its_terminal_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new("sh");
    // What nohup does; but that would also look after the outputs.
    command.args(["-c", "trap '' HUP; exec \"$0\" --bind 127.0.0.1 --port 0 --quiet"]);
    command.arg(env!("CARGO_BIN_EXE_chat-app")).current_dir(folder.path());
    let mut process = Process::spawn(&mut command);
    let mut client = TestClient::connect(process.addr());
    client.join("Ana");
    process.signal(Signal::HUP);
    let end = loop {
        if let Err(end) = client.next_within(Duration::from_secs(1)) {
            break end;
        }
    };
    assert_eq!(end, Ended::Silent, "nobody says goodbye");
    client.say_and_wait("still here");
    process.signal(Signal::TERM);
    assert_eq!(process.wait().code(), Some(0));
}

#[test]
fn a_server_in_a_program_stops_as_well() {
    let mut server = TestServer::start();
    let nuisances = Nuisances::at(server.addr());
    let mut reader = server.join("Reader");
    let addr = server.addr();
    let begin = Instant::now();
    server.stop();
    assert!(begin.elapsed() < STOP + SLACK, "took {:?}", begin.elapsed());
    reader.expect_close(1001);
    nuisances.end();
    assert!(TcpStream::connect(addr).is_err(), "nobody listens any more");
    server.start_again();
    server.join("Reader").say_and_wait("open again");
}

#[test]
fn who_is_writing_is_told_too() {
    let mut server = TestServer::start();
    let mut writers: Vec<TestClient> = (0..4).map(|n| server.join(&format!("Writer {n}"))).collect();
    std::thread::scope(|scope| {
        for client in &mut writers {
            scope.spawn(|| {
                let end = loop {
                    // Writes and reads in turns, and writes on after the goodbye is on its way.
                    let _ =
                        client.try_send(serde_json::json!({"event": "send_message", "message": "and on"}));
                    match client.next_within(Duration::from_millis(1)) {
                        Ok(_) | Err(Ended::Silent) => (),
                        Err(end) => break end,
                    }
                };
                assert_eq!(end, Ended::Closed(1001));
            });
        }
        let mut listener = server.connect();
        (0..50).for_each(|_| drop(listener.expect_event("receive_message")));
        server.stop();
    });
}

#[test]
fn what_was_acknowledged_before_the_end_is_there_after_it() {
    let mut server = TestServer::start();
    let mut ana = server.join("Ana");
    (0..200).for_each(|n| ana.say(&n.to_string()));
    ana.expect_text("50");
    server.stop();
    while ana.next().is_ok() {}
    let seen =
        ana.received("receive_message").last().and_then(|event| event["id"].as_u64()).expect("a position");
    server.start_again();
    let welcome = server.connect().expect_event("welcome");
    assert!(welcome["position"].as_u64().is_some_and(|head| head >= seen), "{welcome} after {seen}");
}
