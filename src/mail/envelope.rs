//! The envelope: the header fields that IMAP shows without the message (RFC 9051 §7.5.2).

use serde::{Deserialize, Serialize};

/// Header fields as they stand in the message, unfolded, still encoded (RFC 2047), bytes as they
/// came; absent fields are `None`, which is not the same as empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// `Date:`.
    pub date: Option<Vec<u8>>,
    /// `Subject:`.
    pub subject: Option<Vec<u8>>,
    /// `From:`.
    pub from: Vec<MailAddress>,
    /// `Sender:`; empty when absent (IMAP then shows `from`).
    pub sender: Vec<MailAddress>,
    /// `Reply-To:`; empty when absent (IMAP then shows `from`).
    pub reply_to: Vec<MailAddress>,
    /// `To:`.
    pub to: Vec<MailAddress>,
    /// `Cc:`.
    pub cc: Vec<MailAddress>,
    /// `Bcc:`.
    pub bcc: Vec<MailAddress>,
    /// `In-Reply-To:`.
    pub in_reply_to: Option<Vec<u8>>,
    /// `Message-ID:`.
    pub message_id: Option<Vec<u8>>,
}

/// One element of an address list in IMAP's form: a mailbox, or the start or end of a group
/// (RFC 9051 §7.5.2: start has `mailbox` only, end has nothing).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailAddress {
    /// The display name, unquoted, still encoded (RFC 2047).
    pub name: Option<Vec<u8>>,
    /// The localpart, or a group's name.
    pub mailbox: Option<Vec<u8>>,
    /// The domain; `None` for a group's start and end.
    pub host: Option<Vec<u8>>,
}
