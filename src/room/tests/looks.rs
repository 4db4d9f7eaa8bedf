//! Who comes under a name that could be taken for somebody else's.

use super::*;
use crate::protocol::Reason;
use crate::room::kept::HostName;

fn reason(refused: Result<Arc<str>, Refusal>) -> Reason {
    *refused.expect_err("refused").reason
}

fn like(username: &str) -> Reason {
    Reason::NameLooksLike { username: username.to_owned() }
}

fn sign_up(room: &mut Room, text: &str, key: Option<KeyHash>) -> Result<(), Refusal> {
    room.hold_name(&name(text), key, 1, 0)
}

#[test]
fn lisa_and_ilsa_are_two_and_a_twin_is_refused_with_whom_it_looks_like() {
    let mut room = Room::default();
    for text in ["Lisa", "Ilsa", "Ali", "All", "Group 1", "Paula", "Том", "علی\u{200c}رضا"] {
        join(&mut room, text, None).expect(text);
    }
    for (newcomer, resident) in [
        ("Group I", "Group 1"),
        ("group l", "Group 1"),
        ("Раulа", "Paula"),
        ("раula", "Paula"),
        ("TOM", "Том"),
        ("Aⅼi", "Ali"),
        ("IIsa", "Ilsa"),
    ] {
        let refused = join(&mut room, newcomer, Some(YOURS));
        let is_one = name(newcomer).folded() == name(resident).folded();
        let expected = if is_one { Reason::NameTakenHere } else { like(resident) };
        assert_eq!(reason(refused), expected, "{newcomer}");
        assert_eq!(reason(sign_up(&mut room, newcomer, None).map(|()| "".into())), expected, "{newcomer}");
    }
    assert_eq!(reason(join(&mut room, "علیرضا", None)), Reason::NameTakenHere, "without the joiner");
    assert_eq!(room.online(), 8);
}

#[test]
fn what_is_offered_instead_is_nobodys_look() {
    let mut room = Room::default();
    for text in ["Paula", "Paula 2", "Рaula 4"] {
        let _ = join(&mut room, text, None).expect(text);
    }
    let suggestion =
        join(&mut room, "Раulа", None).expect_err("a twin").suggestion.expect("something is free");
    assert_eq!(suggestion, "Раulа 3");
    join(&mut room, &suggestion, None).expect("it is free");
}

#[test]
fn one_is_no_twin_of_oneself() {
    let mut room = Room::default();
    let wrong = join(&mut room, "PauI", None).expect("free");
    let right = room
        .join(Some(&wrong), &name("Paul"), Owner::Guest(None), HERE, 0)
        .expect("mended, on one's only connection");
    room.leave(&right, 0);
    join(&mut room, "Paula", Some(MINE)).expect("free");
    join(&mut room, "Раulа", Some(MINE)).expect("another tab of the same browser");
    assert_eq!(reason(join(&mut room, "Pаula", Some(YOURS))), like("Paula"));
}

#[test]
fn nobody_becomes_a_twin_by_writing_their_own_name_differently() {
    let mut room = Room::default();
    join(&mut room, "Group 1", None).expect("free");
    let mine = join(&mut room, "group i", Some(MINE)).expect("looks like nobody");
    let respelled = |room: &mut Room, current: Option<&str>, key| {
        reason(room.join(current, &name("Group I"), Owner::Guest(key), HERE, 0))
    };
    assert_eq!(respelled(&mut room, Some(&mine), Some(MINE)), like("Group 1"), "on the same connection");
    assert_eq!(room.person(&mine).expect("here").username, "group i".into(), "and stays as it was");
    room.speak(&mine, 0);
    room.leave(&mine, 0);
    assert_eq!(respelled(&mut room, None, Some(MINE)), like("Group 1"), "coming back");
    join(&mut room, "group i", Some(MINE)).expect("as before");
    assert_eq!(reason(sign_up(&mut room, "Group I", Some(MINE)).map(|()| "".into())), like("Group 1"));
    sign_up(&mut room, "group i", Some(MINE)).expect("as everybody knows them");
}

