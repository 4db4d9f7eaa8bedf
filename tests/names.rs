//! A name is one person's, whatever it is written with; whoever has spoken under it with a key keeps it.

use crate::accounts::Browser;
use crate::support::{TestClient, TestServer, key};
use serde_json::json;

/// Connections of one person.
const PERSON_CONNECTIONS: usize = 8;
/// Names that one key keeps.
const NAMES_PER_KEY: usize = 5;
/// Scalar values of a name.
const NAME_CHARACTERS: usize = 32;

fn try_join(client: &mut TestClient, name: &str) -> serde_json::Value {
    client.send(json!({"event": "join", "username": name}));
    client.expect("an answer to join", |event| event["event"] == "joined" || event["event"] == "error")
}

#[test]
fn what_looks_like_a_taken_name_is_taken() {
    let server = TestServer::start();
    let _ana = server.join("Ana");
    let look_alikes = ["Ana", "ana", "ANA", "  Ana ", "Аna", "Anа", "Ａｎａ", "Αna"];
    for look_alike in look_alikes {
        let mut other = server.connect();
        let error = try_join(&mut other, look_alike);
        assert_eq!(error["code"], "name_taken", "{look_alike:?}: {error}");
        let suggestion = error["suggestion"].as_str().expect("a free name is suggested");
        assert_eq!(other.join(suggestion)["username"], suggestion, "what is suggested is free");
        other.leave();
    }
}

#[test]
fn a_name_is_shown_in_its_plain_form() {
    let server = TestServer::start();
    for (asked, given) in
        [("  Anna   Maria ", "Anna Maria"), ("Ｂｅｎ", "Ben"), ("Zoe\u{308}", "Zoë"), ("山田", "山田")]
    {
        assert_eq!(server.connect().join(asked)["username"], given, "{asked:?}");
    }
}

#[test]
fn what_no_name_may_be_is_refused() {
    let server = TestServer::start();
    let mut client = server.connect();
    let too_long = "x".repeat(NAME_CHARACTERS + 1);
    let bad = [
        ("", "name_empty"),
        ("   ", "name_empty"),
        ("\u{feff}", "name_empty"),
        ("\u{200b}\u{ad}", "name_empty"),
        (&too_long, "name_too_long"),
        ("A\u{7}na", "name_invisible_character"),
        ("\u{202e}anA", "name_invisible_character"),
        ("A\u{2066}na", "name_invisible_character"),
        ("A\u{3164}na", "name_invisible_character"),
        ("A\u{2800}na", "name_invisible_character"),
        ("\u{301}Ana", "name_loose_accent"),
        ("x\u{323}\u{323}\u{323}\u{323}\u{323}", "name_too_many_accents"),
    ];
    for (name, reason) in bad {
        let error = try_join(&mut client, name);
        assert_eq!(
            (&error["code"], &error["reason"]),
            (&json!("bad_username"), &json!(reason)),
            "{name:?}: {error}"
        );
    }
    let error = try_join(&mut client, "\u{202e}anA");
    assert_eq!(error["values"], json!({"character": "U+202E"}));
    let longest = "é".repeat(NAME_CHARACTERS);
    assert_eq!(client.join(&longest)["username"], longest, "scalar values are counted, not bytes");
}

#[test]
fn what_a_paste_brings_is_dropped_and_what_is_read_stays() {
    let server = TestServer::start();
    let england = "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}";
    for (asked, given) in [
        ("علی\u{200c}رضا", "علی\u{200c}رضا"),
        ("ශ්\u{200d}රියා", "ශ්\u{200d}රියා"),
        ("র\u{200d}্যাচেল", "র\u{200d}্যাচেল"),
        (england, england),
        ("👨\u{200d}👩\u{200d}👧 Kim", "👨\u{200d}👩\u{200d}👧 Kim"),
        ("\u{feff}An\u{200b}na\u{200e}", "Anna"),
        ("Ka\u{ad}tha\u{ad}rina", "Katharina"),
        ("\u{2068}Noa\u{2069}", "Noa"),
        ("山\u{200d}田\u{e0100}", "山田"),
        ("Zoe\u{200b}\u{308}", "Zoë"),
    ] {
        let mut client = server.connect();
        assert_eq!(client.join(asked)["username"], given, "{}", asked.escape_unicode());
        // With or without what nobody sees, it is one name.
        let plain: String = given.chars().filter(|c| !matches!(c, '\u{200c}' | '\u{200d}')).collect();
        assert_eq!(try_join(&mut server.connect(), &plain)["code"], "name_taken", "{plain}");
        assert_eq!(
            try_join(&mut server.connect(), &format!("\u{200b}{given}\u{200f}"))["code"],
            "name_taken"
        );
    }
    let scotland = "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}";
    assert_eq!(server.connect().join(scotland)["username"], scotland, "another land, and drawn so");
}

