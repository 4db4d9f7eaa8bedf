//! Every bound of the server, with its unit and its reason.
//!
//! A room in front of thirty curious students is bounded everywhere or nowhere: every queue has a size, every wait a
//! deadline, every input a limit. They stand together because they lean on each other; the assertions at the end say how.
//! The operator's choices are in [`crate::config`].

use std::time::Duration;

// ---- a connection before it is a client ----

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
/// For the page's answer to be accepted by its reader: without a byte of progress this long, it is cut.
pub const ANSWER_STALL: Duration = Duration::from_secs(10);
/// For tiny_http to take a request, to begin its answer, and between two pieces of it. A login may wait for others' hashes.
pub const PAGE_DEADLINE: Duration = Duration::from_secs(30);
/// Connections above the caps that are still read, to be told why. Any above these are closed unheard.
pub const REFUSALS: usize = 64;
/// Where the way to tiny_http is a port of this computer's (Windows): without a byte this long, a connection there is let go. Ours
/// send a whole request at once.
pub const PRIVATE_STALL: Duration = Duration::from_secs(5);
/// For the head of a connection that is refused in any case.
pub const REFUSAL_DEADLINE: Duration = Duration::from_secs(2);
/// Connections the system keeps until they are accepted; one more is not heard and tries again after a second.
pub const ACCEPT_QUEUE: i32 = 4096;
/// Pause of the accept loop after an error of the system's (no descriptors left, a connection aborted).
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Without such an error this long, the shortage is over, and the log says so: not many times a second.
pub const ACCEPT_SETTLED: Duration = Duration::from_secs(5);
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

// ---- page and API ----

/// Characters of a public URL's path. It stands in the address that is handed out, and in each cookie's name.
pub const PATH_CHARACTERS: usize = 100;
/// Refusals of one status that the operator is told of in [`STRANGERS_FORGOTTEN`]: anybody can invent names, and a log is read.
pub const TOLD_STRANGERS: usize = 32;
/// For refusals to be told again: whoever invents many silences the true ones no longer than this.
pub const STRANGERS_FORGOTTEN: Duration = Duration::from_secs(3600);
/// Cookies of a request that are tried as one session: rooms of before, other programs and long paths leave a few of a name.
pub const COOKIES_TRIED: usize = 8;
/// Threads that answer page and API requests. Those that hash a password go to [`PASSWORD_WORKERS`].
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

// ---- the room's name in the local network ----

/// Characters of `--lan-name`: with a number after it, it is still a label of 63.
pub const LAN_NAME_CHARACTERS: usize = 60;
/// Names that are tried, `chat` to `chat-20`: more rooms than a school has at a time, unless somebody takes them all on purpose.
pub const LAN_NAMES: u32 = 20;
/// How often a name is asked for before it is used, and how long others then have to answer; also what a room waits before the first
/// question at most, so that those of a class which begins do not all ask at once (RFC 6762, 8.1).
pub const LAN_ASKED: u32 = 3;
pub const LAN_ASK_PAUSE: Duration = Duration::from_millis(250);
/// Before asking again where somebody else asked for the name at the same moment (8.2).
pub const LAN_LOST_PAUSE: Duration = Duration::from_secs(1);
/// Before all names are tried again where each was somebody's, or was said to be.
pub const LAN_AGAIN: Duration = Duration::from_secs(5 * 60);
/// How often it is said unasked that the name is taken now, and what lies between (8.3).
pub const LAN_TOLD: u32 = 2;
pub const LAN_TELL_PAUSE: Duration = Duration::from_secs(1);
/// Between two answers to a whole network (6), and to somebody who is about to take the name.
pub const LAN_REPEAT: Duration = Duration::from_secs(1);
pub const LAN_DEFENCE: Duration = Duration::from_millis(250);
/// Seconds that others remember an address, and what does not change with the network (10).
pub const LAN_TTL: u32 = 120;
pub const LAN_TYPE_TTL: u32 = 4_500;
/// Seconds at most for somebody who asks alone, and so hears of no change (6.7).
pub const LAN_ONE_TTL: u32 = 10;
/// Bytes of a message: a packet of Ethernet or Wi-Fi. Longer ones (17) are single large records, which nobody has of this name.
pub const LAN_BYTES: usize = 1_500;
/// Labels and pointers in all names of a message: a full one of usual names has 1,500, and one made to be slow 30,000.
pub const LAN_LABELS: usize = 2_000;
/// Messages that are read at once, and the pause after them: 800 a second are more than a busy school's network has.
/// Reading the slowest takes 13 µs: a flood costs a few hundredths of a core.
pub const LAN_AT_ONCE: usize = 8;
pub const LAN_PAUSE: Duration = Duration::from_millis(10);
/// How often the room looks for other networks: a laptop that was carried elsewhere is found in the time of a login.
pub const LAN_LOOK: Duration = Duration::from_secs(5);
/// What the banner waits for the name: a wait, three questions, and a little.
pub const LAN_BANNER: Duration = Duration::from_millis(1_200);

