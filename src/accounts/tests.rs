use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::thread;

use super::*;
use crate::accounts::password::Password;
use crate::store::Store;

struct Room {
    accounts: Accounts,
    _store: Store,
    folder: tempfile::TempDir,
}

fn room() -> Room {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("chat.db")).expect("opens");
    let connect = || store.connect().expect("connects");
    let accounts = Accounts::open(connect(), connect(), "http://room.lan:5000").expect("opens");
    Room { accounts, _store: store, folder }
}

const HERE: Asker<'static> =
    Asker { address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), device: None, session: None };
const ELSEWHERE: Asker<'static> =
    Asker { address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), device: None, session: None };

fn email(text: &str) -> Email {
    Email::parse(text).expect("an address")
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

impl Room {
    fn sign_up(&self, text: &str) -> NewSession {
        let address = email(&format!("{text}@school.example"));
        let password = Password::given(&format!("{text}'s own secret"));
        self.accounts.sign_up(&address, &name(text), &password, &HERE).expect("signed up")
    }

    fn log_in(&self, address: &str, password: &str, asker: &Asker) -> Result<NewSession, LoginError> {
        self.accounts.log_in(&email(address), &Password::given(password), asker)
    }

    fn is_logged_in(&self, session: &NewSession) -> bool {
        self.accounts.session(&session.token).expect("reads").is_some()
    }

    fn token(&self, link: &ResetLink) -> Token {
        let (address, token) = link.url.split_once("/#reset=").expect("a link");
        assert_eq!(address, "http://room.lan:5000");
        Token::parse(token).expect("a token")
    }
}

fn account_of(session: &NewSession) -> AccountId {
    session.session.member.as_ref().expect("a member's").account
}

#[test]
fn a_login_finds_its_account_however_the_address_is_written() {
    let room = room();
    let first = room.sign_up("Ana");
    let second = room.log_in("ANA@SCHOOL.example", "Ana's own secret", &HERE).expect("right");
    assert_eq!(
        (&second.session.member, second.email.as_str()),
        (&first.session.member, "Ana@school.example")
    );
    assert_ne!(first.token.hash(), second.token.hash(), "each login has a session of its own");
    let found = room.accounts.session(&second.token).expect("reads").expect("logged in");
    let found_name = found.member.as_ref().map(|member| member.name.display());
    assert_eq!((found_name, found.role(), found.token), (Some("Ana"), Role::Member, second.token.hash()));
    assert!(room.is_logged_in(&first), "and the other one goes on");
    assert!(room.accounts.session(&Token::random().expect("random")).expect("reads").is_none());
    assert!(room.accounts.log_out(&second.session.token).expect("written"));
    assert!(!room.is_logged_in(&second) && room.is_logged_in(&first));
    assert!(!room.accounts.log_out(&second.session.token).expect("written"), "once");
}

#[test]
fn address_and_name_are_one_accounts() {
    let room = room();
    room.sign_up("Ana");
    let password = Password::given("another secret");
    for (address, who) in [("ana@SCHOOL.example", "Ben"), ("ben@school.example", "аna")] {
        let refused = room.accounts.sign_up(&email(address), &name(who), &password, &HERE);
        assert!(matches!(refused, Err(SignUpError::Taken)), "{address} {who}");
    }
    assert!(room.accounts.is_known(&email("ana@school.EXAMPLE")).expect("reads"));
    assert_eq!(room.accounts.names().expect("reads").len(), 1);
}

#[test]
fn a_login_takes_the_place_of_the_session_that_is_shown_and_of_the_oldest() {
    let room = room();
    let first = room.sign_up("Ana");
    let shown = Asker { session: Some(first.token.hash()), ..HERE };
    let second = room.log_in("ana@school.example", "Ana's own secret", &shown).expect("right");
    assert_eq!(second.ended, [first.token.hash()]);
    assert!(!room.is_logged_in(&first));
    let many: Vec<_> = (0..limits::ACCOUNT_SESSIONS)
        .map(|_| room.log_in("ana@school.example", "Ana's own secret", &HERE).expect("right"))
        .collect();
    assert_eq!(many.iter().map(|session| session.ended.len()).sum::<usize>(), 1);
    assert!(!room.is_logged_in(&second) && many.iter().all(|session| room.is_logged_in(session)));
}

#[test]
fn failures_make_their_own_address_wait_and_nobody_else() {
    let room = room();
    let (device, foreign) = (room.sign_up("Ana").device, room.sign_up("Ben").device);
    let wrong =
        |asker: &Asker| room.log_in("ana@school.example", "wrong", asker).map(drop).expect_err("wrong");
    for _ in 0..limits::LOGIN_FAILURES.0 {
        assert!(matches!(wrong(&HERE), LoginError::Wrong));
    }
    assert!(matches!(wrong(&HERE), LoginError::Wait(_)));
    // The wait is short, so what has to meet it comes first.
    let right = |asker: &Asker| room.log_in("ana@school.example", "Ana's own secret", asker);
    assert!(matches!(right(&Asker { device: Some(&foreign), ..HERE }), Err(LoginError::Wait(_))));
    assert!(
        matches!(right(&HERE), Err(LoginError::Wait(_))),
        "not even the right one, or it could be guessed"
    );
    right(&ELSEWHERE).expect("another address is free");
    right(&Asker { device: Some(&device), ..HERE }).expect("so is a browser that was logged in before");
    room.log_in("ben@school.example", "Ben's own secret", &HERE).expect("and other accounts at this address");
}

#[test]
fn who_guesses_at_a_shared_computer_makes_only_that_one_wait() {
    let room = room();
    let shared = room.sign_up("Ana").device;
    let right = |asker: &Asker| room.log_in("ana@school.example", "Ana's own secret", asker);
    let own = right(&ELSEWHERE).expect("right").device;
    assert_ne!(shared, own);
    let guesser = Asker { device: Some(&shared), ..HERE };
    let again = right(&guesser).expect("right").device;
    assert_eq!(again, shared, "logging in again makes no further device");
    for _ in 0..limits::LOGIN_FAILURES.0 {
        let wrong = room.log_in("ana@school.example", "wrong", &guesser).map(drop).expect_err("wrong");
        assert!(matches!(wrong, LoginError::Wrong));
    }
    assert!(matches!(right(&guesser), Err(LoginError::Wait(_))));
    right(&Asker { device: Some(&own), ..HERE }).expect("her own is free, even at the same address");
}

#[test]
fn who_tries_one_account_after_the_other_waits_at_all_of_them() {
    let room = room();
    let (device, free) = (room.sign_up("Ana").device, limits::ADDRESS_FAILURES.0);
    let right = |asker: &Asker| room.log_in("ana@school.example", "Ana's own secret", asker);
    let mut failed = 0;
    while let LoginError::Wrong =
        room.log_in(&format!("nobody{failed}@school.example"), "wrong", &HERE).map(drop).expect_err("nobody")
    {
        failed += 1;
        if failed == free / 2 {
            right(&HERE).expect("what succeeds takes nothing of it away");
        }
        // Some may be forgiven meanwhile, where the machine is slow.
        assert!(failed < free + free / 2, "{failed} accounts were tried");
    }
    assert!(failed >= free, "only {failed}");
    assert!(matches!(right(&HERE), Err(LoginError::Wait(_))));
    right(&ELSEWHERE).expect("another address is free");
    right(&Asker { device: Some(&device), ..HERE }).expect("so is a browser that was logged in before");
}

#[test]
fn an_unknown_address_fails_and_waits_like_a_known_one() {
    let room = room();
    let try_it = || room.log_in("nobody@school.example", "wrong", &HERE).map(drop).expect_err("nobody");
    for _ in 0..limits::LOGIN_FAILURES.0 {
        assert!(matches!(try_it(), LoginError::Wrong));
    }
    assert!(matches!(try_it(), LoginError::Wait(_)));
}

#[test]
fn another_password_ends_the_other_sessions_and_the_link() {
    let room = room();
    let (mine, other) =
        (room.sign_up("Ana"), room.log_in("ana@school.example", "Ana's own secret", &HERE).expect("right"));
    let link = room.accounts.issue_reset_of(&name("ana")).expect("written").expect("known");
    assert!(room.accounts.request_reset(&email("ana@school.example")).expect("written"));
    let change = |current: &str| {
        room.accounts.change_password(
            &mine.session,
            &Password::given(current),
            &Password::given("brand new one"),
            &HERE,
        )
    };
    assert!(matches!(change("wrong"), Err(LoginError::Wrong)));
    assert!(room.is_logged_in(&other), "nothing happened");
    change("Ana's own secret").expect("changed");
    assert!(room.accounts.reset_requests().expect("reads").is_empty(), "no host has to do anything");
    assert!(room.is_logged_in(&mine) && !room.is_logged_in(&other));
    room.log_in("ana@school.example", "brand new one", &HERE).expect("the new one");
    assert!(matches!(room.log_in("ana@school.example", "Ana's own secret", &HERE), Err(LoginError::Wrong)));
    let reset = room.accounts.reset(&room.token(&link), "yet another one", &HERE);
    assert!(matches!(reset, Err(ResetError::Invalid)));
}

#[test]
fn a_deleted_account_leaves_its_name_and_nothing_else() {
    let room = room();
    let session = room.sign_up("Ana");
    assert!(matches!(
        room.accounts.delete(&session.session, &Password::given("wrong"), &HERE),
        Err(LoginError::Wrong)
    ));
    room.accounts.delete(&session.session, &Password::given("Ana's own secret"), &HERE).expect("deleted");
    assert!(!room.is_logged_in(&session));
    assert!(matches!(room.log_in("ana@school.example", "Ana's own secret", &HERE), Err(LoginError::Wrong)));
    assert!(room.accounts.issue_reset_of(&name("Ana")).expect("reads").is_none());
    let password = Password::given("another secret");
    let again = room.accounts.sign_up(&email("ana@school.example"), &name("Ana"), &password, &HERE);
    assert!(matches!(again, Err(SignUpError::Taken)), "the name stays hers");
    room.accounts
        .sign_up(&email("ana@school.example"), &name("Anna"), &password, &HERE)
        .expect("the address is free");
}

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
    assert!(matches!(reset(&older, "brand new one"), Err(ResetError::Invalid)), "superseded");
    assert!(matches!(reset(&newer, "12345678"), Err(ResetError::Password(_))), "and it still works");
    assert_eq!(reset(&newer, "brand new one").expect("reset"), account_of(&session));
    assert!(!room.is_logged_in(&session));
    room.log_in("ana@school.example", "brand new one", &HERE).expect("the new one");
    assert!(matches!(reset(&newer, "brand new two"), Err(ResetError::Invalid)), "used");
}

