//! The connections that read the log, shared by all clients.

use std::path::Path;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::{HistoryPage, LogPage, OpenError, ReadError, Reader, Source};
use crate::limits;
use crate::protocol::Position;

/// A few [`Reader`]s, handed out one at a time. Each call waits for a free one, at most
/// [`limits::READ_DEADLINE`]; so it is for a client's own thread, never for the hub.
#[derive(Debug, Clone)]
pub struct Readers {
    free: Receiver<Reader>,
    back: Sender<Reader>,
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
        Ok(Readers { free, back })
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

    fn with<T>(&self, read: impl FnOnce(&Reader) -> Result<T, ReadError>) -> Result<T, ReadError> {
        let reader = self.free.recv_timeout(limits::READ_DEADLINE).map_err(|_| ReadError::Busy)?;
        let loan = Loan { reader: Some(reader), back: &self.back };
        loan.reader.as_ref().map_or(Err(ReadError::Busy), read)
    }
}

/// Gives the reader back however the reading ends, so that a panic can't take it along.
struct Loan<'a> {
    reader: Option<Reader>,
    back: &'a Sender<Reader>,
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        if let Some(reader) = self.reader.take() {
            // There is a place for each reader, and this one's is free.
            let _ = self.back.try_send(reader);
        }
    }
}
