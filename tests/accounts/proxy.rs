//! Behind a reverse proxy with TLS: the README's own configurations, run by the real nginx and the real Caddy.

use super::{Browser, email_of, password_of};
use crate::support::{
    DEADLINE, Process, TestServer, configuration, free_port, installed, start_nginx, wait_until_open,
};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

const HOST: &str = "chat.example.org";
/// On a port that nginx has to pass on.
const HOST_AND_PORT: &str = "chat.example.org:8443";

fn nginx_servers(folder: &Path, port: u16, room: SocketAddr) -> String {
    let folder = folder.display();
    configuration(
        "```nginx\nmap ",
        &[
            ("listen 443 ssl;", format!("listen 127.0.0.1:{port} ssl;")),
            ("/etc/ssl/chat.example.org.pem", format!("{folder}/certificate.pem")),
            ("/etc/ssl/chat.example.org.key", format!("{folder}/key.pem")),
            ("http://127.0.0.1:5000", format!("http://{room}")),
        ],
    )
}

/// Caddy's own authority signs, as no other would sign for this name; nothing of it goes into the system. Without HTTP/3 and
/// the redirect from port 80, which would want ports of everybody's.
fn caddy_configuration(port: u16, room: SocketAddr) -> String {
    let site = configuration(
        "```\nchat.example.org {\n",
        &[
            ("chat.example.org {\n", format!("https://{HOST}:{port} {{\nbind 127.0.0.1\ntls internal\n")),
            ("127.0.0.1:5000", room.to_string()),
        ],
    );
    format!(
        "{{\nadmin off\nskip_install_trust\nauto_https disable_redirects\nservers {{\nprotocols h1 h2\n}}\n}}\n{site}"
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
fn tls_from(address: &'static str, openssl: &Path, authority: &Path, port: u16) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let local = listener.local_addr().expect("an address");
    let (openssl, authority) = (openssl.to_owned(), authority.to_owned());
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

/// Caddy listens before it has a certificate.
fn wait_until_certified(openssl: &Path, authority: &Path, port: u16, caddy: &Process) {
    let until = Instant::now() + DEADLINE;
    let mut command = Command::new(openssl);
    command.args(["s_client", "-verify_return_error", "-servername", HOST, "-CAfile"]).arg(authority);
    command.arg("-connect").arg(format!("127.0.0.1:{port}"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    while !command.status().expect("openssl runs").success() {
        assert!(Instant::now() < until, "{}", caddy.stderr.text());
    }
}

/// A room behind a proxy on this machine.
fn room(site: &str) -> TestServer {
    TestServer::with(|config| {
        config.public_urls = vec![format!("https://{site}")];
        config.trusted_proxies = vec![config.bind];
        config.max_clients_per_address = 4;
    })
}

#[test]
fn page_accounts_and_room_work_through_nginx_with_tls() {
    let (Some(nginx), Some(openssl)) = (installed("nginx"), installed("openssl")) else { return };
    let server = room(HOST_AND_PORT);
    let folder = tempfile::tempdir().expect("a folder");
    make_certificate(&openssl, folder.path());
    let port = free_port();
    let _nginx = start_nginx(&nginx, port, &nginx_servers(folder.path(), port, server.addr()));
    let authority = folder.path().join("certificate.pem");
    expect_all_to_work(&server, HOST_AND_PORT, |address| tls_from(address, &openssl, &authority, port));
}

#[test]
fn page_accounts_and_room_work_through_caddy_with_tls() {
    let (Some(caddy), Some(openssl)) = (installed("caddy"), installed("openssl")) else { return };
    let server = room(HOST);
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let file = folder.path().join("Caddyfile");
    std::fs::write(&file, caddy_configuration(port, server.addr())).expect("written");
    let mut command = Command::new(caddy);
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&file);
    // All that it keeps.
    command
        .env("XDG_DATA_HOME", folder.path())
        .env("XDG_CONFIG_HOME", folder.path())
        .env("HOME", folder.path());
    let caddy = Process::spawn(&mut command);
    wait_until_open(port, &caddy);
    let authority = folder.path().join("caddy/pki/authorities/local/root.crt");
    wait_until_certified(&openssl, &authority, port, &caddy);
    expect_all_to_work(&server, HOST, |address| tls_from(address, &openssl, &authority, port));
}

/// Page, accounts and room, by a proxy to which `from` is the way from an address.
fn expect_all_to_work(server: &TestServer, site: &'static str, from: impl Fn(&'static str) -> SocketAddr) {
    // What a visitor says of their address is overwritten.
    let browser_at =
        |address| Browser { site: Some(site), ..Browser::new(from(address)) }.from("198.51.100.1");

    let mut ana = browser_at("127.0.0.1");
    let page = ana.get("/");
    assert_eq!(page.status, 200);
    assert!(
        page.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'"))
    );
    assert!(ana.headers().contains("__Host-chat-app-browser-"), "{}", ana.headers());
    assert_eq!(ana.sign_up("Ana").status, 201);
    assert!(ana.session().is_some(), "{:?}", ana.cookies);
    assert_eq!(ana.user()["username"], "Ana");
    assert_eq!(ana.get("/api/invite").json()["url"], format!("https://{site}"));

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
