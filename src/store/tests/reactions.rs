//! Reactions: once each, one entry a message and turn, the newest of them in the log, and nothing of whoever made them left.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use proptest::prelude::*;

use super::*;
use crate::limits;
use crate::protocol::signs::Counts;
use crate::room::kept::Identifier;
use crate::store::{LogEntry, Reaction, schema};

const ALL: usize = usize::MAX >> 1;

fn react(message_id: Position, sign: &str, person: i64, on: bool) -> Change {
    let username = format!("Somebody {person:03}").into();
    Change::Reaction(Reaction {
        message_id,
        sign: sign.into(),
        on,
        person: Identifier::Account(person),
        username,
    })
}

fn told(position: Position, counts: &str) -> Outcome {
    Outcome::Reacted(Some((position, Counts::read(counts))))
}

const UNTOLD: Outcome = Outcome::Reacted(None);

fn names(store: &Store, message_id: Position) -> Option<Vec<(String, Vec<String>)>> {
    let reacted = store.reacted(message_id).expect("reads")?;
    let name = |(_, name): (i64, std::sync::Arc<str>)| name.to_string();
    Some(reacted.into_iter().map(|(sign, who)| (sign, who.into_iter().map(name).collect())).collect())
}

#[test]
fn a_turn_is_one_entry_a_message_in_the_place_of_the_last() {
    let place = Place::new();
    let mut store = place.open();
    say(&mut store, "one");
    let turn = [
        react(1, "A", 1, true),
        message("two", 1, None),
        react(2, "B", 1, true),
        react(1, "A", 2, true),
        react(1, "A", 2, true),
        react(2, "B", 1, false),
        message("three", 1, None),
        react(5, "A", 1, false),
        react(9, "A", 1, true),
    ];
    let outcomes = store.append(&turn).expect("a turn");
    let expected = [
        UNTOLD,
        Outcome::Stored { position: 2 },
        UNTOLD,
        UNTOLD,
        told(3, "A 2"),
        told(4, ""),
        Outcome::Stored { position: 5 },
        UNTOLD,
        Outcome::Missing,
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(one(&mut store, react(1, "A", 1, true)), UNTOLD, "a person counts once");
    assert_eq!(one(&mut store, react(1, "B", 1, true)), told(6, "A 2 B 1"), "for each sign");
    assert_eq!(store.head(), 6);
    let page = reader(&store).after(0, 10, ALL).expect("a page");
    let positions: Vec<_> = page.entries.iter().map(LogEntry::position).collect();
    assert_eq!((positions, page.through), (vec![1, 2, 4, 5, 6], 6), "3 was replaced");
    drop(store);
    let store = place.open();
    assert_eq!(store.head(), 6, "though no message is there");
    let expected = [("A", vec!["Somebody 001", "Somebody 002"]), ("B", vec!["Somebody 001"])];
    let expected =
        expected.map(|(sign, who)| (sign.to_owned(), who.into_iter().map(str::to_owned).collect()));
    assert_eq!(names(&store, 1), Some(expected.to_vec()));
    assert_eq!((names(&store, 5), names(&store, 4)), (Some(vec![]), None));
}

#[test]
fn what_the_turn_deletes_or_clears_has_no_reactions() {
    let place = Place::new();
    let mut store = place.open();
    say(&mut store, "one");
    say(&mut store, "two");
    let turn = [
        react(1, "A", 1, true),
        react(2, "A", 1, true),
        deletion(1),
        react(1, "A", 2, true),
        Change::Clear,
        react(2, "A", 2, true),
    ];
    let outcomes = store.append(&turn).expect("a turn");
    assert_eq!((&outcomes[0], &outcomes[3], &outcomes[5]), (&UNTOLD, &Outcome::Missing, &Outcome::Missing));
    assert_eq!(store.head(), 3);
    assert_eq!(reader(&store).after(0, 9, ALL).expect("a page").entries, []);
}

#[test]
fn a_list_of_names_has_an_end() {
    let mut store = Store::open(":memory:".as_ref()).expect("opens");
    say(&mut store, "one");
    let turn: Vec<_> =
        (0..limits::REACTORS as i64 + 100).map(|person| react(1, "A", 999 - person, true)).collect();
    let outcomes = store.append(&turn).expect("a turn");
    assert_eq!(outcomes.last(), Some(&told(2, "A 300")), "one entry for 300 people");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome != UNTOLD).count(), 1);
    let names = names(&store, 1).expect("it is there");
    assert_eq!((names[0].1.len(), &*names[0].1[0]), (limits::REACTORS, "Somebody 999"), "who came first");
}

