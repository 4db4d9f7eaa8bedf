//! Cookies of before, called `session` and `device` as those of many programs are: exchanged for this room's own.

use serde_json::Value;

use super::Api;
use crate::accounts::token::Token;
use crate::http::cookies::{Cookies, Kind};
use crate::http::message::{Request, Response};

/// The cookies of before that are this room's. Others' cookies of the same names stay as they are.
pub(crate) struct Former<'a> {
    session: Option<Known<'a>>,
    device: Option<Known<'a>>,
}

/// One of them.
struct Known<'a> {
    value: &'a str,
    /// Today's name has one that is good too. A dead one under that name is worth nothing.
    is_followed: bool,
}

impl<'a> Known<'a> {
    /// `is_ours` is none where that cannot be known just now: then nothing is put in a cookie's place.
    fn of(cookies: &Cookies<'a>, kind: Kind, is_ours: impl Fn(&str) -> Option<bool>) -> Option<Known<'a>> {
        let value = cookies.former(kind).into_iter().find(|value| is_ours(value) == Some(true))?;
        let is_followed = cookies.present(kind).iter().any(|value| is_ours(value) != Some(false));
        Some(Known { value, is_followed })
    }
}

impl Api {
    /// To be asked before the request is carried out, which may end what they stand for.
    pub(crate) fn former<'a>(&self, request: &Request<'a>) -> Former<'a> {
        let session = Known::of(&request.cookies, Kind::Session, |value| match Token::parse(value) {
            Some(token) => self.accounts.session(&token).ok().map(|session| session.is_some()),
            None => Some(false),
        });
        let emails = if request.cookies.former(Kind::Device).is_empty() {
            Vec::new()
        } else {
            self.emails_of(request)
        };
        let device = Known::of(&request.cookies, Kind::Device, |value| {
            Some(emails.iter().any(|email| self.accounts.knows_device(email, value)))
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
        let answer = exchange_one(request, Kind::Session, former.session.as_ref(), answer);
        exchange_one(request, Kind::Device, former.device.as_ref(), answer)
    }
}

fn exchange_one(request: &Request, kind: Kind, known: Option<&Known>, answer: Response) -> Response {
    let cookies = &request.cookies;
    let Some(known) = known else { return answer };
    // A login or a logout has decided already what it is to be.
    let is_decided = answer.headers.iter().any(|(_, value)| cookies.is_about(value, kind));
    if !is_decided && !cookies.knows_place() {
        return answer;
    }
    let answer = match is_decided || known.is_followed {
        true => answer,
        false => answer.with("Set-Cookie", cookies.set(kind, known.value)),
    };
    match cookies.clear_former(kind) {
        Some(ended) => answer.with("Set-Cookie", ended),
        None => answer,
    }
}
