//! The page and the little that is fetched beside it.

use crate::accounts::Browser;
use crate::support::{DEADLINE, TestServer, http};
use chat_app::inside::page_as_sent;
use flate2::read::GzDecoder;
use serde_json::json;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;

/// Bytes of the page's answer on the wire, head and all: half a second on a phone at the edge of the Wi-Fi.
const WIRE_BYTES: usize = 48 * 1024;

/// The page as it is sent.
fn page() -> String {
    page_as_sent("en").expect("English")
}

#[test]
fn the_page_is_served() {
    let server = TestServer::start();
    let response = server.get("/");
    assert_eq!(response.status, 200);
    assert_eq!(response.text(), page());
    assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(response.header("referrer-policy"), Some("no-referrer"));
    assert!(response.header("x-powered-by").is_none());
    let policy = response.header("content-security-policy").expect("a policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe-") && !policy.contains('*'), "{policy}");
    assert_eq!(server.get("/?name=Ana").status, 200, "a query does no harm");
}

#[test]
fn head_is_get_without_the_body() {
    let server = TestServer::start();
    let (addr, whole) = (server.addr(), server.get("/"));
    let head = http(addr, format!("HEAD / HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n"));
    assert_eq!((head.status, head.body.len()), (200, 0));
    let length = page().len().to_string();
    assert_eq!(head.header("content-length"), Some(length.as_str()));
    assert_eq!(whole.header("content-length"), Some(length.as_str()));
    assert_eq!(head.header("etag"), whole.header("etag"));
}

#[test]
fn a_browser_that_takes_gzip_gets_the_same_page_in_few_bytes() {
    let server = TestServer::start();
    let addr = server.addr();
    let plain = server.get("/");
    assert_eq!(
        (plain.header("content-encoding"), plain.header("vary")),
        (None, Some("Accept-Encoding, Accept-Language, Cookie"))
    );
    // As browsers send it on plain http.
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {addr}\r\nAccept-Encoding: gzip, deflate\r\nConnection: close\r\n\r\n"
    );
    let gzipped = http(addr, &request);
    assert_eq!((gzipped.status, gzipped.header("content-encoding")), (200, Some("gzip")));
    assert_eq!(gzipped.header("content-security-policy"), plain.header("content-security-policy"));
    assert_ne!(gzipped.header("etag"), plain.header("etag"), "a cache keeps them apart");
    let mut text = String::new();
    GzDecoder::new(&*gzipped.body).read_to_string(&mut text).expect("gzip");
    assert_eq!(text, page());
    let mut stream = TcpStream::connect(addr).expect("a connection");
    stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
    stream.write_all(request.as_bytes()).expect("the server takes it");
    let mut wire = Vec::new();
    stream.read_to_end(&mut wire).expect("an answer");
    println!("{} bytes on the wire, {} without gzip", wire.len(), plain.body.len());
    assert!(gzipped.body.len() < wire.len() && wire.len() <= WIRE_BYTES, "{} bytes", wire.len());
    let api = http(addr, request.replace("GET /", "GET /api/invite"));
    assert!(
        api.header("content-encoding").is_none() && api.json()["url"].is_string(),
        "answers stay as they are"
    );
}

#[test]
fn every_language_comes_at_once_in_few_bytes_and_under_a_tag_of_its_own() {
    let server = TestServer::with(|config| config.language = "fr".to_owned());
    let addr = server.addr();
    let ask = |headers: &str| {
        http(addr, format!("GET / HTTP/1.1\r\nHost: {addr}\r\n{headers}Connection: close\r\n\r\n"))
    };
    let mut tags = BTreeSet::new();
    for language in env!("LANGUAGES").split(' ') {
        let gzipped = ask(&format!("Accept-Encoding: gzip\r\nAccept-Language: {language}, *;q=0.5\r\n"));
        let head: usize = gzipped.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        let bytes = head + gzipped.body.len() + "HTTP/1.1 200 OK\r\n\r\n".len();
        println!("{language}: {bytes} bytes on the wire");
        assert!(bytes <= WIRE_BYTES, "{language}: {bytes} bytes");
        let mut text = String::new();
        GzDecoder::new(&*gzipped.body).read_to_string(&mut text).expect("gzip");
        assert_eq!(Some(text), page_as_sent(language), "{language}");
        tags.insert(gzipped.header("etag").expect("a tag").to_owned());
    }
    assert_eq!(tags.len(), env!("LANGUAGES").split(' ').count());
    let lang = |headers: &str| {
        let page = ask(headers);
        let text = page.text();
        text.split_once("<html lang=\"").and_then(|(_, rest)| Some(rest.split_once('"')?.0.to_owned()))
    };
    for (headers, expected) in [
        ("", "fr"),
        ("Accept-Language: de-CH, en;q=0.9\r\n", "de"),
        ("Accept-Language: de\r\nCookie: chat-app-language=pl\r\n", "pl"),
    ] {
        assert_eq!(lang(headers).as_deref(), Some(expected), "{headers}");
    }
}

