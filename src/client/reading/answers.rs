//! What is answered from the log: read on the client's own thread, one at a time, and passed on to the hub.

use std::time::Instant;

use super::{Over, Reading};
use crate::hub::{LogAnswer, Request};
use crate::limits;
use crate::protocol::search::Query;
use crate::protocol::{Position, Reason, Refusal, ServerEvent, frame};
use crate::store::{FoundMessages, ReadError, Readers};
use crate::sys::permits::{Permit, Permits};

/// What a search has found so far, or in all.
struct Found {
    /// Newest first.
    positions: Vec<Position>,
    /// Where to go on, if there is more to look at.
    next: Option<Position>,
}

impl Reading<'_> {
    /// A page of the log.
    pub(super) fn answer_history(&mut self, before: Position, limit: usize) -> Result<(), Over> {
        let whole = self.last_answer_taken()?;
        self.answer(whole, |readers| {
            let page = readers.lend()?.before(before, limit, limits::HISTORY_BYTES)?;
            let position = page.head;
            let history = |messages, more| frame(&ServerEvent::History { messages, more, position });
            Ok((history(&page.messages, page.more), history(&[], false), page.cleared))
        })
    }

    /// Those of these messages that are there.
    pub(super) fn answer_messages(&mut self, ids: &[Position]) -> Result<(), Over> {
        let whole = self.last_answer_taken()?;
        self.answer(whole, |readers| {
            let FoundMessages { messages, answered, head: position, cleared } =
                readers.lend()?.messages_at(ids, limits::HISTORY_BYTES)?;
            let history = |messages, more| frame(&ServerEvent::History { messages, more, position });
            Ok((history(&messages, answered < ids.len()), history(&[], false), cleared))
        })
    }

    /// What has been looked for. Only its places are kept while it is looked for; so a long search holds no permit that
    /// others wait for.
    pub(super) fn answer_search(
        &mut self,
        query: &Query,
        before: Position,
        limit: usize,
    ) -> Result<(), Over> {
        let whole = self.last_answer_taken()?;
        let found = self.find(query, before, limit)?;
        self.last_byte = Instant::now(); // it may have sent what was not read
        self.answer(whole, |readers| {
            let Found { positions, mut next } = found?;
            let FoundMessages { messages, answered, head: position, cleared } =
                readers.lend()?.messages_at(&positions, limits::HISTORY_BYTES)?;
            if answered < positions.len() {
                next = positions[..answered].last().copied();
            }
            let results = |messages, next: Option<Position>| {
                let (query, more) = (query.text(), next.is_some());
                frame(&ServerEvent::Results { query, messages, more, next, position })
            };
            Ok((results(&messages, next), results(&[], None), cleared))
        })
    }

    /// Looks through the log page by page, until there is enough or too much of it.
    fn find(&self, query: &Query, before: Position, limit: usize) -> Result<Result<Found, ReadError>, Over> {
        let mut matcher = query.matcher();
        let mut found = Found { positions: Vec::new(), next: Some(before) };
        let (mut rows, mut bytes) = (0, 0);
        let until = Instant::now() + limits::SEARCH_TIME;
        while let Some(next) = found.next {
            let left = limit - found.positions.len();
            let page = match self.context.readers.find(self.address, &mut matcher, next, left) {
                Ok(page) => page,
                Err(error) => return Ok(Err(error)),
            };
            found.positions.extend(page.positions);
            found.next = page.more.then_some(page.down_to);
            rows += page.rows;
            bytes += page.bytes;
            let enough = found.positions.len() == limit;
            let too_much = rows >= limits::SEARCH_ROWS || bytes >= limits::SEARCH_BYTES;
            if enough || too_much || Instant::now() >= until {
                break;
            }
            if self.socket.get_ref().socket.is_closing() {
                return Err(Over);
            }
        }
        Ok(Ok(found))
    }

    /// One at a time: a client that takes none of the last answer is not read until it does, or is cut off.
    fn last_answer_taken(&mut self) -> Result<Permit, Over> {
        self.hand_over()?;
        let answered = self.answered.get_or_insert_with(|| Permits::new(1));
        loop {
            if let Some(permit) = answered.take(Instant::now() + limits::PACE_SLICE) {
                return Ok(permit);
            }
            if self.socket.get_ref().socket.is_closing() {
                return Err(Over);
            }
        }
    }

    /// Passes on the frame that `read` makes, when few enough others are under way; with it comes the same without messages, and
    /// up to where the log was cleared when it was read.
    fn answer(
        &mut self,
        whole: Permit,
        read: impl FnOnce(&Readers) -> Result<(Vec<u8>, Vec<u8>, Position), ReadError>,
    ) -> Result<(), Over> {
        let answer = match self.context.answers.take(Instant::now() + limits::ANSWER_WAIT) {
            None => Err("too many at once".to_owned()),
            Some(taken) => {
                let answer = |(frame, empty, cleared)| LogAnswer { frame, empty, cleared, taken, whole };
                read(&self.context.readers).map(answer).map_err(|error| error.to_string())
            }
        };
        match answer {
            Ok(answer) => self.batch.push(Request::Answer(answer)),
            Err(error) => {
                log::warn!("a request for history was not answered: {error}");
                self.refuse(&Refusal::from(Reason::HistoryBusy).after(1_000));
            }
        }
        self.hand_over()
    }
}
