//! Too much of everything at once: words, readers that stand still, coming and going.

use super::{Room, allow_descriptors, ask_to_log_in, stand_back, status_of};
use crate::support::{DEADLINE, Ended, Knock, TestClient};
use chat_app::limits;
use serde_json::{Value, json};
use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use tungstenite::Message;

/// Says `count` things without waiting for anything, and hears each of them, in order.
///
/// # Returns
/// How often it was told that it is too fast.
fn flood(addr: SocketAddr, number: usize, count: usize) -> usize {
    stand_back();
    let mut client = TestClient::connect(addr);
    client.join(&format!("Flood {number}"));
    (0..count).for_each(|n| client.say(&format!("{number}:{n}")));
    let (mut next, mut told) = (0, 0);
    let until = Instant::now() + 2 * DEADLINE;
    let own = |event: &Value| event["username"] == format!("Flood {number}");
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
    const CLIENTS: usize = 100;
    let room = Room::open();
    room.calm(Duration::from_secs(2));
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

/// Frames that ask for an answer each, as fast as the socket takes them, from many.
#[test]
fn a_flood_of_what_is_refused_is_paced_too() {
    let room = Room::open();
    room.calm(Duration::from_secs(2));
    room.endure("a flood of refused frames, joins and history from 40 clients", |addr| {
        std::thread::scope(|scope| {
            for number in 0..40 {
                scope.spawn(move || {
                    stand_back();
                    let mut client = TestClient::connect(addr);
                    client.raw().set_write_timeout(Some(Duration::from_secs(2))).expect("not zero");
                    let frame = match number % 4 {
                        0 => "{}".to_owned(),
                        1 => json!({"event": "join", "username": "Speaker 1"}).to_string(),
                        2 => {
                            json!({"event": "request_history", "before": u64::MAX, "limit": 200}).to_string()
                        }
                        _ => json!({"event": "typing"}).to_string(),
                    };
                    let until = Instant::now() + Duration::from_secs(3);
                    // The socket fills up, since what is over the budget is not read.
                    while Instant::now() < until && client.send_frame(Message::text(frame.as_str())).is_ok() {
                    }
                });
            }
        });
    });
}

/// Somebody in the room who does not read what is said there.
fn stalled(addr: SocketAddr) -> TestClient {
    let mut client = TestClient::connect(addr);
    client.expect_event("presence");
    client
}

#[test]
fn five_hundred_who_do_not_read_are_cut_off_from_the_slowest_on() {
    const SLOWEST: usize = 560;
    const SLOW: usize = 20;
    // Before any of them alone has too much waiting, all of them together have.
    const { assert!(limits::BACKLOGS_BYTES / SLOWEST < limits::BACKLOG_BYTES / 2) };
    allow_descriptors(4_000);
    let room = Room::with(&["--max-clients-per-address", "10000", "--rate-limit", "0"]);
    room.calm(Duration::from_secs(1));
    room.endure("580 readers that stand still", |addr| {
        let slowest: Vec<TestClient> = (0..SLOWEST).map(|_| stalled(addr)).collect();
        let mut slow: Vec<TestClient> = (0..SLOW).map(|_| stalled(addr)).collect();
        for client in &slow {
            // Less of it waits for these, since their own machines hold more.
            rustix::net::sockopt::set_socket_recv_buffer_size(client.raw(), 400 * 1024)
                .expect("a large buffer");
        }
        let mut speaker = TestClient::connect(addr);
        speaker.join("Talkative");
        let begin = Instant::now();
        let cut_off = || room.process.stderr.text().contains("the slowest is cut off");
        let mut said = 0;
        while !cut_off() {
            assert!(
                begin.elapsed() < limits::STALL,
                "{said} messages, and nobody is cut off for having too much"
            );
            // Several at once: it has to come before any of them has stood still for too long.
            let texts: Vec<String> =
                (said..said + 16).map(|n| format!("{n}:{}", "x".repeat(3_900))).collect();
            texts.iter().for_each(|text| speaker.say(text));
            let last = texts.last().expect("sixteen");
            while speaker.take_next(DEADLINE).expect("it is heard")["message"] != last.as_str() {}
            said += texts.len();
        }
        // Those for whom less is waiting are here to the end.
        speaker.say("enough");
        while speaker.take_next(DEADLINE).expect("it is heard")["message"] != "enough" {}
        for client in &mut slow {
            client.expect_text("enough");
        }
        let mut ends = [0; 2];
        // A few of them, since reading takes long.
        for mut client in slowest.into_iter().step_by(SLOWEST / 40) {
            let end = loop {
                match client.take_next(DEADLINE) {
                    Ok(event) if event["message"] == "enough" => break None,
                    Ok(_) => {}
                    Err(Ended::Silent) => panic!("neither cut off nor told the rest"),
                    Err(end) => break Some(end),
                }
            };
            assert!(matches!(end, None | Some(Ended::Closed(4408) | Ended::Torn)), "{end:?}");
            ends[usize::from(end.is_some())] += 1;
        }
        println!(
            "{said} messages; of 40 who read again, {} had been cut off and {} had not",
            ends[1], ends[0]
        );
    });
}

#[test]
fn a_class_that_logs_in_at_once_holds_the_memory_of_two() {
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
    const THREADS: usize = 4;
    const EACH: usize = 500;
    let room = Room::open();
    room.calm(Duration::from_secs(2));
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
    let once = crate::support::Footprint::of(&room.process);
    room.endure("2,000 more", storm);
    let twice = crate::support::Footprint::of(&room.process);
    assert!(twice.memory_kib < once.memory_kib + 8 * 1024, "{once} after one storm, {twice} after two");
}
