//! Turns: order, exactly once, deletions, reservations.

use super::*;
use crate::limits;
use crate::protocol::names::Name;
use crate::room::kept::{Reservation, RoomChange};
use crate::store::LogEntry;

fn positions(outcomes: &[Outcome]) -> Vec<Option<Position>> {
    let position = |outcome: &Outcome| match outcome {
        Outcome::Stored { position } | Outcome::Deleted { position, .. } => Some(*position),
        _ => None,
    };
    outcomes.iter().map(position).collect()
}

#[test]
fn positions_are_gapless_in_order_and_go_on_after_a_restart() {
    let place = Place::new();
    let mut store = place.open();
    assert_eq!(store.head(), 0);
    let turn =
        [message("one", 1, None), message("two", 2, Some("a")), deletion(1), message("three", 1, None)];
    let outcomes = store.append(&turn).expect("a turn");
    assert_eq!(positions(&outcomes), [Some(1), Some(2), Some(3), Some(4)]);
    assert_eq!(store.head(), 4);
    let epoch = store.epoch().to_owned();
    drop(store);
    let mut store = place.open();
    assert_eq!((store.epoch(), store.head()), (epoch.as_str(), 4));
    assert_eq!(say(&mut store, "four"), 5);
}

#[test]
fn what_was_said_comes_back_exactly() {
    let place = Place::new();
    let text = "two\nlines, \"quotes\", \0 and \u{1f600}";
    place.open().append(&[message(text, 7, Some("id-1"))]).expect("a turn");
    let page = reader(&place.open()).after(0, 10, 1 << 20).expect("a page");
    let [LogEntry::Message(stored)] = &page.entries[..] else { panic!("{page:?}") };
    assert_eq!((stored.id, stored.at, stored.role), (1, 1_763_900_000_000, Role::Member));
    assert_eq!((&*stored.username, &*stored.message), ("Ana", text));
    assert_eq!((stored.client_message_id.as_deref(), stored.deleted), (Some("id-1"), false));
    assert_eq!((page.through, page.more), (1, false));
}

#[test]
fn an_empty_turn_changes_nothing() {
    let place = Place::new();
    let mut store = place.open();
    assert_eq!(store.append(&[]), Ok(vec![]));
    assert_eq!(store.head(), 0);
}

#[test]
fn a_retry_is_answered_with_the_stored_message_over_restarts_too() {
    let place = Place::new();
    let mut store = place.open();
    assert_eq!(stored(&mut store, message("hi", 1, Some("a"))), 1);
    for _ in 0..2 {
        let Outcome::Retry(found) = one(&mut store, message("hi", 1, Some("a"))) else { panic!("no retry") };
        assert_eq!((found.id, &*found.message, found.deleted), (1, "hi", false));
        assert_eq!(store.head(), 1);
        drop(store);
        store = place.open();
    }
    assert_eq!(one(&mut store, message("another text", 1, Some("a"))), Outcome::Conflict);
    assert_eq!(stored(&mut store, message("hi", 2, Some("a"))), 2, "another tab's id is another id");
    assert_eq!(stored(&mut store, message("hi", 1, None)), 3, "without an id every message is new");
    assert_eq!(stored(&mut store, message("hi", 1, None)), 4);
}

#[test]
fn two_copies_in_one_turn_are_one_message() {
    let place = Place::new();
    let mut store = place.open();
    let turn = [
        message("hi", 1, Some("a")),
        message("hi", 1, Some("a")),
        message("other", 1, Some("a")),
        message("next", 1, Some("b")),
    ];
    let outcomes = store.append(&turn).expect("a turn");
    assert_eq!(positions(&outcomes), [Some(1), None, None, Some(2)]);
    assert!(matches!(&outcomes[1], Outcome::Retry(found) if found.id == 1));
    assert_eq!(outcomes[2], Outcome::Conflict);
}

#[test]
fn a_retry_of_a_deleted_message_is_recognised_and_says_so() {
    let place = Place::new();
    let mut store = place.open();
    stored(&mut store, message("secret", 1, Some("a")));
    assert_eq!(delete(&mut store, 1), 2);
    for text in ["secret", "another text: the first is gone, nobody can compare"] {
        let Outcome::Retry(found) = one(&mut store, message(text, 1, Some("a"))) else { panic!("no retry") };
        assert_eq!((found.id, &*found.message, found.deleted), (1, "", true));
    }
    assert_eq!(store.head(), 2);
}

