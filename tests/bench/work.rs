//! What the clients do: the flood, where everybody who may speak does so as fast as receipts come back, and the paced
//! talk, where so many messages are said a second, whatever becomes of them.

use crate::crowd::{Crowd, PATIENCE, own_cpu};
use crate::figures::Latencies;
use crate::target::Running;
use std::time::{Duration, Instant, SystemTime};

/// Before anything counts.
const WARM_UP: Duration = Duration::from_millis(500);
/// Connections on their way at a time.
pub const AT_ONCE: usize = 256;
/// Above this part of a core a thread is taken for the limit.
const BUSY: f64 = 0.9;

/// A flood's shape.
#[derive(Debug, Clone, Copy)]
pub struct Flood {
    pub clients: usize,
    /// The first so many of them speak.
    pub senders: usize,
    /// Messages that each of these has on their way.
    pub window: usize,
}

/// What a flood came to.
#[derive(Debug, Clone, Copy)]
pub struct Flooded {
    /// Deliveries a second.
    pub rate: f64,
    /// Deliveries for each second of the server's CPU.
    pub per_cpu: f64,
    /// Messages that came with one read.
    pub chunk: f64,
    /// Bytes of a delivery.
    pub bytes: f64,
    /// The client's own thread was busy all the time, and no thread of the server's.
    pub client_was_limit: bool,
}

/// A talk's shape.
#[derive(Debug, Clone, Copy)]
pub struct Paced {
    pub clients: usize,
    /// Messages a second, in all.
    pub rate: u32,
}

/// What a paced talk came to.
#[derive(Debug, Clone)]
pub struct Talked {
    /// From when a message was due until its last receiver had it.
    pub latencies: Latencies,
    /// Seconds of the server's CPU for each second.
    pub cpu: f64,
    /// Bytes of a delivery.
    pub bytes: f64,
}

/// Clients that have been let in, those who will speak with a name.
fn gather(server: &Running, clients: usize, senders: usize) -> Crowd {
    let mut crowd = Crowd::new(server.addr, server.dialect, server.message_bytes);
    crowd.connect(clients, AT_ONCE);
    if server.dialect.target.is_some() {
        (0..senders).for_each(|client| crowd.say(client, &server.dialect.join(client as u32)));
    }
    let settled = Instant::now() + Duration::from_millis(200);
    while Instant::now() < settled {
        crowd.poll(Duration::from_millis(20), &mut |_, _| {});
    }
    crowd
}

/// Whose message this is, and its number. Over bare TCP, which tells nothing, messages come by turns.
struct Origins {
    /// The first message's number in its id: the time, as pages begin theirs, so that ids grow from run to run.
    first: u64,
    seen: Vec<u64>,
    senders: u64,
}

impl Origins {
    fn new(clients: usize, senders: usize) -> Origins {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("the clock is past 1970");
        Origins { first: now.as_micros() as u64, seen: vec![0; clients], senders: senders as u64 }
    }

    /// Counted from 0 on, and the sender.
    fn of(&mut self, server: &Running, client: usize, payload: &[u8]) -> (u64, u32) {
        if server.dialect.target.is_some() {
            let (number, sender) = server.dialect.origin(payload);
            return (number - self.first, sender);
        }
        let number = self.seen[client];
        self.seen[client] += 1;
        (number, (number % self.senders) as u32)
    }
}

