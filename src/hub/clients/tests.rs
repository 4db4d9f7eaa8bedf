use std::io::Read;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::*;
use crate::hub::broadcast::{Logged, StoredChange};
use crate::hub::sender::tests::linked;

/// Clients who read nothing, and their peers.
fn crowd(count: u8, now: Instant) -> (Clients, Vec<ClientId>, Vec<std::net::TcpStream>) {
    let mut clients = Clients::default();
    let (ids, peers) = (0..count)
        .map(|n| {
            let (socket, peer) = linked();
            let visitor = Visitor { session: None, address: Ipv4Addr::LOCALHOST.into(), browser: None };
            (clients.add(socket, visitor, |_| [n; 32], now), peer)
        })
        .unzip();
    (clients, ids, peers)
}

/// A turn that is as large as one may be, of frames of 1 KiB.
fn turn() -> Broadcast {
    let frame = [&[0x81, 126, 3, 0xfc][..], &[0; 1020]].concat();
    Broadcast { frames: frame.repeat(limits::TURN_BYTES / 1024).into(), ..Broadcast::default() }
}

#[test]
fn who_has_most_of_its_own_is_cut_off_first_and_no_more_than_have_to_be() {
    let now = Instant::now();
    let (mut clients, ids, _peers) = crowd(7, now);
    // All get more than their kernels hold, and then each something of its own.
    (0..3).for_each(|_| clients.fan_out(&turn(), now));
    for (id, more) in ids.iter().zip([5, 2, 7, 1, 6, 3, 4]) {
        clients.send_to(*id, vec![0; more * 16 * 1024], 0);
    }
    clients.fan_out(&Broadcast::default(), now);
    let mut open = clients.which(|client| client.sender.is_open());
    let size = |clients: &mut Clients, id: ClientId| clients.get(id).expect("here").counted.own_bytes;
    open.sort_by_key(|id| size(&mut clients, *id));
    assert_eq!(open.len(), 7, "none has too much by itself");
    assert_eq!(clients.own_bytes, 28 * 16 * 1024, "what everybody is told is not counted");
    clients.relieve(clients.own_bytes, now);
    while let Some(largest) = open.pop() {
        let bound = clients.own_bytes - 1;
        clients.relieve(bound, now);
        let mut left = clients.which(|client| client.sender.is_open());
        left.sort_by_key(|id| size(&mut clients, *id));
        assert_eq!(left, open, "the largest alone is cut off: {largest:?}");
    }
    clients.relieve(0, now); // and where nobody is left, that is the end of it
}

#[test]
fn who_is_too_far_behind_by_bytes_falls_out_and_nobody_sooner() {
    let now = Instant::now();
    let (mut clients, ids, _peers) = crowd(3, now);
    let fallen = |clients: &Clients| clients.which(|client| !client.sender.is_before(u64::MAX)).len();
    // Less than one turn fits a kernel's buffers: all of them are in the first, or the second.
    for _ in 0..limits::WINDOW_BYTES / limits::TURN_BYTES {
        clients.fan_out(&turn(), now);
    }
    assert_eq!(fallen(&clients), 0, "a whole window is not too much");
    (0..4).for_each(|_| clients.fan_out(&turn(), now));
    assert_eq!((fallen(&clients), clients.behind), (3, 0));
    assert!(clients.own_bytes < 3 * 1024, "each keeps the rest of one frame");
    assert!(ids.iter().all(|id| clients.get(*id).is_some_and(|client| client.sender.is_open())));
    assert!(clients.window.begins_at(clients.window.end()), "nobody needs it any more");
}

#[test]
fn who_is_too_far_behind_by_time_falls_out_though_nothing_more_is_told() {
    let now = Instant::now();
    let (mut clients, _ids, _peers) = crowd(1, now);
    (0..3).for_each(|_| clients.fan_out(&turn(), now));
    assert_eq!(clients.behind, 1);
    clients.shrink_window(now + limits::WINDOW_AGE - Duration::from_millis(1));
    assert_eq!(clients.behind, 1);
    clients.shrink_window(now + limits::WINDOW_AGE);
    assert_eq!(clients.behind, 0);
}

