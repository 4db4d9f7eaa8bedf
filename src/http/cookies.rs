//! The two cookies: a session, and the proof that this browser has logged in before; pure.
//!
//! Browsers send a host's cookies to all of its ports and paths, so each room's are called after its own: another room, or
//! another program whose cookie is called `session`, overwrites none. Under an https public URL they are `Secure` and have the
//! `__Host-` prefix: nobody on the way and no neighbouring domain can set one. The same room over plain http, in the local
//! network, uses names without it.
//!
//! Rooms of before called them `session` and `device`. Those still count, until [`crate::http::routes`] has them exchanged.

use std::collections::HashSet;
use std::time::Duration;

use crate::accounts::token::{Token, TokenHash};
use crate::limits;
use crate::protocol::origin::{canonical, host_and_port, split};

/// Browsers take a cookie with this prefix only over https, from the host itself, for the whole host.
const HOST_PREFIX: &str = "__Host-";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Session,
    Device,
}

impl Kind {
    /// The part of its name that says what it is. No room's session is called as another's device.
    fn begin(self) -> &'static str {
        match self {
            Kind::Session => "chat-app",
            Kind::Device => "chat-app-device",
        }
    }

    fn former(self) -> &'static str {
        match self {
            Kind::Session => "session",
            Kind::Device => "device",
        }
    }
}

/// The parts of a request that cookies depend on.
#[derive(Debug, Clone)]
pub(crate) struct Cookies<'a> {
    header: &'a str,
    place: Place,
    /// Where else the browser may be: without an `Origin` it is open where a proxy passes on no `Host`, or two schemes have it.
    others: Vec<Place>,
}

/// Where a browser finds the room: what tells its cookies from those of others on the same host.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    is_secure: bool,
    /// The port, and maybe a path.
    mark: String,
}

impl Place {
    /// Of a public URL, or of an origin.
    fn of(url: &str) -> Place {
        let (origin, path) = split(url);
        let mut mark = host_and_port(origin).1.to_string();
        if !path.is_empty() {
            mark.push('-');
            mark.push_str(&path[1..].replace('/', "+")); // no path has one of its own
        }
        Place { is_secure: origin.starts_with("https://"), mark }
    }

    fn prefix(&self) -> &'static str {
        if self.is_secure { HOST_PREFIX } else { "" }
    }

    fn name(&self, kind: Kind) -> String {
        format!("{}{}-{}", self.prefix(), kind.begin(), self.mark)
    }

    /// What rooms of before called it: the same everywhere.
    fn former_name(&self, kind: Kind) -> String {
        format!("{}{}", self.prefix(), kind.former())
    }
}

