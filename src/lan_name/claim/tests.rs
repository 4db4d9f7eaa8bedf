use std::time::Duration;

use super::*;

const NO_LAG: Duration = Duration::ZERO;
const HERE: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 5);
const CABLE: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 6);
const OWN: [Ipv4Addr; 2] = [HERE, CABLE];
const THEIRS: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 200);

/// Does all that is due until nothing is, or `until`.
fn run(claim: &mut Claim, now: &mut Instant) -> Vec<Act> {
    let mut acts = Vec::new();
    while let Some(due) = claim.due() {
        *now = (*now).max(due);
        acts.extend(claim.act(*now));
    }
    acts
}

fn kept(label: &str, port: u16) -> (Claim, Instant) {
    let mut now = Instant::now();
    let mut claim = Claim::new(label, port, NO_LAG, now);
    run(&mut claim, &mut now);
    (claim, now)
}

fn named(claim: &Claim) -> Option<String> {
    claim.outcome().flatten()
}

fn question(text: &str, kind: u16) -> Message {
    Message { questions: vec![Question { name: name(text), kind }], ..Message::default() }
}

#[test]
fn a_name_is_asked_for_three_times_and_then_said() {
    let start = Instant::now();
    let (mut claim, mut now) = (Claim::new("chat", 5000, NO_LAG, start), start);
    assert_eq!(claim.act(start), Some(Act::Ask));
    assert_eq!((claim.act(start), claim.outcome()), (None, None), "not before its time");
    assert!(claim.answer(&question("chat.local", A), HERE).is_none(), "not ours yet");
    assert_eq!(run(&mut claim, &mut now), [Act::Ask, Act::Ask, Act::Tell, Act::Tell]);
    assert_eq!(named(&claim).as_deref(), Some("chat.local"));
    assert!(now - start < Duration::from_secs(3));
}

#[test]
fn a_name_that_somebody_has_is_left_to_them() {
    let (theirs, _) = kept("chat", 80);
    let mut now = Instant::now();
    let mut claim = Claim::new("chat", 5000, NO_LAG, now);
    assert_eq!(claim.act(now), Some(Act::Ask));
    let answer = theirs.answer(&claim.ask(HERE), THEIRS).expect("they have it");
    claim.hear(&answer, HERE, &OWN, now);
    run(&mut claim, &mut now);
    assert_eq!(named(&claim).as_deref(), Some("chat-2.local"));
    // Whoever kept it and hears another asks once more, and stays if they are gone.
    let mut third = kept("chat", 5000).0;
    third.hear(&theirs.tell(THEIRS), HERE, &OWN, now);
    assert_eq!(third.outcome(), None);
    run(&mut third, &mut now);
    assert_eq!(named(&third).as_deref(), Some("chat.local"));
}

#[test]
fn another_room_on_this_machine_has_another_name() {
    let (first, mut now) = kept("chat", 5000);
    let mut second = Claim::new("chat", 5001, NO_LAG, now);
    second.act(now);
    second.hear(&first.answer(&second.ask(HERE), HERE).expect("it is taken"), HERE, &OWN, now);
    run(&mut second, &mut now);
    assert_eq!(named(&second).as_deref(), Some("chat-2.local"));
}

#[test]
fn what_this_machine_says_in_another_network_card_is_no_strangers() {
    let start = Instant::now();
    let (mut claim, mut now) = (Claim::new("chat", 5000, NO_LAG, start), start);
    claim.act(start);
    claim.hear(&claim.ask(CABLE), HERE, &OWN, start);
    claim.hear(&claim.tell(CABLE), HERE, &OWN, start);
    run(&mut claim, &mut now);
    claim.hear(&claim.tell(CABLE), HERE, &OWN, now);
    assert_eq!(named(&claim).as_deref(), Some("chat.local"));
}

#[test]
fn of_two_who_ask_at_once_one_gets_it() {
    let start = Instant::now();
    let (mut low, mut high) =
        (Claim::new("chat", 5000, NO_LAG, start), Claim::new("chat", 5000, NO_LAG, start));
    low.act(start);
    high.act(start);
    let (from_low, from_high) = (low.ask(HERE), high.ask(THEIRS));
    low.hear(&from_high, HERE, &[HERE], start);
    high.hear(&from_low, THEIRS, &[THEIRS], start);
    let mut now = start;
    run(&mut high, &mut now);
    assert_eq!(named(&high).as_deref(), Some("chat.local"));
    assert_eq!(low.act(start + LAN_LOST_PAUSE), Some(Act::Ask));
    low.hear(&high.answer(&low.ask(HERE), THEIRS).expect("taken"), HERE, &[HERE], now);
    run(&mut low, &mut now);
    assert_eq!(named(&low).as_deref(), Some("chat-2.local"));
}

