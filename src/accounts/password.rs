//! Passwords: which ones may be chosen, and how they are kept.
//!
//! A password is kept as an argon2id hash in the PHC form, which names its own parameters: an older hash goes on
//! being checked as it was made. One hash costs [`limits::PASSWORD_HASH_KIB`] and some 25 ms, so whoever calls
//! [`Password::hash`] or [`Password::is`] has to be one of few threads ([`limits::PASSWORD_WORKERS`]).

use std::cell::RefCell;
use std::fmt;

use argon2::password_hash;
use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use unicode_normalization::UnicodeNormalization;

use super::Unavailable;
use crate::limits;
use crate::protocol::Reason;
use crate::sys::random::random;

/// The most common passwords in their plainest form: lower case, letters only.
const COMMON: &str = include_str!("common_passwords.txt");

/// A hash of a random password that nobody knows, to be checked where there is no account: the answer to an unknown
/// address takes as long as that to a wrong password.
pub(crate) const NOBODYS_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$GT5LrrDrEd9gRgaOx+XzvA$\
                                RcWzO4SuqucllDjSgdaJ4YMkKtjSdu355OHzTPWY14w";

/// Bytes of a hash's salt.
const SALT_BYTES: usize = 16;

/// A password as a person typed it. Its `Debug` does not show it.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// A password given as a proof: whatever it is, it is right or wrong.
    ///
    /// One character may be typed in two ways (é, or e and its accent), so the composed form counts.
    pub fn given(text: &str) -> Password {
        Password(text.nfc().collect())
    }

    /// A new password for somebody with these names (address, the part before its @, name in the room).
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn choose(text: &str, own_names: &[&str]) -> Result<Password, Reason> {
        let password = Password::given(text);
        let count = password.0.chars().count();
        if count < *limits::PASSWORD_CHARACTERS.start() {
            return Err(Reason::PasswordTooShort { limit: *limits::PASSWORD_CHARACTERS.start() });
        }
        if count > *limits::PASSWORD_CHARACTERS.end() {
            return Err(Reason::PasswordTooLong { limit: *limits::PASSWORD_CHARACTERS.end() });
        }
        let lower = password.0.to_lowercase();
        if own_names.iter().any(|name| name.to_lowercase() == lower) {
            return Err(Reason::PasswordOwnName);
        }
        if is_common(&lower) { Err(Reason::PasswordCommon) } else { Ok(password) }
    }

    /// Its hash, with a salt of its own, in the PHC form.
    ///
    /// # Errors
    /// When the system has no random numbers or no memory.
    pub fn hash(&self) -> Result<String, Unavailable> {
        self.hash_with(&random::<SALT_BYTES>()?)
            .map_err(|error| Unavailable::Other(format!("a password could not be hashed: {error}")))
    }

    fn hash_with(&self, salt: &[u8]) -> password_hash::Result<String> {
        let (argon2, salt) = (argon2(), Salt::new(salt)?);
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: argon2.params().try_into()?,
            hash: Some(derive(&argon2, &self.0, &salt, Params::DEFAULT_OUTPUT_LEN)?),
            salt: Some(salt),
        };
        Ok(hash.to_string())
    }

    /// Whether `hash` is this password's. Takes as long either way.
    pub fn is(&self, hash: &str) -> bool {
        self.proves(hash).is_some_and(|is_it| is_it)
    }

    /// None of what is no hash of ours.
    fn proves(&self, hash: &str) -> Option<bool> {
        let hash = PasswordHash::new(hash).ok()?;
        let (salt, expected) = (hash.salt?, hash.hash?);
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
        let version = Version::try_from(hash.version?).ok()?;
        let params = Params::try_from(&hash).ok()?;
        let output = derive(&Argon2::new(algorithm, version, params), &self.0, &salt, expected.len()).ok()?;
        Some(output == expected) // compares in constant time
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Password(…)")
    }
}

/// argon2's output, worked out in memory that its thread keeps: given back each time, an allocator holds on to many such
/// blocks, and forty logins grew the process by 300 MiB for good.
fn derive(argon2: &Argon2, password: &str, salt: &Salt, bytes: usize) -> password_hash::Result<Output> {
    thread_local! {
        static MEMORY: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
    }
    let mut output = [0; Output::MAX_LENGTH];
    let output = output.get_mut(..bytes).ok_or(password_hash::Error::OutputSize)?;
    MEMORY.with_borrow_mut(|memory| {
        memory.resize(argon2.params().block_count(), Block::default());
        argon2.hash_password_into_with_memory(password.as_bytes(), salt, output, &mut memory[..])
    })?;
    Output::new(output).map_err(Into::into)
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(limits::PASSWORD_HASH_KIB, limits::PASSWORD_HASH_PASSES, 1, None);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.expect("the limits are in argon2's range"))
}

/// Whether a password (in lower case) is among the first that anybody tries: a common word, whatever few digits or
/// signs stand before or after it; a run of neighbours; a short piece again and again.
fn is_common(lower: &str) -> bool {
    /// More than this around a word is a password of its own.
    const DECORATION: usize = 4;
    let not_letter = |c: char| !c.is_alphabetic();
    let plain = |text: &str| {
        let bare = text.trim_matches(not_letter);
        let decorated = text.chars().count() - bare.chars().count() <= DECORATION;
        decorated && COMMON.lines().any(|word| word == bare)
    };
    plain(lower) || plain(&with_letters(lower)) || is_run(lower) || is_repeated(lower)
}

