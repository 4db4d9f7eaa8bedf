//! Origins (scheme, host and port, in the one form that browsers send), and public URLs: an origin, and maybe a path.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::limits::PATH_CHARACTERS;

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

/// A public URL in its one form: the origin as [`canonical`] returns it, and a path without a slash at the end. The path's
/// parts are of letters, digits and `-._~`: they also stand in a cookie's name.
pub(crate) fn public_url(text: &str) -> Option<String> {
    let (origin, path) = split(text.trim());
    let path = path.strip_suffix('/').unwrap_or(path);
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let is_part = |part: &str| !["", ".", ".."].contains(&part) && part.bytes().all(plain);
    let valid = path.len() <= PATH_CHARACTERS && path.split('/').skip(1).all(is_part);
    Some(canonical(origin)? + path).filter(|_| valid)
}

/// Origin and path of a public URL.
pub(crate) fn split(url: &str) -> (&str, &str) {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find('/').map_or((url, ""), |at| url.split_at(host + at))
}

/// A public URL as it is shown: only a path that ends in a slash makes the page's own addresses lead below it.
pub(crate) fn handed_out(url: &str) -> String {
    if split(url).1.is_empty() { url.to_owned() } else { format!("{url}/") }
}

/// Whether an origin is that of a public URL.
pub(crate) fn is_public(origin: &str, public_urls: &[String]) -> bool {
    public_urls.iter().any(|url| split(url).0 == origin)
}

/// Host and port of an origin as [`canonical`] returns it.
pub(crate) fn host_and_port(origin: &str) -> (&str, u16) {
    let (scheme, host) = origin.split_once("://").unwrap_or(("http", origin));
    match host.rfind(':').filter(|&colon| !host[colon..].contains(']')) {
        Some(colon) => (&host[..colon], host[colon + 1..].parse().unwrap_or_default()),
        None => (host, if scheme == "https" { 443 } else { 80 }),
    }
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

    #[test]
    fn a_public_url_may_have_a_path() {
        for (given, expected, shown) in [
            ("https://Chat.Example.org", "https://chat.example.org", "https://chat.example.org"),
            ("https://chat.example.org/", "https://chat.example.org", "https://chat.example.org"),
            ("https://School.example/Chat", "https://school.example/Chat", "https://school.example/Chat/"),
            (
                "https://school.example:443/chat/",
                "https://school.example/chat",
                "https://school.example/chat/",
            ),
            (
                "http://10.0.0.2:8080/a/b-9.x~_/",
                "http://10.0.0.2:8080/a/b-9.x~_",
                "http://10.0.0.2:8080/a/b-9.x~_/",
            ),
            ("http://[::1]:5000/chat", "http://[::1]:5000/chat", "http://[::1]:5000/chat/"),
        ] {
            let url = public_url(given).unwrap_or_else(|| panic!("{given}"));
            assert_eq!((url.as_str(), handed_out(&url).as_str()), (expected, shown), "{given}");
            assert_eq!(public_url(shown).as_deref(), Some(expected), "{shown} is the same");
        }
        let long = format!("https://a.example/{}", "x".repeat(PATH_CHARACTERS));
        for bad in [
            "https://a.example//",
            "https://a.example/chat//",
            "https://a.example//chat",
            "https://a.example/../chat",
            "https://a.example/./",
            "https://a.example/a b",
            "https://a.example/a;b",
            "https://a.example/a%2Fb",
            "https://a.example/bücher",
            "https://a.example/chat?x",
            "https://a.example/chat#x",
            "https://me@a.example/chat",
            "a.example/chat",
            "/chat",
            &long,
        ] {
            assert_eq!(public_url(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_origin_has_a_host_and_a_port() {
        for (origin, host, port) in [
            ("http://laptop", "laptop", 80),
            ("https://chat.example.org", "chat.example.org", 443),
            ("https://chat.example.org:8443", "chat.example.org", 8443),
            ("http://[::1]", "[::1]", 80),
            ("http://[::1]:5000", "[::1]", 5000),
        ] {
            assert_eq!(host_and_port(origin), (host, port), "{origin}");
        }
    }
}
