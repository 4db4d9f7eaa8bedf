//! Signing up, logging in and becoming a host: each begins a session.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crossbeam_channel::bounded;
use serde::Deserialize;
use serde_json::json;

use super::error::ApiError;
use super::{Answer, Api};
use crate::accounts::email::Email;
use crate::accounts::password::Password;
use crate::accounts::throttle::Subject;
use crate::accounts::token::Token;
use crate::accounts::{AccountError, NewSession, Session};
use crate::http::client_address;
use crate::http::cookies::Kind;
use crate::http::message::{Request, Response};
use crate::hub::{ChosenName, Command, EndedSessions, HoldName};
use crate::limits;
use crate::protocol::names::Name;
use crate::protocol::origin;
use crate::protocol::{AccountId, KeyHash, Reason, hash_key};
use crate::room::kept::AccountBrowser;
use crate::sys::clock::wall_clock_ms;
use crate::sys::interfaces::interfaces;

/// What somebody signs up with.
struct Wish {
    email: Email,
    name: Name,
    password: Password,
    guest_key: Option<KeyHash>,
}

impl Api {
    pub(super) fn sign_up(&self, request: &Request) -> Answer {
        let refused = Subject::SignupRefused(request.asker.address);
        if let Some(wait) = self.accounts.throttle.wait(&[refused], Instant::now()) {
            return Err(ApiError::wait(wait));
        }
        let outcome = self.wish(request).and_then(|wish| self.grant(request, &wish));
        // Such a refusal tells who has an account, so nobody gets them without end.
        if outcome.as_ref().is_err_and(ApiError::tells) {
            self.accounts.throttle.fail(&[refused], Instant::now());
        }
        outcome
    }

    /// Checks every field by its own rule; room and database are asked later.
    fn wish(&self, request: &Request) -> Result<Wish, ApiError> {
        #[derive(Deserialize)]
        struct Fields {
            email: String,
            username: String,
            password: String,
            #[serde(default)]
            guest_key: Option<String>,
            #[serde(default)]
            invite: Option<String>,
        }
        let fields: Fields = request.json()?;
        if !self.accounts.admits(fields.invite.as_deref()) {
            return Err(ApiError::field("invite", "bad_invite", &Reason::InviteWrong));
        }
        let email =
            Email::parse(&fields.email).map_err(|reason| ApiError::field("email", "bad_email", &reason))?;
        let name = Name::parse(&fields.username)
            .map_err(|reason| ApiError::field("username", "bad_username", &reason))?;
        let password = Password::choose(&fields.password, &[email.as_str(), email.local(), name.display()])
            .map_err(|reason| ApiError::field("password", "bad_password", &reason))?;
        let guest_key = fields.guest_key.map(|key| hash_key("guest_key", &key)).transpose();
        let guest_key = guest_key.map_err(|reason| ApiError::field("guest_key", "bad_request", &reason))?;
        Ok(Wish { email, name, password, guest_key })
    }

    fn grant(&self, request: &Request, wish: &Wish) -> Answer {
        if self.accounts.is_known(&wish.email)? {
            return Err(AccountError::Taken.into());
        }
        let held = self.hold(request, &wish.name, wish.guest_key, None)?;
        let session = self.accounts.sign_up(&wish.email, &wish.name, &wish.password, &request.asker)?;
        held.account_created(&session.session, request.cookies.browser());
        self.logged_in_now(request, 201, session)
    }

    pub(super) fn log_in(&self, request: &Request) -> Answer {
        let [email, password] = request.texts(["email", "password"])?;
        let email = Email::parse(&email).unwrap_or_else(|_| Email::nobodys());
        let session = self.accounts.log_in(&email, &Password::given(&password), &request.asker)?;
        self.logged_in_now(request, 200, session)
    }

    /// Makes the session of a browser that has opened a host link a host's.
    pub(super) fn become_host(&self, request: &Request) -> Answer {
        let [key] = request.texts(["key"])?;
        let begun = match Token::parse(&key) {
            Some(key) => self.accounts.become_host(&key, self.is_here(request), &request.asker),
            None => Err(AccountError::Wrong),
        };
        let session = begun.map_err(|error| match error {
            AccountError::Wrong => ApiError::new(403, "bad_host_key", &Reason::HostLinkInvalid),
            error => error.into(),
        })?;
        Ok(self.begun(request, session, Response::json(200, &json!({"host": true}))))
    }

