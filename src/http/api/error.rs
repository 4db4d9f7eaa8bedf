//! A refusal by the API: a status, a code for programs, a sentence for people, and the field that it is about.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::accounts::{AccountError, Unavailable};
use crate::http::message::Response;
use crate::protocol::{ErrorCode, Reason, Refusal};

#[derive(Debug)]
pub(crate) struct ApiError {
    status: u16,
    error: Map<String, Value>,
    wait: Option<Duration>,
}

impl ApiError {
    pub(crate) fn new(status: u16, code: &str, message: impl fmt::Display) -> ApiError {
        ApiError { status, error: Map::new(), wait: None }.with("code", code).with("message", message)
    }

    /// A field that breaks a rule.
    pub(super) fn field(field: &str, code: &str, message: impl fmt::Display) -> ApiError {
        ApiError::new(422, code, message).with("field", field)
    }

    /// A field with something that another account has.
    pub(super) fn taken(field: &str, code: &str, message: impl fmt::Display) -> ApiError {
        ApiError::new(409, code, message).with("field", field)
    }

    /// A name that is none.
    pub(super) fn bad_name(reason: &Reason) -> ApiError {
        ApiError::field("username", "bad_username", reason).because(reason)
    }

    /// A name that is somebody else's, or that the room gives nobody, or not now.
    pub(super) fn no_name(refusal: Refusal) -> ApiError {
        let forbidden = match refusal.code {
            ErrorCode::DoorClosed => "door_closed",
            ErrorCode::Muted => "muted",
            ErrorCode::Locked => "locked",
            ErrorCode::RateLimited => {
                let wait = Duration::from_millis(refusal.retry_after_ms.unwrap_or_default());
                return ApiError::new(429, "rate_limited", refusal.message).after(wait);
            }
            _ => {
                let error = ApiError::taken("username", "name_taken", refusal.message);
                let error = refusal.reason.as_deref().into_iter().fold(error, ApiError::because);
                return refusal
                    .suggestion
                    .into_iter()
                    .fold(error, |error, name| error.with("suggestion", name));
            }
        };
        ApiError::new(403, forbidden, refusal.message)
    }

    pub(super) fn wait(wait: Duration) -> ApiError {
        let reason = format!("That was tried too often. Try again in {} seconds.", whole_seconds(wait));
        ApiError::new(429, "throttled", reason).after(wait)
    }

    /// The room is too busy to answer, or stops.
    pub(super) fn busy() -> ApiError {
        let error = ApiError::new(503, "busy", "The room is busy just now. Try again.");
        error.after(Duration::from_secs(1))
    }

    /// A wrong password in `field`, from somebody who is logged in.
    pub(super) fn of_proof(error: AccountError, field: &str) -> ApiError {
        match error {
            AccountError::Wrong => ApiError::field(field, "wrong_password", "This is not your password."),
            other => other.into(),
        }
    }

    /// Adds when to try again.
    pub(crate) fn after(mut self, wait: Duration) -> ApiError {
        self.wait = Some(wait);
        self
    }

    /// Whether it tells that an address or a name has an account, or that an invite code is wrong.
    pub(super) fn tells(&self) -> bool {
        self.status == 409 || self.error["code"] == "bad_invite"
    }

    /// Adds the reason's key and values.
    fn because(mut self, reason: &Reason) -> ApiError {
        if let Ok(Value::Object(fields)) = serde_json::to_value(reason) {
            self.error.extend(fields);
        }
        self
    }

    fn with(mut self, key: &str, value: impl fmt::Display) -> ApiError {
        self.error.insert(key.to_owned(), value.to_string().into());
        self
    }
}

impl From<ApiError> for Response {
    fn from(refused: ApiError) -> Response {
        let answer = Response::json(refused.status, &json!({"error": refused.error}));
        match refused.wait {
            Some(wait) => answer.with("Retry-After", whole_seconds(wait).to_string()),
            None => answer,
        }
    }
}

/// Rounded up, so that coming back then is not too early.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

impl From<Unavailable> for ApiError {
    fn from(error: Unavailable) -> ApiError {
        log::error!("a request for an account could not be done: {error}");
        ApiError::busy()
    }
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> ApiError {
        match error {
            // The same words whatever was wrong: they must not tell who has an account.
            AccountError::Wrong => ApiError::new(401, "wrong_login", "Email address or password is wrong."),
            AccountError::Wait(wait) => ApiError::wait(wait),
            // Names are held first, so it is the address.
            AccountError::Taken => {
                let reason =
                    "There is an account with this address already: log in, or ask for a new password.";
                ApiError::taken("email", "email_taken", reason)
            }
            AccountError::Full => {
                ApiError::new(503, "full", "This room has as many accounts as it can have.")
            }
            AccountError::Password(error) => ApiError::field("password", "bad_password", error),
            AccountError::Elsewhere => ApiError::new(
                403,
                "host_elsewhere",
                "This link works on the host's own computer, at localhost. For other devices: chat-app host-link.",
            ),
            AccountError::Unavailable(error) => error.into(),
        }
    }
}
