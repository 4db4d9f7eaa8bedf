//! A request's head, read strictly: bytes → [`Head`], or the status it deserves.
//!
//! Pure. The next to read the request is a small HTTP server that was not made for a hostile network, so everything
//! ambiguous is refused here: what two parsers could read in two ways reaches only one.

use crate::http::refused::Refused;
use crate::limits;

/// A request's head whose every ambiguity has been refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// `GET`, `HEAD` or `POST`.
    pub method: String,
    /// Path and query, beginning with a slash, printable ASCII only.
    pub target: String,
    /// Whether the request is of HTTP/1.1 and not 1.0.
    pub is_http_11: bool,
    /// The one `Host`; empty where a program left it out, which no browser does.
    pub host: String,
    /// Bytes of the body that follows, at most [`limits::BODY_BYTES`].
    pub body_bytes: usize,
    /// The client waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
    /// All headers as they came, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Head {
    /// The first value of a header whose name is given in lower case, where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        std::str::from_utf8(value).ok()
    }

    /// The path without the query.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// The value of a query parameter. None of ours needs escapes.
    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }

    /// Whether it asks for a WebSocket. Other protocols may be asked for in vain, and many proxies send
    /// `Connection: upgrade` with every request.
    pub fn wants_websocket(&self) -> bool {
        let listed = |value: &str| value.split(',').any(|word| word.trim().eq_ignore_ascii_case("websocket"));
        self.header("upgrade").is_some_and(listed)
    }
}

