mod hands;
mod looks;
mod taking;

use super::*;
use crate::limits;
use crate::protocol::{ErrorCode, Role};

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const MINE: KeyHash = [1; 32];
const YOURS: KeyHash = [2; 32];

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn join(room: &mut Room, text: &str, key: Option<KeyHash>) -> Result<Arc<str>, Refusal> {
    room.join(None, &name(text), Owner::Guest(key), HERE, 0)
}

fn names(persons: &[Person]) -> Vec<&str> {
    persons.iter().map(|person| &*person.username).collect()
}

#[test]
fn a_name_is_one_persons_however_it_is_written() {
    let mut room = Room::default();
    join(&mut room, "Ana", None).expect("free");
    for text in ["Ana", "ana", "ANA", "Аna"] {
        let refusal = join(&mut room, text, Some(YOURS)).expect_err(text);
        assert_eq!(refusal.code, ErrorCode::NameTaken);
        let suggestion = refusal.suggestion.expect("something is free");
        join(&mut room, &suggestion, Some(YOURS)).expect("suggested");
        room.leave(name(&suggestion).folded(), 0);
    }
    assert_eq!(room.online(), 1);
}

#[test]
fn one_key_is_one_person_on_up_to_eight_connections() {
    let mut room = Room::default();
    for _ in 0..limits::PERSON_CONNECTIONS {
        join(&mut room, "Ana", Some(MINE)).expect("the same person");
    }
    assert_eq!(join(&mut room, "Ana", Some(MINE)).expect_err("a ninth").code, ErrorCode::NameTaken);
    assert_eq!(room.online(), 1);
    let ana = name("Ana");
    for _ in 1..limits::PERSON_CONNECTIONS {
        room.leave(ana.folded(), 0);
    }
    assert_eq!(room.online(), 1, "the last connection is still here");
    room.leave(ana.folded(), 0);
    assert_eq!(room.online(), 0);
}

#[test]
fn renaming_frees_the_old_name_unless_it_is_kept() {
    let mut room = Room::default();
    let ana = join(&mut room, "Ana", Some(MINE)).expect("free");
    let ben = room.join(Some(&ana), &name("Ben"), Owner::Guest(Some(MINE)), HERE, 0).expect("free");
    join(&mut room, "Ana", Some(YOURS)).expect("never spoke, so it is free");
    room.speak(&ben, 0);
    room.join(Some(&ben), &name("Cleo"), Owner::Guest(Some(MINE)), HERE, 0).expect("free");
    join(&mut room, "Ben", Some(YOURS)).expect_err("spoke, so it is kept");
    join(&mut room, "Ben", Some(MINE)).expect("for its key");
}

#[test]
fn a_refused_rename_changes_nothing() {
    let mut room = Room::default();
    join(&mut room, "Ana", None).expect("free");
    let ben = join(&mut room, "Ben", None).expect("free");
    room.take_presence();
    room.join(Some(&ben), &name("Ana"), Owner::Guest(None), HERE, 0).expect_err("taken");
    assert_eq!(room.person(&ben).map(|person| person.username), Some("Ben".into()));
    assert_eq!(room.take_presence(), None);
}

#[test]
fn a_members_name_is_its_accounts_here_or_not() {
    let mut room = Room::new(Vec::new(), &[(name("Ana"), 7)], Vec::new(), Vec::new());
    for key in [None, Some(MINE)] {
        let refusal = join(&mut room, "ana", key).expect_err("a guest");
        assert_eq!(refusal.code, ErrorCode::NameTaken);
        assert_eq!(refusal.suggestion, None, "another Ana would be taken for her");
    }
    room.hold_name(&name("Ana"), Some(MINE), 1, 0).expect_err("taken");
    room.join(None, &name("Ana"), Owner::Account(8, Role::Member), HERE, 0).expect_err("another account");
    for _ in 0..2 {
        room.join(None, &name("Ana"), Owner::Account(7, Role::Member), HERE, 0).expect("its own");
    }
    assert_eq!((room.online(), room.person(name("Ana").folded()).map(|it| it.role)), (1, Some(Role::Member)));
}

