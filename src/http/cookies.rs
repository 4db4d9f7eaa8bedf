//! The two cookies: a session, and the proof that this browser has logged in before; pure.
//!
//! Under an https public URL they are `Secure` and have the `__Host-` prefix: nobody on the way and no neighbouring domain
//! can set one. The same room over plain http, in the local network, uses the names without it.

use std::time::Duration;

use crate::accounts::token::Token;
use crate::limits;
use crate::protocol::origin;

const SESSION: &str = "session";
const DEVICE: &str = "device";
/// Browsers take a cookie with this prefix only over https, from the host itself, for the whole host.
const HOST_PREFIX: &str = "__Host-";

/// The parts of a request that cookies depend on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cookies<'a> {
    header: &'a str,
    is_secure: bool,
}

impl<'a> Cookies<'a> {
    /// A request counts as https when its `Host` or `Origin` is that of an https public URL: a proxy's connection itself
    /// tells nothing.
    pub(crate) fn of(
        cookie: Option<&'a str>,
        host: &str,
        origin: Option<&str>,
        public_urls: &[String],
    ) -> Cookies<'a> {
        let is_public = |origin: Option<String>| {
            origin.is_some_and(|origin| {
                origin.starts_with("https://") && origin::is_public(&origin, public_urls)
            })
        };
        let is_secure = is_public(origin::canonical(&format!("https://{host}")))
            || is_public(origin.and_then(origin::canonical));
        Cookies { header: cookie.unwrap_or_default(), is_secure }
    }

    /// The session's token, if the cookie has the form of one.
    pub(crate) fn session(&self) -> Option<Token> {
        self.get(SESSION).and_then(Token::parse)
    }

    /// What [`Cookies::set_device`] has set.
    pub(crate) fn device(&self) -> Option<&'a str> {
        self.get(DEVICE)
    }

    /// A `Set-Cookie` that begins a session.
    pub(crate) fn set_session(&self, token: &Token) -> String {
        self.set(SESSION, &token.text(), limits::SESSION)
    }

    /// A `Set-Cookie` that ends it.
    pub(crate) fn clear_session(&self) -> String {
        self.set(SESSION, "", Duration::ZERO)
    }

    /// A `Set-Cookie` for a browser that has logged in.
    pub(crate) fn set_device(&self, proof: &str) -> String {
        self.set(DEVICE, proof, limits::DEVICE)
    }

    fn prefix(&self) -> &'static str {
        if self.is_secure { HOST_PREFIX } else { "" }
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.header.split(';').find_map(|pair| {
            let (key, value) = pair.trim().split_once('=')?;
            (key.strip_prefix(self.prefix())? == name).then_some(value)
        })
    }

    fn set(&self, name: &str, value: &str, lasts: Duration) -> String {
        let (prefix, seconds) = (self.prefix(), lasts.as_secs());
        let secure = if self.is_secure { "; Secure" } else { "" };
        format!("{prefix}{name}={value}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Strict{secure}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies<'a>(cookie: &'a str, host: &str, origin: Option<&str>) -> Cookies<'a> {
        Cookies::of(Some(cookie), host, origin, &["https://chat.example.org".to_owned()])
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
            assert_eq!(set.starts_with("__Host-session="), is_secure, "{host}: {set}");
            assert_eq!(set.ends_with("; Secure"), is_secure, "{host}: {set}");
            for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=2592000"] {
                assert!(set.contains(part) && !set.contains("Domain"), "{set}");
            }
            let (pair, _) = set.split_once(';').expect("attributes");
            let header = format!("theme=dark; {pair}; last=1");
            let back = cookies(&header, host, origin).session().map(|back| back.hash());
            assert_eq!(back, Some(token.hash()), "{host}");
        }
        assert!(cookies("", "localhost", None).clear_session().starts_with("session=; Max-Age=0; "));
    }

    #[test]
    fn over_https_a_cookie_that_anybody_could_have_set_is_none() {
        let token = Token::random().expect("random");
        let plain = format!("session={}", token.text());
        assert!(cookies(&plain, "chat.example.org", None).session().is_none());
        assert!(cookies(&plain, "192.168.1.5:5000", None).session().is_some());
        for nonsense in ["", "session", "session=", "session=abc", "xsession=1", ";;=;"] {
            assert!(cookies(nonsense, "localhost", None).session().is_none(), "{nonsense}");
        }
    }
}
