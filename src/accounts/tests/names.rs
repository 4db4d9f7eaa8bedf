//! Names that hosts take from accounts, and invite codes.

use super::*;
use crate::accounts::invite::InviteCode;
use crate::accounts::{Taken, free_name_beside};
use crate::protocol::{Message, Position};
use crate::store::{Change, NewMessage, Speaker};

fn said_by(username: &str) -> Change {
    let (username, text) = (username.into(), "hi".to_owned());
    Change::Message(NewMessage {
        at_ms: 0,
        username,
        role: Role::Member,
        text,
        tab: [7; 32],
        speaker: Speaker::default(),
        client_message_id: None,
        reply_to: None,
    })
}

impl Room {
    /// Another person, with an address of their own.
    fn sign_up_another(&self, text: &str) -> NewSession {
        let password = Password::given("Another's own secret");
        self.accounts
            .sign_up(&email("another@school.example"), &name(text), &password, &HERE)
            .expect("signed up")
    }

    fn say(&mut self, username: &str) {
        self._store.append([&said_by(username)]).expect("stored");
    }

    /// What the log shows everybody as.
    fn roles(&self) -> Vec<Role> {
        let page = self._store.readers().lend().expect("a reader").before(Position::MAX, 100, usize::MAX);
        page.expect("reads").messages.iter().map(|message: &Message| message.role).collect()
    }

    fn take(&self, session: &NewSession, from: &str, spare: &str) -> Taken {
        self.accounts.take_name(account_of(session), &name(from), &name(spare)).expect("works")
    }

    fn member(&self, session: &NewSession) -> Member {
        let found = self.accounts.session(&session.token).expect("reads").expect("logged in");
        found.member.clone().expect("a member")
    }
}

#[test]
fn an_account_whose_name_is_taken_is_called_otherwise_and_its_owner_chooses_once() {
    let room = room();
    let ana = room.sign_up("Ana");
    assert!(!room.member(&ana).chooses_name);
    assert!(matches!(room.accounts.choose_name(&ana.session, &name("Zoe")), Err(AccountError::Wrong)));
    assert_eq!(room.take(&ana, "ANA", "Member 1"), Taken::Renamed(name("Ana")), "as it was written");
    let member = room.member(&ana);
    assert_eq!((member.name.display(), member.chooses_name), ("Member 1", true));
    assert_eq!(room.take(&ana, "Ana", "Member 2"), Taken::Gone);
    let ben = room.sign_up("Ben");
    assert!(matches!(room.accounts.choose_name(&ana.session, &name("Ben")), Err(AccountError::Taken)));
    let (session, before) = room.accounts.choose_name(&ana.session, &name("Zoe")).expect("hers to choose");
    assert_eq!((session.member, before), (Some(room.member(&ana)), name("Member 1")));
    assert_eq!((room.member(&ana).name, room.member(&ana).chooses_name), (name("Zoe"), false));
    assert!(matches!(room.accounts.choose_name(&ana.session, &name("Cleo")), Err(AccountError::Wrong)));
    let again =
        room.log_in("ana@school.example", "Ana's own secret", &HERE).expect("the account is the same");
    assert_eq!(account_of(&again), account_of(&ana));
    assert_eq!(account_of(&room.sign_up_another("Ana")), account_of(&ben) + 1, "the name is anybody's");
}

#[test]
fn a_hosts_name_is_not_taken() {
    let room = room();
    let keller = room.sign_up("Keller");
    let asker = Asker { sessions: vec![keller.token.hash()], ..HERE };
    let host = room.accounts.become_host(room.accounts.start_key(), true, &asker).expect("a host");
    assert_eq!(room.take(&host, "Keller", "Member 1"), Taken::Hosts);
    room.accounts.log_out(&host.token.hash(), None).expect("logged out");
    assert_eq!(room.take(&host, "Keller", "Member 1"), Taken::Renamed(name("Keller")));
}

#[test]
fn what_was_said_stays_whose_it_was_whoever_has_the_name_next() {
    let mut room = room();
    let first = room.sign_up("Ana");
    room.say("Ana");
    assert_eq!(room.take(&first, "Ana", "Member 1"), Taken::Renamed(name("Ana")));
    room.say("Member 1");
    let second = room.sign_up_another("Ana");
    room.say("Ana");
    assert_eq!(room.roles(), [Role::Member; 3]);
    let password = Password::given("Another's own secret");
    room.accounts.delete(&second.session, &password, &HERE).expect("deleted");
    assert_eq!(room.roles(), [Role::Member, Role::Member, Role::Guest]);
    assert_eq!(room.take(&second, "Ana", "Member 9"), Taken::Nobodys(name("Ana")));
    assert_eq!(room.accounts.names().expect("reads"), [(name("Member 1"), account_of(&first))]);
    let third = room.sign_up_another("Ana");
    room.say("Ana");
    assert_eq!(room.roles(), [Role::Member, Role::Member, Role::Guest, Role::Member]);
    assert!(account_of(&third) > account_of(&second), "no account gets another's number");
    room.accounts.delete(&first.session, &Password::given("Ana's own secret"), &HERE).expect("deleted");
    assert_eq!(room.roles(), [Role::Guest, Role::Guest, Role::Guest, Role::Member]);
}

#[test]
fn a_name_is_freed_from_beside_the_room_once() {
    let room = room();
    let path = room.folder.path().join("chat.db");
    assert_eq!(room.accounts.names_to_free().expect("reads"), []);
    let error = free_name_beside(&path, &name("Ana")).expect_err("nobody's");
    assert!(error.ends_with("nobody has the name Ana, and it is kept for nobody"), "{error}");
    room.sign_up("Ana");
    for written in ["Ana", "aNA"] {
        free_name_beside(&path, &name(written)).expect("asked for");
    }
    let mut asked = room.accounts.names_to_free().expect("reads");
    asked.sort_by(|a, b| a.display().cmp(b.display()));
    assert_eq!(asked, [name("Ana"), name("aNA")]);
    assert_eq!(room.accounts.names_to_free().expect("reads"), []);
}

#[test]
fn a_code_is_kept_until_another_is_made() {
    let room = room();
    assert!(room.accounts.admits(None), "no code is needed");
    let code = room.accounts.need_invite().expect("a first one");
    let admits = |code: &InviteCode| room.accounts.admits(Some(&code.to_string()));
    assert!(admits(&code) && !room.accounts.admits(None) && !room.accounts.admits(Some("0000-0000-0000")));
    let next = room.accounts.new_invite().expect("another");
    assert!(admits(&next) && !admits(&code));
    let again = room.accounts.need_invite().expect("kept");
    assert_eq!(again.to_string(), next.to_string());
    assert!(admits(&next));
}