#[test]
fn who_could_not_remember_the_password_does_not_wait_with_the_new_one() {
    let room = room();
    room.sign_up("Ana");
    let log_in = |password| room.log_in("ana@school.example", password, &HERE);
    for _ in 0..limits::LOGIN_FAILURES.0 {
        assert!(matches!(log_in("wrong"), Err(LoginError::Wrong)));
    }
    let link = room.accounts.issue_reset_of(&name("Ana")).expect("written").expect("known");
    room.accounts.reset(&room.token(&link), "brand new one", &HERE).expect("reset");
    log_in("brand new one").expect("at once");
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
    assert!(matches!(late, Err(ResetError::Invalid)));
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
    let is_void = |link: &ResetLink| matches!(reset(link, "never this"), Err(ResetError::Invalid));
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

#[test]
fn the_files_hold_no_secret_in_the_clear() {
    let room = room();
    let session = room.sign_up("Ana");
    let link = room.accounts.issue_reset_of(&name("Ana")).expect("written").expect("known");
    let secrets: BTreeSet<String> =
        ["Ana's own secret".to_owned(), session.token.text(), room.token(&link).text(), session.device]
            .into();
    let mut read = 0;
    for file in std::fs::read_dir(room.folder.path()).expect("reads") {
        let bytes = std::fs::read(file.expect("a file").path()).expect("reads");
        read += bytes.len();
        for secret in &secrets {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret}");
        }
        for raw in [&session.token, &room.token(&link)].map(|token| token.raw()) {
            assert!(!bytes.windows(32).any(|part| part == raw));
        }
    }
    assert!(read > 4096, "the accounts are in there");
}
