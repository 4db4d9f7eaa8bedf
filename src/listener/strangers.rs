//! Refused requests, as the operator hears of them: a name or a page that the room does not know may be a forgotten flag, a
//! handshake without its upgrade a forgotten line of the proxy's. Each is said aloud once an hour.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::http::refused::Refused;
use crate::limits::{STRANGERS_FORGOTTEN, TOLD_STRANGERS};

/// What has been told, by status: invented names use up no other's share.
#[derive(Debug, Default)]
pub(crate) struct Strangers(Mutex<HashMap<u16, Told>>);

/// The reasons that were told since then.
#[derive(Debug)]
struct Told {
    since: Instant,
    reasons: HashSet<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Loudness {
    Aloud,
    /// With the word that further ones are not.
    AloudAndLast,
    Quiet,
}

impl Strangers {
    /// Logs a refusal: loud where the operator can do something about it, unless it has just been told.
    pub(super) fn note(&self, refused: &Refused, peer: SocketAddr) {
        let Refused { status, reason, to_operator } = refused;
        let added = to_operator.unwrap_or_default();
        let loudness = match to_operator {
            Some(_) => self.loudness(*status, reason, Instant::now()),
            None => Loudness::Quiet,
        };
        match loudness {
            Loudness::Quiet => log::debug!("a request from {peer} was refused with {status}: {reason}"),
            _ => log::warn!("a request from {peer} was refused: {reason}{added}"),
        }
        if loudness == Loudness::AloudAndLast {
            let minutes = STRANGERS_FORGOTTEN.as_secs() / 60;
            log::warn!(
                "further ones that are refused with {status} are not shown for up to {minutes} minutes"
            );
        }
    }

    /// At most [`TOLD_STRANGERS`] are told: nobody fills the log with names of their invention.
    fn loudness(&self, status: u16, reason: &str, now: Instant) -> Loudness {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = all.entry(status).or_insert_with(|| Told { since: now, reasons: HashSet::new() });
        if now.duration_since(told.since) >= STRANGERS_FORGOTTEN {
            *told = Told { since: now, reasons: HashSet::new() };
        }
        if told.reasons.len() >= TOLD_STRANGERS || !told.reasons.insert(reason.to_owned()) {
            return Loudness::Quiet;
        }
        if told.reasons.len() == TOLD_STRANGERS { Loudness::AloudAndLast } else { Loudness::Aloud }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stranger_is_told_once_and_not_without_end() {
        let (strangers, now) = (Strangers::default(), Instant::now());
        assert_eq!(strangers.loudness(421, "a", now), Loudness::Aloud);
        assert_eq!(strangers.loudness(421, "b", now), Loudness::Aloud);
        assert_eq!(strangers.loudness(421, "a", now), Loudness::Quiet);
        let told: Vec<Loudness> = (0..10 * TOLD_STRANGERS)
            .map(|number| strangers.loudness(421, &number.to_string(), now))
            .collect();
        assert!(told[..TOLD_STRANGERS - 3].iter().all(|loudness| *loudness == Loudness::Aloud));
        assert_eq!(told[TOLD_STRANGERS - 3], Loudness::AloudAndLast);
        assert!(told[TOLD_STRANGERS - 2..].iter().all(|loudness| *loudness == Loudness::Quiet));
    }

    #[test]
    fn invented_names_silence_the_true_one_for_an_hour_and_nothing_else() {
        let (strangers, now) = (Strangers::default(), Instant::now());
        for number in 0..10 * TOLD_STRANGERS {
            strangers.loudness(421, &number.to_string(), now);
        }
        assert_eq!(strangers.loudness(403, "a page", now), Loudness::Aloud);
        assert_eq!(strangers.loudness(426, "a proxy", now), Loudness::Aloud);
        let (late, later) = (now + STRANGERS_FORGOTTEN / 2, now + STRANGERS_FORGOTTEN);
        assert_eq!(strangers.loudness(421, "the true one", late), Loudness::Quiet);
        assert_eq!(strangers.loudness(421, "the true one", later), Loudness::Aloud);
        assert_eq!(strangers.loudness(421, "the true one", later), Loudness::Quiet, "it is told once");
    }
}