#[test]
fn a_look_is_free_with_its_name() {
    let mut room = Room::default();
    let paula = join(&mut room, "Paula", None).expect("free");
    room.leave(&paula, 0);
    let twin = join(&mut room, "Раula", None).expect("she told no key");
    room.leave(&twin, 0);
    let paula = join(&mut room, "Paula", Some(MINE)).expect("free");
    room.speak(&paula, 0);
    room.leave(&paula, 0);
    let kept = Reason::NameLooksLikeKept { username: "Paula".to_owned() };
    assert_eq!(reason(join(&mut room, "Раula", Some(YOURS))), kept);
    let later = limits::RESERVED.as_millis() as i64;
    room.join(None, &name("Раula"), Owner::Guest(Some(YOURS)), HERE, later).expect("after twelve hours");
    assert_eq!(
        reason(room.join(None, &name("Paula"), Owner::Guest(Some(MINE)), HERE, later)),
        like("Раula"),
        "now she is the twin"
    );
}

#[test]
fn members_and_hosts_have_their_look_here_or_not_and_come_whoever_is_here() {
    let host = HostName { name: name("Ms Keller"), key: Some(MINE) };
    let mut room = Room::new(Vec::new(), &[(name("Paula B."), 7)], vec![host], Vec::new());
    for (newcomer, expected) in [
        ("Раula B.", Reason::NameLooksLikeMember),
        ("Paula B", Reason::NameLooksLikeMember),
        ("PaulaB", Reason::NameLooksLikeMember),
        ("paula-b", Reason::NameLooksLikeMember),
        ("Mѕ Keller", Reason::NameLooksLikeHost),
        ("Ms. Keller", Reason::NameLooksLikeHost),
        ("ms_keller", Reason::NameLooksLikeHost),
        ("Mskeller!", Reason::NameLooksLikeHost),
        ("Ms KeIler", Reason::NameLooksLikeHost),
        ("Мs KELLER", Reason::NameLooksLikeHost),
        ("Ms KeIlER", Reason::NameLooksLikeHost),
        ("Ms Keller ✓", Reason::NameLooksLikeHost),
        ("Ms Keller\u{332}", Reason::NameLooksLikeHost),
        ("PАULA b ★", Reason::NameLooksLikeMember),
    ] {
        for key in [None, Some(YOURS)] {
            let refused = join(&mut room, newcomer, key).expect_err("a twin");
            assert_eq!((*refused.reason, refused.suggestion), (expected.clone(), None), "{newcomer}");
            assert_eq!(reason(sign_up(&mut room, newcomer, key).map(|()| "".into())), expected, "{newcomer}");
        }
    }
    join(&mut room, "Ms. Keller", Some(MINE)).expect("her own browser");
    join(&mut room, "Paula C", None).expect("somebody else");
    room.join(None, &name("Mr. Brown"), Owner::Guest(None), HERE, 0).expect("a guest");
    room.join(None, &name("Mr Brown"), Owner::Host(Some(YOURS)), HERE, 0).expect("a host is let in");
    assert_eq!(reason(join(&mut room, "Mr-Brown", None)), like("Mr Brown"), "and is here");
    room.join(None, &name("Paula B."), Owner::Account(7, Role::Member), HERE, 0).expect("a member too");
    assert_eq!(reason(join(&mut room, "Paula B", None)), like("Paula B."));
    // Among guests, punctuation parts people.
    join(&mut room, "Jo Ann", None).expect("free");
    join(&mut room, "Jo-Ann", None).expect("another one");
}

#[test]
fn two_twins_who_sign_up_at_once_are_one_too_many() {
    let mut room = Room::default();
    sign_up(&mut room, "Paula", Some(MINE)).expect("free");
    let refused = room.hold_name(&name("Раulа"), Some(YOURS), 2, 0).expect_err("a twin");
    assert_eq!(*refused.reason, Reason::NameLooksLikeMember);
    room.release_name(&name("Paula"), 1);
    room.hold_name(&name("Раulа"), Some(YOURS), 3, 0).expect("nobody became Paula");
    room.account_created(&name("Раulа"), 8, Role::Member);
    assert_eq!(
        reason(sign_up(&mut room, "Paula", Some(MINE)).map(|()| "".into())),
        Reason::NameLooksLikeMember
    );
}

