//! A refusal by the API: a status, a code for programs, a sentence for people, and the field that it is about.

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
    pub(crate) fn new(status: u16, code: &str, reason: &Reason) -> ApiError {
        let mut error = match serde_json::to_value(reason) {
            Ok(Value::Object(reason)) => reason,
            _ => Map::new(),
        };
        error.insert("code".to_owned(), code.into());
        error.insert("message".to_owned(), reason.to_string().into());
        ApiError { status, error, wait: None }
    }

    /// A field that breaks a rule.
    pub(super) fn field(field: &str, code: &str, reason: &Reason) -> ApiError {
        ApiError::new(422, code, reason).with("field", field)
    }

    /// A field with something that another account has.
    pub(super) fn taken(field: &str, code: &str, reason: &Reason) -> ApiError {
        ApiError::new(409, code, reason).with("field", field)
    }

    /// A name that is somebody else's, or that the room gives nobody, or not now.
    pub(super) fn no_name(refusal: Refusal) -> ApiError {
        let forbidden = match refusal.code {
            ErrorCode::DoorClosed => "door_closed",
            ErrorCode::Removed => "removed",
            ErrorCode::NamesFixed => "names_fixed",
            ErrorCode::Muted => "muted",
            ErrorCode::Locked => "locked",
            ErrorCode::RateLimited => {
                let wait = Duration::from_millis(refusal.retry_after_ms.unwrap_or_default());
                return ApiError::new(429, "rate_limited", &refusal.reason).after(wait);
            }
            _ => {
                let error = ApiError::taken("username", "name_taken", &refusal.reason);
                return refusal
                    .suggestion
                    .into_iter()
                    .fold(error, |error, name| error.with("suggestion", name));
            }
        };
        ApiError::new(403, forbidden, &refusal.reason)
    }

    pub(super) fn wait(wait: Duration) -> ApiError {
        ApiError::new(429, "throttled", &Reason::TriedTooOften { seconds: whole_seconds(wait) }).after(wait)
    }

    /// The room is too busy to answer, or stops.
    pub(super) fn busy() -> ApiError {
        ApiError::new(503, "busy", &Reason::RoomBusy).after(Duration::from_secs(1))
    }

    /// A wrong password in `field`, from somebody who is logged in.
    pub(super) fn of_proof(error: AccountError, field: &str) -> ApiError {
        match error {
            AccountError::Wrong => ApiError::field(field, "wrong_password", &Reason::PasswordWrong),
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

    fn with(mut self, key: &str, value: impl Into<Value>) -> ApiError {
        self.error.insert(key.to_owned(), value.into());
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
            AccountError::Wrong => ApiError::new(401, "wrong_login", &Reason::LoginWrong),
            AccountError::Wait(wait) => ApiError::wait(wait),
            // Names are held first, so it is the address.
            AccountError::Taken => ApiError::taken("email", "email_taken", &Reason::EmailTaken),
            AccountError::Full => ApiError::new(503, "full", &Reason::AccountsFull),
            AccountError::Password(reason) => ApiError::field("password", "bad_password", &reason),
            AccountError::Elsewhere => ApiError::new(403, "host_elsewhere", &Reason::HostElsewhere),
            AccountError::Spent => ApiError::new(403, "host_link_spent", &Reason::HostLinkSpent),
            AccountError::Unavailable(error) => error.into(),
        }
    }
}
