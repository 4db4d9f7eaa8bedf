//! Too much of everything at once: words, readers that stand still, coming and going.

use super::frames::frame;
use super::{Room, allow_descriptors, ask_to_log_in, stand_back, status_of};
use crate::accounts::Browser;
use crate::support::{DEADLINE, Footprint, Knock, TestClient, Texts, crowd, epoch, key, long_log};
use chat_app::limits;
use serde_json::{Value, json};
use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Says `count` things without waiting for anything, and hears each of them, in order.
///
/// # Returns
/// How often it was told that it is too fast.
fn flood(addr: SocketAddr, number: usize, count: usize) -> usize {
    stand_back();
    let name = format!("Flood {number}");
    let mut client = Browser::new(addr).from(&format!("203.0.113.{number}")).connect();
    client.join_with_keys(&name, &key(&name), &key(&name));
    (0..count).for_each(|n| client.say(&format!("{number}:{n}")));
    let (mut next, mut told) = (0, 0);
    let until = Instant::now() + 2 * DEADLINE;
    let own = |event: &Value| event["username"] == name;
    while next < count {
        let event = client.take_next(until.saturating_duration_since(Instant::now()));
        let event = event.unwrap_or_else(|ended| panic!("{ended:?} after {next} of {count} by {number}"));
        match event["event"].as_str() {
            Some("receive_message") if own(&event) => {
                assert_eq!(event["message"], format!("{number}:{next}"), "in order, and none left out");
                next += 1;
            }
            Some("error") => {
                assert_eq!(event["code"], "rate_limited", "paced, and nothing refused: {event}");
                told += 1;
            }
            _ => {}
        }
    }
    client.leave();
    told
}

#[test]
fn a_hundred_who_flood_are_paced_and_lose_nothing() {
    let _alone = crowd();
    const CLIENTS: usize = 100;
    let room = Room::with(&["--trusted-proxy", "127.0.0.1"]);
    room.calm();
    let begin = Instant::now();
    room.endure("a flood from 100 clients", |addr| {
        std::thread::scope(|scope| {
            let floods: Vec<_> =
                (0..CLIENTS).map(|number| scope.spawn(move || flood(addr, number, 25))).collect();
            for flood in floods {
                assert!(flood.join().expect("a flood ends well") >= 1, "who is paced is told so");
            }
        });
    });
    // Ten at once, the other fifteen at five a second; a little less, since a clock's tick may fall between.
    assert!(begin.elapsed() > Duration::from_millis(2_700), "{:?}", begin.elapsed());
}

/// What one of those who flood sends, and the most answers that it may have had after a time.
fn nuisance(kind: usize) -> (String, Box<dyn Fn(Duration) -> f64>) {
    match kind {
        // As a number of its own: 900 who were answered 128 times a second made everybody else wait for seconds.
        0 => ("{}".to_owned(), Box::new(|time| 32.0 + 16.0 * time.as_secs_f64() + 1.0)),
        1 => (
            json!({"event": "join", "username": "Speaker 1"}).to_string(),
            Box::new(|time| f64::from(limits::FREE_JOINS) + 4.0 + 2.0 * time.as_secs_f64() + 1.0),
        ),
        2 => (
            json!({"event": "request_history", "before": u64::MAX, "limit": 200}).to_string(),
            Box::new(|time| 10.0 + 5.0 * time.as_secs_f64() + 1.0),
        ),
        _ => (json!({"event": "typing"}).to_string(), Box::new(|_| 0.0)),
    }
}