// ---- what a client may send ----

/// Payload bytes of one WebSocket frame or message: 4,000 scalar values of 4 bytes, escaped twice over.
pub const FRAME_BYTES: usize = 64 * 1024;
/// tungstenite's read buffer for each client, allocated for as long as it is connected: ten messages as people write them.
pub const READ_BUFFER_BYTES: usize = 2 * 1024;
/// Scalar values of one chat message. Two pages of text.
pub const MESSAGE_CHARACTERS: usize = 4_000;
/// Scalar values of a name.
pub const NAME_CHARACTERS: usize = 32;
/// Combining marks on one character of a name. Vowel, tone and sign of the scripts that stack most (Burmese, Tibetan,
/// pointed Hebrew) come to four, beyond what NFKC has composed; from about eight on a name paints over its neighbours.
pub const COMBINING_MARKS: usize = 4;
/// Scalar values of the room's title. It stands in one line of the page's header and of the banner.
pub const TITLE_CHARACTERS: usize = 80;
/// Numbers tried after a name that is taken ("Ana 2", …). More people of one name than this are no accident.
pub const NAME_SUGGESTIONS: usize = 20;
/// Characters of a `client_message_id`.
pub const CLIENT_MESSAGE_ID_CHARACTERS: usize = 64;
/// Characters of a `guest_key` or `tab_key`: from 96 bits to something that no browser would make.
pub const KEY_CHARACTERS: std::ops::RangeInclusive<usize> = 16..=64;
/// Characters of the answer to a frame that is no event, which quotes it: no longer than what it answers.
pub const REFUSAL_CHARACTERS: usize = 200;
/// The largest `--rate-limit` that is one: beyond it, say 0.
pub const RATE_LIMIT: u32 = 10_000;
/// What a budget saves at most, and so may be spent at once: ten messages at five a second.
pub const BURST: Duration = Duration::from_secs(2);
/// People who all at one address together may do as much as: a class that shares a router.
pub const ADDRESS_PEOPLE: u32 = 40;
/// Budgets that are remembered, some 250 bytes each; above it, the one asked for longest ago is full again. Each is an account's,
/// an address's or a name's, and all of these are hard to have many of.
pub const BUDGETS: usize = 40_000;
/// Bytes that a second buys at least: above the longest messages at full pace, so it only meets other floods.
pub const INBOUND_BYTES_PER_SECOND: u32 = 128 * 1024;
/// The least price of a frame that is no message: 16 a second. Each is a turn's work for the hub, and an address may have a
/// thousand connections: at 128 a second, three hundred took 40 per cent of its time.
pub const FRAME_PRICE: Duration = Duration::from_micros(62_500);
/// The price of a `join`: while the hub looks for a free name, everybody waits.
pub const JOIN_PRICE: Duration = Duration::from_millis(500);
/// Names that a connection may ask for free of charge: one, another where that is taken, and once more. They cost less than it.
pub const FREE_JOINS: u32 = 3;
/// Raw bytes that may come without completing a message: headers of endless fragments are met here.
pub const BYTES_WITHOUT_MESSAGE: usize = 4 * FRAME_BYTES;
/// A client is told that it is paced at most this often.
pub const RATE_LIMITED_NOTICE: Duration = Duration::from_secs(1);
/// For the hub to give a name to who joins with a key, before more is read of them: a turn, and what is before it.
pub const NAME_WAIT: Duration = Duration::from_millis(100);
/// How often that is looked for meanwhile.
pub const NAME_POLL: Duration = Duration::from_millis(1);
/// Where a wait does not hear that its socket is shut down (Windows), it looks this often: ten times a second for each client is
/// little for a class, and a stop that takes a tenth of a second longer is not noticed.
pub const SHUTDOWN_SLICE: Duration = Duration::from_millis(100);
/// A client that is paced looks this often whether the hub has closed it meanwhile.
pub const PACE_SLICE: Duration = Duration::from_millis(100);
/// One `typing` in this time counts, others are dropped.
pub const TYPING_EVERY: Duration = Duration::from_secs(3);
/// A client without a byte for this long gets a ping …
pub const PING_AFTER: Duration = Duration::from_secs(25);
/// … and is let go after this long: a Wi-Fi that went away sends no FIN. The others are told within a minute.
pub const IDLE: Duration = Duration::from_secs(58);

