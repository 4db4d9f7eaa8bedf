//! HTTP with nothing in between: the test writes the bytes, and sees what came back.

use super::DEADLINE;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// What a server answered.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Header names in lower case, and their values.
    pub headers: Vec<(String, String)>,
    /// The body, with any chunks put together.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of the header `name` (in lower case), where it stands exactly once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(key, _)| key == name);
        let value = values.next()?;
        assert!(values.next().is_none(), "{name} stands twice in {:?}", self.headers);
        Some(&value.1)
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.text()))
    }

    /// Reads status line and headers, and leaves the body in `reader`.
    pub fn read_head(reader: &mut impl BufRead) -> io::Result<Response> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let status = lines.first().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status line: {lines:?}"));
        let headers = lines[1..]
            .iter()
            .map(|line| line.split_once(':').unwrap_or_else(|| panic!("no header: {line:?}")))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Ok(Response { status, headers, body: Vec::new() })
    }

    fn read_body(&mut self, reader: &mut impl BufRead) -> io::Result<()> {
        if self.header("transfer-encoding") == Some("chunked") {
            self.body = read_chunks(reader)?;
        } else if let Some(length) = self.header("content-length") {
            self.body = vec![0; length.parse().expect("a length is a number")];
            reader.read_exact(&mut self.body)?;
        } else {
            reader.read_to_end(&mut self.body)?;
        }
        Ok(())
    }
}

fn read_chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16).expect("a chunk begins with its length");
        let before = body.len();
        body.resize(before + length, 0);
        reader.read_exact(&mut body[before..])?;
        reader.read_line(&mut line)?;
        if length == 0 {
            return Ok(body);
        }
    }
}

/// Sends `request` as it is and reads the answer.
pub fn http(addr: SocketAddr, request: impl AsRef<[u8]>) -> Response {
    let request = request.as_ref();
    try_http(addr, request)
        .unwrap_or_else(|error| panic!("{error} instead of an answer to {}", request.escape_ascii()))
}

/// As [`http`], where the server may be gone or hang up.
pub fn try_http(addr: SocketAddr, request: impl AsRef<[u8]>) -> io::Result<Response> {
    let request = request.as_ref();
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.write_all(request)?;
    let mut reader = BufReader::new(stream);
    let mut response = Response::read_head(&mut reader)?;
    if !request.starts_with(b"HEAD ") && response.status != 304 && response.status != 204 {
        response.read_body(&mut reader)?;
    } else {
        // What must have no body has none: nothing comes before the end of the connection.
        reader.read_to_end(&mut response.body)?;
    }
    Ok(response)
}

/// The answer to a plain `GET path`.
pub fn get(addr: SocketAddr, path: &str) -> Response {
    http(addr, format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n"))
}
