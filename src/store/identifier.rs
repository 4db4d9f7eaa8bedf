//! What somebody is known by, as text.

use std::net::IpAddr;

use data_encoding::HEXLOWER;

use crate::room::kept::Identifier;

pub(super) fn identifier_to_sql(identifier: &Identifier) -> String {
    match identifier {
        Identifier::Account(account) => format!("account:{account}"),
        Identifier::Guest(key) => format!("guest:{}", HEXLOWER.encode(key)),
        Identifier::Browser(key) => format!("browser:{}", HEXLOWER.encode(key)),
        Identifier::Tab(key) => format!("tab:{}", HEXLOWER.encode(key)),
        Identifier::Address(address) => format!("address:{address}"),
        Identifier::Name(folded) => format!("name:{folded}"),
    }
}

pub(super) fn identifier_from_sql(text: &str) -> Option<Identifier> {
    let (kind, value) = text.split_once(':')?;
    let key = || HEXLOWER.decode(value.as_bytes()).ok()?.try_into().ok();
    match kind {
        "account" => Some(Identifier::Account(value.parse().ok()?)),
        "guest" => Some(Identifier::Guest(key()?)),
        "browser" => Some(Identifier::Browser(key()?)),
        "tab" => Some(Identifier::Tab(key()?)),
        "name" => Some(Identifier::Name(value.into())),
        "address" => Some(Identifier::Address(value.parse::<IpAddr>().ok()?)),
        _ => None,
    }
}
