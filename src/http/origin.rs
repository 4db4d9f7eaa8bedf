//! Which hosts and origins are this room's own; pure.
//!
//! A stranger's page must not reach a room in a classroom's network through a visitor's browser. Such a page shows itself
//! in `Origin`, or, where its own name was pointed at this machine (DNS rebinding), in `Host`.

use std::net::IpAddr;

use crate::http::head::Head;
use crate::http::refused::Refused;
use crate::protocol::origin::{canonical, host_and_port, is_public, split};

/// Name endings that no public DNS serves, so that nobody can own a name under them there.
const PRIVATE_ENDINGS: [&str; 9] = [
    ".local",
    ".lan",
    ".internal",
    ".home.arpa",
    ".localhost",
    ".localdomain",
    ".home",
    ".corp",
    ".intranet",
];

/// What health checks ask for, many of them without a `Host`.
const HEALTH: &str = "/healthz";

/// Checks `Host` and `Origin` against the rules, the operator's public URLs and this machine's own names. The latter are
/// asked for only where nothing else allows a host: a laptop changes its network while the room is open.
///
/// # Errors
/// 421 for a host that could be anybody's, 403 for a foreign page. Both name the flag that allows it.
pub fn check(
    head: &Head,
    public_urls: &[String],
    own_names: impl FnOnce() -> Vec<String>,
) -> Result<(), Refused> {
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
    let as_origin = |scheme| canonical(&format!("{scheme}://{}", head.host));
    // A proxy passes on the host that its own visitors came to, whichever scheme they came by.
    let (Some(own), Some(behind_tls)) = (as_origin("http"), as_origin("https")) else {
        return Err(Refused::new(400, "The Host header is not a host."));
    };
    let is_known = is_private(&own) || is_public(&own, public_urls) || is_public(&behind_tls, public_urls);
    if !is_known && !own_names().iter().any(|name| name == host_and_port(&own).0) {
        return Err(host_refused(head, &own, &behind_tls, public_urls));
    }
    // A page over plain http of a host that the operator has named with https was made by somebody on the way. Not every
    // browser counts the two as different sites and keeps the cookie from it.
    let is_plain = !is_public(&behind_tls, public_urls);
    // Browsers send one. A program that sends several could mean any of them.
    for (_, given) in head.headers.iter().filter(|(name, _)| name == "origin") {
        let origin = std::str::from_utf8(given).ok().and_then(canonical);
        let is_own = |origin: &String| (is_plain && *origin == own) || is_public(origin, public_urls);
        if !origin.as_ref().is_some_and(is_own) {
            return Err(origin_refused(origin, public_urls));
        }
    }
    Ok(())
}

fn host_refused(head: &Head, own: &str, behind_tls: &str, public_urls: &[String]) -> Refused {
    let (name, _) = host_and_port(own);
    let page = head.header("origin").and_then(canonical).filter(|page| host_and_port(page).0 == name);
    let other_port = public_urls.iter().map(|url| split(url).0).find(|url| host_and_port(url).0 == name);
    if let Some(url) = other_port.filter(|_| page.as_ref().is_none_or(|page| is_public(page, public_urls))) {
        let reason = format!(
            "This room is at {url}, by its --public-url, and the Host header says {}. A proxy has to pass on Host with its \
             port, as $http_host in nginx does.",
            head.host
        );
        return Refused::operators(421, reason);
    }
    let came_by_tls = head.header("x-forwarded-proto").is_some_and(|proto| proto.starts_with("https"));
    let url = page.unwrap_or_else(|| if came_by_tls { behind_tls } else { own }.to_owned());
    Refused::without_flag(421, &format!("This room does not answer to the name {name}."), &url)
}

fn origin_refused(origin: Option<String>, public_urls: &[String]) -> Refused {
    let Some(origin) = origin else {
        let reason = "A page without an address of its own may not use this room. Its host allows others by their \
                      address: --public-url";
        return Refused::new(403, reason);
    };
    let by_tls = origin.replacen("http://", "https://", 1);
    if origin != by_tls && is_public(&by_tls, public_urls) {
        let reason =
            format!("This room is at {by_tls}, by its --public-url: a page over plain http may not use it.");
        return Refused::operators(403, reason);
    }
    Refused::without_flag(403, &format!("A page of {origin} may not use this room."), &origin)
}

/// Whether the host of an origin can only be this machine's or this network's.
fn is_private(origin: &str) -> bool {
    let (name, _) = host_and_port(origin);
    name.starts_with('[')
        || name.parse::<IpAddr>().is_ok()
        || (!name.contains('.') && !name.bytes().all(|byte| byte.is_ascii_digit()))
        || PRIVATE_ENDINGS.iter().any(|ending| name.len() > ending.len() && name.ends_with(ending))
}

