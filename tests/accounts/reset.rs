//! A forgotten password: the link that replaces it, where it leads, how it gets to its owner, and when it is void.

use super::{Browser, email_of, password_of, refused};
use crate::support::{DEADLINE, Process, TestServer, program};
use serde_json::json;
use std::path::Path;
use std::thread;
use std::time::Instant;

/// What `chat-app reset-password` prints for this address: the link, and the token in it.
pub fn link_from_the_command(database: &Path, email: &str) -> (String, String) {
    let mut command = program();
    let mut process = Process::spawn(command.args(["reset-password", email, "--database"]).arg(database));
    assert!(process.wait().success(), "{}", process.stderr.text());
    let said = process.stdout.whole();
    let link = said.split_whitespace().find(|word| word.contains("/#reset=")).expect("a link").to_owned();
    let token = link.split_once("/#reset=").expect("a token").1.to_owned();
    (link, token)
}

fn reset(browser: &mut Browser, token: &str, password: &str) -> u16 {
    browser.post("/api/reset", json!({"token": token, "password": password})).status
}

#[test]
fn a_link_from_the_command_line_works_once_while_the_room_is_open() {
    let server = TestServer::start();
    let mut ana = Browser::signed_up(&server, "Ana");
    let mut tab = ana.join();
    let (link, token) = link_from_the_command(server.database(), "ANA@school.example");
    assert!(link.starts_with(&format!("http://{}/#reset=", server.addr())), "{link}");
    assert!(!server.has_on_disk(&token), "the file holds only its hash");
    let mut anywhere = Browser::new(server.addr());
    let weak = anywhere.post("/api/reset", json!({"token": token, "password": "password1"}));
    assert_eq!(
        (refused(&weak), &weak.json()["error"]["field"]),
        ((422, "bad_password".into()), &json!("password"))
    );
    tab.say_and_wait("nothing happened");
    assert_eq!(reset(&mut anywhere, &token, "a brand new one"), 204);
    tab.expect_close(4401);
    assert!(ana.user().is_null(), "every session has ended");
    assert!(anywhere.user().is_null(), "and none has begun: the new password is asked for");
    assert_eq!(anywhere.log_in(&email_of("Ana"), &password_of("Ana")).status, 401);
    assert_eq!(anywhere.log_in(&email_of("Ana"), "a brand new one").status, 200);
    let again = anywhere.post("/api/reset", json!({"token": token, "password": "yet another one"}));
    assert_eq!(
        (refused(&again), &again.json()["error"]["field"]),
        ((422, "bad_token".into()), &json!("token"))
    );
}

#[test]
fn a_link_is_void_once_there_is_a_newer_one_or_another_password() {
    let server = TestServer::start();
    let mut ana = Browser::signed_up(&server, "Ana");
    let mut anywhere = Browser::new(server.addr());
    let (_, older) = link_from_the_command(server.database(), &email_of("Ana"));
    let (_, newer) = link_from_the_command(server.database(), &email_of("Ana"));
    assert_eq!(reset(&mut anywhere, &older, "a brand new one"), 422);
    let change = json!({"current": password_of("Ana"), "new": "changed by herself"});
    assert_eq!(ana.post("/api/password", change).status, 204);
    assert_eq!(reset(&mut anywhere, &newer, "a brand new one"), 422);
    for nonsense in ["", "abc", &"A".repeat(43), &newer[1..]] {
        assert_eq!(reset(&mut anywhere, nonsense, "a brand new one"), 422, "{nonsense:?}");
    }
}

#[test]
fn an_expired_link_is_void() {
    let server = TestServer::start();
    drop(Browser::signed_up(&server, "Ana"));
    let (_, token) = link_from_the_command(server.database(), &email_of("Ana"));
    let db = rusqlite::Connection::open(server.database()).expect("opens");
    db.busy_timeout(DEADLINE).expect("set");
    let quarter_hour_ms = chat_app::limits::RESET.as_millis() as i64;
    let aged = db.execute("UPDATE password_resets SET expires_at = expires_at - ?1", [quarter_hour_ms]);
    assert_eq!(aged.expect("written"), 1);
    assert_eq!(reset(&mut Browser::new(server.addr()), &token, "a brand new one"), 422);
}

#[test]
fn of_twenty_uses_at_once_one_wins() {
    let server = TestServer::start();
    drop(Browser::signed_up(&server, "Ana"));
    let (_, token) = link_from_the_command(server.database(), &email_of("Ana"));
    let (addr, token) = (server.addr(), &token);
    let statuses: Vec<u16> = thread::scope(|scope| {
        let uses: Vec<_> = (0..20)
            .map(|number| {
                scope.spawn(move || {
                    reset(&mut Browser::new(addr), token, &format!("brand new number {number}"))
                })
            })
            .collect();
        uses.into_iter().map(|each| each.join().expect("no panic")).collect()
    });
    let winners: Vec<_> = (0..20).filter(|number| statuses[*number] == 204).collect();
    let [winner] = winners[..] else { panic!("{statuses:?}") };
    assert!(statuses.iter().all(|status| [204, 422].contains(status)), "{statuses:?}");
    let mut ana = Browser::new(addr);
    assert_eq!(ana.log_in(&email_of("Ana"), &format!("brand new number {winner}")).status, 200);
}

#[test]
fn the_command_says_what_is_wrong() {
    let server = TestServer::start();
    for (arguments, code, said) in [
        (vec!["reset-password", "nobody@school.example", "--database"], 1, "no account has this address"),
        (vec!["reset-password", "nobody", "--database"], 2, "expected an email address"),
    ] {
        let mut command = program();
        let mut process = Process::spawn(command.args(arguments).arg(server.database()));
        assert_eq!(process.wait().code(), Some(code));
        assert!(process.stderr.whole().contains(said), "{}", process.stderr.text());
        assert_eq!(process.stdout.whole(), "");
    }
}

