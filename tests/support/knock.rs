//! The handshake, in two steps: a thousand can knock before the first is let in.

use super::{DEADLINE, Response, TestClient};
use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use tungstenite::WebSocket;
use tungstenite::protocol::{Role, WebSocketConfig};

/// A WebSocket handshake that has been sent and not yet been answered.
pub struct Knock(TcpStream);

impl Knock {
    /// Connects and asks for `target` (`/ws?…`) to become a WebSocket.
    pub fn at(addr: SocketAddr, target: &str) -> io::Result<Knock> {
        Knock::with_headers(addr, target, &format!("Host: {addr}\r\n"))
    }

    /// As [`Knock::at`], with `headers` (each ending in CR LF) in place of `Host`.
    pub fn with_headers(addr: SocketAddr, target: &str, headers: &str) -> io::Result<Knock> {
        let mut stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        // Two tokens in Connection, as Firefox writes it; the key of RFC 6455's example, with the answer that belongs to it below.
        write!(
            stream,
            "GET {target} HTTP/1.1\r\n{headers}Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )?;
        Ok(Knock(stream))
    }

    /// Waits for the answer; a refusal is given back as it came.
    pub fn enter(self) -> io::Result<Result<TestClient, Response>> {
        self.0.set_read_timeout(Some(DEADLINE))?;
        let mut reader = BufReader::new(&self.0);
        let mut response = Response::read_head(&mut reader)?;
        if response.status != 101 {
            reader.read_to_end(&mut response.body)?;
            return Ok(Err(response));
        }
        assert_eq!(response.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        let already_read = reader.buffer().to_vec();
        // A small read buffer: some tests have a thousand clients.
        let config = WebSocketConfig::default().read_buffer_size(4 * 1024).write_buffer_size(0);
        let socket = WebSocket::from_partially_read(self.0, already_read, Role::Client, Some(config));
        Ok(Ok(TestClient::over(socket)))
    }
}
