//! The page, ready to be sent: in its language, plain and gzipped, with the policy that lets its own script and style run; pure.

use std::io::Write as _;
use std::sync::OnceLock;

use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use sha2::{Digest, Sha256};

use crate::http::languages::{Language, unpacked};
use crate::http::message::{Request, Response};
use crate::limits::PAGE_SOURCE_BYTES;
use crate::protocol::origin::{canonical, host_and_port, split};

/// The page up to its last script, with the words still to be put in, and from there on, as `pack.rs` has packed them.
static HEAD: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/page-head"));
static TAIL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/page-tail"));
const _: () = assert!(
    include_str!("../../index.html").len() <= PAGE_SOURCE_BYTES,
    "the page's source must be short enough to read"
);

/// The built-in page in this language, prepared once in a process, when it is first asked for.
pub(crate) fn page_in(language: Language) -> &'static Page {
    static PAGES: [OnceLock<Page>; Language::COUNT] = [const { OnceLock::new() }; Language::COUNT];
    PAGES[language.index()].get_or_init(|| Page::new(&head_in(language), TAIL))
}

#[derive(Debug)]
pub(crate) struct Page {
    plain: Form,
    gzipped: Form,
    /// Its Content-Security-Policy, all but the sockets that it may open.
    policy: String,
}

fn head_in(language: Language) -> String {
    language.put_into(&unpacked(HEAD))
}

fn text_in(language: Language) -> String {
    head_in(language) + &unpacked(TAIL)
}

/// The page as it is sent in the language of this tag.
pub fn page_as_sent(tag: &str) -> Option<String> {
    Language::of(tag).map(text_in)
}

/// One of the two bodies.
#[derive(Debug)]
struct Form {
    body: Bytes,
    digest: Sha256,
}

impl Page {
    /// `head` and what `tail` has compressed are the page.
    pub(crate) fn new(head: &str, tail: &[u8]) -> Page {
        let text = head.to_owned() + &unpacked(tail);
        let (policy, gzipped) = (policy(&text), Form::new(gzip(head, tail, &text)));
        Page { gzipped, plain: Form::new(text.into_bytes()), policy }
    }

    pub(crate) fn answer(&self, request: &Request, public_urls: &[String]) -> Response {
        let sockets = sockets(request.header("Host").unwrap_or_default(), public_urls);
        let policy = format!("{}; connect-src 'self'{sockets}", self.policy);
        let is_gzipped = takes_gzip(request.header("Accept-Encoding").unwrap_or_default());
        let form = if is_gzipped { &self.gzipped } else { &self.plain };
        let tag = form.tag(&policy);
        let known = request.header("If-None-Match").is_some_and(|tags| {
            tags.split(',').map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
        });
        let mut headers = vec![
            ("Content-Type", "text/html; charset=utf-8".to_owned()),
            // Browsers keep it but ask each time: after an update nobody talks to the new room with the old page.
            ("Cache-Control", "no-cache".to_owned()),
            ("Vary", "Accept-Encoding, Accept-Language, Cookie".to_owned()),
            ("ETag", tag),
            ("Content-Security-Policy", policy),
        ];
        headers.extend(is_gzipped.then(|| ("Content-Encoding", "gzip".to_owned())));
        Response { status: if known { 304 } else { 200 }, headers, body: form.body.clone() }
    }
}

impl Form {
    fn new(body: Vec<u8>) -> Form {
        Form { digest: Sha256::new_with_prefix(&body), body: body.into() }
    }

    /// Covers everything that a browser keeps; gzipped, the body is another one.
    fn tag(&self, policy: &str) -> String {
        let digest = self.digest.clone().chain_update(policy).finalize();
        format!("\"{}\"", HEXLOWER.encode(&digest[..16]))
    }
}

/// One stream of both parts, as RFC 1952 has it. The last, which is the same in all languages, was compressed for longer than
/// anybody would wait for here.
fn gzip(head: &str, tail: &[u8], text: &str) -> Vec<u8> {
    let mut stream = b"\x1f\x8b\x08\0\0\0\0\0\x02\xff".to_vec();
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(head.as_bytes()).and_then(|()| encoder.flush()).expect("memory takes it");
    let mut sum = Crc::new();
    sum.update(text.as_bytes());
    stream.extend_from_slice(encoder.get_ref());
    stream.extend_from_slice(tail);
    stream.extend(sum.sum().to_le_bytes());
    stream.extend(sum.amount().to_le_bytes());
    stream
}

