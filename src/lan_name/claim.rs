//! Who has the room's name: asked for before it is used, kept against whoever asks for it later, and given up for the next one where
//! somebody else has it; pure.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::wire::{A, ANY, Message, NSEC, Name, PTR, Question, Record, SRV, TXT, name};
use crate::limits::{
    LAN_AGAIN, LAN_ASK_PAUSE, LAN_ASKED, LAN_LOST_PAUSE, LAN_NAMES, LAN_TELL_PAUSE, LAN_TOLD, LAN_TTL,
    LAN_TYPE_TTL,
};

/// What services on the web are listed under, and what lists all kinds of services.
const WEB: &str = "_http._tcp.local";
const KINDS: &str = "_services._dns-sd._udp.local";
/// Of the types up to 7, an address is the one that there is.
const ONLY_AN_ADDRESS: [u8; 3] = [0, 1, 0x40];
/// Where a browser begins.
const PATH: &[u8] = b"\x06path=/";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Somebody may have it: asked so often.
    Asking(u32),
    /// It is this room's: said so often, unasked.
    Telling(u32),
    Kept,
    /// Every name that was tried is somebody else's; tried again later, as anybody can say that of a name.
    Without,
}

/// What is to be sent, in every network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Ask,
    Tell,
}

pub(super) struct Claim {
    label: String,
    port: u16,
    /// How long after others this room asks, who begin at the same moment.
    lag: Duration,
    /// `chat`, `chat-2`, `chat-3` …
    number: u32,
    step: Step,
    due: Option<Instant>,
}

impl Claim {
    pub(super) fn new(label: &str, port: u16, lag: Duration, now: Instant) -> Claim {
        Claim { label: label.to_owned(), port, lag, number: 1, step: Step::Asking(0), due: Some(now + lag) }
    }

    /// In another network the name is asked for as at the start.
    pub(super) fn begin_again(&mut self, now: Instant) {
        (self.number, self.step, self.due) = (1, Step::Asking(0), Some(now + self.lag));
    }

    fn label(&self) -> String {
        if self.number == 1 { self.label.clone() } else { format!("{}-{}", self.label, self.number) }
    }

    fn host(&self) -> Name {
        name(&format!("{}.local", self.label()))
    }

    fn service(&self) -> Name {
        name(&format!("{}.{WEB}", self.label()))
    }

    /// The name, once it is this room's; `None` in it where there is none to be had.
    pub(super) fn outcome(&self) -> Option<Option<String>> {
        match self.step {
            Step::Asking(_) => None,
            Step::Telling(_) | Step::Kept => Some(Some(format!("{}.local", self.label()))),
            Step::Without => Some(None),
        }
    }

    pub(super) fn is_kept(&self) -> bool {
        matches!(self.step, Step::Telling(_) | Step::Kept)
    }

    /// When there is something to do, unless something is heard before.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What is due now.
    pub(super) fn act(&mut self, now: Instant) -> Option<Act> {
        self.due = self.due.filter(|due| now < *due);
        if (self.step, self.due) == (Step::Without, None) {
            self.begin_again(now);
        }
        match (self.step, self.due) {
            (_, Some(_)) | (Step::Kept | Step::Without, _) => None,
            (Step::Asking(asked), _) if asked < LAN_ASKED => {
                (self.step, self.due) = (Step::Asking(asked + 1), Some(now + LAN_ASK_PAUSE));
                Some(Act::Ask)
            }
            (Step::Asking(_), _) => {
                (self.step, self.due) = (Step::Telling(1), Some(now + LAN_TELL_PAUSE));
                Some(Act::Tell)
            }
            (Step::Telling(told), _) => {
                let next = told + 1;
                self.step = if next < LAN_TOLD { Step::Telling(next) } else { Step::Kept };
                self.due = (next < LAN_TOLD).then(|| now + LAN_TELL_PAUSE);
                Some(Act::Tell)
            }
        }
    }

    /// Somebody has said something, which came to `here`. The machine's `own` addresses are no stranger's, whichever of them it was.
    pub(super) fn hear(&mut self, message: &Message, here: Ipv4Addr, own: &[Ipv4Addr], now: Instant) {
        let strange = |record: &&Record| record.ttl > 0 && self.is_strangers(record, own);
        if message.is_answer {
            if message.answers.iter().chain(&message.more).any(|record| strange(&record)) {
                self.lose(now);
            }
        } else if matches!(self.step, Step::Asking(_)) && self.yields_to(&message.claims, here, own) {
            (self.step, self.due) = (Step::Asking(0), Some(now + LAN_LOST_PAUSE + self.lag));
        }
    }

