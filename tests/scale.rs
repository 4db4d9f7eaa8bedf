//! Many at once, and far behind: a class comes back after a restart, and one who was away for long catches up.

use crate::support::{Ended, TestClient, TestServer, View, crowd, epoch};
#[cfg(unix)]
use crate::support::{Knock, Process, free_port};

#[cfg(unix)]
#[test]
fn a_thousand_come_back_at_once() {
    let _alone = crowd();
    const CLIENTS: usize = 1_000;
    rlimit::increase_nofile_limit(4 * CLIENTS as u64).expect("descriptors for a thousand clients");
    let folder = tempfile::tempdir().expect("a folder for the database");
    let (port, database) = (free_port(), folder.path().join("chat.db"));
    let start = || Process::start_on(port, &database, &["--max-clients-per-address", "2000"]);
    let mut process = start();
    let addr = process.addr();
    let mut speaker = TestClient::connect(addr);
    speaker.join("Speaker");
    (0..10).for_each(|n| drop(speaker.say_and_wait(&format!("before {n}"))));

    let mut views: Vec<View> = (0..CLIENTS).map(|_| View::default()).collect();
    enter_at_once(addr, &mut views);
    speaker.say_and_wait("missed by all but one");
    process.kill();
    drop(process);
    let process = start();
    process.addr();

    let mut clients = enter_at_once(addr, &mut views);
    let mut speaker = TestClient::connect(addr);
    speaker.join("Speaker");
    let head = speaker.say_and_wait("welcome back")["id"].as_u64().expect("a position");
    for (view, client) in views.iter_mut().zip(&mut clients) {
        view.follow_to(client, head).expect("live again");
    }
    assert_eq!(views[0].texts().last(), Some(&"welcome back"));
    for view in &views {
        assert!(view.messages() == views[0].messages(), "all see the same");
    }
}

/// Everybody knocks before anybody is waited for.
#[cfg(unix)]
fn enter_at_once(addr: std::net::SocketAddr, views: &mut [View]) -> Vec<TestClient> {
    let knocks: Vec<Knock> =
        views.iter().map(|view| Knock::at(addr, &view.target()).expect("the queue is long enough")).collect();
    let enter = |(knock, view): (Knock, &mut View)| {
        let mut client = knock.enter().expect("an answer").expect("let in");
        view.follow_replay(&mut client).expect("a replay");
        client
    };
    knocks.into_iter().zip(views).map(enter).collect()
}

#[test]
fn who_is_far_behind_catches_up_and_holds_up_nobody() {
    const MESSAGES: u64 = 100_000;
    let _alone = crowd();
    let mut server = TestServer::with_log(MESSAGES);
    let epoch = epoch(server.addr());
    let (mut ana, mut ben) = (server.join("Ana"), server.join("Ben"));

    let mut behind = TestClient::resume(server.addr(), 0, &epoch);
    let mut view = View::default();
    // Far more than any buffer holds is still to come for the one who is behind, while the others talk.
    view.follow_to(&mut behind, 10).expect("the first messages");
    for n in 0..50 {
        ana.say(&n.to_string());
        ben.expect_text(&n.to_string());
    }
    while let Err(ended) = view.follow_to(&mut behind, MESSAGES + 50) {
        // Cut off for not having read while the others talked, on a very slow machine: it resumes.
        assert_ne!(ended, Ended::Silent);
        behind = view.connect(server.addr());
    }
    assert_eq!(view.messages().len() as u64, MESSAGES + 50);
    behind.join("Carla");
    behind.say_and_wait("here I am");
    server.stop();
}