#[test]
fn people_of_similar_names_are_let_in_and_twins_are_told_whom_they_look_like() {
    let server = TestServer::start();
    let names = ["Lisa", "Ilsa", "Ali", "All", "Group 1", "Paula", "Iris", "Виктор", "Νίκη"];
    let _here: Vec<TestClient> = names.iter().map(|name| server.join(name)).collect();
    for (twin, of) in [
        ("Group I", "Group 1"),
        ("Раulа", "Paula"),
        ("раula", "Paula"),
        ("AII", "All"),
        ("Виктoр", "Виктор"),
        ("Nίκη", "Νίκη"),
        ("РAuLa", "Paula"),
        ("pAUIa", "Paula"),
        ("Ir\u{456}\u{307}s", "Iris"),
        ("grOUP l", "Group 1"),
    ] {
        let mut other = server.connect();
        for event in [
            json!({"event": "join", "username": twin}),
            json!({"event": "send_message", "username": twin, "message": "it is me", "client_message_id": "1"}),
        ] {
            other.send(event);
            let error = other.expect_error("name_taken");
            assert_eq!(error["reason"], "name_looks_like", "{twin}: {error}");
            assert_eq!(error["values"], json!({"username": of}));
            assert_eq!(error["message"], format!("This name looks like {of}, who is here."));
            let suggestion = error["suggestion"].as_str().expect("a free name is suggested");
            assert_eq!(server.connect().join(suggestion)["username"], suggestion);
        }
    }
}

#[test]
fn each_reason_why_a_name_is_taken_has_its_key() {
    let server = TestServer::start();
    let member = Browser::signed_up(&server, "Mia").join();
    let mut host = Browser::host(server.addr(), &server.host_key()).connect();
    host.join_with_keys("Ms Keller", &key("host"), &key("host"));
    let mut ana = server.connect();
    ana.join_with_keys("Ana", &key("ana"), &key("ana"));
    ana.say_and_wait("hi");
    ana.leave();
    server.join("Ben");
    let _cem = server.join("Cem");
    let reason = |name: &str| try_join(&mut server.connect(), name)["reason"].clone();
    for (name, expected) in [
        ("mia", "name_taken_by_member"),
        ("MS KELLER", "name_taken_by_host"),
        ("cem", "name_taken_here"),
        ("ANA", "name_kept"),
        ("Мia", "name_looks_like"),
        ("Ms. Keller", "name_looks_like"),
        ("Сem", "name_looks_like"),
        ("Аna", "name_looks_like_kept"),
    ] {
        assert_eq!(reason(name), expected, "{name}");
    }
    host.leave();
    member.leave();
    for (name, expected) in [
        ("Мia", "name_looks_like_member"),
        ("M-i-a", "name_looks_like_member"),
        ("Ms  Ke11er", "name_looks_like_host"),
        ("Мs KELLER", "name_looks_like_host"),
        ("Ms Keller ✓", "name_looks_like_host"),
        ("Ms Keller\u{332}", "name_looks_like_host"),
    ] {
        let mut gone = server.connect();
        gone.expect("both have left", |event| event["event"] == "presence" && event["online"] == 1);
        assert_eq!(reason(name), expected, "{name}");
    }
    let sign_up = |name: &str| {
        let fields = json!({"email": "new@school.example", "username": name, "password": "a secret of mine"});
        Browser::new(server.addr()).post("/api/signup", fields)
    };
    let answer = sign_up("Мia");
    assert_eq!((answer.status, &answer.json()["error"]["reason"]), (409, &json!("name_looks_like_member")));
    let answer = sign_up("Mi\u{202e}a");
    assert_eq!(answer.status, 422);
    assert_eq!(answer.json()["error"]["reason"], "name_invisible_character");
    assert_eq!(answer.json()["error"]["values"], json!({"character": "U+202E"}));
}