/// The target without the path of a public URL: some proxies pass on the whole of it.
pub(crate) fn below_public_path(target: &str, public_urls: &[String]) -> Option<String> {
    // Where the path is `/api`, a proxy that has left it out is meant.
    let paths = public_urls.iter().map(|url| split(url).1).filter(|path| !path.is_empty() && *path != "/api");
    let rests = paths.filter_map(|path| target.strip_prefix(path)).filter(|rest| rest.starts_with('/'));
    rests.min_by_key(|rest| rest.len()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(headers: &str) -> Result<(), Refused> {
        let public_urls = [
            "https://chat.example.org".to_owned(),
            "http://box.example.org:8080".to_owned(),
            "https://school.example/chat".to_owned(),
        ];
        let request = format!("GET /ws HTTP/1.1\r\n{headers}\r\n");
        let (head, _) = crate::http::head::parse(request.as_bytes()).expect("plain").expect("complete");
        check(&head, &public_urls, || vec!["laptop.fritz.box".to_owned()])
    }

    fn status(host: &str, origin: Option<&str>) -> u16 {
        let origin = origin.map(|origin| format!("Origin: {origin}\r\n")).unwrap_or_default();
        checked(&format!("Host: {host}\r\n{origin}")).map_or_else(|refused| refused.status, |()| 200)
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
            "x.localhost",
            "laptop.localdomain:5000",
            "laptop.home",
            "Laptop.Corp.",
            "chat.school.intranet",
            "laptop.fritz.box",
            "LAPTOP.fritz.box.:5000",
        ] {
            assert_eq!(status(host, None), 200, "{host}");
        }
        for host in ["chat.example.org", "Chat.Example.Org:443", "box.example.org:8080", "school.example"] {
            assert_eq!(status(host, None), 200, "{host}");
        }
        for host in [
            "evil.example",
            "192.168.1.7.evil.example",
            "box.example.org",
            "other.fritz.box",
            "x.laptop.fritz.box",
            "laptop.fritz.box.evil.example",
            "fritz.box",
            "laptop.local.evil.example",
            "laptop.xlocalhost.com",
            "evil-home.example",
            "laptop.homes",
            "laptop.private",
        ] {
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
            let checked = check(&head, &[], Vec::new).map_err(|refused| (refused.status, refused.reason));
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

    #[test]
    fn a_page_under_a_path_is_known_by_its_origin() {
        assert_eq!(status("school.example", Some("https://school.example")), 200);
        assert_eq!(
            status("127.0.0.1:5000", Some("https://school.example")),
            200,
            "the proxy passes on no host"
        );
        assert_eq!(status("school.example", Some("https://school.example:8443")), 403);
        assert_eq!(status("school.example", Some("http://school.example")), 403);
    }

    #[test]
    fn a_refusal_has_the_flag_ready_to_be_copied() {
        for (headers, flag) in [
            ("Host: laptop.example:5000", "http://laptop.example:5000"),
            ("Host: Laptop.Example.", "http://laptop.example"),
            ("Host: 5.example:80", "http://5.example"),
            ("Host: chat.example\r\nX-Forwarded-Proto: https", "https://chat.example"),
            ("Host: chat.example:8443\r\nX-Forwarded-Proto: https, http", "https://chat.example:8443"),
            ("Host: chat.example\r\nOrigin: https://chat.example:8443", "https://chat.example:8443"),
            ("Host: chat.example:5000\r\nOrigin: http://evil.example", "http://chat.example:5000"),
            ("Host: 127.0.0.1:5000\r\nOrigin: http://chat.example", "http://chat.example"),
            ("Host: laptop:5000\r\nOrigin: https://chat.example:444", "https://chat.example:444"),
            ("Host: laptop:5000\r\nOrigin: https://laptop:5000", "https://laptop:5000"),
        ] {
            let refused = checked(&format!("{headers}\r\n")).expect_err(headers);
            assert!(
                refused.reason.ends_with(&format!(" --public-url {flag}")),
                "{headers}: {}",
                refused.reason
            );
            assert!(!refused.reason.contains(['\r', '\n']), "{headers}");
        }
        let plain =
            checked("Host: chat.example.org\r\nOrigin: http://chat.example.org\r\n").expect_err("plain");
        assert!(plain.reason.contains("at https://chat.example.org"), "{}", plain.reason);
    }

    #[test]
    fn a_proxy_that_drops_the_port_is_told_so_and_not_to_repeat_the_flag() {
        for (headers, public) in [
            ("Host: box.example.org\r\nOrigin: http://box.example.org:8080", "http://box.example.org:8080"),
            ("Host: BOX.example.org.", "http://box.example.org:8080"),
            ("Host: school.example:5000\r\nOrigin: https://school.example", "https://school.example"),
        ] {
            let refused = checked(&format!("{headers}\r\n")).expect_err(headers);
            let Refused { status, reason, to_operator } = refused;
            assert_eq!((status, to_operator), (421, Some("")), "{headers}");
            assert!(reason.contains(&format!("at {public}, ")) && reason.contains("$http_host"), "{reason}");
            assert!(!reason.contains("with --public-url"), "it has been given: {reason}");
        }
        let other =
            checked("Host: box.example.org\r\nOrigin: https://box.example.org\r\n").expect_err("other");
        assert!(other.reason.ends_with(" --public-url https://box.example.org"), "{}", other.reason);
    }

    #[test]
    fn only_a_reason_with_a_flag_speaks_of_its_path() {
        for (headers, expected) in [
            ("Host: chat.example:5000", Some(" (and the path, if it has one)")),
            ("Host: laptop\r\nOrigin: https://chat.example", Some(" (and the path, if it has one)")),
            ("Host: chat.example.org\r\nOrigin: http://chat.example.org", Some("")),
            ("Host: box.example.org", Some("")),
            ("Host: laptop\r\nOrigin: null", None),
        ] {
            let refused = checked(&format!("{headers}\r\n")).expect_err(headers);
            assert_eq!(refused.to_operator, expected, "{headers}: {}", refused.reason);
        }
    }

    #[test]
    fn a_path_that_the_proxy_leaves_in_is_left_out() {
        let urls = ["/chat", "/chat/room", "", "/api"].map(|path| format!("https://school.example{path}"));
        for (target, below) in [
            ("/chat/", Some("/")),
            ("/chat/ws?after=7", Some("/ws?after=7")),
            ("/chat/room/api/login", Some("/api/login")),
            ("/chat/api/login", Some("/api/login")),
            ("/chat", None),
            ("/chatter/ws", None),
            ("/", None),
            ("/ws", None),
            ("/api/login", None),
        ] {
            assert_eq!(below_public_path(target, &urls).as_deref(), below, "{target}");
        }
    }
}
