//! Whose each message is: kept beside its tab, a row for each time that somebody else speaks in it.

use std::collections::HashSet;

use rusqlite::{Connection, Row, params};

use super::error::ReadError;
use super::{Store, sql, to_sql};
use crate::limits;
use crate::protocol::names::Name;
use crate::protocol::{AccountId, KeyHash, Position, Role};
use crate::room::kept::Identifier;

/// What somebody was known by when they spoke.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Speaker {
    pub account: Option<AccountId>,
    /// Hash of the browser's `guest_key`.
    pub key: Option<KeyHash>,
    /// Hash of the browser's cookie.
    pub browser: Option<KeyHash>,
}

/// Who has said a message.
#[derive(Debug)]
pub(crate) struct Author {
    username: String,
    pub is_host: bool,
    pub tab: KeyHash,
    pub speaker: Speaker,
}

impl Speaker {
    /// Who it was that spoke in this tab: an account, or a browser's key and the tab.
    pub(super) fn persons(&self, tab: KeyHash) -> impl Iterator<Item = Identifier> {
        let account = self.account.map(Identifier::Account);
        let key = self.key.filter(|_| account.is_none()).map(Identifier::Guest);
        let tab = account.is_none().then_some(Identifier::Tab(tab));
        [account, key, tab].into_iter().flatten()
    }

    fn from_row(row: &Row, first: usize) -> rusqlite::Result<Speaker> {
        Ok(Speaker { account: row.get(first)?, key: row.get(first + 1)?, browser: row.get(first + 2)? })
    }
}

impl Author {
    /// Whether the message stands under this name.
    pub(crate) fn is_called(&self, name: &Name) -> bool {
        is_name(&self.username, name)
    }

    /// The persons that it may be.
    pub(crate) fn persons(&self) -> Vec<Identifier> {
        self.speaker.persons(self.tab).collect()
    }

    /// Their browser. An account has several, which are known otherwise.
    pub(crate) fn browser(&self) -> Option<Identifier> {
        let browser = self.speaker.browser.filter(|_| self.speaker.account.is_none());
        browser.map(Identifier::Browser)
    }
}

/// Whether this is the name as it was shown, or as it is compared.
pub(super) fn is_name(username: &str, name: &Name) -> bool {
    username == name.display() || Name::parse(username).is_ok_and(|it| it.folded() == name.folded())
}

/// From a message on, who speaks in a tab.
pub(super) fn note(db: &Connection, tab: i64, since: Position, speaker: &Speaker) -> rusqlite::Result<()> {
    let insert = "INSERT INTO speakers (tab, since, account, key, browser) VALUES (?1, ?2, ?3, ?4, ?5)";
    let Speaker { account, key, browser } = speaker;
    sql::run(db, insert, params![tab, to_sql(since), account, key, browser]).map(drop)
}

/// Who spoke in a tab at a position.
pub(super) fn speaker_at(db: &Connection, tab: i64, at: Position) -> rusqlite::Result<Speaker> {
    let select = "SELECT account, key, browser FROM speakers WHERE tab = ?1 AND since <= ?2
                  ORDER BY since DESC LIMIT 1";
    let found = sql::first(db, select, params![tab, to_sql(at)], |row| Speaker::from_row(row, 0))?;
    Ok(found.unwrap_or_default()) // before that was kept, nothing was known
}

/// All who spoke in a tab, each with the position from which on.
pub(super) fn speakers_in(db: &Connection, tab: i64) -> rusqlite::Result<Vec<(Position, Speaker)>> {
    let select = "SELECT since, account, key, browser FROM speakers WHERE tab = ?1 ORDER BY since";
    sql::all(db, select, [tab], |row| Ok((row.get(0)?, Speaker::from_row(row, 1)?)))
}

pub(super) fn author_at(db: &Connection, message_id: Position) -> rusqlite::Result<Option<Author>> {
    let select =
        "SELECT username, role, tab, key FROM messages JOIN tabs ON tabs.id = tab WHERE position = ?1";
    let found = sql::first(db, select, [to_sql(message_id)], |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)? == Role::Host as i64, row.get::<_, i64>(2)?, row.get(3)?))
    })?;
    let Some((username, is_host, tab, key)) = found else { return Ok(None) };
    Ok(Some(Author { username, is_host, tab: key, speaker: speaker_at(db, tab, message_id)? }))
}

impl Store {
    /// Who has said a message, deleted or not.
    pub(crate) fn author_of(&self, message_id: Position) -> Result<Option<Author>, ReadError> {
        Ok(author_at(&self.db, message_id)?)
    }

    /// Who has spoken last under a name, but for hosts, among the newest [`limits::AUTHOR_ROWS`] messages.
    pub(crate) fn last_author(&self, name: &Name) -> Result<Option<Author>, ReadError> {
        let select =
            "SELECT position, username FROM messages WHERE role <> ?1 ORDER BY position DESC LIMIT ?2";
        let mut select = self.db.prepare_cached(select)?;
        let mut rows = select.query(params![Role::Host as i64, limits::AUTHOR_ROWS])?;
        let mut others: HashSet<String> = HashSet::new(); // comparing a name takes longer than reading a row
        while let Some(row) = rows.next()? {
            let username = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
            if others.contains(username) {
                continue;
            }
            if is_name(username, name) {
                return Ok(author_at(&self.db, row.get(0)?)?);
            }
            others.insert(username.to_owned());
        }
        Ok(None)
    }
}
