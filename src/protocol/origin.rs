//! Origins: scheme, host and port, in the one form that browsers send.

use std::net::{Ipv4Addr, Ipv6Addr};

/// An origin in the one form that browsers send in `Origin`: scheme, lower-case host, and the port unless it is the
/// scheme's own. A slash at the end and the host's final dot are dropped. `None` for anything else than
/// `http(s)://host[:port]`, for paths, user names and hosts that are not ASCII too.
pub fn canonical(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let (scheme, rest) = text.split_once("://")?;
    let default_port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    // An IPv6 address has colons of its own; its brackets say where they end.
    let (host, port) =
        match rest.rfind(']').map_or(rest.rfind(':'), |end| rest[end..].find(':').map(|i| end + i)) {
            Some(colon) => (&rest[..colon], rest[colon + 1..].parse::<u16>().ok().filter(|&port| port != 0)?),
            None => (rest, default_port),
        };
    let host = host_name(host)?;
    Some(if port == default_port {
        format!("{scheme}://{host}")
    } else {
        format!("{scheme}://{host}:{port}")
    })
}

fn host_name(host: &str) -> Option<String> {
    if let Some(address) = host.strip_prefix('[') {
        return address.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(|address| format!("[{address}]"));
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    let label = |label: &str| {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        (1..=63).contains(&label.len()) && label.bytes().all(plain)
    };
    // Browsers read a host that ends in a number as an IPv4 address and nothing else.
    let numeric = host.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    let valid =
        host.len() <= 253 && host.split('.').all(label) && (!numeric || host.parse::<Ipv4Addr>().is_ok());
    valid.then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_one_form() {
        for (given, expected) in [
            ("https://Chat.Example.org/", "https://chat.example.org"),
            ("HTTPS://chat.example.org.:443", "https://chat.example.org"),
            ("http://chat.example:80", "http://chat.example"),
            ("https://chat.example:80", "https://chat.example:80"),
            ("http://192.168.1.5:5000", "http://192.168.1.5:5000"),
            ("http://[2001:DB8:0:0::1]:80", "http://[2001:db8::1]"),
            ("http://[::1]:5000/", "http://[::1]:5000"),
            ("http://laptop", "http://laptop"),
            ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ] {
            assert_eq!(canonical(given).as_deref(), Some(expected), "{given}");
            assert_eq!(canonical(expected).as_deref(), Some(expected), "{expected} is stable");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for bad in [
            "",
            "chat.example.org",
            "ftp://chat.example",
            "https://",
            "https:///",
            "https://a.example/chat",
            "https://a.example//",
            "https://a.example?x",
            "https://a.example#x",
            "https://me@a.example",
            "https://a.example:0",
            "https://a.example:65536",
            "https://a.example:",
            "https://a..example",
            "https://.",
            "https://a b",
            "https://bücher.example",
            "https://1.2.3",
            "https://1.2.3.400",
            "https://[::1",
            "https://::1",
            "https://[::1]x:5",
            "https://[fe80::1%eth0]",
            "null",
        ] {
            assert_eq!(canonical(bad), None, "{bad}");
        }
    }
}
