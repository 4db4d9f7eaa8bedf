//! The system's side: how many connections it can hold, sockets to wait on, permits, turns, a clock, random bytes, log lines, network
//! interfaces, mounted disks and what is left of them, this machine's names, and places to break on demand.

pub(crate) mod capacity;
pub(crate) mod clock;
pub(crate) mod disk;
pub(crate) mod failpoint;
pub(crate) mod interfaces;
pub mod launch;
pub(crate) mod logging;
pub(crate) mod mounts;
pub(crate) mod own_names;
pub(crate) mod permits;
pub(crate) mod priority;
pub(crate) mod random;
pub(crate) mod socket;
pub(crate) mod turns;
