//! Behind a reverse proxy with TLS: the README's own nginx configuration, run by the real nginx.

use super::{Browser, email_of, password_of};
use crate::support::{DEADLINE, Process, TestServer, free_port};
use serde_json::json;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

const HOST: &str = "chat.example.org";

/// Where a program is; none where it is not installed, which is an error only where all of them have to be.
fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{name} has to be installed for this test");
        println!("skipped: {name} is not installed");
    }
    found
}

/// The README's nginx configuration, with the ports and files of this test.
fn configuration(folder: &Path, port: u16, room: SocketAddr) -> String {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("a README");
    let (_, rest) = readme.split_once("```nginx\n").expect("the README has a configuration of nginx");
    let mut servers = rest.split_once("```").expect("it ends").0.to_owned();
    let folder = folder.display();
    for (written, here) in [
        ("listen 443 ssl;", format!("listen 127.0.0.1:{port} ssl;")),
        ("/etc/ssl/chat.example.org.pem", format!("{folder}/certificate.pem")),
        ("/etc/ssl/chat.example.org.key", format!("{folder}/key.pem")),
        ("http://127.0.0.1:5000", format!("http://{room}")),
    ] {
        assert!(servers.contains(written), "the README's configuration has no {written}");
        servers = servers.replace(written, &here);
    }
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
        .concat();
    format!(
        "daemon off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\n\
         http {{\naccess_log off;\n{temporary}{servers}}}\n"
    )
}

fn make_certificate(openssl: &Path, folder: &Path) {
    let made = Command::new(openssl)
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=chat.example.org",
        ])
        .args([
            "-addext",
            "subjectAltName=DNS:chat.example.org",
            "-keyout",
            "key.pem",
            "-out",
            "certificate.pem",
        ])
        .current_dir(folder)
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// A local port behind which is the room's https port, as seen from `address`: openssl does the TLS and checks the
/// certificate.
fn tls_from(address: &'static str, openssl: &Path, folder: &Path, port: u16) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let local = listener.local_addr().expect("an address");
    let (openssl, authority) = (openssl.to_owned(), folder.join("certificate.pem"));
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut command = Command::new(&openssl);
            command.args([
                "s_client",
                "-quiet",
                "-verify_return_error",
                "-servername",
                HOST,
                "-bind",
                address,
            ]);
            command.arg("-connect").arg(format!("127.0.0.1:{port}")).arg("-CAfile").arg(&authority);
            let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
            let mut child = child.expect("openssl runs");
            let (mut to, mut from) =
                (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
            let mut up = stream.try_clone().expect("a second handle");
            let mut down = stream;
            thread::spawn(move || copy(&mut up, &mut to));
            thread::spawn(move || {
                copy(&mut from, &mut down);
                let _ = down.shutdown(Shutdown::Both);
                let _ = child.kill();
                let _ = child.wait();
            });
        }
    });
    local
}

/// Each piece as it comes, until one side ends.
fn copy(from: &mut impl Read, to: &mut impl Write) {
    let mut piece = [0; 8192];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        if to.write_all(&piece[..count]).and_then(|()| to.flush()).is_err() {
            return;
        }
    }
}

fn wait_until_open(port: u16, nginx: &Process) {
    let until = Instant::now() + DEADLINE;
    while let Err(error) = TcpStream::connect(("127.0.0.1", port)) {
        assert!(
            error.kind() == io::ErrorKind::ConnectionRefused && Instant::now() < until,
            "{}",
            nginx.stderr.text()
        );
        thread::yield_now();
    }
}

#[test]
fn page_accounts_and_room_work_through_nginx_with_tls() {
    let (Some(nginx), Some(openssl)) = (installed("nginx"), installed("openssl")) else { return };
    let server = TestServer::with(|config| {
        config.public_urls = vec![format!("https://{HOST}")];
        config.trusted_proxies = vec![config.bind];
        config.max_clients_per_address = 4;
    });
    let folder = tempfile::tempdir().expect("a folder");
    make_certificate(&openssl, folder.path());
    let port = free_port();
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, configuration(folder.path(), port, server.addr())).expect("written");
    let nginx = Process::spawn(Command::new(nginx).arg("-p").arg(folder.path()).arg("-c").arg(&file));
    wait_until_open(port, &nginx);
    let browser_at = |address| {
        let browser = Browser::new(tls_from(address, &openssl, folder.path(), port));
        // What a visitor says of their address is overwritten.
        Browser { site: Some(HOST), ..browser }.from("198.51.100.1")
    };

    let mut ana = browser_at("127.0.0.1");
    let page = ana.get("/");
    assert_eq!(page.status, 200);
    assert!(
        page.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'"))
    );
    assert_eq!(ana.sign_up("Ana").status, 201);
    assert!(ana.cookie("__Host-session").is_some(), "{:?}", ana.cookies);
    assert_eq!(ana.user()["username"], "Ana");
    assert_eq!(ana.get("/api/invite").json()["url"], format!("https://{HOST}"));

    let mut tab = ana.connect();
    assert_eq!(tab.expect_event("welcome")["session"]["username"], "Ana");
    tab.send(json!({"event": "join"}));
    tab.expect_event("joined");
    let mut inside = server.join("Ben");
    tab.say_and_wait("through the proxy");
    assert_eq!(inside.expect_message("through the proxy")["role"], "member");
    inside.say("and back");
    tab.expect_message("and back");

    let mut guesser = browser_at("127.0.0.2");
    let guesses = chat_app::limits::LOGIN_FAILURES.0;
    for _ in 0..guesses {
        assert_eq!(guesser.log_in(&email_of("Ana"), "a wrong guess").status, 401);
    }
    assert_eq!(guesser.log_in(&email_of("Ana"), "a wrong guess").status, 429);
    let mut elsewhere = browser_at("127.0.0.3");
    assert_eq!(
        elsewhere.log_in(&email_of("Ana"), &password_of("Ana")).status,
        200,
        "each address counts by itself"
    );

    let _crowd: Vec<_> = (0..4).map(|_| guesser.connect()).collect();
    assert_eq!(guesser.get("/healthz").status, 429, "and has its own cap");
    assert_eq!(elsewhere.get("/healthz").status, 200);

    assert_eq!(ana.post("/api/logout", json!({})).status, 204);
    tab.expect_close(4401);
}
