//! Mail addresses and the names they are made of: parsed once, then trusted.
//!
//! A [`Domain`] is kept as A-labels in lower case and shown as U-labels (RFC 5890 §2.3.2.1); a
//! [`Localpart`] is kept unquoted and in NFC and quoted again where the wire needs it
//! (RFC 5321 §4.1.2, RFC 6531 §3.3). Comparing two of them compares what they mean on the wire;
//! case folding of localparts is a domain's configuration and done by the snapshot.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unicode_normalization::UnicodeNormalization;

/// Why a text is not a domain, a localpart, an address or an account name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddrError {
    /// Not a domain name: the text is empty, too long, or IDNA refuses a label.
    #[error("{0:?} is not a domain name")]
    Domain(String),
    /// Not a localpart: empty, longer than 255 bytes, or with characters that need quotes.
    #[error("{0:?} is not a valid part before the @")]
    Localpart(String),
    /// Not an address: no `@`.
    #[error("{0:?} is not an address: it has no @")]
    NoAt(String),
    /// Not an account name.
    #[error("{0:?} is not an account name: {1}")]
    Account(String, &'static str),
}

/// A domain name: A-labels in lower case, without a trailing dot; at most 253 bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(Arc<str>);

impl Domain {
    /// Parses U-labels or A-labels, in any case (UTS 46, non-transitional, STD3 rules).
    pub fn parse(text: &str) -> Result<Domain, AddrError> {
        let refused = || AddrError::Domain(text.to_owned());
        if text.is_empty() || text.len() > 1024 {
            return Err(refused());
        }
        if is_plain(text) {
            return Ok(Domain(text.into()));
        }
        let ascii = idna::domain_to_ascii_strict(text).map_err(|_| refused())?;
        if ascii.is_empty() || ascii.len() > 253 || ascii.ends_with('.') {
            return Err(refused());
        }
        Ok(Domain(ascii.into()))
    }

    /// The A-labels, for DNS and for peers without SMTPUTF8.
    pub fn ascii(&self) -> &str {
        &self.0
    }

    /// The U-labels, for people and for the configuration.
    pub fn unicode(&self) -> String {
        if self.0.contains("xn--") {
            idna::domain_to_unicode(&self.0).0
        } else {
            self.0.to_string()
        }
    }
}

/// Whether a text is a domain name as it is kept: most are, and UTS 46 is slow for ten thousands of them.
fn is_plain(text: &str) -> bool {
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
        let ends = [bytes.first(), bytes.last()];
        bytes.len() <= 63
            && bytes.iter().all(plain)
            && ends.iter().all(|end| end.is_some_and(|&b| b != b'-'))
    };
    // Hyphens in a row may begin an A-label, or be where no label may have them.
    text.len() <= 253 && !text.contains("--") && text.split('.').all(is_label)
}

/// The A-labels: as text it is in the same order.
impl Borrow<str> for Domain {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.unicode())
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Domain({self})")
    }
}

/// The part of an address before the `@`, without quotes, in NFC; at most 255 bytes. RFC 5321 §4.5.3.1.1
/// has 64 and asks servers to take more where they can: return paths that carry an address or a
/// signature inside are longer.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Localpart(Arc<str>);

/// Bytes of the longest localpart.
const MAX_LOCALPART: usize = 255;

impl Localpart {
    /// Parses a dot-string or a quoted-string.
    pub fn parse(text: &str) -> Result<Localpart, AddrError> {
        let refused = || AddrError::Localpart(text.to_owned());
        let plain: String = match text.strip_prefix('"') {
            Some(rest) => {
                let inner = rest.strip_suffix('"').ok_or_else(refused)?;
                unquote(inner).ok_or_else(refused)?
            }
            None if is_dot_string(text) => text.to_owned(),
            None => return Err(refused()),
        };
        let plain = match plain.is_ascii() {
            true => plain,
            false => plain.nfc().collect(),
        };
        if plain.is_empty() || plain.len() > MAX_LOCALPART {
            return Err(refused());
        }
        Ok(Localpart(plain.into()))
    }

    /// The text itself, without quotes: what to compare and to look up.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// In lower case, for domains that do not tell cases apart.
    pub fn to_lowercase(&self) -> Localpart {
        if self.0.chars().any(char::is_uppercase) {
            Localpart(self.0.to_lowercase().nfc().collect::<String>().into())
        } else {
            self.clone()
        }
    }

    /// The first `bytes` of it; nothing if that is no character boundary or leaves nothing.
    pub fn prefix(&self, bytes: usize) -> Option<Localpart> {
        let text = self.0.get(..bytes)?;
        (!text.is_empty()).then(|| Localpart(text.into()))
    }
}

impl fmt::Display for Localpart {
    /// With quotes where a dot-string cannot say it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dot_string(&self.0) {
            return f.write_str(&self.0);
        }
        f.write_str("\"")?;
        for c in self.0.chars() {
            if c == '"' || c == '\\' {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        f.write_str("\"")
    }
}

/// A mail address, `localpart@domain`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// Before the `@`.
    pub localpart: Localpart,
    /// After it.
    pub domain: Domain,
}

impl Address {
    /// Parses `localpart@domain`; the last `@` divides them.
    pub fn parse(text: &str) -> Result<Address, AddrError> {
        let (local, domain) = text
            .rsplit_once('@')
            .ok_or_else(|| AddrError::NoAt(text.to_owned()))?;
        Ok(Address {
            localpart: Localpart::parse(local)?,
            domain: Domain::parse(domain)?,
        })
    }

