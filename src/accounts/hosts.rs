//! Hosts: a browser that has opened a host link runs the room for as long as that session lasts.
//!
//! A link holds a key of 256 bits. The one that is shown at start is kept in memory and counts on the host's own computer
//! alone, so that a photo of the projector is worth nothing; those of `chat-app host-link` count from everywhere and are
//! kept as hashes. All links and host sessions belong to a generation: `host-link --new` begins the next one, which ends
//! everything of those before.

use std::path::Path;
use std::time::Instant;

use rusqlite::Connection;

use super::token::{Token, same};
use super::{AccountError, Accounts, Asker, NewSession, Unavailable, beside, sessions};
use crate::limits;
use crate::protocol::ResetRequest;
use crate::store::sql;

/// Counts how often the links were voided.
pub(crate) type HostGeneration = i64;

/// News of accounts for hosts, and of hosts for the room; changed from outside too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostNews {
    /// Hosts of earlier generations have ended.
    pub generation: HostGeneration,
    /// The newest first.
    pub reset_requests: Vec<ResetRequest>,
}

impl Accounts {
    /// The key of the link that is shown at start.
    pub fn start_key(&self) -> &Token {
        &self.start_key.0
    }

    /// The key of the link that the host's browser is opened with.
    pub fn first_key(&self) -> &Token {
        self.first_key.key()
    }

    /// Begins a host's session for who knows a key: in place of the session they have, for its account if it has one.
    /// `is_here` says whether they ask from the host's own computer.
    pub fn become_host(&self, key: &Token, is_here: bool, asker: &Asker) -> Result<NewSession, AccountError> {
        let (start_key, started) = &self.start_key;
        sql::at_once(&mut self.writer(), |transaction| {
            let generation = generation(transaction)?;
            let is_current = generation == *started;
            let is_start = same(&key.hash(), &start_key.hash());
            let is_first = same(&key.hash(), &self.first_key.key().hash());
            if is_current && !is_here && (is_start || is_first) {
                return Err(AccountError::Elsewhere);
            }
            if is_current && is_start {
                log::debug!("the host link of this start was opened");
            } else if is_current && is_first {
                if !self.first_key.spend(key, Instant::now()) {
                    return Err(AccountError::Spent);
                }
                log::info!("the room has opened its host's browser");
            } else if !transaction.prepare("SELECT 1 FROM host_keys WHERE key = ?1")?.exists([key.hash()])? {
                return Err(AccountError::Wrong);
            }
            let shown = sessions::first(transaction, &asker.sessions)?;
            let member = shown.and_then(|session| session.member);
            Ok(sessions::begin(transaction, member, Some(generation), &asker.sessions)?)
        })
    }

    /// The news as they are now.
    pub fn host_news(&self) -> Result<HostNews, Unavailable> {
        let generation = generation(&self.reader())?;
        Ok(HostNews { generation, reset_requests: self.reset_requests()? })
    }
}

pub(super) fn generation(db: &Connection) -> rusqlite::Result<HostGeneration> {
    db.prepare_cached("SELECT host_generation FROM room")?.query_row([], |row| row.get(0))
}

/// A link that makes its opener a host, from any device, made from outside of the server, whether or not it runs. With
/// `void_earlier`, no earlier link works any more, and whoever has become a host by one is none from then on.
///
/// # Errors
/// A sentence that says what to do.
pub fn make_host_link_beside(database: &Path, void_earlier: bool) -> Result<String, String> {
    beside(database, |db, address| {
        let key = make_key(db, void_earlier)?;
        Ok(format!("{address}/#host={}", key.text()))
    })
}