#[test]
fn a_guest_who_signs_up_keeps_the_name_and_nobody_gets_it_meanwhile() {
    let mut room = Room::default();
    let ana = join(&mut room, "Ana", Some(MINE)).expect("free");
    room.speak(&ana, 0);
    room.take_presence();
    room.hold_name(&name("Ana"), Some(YOURS), 1, 0).expect_err("somebody else's");
    room.hold_name(&name("Ana"), None, 1, 0).expect_err("without a key");
    room.hold_name(&name("Ana"), Some(MINE), 2, 0).expect("hers");
    room.hold_name(&name("Ana"), Some(MINE), 3, 0).expect_err("held for the first");
    join(&mut room, "Ana", Some(MINE)).expect("another tab of hers");
    room.account_created(&name("Ana"), 7, Role::Member);
    let Some(PresenceUpdate { joined, left, .. }) = room.take_presence() else { panic!("a role changed") };
    assert_eq!((joined[0].role, left.len()), (Role::Member, 0));
    join(&mut room, "Ana", Some(MINE)).expect_err("logged in, or not at all");
    room.release_name(&name("Ana"), 2);
    room.leave(&ana, 0);
    room.leave(&ana, 0);
    join(&mut room, "Ana", Some(MINE)).expect_err("it is the account's");
    assert_eq!(room.take_changes().len(), 3, "kept for her key, for longer, and no more");
}

#[test]
fn a_name_that_is_held_for_who_signs_up_is_nobody_elses_meanwhile() {
    let mut room = Room::default();
    room.hold_name(&name("Ana"), None, 1, 0).expect("free");
    room.hold_name(&name("Ben"), Some(MINE), 2, 0).expect("free");
    for owner in [Owner::Guest(None), Owner::Guest(Some(YOURS)), Owner::Account(7, Role::Member)] {
        for held in ["Ana", "Ben"] {
            room.join(None, &name(held), owner, HERE, 0).expect_err(held);
        }
    }
    join(&mut room, "Ana", Some(MINE)).expect_err("held without a key");
    join(&mut room, "Ben", Some(MINE)).expect("his own browser");
}

#[test]
fn a_claim_that_came_to_nothing_leaves_the_name_as_it_was() {
    let mut room = Room::default();
    let ana = join(&mut room, "Ana", Some(MINE)).expect("free");
    room.speak(&ana, 0);
    room.leave(&ana, 0);
    room.hold_name(&name("Ana"), Some(YOURS), 1, 0).expect_err("kept for her");
    room.hold_name(&name("Ana"), Some(MINE), 1, 0).expect("hers");
    room.release_name(&name("Ana"), 9);
    room.hold_name(&name("Ana"), Some(MINE), 2, 0).expect_err("still held");
    room.release_name(&name("Ana"), 1);
    join(&mut room, "Ana", Some(YOURS)).expect_err("kept for her");
    join(&mut room, "Ana", Some(MINE)).expect("hers");
}

#[test]
fn presence_tells_what_changed_and_nothing_for_a_reload() {
    let mut room = Room::default();
    join(&mut room, "Ana", None).expect("free");
    let ben = join(&mut room, "Ben", None).expect("free");
    let Some(PresenceUpdate { users: None, joined, left, .. }) = room.take_presence() else {
        panic!("two came")
    };
    assert_eq!((names(&joined), left.len()), (vec!["Ana", "Ben"], 0));
    room.leave(&ben, 0);
    join(&mut room, "Ben", None).expect("free again");
    assert_eq!(room.take_presence(), None);
    room.leave(&ben, 0);
    let Some(PresenceUpdate { users: None, joined, left, .. }) = room.take_presence() else {
        panic!("one left")
    };
    assert_eq!((joined.len(), left), (0, vec!["Ben".into()]));
}

