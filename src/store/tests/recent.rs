//! What somebody has said lately.

use super::*;
use crate::limits;
use crate::protocol::Role;
use crate::protocol::names::Name;
use crate::room::kept::Identifier;
use crate::store::{Recent, Speaker};
use std::collections::HashSet;

/// A message of this name, tab and time.
fn said(store: &mut Store, username: &str, tab: u8, at_ms: i64) -> Position {
    said_by(store, Speaker::default(), username, tab, at_ms)
}

fn said_by(store: &mut Store, speaker: Speaker, username: &str, tab: u8, at_ms: i64) -> Position {
    let Change::Message(message) = message("hi", tab, None) else { unreachable!("it is one") };
    stored(store, Change::Message(NewMessage { at_ms, speaker, username: username.into(), ..message }))
}

fn recent(store: &Store, text: &str, since_ms: i64) -> Vec<Position> {
    found(store, Recent { since_ms, ..of(text) })
}

fn of(text: &str) -> Recent {
    let (name, here, host_tabs) = (Name::parse(text).expect("a name"), HashSet::new(), HashSet::new());
    Recent { name, minutes: 1, since_ms: 0, message_id: None, here, host_tabs }
}

fn by(text: &str, message_id: Position) -> Recent {
    Recent { message_id: Some(message_id), ..of(text) }
}

fn found(store: &Store, recent: Recent) -> Vec<Position> {
    reader(store).recent_of(&recent).expect("it is read")
}

/// A guest with this key.
fn guest(number: u8) -> Speaker {
    Speaker { key: Some([number; 32]), ..Speaker::default() }
}

fn member(account: i64) -> Speaker {
    Speaker { account: Some(account), key: Some([9; 32]), browser: Some([9; 32]) }
}

#[test]
fn whoever_has_the_name_now_is_meant_by_it_and_never_a_host() {
    let place = Place::new();
    let mut store = place.open();
    let impostors = said_by(&mut store, guest(1), "Meier", 1, 10);
    let gone = said(&mut store, "Meier", 2, 11);
    let of_host = said_by(&mut store, guest(7), "Meier", 3, 12);
    // Somebody else came under the name; the host took it and has it; nobody has it.
    let here = HashSet::from([Identifier::Guest([7; 32])]);
    assert_eq!(found(&store, Recent { here: here.clone(), ..of("Meier") }), [of_host]);
    let host_tabs = HashSet::from([[3; 32]]);
    assert_eq!(found(&store, Recent { host_tabs, ..of("Meier") }), [gone, impostors]);
    assert_eq!(found(&store, of("Meier")), [of_host, gone, impostors]);
    // The same person in another tab and under another name.
    let elsewhere = said_by(&mut store, guest(1), "Guest 1", 4, 13);
    assert_eq!(found(&store, of("Guest 1")), [elsewhere, impostors]);
    // By one of their messages, whoever has the name now, and by none that stands under another name.
    for (message_id, theirs) in [
        (impostors, vec![elsewhere, impostors]),
        (gone, vec![gone]),
        (of_host, vec![of_host]),
        (elsewhere, vec![]),
    ] {
        let recent = Recent { here: here.clone(), ..by("Meier", message_id) };
        assert_eq!(found(&store, recent), theirs, "{message_id}");
    }
    let Change::Message(message) = message("hi", 5, None) else { unreachable!("it is one") };
    let of_host = NewMessage { username: "Meier".into(), role: Role::Host, ..message };
    let of_host = stored(&mut store, Change::Message(of_host));
    assert!(!found(&store, of("Meier")).contains(&of_host), "what a host has said, on whichever tab");
}

#[test]
fn each_message_is_of_who_sat_at_the_tab_then() {
    let place = Place::new();
    let mut store = place.open();
    let before = said_by(&mut store, guest(9), "Ana", 1, 10);
    let signed_up = said_by(&mut store, member(1), "Ana", 1, 11);
    let next = said_by(&mut store, member(2), "Ben", 1, 12);
    let without_key = said(&mut store, "Zz", 1, 13);
    drop(store);
    let mut store = place.open();
    let again = said_by(&mut store, member(1), "Ana", 1, 14);
    let phone = said_by(&mut store, member(1), "Ana", 2, 15);
    assert_eq!(found(&store, by("Ana", signed_up)), [phone, again, without_key, signed_up, before]);
    assert_eq!(found(&store, by("Ben", next)), [without_key, next, before]);
    assert_eq!(found(&store, by("Ana", phone)), [phone, again, signed_up]);
    let rows = Connection::open(place.path())
        .and_then(|db| db.query_row("SELECT count(*) FROM speakers", [], |row| row.get(0)));
    assert_eq!(rows, Ok(6), "a row where it changes");
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
