//! What is asked over HTTP, as the listener let it through, and what is answered.

use std::net::IpAddr;

use bytes::Bytes;
use serde_json::json;
use tiny_http::Header;

use crate::store::export::ExportFormat;

/// One request, as the listener let it through.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// Such as `GET`.
    pub method: &'a str,
    /// The request target, query included.
    pub target: &'a str,
    /// The request's headers.
    pub headers: &'a [Header],
    /// The request's body.
    pub body: &'a [u8],
    /// Who asks, as the listener saw it.
    pub peer: Option<IpAddr>,
    /// Whether a proxy or a tunnel has passed it on, by what it says.
    pub is_forwarded: bool,
}

impl Request<'_> {
    /// The value of the first header of this name, in any case.
    pub(crate) fn header(&self, name: &'static str) -> Option<&str> {
        self.headers.iter().find(|header| header.field.equiv(name)).map(|header| header.value.as_str())
    }

    /// The target without its query.
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// One answer, before the headers that all of them carry.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    /// The status code.
    pub status: u16,
    /// Headers of this answer alone; ASCII.
    pub headers: Vec<(&'static str, String)>,
    /// The body. To `HEAD`, and with 304, only its length is told.
    pub body: Bytes,
    /// The body is the log in this format, and comes page by page.
    pub transcript: Option<ExportFormat>,
}

impl Response {
    /// With a body of this type.
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Response {
        let headers =
            vec![("Content-Type", content_type.to_owned()), ("Cache-Control", "no-store".to_owned())];
        Response { status, headers, body: body.into(), transcript: None }
    }

    /// One line of text.
    pub(crate) fn text(status: u16, line: &str) -> Response {
        Response::new(status, "text/plain; charset=utf-8", format!("{line}\n"))
    }

    /// A JSON object.
    pub(crate) fn json(status: u16, value: &serde_json::Value) -> Response {
        Response::new(status, "application/json", value.to_string())
    }

    /// Nothing to say but that it is done.
    pub(crate) fn nothing() -> Response {
        let headers = vec![("Cache-Control", "no-store".to_owned())];
        Response { status: 204, headers, body: Bytes::new(), transcript: None }
    }

    /// The API's form of a refusal: a code for programs and a sentence for people.
    pub(crate) fn api_error(status: u16, code: &str, message: &str) -> Response {
        Response::json(status, &json!({"error": {"code": code, "message": message}}))
    }

    #[cfg(test)]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// This answer with one more header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Response {
        self.headers.push((name, value.into()));
        self
    }
}