#[test]
fn who_goes_on_under_another_name_is_told_as_that() {
    let mut room = Room::default();
    let rename = |room: &mut Room, current: &str, text: &str, key| {
        room.join(Some(current), &name(text), Owner::Guest(Some(key)), HERE, 0).expect("free")
    };
    let renamed = |room: &mut Room| {
        let update = room.take_presence().expect("a change");
        update.renamed.iter().map(|it| format!("{} to {}", it.from, it.username)).collect::<Vec<_>>()
    };
    let ana = join(&mut room, "Ana", Some(MINE)).expect("free");
    let ben = join(&mut room, "Ben", Some(YOURS)).expect("free");
    assert!(renamed(&mut room).is_empty(), "both came");
    let zoe = rename(&mut room, &ana, "Zoe", MINE);
    let zoe = rename(&mut room, &zoe, "Zoë", MINE);
    assert_eq!(renamed(&mut room), ["Ana to Zoë"], "from what was told last");
    let zoe = rename(&mut room, &zoe, "ZOË", MINE);
    assert_eq!(renamed(&mut room), ["Zoë to ZOË"], "another spelling");
    let mia = rename(&mut room, &zoe, "Mia", MINE);
    room.leave(&mia, 0);
    join(&mut room, "Lea", None).expect("free");
    assert!(renamed(&mut room).is_empty(), "gone before it was told, and somebody else came");
    join(&mut room, "Ben", Some(YOURS)).expect("a second tab");
    rename(&mut room, &ben, "Finn", YOURS);
    assert!(renamed(&mut room).is_empty(), "Ben is here as before");
}

#[test]
fn a_newcomer_is_told_what_the_others_were_and_then_the_same_changes() {
    let mut room = Room::default();
    let ana = join(&mut room, "Ana", None).expect("free");
    room.take_presence();
    room.leave(&ana, 0);
    join(&mut room, "Ben", None).expect("free");
    let (online, listed) = room.told();
    assert_eq!((online, names(&listed.expect("few"))), (1, vec!["Ana"]), "Ana only reloads the page");
    join(&mut room, "Ana", None).expect("free again");
    let Some(PresenceUpdate { users: None, joined, left, .. }) = room.take_presence() else {
        panic!("Ben came")
    };
    assert_eq!((names(&joined), left.len()), (vec!["Ben"], 0));
    let (online, listed) = room.told();
    assert_eq!((online, names(&listed.expect("few"))), (2, vec!["Ana", "Ben"]));
}

#[test]
fn above_200_persons_only_their_number_is_told_and_at_200_everybody_again() {
    let mut room = Room::default();
    for number in 0..limits::PRESENCE_PERSONS {
        join(&mut room, &format!("Person {number} of many"), None).expect("free");
    }
    assert!(matches!(room.take_presence(), Some(PresenceUpdate { users: None, .. })));
    let last = join(&mut room, "One more", None).expect("free");
    assert_eq!(room.take_presence(), Some(PresenceUpdate::default()), "nobody is named");
    assert_eq!(room.told(), (limits::PRESENCE_PERSONS + 1, None));
    room.leave(&last, 0);
    let update = room.take_presence().expect("everybody");
    let everybody = update.users.expect("everybody is named");
    assert_eq!((everybody.len(), update.joined.len()), (limits::PRESENCE_PERSONS, 0));
}

#[test]
fn typing_ends_with_what_was_typed_with_leaving_and_with_time() {
    let start = Instant::now();
    let mut room = Room::default();
    let persons: Vec<_> =
        ["Ana", "Ben", "Cleo"].iter().map(|text| join(&mut room, text, None).expect("free")).collect();
    for person in &persons {
        room.type_on(person, start);
    }
    assert_eq!(room.take_typing(start).len(), 3);
    room.stop_typing(&persons[0]);
    room.leave(&persons[1], 0);
    assert!(room.typing_changed());
    assert_eq!(room.take_typing(start), vec!["Cleo".into()]);
    assert_eq!(room.take_typing(start + limits::TYPING_SHOWN), Vec::<Arc<str>>::new());
}
