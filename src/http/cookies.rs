//! The two cookies: a session, and the proof that this browser has logged in before; pure.
//!
//! Browsers send a host's cookies to all of its ports and paths, so each room's are called after its own: another room, or
//! another program whose cookie is called `session`, overwrites none. Under an https public URL they are `Secure` and have the
//! `__Host-` prefix: nobody on the way and no neighbouring domain can set one. The same room over plain http, in the local
//! network, uses names without it.
//!
//! Rooms of before called them `session` and `device`. Those still count, until [`crate::http::api`] has exchanged them.

use std::time::Duration;

use crate::accounts::token::Token;
use crate::limits;
use crate::protocol::origin::{canonical, host_and_port, is_public, split};

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
    /// Where else the browser may be: a proxy that passes on no `Host` leaves it open, unless there is an `Origin`.
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
}

impl<'a> Cookies<'a> {
    /// A request counts as one to a public URL when its `Host` or `Origin` is that URL's: a proxy's connection itself tells
    /// nothing.
    pub(crate) fn of(
        cookie: Option<&'a str>,
        host: &str,
        origin: Option<&str>,
        public_urls: &[String],
    ) -> Cookies<'a> {
        let own = |scheme: &str| canonical(&format!("{scheme}://{host}"));
        let came_to = [own("https"), origin.and_then(canonical), own("http")];
        let came_to = came_to.into_iter().flatten().find(|origin| is_public(origin, public_urls));
        let url = came_to.and_then(|origin| public_urls.iter().find(|url| split(url).0 == origin));
        let is_sure = url.is_some() || origin.is_some();
        let others = if is_sure { &[] } else { public_urls };
        Cookies {
            header: cookie.unwrap_or_default(),
            place: Place::of(&url.cloned().or_else(|| own("http")).unwrap_or_default()),
            others: others.iter().map(|url| Place::of(url)).collect(),
        }
    }

    /// The session's token, if a cookie has the form of one.
    pub(crate) fn session(&self) -> Option<Token> {
        self.get(Kind::Session).and_then(Token::parse).or_else(|| self.former_session())
    }

    /// What [`Cookies::set`] has set of this kind.
    pub(crate) fn device(&self) -> Option<&'a str> {
        self.get(Kind::Device).or_else(|| self.former(Kind::Device).last())
    }

    /// The session's token under the name of before. Others' cookies have the same name, and longer paths come first.
    pub(crate) fn former_session(&self) -> Option<Token> {
        self.former(Kind::Session).filter_map(Token::parse).last()
    }

    /// All cookies that have this kind's name of before.
    pub(crate) fn former(&self, kind: Kind) -> impl Iterator<Item = &'a str> {
        let name = format!("{}{}", self.place.prefix(), kind.former());
        self.pairs().filter(move |(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Whether there is one of this kind under today's name.
    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.get(kind).is_some()
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
        let name = format!("{}{}", self.place.prefix(), kind.former());
        self.written(&name, "", Duration::ZERO)
    }

    /// Whether a `Set-Cookie` is about this room's of this kind.
    pub(crate) fn is_about(&self, set_cookie: &str, kind: Kind) -> bool {
        set_cookie.split_once('=').is_some_and(|(name, _)| name == self.place.name(kind))
    }

    fn get(&self, kind: Kind) -> Option<&'a str> {
        let names = std::iter::once(&self.place).chain(&self.others).map(|place| place.name(kind));
        names
            .into_iter()
            .find_map(|name| self.pairs().find_map(|(key, value)| (key == name).then_some(value)))
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
                assert_eq!(
                    cookies_at(&header, host, origin, &urls).get(kind),
                    Some(&*token.text()),
                    "{host}"
                );
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
            let back = cookies(&header, host, origin).session().map(|back| back.hash());
            assert_eq!(back, Some(token.hash()), "{host}");
        }
    }

    #[test]
    fn over_https_a_cookie_that_anybody_could_have_set_is_none() {
        let token = Token::random().expect("random");
        for plain in ["chat-app-443", "session"].map(|name| format!("{name}={}", token.text())) {
            assert!(cookies(&plain, "chat.example.org", None).session().is_none(), "{plain}");
        }
        let plain = format!("chat-app-5000={}", token.text());
        assert!(cookies(&plain, "192.168.1.5:5000", None).session().is_some());
        assert!(cookies(&plain, "192.168.1.5:5001", None).session().is_none(), "another room's");
        for nonsense in ["", "chat-app-80", "chat-app-80=", "chat-app-80=abc", "xchat-app-80=1", ";;=;"] {
            assert!(cookies(nonsense, "localhost", None).session().is_none(), "{nonsense}");
        }
    }

    #[test]
    fn a_proxy_that_passes_on_no_host_loses_no_cookie() {
        let token = Token::random().expect("random");
        let urls = ["http://chat.example", "https://school.example/chat"];
        for name in ["chat-app-80", "__Host-chat-app-443-chat", "chat-app-5000"] {
            let header = format!("{name}={}", token.text());
            assert!(cookies_at(&header, "127.0.0.1:5000", None, &urls).session().is_some(), "{name}");
        }
        let known = cookies_at("chat-app-80=x", "127.0.0.1:5000", Some("http://127.0.0.1:5000"), &urls);
        assert_eq!(known.get(Kind::Session), None, "there it is known where the browser is");
    }

    #[test]
    fn a_cookie_of_before_counts_and_that_of_another_program_does_not() {
        let (ours, newer) = (Token::random().expect("random"), Token::random().expect("random"));
        let session = |header: &str, host| cookies(header, host, None).session().map(|token| token.hash());
        let (old, new) = (ours.text(), newer.text());
        for (header, host, expected) in [
            (format!("session={old}"), "laptop:5000", Some(&ours)),
            (format!("__Host-session={old}"), "chat.example.org", Some(&ours)),
            (format!("session=eyJfcGVybWFuZW50Ijp0cnVlfQ.Z.x; session={old}"), "laptop:5000", Some(&ours)),
            (format!("session={new}; session={old}"), "laptop:5000", Some(&ours)),
            (format!("session={old}; chat-app-5000={new}"), "laptop:5000", Some(&newer)),
            ("session=eyJfcGVybWFuZW50Ijp0cnVlfQ.Z.x".to_owned(), "laptop:5000", None),
            (format!("xsession={old}"), "laptop:5000", None),
        ] {
            assert_eq!(session(&header, host), expected.map(Token::hash), "{header}");
        }
        let both = cookies("device=a; device=b", "laptop", None);
        assert_eq!((both.device(), both.knows_place()), (Some("b"), false), "a proxy may be between");
    }
}
