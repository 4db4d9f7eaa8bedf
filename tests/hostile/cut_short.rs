//! Floods that end in the middle: the disk is full, or the process killed. Nothing that was shown is lost.

use crate::disk::SmallDisk;
use crate::support::{DEADLINE, Ended, Process, TestClient, View, epoch, free_port};
use chat_app::inside::CloseCode;
use serde_json::json;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Mutex;

/// Enters, and says numbered things without waiting for anything, until the connection ends.
fn shout(addr: SocketAddr, number: usize, numbers: Range<usize>) -> TestClient {
    let mut client = TestClient::connect(addr);
    client.join(&format!("Shouter {number}"));
    shout_on(&mut client, number, numbers);
    client
}

fn shout_on(client: &mut TestClient, number: usize, numbers: Range<usize>) {
    for n in numbers {
        let text = format!("{number}:{n}:{}", "x".repeat(500));
        let event = json!({"event": "send_message", "message": text, "client_message_id": format!("{n:06}")});
        if client.try_send(event).is_err() {
            break;
        }
    }
}

/// What became of each of `count` messages: its position and text, none for one that was refused.
fn answers_to(client: &mut TestClient, number: usize, count: usize) -> Vec<Option<(u64, String)>> {
    let own = format!("Shouter {number}");
    let mut answers = Vec::new();
    while answers.len() < count {
        let event = client.take_next(DEADLINE);
        let event = event.unwrap_or_else(|ended| panic!("{ended:?} after {} of {count}", answers.len()));
        if event["event"] == "error" {
            assert_eq!(event["code"], "not_saved", "{event}");
            answers.push(None);
        } else if event["event"] == "receive_message" && event["username"] == own.as_str() {
            let text = event["message"].as_str().expect("a text").to_owned();
            answers.push(Some((event["id"].as_u64().expect("a position"), text)));
        }
    }
    answers
}

#[test]
fn a_disk_that_is_full_under_a_flood_loses_nothing_that_was_shown() {
    const SHOUTERS: usize = 40;
    const EACH: usize = 20;
    let Some(disk) = SmallDisk::new() else { return };
    let process = Process::spawn(&mut disk.command("--rate-limit 0 --max-clients-per-address 1000"));
    let addr = process.addr();
    let mut observer = TestClient::connect(addr);
    observer.join("Observer");
    let is_full = Mutex::new(());
    let (filler, answers) = std::thread::scope(|scope| {
        let (is_full, filling) = (&is_full, is_full.lock());
        let shouters: Vec<_> = (0..SHOUTERS)
            .map(|number| {
                scope.spawn(move || {
                    let mut client = shout(addr, number, 0..EACH);
                    drop(is_full.lock());
                    shout_on(&mut client, number, EACH..2 * EACH);
                    answers_to(&mut client, number, 2 * EACH)
                })
            })
            .collect();
        // It fills up in the middle of the first half.
        (0..SHOUTERS).for_each(|_| drop(observer.expect_event("receive_message")));
        let filler = disk.fill(&process);
        drop(filling);
        let answers: Vec<_> =
            shouters.into_iter().flat_map(|shouter| shouter.join().expect("all is answered")).collect();
        (filler, answers)
    });
    let mut stored: Vec<(u64, String)> = answers.into_iter().flatten().collect();
    println!("of {} messages {} were stored", 2 * SHOUTERS * EACH, stored.len());
    assert!(stored.len() < 2 * SHOUTERS * EACH, "a full disk does not take all of it");
    observer.expect_pong();
    disk.empty(&filler);
    observer.say_and_wait("there is room again");
    // Whoever was shown anything was shown what is stored, and nothing that is not.
    stored.sort();
    let mut whole = View::default();
    whole.follow_replay(&mut TestClient::resume(addr, 0, &epoch(addr))).expect("a replay");
    let log: Vec<(u64, String)> = whole.messages().into_iter().map(|(id, _, text)| (id, text)).collect();
    assert_eq!(log.len(), stored.len() + 1);
    assert!(log.starts_with(&stored), "shown and not stored, or stored and not shown");
}

#[test]
fn a_kill_under_a_flood_loses_nothing_that_was_shown() {
    const SHOUTERS: usize = 30;
    let folder = tempfile::tempdir().expect("a folder for the database");
    let (port, database) = (free_port(), folder.path().join("chat.db"));
    let start = || Process::start_on(port, &database, &["--max-clients-per-address", "1000"]);
    let mut process = start();
    let addr = process.addr();
    let mut view = View::default();
    let mut observer = view.connect(addr);
    let shouters: Vec<TestClient> = (0..SHOUTERS).map(|number| shout(addr, number, 0..1)).collect();
    let end = std::thread::scope(|scope| {
        for (number, mut client) in shouters.into_iter().enumerate() {
            scope.spawn(move || {
                shout_on(&mut client, number, 1..200);
                while client.take_next(DEADLINE).is_ok() {}
            });
        }
        // Who hears of it late is cut off, and comes back where they were.
        while let Err(ended) = view.follow_to(&mut observer, 1_000) {
            assert_eq!(ended, Ended::Closed(CloseCode::TooSlow as u16), "a flood");
            observer = view.connect(addr);
        }
        process.kill();
        loop {
            if let Err(ended) = view.follow_to(&mut observer, u64::MAX) {
                break ended;
            }
        }
    });
    assert_ne!(end, Ended::Silent);
    let seen = view.messages();
    let process = start();
    let mut again = view.connect(process.addr());
    view.follow_replay(&mut again).expect("a replay");
    assert!(view.messages().starts_with(&seen), "what was shown is what is stored");
    let addr = process.addr();
    let mut whole = View::default();
    whole.follow_replay(&mut TestClient::resume(addr, 0, &epoch(addr))).expect("a replay");
    assert!(whole.messages().ends_with(&view.messages()), "and what came back is the log");
}
