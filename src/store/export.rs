//! The log as a file, to read, to keep, or to open in a spreadsheet.
//!
//! It is read in bounded pages from a database that a room may have open, and written as it is read: neither the
//! length of the log nor a slow taker holds up the room or costs memory. What is said after the start is not part of
//! it; what is deleted meanwhile is left out. If the log is cleared meanwhile, it breaks off, and does not pass for whole.
//!
//! | format | a message is |
//! |---|---|
//! | txt | a line `2026-11-23T09:02:11+01:00 Ana: text`; further lines of its text are indented, and a colon in a name is a wide one, so that neither can pass for another message. Control characters are shown as symbols, so that none reaches a terminal |
//! | csv | a record of RFC 4180, `position,time,username,role,message`, in UTF-8 with a byte order mark. A field that a spreadsheet could take for a formula begins with an apostrophe |
//! | json | an object with the fields of `receive_message`, one on each line, in an array |

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
use unicode_security::skeleton;

use crate::limits;
use crate::protocol::{Position, Role};
use crate::store::{LogEntry, LogPage, OpenError, ReadError, Reader, StoredMessage};

/// How a transcript is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// A line a message, for people.
    Txt,
    /// For spreadsheets.
    Csv,
    /// For programs.
    Json,
}

impl ExportFormat {
    /// A format by its name: `txt`, `csv` or `json`.
    pub fn parse(name: &str) -> Option<ExportFormat> {
        match name {
            "txt" => Some(ExportFormat::Txt),
            "csv" => Some(ExportFormat::Csv),
            "json" => Some(ExportFormat::Json),
            _ => None,
        }
    }
}

/// Why a log could not be exported.
#[derive(Debug)]
pub enum ExportError {
    /// The database can't be used.
    Open(OpenError),
    /// The log can't be read.
    Read(ReadError),
    /// The export can't be written.
    Write(io::Error),
    /// A host has cleared the log meanwhile: the rest is gone.
    Cleared,
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            ExportError::Open(error) => error.fmt(f),
            ExportError::Read(error) => error.fmt(f),
            ExportError::Write(error) => write!(f, "the export could not be written: {error}"),
            ExportError::Cleared => {
                f.write_str("a host has cleared the log meanwhile: the export ends before its end")
            }
        }
    }
}

impl std::error::Error for ExportError {}

impl From<ReadError> for ExportError {
    fn from(error: ReadError) -> ExportError {
        ExportError::Read(error)
    }
}

impl From<io::Error> for ExportError {
    fn from(error: io::Error) -> ExportError {
        ExportError::Write(error)
    }
}

/// Writes the log of the database at `database` to `out`. `progress` is told, after each page, the position that it has
/// come to and the one where it will end. A taker that goes away (`| head`) is no error.
///
/// # Errors
/// See [`ExportError`]. What was written until then stays written.
pub fn export(
    database: &Path,
    format: ExportFormat,
    out: &mut impl Write,
    progress: impl FnMut(u64, u64),
) -> Result<(), ExportError> {
    let reader = Reader::open(database).map_err(ExportError::Open)?;
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
    let mut more = true;
    while more {
        more = transcript
            .next_page(|position| reader.after(position, limits::CATCH_UP_ENTRIES, limits::HISTORY_BYTES))?;
        out.write_all(&transcript.page)?;
        progress(transcript.position.min(transcript.end), transcript.end);
    }
    Ok(out.flush()?)
}

/// The log in one of the formats, made page by page.
#[derive(Debug)]
pub(crate) struct Transcript {
    format: ExportFormat,
    zone: TimeZone,
    /// What is up to here has been made.
    position: Position,
    /// Where it ends.
    end: Position,
    /// Up to where the log was cleared when the first page was read.
    cleared: Option<Position>,
    has_begun: bool,
    is_first: bool,
    page: Vec<u8>,
}

impl Transcript {
    /// A transcript of everything up to `end`, the head as it is now.
    pub(crate) fn new(format: ExportFormat, end: Position) -> Transcript {
        // Where the machine has no time zone, the times are UTC and say so.
        let zone = TimeZone::try_system().unwrap_or(TimeZone::UTC);
        let page = Vec::new();
        Transcript { format, zone, position: 0, end, cleared: None, has_begun: false, is_first: true, page }
    }

