//! A refusal at the public port: a status and one line that says what to do. The connection ends with it.

use std::io;
use std::net::TcpStream;
use std::time::Duration;

use tungstenite::http::StatusCode;

use crate::sys::socket::{self, StopSignal};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub status: u16,
    /// The body, one line.
    pub reason: String,
    /// What the log adds for the operator, who may have forgotten a flag or a line of their proxy's; none: not for them.
    pub to_operator: Option<&'static str>,
}

impl Refused {
    pub fn new(status: u16, reason: impl Into<String>) -> Refused {
        Refused { status, reason: reason.into(), to_operator: None }
    }

    /// One that the operator can do something about.
    pub(crate) fn operators(status: u16, reason: impl Into<String>) -> Refused {
        Refused { to_operator: Some(""), ..Refused::new(status, reason) }
    }

    /// One that a `--public-url` would turn into a welcome. Which path a proxy has left out is known to it alone.
    pub(crate) fn without_flag(status: u16, reason: &str, url: &str) -> Refused {
        let reason = format!("{reason} If it is the room's, its host starts it with --public-url {url}");
        Refused { to_operator: Some(" (and the path, if it has one)"), ..Refused::new(status, reason) }
    }

    /// For a part of the request that did not come in time.
    pub(crate) fn late(what: &str, time: Duration) -> Refused {
        Refused::new(408, format!("The request's {what} must come within {} seconds.", time.as_secs()))
    }

    /// Sends it as the answer to a request of this method, and ends the connection.
    ///
    /// # Errors
    /// As [`socket::write_all`].
    pub(crate) fn send(&self, stream: &TcpStream, method: &str, stop: &StopSignal) -> io::Result<()> {
        socket::write_all(stream, &self.answer_to(method), stop)?;
        socket::finish(stream);
        Ok(())
    }

    /// The whole answer to a request of this method.
    pub fn answer_to(&self, method: &str) -> Vec<u8> {
        let body = if method == "HEAD" { String::new() } else { format!("{}\n", self.reason) };
        let phrase = StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason());
        let extra = match self.status {
            405 => "Allow: GET, HEAD, POST\r\n",
            426 => "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            429 | 503 => "Retry-After: 10\r\n",
            _ => "",
        };
        format!(
            "HTTP/1.1 {} {}\r\n{extra}Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
             X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
             Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n\
             Cross-Origin-Opener-Policy: same-origin\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n{body}",
            self.status,
            phrase.unwrap_or("Error"),
            self.reason.len() + 1
        )
        .into_bytes()
    }
}