#[test]
fn a_hosts_name_of_which_only_the_former_form_is_known_is_nobody_elses() {
    let former = vec![("rns keller".into(), Some(MINE)), ("rnr brown".into(), None)];
    let mut room = Room::new(Vec::new(), &[], Vec::new(), former);
    for text in ["Ms Keller", "ms keller", "MS KELLER", "Мs Keller", "Ms Ke1ler"] {
        assert_eq!(reason(join(&mut room, text, Some(YOURS))), Reason::NameTakenByHost, "{text}");
        assert_eq!(
            reason(sign_up(&mut room, text, None).map(|()| "".into())),
            Reason::NameTakenByHost,
            "{text}"
        );
    }
    join(&mut room, "Ms Keller", Some(MINE)).expect("her own browser");
    assert_eq!(reason(join(&mut room, "Mr Brown", Some(MINE))), Reason::NameTakenByHost);
    room.join(None, &name("Mr Brown"), Owner::Host(None), HERE, 0).expect("a host");
}

#[test]
fn of_two_accounts_that_meet_the_one_is_found_that_is_shown() {
    let met = Name::stored("aΝ".into(), "aν\u{1}8".into());
    let mut room = Room::new(Vec::new(), &[(name("aν"), 7), (met.clone(), 8)], Vec::new(), Vec::new());
    room.join(None, &name("aν"), Owner::Account(7, Role::Member), HERE, 0).expect("the first");
    room.join(None, &met, Owner::Account(8, Role::Member), HERE, 0).expect("the second");
    assert_eq!(room.online(), 2);
    assert_eq!(room.as_shown(&name("aν")).folded(), "aν");
    assert_eq!(room.as_shown(&name("aΝ")), met);
    room.leave(met.folded(), 0);
    assert_eq!(room.as_shown(&name("aΝ")), met, "though only the first is here");
    room.leave("aν", 0);
    assert_eq!((room.as_shown(&name("aν")), room.as_shown(&name("aΝ"))), (name("aν"), met));
    assert_eq!(reason(join(&mut room, "aν", None)), Reason::NameTakenByMember);
}

#[test]
fn a_guest_keeps_no_name_that_looks_like_a_later_hosts_or_members() {
    let mut room = Room::default();
    for text in ["Мs Keller", "Рaula", "Group I"] {
        let folded = join(&mut room, text, Some(MINE)).expect("looks like nobody");
        room.speak(&folded, 0);
        join(&mut room, text, Some(MINE)).expect("another tab");
        room.leave(&folded, 0);
        if text == "Group I" {
            room.leave(&folded, 0);
        }
    }
    room.join(None, &name("Ms Keller"), Owner::Host(Some(YOURS)), HERE, 0).expect("a host is let in");
    room.account_created(&name("Paula"), 7, Role::Member);
    for (text, expected) in [("Мs Keller", like("Ms Keller")), ("Рaula", Reason::NameLooksLikeMember)] {
        join(&mut room, text, Some(MINE)).expect("they are here");
        room.leave(name(text).folded(), 0);
        room.leave(name(text).folded(), 0);
        assert_eq!(reason(join(&mut room, text, Some(MINE))), expected);
    }
    join(&mut room, "Group 1", Some(YOURS)).expect_err("is kept");
    join(&mut room, "Group I", Some(MINE)).expect("beside guests it is theirs");
}

/// What it costs the hub does not grow with the room.
#[test]
fn a_look_is_found_among_many_without_asking_each() {
    let members: Vec<(Name, AccountId)> =
        (0..20_000).map(|number| (name(&format!("Member {number} of many")), number)).collect();
    let mut room = Room::new(Vec::new(), &members, Vec::new(), Vec::new());
    assert_eq!(room.lasting_looks.alike(&name("Mеmber 77 of many")).count(), 1);
    assert_eq!(reason(join(&mut room, "Mеmber 77 of many", None)), Reason::NameLooksLikeMember);
}
