//! Which address leads where.

use std::io;
use std::time::Duration;

use serde_json::json;

use crate::accounts::token::Token;
use crate::http::api::error::ApiError;
use crate::http::api::{Api, Route};
use crate::http::download::format_at;
use crate::http::invite::{invite_url, named_url};
use crate::http::languages::{self, Language};
use crate::http::message::{Request, Response};
use crate::http::page::{Page, page_in};
use crate::http::qr::qr_svg;
use crate::protocol::Reason;
use crate::protocol::origin;
use crate::sys::interfaces::interfaces;

/// Page and API.
pub(crate) struct Site {
    pub(super) api: Api,
    /// The page in a language.
    pub(super) page: fn(Language) -> &'static Page,
    /// Proves that a request came through the listener; never sent to a client.
    pub(super) secret: String,
    port: u16,
}

impl Site {
    /// `port` is the one that is listened on, not 0.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(crate) fn new(port: u16, api: Api) -> io::Result<Site> {
        Ok(Site { api, page: page_in, secret: Token::random()?.text(), port })
    }

    pub(super) fn answer(&self, request: &Request) -> Response {
        // A host or a guest who comes back may ask for the page alone, and other programs' cookies overwrite those of before.
        let is_page = request.path() == "/";
        if !is_page && !is_api(request.path()) {
            return self.answer_at(request);
        }
        let former = self.api.former(request);
        let answer = self.api.exchange(request, &former, self.answer_at(request));
        if is_page {
            keep_language(request, make_known(request, answer).uncached_with_cookies())
        } else {
            answer
        }
    }

    fn answer_at(&self, request: &Request) -> Response {
        if let Some(route) = Route::at(request.path()) {
            return match route.methods.split(", ").any(|method| method == request.method) {
                true => self.api.answer(route, request),
                false => not_allowed(request, route.methods),
            };
        }
        let read: fn(&Site, &Request) -> Response = match request.path() {
            "/" => |site, request| {
                (site.page)(site.language_of(request)).answer(request, &site.api.config.public_urls)
            },
            "/healthz" => |_, _| Response::text(200, "ok"),
            // The page brings its icon along; some browsers ask all the same.
            "/favicon.ico" => |_, _| Response { headers: Vec::new(), ..Response::nothing() },
            "/api/invite" => |site, _| site.invite(),
            path if format_at(path).is_some() => |site, request| site.no_transcript(request),
            #[cfg(test)]
            "/panic" => panic!("a handler's panic, asked for by a test"),
            path if is_api(path) => {
                return ApiError::new(404, "not_found", &Reason::AddressUnknown).into();
            }
            path if self.is_public_path(path) => |_, request| {
                Response::text(308, "The room is one slash further.")
                    .with("Location", format!("{}/", request.path()))
            },
            _ => return Response::text(404, NOT_FOUND),
        };
        match request.method {
            "GET" | "HEAD" => read(self, request),
            _ => not_allowed(request, "GET, HEAD"),
        }
    }

    fn language_of(&self, request: &Request) -> Language {
        let sent = |name| request.header(name).unwrap_or_default();
        languages::chosen(sent("Cookie"), sent("Accept-Language"), &self.api.config.language)
    }

    /// Whether a public URL has this path, and its proxy passes it on.
    fn is_public_path(&self, path: &str) -> bool {
        self.api.config.public_urls.iter().any(|url| origin::split(url).1 == path)
    }

    /// Refuses the log: [`crate::http::download`] sends it to hosts, unless too many take it already.
    fn no_transcript(&self, request: &Request) -> Response {
        match self.api.is_host(request) {
            Ok(true) => busy(&Reason::TranscriptsBusy),
            Ok(false) => ApiError::new(403, "not_host", &Reason::TranscriptForHosts).into(),
            Err(error) => error.into(),
        }
    }

    fn invite(&self) -> Response {
        let url = invite_url(&self.api.config, self.port, &interfaces());
        let named = named_url(&self.api.config, &self.api.lan_name, self.port);
        Response::json(200, &json!({"qr_svg": qr_svg(&url), "url": url, "lan_url": named}))
    }
}

const NOT_FOUND: &str =
    "Not found: the room is at / (and where a proxy shows it under a path, the path is in its --public-url)";

pub(super) fn busy(reason: &Reason) -> Response {
    ApiError::new(503, "busy", reason).after(Duration::from_secs(2)).into()
}

