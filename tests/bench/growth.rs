//! What grows must not slow down what is there: clients, and the history.

use crate::compare::{self, Contender, FLOODS, TALKS};
use crate::options::Options;
use crate::size::fill;
use crate::target::{self, Log, Server};
use crate::work::Flood;

/// The history that everything is to be the same with.
const MESSAGES: u64 = 5_000_000;
const FEW: usize = 100;
const MANY: usize = 10_000;

/// The section.
pub fn run(options: &Options, descriptors: u64) {
    clients(options, descriptors);
    history(options);
}

/// Deliveries a second to few and to many.
fn clients(options: &Options, descriptors: u64) {
    let many = MANY.min(options.most_clients).min((descriptors as usize).saturating_sub(100));
    let room = || [Contender::new("on disk", Server::room(options, Log::Disk))];
    let once = Options { rounds: 1, ..options.clone() };
    let [mut few_rates, mut many_rates] = [(); 2].map(|()| compare::FloodFigures::default());
    for _ in 0..options.rounds {
        for (clients, into) in [(FEW, &mut few_rates), (many, &mut many_rates)] {
            let flood = Flood { clients, senders: 10, window: 10 };
            for figures in compare::flood_rounds(&room(), flood, &once) {
                into.rate.0.extend(figures.rate.0);
                into.per_cpu.0.extend(figures.per_cpu.0);
                into.cut_off.extend(figures.cut_off);
            }
        }
    }
    println!("growth: 10 clients sending, 10 messages of each on their way");
    for (clients, figures) in [(FEW, &few_rates), (many, &many_rates)] {
        println!(
            "  deliveries/s to {clients} clients {}, cut off {}",
            figures.rate,
            compare::by_round(&figures.cut_off)
        );
    }
    println!(
        "  ratio {}, of those for each second of CPU {}\n",
        many_rates.rate.over(&few_rates.rate),
        many_rates.per_cpu.over(&few_rates.per_cpu)
    );
}

/// An empty log beside a long one.
fn history(options: &Options) {
    let folder = target::folder();
    let database = folder.path().join("history.db");
    fill(&database, MESSAGES);
    let all = [
        Contender::new(
            format!("on disk, {} million messages", MESSAGES / 1_000_000),
            Server::room(options, Log::File(database)),
        ),
        Contender::new("on disk, none", Server::room(options, Log::Disk)),
    ];
    compare::print_flood(FLOODS[0], &all, &compare::flood_rounds(&all, FLOODS[0], options));
    compare::print_talk(TALKS[0], &all, &compare::talk_rounds(&all, TALKS[0], options));
}
