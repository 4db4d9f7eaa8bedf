//! A room for members: the code that signing up needs is a host's to change, at once and for good.

use super::{about, expect_done, host_browser, moderate, moderate_with};
use crate::accounts::{Browser, email_of, password_of, refused};
use crate::support::{TestServer, free_port, key};
use serde_json::{Value, json};

fn members_room() -> TestServer {
    TestServer::with(|config| (config.members_only, config.port) = (true, free_port()))
}

fn sign_up(browser: &mut Browser, name: &str, code: &Value) -> u16 {
    let wish =
        json!({"email": email_of(name), "username": name, "password": password_of(name), "invite": code});
    let answer = browser.post("/api/signup", wish);
    if answer.status != 201 {
        assert_eq!(refused(&answer), (422, "bad_invite".to_owned()));
    }
    answer.status
}

/// A removed member signs up again, from another browser, with the code that they have.
#[test]
fn who_was_removed_does_not_come_back_with_the_code_of_before() {
    let mut server = members_room();
    let hosts = host_browser(&server);
    let mut host = hosts.connect();
    host.join_with_keys("Ms Keller", &key("host"), &key("host"));
    let mut other = host_browser(&server).connect();
    let old = host.received("moderation")[0]["invite_code"].clone();
    let mut mia = Browser::new(server.addr());
    assert_eq!(sign_up(&mut mia, "Mia", &old), 201);
    let mut tab = mia.join();
    moderate_with(&mut host, "remove", about("Mia"));
    tab.expect_close(4403);
    moderate(&mut host, "new_invite");
    let told = expect_done(&mut host, "new_invite");
    let new = told["invite_code"].clone();
    assert!(new != old && new.as_str().is_some_and(|code| code.len() == 14), "{new}");
    assert_eq!(
        other.expect("the same", |it| it["event"] == "moderation" && it["invite_code"] == new)["removed"],
        json!(["Mia"])
    );
    for again in [false, true] {
        if again {
            server.stop();
            server.start_again();
            let told = hosts.connect().expect_event("moderation");
            assert_eq!(told["invite_code"], new, "kept over a restart");
        }
        let mut elsewhere = Browser::new(server.addr());
        assert_eq!(sign_up(&mut elsewhere, &format!("Back {again}"), &old), 422);
        elsewhere.connect().expect_close(4401);
        assert_eq!(sign_up(&mut Browser::new(server.addr()), &format!("Invited {again}"), &new), 201);
    }
}

#[test]
fn a_backup_that_is_restored_has_no_code_of_before() {
    let mut server = members_room();
    let code = |server: &TestServer| {
        host_browser(server).connect().expect_event("moderation")["invite_code"].clone()
    };
    let (before, backup) = (code(&server), server.folder().join("backup.db"));
    chat_app::back_up(server.database(), &backup, |_, _| ()).expect("a backup");
    server.stop();
    chat_app::restore(&backup, server.database(), |_, _| ()).expect("restored");
    server.start_again();
    let after = code(&server);
    assert!(after != before && after.is_string(), "{after}");
}
