//! Starting at a desktop: the browser that opens, the history's place, the window that stays.

use super::folder;
use crate::support::{DEADLINE, Process};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Runs a line of shell with a terminal, at a desktop whose browser writes down what it is to open.
fn at_desktop(folder: &Path, line: &str) -> Process {
    use std::os::unix::fs::PermissionsExt;
    let (bin, home) = (folder.join("bin"), folder.join("home"));
    for made in [&bin, &home] {
        std::fs::create_dir_all(made).expect("a folder in our own");
    }
    let browser = bin.join("xdg-open");
    std::fs::write(&browser, format!("#!/bin/sh\necho \"$1\" > '{}'\n", folder.join("opened").display()))
        .expect("a file can be written");
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).expect("ours");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").expect("a path"));
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", line, "/dev/null"]).current_dir(folder);
    for from_afar in ["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY", "XDG_DATA_HOME"] {
        command.env_remove(from_afar);
    }
    command.envs([("DISPLAY", ":77".as_ref()), ("HOME", home.as_os_str()), ("PATH", path.as_ref())]);
    Process::spawn(command.env("SHELL", "/bin/sh").env("TERM", "xterm"))
}

fn opened(folder: &Path) -> Option<String> {
    std::fs::read_to_string(folder.join("opened")).ok().filter(|text| text.ends_with('\n'))
}

#[test]
fn at_a_desktop_the_hosts_browser_opens_with_a_key_that_counts_once() {
    let folder = folder();
    let room = concat!(env!("CARGO_BIN_EXE_chat-app"), " --bind 127.0.0.1 --port 0");
    let process = at_desktop(folder.path(), &format!("{room}; true"));
    let until = Instant::now() + DEADLINE;
    let link = loop {
        assert!(Instant::now() < until, "no browser: {}", process.stdout.text());
        match opened(folder.path()) {
            Some(link) => break link,
            None => std::thread::sleep(std::time::Duration::from_millis(5)),
        }
    };
    let (origin, key) = link.trim().split_once("/#host=").expect("a host link");
    assert!(!process.stdout.text().contains(key), "the one that is shown is another");
    let port = origin.strip_prefix("http://localhost:").and_then(|port| port.parse().ok()).expect("a port");
    let open = || crate::accounts::Browser::new(([127, 0, 0, 1], port).into()).open_host_link(key);
    let mut afar = crate::accounts::Browser::new(([127, 0, 0, 1], port).into()).from("203.0.113.1");
    assert_eq!(afar.open_host_link(key).json()["error"]["reason"], "host_elsewhere");
    assert_eq!(open().status, 200);
    assert_eq!(open().json()["error"]["reason"], "host_link_spent");
    assert!(folder.path().join("chat.db").exists(), "in a shell the history is where one is");
}

#[test]
fn a_second_start_at_a_desktop_opens_the_page_of_the_room_that_is_open() {
    let folder = folder();
    let room = concat!(env!("CARGO_BIN_EXE_chat-app"), " --bind 127.0.0.1 --port 0");
    let first = at_desktop(folder.path(), room);
    let url = first.stdout.wait_for("the host's link", &first.stderr, |text| {
        let (url, _) = text.split_once("/#host=")?;
        Some(url[url.rfind("http://")?..].to_owned())
    });
    let open = |line: &str| {
        let _ = std::fs::remove_file(folder.path().join("opened"));
        let mut second = at_desktop(folder.path(), line);
        (second.wait().code(), second.stdout.whole())
    };
    let (code, said) = open(room);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("open already") && said.contains(&url), "{url}: {said}");
    let until = Instant::now() + DEADLINE;
    while opened(folder.path()).is_none() {
        assert!(Instant::now() < until, "no browser");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(opened(folder.path()), Some(url + "\n"), "without a key: others can read a command line");
    // Where no browser is to open it is an error, as from afar.
    let (code, said) = open(&format!("{room} --no-open"));
    assert!(code == Some(1) && said.contains("another chat-app is using this database"), "{said}");
    assert_eq!(opened(folder.path()), None);
}

#[test]
fn a_double_click_keeps_the_history_where_programs_keep_theirs() {
    let folder = folder();
    let room = |more: &str| {
        format!(
            "exec {} --bind 127.0.0.1 --port 0 --no-open --log-level debug {more}",
            env!("CARGO_BIN_EXE_chat-app")
        )
    };
    let place = folder.path().join("home/.local/share/chat-app/chat.db");
    let wait_for = |process: &Process, database: &Path| {
        process.stdout.wait_for("where", &process.stderr, |text| {
            let is_said = text.contains(database.to_str().expect("a path"));
            (is_said && text.contains("no browser is opened")).then_some(())
        });
        assert!(database.exists());
    };
    wait_for(&at_desktop(folder.path(), &room("")), &place);
    let chosen = folder.path().join("mine.db");
    wait_for(&at_desktop(folder.path(), &room("--database mine.db")), &chosen);
    let here = folder.path().join("chat.db");
    std::fs::copy(&place, &here).expect("a copy");
    wait_for(&at_desktop(folder.path(), &room("")), &here); // as from a version that kept it beside itself
}

#[test]
fn a_window_that_was_opened_for_the_room_stays_until_its_error_is_read() {
    let room = concat!(env!("CARGO_BIN_EXE_chat-app"), " --bind 127.0.0.1 --port 0 --no-open");
    let said = |line: &str| {
        let folder = folder();
        let mut process = at_desktop(folder.path(), line);
        let code = process.wait().code();
        (code, process.stdout.whole())
    };
    let (missing, wrong) = (format!("{room} --database no-folder/chat.db"), format!("{room} --prot"));
    for (line, code) in [(&missing, 1), (&wrong, 2)] {
        let (ended, clicked) = said(&format!("exec {line}"));
        assert_eq!(ended, Some(code), "{clicked}");
        assert!(clicked.trim_end().ends_with("Press Enter to close this window."), "{clicked}");
        let (_, typed) = said(&format!("{line}; exit 1"));
        assert!(!typed.contains("Press Enter") && typed.contains("chat-app: "), "a shell stays: {typed}");
    }
}

#[test]
fn no_browser_opens_for_somebody_who_is_elsewhere() {
    let room = concat!(env!("CARGO_BIN_EXE_chat-app"), " --bind 127.0.0.1 --port 0 --log-level debug");
    for line in [
        format!("SSH_CONNECTION='10.0.0.1 1 10.0.0.2 22' {room}"),
        format!("DISPLAY= {room}"),
        format!("{room} | cat"),
        format!("{room} --quiet"),
        format!("{room} --trusted-proxy 127.0.0.1"), // nobody is on this computer
        format!("{room} </dev/null"),
    ] {
        let folder = folder();
        let process = at_desktop(folder.path(), &line);
        process
            .stdout
            .wait_for(&line, &process.stderr, |text| text.contains("no browser is opened").then_some(()));
    }
}