/// The page, and with it what a browser is known by that loads it for the first time.
fn make_known(request: &Request, page: Response) -> Response {
    if page.status >= 400 || request.cookies.browser().is_some() {
        return page;
    }
    match Token::random() {
        Ok(token) => {
            let set = request.cookies.set_browser(&token).into_iter();
            set.fold(page, |page, set| page.with("Set-Cookie", set))
        }
        Err(error) => {
            log::warn!("a browser stays unknown, the system has no random numbers: {error}");
            page
        }
    }
}

/// The page, and with it the visitor's choice once more. No secret: it may be kept, and told beside a 304.
fn keep_language(request: &Request, page: Response) -> Response {
    match languages::kept(request.header("Cookie").unwrap_or_default()) {
        Some(set) if page.status < 400 => page.with("Set-Cookie", set),
        _ => page,
    }
}

fn is_api(path: &str) -> bool {
    path.starts_with("/api/")
}

fn not_allowed(request: &Request, allowed: &'static str) -> Response {
    let reason = Reason::MethodNotAllowed { method: request.method.to_owned(), allowed: allowed.to_owned() };
    let answer = match is_api(request.path()) {
        true => ApiError::new(405, "method_not_allowed", &reason).into(),
        false => Response::text(405, &reason.to_string()),
    };
    answer.with("Allow", allowed)
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use crossbeam_channel::bounded;

    use super::*;
    use crate::accounts::Accounts;
    use crate::config::Config;
    use crate::http::message;
    use crate::store::Store;

    /// Of a room that nobody is in.
    pub(in crate::http) fn site() -> Site {
        let store = Store::open(Path::new(":memory:")).expect("opens");
        let connect = || store.connect().expect("connects");
        let accounts = Accounts::open(connect(), connect(), "http://localhost").expect("opens");
        let api = Api {
            accounts: Arc::new(accounts),
            hub: bounded(1).0,
            config: Config::default(),
            lan_name: Default::default(),
            held: Default::default(),
        };
        Site::new(5000, api).expect("random")
    }

    #[test]
    fn a_path_that_a_proxy_passes_on_gets_its_slash() {
        let mut site = site();
        site.api.config.public_urls = vec!["https://school.example/chat".to_owned()];
        for (path, expected) in [("/chat", 308), ("/chatter", 404), ("/", 200)] {
            let request = message::tests::request("GET", path, &[("Host", "school.example")]);
            let answer = site.answer(&Request::of(&request, b"", &[]));
            assert_eq!(answer.status, expected, "{path}");
            assert_eq!(answer.header("Location"), (expected == 308).then_some("/chat/"), "{path}");
        }
    }

    fn request(method: &str, target: &str, headers: &[(&str, &str)]) -> Response {
        let request = message::tests::request(method, target, headers);
        site().answer(&Request::of(&request, b"", &[]))
    }

    fn parsed(answer: &Response) -> serde_json::Value {
        serde_json::from_slice(&answer.body).expect("JSON")
    }

    #[test]
    fn the_invite_is_an_address_and_its_code() {
        let answer = request("GET", "/api/invite", &[]);
        let invite = parsed(&answer);
        assert!(
            invite["url"].as_str().is_some_and(|url| url.starts_with("http://") && url.ends_with(":5000"))
        );
        assert!(invite["qr_svg"].as_str().is_some_and(|svg| svg.starts_with("<svg")));
        assert_eq!(answer.header("Cache-Control"), Some("no-store"));
    }

    #[test]
    fn health_is_a_word_and_there_is_no_icon() {
        assert_eq!(&request("GET", "/healthz", &[]).body[..], b"ok\n");
        assert_eq!(request("GET", "/favicon.ico", &[]).status, 204);
    }

    #[test]
    fn what_does_not_exist_or_cannot_be_done_is_said_in_the_form_of_its_place() {
        let lost = request("GET", "/index.php", &[]);
        assert_eq!((lost.status, lost.body.iter().filter(|&&b| b == b'\n').count()), (404, 1));
        let lost = request("GET", "/api/nothing", &[]);
        assert_eq!((lost.status, parsed(&lost)["error"]["code"].as_str()), (404, Some("not_found")));
        let wrong = request("POST", "/", &[]);
        assert_eq!((wrong.status, wrong.header("Allow")), (405, Some("GET, HEAD")));
        let wrong = request("DELETE", "/api/invite", &[]);
        assert_eq!(
            (wrong.status, parsed(&wrong)["error"]["code"].as_str()),
            (405, Some("method_not_allowed"))
        );
    }
}
