//! Which thread answers a request: the worker that has taken it, or one that hashes passwords.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::accounts::token;
use crate::http::SECRET_HEADER;
use crate::http::api::Route;
use crate::http::message::{Request, Response, common_headers};
use crate::http::password_queue::PasswordQueue;
use crate::http::routes::{Site, busy};
use crate::limits::BODY_BYTES;
use crate::protocol::Reason;

/// A request and its body.
pub(super) type Waiting = (tiny_http::Request, Vec<u8>);

impl Site {
    /// Reads a request's body, then answers it, or passes it on to the password workers.
    pub(super) fn take(&self, mut request: tiny_http::Request, passwords: &PasswordQueue<Waiting>) {
        let mut body = Vec::new();
        // The listener has read it whole, and lets no more through.
        if let Err(error) = request.as_reader().take(BODY_BYTES as u64).read_to_end(&mut body) {
            log::debug!("a body could not be read: {error}");
            return self.respond(request, Response::text(400, "The request's body could not be read."));
        }
        let read = Request::of(&request, &body, self.public_urls());
        if read.method != "POST" || !Route::at(read.path()).is_some_and(|route| route.takes_long) {
            return self.serve((request, body));
        }
        let (address, account) = self.api.party_of(&read);
        if let Err((request, _)) = passwords.push(address, account, (request, body)) {
            self.respond(request, busy(&Reason::LoginsBusy));
        }
    }

    /// Answers one request. A handler's panic is an answer too: 500.
    ///
    /// A slow reader does not hold the worker: what is written here goes into a socket whose buffer takes all of a page
    /// ([`crate::limits::PAGE_BYTES`]), whether or not the connection's thread has begun to read it.
    pub(super) fn serve(&self, (request, body): Waiting) {
        let read = Request::of(&request, &body, self.public_urls());
        let answer = catch_unwind(AssertUnwindSafe(|| self.answer_listener(&read))).unwrap_or_else(|_| {
            log::error!("a handler panicked: {} {}", read.method, read.path());
            Response::text(500, "Something broke here; the server's log says more.")
        });
        self.respond(request, answer);
    }

    fn answer_listener(&self, request: &Request) -> Response {
        let is_right = |secret: &str| token::same(secret.as_bytes(), self.secret.as_bytes());
        if !request.header(SECRET_HEADER).is_some_and(is_right) {
            return Response::text(403, "This server is private; use the room's own address.");
        }
        let answer = self.answer(request);
        log::debug!("{} {} for {:?}: {}", request.method, request.path(), request.peer, answer.status);
        answer
    }

    fn respond(&self, request: tiny_http::Request, answer: Response) {
        let common = common_headers(self.public_urls());
        if let Err(error) = request.respond(answer.into_tiny(common)) {
            log::debug!("an answer could not be sent: {error}");
        }
    }

    fn public_urls(&self) -> &[String] {
        &self.api.config.public_urls
    }
}