impl<'a> Cookies<'a> {
    /// A request counts as one to a public URL when its `Origin` or `Host` is that URL's: a proxy's connection itself tells
    /// nothing. `Host` has no scheme, so it leaves open which of two URLs was meant.
    pub(crate) fn of(
        cookie: Option<&'a str>,
        host: &str,
        origin: Option<&str>,
        public_urls: &[String],
    ) -> Cookies<'a> {
        let own = |scheme: &str| canonical(&format!("{scheme}://{host}"));
        let public = |origin: String| public_urls.iter().find(|url| split(url).0 == origin);
        let by_host: Vec<&String> =
            ["https", "http"].into_iter().filter_map(own).filter_map(public).collect();
        let url = origin.and_then(canonical).and_then(public).or(by_host.first().copied());
        let others: Vec<&String> = match (origin, &by_host[..]) {
            (Some(_), _) => Vec::new(),
            (None, []) => public_urls.iter().collect(),
            (None, [_, rest @ ..]) => rest.to_vec(),
        };
        Cookies {
            header: cookie.unwrap_or_default(),
            place: Place::of(&url.cloned().or_else(|| own("http")).unwrap_or_default()),
            others: others.into_iter().map(|url| Place::of(url)).collect(),
        }
    }

    /// The hashes of all cookies that have the form of a session's, best first: the first that is somebody's counts.
    pub(crate) fn sessions(&self) -> Vec<TokenHash> {
        let tokens = self.all(Kind::Session).into_iter().filter_map(Token::parse);
        tokens.map(|token| token.hash()).collect()
    }

    /// The values of this kind, wherever the browser may be. Those that only https could set come first: nobody on the
    /// way shadows them. Then today's names, then those of before.
    pub(crate) fn all(&self, kind: Kind) -> Vec<&'a str> {
        let mut values = Vec::new();
        for is_secure in [true, false] {
            let places = std::iter::once(&self.place).chain(&self.others);
            let mut places = places.filter(|place| place.is_secure == is_secure).peekable();
            let former = places.peek().map(|place| place.former_name(kind));
            values.extend(places.flat_map(|place| self.named(kind, &place.name(kind))));
            values.extend(former.into_iter().flat_map(|name| self.named(kind, &name).into_iter().rev()));
        }
        // Public URLs on one port have one name.
        let mut seen = HashSet::new();
        values.retain(|value| seen.insert(*value));
        values.truncate(limits::COOKIES_TRIED);
        values
    }

    /// The values of this kind under today's name.
    pub(crate) fn present(&self, kind: Kind) -> Vec<&'a str> {
        let mut values = self.named(kind, &self.place.name(kind));
        values.truncate(limits::COOKIES_TRIED);
        values
    }

    /// The values of this kind under the name of before. Others' cookies have the same name; those of longer paths, which
    /// browsers send first, come last.
    pub(crate) fn former(&self, kind: Kind) -> Vec<&'a str> {
        let mut values = self.named(kind, &self.place.former_name(kind));
        values.reverse();
        values.truncate(limits::COOKIES_TRIED);
        values
    }

    /// Whether it is known by which address the browser came, and so how its cookies are called.
    pub(crate) fn knows_place(&self) -> bool {
        self.others.is_empty()
    }

    /// A `Set-Cookie` that begins a session.
    pub(crate) fn set_session(&self, token: &Token) -> String {
        self.set(Kind::Session, &token.text())
    }

    /// A `Set-Cookie` that ends it.
    pub(crate) fn clear_session(&self) -> String {
        self.written(&self.place.name(Kind::Session), "", Duration::ZERO)
    }

    /// A `Set-Cookie` of this kind, for as long as that lasts.
    pub(crate) fn set(&self, kind: Kind, value: &str) -> String {
        let lasts = match kind {
            Kind::Session => limits::SESSION,
            Kind::Device => limits::DEVICE,
        };
        self.written(&self.place.name(kind), value, lasts)
    }

    /// A `Set-Cookie` that ends the one of before.
    pub(crate) fn clear_former(&self, kind: Kind) -> String {
        self.written(&self.place.former_name(kind), "", Duration::ZERO)
    }

    /// Whether a `Set-Cookie` is about this room's of this kind.
    pub(crate) fn is_about(&self, set_cookie: &str, kind: Kind) -> bool {
        set_cookie.split_once('=').is_some_and(|(name, _)| name == self.place.name(kind))
    }

    fn named(&self, kind: Kind, name: &str) -> Vec<&'a str> {
        let values = self.pairs().filter(|(key, _)| *key == name).map(|(_, value)| value);
        // Most of what other programs call `session` has another form, and is worth no look-up.
        values.filter(|value| kind == Kind::Device || Token::parse(value).is_some()).collect()
    }

    fn pairs(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.header.split(';').filter_map(|pair| pair.trim().split_once('='))
    }

    fn written(&self, name: &str, value: &str, lasts: Duration) -> String {
        let seconds = lasts.as_secs();
        let secure = if self.place.is_secure { "; Secure" } else { "" };
        format!("{name}={value}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Strict{secure}")
    }
}

#[cfg(test)]
mod tests {
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
        let urls =
            ["https://school.example/chat", "https://school.example:8443/a/b", "http://box.example:8080"];
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
    fn a_proxy_that_passes_on_no_host_loses_no_cookie() {
        let token = Token::random().expect("random");
        let urls = ["http://chat.example", "https://school.example/chat"];
        for name in ["chat-app-80", "__Host-chat-app-443-chat", "chat-app-5000", "__Host-session", "session"]
        {
            let header = format!("{name}={}", token.text());
            assert_eq!(
                cookies_at(&header, "127.0.0.1:5000", None, &urls).sessions(),
                [token.hash()],
                "{name}"
            );
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
}