/// Signs that a room offers to react with: one row of them, on a phone too.
pub const SIGNS: usize = 8;
/// Bytes of one of them: the longest pictures of families have 25.
pub const SIGN_BYTES: usize = 32;

// ---- the hub ----

/// Commands waiting for the hub. A full channel makes a reader wait, and TCP slows its sender.
pub const HUB_COMMANDS: usize = 1024;
/// Bytes of requests a reader puts in one command.
pub const COMMAND_BYTES: usize = FRAME_BYTES;
/// The least that a request counts of them: an empty frame too is answered with a sentence.
pub const REQUEST_BYTES: usize = 256;
/// Messages of one turn, which is one transaction.
pub const TURN_MESSAGES: usize = 1024;
/// Encoded bytes of one turn, so that a turn is a small part of the window.
pub const TURN_BYTES: usize = 256 * 1024;
/// What a deletion counts of those: it is always about as long.
pub const DELETION_BYTES: usize = 96;
/// What a reaction counts of those: as long as an event with eight pictures is, and one stands for all of its message's in the turn.
pub const REACTION_BYTES: usize = 256;
/// Names that hosts are told of who has reacted with a sign: as many as are listed of those who are here.
pub const REACTORS: usize = PRESENCE_PERSONS;
/// A turn takes in no more after this long: a taken name costs up to half a millisecond where every name near it is taken too.
pub const TURN_TIME: Duration = Duration::from_millis(20);
/// Messages kept while the disk does not take them; further ones are refused at once.
pub const WAITING_MESSAGES: usize = 4 * TURN_MESSAGES;
/// Bytes of those messages.
pub const WAITING_BYTES: usize = 4 * TURN_BYTES;
/// A turn that the disk does not take for this long is refused with `not_saved`.
pub const SAVE_DEADLINE: Duration = Duration::from_secs(2);
/// Between two tries to save a turn.
pub const SAVE_RETRY: Duration = Duration::from_millis(50);
/// Encoded frames kept in memory for those who come back.
pub const KEPT_BYTES: usize = 4 * 1024 * 1024;
/// Positions for which they are kept. A frame that went with its message, or that a newer one replaces, leaves its place.
pub const KEPT_ENTRIES: usize = KEPT_BYTES / 64;
/// Newest positions whose frames are read from the store at start: what a class misses while a server restarts.
pub const KEPT_AT_START: u64 = 1_000;
/// The most that the hub itself sends to a client that registers; one that misses more catches up on its own thread.
pub const REGISTER_BYTES: usize = 64 * 1024;
/// The most that the hub hands out at once to a client that catches up. More than a turn adds, so that catching up has an end; not
/// all that is kept, since the handles of its frames alone can be a megabyte for each who comes back.
pub const CATCH_UP_BYTES: usize = 2 * TURN_BYTES;
/// Messages of a fresh load.
pub const FRESH_MESSAGES: usize = 50;
/// The newest bytes of what everybody is told, kept once for all who have not taken them yet. Who is further behind starts
/// afresh: at 16 MB/s, as fast as a busy room gets, these are two seconds.
pub const WINDOW_BYTES: usize = 32 * 1024 * 1024;
/// How old they may be: nobody has older ones to take from here. What the system has taken for them may be later still.
pub const WINDOW_AGE: Duration = Duration::from_secs(30);
/// How often it is looked for what has become too old, where nothing is said.
pub const WINDOW_STEP: Duration = Duration::from_millis(250);
/// Clients that start afresh in one turn: each is sent up to [`REGISTER_BYTES`], and the others wait for their next try.
pub const AFRESH_CLIENTS: usize = 64;
/// Unsent bytes for one client alone: answers, refusals, what hosts are told. Past it the client is cut off and resumes.
pub const OWN_BYTES: usize = 1024 * 1024;
/// The same for all clients. Past it the one with the most is cut off.
pub const ALL_OWN_BYTES: usize = 64 * 1024 * 1024;
/// A client that takes no byte for this long, though some wait, is cut off. Kernels open their windows in steps of seconds.
pub const STALL: Duration = Duration::from_secs(10);
/// Shortest and longest time until a blocked client is tried again.
pub const RETRY_WRITE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));
/// The kernel's send buffer for a client: autotuning would let it hold about 4 MB for each that stops reading.
pub const SEND_BUFFER_BYTES: usize = 128 * 1024;
/// Bytes in it that the system has not sent yet (Linux): on a slow line a full buffer would be many seconds of what was said, and
/// would seem to take nothing for as long.
pub const UNSENT_BYTES: u32 = 16 * 1024;
/// Pieces of what waits that one system call takes: a turn and some of a client's own between its parts.
pub const SLICES: usize = 16;
/// From our close frame until the socket is cut, for the peer to read it and answer.
pub const CLOSE_LINGER: Duration = Duration::from_secs(1);
/// Changes of who is here, who is typing and whose hand is up are told at most this often.
pub const COALESCE: Duration = Duration::from_millis(500);
/// Above this many persons only their number is told.
pub const PRESENCE_PERSONS: usize = 200;
/// How long typing is shown without being said again.
pub const TYPING_SHOWN: Duration = Duration::from_secs(5);
/// Names in a `typing` event; the rest is a number.
pub const TYPING_NAMES: usize = 3;
/// Hands that are up at a time, each with a question: more than a class, and some that nobody lowers.
pub const HANDS: usize = 200;
/// Hands that are told, the first ones: as many as a host calls in a lesson.
pub const HANDS_TOLD: usize = 50;
/// Scalar values of a question that goes with one: two lines of the host's list.
pub const QUESTION_CHARACTERS: usize = 200;
/// How long somebody's hand stays up while they are away: a reload, or a Wi-Fi that comes back.
pub const HAND_KEPT: Duration = Duration::from_secs(60);
/// Connections of one person: tabs, and sockets that died without a word.
pub const PERSON_CONNECTIONS: usize = 8;
/// Accounts that an address may bring at once: a class that shares a router, as many as [`ADDRESS_PEOPLE`].
pub const ACCOUNTS_AT_ONCE: u32 = ADDRESS_PEOPLE;
/// Names that nobody had; a few of the class correct theirs.
pub const NAMES_AT_ONCE: u32 = ADDRESS_PEOPLE + 10;
/// How long until it may bring one name more.
pub const NAME_EVERY: Duration = Duration::from_secs(5);
/// How long until it may bring one account more: its name is gone for ever.
pub const ACCOUNT_EVERY: Duration = Duration::from_secs(60);
/// Addresses of which that is remembered, some 60 bytes each; above it, the one that came longest ago is forgotten.
pub const NEWCOMERS_ADDRESSES: usize = 20_000;
/// How long a name that a host has freed is not for who had it: for whom it was freed has it by then.
pub const FREED: Duration = Duration::from_secs(10 * 60);
/// Such names that are remembered, a few hundred bytes each; the oldest goes when another is freed.
pub const FREED_NAMES: usize = 1_000;
/// Names that one `guest_key` may hold reserved.
pub const NAMES_PER_KEY: usize = 5;
/// Names kept for hosts without an account, until one frees them: more than a school has teachers. Further ones are as guests' are.
pub const HOST_NAMES: usize = 1_000;
/// Names that are tried for somebody whose own a host takes: more than are taken where nobody means harm, and some 20 ms.
pub const SPARE_NAMES: u32 = 10_000;
/// Names kept for guests' keys in all, some 300 bytes each.
pub const RESERVATIONS: usize = 20_000;
/// Those of one address: a school's network, and a part of all that leaves most of it to others.
pub const RESERVATIONS_PER_ADDRESS: usize = 1_000;
/// How long a guest's name that has spoken stays its own after it left: a school day.
pub const RESERVED: Duration = Duration::from_secs(12 * 60 * 60);
/// The same of one that has said nothing: a reload, a lost Wi-Fi.
pub const RESERVED_SILENT: Duration = Duration::from_secs(10 * 60);