fn bytes_of(place: &Place) -> Vec<u8> {
    place.files().iter().flat_map(|name| fs::read(part(place, name)).expect("a file")).collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    memchr::memmem::find(bytes, text.as_bytes()).is_some()
}

#[test]
fn whoever_took_it_back_or_reacted_to_what_is_deleted_is_not_on_the_disk() {
    let place = Place::new();
    let mut store = place.open();
    let mut messages = Vec::new();
    for first in (100..500).step_by(100) {
        let message_id = say(&mut store, "text");
        messages.push(message_id);
        // Mixed, so that whatever lies in order would be put in order.
        let turn: Vec<_> = (0..100).map(|n| react(message_id, "A", first + n * 37 % 100, true)).collect();
        patiently(|| store.append(&turn));
    }
    for n in 0..50 {
        one(&mut store, react(messages[0], "A", 100 + n, false));
    }
    delete(&mut store, messages[1]);
    drop(store);
    let bytes = bytes_of(&place);
    let found: Vec<i64> = (100..500).filter(|n| holds(&bytes, &format!("Somebody {n}"))).collect();
    let expected: Vec<i64> = (150..200).chain(300..500).collect();
    assert_eq!(found, expected);
    let store = place.open();
    assert_eq!(store.counts_of(1).map(|counts| counts.to_string()), Ok("A 50".to_owned()));
    assert_eq!(store.counts_of(messages[1]), Ok(Counts::default()));
}

#[test]
fn reactions_go_piece_by_piece_with_a_cleared_log() {
    let place = Place::new();
    let mut store = place.open();
    say(&mut store, "old");
    for first in (0..3_000).step_by(500) {
        let turn: Vec<_> = (0..500).map(|n| react(1, "A", first + n, true)).collect();
        patiently(|| store.append(&turn));
    }
    one(&mut store, Change::Clear);
    say(&mut store, "new");
    let new = store.head();
    assert_eq!(one(&mut store, react(1, "A", 7, false)), Outcome::Missing);
    one(&mut store, react(new, "A", 9_999, true));
    let mut pieces = 1;
    while !patiently(|| store.overwrite(500)) {
        pieces += 1;
    }
    assert!(pieces > 6, "{pieces}");
    let rows = |store: &Store, condition: &str| -> i64 {
        let count = format!("SELECT count(*) FROM reactions WHERE {condition}");
        store.db.query_row(&count, [], |row| row.get(0)).expect("counts")
    };
    let kept = rows(&store, "who IS NULL");
    let most = (limits::CLEARED_REACTIONS_KEPT + 500) as i64;
    assert!((limits::CLEARED_REACTIONS_KEPT as i64..=most).contains(&kept), "{kept}");
    assert_eq!(rows(&store, "who IS NOT NULL"), 1);
    drop(store);
    let bytes = bytes_of(&place);
    assert!(
        (0..3_000).all(|n| !holds(&bytes, &format!("Somebody {n:03}\0")) && !holds(&bytes, "Somebody 0"))
    );
    assert!(holds(&bytes, "Somebody 9999"));
    let store = place.open();
    assert_eq!(store.counts_of(new).map(|counts| counts.to_string()), Ok("A 1".to_owned()));
}