/// Floods a server for `time`. None if a client was cut off meanwhile: where something else takes the machine for long
/// enough, its thread cannot read in time.
pub fn flood(server: &Running, flood: Flood, time: Duration) -> Option<Flooded> {
    let mut crowd = gather(server, flood.clients, flood.senders);
    let mut origins = Origins::new(flood.clients, flood.senders);
    let first = origins.first;
    let mut freed: Vec<u32> =
        (0..flood.senders as u32).flat_map(|sender| vec![sender; flood.window]).collect();
    let (mut number, mut deliveries) = (0_u64, 0_u64);
    let mut turn = |crowd: &mut Crowd, freed: &mut Vec<u32>, deliveries: &mut u64| {
        for sender in freed.drain(..) {
            crowd.say(sender as usize, &server.dialect.say(first + number, sender));
            number += 1;
        }
        crowd.poll(Duration::from_millis(100), &mut |client, payload| {
            *deliveries += 1;
            if client < flood.senders {
                let (_, sender) = origins.of(server, client, payload);
                if sender as usize == client {
                    freed.push(sender);
                }
            }
        });
        number
    };
    let warm = Instant::now() + WARM_UP;
    while Instant::now() < warm {
        turn(&mut crowd, &mut freed, &mut deliveries);
    }
    let (began, own, used) = (Instant::now(), own_cpu(), server.usage());
    let (before, reads, bytes) = (deliveries, crowd.reads, crowd.read_bytes);
    while began.elapsed() < time && !crowd.cut_off {
        turn(&mut crowd, &mut freed, &mut deliveries);
    }
    let (seconds, own) = (began.elapsed().as_secs_f64(), own_cpu() - own);
    let (cpu, busiest) = server.usage().since(&used);
    let counted = (deliveries - before) as f64;
    let flooded = Flooded {
        rate: counted / seconds,
        per_cpu: counted / cpu.as_secs_f64(),
        chunk: counted / (crowd.reads - reads) as f64,
        bytes: (crowd.read_bytes - bytes) as f64 / counted,
        client_was_limit: own.as_secs_f64() > BUSY * seconds && busiest.as_secs_f64() < BUSY * seconds,
    };
    // What is under way comes, whole and once, to everybody.
    if server.dialect.target.is_some() {
        freed.clear();
        let until = Instant::now() + PATIENCE;
        while !crowd.cut_off
            && turn(&mut crowd, &mut Vec::new(), &mut deliveries) * flood.clients as u64 > deliveries
        {
            assert!(Instant::now() < until, "{deliveries} deliveries came and no more");
        }
    }
    (!crowd.cut_off).then_some(flooded)
}

/// Talks at a pace for `time`.
pub fn paced(server: &Running, paced: Paced, time: Duration) -> Talked {
    let senders = paced.clients.min(30);
    let mut crowd = gather(server, paced.clients, senders);
    let mut origins = Origins::new(paced.clients, senders);
    let first = origins.first;
    // For each message: when it was due, and how many are still without it.
    let mut messages: Vec<(Instant, usize)> = Vec::new();
    let (mut latencies, mut whole) = (Latencies::default(), 0);
    let count = (f64::from(paced.rate) * time.as_secs_f64()) as u32;
    let (began, used, bytes) = (Instant::now(), server.usage(), crowd.read_bytes);
    let until = began + time + PATIENCE;
    while whole < count {
        let now = Instant::now();
        assert!(now < until, "{whole} of {count} messages came to everybody");
        let mut due = began + Duration::from_secs(messages.len() as u64) / paced.rate;
        while due <= now && messages.len() < count as usize {
            let (number, sender) = (messages.len() as u64, messages.len() % senders);
            crowd.say(sender, &server.dialect.say(first + number, sender as u32));
            messages.push((due, paced.clients));
            due = began + Duration::from_secs(messages.len() as u64) / paced.rate;
        }
        let patience = due.saturating_duration_since(now).min(Duration::from_millis(100));
        crowd.poll(patience, &mut |client, payload| {
            let (number, _) = origins.of(server, client, payload);
            let (due, without) = &mut messages[number as usize];
            *without -= 1;
            if *without == 0 {
                latencies.push(due.elapsed());
                whole += 1;
            }
        });
    }
    let seconds = began.elapsed().as_secs_f64();
    let (cpu, _) = server.usage().since(&used);
    let deliveries = f64::from(count) * paced.clients as f64;
    Talked {
        latencies,
        cpu: cpu.as_secs_f64() / seconds,
        bytes: (crowd.read_bytes - bytes) as f64 / deliveries,
    }
}

/// Bytes of a message of this server's on its way in.
pub fn in_bytes(server: &Running) -> usize {
    Crowd::frame_bytes(&server.dialect.say(0, 0))
}
