//! Why the server says no: each reason's stable key, what its sentence names, and the sentence.

use serde::Serialize;

use super::ErrorCode;
use crate::limits;

/// The stable key of a reason (`reason`) and what its sentence names (`values`), as refusals carry them. Its `Display` is the
/// sentence, for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "reason", content = "values", rename_all = "snake_case")]
pub enum Reason {
    // ---- what a name may be ----
    #[error("Please choose a name.")]
    NameEmpty,
    #[error("This name has {characters} characters; at most {limit} fit.")]
    NameTooLong { characters: usize, limit: usize },
    /// In control of the text around it, blank, or without a meaning (yet).
    #[error("This name contains a character that nobody can see or read ({character}); please leave it out.")]
    NameInvisibleCharacter { character: String },
    /// A combining mark with nothing to stand on.
    #[error("An accent in this name stands on its own; please put it on a letter.")]
    NameLooseAccent,
    #[error("A letter in this name has more than {limit} accents; please use fewer.")]
    NameTooManyAccents { limit: usize },

    // ---- whose a name is ----
    /// Somebody else is here under it.
    #[error("Somebody here has this name.")]
    NameTakenHere,
    #[error("This name belongs to a member. If it is yours, log in; else choose another.")]
    NameTakenByMember,
    #[error("This name belongs to a host.")]
    NameTakenByHost,
    /// Somebody is signing up with it just now.
    #[error("Somebody is just signing up with this name.")]
    NameTakenAtSignup,
    /// It is kept for another browser.
    #[error("This name belongs to somebody who was here today.")]
    NameKept,
    #[error("Somebody with this name was removed from the room.")]
    NameRemoved,
    /// It is theirs, and on as many connections as may be.
    #[error("This name is open in {limit} tabs already: close one of them.")]
    NameInManyTabs { limit: usize },
    #[error("This name looks like {username}, who is here.")]
    NameLooksLike { username: String },
    #[error("This name looks like {username}, who was here today.")]
    NameLooksLikeKept { username: String },
    #[error("This name looks like a member's. If that is you, log in; else choose another.")]
    NameLooksLikeMember,
    #[error("This name looks like a host's.")]
    NameLooksLikeHost,
    /// They had it until just now.
    #[error("A host has freed this name for somebody else. Choose another.")]
    NameFreed,
    /// A host has it in a moment.
    #[error("Somebody has this name still, and it is yours in a moment. Send it again.")]
    NameBeingFreed,
    #[error("An account keeps its name, unless a host frees it.")]
    AccountKeepsName,

    // ---- what a request must be ----
    #[error("Not a valid event: it must be a JSON object.")]
    EventNotAnObject,
    #[error("Not a valid event: {error}.")]
    EventInvalid { error: String },
    #[error("There is no event '{event}' here.")]
    EventUnknown { event: String },
    #[error("There is no action '{action}' here.")]
    ActionUnknown { action: String },
    #[error("'{action}' needs a `username`.")]
    ActionNeedsUsername { action: String },
    #[error("'slow_mode' needs `seconds`, 0 to {limit}.")]
    SlowModeOutOfRange { limit: u32 },
    #[error("'set_title' needs a `title` of 1 to {limit} characters in one line.")]
    TitleInvalid { limit: usize },
    #[error("'delete_recent' needs `minutes`, 1 to {limit}.")]
    MinutesOutOfRange { limit: u32 },
    #[error("A join has a `username`, unless you are logged in.")]
    JoinWithoutUsername,
    #[error("A {field} has {least} to {limit} characters of A-Z, a-z, 0-9, '-' and '_'.")]
    KeyInvalid { field: String, least: usize, limit: usize },
    #[error("This connection has told another `{field}`: connect again to change it.")]
    KeyChanged { field: String },
    #[error("The limit of a {of} is 1 to {limit}.")]
    LimitOutOfRange { of: String, limit: usize },
    #[error("Please type what to look for: at least one word.")]
    SearchEmpty,
    #[error("A search may have {limit} characters.")]
    SearchTooLong { limit: usize },

    // ---- messages ----
    #[error("A message may have {limit} characters.")]
    MessageTooLong { limit: usize },
    #[error("The message is empty.")]
    MessageEmpty,
    #[error("A client_message_id has 1 to {limit} characters.")]
    MessageIdLength { limit: usize },
    #[error("This client_message_id was used for another text.")]
    MessageIdReused,
    #[error("Join with a name before you send.")]
    SendWithoutName,
    #[error("Join with a name before you delete.")]
    DeleteWithoutName,
    #[error("There is no such message, or it is deleted already.")]
    MessageNotFound,
    #[error("Only a host deletes what others have said.")]
    MessageOfAnother,
    #[error("This could not be saved, and nobody saw it. Try again.")]
    MessageNotSaved,
    #[error("The room's history is full, and nobody saw this. A host can clear it.")]
    HistoryFull,

