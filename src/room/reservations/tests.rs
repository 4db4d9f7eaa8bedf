use super::*;

const MINE: KeyHash = [1; 32];
const YOURS: KeyHash = [2; 32];
const MINUTE_MS: i64 = 60 * 1000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

fn at(number: usize) -> IpAddr {
    std::net::Ipv4Addr::from(u32::try_from(number).expect("an address")).into()
}

fn named(text: &str) -> Name {
    Name::stored(text.into(), text.into())
}

fn key(number: usize) -> KeyHash {
    let mut key = MINE;
    key[..8].copy_from_slice(&number.to_be_bytes());
    key
}

/// Keeps a name that has spoken.
fn reserve(all: &mut Reservations, text: &str, key: KeyHash) {
    all.reserve(&named(text), key, at(1), true, 0);
}

#[test]
fn a_name_that_has_spoken_is_its_keys_for_twelve_hours_and_a_silent_one_for_ten_minutes() {
    let mut all = Reservations::default();
    reserve(&mut all, "ana", MINE);
    all.reserve(&named("ben"), MINE, at(1), false, 0);
    for name in ["ana", "ben"] {
        assert!(all.is_closed_to(None, name, 100 * HOUR_MS), "while its owner is here");
        all.release(name, 100 * HOUR_MS);
    }
    for (name, last, over) in [
        ("ana", 111 * HOUR_MS, 112 * HOUR_MS),
        ("ben", 100 * HOUR_MS + 9 * MINUTE_MS, 100 * HOUR_MS + 10 * MINUTE_MS),
    ] {
        assert!(all.is_closed_to(Some(YOURS), name, last) && !all.is_closed_to(Some(MINE), name, last));
        assert!(!all.is_closed_to(Some(YOURS), name, over));
    }
    assert!(all.knows(MINE, 111 * HOUR_MS) && !all.knows(MINE, 112 * HOUR_MS) && !all.knows(YOURS, 0));
    reserve(&mut all, "ana", YOURS);
    assert!(all.is_closed_to(Some(MINE), "ana", 112 * HOUR_MS));
    all.release("ana", 200 * HOUR_MS);
    assert!(all.is_closed_to(None, "ana", 198 * HOUR_MS), "the clock was set back by two hours");
    assert!(!all.is_closed_to(None, "ana", 100 * HOUR_MS), "it was days ahead");
}

#[test]
fn a_silent_name_that_speaks_is_kept_for_long() {
    let mut all = Reservations::default();
    all.reserve(&named("ana"), MINE, at(1), false, 0);
    reserve(&mut all, "ana", MINE);
    reserve(&mut all, "ana", MINE);
    assert_eq!(all.take_changes().len(), 2, "the second time nothing is new");
    all.release("ana", 0);
    assert!(all.is_closed_to(None, "ana", 11 * HOUR_MS));
}

#[test]
fn a_name_whose_time_is_over_is_not_its_old_keys_again_because_somebody_takes_it() {
    for next in [None, Some(MINE)] {
        let mut all = Reservations::default();
        reserve(&mut all, "ana", MINE);
        all.release("ana", 0);
        all.hold("ana", next, 13 * HOUR_MS);
        all.release("ana", 13 * HOUR_MS);
        assert!(!all.is_closed_to(None, "ana", 13 * HOUR_MS));
        assert_eq!(all.take_changes().last(), Some(&RoomChange::Forget("ana".into())));
    }
}

#[test]
fn of_a_keys_names_the_one_left_longest_ago_makes_room() {
    let mut all = Reservations::default();
    for (time, text) in ["a", "b", "c", "d", "e"].iter().enumerate() {
        reserve(&mut all, text, MINE);
        all.release(text, time as i64);
    }
    all.hold("a", Some(MINE), 5);
    all.take_changes();
    reserve(&mut all, "f", MINE);
    let forgotten = RoomChange::Forget("b".into());
    assert_eq!(all.take_changes().first(), Some(&forgotten), "a is here again");
    assert!(all.is_closed_to(None, "f", 10) && !all.is_closed_to(None, "b", 10));
}

