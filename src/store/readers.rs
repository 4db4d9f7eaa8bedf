//! The connections that read the log, shared by all clients.

use std::path::Path;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::{FoundMessages, FoundPage, HistoryPage, LogPage, OpenError, ReadError, Reader, Source};
use crate::limits;
use crate::protocol::Position;
use crate::protocol::search::Matcher;
use crate::sys::permits::Permits;

/// A few [`Reader`]s, handed out one at a time. Each call waits for a free one, at most
/// [`limits::READ_DEADLINE`]; so it is for a client's own thread, never for the hub.
#[derive(Debug, Clone)]
pub struct Readers {
    free: Receiver<Reader>,
    back: Sender<Reader>,
    /// Who may look through the log at once: one fewer than there are readers, so that a page of history never waits for
    /// more than other pages.
    searches: Permits,
}

impl Readers {
    pub(super) fn open(source: &Source, path: &Path) -> Result<Readers, OpenError> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let count = cores.clamp(*limits::READERS.start(), *limits::READERS.end());
        let (back, free) = bounded(count);
        for _ in 0..count {
            let reader = Reader::over(source.connect(path)?);
            let reader = reader.map_err(|error| OpenError::of_sqlite(path, &error))?;
            back.try_send(reader).expect("the channel has a place for each reader");
        }
        Ok(Readers { free, back, searches: Permits::new(count - 1) })
    }

    /// [`Reader::head`].
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn head(&self) -> Result<Position, ReadError> {
        self.with(Reader::head)
    }

    /// [`Reader::after`].
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn after(
        &self,
        position: Position,
        max_entries: usize,
        max_bytes: usize,
    ) -> Result<LogPage, ReadError> {
        self.with(|reader| reader.after(position, max_entries, max_bytes))
    }

    /// [`Reader::before`].
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn before(
        &self,
        position: Position,
        limit: usize,
        max_bytes: usize,
    ) -> Result<HistoryPage, ReadError> {
        self.with(|reader| reader.before(position, limit, max_bytes))
    }

    /// [`Reader::start_of_newest`].
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn start_of_newest(&self, count: usize) -> Result<Position, ReadError> {
        self.with(|reader| reader.start_of_newest(count))
    }

    /// [`Reader::has_older`].
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn has_older(&self, position: Position) -> Result<bool, ReadError> {
        self.with(|reader| reader.has_older(position))
    }

    /// [`Reader::find`]. Who looks through the log waits here for others who do, page by page, so that a short search is not
    /// behind a long one.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn find(
        &self,
        matcher: &mut Matcher<'_>,
        position: Position,
        limit: usize,
    ) -> Result<FoundPage, ReadError> {
        let deadline = Instant::now() + limits::READ_DEADLINE;
        let _permit = self.searches.take(deadline).ok_or(ReadError::Busy)?;
        self.with(|reader| reader.find(matcher, position, limit))
    }

    /// [`Reader::messages_at`].
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn messages_at(&self, positions: &[Position], max_bytes: usize) -> Result<FoundMessages, ReadError> {
        self.with(|reader| reader.messages_at(positions, max_bytes))
    }

    fn with<T>(&self, read: impl FnOnce(&Reader) -> Result<T, ReadError>) -> Result<T, ReadError> {
        let reader = self.free.recv_timeout(limits::READ_DEADLINE).map_err(|_| ReadError::Busy)?;
        let loan = Loan { lent: Some(reader), back: &self.back };
        loan.lent.as_ref().map_or(Err(ReadError::Busy), read)
    }
}

/// Gives back what was lent however the reading ends, so that a panic can't take it along.
struct Loan<'a> {
    lent: Option<Reader>,
    back: &'a Sender<Reader>,
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        if let Some(lent) = self.lent.take() {
            // There is a place for each, and this one's is free.
            let _ = self.back.try_send(lent);
        }
    }
}