/// Whether this `Accept-Encoding` allows gzip, by its name or by `*`, and does not prefer the plain page.
fn takes_gzip(accepted: &str) -> bool {
    let quality = |coding: &str| {
        accepted.split(',').find_map(|item| {
            let (name, weight) = item.split_once(';').unwrap_or((item, "q=1"));
            let weight = weight.trim().trim_start_matches(['q', 'Q']).trim_start_matches('=');
            name.trim().eq_ignore_ascii_case(coding).then(|| weight.parse().unwrap_or(0.0))
        })
    };
    let gzip: f32 = quality("gzip").or_else(|| quality("*")).unwrap_or(0.0);
    gzip > 0.0 && gzip >= quality("identity").unwrap_or(0.0)
}

/// The room's WebSocket as sources, each after a space: `'self'` does not cover it in Safari before 16, and a bare `ws:`
/// would let a script that got in after all talk to anyone. There is no form for IPv6 addresses, nor for names with an
/// underscore; a browser that needs one says so itself.
fn sockets(host: &str, public_urls: &[String]) -> String {
    let own = canonical(&format!("http://{host}"));
    let mut sources: Vec<String> = own
        .iter()
        .map(String::as_str)
        .chain(public_urls.iter().map(|url| split(url).0))
        .filter(|origin| !host_and_port(origin).0.contains(['[', '_']))
        .map(|origin| origin.replacen("http", " ws", 1))
        .collect();
    sources.sort_unstable();
    sources.dedup();
    sources.concat()
}