#[test]
fn a_database_of_the_version_before_gets_the_tables() {
    let place = Place::new();
    let db = Connection::open(place.path()).expect("a database");
    for step in [
        include_str!("../schema_1.sql"),
        include_str!("../schema_2.sql"),
        include_str!("../schema_3.sql"),
        include_str!("../schema_4.sql"),
        include_str!("../schema_5.sql"),
        include_str!("../schema_6.sql"),
        include_str!("../schema_7.sql"),
        include_str!("../schema_8.sql"),
        include_str!("../schema_9.sql"),
    ] {
        db.execute_batch(step).expect("a step");
    }
    db.pragma_update(None, "application_id", schema::APPLICATION_ID).expect("a mark");
    db.pragma_update(None, "user_version", 9).expect("a mark");
    db.execute_batch(
        "INSERT INTO room (id, epoch) VALUES (1, 'then'); INSERT INTO tabs VALUES (1, x'00');
         INSERT INTO messages VALUES (1, 5, 0, 0, 1, 'Ana', NULL, 'one'), (2, 5, 0, 0, 1, 'Ana', NULL, 'two');
         INSERT INTO deletions VALUES (3, 2, 6); INSERT INTO gaps VALUES (2, 3);
         UPDATE messages SET deleted = 1, text = '   ' WHERE position = 2",
    )
    .expect("a log");
    drop(db);
    let mut store = place.open();
    assert_eq!(store.head(), 3);
    assert_eq!(one(&mut store, react(1, "A", 1, true)), told(4, "A 1"));
    assert_eq!(one(&mut store, react(2, "A", 1, true)), Outcome::Missing);
    let page = reader(&store).before(Position::MAX, 9, ALL).expect("a page");
    assert_eq!((page.messages.len(), page.messages[0].reply_to, page.head), (1, None, 4));
}

/// What somebody shows: messages, and what they know of reactions, to what they show or not.
#[derive(Debug, Clone, Default, PartialEq)]
struct Shown {
    messages: BTreeSet<Position>,
    reactions: BTreeMap<Position, (Position, String)>,
}

impl Shown {
    fn apply(&mut self, entry: &LogEntry) {
        match entry {
            LogEntry::Message(message) => drop(self.messages.insert(message.id)),
            LogEntry::Reactions { position, message_id, counts } => {
                self.reactions.insert(*message_id, (*position, counts.to_string()));
            }
            LogEntry::Deletion { message_id, .. } => {
                self.messages.remove(message_id);
                self.reactions.remove(message_id);
            }
        }
    }

    /// Those that are shown, each with its counts.
    fn counted(&self) -> Vec<(Position, String)> {
        let counts = |id| self.reactions.get(id).map(|(_, counts)| counts.clone()).unwrap_or_default();
        self.messages.iter().map(|id| (*id, counts(id))).collect()
    }