/// Steps back of the machine's clock up to this long are not seen in the log: what a time server corrects. A larger one was
/// somebody's doing, and its times count.
pub const CLOCK_HOLD: Duration = Duration::from_secs(60);

// ---- what hosts decide ----

/// People who are muted, and as many who are out: more than a school would ever hold back, by name, at a time.
pub const HELD_BACK: usize = 1_000;
/// Things that each of them is known by: some tabs, and what they come back with. Above it nothing more is learnt.
pub const HELD_BACK_MARKS: usize = 64;
/// The longest pause of slow mode, in seconds.
pub const SLOW_MODE_SECONDS: u32 = 3_600;
/// Speakers whose last message is remembered for slow mode; above it, the time of who spoke longest ago is over.
pub const SLOW_MODE_SPEAKERS: usize = 20_000;
/// Minutes back to which a host deletes all that somebody has said: a lesson and a break.
pub const DELETE_RECENT_MINUTES: u32 = 60;
/// Messages deleted by that at once, the newest: more than anybody may send in a lesson. Each is an event for everybody.
pub const DELETE_RECENT: usize = 5_000;
/// Of them, so many in a turn: some ten milliseconds of the hub's time.
pub const DELETE_RECENT_TURN: usize = 500;
/// Messages that are looked through for them, the newest: a second of a reader's time.
pub const RECENT_ROWS: u64 = 1_000_000;
/// The same for whom a host names who is nobody any more: some milliseconds of the hub's time.
pub const AUTHOR_ROWS: u64 = 20_000;
/// Actions in the host's panel.
pub const HOST_ACTIONS_SHOWN: usize = 50;
/// Actions kept in all: a school year of busy lessons.
pub const HOST_ACTIONS: usize = 10_000;
/// Cleared messages, and reactions to them, overwritten in one go, and the pause after it: some milliseconds each, a million in less than a minute.
pub const OVERWRITE: (usize, Duration) = (500, Duration::from_millis(10));

