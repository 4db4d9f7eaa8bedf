//! What people do with the page, and what they see: the one place that knows its elements.

use super::engine::Tab;
use super::notes::Notes;
use super::{Browser, Engine};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;

/// One tab. Dropping it closes it, and fails the test if the page has complained: of an error in its script, of
/// something that its policy forbids, of a request to anywhere else.
pub struct Page {
    /// The engine that shows it.
    pub engine: Engine,
    pub(super) tab: Box<dyn Tab>,
    pub(super) notes: Arc<Notes>,
}

impl Browser {
    /// A new tab with the page, connected.
    pub fn open(&self, addr: SocketAddr) -> Page {
        let page = self.tab();
        page.go_to(addr);
        page
    }

    /// A new tab of somebody who has joined as `name`.
    pub fn join(&self, addr: SocketAddr, name: &str) -> Page {
        let page = self.open(addr);
        page.join(name);
        page
    }
}

impl Page {
    /// Opens the page of the room at `addr` and waits until it is connected.
    pub fn go_to(&self, addr: SocketAddr) {
        self.visit(&format!("http://{addr}"));
        self.expect_connection("live");
    }

    /// Reloads the tab while nobody answers.
    pub fn reload_into_nothing(&self) {
        self.reload();
        self.expect("an error page", "document.querySelector('#message') === null");
    }

    /// Takes a name, by keyboard.
    pub fn join(&self, name: &str) {
        self.fill("#name", name);
        self.press("Enter");
        self.expect_shown("#message");
        self.expect("the name", "state.me.joined");
    }

    /// Writes a message, sends it, and sees it in the log.
    pub fn say(&self, text: &str) {
        self.write(text);
        self.expect_message("You", text);
    }

    /// Writes a message and presses Send; where it goes from there is another matter.
    pub fn write(&self, text: &str) {
        self.fill("#message", text);
        self.run("document.querySelector('#send').click()");
    }

    /// Replaces what a field holds.
    pub fn fill(&self, field: &str, text: &str) {
        self.expect_shown(field);
        self.run(&format!("document.querySelector('{field}').focus()"));
        self.run(&format!("document.querySelector('{field}').select()"));
        self.type_text(text);
    }

    /// Opens the menu of a message or a person, and presses the row that begins with `word`.
    pub fn choose(&self, selector: &str, word: &str) {
        self.click(selector);
        self.expect("the menu", "el.menu.open");
        self.run(&format!(
            "[...el.menuRows.children].find((row) => row.textContent.startsWith({})).click()",
            json!(word)
        ));
    }

    /// What the log shows: author and text, oldest first. What waits to be sent is not in it.
    pub fn messages(&self) -> Vec<(String, String)> {
        let list = self.run(
            "[...document.querySelectorAll('#log .message')].map((node) =>
                [node.querySelector('.name').textContent, node.querySelector('.text').textContent])",
        );
        serde_json::from_value(list).expect("pairs of strings")
    }

    /// Waits until the log shows this; one's own author is `You`.
    pub fn expect_message(&self, author: &str, text: &str) {
        self.expect(
            &format!("{author}: {text}"),
            &format!(
                "[...document.querySelectorAll('#log .message')].some((node) =>
                    node.querySelector('.name').textContent === {} &&
                    node.querySelector('.text').textContent === {})",
                json!(author),
                json!(text)
            ),
        );
    }

    /// Waits until so many messages are on their way.
    pub fn expect_waiting(&self, count: usize) {
        self.expect(
            &format!("{count} waiting messages"),
            &format!("document.querySelectorAll('#waiting .message').length === {count}"),
        );
    }

    /// Waits until the page says this of its connection.
    pub fn expect_connection(&self, state: &str) {
        self.expect(state, &format!("document.querySelector('#connection').dataset.state === '{state}'"));
    }

    /// Waits until the first element of `selector` contains `text`.
    pub fn expect_text(&self, selector: &str, text: &str) {
        let text = json!(text);
        self.expect(
            &format!("{text} in {selector}"),
            &format!("document.querySelector('{selector}').textContent.includes({text})"),
        );
    }

    /// Waits until `selector` can be seen.
    pub fn expect_shown(&self, selector: &str) {
        self.expect(selector, &format!("document.querySelector('{selector}').checkVisibility()"));
    }

    /// Waits until `selector` cannot be seen.
    pub fn expect_hidden(&self, selector: &str) {
        let gone = format!("!document.querySelector('{selector}')?.checkVisibility()");
        self.expect(&format!("no {selector}"), &gone);
    }

    /// Waits until the focus is on `selector`.
    pub fn expect_focus(&self, selector: &str) {
        self.expect(
            &format!("the focus on {selector}"),
            &format!("document.activeElement.matches('{selector}')"),
        );
    }

    /// What the first element of `selector` says.
    pub fn text(&self, selector: &str) -> String {
        let text = self.run(&format!("document.querySelector('{selector}').textContent"));
        text.as_str().unwrap_or_else(|| panic!("no {selector}")).to_owned()
    }

    /// A number that the page computes.
    pub fn number(&self, expression: &str) -> f64 {
        match self.run(expression) {
            Value::Number(number) => number.as_f64().expect("a number fits"),
            other => panic!("{other} is no number: {expression}"),
        }
    }
}