/// `p4$$w0rd` is `password`: the usual signs in place of letters, where letters follow.
fn with_letters(text: &str) -> String {
    let last_letter = text.rfind(char::is_alphabetic).unwrap_or(0);
    let letter = |(index, c): (usize, char)| match c {
        _ if index > last_letter => c,
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    text.char_indices().map(letter).collect()
}

/// Neighbours all along, in the alphabet, on the digits or on a keyboard: `12345678`, `hgfedcba`, `asdfghjkl`.
fn is_run(text: &str) -> bool {
    const ROWS: [&str; 8] = [
        "1234567890",
        "abcdefghijklmnopqrstuvwxyz",
        "qwertyuiop",
        "qwertzuiop",
        "azertyuiop",
        "asdfghjkl",
        "zxcvbnm",
        "йцукенгшщзхъфывапролджэячсмитьбю",
    ];
    // One may turn round or go on in the next row, as "1234567890qwertyuiop" does, a few times.
    const JUMPS: usize = 2;
    let neighbours = |a: char, b: char| {
        ROWS.iter().any(|row| {
            let place = |c: char| row.chars().position(|known| known == c);
            matches!((place(a), place(b)), (Some(a), Some(b)) if a.abs_diff(b) <= 1)
        })
    };
    let pairs = text.chars().zip(text.chars().skip(1));
    pairs.filter(|(a, b)| !neighbours(*a, *b)).count() <= JUMPS
}

/// One to four characters again and again: `11111111`, `abcabcabc`.
fn is_repeated(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    (1..=4).any(|period| (period..chars.len()).all(|index| chars[index] == chars[index - period]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(text: &str) -> Result<(), Reason> {
        Password::choose(text, &["ana@school.example", "ana.banana", "Ana Banana"]).map(drop)
    }

    #[test]
    fn what_everybody_tries_first_is_refused() {
        for common in [
            "password",
            "Password1",
            "PASSWORD123!",
            "p4$$w0rd",
            "P@ssw0rd1",
            "12345678",
            "123456789",
            "87654321",
            "11111111",
            "qwertyuiop",
            "asdfghjkl",
            "iloveyou",
            "iloveyou2",
            "sunshine",
            "football7",
            "abcabcabc",
            "abcdefgh",
            "zaqwsx123",
            "1234567890qwertyuiop",
            "Summer2024",
            "welcome123",
            "qwerty123",
        ] {
            assert_eq!(choose(common), Err(Reason::PasswordCommon), "{common}");
        }
        for own in ["ana@school.example", "ANA@SCHOOL.EXAMPLE", "ana.banana", "ana banana"] {
            assert_eq!(choose(own), Err(Reason::PasswordOwnName), "{own}");
        }
    }

    #[test]
    fn other_passwords_of_every_script_and_length_are_fine() {
        for good in [
            "correct horse battery staple",
            "dragonfly lake",
            "пароль-ялинка",
            "🧊🐢🌵🎈🪁🧭🪄🫖",
            "passwords are for the weak",
            "k7Qm4T9x",
            "school bell at noon",
        ] {
            assert_eq!(choose(good), Ok(()), "{good}");
        }
        assert_eq!(
            choose("k7Qm4T9"),
            Err(Reason::PasswordTooShort { limit: *limits::PASSWORD_CHARACTERS.start() })
        );
        let long: String = (0..128).map(|n| char::from(b'!' + (n * 7 % 90) as u8)).collect();
        assert_eq!(choose(&long), Ok(()));
        assert_eq!(
            choose(&format!("{long}x")),
            Err(Reason::PasswordTooLong { limit: *limits::PASSWORD_CHARACTERS.end() })
        );
    }

    #[test]
    fn a_password_is_its_own_hash_s_to_the_last_character() {
        let long = "ü".repeat(100) + "tail";
        let hash = Password::given(&long).hash().expect("hashed");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(Password::given(&long).is(&hash));
        assert!(
            Password::given(&long.replace('ü', "u\u{308}")).is(&hash),
            "the same letters, typed otherwise"
        );
        for other in [&long[..long.len() - 1], &format!("{long}x"), &long.to_uppercase(), ""] {
            assert!(!Password::given(other).is(&hash), "{other}");
        }
        assert_ne!(Password::given(&long).hash().expect("hashed"), hash, "each has its own salt");
        assert!(!Password::given("x").is("no hash"));
        assert!(!format!("{:?}", Password::given("secret")).contains("secret"));
    }

    #[test]
    fn nobodys_hash_costs_what_everybodys_does() {
        let nobodys = PasswordHash::new(NOBODYS_HASH).expect("a hash");
        let hash = Password::given("k7Qm4T9x").hash().expect("hashed");
        let ours = PasswordHash::new(&hash).expect("a hash");
        assert_eq!((nobodys.algorithm, nobodys.version), (ours.algorithm, ours.version));
        assert_eq!(nobodys.params.to_string(), ours.params.to_string());
        assert_eq!(nobodys.hash.map(|it| it.as_bytes().len()), ours.hash.map(|it| it.as_bytes().len()));
        assert_eq!(nobodys.salt.map(|it| it.as_ref().len()), ours.salt.map(|it| it.as_ref().len()));
    }
}