#[test]
fn of_two_who_ask_at_once_one_gets_it_whatever_their_ports() {
    let start = Instant::now();
    for (here, there) in [(5000, 5001), (5001, 5000), (5000, 5000)] {
        let mut low = Claim::new("chat", here, NO_LAG, start);
        let mut high = Claim::new("chat", there, NO_LAG, start);
        low.act(start);
        high.act(start);
        let (from_low, from_high) = (low.ask(HERE), high.ask(THEIRS));
        low.hear(&from_high, HERE, &[HERE], start);
        high.hear(&from_low, THEIRS, &[THEIRS], start);
        assert_eq!((low.step, high.step), (Step::Asking(0), Step::Asking(1)), "{here}, {there}");
    }
    // Two rooms of one machine are told by their ports.
    let (mut low, high) = (Claim::new("chat", 5000, NO_LAG, start), Claim::new("chat", 5001, NO_LAG, start));
    low.act(start);
    low.hear(&high.ask(HERE), HERE, &OWN, start);
    assert_eq!(low.step, Step::Asking(0));
}

#[test]
fn those_who_begin_at_one_moment_do_not_ask_at_one() {
    let (start, lag) = (Instant::now(), Duration::from_millis(77));
    let mut late = Claim::new("chat", 5000, lag, start);
    assert_eq!((late.act(start), late.due()), (None, Some(start + lag)));
    assert_eq!(late.act(start + lag), Some(Act::Ask));
    late.hear(&kept("chat", 5000).0.ask(THEIRS), HERE, &OWN, start);
    assert_eq!(late.due(), Some(start + LAN_LOST_PAUSE + lag));
    late.begin_again(start);
    assert_eq!(late.due(), Some(start + lag));
}

#[test]
fn whoever_takes_every_name_gets_them_all_and_another_network_begins_afresh() {
    let mut now = Instant::now();
    let mut claim = Claim::new("chat", 5000, NO_LAG, now);
    for _ in 0..LAN_NAMES {
        assert_eq!(claim.outcome(), None);
        claim.act(now);
        let taken = Record { name: claim.host(), ..claim.records(THEIRS).remove(0) };
        claim.hear(&Message::answer(vec![taken], Vec::new()), HERE, &OWN, now);
    }
    assert_eq!((claim.outcome(), claim.act(now)), (Some(None), None));
    claim.begin_again(now);
    run(&mut claim, &mut now);
    assert_eq!(named(&claim).as_deref(), Some("chat.local"));
}

#[test]
fn names_that_were_all_taken_are_tried_again_later() {
    let start = Instant::now();
    let (mut claim, mut now) = (Claim::new("chat", 5000, NO_LAG, start), start);
    for _ in 0..LAN_NAMES {
        let taken = Record { name: claim.host(), ..claim.records(THEIRS).remove(0) };
        claim.hear(&Message::answer(vec![taken], Vec::new()), HERE, &OWN, start);
    }
    assert_eq!((claim.outcome(), claim.act(start + LAN_AGAIN / 2)), (Some(None), None));
    run(&mut claim, &mut now);
    assert_eq!(named(&claim).as_deref(), Some("chat.local"));
    assert!(now - start > LAN_AGAIN);
}

#[test]
fn what_is_asked_is_answered_and_the_rest_goes_along() {
    let (claim, _) = kept("chat", 5000);
    let kinds = |asked: Message| {
        let answer = claim.answer(&asked, HERE)?;
        let kinds = |records: &[Record]| records.iter().map(|record| record.kind).collect::<Vec<_>>();
        assert_eq!(
            answer.answers.len() + answer.more.len(),
            5 + usize::from(asked.questions[0].name == name(KINDS))
        );
        Some(kinds(&answer.answers))
    };
    assert_eq!(kinds(question("chat.local", A)), Some(vec![A]));
    assert_eq!(
        kinds(question("chat.local", 28)),
        Some(vec![NSEC]),
        "there is no IPv6: nobody has to wait for it"
    );
    assert_eq!(kinds(question("chat.local", ANY)), Some(vec![A, NSEC]));
    assert_eq!(kinds(question(WEB, PTR)), Some(vec![PTR]));
    assert_eq!(kinds(question("chat._http._tcp.local", SRV)), Some(vec![SRV]));
    assert_eq!(kinds(question(KINDS, PTR)), Some(vec![PTR]));
    assert_eq!(kinds(question("chat-2.local", A)), None);
    let known = Message { answers: vec![shared(WEB, claim.service())], ..question(WEB, PTR) };
    assert_eq!(kinds(known), None, "they know it");
}
