//! Looking through the log: everything that matches, once, and nothing that is deleted.

use proptest::prelude::*;

use super::pages::random_log;
use super::*;
use crate::limits;
use crate::protocol::search::Query;
use crate::store::FoundMessages;
use crate::store::Readers;

/// Positions of all that matches, newest first, `limit` at a time.
fn found(readers: &Readers, query: &str, limit: usize) -> Vec<Position> {
    let query = Query::parse(query).expect("a query");
    let (mut before, mut all) = (Position::MAX, Vec::new());
    loop {
        let page = readers.find(HERE, &mut query.matcher(), before, limit).expect("a page");
        assert!(page.positions.len() <= limit && page.rows <= limits::SEARCH_PAGE_ROWS);
        assert!(page.positions.iter().all(|position| (page.down_to..before).contains(position)));
        assert!(page.down_to < before || !page.more, "a page that is not the last one passes something");
        all.extend(page.positions);
        before = page.down_to;
        if !page.more {
            return all;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn pages_of_any_size_are_the_whole_without_what_is_deleted(
        changes in prop::collection::vec(prop::option::weighted(0.45, any::<u16>()), 1..60),
        limit in 1usize..8,
    ) {
        let mut store = Store::open(":memory:".as_ref()).expect("a database in memory");
        let mut shown = random_log(&mut store, &changes).pop().expect("a state");
        shown.reverse();
        prop_assert_eq!(&found(&store.readers(), "TEXT", limit), &shown);
        prop_assert!(found(&store.readers(), "other", limit).is_empty());
        let FoundMessages { messages, answered, .. } = reader(&store).messages_at(&shown, usize::MAX).expect("messages");
        prop_assert_eq!(answered, shown.len());
        prop_assert_eq!(messages.iter().map(|message| message.id).collect::<Vec<_>>(), shown);
    }
}

#[test]
fn a_page_is_short_however_much_there_is_and_jumps_what_was_deleted() {
    const MESSAGES: usize = 3 * limits::SEARCH_PAGE_ROWS;
    let place = Place::new();
    let mut store = place.open();
    let turn: Vec<Change> = (0..MESSAGES).map(|n| message(&format!("number {n}"), 1, None)).collect();
    patiently(|| store.append(&turn));
    let readers = store.readers();
    let query = Query::parse("nothing").expect("a query");
    let page = readers.find(HERE, &mut query.matcher(), Position::MAX, 5).expect("a page");
    let down_to = (MESSAGES - limits::SEARCH_PAGE_ROWS + 1) as Position;
    assert_eq!((page.rows, page.down_to, page.more), (limits::SEARCH_PAGE_ROWS, down_to, true));

    let turn: Vec<Change> = (2..=MESSAGES as Position).map(deletion).collect();
    patiently(|| store.append(&turn));
    let page = readers.find(HERE, &mut query.matcher(), Position::MAX, 5).expect("a page");
    assert!(page.rows < 100 && !page.more, "{page:?}");
    assert_eq!(found(&readers, "number", 5), [1]);
}

#[test]
fn long_messages_make_short_pages() {
    let place = Place::new();
    let mut store = place.open();
    let text = "long ".repeat(3_000);
    let count = 3 * limits::SEARCH_PAGE_BYTES / text.len();
    let turn: Vec<Change> = (0..count).map(|_| message(&text, 1, None)).collect();
    patiently(|| store.append(&turn));
    let query = Query::parse("short").expect("a query");
    let page = store.readers().find(HERE, &mut query.matcher(), Position::MAX, 5).expect("a page");
    assert!(page.more && page.bytes < limits::SEARCH_PAGE_BYTES + text.len(), "{page:?}");
    assert_eq!(found(&store.readers(), "long", 50).len(), count);
}

#[test]
fn messages_at_keep_to_their_bytes_and_say_how_far_they_go() {
    let place = Place::new();
    let mut store = place.open();
    for _ in 0..4 {
        say(&mut store, &"x".repeat(1_000));
    }
    delete(&mut store, 3);
    let read = |max_bytes| {
        let FoundMessages { messages, answered, .. } =
            reader(&store).messages_at(&[4, 3, 2, 1], max_bytes).expect("messages");
        (messages.iter().map(|message| message.id).collect::<Vec<_>>(), answered)
    };
    assert_eq!(read(0), (vec![4], 2), "always one, and what is deleted behind it");
    assert_eq!(read(3_000), (vec![4, 2], 3));
    assert_eq!(read(10_000), (vec![4, 2, 1], 4));
}
