//! Email addresses: which there are, and when two are one; pure.

use crate::limits::EMAIL_BYTES;
use crate::protocol::Reason;

/// An email address as its owner wrote it, in the form that browsers' email fields let through. Compared without
/// regard to case: `Ana@School.example` is `ana@school.example`.
#[derive(Debug, Clone)]
pub struct Email(String);

impl Email {
    /// Reads an address, trimmed. ASCII only: a domain of other letters has an `xn--` form, which browsers make.
    ///
    /// # Errors
    /// When it is none. What passes has no space, line end, comma, bracket or leading hyphen, so it means one
    /// recipient to every mail program.
    pub fn parse(text: &str) -> Result<Email, Reason> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(Reason::EmailInvalid)?;
        let local_byte = |b: u8| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&b);
        let local_fits =
            (1..=64).contains(&local.len()) && !local.starts_with('-') && local.bytes().all(local_byte);
        let label_fits = |label: &str| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(plain)
        };
        let fits = text.len() <= EMAIL_BYTES && local_fits && domain.split('.').all(label_fits);
        if fits { Ok(Email(text.to_owned())) } else { Err(Reason::EmailInvalid) }
    }

    /// An address that nobody has, in place of a text that is none: so it can be answered like any unknown one.
    pub fn nobodys() -> Email {
        Email(String::new()) // which nobody can sign up with
    }

    /// The address as its owner wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the @.
    pub fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or(&self.0, |(local, _)| local)
    }

    /// The form in which two addresses are compared.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_takes_for_an_address_is_one() {
        for good in [
            "a@b",
            "ana@school.example",
            "Ana.B+chat@School.Example",
            "o'neil@x.ie",
            "a@xn--bcher-kva.example",
        ] {
            assert_eq!(Email::parse(&format!(" {good} ")).map(|email| email.0).as_deref(), Ok(good));
        }
        let long = format!("a@{}.example", "b".repeat(63));
        assert!(Email::parse(&long).is_ok());
    }

    #[test]
    fn what_could_mislead_a_mail_program_is_none() {
        for bad in [
            "",
            "ana",
            "@b",
            "a@",
            "a@b@c",
            "a b@c",
            "a@b c",
            "a@b\nBcc: x@y",
            "a\r@b",
            "a,b@c",
            "a@b,c@d",
            "<a@b>",
            "a@b>",
            "\"a\"@b",
            "-f@b",
            "a@-b",
            "a@b-",
            "a@b..c",
            "a@.b",
            "a@b.",
            "ä@b",
            "a@bücher.example",
            "a@b;c",
            "a(b)@c",
        ] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Email::parse(&format!("{}@b", "a".repeat(65))).is_err());
        assert!(Email::parse(&format!("a@{}", vec!["b".repeat(60); 5].join("."))).is_err());
    }
}
