//! A cleared log is gone at once, and overwritten in pieces.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::{HERE, Place, deletion, message, one, patiently, reader, say};
use crate::protocol::Position;
use crate::protocol::search::Query;
use crate::store::{Change, Outcome, Store};

fn texts(store: &Store) -> Vec<String> {
    let page = reader(store).before(Position::MAX, 100, usize::MAX).expect("reads");
    assert!(!page.more);
    page.messages.into_iter().map(|message| message.message.into_owned()).collect()
}

#[test]
fn what_was_cleared_is_gone_at_once_and_overwritten_piece_by_piece() {
    let place = Place::new();
    let mut store = place.open();
    let old = store.epoch().to_owned();
    for number in 1..=10 {
        one(&mut store, message("old words", 1, Some(&number.to_string())));
    }
    one(&mut store, deletion(3));
    let turn = [message("last of the old", 1, Some("11")), Change::Clear, message("new", 1, Some("12"))];
    let outcomes = patiently(|| store.append(&turn));
    let Outcome::Cleared { through: 12, epoch } = &outcomes[1] else { panic!("{outcomes:?}") };
    assert!(store.epoch() == epoch && *epoch != old && store.cleared() == 12);
    assert_eq!(texts(&store), ["new"]);
    let page = reader(&store).after(0, 100, usize::MAX).expect("reads");
    assert_eq!((page.entries.len(), page.through, page.more), (1, 13, false));
    assert_eq!(reader(&store).start_of_newest(50), Ok(12));
    assert!(!reader(&store).has_older(12).expect("reads"));
    for query in ["words", "old", "last"] {
        let query = Query::parse(query).expect("a query");
        let found = store.readers().find(HERE, &mut query.matcher(), Position::MAX, 10).expect("looks");
        assert_eq!((found.positions.len(), found.more), (0, false));
    }
    let at = reader(&store).messages_at(&[13, 12, 1], usize::MAX).expect("reads");
    assert_eq!((at.messages.len(), at.answered, at.cleared), (1, 3, 12));
    assert_eq!(one(&mut store, deletion(5)), Outcome::Missing);
    let retry = one(&mut store, message("old words", 1, Some("7")));
    assert!(matches!(retry, Outcome::Retry(stored) if stored.deleted && stored.message.is_empty()));
    let mut pieces = 1;
    while !patiently(|| store.overwrite(5)) {
        pieces += 1;
    }
    assert_eq!(pieces, 3);
    assert!(patiently(|| store.overwrite(5)), "nothing is left");
    drop(store);
    let bytes = std::fs::read(place.path()).expect("the file");
    let holds = |text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
    assert!(!holds(b"old words") && !holds(b"last of the old") && holds(b"new"));
    let store = place.open();
    assert_eq!((store.cleared(), texts(&store)), (12, vec!["new".to_owned()]));
}

#[test]
fn an_empty_log_can_be_cleared() {
    let mut store = Store::open(Path::new(":memory:")).expect("opens");
    one(&mut store, Change::Clear);
    assert!(patiently(|| store.overwrite(5)));
    say(&mut store, "first");
    assert_eq!(texts(&store), ["first"]);
}

#[test]
fn overwriting_is_checkpointed_as_it_goes_though_nobody_writes_beside_it() {
    let place = Place::new();
    let mut store = place.open();
    let long = "secret ".repeat(600);
    for piece in 0..4 {
        let turn: Vec<_> = (0..500).map(|number| message(&long, piece, Some(&number.to_string()))).collect();
        patiently(|| store.append(&turn));
    }
    drop(store);
    let mut store = place.open();
    one(&mut store, Change::Clear);
    for _ in 0..3 {
        assert!(!patiently(|| store.overwrite(500)));
    }
    // 6 MB are in the write-ahead log, of which a checkpoint copies what it finds from 4 MB on.
    let left = || {
        let bytes = std::fs::read(place.path()).expect("the file");
        bytes.chunks(4096).filter(|page| page.windows(14).any(|part| part == b"secret secret ")).count()
    };
    let until = Instant::now() + Duration::from_secs(20);
    while left() > 1_500 {
        assert!(Instant::now() < until, "{} pages are as they were", left());
        thread::sleep(Duration::from_millis(20));
    }
}
