//! Names that hosts take.

use super::*;
use crate::protocol::Role;
use crate::room::kept::HostName;

const KELLER: KeyHash = [9; 32];

fn anybody(_: &Name) -> bool {
    false
}

#[test]
fn everybody_who_can_have_a_name_is_told_apart() {
    let host_names = vec![HostName { name: name("Mr Brown"), key: None }];
    let mut room = Room::new(Vec::new(), &[(name("Mia"), 7)], host_names, Vec::new());
    let ana = join(&mut room, "Ana", Some(MINE)).expect("free");
    room.speak(&ana, 0);
    room.leave(&ana, 0);
    join(&mut room, "Ben", None).expect("free");
    room.join(None, &name("Ms Keller"), Owner::Host(Some(KELLER)), HERE, 0).expect("free");
    room.hold_name(&name("Zoe"), None, 1, 0).expect("free");
    for (text, expected) in [
        ("ana", Holder::Absent),
        ("BEN", Holder::Guest(Owner::Guest(None))),
        ("Ms Keller", Holder::Host),
        ("Mr Brown", Holder::Absent),
        ("Mia", Holder::Account(7)),
        ("Zoe", Holder::SigningUp),
        ("Nobody", Holder::Nobody),
    ] {
        assert_eq!(room.holder(&name(text), 0), expected, "{text}");
    }
    for text in ["Ana", "Mr Brown"] {
        room.forget_name(&name(text));
        assert_eq!(room.holder(&name(text), 0), Holder::Nobody, "{text}");
        join(&mut room, text, Some(YOURS)).expect("free");
    }
    let forgotten = RoomChange::ForgetHostName(name("Mr Brown").shared_folded());
    assert!(room.take_changes().contains(&forgotten));
}

#[test]
fn a_guest_who_is_renamed_is_one_person_on_all_connections_and_keeps_the_new_name() {
    let mut room = Room::default();
    let ana = join(&mut room, "Ana", Some(MINE)).expect("free");
    join(&mut room, "Ana", Some(MINE)).expect("hers");
    room.speak(&ana, 0);
    room.take_presence();
    room.rename(&ana, &name("Guest 1"), 0);
    let Some(PresenceUpdate { joined, left, .. }) = room.take_presence() else { panic!("it is told") };
    assert_eq!((names(&joined), left, room.online()), (vec!["Guest 1"], vec!["Ana".into()], 1));
    let spare = name("Guest 1").shared_folded();
    join(&mut room, "Guest 1", Some(YOURS)).expect_err("hers");
    room.leave(&spare, 0);
    assert_eq!(room.online(), 1, "on the other connection");
    room.leave(&spare, 0);
    let hours_ms = 11 * 60 * 60 * 1000;
    let later = room.join(None, &name("guest 1"), Owner::Guest(Some(YOURS)), HERE, hours_ms);
    later.expect_err("kept for long, as the one she had spoken under");
    join(&mut room, "Ana", Some(YOURS)).expect("nobody's");
}

#[test]
fn an_account_that_is_renamed_leaves_its_name_to_anybody_and_has_the_other() {
    let mut room = Room::new(Vec::new(), &[(name("Frau Meier"), 7)], Vec::new(), Vec::new());
    let meier = Owner::Account(7, Role::Member);
    room.join(None, &name("Frau Meier"), meier, HERE, 0).expect("its own");
    room.rename_account(7, &name("Frau Meier"), Some(&name("Member 1")), 0);
    assert_eq!(room.person(name("Member 1").folded()).map(|it| it.role), Some(Role::Member));
    assert_eq!(room.holder(&name("Frau Meier"), 0), Holder::Nobody);
    join(&mut room, "Frau.Meier", Some(MINE)).expect("it looks like nobody's");
    join(&mut room, "Member 1", Some(MINE)).expect_err("the account's");
    room.rename_account(7, &name("Member 1"), None, 0);
    assert_eq!(room.spare_name("Member", 0, anybody), Some(name("Member 2")), "they are here still");
}

#[test]
fn a_spare_name_is_nobodys_and_looks_like_nobodys() {
    let mut room = Room::default();
    assert_eq!(room.spare_name("Guest", 0, anybody), Some(name("Guest 1")));
    join(&mut room, "Guest I", None).expect("free");
    join(&mut room, "guest 2", Some(MINE)).expect("free");
    let spare = room.spare_name("Guest", 0, |name| name.display() == "Guest 3");
    assert_eq!(spare, Some(name("Guest 4")));
    assert_eq!(room.spare_name("Guest", 0, |_| true), None);
}
