//! The command line of the benchmark.

use crate::peers::Peer;
use crate::target::{MOST_CLIENTS, ROOM};
use crate::yardstick::Work;
use std::path::PathBuf;
use std::time::Duration;

pub const HELP: &str = "\
cargo bench [-- [SECTION]… [OPTION]…]

Sections (flood, paced, size and growth unless some are named):
  flood          everybody sends as fast as receipts come back: the benchmark's own clients, then tungstenite's
  paced          a fixed number of messages a second: latency and CPU
  size           memory, threads, connecting, one message a second to all, coming back, starting
  growth         many clients, and a long history
  peers          flood and paced beside Bun, ws on Node, and Flask-SocketIO; rewrites tests/benchmark.svg

Options:
  --rounds N     rounds of each comparison (3)
  --seconds S    how long each server is measured in a round (2)
  --clients N    size with N clients, at most 15000 (10000); flood and paced up to N clients only
  --beside PEER  flood and paced beside bun, node or flask; more than once for more
  --binary FILE  a build of chat-app in place of this one; more than once, they are compared: each round has
                 all of them, one after the other, and a ratio is the first one's figure over another's

Each message has its sender's username, as the original's frame does; 'joined first' are clients that join once
and send no name; 'with reactions', the first build's alone, are clients that react to every fourth receipt.
Sockets have the system's own buffers. 'Cut off' and 'sent afresh' are how many clients could not keep up, round
by round.

Is anybody cut off?       cargo bench -- flood --rounds 10 --seconds 10
Is a change faster?       cargo bench -- flood paced --rounds 5 --binary AFTER --binary BEFORE
How much, beside Bun?     cargo bench -- flood paced --rounds 5 --clients 1000 --beside bun
Does a large hall fit?    cargo bench -- size --clients 15000";

/// A part of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Flood,
    Paced,
    Size,
    Growth,
    Peers,
}

/// What was asked for.
#[derive(Clone)]
pub struct Options {
    pub sections: Vec<Section>,
    pub rounds: usize,
    pub time: Duration,
    pub clients: Option<usize>,
    /// More than this there cannot be.
    pub most: usize,
    /// The builds of the room.
    pub binaries: Vec<PathBuf>,
    /// Other servers that take part in floods and talks.
    pub beside: Vec<Peer>,
    /// This process is to be the yardstick.
    pub yardstick: Option<Work>,
}

impl Options {
    /// The size up to which floods and talks are measured.
    pub fn most_clients(&self) -> usize {
        self.clients_or(self.most)
    }

    /// So many clients as were asked for, or as are usual.
    pub fn clients_or(&self, usual: usize) -> usize {
        self.clients.unwrap_or(usual).min(self.most)
    }
}

/// Reads the arguments; none if all that was wanted was help.
pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options {
        sections: Vec::new(),
        rounds: 3,
        time: Duration::from_secs(2),
        clients: None,
        most: MOST_CLIENTS,
        binaries: Vec::new(),
        beside: Vec::new(),
        yardstick: None,
    };
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--bench" => {} // cargo says it to every benchmark
            "flood" => options.sections.push(Section::Flood),
            "paced" => options.sections.push(Section::Paced),
            "size" => options.sections.push(Section::Size),
            "growth" => options.sections.push(Section::Growth),
            "peers" | "--peers" => options.sections.push(Section::Peers),
            "--rounds" => options.rounds = number(&value()?)?.max(1),
            "--seconds" => options.time = Duration::from_secs(number(&value()?)?.max(1) as u64),
            "--clients" => options.clients = Some(number(&value()?)?),
            "--beside" => options.beside.push(peer(&value()?)?),
            "--binary" => options.binaries.push(value()?.into()),
            "--yardstick" => options.yardstick = Some(Work::read(&value()?)?),
            "--help" => {
                println!("{HELP}");
                return Ok(None);
            }
            other => return Err(format!("'{other}' is no option of the benchmark")),
        }
    }
    if options.clients.is_some_and(|clients| clients > MOST_CLIENTS) {
        return Err(format!("--clients may be {MOST_CLIENTS} at most"));
    }
    if options.sections.is_empty() {
        options.sections = vec![Section::Flood, Section::Paced, Section::Size, Section::Growth];
    }
    if options.binaries.is_empty() {
        options.binaries.push(ROOM.into());
    }
    Ok(Some(options))
}

fn peer(text: &str) -> Result<Peer, String> {
    match text {
        "bun" => Ok(Peer::Bun),
        "node" => Ok(Peer::Node),
        "flask" => Ok(Peer::Flask),
        _ => Err(format!("'{text}' is no peer: bun, node or flask")),
    }
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("'{text}' is no number"))
}
