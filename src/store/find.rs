//! Looking through the log, newest first, without an index: in pages as short as those of history, so that neither the
//! write-ahead log nor another reader waits for a search.

use rusqlite::params;

use super::error::ReadError;
use super::positions::{gap_start, has_older, head};
use super::reactions::counts_of;
use super::read::{Reader, bytes, message_at};
use super::{clear, to_sql};
use crate::limits;
use crate::protocol::search::Matcher;
use crate::protocol::{Message, Position};

/// Deleted messages in a row that are passed over before the rest of their run is jumped: a jump costs about as much as so
/// many rows.
const DELETED_IN_A_ROW: usize = 32;

/// One page of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundPage {
    /// The messages that match, newest first.
    pub positions: Vec<Position>,
    /// All from here on has been looked at: go on before it.
    pub down_to: Position,
    /// Whether there are messages before that.
    pub more: bool,
    /// Messages that were looked at.
    pub rows: usize,
    /// Bytes of their texts.
    pub bytes: usize,
}

/// Messages that were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundMessages {
    /// In the order of their positions as given.
    pub messages: Vec<Message<'static>>,
    /// How many of these positions that stands for.
    pub answered: usize,
    /// The newest position when they were read.
    pub head: Position,
    /// The log was cleared up to here then.
    pub cleared: Position,
}

impl Reader {
    /// Looks for the newest messages before `position` that match: at most `limit`, in at most
    /// [`limits::SEARCH_PAGE_ROWS`] messages and about [`limits::SEARCH_PAGE_BYTES`] of text.
    pub(crate) fn find(
        &self,
        matcher: &mut Matcher<'_>,
        position: Position,
        limit: usize,
    ) -> Result<FoundPage, ReadError> {
        let snapshot = self.db.unchecked_transaction()?;
        let mut select = snapshot.prepare_cached(
            "SELECT position, deleted OR position <= (SELECT cleared FROM room), text, username FROM messages
             WHERE position < ?1 ORDER BY position DESC LIMIT ?2",
        )?;
        let mut page = FoundPage { positions: Vec::new(), down_to: position, more: true, rows: 0, bytes: 0 };
        let mut deleted_in_a_row = 0;
        'page: while page.more {
            let left = limits::SEARCH_PAGE_ROWS - page.rows;
            let mut rows = select.query(params![to_sql(page.down_to), left])?;
            loop {
                if page.rows == limits::SEARCH_PAGE_ROWS
                    || page.bytes >= limits::SEARCH_PAGE_BYTES
                    || page.positions.len() == limit
                {
                    break 'page;
                }
                let Some(row) = rows.next()? else {
                    page.more = false;
                    break;
                };
                page.rows += 1;
                page.down_to = row.get(0)?;
                if row.get(1)? {
                    deleted_in_a_row += 1;
                    if deleted_in_a_row == DELETED_IN_A_ROW {
                        deleted_in_a_row = 0;
                        page.down_to = gap_start(&snapshot, page.down_to)?;
                        break;
                    }
                    continue;
                }
                deleted_in_a_row = 0;
                let text = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
                let author = row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?;
                page.bytes += text.len();
                if matcher.matches(author, text) {
                    page.positions.push(page.down_to);
                }
            }
        }
        page.more = page.more && has_older(&snapshot, page.down_to.saturating_sub(1))?;
        Ok(page)
    }

    /// The messages at `positions`, but for those that are deleted, up to `max_bytes` of
    /// [`crate::protocol::encoded_bytes`] (but always one).
    pub(crate) fn messages_at(
        &self,
        positions: &[Position],
        max_bytes: usize,
    ) -> Result<FoundMessages, ReadError> {
        let snapshot = self.db.unchecked_transaction()?;
        let (head, cleared) = (head(&snapshot)?, clear::cleared(&snapshot)?);
        let (mut messages, mut size) = (Vec::new(), 0);
        for (index, position) in positions.iter().enumerate() {
            let Some(mut message) = message_at(&snapshot, *position)? else { continue };
            message.reactions = counts_of(&snapshot, message.id)?;
            size += bytes(&message);
            if size > max_bytes && !messages.is_empty() {
                return Ok(FoundMessages { messages, answered: index, head, cleared });
            }
            messages.push(message);
        }
        Ok(FoundMessages { messages, answered: positions.len(), head, cleared })
    }
}