    fn catch_up(&mut self, reader: &Reader, mut position: Position, most: usize) {
        loop {
            let page = reader.after(position, most, ALL).expect("a page");
            assert!(page.entries.is_sorted_by_key(LogEntry::position));
            page.entries.iter().for_each(|entry| self.apply(entry));
            position = page.through;
            if !page.more {
                return;
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Say,
    Delete(prop::sample::Index),
    React(prop::sample::Index, &'static str, i64, bool),
}

fn steps() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let react = (
        any::<prop::sample::Index>(),
        prop::sample::select(vec!["A", "B"]),
        0..3_i64,
        prop::bool::weighted(0.7),
    );
    let step = prop_oneof![
        3 => Just(Step::Say),
        1 => any::<prop::sample::Index>().prop_map(Step::Delete),
        6 => react.prop_map(|(message, sign, person, on)| Step::React(message, sign, person, on)),
    ];
    prop::collection::vec(prop::collection::vec(step, 1..6), 1..25)
}

/// What was told of a turn, as everybody who was there saw it.
fn entries(turn: &[Change], outcomes: &[Outcome]) -> Vec<LogEntry> {
    let entry = |(change, outcome): (&Change, &Outcome)| match (change, outcome) {
        (Change::Reaction(Reaction { message_id, .. }), Outcome::Reacted(Some((position, counts)))) => {
            Some(LogEntry::Reactions { position: *position, message_id: *message_id, counts: counts.clone() })
        }
        (Change::Deletion { message_id, .. }, Outcome::Deleted { position, .. }) => {
            Some(LogEntry::Deletion { position: *position, message_id: *message_id })
        }
        _ => None,
    };
    turn.iter().zip(outcomes).filter_map(entry).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn resuming_anywhere_shows_the_same_reactions_as_a_fresh_load(turns in steps(), page in 1usize..8) {
        let mut store = Store::open(":memory:".as_ref()).expect("a database in memory");
        let (mut live, mut model) = (Shown::default(), BTreeSet::new());
        let (mut states, mut said) = (vec![(0, live.clone())], 0_u64);
        for turn in turns {
            let changes: Vec<Change> = turn.iter().map(|step| match step {
                Step::Say => message("text", 1, None),
                Step::Delete(at) => deletion(at.index(store.head() as usize + 2) as Position),
                Step::React(at, sign, person, on) => {
                    react(at.index(store.head() as usize + 2) as Position, sign, *person, *on)
                }
            }).collect();
            let outcomes = store.append(&changes).expect("a turn");
            let mut next = said;
            for (change, outcome) in changes.iter().zip(&outcomes) {
                let position = match outcome {
                    Outcome::Stored { position } => { live.messages.insert(*position); Some(*position) }
                    Outcome::Deleted { position, .. } => Some(*position),
                    Outcome::Reacted(entry) => entry.as_ref().map(|(position, _)| *position),
                    _ => None,
                };
                if let Some(position) = position {
                    next += 1;
                    prop_assert_eq!(position, next, "no position is left out, and none is there twice");
                }
                match (change, outcome) {
                    (Change::Reaction(Reaction { message_id, sign, on, person, .. }), Outcome::Reacted(_)) => {
                        let made = (*message_id, sign.to_string(), person.clone());
                        if *on { model.insert(made); } else { model.remove(&made); }
                    }
                    (Change::Deletion { message_id, .. }, Outcome::Deleted { .. }) => {
                        model.retain(|(of, ..)| of != message_id);
                    }
                    _ => {}
                }
            }
            said = next;
            prop_assert_eq!(store.head(), said);
            entries(&changes, &outcomes).iter().for_each(|entry| live.apply(entry));
            states.push((said, live.clone()));
        }
        let reader = reader(&store);
        let whole = live.counted();
        for (id, counts) in &whole {
            let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
            for (_, sign, _) in model.iter().filter(|(of, ..)| of == id) {
                *expected.entry(sign).or_default() += 1;
            }
            let counts: serde_json::Value = serde_json::to_value(Counts::read(counts)).expect("JSON");
            prop_assert_eq!(counts, serde_json::json!(expected), "message {}", id);
        }
        let history = reader.before(Position::MAX, ALL, ALL).expect("a page");
        let history: Vec<_> = history.messages.iter().map(|it| (it.id, it.reactions.to_string())).collect();
        prop_assert_eq!(&history, &whole);
        for (position, mut shown) in states {
            shown.catch_up(&reader, position, page);
            prop_assert_eq!(shown.counted(), whole.clone(), "resumed after {}", position);
        }
        for count in 1..=whole.len() {
            let start = reader.start_of_newest(count).expect("a start");
            let mut fresh = Shown::default();
            fresh.catch_up(&reader, start, page);
            prop_assert_eq!(fresh.counted(), whole[whole.len() - count..].to_vec(), "the newest {}", count);
        }
        prop_assert!(!crate::store::positions::has_hole(&store.db, 10_000).expect("an answer"));
    }
}
