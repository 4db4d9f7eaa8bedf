//! Why a name is refused.

use serde::Serialize;

use crate::limits::{COMBINING_MARKS, NAME_CHARACTERS, PERSON_CONNECTIONS};

/// The stable key of a reason (`reason`) and what its sentence names (`values`), as refusals carry them. Its `Display` is the
/// sentence, for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[allow(clippy::enum_variant_names)] // they are keys of the wire, where others stand beside them
#[serde(tag = "reason", content = "values", rename_all = "snake_case")]
pub enum Reason {
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
}

impl Reason {
    pub(crate) fn too_long(characters: usize) -> Reason {
        Reason::NameTooLong { characters, limit: NAME_CHARACTERS }
    }

    pub(crate) fn invisible(c: char) -> Reason {
        Reason::NameInvisibleCharacter { character: format!("U+{:04X}", u32::from(c)) }
    }

    pub(crate) const TOO_MANY_ACCENTS: Reason = Reason::NameTooManyAccents { limit: COMBINING_MARKS };
    pub(crate) const IN_MANY_TABS: Reason = Reason::NameInManyTabs { limit: PERSON_CONNECTIONS };
}
