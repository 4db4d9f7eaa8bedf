//! A hand is its person's: under another name, on another connection, and for a minute without any.

use std::time::{Duration, Instant};

use super::*;

fn up(room: &Room) -> Vec<String> {
    room.hands.told().0.iter().map(ToString::to_string).collect()
}

/// A room in which these are, each with a key of their own, and have their hands up in this order.
fn with_hands(names: &[&str]) -> Room {
    let mut room = Room::default();
    for (key, text) in (1..).zip(names) {
        let folded = join(&mut room, text, Some([key; 32])).expect("free");
        room.raise_hand(&folded, Some(format!("what {text} asks").into())).expect("up");
    }
    room
}

#[test]
fn hands_are_up_in_the_order_in_which_they_were_raised() {
    let mut room = with_hands(&["Cem", "Ana", "Ben"]);
    assert_eq!(up(&room), ["Cem", "Ana", "Ben"]);
    room.raise_hand("cem", Some("something else".into())).expect("up already");
    assert_eq!(up(&room), ["Cem", "Ana", "Ben"], "asking something else is no new hand");
    assert_eq!(&*room.hands.questions()[0].question, "something else");
    assert!(room.hands.lower("cem") && !room.hands.lower("cem"));
    room.raise_hand("cem", None).expect("up again");
    assert_eq!(up(&room), ["Ana", "Ben", "Cem"]);
    assert_eq!(room.hands.questions().len(), 2, "who asks nothing is not among them");
    room.raise_hand("nobody", None).expect("nobody's hand");
    assert_eq!(up(&room).len(), 3);
    room.hands.lower_all();
    assert_eq!(up(&room), [""; 0]);
}

#[test]
fn only_what_changes_is_to_be_told() {
    let mut room = with_hands(&["Ana"]);
    assert!(room.hands.have_changed());
    room.hands.note_told();
    room.raise_hand("ana", Some("what Ana asks".into())).expect("up already");
    room.hands.lower("ben");
    room.leave("ana", 0);
    room.hands.note_time(Instant::now());
    assert!(!room.hands.have_changed());
    room.hands.lower_all();
    assert!(room.hands.have_changed());
}

#[test]
fn a_rename_keeps_a_hand_and_its_place() {
    let mut room = with_hands(&["Ana", "Ben"]);
    let owner = Owner::Guest(Some([1; 32]));
    let anabel = room.join(Some("ana"), &name("Anabel"), owner, HERE, 0).expect("free");
    assert_eq!(up(&room), ["Anabel", "Ben"]);
    room.join(Some(&anabel), &name("ANABEL"), owner, HERE, 0).expect("her own");
    assert_eq!(up(&room), ["ANABEL", "Ben"]);
    room.rename(&anabel, &name("Guest 1"), 0);
    assert_eq!(up(&room), ["Guest 1", "Ben"], "a host has taken the name");
    // On one of two connections: the hand is whose name it was raised under.
    join(&mut room, "Ben", Some([2; 32])).expect("a second tab");
    room.join(Some("ben"), &name("Benno"), Owner::Guest(Some([2; 32])), HERE, 0).expect("free");
    assert_eq!(up(&room), ["Guest 1", "Ben"]);
    // The other follows: one person has one hand.
    room.raise_hand("benno", None).expect("up");
    room.join(Some("ben"), &name("Benno"), Owner::Guest(Some([2; 32])), HERE, 0).expect("theirs");
    assert_eq!(up(&room), ["Guest 1", "Benno"]);
}

#[test]
fn whoever_signs_up_keeps_a_hand_as_the_account_is_written() {
    let mut room = with_hands(&["ana", "Ben"]);
    room.hold_name(&name("Ana"), Some([1; 32]), 1, 0).expect("hers");
    room.account_created(&name("Ana"), 7, Role::Member);
    assert_eq!(up(&room), ["Ana", "Ben"], "as in the list of people");
    room.leave("ana", 0);
    room.join(None, &name("Ana"), Owner::Account(7, Role::Member), HERE, 0).expect("hers");
    assert_eq!(up(&room), ["Ana", "Ben"]);
}

#[test]
fn who_leaves_has_a_minute_to_come_back() {
    let (mut room, now) = (with_hands(&["Ana", "Ben"]), Instant::now());
    room.leave("ana", 0);
    room.hands.note_time(now);
    let due = room.hands.due().expect("a minute after that");
    assert_eq!(due - now, limits::HAND_KEPT);
    room.hands.note_time(due - Duration::from_millis(1));
    assert_eq!(up(&room), ["Ana", "Ben"], "not yet");
    join(&mut room, "Ana", Some([1; 32])).expect("hers");
    room.hands.note_time(due + limits::HAND_KEPT);
    assert_eq!((up(&room), room.hands.due()), (vec!["Ana".to_owned(), "Ben".to_owned()], None));
    room.leave("ana", 0);
    room.hands.note_time(due);
    room.hands.note_time(due + limits::HAND_KEPT);
    assert_eq!(up(&room), ["Ben"]);
}

#[test]
fn nobody_comes_to_anothers_hand() {
    for (first, second) in [(None, None), (None, Some(YOURS)), (Some(MINE), None)] {
        let mut room = Room::default();
        join(&mut room, "Ana", first).expect("free");
        room.raise_hand("ana", None).expect("up");
        room.leave("ana", 0);
        assert_eq!(up(&room), ["Ana"]);
        if join(&mut room, "Ana", second).is_ok() {
            assert_eq!(up(&room), [""; 0], "{second:?} is not known to be {first:?}");
        }
    }
    let mut room = with_hands(&["Ana", "Ben"]);
    room.leave("ana", 0);
    room.reservations.forget("ana");
    room.join(Some("ben"), &name("Ana"), Owner::Guest(Some([2; 32])), HERE, 0).expect("free by now");
    assert_eq!(room.hands.questions().len(), 1);
    assert_eq!(&*room.hands.questions()[0].question, "what Ben asks", "under the name that he has now");
}

#[test]
fn hands_are_bounded_and_those_told_too() {
    let mut room = Room::default();
    for number in 0..limits::HANDS {
        let folded = join(&mut room, &format!("Guest {number}"), None).expect("free");
        room.raise_hand(&folded, Some("why".into())).expect("up");
    }
    let folded = join(&mut room, "One more", None).expect("free");
    let refusal = Refusal::from(room.raise_hand(&folded, None).expect_err("too many"));
    assert_eq!(refusal.code, ErrorCode::BadRequest);
    let (told, more) = room.hands.told();
    assert_eq!(
        (told.len(), more, room.hands.questions().len()),
        (limits::HANDS_TOLD, true, limits::HANDS_TOLD)
    );
    room.raise_hand("guest 7", None).expect("that one is up already");
}