/// Frames that ask for an answer each, as fast as the socket takes them, from many.
#[test]
fn a_flood_of_what_is_refused_is_paced_too() {
    let _alone = crowd();
    let room = Room::open();
    room.calm();
    let flood = |addr: SocketAddr, kind: usize| {
        stand_back();
        let (text, allowed) = nuisance(kind);
        let begin = Instant::now();
        let mut client = TestClient::connect(addr);
        let mut half = client.raw().try_clone().expect("one socket, two ends");
        half.set_write_timeout(Some(Duration::from_secs(2))).expect("not zero");
        let frames = frame(0x81, text.as_bytes()).repeat(100);
        let mut answers = 0;
        std::thread::scope(|scope| {
            scope.spawn(move || {
                stand_back();
                // The socket fills up, since what is over the budget is not read.
                while begin.elapsed() < Duration::from_secs(3) && half.write_all(&frames).is_ok() {}
            });
            while begin.elapsed() < Duration::from_secs(5)
                && let Ok(event) = client.take_next(DEADLINE)
            {
                if event["event"] == "history"
                    || (event["event"] == "error" && event["code"] != "rate_limited")
                {
                    answers += 1;
                    let time = begin.elapsed();
                    assert!(f64::from(answers) <= allowed(time), "{answers} answers to {text} in {time:?}");
                }
            }
        });
        (kind, answers)
    };
    let answers = room.endure("a flood of refused frames, joins and history from 40 clients", |addr| {
        std::thread::scope(|scope| {
            let floods: Vec<_> = (0..40).map(|number| scope.spawn(move || flood(addr, number % 4))).collect();
            floods
                .into_iter()
                .map(|flood| flood.join().expect("no more answers than are paid for"))
                .collect::<Vec<_>>()
        })
    });
    for kind in 0..3 {
        let most = answers.iter().filter(|answer| answer.0 == kind).map(|answer| answer.1).max();
        println!("{}: at most {most:?} answers each", nuisance(kind).0);
        assert!(most > Some(0), "who waits is answered");
    }
}

/// Somebody in the room who does not read what is said there, and whose own machine holds so many bytes of it.
fn stalled(addr: SocketAddr, held: usize) -> TestClient {
    let mut client = TestClient::connect(addr);
    client.expect_event("presence");
    rustix::net::sockopt::set_socket_recv_buffer_size(client.raw(), held).expect("any system allows so much");
    client
}

/// What they have not taken is kept once for all of them, and no more of it than the window.
#[test]
fn five_hundred_who_do_not_read_cost_the_window_once() {
    let _alone = crowd();
    const CROWD: usize = 500;
    allow_descriptors(4_000);
    let room = Room::with(&["--max-clients-per-address", "10000", "--rate-limit", "0"]);
    room.calm();
    let crowd: Vec<TestClient> = (0..CROWD).map(|_| stalled(room.addr, 16 * 1024)).collect();
    // Last: on a busy machine the crowd takes longer than anybody may be silent.
    let mut speaker = TestClient::connect(room.addr);
    speaker.join("Talkative");
    let before = Footprint::of(&room.process);
    Footprint::forget_peak(&room.process);
    // More than the window, in frames as large as they come: each may have the rest of one to itself.
    let text = "🦀".repeat(limits::MESSAGE_CHARACTERS);
    let said = limits::WINDOW_BYTES * 3 / 2 / text.len();
    let crowd = room.endure("500 readers that stand still in a flood", |_| {
        for _ in 0..said / 8 {
            (0..8).for_each(|_| speaker.say(&text));
            (0..8).for_each(|_| drop(speaker.take_next(DEADLINE).expect("it is heard")));
        }
        crowd
    });
    let kept_kib = (limits::WINDOW_BYTES + limits::KEPT_BYTES + CROWD * text.len()) as u64 / 1024;
    let cost_kib = Footprint::of(&room.process).peak_kib.saturating_sub(before.memory_kib);
    println!("{cost_kib} KiB for {}, of whom each waits for {} KiB", crowd.len(), said * text.len() / 1024);
    assert!(cost_kib >= limits::WINDOW_BYTES as u64 / 2048, "{cost_kib} KiB: nobody was behind");
    assert!(
        cost_kib <= kept_kib + super::KEPT_BY_ALLOCATOR_KIB,
        "{cost_kib} KiB, and {kept_kib} KiB are kept"
    );
}

