//! Those who are away, say nothing, or say it slowly: each is let go at its deadline, all of them at once. Four of these
//! tests wait for a minute, in which the others run.

#[cfg(target_os = "linux")]
use crate::hostile::IDLE_PAGE_THREADS;
use crate::hostile::{Room, allow_descriptors, read_to_end};
#[cfg(target_os = "linux")]
use crate::support::{DEADLINE, Footprint, Process};
use crate::support::{TestClient, TestServer};
use chat_app::limits;
use serde_json::json;
use std::io::{ErrorKind, Read, Write};
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

/// Reads whatever comes, and answers nothing: no ping either.
fn mute<'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    client: TestClient,
) -> ScopedJoinHandle<'scope, Duration> {
    scope.spawn(move || {
        let begin = Instant::now();
        let mut chunk = [0; 16 * 1024];
        loop {
            let rest = (limits::IDLE + LATE).saturating_sub(begin.elapsed());
            assert!(!rest.is_zero(), "still open after {:?}", begin.elapsed());
            client.raw().set_read_timeout(Some(rest)).expect("not zero");
            match client.raw().read(&mut chunk) {
                Ok(1..) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Ok(0) | Err(_) => return begin.elapsed(),
            }
        }
    })
}

#[test]
fn silence_has_an_end() {
    allow_descriptors(4_000);
    let room = Room::open();
    room.endure("peers that answer no ping, claims of 64 KiB, bytes a second apart: all let go", |addr| {
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
                let client = TestClient::connect(addr);
                // A whole frame, it says; and then nothing more.
                client.raw().write_all(b"\x81\xff\0\0\0\0\0\x01\0\0\0\0\0\0{").expect("bytes can be written");
                client
            })
            .collect();
        std::thread::scope(|scope| {
            let mutes: Vec<_> = (0..20).map(|_| mute(scope, TestClient::connect(addr))).collect();
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
            for mute in mutes {
                let after = mute.join().expect("it ends");
                assert!(
                    after + Duration::from_secs(2) > limits::IDLE && after < limits::IDLE + LATE,
                    "{after:?}"
                );
            }
            for client in claims {
                let after = mute(scope, client).join().expect("it ends");
                assert!(after < LATE, "with the others: {after:?}");
            }
        });
    });
}

/// A phone with a poor line in a busy room: its answer to a ping would come after everything that waits for it.
#[test]
fn who_takes_what_it_can_stays_though_no_ping_is_answered() {
    let server = TestServer::with(|config| config.rate_limit = 0);
    let mut slow = server.connect();
    slow.hold_little();
    slow.expect_event("presence");
    let mut speaker = server.join("Speaker");
    let text = "🦀".repeat(4_000);
    let begin = Instant::now();
    let mut chunk = [0; 2 * 1024];
    // An eighth of what is said is taken, however quick the machine is.
    while begin.elapsed() < limits::IDLE + Duration::from_secs(4) {
        speaker.say(&text);
        drop(speaker.expect_event("receive_message"));
        let taken = slow.raw().read(&mut chunk).expect("it is behind, and still there");
        assert!(taken > 0, "let go after {:?}", begin.elapsed());
        std::thread::sleep(Duration::from_millis(50)); // the pace of its line
    }
}

/// As a laptop that was closed: nothing that is sent to it arrives any more, so nothing is acknowledged, and it sends no FIN.
#[cfg(target_os = "linux")]
fn vanish(client: &TestClient) {
    const RETURN: u16 = 0x06; // how much of a packet is let through: of each of them, nothing
    let nothing = socket2::SockFilter::new(RETURN, 0, 0, 0);
    socket2::SockRef::from(client.raw()).attach_filter(&[nothing]).expect("a filter can be attached");
}

