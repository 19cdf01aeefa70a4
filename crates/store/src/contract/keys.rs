//! API keys: what a client shows, what is kept of it, what it allows.
//!
//! **Invariant:** a secret exists in the text that its maker printed once; the database holds its
//! SHA-256. 256 random bits need no slow hash: they cannot be guessed.

use std::fmt::{self, Write};
use std::time::Duration;

use async_trait::async_trait;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use subtle::ConstantTimeEq;

use super::{DatabaseTime, Error};

/// First letters of every key, so that scanners for leaked secrets find one.
const PREFIX: &str = "bf_";
/// Bytes of an id.
const ID_BYTES: usize = 6;
/// Bytes of a secret.
const SECRET_BYTES: usize = 32;

/// One thing a key may allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// See the owner's bundles, and what belongs to nobody: series, strategies, workers.
    Read,
    /// Submit bundles, and change the owner's.
    Submit,
    /// Everything of every owner, and the fleet.
    Admin,
}

impl Scope {
    /// Every scope, weakest first.
    pub const ALL: [Scope; 3] = [Scope::Read, Scope::Submit, Scope::Admin];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Submit => "submit",
            Scope::Admin => "admin",
        }
    }

    /// The scope of a word.
    pub fn from_word(word: &str) -> Option<Scope> {
        Scope::ALL.into_iter().find(|scope| scope.as_str() == word)
    }

    fn bit(self) -> u8 {
        match self {
            Scope::Read => 1,
            Scope::Submit => 2,
            Scope::Admin => 4,
        }
    }
}

/// What a key allows; never nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// Everything.
    pub const ALL: Scopes = Scopes(7);

    /// These scopes; `None` where there are none.
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Option<Scopes> {
        let bits = scopes.into_iter().fold(0, |bits, scope| bits | scope.bit());
        (bits > 0).then_some(Scopes(bits))
    }

    /// Whether they allow what `scope` does; `admin` allows everything.
    pub fn allow(self, scope: Scope) -> bool {
        self.0 & (scope.bit() | Scope::Admin.bit()) != 0
    }

    /// The scopes named, weakest first.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.0 & scope.bit() != 0)
    }

    /// As a column holds them.
    pub(crate) fn code(self) -> i16 {
        i16::from(self.0)
    }

    /// The scopes of a column.
    pub(crate) fn from_code(code: i64) -> Option<Scopes> {
        u8::try_from(code).ok().filter(|bits| (1..=7).contains(bits)).map(Scopes)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{}", scope.as_str())?;
        }
        Ok(())
    }
}

/// The text that a client shows: `bf_<id>_<secret>`.
#[derive(Clone)]
pub struct Token {
    id: String,
    secret: String,
}

impl Token {
    /// A fresh token from the operating system's randomness.
    pub fn generate() -> Result<Token, Error> {
        let mut bytes = [0; ID_BYTES + SECRET_BYTES];
        SystemRandom::new().fill(&mut bytes).map_err(|_| Error::Refused {
            reason: "the operating system gives no random numbers".to_owned(),
        })?;
        let (id, secret) = bytes.split_at(ID_BYTES);
        Ok(Token { id: hex(id), secret: hex(secret) })
    }

    /// Reads what a client shows; `None` where it cannot be one of ours.
    pub fn parse(text: &str) -> Option<Token> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let plain = |text: &str, bytes: usize| {
            let lower = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
            text.len() == bytes * 2 && text.bytes().all(lower)
        };
        let whole = plain(id, ID_BYTES) && plain(secret, SECRET_BYTES);
        whole.then(|| Token { id: id.to_owned(), secret: secret.to_owned() })
    }

    /// Names the key; no secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The whole text, to be shown once to its owner.
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}_{}", self.id, self.secret)
    }

    /// SHA-256 of the secret: what is kept.
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, self.secret.as_bytes()).as_ref());
        hash
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}_***", self.id)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

/// A key to store.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What its client will show.
    pub token: Token,
    /// Whose bundles it sees and submits.
    pub owner: String,
    /// For people; may be empty.
    pub name: String,
    /// What it allows.
    pub scopes: Scopes,
    /// How long it lasts; for ever where absent.
    pub lasts: Option<Duration>,
}

