//! What somebody has said lately.

use super::*;
use crate::limits;
use crate::protocol::names::Name;
use crate::protocol::{KeyHash, Role};
use crate::room::kept::Identifier;
use crate::store::{OpenTab, Recent};
use std::collections::HashMap;

/// A message of this name, tab and time.
fn said(store: &mut Store, username: &str, tab: u8, at_ms: i64) -> Position {
    let Change::Message(message) = message("hi", tab, None) else { unreachable!("it is one") };
    stored(store, Change::Message(NewMessage { at_ms, username: username.into(), ..message }))
}

fn recent(store: &Store, text: &str, since_ms: i64) -> Vec<Position> {
    found(store, Recent { since_ms, ..of(text) })
}

fn of(text: &str) -> Recent {
    let name = Name::parse(text).expect("a name");
    Recent { name, minutes: 1, since_ms: 0, message_id: None, here: Vec::new(), open: HashMap::new() }
}

fn found(store: &Store, recent: Recent) -> Vec<Position> {
    reader(store).recent_of(&recent).expect("it is read")
}

fn person(number: u8) -> Identifier {
    Identifier::Guest([number; 32])
}

/// These tabs are open, each somebody's; the host's has the number 9.
fn open(tabs: &[(u8, u8)]) -> HashMap<KeyHash, OpenTab> {
    let open =
        |(tab, number): &(u8, u8)| ([*tab; 32], OpenTab { person: person(*number), is_host: *number == 9 });
    tabs.iter().map(open).collect()
}

#[test]
fn whoever_has_the_name_now_is_meant_by_it_and_never_a_host() {
    let place = Place::new();
    let mut store = place.open();
    let impostors = said(&mut store, "Meier", 1, 10);
    let gone = said(&mut store, "Meier", 2, 11);
    let of_host = said(&mut store, "Meier", 3, 12);
    // Somebody else came under the name; the host took it and has it; nobody has it.
    let [one, three] = [open(&[(1, 1), (3, 7)]), open(&[(1, 1), (3, 9)])];
    assert_eq!(found(&store, Recent { open: one, here: vec![person(7)], ..of("Meier") }), [of_host, gone]);
    assert_eq!(found(&store, Recent { open: three, ..of("Meier") }), [gone, impostors]);
    assert_eq!(found(&store, of("Meier")), [of_host, gone, impostors]);
    // A tab of the same person that said something under another name.
    let elsewhere = said(&mut store, "Guest 1", 4, 13);
    let two_tabs = || open(&[(1, 1), (4, 1), (3, 7)]);
    let renamed = Recent { open: two_tabs(), here: vec![person(1)], ..of("Guest 1") };
    assert_eq!(found(&store, renamed), [elsewhere, impostors]);
    // By one of their messages, whoever has the name now.
    for (message_id, theirs) in
        [(impostors, vec![elsewhere, impostors]), (gone, vec![gone]), (of_host, vec![of_host, gone])]
    {
        let recent =
            Recent { open: two_tabs(), here: vec![person(7)], message_id: Some(message_id), ..of("Meier") };
        assert_eq!(found(&store, recent), theirs, "{message_id}");
    }
    let Change::Message(message) = message("hi", 5, None) else { unreachable!("it is one") };
    stored(&mut store, Change::Message(NewMessage { username: "Meier".into(), role: Role::Host, ..message }));
    assert!(!found(&store, of("Meier")).contains(&5), "what a host has said, on whichever tab");
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
