//! The three cookies: a session, the proof that this browser has logged in before, and what a browser is known by; pure.
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
use crate::protocol::KeyHash;
use crate::protocol::origin::{canonical, host_and_port, split};

/// Browsers take a cookie with this prefix only over https, from the host itself, for the whole host.
const HOST_PREFIX: &str = "__Host-";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Session,
    Device,
    /// Random, from the page's first load on: a person who was removed is known by it before anything is read.
    Browser,
}

impl Kind {
    /// The part of its name that says what it is. No room's session is called as another's device.
    fn begin(self) -> &'static str {
        match self {
            Kind::Session => "chat-app",
            Kind::Device => "chat-app-device",
            Kind::Browser => "chat-app-browser",
        }
    }

    fn former(self) -> Option<&'static str> {
        match self {
            Kind::Session => Some("session"),
            Kind::Device => Some("device"),
            Kind::Browser => None,
        }
    }

    /// How far a browser sends it. A link on another site leads to the page with what is lax alone: the browser must not look
    /// like a new one then.
    fn same_site(self) -> &'static str {
        if self == Kind::Browser { "Lax" } else { "Strict" }
    }

    fn lasts(self) -> Duration {
        match self {
            Kind::Session => limits::SESSION,
            Kind::Device => limits::DEVICE,
            Kind::Browser => limits::BROWSER,
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
    fn former_name(&self, kind: Kind) -> Option<String> {
        kind.former().map(|name| format!("{}{name}", self.prefix()))
    }

    /// A `Set-Cookie` for as long as its kind lasts.
    fn written(&self, name: &str, value: &str, kind: Kind) -> String {
        self.set(name, value, kind, kind.lasts())
    }

    /// A `Set-Cookie` that ends it.
    fn ended(&self, name: &str, kind: Kind) -> String {
        self.set(name, "", kind, Duration::ZERO)
    }

    fn set(&self, name: &str, value: &str, kind: Kind, lasts: Duration) -> String {
        let (seconds, same_site) = (lasts.as_secs(), kind.same_site());
        let secure = if self.is_secure { "; Secure" } else { "" };
        format!("{name}={value}; Max-Age={seconds}; Path=/; HttpOnly; SameSite={same_site}{secure}")
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
            let former = places.peek().and_then(|place| place.former_name(kind));
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
        let name = self.place.former_name(kind);
        let mut values = name.map_or_else(Vec::new, |name| self.named(kind, &name));
        values.reverse();
        values.truncate(limits::COOKIES_TRIED);
        values
    }

    /// Whether it is known by which address the browser came, and so how its cookies are called.
    pub(crate) fn knows_place(&self) -> bool {
        self.others.is_empty()
    }

    /// What the browser is known by; none where it has no such cookie.
    pub(crate) fn browser(&self) -> Option<KeyHash> {
        let shown = self.all(Kind::Browser).into_iter().find_map(Token::parse);
        shown.map(|token| token.hash())
    }

    /// Each `Set-Cookie` by which a browser is known from now on, wherever it may be: of those for another scheme it takes none.
    pub(crate) fn set_browser(&self, token: &Token) -> Vec<String> {
        let places = std::iter::once(&self.place).chain(&self.others);
        let mut names = HashSet::new();
        let places = places.filter(|place| names.insert(place.name(Kind::Browser)));
        let set = |place: &Place| place.written(&place.name(Kind::Browser), &token.text(), Kind::Browser);
        places.map(set).collect()
    }

    /// A `Set-Cookie` that begins a session.
    pub(crate) fn set_session(&self, token: &Token) -> String {
        self.set(Kind::Session, &token.text())
    }

    /// A `Set-Cookie` that ends it.
    pub(crate) fn clear_session(&self) -> String {
        self.place.ended(&self.place.name(Kind::Session), Kind::Session)
    }

    /// A `Set-Cookie` of this kind, for as long as that lasts.
    pub(crate) fn set(&self, kind: Kind, value: &str) -> String {
        self.place.written(&self.place.name(kind), value, kind)
    }

    /// A `Set-Cookie` that ends the one of before, where there was one.
    pub(crate) fn clear_former(&self, kind: Kind) -> Option<String> {
        self.place.former_name(kind).map(|name| self.place.ended(&name, kind))
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
}

#[cfg(test)]
mod tests;
