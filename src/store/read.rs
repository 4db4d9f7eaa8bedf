//! Reading the log in bounded pages, forwards to catch up and backwards for history. Each page is one short snapshot: a
//! long one would keep the write-ahead log from starting over.

use std::borrow::Cow;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row, params};

use super::error::{OpenError, OpenProblem, ReadError, is_share};
use super::file::Strays;
use super::positions::{gap_start, has_older, head};
use super::reactions::counts_of;
use super::{clear, file, mark, owner, schema, sql, to_sql};
use crate::limits;
use crate::protocol::signs::Counts;
use crate::protocol::{Message, Position, Role, encoded_bytes};

/// The columns of [`message_from_row`], in its order. Somebody without an account any more is shown as a guest, also in
/// earlier messages: asked for here, since overwriting them would be a long write. Whose a name was that has passed on, its position
/// tells.
pub(super) const COLUMNS: &str = "position, at,
    iif(role > 0 AND coalesce(
        (SELECT users.password IS NULL FROM former_names JOIN users ON users.id = former_names.user
         WHERE former_names.display = username AND former_names.until >= position ORDER BY former_names.until LIMIT 1),
        EXISTS (SELECT 1 FROM users WHERE display = username AND password IS NULL)), 0, role),
    deleted OR position <= (SELECT cleared FROM room), username, client_message_id, text,
    (SELECT reply_to FROM replies WHERE replies.position = messages.position)";

pub(super) fn message_from_row(row: &Row) -> rusqlite::Result<Message<'static>> {
    let deleted = row.get(3)?;
    Ok(Message {
        id: row.get(0)?,
        at: row.get(1)?,
        role: match row.get(2)? {
            2 => Role::Host,
            1 => Role::Member,
            _ => Role::Guest,
        },
        deleted,
        username: Cow::Owned(row.get(4)?),
        client_message_id: row.get::<_, Option<String>>(5)?.map(Cow::Owned),
        // The row keeps as many blanks as the text had bytes.
        message: if deleted { Cow::Borrowed("") } else { Cow::Owned(row.get(6)?) },
        reply_to: row.get(7)?,
        reactions: Counts::default(), // of pages alone
    })
}

/// A message that is still there.
pub(super) fn message_at(db: &Connection, position: Position) -> rusqlite::Result<Option<Message<'static>>> {
    let select = format!("SELECT {COLUMNS} FROM messages WHERE position = ?1");
    let found = sql::first(db, &select, [to_sql(position)], message_from_row)?;
    Ok(found.filter(|message| !message.deleted))
}

/// The measure of pages.
pub(super) fn bytes(message: &Message) -> usize {
    let id = message.client_message_id.as_deref();
    encoded_bytes(&message.message, &message.username, id, message.reply_to.is_some())
        + message.reactions.encoded_bytes()
}

/// One entry of the log, as someone who catches up needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LogEntry {
    /// A message that is still there.
    Message(Message<'static>),
    /// What a message has by now; the reader may have seen it or not.
    Reactions {
        /// The entry's own position.
        position: Position,
        message_id: Position,
        counts: Counts,
    },
    /// A message was deleted; the reader may never have seen it.
    Deletion {
        /// The deletion's own position.
        position: Position,
        /// The deleted message's.
        message_id: Position,
    },
}

impl LogEntry {
    /// The measure of pages.
    fn bytes(&self) -> usize {
        match self {
            LogEntry::Message(message) => bytes(message),
            LogEntry::Reactions { counts, .. } => limits::DELETION_BYTES + counts.encoded_bytes(),
            LogEntry::Deletion { .. } => limits::DELETION_BYTES,
        }
    }

    /// The entry's own position.
    pub(crate) fn position(&self) -> Position {
        match self {
            LogEntry::Message(message) => message.id,
            LogEntry::Reactions { position, .. } | LogEntry::Deletion { position, .. } => *position,
        }
    }
}

/// A piece of the log, forwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogPage {
    /// In position order.
    pub entries: Vec<LogEntry>,
    /// The page stands for all positions up to this one: go on after it.
    pub through: Position,
    /// Whether the log went further when the page was read. A page can be empty, with more after it.
    pub more: bool,
    /// The log was cleared up to here when the page was read.
    pub cleared: Position,
}

