//! Accounts, from the outside: over HTTP as a browser asks, in the room as everybody sees it, and in the file.

mod entry;
mod exchange;
#[cfg(unix)] // how long others wait is a matter of the system, and Windows' is tried in Wine alone
mod load;
mod members_only;
#[cfg(target_os = "linux")]
mod proxy;
mod reset;
mod sessions;

use crate::support::{Knock, Response, TestClient, TestServer, http};
use chat_app::config::Config;
#[cfg(unix)]
pub use reset::link_from_the_command;
use serde_json::{Value, json};
use std::net::SocketAddr;

/// A browser, as far as a server can tell: it keeps cookies, and names its origin.
#[derive(Debug, Clone)]
pub struct Browser {
    /// Where the server listens.
    pub addr: SocketAddr,
    /// The host, and maybe port, that it knows the room by, over https; none: `addr`, over http.
    pub site: Option<&'static str>,
    /// What stands in `X-Forwarded-For`, to be believed where the loopback address is a trusted proxy.
    forwarded: Option<String>,
    cookies: Vec<(String, String)>,
}

impl Browser {
    pub fn new(addr: SocketAddr) -> Browser {
        Browser { addr, site: None, forwarded: None, cookies: Vec::new() }
    }

    /// The same browser, at another address.
    pub fn from(mut self, address: &str) -> Browser {
        self.forwarded = Some(address.to_owned());
        self
    }

    /// One that has signed up as `name`, with [`email_of`] and [`password_of`] that name.
    pub fn signed_up(server: &TestServer, name: &str) -> Browser {
        let mut browser = Browser::new(server.addr());
        let answer = browser.sign_up(name);
        assert_eq!(answer.status, 201, "{}", answer.text());
        browser
    }

    /// One that has opened the host link with this key.
    pub fn host(addr: SocketAddr, key: &str) -> Browser {
        let mut browser = Browser::new(addr);
        let answer = browser.open_host_link(key);
        assert_eq!(answer.status, 200, "{}", answer.text());
        browser
    }

    pub fn open_host_link(&mut self, key: &str) -> Response {
        self.post("/api/host", json!({"key": key}))
    }

    pub fn sign_up(&mut self, name: &str) -> Response {
        let (email, password) = (email_of(name), password_of(name));
        self.post("/api/signup", json!({"email": email, "username": name, "password": password}))
    }

    pub fn log_in(&mut self, email: &str, password: &str) -> Response {
        self.post("/api/login", json!({"email": email, "password": password}))
    }

    pub fn post(&mut self, path: &str, body: Value) -> Response {
        self.post_as(path, "application/json", &body.to_string())
    }

    pub fn post_as(&mut self, path: &str, kind: &str, body: &str) -> Response {
        let headers = format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
        self.ask(&format!("POST {path}"), &headers, body)
    }

    pub fn get(&mut self, path: &str) -> Response {
        self.ask(&format!("GET {path}"), "", "")
    }

    pub fn ask(&mut self, line: &str, headers: &str, body: &str) -> Response {
        let own = self.headers();
        let answer =
            http(self.addr, format!("{line} HTTP/1.1\r\nConnection: close\r\n{own}{headers}\r\n{body}"));
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (pair, attributes) = cookie.split_once("; ").expect("a cookie has attributes");
            let (name, value) = pair.split_once('=').expect("a cookie has a value");
            self.cookies.retain(|(known, _)| known != name);
            if !attributes.contains("Max-Age=0;") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    /// What it sends with everything.
    pub fn headers(&self) -> String {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookie =
            if cookies.is_empty() { String::new() } else { format!("Cookie: {}\r\n", cookies.join("; ")) };
        let forwarded = self.forwarded.as_ref().map(|from| format!("X-Forwarded-For: {from}\r\n"));
        let (host, scheme) = match self.site {
            Some(site) => (site.to_owned(), "https"),
            None => (self.addr.to_string(), "http"),
        };
        format!("Host: {host}\r\nOrigin: {scheme}://{host}\r\n{cookie}{}", forwarded.unwrap_or_default())
    }

    /// A tab: a connection with this browser's cookies.
    pub fn connect(&self) -> TestClient {
        self.connect_at("/ws")
    }

    pub fn connect_at(&self, target: &str) -> TestClient {
        let answer = Knock::with_headers(self.addr, target, &self.headers()).and_then(Knock::enter);
        answer.expect("the server answers").unwrap_or_else(|response| panic!("refused: {response:?}"))
    }

    /// A tab that has joined under the account's name.
    pub fn join(&self) -> TestClient {
        let mut tab = self.connect();
        tab.send(json!({"event": "join"}));
        tab.expect_event("joined");
        tab
    }

    /// Who the server takes this browser for.
    pub fn user(&mut self) -> Value {
        let answer = self.get("/api/session");
        assert_eq!(answer.status, 200);
        answer.json()["user"].clone()
    }

    /// The session's cookie, as the room calls it where this browser finds it.
    pub fn session(&self) -> Option<&str> {
        self.cookie(&self.session_name())
    }

    pub fn session_name(&self) -> String {
        match self.site {
            Some(site) => {
                format!("__Host-chat-app-{}", site.split_once(':').map_or("443", |(_, port)| port))
            }
            None => format!("chat-app-{}", self.addr.port()),
        }
    }

    /// As who clears them by hand.
    pub fn lose_cookies(&mut self) {
        self.cookies.clear();
    }

    pub fn take_cookie(&mut self, name: &str, value: &str) {
        self.cookies.push((name.to_owned(), value.to_owned()));
    }

    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

pub fn email_of(name: &str) -> String {
    format!("{}@school.example", name.to_lowercase().replace(' ', "."))
}

pub fn password_of(name: &str) -> String {
    format!("what only {name} knows")
}

/// A refusal of the API: its status, its code, and a sentence.
pub fn refused(answer: &Response) -> (u16, String) {
    let error = &answer.json()["error"];
    let sentence = error["message"].as_str().expect("a refusal says why");
    assert!(sentence.len() > 10 && sentence.ends_with('.') && !sentence.contains('\n'), "{sentence:?}");
    assert!(error["reason"].is_string(), "no reason for programs: {error}");
    (answer.status, error["code"].as_str().expect("a refusal has a code").to_owned())
}

/// Requests come from wherever they say, so that a test can have many addresses.
pub fn behind_a_proxy(config: &mut Config) {
    config.trusted_proxies = vec![config.bind];
}