    /// Makes the next page from what `read` gives after a position; whether there is another one.
    ///
    /// # Errors
    /// Those of `read`, and [`ExportError::Cleared`].
    pub(crate) fn next_page(
        &mut self,
        read: impl FnOnce(Position) -> Result<LogPage, ReadError>,
    ) -> Result<bool, ExportError> {
        self.page.clear();
        if !self.has_begun {
            self.has_begun = true;
            self.begin();
        }
        if self.position < self.end {
            let page = read(self.position)?;
            if *self.cleared.get_or_insert(page.cleared) != page.cleared {
                return Err(ExportError::Cleared);
            }
            for entry in page.entries {
                if let LogEntry::Message(message) = entry
                    && message.position <= self.end
                {
                    self.message(&message);
                }
            }
            self.position = if page.more { page.through } else { self.end };
        }
        let more = self.position < self.end;
        if !more {
            self.finish();
        }
        Ok(more)
    }

    /// The page that was made last.
    pub(crate) fn page(&self) -> &[u8] {
        &self.page
    }

    fn begin(&mut self) {
        self.page.extend_from_slice(match self.format {
            ExportFormat::Txt => b"",
            // Without the mark, Excel takes the text for another encoding than UTF-8.
            ExportFormat::Csv => b"\xef\xbb\xbfposition,time,username,role,message\r\n",
            ExportFormat::Json => b"[",
        });
    }

    fn message(&mut self, message: &StoredMessage) {
        let written = match self.format {
            ExportFormat::Txt => self.txt(message),
            ExportFormat::Csv => self.csv(message),
            ExportFormat::Json => self.json(message),
        };
        written.expect("a Vec takes every byte");
        self.is_first = false;
    }

    fn finish(&mut self) {
        if let ExportFormat::Json = self.format {
            self.page.extend_from_slice(if self.is_first { b"]\n" } else { b"\n]\n" });
        }
    }

    fn txt(&mut self, message: &StoredMessage) -> io::Result<()> {
        let time = self.time(message.at_ms);
        let name: String =
            message.username.chars().map(|c| if is_colon(c) { WIDE_COLON } else { c }).collect();
        write!(self.page, "{time} {}:", Visible(&name))?;
        for (index, line) in message.text.split(LINE_ENDS).enumerate() {
            let indent = if index == 0 { " " } else { "    " };
            writeln!(self.page, "{indent}{}", Visible(line.strip_suffix('\r').unwrap_or(line)))?;
        }
        Ok(())
    }

    fn csv(&mut self, message: &StoredMessage) -> io::Result<()> {
        let time = self.time(message.at_ms);
        write!(self.page, "{},{time},", message.position)?;
        self.csv_text(&message.username)?;
        write!(self.page, ",{},", role(message.role))?;
        self.csv_text(&message.text)?;
        self.page.write_all(b"\r\n")
    }

    /// A field of text, always in quotes: so it may hold commas, quotes and lines.
    fn csv_text(&mut self, text: &str) -> io::Result<()> {
        let guard = if is_formula(text) { "'" } else { "" };
        write!(self.page, "\"{guard}{}\"", text.replace('"', "\"\""))
    }

    fn json(&mut self, message: &StoredMessage) -> io::Result<()> {
        self.page.write_all(if self.is_first { b"\n" } else { b",\n" })?;
        Ok(serde_json::to_writer(&mut self.page, &message.wire())?)
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

/// What programs that show text take for the end of a line.
const LINE_ENDS: [char; 3] = ['\n', '\u{2028}', '\u{2029}'];

/// In place of what looks like a colon in a name, which would end the name for who reads it: as NFKC, no name has this one.
const WIDE_COLON: char = '\u{ff1a}';

fn is_colon(c: char) -> bool {
    c == ':' || !c.is_ascii() && skeleton(c.encode_utf8(&mut [0; 4])).eq([':'])
}

/// Text on one line, its control characters shown as their symbols: an escape sequence could make a terminal do things.
struct Visible<'a>(&'a str);

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        use fmt::Write;
        self.0.chars().try_for_each(|c| match c {
            '\t' => f.write_char(c),
            '\0'..='\x1f' => f.write_char(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}')),
            '\x7f' => f.write_char('\u{2421}'),
            c if c.is_control() => f.write_char('\u{fffd}'),
            c => f.write_char(c),
        })
    }
}

