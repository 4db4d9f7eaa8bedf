//! WebKit for GTK, driven by WebKitWebDriver under Xvfb, with windows of our own (`webkit.py`).
//!
//! Each profile has a driver, a browser and a display of its own: the driver takes one session, and a display has one focus.
//! They are left, emptied, to the next test. What this engine cannot be brought to: a screen to be touched, other languages,
//! composing text.

use super::browser::Profile;
use super::engine::{Tab, click_actions, find as find_program, insertion, key_actions, reader};
use super::notes::Notes;
use super::places::Place;
use super::{DEADLINE, Engine, Process, Scheme, Size, free_port, http, lock};
use serde_json::{Value, json};
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The windows; the rest is WebKit's.
const BROWSER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/webkit.py");

/// Where Debian's Python is, which has the bindings to GTK.
const PYTHON: &str = "/usr/bin/python3";

/// Names of a room on a LAN and of a school's server: plain http, and not this computer.
const HOSTS: &str = "127.0.0.1 localhost room.lan school.example\n::1 localhost\n";

/// The driver, the display, and what gives them other names of hosts than the machine has.
pub(super) struct Programs {
    driver: PathBuf,
    xvfb: PathBuf,
    bwrap: PathBuf,
}

/// What is on the path, where Python finds WebKit, too.
pub(super) fn find() -> Option<Programs> {
    let driver = find_program("WEBKIT_DRIVER", &["WebKitWebDriver"], &[])?;
    let xvfb = find_program("XVFB", &["Xvfb"], &[])?;
    let bwrap = find_program("BWRAP", &["bwrap"], &[])?;
    let has_webkit = "import gi; gi.require_version('WebKit2', '4.1'); gi.require_version('Gtk', '3.0')";
    let asked = Command::new(PYTHON).args(["-c", has_webkit]).output();
    asked.is_ok_and(|output| output.status.success()).then_some(Programs { driver, xvfb, bwrap })
}

/// A running browser with its driver and display. Dropping it ends them.
struct WebKit {
    driver: SocketAddr,
    session: String,
    /// The window that is there from the beginning, and stays: the session ends with the last.
    first: String,
    /// The tab that the driver's commands are for.
    current: Mutex<String>,
    /// Where its pages' complaints go, how much of that was read, and what of that no tab has taken yet.
    console: PathBuf,
    read: Mutex<usize>,
    untold: Mutex<Vec<String>>,
    /// How many windows there were.
    windows: AtomicUsize,
    /// The driver, in its own view of the file system, and the display.
    processes: Mutex<[Process; 2]>,
    _files: TempDir,
}

/// A browser of its own; it is given back with the last of its tabs.
struct WebKitProfile {
    webkit: Option<WebKit>,
    place: Arc<Place>,
}

/// Left to whoever waits for a place.
static LEFT: Mutex<Vec<WebKit>> = Mutex::new(Vec::new());

/// A fresh browser of these.
pub(super) fn start(programs: Programs) -> Arc<dyn Profile> {
    let place = reader(Engine::WebKit);
    let left = lock(&LEFT).pop();
    Arc::new(WebKitProfile { webkit: Some(left.unwrap_or_else(|| WebKit::launch(&programs))), place })
}

impl WebKit {
    fn launch(programs: &Programs) -> WebKit {
        let files = tempfile::tempdir().expect("a folder for WebKit's files");
        let mut display = Command::new(&programs.xvfb);
        display.args(["-displayfd", "1", "-screen", "0", "1600x1000x24", "-nolisten", "tcp", "-noreset"]);
        let display = Process::spawn(&mut display);
        let number = display.stdout.wait_for("a display", &display.stderr, |text| {
            text.split_once('\n').map(|(number, _)| number.trim().to_owned())
        });
        let port = free_port();
        let process = Process::spawn(&mut driver(programs, port, &number, files.path()));
        let driver = SocketAddr::from(([127, 0, 0, 1], port));
        wait_until_open(driver);
        let console = files.path().join("console");
        let windows = json!({"binary": PYTHON, "args": [BROWSER, console]});
        let capabilities = json!({"capabilities": {"alwaysMatch": {"webkitgtk:browserOptions": windows}}});
        let session = command(driver, "POST", "/session", capabilities).expect("a session");
        let session = session["sessionId"].as_str().expect("a session has an id").to_owned();
        let mut webkit = WebKit {
            driver,
            session,
            first: String::new(),
            current: Mutex::default(),
            console,
            read: Mutex::default(),
            untold: Mutex::default(),
            windows: AtomicUsize::new(1),
            processes: Mutex::new([process, display]),
            _files: files,
        };
        let first = webkit.command("GET", "/window", Value::Null).expect("a window");
        first.as_str().expect("a window has a handle").clone_into(&mut webkit.first);
        webkit
    }

