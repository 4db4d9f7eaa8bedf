//! Flood and paced talk: rounds of them, in which each server has its turn.

use crate::crowd::Crowd;
use crate::dialect::PLAIN;
use crate::figures::{Latencies, Rounds, print_table, short};
use crate::options::Options;
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

/// A server that takes part.
pub struct Contender {
    pub name: String,
    pub server: Server,
}

impl Contender {
    pub fn new(name: impl Into<String>, server: Server) -> Contender {
        Contender { name: name.into(), server }
    }
}

/// What one of them came to in a flood.
#[derive(Debug, Clone, Default)]
pub struct FloodFigures {
    pub rate: Rounds,
    pub per_cpu: Rounds,
    p99: Rounds,
    most: Rounds,
    chunk: Rounds,
    client_was_limit: usize,
    /// Clients that were cut off, round by round.
    pub cut_off: Vec<usize>,
}

/// What one of them came to in a paced talk.
#[derive(Debug, Clone, Default)]
pub struct TalkFigures {
    pub p50: Rounds,
    p99: Rounds,
    p999: Rounds,
    most: Rounds,
    pub cpu: Rounds,
    cut_off: Vec<usize>,
}

/// The room on disk and in memory, the yardstick, other builds of the room.
fn contenders(options: &Options) -> Vec<Contender> {
    let mut all = vec![
        Contender::new("on disk", Server::room(options, Log::Disk)),
        Contender::new("in memory", Server::room(options, Log::Memory)),
        yardstick(),
    ];
    for binary in &options.against {
        let name = binary.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let other = |log| Server::Room { binary: binary.clone(), log };
        all.push(Contender::new(format!("{name}, on disk"), other(Log::Disk)));
        all.push(Contender::new(format!("{name}, in memory"), other(Log::Memory)));
    }
    all
}

/// The bare fan-out. What it has to do is what the first contender did the last time.
pub fn yardstick() -> Contender {
    Contender::new("bare TCP", Server::Yardstick(Work { in_bytes: 1, out_bytes: 1, chunk: 1 }))
}

/// The flood section.
pub fn flood(options: &Options) {
    for flood in FLOODS.into_iter().filter(|flood| flood.clients <= options.most_clients) {
        let all = contenders(options);
        let figures = flood_rounds(&all, flood, options);
        print_flood(flood, &all, &figures);
    }
}

/// The paced section.
pub fn paced(options: &Options, descriptors: u64) {
    for talk in TALKS.into_iter().filter(|talk| talk.clients <= options.most_clients) {
        if talk.clients as u64 + 100 > descriptors {
            println!("paced, {} clients: skipped, {descriptors} descriptors are too few\n", talk.clients);
            continue;
        }
        let all: Vec<Contender> =
            contenders(options).into_iter().filter(|it| !it.name.ends_with("in memory")).collect();
        let figures = talk_rounds(&all, talk, options);
        print_talk(talk, &all, &figures);
    }
}

/// Rounds of one flood; the figures in the contenders' order.
pub fn flood_rounds(all: &[Contender], flood: Flood, options: &Options) -> Vec<FloodFigures> {
    let mut figures = vec![FloodFigures::default(); all.len()];
    let mut model = None;
    for round in 0..options.rounds {
        for index in order(round, all.len()) {
            let (contender, figures) = (&all[index], &mut figures[index]);
            let server = as_model(&contender.server, model);
            let running = Running::start(&server);
            let flooded = work::flood(&running, flood, options.time);
            if index == 0 {
                model = Some(Work {
                    in_bytes: work::in_bytes(&running),
                    out_bytes: flooded.bytes.round() as usize,
                    // With less than this on its way the yardstick would wait for ever.
                    chunk: (flooded.chunk.round() as usize).clamp(1, flood.senders * (flood.window - 1)),
                });
            }
            figures.rate.push(flooded.rate);
            figures.per_cpu.push(flooded.per_cpu);
            figures.p99.push(flooded.latencies.at(0.99));
            figures.most.push(flooded.latencies.at(1.0));
            figures.cut_off.push(flooded.cut_off);
            figures.chunk.push(flooded.chunk);
            figures.client_was_limit += usize::from(flooded.client_was_limit);
        }
    }
    figures
}

