//! Two tabs, as two people have them, and a room that is closed and opened again.

use crate::support::{Browser, Process, Signal, TestServer, free_port};
use std::net::SocketAddr;
use tempfile::TempDir;

also_in!([firefox, webkit]:
    two_tabs_talk_and_find_back_after_a_restart,
    what_was_written_while_the_server_was_down_arrives_once,
    a_page_that_is_sending_sees_1001_when_the_server_stops,
    the_page_needs_nothing_from_elsewhere,
);

/// A room of the real binary that can be closed and opened again at its address.
struct Room {
    process: Process,
    port: u16,
    folder: TempDir,
}

impl Room {
    fn open() -> Room {
        let folder = tempfile::tempdir().expect("a folder for the database");
        let port = free_port();
        let process = Process::start_on(port, &folder.path().join("chat.db"), &[]);
        process.addr();
        Room { process, port, folder }
    }

    fn addr(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    fn close(&mut self) {
        self.process.signal(Signal::TERM);
        assert_eq!(self.process.wait().code(), Some(0));
    }

    fn open_again(&mut self) {
        self.process = Process::start_on(self.port, &self.folder.path().join("chat.db"), &[]);
        self.process.addr();
    }
}

fn said(name: &str, text: &str) -> (String, String) {
    (name.to_owned(), text.to_owned())
}

#[test]
fn two_tabs_talk_and_find_back_after_a_restart() {
    let Some(browser) = Browser::start() else { return };
    let mut room = Room::open();
    let (ana, ben) = (browser.open(room.addr()), browser.open(room.addr()));
    ana.join("Ana");
    ben.join("Ben");
    ana.say("hello Ben");
    ben.expect_message("Ana", "hello Ben");
    ben.say("hello Ana");
    ana.expect_message("Ben", "hello Ana");
    ana.expect_message("You", "hello Ben");

    room.close();
    ana.expect_connection("lost");
    ben.expect_connection("lost");
    room.open_again();
    ana.expect_connection("live");
    ben.expect_connection("live");
    ben.say("are you still there?");
    ana.expect_message("Ben", "are you still there?");
    ana.say("yes");
    ben.expect_message("Ana", "yes");
    let all = [
        said("Ana", "hello Ben"),
        said("You", "hello Ana"),
        said("You", "are you still there?"),
        said("Ana", "yes"),
    ];
    assert_eq!(ben.messages(), all, "each of them once, nothing else");
}

#[test]
fn what_was_written_while_the_server_was_down_arrives_once() {
    let Some(browser) = Browser::start() else { return };
    let mut room = Room::open();
    let (ana, ben) = (browser.open(room.addr()), browser.open(room.addr()));
    ana.join("Ana");
    ben.join("Ben");
    ana.say("before");
    ben.expect_message("Ana", "before");
    ana.expect_message("You", "before");

    room.close();
    ana.expect_connection("lost");
    ana.write("into the dark");
    ana.write("and more");
    ana.expect_waiting(2);
    // The reload finds nobody, as after a laptop's sleep; the tab keeps what it has not sent.
    ana.reload_into_nothing();
    room.open_again();
    ana.go_to(room.addr());
    for (page, name) in [(&ana, "You"), (&ben, "Ana")] {
        page.expect_message(name, "and more");
        assert_eq!(
            page.messages(),
            [said(name, "before"), said(name, "into the dark"), said(name, "and more")]
        );
    }
    ana.expect_waiting(0);
}

#[test]
fn a_page_that_is_sending_sees_1001_when_the_server_stops() {
    let Some(browser) = Browser::start() else { return };
    for _ in 0..5 {
        let mut server = TestServer::start();
        let page = browser.open(server.addr());
        // Its own socket, beside the page's: it writes whenever the browser takes it, and notes how it ended.
        page.run(
            "void (window.ended = new Promise((resolve) => {
                const socket = new WebSocket(`ws://${location.host}/ws`);
                const write = () => {
                    if (socket.readyState !== WebSocket.OPEN) return;
                    if (socket.bufferedAmount < 65536) {
                        socket.send(JSON.stringify({ event: 'send_message', username: 'Writer', message: 'x'.repeat(500) }));
                    }
                    setTimeout(write);
                };
                socket.onopen = write;
                socket.onmessage = () => { window.heard = (window.heard ?? 0) + 1; };
                socket.onclose = (event) => resolve(event.code);
            })) ?? 0",
        );
        page.expect("it is writing", "window.heard > 20");
        server.stop();
        assert_eq!(page.run("window.ended"), 1001);
    }
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.open(server.addr());
    page.join("Ana");
    page.say("https://example.org is only a link <img src=x>");
    page.expect_message("You", "https://example.org is only a link <img src=x>");
    let origin = format!("http://{}", server.addr());
    let requests = page.run("performance.getEntriesByType('resource').map((entry) => entry.name)");
    for url in requests.as_array().expect("a list") {
        let url = url.as_str().expect("an address");
        assert!(url.starts_with(&origin) || url.starts_with("data:"), "the page asked for {url}");
    }
    let svg = "new DOMParser().parseFromString((await (await fetch('/api/invite')).json()).qr_svg, 'image/svg+xml')";
    assert_eq!(page.run(&format!("({svg}).documentElement.nodeName")), "svg");
}
