//! What mailboxes are made of, for clients, the configuration and the store alike: names, special
//! uses, flags.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// Name of a mailbox: UTF-8 in NFC, levels divided by `/`, `Inbox` in that spelling only.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MailboxName(String);

impl MailboxName {
    /// Checks and normalises a name (RFC 9051 §5.1): `inbox` in any case is `Inbox`, also as the
    /// first level; empty levels, `.` and `..`, control characters, `%`, `*`, a leading `#`, and names over 1,000
    /// bytes are refused with a reason. A `/` at the end, which CREATE allows, is the caller's to cut.
    pub fn parse(text: &str) -> Result<MailboxName, &'static str> {
        // Composition (NFC) can shrink a name to a third; more than that can't come down to 1,000.
        if text.len() > 3_000 {
            return Err("the name is longer than 1000 bytes");
        }
        let mut name: String = if is_nfc(text) {
            text.to_owned()
        } else {
            text.nfc().collect()
        };
        if name.is_empty() {
            return Err("the name is empty");
        }
        if name.len() > 1_000 {
            return Err("the name is longer than 1000 bytes");
        }
        if name.starts_with('#') {
            return Err("names that begin with # are reserved");
        }
        if name.split('/').any(str::is_empty) {
            return Err("the name has an empty level");
        }
        if name.split('/').any(|level| matches!(level, "." | "..")) {
            // Clients that keep mailboxes as folders give up on the account when they see one.
            return Err("a level can't be . or ..");
        }
        for c in name.chars() {
            match c {
                '%' | '*' => return Err("% and * can't be in a name"),
                // RFC 9051 §5.1: Net-Unicode without control characters and line separators.
                _ if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                    return Err("control characters can't be in a name");
                }
                _ => {}
            }
        }
        let first = name.split('/').next().map_or(0, str::len);
        if name.as_bytes()[..first].eq_ignore_ascii_case(b"inbox") {
            name.replace_range(..first, "Inbox");
        }
        Ok(MailboxName(name))
    }

    /// `Inbox`.
    pub fn inbox() -> MailboxName {
        MailboxName("Inbox".to_owned())
    }

    /// Whether this is the one mailbox that is always there.
    pub fn is_inbox(&self) -> bool {
        self.0 == "Inbox"
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name one level up; none for a name of one level.
    pub fn parent(&self) -> Option<MailboxName> {
        let (parent, _) = self.0.rsplit_once('/')?;
        Some(MailboxName(parent.to_owned()))
    }

    /// Whether this name is below `other`, at whatever depth.
    pub fn is_below(&self, other: &MailboxName) -> bool {
        self.0
            .strip_prefix(other.as_str())
            .is_some_and(|rest| rest.starts_with('/'))
    }
}

impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Special uses of mailboxes (RFC 6154 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum SpecialUse {
    Archive,
    Drafts,
    Junk,
    Sent,
    Trash,
}

impl SpecialUse {
    /// All of them.
    pub const ALL: [SpecialUse; 5] = [
        SpecialUse::Archive,
        SpecialUse::Drafts,
        SpecialUse::Junk,
        SpecialUse::Sent,
        SpecialUse::Trash,
    ];

    /// The attribute as IMAP has it, such as `\Sent`.
    pub fn attribute(self) -> &'static str {
        match self {
            SpecialUse::Archive => "\\Archive",
            SpecialUse::Drafts => "\\Drafts",
            SpecialUse::Junk => "\\Junk",
            SpecialUse::Sent => "\\Sent",
            SpecialUse::Trash => "\\Trash",
        }
    }

    /// The use of an attribute with its backslash, in any case.
    pub fn parse(attribute: &str) -> Option<SpecialUse> {
        SpecialUse::ALL
            .into_iter()
            .find(|use_| use_.attribute().eq_ignore_ascii_case(attribute))
    }
}

/// The system flags of RFC 9051 §2.3.2 that are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
#[repr(u8)]
pub enum SystemFlag {
    Seen = 1,
    Answered = 2,
    Flagged = 4,
    Deleted = 8,
    Draft = 16,
}

impl SystemFlag {
    /// All of them, in the order in which they are shown.
    pub const ALL: [SystemFlag; 5] = [
        SystemFlag::Answered,
        SystemFlag::Flagged,
        SystemFlag::Deleted,
        SystemFlag::Seen,
        SystemFlag::Draft,
    ];

    /// The flag as IMAP has it, such as `\Seen`.
    pub fn as_str(self) -> &'static str {
        match self {
            SystemFlag::Seen => "\\Seen",
            SystemFlag::Answered => "\\Answered",
            SystemFlag::Flagged => "\\Flagged",
            SystemFlag::Deleted => "\\Deleted",
            SystemFlag::Draft => "\\Draft",
        }
    }

    /// The flag of a text with its backslash, in any case.
    pub fn parse(text: &str) -> Option<SystemFlag> {
        SystemFlag::ALL
            .into_iter()
            .find(|flag| flag.as_str().eq_ignore_ascii_case(text))
    }
}

