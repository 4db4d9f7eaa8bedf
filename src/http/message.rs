//! What is asked over HTTP, as the listener let it through, and what is answered.

use std::io::Cursor;
use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use tiny_http::{Header, StatusCode};

use crate::accounts::Asker;
use crate::http::client_address::address_key;
use crate::http::cookies::{Cookies, Kind};
use crate::http::{FORWARDED_HEADER, PEER_HEADER};

pub(crate) struct Request<'a> {
    pub method: &'a str,
    /// Path and query.
    target: &'a str,
    headers: &'a [Header],
    pub body: &'a [u8],
    pub cookies: Cookies<'a>,
    /// Where it comes from, as the listener saw it.
    pub peer: IpAddr,
    pub asker: Asker<'a>,
}

impl<'a> Request<'a> {
    /// `body` has been read from `request`; `public_urls` tell what came over https.
    pub(super) fn of(request: &'a tiny_http::Request, body: &'a [u8], public_urls: &[String]) -> Request<'a> {
        let headers = request.headers();
        let header = |name| header_of(headers, name);
        let cookies =
            Cookies::of(header("Cookie"), header("Host").unwrap_or_default(), header("Origin"), public_urls);
        let peer = header(PEER_HEADER).and_then(|address| address.parse().ok());
        let peer: IpAddr = peer.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
        let asker = Asker {
            address: address_key(peer),
            devices: cookies.all(Kind::Device),
            sessions: cookies.sessions(),
        };
        let (method, target) = (request.method().as_str(), request.url());
        Request { method, target, headers, body, cookies, peer, asker }
    }

    /// The value of the first header of this name, in any case.
    pub(crate) fn header(&self, name: &'static str) -> Option<&'a str> {
        header_of(self.headers, name)
    }

    /// The target without its query, which can hold a token: what may be logged.
    pub(crate) fn path(&self) -> &'a str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Whether a proxy or a tunnel says that it has passed this on.
    pub(crate) fn is_forwarded(&self) -> bool {
        self.header(FORWARDED_HEADER).is_some()
    }
}

fn header_of<'a>(headers: &'a [Header], name: &'static str) -> Option<&'a str> {
    headers.iter().find(|header| header.field.equiv(name)).map(|header| header.value.as_str())
}

/// One answer, before the headers that all of them carry.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub status: u16,
    /// Headers of this answer alone; ASCII.
    pub headers: Vec<(&'static str, String)>,
    /// `HEAD` and 304 tell only its length.
    pub body: Bytes,
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
        Response { status: 204, headers, body: Bytes::new() }
    }

    /// This answer with one more header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Response {
        self.headers.push((name, value.into()));
        self
    }

    /// With cookies, an answer that would be cached is whole and is not: some browsers and proxies heed no cookies of a 304,
    /// and a cached one would set them again.
    pub(crate) fn uncached_with_cookies(mut self) -> Response {
        if self.headers.iter().any(|(name, _)| *name == "Set-Cookie") {
            self.status = if self.status == 304 { 200 } else { self.status };
            self.headers.retain(|(name, _)| *name != "Cache-Control");
            return self.with("Cache-Control", "no-store");
        }
        self
    }

    /// For tiny_http, with these headers too where it has none of its own of that name.
    pub(super) fn into_tiny(self, common: &[(&str, &str)]) -> tiny_http::Response<Cursor<Bytes>> {
        let own = self.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let common = common.iter().filter(|(name, _)| !self.headers.iter().any(|(own, _)| own == name));
        let headers = common
            .copied()
            .chain(own)
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

/// The policy of every answer but the page: nothing runs, loads or frames.
const NOTHING: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const COMMON_HEADERS: [(&str, &str); 6] = [
    ("Server", "chat-app"), // tiny_http would name itself
    ("Content-Security-Policy", NOTHING),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
];

/// The headers that every answer carries, unless it has its own of that name.
pub(super) fn common_headers(public_urls: &[String]) -> &'static [(&'static str, &'static str)] {
    // Browsers ignore the last one on plain http, and complain of it in everybody's console.
    let has_https = public_urls.iter().any(|url| url.starts_with("https:"));
    if has_https { &COMMON_HEADERS } else { &COMMON_HEADERS[..COMMON_HEADERS.len() - 1] }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What tiny_http would have read.
    pub(in crate::http) fn request(
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
    ) -> tiny_http::Request {
        let request =
            tiny_http::TestRequest::new().with_method(method.parse().expect("a method")).with_path(target);
        let header = |(name, value): &(&str, &str)| Header::from_bytes(*name, *value).expect("ASCII");
        headers.iter().map(header).fold(request, tiny_http::TestRequest::with_header).into()
    }

    #[test]
    fn only_a_room_behind_https_asks_to_be_alone_in_its_browsing_context() {
        for (url, expected) in
            [(None, false), (Some("http://chat.example"), false), (Some("https://a.example"), true)]
        {
            let urls: Vec<String> = url.map(str::to_owned).into_iter().collect();
            let told = common_headers(&urls).contains(&("Cross-Origin-Opener-Policy", "same-origin"));
            assert_eq!(told, expected, "{url:?}");
        }
    }
}