#[test]
fn twins_are_refused_over_a_restart_too() {
    let mut server = TestServer::start();
    Browser::signed_up(&server, "Paula");
    let mut kim = server.connect();
    kim.join_with_keys("Kim 1", &key("kim"), &key("kim"));
    kim.say_and_wait("hi");
    let mut host = Browser::host(server.addr(), &server.host_key()).connect();
    host.join_with_keys("Ms Keller", &key("host"), &key("host"));
    server.stop();
    server.start_again();
    for (name, expected) in [
        ("Раula", "name_looks_like_member"),
        ("Kim I", "name_looks_like_kept"),
        ("Ms Ke1ler", "name_looks_like_host"),
        ("Ms.Keller", "name_looks_like_host"),
    ] {
        assert_eq!(try_join(&mut server.connect(), name)["reason"], expected, "{name}");
    }
    let mut kim = server.connect();
    assert_eq!(kim.join_with_keys("Kim 1", &key("kim"), &key("kim-2"))["username"], "Kim 1");
}

#[test]
fn renaming_frees_the_old_name() {
    let server = TestServer::start();
    let mut ana = server.join("Ana");
    let joined = ana.join("Berta");
    assert_eq!(joined["username"], "Berta");
    assert_eq!(joined["role"], "guest");
    assert_eq!(joined["muted"], false);
    let mut other = server.join("Ana");
    ana.say("I was Ana");
    assert_eq!(other.expect_message("I was Ana")["username"], "Berta");
}

#[test]
fn renaming_to_a_taken_name_keeps_the_old_one() {
    let server = TestServer::start();
    let (mut ana, _ben) = (server.join("Ana"), server.join("Ben"));
    assert_eq!(try_join(&mut ana, "ben")["code"], "name_taken");
    ana.say("hi");
    assert_eq!(ana.expect_message("hi")["username"], "Ana");
}

#[test]
fn one_may_write_ones_own_name_differently() {
    let server = TestServer::start();
    let mut ana = server.join("ana");
    assert_eq!(ana.join("Ana")["username"], "Ana");
    ana.say("hi");
    assert_eq!(ana.expect_message("hi")["username"], "Ana");
}

#[test]
fn a_message_under_a_taken_name_is_not_said() {
    let server = TestServer::start();
    let mut ana = server.join("Ana");
    let mut other = server.connect();
    other.send(
        json!({"event": "send_message", "username": "Ana", "message": "I am not", "client_message_id": "a"}),
    );
    assert_eq!(other.expect_error("name_taken")["client_message_id"], "a");
    ana.say("it is me");
    ana.expect_message("it is me");
}

#[test]
fn a_name_that_has_spoken_waits_for_its_key() {
    let server = TestServer::start();
    let (hers, his) = (key("ana"), key("mallory"));
    let mut ana = server.connect();
    ana.join_with_keys("Ana", &hers, &key("tab-1"));
    ana.say_and_wait("hi");
    ana.leave();

    let mut keyless = server.connect();
    assert_eq!(try_join(&mut keyless, "ANA")["code"], "name_taken");
    let mut mallory = server.connect();
    mallory.send(json!({"event": "join", "username": "Ana", "guest_key": his}));
    mallory.expect_error("name_taken");

    let mut ana = server.connect();
    assert_eq!(ana.join_with_keys("Ana", &hers, &key("tab-2"))["username"], "Ana");
}

#[test]
fn a_name_without_a_key_is_free_again_and_a_silent_one_waits_for_its_key() {
    let server = TestServer::start();
    let mut silent = server.connect();
    silent.join_with_keys("Silent", &key("silent"), &key("tab"));
    silent.leave();
    let mut keyless = server.join("Keyless");
    keyless.say_and_wait("hi");
    keyless.leave();
    assert_eq!(server.connect().join("Keyless")["username"], "Keyless");
    assert_eq!(try_join(&mut server.connect(), "Silent")["code"], "name_taken");
    let mut again = server.connect();
    again.join_with_keys("Silent", &key("silent"), &key("tab"));
    again.join("Another");
    assert_eq!(server.connect().join("Silent")["username"], "Silent", "whoever takes another name leaves it");
}