/// A message's flags: system flags as bits, keywords sorted, compared without case, kept as first
/// written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flags {
    /// Bits of [`SystemFlag`].
    pub system: u8,
    /// Keywords such as `$Forwarded`.
    pub keywords: Vec<String>,
}

impl Flags {
    /// Whether the flag is set.
    pub fn has(&self, flag: SystemFlag) -> bool {
        self.system & flag as u8 != 0
    }

    /// Whether the keyword is set, in whatever case.
    pub fn has_keyword(&self, keyword: &str) -> bool {
        self.find(keyword).is_ok()
    }

    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.system == 0 && self.keywords.is_empty()
    }

    /// Sets the flag; whether that changed anything.
    pub fn insert(&mut self, flag: SystemFlag) -> bool {
        let before = self.system;
        self.system |= flag as u8;
        self.system != before
    }

    /// Unsets the flag; whether that changed anything.
    pub fn remove(&mut self, flag: SystemFlag) -> bool {
        let before = self.system;
        self.system &= !(flag as u8);
        self.system != before
    }

    /// Sets the keyword, in its spelling unless it is there in another; whether that changed anything.
    pub fn insert_keyword(&mut self, keyword: &str) -> bool {
        match self.find(keyword) {
            Ok(_) => false,
            Err(at) => {
                self.keywords.insert(at, keyword.to_owned());
                true
            }
        }
    }

    /// Unsets the keyword, in whatever case; whether that changed anything.
    pub fn remove_keyword(&mut self, keyword: &str) -> bool {
        match self.find(keyword) {
            Ok(at) => {
                self.keywords.remove(at);
                true
            }
            Err(_) => false,
        }
    }

    /// Sets all flags of `other`; whether that changed anything.
    pub fn add(&mut self, other: &Flags) -> bool {
        let before = self.system;
        self.system |= other.system;
        let mut changed = self.system != before;
        for keyword in &other.keywords {
            changed |= self.insert_keyword(keyword);
        }
        changed
    }

    /// Unsets all flags of `other`; whether that changed anything.
    pub fn subtract(&mut self, other: &Flags) -> bool {
        let before = self.system;
        self.system &= !other.system;
        let mut changed = self.system != before;
        for keyword in &other.keywords {
            changed |= self.remove_keyword(keyword);
        }
        changed
    }

    /// The flags of both.
    pub fn union(mut self, other: &Flags) -> Flags {
        self.add(other);
        self
    }

    /// Whether both have the same flags, keywords compared without case.
    pub fn same(&self, other: &Flags) -> bool {
        self.system == other.system
            && self.keywords.len() == other.keywords.len()
            && self
                .keywords
                .iter()
                .zip(&other.keywords)
                .all(|(a, b)| a.eq_ignore_ascii_case(b))
    }

    /// Does the change; whether that changed anything.
    pub fn apply(&mut self, change: &FlagChange) -> bool {
        match change {
            FlagChange::Add(flags) => self.add(flags),
            FlagChange::Remove(flags) => self.subtract(flags),
            FlagChange::Replace(flags) => {
                let changed = !self.same(flags);
                if changed {
                    self.clone_from(flags);
                }
                changed
            }
        }
    }

    /// Adds one flag as IMAP writes it: `\Seen`, `$Junk`, `work` (RFC 9051 §9 `flag`). `\Recent`, which
    /// no client can set, is passed over; other flags with a backslash and what is no atom are refused.
    pub fn insert_text(&mut self, text: &str) -> Result<(), &'static str> {
        if text.starts_with('\\') {
            match SystemFlag::parse(text) {
                Some(flag) => {
                    self.insert(flag);
                }
                None if text.eq_ignore_ascii_case("\\Recent") => {}
                None => return Err("unknown system flag"),
            }
            return Ok(());
        }
        if text.is_empty() || !text.bytes().all(is_atom_byte) {
            return Err("a keyword must be an atom");
        }
        self.insert_keyword(text);
        Ok(())
    }

    /// Parses flags divided by spaces, with or without parentheses around them.
    pub fn parse(text: &str) -> Result<Flags, &'static str> {
        let text = text.trim_matches(' ');
        let text = match text.strip_prefix('(') {
            Some(rest) => rest.strip_suffix(')').ok_or("no closing parenthesis")?,
            None => text,
        };
        let mut flags = Flags::default();
        for flag in text.split(' ').filter(|flag| !flag.is_empty()) {
            flags.insert_text(flag)?;
        }
        Ok(flags)
    }

    /// The flags as IMAP writes them, system flags first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        SystemFlag::ALL
            .into_iter()
            .filter(|flag| self.has(*flag))
            .map(|flag| flag.as_str())
            .chain(self.keywords.iter().map(String::as_str))
    }

    fn find(&self, keyword: &str) -> Result<usize, usize> {
        self.keywords
            .binary_search_by(|have| compare_keywords(have, keyword))
    }
}

