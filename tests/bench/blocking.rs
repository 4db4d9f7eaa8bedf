//! The same flood by a client that is as different as it can be, so that no figure is the work of one client's habits:
//! tungstenite's own, as its documentation has it, on a blocking socket with a thread of its own.

use crate::crowd::PATIENCE;
use crate::dialect::Dialect;
use crate::figures::Served;
use crate::place::Place;
use crate::target::Running;
use crate::work::{Flood, Flooded, WARM_UP};
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant, SystemTime};
use tungstenite::{Error, Message, WebSocket};

/// One delivery of so many is looked at: asking for the time at each would be a client's habit again.
const LOOKED_AT: u64 = 16;
/// How often a client to which nothing comes looks whether the flood is over.
const LOOK: Duration = Duration::from_millis(100);

/// What all clients of a flood share.
struct Shared {
    dialect: Dialect,
    addr: SocketAddr,
    flood: Flood,
    /// Held until everybody is there.
    gate: RwLock<()>,
    /// The first number that counts.
    counts_from: AtomicU64,
    /// Deliveries of each client, up to the last that was looked at.
    deliveries: Vec<AtomicU64>,
    over: AtomicBool,
    /// Senders that may still say something or wait for a receipt.
    senders: AtomicUsize,
    /// The last position that one of those who are ready has got.
    end: AtomicU64,
}

struct Client<'a> {
    shared: &'a Shared,
    index: usize,
    socket: WebSocket<TcpStream>,
    place: Place,
    deliveries: u64,
    /// The numbers of its messages that have no receipt. A number is the time at which it was said.
    without_receipt: Vec<u64>,
    last_number: u64,
    tally: Tally,
}

/// What became of a client.
#[derive(Default)]
struct Tally {
    /// Microseconds from when a message was said until this client had it.
    took: Vec<u32>,
    cut_off: bool,
    afresh: usize,
}

/// Floods a server for `time`. A `served` is not until the last has a message, but until each has.
pub fn flood(server: &Running, flood: Flood, time: Duration) -> Flooded {
    let shared = Shared {
        dialect: server.dialect,
        addr: server.addr,
        flood,
        gate: RwLock::new(()),
        counts_from: AtomicU64::new(u64::MAX),
        deliveries: (0..flood.clients).map(|_| AtomicU64::new(0)).collect(),
        over: AtomicBool::new(false),
        senders: AtomicUsize::new(flood.senders),
        end: AtomicU64::new(0),
    };
    let deliveries = || shared.deliveries.iter().map(|each| each.load(Ordering::Relaxed)).sum::<u64>() as f64;
    std::thread::scope(|scope| {
        let closed = shared.gate.write().expect("nobody has failed");
        let (there, came) = channel();
        let mut threads = Vec::new();
        for index in 0..flood.clients {
            let (shared, there) = (&shared, there.clone());
            threads.push(scope.spawn(move || {
                let client = Client::connect(shared, index);
                there.send(()).expect("the flood waits for everybody");
                client.run()
            }));
        }
        for _ in 0..flood.clients {
            came.recv_timeout(PATIENCE).expect("everybody comes in");
        }
        drop(closed);
        std::thread::sleep(WARM_UP);
        shared.counts_from.store(micros(), Ordering::Relaxed);
        let (used, before, began) = (server.usage(), deliveries(), Instant::now());
        std::thread::sleep(time);
        let (seconds, (cpu, _)) = (began.elapsed().as_secs_f64(), server.usage().since(&used));
        let counted = deliveries() - before;
        shared.over.store(true, Ordering::Relaxed);
        let tallies = threads.into_iter().map(|thread| thread.join().expect("a client's thread ends"));
        Flooded {
            rate: counted / seconds,
            per_cpu: counted / cpu.as_secs_f64(),
            served: served(&tallies.collect::<Vec<_>>()),
            chunk: f64::NAN,
            bytes: f64::NAN,
            client_was_limit: false,
        }
    })
}

fn served(tallies: &[Tally]) -> Served {
    let cut_off = tallies.iter().filter(|tally| tally.cut_off).count();
    let afresh = tallies.iter().map(|tally| tally.afresh).sum();
    let took = tallies.iter().flat_map(|tally| tally.took.iter().copied());
    Served::new(took, Duration::ZERO, cut_off, afresh)
}