#[test]
fn only_what_is_there_can_be_deleted_and_only_once() {
    let place = Place::new();
    let mut store = place.open();
    say(&mut store, "one");
    for nothing in [0, 2, 99, Position::MAX] {
        assert_eq!(one(&mut store, deletion(nothing)), Outcome::Missing);
    }
    assert_eq!(delete(&mut store, 1), 2);
    assert_eq!(one(&mut store, deletion(1)), Outcome::Missing);
    assert_eq!(one(&mut store, deletion(2)), Outcome::Missing, "a deletion is no message");
    assert_eq!(store.head(), 2);
}

#[test]
fn a_tab_deletes_what_it_has_sent_with_an_id_or_without_and_nothing_else() {
    let place = Place::new();
    let mut store = place.open();
    let turn = [message("one", 1, Some("a")), message("two", 1, None), message("three", 2, None)];
    store.append(&turn).expect("a turn");
    let of_first_tab = |message_id| Change::Deletion { message_id, at_ms: 0, tab: [1; 32], any: false };
    assert_eq!(stored(&mut store, of_first_tab(1)), 4);
    assert_eq!(stored(&mut store, of_first_tab(2)), 5);
    assert_eq!(one(&mut store, of_first_tab(3)), Outcome::Foreign);
    assert_eq!(one(&mut store, of_first_tab(2)), Outcome::Missing);
    assert_eq!(store.head(), 5);
}

/// The same message, as an answer to another.
fn reply(text: &str, id: Option<&str>, reply_to: Position) -> Change {
    let Change::Message(message) = message(text, 1, id) else { panic!("a message") };
    Change::Message(NewMessage { reply_to: Some(reply_to), ..message })
}

#[test]
fn what_is_answered_is_looked_for_in_its_place_in_the_turn() {
    let place = Place::new();
    let mut store = place.open();
    let turn = [
        message("one", 1, Some("a")),
        reply("to one", Some("b"), 1),
        reply("to what comes later", Some("c"), 3),
        deletion(1),
        reply("to what is gone", Some("d"), 1),
        reply("to one", Some("b"), 1),
        reply("to a reply", None, 2),
    ];
    let outcomes = store.append(&turn).expect("a turn");
    assert_eq!(positions(&outcomes), [Some(1), Some(2), None, Some(3), None, None, Some(4)]);
    assert_eq!((&outcomes[2], &outcomes[4]), (&Outcome::Missing, &Outcome::Missing));
    assert!(matches!(&outcomes[5], Outcome::Retry(found) if found.reply_to == Some(1)));
    let page = reader(&store).before(9, 9, usize::MAX).expect("a page");
    assert_eq!(page.messages.iter().map(|it| it.reply_to).collect::<Vec<_>>(), [Some(1), Some(2)]);
}

fn reservation(name: &str, key: u8, left_at_ms: Option<i64>) -> Reservation {
    let name = Name::stored(name.into(), name.to_lowercase().into());
    Reservation { name, key: [key; 32], address: None, browser: None, has_spoken: true, left_at_ms }
}

#[test]
fn names_are_kept_over_a_restart_until_they_expire() {
    let kept_ms = i64::try_from(limits::RESERVED.as_millis()).expect("hours");
    let now_ms = 1_763_900_000_000;
    let place = Place::new();
    let reserve = |name, key, left_at_ms| RoomChange::Reserve(reservation(name, key, left_at_ms));
    let turn = [
        reserve("Ana", 1, None),
        reserve("Bea", 2, None),
        reserve("Bea", 2, Some(now_ms - kept_ms)),
        reserve("Cem", 3, Some(now_ms - kept_ms - 1)),
        reserve("Dan", 4, None),
        RoomChange::Forget("dan".into()),
        reserve("Eva", 5, None),
        reserve("Eva", 5, Some(now_ms - 5)),
        reserve("EVA", 6, None),
    ];
    let turn = turn.map(Change::Room);
    let outcomes = place.open().append(&turn).expect("a turn");
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Done));
    let store = place.open();
    assert_eq!(store.head(), 0, "names are no part of the log");
    let reservations = |now_ms| store.kept_room(None, now_ms).expect("reads").reservations;
    // Ana and Eva were here when the server ended: they left now. Cem has expired.
    let expected = [
        reservation("Bea", 2, Some(now_ms - kept_ms)),
        reservation("Ana", 1, Some(now_ms)),
        reservation("EVA", 6, Some(now_ms)),
    ];
    assert_eq!(reservations(now_ms), expected);
    assert_eq!(reservations(now_ms + kept_ms).len(), 2);
    assert_eq!(reservations(now_ms + kept_ms + 1), []);
}
