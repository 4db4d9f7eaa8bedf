//! Under which names, for which pages and below which paths the room is reached; and what it says to those that it refuses.

use crate::support::{Knock, Process, Response, TestServer, http};
use std::net::SocketAddr;

/// The answer to `GET path` for somebody who came by this `Host`.
fn get_as(addr: SocketAddr, host: &str, path: &str) -> Response {
    http(addr, format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
}

#[test]
fn foreign_hosts_are_421_and_the_room_has_many_names() {
    let server = TestServer::with(|config| config.public_urls = vec!["https://chat.example.org".to_owned()]);
    let addr = server.addr();
    let port = addr.port();
    let own = [
        "127.0.0.1",
        "192.168.1.20:8080",
        "[::1]:5000",
        "localhost",
        "LocalHost:80",
        "localhost.",
        "laptop",
        "laptop:1234",
        "anas-laptop.local",
        "pi.lan",
        "chat.internal",
        "chat.home.arpa",
        "x.localhost",
        "laptop.localdomain",
        "laptop.home:5000",
        "laptop.school.corp",
        "LAPTOP.intranet",
        "CHAT.example.org",
        "chat.example.org.",
        "chat.example.org:443",
    ];
    for host in own {
        assert_eq!(get_as(addr, host, "/").status, 200, "{host}");
    }
    for host in [
        "example.org",
        "evil.example",
        "chat.example.org.evil.example",
        "local",
        "a.localhost.evil.com",
        "laptop.home.evil.com",
        "laptop.fritz.box",
        "laptophome.com",
        "laptop.private",
        "127.0.0.1.nip.io",
    ] {
        let answer = get_as(addr, &format!("{host}:{port}"), "/");
        // A single label may be a laptop's own name.
        let expected = if host.contains('.') { 421 } else { 200 };
        assert_eq!(answer.status, expected, "{host}");
        let flag = format!("--public-url http://{host}:{port}\n");
        assert!(expected == 200 || answer.text().ends_with(&flag), "the way out is named: {}", answer.text());
    }
}

#[test]
fn foreign_origins_are_403() {
    let server = TestServer::with(|config| config.public_urls = vec!["https://chat.example.org".to_owned()]);
    let addr = server.addr();
    let enter = |host: &str, origin: &str| {
        let headers = format!("Host: {host}\r\nOrigin: {origin}\r\n");
        Knock::with_headers(addr, "/ws", &headers).and_then(Knock::enter).expect("an answer")
    };
    let here = addr.to_string();
    for (host, origin) in [
        (here.as_str(), format!("http://{addr}")),
        (here.as_str(), "https://chat.example.org".to_owned()),
        ("chat.example.org", "https://chat.example.org".to_owned()),
        ("localhost:5000", "http://LOCALHOST:5000".to_owned()),
        ("laptop.local", "http://laptop.local:80".to_owned()),
    ] {
        let entered = enter(host, &origin);
        entered.unwrap_or_else(|refused| panic!("{host} {origin}: {refused:?}")).expect_event("welcome");
    }
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1", "http://chat.example.org", "file://"]
    {
        let refusal = enter(&here, origin).err().unwrap_or_else(|| panic!("{origin} was let in"));
        assert_eq!(refusal.status, 403, "{origin}");
        assert!(refusal.text().contains("--public-url"), "the way out is named: {}", refusal.text());
        for path in ["login", "knock"] {
            let post = format!(
                "POST /api/{path} HTTP/1.1\r\nHost: {addr}\r\nOrigin: {origin}\r\nContent-Length: 0\r\n\r\n"
            );
            let answer = http(addr, post);
            assert_eq!((answer.status, answer.text()), (403, refusal.text()), "{path}, {origin}");
        }
    }
}

#[test]
fn who_knocks_learns_whether_they_may_come_in() {
    let server = TestServer::start();
    let addr = server.addr();
    let knock = |method: &str, origin: &str| {
        http(
            addr,
            format!("{method} /api/knock HTTP/1.1\r\nHost: {addr}\r\n{origin}Content-Length: 0\r\n\r\n"),
        )
        .status
    };
    assert_eq!(knock("POST", &format!("Origin: http://{addr}\r\n")), 204);
    assert_eq!(knock("POST", "Origin: http://elsewhere.example\r\n"), 403);
    assert_eq!(knock("POST", ""), 403, "a page has an origin");
    assert_eq!(knock("GET", ""), 405);
}

#[test]
fn a_room_under_a_path_is_there_whether_or_not_the_proxy_leaves_it_out() {
    let server = TestServer::with(|config| {
        config.public_urls =
            vec!["https://school.example/chat".to_owned(), "https://chat.example".to_owned()];
    });
    let addr = server.addr();
    for path in ["/", "/chat/", "/chat/healthz", "/healthz", "/chat/api/session", "/api/session"] {
        assert_eq!(get_as(addr, "school.example", path).status, 200, "{path}");
    }
    for path in ["/chat/chat/", "/chatter/", "/chat//", "/chat/../", "/other/chat/"] {
        assert_eq!(get_as(addr, "school.example", path).status, 404, "{path}");
    }
    let slash = get_as(addr, "school.example", "/chat");
    assert_eq!((slash.status, slash.header("location")), (308, Some("/chat/")));
    assert_eq!(
        get_as(addr, "school.example", "/chat/api/invite").json()["url"],
        "https://school.example/chat/"
    );
    for target in ["/ws", "/chat/ws", "/chat/ws?after=0&epoch=x"] {
        let headers = "Host: school.example\r\nOrigin: https://school.example\r\n";
        let entered = Knock::with_headers(addr, target, headers).and_then(Knock::enter).expect("an answer");
        entered.unwrap_or_else(|refused| panic!("{target}: {refused:?}")).expect_event("welcome");
    }
    let elsewhere = "Host: school.example\r\nOrigin: https://school.example:8443\r\n";
    let refused = Knock::with_headers(addr, "/chat/ws", elsewhere).and_then(Knock::enter).expect("an answer");
    assert_eq!(refused.err().map(|refused| refused.status), Some(403));
}

#[test]
fn the_operator_is_told_once_of_each_flag_that_may_be_missing() {
    let folder = tempfile::tempdir().expect("a folder for the database");
    let mut room = Process::start(&folder.path().join("chat.db"), &[]);
    let addr = room.addr();
    let ask =
        |lines: &str| http(addr, format!("GET /ws HTTP/1.1\r\n{lines}Connection: close\r\n\r\n")).status;
    for _ in 0..3 {
        assert_eq!(ask("Host: laptop.fritzbox.example:5000\r\n"), 421);
        assert_eq!(ask("Host: chat.example\r\nX-Forwarded-Proto: https\r\n"), 421);
        assert_eq!(ask(&format!("Host: {addr}\r\nOrigin: https://school.example\r\n")), 403);
        // As nginx passes it on unless it is told otherwise.
        let key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        assert_eq!(ask(&format!("Host: {addr}\r\n{key}")), 426);
        assert_eq!(ask(&format!("Host: {addr}\r\n")), 426, "no page asks so, and nobody is told");
    }
    room.signal(crate::support::Signal::TERM);
    assert!(room.wait().success());
    let log = room.stderr.whole();
    let warnings: Vec<&str> = log.lines().filter(|line| line.contains("WARN")).collect();
    for part in [
        "--public-url http://laptop.fritzbox.example:5000",
        "--public-url https://chat.example",
        "--public-url https://school.example",
        "A proxy on the way has left Upgrade out",
    ] {
        assert_eq!(warnings.iter().filter(|line| line.contains(part)).count(), 1, "{part} in {log}");
    }
    assert_eq!(warnings.len(), 4, "{log}");
}

#[test]
fn names_of_somebodys_invention_hide_no_other_hint_and_do_not_fill_the_log() {
    let folder = tempfile::tempdir().expect("a folder for the database");
    let mut room = Process::start(&folder.path().join("chat.db"), &[]);
    let addr = room.addr();
    for number in 0..2 * chat_app::limits::TOLD_STRANGERS {
        assert_eq!(get_as(addr, &format!("h{number}.example"), "/").status, 421);
    }
    let page = format!("GET / HTTP/1.1\r\nHost: {addr}\r\nOrigin: https://school.example\r\n\r\n");
    assert_eq!(http(addr, page).status, 403);
    room.signal(crate::support::Signal::TERM);
    assert!(room.wait().success());
    let log = room.stderr.whole();
    let told = |part: &str| log.lines().filter(|line| line.contains("WARN") && line.contains(part)).count();
    assert_eq!(told("--public-url http://h"), chat_app::limits::TOLD_STRANGERS, "{log}");
    assert_eq!(told("further ones that are refused with 421 are not shown"), 1, "{log}");
    assert_eq!(told("--public-url https://school.example"), 1, "{log}");
}

/// As on a laptop at home, whose network is called `fritz.box`: in namespaces of the test's own, so that the machine keeps
/// its name.
#[cfg(target_os = "linux")]
#[test]
fn the_room_answers_to_the_machines_own_name_in_its_network() {
    use std::process::Command;
    let folder = tempfile::tempdir().expect("a folder for the database");
    let resolver = folder.path().join("resolv.conf");
    std::fs::write(&resolver, "nameserver 127.0.0.1\nsearch fritz.box school.example uk\n").expect("written");
    let (room, database) = (env!("CARGO_BIN_EXE_chat-app"), folder.path().join("chat.db"));
    let script = "hostname laptop && mount --bind \"$1\" /etc/resolv.conf && shift && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--uts", "--mount", "sh", "-c", script, "sh"]).arg(&resolver);
    let can =
        Command::new("unshare").args(["--user", "--map-root-user", "--uts", "--mount", "true"]).output();
    if !can.is_ok_and(|output| output.status.success()) {
        println!("skipped: this system lets nobody make namespaces");
        return;
    }
    let command = command.arg(room).args(["--bind", "127.0.0.1", "--port", "0", "--quiet", "--database"]);
    let process = Process::spawn(command.arg(&database));
    let addr = process.addr();
    for (host, status) in [
        ("laptop.fritz.box", 200),
        ("LAPTOP.Fritz.Box.:5000", 200),
        ("laptop.school.example:5000", 200),
        ("laptop.uk", 421),
        ("other.fritz.box", 421),
        ("fritz.box", 421),
        ("laptop.fritz.box.evil.example", 421),
        ("laptop.box", 421),
    ] {
        assert_eq!(get_as(addr, host, "/").status, status, "{host}");
    }
    // A laptop changes its network while the room is open.
    std::fs::write(&resolver, "search speedport.ip\n").expect("written");
    assert_eq!(get_as(addr, "laptop.speedport.ip", "/").status, 200);
    assert_eq!(get_as(addr, "laptop.fritz.box", "/").status, 421);
}