/// How many accounts wait for a host, as the file says. The hosts are told after the asker has his answer.
fn wait_for_a_request(server: &TestServer) {
    let db = rusqlite::Connection::open(server.database()).expect("opens");
    let until = Instant::now() + DEADLINE;
    loop {
        let query = "SELECT count(*) FROM users WHERE reset_requested_at IS NOT NULL";
        let waiting: i64 = db.query_row(query, [], |row| row.get(0)).expect("reads");
        if waiting == 1 {
            return;
        }
        assert!(Instant::now() < until, "the hosts were never told");
        thread::yield_now();
    }
}

#[test]
fn without_mail_the_hosts_are_told() {
    let server = TestServer::start();
    let mut ana = Browser::signed_up(&server, "Ana");
    assert_eq!(ana.get("/api/session").json()["room"]["recovery"], "host");
    for email in ["nobody@school.example", "ana@school.example"] {
        let answer = Browser::new(server.addr()).post("/api/forgot", json!({"email": email}));
        assert_eq!(answer.status, 202);
    }
    wait_for_a_request(&server);
}

#[cfg(unix)]
mod mail {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    /// A mail program that does `what`, in a shell.
    fn program(folder: &Path, what: &str) -> PathBuf {
        let path = folder.join("sendmail");
        std::fs::write(&path, format!("#!/bin/sh\n{what}\n")).expect("written");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).expect("executable");
        path
    }

    fn wait_for_file(path: &Path) -> String {
        let until = Instant::now() + DEADLINE;
        loop {
            if let Ok(text) = std::fs::read_to_string(path) {
                return text;
            }
            assert!(Instant::now() < until, "nothing was mailed");
            thread::yield_now();
        }
    }

    #[test]
    fn with_a_mail_program_the_link_is_mailed_and_leads_to_the_public_url() {
        let folder = tempfile::tempdir().expect("a folder");
        let letter = folder.path().join("letter");
        let what = format!("(echo \"$@\"; cat) > '{0}.part' && mv '{0}.part' '{0}'", letter.display());
        let sendmail = program(folder.path(), &what);
        let server = TestServer::with(|config| {
            config.sendmail = Some(sendmail);
            config.public_urls = vec!["https://chat.example.org".to_owned()];
        });
        let mut ana = Browser::signed_up(&server, "Ana");
        assert_eq!(ana.get("/api/session").json()["room"]["recovery"], "mail");
        assert_eq!(ana.post("/api/forgot", json!({"email": "nobody@school.example"})).status, 202);
        assert_eq!(ana.post("/api/forgot", json!({"email": "ANA@school.example"})).status, 202);
        let letter = wait_for_file(&letter);
        let (arguments, letter) = letter.split_once('\n').expect("arguments");
        assert_eq!(arguments, "-i -t");
        assert!(letter.starts_with("To: ana@school.example\nSubject: "), "{letter}");
        let link = letter.split_whitespace().find(|word| word.contains("/#reset=")).expect("a link");
        let token = link.strip_prefix("https://chat.example.org/#reset=").expect("not the request's host");
        assert_eq!(reset(&mut Browser::new(server.addr()), token, "a brand new one"), 204);
    }

    #[test]
    fn a_mail_program_that_fails_is_never_told_to_the_asker() {
        let folder = tempfile::tempdir().expect("a folder");
        let sendmail = program(folder.path(), "exit 75");
        let server = TestServer::with(|config| config.sendmail = Some(sendmail));
        let mut ana = Browser::signed_up(&server, "Ana");
        assert_eq!(ana.post("/api/forgot", json!({"email": email_of("Ana")})).status, 202);
        wait_for_a_request(&server);
    }

    #[test]
    fn a_mail_program_that_hangs_does_not_hold_up_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let started = folder.path().join("started");
        let sendmail = program(folder.path(), &format!("touch '{}'; exec sleep 60", started.display()));
        let mut server = TestServer::with(|config| config.sendmail = Some(sendmail));
        let mut ana = Browser::signed_up(&server, "Ana");
        assert_eq!(ana.post("/api/forgot", json!({"email": email_of("Ana")})).status, 202);
        wait_for_file(&started);
        let start = Instant::now();
        server.stop();
        assert!(start.elapsed() < chat_app::limits::MAIL_DEADLINE / 2, "{:?}", start.elapsed());
    }

    #[test]
    fn a_mail_program_that_hangs_holds_up_no_host() {
        let folder = tempfile::tempdir().expect("a folder");
        let started = folder.path().join("started");
        let what = format!("echo $$ > '{0}.part'; mv '{0}.part' '{0}'; exec sleep 60", started.display());
        let sendmail = program(folder.path(), &what);
        let server = TestServer::with(|config| config.sendmail = Some(sendmail));
        let mut ana = Browser::signed_up(&server, "Ana");
        assert_eq!(ana.post("/api/forgot", json!({"email": email_of("Ana")})).status, 202);
        let pid: u32 = wait_for_file(&started).trim().parse().expect("a process id");
        let mut tab = Browser::host(server.addr(), &server.host_key()).connect();
        chat_app::make_host_link_beside(server.database(), true).expect("a link");
        tab.expect_close(4401);
        let hangs = std::process::Command::new("kill").args(["-0", &pid.to_string()]).status();
        assert!(hangs.expect("kill runs").success(), "the host was ended only after the letter");
    }
}
