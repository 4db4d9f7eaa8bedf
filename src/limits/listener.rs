//! The public port: a connection before it is a client or a request.

use std::time::Duration;

/// Bytes of a request line and its headers. Browsers with large cookies stay below 8 KiB.
pub const HEAD_BYTES: usize = 16 * 1024;
/// Header lines of a request. Browsers send about 20.
pub const HEADERS: usize = 64;
/// Bytes of a request's body. The API takes small JSON objects only.
pub const BODY_BYTES: usize = 64 * 1024;
/// From accept to the last byte of the head, in all: a byte now and then does not extend it.
pub const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// From the end of the head to the last byte of the body, in all.
pub const BODY_DEADLINE: Duration = Duration::from_secs(10);
/// Connections above the caps that are still read, to be told why. Any above these are closed unheard.
pub const REFUSALS: usize = 64;
/// For the head of a connection that is refused in any case.
pub const REFUSAL_DEADLINE: Duration = Duration::from_secs(2);
/// Connections the system keeps until they are accepted; one more is not heard and tries again after a second.
pub const ACCEPT_QUEUE: i32 = 4096;
/// Pause of the accept loop after an error of the system's (no descriptors left, a connection aborted).
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Without such an error this long, the shortage is over, and the log says so: not many times a second.
pub const ACCEPT_SETTLED: Duration = Duration::from_secs(5);
/// Clients that are handed from the thread that answered them to the one that reads them at a time: each has two then.
pub const HAND_OVERS: usize = 64;
/// For a client to have its turn with that.
pub const HAND_OVER_WAIT: Duration = Duration::from_secs(10);
/// Clients where `--max-clients` says nothing.
pub const DEFAULT_CLIENTS: usize = 10_000;
/// A room for fewer than this says at start which limit of the system is the reason.
pub const FEW_CLIENTS: usize = 1_000;
/// Clients that `--max-clients` may allow at most: a thread and a descriptor each.
pub const MAX_CLIENTS: usize = 100_000;
/// Refusals of one status that the operator is told of in [`STRANGERS_FORGOTTEN`]: anybody can invent names, and a log is read.
pub const TOLD_STRANGERS: usize = 32;
/// For refusals to be told again: whoever invents many silences the true ones no longer than this.
pub const STRANGERS_FORGOTTEN: Duration = Duration::from_secs(3600);
