//! A room whose names were compared by looks and case together, opened with those of today.

use rusqlite::params;

use super::*;
use crate::protocol::former_fold::former_fold;
use crate::protocol::names::Name;
use crate::room::kept::{Hold, HostName, Identifier};
use crate::store::schema;

/// A database of schema 3, in which `names` are kept in the form of then.
fn room_of_schema_3(place: &Place) -> Connection {
    let db = Connection::open(place.path()).expect("a database");
    for step in
        [include_str!("../schema_1.sql"), include_str!("../schema_2.sql"), include_str!("../schema_3.sql")]
    {
        db.execute_batch(step).expect("a step");
    }
    db.pragma_update(None, "application_id", schema::APPLICATION_ID).expect("a mark");
    db.pragma_update(None, "user_version", 3).expect("a mark");
    db.execute("INSERT INTO room (id, epoch) VALUES (1, 'then')", []).expect("a room");
    db
}

fn account(db: &Connection, display: &str, folded: &str, is_alive: bool) {
    let password = is_alive.then_some("secret");
    let insert = "INSERT INTO users (folded, display, password, created_at) VALUES (?1, ?2, ?3, 0)";
    db.execute(insert, params![folded, display, password]).expect("an account");
}

#[test]
fn every_name_gets_its_identity_and_nobody_loses_one() {
    let place = Place::new();
    let db = room_of_schema_3(&place);
    // The last two were two, and are one now; of these, who is gone comes last.
    for (display, is_alive) in
        [("Lisa", true), ("Виктор", true), ("علی", true), ("Straße", false), ("aΝ", false), ("aν", true)]
    {
        account(&db, display, &former_fold(display), is_alive);
    }
    // What one is compared by now is what another was compared by.
    account(&db, "Rnodern", "x", true);
    account(&db, "Modern", "rnodern", true);
    for (display, key, left_at) in
        [("Kim", 1_u8, Some(5)), ("bΝ", 2, Some(7)), ("bν", 3, None), ("Zoë", 4, None)]
    {
        let insert = "INSERT INTO guests (folded, display, key, left_at) VALUES (?1, ?2, ?3, ?4)";
        db.execute(insert, params![former_fold(display), display, [key; 32], left_at]).expect("a guest");
    }
    for (kind, display, mark) in [
        (0, "Ilsa", "account:1"),
        (0, "cΝ", "account:2"),
        (0, "cν", "account:3"),
        (1, "Ilsa", "account:4"),
        (1, "aΝ", "account:5"),
    ] {
        let folded = former_fold(display);
        let insert = "INSERT INTO held_back (kind, folded, display) VALUES (?1, ?2, ?3)";
        db.execute(insert, params![kind, folded, display]).expect("held back");
        let insert = "INSERT INTO held_back_marks (kind, folded, mark) VALUES (?1, ?2, ?3)";
        db.execute(insert, params![kind, folded, mark]).expect("a mark");
    }
    drop(db);

    let store = place.open();
    let select = "SELECT display, folded FROM users ORDER BY id";
    let users: Vec<(String, String)> =
        super::super::sql::all(&store.db, select, [], |row| row.try_into()).expect("reads");
    let users: Vec<(&str, &str)> = users.iter().map(|(display, folded)| (&**display, &**folded)).collect();
    let expected = [
        ("Lisa", "lisa"),
        ("Виктор", "виктор"),
        ("علی", "علی"),
        ("Straße", "strasse"),
        ("aΝ", "aν\u{1}5"),
        ("aν", "aν"),
        ("Rnodern", "rnodern"),
        ("Modern", "modern"),
    ];
    assert_eq!(users, expected);
    let kept = store.kept_room(None, 10).expect("loads");
    let mut guests: Vec<(&str, &str, u8)> =
        kept.reservations.iter().map(|it| (it.name.display(), it.name.folded(), it.key[0])).collect();
    guests.sort_unstable();
    assert_eq!(guests, [("Kim", "kim", 1), ("Zoë", "zoë", 4), ("bν", "bν", 3)]);
    let mut held: Vec<_> = kept
        .held_back
        .into_iter()
        .map(|(hold, it)| (hold == Hold::Ban, it.name.folded().to_owned(), it.identifiers))
        .collect();
    held.sort_unstable();
    let by = |accounts: &[i64]| accounts.iter().map(|id| Identifier::Account(*id)).collect();
    assert_eq!(
        held,
        [
            (false, "cν".to_owned(), by(&[2, 3])),
            (false, "ilsa".to_owned(), by(&[1])),
            (true, "aν\u{1}5".to_owned(), by(&[5])),
            (true, "ilsa".to_owned(), by(&[4]))
        ]
    );
    drop(store);
    assert_eq!(place.open().epoch(), "then", "it is the same room, and opens again");
}

#[test]
fn hosts_names_are_found_where_they_spoke_or_acted_and_stay_theirs_where_they_did_not() {
    let place = Place::new();
    let db = room_of_schema_3(&place);
    for (display, key) in [("Ms Keller", Some([1_u8; 32])), ("Mr Willis", None), ("Herr Groß", Some([3; 32]))]
    {
        let insert = "INSERT INTO host_names (folded, key) VALUES (?1, ?2)";
        db.execute(insert, params![former_fold(display), key]).expect("a host");
    }
    for (username, role) in [("Ms Keller", 2), ("Мs Keller", 0), ("Ana", 2)] {
        let insert = "INSERT INTO messages (position, at, role, deleted, tab, username, text)
                      VALUES ((SELECT count(*) + 1 FROM messages), 0, ?2, 0, 1, ?1, 'hi')";
        db.execute(insert, params![username, role]).expect("a message");
    }
    db.execute("INSERT INTO host_actions (at, host, action) VALUES (0, 'Mr Willis', 'lock')", [])
        .expect("a deed");
    drop(db);
    let kept = place.open().kept_room(None, 10).expect("loads");
    let host = |text: &str, key| HostName { name: Name::parse(text).expect("a name"), key };
    let mut found = kept.host_names;
    found.sort_unstable_by(|one, other| one.name.display().cmp(other.name.display()));
    assert_eq!(found, [host("Mr Willis", None), host("Ms Keller", Some([1; 32]))]);
    assert_eq!(kept.former_host_names, [(former_fold("Herr Groß").into(), Some([3; 32]))]);
}
