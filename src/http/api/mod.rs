//! The accounts' HTTP API: who asks, what they may, and what follows for the room.
//!
//! A request is checked here, carried out by [`crate::accounts`], and then told to the hub, so that what has ended on disk
//! has ended in the room before the answer is out. Everything that hashes a password or writes runs on few threads of its
//! own ([`Api::takes_long`] says which), so that neither a class that logs in nor a locked database holds up page or chat.

mod entry;
mod refusal;

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crossbeam_channel::{Sender, bounded};
use serde::Deserialize;
use serde_json::json;

use crate::accounts::email::Email;
use crate::accounts::invite::InviteCode;
use crate::accounts::password::Password;
use crate::accounts::throttle::Subject;
use crate::accounts::token::Token;
use crate::accounts::{Accounts, Asker, Member, ResetError, Session, StartKey};
use crate::http::client_address::address_key;
use crate::http::cookies::Cookies;
use crate::http::message::{Request, Response};
use crate::http::password_queue::Party;
use crate::hub::{Command, Ended, HoldName, Job};
use crate::limits;
use crate::protocol::names::Name;
use crate::protocol::{KeyHash, Role};
use refusal::ApiError;

/// The API's state.
#[derive(Debug)]
pub(crate) struct Api {
    /// Who has an account.
    pub accounts: Arc<Accounts>,
    /// The way to the hub.
    pub hub: Sender<Command>,
    /// The way to what is done aside.
    pub jobs: Sender<Job>,
    /// What signing up needs; none where anybody may.
    pub invite: Option<InviteCode>,
    /// Origins under which others reach this server.
    pub public_urls: Vec<String>,
    /// Addresses that speak for others.
    pub trusted_proxies: Vec<IpAddr>,
    /// The key of the host link that was shown at start.
    pub start_key: StartKey,
    /// Whether a forgotten password is a matter of mail, not of the hosts.
    pub mails: bool,
    /// Numbers the claims to names.
    pub claims: AtomicU64,
}

/// One request, with what all of them need.
struct Visit<'a> {
    request: &'a Request<'a>,
    cookies: Cookies<'a>,
    address: IpAddr,
}

impl Visit<'_> {
    fn asker(&self) -> Asker<'_> {
        Asker {
            address: self.address,
            device: self.cookies.device(),
            session: self.cookies.session().map(|token| token.hash()),
        }
    }

    /// The fields of the request's body.
    fn fields<'b, T: Deserialize<'b>>(&'b self) -> Result<T, ApiError> {
        let kind = self.request.header("Content-Type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(ApiError::new(415, "unsupported_media_type", "Send JSON, as application/json."));
        }
        serde_json::from_slice(self.request.body).map_err(|error| {
            let reason = format!("The body is not what this address takes: {error}.");
            ApiError::new(400, "bad_request", reason)
        })
    }
}

impl Api {
    /// Whether this request takes a hash's time, or writes and so may have to wait for the database's one writer: it has
    /// to run where nothing else does.
    pub(crate) fn takes_long(method: &str, path: &str) -> bool {
        let hashing = ["/api/signup", "/api/login", "/api/password", "/api/delete-account", "/api/reset"];
        let writing = ["/api/logout", "/api/host"];
        method == "POST" && (hashing.contains(&path) || writing.contains(&path))
    }