/// A piece of the log, backwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HistoryPage {
    /// Oldest first.
    pub messages: Vec<Message<'static>>,
    /// Whether there are older ones.
    pub more: bool,
    /// The newest position when the page was read.
    pub head: Position,
    /// The log was cleared up to here then.
    pub cleared: Position,
}

/// The log after a position, in its order. All three tables are walked by their positions and merged row by row: nothing is sorted.
pub(super) fn select_after() -> String {
    format!(
        "SELECT {COLUMNS}, NULL, NULL FROM messages WHERE position > ?1
         UNION ALL SELECT position, at, 0, 0, '', NULL, '', NULL, message_id, NULL FROM deletions WHERE position > ?1
         UNION ALL SELECT position, 0, 0, 0, '', NULL, '', NULL, message_id, counts FROM reaction_counts WHERE position > ?1
         ORDER BY 1 LIMIT ?2"
    )
}

/// The entry of a row of [`select_after`]; none of a message that is deleted.
fn entry_from_row(row: &Row, position: Position) -> rusqlite::Result<Option<LogEntry>> {
    let about: Option<Position> = row.get(8)?;
    Ok(match (about, row.get_ref(9)?.as_str_or_null()?) {
        (Some(message_id), Some(counts)) => {
            Some(LogEntry::Reactions { position, message_id, counts: Counts::read(counts) })
        }
        (Some(message_id), None) => Some(LogEntry::Deletion { position, message_id }),
        (None, _) => Some(message_from_row(row)?).filter(|message| !message.deleted).map(LogEntry::Message),
    })
}

/// One connection that reads the log.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(super) db: Connection,
}

impl Reader {
    /// A reader of a database that a server may have open, or not. It never makes one, takes no lock that a server
    /// would notice, and leaves the file as it is.
    pub(crate) fn open(path: &Path) -> Result<Reader, OpenError> {
        beside(path, |db| Ok(Reader::over(db)?))
    }

    /// The room's title: a host's, else the operator's.
    pub(crate) fn title(&self) -> Result<Option<String>, ReadError> {
        let select = "SELECT coalesce(title, operator_title) FROM room";
        Ok(self.db.query_row(select, [], |row| row.get(0))?)
    }

    pub(super) fn over(db: Connection) -> rusqlite::Result<Reader> {
        db.busy_timeout(limits::STORE_BUSY_ASIDE)?;
        db.pragma_update(None, "query_only", true)?;
        Ok(Reader { db })
    }

    /// The newest position; 0 for an empty log.
    pub(crate) fn head(&self) -> Result<Position, ReadError> {
        Ok(head(&self.db)?)
    }

    /// The log after `position`, for someone who has seen everything up to it: at most `max_entries`
    /// entries, and `max_bytes` of what they are as frames (but always one). Messages deleted since are left out; their
    /// positions count as passed.
    pub(crate) fn after(
        &self,
        position: Position,
        max_entries: usize,
        max_bytes: usize,
    ) -> Result<LogPage, ReadError> {
        let snapshot = self.db.unchecked_transaction()?;
        let head = head(&snapshot)?;
        let cleared = clear::cleared(&snapshot)?;
        let position = position.max(cleared.min(head));
        let mut select = snapshot.prepare_cached(&select_after())?;
        // Rows are counted, not entries: so a page is short work also where most was deleted.
        let mut rows = select.query(params![to_sql(position), max_entries])?;
        let mut page = LogPage { entries: Vec::new(), through: position, more: true, cleared };
        let mut size = 0;
        while let Some(row) = rows.next()? {
            let position = row.get(0)?;
            if let Some(entry) = entry_from_row(row, position)? {
                size += entry.bytes();
                if size > max_bytes && !page.entries.is_empty() {
                    return Ok(page);
                }
                page.entries.push(entry);
            }
            page.through = position;
        }
        page.more = page.through < head;
        Ok(page)
    }