fn make_key(db: &mut Connection, void_earlier: bool) -> Result<Token, Unavailable> {
    let token = Token::random()?;
    sql::at_once(db, |transaction| {
        if void_earlier {
            transaction.execute_batch(
                "UPDATE room SET host_generation = host_generation + 1;
                 DELETE FROM host_keys;
                 DELETE FROM sessions WHERE host IS NOT NULL;",
            )?;
        }
        sql::run(transaction, "INSERT INTO host_keys (key) VALUES (?1)", [token.hash()])?;
        let oldest =
            "DELETE FROM host_keys WHERE id NOT IN (SELECT id FROM host_keys ORDER BY id DESC LIMIT ?1)";
        sql::run(transaction, oldest, [limits::HOST_KEYS])?;
        Ok(token)
    })
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::accounts::email::Email;
    use crate::accounts::password::Password;
    use crate::accounts::token::TokenHash;
    use crate::protocol::Role;
    use crate::protocol::names::Name;
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

    /// Somebody at this computer, with this session's cookie.
    fn showing(session: Option<TokenHash>) -> Asker<'static> {
        let sessions = session.into_iter().collect();
        Asker { address: IpAddr::V4(Ipv4Addr::LOCALHOST), devices: Vec::new(), sessions }
    }

    impl Room {
        fn link(&self, void_earlier: bool) -> Token {
            let link =
                make_host_link_beside(&self.folder.path().join("chat.db"), void_earlier).expect("a link");
            Token::parse(link.strip_prefix("http://room.lan:5000/#host=").expect("a link")).expect("a key")
        }

        fn open(
            &self,
            key: &Token,
            is_here: bool,
            session: Option<TokenHash>,
        ) -> Result<NewSession, AccountError> {
            self.accounts.become_host(key, is_here, &showing(session))
        }

        fn role(&self, session: &NewSession) -> Option<Role> {
            self.accounts.session(&session.token).expect("reads").map(|session| session.role())
        }
    }

    #[test]
    fn the_link_of_the_start_counts_here_alone_and_others_everywhere() {
        let room = room();
        assert!(matches!(room.open(room.accounts.start_key(), false, None), Err(AccountError::Elsewhere)));
        let here = room.open(room.accounts.start_key(), true, None).expect("a host");
        let link = room.link(false);
        let elsewhere = room.open(&link, false, None).expect("a host");
        room.open(&link, false, None).expect("as often as one likes");
        assert_eq!((room.role(&here), room.role(&elsewhere)), (Some(Role::Host), Some(Role::Host)));
        let first = room.accounts.first_key();
        assert!(matches!(room.open(first, false, None), Err(AccountError::Elsewhere)), "not even spent");
        assert_eq!(room.role(&room.open(first, true, None).expect("a host")), Some(Role::Host));
        assert!(matches!(room.open(first, true, None), Err(AccountError::Spent)), "once");
        let nobodys = Token::random().expect("random");
        assert!(matches!(room.open(&nobodys, true, None), Err(AccountError::Wrong)));
    }

    #[test]
    fn a_new_link_ends_all_earlier_ones_and_the_hosts_made_by_them() {
        let room = room();
        let old = room.link(false);
        let host = room.open(&old, false, None).expect("a host");
        let before = room.accounts.host_news().expect("reads").generation;
        let new = room.link(true);
        assert_eq!(room.accounts.host_news().expect("reads").generation, before + 1);
        assert_eq!(room.role(&host), None);
        for key in [&old, room.accounts.start_key()] {
            assert!(matches!(room.open(key, true, None), Err(AccountError::Wrong)));
        }
        let host = room.open(&new, false, None).expect("a host");
        assert_eq!(host.session.host, Some(before + 1));
    }

    #[test]
    fn a_host_has_a_new_session_in_place_of_the_old_one() {
        let room = room();
        let first = room.open(room.accounts.start_key(), true, None).expect("a host");
        let second = room.open(room.accounts.start_key(), true, Some(first.token.hash())).expect("a host");
        assert_eq!(second.ended, [first.token.hash()]);
        assert_eq!((room.role(&first), room.role(&second)), (None, Some(Role::Host)));
    }

    #[test]
    fn who_logs_in_stays_a_host_until_their_time_is_over() {
        let room = room();
        let (email, name) =
            (Email::parse("ana@school.example").expect("an address"), Name::parse("Ana").expect("a name"));
        let password = Password::given("Ana's own secret");
        let host = room.open(room.accounts.start_key(), true, None).expect("a host");
        let session = room
            .accounts
            .sign_up(&email, &name, &password, &showing(Some(host.token.hash())))
            .expect("signed up");
        assert_eq!(session.session.role(), Role::Host);
        room.accounts.writer().execute("UPDATE sessions SET expires_at = 0", []).expect("past");
        let session =
            room.accounts.log_in(&email, &password, &showing(Some(session.token.hash()))).expect("right");
        assert_eq!(session.session.role(), Role::Member);
    }

    #[test]
    fn only_so_many_links_and_sessions_last() {
        let room = room();
        let first = room.link(false);
        for _ in 0..limits::HOST_KEYS {
            room.link(false);
        }
        assert!(matches!(room.open(&first, true, None), Err(AccountError::Wrong)));
        let open = || room.open(room.accounts.start_key(), true, None).expect("a host");
        let sessions: Vec<_> = (0..limits::HOST_SESSIONS + 10).map(|_| open()).collect();
        let lasting = sessions.iter().filter(|session| room.role(session).is_some()).count();
        assert_eq!(lasting, limits::HOST_SESSIONS);
    }
}
