//! Hosts own names: theirs are taken from whoever merely has them, who stays and is told, and any can be freed.

use super::leaving_out::host_from;
use super::reading::browser;
use super::{about, expect_done, guest, host, host_browser, moderate_with};
use crate::accounts::{Browser, email_of, password_of, refused};
use crate::support::{DEADLINE, Process, TestClient, TestServer, free_port, key, program};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn try_join(client: &mut TestClient, name: &str) -> Value {
    client.send(json!({"event": "join", "username": name, "guest_key": key(name), "tab_key": key(name)}));
    client.expect("an answer", |event| event["event"] == "joined" || event["event"] == "error")
}

fn expect_renamed(client: &mut TestClient, from: &str) -> String {
    let joined = client.expect("another name", |it| it["event"] == "joined" && it["username"] != from);
    joined["username"].as_str().expect("a name").to_owned()
}

#[test]
fn a_hosts_join_takes_the_name_from_a_guest_on_all_connections_and_they_stay() {
    let server = TestServer::start();
    let mut impostor = guest(&server, "Frau Meier");
    let mut other_tab = server.connect();
    other_tab.join_with_keys("Frau Meier", &key("Frau Meier"), &key("other tab"));
    impostor.say_and_wait("no homework today");
    let mut ben = guest(&server, "Ben");
    // On a slow machine they are told of before Ben's own entry is answered.
    while !ben.received("presence").iter().any(|it| it.to_string().contains("Frau Meier")) {
        ben.expect_event("presence");
    }
    let mut meier = host_browser(&server).connect();
    meier.send(json!({"event": "join", "username": "frau  Meier", "guest_key": key("host")}));
    assert_eq!(meier.expect_event("joined")["username"], "frau Meier");
    let spare = expect_renamed(&mut impostor, "Frau Meier");
    assert!(!spare.to_lowercase().contains("meier"), "{spare} is taken for nobody");
    assert_eq!(expect_renamed(&mut other_tab, "Frau Meier"), spare);
    impostor.say("all the same");
    assert_eq!(ben.expect_text("all the same")["username"], *spare);
    let told =
        ben.expect("both", |it| it["event"] == "presence" && it["joined"].to_string().contains("frau Meier"));
    assert!(told["joined"].to_string().contains(&spare), "{told}");
    assert_eq!(told["left"], json!(["Frau Meier"]));
    // It is the host's from now on, and the other's is kept for them.
    impostor.leave();
    other_tab.leave();
    meier.leave();
    let mut back = server.connect();
    assert_eq!(try_join(&mut back, "Frau Meier")["reason"], "name_taken_by_host");
    assert_eq!(try_join(&mut server.connect(), "Frau-Meier")["reason"], "name_looks_like_host");
    let mut back = server.connect();
    assert_eq!(back.join_with_keys(&spare, &key("Frau Meier"), &key("back"))["username"], *spare);
    assert_eq!(try_join(&mut server.connect(), &spare)["code"], "name_taken");
}

#[test]
fn who_loses_their_name_is_called_as_the_rooms_language_has_it() {
    let server = TestServer::with(|config| config.language = "pl".to_owned());
    let mut pupil = guest(&server, "Frau Meier");
    let mut host = host_browser(&server).connect();
    host.send(json!({"event": "moderate", "action": "lock"}));
    let done = expect_done(&mut host, "lock");
    assert_eq!(done["actions"][0]["host"], "Gospodarz");
    host.send(json!({"event": "join", "username": "Frau Meier", "guest_key": key("host")}));
    assert_eq!(expect_renamed(&mut pupil, "Frau Meier"), "Gość 1");
}

/// At whatever moment of it.
#[test]
fn a_host_waits_for_who_is_signing_up_under_their_name_and_then_has_it() {
    let server = TestServer::start();
    let hosts = host_browser(&server);
    for moment in 0..8 {
        let name = format!("Frau Meier {moment}");
        let (mut meier, mut student) = (hosts.connect(), Browser::new(server.addr()));
        let wish = name.clone();
        let signing_up = std::thread::spawn(move || student.sign_up(&wish).status);
        (0..moment * 4).for_each(|_| meier.expect_pong());
        assert_eq!(try_join(&mut meier, &name)["username"], *name, "{moment}");
        assert!([201, 409].contains(&signing_up.join().expect("an answer")));
        meier.say_and_wait("Good morning");
    }
}

