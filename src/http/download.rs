//! The log as a download: read page by page and written by the connection's own thread, so that neither its length nor a
//! slow taker costs memory or holds up the page.
//!
//! The last chunk follows only the whole log, so that a browser knows what it has; HTTP/1.0 gets it without chunks. Refusals
//! come from [`crate::http::routes`].

use std::io::{self, ErrorKind};
use std::net::TcpStream;
use std::time::Instant;

use jiff::{Timestamp, Zoned};

use crate::http::head::Head;
use crate::http::message::common_headers;
use crate::limits::{CATCH_UP_ENTRIES, TRANSCRIPTS};
use crate::store::Readers;
use crate::store::export::{ExportError, ExportFormat, Transcript};
use crate::sys::permits::{Permit, Permits};
use crate::sys::socket::{self, StopSignal};

/// The format that a path asks for, if it asks for the log.
pub(crate) fn format_at(path: &str) -> Option<ExportFormat> {
    path.strip_prefix("/transcript.").and_then(ExportFormat::parse)
}

/// The same with what the query says: `separator=;` where a spreadsheet is read like that.
pub(crate) fn format_of(head: &Head) -> Option<ExportFormat> {
    let format = format_at(head.path())?;
    let separated = head.query("separator").and_then(|separator| format.separated_by(separator));
    Some(separated.unwrap_or(format))
}

/// The way to the log, for a few at a time.
pub(crate) struct Downloads {
    readers: Readers,
    permits: Permits,
    headers: &'static [(&'static str, &'static str)],
}

/// The right to take it once.
pub(crate) struct Download {
    format: ExportFormat,
    _permit: Permit,
}

impl Downloads {
    pub(crate) fn new(readers: Readers, public_urls: &[String]) -> Downloads {
        Downloads { readers, permits: Permits::new(TRANSCRIPTS), headers: common_headers(public_urls) }
    }

    /// None while too many are under way.
    pub(crate) fn begin(&self, format: ExportFormat) -> Option<Download> {
        Some(Download { format, _permit: self.permits.take(Instant::now())? })
    }

    /// Answers a host's request with the log as it is now.
    ///
    /// # Errors
    /// When the connection broke or was too slow, the log cannot be read, or the server stops. The answer then has no end.
    pub(crate) fn send(
        &self,
        download: &Download,
        stream: &TcpStream,
        head: &Head,
        stop: &StopSignal,
    ) -> io::Result<()> {
        let title = self.readers.lend().and_then(|reader| reader.title()).ok().flatten();
        let answer = answer_head(download.format, title.as_deref(), head.is_http_11, self.headers);
        socket::write_all(stream, answer.as_bytes(), stop)?;
        if head.method != "HEAD" {
            write(&self.readers, download.format, head.is_http_11, |bytes| match stop.is_given() {
                true => Err(ErrorKind::Interrupted.into()),
                false => socket::write_all(stream, bytes, stop),
            })
            .map_err(broken_off)?;
        }
        socket::finish(stream);
        Ok(())
    }
}

fn answer_head(
    format: ExportFormat,
    title: Option<&str>,
    is_chunked: bool,
    headers: &[(&str, &str)],
) -> String {
    let (kind, ending) = match format {
        ExportFormat::Txt => ("text/plain; charset=utf-8", "txt"),
        ExportFormat::Csv { .. } => ("text/csv; charset=utf-8; header=present", "csv"),
        ExportFormat::Json => ("application/json", "json"),
    };
    let (date, name) = (Timestamp::now(), Zoned::now());
    let (date, name) = (date.strftime("%a, %d %b %Y %H:%M:%S GMT"), name.strftime("%Y-%m-%d-%H%M"));
    let titled =
        title.map(|title| format!("; filename*=UTF-8''{}", encoded(&format!("{title} {name}.{ending}"))));
    let titled = titled.unwrap_or_default();
    let mut head = format!(
        "HTTP/1.1 200 OK\r\nDate: {date}\r\nConnection: close\r\nCache-Control: no-store\r\nContent-Type: {kind}\r\n\
         Content-Disposition: attachment; filename=\"chat-{name}.{ending}\"{titled}\r\n"
    );
    headers.iter().for_each(|(name, value)| head.extend([name, ": ", value, "\r\n"]));
    head.push_str(if is_chunked { "Transfer-Encoding: chunked\r\n\r\n" } else { "\r\n" });
    head
}

/// A file's name in a header (RFC 8187), without what no file can have in it.
fn encoded(name: &str) -> String {
    let allowed = name.replace(|c: char| c.is_control() || r#"\/:*?"<>|"#.contains(c), "-");
    allowed.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => encoded.push(char::from(byte)),
            byte => encoded += &format!("%{byte:02X}"),
        }
        encoded
    })
}

fn broken_off(error: ExportError) -> io::Error {
    match error {
        // Its taker is gone, or was cut off for taking nothing.
        ExportError::Write(error) => return error,
        ExportError::Cleared => log::warn!("a transcript broke off: the log was cleared meanwhile"),
        error => log::error!("a transcript broke off: {error}"),
    }
    io::Error::other("the transcript broke off")
}

/// The log and its end.
fn write(
    readers: &Readers,
    format: ExportFormat,
    is_chunked: bool,
    mut send: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), ExportError> {
    let mut transcript = Transcript::new(format, readers.lend()?.head()?);
    let read = |position| readers.lend()?.transcript_page(position, CATCH_UP_ENTRIES);
    while let Some(page) = transcript.next_page(read)? {
        if !is_chunked {
            send(&page)?;
        } else if !page.is_empty() {
            // An empty chunk would be the end.
            send(&[format!("{:x}\r\n", page.len()).as_bytes(), &page, b"\r\n"].concat())?;
        }
    }
    if is_chunked {
        send(b"0\r\n\r\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::store::Store;

    #[test]
    fn a_file_carries_the_rooms_title_in_any_script() {
        let head = |title| answer_head(ExportFormat::Txt, title, true, &[]);
        let titled = head(Some("Eis/Wasser: 7ü"));
        assert!(titled.contains("attachment; filename=\"chat-20"), "{titled}");
        assert!(titled.contains(".txt\"; filename*=UTF-8''Eis-Wasser-%207%C3%BC%2020"), "{titled}");
        assert!(!head(None).contains("filename*"));
    }

    #[test]
    fn a_log_that_cannot_be_read_on_leaves_the_last_chunk_out() {
        let store = Store::open(Path::new(":memory:")).expect("opens");
        let written = |out: &mut Vec<u8>| {
            write(&store.readers(), ExportFormat::Json, true, |bytes| {
                out.extend(bytes);
                Ok(())
            })
        };
        let mut whole = Vec::new();
        written(&mut whole).expect("an empty log");
        assert_eq!(whole, b"3\r\n[]\n\r\n0\r\n\r\n");
        let breaking = store.connect().expect("connects");
        breaking.execute_batch("DROP TABLE messages").expect("the log breaks");
        let mut torn = Vec::new();
        let error = written(&mut torn).expect_err("broken");
        assert!(matches!(error, ExportError::Read(_)), "{error:?}");
        assert!(!torn.ends_with(b"0\r\n\r\n"));
    }
}
