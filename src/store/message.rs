//! What is stored: mailboxes, messages, flags, and the numbers they are known by.

use serde::{Deserialize, Serialize};

use crate::mailbox::{Flags, MailboxName, SpecialUse};

/// Number of a message in its mailbox, ascending, never used twice (RFC 9051 §2.3.1.1). From 1.
pub type Uid = u32;

/// Number of a change in an account, ascending over all its mailboxes (RFC 7162 §3.1). From 1, below 2^63.
pub type ModSeq = u64;

/// Number of a mailbox in its account; stays when it is renamed, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MailboxId(pub u32);

/// A mailbox with its counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// Its number.
    pub id: MailboxId,
    /// Its name now.
    pub name: MailboxName,
    /// RFC 9051 §2.3.1.1; another one when a mailbox of a deleted one's name is made.
    pub uid_validity: u32,
    /// The UID that the next message gets.
    pub uid_next: Uid,
    /// The newest change to a message here, expunges included (HIGHESTMODSEQ).
    pub highest_modseq: ModSeq,
    /// Messages in it.
    pub messages: u32,
    /// Messages without \Seen.
    pub unseen: u32,
    /// Messages with \Deleted.
    pub deleted: u32,
    /// Sum of the sizes, in bytes (STATUS=SIZE, RFC 8438).
    pub size: u64,
    /// UIDs below this one have been seen by some read-write session (\Recent, RFC 3501 §2.3.2).
    pub recent_below: Uid,
    /// Whether LSUB and LIST (SUBSCRIBED) show it.
    pub subscribed: bool,
    /// RFC 6154.
    pub special_use: Option<SpecialUse>,
    /// Keywords that its messages have or had, for the FLAGS response, sorted.
    pub keywords: Vec<String>,
}

/// A message in a mailbox, as the index knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its UID.
    pub uid: Uid,
    /// The mailbox it is in.
    pub mailbox: MailboxId,
    /// The change that touched it last.
    pub modseq: ModSeq,
    /// Its flags.
    pub flags: Flags,
    /// INTERNALDATE: seconds since 1970 and the zone's offset in minutes, as given by APPEND or UTC.
    pub received: (i64, i16),
    /// When it came into this mailbox (SAVEDATE, RFC 8514), seconds since 1970.
    pub saved: i64,
    /// Bytes, the header added on top included.
    pub size: u64,
    /// Number of its body and its parsed form; copies share them.
    pub body: u64,
}