#[test]
fn a_hosts_join_takes_the_name_from_an_account_whose_owner_chooses_another() {
    let mut server = TestServer::staying();
    let hosts = host_browser(&server);
    let mut meiers = Browser::signed_up(&server, "Frau Meier");
    let (mut first, mut second) = (meiers.join(), meiers.join());
    let mut silent = meiers.connect();
    let mut meier = hosts.connect();
    assert_eq!(try_join(&mut meier, "Frau Meier")["role"], "host");
    let spare = expect_renamed(&mut first, "Frau Meier");
    assert_eq!(expect_renamed(&mut second, "Frau Meier"), spare);
    silent.send(json!({"event": "join"}));
    assert_eq!(silent.expect_event("joined")["username"], *spare);
    first.say("still a member");
    let said = meier.expect_text("still a member");
    assert_eq!((&said["username"], &said["role"]), (&json!(spare), &json!("member")));
    for again in [false, true] {
        if again {
            server.stop();
            server.start_again();
        }
        assert_eq!(
            (&meiers.user()["username"], &meiers.user()["choose_name"]),
            (&json!(spare), &json!(true))
        );
        let welcome = meiers.connect().expect_event("welcome");
        assert_eq!(welcome["session"], json!({"username": spare, "role": "member", "choose_name": true}));
        let mut stranger = server.connect();
        for (name, reason) in [("Frau Meier", "name_taken_by_host"), (&spare, "name_taken_by_member")] {
            stranger.send(json!({"event": "join", "username": name, "guest_key": key("stranger")}));
            assert_eq!(stranger.expect_error("name_taken")["reason"], reason);
        }
    }
    let mut tab = meiers.join();
    let choose = |browser: &mut Browser, name: &str| browser.post("/api/username", json!({"username": name}));
    let _ben = guest(&server, "Ben");
    for (name, status) in [("Frau Meier", 409), ("Ben", 409), ("", 422), ("Frau-Meier", 409)] {
        let answer = choose(&mut meiers, name);
        assert_eq!((answer.status, &answer.json()["error"]["field"]), (status, &json!("username")), "{name}");
    }
    let answer = choose(&mut meiers, "Mia");
    assert_eq!((answer.status, &answer.json()["user"]["username"]), (200, &json!("Mia")));
    assert_eq!(expect_renamed(&mut tab, &spare), "Mia");
    assert_eq!(refused(&choose(&mut meiers, "Lea")), (403, "forbidden".to_owned()), "once");
    assert_eq!(meiers.user()["choose_name"], Value::Null);
    assert_eq!(refused(&choose(&mut Browser::new(server.addr()), "Lea")).0, 401);
    server.join(&spare).leave();
    // Wherever they log in.
    let mut elsewhere = Browser::new(server.addr());
    assert_eq!(elsewhere.log_in(&email_of("Frau Meier"), &password_of("Frau Meier")).status, 200);
    assert_eq!(elsewhere.user()["username"], "Mia");
}

#[test]
fn a_host_takes_no_name_from_a_host() {
    let server = TestServer::start();
    let _keller = host(&server, "Ms Keller");
    let mut brown = Browser::signed_up(&server, "Mr Brown");
    assert_eq!(brown.open_host_link(&server.host_key()).status, 200);
    let mut other = host_browser(&server).connect();
    for (name, reason) in [("Ms Keller", "name_taken_here"), ("Mr Brown", "name_taken_by_host")] {
        other.send(json!({"event": "join", "username": name, "guest_key": key("other")}));
        let refused = other.expect_error("name_taken");
        assert_eq!(refused["reason"], reason, "{refused}");
    }
    for name in ["Ms Keller", "Mr Brown"] {
        moderate_with(&mut other, "free_name", about(name));
        other.expect("a refusal", |it| it["event"] == "error" && it["message"].to_string().contains("host"));
    }
    assert_eq!(brown.user()["username"], "Mr Brown");
}

