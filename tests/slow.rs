//! A client that does not read costs the others nothing: it is cut off, and comes back to where it was.

use crate::support::{Ended, TestClient, TestServer, View};
use chat_app::limits;

/// Someone in the room for whom everything that is not read waits at the server.
fn hardly_reading(server: &TestServer, name: &str) -> TestClient {
    let mut client = server.connect();
    client.hold_little();
    client.join(name);
    // Everybody has been told: from here on, whom a newcomer is not told of has left.
    client.expect("its own coming", |event| event["joined"].to_string().contains(name));
    client
}

/// Has `speakers` say `each` messages of about 4 KB, while all of them read what all of them say. Several speakers,
/// since each may send only so many bytes at once.
fn talk(server: &TestServer, speakers: usize, each: usize) {
    let clients: Vec<TestClient> = (0..speakers).map(|n| server.join(&format!("Speaker {n}"))).collect();
    std::thread::scope(|scope| {
        for (n, mut client) in clients.into_iter().enumerate() {
            scope.spawn(move || {
                (0..each).for_each(|i| client.say(&format!("{n}:{i}:{}", "x".repeat(3900))));
                (0..speakers * each).for_each(|_| drop(client.expect_event("receive_message")));
            });
        }
    });
}

/// Waits until a newcomer no longer finds `name` in the room, or sees it leave.
fn expect_gone(server: &TestServer, name: &str) {
    server.connect().expect(&format!("that {name} is gone"), |event| match event["users"].as_array() {
        Some(users) => users.iter().all(|user| user["username"] != name),
        None => event["left"].as_array().is_some_and(|left| left.iter().any(|gone| gone == name)),
    });
}

#[test]
fn a_stalled_reader_is_cut_off_without_stalling_others() {
    const SPEAKERS: usize = 6;
    const EACH: usize = 110;
    let server = TestServer::start();
    let mut slow = hardly_reading(&server, "Slow");
    let mut view = View::default();
    // 2.6 MB: beyond its backlog and what the kernel holds. Everybody else gets all of it while nobody reads there.
    talk(&server, SPEAKERS, EACH);

    // Not for having been still for long: it reads again at once, and finds itself cut off.
    let end = view.follow_to(&mut slow, u64::MAX).expect_err("it was cut off");
    assert!(matches!(end, Ended::Torn | Ended::Closed(4408)), "{end:?}");
    let total = (SPEAKERS * EACH) as u64;
    assert!(view.position() < total, "cut off before the end, at {}", view.position());
    expect_gone(&server, "Slow");
    let mut again = view.connect(server.addr());
    view.follow_replay(&mut again).expect("it comes back");
    assert_eq!(view.position(), total);
    assert_eq!(view.messages().len() as u64, total, "nothing was lost");
    again.join("Slow");
}

#[test]
fn a_reader_that_takes_nothing_for_long_is_cut_off_with_little_to_read() {
    let server = TestServer::start();
    let slow = hardly_reading(&server, "Slow");
    // More than the kernels hold for it, far less than its backlog may be.
    const { assert!(800 * 1024 < limits::BACKLOG_BYTES) };
    talk(&server, 2, 100);
    expect_gone(&server, "Slow");
    drop(slow);
}

#[test]
fn a_slow_reader_that_reads_is_kept() {
    const MESSAGES: usize = 200;
    let server = TestServer::start();
    let mut slow = hardly_reading(&server, "Slow");
    talk(&server, 2, MESSAGES / 2);
    let mut view = View::default();
    view.follow_to(&mut slow, MESSAGES as u64).expect("it is behind, and still there");
    slow.say("I read all of it");
    slow.expect_text("I read all of it");
}

#[test]
fn many_stalled_readers_cost_the_others_nothing() {
    let server = TestServer::start();
    let stalled: Vec<TestClient> = (0..20).map(|n| hardly_reading(&server, &format!("Slow {n}"))).collect();
    let (mut ana, mut ben) = (server.join("Ana"), server.join("Ben"));
    // Each of these is in every stalled client's backlog before the next is said.
    for n in 0..150 {
        let text = format!("{n}:{}", "x".repeat(3000));
        ana.say(&text);
        ben.expect_message(&text);
        ana.expect_message(&text);
    }
    ana.expect_pong();
    drop(stalled);
}