// ---- reading the log ----

/// Answers from the log that are under way to the hub: each may have [`HISTORY_BYTES`].
pub const ANSWERS: usize = 4;
/// For such an answer to come up; then the client is asked to try again.
pub const ANSWER_WAIT: Duration = Duration::from_secs(2);
/// Messages of one `history`.
pub const HISTORY_MESSAGES: usize = 200;
/// Messages of a `history` that names no limit.
pub const HISTORY_DEFAULT: usize = 50;
/// Messages that a `history` is asked for by their ids: what the replies of a screen answer.
pub const HISTORY_IDS: usize = 50;
/// Encoded bytes of one `history`, and of one page read from the store.
pub const HISTORY_BYTES: usize = 256 * 1024;
/// Scalar values of a search. A sentence; each word of it is looked for by itself.
pub const QUERY_CHARACTERS: usize = 200;
/// Messages of one `results`.
pub const SEARCH_MESSAGES: usize = 50;
/// Messages of a `results` whose search names no limit.
pub const SEARCH_DEFAULT: usize = 20;
/// Messages that are looked at on a reader before others have their turn: one or two milliseconds, as a page of history.
pub const SEARCH_PAGE_ROWS: usize = 4_000;
/// Bytes of text of such a page, which makes the same of long messages.
pub const SEARCH_PAGE_BYTES: usize = 512 * 1024;
/// Messages that one search looks at: years of a class, for 50 ms of a core in ASCII and 150 in other alphabets.
pub const SEARCH_ROWS: usize = 250_000;
/// Bytes of text of those: the same of long messages.
pub const SEARCH_BYTES: usize = 64 * 1024 * 1024;
/// The longest search, where many search at once: then too it answers with what it has.
pub const SEARCH_TIME: Duration = Duration::from_secs(1);
/// Entries of one page read from the store for someone who catches up.
pub const CATCH_UP_ENTRIES: usize = 1_000;
/// Encoded bytes of such a page: everybody may take one at once, as slowly as they like, beside what the kernel holds.
pub const CATCH_UP_PAGE_BYTES: usize = 64 * 1024;

// ---- the store ----