#[test]
fn a_host_frees_any_name_that_is_no_hosts() {
    let server = TestServer::start();
    let mut host = host(&server, "Ms Keller");
    let free = |host: &mut TestClient, name: &str| {
        moderate_with(host, "free_name", about(name));
        let done = expect_done(host, "free_name");
        assert_eq!(
            (&done["actions"][0]["username"], &done["actions"][0]["host"]),
            (&json!(name), &json!("Ms Keller"))
        );
    };
    let is_free = |name: &str| {
        let mut client = server.connect();
        client.send(json!({"event": "join", "username": name, "guest_key": key("somebody else")}));
        let answer = client.expect("an answer", |it| it["event"] == "joined" || it["event"] == "error");
        client.leave();
        answer["event"] == "joined"
    };
    // Kept for a browser; here; an account's, here and not; a deleted account's; another host's who is not here.
    let mut ana = guest(&server, "Ana");
    ana.say_and_wait("hi");
    ana.leave();
    let mut ben = guest(&server, "Ben");
    let mut mia = Browser::signed_up(&server, "Mia").join();
    drop(Browser::signed_up(&server, "Zoe"));
    let mut gone = Browser::signed_up(&server, "Lea");
    assert_eq!(gone.post("/api/delete-account", json!({"password": password_of("Lea")})).status, 204);
    super::host(&server, "Mr Brown").leave();
    for name in ["Ana", "Ben", "Mia", "Zoe", "Lea", "Mr Brown"] {
        assert!(!is_free(name), "{name}");
        free(&mut host, name);
        assert!(is_free(name), "{name}");
    }
    for (somebody, name) in [(&mut ben, "Ben"), (&mut mia, "Mia")] {
        let spare = expect_renamed(somebody, name);
        assert_eq!(somebody.say_and_wait(&format!("{name} is still here"))["username"], *spare);
    }
    moderate_with(&mut host, "free_name", about("Nobody"));
    host.expect_error("not_found");
    // As anybody's from now on.
    assert_eq!(Browser::new(server.addr()).sign_up("Lea").status, 409, "a guest has just had it");
    assert_eq!(Browser::new(server.addr()).sign_up("Zoe Meier").status, 201);
}

#[test]
fn a_freed_name_is_anybodys_but_theirs_who_had_it() {
    let server = TestServer::start();
    let mut host = host(&server, "Ms Keller");
    let free = |host: &mut TestClient, name: &str| {
        moderate_with(host, "free_name", about(name));
        expect_done(host, "free_name");
    };
    let expect_lost = |client: &mut TestClient, event: Value| {
        client.send(event);
        let refused = client.expect_error("name_taken");
        assert_eq!(refused["reason"], "name_freed", "{refused}");
    };
    let join = |name: &str, keys: &str| json!({"event": "join", "username": name, "guest_key": key(keys)});
    let annas = browser(&server);
    let mut anna = super::reading::join(&annas, "Anna");
    free(&mut host, "Anna");
    expect_renamed(&mut anna, "Anna");
    expect_lost(&mut anna, join("Anna", "Anna"));
    expect_lost(&mut anna, json!({"event": "send_message", "username": "Anna", "message": "hi"}));
    expect_lost(&mut anna, join("Аnnа", "Anna")); // in Cyrillic
    expect_lost(&mut annas.connect(), join("Anna", "another key"));
    expect_lost(&mut server.connect(), join("Anna", "Anna"));
    let wish = json!({"email": email_of("Anna"), "username": "Anna", "password": password_of("Anna")});
    let answer = annas.clone().post("/api/signup", wish);
    assert_eq!((answer.status, &answer.json()["error"]["reason"]), (409, &json!("name_freed")));
    anna.join("Hanna");
    assert_eq!(try_join(&mut server.connect(), "Anna")["event"], "error", "her key");
    server.join("Anna").say_and_wait("the real one");

    let mut lenas = browser(&server);
    assert_eq!(lenas.sign_up("Lena").status, 201);
    let mut lena = super::reading::join(&lenas, "Lena");
    free(&mut host, "Lena");
    expect_renamed(&mut lena, "Lena");
    let answer = lenas.post("/api/username", json!({"username": "Lena"}));
    assert_eq!((answer.status, &answer.json()["error"]["reason"]), (409, &json!("name_freed")));
    assert_eq!(lenas.post("/api/logout", json!({})).status, 204);
    expect_lost(&mut lenas.connect(), join("Lena", "another key"));

    let mias = browser(&server);
    let mut mia = super::reading::join(&mias, "Mia");
    mia.say_and_wait("hi");
    mia.leave();
    free(&mut host, "Mia");
    expect_lost(&mut mias.connect(), join("Mia", "another key"));
    expect_lost(&mut server.connect(), join("Mia", "Mia"));
}

