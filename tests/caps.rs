//! The room holds so many connections and no more; who is turned away is told, and let in when there is room.

use crate::support::{DEADLINE, Ended, Knock, TestClient, TestServer, http, try_http};
use chat_app::config::Config;
use std::net::SocketAddr;
use std::time::Instant;

/// Tries until the server lets one more in: it may not have noticed yet that another left.
fn enter(addr: SocketAddr) -> TestClient {
    let until = Instant::now() + DEADLINE;
    while Instant::now() < until {
        if let Ok(Ok(mut client)) = Knock::at(addr, "/ws").and_then(Knock::enter)
            && client.next().is_ok_and(|event| event["event"] == "welcome")
        {
            return client;
        }
    }
    panic!("there is room, and still nobody is let in");
}

fn turned_away(change: impl FnOnce(&mut Config), status: u16, in_german: &str, in_french: &str) {
    let server = TestServer::with(|config| {
        config.language = "fr".to_owned();
        change(config);
    });
    let first = server.join("Ana");
    let mut second = server.join("Ben");
    let mut third = server.connect();
    assert_eq!(third.next(), Err(Ended::Closed(1013)), "before it is told anything");
    let refusal = server.get("/");
    assert_eq!(refusal.status, status);
    assert!(refusal.header("retry-after").is_some());
    assert_eq!(refusal.text().trim_end().lines().count(), 1, "one line says why: {:?}", refusal.text());
    assert_eq!(refusal.text().trim_end(), in_french, "the room's language");
    let addr = server.addr();
    for asked in ["Accept-Language: de-AT", "Accept-Language: pl\r\nCookie: chat-app-language=de"] {
        let refusal =
            http(addr, format!("GET / HTTP/1.1\r\nHost: {addr}\r\n{asked}\r\nConnection: close\r\n\r\n"));
        assert_eq!((refusal.status, refusal.text().trim_end()), (status, in_german), "{asked}");
    }
    second.say_and_wait("unharmed");
    first.leave();
    enter(server.addr()).join("Carla");
}

#[test]
fn a_full_room_is_1013_and_503() {
    turned_away(
        |config| config.max_clients = Some(2),
        503,
        "Der Raum ist voll. Sein Host kann mehr erlauben: --max-clients",
        "Le salon est complet. Son hôte peut accepter plus de monde : --max-clients",
    );
}

#[test]
fn a_full_address_is_1013_and_429() {
    turned_away(
        |config| config.max_clients_per_address = 2,
        429,
        "Von deiner Adresse gibt es zu viele Verbindungen. Der Host des Raums kann mehr erlauben: \
         --max-clients-per-address",
        "Il y a trop de connexions depuis ton adresse. L’hôte du salon peut en accepter plus : --max-clients-per-address",
    );
}

#[test]
fn a_crowd_at_the_door_harms_nobody_inside() {
    let server = TestServer::with(|config| config.max_clients = Some(2));
    let (mut ana, mut ben) = (server.join("Ana"), server.join("Ben"));
    // Far above the number that is still told why.
    let crowd: Vec<_> = (0..300).filter_map(|_| Knock::at(server.addr(), "/ws").ok()).collect();
    ana.say("hi");
    ben.expect_message("hi");
    for knock in crowd {
        if let Ok(Ok(mut client)) = knock.enter() {
            let end = client.expect_end();
            assert!(matches!(end, Ended::Closed(1013) | Ended::Torn), "{end:?}");
        }
    }
    ana.leave();
    ben.leave();
    enter(server.addr()).join("Carla");
}

#[test]
fn plain_requests_give_their_place_back() {
    let server = TestServer::with(|config| config.max_clients = Some(2));
    for _ in 0..20 {
        let until = Instant::now() + DEADLINE;
        let request =
            format!("GET /healthz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.addr());
        while try_http(server.addr(), &request).map_or(0, |response| response.status) != 200 {
            assert!(Instant::now() < until, "nobody is connected, and still the room is full");
        }
    }
}
