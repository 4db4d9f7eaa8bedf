//! Logging out, new passwords, and the end of an account.

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;

use super::error::ApiError;
use super::{Answer, Api};
use crate::accounts::email::Email;
use crate::accounts::password::Password;
use crate::accounts::throttle::Subject;
use crate::accounts::token::Token;
use crate::accounts::{AccountError, Member, Session};
use crate::http::message::{Request, Response};
use crate::hub::{Command, EndedSessions};
use crate::limits;
use crate::protocol::Reason;
use crate::protocol::names::Name;

impl Api {
    pub(super) fn log_out(&self, request: &Request) -> Answer {
        // All that this browser shows: one that stayed would bring them back in.
        for shown in &request.asker.sessions {
            // Looked up first: a made-up cookie is not worth the wait for the database's writer.
            if self.accounts.session_by_hash(shown)?.is_some()
                && self.accounts.log_out(shown, request.cookies.browser())?
            {
                self.notify_hub(Command::EndSessions(EndedSessions::These(vec![*shown])));
            }
        }
        Ok(Response::nothing().with("Set-Cookie", request.cookies.clear_session()))
    }

    pub(super) fn change_password(&self, request: &Request) -> Answer {
        let (session, member) = self.logged_in(request)?;
        let [current, new] = request.texts(["current", "new"])?;
        let email = self.accounts.email_of(member.account)?.unwrap_or_default();
        let local = email.rsplit_once('@').map_or("", |(local, _)| local);
        let new = Password::choose(&new, &[&email, local, member.name.display()])
            .map_err(|reason| ApiError::field("new", "bad_password", &reason))?;
        self.accounts
            .change_password(&session, &Password::given(&current), &new, &request.asker)
            .map_err(|error| ApiError::of_proof(error, "current"))?;
        self.notify_hub(Command::EndSessions(EndedSessions::Others(member.account, session.token)));
        Ok(Response::nothing())
    }

    /// Another name for an account of which a host has taken the one it had.
    pub(super) fn choose_name(&self, request: &Request) -> Answer {
        let (session, member) = self.logged_in(request)?;
        let [username] = request.texts(["username"])?;
        let name =
            Name::parse(&username).map_err(|reason| ApiError::field("username", "bad_username", &reason))?;
        let refused = || ApiError::new(403, "forbidden", &Reason::AccountKeepsName);
        if !member.chooses_name {
            return Err(refused());
        }
        let held = self.hold(request, &name, None, Some(member.account))?;
        let (session, from) = self.accounts.choose_name(&session, &name).map_err(|error| match error {
            AccountError::Wrong => refused(), // chosen or logged out meanwhile
            error => error.into(),
        })?;
        held.chosen(member.account, from);
        Ok(Response::json(200, &json!({"user": self.user_of(&session)?})))
    }

    pub(super) fn delete(&self, request: &Request) -> Answer {
        let (session, member) = self.logged_in(request)?;
        let [password] = request.texts(["password"])?;
        self.accounts
            .delete(&session, &Password::given(&password), &request.asker)
            .map_err(|error| ApiError::of_proof(error, "password"))?;
        self.notify_hub(Command::AccountDeleted(member.account));
        Ok(Response::nothing().with("Set-Cookie", request.cookies.clear_session()))
    }

    /// Answers before anything is looked up: nothing in the answer can tell who has an account.
    pub(super) fn forgot(&self, request: &Request) -> Answer {
        let [email] = request.texts(["email"])?;
        let subject = [Subject::Forgot(request.asker.address)];
        if let Ok(email) = Email::parse(&email)
            && self.accounts.throttle.wait(&subject, Instant::now()).is_none()
        {
            self.accounts.throttle.fail(&subject, Instant::now());
            self.notify_hub(Command::PasswordForgotten(email, self.visitor(request)?));
        }
        let next = match self.config.sendmail {
            Some(_) => Reason::ForgotMailed,
            None => Reason::ForgotTold,
        };
        let mut answer = json!(next);
        answer["message"] = next.to_string().into();
        Ok(Response::json(202, &answer))
    }

    pub(super) fn reset(&self, request: &Request) -> Answer {
        let [token, password] = request.texts(["token", "password"])?;
        let reset = match Token::parse(&token) {
            Some(token) => self.accounts.reset(&token, &password, &request.asker),
            None => Err(AccountError::Wrong),
        };
        let account = reset.map_err(|error| match error {
            AccountError::Wrong => {
                let minutes = limits::RESET.as_secs() / 60;
                ApiError::field("token", "bad_token", &Reason::ResetLinkInvalid { minutes })
            }
            error => error.into(),
        })?;
        self.notify_hub(Command::EndSessions(EndedSessions::All(account)));
        Ok(Response::nothing())
    }

    fn logged_in(&self, request: &Request) -> Result<(Arc<Session>, Member), ApiError> {
        let session = self.session_of(request)?;
        let member = session.and_then(|session| Some((session.clone(), session.member.clone()?)));
        member.ok_or_else(|| ApiError::new(401, "login_required", &Reason::NotLoggedIn))
    }
}
