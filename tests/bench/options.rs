//! The command line of the benchmark.

use crate::target::ROOM;
use crate::yardstick::Work;
use std::path::PathBuf;
use std::time::Duration;

pub const HELP: &str = "\
cargo bench [-- [SECTION]… [OPTION]…]

Sections (all but peers unless some are named):
  flood          everybody sends as fast as receipts come back
  paced          a fixed number of messages a second: latency and CPU
  size           memory, threads, connecting, coming back, starting
  growth         many clients, and a long history
  --peers        flood and paced against Bun, ws on Node, and Flask-SocketIO; rewrites tests/benchmark.svg

Options:
  --rounds N     rounds of each comparison (3)
  --seconds S    how long each server is measured in a round (2)
  --clients N    the flood's and the paced work's sizes up to N clients only
  --room FILE    the build of chat-app to measure, in place of this one's release build
  --against FILE another build of chat-app, measured beside this one; more than once for more";

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
    pub most_clients: usize,
    /// The build of the room.
    pub room: PathBuf,
    /// Other builds of it.
    pub against: Vec<PathBuf>,
    /// This process is to be the yardstick.
    pub yardstick: Option<Work>,
}

/// Reads the arguments; none if all that was wanted was help.
pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options {
        sections: Vec::new(),
        rounds: 3,
        time: Duration::from_secs(2),
        most_clients: usize::MAX,
        room: ROOM.into(),
        against: Vec::new(),
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
            "--peers" | "peers" => options.sections.push(Section::Peers),
            "--rounds" => options.rounds = number(&value()?)?.max(1),
            "--seconds" => options.time = Duration::from_secs(number(&value()?)?.max(1) as u64),
            "--clients" => options.most_clients = number(&value()?)?,
            "--room" => options.room = value()?.into(),
            "--against" => options.against.push(value()?.into()),
            "--yardstick" => options.yardstick = Some(Work::read(&value()?)?),
            "--help" => {
                println!("{HELP}");
                return Ok(None);
            }
            other => return Err(format!("'{other}' is no option of the benchmark")),
        }
    }
    if options.sections.is_empty() {
        options.sections = vec![Section::Flood, Section::Paced, Section::Size, Section::Growth];
    }
    Ok(Some(options))
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("'{text}' is no number"))
}
