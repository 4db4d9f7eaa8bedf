//! What the system gives, in one place for all that differs between Linux, macOS and Windows.
//!
//! | file | owns |
//! |---|---|
//! | `socket.rs` | reading, writing, waiting and closing under a deadline; the signal that all of it stops |
//! | `permits.rs`, `fair_queue.rs` | how many threads do one thing at once; the same where addresses take turns |
//! | `priority.rs`, `capacity.rs` | how much of the machine a thread asks for; how many connections the machine can hold |
//! | `clock.rs`, `random.rs` | the time of day; random bytes |
//! | `logging.rs` | log lines, which can neither end the room nor hold it up |
//! | `disk.rs`, `mounts.rs` | what is left of a disk; on which disk or share a path lies |
//! | `interfaces.rs`, `own_names.rs` | the network interfaces and names by which others reach this machine |
//! | `launch.rs` | how the program was started, and what that asks for |
//! | `failpoint.rs` | places where a development build breaks on demand |

pub(crate) mod capacity;
pub(crate) mod clock;
pub(crate) mod disk;
pub(crate) mod failpoint;
pub(crate) mod fair_queue;
pub(crate) mod interfaces;
pub mod launch;
pub(crate) mod logging;
pub(crate) mod mounts;
pub(crate) mod own_names;
pub(crate) mod permits;
pub(crate) mod priority;
pub(crate) mod random;
pub(crate) mod socket;