/// How long a turn waits for somebody else's lock on the database before the hub hears of it.
pub const STORE_BUSY: Duration = Duration::from_millis(20);
/// The same where nobody in the room waits: while opening, for a reader, and for the last checkpoint.
pub const STORE_BUSY_ASIDE: Duration = Duration::from_secs(1);
/// Connections that read the log, shared by all clients: one for each core, and two at least: one may wait for a cold disk.
pub const READERS: std::ops::RangeInclusive<usize> = 2..=4;
/// A client's thread waits this long for one of them.
pub const READ_DEADLINE: Duration = Duration::from_secs(5);
/// The same while it catches up, perhaps with thousands of others: whoever gave up would come back and ask again.
pub const CATCH_UP_DEADLINE: Duration = Duration::from_secs(60);
/// Bytes of the write-ahead log between two checkpoints: SQLite's own default of 1,000 pages.
pub const CHECKPOINT_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of the write-ahead log above which the hub waits for a checkpoint: beside a flood none reaches its end. Four times as
/// much lets through 2 % more and makes the longest wait twice as long.
pub const WAL_BYTES: usize = 16 * 1024 * 1024;
/// The longest such pause. Who needs longer is pinned by another program's reading, and waiting would not help.
pub const SETTLE: Duration = Duration::from_millis(500);
/// Shortest and longest time between two tries to erase deleted text from the write-ahead log, which hold its write lock.
pub const RETRY_ERASE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
/// A room in which nothing has been written for this long is quiet, and all of the write-ahead log is copied: who then copies the
/// file has everything. It is looked for as often, which takes some microseconds.
pub const QUIET: Duration = Duration::from_secs(1);
/// Looks after which it is copied in a room that is never quiet: two commits and a sync of the file in so many seconds.
pub const BUSY_LOOKS: u32 = 5;
/// Pages of the database that a backup copies in one go: 4 MB, after which it says how far it is.
pub const COPY_PAGES: i32 = 1_000;
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
/// Pages that are given back to the disk in one go, with the pause of [`OVERWRITE`]: some milliseconds, a gigabyte in a minute or two.
pub const GIVE_BACK_PAGES: u64 = 50;
/// A copy that has no name yet and to which nothing was written for this long is nobody's any more, and makes room.
pub const DEAD_COPY: Duration = Duration::from_secs(60 * 60);
/// Tabs whose row is known without asking: more than can be connected. 48 bytes each.
pub const TABS_CACHED: usize = 16 * 1024;
/// Positions of the log that a start after a crash looks for: some ten milliseconds, and more than people say between two marks.
pub const CHECKED_AFTER_CRASH: u64 = 10_000;
/// Expired reservations removed at one start, so that a start after a long term stays short.
pub const EXPIRED_RESERVATIONS: usize = 1_000;

// ---- accounts ----

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
/// How long a browser that has logged in is known as one of the account's own.
pub const DEVICE: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// How long a browser is known at the door: most browsers keep no cookie for much longer.
pub const BROWSER: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// How long a language that was chosen stays, from the page's last load on.
pub const LANGUAGE: Duration = Duration::from_secs(365 * 24 * 60 * 60);
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
/// For the hub to take a question from the API, and for its answer.
pub const HUB_ANSWER: Duration = Duration::from_secs(2);
/// How long a change of an account waits for somebody else's lock on the database.
pub const ACCOUNTS_BUSY: Duration = Duration::from_secs(5);
/// How often it looks meanwhile: in a busy room, the hub leaves the database alone for less than a millisecond.
pub const ACCOUNTS_BUSY_POLL: Duration = Duration::from_millis(1);
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

// ---- logging ----

/// Log lines waiting for a terminal that does not take them. Further ones are counted and dropped.
pub const LOG_LINES: usize = 4096;
/// A line that is being written for this long is for nobody: the process ends without it.
pub const LOG_STALL: Duration = Duration::from_millis(500);
/// For the last lines to be written when the process ends: only a machine that is too busy to write one takes so long.
pub const LOG_FLUSH: Duration = Duration::from_secs(10);

// ---- stopping ----

/// From the signal until the process is gone, whatever clients do. Closing takes [`CLOSE_LINGER`] of it.
pub const STOP: Duration = Duration::from_secs(2);

const fn ms(duration: Duration) -> u128 {
    duration.as_millis()
}

