//! The accounts' HTTP API: who asks, what they may, and what follows for the room.
//!
//! A request is checked here, carried out by [`crate::accounts`], and then told to the hub: a session that has ended on disk
//! has ended in the room before the answer is out. `entry.rs` begins sessions, `account.rs` changes and ends them, and
//! `exchange.rs` gives cookies of before their names of today.

mod account;
mod entry;
pub(crate) mod error;
mod exchange;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crossbeam_channel::Sender;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::accounts::{Accounts, Session};
use crate::config::Config;
use crate::http::cookies::Kind;
use crate::http::message::{Request, Response};
use crate::hub::Command;
use crate::hub::visitor::Visitor;
use crate::lan_name::LanName;
use crate::protocol::{Reason, Role};
use error::ApiError;

pub(crate) struct Api {
    pub accounts: Arc<Accounts>,
    pub hub: Sender<Command>,
    pub config: Config,
    pub lan_name: Arc<LanName>,
    /// Counts the names that were held for somebody who signs up.
    pub held: AtomicU64,
}

type Answer = Result<Response, ApiError>;

/// An address of the API.
pub(crate) struct Route {
    path: &'static str,
    pub methods: &'static str,
    /// It hashes a password, or may wait for the database's one writer: so it runs where a class that logs in, or a locked
    /// database, holds up neither page nor chat.
    pub takes_long: bool,
    answer: fn(&Api, &Request) -> Answer,
}

const ROUTES: [Route; 11] = [
    Route { path: "/api/knock", methods: "POST", takes_long: false, answer: |_, _| Ok(Response::nothing()) },
    Route { path: "/api/session", methods: "GET, HEAD", takes_long: false, answer: Api::session },
    Route { path: "/api/forgot", methods: "POST", takes_long: false, answer: Api::forgot },
    Route { path: "/api/signup", methods: "POST", takes_long: true, answer: Api::sign_up },
    Route { path: "/api/login", methods: "POST", takes_long: true, answer: Api::log_in },
    Route { path: "/api/logout", methods: "POST", takes_long: true, answer: Api::log_out },
    Route { path: "/api/username", methods: "POST", takes_long: true, answer: Api::choose_name },
    Route { path: "/api/password", methods: "POST", takes_long: true, answer: Api::change_password },
    Route { path: "/api/delete-account", methods: "POST", takes_long: true, answer: Api::delete },
    Route { path: "/api/reset", methods: "POST", takes_long: true, answer: Api::reset },
    Route { path: "/api/host", methods: "POST", takes_long: true, answer: Api::become_host },
];

impl Route {
    pub(crate) fn at(path: &str) -> Option<&'static Route> {
        ROUTES.iter().find(|route| route.path == path)
    }
}

impl Request<'_> {
    /// The body, which has to be JSON.
    fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        let kind = self.header("Content-Type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(ApiError::new(415, "unsupported_media_type", &Reason::BodyNotJson));
        }
        serde_json::from_slice(self.body).map_err(|error| {
            ApiError::new(400, "bad_request", &Reason::BodyInvalid { error: error.to_string() })
        })
    }

    /// Fields that the body must have, each a text.
    fn texts<const N: usize>(&self, names: [&str; N]) -> Result<[String; N], ApiError> {
        let mut body: Map<String, Value> = self.json()?;
        let texts = names.map(|name| match body.remove(name) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(Reason::BodyInvalid { error: format!("it has no text as `{name}`") }),
        });
        if let Some(Err(reason)) = texts.iter().find(|text| text.is_err()) {
            return Err(ApiError::new(400, "bad_request", reason));
        }
        Ok(texts.map(Result::unwrap_or_default))
    }
}

impl Api {
    /// Answers a request to this address, which comes by one of its methods.
    pub(crate) fn answer(&self, route: &Route, request: &Request) -> Response {
        // The listener lets no foreign origin through, and every browser names its own when it posts.
        if request.method == "POST" && request.header("Origin").is_none() {
            return ApiError::new(403, "forbidden", &Reason::OriginMissing).into();
        }
        (route.answer)(self, request).unwrap_or_else(Response::from)
    }

    /// Whether a host asks.
    ///
    /// # Errors
    /// Where that cannot be known just now.
    pub(crate) fn is_host(&self, request: &Request) -> Result<bool, ApiError> {
        let session = self.session_of(request)?;
        Ok(session.is_some_and(|session| session.role() == Role::Host))
    }

    /// Whose place a waiting request takes: its address, and a number for the account that it names or is logged in to.
    pub(crate) fn party_of(&self, request: &Request) -> (IpAddr, u64) {
        let body: Value = serde_json::from_slice(request.body).unwrap_or_default();
        let named = ["email", "token"].into_iter().find_map(|field| body[field].as_str());
        let account = match named {
            Some(named) => self.accounts.number_of(named),
            None => {
                request.cookies.all(Kind::Session).first().map_or(0, |shown| self.accounts.number_of(shown))
            }
        };
        (request.asker.address, account)
    }

    fn session_of(&self, request: &Request) -> Result<Option<Arc<Session>>, ApiError> {
        Ok(self.accounts.first_session(&request.asker.sessions)?)
    }

    /// Who asks, as the room knows them.
    fn visitor(&self, request: &Request) -> Result<Visitor, ApiError> {
        let (address, browser) = (request.asker.address, request.cookies.browser());
        Ok(Visitor { session: self.session_of(request)?, address, browser })
    }

    /// The user, and what signing up needs here.
    fn session(&self, request: &Request) -> Answer {
        let session = self.session_of(request)?;
        let host = session.as_ref().is_some_and(|session| session.host.is_some());
        let user = match &session {
            Some(session) => self.user_of(session)?,
            None => None,
        };
        let recovery = if self.config.sendmail.is_some() { "mail" } else { "host" };
        let title = self.accounts.room_title()?;
        let room = json!({"title": title, "members_only": self.config.members_only, "recovery": recovery});
        Ok(Response::json(200, &json!({"user": user, "host": host, "room": room})))
    }

    /// What a session's owner sees of their account, if they have one.
    fn user_of(&self, session: &Session) -> Result<Option<Value>, ApiError> {
        let Some(member) = &session.member else { return Ok(None) };
        let email = self.accounts.email_of(member.account)?;
        let mut user = json!({"username": member.name.display(), "email": email, "role": session.role()});
        if member.chooses_name {
            user["choose_name"] = true.into();
        }
        Ok(Some(user))
    }

    /// Tells the hub of a change that is on disk. Waits for a busy hub, however long: a change that it missed would leave tabs
    /// open whose session has ended, or a member's name free for guests.
    fn notify_hub(&self, command: Command) {
        let _ = self.hub.send(command); // no hub, no room
    }
}
