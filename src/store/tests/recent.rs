//! What somebody has said lately.

use super::*;
use crate::limits;
use crate::protocol::names::Name;

/// A message of this name, tab and time.
fn said(store: &mut Store, username: &str, tab: u8, at_ms: i64) -> Position {
    let Change::Message(message) = message("hi", tab, None) else { unreachable!("it is one") };
    stored(store, Change::Message(NewMessage { at_ms, username: username.into(), ..message }))
}

fn recent(store: &Store, text: &str, since_ms: i64) -> Vec<Position> {
    let name = Name::parse(text).expect("a name");
    reader(store).recent_of(&name, since_ms).expect("it is read")
}

#[test]
fn who_spoke_under_a_name_is_found_by_the_tab_in_every_name_and_no_further_back() {
    let place = Place::new();
    let mut store = place.open();
    said(&mut store, "Ana", 1, 10);
    said(&mut store, "Zoe", 3, 10);
    let as_ana = said(&mut store, "ANA", 1, 20);
    let of_another_tab = said(&mut store, "Ana", 2, 21);
    let taken_back = said(&mut store, "Ana", 1, 22);
    let of_ben = said(&mut store, "Ben", 3, 23);
    let renamed = said(&mut store, "Mia", 1, 24);
    delete(&mut store, taken_back);
    assert_eq!(recent(&store, "ana", 20), [renamed, of_another_tab, as_ana]);
    assert!(recent(&store, "Zoe", 20).is_empty(), "that was before");
    assert_eq!(recent(&store, "Zoe", 5).first(), Some(&of_ben), "her tab, whoever sits there now");
    one(&mut store, Change::Clear);
    assert!(recent(&store, "Ana", 0).is_empty());
}

#[test]
fn of_too_many_the_newest_are_found() {
    let place = Place::new();
    let mut store = place.open();
    let many: Vec<Change> = (0..=limits::DELETE_RECENT).map(|_| message("hi", 1, None)).collect();
    patiently(|| store.append(&many));
    let found = recent(&store, "Ana", 0);
    let newest = many.len() as Position;
    assert_eq!((found.len(), found[0], found.last()), (limits::DELETE_RECENT, newest, Some(&2)));
}
