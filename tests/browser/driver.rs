//! A headless Chromium, and what people do with the page: the one place that knows the page's elements.

use crate::support::DEADLINE;
use headless_chrome::browser::default_executable;
use headless_chrome::protocol::cdp::Log::{LogEntryLevel, LogEntrySource};
use headless_chrome::protocol::cdp::types::Event;
use headless_chrome::{LaunchOptions, Tab};
use serde_json::Value;
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

const NAME: &str = "#name";
const MESSAGE: &str = "#message";
/// Messages of the log; those that wait to be sent stand in `WAITING`.
const LOG: &str = "#log .message";
const WAITING: &str = "#waiting .message";
const AUTHOR: &str = ".name";
const TEXT: &str = ".text";
/// Carries the state of the connection in `data-state`.
const CONNECTION: &str = "#connection";

/// A Chromium with a profile of its own. Dropping it ends it.
pub struct Browser(headless_chrome::Browser);

impl Browser {
    /// Starts one; None, and a line that says so, where there is none.
    pub fn start() -> Option<Browser> {
        let path = match default_executable() {
            Ok(path) => path,
            Err(error) => {
                assert!(std::env::var_os("CI").is_none(), "CI runs the browser's tests: {error}");
                println!("skipped: no Chromium found (CHROME=path names one)");
                return None;
            }
        };
        let args = [
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-quic",
        ];
        let options = LaunchOptions {
            path: Some(path),
            // In a container there is no user to give the sandbox away to.
            sandbox: false,
            args: args.map(OsStr::new).to_vec(),
            window_size: Some((1000, 800)),
            idle_browser_timeout: 4 * DEADLINE,
            ..LaunchOptions::default()
        };
        let browser = headless_chrome::Browser::new(options).expect("Chromium starts");
        Some(Browser(browser))
    }

    /// A new tab with the page.
    pub fn open(&self, addr: SocketAddr) -> Page {
        let tab = self.0.new_tab().expect("a new tab");
        tab.set_default_timeout(DEADLINE);
        let page = Page { tab, complaints: Arc::default() };
        page.listen();
        page.go_to(addr);
        page
    }
}

/// One tab. Dropping it fails the test if the page has complained: of an error in its script, or of something that its
/// policy forbids.
pub struct Page {
    tab: Arc<Tab>,
    complaints: Arc<Mutex<Vec<String>>>,
}

impl Page {
    fn listen(&self) {
        self.tab.enable_log().expect("the log can be had");
        self.tab.enable_runtime().expect("the runtime's events can be had");
        let complaints = Arc::clone(&self.complaints);
        let listener = move |event: &Event| {
            let complaint = match event {
                // A server that is away is no fault of the page's, and Chromium mentions each try.
                Event::LogEntryAdded(event) if event.params.entry.source != LogEntrySource::Network => {
                    let entry = &event.params.entry;
                    matches!(entry.level, LogEntryLevel::Error | LogEntryLevel::Warning)
                        .then(|| format!("{:?}: {}", entry.source, entry.text))
                }
                Event::RuntimeExceptionThrown(event) => Some(format!("{:?}", event.params.exception_details)),
                _ => None,
            };
            complaints.lock().expect("nobody panics here").extend(complaint);
        };
        self.tab.add_event_listener(Arc::new(listener)).expect("events can be listened to");
    }

    /// Loads the page in this tab.
    pub fn go_to(&self, addr: SocketAddr) {
        self.tab.navigate_to(&format!("http://{addr}/")).expect("the tab takes an address");
        self.tab.wait_until_navigated().expect("the page loads");
        self.expect_connection("live");
    }

    /// Reloads the tab while nobody answers.
    pub fn reload_into_nothing(&self) {
        self.tab.reload(false, None).expect("the tab reloads");
        self.tab.wait_until_navigated().expect("an error page is a page");
        assert_eq!(
            self.run(&format!("document.querySelector('{MESSAGE}') === null")),
            true,
            "nobody answered"
        );
    }