#[test]
fn who_is_here_under_as_many_names_as_a_key_may_hold_gets_no_more() {
    let mut all = Reservations::default();
    for text in ["a", "b", "c", "d", "e", "f"] {
        reserve(&mut all, text, MINE);
    }
    assert!(all.is_closed_to(None, "e", 0) && !all.is_closed_to(None, "f", 0));
}

#[test]
fn an_address_has_its_share_and_loses_none_of_it_to_its_own_newcomers() {
    let mut all = Reservations::default();
    for number in 0..limits::RESERVATIONS_PER_ADDRESS + 10 {
        let text = number.to_string();
        all.reserve(&named(&text), key(number), at(1), true, HOUR_MS);
        all.release(&text, HOUR_MS + number as i64);
    }
    let kept = |all: &Reservations, number: usize| all.is_closed_to(None, &number.to_string(), 2 * HOUR_MS);
    assert!(kept(&all, 0) && kept(&all, limits::RESERVATIONS_PER_ADDRESS - 1));
    assert!(!kept(&all, limits::RESERVATIONS_PER_ADDRESS));
    all.reserve(&named("elsewhere"), MINE, at(2), false, HOUR_MS);
    assert!(all.is_closed_to(None, "elsewhere", HOUR_MS), "another address has its own");
    all.reserve(&named("later"), YOURS, at(1), false, 13 * HOUR_MS);
    assert!(all.is_closed_to(None, "later", 13 * HOUR_MS), "in place of one that has run out");
    assert_eq!(all.by_name.len(), limits::RESERVATIONS_PER_ADDRESS + 1);
}

/// All places taken: `most` of them by one address, the others by addresses with a few each.
fn full(most: usize) -> Reservations {
    let mut all = Reservations::default();
    for number in 0..limits::RESERVATIONS {
        let (text, from) = (number.to_string(), if number < most { 1 } else { 2 + number % 4_000 });
        all.reserve(&named(&text), key(number), at(from), true, 0);
        all.release(&text, number as i64);
    }
    assert_eq!((all.by_name.len(), all.by_key.len()), (limits::RESERVATIONS, limits::RESERVATIONS));
    all
}

#[test]
fn where_all_places_are_taken_the_address_that_holds_most_loses_its_oldest_to_who_speaks() {
    let mut all = full(500);
    let kept = |all: &Reservations, number: usize| all.is_closed_to(None, &number.to_string(), HOUR_MS);
    all.reserve(&named("new"), MINE, at(9_000), false, HOUR_MS);
    assert!(!all.is_closed_to(None, "new", HOUR_MS), "whoever only comes pushes nobody out");
    assert!(kept(&all, 0) && kept(&all, 500));
    all.reserve(&named("new"), MINE, at(9_000), true, HOUR_MS);
    assert!(all.is_closed_to(None, "new", HOUR_MS));
    assert!(!kept(&all, 0) && kept(&all, 1) && kept(&all, 500));
    all.reserve(&named("mine"), YOURS, at(1), true, HOUR_MS);
    assert!(!all.is_closed_to(None, "mine", HOUR_MS) && kept(&all, 1), "those who hold most get no more");
    all.hold("1", Some(key(1)), HOUR_MS);
    all.reserve(&named("newer"), key(1 << 40), at(9_001), true, HOUR_MS);
    assert!(kept(&all, 1) && !kept(&all, 2), "whoever is here stays");
    assert_eq!(all.by_name.len(), limits::RESERVATIONS);
}

#[test]
fn what_has_run_out_makes_room_for_everybody() {
    let mut all = full(500);
    let later = limits::RESERVED.as_millis() as i64 + 1;
    all.reserve(&named("new"), MINE, at(9_000), false, later);
    assert!(all.is_closed_to(None, "new", later) && all.by_name.len() == limits::RESERVATIONS);
}

#[test]
fn nothing_is_left_of_what_is_forgotten() {
    let mut all = Reservations::default();
    reserve(&mut all, "ana", MINE);
    all.release("ana", 5);
    all.hold("ana", Some(MINE), 6);
    all.release("ana", 7);
    all.forget("ana");
    all.reserve(&named("ben"), MINE, at(1), false, 8);
    all.forget_silent("ben");
    assert!(all.by_name.is_empty() && all.by_key.is_empty() && all.by_address.is_empty());
}
