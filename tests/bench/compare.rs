//! Flood and paced talk: rounds of them, in which each server has its turn.

use crate::blocking;
use crate::crowd::Crowd;
use crate::dialect::BARE;
use crate::figures::{Rounds, ServedRounds, print_table};
use crate::options::Options;
use crate::peers::{self, Peer};
use crate::target::{Log, Running, Server};
use crate::work::{self, Flood, Paced};
use crate::yardstick::Work;
use std::time::Duration;

/// The floods: a class in which all write, and a hall in which few do.
pub const FLOODS: [Flood; 2] =
    [Flood { clients: 32, senders: 32, window: 64 }, Flood { clients: 1_000, senders: 10, window: 10 }];
/// The paced talks.
pub const TALKS: [Paced; 3] =
    [Paced { clients: 30, rate: 30 }, Paced { clients: 1_000, rate: 50 }, Paced { clients: 10_000, rate: 5 }];

/// Whose clients flood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clients {
    /// The benchmark's own.
    Own,
    /// tungstenite's.
    Tungstenite,
}

/// A server that takes part.
pub struct Contender {
    pub name: String,
    pub server: Server,
    /// Whether each message has its `username`; else its clients join first.
    pub named: bool,
    /// Whether people react to what they flood it with.
    pub reacts: bool,
    /// How many flood it, where not as many as the others.
    pub clients: Option<usize>,
}

impl Contender {
    pub fn new(name: impl Into<String>, server: Server) -> Contender {
        Contender { name: name.into(), server, named: true, reacts: false, clients: None }
    }

    /// The server, running. The yardstick does what the model did.
    fn start(&self, model: Option<Work>) -> Running {
        let server = match (&self.server, model) {
            (Server::Yardstick(_), Some(model)) => Server::Yardstick(model),
            _ => self.server.clone(),
        };
        let mut running = Running::start(&server);
        running.dialect.named &= self.named;
        running.dialect.reacts = self.reacts;
        running
    }
}

/// What one of them came to in a flood.
#[derive(Debug, Clone, Default)]
pub struct FloodFigures {
    pub rate: Rounds,
    pub per_cpu: Rounds,
    pub served: ServedRounds,
    client_was_limit: usize,
}

/// What one of them came to in a paced talk.
#[derive(Debug, Clone, Default)]
pub struct TalkFigures {
    pub served: ServedRounds,
    pub cpu: Rounds,
}

/// Each build of the room on disk and in memory, and on disk for clients that join, and that react; these peers; the yardstick.
pub fn contenders(options: &Options, peers: &[Peer]) -> Vec<Contender> {
    let rooms = options.binaries.iter().enumerate().flat_map(|(place, binary)| {
        let name = match options.binaries.len() {
            1 => "chat-app".to_owned(),
            _ => binary.display().to_string(),
        };
        let room = |what: &str, log| {
            Contender::new(format!("{name}{what}"), Server::Room { binary: binary.clone(), log })
        };
        // An earlier build, to compare with the first, may know of none.
        let reacting = Contender { reacts: true, ..room(", with reactions", Log::Disk) };
        let joining = Contender { named: false, ..room(", joined first", Log::Disk) };
        let reacting = Some(reacting).filter(|_| place == 0);
        [room("", Log::Disk), joining].into_iter().chain(reacting).chain([room(", in memory", Log::Memory)])
    });
    let peers = peers.iter().map(|peer| Contender::new(peer.name(), Server::Peer(*peer)));
    // What it has to do is what the first contender did the last time.
    let nothing = Work { in_bytes: 1, out_bytes: 1, chunk: 1 };
    rooms.chain(peers).chain([Contender::new("bare TCP", Server::Yardstick(nothing))]).collect()
}

/// The flood section.
pub fn flood(options: &Options) {
    let all = contenders(options, &peers::installed(&options.beside));
    for flood in FLOODS.into_iter().filter(|flood| flood.clients <= options.most_clients()) {
        flood_table(&all, flood, Clients::Own, options);
        flood_table(&all, flood, Clients::Tungstenite, options);
    }
}

/// The paced section.
pub fn paced(options: &Options) {
    let mut all = contenders(options, &peers::installed(&options.beside));
    all.retain(|contender| contender.named && !contender.reacts);
    for talk in TALKS.into_iter().filter(|talk| talk.clients <= options.most_clients()) {
        talk_table(&all, talk, options);
    }
}