#[test]
fn a_chosen_language_is_kept_by_each_load() {
    let server = TestServer::start();
    let addr = server.addr();
    let ask = |headers: &str| {
        http(addr, format!("GET / HTTP/1.1\r\nHost: {addr}\r\n{headers}Connection: close\r\n\r\n"))
    };
    let known =
        ask("").header("set-cookie").and_then(|set| set.split(';').next()).expect("a cookie").to_owned();
    let chosen = format!("Cookie: {known}; chat-app-language=pl\r\n");
    let expected = Some("chat-app-language=pl; Max-Age=31536000; SameSite=Lax");
    let again = ask(&chosen);
    assert_eq!((again.status, again.header("set-cookie")), (200, expected));
    assert_eq!(again.header("cache-control"), Some("no-cache"), "it need not be sent whole each time");
    let tag = again.header("etag").expect("a tag");
    let unchanged = ask(&format!("{chosen}If-None-Match: {tag}\r\n"));
    assert_eq!((unchanged.status, unchanged.header("set-cookie")), (304, expected));
    assert_eq!(ask(&format!("Cookie: {known}\r\n")).header("set-cookie"), None, "nothing was chosen");
}

#[test]
fn an_unchanged_page_is_not_sent_again() {
    let server = TestServer::start();
    let mut browser = Browser::new(server.addr());
    let tag = browser.get("/").header("etag").expect("a tag").to_owned();
    for tags in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let response = browser.ask("GET /", &format!("If-None-Match: {tags}\r\n"), "");
        assert_eq!((response.status, response.body.len()), (304, 0), "{tags}");
        assert_eq!(response.header("etag"), Some(tag.as_str()));
    }
    assert_eq!(browser.ask("GET /", "If-None-Match: \"other\"\r\n", "").status, 200);
    browser.lose_cookies();
    let whole = browser.ask("GET /", &format!("If-None-Match: {tag}\r\n"), "");
    assert_eq!((whole.status, whole.text()), (200, &*page()), "a 304 brings no cookie");
}

#[test]
fn a_host_gets_the_page_that_everybody_has() {
    let server = TestServer::start();
    let mut browser = Browser::new(server.addr());
    let before = browser.get("/");
    assert_eq!(browser.post("/api/host", json!({"key": server.host_key()})).status, 200);
    let host = browser.get("/");
    assert_eq!(host.text(), page());
    for name in ["etag", "content-security-policy", "vary"] {
        assert_eq!(host.header(name), before.header(name), "{name}");
    }
    let known = format!("If-None-Match: {}\r\n", before.header("etag").expect("a tag"));
    assert_eq!(browser.ask("GET /", &known, "").status, 304, "it is not sent again");
}

#[test]
fn an_open_room_is_healthy() {
    let server = TestServer::start();
    let response = server.get("/healthz");
    assert_eq!((response.status, response.text().trim_end()), (200, "ok"));
}

#[test]
fn the_invite_has_an_address_and_its_picture() {
    let server = TestServer::with(|config| config.public_urls = vec!["https://chat.example.org".to_owned()]);
    let response = server.get("/api/invite");
    assert_eq!(response.header("content-type"), Some("application/json"));
    let invite = response.json();
    let url = invite["url"].as_str().expect("an address");
    assert_eq!(url.trim_end_matches('/'), "https://chat.example.org");
    let svg = invite["qr_svg"].as_str().expect("a picture");
    assert_eq!(elements(svg).first(), Some(&"svg"));
    assert!(elements(svg).contains(&"path") || elements(svg).contains(&"rect"), "something is drawn");

    let server = TestServer::start();
    let invite = server.get("/api/invite").json();
    let port = format!(":{}", server.addr().port());
    assert!(invite["url"].as_str().is_some_and(|url| url.contains(&port)), "{}", invite["url"]);
}

/// The names of the elements of an XML document, which is checked for being one: tags nest, quotes close.
fn elements(document: &str) -> Vec<&str> {
    let (mut open, mut all) = (Vec::new(), Vec::new());
    for part in document.trim().strip_prefix('<').expect("markup").split('<') {
        let (tag, text) = part.split_once('>').unwrap_or_else(|| panic!("an unclosed tag: {part}"));
        assert!(!text.contains('>'), "a stray bracket: {part}");
        assert_eq!(tag.matches(['"', '\'']).count() % 2, 0, "an unclosed quote: {tag}");
        let name = tag.split([' ', '/', '\n']).find(|name| !name.is_empty()).expect("a tag has a name");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "tags nest");
        } else if !tag.starts_with(['?', '!']) {
            all.push(name);
            if !tag.ends_with('/') {
                open.push(name);
            }
        }
    }
    assert!(open.is_empty(), "unclosed: {open:?}");
    all
}

#[test]
fn what_is_not_there_is_404() {
    let server = TestServer::start();
    for path in
        ["/index.html", "/../Cargo.toml", "/%2e%2e/chat.db", "//", "/ws/", "/healthz/", "/chat.db", "/WS"]
    {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    assert_eq!(server.get("/api/nothing").json()["error"]["code"], "not_found");
}

#[test]
fn a_hundred_readers_get_the_page_at_once() {
    let (server, page) = (TestServer::start(), page());
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| (0..10).for_each(|_| assert_eq!(server.get("/").text(), page)));
        }
    });
}
