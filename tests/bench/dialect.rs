//! What a client says and expects, server by server. The messages are the same everywhere, byte for byte, but for what a
//! server's own framing puts around them.

/// What everybody says: a sentence of the length that people write in a chat.
const TEXT: &str = "The quick brown fox jumps over the lazy dog, and so on";
/// Bytes of a `client_message_id`: sixteen hexadecimal digits of the message's number, a dot, and eight of its sender's.
const ID_BYTES: usize = 25;

/// How a server is spoken to.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// Where its WebSocket is; none for bare TCP.
    pub target: Option<&'static str>,
    /// Around each event of a client's: before its name, between that and its fields, behind them.
    envelope: [&'static str; 3],
    /// Said first, when the server's first frame has come.
    pub hello: Option<&'static str>,
    /// How the frame begins that says that a client is live.
    pub live: &'static str,
    /// How a delivered message begins, up to the digits of its number.
    pub before_number: &'static str,
    /// What stands behind the `client_message_id` in it.
    behind_id: usize,
    /// A text frame that the server sends to hear whether the client is there, and the answer.
    pub are_you_there: Option<(&'static str, &'static str)>,
}

/// JSON with its kind in `event`: the room's own, and that of the servers for Bun and Node.
pub const PLAIN: Dialect = Dialect {
    target: Some("/ws"),
    envelope: [r#"{"event":""#, r#"","#, "}"],
    hello: None,
    live: r#"{"event":"presence""#,
    before_number: r#"{"event":"receive_message","id":"#,
    behind_id: r#""}"#.len(),
    are_you_there: None,
};

/// Socket.IO 5 over Engine.IO 4.
pub const SOCKET_IO: Dialect = Dialect {
    target: Some("/socket.io/?EIO=4&transport=websocket"),
    envelope: [r#"42[""#, r#"",{"#, "}]"],
    hello: Some("40"),
    live: "40",
    before_number: r#"42["receive_message",{"id":"#,
    behind_id: r#""}]"#.len(),
    are_you_there: Some(("2", "3")),
};

/// Bytes and nothing else.
pub const BARE: Dialect = Dialect { target: None, ..PLAIN };

impl Dialect {
    /// Takes a name.
    pub fn join(&self, client: u32) -> String {
        let [before, between, behind] = self.envelope;
        format!(r#"{before}join{between}"username":"Client {client}"{behind}"#)
    }

    /// Says something.
    pub fn say(&self, number: u64, client: u32) -> String {
        let [before, between, behind] = self.envelope;
        format!(
            r#"{before}send_message{between}"message":"{TEXT}","client_message_id":"{number:016x}.{client:08x}"{behind}"#
        )
    }

    /// A delivered message's position; none if the frame is something else.
    pub fn position(&self, payload: &[u8]) -> Option<u64> {
        let digits = payload.strip_prefix(self.before_number.as_bytes())?;
        let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
        Some(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
    }

    /// The number in a delivered message's id, as [`Dialect::say`] was given it.
    pub fn number(&self, payload: &[u8]) -> u64 {
        let end = payload.len() - self.behind_id;
        hexadecimal(&payload[end - ID_BYTES..end][..16])
    }
}

fn hexadecimal(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |number, digit| {
        number << 4
            | match digit {
                b'0'..=b'9' => u64::from(digit - b'0'),
                b'a'..=b'f' => u64::from(digit - b'a') + 10,
                _ => panic!(
                    "no client_message_id of ours at the end of a message: {:?}",
                    digits.escape_ascii()
                ),
            }
    })
}