    /// The method of an address of this API, none if there is no such address.
    pub(crate) fn method_of(path: &str) -> Option<&'static str> {
        match path {
            "/api/session" => Some("GET, HEAD"),
            "/api/forgot" => Some("POST"),
            path => Api::takes_long("POST", path).then_some("POST"),
        }
    }

    /// Answers one request to an address that [`Api::method_of`] knows, by its method.
    pub(crate) fn answer(&self, request: &Request) -> Response {
        let visit = self.visit(request);
        // The listener lets no foreign origin through, and every browser names its own when it posts.
        if request.method == "POST" && request.header("Origin").is_none() {
            let reason = "A page of this room sends its Origin; add yours to use the API without one.";
            return ApiError::new(403, "forbidden", reason).answer();
        }
        let answer = match request.path() {
            "/api/session" => self.session(&visit),
            "/api/signup" => self.sign_up(&visit),
            "/api/login" => self.log_in(&visit),
            "/api/logout" => self.log_out(&visit),
            "/api/password" => self.change_password(&visit),
            "/api/delete-account" => self.delete(&visit),
            "/api/forgot" => self.forgot(&visit),
            "/api/host" => self.become_host(&visit),
            _ => self.reset(&visit),
        };
        answer.unwrap_or_else(ApiError::answer)
    }

    /// What whoever asks is in the room; none without a session.
    ///
    /// # Errors
    /// The answer, where that cannot be known just now.
    pub(crate) fn role_of(&self, request: &Request) -> Result<Option<Role>, Response> {
        let session = match self.visit(request).cookies.session() {
            Some(token) => self.accounts.session(&token).map_err(|error| ApiError::from(error).answer())?,
            None => None,
        };
        Ok(session.map(|session| session.role()))
    }

    /// Whom a request counts for that has to wait: its address, and the account that it names, or is logged in to.
    pub(crate) fn party_of(&self, request: &Request) -> Party {
        #[derive(Deserialize)]
        struct Fields<'a> {
            #[serde(borrow, alias = "token")]
            email: Cow<'a, str>,
        }
        let visit = self.visit(request);
        let account = match serde_json::from_slice::<Fields>(request.body) {
            Ok(fields) => self.accounts.number_of(&fields.email),
            Err(_) => visit.cookies.session().map_or(0, |token| self.accounts.number_of(&token.text())),
        };
        Party { address: visit.address, account }
    }

    fn visit<'a>(&'a self, request: &'a Request<'a>) -> Visit<'a> {
        let cookies = Cookies::of(
            request.header("Cookie"),
            request.header("Host").unwrap_or_default(),
            request.header("Origin"),
            &self.public_urls,
        );
        let address = address_key(request.peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
        Visit { request, cookies, address }
    }

    fn session(&self, visit: &Visit) -> Result<Response, ApiError> {
        let session = match visit.cookies.session() {
            Some(token) => self.accounts.session(&token)?,
            None => None,
        };
        let host = session.as_ref().is_some_and(|session| session.host.is_some());
        let user = match session.as_ref().and_then(|session| Some((session.member.as_ref()?, session.role())))
        {
            Some((member, role)) => {
                let email = self.accounts.email_of(member.account)?;
                Some(json!({"username": member.name.display(), "email": email, "role": role}))
            }
            None => None,
        };
        let recovery = if self.mails { "mail" } else { "host" };
        let title = self.accounts.room_title()?;
        let room = json!({"title": title, "members_only": self.invite.is_some(), "recovery": recovery});
        Ok(Response::json(200, &json!({"user": user, "host": host, "room": room})))
    }

    fn log_out(&self, visit: &Visit) -> Result<Response, ApiError> {
        // Looked up first: a cookie that somebody made up is not worth the wait for the database's writer.
        if let Some(token) = visit.cookies.session()
            && self.accounts.session(&token)?.is_some()
            && self.accounts.log_out(&token.hash())?
        {
            self.notify_hub(Command::End(Ended::Sessions(vec![token.hash()])));
        }
        Ok(Response::nothing().with("Set-Cookie", visit.cookies.clear_session()))
    }

    fn change_password(&self, visit: &Visit) -> Result<Response, ApiError> {
        #[derive(Deserialize)]
        struct Fields {
            current: String,
            new: String,
        }
        let (session, member) = self.logged_in(visit)?;
        let fields: Fields = visit.fields()?;
        let email = self.accounts.email_of(member.account)?.unwrap_or_default();
        let local = email.rsplit_once('@').map_or("", |(local, _)| local);
        let new = Password::choose(&fields.new, &[&email, local, member.name.display()])
            .map_err(|error| ApiError::field("new", "bad_password", error))?;
        let current = Password::given(&fields.current);
        self.accounts
            .change_password(&session, &current, &new, &visit.asker())
            .map_err(|error| ApiError::of_proof(error, "current"))?;
        self.notify_hub(Command::End(Ended::Others(member.account, session.token)));
        Ok(Response::nothing())
    }

    fn delete(&self, visit: &Visit) -> Result<Response, ApiError> {
        #[derive(Deserialize)]
        struct Fields {
            password: String,
        }
        let (session, member) = self.logged_in(visit)?;
        let fields: Fields = visit.fields()?;
        self.accounts
            .delete(&session, &Password::given(&fields.password), &visit.asker())
            .map_err(|error| ApiError::of_proof(error, "password"))?;
        self.notify_hub(Command::Deleted(member.account));
        Ok(Response::nothing().with("Set-Cookie", visit.cookies.clear_session()))
    }

    /// The answer is made before anything is looked up: nothing in it can tell.
    fn forgot(&self, visit: &Visit) -> Result<Response, ApiError> {
        #[derive(Deserialize)]
        struct Fields {
            email: String,
        }
        let fields: Fields = visit.fields()?;
        let subject = [Subject::Forgot(visit.address)];
        if let Ok(email) = Email::parse(&fields.email)
            && self.accounts.throttle.wait(&subject, Instant::now()).is_none()
        {
            self.accounts.throttle.fail(&subject, Instant::now());
            if self.jobs.try_send(Job::Forgot(email)).is_err() {
                log::warn!("too many people forget their passwords at once: one of them was not heard");
            }
        }
        let next = match self.mails {
            true => "If there is such an account, a link is on its way to this address.",
            false => "If there is such an account, the host has been told. Request them for your link.",
        };
        Ok(Response::json(202, &json!({"message": next})))
    }

    fn reset(&self, visit: &Visit) -> Result<Response, ApiError> {
        #[derive(Deserialize)]
        struct Fields {
            token: String,
            password: String,
        }
        let fields: Fields = visit.fields()?;
        let invalid = || {
            let reason = "This link was used, is older than 15 minutes, or a newer one took its place.";
            ApiError::field("token", "bad_token", reason)
        };
        let token = Token::parse(&fields.token).ok_or_else(invalid)?;
        let reset = self.accounts.reset(&token, &fields.password, &visit.asker());
        let account = reset.map_err(|error| match error {
            ResetError::Invalid => invalid(),
            ResetError::Password(error) => ApiError::field("password", "bad_password", error),
            ResetError::Unavailable(error) => error.into(),
        })?;
        self.notify_hub(Command::End(Ended::All(account)));
        Ok(Response::nothing())
    }

    fn logged_in(&self, visit: &Visit) -> Result<(Arc<Session>, Member), ApiError> {
        let session = match visit.cookies.session() {
            Some(token) => self.accounts.session(&token)?,
            None => None,
        };
        let member = session.and_then(|session| Some((session.clone(), session.member.clone()?)));
        member.ok_or_else(|| ApiError::new(401, "login_required", "Log in first."))
    }

    /// What is on disk already. Waits for a hub that is busy, however long: were it not told, tabs would stay open whose
    /// session has ended, and a member's name would be free for guests.
    fn notify_hub(&self, command: Command) {
        let _ = self.hub.send(command); // no hub, no room
    }

    /// Holds a name for somebody who signs up, until what comes back is dropped or passed to [`Held::account_created`].
    fn hold(&self, name: &Name, guest_key: Option<KeyHash>) -> Result<Held<'_>, ApiError> {
        let number = self.claims.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = bounded(1);
        let claim = HoldName { name: name.clone(), guest_key, number, answer };
        let deadline = Instant::now() + limits::HUB_ANSWER;
        self.hub.send_deadline(Command::HoldName(claim), deadline).map_err(|_| ApiError::busy())?;
        // From here on the hub may hold it, whether or not we hear of it.
        let held = Held { api: self, name: name.clone(), number };
        match answered.recv_deadline(deadline) {
            Ok(Ok(())) => Ok(held),
            Ok(Err(refusal)) => Err(ApiError::name_taken(refusal)),
            Err(_) => Err(ApiError::busy()),
        }
    }
}

/// A name that is held for somebody who signs up.
struct Held<'a> {
    api: &'a Api,
    name: Name,
    number: u64,
}

impl Held<'_> {
    /// They have the account: who is here under the name is told so.
    fn account_created(self, session: &Arc<Session>) {
        self.api.notify_hub(Command::AccountCreated(session.clone()));
        // The claim is gone with that, and unclaiming it does nothing.
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.api.notify_hub(Command::ReleaseName(self.name.clone(), self.number));
    }
}