#[test]
fn a_key_keeps_only_so_many_names() {
    let server = TestServer::start();
    let names: Vec<String> = (0..NAMES_PER_KEY + 3).map(|n| format!("Name{n}")).collect();
    let mut collector = server.connect();
    for name in &names {
        collector.send(json!({"event": "join", "username": name, "guest_key": key("collector")}));
        // A server may also refuse the name itself to one who keeps enough already.
        let answer =
            collector.expect("an answer", |event| event["event"] == "joined" || event["event"] == "error");
        if answer["event"] == "joined" {
            collector.say_and_wait(name);
        }
    }
    collector.leave();
    let mut other = server.connect();
    let kept = names.iter().filter(|name| try_join(&mut other, name)["code"] == "name_taken").count();
    assert_eq!(kept, NAMES_PER_KEY);
}

#[test]
fn a_duplicated_tab_is_the_same_person() {
    let server = TestServer::start();
    let mut first = server.connect();
    first.join_with_keys("Ana", &key("ana"), &key("tab"));
    let mut second = server.connect();
    second.join_with_keys("Ana", &key("ana"), &key("tab"));
    let mut ben = server.join("Ben");
    let here = ben.expect("Ana and Ben", |event| event["event"] == "presence" && event["online"] == 2);
    assert_eq!(here["online"], 2, "two tabs of one person are one person");

    first.leave();
    second.say("still here");
    assert_eq!(ben.expect_message("still here")["username"], "Ana");
    second.leave();
    ben.expect("Ana's end", |event| event["event"] == "presence" && event["online"] == 1);
    let left = ben.received("presence").iter().filter(|event| event["left"] == json!(["Ana"])).count();
    assert_eq!(left, 1, "a person leaves once, with the last connection");
}

#[test]
fn a_person_holds_so_many_connections_and_no_more() {
    let server = TestServer::start();
    let join = |client: &mut TestClient| {
        client.send(json!({"event": "join", "username": "Ana", "guest_key": key("ana")}));
        client.expect("an answer", |event| event["event"] == "joined" || event["event"] == "error")
    };
    let mut clients: Vec<TestClient> = (0..PERSON_CONNECTIONS).map(|_| server.connect()).collect();
    for client in &mut clients {
        assert_eq!(join(client)["event"], "joined");
    }
    let mut one_more = server.connect();
    assert_eq!(join(&mut one_more)["event"], "error");
    clients.pop().expect("there are some").leave();
    assert_eq!(join(&mut one_more)["event"], "joined");
}

#[test]
fn a_key_has_a_form() {
    let server = TestServer::start();
    let mut client = server.connect();
    for bad in ["short", &"x".repeat(65), "has spaces in it, so no", "ümläute-sind-nicht-URL"] {
        for field in ["guest_key", "tab_key"] {
            client.send(json!({"event": "join", "username": "Ana", field: bad}));
            client.expect_error("bad_request");
        }
    }
    client.send(
        json!({"event": "join", "username": "Ana", "guest_key": "x".repeat(16), "tab_key": "_-".repeat(32)}),
    );
    client.expect_event("joined");
}

/// Most programs put their name into every frame: the same one is not looked at again, any other is.
#[test]
fn a_name_in_each_message_is_checked_whenever_it_is_another() {
    let server = TestServer::start();
    let mut ben = server.join("Ben");
    let mut ana = server.connect();
    let mut say = |username: &str, text: &str| {
        ana.send(json!({"event": "send_message", "username": username, "message": text}));
        ana.expect("an answer", |event| event["event"] == "error" || event["message"] == text)
    };
    assert_eq!(say("Ana", "one")["username"], "Ana");
    assert_eq!(say("Ana", "two")["username"], "Ana");
    // The second time as the first: what was refused is no name of theirs.
    for username in ["Ben", "Ben", "ben", "Веn", "B\u{7}en", "B\u{7}en"] {
        let refused = say(username, "as somebody else");
        assert!(
            ["name_taken", "bad_username"].contains(&refused["code"].as_str().expect("refused")),
            "{refused}"
        );
    }
    assert_eq!(say("Ana", "three")["username"], "Ana", "and they are who they were");
    assert_eq!(say("ANA", "four")["username"], "ANA", "another spelling is shown as it is written");
    assert_eq!(say("Zoe", "five")["username"], "Zoe");
    ben.expect("the last", |event| event["message"] == "five");
    assert!(ben.received("receive_message").iter().all(|event| event["message"] != "as somebody else"));
    server.join("Ana"); // the old name is free
}
