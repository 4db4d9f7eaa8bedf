//! Secrets that a browser holds and the server only recognises: session cookies, reset links.

use std::fmt;
use std::io;

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::sys::random::random;

/// SHA-256 of a [`Token`]: all that is stored. It cannot be used in a token's place.
pub(crate) type TokenHash = [u8; 32];

/// 256 random bits. Its `Debug` does not show them.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl Token {
    /// A new one.
    pub fn random() -> io::Result<Token> {
        random().map(Token)
    }

    /// Reads what [`Token::text`] wrote; nothing else is a token.
    pub fn parse(text: &str) -> Option<Token> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        bytes.try_into().ok().map(Token)
    }

    /// 43 characters that may stand in a cookie and in a link.
    pub fn text(&self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }

    #[cfg(test)]
    pub(super) fn raw(&self) -> &[u8] {
        &self.0
    }

    /// The part that is stored.
    pub fn hash(&self) -> TokenHash {
        Sha256::digest(self.0).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Token(…)")
    }
}

/// Equality in a time that tells nothing of where two secrets differ; their lengths are no secret.
pub(crate) fn same(given: &[u8], known: &[u8]) -> bool {
    given.ct_eq(known).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_text_and_nothing_else_is_one() {
        let token = Token::random().expect("random");
        let text = token.text();
        assert_eq!(text.len(), 43);
        assert_eq!(Token::parse(&text).map(|token| token.hash()), Some(token.hash()));
        for bad in
            ["", "abc", &text[1..], &format!("{text}A"), &format!("{text}="), &text.replace(&text[..1], "+")]
        {
            assert!(Token::parse(bad).is_none(), "{bad}");
        }
        assert_ne!(Token::random().expect("random").hash(), token.hash());
        assert!(!format!("{token:?}").contains(&text));
        assert!(!token.hash().windows(8).any(|part| token.0.windows(8).any(|own| own == part)));
    }
}
