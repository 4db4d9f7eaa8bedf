//! Finding what somebody has said lately, in whichever name: by their tabs.
//!
//! A name can be another's by now, a host's even, who took it. So an open tab is whose it is; a name only tells for those that are
//! gone, or where nobody has it any more.

use std::collections::{HashMap, HashSet};

use rusqlite::{Transaction, params};

use super::error::ReadError;
use super::read::Reader;
use super::{clear, sql, to_sql};
use crate::limits;
use crate::protocol::names::Name;
use crate::protocol::{KeyHash, Position, Role};
use crate::room::kept::Identifier;

/// What somebody has said since a time, to be found.
#[derive(Debug)]
pub struct Recent {
    pub name: Name,
    pub minutes: u32,
    /// Milliseconds since 1970 UTC.
    pub since_ms: i64,
    /// One of theirs, where that is known: the name alone can be several people's, one after the other.
    pub message_id: Option<Position>,
    /// Who has the name now, and is no host.
    pub here: Vec<Identifier>,
    /// Every tab that is open.
    pub open: HashMap<KeyHash, OpenTab>,
}

#[derive(Debug)]
pub struct OpenTab {
    pub person: Identifier,
    pub is_host: bool,
}

impl Recent {
    /// Whether a tab is theirs, which has spoken under the name or not.
    fn has(&self, tab: &KeyHash, has_spoken: bool, author: Option<&KeyHash>) -> bool {
        let of_author = author.and_then(|author| self.open.get(author)).map(|open| &open.person);
        let is_whose = |person: &Identifier| match author {
            Some(_) => of_author == Some(person),
            None => self.here.contains(person),
        };
        let is_anothers_now = author.is_some() && !self.here.is_empty() && !self.here.iter().any(is_whose);
        match self.open.get(tab) {
            Some(open) if open.is_host => false,
            Some(open) => is_whose(&open.person) || author.is_none() && self.here.is_empty() && has_spoken,
            None => author == Some(tab) || has_spoken && !is_anothers_now,
        }
    }
}

impl Reader {
    /// Their messages since then, newest first: at most [`limits::DELETE_RECENT`], among the newest [`limits::RECENT_ROWS`] of the
    /// log. What a host has said is none of them.
    pub(crate) fn recent_of(&self, recent: &Recent) -> Result<Vec<Position>, ReadError> {
        let snapshot = self.db.unchecked_transaction()?;
        let rows = to_sql(limits::RECENT_ROWS);
        let select =
            "SELECT position FROM (SELECT position, at FROM messages ORDER BY position DESC LIMIT ?2)
                      WHERE at < ?1 LIMIT 1";
        let before: Option<Position> = sql::value(&snapshot, select, params![recent.since_ms, rows])?;
        let select =
            "SELECT min(position) FROM (SELECT position FROM messages ORDER BY position DESC LIMIT ?1)";
        let oldest: Option<Position> = sql::value(&snapshot, select, [rows])?.flatten();
        let after = before.or(oldest.map(|oldest| oldest - 1)).unwrap_or(0).max(clear::cleared(&snapshot)?);
        let tabs = tabs_of(&snapshot, recent, after)?;
        let mut select = snapshot.prepare_cached(
            "SELECT position, tab FROM messages WHERE position > ?1 AND deleted = 0 AND role <> ?2 ORDER BY position DESC",
        )?;
        let mut found = Vec::new();
        let mut rows = select.query(params![to_sql(after), Role::Host as i64])?;
        while let Some(row) = rows.next()?
            && found.len() < limits::DELETE_RECENT
        {
            if tabs.contains(&row.get(1)?) {
                found.push(row.get(0)?);
            }
        }
        Ok(found)
    }
}

/// Of the tabs that have spoken after a position, those that are theirs.
fn tabs_of(db: &Transaction, recent: &Recent, after: Position) -> rusqlite::Result<HashSet<i64>> {
    let is_name = |username: &str| {
        username == recent.name.display()
            || Name::parse(username).is_ok_and(|it| it.folded() == recent.name.folded())
    };
    let mut spoken: HashMap<i64, bool> = HashMap::new();
    let select = "SELECT DISTINCT username, tab FROM messages WHERE position > ?1";
    for (username, tab) in sql::all(db, select, [to_sql(after)], |row| <(String, i64)>::try_from(row))? {
        *spoken.entry(tab).or_default() |= is_name(&username);
    }
    let select = "SELECT key FROM tabs JOIN messages ON tabs.id = tab WHERE position = ?1";
    let author: Option<KeyHash> = match recent.message_id {
        Some(message_id) => sql::value(db, select, [to_sql(message_id)])?,
        None => None,
    };
    let mut tabs = HashSet::new();
    for (tab, has_spoken) in spoken {
        let key: Option<KeyHash> = sql::value(db, "SELECT key FROM tabs WHERE id = ?1", [tab])?;
        if key.is_some_and(|key| recent.has(&key, has_spoken, author.as_ref())) {
            tabs.insert(tab);
        }
    }
    Ok(tabs)
}
