//! What the system gives: sockets to wait on, a clock, log lines, and places to break on demand.

pub mod clock;
pub mod failpoint;
pub mod interfaces;
pub mod logging;
pub mod socket;