    fn command(&self, method: &str, path: &str, body: Value) -> Result<Value, String> {
        command(self.driver, method, &format!("/session/{}{path}", self.session), body)
    }

    /// A command for a window: the driver takes one after the other.
    fn ask(&self, window: &str, method: &str, path: &str, body: Value) -> Result<Value, String> {
        let mut current = lock(&self.current);
        if *current != window {
            self.command("POST", "/window", json!({"handle": window}))?;
            window.clone_into(&mut current);
        }
        self.command(method, path, body)
    }

    /// What `expression`, a string or a promise of one, gives in this window.
    fn evaluate(&self, window: &str, expression: &str) -> Result<Value, String> {
        let script = format!(
            "const done = arguments[arguments.length - 1];
            Promise.resolve({expression}).then((text) => done([text ?? null]), (error) => done(`${{error}} ${{error?.stack}}`))"
        );
        let mut answer = self.ask(window, "POST", "/execute/async", json!({"script": script, "args": []}))?;
        match answer.get_mut(0) {
            Some(text) => Ok(text.take()),
            None => Err(answer.to_string()),
        }
    }

    /// What the window itself answers, by way of its page.
    fn ask_window(&self, window: &str, question: &Value) -> Result<String, String> {
        let question = json!(question.to_string());
        let answer =
            self.evaluate(window, &format!("webkit.messageHandlers.window.postMessage({question})"))?;
        Ok(answer.as_str().unwrap_or_default().to_owned())
    }

    /// What this window has complained of and asked for since this was asked last.
    fn news(&self, window: usize) -> Vec<String> {
        let said = fs::read(&self.console).unwrap_or_default();
        let (mut read, mut untold) = (lock(&self.read), lock(&self.untold));
        untold.extend(String::from_utf8_lossy(&said[*read..]).lines().map(str::to_owned));
        *read = said.len();
        let is_own = |line: &String| line.split(' ').nth(1) == Some(&window.to_string());
        let (now, later) = untold.drain(..).partition(is_own);
        *untold = later;
        now
    }
}

impl Drop for WebKit {
    fn drop(&mut self) {
        let _ = self.command("DELETE", "", Value::Null);
        lock(&self.processes)[0].end_with_children();
    }
}

/// The driver, with all that its browser inherits: everything drawn without a graphics card, and nobody else spoken to.
fn driver(programs: &Programs, port: u16, display: &str, files: &Path) -> Command {
    let hosts = files.join("hosts");
    fs::write(&hosts, HOSTS).expect("a file can be written");
    let mut command = Command::new(&programs.bwrap);
    command.args(["--dev-bind", "/", "/", "--ro-bind"]).arg(hosts).arg("/etc/hosts").arg(&programs.driver);
    command.arg(format!("--port={port}")).env("DISPLAY", format!(":{display}")).env("HOME", files);
    command.envs([
        ("GDK_BACKEND", "x11"),
        ("GTK_IM_MODULE", "gtk-im-context-simple"),
        ("LIBGL_ALWAYS_SOFTWARE", "1"),
        ("WEBKIT_DISABLE_DMABUF_RENDERER", "1"),
        // In a container there is no user to give the sandbox away to.
        ("WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS", "1"),
        ("DBUS_SESSION_BUS_ADDRESS", "disabled:"),
        ("NO_AT_BRIDGE", "1"),
        ("GSETTINGS_BACKEND", "memory"),
        ("GIO_USE_PROXY_RESOLVER", "dummy"),
        ("LANG", "C.UTF-8"),
    ]);
    command
}

