//! Reading: catching up, paging back, and that both show the same.

use proptest::prelude::*;

use super::*;
use crate::limits;
use crate::protocol::encoded_bytes;
use crate::store::{LogEntry, Reader};

const ALL: usize = usize::MAX >> 1;

/// Positions of the messages that someone shows who had `shown` and catches up after `position`, in pages of
/// `max_entries`.
fn caught_up(
    reader: &Reader,
    mut position: Position,
    mut shown: Vec<Position>,
    max_entries: usize,
) -> Vec<Position> {
    loop {
        let page = reader.after(position, max_entries, ALL).expect("a page");
        assert!(
            page.entries.iter().all(|entry| entry.position() > position && entry.position() <= page.through)
        );
        assert!(page.entries.is_sorted_by_key(LogEntry::position));
        for entry in page.entries {
            match entry {
                LogEntry::Message(message) => shown.push(message.id),
                LogEntry::Reactions { .. } => {}
                LogEntry::Deletion { message_id, .. } => shown.retain(|id| *id != message_id),
            }
        }
        assert!(page.through > position || !page.more, "a page that is not the last one passes something");
        position = page.through;
        if !page.more {
            return shown;
        }
    }
}

/// Positions of all messages, read backwards in pages of `limit`.
fn paged_back(reader: &Reader, limit: usize) -> Vec<Position> {
    let (mut before, mut all) = (Position::MAX, Vec::new());
    loop {
        let page = reader.before(before, limit, ALL).expect("a page");
        assert!(page.messages.is_sorted_by_key(|message| message.id));
        assert!(page.messages.iter().all(|message| message.id < before && !message.deleted));
        assert!(page.messages.len() == limit || !page.more, "a page that is not the last one is full");
        all.splice(0..0, page.messages.iter().map(|message| message.id));
        match page.messages.first() {
            Some(oldest) if page.more => before = oldest.id,
            _ => return all,
        }
    }
}

/// A log of `changes`: a message, or (Some) the deletion of the message at that share of the log so far. Returns the
/// state after each position: what is shown.
pub(super) fn random_log(store: &mut Store, changes: &[Option<u16>]) -> Vec<Vec<Position>> {
    let mut states = vec![Vec::new()];
    for change in changes {
        let mut shown = states.last().expect("the empty log").clone();
        let head = states.len() as Position;
        match change {
            Some(share) if !shown.is_empty() => {
                let index = usize::from(*share) * shown.len() / (usize::from(u16::MAX) + 1);
                let message_id = shown.remove(index);
                assert_eq!(delete(store, message_id), head);
            }
            _ => {
                assert_eq!(say(store, "text"), head);
                shown.push(head);
            }
        }
        states.push(shown);
    }
    states
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn resuming_anywhere_shows_the_same_as_a_fresh_load(
        changes in prop::collection::vec(prop::option::weighted(0.45, any::<u16>()), 1..60),
        page in 1usize..8,
    ) {
        let mut store = Store::open(":memory:".as_ref()).expect("a database in memory");
        let states = random_log(&mut store, &changes);
        let reader = reader(&store);
        let whole = states.last().expect("a state");
        prop_assert_eq!(&paged_back(&reader, page), whole);
        for (position, shown) in states.iter().enumerate() {
            let resumed = caught_up(&reader, position as Position, shown.clone(), page);
            prop_assert_eq!(&resumed, whole, "resumed after {}", position);
        }
        for count in 0..=whole.len() + 1 {
            let start = reader.start_of_newest(count).expect("a start");
            let newest = &whole[whole.len().saturating_sub(count)..];
            prop_assert_eq!(&caught_up(&reader, start, vec![], page), newest, "the newest {}", count);
            // What lies before the start is what is not loaded, and nothing more.
            let older = reader.has_older(start).expect("an answer");
            prop_assert_eq!(older, whole.len() > count, "older than the newest {}", count);
        }
    }

    #[test]
    fn gaps_are_exactly_the_positions_without_a_message(
        changes in prop::collection::vec(prop::option::weighted(0.45, any::<u16>()), 1..80),
    ) {
        let mut store = Store::open(":memory:".as_ref()).expect("a database in memory");
        let states = random_log(&mut store, &changes);
        let shown = states.last().expect("a state");
        let mut expected: Vec<(i64, i64)> = Vec::new();
        for position in (1..=store.head()).filter(|position| !shown.contains(position)) {
            let position = position as i64;
            match expected.last_mut() {
                Some((_, last)) if *last + 1 == position => *last = position,
                _ => expected.push((position, position)),
            }
        }
        let mut select = store.db.prepare("SELECT first, last FROM gaps ORDER BY first").expect("gaps");
        let gaps = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("gaps");
        prop_assert_eq!(gaps.collect::<Result<Vec<_>, _>>().expect("gaps"), expected);
    }
}

