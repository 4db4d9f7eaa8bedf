//! The log as a download: for hosts alone, whole, safe in a spreadsheet, and at nobody else's cost.

use crate::accounts::{Browser, refused};
use crate::support::{DEADLINE, Response, TestServer, key};
#[cfg(target_os = "linux")]
use crate::support::{Footprint, Process, Texts, http, long_log};
use chat_app::inside::Signs;
#[cfg(target_os = "linux")]
use chat_app::make_host_link_beside;
use serde_json::{Value, json};
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Transcripts that are streamed at once.
const TRANSCRIPTS: usize = 4;

fn host(server: &TestServer) -> Browser {
    Browser::host(server.addr(), &server.host_key())
}

/// Asks for a transcript and reads no more than the head of the answer.
fn begin(browser: &Browser, path: &str) -> (Response, BufReader<TcpStream>) {
    let mut stream = TcpStream::connect(browser.addr).expect("a connection");
    stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
    let request = format!("GET {path} HTTP/1.1\r\nConnection: close\r\n{}\r\n", browser.headers());
    stream.write_all(request.as_bytes()).expect("the server takes the request");
    let mut reader = BufReader::with_capacity(512, stream);
    (Response::read_head(&mut reader).expect("an answer"), reader)
}

#[test]
fn a_transcript_is_named_after_the_room() {
    let server = TestServer::with(|config| config.title = Some("Room 12".to_owned()));
    let answer = host(&server).get("/transcript.csv");
    let disposition = answer.header("content-disposition").expect("a file");
    assert!(disposition.contains("; filename*=UTF-8''Room%2012%2020"), "{disposition}");
    assert!(disposition.ends_with(".csv"), "{disposition}");
}

#[test]
fn a_host_gets_the_whole_log_as_a_file() {
    let server = TestServer::start();
    let mut ana = server.connect();
    ana.join_with_keys("Ana", &key("Ana"), &key("Ana"));
    for (n, text) in ["hi", "taken back", "two\nlines", "bye"].iter().enumerate() {
        ana.say_with_id(text, &n.to_string());
        ana.expect_message(text);
    }
    ana.send(json!({"event": "delete_message", "message_id": 2}));
    ana.expect_event("message_deleted");
    let mut host = host(&server);
    for (ending, kind) in [
        ("txt", "text/plain; charset=utf-8"),
        ("csv", "text/csv; charset=utf-8; header=present"),
        ("json", "application/json"),
    ] {
        let answer = host.get(&format!("/transcript.{ending}"));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(answer.header("date").is_some_and(|date| date.ends_with(" GMT")));
        let disposition = answer.header("content-disposition").expect("a file");
        assert!(
            disposition.starts_with("attachment; filename=\"chat-20")
                && disposition.ends_with(&format!(".{ending}\"")),
            "{disposition}"
        );
        assert!(!answer.text().contains("taken back"), "{}", answer.text());
        assert!(answer.text().contains("bye"));
        let head = host.ask(&format!("HEAD /transcript.{ending}"), "", "");
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-type"), Some(kind));
    }
    let messages = host.get("/transcript.json").json();
    let ids: Vec<_> = messages.as_array().expect("an array").iter().map(|message| &message["id"]).collect();
    assert_eq!(ids, [1, 3, 4]);
    let text = host.get("/transcript.txt").text().to_owned();
    let (time, rest) = text.split_once(' ').expect("a time");
    assert!(time.parse::<jiff::Timestamp>().is_ok(), "ISO 8601 with an offset: {time}");
    assert!(rest.starts_with("Ana: hi\n") && text.lines().nth(2) == Some("    lines"), "{text}");
}

