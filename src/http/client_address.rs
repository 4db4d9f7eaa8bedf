//! The address that a connection counts for; pure.
//!
//! A reverse proxy makes every connection itself and names its visitor in `X-Forwarded-For`. Anybody can send that header,
//! so only proxies that the operator has named (`--trusted-proxy`) are believed.

use std::net::IpAddr;

use crate::http::head::Head;

/// The address that a request comes from: the connection's own, or what a trusted proxy says of it.
///
/// The last entry of `X-Forwarded-For` counts: the trusted proxy wrote it itself. Those before it are hearsay.
pub fn client_address(peer: IpAddr, head: &Head, trusted_proxies: &[IpAddr]) -> IpAddr {
    let peer = peer.to_canonical();
    if !is_trusted(peer, trusted_proxies) {
        return peer;
    }
    let mut lines = head.headers.iter().filter(|(name, _)| name == "x-forwarded-for");
    let last = lines.next_back().and_then(|(_, value)| std::str::from_utf8(value).ok()?.rsplit(',').next());
    last.and_then(|text| address(text.trim())).unwrap_or(peer)
}

/// Whether this is a proxy that speaks for others.
pub(crate) fn is_trusted(peer: IpAddr, trusted_proxies: &[IpAddr]) -> bool {
    let peer = peer.to_canonical();
    trusted_proxies.iter().any(|proxy| proxy.to_canonical() == peer)
}

/// What counts as one address: an IPv6 host has its whole /64 to choose from.
pub(crate) fn address_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

/// An address as proxies write it: plain, or with a port, an IPv6 one then in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let plain = text.parse().ok().or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok());
    plain
        .or_else(|| Some(text.parse::<std::net::SocketAddr>().ok()?.ip()))
        .map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let lines: String = forwarded.iter().map(|value| format!("X-Forwarded-For: {value}\r\n")).collect();
        let request = format!("GET / HTTP/1.1\r\nHost: x\r\n{lines}\r\n");
        let (head, _) = crate::http::head::parse(request.as_bytes()).expect("plain").expect("complete");
        let parse = |text: &str| text.parse().expect("an address");
        let trusted: Vec<IpAddr> = trusted.iter().map(|text| parse(text)).collect();
        client_address(parse(peer), &head, &trusted).to_string()
    }

    #[test]
    fn a_trusted_proxy_is_believed_in_its_own_entry_and_in_no_other() {
        let proxy = ["10.0.0.2"];
        assert_eq!(seen("10.0.0.2", &["203.0.113.7"], &proxy), "203.0.113.7");
        assert_eq!(seen("10.0.0.2", &["1.2.3.4, 203.0.113.7"], &proxy), "203.0.113.7");
        assert_eq!(seen("10.0.0.2", &["1.2.3.4", "203.0.113.7"], &proxy), "203.0.113.7");
        assert_eq!(seen("::ffff:10.0.0.2", &["203.0.113.7"], &proxy), "203.0.113.7");
        for (written, address) in [
            ("203.0.113.7:4711", "203.0.113.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
        ] {
            assert_eq!(seen("10.0.0.2", &[written], &proxy), address, "{written}");
        }
        for nonsense in ["", "unknown", "203.0.113.7,", "300.1.1.1", "_hidden"] {
            assert_eq!(seen("10.0.0.2", &[nonsense], &proxy), "10.0.0.2", "{nonsense}");
        }
    }

    #[test]
    fn nobody_else_is_believed() {
        assert_eq!(seen("192.168.1.9", &["203.0.113.7"], &["10.0.0.2"]), "192.168.1.9");
        assert_eq!(seen("192.168.1.9", &["203.0.113.7"], &[]), "192.168.1.9");
        assert_eq!(seen("::ffff:192.168.1.9", &[], &[]), "192.168.1.9");
    }
}
