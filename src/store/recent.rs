//! Finding what somebody has said lately, in whichever name: by the tabs that have spoken under one.

use std::collections::HashSet;

use super::error::ReadError;
use super::read::Reader;
use super::{clear, sql, to_sql};
use crate::limits;
use crate::protocol::Position;
use crate::protocol::names::Name;

impl Reader {
    /// The messages since `since_ms` of every tab that has spoken as `name` since then, newest first: at most
    /// [`limits::DELETE_RECENT`], among the newest [`limits::RECENT_ROWS`] of the log.
    pub(crate) fn recent_of(&self, name: &Name, since_ms: i64) -> Result<Vec<Position>, ReadError> {
        let snapshot = self.db.unchecked_transaction()?;
        let rows = to_sql(limits::RECENT_ROWS);
        let select =
            "SELECT position FROM (SELECT position, at FROM messages ORDER BY position DESC LIMIT ?2)
                      WHERE at < ?1 LIMIT 1";
        let before: Option<Position> = sql::value(&snapshot, select, [since_ms, rows])?;
        let select =
            "SELECT min(position) FROM (SELECT position FROM messages ORDER BY position DESC LIMIT ?1)";
        let oldest: Option<Position> = sql::value(&snapshot, select, [rows])?.flatten();
        let after = before.or(oldest.map(|oldest| oldest - 1)).unwrap_or(0).max(clear::cleared(&snapshot)?);
        let is_theirs = |username: &str| {
            username == name.display() || Name::parse(username).is_ok_and(|it| it.folded() == name.folded())
        };
        let mut select =
            snapshot.prepare_cached("SELECT DISTINCT username, tab FROM messages WHERE position > ?1")?;
        let mut tabs = HashSet::new();
        let mut rows = select.query([to_sql(after)])?;
        while let Some(row) = rows.next()? {
            if is_theirs(&row.get::<_, String>(0)?) {
                tabs.insert(row.get::<_, i64>(1)?);
            }
        }
        let mut select = snapshot.prepare_cached(
            "SELECT position, tab FROM messages WHERE position > ?1 AND deleted = 0 ORDER BY position DESC",
        )?;
        let mut found = Vec::new();
        let mut rows = select.query([to_sql(after)])?;
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
