//! Finding what somebody has said lately, in whichever name and tab.
//!
//! A name can be another's by now, a host's even, who took it. So one of their messages says best who is meant; a name is that of
//! who has it now, and of all who spoke under it where nobody has it any more.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, params};

use super::error::ReadError;
use super::read::Reader;
use super::speakers::{Speaker, author_at, is_name, speakers_in};
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
    pub here: HashSet<Identifier>,
    /// Tabs in which a host is now.
    pub host_tabs: HashSet<KeyHash>,
}

/// A message, as far as it says whose it is.
struct Said {
    position: Position,
    username: String,
    tab: i64,
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
        let mut tabs = Tabs { db: &snapshot, known: HashMap::new() };
        let meant = meant(&snapshot, &mut tabs, recent, after)?;
        let mut found = Vec::new();
        each_said(&snapshot, after, |said, is_deleted| {
            let (tab, speaker) = tabs.speaker(said)?;
            let is_theirs =
                !recent.host_tabs.contains(&tab) && speaker.persons(tab).any(|it| meant.contains(&it));
            if is_theirs && !is_deleted && found.len() < limits::DELETE_RECENT {
                found.push(said.position);
            }
            Ok(())
        })?;
        Ok(found)
    }
}

/// Who is meant, by all that they may be known by.
fn meant(
    db: &Connection,
    tabs: &mut Tabs,
    recent: &Recent,
    after: Position,
) -> rusqlite::Result<HashSet<Identifier>> {
    if let Some(message_id) = recent.message_id {
        let author = author_at(db, message_id)?.filter(|author| author.is_called(&recent.name));
        // Before they signed up they spoke in the same tab.
        let of_author =
            author.map(|author| author.persons().into_iter().chain([Identifier::Tab(author.tab)]).collect());
        return Ok(of_author.unwrap_or_default());
    }
    if !recent.here.is_empty() {
        return Ok(recent.here.clone());
    }
    let (mut meant, mut names) = (HashSet::new(), HashMap::new());
    each_said(db, after, |said, _| {
        if !names.contains_key(&said.username) {
            names.insert(said.username.clone(), is_name(&said.username, &recent.name));
        }
        if names[&said.username] {
            let (tab, speaker) = tabs.speaker(said)?;
            if recent.host_tabs.contains(&tab) {
                return Ok(());
            }
            meant.extend(speaker.persons(tab).chain([Identifier::Tab(tab)]));
        }
        Ok(())
    })?;
    Ok(meant)
}

/// What anybody but hosts has said after a position, newest first, and whether it is deleted.
fn each_said(
    db: &Connection,
    after: Position,
    mut take: impl FnMut(&Said, bool) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let select = "SELECT position, username, tab, deleted FROM messages WHERE position > ?1 AND role <> ?2
                  ORDER BY position DESC";
    let mut select = db.prepare_cached(select)?;
    let mut rows = select.query(params![to_sql(after), Role::Host as i64])?;
    while let Some(row) = rows.next()? {
        take(&Said { position: row.get(0)?, username: row.get(1)?, tab: row.get(2)? }, row.get(3)?)?;
    }
    Ok(())
}

/// The tabs that were met so far: each one's key, and who spoke in it from which position on.
struct Tabs<'a> {
    db: &'a Connection,
    known: HashMap<i64, (KeyHash, Vec<(Position, Speaker)>)>,
}

impl Tabs<'_> {
    fn speaker(&mut self, said: &Said) -> rusqlite::Result<(KeyHash, Speaker)> {
        if !self.known.contains_key(&said.tab) {
            let key = sql::value(self.db, "SELECT key FROM tabs WHERE id = ?1", [said.tab])?;
            self.known.insert(said.tab, (key.unwrap_or_default(), speakers_in(self.db, said.tab)?));
        }
        let (key, speakers) = &self.known[&said.tab];
        let speaker = speakers.iter().rev().find(|(since, _)| *since <= said.position);
        Ok((*key, speaker.map(|(_, speaker)| *speaker).unwrap_or_default()))
    }
}