/// Nothing runs, loads or frames but what stands in the page itself.
fn policy(page: &str) -> String {
    let scripts = sources(page, "script");
    let styles = sources(page, "style");
    format!(
        "default-src 'none'; script-src {scripts}; style-src {styles}; img-src 'self' data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// The hash sources of what stands between the tags of an element, each time it occurs in the page. What is no script but
/// data is not run, and needs none.
fn sources(page: &str, element: &str) -> String {
    let (open, close) = (format!("<{element}"), format!("</{element}>"));
    let inside = page.split(&open).skip(1).filter_map(|rest| {
        let (tag_end, end) = (rest.find('>')?, rest.find(&close)?);
        if rest[..tag_end].contains("json") { None } else { rest.get(tag_end + 1..end) }
    });
    let hashes: Vec<String> =
        inside.map(|text| format!("'sha256-{}'", BASE64.encode(&Sha256::digest(text.as_bytes())))).collect();
    if hashes.is_empty() { "'none'".to_owned() } else { hashes.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::message;
    use crate::limits::PAGE_BYTES;

    fn page() -> Page {
        Page::new(
            "<!doctype html>\n<style>p{}\n</style><p>Hi<script type=\"module\">say(\"ü\")\n</script>\n\
             <script type=\"application/json\">{}</script>",
            &[3, 0], // nothing, compressed
        )
    }

    fn answer(headers: &[(&str, &str)]) -> Response {
        let request = message::tests::request("GET", "/", headers);
        page().answer(&Request::of(&request, b"", &[]), &[])
    }

    #[test]
    fn the_policy_names_the_rooms_sockets_and_no_others() {
        let urls = [
            "https://school.example/chat",
            "http://box.example:8080",
            "https://school.example/other",
            "http://[::1]",
        ];
        let urls: Vec<String> = urls.map(str::to_owned).into();
        for (host, urls, expected) in [
            ("laptop:5000", &[][..], " ws://laptop:5000"),
            ("LAPTOP.local.:80", &[], " ws://laptop.local"),
            ("192.168.1.5:5000", &[], " ws://192.168.1.5:5000"),
            ("[fd00::5]:5000", &[], ""),
            ("my_laptop:5000", &[], ""),
            ("192.168.1.5:5000", &urls, " ws://192.168.1.5:5000 ws://box.example:8080 wss://school.example"),
            ("box.example:8080", &urls[1..2], " ws://box.example:8080"),
            ("[::1]:5000", &urls[..1], " wss://school.example"),
        ] {
            assert_eq!(sockets(host, urls), expected, "{host}");
        }
        let policy = answer(&[("Host", "laptop:5000")]);
        let policy = policy.header("Content-Security-Policy").expect("a policy").to_owned();
        assert!(policy.contains("connect-src 'self' ws://laptop:5000"), "{policy}");
        assert!(!policy.contains(" ws: ") && !policy.contains('*'), "{policy}");
    }

    #[test]
    fn a_room_that_got_another_address_sends_the_page_again() {
        let request = message::tests::request("GET", "/", &[("Host", "laptop")]);
        let tag = |urls: &[String]| {
            let answer = page().answer(&Request::of(&request, b"", &[]), urls);
            answer.header("ETag").map(str::to_owned)
        };
        assert_ne!(tag(&[]), tag(&["https://chat.example".to_owned()]), "its policy is another");
    }

    #[test]
    fn a_browser_that_has_the_page_gets_none_unless_policy_encoding_or_text_changed() {
        let fresh = answer(&[]);
        assert_eq!((fresh.status, fresh.header("Cache-Control")), (200, Some("no-cache")));
        assert_eq!(fresh.header("Content-Type"), Some("text/html; charset=utf-8"));
        let tag = fresh.header("ETag").expect("a tag");
        for known in [tag, "*", &format!("W/{tag}"), &format!("\"x\", {tag}")] {
            let again = answer(&[("if-none-match", known)]);
            assert_eq!((again.status, again.header("ETag")), (304, Some(tag)), "{known}");
        }
        assert_eq!(answer(&[("If-None-Match", "\"other\"")]).status, 200);
        let gzipped = answer(&[("If-None-Match", tag), ("Accept-Encoding", "gzip")]);
        assert_eq!(gzipped.status, 200, "what it has is not gzipped");
        for answer in [fresh, gzipped] {
            assert_eq!(answer.header("Vary"), Some("Accept-Encoding, Accept-Language, Cookie"));
        }
    }

    #[test]
    fn gzip_is_for_those_who_take_it_and_like_nothing_better() {
        for accepted in [
            "gzip",
            "deflate, GZip ;q=1.0, *;q=0.5",
            "br;q=1, gzip;q=0.001",
            "*",
            "identity;q=0.5, gzip;Q=0.5",
        ] {
            assert!(takes_gzip(accepted), "{accepted}");
        }
        for accepted in [
            "",
            "br, deflate",
            "gzip;q=0",
            "gzip; q=0.000, *",
            "*;q=0",
            "identity, gzip;q=0.9",
            "gzipped",
            "gzip;q=much",
        ] {
            assert!(!takes_gzip(accepted), "{accepted}");
        }
        assert_eq!(answer(&[("Accept-Encoding", "gzip")]).header("Content-Encoding"), Some("gzip"));
        assert_eq!(answer(&[]).header("Content-Encoding"), None);
    }

    #[test]
    fn the_policy_names_the_hashes_of_what_a_browser_reads() {
        // printf 'say("ü")\n' | openssl dgst -sha256 -binary | base64, and the same for 'p{}\n'
        let Page { policy, plain, .. } = page();
        assert!(
            policy.contains("script-src 'sha256-RWzafo4gNMIIXgnojBe5HtRY3GvrRbUp/qOGQP7POSU=';"),
            "{policy}"
        );
        assert!(
            policy.contains("style-src 'sha256-ENciTu8dY6ZA4nEGXBqyKSkyCEnyvmHRBTrJoNuRdwE=';"),
            "{policy}"
        );
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
        assert!(!String::from_utf8_lossy(&plain.body).contains('\r'), "what is hashed is what is sent");
    }

    #[test]
    fn the_page_fits_in_every_language_under_the_same_policy() {
        let english = page_in(Language::ENGLISH);
        for language in Language::all() {
            let (page, tag) = (page_in(language), language.tag());
            assert_eq!(page.policy, english.policy, "{tag}");
            let (bytes, gzipped) = (page.plain.body.len(), page.gzipped.body.len());
            assert!(bytes <= PAGE_BYTES, "{tag}: {bytes} bytes do not fit the socket behind the listener");
            let head = format!("<!doctype html>\n<html lang=\"{tag}\"");
            let text = text_in(language);
            assert!(text.starts_with(&head) && !text.contains("{{"), "{tag}: all is filled in");
            println!("{tag}: {bytes} bytes, gzipped {gzipped}");
        }
    }

    #[test]
    fn data_needs_no_hash() {
        let script =
            |policy: &str| policy.split("; ").nth(1).expect("a rule for scripts").matches("sha256").count();
        assert_eq!(script(&page().policy), 1);
    }

    #[test]
    fn a_page_without_script_lets_none_run() {
        assert!(policy("<p>Hi").contains("script-src 'none'; style-src 'none'"));
    }

    #[test]
    fn the_embedded_page_asks_for_nothing_that_its_policy_forbids() {
        for forbidden in [
            " style=\"",
            " onclick=",
            " onload=",
            "javascript:",
            "src=\"http",
            "href=\"http",
            "<link rel=\"stylesheet",
        ] {
            assert!(!text_in(Language::ENGLISH).contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn the_first_script_is_sent_in_words_that_every_browser_knows() {
        let text = text_in(Language::ENGLISH);
        let first = text.split("<script>").nth(1).and_then(|rest| rest.split("</script>").next());
        let first = first.expect("the page has scripts");
        assert!(first.contains("window.onerror") && !first.contains('`'), "{first}");
    }
}