    // ---- hands ----
    #[error("Join with a name before you raise your hand.")]
    RaiseWithoutName,
    #[error("A question may have {limit} characters.")]
    QuestionTooLong { limit: usize },
    #[error("{limit} hands are up already. Try again when some are down.")]
    HandsFull { limit: usize },
    #[error("{username} has no hand up.")]
    HandNotUp { username: String },

    // ---- how fast ----
    #[error(
        "You, or all at your address together, send faster than this room allows. It is read, only later."
    )]
    TooFast,
    #[error("The history cannot be read just now. Try again.")]
    HistoryBusy,
    #[error("Many people have come from your network just now. Try again in {seconds} seconds.")]
    ManyNewNames { seconds: u64 },
    #[error("Many people have signed up from your network just now. Try again in {seconds} seconds.")]
    ManyNewAccounts { seconds: u64 },
    #[error("Slow mode: one message every {pause} seconds. The next one in {seconds}.")]
    SlowMode { pause: u32, seconds: u64 },

    // ---- what hosts have decided ----
    #[error("A host has removed you from this room.")]
    Removed,
    #[error("This room is for members only. Log in, or sign up with the code that its host shows.")]
    MembersOnly,
    #[error("The host has locked the room.")]
    RoomLocked,
    #[error("Only hosts write just now: you keep the name that you have.")]
    NameKeptWhileLocked,
    #[error("The host has muted you.")]
    Muted,
    /// The browser's next user is told so, too.
    #[error("As {username} you are muted, and keep that name. If you are somebody else, tell the host.")]
    NameKeptWhileMuted { username: String },
    #[error("Names stay as they are just now: you keep the one that you have.")]
    NamesFixed,
    #[error("The host has closed the door: nobody new gets a name. You can read along.")]
    DoorClosed,

    // ---- what hosts are told ----
    #[error("Only a host may do this.")]
    NotHost,
    #[error("You cannot do this to yourself.")]
    ActionOnOneself,
    #[error("{username} is a host too. To end all other hosts, run: chat-app host-link --new")]
    ActionOnHost { username: String },
    #[error("{limit} people are held back already: let some of them back first.")]
    HeldBackFull { limit: usize },
    #[error("{username} is not muted.")]
    NotMuted { username: String },
    #[error("{username} is not out.")]
    NotOut { username: String },
    #[error("They are not here, so their device is not known. Remove them without it.")]
    DeviceUnknown,
    #[error("Their device has your own address: you would be out too. Remove them without it.")]
    DeviceIsYours,
    #[error("They come through a proxy, as others do. Remove them without their device.")]
    DeviceBehindProxy,
    #[error(
        "Their device counts as one with this computer, and maybe with all others here. Remove them without it."
    )]
    DeviceIsThisComputer,
    #[error("Another host has the address of their device. Remove them without it.")]
    DeviceIsHosts,
    #[error("{username} has said nothing in that time, or it is deleted already.")]
    NothingRecent { username: String },
    #[error("{username} is nobody's name.")]
    NameNobodys { username: String },
    #[error("No other name is free for whoever has this one.")]
    NoSpareName,
    #[error("The other name could not be saved. Try again.")]
    NameNotSaved,
    #[error(
        "Anybody may sign up here, so there is no invite code. A room for members has one: --members-only"
    )]
    InviteNotNeeded,
    #[error("The new code could not be saved, and the old one counts. Try again.")]
    InviteNotSaved,
    #[error("Hosts ask for too much at once. Try again.")]
    HostsBusy,
    #[error("There is no account with the name {username}.")]
    ResetWithoutAccount { username: String },
    #[error("The link could not be saved. Try again.")]
    ResetNotSaved,
    #[error("Too many people need a link at once. Try again.")]
    ResetBusy,

    // ---- accounts ----
    #[error("This is not an email address such as ana@school.example.")]
    EmailInvalid,
    #[error("There is an account with this address already: log in, or ask for a new password.")]
    EmailTaken,
    #[error("A password has at least {limit} characters.")]
    PasswordTooShort { limit: usize },
    /// Refused, so that nothing of a password is ever cut off.
    #[error("A password has at most {limit} characters.")]
    PasswordTooLong { limit: usize },
    #[error("This is one of the passwords that everybody tries first; please choose another.")]
    PasswordCommon,
    /// The address or the name itself.
    #[error("Your own name or address is tried first; please choose another password.")]
    PasswordOwnName,
    #[error("This is not your password.")]
    PasswordWrong,
    /// The same whatever was wrong: it must not tell who has an account.
    #[error("Email address or password is wrong.")]
    LoginWrong,
    #[error("Log in first.")]
    NotLoggedIn,
    #[error("Signing up needs the invite code that the host shows. This is not it.")]
    InviteWrong,
    #[error("This link was used, is older than {minutes} minutes, or a newer one took its place.")]
    ResetLinkInvalid { minutes: u64 },
    #[error("This host link is not whole, or a newer one has taken its place.")]
    HostLinkInvalid,
    #[error(
        "This link was used, or is older than a minute. Use the link in the window where the room runs, or start the room again."
    )]
    HostLinkSpent,
    #[error(
        "This link works on the host's own computer, at localhost. For other devices: chat-app host-link."
    )]
    HostElsewhere,
    /// No refusal: what comes next, the same for all addresses.
    #[error("If there is such an account, a link is on its way to this address.")]
    ForgotMailed,
    /// The same where the room mails nothing.
    #[error("If there is such an account, the host has been told. Ask them for your link.")]
    ForgotTold,
    #[error("This room has as many accounts as it can have.")]
    AccountsFull,
    #[error("That was tried too often. Try again in {seconds} seconds.")]
    TriedTooOften { seconds: u64 },

    // ---- requests over HTTP ----
    #[error("The room is full. Its host can allow more: --max-clients")]
    RoomFull,
    #[error(
        "There are too many connections from your address. The room's host can allow more: --max-clients-per-address"
    )]
    AddressFull,
    #[error("The room is busy just now. Try again.")]
    RoomBusy,
    #[error("Too many people log in just now. Try again.")]
    LoginsBusy,
    #[error("Too many transcripts are being made. Try again.")]
    TranscriptsBusy,
    #[error("Only a host may take the transcript. Open the host link in this browser first.")]
    TranscriptForHosts,
    #[error("A page of this room sends its Origin; add yours to use the API without one.")]
    OriginMissing,
    #[error("Send JSON, as application/json.")]
    BodyNotJson,
    #[error("The body is not what this address takes: {error}.")]
    BodyInvalid { error: String },
    #[error("There is no such address in this API.")]
    AddressUnknown,
    #[error("{method} is not possible here; use {allowed}.")]
    MethodNotAllowed { method: String, allowed: String },
}