/// Where a key stands, by the database's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It opens.
    Active,
    /// Its time is over.
    Expired,
    /// It was called back.
    Revoked,
}

/// A key as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub owner: String,
    /// For people.
    pub name: String,
    /// What it allows.
    pub scopes: Scopes,
    /// Where it stands.
    pub state: KeyState,
    /// When it was made.
    pub created_at: DatabaseTime,
    /// When it ends.
    pub expires_at: Option<DatabaseTime>,
    /// When it was called back.
    pub revoked_at: Option<DatabaseTime>,
    /// Time to its end, at the moment it was read.
    pub left: Option<Duration>,
    pub(crate) hash: [u8; 32],
}

impl KeyRow {
    /// Whether `token` is this key's, in a time that does not tell how far they agree.
    pub fn opens(&self, token: &Token) -> bool {
        bool::from(self.hash.ct_eq(&token.hash())) && self.id == token.id
    }
}

/// The keys of a store.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Stores a key.
    async fn create_key(&self, key: &NewKey) -> Result<KeyRow, Error>;

    /// Every key, newest first, those that open no more included.
    async fn keys(&self) -> Result<Vec<KeyRow>, Error>;

    /// The key of an id.
    async fn find_key(&self, id: &str) -> Result<Option<KeyRow>, Error>;

    /// Calls a key back, for ever; `false` where there is none. Repeated calls answer the same.
    async fn revoke_key(&self, id: &str) -> Result<bool, Error>;

    /// Whether there ever was a key: then requests need one.
    async fn has_keys(&self) -> Result<bool, Error>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_hides_its_secret() {
        let token = Token::generate().unwrap();
        let text = token.expose();
        assert_eq!(text.len(), 3 + 12 + 1 + 64);
        let read = Token::parse(&text).unwrap();
        assert_eq!((read.id(), read.hash()), (token.id(), token.hash()));
        assert_eq!(format!("{token:?}"), format!("bf_{}_***", token.id()));
        assert_ne!(Token::generate().unwrap().hash(), token.hash());
    }

    #[test]
    fn the_hash_is_sha_256_of_the_secret_as_written() {
        let secret = "0123456789abcdef".repeat(4);
        let token = Token::parse(&format!("bf_aabbccddeeff_{secret}")).unwrap();
        let expected = "a8ae6e6ee929abea3afcfc5258c8ccd6f85273e0d4626d26c7279f3250f77c8e";
        assert_eq!(hex(&token.hash()), expected);
    }

    #[test]
    fn what_cannot_be_a_token_is_none() {
        let secret = "0".repeat(64);
        for text in [
            String::new(),
            "bf_".to_owned(),
            format!("bf_aabbccddeeff_{secret}0"),
            format!("bf_aabbccddeeff{secret}"),
            format!("bf_AABBCCDDEEFF_{secret}"),
            format!("bf_aabbccddee_{secret}"),
            format!("xx_aabbccddeeff_{secret}"),
            format!("bf_aabbccddeeff_{}é", &secret[2..]),
        ] {
            assert!(Token::parse(&text).is_none(), "{text}");
        }
    }

    #[test]
    fn admin_allows_everything_and_others_themselves() {
        let of = |scopes: &[Scope]| Scopes::new(scopes.iter().copied());
        assert_eq!(of(&[]), None);
        let bot = of(&[Scope::Submit, Scope::Read]).unwrap();
        assert_eq!(bot.to_string(), "read,submit");
        assert!(bot.allow(Scope::Read) && bot.allow(Scope::Submit) && !bot.allow(Scope::Admin));
        assert!(!of(&[Scope::Submit]).unwrap().allow(Scope::Read));
        let admin = of(&[Scope::Admin]).unwrap();
        assert!(Scope::ALL.into_iter().all(|scope| admin.allow(scope)));
        for scope in Scope::ALL {
            assert_eq!(Scope::from_word(scope.as_str()), Some(scope));
        }
        assert_eq!(Scopes::from_code(0), None);
        assert_eq!(Scopes::from_code(8), None);
        assert_eq!(Scopes::from_code(7), Some(Scopes::ALL));
    }
}
