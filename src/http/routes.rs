//! What page and API answer: routes, and the headers that keep a browser from doing anything else with them.

use jiff::Zoned;
use serde_json::json;

use crate::http::api::error::ApiError;
use crate::http::api::{Api, Route};
use crate::http::invite::invite_url;
use crate::http::message::{Request, Response};
use crate::http::page::{PAGE, Page};
use crate::http::qr::qr_svg;
use crate::store::Readers;
use crate::store::export::ExportFormat;
use crate::sys::interfaces::interfaces;

/// Page, API and downloads.
pub(crate) struct Site {
    pub(super) api: Api,
    pub(super) readers: Readers,
    pub(super) page: &'static Page,
    port: u16,
}

/// The policy of every answer but the page: nothing runs, loads or frames.
const NOTHING: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const COMMON_HEADERS: [(&str, &str); 6] = [
    ("Server", "chat-app"), // tiny_http would name itself
    ("Content-Security-Policy", NOTHING),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
];

impl Site {
    /// `port` is the one that is listened on, not 0.
    pub(crate) fn new(port: u16, api: Api, readers: Readers) -> Site {
        Site { api, readers, page: &PAGE, port }
    }

    pub(super) fn answer(&self, request: &Request) -> Response {
        if let Some(route) = Route::at(request.path()) {
            return match route.methods.split(", ").any(|method| method == request.method) {
                true => self.api.answer(route, request),
                false => not_allowed(request, route.methods),
            };
        }
        let read: fn(&Site, &Request) -> Response = match request.path() {
            "/" => |site, request| site.page.answer(request),
            "/healthz" => |_, _| Response::text(200, "ok"),
            // The page brings its icon along; some browsers ask all the same.
            "/favicon.ico" => |_, _| Response { headers: Vec::new(), ..Response::nothing() },
            "/api/invite" => |site, _| site.invite(),
            "/transcript.txt" => |site, request| site.transcript(request, ExportFormat::Txt),
            "/transcript.csv" => |site, request| site.transcript(request, ExportFormat::Csv),
            "/transcript.json" => |site, request| site.transcript(request, ExportFormat::Json),
            #[cfg(test)]
            "/panic" => panic!("a handler's panic, asked for by a test"),
            path if is_api(path) => {
                return ApiError::new(404, "not_found", "There is no such address in this API.").into();
            }
            _ => return Response::text(404, "Not found: the room is at /"),
        };
        match request.method {
            "GET" | "HEAD" => read(self, request),
            _ => not_allowed(request, "GET, HEAD"),
        }
    }

    /// The headers that every answer carries, unless it has its own of that name.
    pub(super) fn common_headers(&self) -> &'static [(&'static str, &'static str)] {
        // Browsers ignore the last one on plain http, and complain of it in everybody's console.
        let has_https = self.api.config.public_urls.iter().any(|url| url.starts_with("https:"));
        if has_https { &COMMON_HEADERS } else { &COMMON_HEADERS[..COMMON_HEADERS.len() - 1] }
    }

    /// The log, for hosts.
    fn transcript(&self, request: &Request, format: ExportFormat) -> Response {
        match self.api.is_host(request) {
            Ok(true) => {}
            Ok(false) => {
                let reason = "Only a host may take the transcript. Open the host link in this browser first.";
                return ApiError::new(403, "not_host", reason).into();
            }
            Err(error) => return error.into(),
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
        let url = invite_url(&self.api.config, self.port, &interfaces());
        Response::json(200, &json!({"qr_svg": qr_svg(&url), "url": url}))
    }
}

fn is_api(path: &str) -> bool {
    path.starts_with("/api/")
}

fn not_allowed(request: &Request, allowed: &'static str) -> Response {
    let said = format!("{} is not possible here; use {allowed}.", request.method);
    let answer = match is_api(request.path()) {
        true => ApiError::new(405, "method_not_allowed", said).into(),
        false => Response::text(405, &said),
    };
    answer.with("Allow", allowed)
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use crossbeam_channel::bounded;
    use tiny_http::Header;

    use super::*;
    use crate::accounts::Accounts;
    use crate::config::Config;
    use crate::store::Store;

    /// Of a room that nobody is in.
    pub(in crate::http) fn site() -> Site {
        let store = Store::open(Path::new(":memory:")).expect("opens");
        let connect = || store.connect().expect("connects");
        let accounts = Accounts::open(connect(), connect(), "http://localhost").expect("opens");
        let start_key = accounts.start_key().expect("a key").1;
        let api = Api {
            accounts: Arc::new(accounts),
            hub: bounded(1).0,
            jobs: bounded(1).0,
            config: Config::default(),
            invite: None,
            start_key,
            held: Default::default(),
        };
        Site::new(5000, api, store.readers())
    }

    fn request(method: &str, target: &str, headers: &[(&str, &str)]) -> Response {
        let headers: Vec<Header> =
            headers.iter().map(|(name, value)| Header::from_bytes(*name, *value).expect("ASCII")).collect();
        site().answer(&Request {
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
            let mut site = site();
            site.api.config.public_urls.extend(url.map(str::to_owned));
            let told = site.common_headers().contains(&("Cross-Origin-Opener-Policy", "same-origin"));
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