    /// Whether the request was made on this computer. One that came by a proxy, a tunnel or a public URL was not, even from
    /// a loopback address: the proxy may run here.
    fn is_here(&self, request: &Request) -> bool {
        let peer = request.peer.to_canonical();
        let by_proxy = client_address::is_trusted(peer, &self.config.trusted_proxies);
        let host = request.header("Host").unwrap_or_default();
        let hosts = ["http", "https"].map(|scheme| origin::canonical(&format!("{scheme}://{host}")));
        // A proxy that passes on no Host is told by its visitor's page.
        let page = request.header("Origin").and_then(origin::canonical);
        let is_public = |origin: String| origin::is_public(&origin, &self.config.public_urls);
        let by_public_url = hosts.into_iter().chain([page]).flatten().any(is_public);
        let own = peer.is_loopback() || interfaces().iter().any(|own| own.address == peer);
        own && !by_public_url && !by_proxy && !request.is_forwarded()
    }

    /// The answer to somebody who is logged in now.
    fn logged_in_now(&self, request: &Request, status: u16, session: NewSession) -> Answer {
        let user = self.user_of(&session.session)?;
        if let (Some(member), Some(browser)) = (&session.session.member, request.cookies.browser()) {
            let (account, at_ms) = (member.account, wall_clock_ms());
            self.notify_hub(Command::LoggedIn(AccountBrowser { account, browser, key: None, at_ms }));
        }
        Ok(self.begun(request, session, Response::json(status, &json!({"user": user}))))
    }

    /// `answer` with the session's cookies; the sessions that it replaced end.
    fn begun(&self, request: &Request, session: NewSession, answer: Response) -> Response {
        if !session.ended.is_empty() {
            self.notify_hub(Command::EndSessions(EndedSessions::These(session.ended)));
        }
        let answer = answer.with("Set-Cookie", request.cookies.set_session(&session.token));
        match session.device {
            Some(device) => answer.with("Set-Cookie", request.cookies.set(Kind::Device, &device)),
            None => answer,
        }
    }

    /// Holds a name for somebody who signs up, or for their account, until that has it or the result is dropped.
    pub(super) fn hold(
        &self,
        request: &Request,
        name: &Name,
        guest_key: Option<KeyHash>,
        account: Option<AccountId>,
    ) -> Result<Held<'_>, ApiError> {
        let number = self.held.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = bounded(1);
        let visitor = self.visitor(request)?;
        let hold = HoldName { name: name.clone(), guest_key, visitor, account, number, answer };
        let deadline = Instant::now() + limits::HUB_ANSWER;
        self.hub.send_deadline(Command::HoldName(hold), deadline).map_err(|_| ApiError::busy())?;
        // The hub may hold it from here on, even if its answer is late.
        let held = Held { api: self, name: name.clone(), number };
        match answered.recv_deadline(deadline) {
            Ok(Ok(())) => Ok(held),
            Ok(Err(refusal)) => Err(ApiError::no_name(refusal)),
            Err(_) => Err(ApiError::busy()),
        }
    }
}

/// A name that is held for somebody.
pub(super) struct Held<'a> {
    api: &'a Api,
    name: Name,
    number: u64,
}

impl Held<'_> {
    /// Tells the hub, and through it a guest who is here under this name. Releasing the name does nothing any more.
    fn account_created(self, session: &Arc<Session>, browser: Option<KeyHash>) {
        self.api.notify_hub(Command::AccountCreated(session.clone(), browser));
    }

    /// Tells the hub that an account, which was called `from`, has the name.
    pub(super) fn chosen(self, account: AccountId, from: Name) {
        let (name, number) = (self.name.clone(), self.number);
        self.api.notify_hub(Command::NameChosen(ChosenName { account, from, name, number }));
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.api.notify_hub(Command::ReleaseName(self.name.clone(), self.number));
    }
}
