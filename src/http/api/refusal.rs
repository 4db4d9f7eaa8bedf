//! How the API says no: a status, a code for programs, a sentence for people, and the field it is about.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::accounts::{LoginError, Unavailable};
use crate::http::message::Response;
use crate::protocol::{ErrorCode, Refusal};

/// A request that was not done.
#[derive(Debug)]
pub(super) struct ApiError {
    status: u16,
    code: &'static str,
    message: String,
    field: Option<&'static str>,
    suggestion: Option<String>,
    wait: Option<Duration>,
}

impl ApiError {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> ApiError {
        ApiError { status, code, message: message.into(), field: None, suggestion: None, wait: None }
    }

    /// A field that breaks a rule.
    pub(super) fn field(field: &'static str, code: &'static str, message: impl fmt::Display) -> ApiError {
        ApiError { field: Some(field), ..ApiError::new(422, code, message.to_string()) }
    }

    /// Something that an account has already.
    pub(super) fn taken(field: &'static str, code: &'static str, message: &str) -> ApiError {
        ApiError { field: Some(field), ..ApiError::new(409, code, message) }
    }

    /// A name that the room does not give: somebody else's, or nobody new gets one just now.
    pub(super) fn name_taken(refusal: Refusal) -> ApiError {
        if refusal.code == ErrorCode::DoorClosed {
            return ApiError::new(403, "door_closed", refusal.message);
        }
        let suggestion = refusal.suggestion;
        ApiError { suggestion, ..ApiError::taken("username", "name_taken", &refusal.message) }
    }

    pub(super) fn wait(wait: Duration) -> ApiError {
        let seconds = whole_seconds(wait);
        let reason = format!("That was tried too often. Try again in {seconds} seconds.");
        ApiError { wait: Some(wait), ..ApiError::new(429, "throttled", reason) }
    }

    /// The room is too busy to answer, or stops.
    pub(super) fn busy() -> ApiError {
        let wait = Some(Duration::from_secs(1));
        ApiError { wait, ..ApiError::new(503, "busy", "The room is busy just now. Try again.") }
    }

    /// Why somebody who is logged in is not believed, by what they gave in `field`.
    pub(super) fn of_proof(error: LoginError, field: &'static str) -> ApiError {
        match error {
            LoginError::Wrong => ApiError::field(field, "wrong_password", "This is not your password."),
            other => other.into(),
        }
    }

    /// Whether it tells something of others: that an address or a name has an account, or that a code is not the right one.
    pub(super) fn tells(&self) -> bool {
        self.status == 409 || self.code == "bad_invite"
    }

    pub(super) fn answer(self) -> Response {
        let mut error = Map::new();
        error.insert("code".to_owned(), self.code.into());
        error.insert("message".to_owned(), self.message.into());
        let further = [("field", self.field.map(str::to_owned)), ("suggestion", self.suggestion)];
        for (key, value) in further {
            if let Some(value) = value {
                error.insert(key.to_owned(), value.into());
            }
        }
        let answer = Response::json(self.status, &Value::from_iter([("error", Value::Object(error))]));
        match self.wait {
            Some(wait) => answer.with("Retry-After", whole_seconds(wait).to_string()),
            None => answer,
        }
    }
}

/// Rounded up: who comes back then is not told to wait again.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

impl From<Unavailable> for ApiError {
    fn from(error: Unavailable) -> ApiError {
        log::error!("a request for an account could not be done: {error}");
        ApiError::busy()
    }
}

impl From<LoginError> for ApiError {
    fn from(error: LoginError) -> ApiError {
        match error {
            // The same words whatever was wrong: they must not tell who has an account.
            LoginError::Wrong => ApiError::new(401, "wrong_login", "Email address or password is wrong."),
            LoginError::Wait(wait) => ApiError::wait(wait),
            LoginError::Unavailable(error) => error.into(),
        }
    }
}