fn wait_until_open(driver: SocketAddr) {
    let end = Instant::now() + DEADLINE;
    while TcpStream::connect(driver).is_err() {
        assert!(Instant::now() < end, "WebKitWebDriver does not listen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A command and what it gives.
fn command(driver: SocketAddr, method: &str, path: &str, body: Value) -> Result<Value, String> {
    let body = if method == "POST" { body.to_string() } else { String::new() };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {driver}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    let mut answer = http(driver, request).json()["value"].take();
    match answer.get("error") {
        Some(error) => Err(format!("{method} {path}: {error} {}", answer["message"])),
        None => Ok(answer.take()),
    }
}

impl WebKitProfile {
    fn webkit(&self) -> &WebKit {
        self.webkit.as_ref().expect("it is only taken at the end")
    }
}

impl Profile for WebKitProfile {
    fn tab(self: Arc<Self>, notes: &Arc<Notes>) -> Box<dyn Tab> {
        let webkit = self.webkit();
        let number = webkit.windows.fetch_add(1, Ordering::Relaxed);
        let window = webkit.ask(&webkit.first, "POST", "/window/new", json!({"type": "window"}));
        let window = window.expect("a new window")["handle"].as_str().expect("a handle").to_owned();
        Box::new(WebKitTab { profile: self, window, number, notes: Arc::clone(notes) })
    }
}

impl Drop for WebKitProfile {
    fn drop(&mut self) {
        // After a failure nobody knows what it is in.
        let is_wanted = self.place.is_wanted() && !std::thread::panicking();
        let webkit = self.webkit.take().expect("it is there until the end");
        if is_wanted && webkit.ask_window(&webkit.first, &json!({"empty": true})).is_ok() {
            webkit.news(0);
            lock(&webkit.untold).clear();
            lock(&LEFT).push(webkit);
        } else {
            lock(&LEFT).clear();
        }
    }
}

struct WebKitTab {
    profile: Arc<WebKitProfile>,
    window: String,
    /// As the browser counts its windows.
    number: usize,
    notes: Arc<Notes>,
}

impl WebKitTab {
    fn call(&self, path: &str, body: Value) {
        let answer = self.profile.webkit().ask(&self.window, "POST", path, body);
        answer.unwrap_or_else(|error| panic!("{error}"));
    }

    fn ask_window(&self, question: Value) -> String {
        let answer = self.profile.webkit().ask_window(&self.window, &question);
        answer.unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Tab for WebKitTab {
    fn navigate(&self, url: &str) {
        self.call("/url", json!({"url": url}));
    }

    fn reload(&self) {
        // The driver's own waits for a page, where there may be none.
        self.evaluate("setTimeout(() => location.reload()) && '0'", DEADLINE)
            .unwrap_or_else(|error| panic!("{error}"));
    }

    /// The driver's own patience is as long as any.
    fn evaluate(&self, expression: &str, _: Duration) -> Result<Value, String> {
        self.profile.webkit().evaluate(&self.window, expression)
    }

    fn inject(&self, script: &str) {
        self.ask_window(json!({"inject": script}));
    }

    fn observe(&self, script: &str) {
        self.ask_window(json!({"observe": script}));
    }

    fn insert(&self, text: &str) {
        self.evaluate(&insertion(text), DEADLINE).unwrap_or_else(|error| panic!("{error}"));
    }

    fn press(&self, key: &str, held: &[&str]) {
        self.call("/actions", json!({"actions": key_actions(key, held)}));
    }

    fn click(&self, x: f64, y: f64) {
        self.call("/actions", json!({"actions": click_actions(x, y)}));
    }

    fn resize(&self, size: Size) {
        let (width, height, _) = size.metrics();
        self.ask_window(json!({"size": [width, height]}));
    }

    fn prefer(&self, scheme: Scheme) {
        self.ask_window(json!({"dark": scheme == Scheme::Dark}));
    }

    fn allow_motion(&self, allowed: bool) {
        self.ask_window(json!({"motion": allowed}));
    }

    fn block_cookies(&self, blocked: bool) {
        self.ask_window(json!({"cookies": !blocked}));
    }

    fn pass_for_seen(&self, enabled: bool) {
        self.ask_window(json!({"shown": enabled}));
    }

    fn speak(&self, locale: &str) {
        assert_eq!(locale, "en-GB", "WebKit is asked for its language when it starts");
    }

    fn bring_to_front(&self) {
        self.ask_window(json!({"front": true}));
    }

    fn picture(&self) -> String {
        self.ask_window(json!({"picture": true}))
    }

    fn close(&self) {
        let webkit = self.profile.webkit();
        let _ = webkit.ask(&self.window, "DELETE", "/window", Value::Null);
        lock(&webkit.current).clear();
    }

    fn note(&self) {
        for line in self.profile.webkit().news(self.number) {
            match line.split_once(&format!(" {} ", self.number)) {
                Some(("REQUEST", url)) => self.notes.request(url),
                Some(("COMPLAINT", text)) => self.notes.complain(text.to_owned()),
                _ => (),
            }
        }
    }
}