/// Rounds of one paced talk; the figures in the contenders' order.
pub fn talk_rounds(all: &[Contender], talk: Paced, options: &Options) -> Vec<TalkFigures> {
    let mut figures = vec![TalkFigures::default(); all.len()];
    // Long enough for a percentile to mean something.
    let time =
        Duration::from_secs_f64(options.time.as_secs_f64().max((120.0 / f64::from(talk.rate)).min(6.0)));
    let mut model = None;
    for round in 0..options.rounds {
        for index in order(round, all.len()) {
            let (contender, figures) = (&all[index], &mut figures[index]);
            let running = Running::start(&as_model(&contender.server, model));
            let talked = work::paced(&running, talk, time);
            if index == 0 {
                let out_bytes = talked.bytes.round() as usize;
                model = Some(Work { in_bytes: work::in_bytes(&running), out_bytes, chunk: 1 });
            }
            figures.cut_off.push(talked.cut_off);
            figures.take(&talked.latencies, talked.cpu);
        }
    }
    figures
}

/// Each round another begins: a disk goes on for a while with what the one before has written.
fn order(round: usize, count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |place| (round + place) % count)
}

/// The yardstick does what the model did; everybody else is what they are.
fn as_model(server: &Server, model: Option<Work>) -> Server {
    let in_bytes = Crowd::frame_bytes(&PLAIN.say(0, 0));
    match (server, model) {
        (Server::Yardstick(_), Some(model)) => Server::Yardstick(Work { in_bytes, ..model }),
        _ => server.clone(),
    }
}

impl TalkFigures {
    fn take(&mut self, latencies: &Latencies, cpu: f64) {
        self.p50.push(latencies.at(0.5));
        self.p99.push(latencies.at(0.99));
        self.p999.push(latencies.at(0.999));
        self.most.push(latencies.at(1.0));
        self.cpu.push(cpu);
    }
}

/// One flood's table: each figure, and the first contender's over it.
pub fn print_flood(flood: Flood, all: &[Contender], figures: &[FloodFigures]) {
    println!(
        "flood: {} clients, {} of them sending, {} messages of each on their way; ms until the last has one; \
         ratios are the first row's",
        flood.clients, flood.senders, flood.window
    );
    let heading = [
        "",
        "deliveries/s",
        "ratio",
        "deliveries/s of CPU",
        "ratio",
        "p99 ms",
        "most ms",
        "messages a write",
        "cut off, by round",
    ];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for (contender, own) in all.iter().zip(figures) {
        rows.push(vec![
            contender.name.clone(),
            own.rate.to_string(),
            figures[0].rate.over(&own.rate).to_string(),
            own.per_cpu.to_string(),
            figures[0].per_cpu.over(&own.per_cpu).to_string(),
            own.p99.to_string(),
            own.most.to_string(),
            short(own.chunk.median()),
            by_round(&own.cut_off),
        ]);
    }
    print_table(&rows);
    for (contender, own) in all.iter().zip(figures).filter(|(_, own)| own.client_was_limit > 0) {
        let (times, of) = (own.client_was_limit, own.rate.0.len());
        println!(
            "  {}: the clients' thread was the limit in {times} of {of} rounds: it can do more",
            contender.name
        );
    }
    println!();
}

/// How many clients were cut off in each round, or that it was none in any.
pub fn by_round(cut_off: &[usize]) -> String {
    if cut_off.iter().all(|count| *count == 0) {
        return "0".to_owned();
    }
    cut_off.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}

/// One talk's table.
pub fn print_talk(talk: Paced, all: &[Contender], figures: &[TalkFigures]) {
    println!(
        "paced: {} clients, {} messages a second; milliseconds until the last has it; ratios are the first row's",
        talk.clients, talk.rate
    );
    let heading = ["", "p50", "p99", "ratio", "p99.9", "most", "CPU s/s", "ratio", "cut off, by round"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for (contender, own) in all.iter().zip(figures) {
        rows.push(vec![
            contender.name.clone(),
            own.p50.to_string(),
            own.p99.to_string(),
            figures[0].p99.over(&own.p99).to_string(),
            own.p999.to_string(),
            own.most.to_string(),
            own.cpu.to_string(),
            figures[0].cpu.over(&own.cpu).to_string(),
            by_round(&own.cut_off),
        ]);
    }
    print_table(&rows);
}
