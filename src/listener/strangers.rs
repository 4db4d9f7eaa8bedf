//! Refused requests, as the operator hears of them: a name or a page that the room does not know may be a forgotten flag, a
//! handshake without its upgrade a forgotten line of the proxy's. Each is said aloud once.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use crate::http::refused::Refused;
use crate::limits::TOLD_STRANGERS;

/// The refusals that have been told.
#[derive(Debug, Default)]
pub(crate) struct Strangers(Mutex<HashSet<String>>);

impl Strangers {
    /// Logs a refusal: loud where the operator can do something about it, unless it has been told before.
    pub(super) fn note(&self, refused: &Refused, peer: SocketAddr) {
        let Refused { status, reason, is_operators } = refused;
        if *is_operators && self.is_new(reason) {
            // Which path a proxy has left out is known to it alone.
            let path = if *status == 403 { " (and the path, if it has one)" } else { "" };
            return log::warn!("a request from {peer} was refused: {reason}{path}");
        }
        log::debug!("a request from {peer} was refused with {status}: {reason}");
    }

    /// At most [`TOLD_STRANGERS`] are: nobody fills the log with names of their invention.
    fn is_new(&self, reason: &str) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.len() < TOLD_STRANGERS && told.insert(reason.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stranger_is_told_once_and_not_without_end() {
        let strangers = Strangers::default();
        assert!(strangers.is_new("a") && strangers.is_new("b"));
        assert!(!strangers.is_new("a"));
        let told = (0..10 * TOLD_STRANGERS).filter(|number| strangers.is_new(&number.to_string())).count();
        assert_eq!(told, TOLD_STRANGERS - 2);
    }
}
