use super::*;
use crate::protocol::ErrorCode;

const KEY: Identifier = Identifier::Guest([1; 32]);
const TAB: Identifier = Identifier::Tab([2; 32]);

fn moderation() -> Moderation {
    Moderation::new(Settings::default(), Vec::new(), Vec::new())
}

fn name(text: &str) -> Name {
    Name::stored(text.into(), text.into())
}

fn held(text: &str, identifiers: &[Identifier]) -> HeldBack {
    HeldBack { name: name(text), identifiers: identifiers.iter().cloned().collect() }
}

fn known(identifier: Identifier) -> [Identifier; 1] {
    [identifier]
}

#[test]
fn who_is_held_back_is_known_by_any_mark_and_by_the_name_only_without_proof() {
    let mut moderation = moderation();
    moderation.hold(Hold::Mute, held("ana", &[KEY, TAB])).expect("room for one");
    moderation.hold(Hold::Mute, held("ben", &[TAB])).expect("room for two");
    assert!(moderation.is_muted("cleo", &[KEY]) && moderation.is_muted("cleo", &[TAB]));
    assert!(!moderation.is_muted("ana", &[]), "somebody else, who only has her name");
    assert!(moderation.is_muted("ben", &[]), "nobody has proved to be Ben");
    assert!(!moderation.is_removed(&[KEY]));
    moderation.release(Hold::Mute, &name("ana")).expect("was muted");
    assert!(!moderation.is_muted("ana", &[KEY]) && moderation.is_muted("ana", &[TAB]), "Ben's tab too");
    assert_eq!(moderation.release(Hold::Mute, &name("ana")), None);
}

#[test]
fn held_back_twice_is_known_by_all_marks_and_let_back_once() {
    let mut moderation = moderation();
    moderation.hold(Hold::Ban, held("ana", &[KEY])).expect("room");
    moderation.hold(Hold::Ban, held("ana", &[TAB])).expect("room");
    assert!(moderation.is_removed(&[KEY]) && moderation.is_removed(&[TAB]));
    assert!(moderation.is_name_out("ana"));
    moderation.release(Hold::Ban, &name("ana")).expect("was out");
    assert!(!moderation.is_removed(&[KEY, TAB]) && !moderation.is_name_out("ana"));
}

#[test]
fn nobody_new_looks_like_who_is_out() {
    let mut moderation = moderation();
    moderation.hold(Hold::Ban, held("paula", &[KEY])).expect("room");
    moderation.hold(Hold::Ban, held("paula", &[TAB])).expect("room");
    moderation.hold(Hold::Mute, held("ivan", &[])).expect("room");
    assert!(moderation.is_look_out(&name("Раula")) && moderation.is_look_out(&name("pauIa")));
    assert!(!moderation.is_look_out(&name("Paul")) && !moderation.is_look_out(&name("lvan")));
    moderation.release(Hold::Ban, &name("paula")).expect("was out");
    assert!(!moderation.is_look_out(&name("Раula")));
}

#[test]
fn a_mark_that_turns_out_to_be_theirs_holds_as_long_as_the_one_it_follows() {
    let mut moderation = moderation();
    let account = Identifier::Account(1);
    moderation.hold(Hold::Mute, held("ana", &[KEY])).expect("room");
    moderation.hold(Hold::Ban, held("ben", &[TAB])).expect("room");
    moderation.take_changes();
    moderation.follow(&KEY, &account);
    assert!(
        moderation.is_muted("zoe", std::slice::from_ref(&account))
            && !moderation.is_removed(std::slice::from_ref(&account))
    );
    let stored = RoomChange::Hold(Hold::Mute, held("ana", &[KEY, account.clone()]));
    assert_eq!(moderation.take_changes(), [stored]);
    moderation.release(Hold::Mute, &name("ana")).expect("was muted");
    assert!(!moderation.is_muted("zoe", &[KEY, account.clone()]));
}

