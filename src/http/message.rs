//! What is asked over HTTP, as the listener let it through, and what is answered.

use std::io::Cursor;
use std::net::IpAddr;

use bytes::Bytes;
use tiny_http::{Header, StatusCode};

use crate::http::{FORWARDED_HEADER, PEER_HEADER};
use crate::store::export::ExportFormat;

/// One request.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    pub headers: &'a [Header],
    pub body: &'a [u8],
    /// Who asks, as the listener saw it.
    pub peer: Option<IpAddr>,
    /// Whether a proxy or a tunnel has passed it on, by what it says.
    pub is_forwarded: bool,
}

impl<'a> Request<'a> {
    /// What tiny_http has read, with the body that was read from it.
    pub(super) fn of(request: &'a tiny_http::Request, body: &'a [u8]) -> Request<'a> {
        let mut read = Request {
            method: request.method().as_str(),
            target: request.url(),
            headers: request.headers(),
            body,
            peer: None,
            is_forwarded: false,
        };
        read.is_forwarded = read.header(FORWARDED_HEADER).is_some();
        read.peer = read.header(PEER_HEADER).and_then(|address| address.parse().ok());
        read
    }

    /// The value of the first header of this name, in any case.
    pub(crate) fn header(&self, name: &'static str) -> Option<&str> {
        self.headers.iter().find(|header| header.field.equiv(name)).map(|header| header.value.as_str())
    }

    /// The target without its query, which can hold a token: what may be logged.
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// One answer, before the headers that all of them carry.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub status: u16,
    /// Headers of this answer alone; ASCII.
    pub headers: Vec<(&'static str, String)>,
    /// To `HEAD`, and with 304, only its length is told.
    pub body: Bytes,
    /// The body is the log in this format, and comes page by page.
    pub transcript: Option<ExportFormat>,
}

impl Response {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Response {
        let nothing = Response { status, body: body.into(), ..Response::nothing() };
        nothing.with("Content-Type", content_type)
    }

    /// One line of text.
    pub(crate) fn text(status: u16, line: &str) -> Response {
        Response::new(status, "text/plain; charset=utf-8", format!("{line}\n"))
    }

    pub(crate) fn json(status: u16, value: &serde_json::Value) -> Response {
        Response::new(status, "application/json", value.to_string())
    }

    /// Nothing to say but that it is done.
    pub(crate) fn nothing() -> Response {
        let headers = vec![("Cache-Control", "no-store".to_owned())];
        Response { status: 204, headers, body: Bytes::new(), transcript: None }
    }

    /// This answer with one more header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Response {
        self.headers.push((name, value.into()));
        self
    }

    /// All its headers: `common` ones too, unless it has its own of that name.
    pub(super) fn headers<'a>(
        &'a self,
        common: &'a [(&str, &str)],
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let own = self.headers.iter().map(|(name, value)| (*name, value.as_str()));
        common.iter().copied().filter(|(name, _)| !self.headers.iter().any(|(own, _)| own == name)).chain(own)
    }

    /// As tiny_http sends it.
    pub(super) fn into_tiny(self, common: &[(&str, &str)]) -> tiny_http::Response<Cursor<Bytes>> {
        let headers = self.headers(common);
        let headers = headers
            .map(|(name, value)| Header::from_bytes(name, value).expect("answers have ASCII headers"))
            .collect();
        let length = Some(self.body.len());
        tiny_http::Response::new(StatusCode(self.status), headers, Cursor::new(self.body), length, None)
            // Its length is known, so it is told, and no peer has to undo chunks.
            .with_chunked_threshold(usize::MAX)
    }

    #[cfg(test)]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}
