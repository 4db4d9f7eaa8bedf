//! Users, sessions, passwords and their resets.

use std::time::Duration;

// ---- passwords ----

/// Bytes of an email address: what SMTP carries.
pub const EMAIL_BYTES: usize = 254;
/// Scalar values of a password: below eight a list of guesses gets through, above 128 nobody types or generates.
pub const PASSWORD_CHARACTERS: std::ops::RangeInclusive<usize> = 8..=128;
/// Memory of one password's hash, in KiB: what OWASP asks of argon2id with [`PASSWORD_HASH_PASSES`].
pub const PASSWORD_HASH_KIB: u32 = 19 * 1024;
/// Passes over that memory.
pub const PASSWORD_HASH_PASSES: u32 = 2;
/// Passwords hashed at once (one on a single core): about 25 ms of a core each, which the chat needs too.
pub const PASSWORD_WORKERS: usize = 2;
/// How far these threads step back for all others of the machine, in Unix's steps from 0 to 19.
pub const PASSWORD_NICENESS: i32 = 5;
/// Requests that wait for them: a class that logs in all at once, several times over.
pub const PASSWORD_QUEUE: usize = 256;
/// Those of them for one account from one address: as many logins as an account has sessions.
pub const PASSWORD_QUEUE_ACCOUNT: usize = ACCOUNT_SESSIONS;
/// The time of one of them on a slow machine, so that the last of a full queue is still answered in time.
pub const PASSWORD_HASH_TIME: Duration = Duration::from_millis(200);

// ---- accounts, sessions and links ----

/// Accounts in all. Each keeps its name in memory, and signing up is free.
pub const ACCOUNTS: usize = 100_000;
/// Sessions of one account; the oldest ends when another begins.
pub const ACCOUNT_SESSIONS: usize = 20;
/// Sessions of hosts without an account, in all; the oldest ends when another begins.
pub const HOST_SESSIONS: usize = 100;
/// The key that the host's browser is opened with at start, from then on: a browser on a slow disk has come by then.
pub const FIRST_KEY: Duration = Duration::from_secs(60);
/// Links of `chat-app host-link` that work at a time; the oldest goes when another is made.
pub const HOST_KEYS: usize = 20;
/// How often the room looks for changes by other programs (`host-link --new`): a thousandth of a core.
pub const HOST_NEWS: Duration = Duration::from_millis(500);
/// For the room to do what a command beside it has asked for, after which it says what was in the way.
pub const BESIDE_ANSWER: Duration = Duration::from_secs(3);
/// How long a login lasts.
pub const SESSION: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long a reset link works.
pub const RESET: Duration = Duration::from_secs(15 * 60);
/// A link is mailed to one account at most this often: a stranger's asking must not fill a mailbox. At most three work at a time.
pub const RESET_MAIL_EVERY: Duration = Duration::from_secs(5 * 60);
/// Requests for a reset that are shown to hosts, the newest ones.
pub const RESET_REQUESTS: usize = 100;
/// Requests for a reset that wait to be looked at; what comes above them is dropped.
pub const FORGOT_QUEUE: usize = 64;
/// For the mail program to take a letter and end.
pub const MAIL_DEADLINE: Duration = Duration::from_secs(10);
/// How often the mail program is looked at meanwhile, and the record for what a command beside the room has asked for.
pub const POLL: Duration = Duration::from_millis(20);
/// Expired sessions and links are removed this often.
pub const SWEEP: Duration = Duration::from_secs(60 * 60);
/// How long a change of an account waits for somebody else's lock on the database.
pub const ACCOUNTS_BUSY: Duration = Duration::from_secs(5);
/// How often it looks meanwhile: in a busy room, the hub leaves the database alone for less than a millisecond.
pub const ACCOUNTS_BUSY_POLL: Duration = Duration::from_millis(1);

// ---- guesses ----

/// Failed logins at one account from one address before each further one waits, and how long until one is forgiven.
pub const LOGIN_FAILURES: (u32, Duration) = (5, Duration::from_secs(60));
/// The same for one address, whatever the account: a school can be one address.
pub const ADDRESS_FAILURES: (u32, Duration) = (50, Duration::from_secs(10));
/// The same for sign-ups that were refused, since a refusal tells that an address is known.
pub const SIGNUP_REFUSALS: (u32, Duration) = (30, Duration::from_secs(20));
/// The same for requests for a reset.
pub const FORGOT: (u32, Duration) = (20, Duration::from_secs(30));
/// First and longest wait once one of these is reached; each further failure doubles it.
pub const THROTTLE_DELAY: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));
/// Accounts and addresses with failures that are remembered, some 100 bytes each; who failed longest ago makes room. Twice what
/// an attacker with a few hundred addresses can fill within a minute, since what is forgiven keeps its place too.
pub const THROTTLE_ENTRIES: usize = 40_000;