/// Reads at the first peer what comes until nothing more does, while the clients are tried again.
fn read_on(clients: &mut Clients, peer: &mut std::net::TcpStream, ending: &str) -> String {
    peer.set_nonblocking(true).expect("a socket can be");
    let until = Instant::now() + Duration::from_secs(10);
    let (mut received, mut chunk) = (Vec::new(), vec![0; 64 * 1024]);
    while !received.ends_with(ending.as_bytes()) {
        match peer.read(&mut chunk) {
            Ok(count) => received.extend_from_slice(&chunk[..count]),
            Err(_) => std::thread::yield_now(),
        }
        clients.tick(Instant::now());
        for id in clients.take_fallen_out() {
            clients.start_afresh(id, ["WELCOME,".into(), "newest,".into()], Instant::now());
        }
        let tail = String::from_utf8_lossy(&received[received.len().saturating_sub(60)..]).into_owned();
        assert!(Instant::now() < until, "{} bytes, and the last are {tail:?}", received.len());
    }
    String::from_utf8_lossy(&received[received.len().saturating_sub(60)..]).into_owned()
}

#[test]
fn who_has_only_something_of_its_own_waiting_is_behind_with_the_next_turn() {
    let now = Instant::now();
    let (mut clients, ids, mut peers) = crowd(1, now);
    clients.send_to(ids[0], vec![b'h'; limits::OWN_BYTES], 0);
    clients.fan_out(&Broadcast::default(), now);
    assert!(clients.own_bytes > 0 && clients.behind == 0);
    for told in ["first,", "second,"] {
        clients.fan_out(&Broadcast { frames: told.into(), ..Broadcast::default() }, now);
    }
    assert_eq!(clients.behind, 1);
    let tail = read_on(&mut clients, &mut peers[0], "second,");
    assert!(tail.ends_with("hhfirst,second,"), "{tail}");
    assert_eq!((clients.behind, clients.own_bytes), (0, 0));
}

#[test]
fn one_with_too_much_of_its_own_is_cut_off_alone_whatever_is_left_of_it() {
    let now = Instant::now();
    let (mut clients, ids, _peers) = crowd(6, now);
    // One piece each, under way: that one is not torn.
    ids[..3].iter().for_each(|id| clients.send_to(*id, vec![0; limits::OWN_BYTES], 0));
    clients.fan_out(&Broadcast::default(), now);
    clients.relieve(clients.own_bytes - 1, now);
    assert_eq!(clients.which(|client| client.sender.is_open()).len(), 5);
}

#[test]
fn what_was_told_before_a_clearing_does_not_follow_the_welcome_after_it() {
    let now = Instant::now();
    let (mut clients, ids, mut peers) = crowd(1, now);
    (0..limits::WINDOW_BYTES / limits::TURN_BYTES + 4).for_each(|_| clients.fan_out(&turn(), now));
    clients.send_to(ids[0], "history,".into(), 0);
    clients.send_to(ids[0], "cleared,".into(), 1);
    let changes = vec![StoredChange { at: 0, logged: Logged::Cleared }];
    clients.fan_out(&Broadcast { changes, ..Broadcast::default() }, now);
    clients.fan_out(&Broadcast { frames: "said since,".into(), ..Broadcast::default() }, now);
    clients.send_to(ids[0], "an answer,".into(), 0);
    clients.fan_out(&Broadcast::default(), now);
    let tail = read_on(&mut clients, &mut peers[0], "an answer,");
    assert!(tail.ends_with("\0WELCOME,newest,an answer,"), "{tail:?}");
}

#[test]
fn what_is_ones_own_stands_in_its_place() {
    let now = Instant::now();
    let (mut clients, ids, mut peers) = crowd(1, now);
    let changes = [13, 13, 17].map(|at| StoredChange { at, logged: Logged::Nothing }).into();
    let turn = Broadcast { frames: "presence,one,two,".into(), begin: 9, changes };
    for (place, frames) in [(0, "a,"), (3, "d,"), (1, "b,"), (1, "c,"), (9, "late,")] {
        clients.send_to(ids[0], frames.into(), place);
    }
    clients.fan_out(&turn, now);
    clients.send_to(ids[0], "x".into(), 2);
    clients.fan_out(&Broadcast::default(), now);
    let expected = "a,presence,one,b,c,two,d,late,x";
    let mut received = vec![0; expected.len()];
    peers[0].read_exact(&mut received).expect("it comes");
    assert_eq!(String::from_utf8_lossy(&received), expected);
}