/// Flags divided by spaces, without parentheses.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.names().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

/// What STORE does with the flags it names (RFC 9051 §6.4.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlagChange {
    /// `+FLAGS`.
    Add(Flags),
    /// `-FLAGS`.
    Remove(Flags),
    /// `FLAGS`.
    Replace(Flags),
}

/// The order in which [`Flags::keywords`] are kept: by bytes, upper case as lower case.
pub fn compare_keywords(a: &str, b: &str) -> Ordering {
    a.bytes()
        .map(|b| b.to_ascii_lowercase())
        .cmp(b.bytes().map(|b| b.to_ascii_lowercase()))
}

/// `ATOM-CHAR` (RFC 9051 §9): printable ASCII without `(){ %*"\]`.
fn is_atom_byte(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e)
        && !matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_normalised() {
        let name = |text: &str| MailboxName::parse(text).map(|n| n.as_str().to_owned());
        assert_eq!(name("INBOX").unwrap(), "Inbox");
        assert_eq!(name("iNbOx/work").unwrap(), "Inbox/work");
        assert_eq!(name("work/INBOX").unwrap(), "work/INBOX");
        assert_eq!(name("Inboxes").unwrap(), "Inboxes");
        assert_eq!(name("a.b/...").unwrap(), "a.b/...");
        assert_eq!(name("e\u{301}te\u{301}").unwrap(), "\u{e9}t\u{e9}");
        for bad in [
            "",
            "/",
            "a/",
            "/a",
            "a//b",
            "..",
            "a/./b",
            "#news",
            "a%",
            "a*b",
            "a\0",
            "a\u{85}",
            "a\u{2028}",
        ] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
        assert!(name(&"x".repeat(1_000)).is_ok());
        assert!(name(&"x".repeat(1_001)).is_err());
    }

    #[test]
    fn names_know_their_place() {
        let name = |text: &str| MailboxName::parse(text).unwrap();
        assert!(name("a/b/c").is_below(&name("a")));
        assert!(!name("ab").is_below(&name("a")));
        assert!(!name("a").is_below(&name("a")));
        assert_eq!(name("a/b").parent(), Some(name("a")));
        assert_eq!(name("a").parent(), None);
    }

    #[test]
    fn keywords_ignore_case_and_keep_the_first_spelling() {
        let mut flags = Flags::parse("(\\seen $Forwarded work \\Recent)").unwrap();
        assert_eq!(flags.to_string(), "\\Seen $Forwarded work");
        assert!(!flags.insert_keyword("WORK"));
        assert!(flags.insert_keyword("Apple"));
        assert_eq!(flags.to_string(), "\\Seen $Forwarded Apple work");
        assert!(flags.has_keyword("$FORWARDED"));
        assert!(flags.remove_keyword("$forwarded"));
        assert!(!flags.remove_keyword("$forwarded"));
        assert!(Flags::parse("\\Nonsense").is_err());
        assert!(Flags::parse("a]b").is_err());
        assert!(Flags::parse("(a").is_err());
    }

    #[test]
    fn changes_tell_whether_they_changed() {
        let mut flags = Flags::parse("\\Seen a").unwrap();
        assert!(!flags.apply(&FlagChange::Add(Flags::parse("\\Seen A").unwrap())));
        assert!(!flags.apply(&FlagChange::Replace(Flags::parse("A \\Seen").unwrap())));
        assert!(flags.apply(&FlagChange::Remove(Flags::parse("A \\Draft").unwrap())));
        assert_eq!(flags, Flags::parse("\\Seen").unwrap());
        assert!(flags.apply(&FlagChange::Replace(Flags::default())));
        assert!(flags.is_empty());
    }

    proptest! {
        #[test]
        fn parsing_is_stable(text in "\\PC{0,40}") {
            if let Ok(name) = MailboxName::parse(&text) {
                prop_assert_eq!(MailboxName::parse(name.as_str()), Ok(name));
            }
        }

        #[test]
        fn flags_round_trip(words in proptest::collection::vec("[$a-zA-Z]{1,3}", 0..8), bits in 0u8..32) {
            let mut flags = Flags { system: bits, keywords: vec![] };
            for word in &words {
                flags.insert_keyword(word);
            }
            prop_assert!(flags.keywords.is_sorted_by(|a, b| compare_keywords(a, b).is_lt()));
            prop_assert_eq!(Flags::parse(&flags.to_string()), Ok(flags));
        }
    }
}
