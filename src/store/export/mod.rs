//! The log as a file, to read, to keep, or to open in a spreadsheet.
//!
//! It is read in bounded pages from a database that a room may have open, and written as it is read: neither the
//! length of the log nor a slow taker holds up the room or costs memory. What is said after the start is not part of
//! it; what is deleted meanwhile is left out. If the log is cleared meanwhile, it breaks off, and does not pass for whole.
//!
//! | format | a message is |
//! |---|---|
//! | txt | a line `2026-11-23T09:02:11+01:00 Ana: text`; further lines of its text are indented, and a colon in a name is a wide one, so that neither can pass for another message. What it answers and what people reacted with stand under it, indented by two: `  ↪ 2026-11-23T09:02:05+01:00 Bea`, `  👍 25 ❤️ 3`. Control characters are shown as symbols, so that none reaches a terminal. A name or a line that could order its neighbours (Arabic, Hebrew, direction controls) stands between U+2068 and U+2069 |
//! | csv | a record of RFC 4180, `position,time,username,role,message,reply_to,reactions`, in UTF-8 with a byte order mark. A field that a spreadsheet could take for a formula begins with an apostrophe. With semicolons, on demand, for spreadsheets of places that write 1,5 |
//! | json | an object with the fields of a message in `history`, one on each line, in an array; direction controls are escaped |

mod csv;
mod json;
mod txt;

use std::collections::HashMap;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::reactions::counts_of;
use super::read::message_at;
use crate::limits;
use crate::protocol::{Message, Position};
use crate::store::{LogEntry, LogPage, OpenError, ReadError, Reader};

/// How a transcript is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    Txt,
    /// A spreadsheet expects its own country's separator, and says nowhere which. A line `sep=;` in front would tell Excel alone, make
    /// it forget the byte order mark, and be a row to everything else: so it is whoever asks that chooses.
    Csv {
        separator: char,
    },
    Json,
}

impl ExportFormat {
    /// A format by its name: `txt`, `csv` (with commas) or `json`.
    pub fn parse(name: &str) -> Option<ExportFormat> {
        match name {
            "txt" => Some(ExportFormat::Txt),
            "csv" => Some(ExportFormat::Csv { separator: ',' }),
            "json" => Some(ExportFormat::Json),
            _ => None,
        }
    }

    /// The same with another separator, `,` or `;`, where the format has one.
    pub fn separated_by(self, separator: &str) -> Option<ExportFormat> {
        let separator = [',', ';'].into_iter().find(|known| separator.chars().eq([*known]))?;
        matches!(self, ExportFormat::Csv { .. }).then_some(ExportFormat::Csv { separator })
    }
}

/// Why a log could not be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the export could not be written: {0}")]
    Write(#[from] io::Error),
    /// The rest is gone.
    #[error("a host has cleared the log meanwhile: the export ends before its end")]
    Cleared,
}