const _: () = {
    const MOST: usize = REFUSALS + HAND_OVERS + PAGE_REQUESTS + PAGE_WORKERS + PASSWORD_WORKERS + TRANSCRIPTS;
    assert!(SPARE_THREADS as usize > MOST + 16);
    assert!(SPARE_DESCRIPTORS > 2 * PAGE_REQUESTS as u64 + 128);
    assert!(PAGE_REQUESTS > PASSWORD_QUEUE + PASSWORD_WORKERS, "the page must not wait for passwords");
    assert!(SPARE_MAPPINGS > SPARE_THREADS * THREAD_MAPPINGS + 4 * (WINDOW_BYTES / TURN_BYTES) as u64);
    assert!(ENTRY_STACK_BYTES < READER_STACK_BYTES, "readers must not get stacks that have been used");
    // glibc gives out a used stack of up to four times the size.
    assert!(4 * READER_STACK_BYTES < TRANSCRIPT_STACK_BYTES, "nor those of transcripts");
    assert!(16 * TURN_BYTES < WINDOW_BYTES, "the window must hold many turns");
    assert!(ms(STALL) < ms(WINDOW_AGE), "a client that takes nothing must be cut off, not start afresh");
    assert!(REGISTER_BYTES + HISTORY_BYTES < OWN_BYTES, "what the hub sends at once must fit what may wait");
    assert!(COMMAND_BYTES <= TURN_BYTES, "a command must fit a turn");
    assert!(TURN_MESSAGES * REACTION_BYTES <= TURN_BYTES, "a turn must take as many reactions as messages");
    assert!(
        2 * SIGNS * REACTORS * (NAME_CHARACTERS * 4 + 4) < OWN_BYTES,
        "what a host is told of a message must fit what may wait for one"
    );
    assert!(MESSAGE_CHARACTERS * 12 <= FRAME_BYTES, "every message must fit a frame, each character escaped");
    assert!(
        REGISTER_BYTES < CATCH_UP_BYTES && CATCH_UP_BYTES < KEPT_BYTES,
        "it must be kept to be handed out"
    );
    assert!(CATCH_UP_BYTES > TURN_BYTES, "catching up must be faster than what comes in");
    assert!(CATCH_UP_PAGE_BYTES < SEND_BUFFER_BYTES, "a slow reader costs its thread less than the kernel");
    assert!(BYTES_WITHOUT_MESSAGE > FRAME_BYTES, "a frame must fit what may come without a message");
    assert!(
        ms(BURST) * INBOUND_BYTES_PER_SECOND as u128 >= 1000 * BYTES_WITHOUT_MESSAGE as u128,
        "a frame must pass at once"
    );
    assert!(ms(IDLE) + ms(COALESCE) < 60_000, "everybody must be told within a minute that somebody is gone");
    assert!(ms(PING_AFTER) * 2 < ms(IDLE), "a ping and its answer must fit the idle time, twice");
    assert!(ms(PAGE_STOP) + ms(CLOSE_LINGER) < ms(STOP), "one after the other must fit");
    assert!(ms(CLOSE_LINGER) < ms(STOP), "closing must fit stopping");
    assert!(ms(LOG_STALL) < ms(STOP), "so must a log that nobody reads");
    assert!(ms(SAVE_RETRY) < ms(SAVE_DEADLINE));
    assert!(ms(STORE_BUSY) <= ms(SAVE_RETRY), "a try must not take longer than the time between two");
    assert!(*READERS.start() > 1, "a search must leave a reader to others");
    assert!(ms(SETTLE) < ms(SAVE_DEADLINE), "a pause must not look like a failing disk");
    assert!(ms(STORE_BUSY_ASIDE) < ms(STOP), "the last checkpoint must fit stopping");
    assert!(CHECKPOINT_BYTES < WAL_BYTES, "checkpoints must run long before the hub is paused for one");
    assert!(TURN_BYTES < WAL_BYTES);
    const HASHES_IN_A_ROW: u128 = (PASSWORD_QUEUE / PASSWORD_WORKERS) as u128;
    // The last of a full queue must be answered while its connection still waits.
    assert!(ms(PASSWORD_HASH_TIME) * HASHES_IN_A_ROW + ms(HUB_ANSWER) * 2 < ms(PAGE_DEADLINE));
    assert!(RESERVATIONS >= 20 * RESERVATIONS_PER_ADDRESS, "no few addresses may hold all names");
    assert!(ms(RESET_MAIL_EVERY) < ms(RESET));
};
