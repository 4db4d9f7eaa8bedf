//! What accounts promise, on real files.

mod failures;
mod names;
mod resets;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

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
    Asker { address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), devices: Vec::new(), sessions: Vec::new() };
const ELSEWHERE: Asker<'static> =
    Asker { address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), devices: Vec::new(), sessions: Vec::new() };

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

    fn log_in(&self, address: &str, password: &str, asker: &Asker) -> Result<NewSession, AccountError> {
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
        (&second.session.member, room.accounts.email_of(account_of(&second)).expect("reads").as_deref()),
        (&first.session.member, Some("Ana@school.example"))
    );
    assert_ne!(first.token.hash(), second.token.hash(), "each login has a session of its own");
    let found = room.accounts.session(&second.token).expect("reads").expect("logged in");
    let found_name = found.member.as_ref().map(|member| member.name.display());
    assert_eq!((found_name, found.role(), found.token), (Some("Ana"), Role::Member, second.token.hash()));
    assert!(room.is_logged_in(&first), "and the other one goes on");
    assert!(room.accounts.session(&Token::random().expect("random")).expect("reads").is_none());
    assert!(room.accounts.log_out(&second.session.token, None).expect("written"));
    assert!(!room.is_logged_in(&second) && room.is_logged_in(&first));
    assert!(!room.accounts.log_out(&second.session.token, None).expect("written"), "once");
}

#[test]
fn address_and_name_are_one_accounts() {
    let room = room();
    room.sign_up("Ana");
    let password = Password::given("another secret");
    for (address, who) in [("ana@SCHOOL.example", "Ben"), ("ben@school.example", "ANA")] {
        let refused = room.accounts.sign_up(&email(address), &name(who), &password, &HERE);
        assert!(matches!(refused, Err(AccountError::Taken)), "{address} {who}");
    }
    assert!(room.accounts.is_known(&email("ana@school.EXAMPLE")).expect("reads"));
    assert_eq!(room.accounts.names().expect("reads").len(), 1);
}

#[test]
fn a_login_takes_the_place_of_the_session_that_is_shown_and_of_the_oldest() {
    let room = room();
    let first = room.sign_up("Ana");
    let shown = Asker { sessions: vec![first.token.hash()], ..HERE };
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
    assert!(matches!(change("wrong"), Err(AccountError::Wrong)));
    assert!(room.is_logged_in(&other), "nothing happened");
    change("Ana's own secret").expect("changed");
    assert!(room.accounts.reset_requests().expect("reads").is_empty(), "no host has to do anything");
    assert!(room.is_logged_in(&mine) && !room.is_logged_in(&other));
    room.log_in("ana@school.example", "brand new one", &HERE).expect("the new one");
    assert!(matches!(room.log_in("ana@school.example", "Ana's own secret", &HERE), Err(AccountError::Wrong)));
    let reset = room.accounts.reset(&room.token(&link), "yet another one", &HERE);
    assert!(matches!(reset, Err(AccountError::Wrong)));
}

#[test]
fn a_deleted_account_leaves_its_name_and_nothing_else() {
    let room = room();
    let session = room.sign_up("Ana");
    assert!(matches!(
        room.accounts.delete(&session.session, &Password::given("wrong"), &HERE),
        Err(AccountError::Wrong)
    ));
    room.accounts.delete(&session.session, &Password::given("Ana's own secret"), &HERE).expect("deleted");
    assert!(!room.is_logged_in(&session));
    assert!(matches!(room.log_in("ana@school.example", "Ana's own secret", &HERE), Err(AccountError::Wrong)));
    assert!(room.accounts.issue_reset_of(&name("Ana")).expect("reads").is_none());
    let password = Password::given("another secret");
    let again = room.accounts.sign_up(&email("ana@school.example"), &name("Ana"), &password, &HERE);
    assert!(matches!(again, Err(AccountError::Taken)), "the name stays hers");
    room.accounts
        .sign_up(&email("ana@school.example"), &name("Anna"), &password, &HERE)
        .expect("the address is free");
}

#[test]
fn the_files_hold_no_secret_in_the_clear() {
    let room = room();
    let session = room.sign_up("Ana");
    let link = room.accounts.issue_reset_of(&name("Ana")).expect("written").expect("known");
    let secrets: BTreeSet<String> = [
        "Ana's own secret".to_owned(),
        session.token.text(),
        room.token(&link).text(),
        session.device.expect("a device"),
    ]
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
