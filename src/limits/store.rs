//! The log on disk.

use std::time::Duration;

use super::protocol::MESSAGE_CHARACTERS;

// ---- connections ----

/// How long a turn waits for somebody else's lock on the database before the hub hears of it.
pub const STORE_BUSY: Duration = Duration::from_millis(20);
/// The same where nobody in the room waits: while opening, for a reader, and for the last checkpoint.
pub const STORE_BUSY_ASIDE: Duration = Duration::from_secs(1);
/// Connections that read the log, shared by all clients: one for each core, and two at least: one may wait for a cold disk.
pub const READERS: std::ops::RangeInclusive<usize> = 2..=4;
/// A client's thread waits this long for one of them.
pub const READ_DEADLINE: Duration = Duration::from_secs(5);
/// The same while it catches up, perhaps with thousands of others: a client that gave up would come back and ask again.
pub const CATCH_UP_DEADLINE: Duration = Duration::from_secs(60);

// ---- the write-ahead log, and copies ----

/// Bytes of the write-ahead log between two checkpoints: SQLite's own default of 1,000 pages.
pub const CHECKPOINT_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of the write-ahead log above which the hub waits for a checkpoint: beside a flood none reaches its end. Four times as
/// much lets through 2 % more and makes the longest wait twice as long.
pub const WAL_BYTES: usize = 16 * 1024 * 1024;
/// The longest such pause. A checkpoint that needs longer is pinned by another program's reading, and waiting would not help.
pub const SETTLE: Duration = Duration::from_millis(500);
/// Shortest and longest time between two tries to erase deleted text from the write-ahead log, which hold its write lock.
pub const RETRY_ERASE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
/// A room in which nothing has been written for this long is quiet, and all of the write-ahead log is copied: a copy of the file
/// then has everything. It is looked for as often, which takes some microseconds.
pub const QUIET: Duration = Duration::from_secs(1);
/// Looks after which it is copied in a room that is never quiet: two commits and a sync of the file in so many seconds.
pub const BUSY_LOOKS: u32 = 5;
/// Pages of the database that a backup copies in one go: 4 MB, after which it says how far it is.
pub const COPY_PAGES: i32 = 1_000;
/// A copy that has no name yet and to which nothing was written for this long is nobody's any more, and makes room.
pub const DEAD_COPY: Duration = Duration::from_secs(60 * 60);

// ---- how long the history gets, and what is cleared of it ----

/// Megabytes of the history where `--history-megabytes` says nothing: twenty million short messages.
pub const HISTORY_MEGABYTES: usize = 4_096;
/// The largest `--history-megabytes`: a terabyte.
pub const MAX_HISTORY_MEGABYTES: usize = 1_048_576;
/// From so many per cent of it on hosts are told.
pub const HISTORY_TOLD_PERCENT: u64 = 80;
/// The last bytes of the disk are not for the history: the system, the write-ahead log and a transcript need some.
pub const DISK_REST: u64 = 512 * 1024 * 1024;
/// On a small disk that rest is this part of it.
pub const SMALL_DISK_REST: u64 = 10;
/// How often it is looked how much there is …
pub const SPACE_LOOK: Duration = Duration::from_secs(1);
/// … and each time such a part of the bound was stored.
pub const SPACE_PARTS: u64 = 256;
/// The newest cleared messages keep their rows, so many and so many bytes of (overwritten) text: a retry of one is known. Also,
/// pages with messages of now stay untouched: 25 of the longest fill more than the three that SQLite may put in order together.
pub const CLEARED_KEPT: (u32, usize) = (1_000, 25 * 4 * MESSAGE_CHARACTERS);
/// The same of reactions to them: rows of 12 bytes at least, which fill three pages.
pub const CLEARED_REACTIONS_KEPT: usize = 1_000;
/// Cleared messages, and reactions to them, overwritten in one go, and the pause after it: some milliseconds each, a million in less than a minute.
pub const OVERWRITE: (usize, Duration) = (500, Duration::from_millis(10));
/// Pages that are given back to the disk in one go, with the pause of [`OVERWRITE`]: some milliseconds, a gigabyte in a minute or two.
pub const GIVE_BACK_PAGES: u64 = 50;

// ---- tabs, and starting ----

/// Tabs whose row is known without asking: more than can be connected. 48 bytes each.
pub const TABS_CACHED: usize = 16 * 1024;
/// Positions of the log that a start after a crash looks for: some ten milliseconds, and more than people say between two marks.
pub const CHECKED_AFTER_CRASH: u64 = 10_000;
/// Expired reservations removed at one start, so that a start after a long term stays short.
pub const EXPIRED_RESERVATIONS: usize = 1_000;
