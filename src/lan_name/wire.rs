//! Messages of multicast DNS, read and written; pure. Anybody in the network may send anything.

use crate::limits::{LAN_LABELS, LAN_ONE_TTL};

/// Types of records.
pub(super) const A: u16 = 1;
pub(super) const PTR: u16 = 12;
pub(super) const TXT: u16 = 16;
pub(super) const SRV: u16 = 33;
pub(super) const NSEC: u16 = 47;
/// Asks for records of every type.
pub(super) const ANY: u16 = 255;

/// The one class there is, and a bit beside it: in a record, that no others of its name and type are left from before.
const INTERNET: u16 = 1;
const FLUSH: u16 = 0x8000;
/// Flags of a head: an answer, from whoever has the records.
const ANSWER: u16 = 0x8400;
const IS_ANSWER: u16 = 0x8000;
/// What names are at most, in bytes; longer ones are no names.
const NAME_BYTES: usize = 255;

/// A name as it is on the wire, whole and in lower case: each label after its length, and the empty one.
pub(super) type Name = Vec<u8>;

/// A name that is written with dots.
pub(super) fn name(text: &str) -> Name {
    let labels = text.split('.').flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat());
    labels.chain([0]).collect()
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub name: Name,
    pub kind: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub name: Name,
    pub kind: u16,
    /// Seconds; 0 takes it back.
    pub ttl: u32,
    /// Nobody else has one of this name and type.
    pub is_unique: bool,
    /// Names in it are whole.
    pub data: Vec<u8>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    /// Of a question by unicast, for its answer.
    pub id: u16,
    pub is_answer: bool,
    pub questions: Vec<Question>,
    /// What is answered, or what the asker knows already.
    pub answers: Vec<Record>,
    /// What the asker is about to claim.
    pub claims: Vec<Record>,
    pub more: Vec<Record>,
}

impl Message {
    pub(super) fn answer(answers: Vec<Record>, more: Vec<Record>) -> Message {
        Message { is_answer: true, answers, more, ..Message::default() }
    }

    /// This answer for somebody who asks as usual DNS does, once and alone: Android, for one, skips a record with the bit beside its
    /// class, and whoever does not listen to the group hears of no change (RFC 6762, 6.7).
    pub(super) fn into_one(self, asked: &Message) -> Message {
        let plain = |record: Record| Record { ttl: record.ttl.min(LAN_ONE_TTL), is_unique: false, ..record };
        let [answers, more] =
            [self.answers, self.more].map(|records| records.into_iter().map(plain).collect());
        Message { id: asked.id, questions: asked.questions.clone(), answers, more, ..self }
    }

