//! Which hosts and origins are this room's own; pure.
//!
//! A page of somebody else's must not reach a room in a classroom's network through a visitor's browser. Such a page
//! shows itself in `Origin`, or, where a name of its own was pointed at this machine (DNS rebinding), in `Host`.

use std::net::{IpAddr, Ipv6Addr};

use crate::request::{Head, Refused};

/// Name endings that nobody can own in the public DNS.
const PRIVATE_ENDINGS: [&str; 4] = [".local", ".lan", ".internal", ".home.arpa"];

/// Checks `Host` and `Origin` against the rules and the operator's public URLs (`scheme://host[:port]`, in lower case,
/// default ports left out).
///
/// # Errors
/// 421 for a host that could be anybody's, 403 for a foreign page.
pub fn check(head: &Head, public_urls: &[String]) -> Result<(), Refused> {
    let host = normalise(&head.host).ok_or_else(|| Refused::new(400, "The Host header is not a host."))?;
    let public = |host: &str| public_urls.iter().any(|url| authority_of(url) == Some(host));
    if !is_private(&host) && !public(&host) {
        let reason =
            format!("This room is not known as '{}'. Its host can allow it: --public-url https://…", host);
        return Err(Refused::new(421, reason));
    }
    let Some((_, origin)) = head.headers.iter().find(|(name, _)| name == "origin") else { return Ok(()) };
    let origin = std::str::from_utf8(origin).unwrap_or_default().to_ascii_lowercase();
    let own = origin.strip_prefix("http://").and_then(normalise).is_some_and(|it| it == host);
    if own || public_urls.contains(&normalise_origin(&origin)) {
        return Ok(());
    }
    let reason =
        "A page of another origin may not use this room. Its host can allow it: --public-url https://…";
    Err(Refused::new(403, reason))
}

fn authority_of(url: &str) -> Option<&str> {
    url.split_once("://").map(|(_, authority)| authority)
}

/// An origin in the form of the public URLs.
fn normalise_origin(origin: &str) -> String {
    let Some((scheme, authority)) = origin.split_once("://") else { return origin.to_owned() };
    let default = if scheme == "https" { ":443" } else { ":80" };
    let authority = authority.strip_suffix(default).unwrap_or(authority);
    format!("{scheme}://{}", authority.strip_suffix('.').unwrap_or(authority))
}

/// `Host` in lower case, without a trailing dot and without a default port. None if it is no host at all.
///
/// A proxy passes on the host of either scheme, so that both default ports are dropped.
fn normalise(host: &str) -> Option<String> {
    let host = host.to_ascii_lowercase();
    let (name, port) = match host.rfind(':') {
        Some(colon) if !host[colon..].contains(']') => (&host[..colon], Some(&host[colon + 1..])),
        _ => (host.as_str(), None),
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    let bracketed = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let plausible = match bracketed {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        }
    };
    match port {
        _ if !plausible => None,
        None | Some("80" | "443") => Some(name.to_owned()),
        Some(port) if !port.is_empty() && port.parse::<u16>().is_ok() => Some(format!("{name}:{port}")),
        Some(_) => None,
    }
}

/// Whether a normalised host can only be this machine's or this network's.
fn is_private(host: &str) -> bool {
    let name = match host.rfind(':') {
        Some(colon) if !host[colon..].contains(']') => &host[..colon],
        _ => host,
    };
    name.starts_with('[')
        || name.parse::<IpAddr>().is_ok()
        || (!name.contains('.') && !name.bytes().all(|byte| byte.is_ascii_digit()))
        || PRIVATE_ENDINGS.iter().any(|ending| name.len() > ending.len() && name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(host: &str, origin: Option<&str>) -> u16 {
        let public_urls = ["https://chat.example.org".to_owned(), "http://box.example.org:8080".to_owned()];
        let origin = origin.map(|origin| format!("Origin: {origin}\r\n")).unwrap_or_default();
        let request = format!("GET /ws HTTP/1.1\r\nHost: {host}\r\n{origin}\r\n");
        let (head, _) = crate::request::parse(request.as_bytes()).expect("plain").expect("complete");
        check(&head, &public_urls).map_or_else(|refused| refused.status, |()| 200)
    }

    #[test]
    fn a_host_must_be_private_or_public_by_choice() {
        for host in [
            "192.168.1.7:5000",
            "localhost",
            "LOCALHOST.:5000",
            "teacher-laptop",
            "mac.local",
            "a.b.lan:80",
            "[::1]:5000",
        ] {
            assert_eq!(status(host, None), 200, "{host}");
        }
        for host in ["chat.example.org", "Chat.Example.Org:443", "box.example.org:8080"] {
            assert_eq!(status(host, None), 200, "{host}");
        }
        for host in
            ["evil.example", "192.168.1.7.evil.example", "local", ".local", "box.example.org", "2130706433"]
        {
            let expected = if host == "local" { 200 } else { 421 };
            let expected = if host == ".local" { 421 } else { expected };
            assert_eq!(status(host, None), expected, "{host}");
        }
        for host in ["a b", "a:b", "a:99999", "[::1", "a@b", "x:"] {
            assert_eq!(status(host, None), 400, "{host}");
        }
    }

    #[test]
    fn an_origin_must_be_the_hosts_own_or_public_by_choice() {
        assert_eq!(status("192.168.1.7:5000", Some("http://192.168.1.7:5000")), 200);
        assert_eq!(status("laptop:80", Some("http://LAPTOP")), 200);
        assert_eq!(status("localhost:5000", Some("https://chat.example.org")), 200);
        assert_eq!(status("localhost:5000", Some("https://chat.example.org:443")), 200);
        for origin in [
            "null",
            "",
            "http://evil.example",
            "http://192.168.1.7:5001",
            "http://192.168.1.7:5000.evil.example",
            "https://192.168.1.7:5000",
            "http://chat.example.org",
            "https://chat.example.org.evil.example",
        ] {
            assert_eq!(status("192.168.1.7:5000", Some(origin)), 403, "{origin}");
        }
    }
}