/// Writes the log of the database at `database` to `out`. `progress` hears, after each page, its position and the last
/// one. A taker that goes away (`| head`) is no error.
///
/// # Errors
/// See [`ExportError`]. What was written until then stays written.
pub fn export(
    database: &Path,
    format: ExportFormat,
    out: &mut impl Write,
    progress: impl FnMut(u64, u64),
) -> Result<(), ExportError> {
    let reader = Reader::open(database)?;
    let transcript = Transcript::new(format, reader.head()?);
    match write_log(&reader, transcript, out, progress) {
        Err(ExportError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

fn write_log(
    reader: &Reader,
    mut transcript: Transcript,
    out: &mut impl Write,
    mut progress: impl FnMut(u64, u64),
) -> Result<(), ExportError> {
    let read = |position| reader.transcript_page(position, limits::CATCH_UP_ENTRIES);
    while let Some(page) = transcript.next_page(read)? {
        out.write_all(&page)?;
        progress(transcript.position, transcript.end);
    }
    Ok(out.flush()?)
}

/// A page of the log as a transcript has it: each message with its reactions.
#[derive(Debug)]
pub(crate) struct TranscriptPage {
    page: LogPage,
    answered: HashMap<Position, Answered>,
}

/// A message that was answered, as far as a reply names it.
#[derive(Debug)]
struct Answered {
    at: i64,
    username: String,
}

impl Reader {
    /// The log after a position, at most `max_entries` of it.
    pub(crate) fn transcript_page(
        &self,
        position: Position,
        max_entries: usize,
    ) -> Result<TranscriptPage, ReadError> {
        let mut page = self.after(position, max_entries, limits::HISTORY_BYTES)?;
        let mut answered = HashMap::new();
        for entry in &mut page.entries {
            let LogEntry::Message(message) = entry else { continue };
            message.reactions = counts_of(&self.db, message.id)?;
            if let Some(id) = message.reply_to
                && let Some(Message { at, username, .. }) = message_at(&self.db, id)?
            {
                answered.insert(id, Answered { at, username: username.into_owned() });
            }
        }
        Ok(TranscriptPage { page, answered })
    }
}

/// The log in one of the formats, made page by page.
#[derive(Debug)]
pub(crate) struct Transcript {
    format: ExportFormat,
    zone: TimeZone,
    /// Everything up to here has been made.
    position: Position,
    /// Where it ends.
    end: Position,
    /// Up to where the log was cleared when the first page was read.
    cleared: Option<Position>,
    has_messages: bool,
    is_whole: bool,
    /// The page that is being made.
    page: Vec<u8>,
}

impl Transcript {
    /// A transcript of everything up to `end`, the head as it is now.
    pub(crate) fn new(format: ExportFormat, end: Position) -> Transcript {
        // Where the machine has no time zone, the times are UTC and say so.
        let zone = TimeZone::try_system().unwrap_or(TimeZone::UTC);
        let head = match format {
            ExportFormat::Txt => Vec::new(),
            ExportFormat::Csv { separator } => csv::head(separator),
            ExportFormat::Json => b"[".to_vec(),
        };
        let (cleared, page) = (None, head);
        Transcript { format, zone, position: 0, end, cleared, has_messages: false, is_whole: false, page }
    }

    /// Makes the next page from what `read` gives after a position; none after the last.
    ///
    /// # Errors
    /// Those of `read`, and [`ExportError::Cleared`].
    pub(crate) fn next_page(
        &mut self,
        read: impl FnOnce(Position) -> Result<TranscriptPage, ReadError>,
    ) -> Result<Option<Vec<u8>>, ExportError> {
        if self.is_whole {
            return Ok(None);
        }
        if self.position < self.end {
            let TranscriptPage { page, answered } = read(self.position)?;
            if *self.cleared.get_or_insert(page.cleared) != page.cleared {
                return Err(ExportError::Cleared);
            }
            for entry in page.entries {
                if let LogEntry::Message(message) = entry
                    && message.id <= self.end
                {
                    let answered = message.reply_to.map(|id| answered.get(&id));
                    self.write(&message, answered).expect("a Vec takes every byte");
                    self.has_messages = true;
                }
            }
            self.position = if page.more { page.through.min(self.end) } else { self.end };
        }
        self.is_whole = self.position == self.end;
        if self.is_whole && self.format == ExportFormat::Json {
            self.page.extend_from_slice(if self.has_messages { b"\n]\n" } else { b"]\n" });
        }
        Ok(Some(std::mem::take(&mut self.page)))
    }

    /// `answered` is there where it is a reply; but none where that is gone.
    fn write(&mut self, message: &Message, answered: Option<Option<&Answered>>) -> io::Result<()> {
        let time = self.time(message.at);
        match self.format {
            ExportFormat::Txt => {
                let answered = answered.map(|it| it.map(|it| (self.time(it.at), &*it.username)));
                txt::write(&mut self.page, message, &time)?;
                txt::write_beside(&mut self.page, message, answered)
            }
            ExportFormat::Csv { separator } => csv::write(&mut self.page, separator, message, &time),
            ExportFormat::Json => {
                self.page.write_all(if self.has_messages { b",\n" } else { b"\n" })?;
                json::write(&mut self.page, message)
            }
        }
    }

    /// ISO 8601 with the offset that was in force here at that time.
    fn time(&self, at_ms: i64) -> String {
        // Only a foreign hand in the database makes a time that no calendar has.
        let at = Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        if self.zone == TimeZone::UTC {
            at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
        } else {
            at.to_zoned(self.zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
        }
    }
}

#[cfg(test)]
mod tests;