impl Reason {
    pub(crate) fn too_long(characters: usize) -> Reason {
        Reason::NameTooLong { characters, limit: limits::NAME_CHARACTERS }
    }

    pub(crate) fn invisible(c: char) -> Reason {
        Reason::NameInvisibleCharacter { character: format!("U+{:04X}", u32::from(c)) }
    }

    pub(crate) const TOO_MANY_ACCENTS: Reason = Reason::NameTooManyAccents { limit: limits::COMBINING_MARKS };
    pub(crate) const IN_MANY_TABS: Reason = Reason::NameInManyTabs { limit: limits::PERSON_CONNECTIONS };

    /// The code of an `error` event for this reason.
    pub(crate) fn code(&self) -> ErrorCode {
        use Reason::*;
        match self {
            NameEmpty
            | NameTooLong { .. }
            | NameInvisibleCharacter { .. }
            | NameLooseAccent
            | NameTooManyAccents { .. } => ErrorCode::BadUsername,
            NameTakenHere
            | NameTakenByMember
            | NameTakenByHost
            | NameTakenAtSignup
            | NameKept
            | NameRemoved
            | NameFreed
            | NameInManyTabs { .. }
            | NameLooksLike { .. }
            | NameLooksLikeKept { .. }
            | NameLooksLikeMember
            | NameLooksLikeHost
            | NoSpareName => ErrorCode::NameTaken,
            MessageTooLong { .. } | SearchTooLong { .. } | QuestionTooLong { .. } => ErrorCode::TooLong,
            MessageEmpty => ErrorCode::Empty,
            SendWithoutName | DeleteWithoutName | RaiseWithoutName => ErrorCode::NameRequired,
            MembersOnly => ErrorCode::LoginRequired,
            TooFast
            | HistoryBusy
            | ManyNewNames { .. }
            | ManyNewAccounts { .. }
            | NameBeingFreed
            | HostsBusy
            | ResetBusy => ErrorCode::RateLimited,
            MessageNotSaved | HistoryFull | ResetNotSaved | NameNotSaved | InviteNotSaved => {
                ErrorCode::NotSaved
            }
            MessageOfAnother | NotHost => ErrorCode::NotHost,
            MessageNotFound
            | NotMuted { .. }
            | NotOut { .. }
            | NothingRecent { .. }
            | NameNobodys { .. }
            | HandNotUp { .. }
            | ResetWithoutAccount { .. } => ErrorCode::NotFound,
            RoomLocked | NameKeptWhileLocked => ErrorCode::Locked,
            DoorClosed => ErrorCode::DoorClosed,
            Removed => ErrorCode::Removed,
            NamesFixed => ErrorCode::NamesFixed,
            Muted | NameKeptWhileMuted { .. } => ErrorCode::Muted,
            SlowMode { .. } => ErrorCode::SlowMode,
            _ => ErrorCode::BadRequest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_its_key_and_what_its_sentence_names() {
        let slow = Reason::SlowMode { pause: 30, seconds: 12 };
        let wire = serde_json::json!({"reason": "slow_mode", "values": {"pause": 30, "seconds": 12}});
        assert_eq!(serde_json::to_value(&slow).ok(), Some(wire));
        assert_eq!(slow.to_string(), "Slow mode: one message every 30 seconds. The next one in 12.");
        let plain = serde_json::json!({"reason": "not_host"});
        assert_eq!(serde_json::to_value(Reason::NotHost).ok(), Some(plain), "no empty values");
    }
}
