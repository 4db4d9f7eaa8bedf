//! Passes one plain request on to the page, and the answer back.
//!
//! The request that tiny_http gets is written here, from what has been checked: it never sees a byte of the client's
//! request line or framing. Only headers that the page has a use for go along.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, TcpStream};
use std::time::Instant;

use rustix::event::PollFlags;

use crate::http::head::{Head, Refused};
use crate::http::{FORWARDED_HEADER, PEER_HEADER, Pages, SECRET_HEADER};
use crate::limits;
use crate::sys::socket::{self, StopSignal, Woken};

/// Headers that the page's side knows.
const PASSED_ON: [&str; 7] =
    ["accept", "accept-encoding", "content-type", "cookie", "host", "if-none-match", "origin"];

/// Headers by which proxies and tunnels tell that somebody else has asked them. A browser sends none of them.
const FORWARDED: [&str; 6] =
    ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

/// Serves one request that comes from `address`, on its own behalf or through a trusted proxy; `early` is what came behind
/// its head.
///
/// # Errors
/// When the client's connection broke or was too slow.
pub(crate) fn relay(
    stream: &TcpStream,
    head: &Head,
    early: Vec<u8>,
    address: IpAddr,
    pages: &Pages,
    stop: &StopSignal,
) -> io::Result<()> {
    let Some(body) = read_body(stream, head, early, stop)? else {
        let reason =
            format!("The request's body must come within {} seconds.", limits::BODY_DEADLINE.as_secs());
        socket::write_all(stream, &Refused::new(408, reason).answer_to(&head.method), stop)?;
        socket::finish(stream);
        return Ok(());
    };
    match ask(stream, head, &body, address, pages, stop) {
        Ok(()) => {}
        Err(Failed::Client(error)) => return Err(error),
        Err(Failed::Page(error)) => {
            log::error!("the page did not answer: {error}");
            let refused = Refused::new(502, "The page cannot be served just now. Try again.");
            socket::write_all(stream, &refused.answer_to(&head.method), stop)?;
        }
    }
    socket::finish(stream);
    Ok(())
}

/// The whole body, none if it did not come in time. What comes behind it is another request's, and not read.
fn read_body(
    mut stream: &TcpStream,
    head: &Head,
    mut body: Vec<u8>,
    stop: &StopSignal,
) -> io::Result<Option<Vec<u8>>> {
    if head.expects_continue && body.len() < head.body_bytes {
        socket::write_all(stream, b"HTTP/1.1 100 Continue\r\n\r\n", stop)?;
    }
    let deadline = Instant::now() + limits::BODY_DEADLINE;
    let mut chunk = [0; 2048];
    while body.len() < head.body_bytes {
        match stream.read(&mut chunk) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => body.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                match stop.wait(stream, PollFlags::IN, deadline)? {
                    Woken::Ready => {}
                    Woken::Deadline => return Ok(None),
                    Woken::Stopping => return Err(ErrorKind::Interrupted.into()),
                }
            }
            Err(error) => return Err(error),
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
    }
    body.truncate(head.body_bytes);
    Ok(Some(body))
}

enum Failed {
    Client(io::Error),
    /// Before the first byte of its answer.
    Page(io::Error),
}

fn ask(
    stream: &TcpStream,
    head: &Head,
    body: &[u8],
    address: IpAddr,
    pages: &Pages,
    stop: &StopSignal,
) -> Result<(), Failed> {
    let connection = pages.connect().map_err(Failed::Page)?;
    let mut page = &connection.stream;
    page.set_write_timeout(Some(limits::PAGE_DEADLINE)).map_err(Failed::Page)?;
    let mut request = request_of(head, body.len(), address, pages.secret()).into_bytes();
    request.extend_from_slice(body);
    page.write_all(&request).map_err(Failed::Page)?;
    page.set_nonblocking(true).map_err(Failed::Page)?;
    let mut answered = false;
    let mut chunk = [0; 8192];
    loop {
        match page.read(&mut chunk) {
            Ok(0) if answered => return Ok(()),
            Ok(0) => return Err(Failed::Page(ErrorKind::UnexpectedEof.into())),
            Ok(count) => {
                let piece = if answered { Cow::Borrowed(&chunk[..count]) } else { closing(&chunk[..count]) };
                answered = true;
                socket::write_all(stream, &piece, stop).map_err(Failed::Client)?;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let deadline = Instant::now() + limits::PAGE_DEADLINE;
                let failed = if answered { Failed::Client } else { Failed::Page };
                match stop.wait(page, PollFlags::IN, deadline).map_err(failed)? {
                    Woken::Ready => {}
                    Woken::Deadline => return Err(failed(ErrorKind::TimedOut.into())),
                    Woken::Stopping => return Err(Failed::Client(ErrorKind::Interrupted.into())),
                }
            }
            Err(error) => return Err(if answered { Failed::Client(error) } else { Failed::Page(error) }),
        }
    }
}

/// The begin of an answer, with the word that the connection ends behind it: tiny_http cannot say so, and a browser
/// would send its next request here.
fn closing(piece: &[u8]) -> Cow<'_, [u8]> {
    match piece.windows(2).position(|window| window == b"\r\n") {
        Some(end) => [&piece[..end + 2], b"Connection: close\r\n", &piece[end + 2..]].concat().into(),
        None => piece.into(), // never seen: the status line is in the first piece
    }
}

/// The request that the page's side gets.
fn request_of(head: &Head, body_bytes: usize, address: IpAddr, secret: &str) -> String {
    // Who speaks 1.0 does not know chunks.
    let version = if head.is_http_11 { "1.1" } else { "1.0" };
    let mut request = format!("{} {} HTTP/{version}\r\n", head.method, head.target);
    for (name, value) in &head.headers {
        // tiny_http takes ASCII only; a value that is not has no meaning to the page.
        if PASSED_ON.contains(&name.as_str())
            && let Some(value) = std::str::from_utf8(value).ok().filter(|value| value.is_ascii())
        {
            let _ = write!(request, "{name}: {value}\r\n"); // a String takes it
        }
    }
    if head.headers.iter().any(|(name, _)| FORWARDED.contains(&name.as_str())) {
        let _ = write!(request, "{FORWARDED_HEADER}: yes\r\n");
    }
    let _ = write!(
        request,
        "Content-Length: {body_bytes}\r\n{PEER_HEADER}: {address}\r\n{SECRET_HEADER}: {secret}\r\nConnection: close\r\n\r\n"
    );
    request
}
