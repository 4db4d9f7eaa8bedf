//! Cookies of before, called `session` and `device` as those of many programs are: exchanged for this room's own.

use serde_json::Value;

use super::Api;
use crate::accounts::token::Token;
use crate::http::cookies::Kind;
use crate::http::message::{Request, Response};

/// The cookies of before that are this room's. Others' cookies of the same names stay as they are.
pub(crate) struct Former<'a> {
    session: Option<Token>,
    device: Option<&'a str>,
}

impl Api {
    /// To be asked before the request is carried out, which may end what they stand for.
    pub(crate) fn former<'a>(&self, request: &Request<'a>) -> Former<'a> {
        let is_ours = |token: &Token| self.accounts.session(token).is_ok_and(|session| session.is_some());
        let session = request.cookies.former_session().filter(is_ours);
        let device = request.cookies.former(Kind::Device).last().filter(|given| {
            let mut emails = self.emails_of(request).into_iter();
            emails.any(|email| self.accounts.knows_device(&email, given))
        });
        Former { session, device }
    }

    /// Whose browser it may be: the account's that is logged in, and the one that the request is about.
    fn emails_of(&self, request: &Request) -> Vec<String> {
        let session = self.session_of(request).ok().flatten();
        let account = session.and_then(|session| Some(session.member.as_ref()?.account));
        let logged_in = account.and_then(|account| self.accounts.email_of(account).ok().flatten());
        let body: Value = serde_json::from_slice(request.body).unwrap_or_default();
        logged_in.into_iter().chain(body["email"].as_str().map(str::to_owned)).collect()
    }

    /// `answer`, and with it what is known by the names of before under those of today.
    pub(crate) fn exchange(&self, request: &Request, former: &Former, answer: Response) -> Response {
        let session = former.session.as_ref().map(Token::text);
        let answer = exchange_one(request, Kind::Session, session.as_deref(), answer);
        exchange_one(request, Kind::Device, former.device, answer)
    }
}

fn exchange_one(request: &Request, kind: Kind, value: Option<&str>, answer: Response) -> Response {
    let cookies = &request.cookies;
    let Some(value) = value else { return answer };
    // A login or a logout has decided already what it is to be.
    let is_decided = answer.headers.iter().any(|(_, value)| cookies.is_about(value, kind));
    if !is_decided && !cookies.knows_place() {
        return answer;
    }
    let has_one = is_decided || cookies.has(kind);
    let answer = if has_one { answer } else { answer.with("Set-Cookie", cookies.set(kind, value)) };
    answer.with("Set-Cookie", cookies.clear_former(kind))
}