/// Frames that the hub keeps are read once and serve all who come back, whatever they have seen.
#[test]
fn a_page_reports_deletions_of_messages_that_it_would_have_had() {
    let place = Place::new();
    let mut store = place.open();
    say(&mut store, "one");
    delete(&mut store, 1);
    let page = reader(&store).after(0, 10, ALL).expect("a page");
    assert_eq!(page.entries, [LogEntry::Deletion { position: 2, message_id: 1 }]);
}

#[test]
fn a_page_merges_three_walks_and_sorts_nothing() {
    let store = Store::open(":memory:".as_ref()).expect("a database in memory");
    let plan = format!("EXPLAIN QUERY PLAN {}", crate::store::read::select_after());
    let mut plan = store.db.prepare(&plan).expect("a plan");
    let steps = plan.query_map([1, 2], |row| row.get::<_, String>(3)).expect("a plan");
    let steps: Vec<String> = steps.map(|step| step.expect("a step")).collect();
    assert!(steps.contains(&"MERGE (UNION ALL)".to_owned()), "{steps:?}");
    for table in ["messages", "deletions", "reaction_counts"] {
        let walk = format!("SEARCH {table} USING INTEGER PRIMARY KEY (rowid>?)");
        assert!(steps.contains(&walk), "{steps:?}");
    }
    assert!(!steps.iter().any(|step| step.contains("B-TREE")), "{steps:?}");
}

#[test]
fn an_empty_log_has_empty_pages() {
    let place = Place::new();
    let reader = reader(&place.open());
    let page = reader.after(0, 10, ALL).expect("a page");
    assert_eq!((page.entries.len(), page.through, page.more), (0, 0, false));
    let page = reader.before(Position::MAX, 10, ALL).expect("a page");
    assert_eq!((page.messages.len(), page.more), (0, false));
    assert_eq!(reader.start_of_newest(50), Ok(0));
    assert_eq!(reader.has_older(Position::MAX), Ok(false));
}

#[test]
fn a_position_beyond_the_log_has_nothing_after_it() {
    let place = Place::new();
    let mut store = place.open();
    say(&mut store, "one");
    for position in [1, 2, Position::MAX] {
        let page = reader(&store).after(position, 10, ALL).expect("a page");
        assert_eq!((page.entries.len(), page.through, page.more), (0, position, false));
    }
}

#[test]
fn pages_keep_to_their_bytes_but_always_hold_a_message() {
    let place = Place::new();
    let mut store = place.open();
    let text = "\u{1}\"x".repeat(100);
    for _ in 0..5 {
        say(&mut store, &text);
    }
    let (reader, size) = (reader(&store), encoded_bytes(&text, "Ana", None, false));
    for (max_bytes, expected) in
        [(0, 1), (size, 1), (2 * size - 1, 1), (2 * size, 2), (4 * size, 4), (5 * size, 5)]
    {
        let page = reader.after(0, 10, max_bytes).expect("a page");
        assert_eq!((page.entries.len(), page.more), (expected, expected < 5), "forwards, {max_bytes} bytes");
        assert_eq!(page.through, expected as Position);
        let page = reader.before(6, 10, max_bytes).expect("a page");
        assert_eq!(
            (page.messages.len(), page.more),
            (expected, expected < 5),
            "backwards, {max_bytes} bytes"
        );
        assert_eq!(page.messages.last().map(|message| message.id), Some(5), "the newest come first");
    }
}

#[test]
fn readers_outlive_the_store_and_leave_one_file() {
    let place = Place::new();
    let mut store = place.open();
    say(&mut store, "one");
    let readers = store.readers();
    drop(store);
    assert_eq!(readers.lend().expect("a reader").before(9, 9, ALL).expect("a page").messages.len(), 1);
    drop(readers);
    assert_eq!(place.files(), ["chat.db", "chat.db.lock"]);
}

#[test]
fn whoever_has_patience_gets_a_reader_when_one_comes_back() {
    let place = Place::new();
    let readers = place.open().readers();
    let lent: Vec<Lent> = std::iter::from_fn(|| readers.lend_within(Duration::ZERO).ok()).collect();
    assert!(limits::READERS.contains(&lent.len()) && readers.lend_within(Duration::ZERO).is_err());
    thread::scope(|scope| {
        let waiting = scope.spawn(|| readers.lend_within(limits::CATCH_UP_DEADLINE).is_ok());
        drop(lent);
        assert!(waiting.join().expect("no panic"));
    });
}
