//! What is said on the wire: how long, and how many.

// ---- what a client may say ----

/// Payload bytes of one WebSocket frame or message: 4,000 scalar values of 4 bytes, escaped twice over.
pub const FRAME_BYTES: usize = 64 * 1024;
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
/// Characters of a public URL's path. It stands in the address that is handed out, and in each cookie's name.
pub const PATH_CHARACTERS: usize = 100;
/// Characters of a `client_message_id`.
pub const CLIENT_MESSAGE_ID_CHARACTERS: usize = 64;
/// Characters of a `guest_key` or `tab_key`: from 96 bits to something that no browser would make.
pub const KEY_CHARACTERS: std::ops::RangeInclusive<usize> = 16..=64;
/// Characters of the answer to a frame that is no event, which quotes it: no longer than what it answers.
pub const REFUSAL_CHARACTERS: usize = 200;

// ---- what it may ask for ----

/// Messages of one `history`.
pub const HISTORY_MESSAGES: usize = 200;
/// Messages of a `history` that names no limit.
pub const HISTORY_DEFAULT: usize = 50;
/// Messages that a `history` is asked for by their ids: what the replies of a screen answer.
pub const HISTORY_IDS: usize = 50;
/// Scalar values of a search. A sentence; each word of it is looked for by itself.
pub const QUERY_CHARACTERS: usize = 200;
/// Messages of one `results`.
pub const SEARCH_MESSAGES: usize = 50;
/// Messages of a `results` whose search names no limit.
pub const SEARCH_DEFAULT: usize = 20;

// ---- hands and reactions ----

/// Scalar values of a question that goes with a raised hand: two lines of the host's list.
pub const QUESTION_CHARACTERS: usize = 200;
/// Signs that a room offers to react with: one row of them, on a phone too.
pub const SIGNS: usize = 8;
/// Bytes of one of them: the longest emoji, those of families, have 25.
pub const SIGN_BYTES: usize = 32;
