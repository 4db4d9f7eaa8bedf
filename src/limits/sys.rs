//! What the process takes of its machine: stacks, threads and descriptors, its clock, its log, its end.

use std::time::Duration;

// ---- threads ----

/// Stack of the thread that answers a connection's request, in bytes of address space: only touched pages cost memory.
pub const ENTRY_STACK_BYTES: usize = 192 * 1024;
/// Stack of the thread that reads a client. Larger, so that it is never a used one of the other kind.
pub const READER_STACK_BYTES: usize = 256 * 1024;
/// Stack of the thread that sends a transcript: reading the system's time zones goes deep.
pub const TRANSCRIPT_STACK_BYTES: usize = 2 * 1024 * 1024;
/// Memory mappings of one thread on Linux: its stack, the stack for signals, and a guard page each.
pub const THREAD_MAPPINGS: u64 = 4;
/// Threads beside those of the connections that are counted: refusals, hand-overs, the server's own and tiny_http's.
pub const SPARE_THREADS: u64 = 768;
/// Mappings beside those of the connections' threads: of the spare threads, of the allocator's arenas, and of the turns in
/// the window, which are large enough to have one each.
pub const SPARE_MAPPINGS: u64 = 4 * 1024;
/// Descriptors beside one for each connection: the database's, and two more for each request under way to tiny_http.
pub const SPARE_DESCRIPTORS: u64 = 1_536;

// ---- waiting, and the clock ----

/// Where a wait does not hear that its socket is shut down (Windows), it looks this often: ten times a second for each client is
/// little for a class, and a stop that takes a tenth of a second longer is not noticed.
pub const SHUTDOWN_SLICE: Duration = Duration::from_millis(100);
/// Steps back of the machine's clock up to this long are not seen in the log: what a time server corrects. A larger one was
/// somebody's doing, and its times count.
pub const CLOCK_HOLD: Duration = Duration::from_secs(60);

// ---- the log, and the end ----

/// Log lines waiting for a terminal that does not take them. Further ones are counted and dropped.
pub const LOG_LINES: usize = 4096;
/// A line that is being written for this long is for nobody: the process ends without it.
pub const LOG_STALL: Duration = Duration::from_millis(500);
/// For the last lines to be written when the process ends: only a machine that is too busy to write one takes so long.
pub const LOG_FLUSH: Duration = Duration::from_secs(10);
/// From the signal until the process is gone, whatever clients do. Closing takes [`CLOSE_LINGER`](super::CLOSE_LINGER) of it.
pub const STOP: Duration = Duration::from_secs(2);