/// Reads a head from the bytes that have come so far.
///
/// # Returns
/// The head and where in `bytes` it ends, or none while more is needed.
///
/// # Errors
/// The refusal, as soon as it is certain: a peer that talks another language is not waited for.
pub fn parse(bytes: &[u8]) -> Result<Option<(Head, usize)>, Refused> {
    let mut headers = [httparse::EMPTY_HEADER; limits::HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let end = match request.parse(bytes) {
        Ok(httparse::Status::Complete(end)) => end,
        Ok(httparse::Status::Partial) => {
            no_bare_line_feed(bytes)?;
            if bytes.len() >= limits::HEAD_BYTES {
                return Err(Refused::new(431, "The request's head may have 16 KiB."));
            }
            return Ok(None);
        }
        Err(httparse::Error::TooManyHeaders) => {
            return Err(Refused::new(431, format!("A request may have {} headers.", limits::HEADERS)));
        }
        Err(httparse::Error::Version) => return Err(version_refused(bytes)),
        Err(error) => return Err(Refused::new(400, format!("Not an HTTP request: {error}."))),
    };
    if end > limits::HEAD_BYTES {
        return Err(Refused::new(431, "The request's head may have 16 KiB."));
    }
    no_bare_line_feed(&bytes[..end])?;
    let (method, target) = (request.method.unwrap_or_default(), request.path.unwrap_or_default());
    let is_http_11 = request.version == Some(1);
    let headers = collect(request.headers);
    check_method(method)?;
    if !target.starts_with('/') || !target.bytes().all(|byte| byte.is_ascii_graphic()) || target.contains('#')
    {
        return Err(Refused::new(400, "The request's target must be a path that begins with '/'."));
    }
    let host = one_host(&headers, is_http_11)?;
    let (body_bytes, expects_continue) = body_of(method, &headers)?;
    let head = Head {
        method: method.into(),
        target: target.into(),
        is_http_11,
        host,
        body_bytes,
        expects_continue,
        headers,
    };
    Ok(Some((head, end)))
}

/// Names in lower case. Several `Connection` lines are one list.
fn collect(headers: &[httparse::Header<'_>]) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<(String, Vec<u8>)> = Vec::with_capacity(headers.len());
    for header in headers {
        let name = header.name.to_ascii_lowercase();
        match all.iter_mut().find(|(known, _)| name == "connection" && *known == name) {
            Some((_, list)) => list.extend([b", ", header.value].concat()),
            None => all.push((name, header.value.to_vec())),
        }
    }
    all
}

/// A line feed alone ends a line for some parsers and not for others.
fn no_bare_line_feed(bytes: &[u8]) -> Result<(), Refused> {
    let ends_bare = |at: usize| at == 0 || bytes[at - 1] != b'\r';
    // Empty lines before the request line are allowed, as complete ones.
    if bytes.iter().enumerate().any(|(at, byte)| *byte == b'\n' && ends_bare(at)) {
        return Err(Refused::new(400, "Lines must end with CR LF."));
    }
    Ok(())
}

/// httparse says "version" of anything in the version's place: HTTP of another version is told so.
fn version_refused(bytes: &[u8]) -> Refused {
    let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let version = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    match version.strip_prefix(b"HTTP/") {
        Some(b"1.0" | b"1.1") => Refused::new(400, "The request's target must not have spaces in it."),
        Some(_) => Refused::new(505, "This server speaks HTTP/1.1."),
        None => Refused::new(400, "The request line must end with HTTP/1.1."),
    }
}

fn check_method(method: &str) -> Result<(), Refused> {
    match method {
        "GET" | "HEAD" | "POST" => Ok(()),
        "PUT" | "DELETE" | "OPTIONS" | "PATCH" | "TRACE" | "CONNECT" => {
            Err(Refused::new(405, "This server answers GET, HEAD and POST."))
        }
        _ => Err(Refused::new(501, "This method is not known here. GET, HEAD and POST are.")),
    }
}

/// HTTP/1.0 knows requests without `Host`, HTTP/1.1 those whose `Host` is empty.
fn one_host(headers: &[(String, Vec<u8>)], is_http_11: bool) -> Result<String, Refused> {
    let mut hosts = values(headers, "host");
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => String::from_utf8(host.to_vec())
            .map_err(|_| Refused::new(400, "The Host header must name a host.")),
        (None, _) if is_http_11 => Err(Refused::new(400, "The request has no Host header.")),
        (None, _) => Ok(String::new()),
        (Some(_), Some(_)) => Err(Refused::new(400, "The request has more than one Host header.")),
    }
}

/// How many bytes follow the head, by the one way of saying it that cannot be misread.
fn body_of(method: &str, headers: &[(String, Vec<u8>)]) -> Result<(usize, bool), Refused> {
    let mut lengths = values(headers, "content-length");
    let length = lengths.next();
    if lengths.next().is_some() {
        return Err(Refused::new(400, "The request has more than one Content-Length."));
    }
    if values(headers, "transfer-encoding").next().is_some() {
        return Err(match length {
            Some(_) => Refused::new(400, "A request has a Content-Length or a Transfer-Encoding, not both."),
            None => Refused::new(501, "Transfer-Encoding is not known here. Send a Content-Length."),
        });
    }
    let expects_continue = match values(headers, "expect").next() {
        None => false,
        Some(value) if value.eq_ignore_ascii_case(b"100-continue") => true,
        Some(_) => return Err(Refused::new(417, "The only expectation known here is 100-continue.")),
    };
    let Some(length) = length else {
        return match method {
            "POST" => Err(Refused::new(411, "A POST needs a Content-Length.")),
            _ => Ok((0, false)),
        };
    };
    if length.is_empty() || !length.iter().all(u8::is_ascii_digit) {
        return Err(Refused::new(400, "The Content-Length must be a number."));
    }
    // Only digits: what does not fit a usize is too large.
    let length = std::str::from_utf8(length).ok().and_then(|digits| digits.parse::<usize>().ok());
    match length {
        Some(length) if length <= limits::BODY_BYTES => match (method, length) {
            ("POST", _) | (_, 0) => Ok((length, expects_continue && length > 0)),
            _ => Err(Refused::new(400, "Only a POST has a body.")),
        },
        _ => Err(Refused::new(413, "A body may have 64 KiB.")),
    }
}

fn values<'a>(headers: &'a [(String, Vec<u8>)], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(request: &str) -> u16 {
        match parse(request.as_bytes()) {
            Ok(Some(_)) => 200,
            Ok(None) => 0,
            Err(refused) => refused.status,
        }
    }

    #[test]
    fn a_plain_request_is_read_whole() {
        let bytes = b"POST /api/login?a=1&after=7 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
        let (head, end) = parse(bytes).expect("plain").expect("complete");
        assert_eq!((head.path(), head.query("after"), head.query("epoch")), ("/api/login", Some("7"), None));
        assert_eq!((head.body_bytes, &bytes[end..]), (2, &b"{}"[..]));
    }

    #[test]
    fn every_ambiguity_is_refused_with_its_status() {
        for (expected, request) in [
            (0, "GET / HTTP/1.1\r\nHost: x\r\n"),
            (200, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
            (200, "GET / HTTP/1.0\r\nHost: x\r\n\r\n"),
            (200, "GET / HTTP/1.0\r\n\r\n"),
            (200, "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
            (200, "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"),
            (400, "GET / HTTP/1.1\nHost: x\n\n"),
            (400, "GET / HTTP/1.1\r\nHost: x\n\r\n"),
            (400, "GET / HTTP/1.1\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n"),
            (400, "GET / HTTP/1.0\r\nHost:\r\nHost: x\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nHost : x\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nHost: x\0\r\n\r\n"),
            (400, "GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n"),
            (400, "GET /# HTTP/1.1\r\nHost: x\r\n\r\n"),
            (400, "GET /\r\n"),
            (400, "GET /a b HTTP/1.1\r\n"),
            (505, "GET / HTTP/2.0\r\n"),
            (505, "GET / HTTP/3.0\r\n"),
            (405, "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"),
            (405, "DELETE / HTTP/1.1\r\nHost: x\r\n\r\n"),
            (501, "BREW / HTTP/1.1\r\nHost: x\r\n\r\n"),
            (411, "POST / HTTP/1.1\r\nHost: x\r\n\r\n"),
            (400, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"),
            (400, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"),
            (400, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5x\r\n\r\n"),
            (400, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\n"),
            (413, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n"),
            (413, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999999\r\n\r\n"),
            (501, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n"),
            (400, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"),
            (417, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: tea\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n"),
        ] {
            assert_eq!(status(request), expected, "{request:?}");
        }
    }

    #[test]
    fn only_a_websocket_is_an_upgrade_here() {
        for (wanted, headers) in [
            (true, "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
            (true, "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"),
            (false, "Connection: upgrade\r\n"),
            (false, "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"),
        ] {
            let request = format!("GET / HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
            let (head, _) = parse(request.as_bytes()).expect("plain").expect("complete");
            assert_eq!(head.wants_websocket(), wanted, "{headers}");
        }
    }

    #[test]
    fn a_head_without_end_is_refused_at_its_limit() {
        let line = "x-filler: 0123456789\r\n";
        let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}", line.repeat(limits::HEADERS + 1));
        assert_eq!(status(&many), 431);
        let long = format!("GET / HTTP/1.1\r\nHost: x\r\nx: {}", "y".repeat(limits::HEAD_BYTES));
        assert_eq!(status(&long), 431);
    }
}
