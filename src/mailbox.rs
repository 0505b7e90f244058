//! What mailboxes are made of, for clients, the configuration and the store alike: names, special
//! uses, flags.

use serde::{Deserialize, Serialize};

/// Name of a mailbox: UTF-8 in NFC, levels divided by `/`, `Inbox` in that spelling only.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MailboxName(String);

impl MailboxName {
    /// Checks and normalises a name (RFC 9051 §5.1): `inbox` in any case is `Inbox`, also as the
    /// first level; empty levels, control characters, `%`, `*`, a leading `#`, and names over 1,000
    /// bytes are refused with a reason.
    pub fn parse(_text: &str) -> Result<MailboxName, &'static str> {
        todo!()
    }

    /// `Inbox`.
    pub fn inbox() -> MailboxName {
        MailboxName("Inbox".to_owned())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
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
