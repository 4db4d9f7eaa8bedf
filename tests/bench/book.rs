//! What was said, and when the last of those who are left had it.

use crate::crowd::{Crowd, Delivery};
use crate::dialect::Dialect;
use crate::figures::Served;
use crate::place::Lapse;
use std::ops::Range;
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
    /// Clients that were sent afresh, and have said again what they had no receipt for.
    repeated: usize,
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
            repeated: 0,
        }
    }

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.said.len()
    }

    /// A sender says the next message.
    pub fn say(&mut self, crowd: &mut Crowd, sender: usize, due: Instant) {
        let number = self.said.len() as u32;
        self.said.push(Said { sender: sender as u32, due: self.micros(due), took: 0 });
        self.without_receipt[sender].push(number);
        crowd.say(sender, &self.dialect.say(self.first + u64::from(number), sender as u32));
    }

    /// Who was sent afresh says again what it has no receipt for, as a page does.
    pub fn repeat(&mut self, crowd: &mut Crowd) {
        while let Some(Lapse { client, .. }) = crowd.afresh.get(self.repeated).copied() {
            self.repeated += 1;
            for number in self.without_receipt.get(client).into_iter().flatten() {
                crowd.say(client, &self.dialect.say(self.first + u64::from(*number), client as u32));
            }
        }
    }

    /// Somebody got a message. True if it is a receipt that was missing.
    pub fn hear(&mut self, delivery: &Delivery) -> bool {
        let Some(number) = self.number(delivery) else { return false };
        let Some(said) = self.said.get(number as usize) else {
            panic!("message {number} of {} comes at {}", self.said.len(), delivery.position);
        };
        let (sender, due) = (said.sender as usize, said.due);
        if delivery.is_new {
            let at = self.micros(delivery.at);
            self.said[number as usize].took = at.saturating_sub(due).max(1);
        }
        if sender != delivery.client {
            return false;
        }
        let waiting = &mut self.without_receipt[sender];
        let place = waiting.iter().position(|waiting| *waiting == number);
        assert!(place.is_some() || !delivery.is_new, "message {number} comes twice");
        place.map(|place| waiting.remove(place)).is_some()
    }

    /// Which message it is; none if it is older than all of this book's.
    fn number(&mut self, delivery: &Delivery) -> Option<u32> {
        let first_position = *self.first_position.get_or_insert(delivery.position);
        let index = delivery.position.checked_sub(first_position)? as usize;
        if index >= self.heard.len() {
            self.heard.resize(index + 1, UNKNOWN);
        }
        if self.heard[index] == UNKNOWN {
            self.heard[index] = match self.dialect.target {
                Some(_) => (self.dialect.origin(delivery.payload).0 - self.first) as u32,
                None => index as u32, // bare TCP tells nothing: messages come by turns
            };
        }
        Some(self.heard[index])
    }

    fn micros(&self, at: Instant) -> u32 {
        at.saturating_duration_since(self.began).as_micros() as u32
    }

    /// Whether each sender who is left has its receipts, and everybody who is left everything.
    pub fn is_settled(&self, crowd: &Crowd) -> bool {
        let has_receipts =
            |(sender, waiting): (usize, &Vec<u32>)| waiting.is_empty() || !crowd.is_left(sender);
        let (low, high) = crowd.positions();
        self.without_receipt.iter().enumerate().all(has_receipts) && low >= high
    }

    /// How soon everybody had the messages that the last of them had in this time, and who could not keep up.
    pub fn served(&self, time: Range<Instant>, crowd: &Crowd) -> Served {
        let time = self.micros(time.start)..=self.micros(time.end);
        let is_heard = |said: &&Said| said.took > 0 && time.contains(&(said.due + said.took));
        let heard = self.said.iter().filter(is_heard).map(|said| said.took);
        let behind = |lapse: &Lapse| {
            let next = (lapse.position + 1).checked_sub(self.first_position?)?;
            let said = self.said.get(*self.heard.get(next as usize)? as usize)?;
            Some(self.micros(lapse.at).saturating_sub(said.due))
        };
        let behind = crowd.cut_off.iter().chain(&crowd.afresh).filter_map(behind).max().unwrap_or(0);
        let (cut_off, afresh) = (crowd.cut_off.len(), crowd.afresh.len());
        Served::new(heard, Duration::from_micros(behind.into()), cut_off, afresh)
    }
}
