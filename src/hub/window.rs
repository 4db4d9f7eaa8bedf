//! The newest part of what everybody is told, kept once for all who have not taken it yet.
//!
//! It is one stream of bytes, counted from the room's opening on: an offset in it is where a client stands. Pieces are whole
//! turns, and share the turns' buffers.

use std::collections::VecDeque;
use std::io::Cursor;
use std::time::Instant;

use bytes::Bytes;
use tungstenite::protocol::frame::FrameHeader;

use crate::limits;

#[derive(Debug)]
struct Piece {
    start: u64,
    at: Instant,
    frames: Bytes,
}

/// The stream's newest bytes: at most [`limits::WINDOW_BYTES`], none of them older than [`limits::WINDOW_AGE`].
#[derive(Debug, Default)]
pub(crate) struct Window {
    pieces: VecDeque<Piece>,
    end: u64,
}

impl Window {
    /// The offset after the newest byte.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Takes a turn's frames in.
    pub(crate) fn push(&mut self, frames: Bytes, now: Instant) {
        if !frames.is_empty() {
            let start = self.end;
            self.end += frames.len() as u64;
            self.pieces.push_back(Piece { start, at: now, frames });
        }
    }

    /// Forgets everything: nobody is left who has not taken it.
    pub(crate) fn clear(&mut self) {
        self.pieces.clear();
    }

    /// Where the window is to begin, by its bounds.
    pub(crate) fn due_start(&self, now: Instant) -> u64 {
        let oldest = self.end.saturating_sub(limits::WINDOW_BYTES as u64);
        let kept =
            self.pieces.iter().find(|piece| piece.start >= oldest && now < piece.at + limits::WINDOW_AGE);
        kept.map_or(self.end, |piece| piece.start)
    }

    /// Whether nothing stands before this offset.
    pub(crate) fn begins_at(&self, offset: u64) -> bool {
        self.pieces.front().is_none_or(|piece| piece.start >= offset)
    }

    /// When the oldest pieces have to go for their age, some at a time.
    pub(crate) fn expiry(&self) -> Option<Instant> {
        self.pieces.front().map(|piece| piece.at + limits::WINDOW_AGE + limits::WINDOW_STEP)
    }

    /// Drops the pieces before this offset.
    pub(crate) fn shrink_to(&mut self, start: u64) {
        while self.pieces.front().is_some_and(|piece| piece.start < start) {
            self.pieces.pop_front();
        }
    }

    /// What stands between two offsets, piece by piece.
    pub(crate) fn slices(&self, from: u64, to: u64) -> impl Iterator<Item = &[u8]> {
        let first = self.pieces.partition_point(|piece| piece.start + piece.frames.len() as u64 <= from);
        let pieces = self.pieces.range(first..).take_while(move |piece| piece.start < to);
        pieces.map(move |piece| {
            let skipped = from.saturating_sub(piece.start) as usize;
            let length = ((to - piece.start) as usize).min(piece.frames.len());
            &piece.frames[skipped..length]
        })
    }

    /// The rest of the frame that is under way at this offset; empty where the next one begins there.
    pub(crate) fn rest_of_frame(&self, at: u64) -> Bytes {
        let after = self.pieces.partition_point(|piece| piece.start <= at);
        let Some(piece) = after.checked_sub(1).and_then(|index| self.pieces.get(index)) else {
            return Bytes::new();
        };
        let at = (at - piece.start) as usize;
        let mut end = 0;
        while end < at
            && let Ok(Some((header, length))) = FrameHeader::parse(&mut Cursor::new(&piece.frames[end..]))
        {
            end += header.len(length) + length as usize;
        }
        Bytes::copy_from_slice(piece.frames.get(at..end).unwrap_or_default())
    }
}