#[test]
fn what_somebody_who_is_out_comes_back_with_is_known_from_then_on_and_not_without_end() {
    let mut moderation = moderation();
    let address = Identifier::Address([192, 0, 2, 1].into());
    let browser = |number: u8| Identifier::Browser([number; 32]);
    moderation.hold(Hold::Ban, held("ana", &[KEY, address.clone()])).expect("room");
    moderation.take_changes();
    moderation.recognise(&[TAB, address.clone(), browser(1)]);
    assert!(!moderation.is_removed(&[browser(1)]), "others come from that address");
    moderation.recognise(&[KEY, address.clone(), browser(1)]);
    assert!(moderation.is_removed(&[browser(1)]));
    let stored = RoomChange::Hold(Hold::Ban, held("ana", &[KEY, address.clone(), browser(1)]));
    assert_eq!(moderation.take_changes(), [stored]);
    moderation.recognise(&[browser(1), KEY]);
    assert!(moderation.take_changes().is_empty(), "nothing new");
    (2..=200).for_each(|number| moderation.recognise(&[KEY, browser(number)]));
    assert_eq!(moderation.take_changes().len(), limits::HELD_BACK_IDENTIFIERS - 3);
    assert!(moderation.is_removed(&[browser(2)]) && !moderation.is_removed(&[browser(200)]));
    let many: Vec<Identifier> = (0..=250).map(|number| Identifier::Tab([number; 32])).collect();
    moderation.hold(Hold::Ban, held("ben", &[&many[..], &[KEY]].concat())).expect("room");
    assert_eq!(
        moderation.removed.of(&KEY)[1].identifiers.len(),
        limits::HELD_BACK_IDENTIFIERS,
        "the surest stay"
    );
}

#[test]
fn slow_mode_counts_from_the_last_message_of_each() {
    let (mut moderation, start) = (moderation(), Instant::now());
    let after = |ms| Some(start + Duration::from_millis(ms));
    moderation.set(|settings| settings.slow_mode_seconds = 10);
    moderation.speak(false, known(KEY), after(1_000)).expect("the first");
    let refusal = moderation.speak(false, known(KEY), after(4_500)).expect_err("too early");
    assert_eq!((refusal.code, refusal.retry_after_ms), (ErrorCode::SlowMode, Some(6_500)));
    moderation.speak(false, known(TAB), after(4_500)).expect("somebody else");
    moderation.speak(false, known(KEY), after(11_000)).expect("in time");
    moderation.unspeak(start + Duration::from_millis(11_000));
    moderation.speak(false, known(KEY), after(11_001)).expect("it was not stored");
    moderation.speak(false, known(TAB), after(11_001)).expect_err("this one was");
    moderation.set(|settings| settings.slow_mode_seconds = 0);
    moderation.speak(false, known(KEY), after(11_001)).expect("no slow mode");
}

#[test]
fn only_so_many_speakers_are_remembered_and_the_latest_of_them() {
    let (mut moderation, start) = (moderation(), Instant::now());
    moderation.set(|settings| settings.slow_mode_seconds = 3_600);
    for number in 0..limits::SLOW_MODE_SPEAKERS as u64 + 100 {
        let name = Identifier::Name(number.to_string().into());
        let now = Some(start + Duration::from_millis(number));
        moderation.speak(false, [name], now).expect("somebody new");
        assert!(moderation.spoken.len() <= limits::SLOW_MODE_SPEAKERS);
    }
    let later = Some(start + Duration::from_secs(1_000));
    let mut speaks_again =
        |number: usize| moderation.speak(false, [Identifier::Name(number.to_string().into())], later).is_ok();
    assert!(!speaks_again(limits::SLOW_MODE_SPEAKERS + 99) && !speaks_again(100), "they are remembered");
    assert!(speaks_again(99), "who spoke before them is not");
}

#[test]
fn locked_goes_before_muted_goes_before_slow() {
    let (mut moderation, now) = (moderation(), Instant::now());
    moderation
        .set(|settings| *settings = Settings { locked: true, slow_mode_seconds: 5, ..settings.clone() });
    let code = |moderation: &mut Moderation, muted| {
        moderation.speak(muted, known(KEY), Some(now)).err().map(|it| it.code)
    };
    assert_eq!(code(&mut moderation, true), Some(ErrorCode::Locked));
    moderation.set(|settings| settings.locked = false);
    assert_eq!(code(&mut moderation, true), Some(ErrorCode::Muted));
    assert_eq!(code(&mut moderation, false), None, "neither refusal made the time run");
    assert_eq!(code(&mut moderation, false), Some(ErrorCode::SlowMode));
}

#[test]
fn only_so_many_are_held_back() {
    let mut moderation = moderation();
    for number in 0..limits::HELD_BACK {
        moderation.hold(Hold::Mute, held(&number.to_string(), &[])).expect("room");
    }
    let refusal = moderation.hold(Hold::Mute, held("one more", &[])).expect_err("full");
    assert_eq!(refusal.code, ErrorCode::BadRequest);
    moderation.hold(Hold::Mute, held("7", &[KEY])).expect("the same again");
}

#[test]
fn what_changes_nothing_is_not_stored() {
    let mut moderation = moderation();
    assert!(moderation.set(|settings| settings.locked = true));
    assert!(!moderation.set(|settings| settings.locked = true));
    assert_eq!(moderation.take_changes().len(), 1);
}
