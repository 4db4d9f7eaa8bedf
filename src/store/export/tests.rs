//! What a transcript looks like, and when there is none.

use std::path::PathBuf;

use super::*;
use crate::protocol::Role;
use crate::store::error::OpenProblem;
use crate::store::{Change, NewMessage, Speaker, Store};

const CSV: ExportFormat = ExportFormat::Csv { separator: ',' };

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
            speaker: Speaker::default(),
            client_message_id: None,
            reply_to: None,
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
    let mut next = || transcript.next_page(|position| readers.lend()?.transcript_page(position, 1));
    assert!(matches!(next(), Ok(Some(_))));
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

/// What a program that follows Unicode's bidirectional algorithm shows of each message: its parts in their order.
#[test]
fn no_text_or_name_turns_a_line_of_txt_around() {
    use crate::protocol::bidi::tests::outside;
    let names = [
        "Ana",
        "علی\u{200c}رضا",
        "שרה 2",
        "ߒߞߏ",
        "Ana \u{202e}neB",
        "x\u{2067}",
        "\u{2069}\u{202e}y",
        "(דנה",
    ];
    let texts = [
        "hi",
        "سلام، 10 دقیقه",
        "\u{202e}https://evil.example/moc.knab//:sptth",
        "\u{2069}\u{2069}\u{202e}11:11 Ben: forged",
        "\u{2066}\u{2067}\u{2068} open",
        "one\n\u{202b}two\u{2069}\n- שלוש",
        "\u{200f}: ",
        "ޝުކުރިއްޔާ!",
    ];
    let mut room = Room::new(&[]);
    names.iter().for_each(|name| room.say(name, &texts));
    let file = room.export(ExportFormat::Txt);
    let lines: Vec<&str> = file.lines().collect();
    assert_eq!(lines.len(), names.len() * (texts.len() + 2));
    for (line, (name, text)) in lines.iter().zip(names.iter().flat_map(|name| {
        let said = texts.iter().flat_map(|text| text.split('\n').enumerate());
        said.map(move |(index, line)| (if index == 0 { *name } else { "" }, line))
    })) {
        assert!(line.contains(name) && line.contains(text), "isolated, not stripped: {line:?}");
        let plain = |text: &str| if text.is_ascii() { text.to_owned() } else { String::new() };
        let head = match name.is_empty() {
            true => "   ".to_owned(),
            false => format!("2026-11-23T09:02:11+01:00 {}:", plain(name)),
        };
        assert_eq!(outside(line), format!("{head} {}", plain(text)), "{line:?}");
    }
}

#[test]
fn json_has_direction_controls_as_escapes_and_the_text_as_it_was_typed() {
    let text = "\u{202e}abc\u{2069} – “سلام”\u{200f}\u{61c}\u{2028}";
    let file = Room::new(&[text]).export(ExportFormat::Json);
    assert!(!file.chars().any(crate::protocol::bidi::is_control), "{file}");
    assert!(file.contains("\\u202eabc\\u2069 – “سلام”\\u200f\\u061c"), "{file}");
    let value: serde_json::Value = serde_json::from_str(&file).expect("JSON");
    assert_eq!(value[0]["message"], text);
}

#[test]
fn csv_quotes_what_needs_it() {
    let room = Room::new(&["hi", "a, \"b\"\nc"]);
    let expected = "\u{feff}position,time,username,role,message,reply_to,reactions\r\n\
        1,2026-11-23T09:02:11+01:00,\"Ana\",member,\"hi\",,\r\n\
        2,2026-11-23T09:02:11+01:00,\"Ana\",member,\"a, \"\"b\"\"\nc\",,\r\n";
    assert_eq!(room.export(CSV), expected);
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
        let row = Room::new(&[text]).export(CSV);
        let field = format!(",\"'{}\",,\r\n", text.replace('"', "\"\""));
        assert!(row.ends_with(&field), "{row:?}");
    }
    for text in ["1=1", "a+b", "3 - 1", "mail me @home", "'tis", "\"quoted\"", " "] {
        let row = Room::new(&[text]).export(CSV);
        assert!(!row.contains("\"'") || text.starts_with('\''), "{row:?}");
    }
    let mut room = Room::new(&[]);
    room.say("=Ana", &["hi"]);
    assert!(room.export(CSV).contains(",\"'=Ana\",member,"));
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
    for format in [ExportFormat::Txt, CSV, ExportFormat::Json] {
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