/// The end of a room's `crowd` that has vanished from it.
///
/// # Returns
/// How long each of them was still shown, and how long it took a thread, a descriptor.
#[cfg(target_os = "linux")]
fn vanish_all(
    process: &Process,
    observer: &mut TestClient,
    empty: Footprint,
    crowd: &[TestClient],
) -> [Duration; 2] {
    let names: Vec<String> = (0..crowd.len()).map(|n| format!("Gone {n}")).collect();
    let full = Footprint::of(process);
    assert!(full.descriptors >= empty.descriptors + crowd.len() as u64, "{full}, and {empty} before");
    let begin = Instant::now();
    crowd.iter().for_each(vanish);
    let patience = limits::IDLE + LATE;
    let mut shown: Vec<&str> = names.iter().map(|name| &**name).collect();
    while !shown.is_empty() {
        let event = observer.take_next(patience.saturating_sub(begin.elapsed()));
        let event = event.unwrap_or_else(|ended| panic!("{ended:?}, and {shown:?} are still shown"));
        let left = event["left"].as_array().map_or(&[][..], Vec::as_slice);
        shown.retain(|name| !left.iter().any(|gone| gone == name));
    }
    let told = begin.elapsed();
    loop {
        let now = Footprint::of(process);
        if now.threads <= empty.threads + IDLE_PAGE_THREADS && now.descriptors <= empty.descriptors {
            return [told, begin.elapsed()];
        }
        assert!(begin.elapsed() < patience, "{now}, and {empty} before");
        observer.expect_pong();
    }
}

/// So many in the room who read nothing of what is said there.
#[cfg(target_os = "linux")]
fn crowd(addr: SocketAddr, count: usize) -> Vec<TestClient> {
    let enter = |n| {
        let mut client = TestClient::connect(addr);
        client.join(&format!("Gone {n}"));
        client
    };
    (0..count).map(enter).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn who_vanishes_from_a_quiet_room_is_gone_within_a_minute() {
    let folder = tempfile::tempdir().expect("a folder for the database");
    let process = Process::start(&folder.path().join("chat.db"), &[]);
    let mut observer = TestClient::connect(process.addr());
    observer.join("Observer");
    let empty = Footprint::of(&process);
    let crowd = crowd(process.addr(), 20);
    observer.expect("the last of them", |event| event["joined"].to_string().contains("Gone 19"));
    let [told, freed] = vanish_all(&process, &mut observer, empty, &crowd);
    println!("20 who vanished from a quiet room: last shown after {told:.1?}, all freed after {freed:.1?}");
    assert!(told > limits::IDLE - Duration::from_secs(5), "{told:?}: silence is no fault");
    assert!(told < Duration::from_secs(60) + LATE && freed < Duration::from_secs(60) + LATE);
}

#[cfg(target_os = "linux")]
#[test]
fn who_vanishes_from_a_busy_room_is_gone_sooner() {
    const SAID: usize = 240;
    const { assert!(SAID * 4_000 < limits::WINDOW_BYTES) };
    let folder = tempfile::tempdir().expect("a folder for the database");
    let process = Process::start(&folder.path().join("chat.db"), &[]);
    let addr = process.addr();
    let (mut observer, mut speaker) = (TestClient::connect(addr), TestClient::connect(addr));
    observer.join("Observer");
    speaker.join("Speaker");
    let empty = Footprint::of(&process);
    let crowd = crowd(addr, 20);
    observer.expect("the last of them", |event| event["joined"].to_string().contains("Gone 19"));
    let [told, freed] = std::thread::scope(|scope| {
        let (over, is_over) = mpsc::channel::<()>();
        scope.spawn(move || {
            // More than a kernel holds for one of them, and less than the window.
            for _ in 0..SAID {
                if is_over.recv_timeout(Duration::from_millis(50)) != Err(mpsc::RecvTimeoutError::Timeout) {
                    break;
                }
                speaker.say(&"x".repeat(3_900));
                speaker.take_next(DEADLINE).expect("it is heard");
            }
        });
        let times = vanish_all(&process, &mut observer, empty, &crowd);
        drop(over);
        times
    });
    println!("20 who vanished from a busy room: last shown after {told:.1?}, all freed after {freed:.1?}");
    assert!(told > limits::STALL && told < limits::IDLE - LATE, "{told:?}: as who does not read");
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

#[test]
fn whoever_is_cut_off_comes_back_to_a_raised_hand_for_a_minute() {
    let server = TestServer::start();
    let (mut ana, mut ben) = (server.join("Ana"), server.join("Ben"));
    ana.send(json!({"event": "raise_hand"}));
    ben.expect("her hand", |event| event["event"] == "hands" && event["hands"] == json!(["Ana"]));
    drop(ana);
    let begin = Instant::now();
    while ben.received("hands").last().is_some_and(|told| told["hands"] == json!(["Ana"])) {
        assert!(begin.elapsed() < limits::HAND_KEPT + LATE, "it is up for ever");
        let _ = ben.next();
    }
    assert!(begin.elapsed() + Duration::from_secs(1) > limits::HAND_KEPT, "{:?}", begin.elapsed());
}
