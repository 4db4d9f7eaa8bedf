//! The log as a download: streamed page by page, on a thread of its own, so that neither its length nor a slow taker
//! costs memory or holds up the page.
//!
//! tiny_http would end a body that broke off as if it were whole. So the answer is written here, in chunks of which the last
//! one comes only after the whole log: a browser then knows what it has. Who speaks HTTP/1.0 gets it without chunks.

use std::io::{self, Write};
use std::thread;
use std::time::Instant;

use jiff::Timestamp;
use tiny_http::{HTTPVersion, Request};

use crate::limits::{CATCH_UP_ENTRIES, HISTORY_BYTES, PAGE_STOP, TRANSCRIPTS};
use crate::store::Readers;
use crate::store::export::{ExportError, ExportFormat, Transcript};
use crate::sys::permits::{Permit, Permits};

/// The transcripts that are under way, at most [`TRANSCRIPTS`].
#[derive(Debug)]
pub(crate) struct Transcripts {
    readers: Readers,
    permits: Permits,
}

impl Transcripts {
    /// None under way yet.
    pub(crate) fn new(readers: Readers) -> Transcripts {
        Transcripts { readers, permits: Permits::new(TRANSCRIPTS) }
    }

    /// The right to stream one; none where there are too many under way.
    pub(crate) fn permit(&self) -> Option<Permit> {
        self.permits.take(Instant::now())
    }

    /// Answers `request` with the log as it is now, below these headers. Returns at once.
    pub(crate) fn start<'a>(
        &self,
        permit: Permit,
        request: Request,
        format: ExportFormat,
        headers: impl Iterator<Item = (&'a str, &'a str)>,
    ) {
        let wants_body = request.method().as_str() != "HEAD";
        let is_chunked = *request.http_version() >= HTTPVersion(1, 1);
        let head = head(headers, is_chunked);
        let readers = self.readers.clone();
        let mut out = request.into_writer();
        let stream = move || {
            let _permit = permit;
            let written = match wants_body {
                true => write(&readers, format, &head, is_chunked, &mut out),
                false => out.write_all(&head).and_then(|()| out.flush()).map_err(ExportError::Write),
            };
            match written {
                Ok(()) => {}
                // Who takes it is gone, or was cut off for taking nothing.
                Err(ExportError::Write(error)) => {
                    log::debug!("a transcript was not taken to its end: {error}")
                }
                Err(ExportError::Cleared) => {
                    log::warn!("a transcript broke off: the log was cleared meanwhile")
                }
                Err(error) => log::error!("a transcript broke off: {error}"),
            }
        };
        if let Err(error) = thread::Builder::new().name("transcript".to_owned()).spawn(stream) {
            // The request went with the closure: whoever asked sees the connection end without an answer.
            log::error!("a transcript cannot be made: {error}");
        }
    }

    /// Waits until none is under way, at most [`PAGE_STOP`]: once the listener has cut off those who take them, they end by
    /// themselves.
    pub(crate) fn stop(&self) {
        let deadline = Instant::now() + PAGE_STOP;
        let all: Option<Vec<Permit>> = (0..TRANSCRIPTS).map(|_| self.permits.take(deadline)).collect();
        if all.is_none() {
            log::warn!("a transcript is still being written; left behind");
        }
    }
}

/// The head of the answer.
fn head<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>, is_chunked: bool) -> Vec<u8> {
    let date = Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT");
    let mut head = format!("HTTP/1.1 200 OK\r\nDate: {date}\r\n");
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str(if is_chunked { "Transfer-Encoding: chunked\r\n\r\n" } else { "\r\n" });
    head.into_bytes()
}

/// Head, log and end.
fn write(
    readers: &Readers,
    format: ExportFormat,
    head: &[u8],
    is_chunked: bool,
    out: &mut impl Write,
) -> Result<(), ExportError> {
    let mut transcript = Transcript::new(format, readers.lend()?.head()?);
    out.write_all(head)?;
    let mut more = true;
    while more {
        more = transcript
            .next_page(|position| readers.lend()?.after(position, CATCH_UP_ENTRIES, HISTORY_BYTES))?;
        match is_chunked {
            true => write_chunk(out, transcript.page())?,
            false => out.write_all(transcript.page())?,
        }
    }
    if is_chunked {
        out.write_all(b"0\r\n\r\n")?;
    }
    Ok(out.flush()?)
}

/// An empty chunk would be the end.
fn write_chunk(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    write!(out, "{:x}\r\n", bytes.len())?;
    out.write_all(bytes)?;
    out.write_all(b"\r\n")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::store::Store;

    #[test]
    fn a_log_that_cannot_be_read_on_leaves_the_last_chunk_out() {
        let store = Store::open(Path::new(":memory:")).expect("opens");
        let mut whole = Vec::new();
        write(&store.readers(), ExportFormat::Json, b"head\r\n\r\n", true, &mut whole).expect("an empty log");
        assert_eq!(whole, b"head\r\n\r\n3\r\n[]\n\r\n0\r\n\r\n");
        let breaking = store.connect().expect("connects");
        breaking.execute_batch("DROP TABLE messages").expect("the log breaks");
        let mut torn = Vec::new();
        let error =
            write(&store.readers(), ExportFormat::Json, b"head", true, &mut torn).expect_err("broken");
        assert!(matches!(error, ExportError::Read(_)), "{error:?}");
        assert!(!torn.ends_with(b"0\r\n\r\n"));
    }

    #[test]
    fn the_head_has_a_date_and_what_it_is_given() {
        let head = String::from_utf8(head([("A", "b"), ("C", "d")].into_iter(), true)).expect("text");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\nDate: "), "{head}");
        assert!(head.ends_with(" GMT\r\nA: b\r\nC: d\r\nTransfer-Encoding: chunked\r\n\r\n"), "{head}");
    }
}
