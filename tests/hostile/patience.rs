//! Those who say nothing, or say it slowly: each is let go at its deadline, all of them at once.

use super::{Room, allow_descriptors, read_to_end};
use crate::support::{Knock, TestClient};
use chat_app::limits;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

/// What a busy machine may be late by.
const LATE: Duration = Duration::from_secs(15);

fn connect(addr: SocketAddr) -> TcpStream {
    TcpStream::connect(addr).expect("a connection")
}

/// So many connections that have sent these bytes and wait.
fn waiting(addr: SocketAddr, count: usize, bytes: &str) -> Vec<TcpStream> {
    let begin = |_| {
        let mut stream = connect(addr);
        stream.write_all(bytes.as_bytes()).expect("bytes can be written");
        stream
    };
    (0..count).map(begin).collect()
}

/// How each of these connections ends, with nobody sending any more.
fn expect_status(mut streams: Vec<TcpStream>, status: &str, begin: Instant, deadline: Duration) {
    for stream in &mut streams {
        let answer = String::from_utf8_lossy(&read_to_end(stream)).into_owned();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer:?}");
    }
    let after = begin.elapsed();
    assert!(after + Duration::from_secs(1) > deadline && after < deadline + LATE, "after {after:?}");
}

/// Adds a byte a second to each until the server ends it.
fn dribble(streams: &[TcpStream], over: mpsc::Receiver<()>) {
    while over.recv_timeout(Duration::from_secs(1)) == Err(mpsc::RecvTimeoutError::Timeout) {
        for mut stream in streams {
            let _ = stream.write_all(b"x"); // it may have been let go
        }
    }
}

/// Somebody in the room.
fn enter(addr: SocketAddr) -> TestClient {
    let entered = Knock::at(addr, "/ws").and_then(Knock::enter).expect("an answer");
    entered.unwrap_or_else(|refused| panic!("{refused:?}"))
}

/// Reads whatever comes, and answers nothing: no ping either. As a laptop that was closed, it sends no FIN.
fn half_open<'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    client: TestClient,
) -> ScopedJoinHandle<'scope, Duration> {
    scope.spawn(move || {
        let begin = Instant::now();
        client.raw().set_read_timeout(Some(limits::IDLE + LATE)).expect("not zero");
        let end = io::copy(&mut client.raw(), &mut io::sink());
        assert!(
            !matches!(&end, Err(error) if error.kind() == io::ErrorKind::WouldBlock),
            "still open after {:?}",
            begin.elapsed()
        );
        begin.elapsed()
    })
}

#[test]
fn silence_has_an_end() {
    allow_descriptors(4_000);
    let room = Room::open();
    room.endure("half-open peers, claims of 64 KiB, bytes a second apart: all let go", |addr| {
        let begin = Instant::now();
        let head = format!("POST /api/login HTTP/1.1\r\nHost: {addr}\r\nContent-Length: 10000\r\n");
        let nothing = waiting(addr, 50, "");
        let half_heads = waiting(addr, 50, &head);
        let half_bodies = waiting(addr, 50, &format!("{head}\r\n{{"));
        let unread: Vec<TcpStream> = waiting(addr, 50, &format!("GET / HTTP/1.1\r\nHost: {addr}\r\n\r\n"));
        let slow_heads = waiting(addr, 50, &format!("{head}X: "));
        let slow_bodies = waiting(addr, 50, &format!("{head}\r\n"));
        let claims: Vec<TestClient> = (0..1_000)
            .map(|_| {
                let client = enter(addr);
                // A whole frame, it says; and then nothing more.
                client.raw().write_all(b"\x81\xff\0\0\0\0\0\x01\0\0\0\0\0\0{").expect("bytes can be written");
                client
            })
            .collect();
        std::thread::scope(|scope| {
            let gone: Vec<_> = (0..20).map(|_| half_open(scope, enter(addr))).collect();
            let (over, heads_over) = mpsc::channel();
            let (over_too, bodies_over) = mpsc::channel();
            let (heads, bodies) = (&slow_heads, &slow_bodies);
            scope.spawn(move || dribble(heads, heads_over));
            scope.spawn(move || dribble(bodies, bodies_over));
            let again = |streams: &[TcpStream]| -> Vec<TcpStream> {
                streams.iter().map(|stream| stream.try_clone().expect("one socket, two ends")).collect()
            };
            for streams in [nothing, half_heads, again(&slow_heads)] {
                expect_status(streams, "408", begin, limits::HEAD_DEADLINE);
            }
            for streams in [half_bodies, again(&slow_bodies)] {
                expect_status(streams, "408", begin, limits::BODY_DEADLINE);
            }
            drop((over, over_too));
            for mut stream in unread {
                assert!(read_to_end(&mut stream).starts_with(b"HTTP/1.1 200 "), "it could still be had");
            }
            for half in gone {
                let after = half.join().expect("it ends");
                assert!(
                    after + Duration::from_secs(2) > limits::IDLE && after < limits::IDLE + LATE,
                    "{after:?}"
                );
            }
            for client in claims {
                let after = half_open(scope, client).join().expect("it ends");
                assert!(after < LATE, "with the others: {after:?}");
            }
        });
    });
}

/// What one address may have is not taken from the others, and comes back when it is over.
#[test]
fn five_thousand_idle_connections_are_one_address() {
    const CONNECTIONS: usize = 5_000;
    allow_descriptors(CONNECTIONS as u64 + 1_000);
    let room = Room::with(&[]);
    room.endure("5,000 idle connections from one address", |addr| {
        let mut idle = waiting(addr, CONNECTIONS, "");
        let begin = Instant::now();
        let refused = crate::support::try_http(addr, format!("GET / HTTP/1.1\r\nHost: {addr}\r\n\r\n"));
        assert!(refused.is_err() || refused.is_ok_and(|answer| answer.status == 429), "the address is full");
        let mut statuses = [0; 3];
        for stream in &mut idle {
            let answer = read_to_end(stream);
            let place = [&b""[..], b"HTTP/1.1 408 ", b"HTTP/1.1 429 "]
                .iter()
                .rposition(|start| answer.starts_with(start));
            statuses[place.expect("anything begins with nothing")] += 1;
        }
        assert!(begin.elapsed() < limits::HEAD_DEADLINE + LATE, "{:?}", begin.elapsed());
        let [unheard, waited, told] = statuses;
        println!("closed unheard {unheard}, 408 after a wait {waited}, 429 {told}");
        assert!(waited > 900 && unheard > 3_000, "closed unheard {unheard}, let in {waited}, told {told}");
    });
    assert_eq!(crate::support::get(room.addr, "/").status, 200, "and there is room again");
}
