//! Other servers, each doing the room's work but for storing it: parse, number, stamp, broadcast. `tests/peers/` has their
//! programs, and the script that installs what they run on, at pinned versions, into the target folder.

use crate::chart::Chart;
use crate::compare::{self, Clients, FLOODS, TALKS};
use crate::dialect::{Dialect, PLAIN, SOCKET_IO};
use crate::options::Options;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the peers' programs are.
const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers");
/// Where what they run on is installed.
const INSTALLED: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/peers");

/// A server other than the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Bun's own WebSocket server and its `publish`, which is uWebSockets.
    Bun,
    /// `ws`, the usual WebSocket server for Node.
    Node,
    /// Flask-SocketIO on what `python app.py` starts: where this project comes from.
    Flask,
}

impl Peer {
    pub const ALL: [Peer; 3] = [Peer::Bun, Peer::Node, Peer::Flask];

    pub fn name(self) -> &'static str {
        match self {
            Peer::Bun => "Bun, publish",
            Peer::Node => "Node, ws",
            Peer::Flask => "Flask-SocketIO",
        }
    }

    fn program(self) -> PathBuf {
        let installed = Path::new(INSTALLED);
        match self {
            Peer::Bun => installed.join("node_modules/.bin/bun"),
            Peer::Node => "node".into(),
            Peer::Flask => installed.join("python/bin/python"),
        }
    }

    pub fn command(self) -> Command {
        let mut command = Command::new(self.program());
        let script = match self {
            Peer::Bun => "bun.js",
            Peer::Node => "node.js",
            Peer::Flask => "flask_socketio_app.py",
        };
        // Node looks for packages where the program is, and there it must not install any.
        command.env("PEERS", INSTALLED).arg(Path::new(PROGRAMS).join(script));
        command
    }

    pub fn dialect(self) -> Dialect {
        if self == Peer::Flask { SOCKET_IO } else { PLAIN }
    }

    /// Whether it runs here: its program says its version, and what it needs is installed.
    fn is_there(self) -> bool {
        let mut version = Command::new(self.program());
        version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        let package = match self {
            Peer::Bun => "node_modules/bun",
            Peer::Node => "node_modules/ws",
            Peer::Flask => "python",
        };
        version.status().is_ok_and(|status| status.success()) && Path::new(INSTALLED).join(package).exists()
    }
}

/// Those of them that run here, installed if they were not. What is missing is told.
pub fn installed(which: &[Peer]) -> Vec<Peer> {
    if which.is_empty() {
        return Vec::new();
    }
    let mut install = Command::new("sh");
    let installed =
        install.arg(Path::new(PROGRAMS).join("install.sh")).arg(INSTALLED).stdout(Stdio::null()).status();
    if !installed.is_ok_and(|status| status.success()) {
        println!("Not every peer could be installed: tests/peers/install.sh says above what it lacked.");
    }
    let (there, missing): (Vec<Peer>, Vec<Peer>) = which.iter().partition(|peer| peer.is_there());
    for peer in missing {
        println!("{}: skipped, it is not on this machine and could not be installed.", peer.name());
    }
    there
}

/// The section.
pub fn run(options: &Options) {
    let there = installed(&Peer::ALL);
    let mut all = compare::contenders(options, &there);
    all.retain(|contender| !contender.reacts); // none of them does
    let floods = FLOODS.map(|flood| compare::flood_table(&all, flood, Clients::Own, options));
    let others = FLOODS.map(|flood| compare::flood_table(&all, flood, Clients::Tungstenite, options));
    // A thread for each of 10,000 clients is no work for Python; a talk in a hall of 1,000 is what all can be asked for.
    let talks = [TALKS[0], TALKS[1]].map(|talk| compare::talk_table(&all, talk, options));
    let chart = Chart::new(&all, &floods, &others, &talks);
    println!("{}", chart.markdown());
    if there == Peer::ALL {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/benchmark.svg");
        std::fs::write(&path, chart.svg()).expect("the picture can be written");
        println!("written: {}", path.display());
    }
}
