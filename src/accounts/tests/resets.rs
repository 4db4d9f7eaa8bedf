//! Links to a new password.

use std::thread;

use super::*;

#[test]
fn a_reset_link_works_once_and_only_the_newest() {
    let room = room();
    let session = room.sign_up("Ana");
    let address = email("ana@school.example");
    assert!(room.accounts.request_reset(&address).expect("written"));
    assert!(!room.accounts.request_reset(&email("nobody@school.example")).expect("written"));
    let requests = room.accounts.reset_requests().expect("reads");
    assert_eq!(requests.iter().map(|request| request.username.as_str()).collect::<Vec<_>>(), ["Ana"]);
    let older = room.accounts.issue_reset_of(&name("Ana")).expect("written").expect("known");
    assert!(room.accounts.reset_requests().expect("reads").is_empty(), "it has been answered");
    let newer = room.accounts.issue_reset_of(&name("Ana")).expect("written").expect("known");
    let reset = |link: &ResetLink, password: &str| room.accounts.reset(&room.token(link), password, &HERE);
    assert!(matches!(reset(&older, "brand new one"), Err(AccountError::Wrong)), "superseded");
    assert!(matches!(reset(&newer, "12345678"), Err(AccountError::Password(_))), "and it still works");
    assert_eq!(reset(&newer, "brand new one").expect("reset"), account_of(&session));
    assert!(!room.is_logged_in(&session));
    room.log_in("ana@school.example", "brand new one", &HERE).expect("the new one");
    assert!(matches!(reset(&newer, "brand new two"), Err(AccountError::Wrong)), "used");
}

#[test]
fn a_login_with_the_old_password_does_not_outlast_a_reset_at_the_same_time() {
    let room = room();
    room.sign_up("Ana");
    let mut old = "Ana's own secret".to_owned();
    for round in 0..10 {
        let link = room.accounts.issue_reset_of(&name("Ana")).expect("written").expect("known");
        let new = format!("brand new number {round}");
        let session = thread::scope(|scope| {
            let (accounts, old) = (&room.accounts, Password::given(&old));
            let session = scope.spawn(move || accounts.log_in(&email("ana@school.example"), &old, &HERE));
            room.accounts.reset(&room.token(&link), &new, &HERE).expect("reset");
            session.join().expect("no panic")
        });
        if let Ok(session) = session {
            assert!(!room.is_logged_in(&session), "round {round}");
        }
        old = new;
    }
}

#[test]
fn a_reset_link_and_a_session_end_with_their_time() {
    let room = room();
    let session = room.sign_up("Ana");
    let link = room.accounts.issue_reset_of(&name("Ana")).expect("written").expect("known");
    let left_ms = link.expires_at_ms - crate::sys::clock::wall_clock_ms();
    assert!((0..=limits::RESET.as_millis() as i64).contains(&left_ms), "{left_ms}");
    room.accounts
        .writer()
        .execute("UPDATE password_resets SET expires_at = expires_at - ?1", [left_ms])
        .expect("past");
    let late = room.accounts.reset(&room.token(&link), "brand new one", &HERE);
    assert!(matches!(late, Err(AccountError::Wrong)));
    let month_ms = limits::SESSION.as_millis() as i64;
    room.accounts
        .writer()
        .execute("UPDATE sessions SET expires_at = expires_at - ?1", [month_ms])
        .expect("past");
    assert!(!room.is_logged_in(&session));
    assert_eq!(room.accounts.sweep().expect("written"), [session.token.hash()]);
    let left: i64 = room
        .accounts
        .reader()
        .query_row(
            "SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM password_resets)",
            [],
            |row| row.get(0),
        )
        .expect("reads");
    assert_eq!(left, 0);
}

#[test]
fn of_twenty_who_use_a_link_at_once_one_wins() {
    let room = room();
    room.sign_up("Ana");
    let link = room.accounts.issue_reset_of(&name("Ana")).expect("written").expect("known");
    let token = room.token(&link);
    let won: Vec<usize> = thread::scope(|scope| {
        let tries: Vec<_> = (0..20)
            .map(|number| {
                let (accounts, token) = (&room.accounts, &token);
                scope.spawn(move || {
                    accounts.reset(token, &format!("brand new number {number}"), &HERE).is_ok()
                })
            })
            .collect();
        let outcomes = tries.into_iter().map(|each| each.join().expect("no panic"));
        outcomes.enumerate().filter_map(|(number, won)| won.then_some(number)).collect()
    });
    let [winner] = won[..] else { panic!("{won:?} won") };
    room.log_in("ana@school.example", &format!("brand new number {winner}"), &HERE).expect("the winner's");
}

#[test]
fn a_link_is_mailed_now_and_then_and_voids_none_before() {
    let room = room();
    room.sign_up("Ana");
    let to = email("ana@school.example");
    let mailed = || room.accounts.issue_reset_to_mail(&to).expect("written");
    let later = || {
        let every_ms = limits::RESET_MAIL_EVERY.as_millis() as i64;
        let writer = room.accounts.writer();
        writer.execute("UPDATE password_resets SET expires_at = expires_at - ?1", [every_ms]).expect("aged");
    };
    let reset = |link: &ResetLink, password: &str| room.accounts.reset(&room.token(link), password, &HERE);
    let is_void = |link: &ResetLink| matches!(reset(link, "never this"), Err(AccountError::Wrong));
    assert!(room.accounts.issue_reset_to_mail(&email("nobody@school.example")).expect("reads").is_none());

    let first = mailed().expect("known");
    assert!(mailed().is_none(), "whoever asks again");
    later();
    let second = mailed().expect("time has passed");
    assert!(mailed().is_none());
    reset(&first, "brand new one").expect("the first one still works");
    assert!(is_void(&first) && is_void(&second), "with one of them all end");

    let third = mailed().expect("none is left");
    let issued = room.accounts.issue_reset_of(&name("Ana")).expect("written").expect("known");
    assert!(is_void(&third), "what a host issues takes its place");
    later();
    let fourth = mailed().expect("time has passed");
    reset(&issued, "brand new two").expect("and nobody voids it by asking");
    assert!(is_void(&fourth));

    let fifth = mailed().expect("none is left");
    let writer = room.accounts.writer();
    writer
        .execute("UPDATE password_resets SET expires_at = expires_at + 7200000", [])
        .expect("clock set back");
    drop(writer);
    assert!(is_void(&fifth), "and makes no link of a quarter of an hour last for as long");
    mailed().expect("a clock that was set back by two hours makes nobody wait for as long");
    assert!(mailed().is_none());
}

#[test]
fn a_link_from_outside_works_while_the_room_is_open() {
    let room = room();
    room.sign_up("Ana");
    let database = room.folder.path().join("chat.db");
    let link = issue_reset_beside(&database, &email("Ana@School.example")).expect("issued").expect("known");
    room.accounts.reset(&room.token(&link), "brand new one", &HERE).expect("reset");
    assert!(issue_reset_beside(&database, &email("nobody@school.example")).expect("reads").is_none());
    let missing = issue_reset_beside(&room.folder.path().join("none.db"), &email("a@b")).expect_err("none");
    assert!(missing.contains("none.db") && missing.contains("--database"), "{missing}");
}
