//! What the clients do: the flood, where everybody who may speak does so as fast as receipts come back, and the paced
//! talk, where so many messages are said a second, whatever becomes of them.

use crate::book::Book;
use crate::crowd::{Crowd, PATIENCE, own_cpu};
use crate::figures::Served;
use crate::target::Running;
use std::time::{Duration, Instant};

/// Before anything counts.
pub const WARM_UP: Duration = Duration::from_millis(500);
/// Connections on their way at a time.
pub const AT_ONCE: usize = 256;
/// Who speaks in a paced talk, by turns.
const SPEAKERS: usize = 30;
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
#[derive(Debug, Clone)]
pub struct Flooded {
    /// Deliveries a second.
    pub rate: f64,
    /// Deliveries for each second of the server's CPU.
    pub per_cpu: f64,
    /// From when a message was said until its last receiver had it.
    pub served: Served,
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
    pub served: Served,
    /// Seconds of the server's CPU for each second.
    pub cpu: f64,
    /// Bytes of a delivery.
    pub bytes: f64,
}

/// Clients that have been let in, those who will speak with a name.
fn gather(server: &Running, clients: usize, senders: usize) -> Crowd {
    let mut crowd = Crowd::new(server.addr, server.dialect, server.message_bytes);
    crowd.connect(clients, AT_ONCE);
    for sender in 0..senders {
        server.dialect.join(sender as u32).into_iter().for_each(|join| crowd.say(sender, &join));
    }
    rest(&mut crowd, Duration::from_millis(200));
    crowd
}

/// Lets the clients be there and say nothing.
pub fn rest(crowd: &mut Crowd, time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        crowd.poll(Duration::from_millis(20), &mut |_| {});
    }
}

/// Floods a server for `time`. Who is cut off is out, and the others go on.
pub fn flood(server: &Running, flood: Flood, time: Duration) -> Flooded {
    let mut crowd = gather(server, flood.clients, flood.senders);
    let mut book = Book::new(server.dialect, flood.senders);
    let mut freed: Vec<usize> = (0..flood.senders).flat_map(|sender| vec![sender; flood.window]).collect();
    let (mut deliveries, mut receipts, mut newest) = (0_u64, 0_u64, 0);
    let mut turn = |crowd: &mut Crowd, book: &mut Book, deliveries: &mut u64, goes_on: bool| {
        for sender in freed.drain(..) {
            if goes_on && crowd.is_left(sender) {
                book.say(crowd, sender, Instant::now());
                receipts += 1;
                if server.dialect.reacts && receipts.is_multiple_of(4) && newest > 0 {
                    crowd.say(sender, &server.dialect.react(newest, receipts.is_multiple_of(8)));
                }
            }
        }
        book.repeat(crowd);
        crowd.poll(Duration::from_millis(100), &mut |delivery| {
            newest = delivery.position;
            *deliveries += u64::from(delivery.is_new);
            if book.hear(&delivery) {
                freed.push(delivery.client);
            }
        });
    };
    let warm = Instant::now() + WARM_UP;
    while Instant::now() < warm {
        turn(&mut crowd, &mut book, &mut deliveries, true);
    }
    let used = server.usage_while(|| turn(&mut crowd, &mut book, &mut deliveries, true));
    let (own, began) = (own_cpu(), Instant::now());
    let (before, reads, bytes) = (deliveries, crowd.reads, crowd.read_bytes);
    while began.elapsed() < time && crowd.is_anybody_left() {
        turn(&mut crowd, &mut book, &mut deliveries, true);
    }
    let (ended, own) = (Instant::now(), own_cpu() - own);
    let seconds = (ended - began).as_secs_f64();
    let (counted, read) = ((deliveries - before) as f64, (crowd.read_bytes - bytes) as f64);
    let chunk = counted / (crowd.reads - reads) as f64;
    let usage = server.usage_while(|| turn(&mut crowd, &mut book, &mut deliveries, true));
    let (cpu, busiest) = usage.since(&used);
    // What is under way comes, whole and once, to everybody who is left. Bare TCP waits for a chunk to be full.
    let until = Instant::now() + PATIENCE;
    while server.dialect.target.is_some() && !book.is_settled(&crowd) {
        turn(&mut crowd, &mut book, &mut deliveries, false);
        assert!(Instant::now() < until, "{deliveries} deliveries came and no more");
    }
    Flooded {
        rate: counted / seconds,
        per_cpu: counted / cpu.as_secs_f64(),
        served: book.served(began..ended, &crowd),
        chunk,
        bytes: read / counted,
        client_was_limit: own.as_secs_f64() > BUSY * seconds && busiest.as_secs_f64() < BUSY * seconds,
    }
}

/// Talks at a pace for `time`.
pub fn paced(server: &Running, paced: Paced, time: Duration) -> Talked {
    talk(server, &mut gather(server, paced.clients, SPEAKERS.min(paced.clients)), paced, time)
}

/// The same among clients who are there.
pub fn talk(server: &Running, crowd: &mut Crowd, paced: Paced, time: Duration) -> Talked {
    let senders = SPEAKERS.min(paced.clients);
    let mut book = Book::new(server.dialect, senders);
    let count = (f64::from(paced.rate) * time.as_secs_f64()) as usize;
    let (used, bytes, began) = (server.usage(), crowd.read_bytes, Instant::now());
    let (until, mut deliveries) = (began + time + PATIENCE, 0_u64);
    while book.len() < count || !book.is_settled(crowd) {
        let now = Instant::now();
        assert!(now < until, "{deliveries} deliveries of {count} messages came and no more");
        let due = |number: usize| began + Duration::from_secs(number as u64) / paced.rate;
        while due(book.len()) <= now && book.len() < count {
            let number = book.len();
            book.say(crowd, number % senders, due(number));
        }
        book.repeat(crowd);
        let patience = due(book.len()).saturating_duration_since(now).min(Duration::from_millis(100));
        crowd.poll(patience, &mut |delivery| {
            deliveries += u64::from(delivery.is_new);
            book.hear(&delivery);
        });
    }
    let seconds = began.elapsed().as_secs_f64();
    let (cpu, _) = server.usage().since(&used);
    Talked {
        served: book.served(began..Instant::now(), crowd),
        cpu: cpu.as_secs_f64() / seconds,
        bytes: (crowd.read_bytes - bytes) as f64 / deliveries as f64,
    }
}
