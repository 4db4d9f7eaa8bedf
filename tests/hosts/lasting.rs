//! What hosts have decided survives a restart, and so do the hosts.

use super::{about, expect_done, guest, host_browser, moderate, moderate_with};
use crate::support::{TestServer, key};
use serde_json::json;

#[test]
fn everything_holds_after_a_restart() {
    let mut server = TestServer::with(|config| config.title = Some("Room 12".to_owned()));
    let mut browser = host_browser(&server);
    let mut host = browser.connect();
    host.join("Ms Keller");
    let (_ana, _ben) = (guest(&server, "Ana"), guest(&server, "Ben"));
    moderate_with(&mut host, "mute", about("Ana"));
    moderate_with(&mut host, "remove", about("Ben"));
    moderate_with(&mut host, "slow_mode", json!({"seconds": 30}));
    moderate_with(&mut host, "set_title", json!({"title": "Physics"}));
    moderate(&mut host, "close_door");
    moderate(&mut host, "lock");
    let before = expect_done(&mut host, "lock");
    server.stop();
    server.start_again();
    browser.addr = server.addr();
    let mut host = browser.connect();
    assert_eq!(host.expect_event("welcome")["session"]["role"], "host");
    assert_eq!(
        host.expect_event("room"),
        json!({"event": "room", "title": "Physics", "locked": true, "door_closed": true, "slow_mode_seconds": 30,
               "members_only": false})
    );
    assert_eq!(host.expect_event("moderation"), before);
    let mut ana = server.connect();
    assert_eq!(ana.join_with_keys("Ana", &key("Ana"), &key("Ana"))["muted"], true);
    let mut ben = server.connect();
    ben.send(json!({"event": "join", "username": "Ben", "guest_key": key("Ben"), "tab_key": key("Ben")}));
    ben.expect_close(4403);
    moderate(&mut host, "unlock");
    moderate_with(&mut host, "unmute", about("Ana"));
    ana.expect("unmuted", |event| event["event"] == "joined" && event["muted"] == false);
    server.stop();
    server.start_again();
    let mut ana = server.connect();
    assert_eq!(ana.join_with_keys("Ana", &key("Ana"), &key("Ana"))["muted"], false);
    assert_eq!(ana.received("room")[0]["locked"], false);
}