#[test]
fn replies_and_counts_of_reactions_are_in_it_and_who_reacted_is_not() {
    let server = TestServer::with(|config| config.reactions = Signs::parse("👍 =").expect("signs"));
    let mut ana = server.connect();
    ana.join_with_keys("Ana", &key("Ana"), &key("Ana"));
    ana.say_and_wait("Done?");
    ana.say_with_id("a slip", "2");
    for (text, reply_to) in [("Yes\n  ↪ no", 1), ("What?", 2)] {
        ana.send(json!({"event": "send_message", "message": text, "reply_to": reply_to}));
        ana.expect_text(text);
    }
    let mut zoe = server.join("Zoe Zimmermann");
    for (client, message_id, sign) in [(0, 1, "👍"), (1, 1, "👍"), (1, 1, "="), (1, 3, "=")] {
        let client = if client == 0 { &mut ana } else { &mut zoe };
        client.send(json!({"event": "react", "message_id": message_id, "reaction": sign, "on": true}));
        client.expect_event("reacted");
    }
    ana.send(json!({"event": "delete_message", "message_id": 2}));
    ana.expect_event("message_deleted");
    let mut host = host(&server);
    let messages = host.get("/transcript.json").json();
    let beside = |n: usize| (messages[n].get("reply_to"), messages[n].get("reactions"));
    assert_eq!(beside(0), (None, Some(&json!({"👍": 2, "=": 1}))));
    assert_eq!(beside(1), (Some(&json!(1)), Some(&json!({"=": 1}))));
    assert_eq!(beside(2), (Some(&json!(2)), None));
    let answer = host.get("/transcript.csv");
    let mut reader = csv::Reader::from_reader(&answer.body[..]);
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("RFC 4180");
    let beside: Vec<_> = rows.iter().map(|row| (&row[5], &row[6])).collect();
    assert_eq!(beside, [("", "👍 2 = 1"), ("1", "'= 1"), ("2", "")]);
    let text = host.get("/transcript.txt").text().to_owned();
    let time = text.split(' ').next().expect("a time");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1], "  👍 2 = 1");
    assert_eq!(lines[3], "      ↪ no", "what is text is indented more");
    assert_eq!(lines[4], format!("  ↪ {time} Ana"));
    assert_eq!((lines[5], lines[7]), ("  = 1", "  ↪ –"));
    assert!(![messages.to_string(), text, answer.text().to_owned()].iter().any(|it| it.contains("Zoe")));
}

#[test]
fn who_speaks_http_1_0_gets_it_without_chunks() {
    let server = TestServer::start();
    server.join("Ana").say_and_wait("hi");
    let host = host(&server);
    let mut stream = TcpStream::connect(server.addr()).expect("a connection");
    stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
    let request = format!("GET /transcript.json HTTP/1.0\r\n{}\r\n", host.headers());
    stream.write_all(request.as_bytes()).expect("the server takes it");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer, then the end");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains(" 200 OK\r\n") && !head.contains("Transfer-Encoding"), "{head}");
    let messages: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(messages[0]["message"], "hi");
}

#[test]
fn a_csv_is_read_as_it_was_written_and_runs_nothing() {
    let server = TestServer::start();
    let mut ana = server.join("Ana, \"the\" 1st");
    let harmless =
        ["plain", "a, b", "say \"hi\"", "two\r\nlines\nthree", "😀 José", "1-1", "'tis", ";", " x "];
    let formulas =
        ["=1+1", "+1", "-1", "@A1", "\tx", "\r=1", " =1", "\"=1", "＝1", "\u{200b}=1", "=\"\"\",\n"];
    for text in harmless.iter().chain(&formulas) {
        ana.say(text);
        ana.expect_message(text);
    }
    let answer = host(&server).get("/transcript.csv");
    assert!(answer.text().starts_with("\u{feff}position,time,username,role,message,reply_to,reactions\r\n"));
    let mut reader = csv::Reader::from_reader(&answer.body[..]);
    assert_eq!(
        reader.headers().expect("a head"),
        ["position", "time", "username", "role", "message", "reply_to", "reactions"].as_slice()
    );
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("RFC 4180");
    assert_eq!(rows.len(), harmless.len() + formulas.len());
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(row[0], (index + 1).to_string());
        assert!(row[1].parse::<jiff::Timestamp>().is_ok(), "{}", &row[1]);
        assert_eq!((&row[2], &row[3]), ("Ana, \"the\" 1st", "guest"));
        let expected = match harmless.get(index) {
            Some(text) => (*text).to_owned(),
            None => format!("'{}", formulas[index - harmless.len()]),
        };
        assert_eq!(row[4], expected);
    }
}

#[test]
fn a_csv_has_the_separator_that_is_asked_for() {
    let server = TestServer::start();
    server.join("Ana").say_and_wait("a; \"b\", c");
    let mut host = host(&server);
    for (query, separator) in [
        ("", ','),
        ("?separator=;", ';'),
        ("?separator=,", ','),
        ("?separator=%3F", ','),
        ("?separator=", ','),
    ] {
        let answer = host.get(&format!("/transcript.csv{query}"));
        let head = format!(
            "\u{feff}position{separator}time{separator}username{separator}role{separator}message{separator}reply_to{separator}reactions\r\n"
        );
        assert!(answer.text().starts_with(&head), "{query}: {}", answer.text());
        let mut reader = csv::ReaderBuilder::new().delimiter(separator as u8).from_reader(&answer.body[..]);
        let row = reader.records().next().expect("a row").expect("RFC 4180");
        assert_eq!((row.len(), &row[0], &row[2], &row[4]), (7, "1", "Ana", "a; \"b\", c"), "{query}");
    }
}