    /// Whether it can be sent to a peer without SMTPUTF8 (the domain always can, as A-labels).
    pub fn is_ascii(&self) -> bool {
        self.localpart.as_str().is_ascii()
    }

    /// `localpart@A-labels`, as it stands on the wire without SMTPUTF8.
    pub fn wire(&self) -> String {
        format!("{}@{}", self.localpart, self.domain.ascii())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.localpart, self.domain)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// The name of an account: a safe file name in NFC, at most 64 bytes. Not an address.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct AccountName(Arc<str>);

impl AccountName {
    /// Refuses what could not be a folder of its own (`spec/accounts.md`): separators, `.`, `..`,
    /// control characters, and `-` and `(admin)`, which name no account in the login attempts.
    pub fn parse(text: &str) -> Result<AccountName, AddrError> {
        let refused = |why| Err(AddrError::Account(text.to_owned(), why));
        if text.is_empty() {
            return refused("it is empty");
        }
        if text.len() > 64 {
            return refused("it is longer than 64 bytes");
        }
        if text.starts_with('.') {
            return refused("it starts with a dot");
        }
        if text == "-" || text == "(admin)" {
            return refused("it is reserved");
        }
        if text
            .chars()
            .any(|c| c.is_control() || matches!(c, '/' | '\\' | '\0'))
        {
            return refused("it has a separator or a control character");
        }
        if text.trim() != text {
            return refused("it starts or ends with a space");
        }
        if !text.is_ascii() && text.nfc().ne(text.chars()) {
            return refused("it is not in Unicode normal form C");
        }
        Ok(AccountName(text.into()))
    }

    /// The name as text, which is the folder's name too.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// As text it is in the same order.
impl Borrow<str> for AccountName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text ⇄ type for serde, by `parse` and `Display`.
macro_rules! serde_as_text {
    ($($name:ty),+) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                <$name>::parse(&text).map_err(serde::de::Error::custom)
            }
        }
        impl std::str::FromStr for $name {
            type Err = AddrError;
            fn from_str(text: &str) -> Result<Self, AddrError> {
                <$name>::parse(text)
            }
        }
    )+};
}
serde_as_text!(Domain, Localpart, Address, AccountName);

/// `atom *("." atom)` with UTF8-non-ascii allowed (RFC 6531 §3.3).
fn is_dot_string(text: &str) -> bool {
    !text.is_empty()
        && text.split('.').all(|atom| {
            !atom.is_empty()
                && atom
                    .chars()
                    .all(|c| is_atext(c) || (!c.is_ascii() && !c.is_control()))
        })
}

fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

/// The inside of a quoted-string with its backslashes taken away; none if it is malformed.
fn unquote(inner: &str) -> Option<String> {
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        let c = match c {
            '\\' => chars.next()?,
            '"' => return None,
            c => c,
        };
        if c.is_control() {
            return None;
        }
        plain.push(c);
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn domains_are_kept_as_a_labels() {
        let domain = Domain::parse("BÜCHER.example").expect("a domain");
        assert_eq!(domain.ascii(), "xn--bcher-kva.example");
        assert_eq!(domain.unicode(), "bücher.example");
        assert_eq!(
            domain,
            Domain::parse("xn--bcher-kva.EXAMPLE").expect("a domain")
        );
        for bad in [
            "",
            ".",
            "a..b",
            "a b",
            "-a.example",
            "a_b.example",
            "example.org.",
            "[::1]",
        ] {
            assert!(Domain::parse(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn localparts_lose_their_quotes() {
        let quoted = Localpart::parse(r#""a b\"c""#).expect("a localpart");
        assert_eq!(quoted.as_str(), "a b\"c");
        assert_eq!(quoted.to_string(), r#""a b\"c""#);
        assert_eq!(Localpart::parse(r#""alice""#), Localpart::parse("alice"));
        assert!(Localpart::parse(&"x".repeat(255)).is_ok());
        assert!(Localpart::parse(&"x".repeat(256)).is_err());
        for bad in [
            "", "a b", "a..b", ".a", "a\n", "\"a", "\"\"", "\"a\"b\"", "\"\\\"",
        ] {
            assert!(Localpart::parse(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn account_names_are_safe_file_names() {
        for good in ["alice", "Ünï", "a b", "alice@example.org"] {
            assert!(AccountName::parse(good).is_ok(), "{good:?} was refused");
        }
        for bad in [
            "", ".", "..", "-", "(admin)", "a/b", "a\\b", "a\0", " a", ".x",
        ] {
            assert!(AccountName::parse(bad).is_err(), "{bad:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn plain_names_are_what_uts_46_makes_of_them(text in "[a-zA-Z0-9.ü-]{1,12}", long in 0usize..80) {
            for text in [text.clone(), format!("{text}{}", "a".repeat(long))] {
                let slow = idna::domain_to_ascii_strict(&text).ok();
                let slow = slow.filter(|ascii| !ascii.is_empty() && !ascii.ends_with('.'));
                let domain = Domain::parse(&text).ok();
                prop_assert_eq!(domain.as_ref().map(Domain::ascii), slow.as_deref());
            }
        }

        #[test]
        fn what_is_shown_parses_to_the_same(text in "\\PC{1,20}@\\PC{1,20}") {
            if let Ok(address) = Address::parse(&text) {
                prop_assert_eq!(Address::parse(&address.to_string()), Ok(address.clone()));
                prop_assert_eq!(Address::parse(&address.wire()), Ok(address));
            }
        }

        #[test]
        fn nothing_panics(text in ".*") {
            let _ = Address::parse(&text);
            let _ = AccountName::parse(&text);
        }
    }
}