/// Rounds of one flood; the figures in the contenders' order, none where these clients cannot talk to a server.
fn flood_rounds(all: &[Contender], flood: Flood, clients: Clients, options: &Options) -> Vec<FloodFigures> {
    let mut figures = vec![FloodFigures::default(); all.len()];
    let mut model = None;
    for round in 0..options.rounds {
        for index in order(round, all.len()) {
            let for_own_clients = !all[index].server.speaks_plainly() || all[index].reacts;
            if clients == Clients::Tungstenite && for_own_clients {
                continue;
            }
            let (running, figures) = (all[index].start(model), &mut figures[index]);
            let flood = Flood { clients: all[index].clients.unwrap_or(flood.clients), ..flood };
            let flooded = match clients {
                Clients::Own => work::flood(&running, flood, options.time),
                Clients::Tungstenite => blocking::flood(&running, flood, options.time),
            };
            if index == 0 {
                // With less than this on its way the yardstick would wait for ever.
                let chunk = (flooded.chunk.round() as usize).clamp(1, flood.senders * (flood.window - 1));
                model = Some(yardstick_work(flooded.bytes, chunk));
            }
            figures.rate.push(flooded.rate);
            figures.per_cpu.push(flooded.per_cpu);
            figures.served.push(flooded.served);
            figures.client_was_limit += usize::from(flooded.client_was_limit);
        }
    }
    figures
}

/// Rounds of one paced talk; the figures in the contenders' order.
fn talk_rounds(all: &[Contender], talk: Paced, options: &Options) -> Vec<TalkFigures> {
    let mut figures = vec![TalkFigures::default(); all.len()];
    // Long enough for a percentile to mean something.
    let time =
        Duration::from_secs_f64(options.time.as_secs_f64().max((120.0 / f64::from(talk.rate)).min(6.0)));
    let mut model = None;
    for round in 0..options.rounds {
        for index in order(round, all.len()) {
            let talked = work::paced(&all[index].start(model), talk, time);
            if index == 0 {
                model = Some(yardstick_work(talked.bytes, 1));
            }
            figures[index].served.push(talked.served);
            figures[index].cpu.push(talked.cpu);
        }
    }
    figures
}

/// Each round another begins, and every second one goes backwards: a disk goes on for a while with what the one before
/// has written, and nobody shall always come after the same.
fn order(round: usize, count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |place| {
        let place = if round.is_multiple_of(2) { place } else { count - 1 - place };
        (round / 2 + place) % count
    })
}

fn yardstick_work(out_bytes: f64, chunk: usize) -> Work {
    Work { in_bytes: Crowd::frame_bytes(&BARE.say(0, 0)), out_bytes: out_bytes.round() as usize, chunk }
}

/// One flood's rounds and their table: each figure, and the first contender's over it.
pub fn flood_table(
    all: &[Contender],
    flood: Flood,
    clients: Clients,
    options: &Options,
) -> Vec<FloodFigures> {
    let figures = flood_rounds(all, flood, clients, options);
    let (whose, what) = match clients {
        Clients::Own => ("", "ms until the last has a message"),
        Clients::Tungstenite => (" of tungstenite's", "ms until each has a message"),
    };
    println!(
        "flood: {} clients{whose}, {} of them sending, {} messages of each on their way; {what}; ratios are the \
         first row's",
        flood.clients, flood.senders, flood.window
    );
    let heading = ["", "deliveries/s", "ratio", "for a second of CPU", "ratio"];
    let mut rows = vec![[&heading[..], &SERVED].concat().into_iter().map(str::to_owned).collect()];
    let took_part = || all.iter().zip(&figures).filter(|(_, own)| !own.rate.0.is_empty());
    for (contender, own) in took_part() {
        let mut row = vec![
            contender.name.clone(),
            own.rate.to_string(),
            figures[0].rate.over(&own.rate).to_string(),
            own.per_cpu.to_string(),
            figures[0].per_cpu.over(&own.per_cpu).to_string(),
        ];
        row.extend(served_cells(&figures[0].served, &own.served));
        rows.push(row);
    }
    print_table(&rows);
    for (contender, own) in took_part().filter(|(_, own)| own.client_was_limit > 0) {
        let (times, of) = (own.client_was_limit, own.rate.0.len());
        println!(
            "  {}: the clients' thread was the limit in {times} of {of} rounds: it can do more\n",
            contender.name
        );
    }
    figures
}

/// One talk's rounds and their table.
pub fn talk_table(all: &[Contender], talk: Paced, options: &Options) -> Vec<TalkFigures> {
    let figures = talk_rounds(all, talk, options);
    println!(
        "paced: {} clients, {} messages a second; ms until the last has a message; ratios are the first row's",
        talk.clients, talk.rate
    );
    let heading = ["", "CPU s/s", "ratio"];
    let mut rows = vec![[&heading[..], &SERVED].concat().into_iter().map(str::to_owned).collect()];
    for (contender, own) in all.iter().zip(&figures) {
        let ratio = figures[0].cpu.over(&own.cpu).to_string();
        let mut row = vec![contender.name.clone(), own.cpu.to_string(), ratio];
        row.extend(served_cells(&figures[0].served, &own.served));
        rows.push(row);
    }
    print_table(&rows);
    figures
}

/// The columns that every table ends with.
const SERVED: [&str; 6] = ["p50 ms", "p99 ms", "ratio", "longest ms", "cut off", "sent afresh"];

fn served_cells(first: &ServedRounds, own: &ServedRounds) -> [String; 6] {
    [
        own.p50.to_string(),
        own.p99.to_string(),
        first.p99.over(&own.p99).to_string(),
        own.most.to_string(),
        own.cut_off.to_string(),
        own.afresh.to_string(),
    ]
}
