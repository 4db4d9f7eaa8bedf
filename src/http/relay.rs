//! Passes one plain request on to the page, and the answer back.
//!
//! The request that tiny_http gets is written here, from what has been checked: it never sees a byte of the client's
//! request line or framing. Only headers that the page has a use for go along.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write};
use std::net::{IpAddr, TcpStream};
use std::time::Instant;

use crate::http::head::Head;
use crate::http::refused::Refused;
use crate::http::{FORWARDED_HEADER, PEER_HEADER, Pages, SECRET_HEADER};
use crate::limits;
use crate::sys::socket::{self, StopSignal};

/// Headers that the page's side knows.
const PASSED_ON: [&str; 8] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "content-type",
    "cookie",
    "host",
    "if-none-match",
    "origin",
];

/// Headers that proxies and tunnels add, and browsers never send.
const FORWARDED: [&str; 6] =
    ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

/// Serves one request of `address`, which may have come through a trusted proxy. `early` came after the head.
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
        return Refused::late("body", limits::BODY_DEADLINE).send(stream, &head.method, stop);
    };
    let answer = match ask(head, &body, address, pages, stop) {
        Ok(answer) => answer,
        Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
        Err(error) => {
            log::error!("the page did not answer: {error}");
            let refused = Refused::new(502, "The page cannot be served just now. Try again.");
            return refused.send(stream, &head.method, stop);
        }
    };
    socket::write_all(stream, &closing(&answer), stop)?;
    socket::finish(stream);
    Ok(())
}

/// The whole body, or none if it did not come in time. A next request is not read.
fn read_body(
    stream: &TcpStream,
    head: &Head,
    mut body: Vec<u8>,
    stop: &StopSignal,
) -> io::Result<Option<Vec<u8>>> {
    if head.expects_continue && body.len() < head.body_bytes {
        socket::write_all(stream, b"HTTP/1.1 100 Continue\r\n\r\n", stop)?;
    }
    let deadline = Instant::now() + limits::BODY_DEADLINE;
    let is_whole = |body: &[u8]| (body.len() >= head.body_bytes).then_some(());
    let whole = socket::read_until(stream, &mut body, deadline, stop, is_whole)?;
    body.truncate(head.body_bytes);
    Ok(whole.map(|()| body))
}

/// Passes the request on, and takes the whole answer: tiny_http has a thread for each that is under way, and so it ends
/// before its reader, who may be slow, has begun.
fn ask(head: &Head, body: &[u8], address: IpAddr, pages: &Pages, stop: &StopSignal) -> io::Result<Vec<u8>> {
    let deadline = Instant::now() + limits::PAGE_DEADLINE;
    let busy = || io::Error::new(ErrorKind::TimedOut, "too many requests are under way");
    let _under_way = pages.under_way.take(deadline).ok_or_else(busy)?;
    let page = pages.connect()?;
    page.stream.set_write_timeout(Some(limits::PAGE_DEADLINE))?;
    let mut request = request_of(head, body.len(), address, pages.secret()).into_bytes();
    request.extend_from_slice(body);
    (&page.stream).write_all(&request)?;
    page.stream.set_nonblocking(true)?;
    let (mut answer, mut chunk) = (Vec::new(), [0; 8192]);
    loop {
        match socket::read(&page.stream, &mut chunk, Instant::now() + limits::PAGE_DEADLINE, stop)? {
            0 if answer.is_empty() => return Err(ErrorKind::UnexpectedEof.into()),
            0 => return Ok(answer),
            count => answer.extend_from_slice(&chunk[..count]),
        }
    }
}

/// The begin of an answer with `Connection: close` added: tiny_http cannot say so, and a browser would send its next
/// request here.
fn closing(piece: &[u8]) -> Cow<'_, [u8]> {
    match piece.windows(2).position(|window| window == b"\r\n") {
        Some(end) => [&piece[..end + 2], b"Connection: close\r\n", &piece[end + 2..]].concat().into(),
        None => piece.into(), // never seen: the status line is in the first piece
    }
}

fn request_of(head: &Head, body_bytes: usize, address: IpAddr, secret: &str) -> String {
    // Also for a request by HTTP/1.0: the answer's length is always known, and so it has no chunks.
    let mut request = format!("{} {} HTTP/1.1\r\n", head.method, head.target);
    for (name, value) in &head.headers {
        // tiny_http takes ASCII only, and no other value has a meaning here.
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