#[test]
fn nobody_but_a_host_gets_it() {
    let server = TestServer::start();
    server.join("Ana").say_and_wait("between us");
    let mut forger = Browser::new(server.addr());
    let forged = forger.ask(
        "GET /transcript.txt",
        &format!("Cookie: {}={}\r\n", forger.session_name(), "A".repeat(43)),
        "",
    );
    let answers = [
        server.get("/transcript.txt"),
        Browser::new(server.addr()).get("/transcript.csv"),
        Browser::signed_up(&server, "Ben").get("/transcript.json"),
        Browser::signed_up(&server, "Carla").ask("HEAD /transcript.json", "", ""),
        forged,
    ];
    for answer in &answers {
        assert_eq!(answer.status, 403);
        assert!(!answer.text().contains("between us"));
    }
    assert_eq!(refused(&answers[0]), (403, "not_host".to_owned()));
    let mut host = host(&server);
    for path in ["/transcript", "/transcript.xml", "/transcript.txt/", "/Transcript.txt"] {
        assert_eq!(host.get(path).status, 404, "{path}");
    }
    let answer = host.post("/transcript.txt", json!({}));
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
    assert_eq!(host.get("/transcript.txt?x=1").status, 200);
}

#[test]
fn who_does_not_take_it_is_cut_off_and_holds_up_nobody() {
    let mut server = TestServer::with_log(100_000);
    let mut host = host(&server);
    let stalled: Vec<_> = (0..TRANSCRIPTS)
        .map(|_| {
            let (head, reader) = begin(&host, "/transcript.json");
            assert_eq!(head.status, 200);
            reader
        })
        .collect();
    let full = host.get("/transcript.json");
    assert_eq!((refused(&full), full.header("retry-after")), ((503, "busy".to_owned()), Some("2")));
    assert_eq!(server.get("/").status, 200, "the page is answered");
    let mut ana = server.join("Ana");
    ana.say_and_wait("and the room goes on");
    let until = Instant::now() + 2 * DEADLINE;
    let whole = loop {
        let answer = host.get("/transcript.json");
        if answer.status == 200 {
            break answer;
        }
        assert!(Instant::now() < until, "nobody was cut off");
        let _ = ana.next_within(Duration::from_millis(100)); // looks again then
    };
    assert_eq!(whole.json().as_array().map(Vec::len), Some(100_001));
    for mut reader in stalled {
        let mut rest = Vec::new();
        let _ = reader.read_to_end(&mut rest); // torn, or ended
        assert!(!rest.ends_with(b"0\r\n\r\n"), "what was cut does not look whole");
    }
    server.stop();
}

#[test]
fn a_room_that_closes_cuts_a_transcript_short_and_says_so() {
    let mut server = TestServer::with_log(100_000);
    let host = host(&server);
    let (_, mut reader) = begin(&host, "/transcript.json");
    server.stop();
    let mut rest = Vec::new();
    let _ = reader.read_to_end(&mut rest); // torn, or ended
    assert!(!rest.ends_with(b"0\r\n\r\n"), "what was cut does not look whole");
}

#[cfg(target_os = "linux")]
#[test]
fn a_long_log_costs_no_more_memory_than_a_short_one() {
    const MESSAGES: u64 = 255_000; // the log that is searched, too
    let folder = tempfile::tempdir().expect("a folder for the database");
    let database = folder.path().join("chat.db");
    long_log(&database, MESSAGES, Texts::Short);
    let process = Process::start(&database, &[]);
    let addr = process.addr();
    let link = make_host_link_beside(&database, false).expect("a link");
    let host = Browser::host(addr, link.split_once("#host=").expect("a key").1);
    let request = |path: &str| {
        http(host.addr, format!("GET {path} HTTP/1.1\r\nConnection: close\r\n{}\r\n", host.headers()))
    };
    assert_eq!(request("/api/session").status, 200);
    let before = Footprint::of(&process).peak_kib * 1024;
    let answer = request("/transcript.json");
    let bytes = answer.body.len() as u64;
    let grown = Footprint::of(&process).peak_kib * 1024 - before;
    assert!(bytes > 16 * 1024 * 1024 && grown < bytes / 2, "{grown} bytes more for {bytes}");
    let last: Value = serde_json::from_str(answer.text().lines().nth_back(1).expect("a line")).expect("JSON");
    assert_eq!(last["id"], MESSAGES);
}