/// Whether a spreadsheet could take a field for a formula and run it: one that begins with `=`, `+`, `-`, `@` or their
/// full-width forms, also behind quotes, blanks and what nobody sees, which are dropped on import; or with a tab or a
/// carriage return, which begin a new cell in some.
fn is_formula(text: &str) -> bool {
    let bare = text.trim_start_matches(|c: char| {
        let is_unseen = c.is_control() || c.general_category() == GeneralCategory::Format;
        c.is_whitespace() || is_unseen || matches!(c, '"' | '\'')
    });
    text.starts_with(['\t', '\r'])
        || bare.starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Guest => "guest",
        Role::Member => "member",
        Role::Host => "host",
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::store::error::OpenProblem;
    use crate::store::{Change, NewMessage, Store};

    struct Room {
        folder: tempfile::TempDir,
        store: Store,
    }

    impl Room {
        fn new(texts: &[&str]) -> Room {
            let folder = tempfile::tempdir().expect("a folder");
            let store = Store::open(&folder.path().join("chat.db")).expect("a store");
            let mut room = Room { folder, store };
            room.say("Ana", texts);
            room
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("chat.db")
        }

        fn say(&mut self, username: &str, texts: &[&str]) {
            let message = |text: &&str| NewMessage {
                // 2026-11-23T08:02:11Z
                at_ms: 1_795_420_931_789,
                username: username.into(),
                role: Role::Member,
                text: (*text).to_owned(),
                tab: [0; 32],
                client_message_id: None,
            };
            let turn: Vec<_> = texts.iter().map(message).map(Change::Message).collect();
            self.store.append(&turn).expect("a turn");
        }

        /// The export with the times of a place that is an hour before UTC in November.
        fn export(&self, format: ExportFormat) -> String {
            let mut out = Vec::new();
            let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
            let reader = Reader::open(&self.path()).expect("a reader");
            let mut transcript = Transcript::new(format, reader.head().expect("a head"));
            transcript.zone = zone;
            write_log(&reader, transcript, &mut out, |_, _| ()).expect("an export");
            String::from_utf8(out).expect("text")
        }
    }

    #[test]
    fn a_log_that_is_cleared_meanwhile_does_not_pass_for_whole() {
        let mut room = Room::new(&["one", "two", "three"]);
        let readers = room.store.readers();
        let mut transcript = Transcript::new(ExportFormat::Json, 3);
        let mut next = || transcript.next_page(|position| readers.lend()?.after(position, 1, usize::MAX));
        assert!(matches!(next(), Ok(true)));
        room.store.append(&[Change::Clear]).expect("cleared");
        let error = next().expect_err("the rest is gone");
        assert!(matches!(error, ExportError::Cleared), "{error:?}");
        assert_eq!(room.export(ExportFormat::Json), "[]\n", "one that begins now is of the cleared log");
    }

    #[test]
    fn txt_is_a_line_for_each_message_and_no_text_can_forge_one() {
        let room = Room::new(&[
            "hi",
            "one\r\n2026-11-23T09:02:11+01:00 Bea: two\n\nthree\u{2028}four",
            "\u{1b}[2J\u{7f}\u{9b}\ttab",
        ]);
        let time = "2026-11-23T09:02:11+01:00";
        let expected = [
            "{} Ana: hi",
            "{} Ana: one",
            "    {} Bea: two",
            "    ",
            "    three",
            "    four",
            "{} Ana: \u{241b}[2J\u{2421}\u{fffd}\ttab\n",
        ];
        assert_eq!(room.export(ExportFormat::Txt), expected.join("\n").replace("{}", time));
    }

    #[test]
    fn no_name_ends_in_txt_before_its_end() {
        let mut room = Room::new(&[]);
        for colon in [":", "\u{2236}", "\u{a789}"] {
            room.say(&format!("Ms Keller{colon} No homework"), &["hi"]);
        }
        let line = "2026-11-23T09:02:11+01:00 Ms Keller\u{ff1a} No homework: hi\n";
        assert_eq!(room.export(ExportFormat::Txt), line.repeat(3));
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        let room = Room::new(&["hi", "a, \"b\"\nc"]);
        let expected = "\u{feff}position,time,username,role,message\r\n\
            1,2026-11-23T09:02:11+01:00,\"Ana\",member,\"hi\"\r\n\
            2,2026-11-23T09:02:11+01:00,\"Ana\",member,\"a, \"\"b\"\"\nc\"\r\n";
        assert_eq!(room.export(ExportFormat::Csv), expected);
    }

    #[test]
    fn csv_defuses_formulas() {
        for text in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\tx",
            " =1",
            "\"=1",
            "'\" -1",
            "\n=1",
            "\u{ff1d}1",
            "\u{200b}\u{feff}@SUM(A1)",
        ] {
            let row = Room::new(&[text]).export(ExportFormat::Csv);
            let field = format!(",\"'{}\"\r\n", text.replace('"', "\"\""));
            assert!(row.ends_with(&field), "{row:?}");
        }
        for text in ["1=1", "a+b", "3 - 1", "mail me @home", "'tis", "\"quoted\"", " "] {
            let row = Room::new(&[text]).export(ExportFormat::Csv);
            assert!(!row.contains("\"'") || text.starts_with('\''), "{row:?}");
        }
        let mut room = Room::new(&[]);
        room.say("=Ana", &["hi"]);
        assert!(room.export(ExportFormat::Csv).contains(",\"'=Ana\",member,"));
    }

    #[test]
    fn json_is_an_array_with_a_line_for_each_message() {
        let room = Room::new(&["hi", "a \"b\"\n\u{1}"]);
        let text = room.export(ExportFormat::Json);
        assert_eq!(text.lines().count(), 4);
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value[1]["message"], "a \"b\"\n\u{1}");
        let expected = serde_json::json!({
            "id": 1, "at": 1_795_420_931_789_i64, "username": "Ana", "role": "member", "message": "hi"
        });
        assert_eq!(value[0], expected);
        assert_eq!(Room::new(&[]).export(ExportFormat::Json), "[]\n");
    }

    #[test]
    fn times_have_the_offset_of_their_own_season_or_are_utc() {
        let mut writer = Transcript::new(ExportFormat::Txt, 0);
        writer.zone = TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").expect("a zone");
        assert_eq!(writer.time(1_795_420_931_789), "2026-11-23T03:02:11-05:00");
        assert_eq!(writer.time(1_783_000_000_000), "2026-07-02T09:46:40-04:00");
        writer.zone = TimeZone::UTC;
        assert_eq!(writer.time(1_795_420_931_789), "2026-11-23T08:02:11Z");
        assert_eq!(writer.time(i64::MAX), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn deleted_messages_are_left_out_and_progress_reaches_the_end() {
        let mut room = Room::new(&["one"; 2_500]);
        for message_id in [1, 2, 2_500] {
            room.store
                .append(&[Change::Deletion { message_id, at_ms: 0, tab: [0; 32], any: true }])
                .expect("a turn");
        }
        let (mut out, mut told) = (Vec::new(), Vec::new());
        export(&room.path(), ExportFormat::Txt, &mut out, |done, total| told.push((done, total)))
            .expect("an export");
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 2_497);
        assert!(told.len() > 2 && told.is_sorted(), "{told:?}");
        assert_eq!(told.last(), Some(&(2_503, 2_503)));
    }

    #[test]
    fn what_is_said_during_the_export_does_not_make_it_endless() {
        let mut room = Room::new(&["one"; 3]);
        let mut out = Vec::new();
        let path = room.path();
        let mut pages = 0;
        export(&path, ExportFormat::Txt, &mut out, |_, _| {
            pages += 1;
            room.say("Bea", &["more"; 2_000]);
        })
        .expect("an export");
        assert_eq!((pages, String::from_utf8(out).expect("text").lines().count()), (1, 3));
    }

    #[test]
    fn a_taker_that_goes_away_ends_it_quietly_and_a_full_disk_does_not() {
        struct Failing(ErrorKind);
        impl Write for Failing {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(self.0.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let room = Room::new(&["a long text ".repeat(300).as_str(); 20]);
        for format in [ExportFormat::Txt, ExportFormat::Csv, ExportFormat::Json] {
            let gone = export(&room.path(), format, &mut Failing(ErrorKind::BrokenPipe), |_, _| ());
            assert!(gone.is_ok(), "{gone:?}");
            let full = export(&room.path(), format, &mut Failing(ErrorKind::StorageFull), |_, _| ());
            assert!(matches!(full, Err(ExportError::Write(_))), "{full:?}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("chat.db");
        let error = export(&path, ExportFormat::Txt, &mut Vec::new(), |_, _| ()).expect_err("nothing there");
        assert!(
            matches!(&error, ExportError::Open(it) if matches!(it.problem, OpenProblem::Missing)),
            "{error:?}"
        );
        assert_eq!(folder.path().read_dir().expect("the folder").count(), 0);
    }
}
