//! What the system gives: sockets to wait on, a clock, log lines, and places to break on demand.

pub(crate) mod clock;
pub(crate) mod failpoint;
pub(crate) mod interfaces;
pub(crate) mod logging;
pub(crate) mod socket;