impl Client<'_> {
    /// A client that is live and has its name.
    fn connect(shared: &Shared, index: usize) -> Client<'_> {
        let stream = TcpStream::connect(shared.addr).expect("the server takes connections");
        stream.set_nodelay(true).expect("an option");
        let url = format!("ws://{}{}", shared.addr, shared.dialect.target.expect("a WebSocket"));
        let (socket, _) = tungstenite::client(url, stream).expect("a handshake");
        socket.get_ref().set_read_timeout(Some(LOOK)).expect("an option");
        let mut client = Client {
            shared,
            index,
            socket,
            place: Place::default(),
            deliveries: 0,
            without_receipt: Vec::new(),
            last_number: 0,
            tally: Tally::default(),
        };
        let until = Instant::now() + PATIENCE;
        while !client.read().is_some_and(|text| text.starts_with(shared.dialect.live)) {
            assert!(Instant::now() < until && !client.tally.cut_off, "a client does not come in");
        }
        shared.dialect.join(index as u32).into_iter().for_each(|join| client.send(join));
        client
    }

    fn run(mut self) -> Tally {
        let shared = self.shared;
        drop(shared.gate.read().expect("nobody has failed"));
        let is_sender = self.index < shared.flood.senders;
        if is_sender {
            (0..shared.flood.window).for_each(|_| self.say());
        }
        while !shared.over.load(Ordering::Relaxed) && !self.tally.cut_off {
            self.turn(true);
        }
        // What is under way comes, whole and once, to everybody who is left.
        self.finish(|client| client.without_receipt.is_empty());
        if is_sender {
            shared.end.fetch_max(self.place.position, Ordering::SeqCst);
            shared.senders.fetch_sub(1, Ordering::SeqCst);
        }
        self.finish(|client| {
            shared.senders.load(Ordering::SeqCst) == 0
                && client.place.position >= shared.end.load(Ordering::SeqCst)
        });
        self.tally
    }

    fn finish(&mut self, has_all: impl Fn(&Self) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !self.tally.cut_off && !has_all(self) {
            self.turn(false);
            assert!(
                Instant::now() < until,
                "{} receipts are missing, or a message",
                self.without_receipt.len()
            );
        }
    }

    fn turn(&mut self, goes_on: bool) {
        if let Some(text) = self.read() {
            self.take(text.as_bytes(), goes_on);
        }
    }

    /// The next text; none if nothing comes, or never will.
    fn read(&mut self) -> Option<tungstenite::Utf8Bytes> {
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => return Some(text),
                Ok(Message::Ping(_)) => continue,
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {}
                Ok(_) | Err(_) => self.tally.cut_off = true,
            }
            return None;
        }
    }

    fn take(&mut self, payload: &[u8], goes_on: bool) {
        let dialect = &self.shared.dialect;
        if let Some(position) = dialect.position(payload) {
            let is_new = self.place.take(position);
            self.deliveries += u64::from(is_new);
            let (number, sender) = dialect.origin(payload);
            if is_new && self.deliveries.is_multiple_of(LOOKED_AT) {
                self.shared.deliveries[self.index].store(self.deliveries, Ordering::Relaxed);
                if number >= self.shared.counts_from.load(Ordering::Relaxed) {
                    self.tally.took.push(micros().saturating_sub(number) as u32);
                }
            }
            if sender as usize != self.index {
                return;
            }
            let place = self.without_receipt.iter().position(|waiting| *waiting == number);
            assert!(place.is_some() || !is_new, "message {number} comes twice");
            if let Some(place) = place {
                self.without_receipt.remove(place);
                if goes_on {
                    self.say();
                }
            }
        } else if self.place.is_sent_afresh(payload) {
            self.tally.afresh += 1;
            for number in self.without_receipt.clone() {
                self.send(dialect.say(number, self.index as u32));
            }
        } else {
            assert!(!payload.starts_with(br#"{"event":"error""#), "refused: {}", payload.escape_ascii());
        }
    }

    fn say(&mut self) {
        self.last_number = micros().max(self.last_number + 1);
        self.without_receipt.push(self.last_number);
        self.send(self.shared.dialect.say(self.last_number, self.index as u32));
    }

    fn send(&mut self, text: String) {
        // Whether it went out, reading will tell.
        let _ = self.socket.send(Message::text(text));
    }
}

/// Microseconds since 1970.
fn micros() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.expect("the clock is past 1970").as_micros() as u64
}
