//! What grows must not slow down what is there: clients, and the history.

use crate::compare::{self, Clients, Contender, FLOODS, TALKS};
use crate::options::Options;
use crate::size::fill;
use crate::target::{self, Log, Server};
use crate::work::Flood;

/// The history that everything is to be the same with.
const MESSAGES: u64 = 5_000_000;
const FEW: usize = 100;
const MANY: usize = 10_000;

/// The section.
pub fn run(options: &Options) {
    clients(options);
    history(options);
}

/// Many clients beside few.
fn clients(options: &Options) {
    let many = MANY.min(options.most_clients());
    let to = |clients| Contender {
        clients: Some(clients),
        ..Contender::new(format!("to {clients} clients"), Server::room(options, Log::Disk))
    };
    let flood = Flood { clients: many, senders: 10, window: 10 };
    compare::flood_table(&[to(many), to(FEW)], flood, Clients::Own, options);
}

/// An empty log beside a long one.
fn history(options: &Options) {
    let folder = target::folder();
    let database = folder.path().join("history.db");
    fill(&database, MESSAGES);
    let all = [
        Contender::new(
            format!("after {} million messages", MESSAGES / 1_000_000),
            Server::room(options, Log::File(database)),
        ),
        Contender::new("after none", Server::room(options, Log::Disk)),
    ];
    compare::flood_table(&all, FLOODS[0], Clients::Own, options);
    compare::talk_table(&all, TALKS[0], options);
}
