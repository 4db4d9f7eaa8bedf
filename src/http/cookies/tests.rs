use super::*;

fn cookies_at<'a>(cookie: &'a str, host: &str, origin: Option<&str>, urls: &[&str]) -> Cookies<'a> {
    let urls: Vec<String> = urls.iter().map(|url| (*url).to_owned()).collect();
    Cookies::of(Some(cookie), host, origin, &urls)
}

fn cookies<'a>(cookie: &'a str, host: &str, origin: Option<&str>) -> Cookies<'a> {
    cookies_at(cookie, host, origin, &["https://chat.example.org"])
}

#[test]
fn a_cookie_is_called_after_the_rooms_own_place() {
    let token = Token::random().expect("random");
    let text = token.text();
    let urls = ["https://school.example/chat", "https://school.example:8443/a/b", "http://box.example:8080"];
    for (host, origin, session, device) in [
        ("192.168.1.5:5000", None, "chat-app-5000", "chat-app-device-5000"),
        ("192.168.1.5:5001", Some("http://192.168.1.5:5001"), "chat-app-5001", "chat-app-device-5001"),
        ("laptop", Some("http://laptop"), "chat-app-80", "chat-app-device-80"),
        ("[::1]:5000", None, "chat-app-5000", "chat-app-device-5000"),
        ("school.example", None, "__Host-chat-app-443-chat", "__Host-chat-app-device-443-chat"),
        ("SCHOOL.example.:443", None, "__Host-chat-app-443-chat", "__Host-chat-app-device-443-chat"),
        ("school.example:8443", None, "__Host-chat-app-8443-a+b", "__Host-chat-app-device-8443-a+b"),
        ("box.example:8080", None, "chat-app-8080", "chat-app-device-8080"),
        (
            "127.0.0.1:5000",
            Some("https://school.example"),
            "__Host-chat-app-443-chat",
            "__Host-chat-app-device-443-chat",
        ),
        ("127.0.0.1:5000", Some("http://box.example:8080"), "chat-app-8080", "chat-app-device-8080"),
    ] {
        let cookies = cookies_at("", host, origin, &urls);
        let (set, set_device) = (cookies.set_session(&token), cookies.set(Kind::Device, "mark.proof"));
        assert!(set.starts_with(&format!("{session}={}; ", token.text())), "{host}: {set}");
        assert!(set_device.starts_with(&format!("{device}=mark.proof; ")), "{host}: {set_device}");
        assert!(cookies.clear_session().starts_with(&format!("{session}=; Max-Age=0; ")), "{host}");
        assert!(cookies.is_about(&set, Kind::Session) && !cookies.is_about(&set, Kind::Device), "{host}");
        for (kind, name) in [(Kind::Session, session), (Kind::Device, device)] {
            let header = format!("session=flask; {name}={}; {name}-x=1", token.text());
            let cookies = cookies_at(&header, host, origin, &urls);
            assert_eq!((cookies.present(kind), cookies.all(kind)[0]), (vec![&*text], &*text), "{host}");
        }
    }
}

#[test]
fn under_https_a_cookie_has_the_prefix_and_is_secure() {
    let token = Token::random().expect("random");
    for (host, origin, is_secure) in [
        ("chat.example.org", None, true),
        ("CHAT.example.org.:443", None, true),
        ("127.0.0.1:5000", Some("https://chat.example.org"), true),
        ("192.168.1.5:5000", Some("http://192.168.1.5:5000"), false),
        ("192.168.1.5:5000", None, false),
        ("chat.example.org:5000", Some("http://chat.example.org:5000"), false),
    ] {
        let set = cookies("", host, origin).set_session(&token);
        assert_eq!(set.starts_with("__Host-chat-app-"), is_secure, "{host}: {set}");
        assert_eq!(set.ends_with("; Secure"), is_secure, "{host}: {set}");
        for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=2592000"] {
            assert!(set.contains(part) && !set.contains("Domain"), "{set}");
        }
        let (pair, _) = set.split_once(';').expect("attributes");
        let header = format!("theme=dark; {pair}; last=1");
        assert_eq!(cookies(&header, host, origin).sessions(), [token.hash()], "{host}");
    }
}

#[test]
fn over_https_a_cookie_that_anybody_could_have_set_is_none() {
    let token = Token::random().expect("random");
    for plain in ["chat-app-443", "session"].map(|name| format!("{name}={}", token.text())) {
        assert!(cookies(&plain, "chat.example.org", None).sessions().is_empty(), "{plain}");
    }
    let plain = format!("chat-app-5000={}", token.text());
    assert_eq!(cookies(&plain, "192.168.1.5:5000", None).sessions().len(), 1);
    assert!(cookies(&plain, "192.168.1.5:5001", None).sessions().is_empty(), "another room's");
    for nonsense in ["", "chat-app-80", "chat-app-80=", "chat-app-80=abc", "xchat-app-80=1", ";;=;"] {
        assert!(cookies(nonsense, "localhost", None).sessions().is_empty(), "{nonsense}");
    }
}