    /// Whether of two who ask at once the other has it, and this one asks again when that one can answer: the greater address has
    /// it, and of one address the greater port. A rule for each of the two could give each of them one, again and again.
    fn yields_to(&self, claims: &[Record], here: Ipv4Addr, own: &[Ipv4Addr]) -> bool {
        let claimed =
            |kind| claims.iter().find(|record| record.kind == kind && self.is_strangers(record, own));
        match claimed(A) {
            Some(address) => address.data[..] > here.octets()[..],
            None => claimed(SRV).is_some_and(|place| place.data > self.place()),
        }
    }

    /// Whether a record says that the name is another machine's, or another room's on this one.
    fn is_strangers(&self, record: &Record, own: &[Ipv4Addr]) -> bool {
        match record.kind {
            A if record.name == self.host() => {
                let address = <[u8; 4]>::try_from(&*record.data).map(Ipv4Addr::from);
                address.is_ok_and(|address| !own.contains(&address))
            }
            SRV if record.name == self.service() => record.data != self.place(),
            _ => false,
        }
    }

    /// Somebody else has the name. What was kept already is asked for once more: they may be gone in a moment.
    fn lose(&mut self, now: Instant) {
        match self.step {
            Step::Without => {}
            Step::Telling(_) | Step::Kept => (self.step, self.due) = (Step::Asking(0), Some(now)),
            Step::Asking(_) if self.number < LAN_NAMES => {
                self.number += 1;
                (self.step, self.due) = (Step::Asking(0), Some(now));
            }
            Step::Asking(_) => (self.step, self.due) = (Step::Without, Some(now + LAN_AGAIN)),
        }
    }

    /// Where the service is: port and host.
    fn place(&self) -> Vec<u8> {
        [&[0; 4][..], &self.port.to_be_bytes(), &self.host()].concat()
    }

    /// All that is said of the room, where it has this address.
    fn records(&self, address: Ipv4Addr) -> Vec<Record> {
        let unique = |name: Name, kind, ttl, data| Record { name, kind, ttl, is_unique: true, data };
        let none_but_address = [&self.host()[..], &ONLY_AN_ADDRESS].concat();
        vec![
            unique(self.host(), A, LAN_TTL, address.octets().to_vec()),
            unique(self.host(), NSEC, LAN_TTL, none_but_address),
            unique(self.service(), SRV, LAN_TTL, self.place()),
            unique(self.service(), TXT, LAN_TYPE_TTL, PATH.to_vec()),
            shared(WEB, self.service()),
        ]
    }

    pub(super) fn ask(&self, address: Ipv4Addr) -> Message {
        let claims =
            self.records(address).into_iter().filter(|record| [A, SRV].contains(&record.kind)).collect();
        let questions = [self.host(), self.service()].map(|name| Question { name, kind: ANY }).to_vec();
        Message { questions, claims, ..Message::default() }
    }

    /// What is said unasked.
    pub(super) fn tell(&self, address: Ipv4Addr) -> Message {
        Message::answer(self.records(address), Vec::new())
    }

    /// That none of it holds any more.
    pub(super) fn take_back(&self, address: Ipv4Addr) -> Message {
        let records = self.records(address).into_iter().map(|record| Record { ttl: 0, ..record });
        Message::answer(records.collect(), Vec::new())
    }

    /// What there is to say to somebody's questions, if anything.
    pub(super) fn answer(&self, message: &Message, address: Ipv4Addr) -> Option<Message> {
        if message.is_answer || !self.is_kept() {
            return None;
        }
        let is_asked = |record: &Record| {
            message.questions.iter().any(|Question { name, kind }| {
                let same_kind = [record.kind, ANY].contains(kind) || (record.kind == NSEC && *kind != A);
                *name == record.name && same_kind
            })
        };
        let is_known = |record: &Record| {
            let same = |known: &&Record| {
                (&known.name, known.kind, &known.data) == (&record.name, record.kind, &record.data)
            };
            message.answers.iter().find(same).is_some_and(|known| known.ttl >= record.ttl / 2)
        };
        let kinds = shared(KINDS, name(WEB));
        let kinds = is_asked(&kinds).then_some(kinds);
        let (asked, more): (Vec<_>, Vec<_>) =
            self.records(address).into_iter().chain(kinds).partition(is_asked);
        let asked: Vec<_> = asked.into_iter().filter(|record| !is_known(record)).collect();
        (!asked.is_empty()).then(|| Message::answer(asked, more))
    }

    /// Whether somebody is about to take the name.
    pub(super) fn is_claimed_by(&self, message: &Message) -> bool {
        message.claims.iter().any(|record| [self.host(), self.service()].contains(&record.name))
    }
}

/// One of many of its name.
fn shared(list: &str, entry: Name) -> Record {
    Record { name: name(list), kind: PTR, ttl: LAN_TYPE_TTL, is_unique: false, data: entry }
}

#[cfg(test)]
mod tests;