    /// None where it is no message.
    pub(super) fn read(bytes: &[u8]) -> Option<Message> {
        let mut input = Input { bytes, at: 0, labels: LAN_LABELS };
        let (id, flags) = (input.number()?, input.number()?);
        let counts = [input.number()?, input.number()?, input.number()?, input.number()?];
        let questions = (0..counts[0]).map(|_| input.question()).collect::<Option<_>>()?;
        let mut records = |count| (0..count).map(|_| input.record()).collect::<Option<Vec<_>>>();
        let [answers, claims, more] = [records(counts[1])?, records(counts[2])?, records(counts[3])?];
        Some(Message { id, is_answer: flags & IS_ANSWER != 0, questions, answers, claims, more })
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let Message { id, is_answer, questions, answers, claims, more } = self;
        let flags = if *is_answer { ANSWER } else { 0 };
        let counts = [questions.len(), answers.len(), claims.len(), more.len()].map(|count| count as u16);
        let mut out: Vec<u8> = [*id, flags].into_iter().chain(counts).flat_map(u16::to_be_bytes).collect();
        for Question { name, kind } in questions {
            out.extend(name);
            out.extend([*kind, INTERNET].map(u16::to_be_bytes).concat());
        }
        for Record { name, kind, ttl, is_unique, data } in [answers, claims, more].into_iter().flatten() {
            let class = if *is_unique { INTERNET | FLUSH } else { INTERNET };
            out.extend(name);
            out.extend([*kind, class].map(u16::to_be_bytes).concat());
            out.extend(ttl.to_be_bytes());
            out.extend((data.len() as u16).to_be_bytes());
            out.extend(data);
        }
        out
    }
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Labels and pointers that are still followed, of all names together.
    labels: usize,
}

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..)?.get(..count)?;
        self.at += count;
        Some(taken)
    }

    fn number(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    /// A name may go on where another one is. It has an end because the labels of a message are counted.
    fn name(&mut self) -> Option<Name> {
        let (mut name, mut at, mut after) = (Name::new(), self.at, None);
        loop {
            self.labels = self.labels.checked_sub(1)?;
            match *self.bytes.get(at)? {
                length @ 0..=63 => {
                    let end = at + 1 + usize::from(length);
                    name.extend(self.bytes.get(at..end)?);
                    if name.len() > NAME_BYTES {
                        return None;
                    }
                    at = end;
                    if length == 0 {
                        self.at = after.unwrap_or(at);
                        name.make_ascii_lowercase();
                        return Some(name);
                    }
                }
                high @ 0xc0.. => {
                    after.get_or_insert(at + 2);
                    at = usize::from(high & 0x3f) << 8 | usize::from(*self.bytes.get(at + 1)?);
                }
                _ => return None,
            }
        }
    }

    fn question(&mut self) -> Option<Question> {
        let (name, kind, _class) = (self.name()?, self.number()?, self.number()?);
        Some(Question { name, kind })
    }

    fn record(&mut self) -> Option<Record> {
        let (name, kind, class) = (self.name()?, self.number()?, self.number()?);
        let ttl = u32::from_be_bytes(self.take(4)?.try_into().ok()?);
        let end = usize::from(self.number()?) + self.at;
        let data = match kind {
            PTR => self.name()?,
            SRV => [self.take(6)?.to_vec(), self.name()?].concat(),
            _ => self.take(end.checked_sub(self.at)?)?.to_vec(),
        };
        (self.at == end).then_some(Record { name, kind, ttl, is_unique: class & FLUSH != 0, data })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limits::LAN_BYTES;

    fn message() -> Message {
        let target = [&[0, 0, 0, 0, 19, 136][..], &name("chat.local")].concat();
        let of = |text: &str, kind, data: &[u8]| {
            let is_unique = kind != PTR;
            Record { name: name(text), kind, ttl: 120, is_unique, data: data.to_vec() }
        };
        Message {
            id: 7,
            is_answer: true,
            questions: vec![Question { name: name("chat.local"), kind: ANY }],
            answers: vec![of("_http._tcp.local", PTR, &name("chat._http._tcp.local"))],
            claims: vec![of("chat._http._tcp.local", SRV, &target)],
            more: vec![of("chat.local", A, &[192, 168, 1, 5]), of("chat.local", NSEC, &[0; 9])],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(Message::read(&message().bytes()), Some(message()));
        let bytes = message().bytes();
        for end in 0..bytes.len() {
            assert_eq!(Message::read(&bytes[..end]), None, "cut at {end}");
        }
    }

    #[test]
    fn a_name_may_go_on_where_an_earlier_one_is() {
        let head = [0, 0, 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0];
        let question = [&name("Chat.LOCAL")[..], &[0, 1, 0, 1]].concat();
        // `x` before `local`, which stands after the 12 bytes of the head and the 5 of `chat`.
        let record = [&[1, b'x', 0xc0, 17, 0, 12, 0, 1, 0, 0, 0, 9, 0, 2, 0xc0, 12][..]].concat();
        let read = Message::read(&[&head[..], &question, &record].concat()).expect("a message");
        assert_eq!(read.questions[0].name, name("chat.local"));
        assert_eq!((&read.answers[0].name, &read.answers[0].data), (&name("x.local"), &name("chat.local")));
    }

    #[test]
    fn a_name_without_an_end_is_none() {
        for name in [&[0xc0, 12][..], &[1, b'x', 0xc0, 12], &[0xc0, 14, 0xc0, 12], &[0xff, 0xff], &[64], &[1]]
        {
            let bytes = [&[0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], name, &[0, 1, 0, 1]].concat();
            assert_eq!(Message::read(&bytes), None, "{name:?}");
        }
        let long =
            [&[0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &[1, b'x'].repeat(128), &[0, 0, 1, 0, 1]].concat();
        assert_eq!(Message::read(&long), None);
    }

    /// As many questions as fit: the first has the name, and each other leads to that, or to the one before it.
    fn questions(name: &[u8], is_chain: bool) -> Vec<u8> {
        let second = 12 + name.len() + 4;
        let count = (LAN_BYTES - second) / 6;
        let leads_to = |other: usize| if is_chain && other > 0 { second + 6 * (other - 1) } else { 12 };
        let kind_and_class = [0, 1, 0, 1];
        let mut bytes = [&[0; 4][..], &(1 + count as u16).to_be_bytes(), &[0; 6]].concat();
        bytes.extend([name, &kind_and_class].concat());
        for other in 0..count {
            bytes.extend((0xc000 | leads_to(other) as u16).to_be_bytes());
            bytes.extend(kind_and_class);
        }
        bytes
    }

    #[test]
    fn long_ways_to_many_names_are_not_gone() {
        let usual = name("chat._http._tcp.local");
        let read = Message::read(&questions(&usual, false)).expect("a full message of usual names");
        assert!(read.questions.len() > 200 && read.questions.iter().all(|question| question.name == usual));
        assert_eq!(Message::read(&questions(&usual, true)), None, "pointer to pointer");
        let labels = [&[1, b'x'].repeat(127)[..], &[0]].concat();
        assert_eq!(Message::read(&questions(&labels, false)), None, "label after label");
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_much(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0..80usize) {
            let _ = Message::read(&bytes);
            let mut broken = message().bytes();
            broken.splice(at.min(broken.len()).., bytes);
            let _ = Message::read(&broken);
        }
    }
}
