//! What the room takes: memory and threads for people who are only there, and time to come, to come back and to start.

use crate::crowd::Crowd;
use crate::dialect::PLAIN;
use crate::figures::{Rounds, ServedRounds, print_table};
use crate::options::Options;
use crate::support::{Process, free_port};
use crate::target::{self, Log, Running, Server};
use crate::work::{self, AT_ONCE, Paced, Talked};
use chat_app::inside::{Change, NewMessage, Role, Speaker, Store};
use std::fmt::Display;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the operator may let in without asking.
const MANY: usize = 10_000;
/// How long one message a second is said to them.
const TALK: Duration = Duration::from_secs(10);
/// Who comes back after a restart.
const CLASS: usize = 1_000;
/// What they missed.
const MISSED: u64 = 20;
const LONG_HISTORY: u64 = 1_000_000;

/// The section.
pub fn run(options: &Options) {
    println!("size\n");
    let rounds = options.rounds.min(3);
    let mut table = vec![vec![String::new(), "median (least–most)".to_owned()]];
    let mut row = |what: String, figure: &dyn Display| table.push(vec![what, figure.to_string()]);
    let clients = options.clients_or(MANY);
    let [mut connecting, mut memory, mut threads, mut cpu] = [(); 4].map(|()| Rounds::default());
    let mut served = ServedRounds::default();
    for _ in 0..rounds {
        let hall = hall_of(clients, options);
        connecting.push(hall.connecting);
        memory.push(hall.memory);
        threads.push(hall.threads);
        served.push(hall.talked.served);
        cpu.push(hall.talked.cpu);
    }
    row(format!("{clients} clients connected and live, s"), &connecting);
    row("resident memory for each while idle, KB".to_owned(), &memory);
    row("threads beside one for each".to_owned(), &threads);
    row("one message a second to all, until the last has it: median, ms".to_owned(), &served.p50);
    row("the longest, ms".to_owned(), &served.most);
    row("cut off".to_owned(), &served.cut_off);
    row("sent afresh".to_owned(), &served.afresh);
    row("CPU meanwhile, s/s".to_owned(), &cpu);
    let (mut back, mut first) = (Rounds::default(), Rounds::default());
    let (mut long, mut page) = (Rounds::default(), Rounds::default());
    let folder = target::folder();
    let history = folder.path().join("million.db");
    fill(&history, LONG_HISTORY);
    for _ in 0..rounds {
        back.push(come_back(options));
        first.push(start(options, &folder.path().join("new.db")).0);
        let (answer, pages) = start(options, &history);
        long.push(answer);
        page.push(pages);
    }
    row(format!("{CLASS} clients back and caught up, from the start of the process, s"), &back);
    row("start to first answer, ms".to_owned(), &first);
    row(format!("the same with {LONG_HISTORY} messages, ms"), &long);
    row("page load, ms".to_owned(), &page);
    let mut binary = Rounds::default();
    binary.push(
        std::fs::metadata(&options.binaries[0]).expect("it was built").len() as f64 / f64::from(1 << 20),
    );
    row("the binary, MiB".to_owned(), &binary);
    print_table(&table);
}

/// What many came to.
struct Hall {
    /// Seconds until all were live.
    connecting: f64,
    /// KB of memory for each once nothing happened.
    memory: f64,
    /// Threads beside theirs.
    threads: f64,
    talked: Talked,
}

fn hall_of(clients: usize, options: &Options) -> Hall {
    let server = Running::start(&Server::room(options, Log::Disk));
    let before = server.resident();
    let mut crowd = Crowd::new(server.addr, PLAIN, 0);
    let began = Instant::now();
    crowd.connect(clients, AT_ONCE);
    let connecting = began.elapsed().as_secs_f64();
    work::rest(&mut crowd, Duration::from_secs(1));
    let memory = (server.resident() - before) / clients as f64 / 1024.0;
    let threads = server.threads() - clients as f64;
    let talked = work::talk(&server, &mut crowd, Paced { clients, rate: 1 }, TALK);
    Hall { connecting, memory, threads, talked }
}

/// Seconds from starting the process until a class that was there before it was killed has what it missed.
fn come_back(options: &Options) -> f64 {
    let folder = target::folder();
    let (port, database) = (free_port(), folder.path().join("chat.db"));
    let epoch = fill(&database, 100);
    let start = || Process::spawn(&mut target::room(&options.binaries[0], &database, port));
    let mut process = start();
    let mut crowd = Crowd::new(process.addr(), PLAIN, 0);
    crowd.connect(CLASS, AT_ONCE);
    process.kill();
    drop(crowd);
    let began = Instant::now();
    let process = start();
    let mut crowd = Crowd::resuming(process.addr(), PLAIN, 100 - MISSED, &epoch);
    crowd.connect(CLASS, CLASS);
    let seconds = began.elapsed().as_secs_f64();
    assert_eq!(crowd.positions(), (100, 100), "everybody has everything");
    seconds
}

/// Milliseconds from starting the process until it has answered, and for loading the page.
fn start(options: &Options, database: &Path) -> (f64, f64) {
    let began = Instant::now();
    let process = Process::spawn(&mut target::room(&options.binaries[0], database, 0));
    let addr = process.addr();
    get(addr, "/healthz");
    let first = began.elapsed().as_secs_f64() * 1e3;
    let mut loads = Rounds::default();
    for _ in 0..20 {
        let began = Instant::now();
        let page = get(addr, "/");
        assert!(page.ends_with(b"</html>\n") || page.ends_with(b"</html>"), "the page is whole");
        loads.push(began.elapsed().as_secs_f64() * 1e3);
    }
    (first, loads.median())
}

fn get(addr: SocketAddr, path: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(addr).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n")
        .expect("a short request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", answer.escape_ascii());
    answer
}

/// A log of so many messages, written as the room writes it. Returns its epoch.
pub fn fill(database: &Path, messages: u64) -> String {
    let mut store = Store::open(database).expect("a new database");
    let username: Arc<str> = "Client 1".into();
    let message = |number: u64| {
        Change::Message(NewMessage {
            at_ms: 1_700_000_000_000 + number.cast_signed(),
            username: username.clone(),
            role: Role::Guest,
            text: "The quick brown fox jumps over the lazy dog, and so on".to_owned(),
            tab: [7; 32],
            speaker: Speaker::default(),
            client_message_id: Some(format!("{number:016x}.{:08x}", 1)),
            reply_to: None,
        })
    };
    while store.head() < messages {
        let first = store.head() + 1;
        let turn: Vec<Change> = (first..=messages.min(first + 999)).map(message).collect();
        store.append(&turn).expect("the disk takes it");
        store.settle();
    }
    store.epoch().to_owned()
}
