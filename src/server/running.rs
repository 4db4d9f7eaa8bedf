//! A room that is open already, found by a second start with its database.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Instant;

use crate::accounts::address_beside;
use crate::limits::{BESIDE_ANSWER, POLL};

/// Where a browser on this computer finds the room that has this database open. It may be about to open it only now: a double click
/// that was two.
pub fn running_at(database: &Path) -> Option<String> {
    let until = Instant::now() + BESIDE_ANSWER;
    loop {
        match address_beside(database).ok().and_then(|address| from_here(&address)) {
            None if Instant::now() < until => thread::sleep(POLL),
            found => return found,
        }
    }
}

/// An address in the local network is one of this computer's, and at `localhost` the host's browser is known. Others are proxies'.
fn from_here(address: &str) -> Option<String> {
    let Some(handed_out) = address.strip_prefix("http://").and_then(|it| it.parse::<SocketAddr>().ok())
    else {
        return Some(address.to_owned());
    };
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, handed_out.port()));
    let answers = |address| TcpStream::connect_timeout(&address, BESIDE_ANSWER).is_ok();
    let at_home = answers(local).then(|| format!("http://localhost:{}", local.port()));
    at_home.or_else(|| answers(handed_out).then(|| address.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_room_in_this_network_is_at_localhost_and_a_proxys_where_it_says() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        assert_eq!(from_here(&format!("http://192.0.2.5:{port}")), Some(format!("http://localhost:{port}")));
        for public in ["https://school.example/chat", "http://box.example:8080"] {
            assert_eq!(from_here(public).as_deref(), Some(public));
        }
        drop(listener);
        assert_eq!(from_here(&format!("http://127.0.0.1:{port}")), None, "nobody answers there");
    }
}
