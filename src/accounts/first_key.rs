//! The key with which the room opens its host's browser at start. Other programs of this computer can read the browser's command
//! line: so it is valid once, and only for as long as a browser takes to start.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::token::{Token, TokenHash, same};
use crate::limits;

#[derive(Debug)]
pub(super) struct FirstKey {
    key: Token,
    /// None once it is used.
    valid: Mutex<Option<(TokenHash, Instant)>>,
}

impl FirstKey {
    /// # Errors
    /// When the system has no random numbers.
    pub(super) fn new() -> io::Result<FirstKey> {
        let key = Token::random()?;
        let valid = Mutex::new(Some((key.hash(), Instant::now() + limits::FIRST_KEY)));
        Ok(FirstKey { key, valid })
    }

    pub(super) fn key(&self) -> &Token {
        &self.key
    }

    /// Whether this is the key and it is valid at `now`; it is not any more afterwards.
    pub(super) fn spend(&self, key: &Token, now: Instant) -> bool {
        let mut valid = self.valid.lock().unwrap_or_else(PoisonError::into_inner); // nothing panics while it is held
        valid.take_if(|(hash, until)| same(&key.hash(), hash.as_slice()) && now < *until).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_once_and_for_a_minute() {
        let (first, now) = (FirstKey::new().expect("random"), Instant::now());
        assert!(!first.spend(&Token::random().expect("random"), now), "another key, which spends nothing");
        assert!(!first.spend(first.key(), now + limits::FIRST_KEY));
        assert!(first.spend(first.key(), now));
        assert!(!first.spend(first.key(), now));
    }
}
