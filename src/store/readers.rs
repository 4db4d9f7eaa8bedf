//! The connections that read the log, shared by all clients.

use std::net::IpAddr;
use std::ops::Deref;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::{FoundPage, ReadError, Reader, Source};
use crate::limits;
use crate::protocol::Position;
use crate::protocol::search::Matcher;
use crate::sys::fair_queue::FairPermits;

/// A few [`Reader`]s, lent one at a time.
#[derive(Debug, Clone)]
pub struct Readers {
    free: Receiver<Reader>,
    back: Sender<Reader>,
    /// Searches at once: one fewer than there are readers, so that a page of history never waits for more than other
    /// pages.
    searches: FairPermits,
}

/// One of them. It goes back when this is dropped, so that a panic cannot take it along.
#[derive(Debug)]
pub(crate) struct Lent {
    reader: Option<Reader>,
    back: Sender<Reader>,
}

impl Readers {
    pub(super) fn open(source: &Source) -> rusqlite::Result<Readers> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let count = cores.clamp(*limits::READERS.start(), *limits::READERS.end());
        let (back, free) = bounded(count);
        for _ in 0..count {
            let reader = Reader::over(source.connect()?)?;
            back.try_send(reader).expect("the channel has a place for each reader");
        }
        Ok(Readers { free, back, searches: FairPermits::new(count - 1) })
    }

    /// Waits for a free one, at most [`limits::READ_DEADLINE`]; so it is for a client's own thread, never for the hub.
    ///
    /// # Errors
    /// When none came free.
    pub(crate) fn lend(&self) -> Result<Lent, ReadError> {
        self.lend_within(limits::READ_DEADLINE)
    }

    /// The same for somebody with more patience, or less.
    ///
    /// # Errors
    /// When none came free.
    pub(crate) fn lend_within(&self, patience: Duration) -> Result<Lent, ReadError> {
        let reader = self.free.recv_timeout(patience).map_err(|_| ReadError::busy())?;
        Ok(Lent { reader: Some(reader), back: self.back.clone() })
    }

    /// [`Reader::find`], for somebody at this address (an IPv6 one as its /64). Searches wait for each other here, page by
    /// page: a short one does not wait for a long one, nor for many of another address.
    pub(crate) fn find(
        &self,
        address: IpAddr,
        matcher: &mut Matcher<'_>,
        position: Position,
        limit: usize,
    ) -> Result<FoundPage, ReadError> {
        let deadline = Instant::now() + limits::READ_DEADLINE;
        let _turn = self.searches.take(address, deadline).ok_or_else(ReadError::busy)?;
        self.lend()?.find(matcher, position, limit)
    }
}

impl Deref for Lent {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        self.reader.as_ref().expect("it goes back when this is dropped, and not before")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(reader) = self.reader.take() {
            let _ = self.back.try_send(reader); // there is a place for it
        }
    }
}