    /// The newest messages before `position`: at most `limit`, and `max_bytes` of [`encoded_bytes`] (but
    /// always one). Runs of deleted messages are jumped over, so that it takes as long as the page is.
    pub(crate) fn before(
        &self,
        position: Position,
        limit: usize,
        max_bytes: usize,
    ) -> Result<HistoryPage, ReadError> {
        let snapshot = self.db.unchecked_transaction()?;
        let select =
            format!("SELECT {COLUMNS} FROM messages WHERE position < ?1 ORDER BY position DESC LIMIT ?2");
        let mut select = snapshot.prepare_cached(&select)?;
        let mut messages: Vec<Message> = Vec::new();
        let (mut below, mut size) = (position, 0);
        'page: while messages.len() < limit {
            let wanted = limit - messages.len();
            let mut rows = select.query_map(params![to_sql(below), wanted], message_from_row)?;
            loop {
                let Some(mut message) = rows.next().transpose()? else { break 'page };
                if message.deleted {
                    below = gap_start(&snapshot, message.id)?;
                    break;
                }
                message.reactions = counts_of(&snapshot, message.id)?;
                size += bytes(&message);
                if size > max_bytes && !messages.is_empty() {
                    break 'page;
                }
                messages.push(message);
            }
        }
        let more = match messages.last() {
            Some(oldest) => has_older(&snapshot, oldest.id - 1)?,
            None => false,
        };
        messages.reverse();
        Ok(HistoryPage { messages, more, head: head(&snapshot)?, cleared: clear::cleared(&snapshot)? })
    }

    /// The position just before the newest `count` messages that are not deleted: reading after it is a fresh load.
    pub(crate) fn start_of_newest(&self, count: usize) -> Result<Position, ReadError> {
        // A message between the two reads comes after the head, and is read with what follows.
        let head = self.head()?;
        let newest = self.before(head + 1, count, usize::MAX)?.messages;
        Ok(newest.first().map_or(head, |oldest| oldest.id - 1))
    }

    /// Whether a message that is not deleted lies at `position` or before it.
    pub(crate) fn has_older(&self, position: Position) -> Result<bool, ReadError> {
        let snapshot = self.db.unchecked_transaction()?;
        Ok(has_older(&snapshot, position)?)
    }
}

/// Connects to a room's database, whether or not a server has it open, and goes on with `begin`.
pub(super) fn beside<T>(
    given: &Path,
    begin: impl FnOnce(Connection) -> Result<T, OpenProblem>,
) -> Result<T, OpenError> {
    let path = file::resolve(given).map_err(|problem| problem.at(given))?;
    let connect = || {
        owner::check_beside(given, &path)?;
        match connect_beside(&path)? {
            (db, schema::VERSION) => begin(db),
            (_, version) => {
                Err(OpenProblem::Failed(format!("its schema is {version}: start the room once to renew it")))
            }
        }
    };
    connect().map_err(|problem| problem.at(&path))
}

/// A connection to a database of ours, and the version of its schema. It can't write where the disk can't be written.
pub(super) fn connect_beside(path: &Path) -> Result<(Connection, u32), OpenProblem> {
    let Ok(metadata) = path.metadata() else { return Err(OpenProblem::Missing) };
    if !metadata.is_file() {
        return Err(OpenProblem::NotAFile(path.to_owned())); // opening a pipe would wait for whoever writes into it
    }
    let check_through = mark::check_beside(path)?;
    if metadata.len() == 0 {
        return Err(OpenProblem::Empty);
    }
    let (has_log, strays) = (file::has_log(path), Strays::of(path));
    let db = match connect_shared(path, has_log) {
        Ok(db) => db,
        Err(error) if !is_unshared(&error) => return Err(error.into()),
        Err(_) if has_log => return Err(OpenProblem::ReadOnlyLog),
        Err(_) => {
            strays.remove();
            // With nothing in a log, all of it is in the file, which nobody can be writing to.
            file::connect_alone(path)?
        }
    };
    match schema::marks(&db)? {
        (schema::APPLICATION_ID, version) if version > schema::VERSION => Err(OpenProblem::Newer(version)),
        (schema::APPLICATION_ID, version) => check_through(&db).map(|()| (db, version)),
        (0, _) if schema::is_blank(&db)? && has_log_mode(&db)? => Err(OpenProblem::Partial),
        _ => Err(OpenProblem::NotOurs),
    }
}

/// Opened for writing, since reading shares memory by files beside it; SQLite falls back to reading where it may not write. What is
/// in a log is a room's to copy, whose next start looks for it.
fn connect_shared(path: &Path, has_log: bool) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, has_log)?;
    db.busy_timeout(limits::STORE_BUSY_ASIDE)?;
    schema::marks(&db)?;
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(db)
}

/// Whether it is the disk that keeps programs from sharing memory by files beside the database: it can't be written, or is a share.
fn is_unshared(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)) || is_share(error)
}

fn has_log_mode(db: &Connection) -> rusqlite::Result<bool> {
    let mode: String = db.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    Ok(mode == "wal")
}
