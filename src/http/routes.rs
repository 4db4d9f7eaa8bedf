//! What page and API answer: routes, and the headers that keep a browser from doing anything else with them.
//!
//! [`Site::answer`] takes a request's parts and returns a [`Response`]; [`crate::http`] carries both over tiny_http.

use jiff::Zoned;
use serde_json::json;

use crate::config::Config;
use crate::http::api::Api;
use crate::http::invite::invite_url;
use crate::http::message::{Request, Response};
use crate::http::page::{PAGE, Page};
use crate::http::password_queue::Party;
use crate::http::qr::qr_svg;
use crate::protocol::Role;
use crate::store::Readers;
use crate::store::export::ExportFormat;
use crate::sys::interfaces::interfaces;

/// What the answers are made from.
#[derive(Debug)]
pub(crate) struct PageContext {
    config: Config,
    port: u16,
    api: Api,
    readers: Readers,
}

impl PageContext {
    /// For a room with these choices; `port` is the one that is listened on, not 0.
    pub(crate) fn new(config: &Config, port: u16, api: Api, readers: Readers) -> PageContext {
        PageContext { config: config.clone(), port, api, readers }
    }

    /// For a room that nobody is in.
    #[cfg(test)]
    pub(crate) fn alone() -> PageContext {
        let store = crate::store::Store::open(std::path::Path::new(":memory:")).expect("opens");
        let connect = || store.connect().expect("connects");
        let accounts =
            crate::accounts::Accounts::open(connect(), connect(), "http://localhost").expect("opens");
        let start_key = accounts.start_key().expect("a key").1;
        let api = Api {
            accounts: std::sync::Arc::new(accounts),
            hub: crossbeam_channel::bounded(1).0,
            jobs: crossbeam_channel::bounded(1).0,
            invite: None,
            public_urls: Vec::new(),
            trusted_proxies: Vec::new(),
            start_key,
            mails: false,
            claims: Default::default(),
        };
        PageContext::new(&Config::default(), 5000, api, store.readers())
    }
}

/// The policy of every answer but the page: nothing runs, loads or frames.
const NOTHING: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Page and API.
#[derive(Debug)]
pub(crate) struct Site {
    context: PageContext,
    page: &'static Page,
}

impl Site {
    pub(crate) fn new(context: PageContext) -> Site {
        Site::with_page(context, &PAGE)
    }

    /// The same with a page of the caller's.
    pub(crate) fn with_page(context: PageContext, page: &'static Page) -> Site {
        Site { context, page }
    }

    /// The routes.
    pub(crate) fn answer(&self, request: &Request) -> Response {
        let read = matches!(request.method, "GET" | "HEAD");
        match request.path() {
            "/" if read => self.page.answer(request),
            "/healthz" if read => Response::text(200, "ok"),
            // The page brings its icon along; some browsers ask all the same.
            "/favicon.ico" if read => Response { headers: Vec::new(), ..Response::nothing() },
            "/api/invite" if read => self.invite(),
            #[cfg(test)]
            "/panic" => panic!("a handler's panic, asked for by a test"),
            "/" | "/healthz" | "/favicon.ico" | "/api/invite" => not_allowed(request, "GET, HEAD"),
            path if let Some(format) = transcript_format(path) => match read {
                true => self.transcript(request, format),
                false => not_allowed(request, "GET, HEAD"),
            },
            path if is_api(path) => match Api::method_of(path) {
                Some(allowed) if allowed.split(", ").any(|method| method == request.method) => {
                    self.context.api.answer(request)
                }
                Some(allowed) => not_allowed(request, allowed),
                None => Response::api_error(404, "not_found", "There is no such address in this API."),
            },
            _ => Response::text(404, "Not found: the room is at /"),
        }
    }

    /// Whom a request counts for that has to wait.
    pub(crate) fn party_of(&self, request: &Request) -> Party {
        self.context.api.party_of(request)
    }

    /// The way to the log.
    pub(crate) fn readers(&self) -> Readers {
        self.context.readers.clone()
    }

    /// The headers that every answer carries, unless it has its own of that name.
    pub(crate) fn common_headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        // Browsers ignore this one on plain http, and complain of it in everybody's console.
        let isolated = self.context.config.public_urls.iter().any(|url| url.starts_with("https:"));
        [
            // tiny_http would name itself.
            ("Server", "chat-app"),
            ("Content-Security-Policy", NOTHING),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ]
        .into_iter()
        .chain(isolated.then_some(("Cross-Origin-Opener-Policy", "same-origin")))
    }

    /// The log, for hosts.
    fn transcript(&self, request: &Request, format: ExportFormat) -> Response {
        match self.context.api.role_of(request) {
            Ok(Some(Role::Host)) => {}
            Ok(_) => {
                let reason = "Only a host may take the transcript. Open the host link in this browser first.";
                return Response::api_error(403, "not_host", reason);
            }
            Err(answer) => return answer,
        }
        let (kind, ending) = match format {
            ExportFormat::Txt => ("text/plain; charset=utf-8", "txt"),
            ExportFormat::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
            ExportFormat::Json => ("application/json", "json"),
        };
        let name = Zoned::now().strftime("chat-%Y-%m-%d-%H%M");
        Response { transcript: Some(format), ..Response::new(200, kind, "") }
            .with("Content-Disposition", format!("attachment; filename=\"{name}.{ending}\""))
    }

    fn invite(&self) -> Response {
        let url = invite_url(&self.context.config, self.context.port, &interfaces());
        Response::json(200, &json!({"qr_svg": qr_svg(&url), "url": url}))
    }
}

fn transcript_format(path: &str) -> Option<ExportFormat> {
    match path {
        "/transcript.txt" => Some(ExportFormat::Txt),
        "/transcript.csv" => Some(ExportFormat::Csv),
        "/transcript.json" => Some(ExportFormat::Json),
        _ => None,
    }
}

fn is_api(path: &str) -> bool {
    path.starts_with("/api/")
}

fn not_allowed(request: &Request, allowed: &'static str) -> Response {
    let said = format!("{} is not possible here; use {allowed}.", request.method);
    let answer = match is_api(request.path()) {
        true => Response::api_error(405, "method_not_allowed", &said),
        false => Response::text(405, &said),
    };
    answer.with("Allow", allowed)
}

#[cfg(test)]
mod tests {
    use tiny_http::Header;

    use super::*;

    fn request(method: &str, target: &str, headers: &[(&str, &str)]) -> Response {
        let headers: Vec<Header> =
            headers.iter().map(|(name, value)| Header::from_bytes(*name, *value).expect("ASCII")).collect();
        Site::new(PageContext::alone()).answer(&Request {
            method,
            target,
            headers: &headers,
            body: b"",
            peer: None,
            is_forwarded: false,
        })
    }

    fn parsed(answer: &Response) -> serde_json::Value {
        serde_json::from_slice(&answer.body).expect("JSON")
    }

    #[test]
    fn only_a_room_behind_https_asks_to_be_alone_in_its_browsing_context() {
        for (url, expected) in
            [(None, false), (Some("http://chat.example"), false), (Some("https://a.example"), true)]
        {
            let mut context = PageContext::alone();
            context.config.public_urls.extend(url.map(str::to_owned));
            let site = Site::new(context);
            let told =
                site.common_headers().any(|header| header == ("Cross-Origin-Opener-Policy", "same-origin"));
            assert_eq!(told, expected, "{url:?}");
        }
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
