//! The code that signing up needs in a room for members only.

use std::fmt;
use std::io;

use super::token::same;
use crate::sys::random::random;

/// Digits and letters without those that look like another.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a code: 60 random bits.
const CHARACTERS: usize = 12;

/// A code that the host shows to newcomers. Every start makes another: last year's photo opens nothing. Its `Display` is what
/// people read and type.
#[derive(Clone)]
pub struct InviteCode([u8; CHARACTERS]);

impl InviteCode {
    /// A new one.
    pub fn random() -> io::Result<InviteCode> {
        let bytes = random::<CHARACTERS>()?;
        Ok(InviteCode(bytes.map(|byte| ALPHABET[usize::from(byte) % ALPHABET.len()])))
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
        let (one, other) = (InviteCode::random().expect("random"), InviteCode::random().expect("random"));
        assert!(one.is(&one.to_string()) && !one.is(&other.to_string()));
        assert!(!format!("{one:?}").contains(&one.to_string()));
    }
}
