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
    /// Whether each message has its sender's `username`, as the original's do; else a client joins once.
    pub named: bool,
    /// Whether every fourth receipt is reacted to.
    pub reacts: bool,
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
    named: true,
    reacts: false,
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
    named: true,
    reacts: false,
    hello: Some("40"),
    live: "40",
    before_number: r#"42["receive_message",{"id":"#,
    behind_id: r#""}]"#.len(),
    are_you_there: Some(("2", "3")),
};

/// Bytes and nothing else, of each message the same number.
pub const BARE: Dialect = Dialect { target: None, named: false, ..PLAIN };

impl Dialect {
    /// Takes a name, where not every message has it.
    pub fn join(&self, client: u32) -> Option<String> {
        let [before, between, behind] = self.envelope;
        let joins = self.target.is_some() && !self.named;
        joins.then(|| format!(r#"{before}join{between}"username":"Client {client}"{behind}"#))
    }

    /// Says something.
    pub fn say(&self, number: u64, client: u32) -> String {
        let [before, between, behind] = self.envelope;
        let name = if self.named { format!(r#""username":"Client {client}","#) } else { String::new() };
        format!(
            r#"{before}send_message{between}{name}"message":"{TEXT}","client_message_id":"{number:016x}.{client:08x}"{behind}"#
        )
    }

    /// Reacts to a message; each second time it is taken back.
    pub fn react(&self, position: u64, on: bool) -> String {
        let [before, between, behind] = self.envelope;
        format!(r#"{before}react{between}"message_id":{position},"reaction":"👍","on":{on}{behind}"#)
    }

    /// The position that reactions have taken; none if the frame is something else.
    pub fn reactions_position(&self, payload: &[u8]) -> Option<u64> {
        let digits = payload.strip_prefix(br#"{"event":"reactions","id":"#).filter(|_| self.reacts)?;
        Some(number(digits))
    }

    /// A delivered message's position; none if the frame is something else.
    pub fn position(&self, payload: &[u8]) -> Option<u64> {
        Some(number(payload.strip_prefix(self.before_number.as_bytes())?))
    }

    /// The number and the sender in a delivered message's id, as [`Dialect::say`] was given them.
    pub fn origin(&self, payload: &[u8]) -> (u64, u32) {
        let end = payload.len() - self.behind_id;
        let id = &payload[end - ID_BYTES..end];
        (hexadecimal(&id[..16]), hexadecimal(&id[17..]) as u32)
    }
}

/// The one that a text begins with.
fn number(text: &[u8]) -> u64 {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
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