#[test]
fn while_the_door_is_closed_a_member_whose_name_was_freed_chooses_another() {
    let server = TestServer::start();
    let mut host = host(&server, "Ms Keller");
    let mut mias = Browser::signed_up(&server, "Mia");
    for action in ["close_door", "lock", "fix_names"] {
        super::moderate(&mut host, action);
    }
    moderate_with(&mut host, "free_name", about("Mia"));
    expect_done(&mut host, "free_name");
    assert_eq!(mias.post("/api/username", json!({"username": "Lea"})).status, 200);
    assert_eq!(mias.join().received("joined")[0]["username"], "Lea");
    assert_eq!(Browser::new(server.addr()).sign_up("Zoe").status, 403, "nobody new");
}

#[test]
fn the_subcommand_frees_a_name_beside_the_open_room_and_before_it_is_opened() {
    let mut server = TestServer::with(|config| config.port = free_port());
    let hosts = host_browser(&server);
    let mut mia = Browser::signed_up(&server, "Frau Meier");
    let mut tab = mia.join();
    let run = |server: &TestServer, name: &str| {
        Process::run(program().args(["free-name", name, "--database"]).arg(server.database()))
    };
    let (code, out, log) = run(&server, "frau meier");
    assert!(code == Some(0) && out.contains("is free in a moment"), "{out}{log}");
    let spare = expect_renamed(&mut tab, "Frau Meier");
    let done = hosts.connect().expect("the record", |it| it["event"] == "moderation");
    assert_eq!(
        (&done["actions"][0]["action"], &done["actions"][0]["username"]),
        (&json!("free_name"), &json!("Frau Meier"))
    );
    let (code, _, log) = run(&server, "Nobody");
    assert!(code == Some(1) && log.contains("nobody has the name Nobody"), "{log}");
    // Known to the open room alone: a guest without a key, and a host who is here.
    let mut keyless = server.join("Herr Kurz");
    let (code, out, log) = run(&server, "herr kurz");
    assert!(code == Some(0) && out.contains("is free in a moment"), "{out}{log}");
    expect_renamed(&mut keyless, "Herr Kurz");
    // Whatever other names are freed meanwhile.
    let mut keller = host(&server, "Ms Keller");
    let database = server.database().to_owned();
    let asked = std::thread::spawn(move || {
        let mut command = program();
        command.args(["free-name", "Ms Keller", "--database"]).arg(database).output().expect("it runs")
    });
    while !asked.is_finished() {
        let _bystander = server.join("Bystander");
        moderate_with(&mut keller, "free_name", about("Bystander"));
        expect_done(&mut keller, "free_name");
    }
    let done = asked.join().expect("no panic");
    let log = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.code() == Some(1) && log.contains("Ms Keller is a host's, who is here"), "{log}");
    let (code, _, log) = run(&server, "\u{202e}");
    assert!(code == Some(2) && log.contains("U+202E"), "{log}");
    server.stop();
    assert_eq!(run(&server, &spare).0, Some(0));
    server.start_again();
    let until = Instant::now() + DEADLINE;
    while mia.user()["username"] == *spare {
        assert!(Instant::now() < until, "it is not freed");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_ne!(mia.join().received("joined")[0]["username"], *spare);
    server.join(&spare);
}

/// A hundred and one sign-ups from one address, one of them the teacher's name.
#[test]
fn a_name_that_was_signed_up_before_the_teacher_came_is_the_teachers() {
    let server = crate::pace::paced();
    let here = "203.0.113.1";
    let status: Vec<u16> = (0..50)
        .map(|number| match number {
            7 => "Frau Meier".to_owned(),
            _ => format!("Taken {number}"),
        })
        .map(|name| Browser::new(server.addr()).from(here).sign_up(&name).status)
        .collect();
    assert!(status.iter().filter(|status| **status == 201).count() <= 42, "{status:?}");
    let mut meier = host_from(&server, here);
    assert_eq!(try_join(&mut meier, "Frau Meier")["role"], "host");
}
