//! How fast the room is, measured from outside: the real release binary in a process of its own, real sockets, and
//! beside each figure a yardstick that was measured in the same run.
//!
//! `cargo bench` runs everything but the peers in about ten minutes; `cargo bench -- flood paced` only what is named, and
//! `cargo bench -- --help` tells the rest. Each round measures every server once, one after the other, so that what else
//! the machine does meets all of them; a figure is the median of the rounds, with the smallest and the largest beside
//! it. Figures of one run may be compared, figures of two may not.
//!
//! A client that a server cuts off is out of its round, which counts as it is: the number stands in the table, and no round
//! is ever repeated. Times are from when a message was due until the last who is there has it, and the longest also says how
//! far those were behind who could not keep up.
//!
//! | file | owns |
//! |---|---|
//! | `bench/options.rs` | the command line |
//! | `bench/dialect.rs` | what a client says and expects, server by server |
//! | `bench/place.rs` | what must come next to a client |
//! | `bench/crowd.rs` | thousands of clients on one thread |
//! | `bench/blocking.rs` | tungstenite's own clients, a thread each |
//! | `bench/book.rs` | what was said, and when the last had it |
//! | `bench/work.rs` | what they do: the flood and the paced talk |
//! | `bench/target.rs` | a server under measurement: started, and what it used |
//! | `bench/yardstick.rs` | the bare TCP fan-out |
//! | `bench/peers.rs` | other servers |
//! | `bench/compare.rs` | flood and paced, rounds of them |
//! | `bench/size.rs` | memory, threads, connecting, coming back, starting |
//! | `bench/growth.rs` | many clients, and a long history |
//! | `bench/figures.rs` | medians, spreads, percentiles |
//! | `bench/chart.rs` | the picture in the readme |

#![cfg(target_os = "linux")]

#[path = "bench/blocking.rs"]
mod blocking;
#[path = "bench/book.rs"]
mod book;
#[path = "bench/chart.rs"]
mod chart;
#[path = "bench/compare.rs"]
mod compare;
#[path = "bench/crowd.rs"]
mod crowd;
#[path = "bench/dialect.rs"]
mod dialect;
#[path = "bench/figures.rs"]
mod figures;
#[path = "bench/growth.rs"]
mod growth;
#[path = "bench/options.rs"]
mod options;
#[path = "bench/peers.rs"]
mod peers;
#[path = "bench/place.rs"]
mod place;
#[path = "bench/size.rs"]
mod size;
// Of the tests' support only processes are needed here.
#[allow(dead_code, unused_imports)]
mod support;
#[path = "bench/target.rs"]
mod target;
#[path = "bench/work.rs"]
mod work;
#[path = "bench/yardstick.rs"]
mod yardstick;

use options::{Options, Section};

/// A descriptor a client on either side, and some for the rest.
const DESCRIPTORS: u64 = 20_000;

fn main() {
    let mut options = match options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => return,
        Err(complaint) => {
            eprintln!("{complaint}\n\n{}", options::HELP);
            std::process::exit(2);
        }
    };
    if let Some(work) = options.yardstick {
        return yardstick::serve(work);
    }
    let descriptors =
        rlimit::increase_nofile_limit(DESCRIPTORS).expect("the limit of descriptors can be asked for");
    options.most = options.most.min(descriptors.saturating_sub(100) as usize);
    println!("{}; at most {} clients\n", target::machine(), options.most);
    for section in &options.sections {
        run(*section, &options);
    }
}

fn run(section: Section, options: &Options) {
    match section {
        Section::Flood => compare::flood(options),
        Section::Paced => compare::paced(options),
        Section::Size => size::run(options),
        Section::Growth => growth::run(options),
        Section::Peers => peers::run(options),
    }
}
