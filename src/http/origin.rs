//! Which hosts and origins are this room's own; pure.
//!
//! A stranger's page must not reach a room in a classroom's network through a visitor's browser. Such a page shows itself
//! in `Origin`, or, where its own name was pointed at this machine (DNS rebinding), in `Host`.

use std::net::IpAddr;

use crate::http::head::Head;
use crate::http::refused::Refused;
use crate::protocol::origin;

/// Name endings that nobody can own in the public DNS.
const PRIVATE_ENDINGS: [&str; 4] = [".local", ".lan", ".internal", ".home.arpa"];

/// What health checks ask for, many of them without a `Host`.
const HEALTH: &str = "/healthz";

/// Checks `Host` and `Origin` against the rules and the operator's public URLs, each as [`origin::canonical`] returns it.
///
/// # Errors
/// 421 for a host that could be anybody's, 403 for a foreign page.
pub fn check(head: &Head, public_urls: &[String]) -> Result<(), Refused> {
    if head.host.is_empty() {
        // No browser leaves it out, so no foreign page has led anybody here.
        return match head.path() {
            HEALTH => Ok(()),
            _ => {
                let reason =
                    "A request without a Host header may ask for /healthz alone. Add one: Host: localhost";
                Err(Refused::new(400, reason))
            }
        };
    }
    let as_origin = |scheme| origin::canonical(&format!("{scheme}://{}", head.host));
    // A proxy passes on the host that its own visitors came to, whichever scheme they came by.
    let (Some(own), Some(behind_tls)) = (as_origin("http"), as_origin("https")) else {
        return Err(Refused::new(400, "The Host header is not a host."));
    };
    if !is_private(&own) && !public_urls.contains(&own) && !public_urls.contains(&behind_tls) {
        let reason = "This room is not known by this name. Its host can allow it: --public-url https://…";
        return Err(Refused::new(421, reason));
    }
    // A page over plain http of a host that the operator has named with https was made by somebody on the way. Not every
    // browser counts the two as different sites and keeps the cookie from it.
    let is_plain = !public_urls.contains(&behind_tls);
    // Browsers send one. A program that sends several could mean any of them.
    let mut origins = head.headers.iter().filter(|(name, _)| name == "origin");
    let is_own = |(_, origin): &(String, Vec<u8>)| {
        let origin = std::str::from_utf8(origin).ok().and_then(origin::canonical);
        origin.is_some_and(|origin| (is_plain && origin == own) || public_urls.contains(&origin))
    };
    if origins.all(is_own) {
        return Ok(());
    }
    let reason =
        "A page of another origin may not use this room. Its host can allow it: --public-url https://…";
    Err(Refused::new(403, reason))
}

/// Whether the host of an origin can only be this machine's or this network's.
fn is_private(origin: &str) -> bool {
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
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
        let (head, _) = crate::http::head::parse(request.as_bytes()).expect("plain").expect("complete");
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
        for host in ["evil.example", "192.168.1.7.evil.example", "box.example.org"] {
            assert_eq!(status(host, None), 421, "{host}");
        }
        for host in ["a b", "a:b", "a:99999", "[::1", "a@b", "x:", ".local", "2130706433"] {
            assert_eq!(status(host, None), 400, "{host}");
        }
    }

    #[test]
    fn without_a_host_there_is_only_health() {
        for (expected, request) in [
            (200, "GET /healthz HTTP/1.0\r\n\r\n"),
            (200, "HEAD /healthz?a=1 HTTP/1.0\r\n\r\n"),
            (200, "GET /healthz HTTP/1.1\r\nHost:\r\n\r\n"),
            (400, "GET / HTTP/1.0\r\n\r\n"),
            (400, "GET /healthz/x HTTP/1.0\r\n\r\n"),
            (400, "GET /ws HTTP/1.1\r\nHost:\r\n\r\n"),
            (400, "GET /transcript.txt HTTP/1.0\r\n\r\n"),
            (400, "POST /api/login HTTP/1.0\r\nContent-Length: 0\r\n\r\n"),
            (421, "GET /healthz HTTP/1.0\r\nHost: evil.example\r\n\r\n"),
        ] {
            let (head, _) = crate::http::head::parse(request.as_bytes()).expect("plain").expect("complete");
            let checked = check(&head, &[]).map_err(|refused| (refused.status, refused.reason));
            let status = checked.as_ref().map_or_else(|(status, _)| *status, |()| 200);
            assert_eq!(status, expected, "{request:?}");
            assert!(status != 400 || checked.is_err_and(|(_, reason)| reason.contains("Host: localhost")));
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
            "http://192.168.1.7:5000\r\nOrigin: http://evil.example",
            "http://evil.example\r\nOrigin: http://192.168.1.7:5000",
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

    #[test]
    fn a_page_over_http_of_a_host_that_has_https_is_foreign() {
        for host in ["chat.example.org", "chat.example.org:443"] {
            assert_eq!(status(host, Some("https://chat.example.org")), 200, "{host}");
            assert_eq!(status(host, Some("http://chat.example.org")), 403, "{host}");
        }
        assert_eq!(
            status("box.example.org:8080", Some("http://box.example.org:8080")),
            200,
            "public over http"
        );
    }
}