/// A thread of each reads the log, page by page, and holds one for as long as it is not taken.
#[test]
fn who_catches_up_and_does_not_read_costs_a_page() {
    const CROWD: usize = 100;
    // More than is kept in memory, so that it is read from the disk. Said by nobody: who had to hear four megabytes before it
    // begins would be late on a busy machine.
    let (mut command, folder) = Room::command();
    long_log(&folder.path().join("chat.db"), 1_200, Texts::Long);
    const { assert!(1_200 * 3_900 > limits::KEPT_BYTES) };
    let room = Room::spawn(command.args(["--max-clients-per-address", "10000"]), folder);
    let epoch = epoch(room.addr);
    let before = Footprint::of(&room.process);
    // They are let go for taking nothing, while each still holds its own end.
    let crowd = room.endure("100 who catch up and do not read", |addr| {
        let slow = |_| {
            let client = TestClient::resume(addr, 0, &epoch);
            client.hold_little();
            client
        };
        (0..CROWD).map(slow).collect::<Vec<_>>()
    });
    // The page, the part of its stack that a thread has touched, and what an allocator adds: 110 to 180 KiB were seen.
    let each_kib = 4 * limits::CATCH_UP_PAGE_BYTES as u64 / 1024;
    let cost_kib = Footprint::of(&room.process).peak_kib.saturating_sub(before.memory_kib);
    println!("{} KiB for each of {}", cost_kib / CROWD as u64, crowd.len());
    assert!(cost_kib <= CROWD as u64 * each_kib, "{cost_kib} KiB, and {each_kib} KiB would do for each");
}

#[test]
fn a_class_that_logs_in_at_once_holds_the_memory_of_two() {
    let _alone = crowd();
    let room = Room::open().with_logins();
    for attempt in ["first", "second"] {
        room.endure("40 logins at once", |addr| {
            let streams: Vec<TcpStream> =
                (0..40).map(|_| TcpStream::connect(addr).expect("a connection")).collect();
            for (n, stream) in streams.iter().enumerate() {
                ask_to_log_in(stream, addr, &format!("{attempt}-{n}"));
            }
            let statuses: Vec<String> = streams.into_iter().map(status_of).collect();
            assert!(statuses.iter().all(|status| matches!(&**status, "401" | "429" | "503")), "{statuses:?}");
        });
    }
}

/// Comes, and goes in one of the ways there are.
fn come_and_go(addr: SocketAddr, way: usize) {
    let whole = format!(
        "GET /ws HTTP/1.1\r\nHost: {addr}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let mut stream = TcpStream::connect(addr).expect("a connection");
    let reset = |stream: &TcpStream| {
        rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO)).expect("allowed");
    };
    match way {
        0 => {}
        1 => reset(&stream),
        2 => {
            let _ = stream.write_all(&whole.as_bytes()[..60]);
            reset(&stream);
        }
        3 => drop(stream.write_all(whole.as_bytes())),
        4 => {
            let _ = stream.write_all(whole.as_bytes());
            reset(&stream);
        }
        5 => {
            let _ = write!(stream, "GET / HTTP/1.1\r\nHost: {addr}\r\n\r\n");
            reset(&stream);
        }
        6 => {
            let _ = write!(stream, "GET / HTTP/1.1\r\nHost: {addr}\r\n\r\n");
            let _ = stream.shutdown(Shutdown::Write);
        }
        _ => {
            // One who even takes a name.
            let entered = Knock::at(addr, "/ws").and_then(Knock::enter);
            if let Ok(Ok(mut client)) = entered {
                client.say_with_id("passing by", &way.to_string());
                let _ = client.try_send(json!({"event": "join", "username": format!("Passer-by {way}")}));
            }
        }
    }
}

#[test]
fn a_storm_of_comings_and_goings_passes() {
    let _alone = crowd();
    const THREADS: usize = 4;
    const EACH: usize = 500;
    let room = Room::open();
    room.calm();
    let storm = |addr: SocketAddr| {
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                // Each eighth takes a name that nobody had.
                let ways = (0..EACH).map(move |n| if n % 8 < 7 { n % 8 } else { 8 + n * THREADS + thread });
                scope.spawn(move || {
                    stand_back();
                    ways.for_each(|way| come_and_go(addr, way));
                });
            }
        });
    };
    room.endure("2,000 who come and go", storm);
    // What is not given back shows the second time.
    let once = Footprint::of(&room.process);
    room.endure("2,000 more", storm);
    let twice = Footprint::of(&room.process);
    assert!(twice.memory_kib < once.memory_kib + 8 * 1024, "{once} after one storm, {twice} after two");
}
