//! The code that signing up needs in a room for members only.

use std::fmt;
use std::io;
use std::sync::PoisonError;

use super::token::same;
use super::{Accounts, Unavailable};
use crate::store::sql;
use crate::sys::random::random;

/// Digits and letters without those that look like another.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a code: 60 random bits.
const CHARACTERS: usize = 12;

/// A code that the host shows to newcomers, until a host makes another. Its `Display` is what people read and type.
#[derive(Clone)]
pub struct InviteCode([u8; CHARACTERS]);

impl InviteCode {
    /// A new one.
    pub fn random() -> io::Result<InviteCode> {
        let bytes = random::<CHARACTERS>()?;
        Ok(InviteCode(bytes.map(|byte| ALPHABET[usize::from(byte) % ALPHABET.len()])))
    }

    /// What its `Display` wrote.
    fn stored(text: &str) -> Option<InviteCode> {
        let plain: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
        plain.try_into().ok().map(InviteCode)
    }

    /// Whether somebody typed this code: in any case, with or without hyphens, an O for a 0.
    pub fn is(&self, typed: &str) -> bool {
        let plain = typed.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'-');
        let read = plain.map(|byte| match byte.to_ascii_uppercase() {
            b'O' => b'0',
            b'I' | b'L' => b'1',
            other => other,
        });
        same(&read.take(CHARACTERS + 1).collect::<Vec<_>>(), &self.0)
    }
}

impl Accounts {
    /// Signing up needs a code from here on: the one that the room has had so far, or a first one.
    pub fn need_invite(&self) -> Result<InviteCode, Unavailable> {
        let kept: Option<Option<String>> = sql::value(&self.reader(), "SELECT invite_code FROM room", [])?;
        match kept.flatten().and_then(|text| InviteCode::stored(&text)) {
            Some(code) => {
                *self.invite.lock().unwrap_or_else(PoisonError::into_inner) = Some(code.clone());
                Ok(code)
            }
            None => self.new_invite(),
        }
    }

    /// Another code, in place of the one so far, which opens nothing any more.
    pub fn new_invite(&self) -> Result<InviteCode, Unavailable> {
        let code = InviteCode::random()?;
        let mut invite = self.invite.lock().unwrap_or_else(PoisonError::into_inner);
        sql::run(&self.writer(), "UPDATE room SET invite_code = ?1", [code.to_string()])?;
        *invite = Some(code.clone());
        Ok(code)
    }

    /// Whether somebody who types this may sign up: anybody, where no code is needed.
    pub fn admits(&self, typed: Option<&str>) -> bool {
        let invite = self.invite.lock().unwrap_or_else(PoisonError::into_inner);
        invite.as_ref().is_none_or(|code| typed.is_some_and(|typed| code.is(typed)))
    }
}

impl fmt::Display for InviteCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups: Vec<_> = self.0.chunks(4).map(String::from_utf8_lossy).collect();
        f.write_str(&groups.join("-"))
    }
}

impl fmt::Debug for InviteCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("InviteCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = InviteCode(*b"0123ABCDWXYZ");
        assert_eq!(code.to_string(), "0123-ABCD-WXYZ");
        for typed in ["0123-ABCD-WXYZ", "0123abcdwxyz", " oL23 abcd wxyz "] {
            assert!(code.is(typed), "{typed}");
        }
        for typed in ["", "0123-ABCD-WXY", "0123-ABCD-WXYZ0", "0123-ABCD-WXYY", "é"] {
            assert!(!code.is(typed), "{typed}");
        }
        assert!(InviteCode::stored(&code.to_string()).is_some_and(|again| again.is("0123ABCDWXYZ")));
        let (one, other) = (InviteCode::random().expect("random"), InviteCode::random().expect("random"));
        assert!(one.is(&one.to_string()) && !one.is(&other.to_string()));
        assert!(!format!("{one:?}").contains(&one.to_string()));
    }
}
