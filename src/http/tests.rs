//! The page's server as the listener asks it.

use std::io::{Read, Write};
use std::time::Duration;

use super::routes::tests::site;
use super::*;
use crate::http::page::Page;
use crate::limits::{PAGE_BYTES, PAGE_WORKERS};

/// Longer than anything here takes on a busy machine; reached only by a failure.
const DEADLINE: Duration = Duration::from_secs(10);

fn start() -> Pages {
    Pages::start(site()).expect("starts")
}

/// Sends one request the way the listener does, and leaves the answer unread.
fn send(pages: &Pages, line: &str, secret: &str) -> Connection {
    let connection = pages.connect().expect("connects");
    write_request(&connection, line, secret);
    connection
}

fn write_request(connection: &Connection, line: &str, secret: &str) {
    connection.stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
    write!(
        &connection.stream,
        "{line} HTTP/1.1\r\nHost: room\r\nConnection: close\r\n{SECRET_HEADER}: {secret}\r\n\
         {PEER_HEADER}: 192.0.2.1\r\n\r\n"
    )
    .expect("sends");
}

fn answer_of(connection: Connection) -> String {
    let mut answer = String::new();
    (&connection.stream).read_to_string(&mut answer).expect("an answer, then the end");
    answer
}

fn ask(pages: &Pages, line: &str) -> String {
    answer_of(send(pages, line, pages.secret()))
}

#[test]
fn every_answer_carries_the_security_headers_and_its_length() {
    let pages = start();
    for (line, status) in [
        ("GET /", "200 OK"),
        ("GET /api/invite", "200 OK"),
        ("GET /nothing", "404 Not Found"),
        ("POST /", "405 Method Not Allowed"),
        ("GET /panic", "500 Internal Server Error"),
    ] {
        let answer = ask(&pages, line);
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{line}: {head}");
        for header in [
            "Content-Security-Policy: default-src 'none'; ",
            "X-Content-Type-Options: nosniff",
            "Referrer-Policy: no-referrer",
            "Cross-Origin-Resource-Policy: same-origin",
            "Server: chat-app",
            "Cache-Control: no-",
            "Date: ",
            &format!("Content-Length: {}", body.len()),
        ] {
            assert_eq!(head.matches(&format!("\r\n{header}")).count(), 1, "{line}: {header} in {head}");
        }
        assert!(!head.contains("tiny") && !head.contains("Transfer-Encoding"), "{head}");
    }
}

#[test]
fn head_tells_the_length_and_sends_no_body() {
    let pages = start();
    let page = ask(&pages, "GET /");
    let length = page.split_once("\r\n\r\n").expect("a head").1.len();
    let head = ask(&pages, "HEAD /");
    assert!(head.ends_with("\r\n\r\n") && head.contains(&format!("Content-Length: {length}\r\n")), "{head}");
}

#[test]
fn without_the_secret_there_is_no_answer_but_403() {
    let pages = start();
    let begin = &pages.secret()[..42];
    let almost = format!("{begin}{}", if pages.secret().ends_with('A') { 'B' } else { 'A' });
    for secret in ["", "A", &almost, begin, &format!("{}A", pages.secret())] {
        let answer = answer_of(send(&pages, "GET /", secret));
        assert!(answer.starts_with("HTTP/1.1 403 "), "{secret}: {answer}");
    }
    assert_eq!(pages.secret().len(), 43);
    assert_ne!(pages.secret(), start().secret());
}

#[test]
fn a_panicking_handler_costs_no_worker() {
    let pages = start();
    for _ in 0..=PAGE_WORKERS {
        assert!(ask(&pages, "GET /panic").starts_with("HTTP/1.1 500 "));
    }
    assert!(ask(&pages, "GET /healthz").ends_with("\r\n\r\nok\n"));
    assert_eq!(pages.server.generation(), 0, "nothing had to be replaced");
}

fn long_page() -> String {
    "x".repeat(PAGE_BYTES - 1) + "\n"
}

#[test]
fn readers_that_do_not_read_hold_no_worker() {
    let mut site = site();
    site.page = |_| Box::leak(Box::new(Page::new(&long_page(), &[3, 0])));
    let pages = Pages::start(site).expect("starts");
    let stalled: Vec<Connection> =
        (0..2 * PAGE_WORKERS).map(|_| send(&pages, "GET /", pages.secret())).collect();
    assert!(ask(&pages, "GET /healthz").ends_with("ok\n"));
    for connection in stalled {
        assert!(answer_of(connection).ends_with(&long_page()), "and they can still have it all");
    }
}
