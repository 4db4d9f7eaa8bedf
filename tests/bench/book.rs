//! What was said, and when the last of those who are left had it.

use crate::crowd::{Crowd, Delivery};
use crate::dialect::Dialect;
use crate::figures::Latencies;
use std::time::{Duration, Instant, SystemTime};

/// A message.
struct Said {
    sender: u32,
    /// Microseconds from the book's begin until it was due.
    due: u32,
    /// From then until the last who has it had it; 0 if nobody has.
    took: u32,
}

/// A position whose message nobody has told yet.
const UNKNOWN: u32 = u32::MAX;

/// All messages of one measurement.
pub struct Book {
    dialect: Dialect,
    began: Instant,
    /// The first message's number in its id: the time, as pages begin theirs, so that ids grow from run to run.
    first: u64,
    /// By number, counted from the first.
    said: Vec<Said>,
    /// Numbers by position, from the first position on.
    heard: Vec<u32>,
    first_position: Option<u64>,
    /// What each sender has no receipt for.
    without_receipt: Vec<Vec<u32>>,
}

impl Book {
    pub fn new(dialect: Dialect, senders: usize) -> Book {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("the clock is past 1970");
        Book {
            dialect,
            began: Instant::now(),
            first: now.as_micros() as u64,
            said: Vec::new(),
            heard: Vec::new(),
            first_position: None,
            without_receipt: vec![Vec::new(); senders],
        }
    }

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.said.len()
    }

    /// A sender says the next message.
    pub fn say(&mut self, crowd: &mut Crowd, sender: usize, due: Instant) {
        let number = self.said.len() as u32;
        let due = due.saturating_duration_since(self.began).as_micros() as u32;
        self.said.push(Said { sender: sender as u32, due, took: 0 });
        self.without_receipt[sender].push(number);
        crowd.say(sender, &self.dialect.say(self.first + u64::from(number), sender as u32));
    }

    /// Somebody got a message. True if it is the sender's own: the receipt.
    pub fn hear(&mut self, delivery: &Delivery) -> bool {
        let first_position = *self.first_position.get_or_insert(delivery.position);
        let index = (delivery.position - first_position) as usize;
        if index >= self.heard.len() {
            self.heard.resize(index + 1, UNKNOWN);
        }
        if self.heard[index] == UNKNOWN {
            self.heard[index] = match self.dialect.target {
                Some(_) => (self.dialect.number(delivery.payload) - self.first) as u32,
                None => index as u32, // bare TCP tells nothing: messages come by turns
            };
        }
        let number = self.heard[index];
        let Some(said) = self.said.get_mut(number as usize) else {
            panic!("message {number} of {} comes at {}", self.said.len(), delivery.position);
        };
        let at = delivery.at.saturating_duration_since(self.began).as_micros() as u32;
        said.took = at.saturating_sub(said.due).max(1);
        if said.sender as usize != delivery.client {
            return false;
        }
        let waiting = &mut self.without_receipt[delivery.client];
        let place = waiting.iter().position(|waiting| *waiting == number);
        waiting.remove(place.expect("a message comes once"));
        true
    }

    /// Whether each sender who is left has its receipts, and everybody who is left everything.
    pub fn is_settled(&self, crowd: &Crowd) -> bool {
        let has_receipts =
            |(sender, waiting): (usize, &Vec<u32>)| waiting.is_empty() || !crowd.is_left(sender);
        let (low, high) = crowd.positions();
        self.without_receipt.iter().enumerate().all(has_receipts) && low >= high
    }

    /// From when each message was due until its last receiver had it, from the one numbered `from` on.
    pub fn latencies(&self, from: usize) -> Latencies {
        let heard = self.said[from..].iter().filter(|said| said.took > 0);
        Latencies::new(heard.map(|said| Duration::from_micros(said.took.into())))
    }
}
