//! Page and API: the way to tiny_http, the threads there, and what browsers keep.

use std::time::Duration;

// ---- the way to tiny_http ----

/// For the page's answer to be accepted by its reader: without a byte of progress this long, it is cut.
pub const ANSWER_STALL: Duration = Duration::from_secs(10);
/// For tiny_http to take a request, to begin its answer, and between two pieces of it. A login may wait for others' hashes.
pub const PAGE_DEADLINE: Duration = Duration::from_secs(30);
/// Where the way to tiny_http is a port of this computer's (Windows): without a byte this long, a connection there is let go. Ours
/// send a whole request at once.
pub const PRIVATE_STALL: Duration = Duration::from_secs(5);
/// For the hub to take a question from the API, and for its answer.
pub const HUB_ANSWER: Duration = Duration::from_secs(2);

// ---- page and workers ----

/// Threads that answer page and API requests. Those that hash a password go to [`PASSWORD_WORKERS`](super::PASSWORD_WORKERS).
pub const PAGE_WORKERS: usize = 4;
/// Requests under way to tiny_http, a thread each: more than wait for a password's hash, so that those block no page.
pub const PAGE_REQUESTS: usize = 512;
/// Bytes of the page that a connection's thread may leave unread without holding up the worker that sends it: Linux takes
/// 208 KiB with what it counts on top.
pub const PAGE_BYTES: usize = 192 * 1024;
/// Bytes of `index.html`, which is to stay one file that a person can read.
pub const PAGE_SOURCE_BYTES: usize = 160 * 1024;
/// How long a connection waits for the page's HTTP server to be replaced.
pub const PAGE_REPLACED: Duration = Duration::from_secs(1);
/// How long the workers may take to finish what they are at when their server ends.
pub const PAGE_STOP: Duration = Duration::from_millis(500);
/// The page's HTTP server is replaced at most this often: each leaves a handful of idle threads behind for five seconds.
pub const PAGE_RESTART: Duration = Duration::from_millis(100);
/// Transcripts that are streamed at once: a host takes one, and each keeps a connection and a page of the log.
pub const TRANSCRIPTS: usize = 4;

// ---- what browsers keep ----

/// Cookies of a request that are tried as one session: rooms of before, other programs and long paths leave a few of a name.
pub const COOKIES_TRIED: usize = 8;
/// How long a browser that has logged in is known as one of the account's own.
pub const DEVICE: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// How long a browser is known at the door: most browsers keep no cookie for much longer.
pub const BROWSER: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// How long a language that was chosen stays, from the page's last load on.
pub const LANGUAGE: Duration = Duration::from_secs(365 * 24 * 60 * 60);