    /// The value of `script`, which may await, as JSON.
    pub fn run(&self, script: &str) -> Value {
        let wrapped = format!("(async () => JSON.stringify([await ({script})]))()");
        let result = self.tab.evaluate(&wrapped, true).unwrap_or_else(|error| panic!("{error} in {script}"));
        let text = result.value.as_ref().and_then(Value::as_str);
        let text = text.unwrap_or_else(|| panic!("{:?} from {script}", result.description));
        serde_json::from_str::<[Value; 1]>(text)
            .map_or_else(|error| panic!("{error}: {text}"), |[value]| value)
    }

    /// Waits, in the page, until `condition` holds. `what` names it in the failure.
    pub fn wait_until(&self, what: &str, condition: &str) {
        let deadline = DEADLINE.as_millis();
        let wait = format!(
            "new Promise((resolve) => {{
                const end = Date.now() + {deadline};
                const look = () => {{
                    if ({condition}) resolve(true);
                    else if (Date.now() > end) resolve(document.body.innerText);
                    else setTimeout(look, 10);
                }};
                look();
            }})"
        );
        let result = self.run(&wait);
        assert!(
            result == true,
            "{what} does not come; the page shows:\n{result:#}\n{:?}",
            self.complaints.lock()
        );
    }

    /// Takes a name, by keyboard.
    pub fn join(&self, name: &str) {
        self.type_into(NAME, name);
        self.wait_until("the composer", &format!("document.querySelector('{MESSAGE}').checkVisibility()"));
    }

    /// Writes a message and sends it.
    pub fn say(&self, text: &str) {
        self.write(text);
        self.expect_message("You", text);
    }

    /// Writes a message and presses Enter; where it goes from there is another matter.
    pub fn write(&self, text: &str) {
        self.type_into(MESSAGE, text);
    }

    fn type_into(&self, element: &str, text: &str) {
        // Keys go to the tab in front.
        self.tab.bring_to_front().expect("the tab comes to the front");
        self.wait_until(element, &format!("document.querySelector('{element}').checkVisibility()"));
        self.run(&format!("document.querySelector('{element}').select()"));
        self.run(&format!("document.querySelector('{element}').focus()"));
        self.tab.send_character(text).expect("text can be typed");
        self.tab.press_key("Enter").expect("Enter can be pressed");
    }

    /// What the log shows: author and text, oldest first.
    pub fn messages(&self) -> Vec<(String, String)> {
        let list = self.run(&format!(
            "[...document.querySelectorAll('{LOG}')].map((node) =>
                [node.querySelector('{AUTHOR}').textContent, node.querySelector('{TEXT}').textContent])"
        ));
        serde_json::from_value(list).expect("pairs of strings")
    }

    /// Waits until the log shows this.
    pub fn expect_message(&self, author: &str, text: &str) {
        let (author, text) = (Value::from(author), Value::from(text));
        self.wait_until(
            &format!("{author}: {text}"),
            &format!(
                "[...document.querySelectorAll('{LOG}')].some((node) =>
                    node.querySelector('{AUTHOR}').textContent === {author} &&
                    node.querySelector('{TEXT}').textContent === {text})"
            ),
        );
    }

    /// Waits until so many messages are on their way.
    pub fn expect_waiting(&self, count: usize) {
        self.wait_until(
            &format!("{count} waiting messages"),
            &format!("document.querySelectorAll('{WAITING}').length === {count}"),
        );
    }

    /// Waits until the page says this of its connection.
    pub fn expect_connection(&self, state: &str) {
        self.wait_until(
            state,
            &format!("document.querySelector('{CONNECTION}').dataset.state === '{state}'"),
        );
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let complaints = self.complaints.lock().expect("nobody panics here");
            assert!(complaints.is_empty(), "the page complained: {complaints:#?}");
        }
    }
}