#[test]
fn a_browser_is_known_wherever_it_was_told_what_it_is_called() {
    let token = Token::random().expect("random");
    let urls = ["https://school.example/chat"];
    for (host, names) in [
        ("school.example", &["__Host-chat-app-browser-443-chat"][..]),
        ("192.168.1.5:5000", &["chat-app-browser-5000", "__Host-chat-app-browser-443-chat"]),
    ] {
        let set = cookies_at("", host, None, &urls).set_browser(&token);
        let named: Vec<&str> = set.iter().filter_map(|set| Some(set.split_once('=')?.0)).collect();
        assert_eq!(named, names, "a proxy may pass on another host");
        for set in &set {
            assert!(set.contains("; HttpOnly; SameSite=Lax") && set.contains("; Max-Age=31536000"), "{set}");
            assert_eq!(set.ends_with("; Secure"), set.starts_with("__Host-"), "{set}");
        }
        let (pair, _) = set[names.len() - 1].split_once(';').expect("attributes");
        let page = cookies_at(pair, host, Some("https://school.example"), &urls);
        assert_eq!(page.browser(), Some(token.hash()), "{host}");
    }
    for header in ["", "chat-app-browser-80=short", "browser=x", "chat-app-browser-81"] {
        assert_eq!(cookies(header, "laptop", None).browser(), None, "{header}");
    }
    let others = format!("browser={0}; chat-app-browser-81={0}; chat-app-80={0}", token.text());
    assert_eq!(cookies(&others, "laptop", None).browser(), None, "another program's, or another room's");
}

#[test]
fn a_proxy_that_passes_on_no_host_loses_no_cookie() {
    let token = Token::random().expect("random");
    let urls = ["http://chat.example", "https://school.example/chat"];
    for name in ["chat-app-80", "__Host-chat-app-443-chat", "chat-app-5000", "__Host-session", "session"] {
        let header = format!("{name}={}", token.text());
        assert_eq!(cookies_at(&header, "127.0.0.1:5000", None, &urls).sessions(), [token.hash()], "{name}");
    }
    let elsewhere = format!("chat-app-80={}", token.text());
    let known = cookies_at(&elsewhere, "127.0.0.1:5000", Some("http://127.0.0.1:5000"), &urls);
    assert!(known.sessions().is_empty(), "there it is known where the browser is");
}

#[test]
fn of_several_cookies_those_that_nobody_could_set_are_tried_first_and_not_without_end() {
    let tokens: Vec<Token> = (0..5).map(|_| Token::random().expect("random")).collect();
    let named = |names: [&str; 5]| {
        let pairs = names.iter().zip(&tokens).map(|(name, token)| format!("{name}={}", token.text()));
        pairs.collect::<Vec<_>>().join("; ")
    };
    let header =
        named(["session", "chat-app-5000", "session", "__Host-session", "__Host-chat-app-8443-chat"]);
    let urls = ["https://school.example:8443/chat"];
    let order = |host: &str, origin| cookies_at(&header, host, origin, &urls).sessions();
    let hashes = |numbers: &[usize]| numbers.iter().map(|i| tokens[*i].hash()).collect::<Vec<_>>();
    assert_eq!(order("127.0.0.1:5000", None), hashes(&[4, 3, 1, 2, 0]), "a proxy may be between");
    assert_eq!(order("school.example:8443", None), hashes(&[4, 3]));
    assert_eq!(order("127.0.0.1:5000", Some("http://127.0.0.1:5000")), hashes(&[1, 2, 0]));
    let many: Vec<String> =
        (0..20).map(|_| format!("session={}", Token::random().expect("random").text())).collect();
    let tried = cookies(&many.join("; "), "127.0.0.1:5000", None).sessions();
    assert_eq!(tried.len(), limits::COOKIES_TRIED);
    let one_name = ["https://a.example", "https://b.example"];
    let header = format!("__Host-chat-app-443={}", tokens[0].text());
    assert_eq!(cookies_at(&header, "127.0.0.1:5000", None, &one_name).sessions(), hashes(&[0]));
}

#[test]
fn where_one_name_has_both_schemes_the_pages_own_decides() {
    let token = Token::random().expect("random");
    let urls = ["https://a.example", "http://a.example"];
    for (origin, name, is_secure) in
        [("https://a.example", "__Host-chat-app-443", true), ("http://a.example", "chat-app-80", false)]
    {
        for host in ["a.example", "127.0.0.1:5000"] {
            let cookies = cookies_at("", host, Some(origin), &urls);
            let set = cookies.set_session(&token);
            assert!(set.starts_with(&format!("{name}=")) && cookies.knows_place(), "{host}: {set}");
            assert_eq!(set.ends_with("; Secure"), is_secure, "browsers take no such cookie over http");
            let header = format!("{name}={}", token.text());
            let silent = cookies_at(&header, host, None, &urls);
            assert_eq!((silent.sessions(), silent.knows_place()), (vec![token.hash()], false), "{host}");
        }
    }
}

#[test]
fn a_cookie_of_before_counts_and_that_of_another_program_does_not() {
    let (ours, newer) = (Token::random().expect("random"), Token::random().expect("random"));
    let (old, new) = (ours.text(), newer.text());
    for (header, host, expected) in [
        (format!("session={old}"), "laptop:5000", &[&ours][..]),
        (format!("__Host-session={old}"), "chat.example.org", &[&ours]),
        (format!("session=eyJfcGVybWFuZW50Ijp0cnVlfQ.Z.x; session={old}"), "laptop:5000", &[&ours]),
        (format!("session={new}; session={old}"), "laptop:5000", &[&ours, &newer]),
        (format!("session={old}; chat-app-5000={new}"), "laptop:5000", &[&newer, &ours]),
        ("session=eyJfcGVybWFuZW50Ijp0cnVlfQ.Z.x".to_owned(), "laptop:5000", &[]),
        (format!("xsession={old}"), "laptop:5000", &[]),
    ] {
        let expected: Vec<_> = expected.iter().map(|token| token.hash()).collect();
        assert_eq!(cookies(&header, host, None).sessions(), expected, "{header}");
    }
    let both = cookies("device=a; device=b", "laptop", None);
    assert_eq!(
        (both.all(Kind::Device), both.knows_place()),
        (vec!["b", "a"], false),
        "a proxy may be between"
    );
}
