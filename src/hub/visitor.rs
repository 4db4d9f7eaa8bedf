//! Somebody who comes, as far as that is seen before they have said anything.

use std::net::IpAddr;
use std::sync::Arc;

use crate::accounts::Session;
use crate::protocol::{AccountId, KeyHash};
use crate::room::kept::Identifier;

#[derive(Debug, Clone)]
pub struct Visitor {
    /// Who is logged in.
    pub session: Option<Arc<Session>>,
    /// Where they come from, an IPv6 address as its /64.
    pub address: IpAddr,
    /// The hash of their browser's cookie. Other programs have none, nor has a browser that takes none.
    pub browser: Option<KeyHash>,
}

impl Visitor {
    pub(crate) fn is_host(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.host.is_some())
    }

    pub(crate) fn account(&self) -> Option<AccountId> {
        Some(self.session.as_ref()?.member.as_ref()?.account)
    }

    /// All that they are known by so far.
    pub(crate) fn identifiers(&self) -> Vec<Identifier> {
        let account = self.account().map(Identifier::Account);
        let browser = self.browser.map(Identifier::Browser);
        [Some(Identifier::Address(self.address)), account, browser].into_iter().flatten().collect()
    }
}
