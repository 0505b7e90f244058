//! All that can be done to an account's mail, as values.

use std::sync::Arc;

use super::{MailboxId, ModSeq, Spooled, Uid};
use crate::mailbox::{FlagChange, Flags, MailboxName, SpecialUse};

/// One change. Each is atomic: it is done whole or refused and nothing is done.
#[derive(Debug)]
pub enum Change {
    /// New messages into a mailbox (delivery, APPEND, MULTIAPPEND). Gives [`Changed::Added`].
    Add {
        /// Where to; for deliveries by name, made when absent (`create`).
        mailbox: Result<MailboxId, MailboxName>,
        /// Make the mailbox when there is none of that name.
        create: bool,
        /// What is added, in this order.
        messages: Vec<NewMessage>,
        /// Bytes the account may hold afterwards; 0: no limit.
        quota: u64,
    },
    /// Flags of messages (STORE). UIDs that are not there are passed over. Gives [`Changed::Flags`].
    SetFlags {
        /// The mailbox.
        mailbox: MailboxId,
        /// Ascending.
        uids: Vec<Uid>,
        /// What to do.
        change: FlagChange,
        /// Leave out, and name in the answer, what changed after this (RFC 7162 §3.1.3).
        unchanged_since: Option<ModSeq>,
    },
    /// Messages for good (EXPUNGE, UID EXPUNGE). Gives [`Changed::Expunged`].
    Expunge {
        /// The mailbox.
        mailbox: MailboxId,
        /// Only these; `None`: all.
        uids: Option<Vec<Uid>>,
        /// Only those with \Deleted.
        only_deleted: bool,
    },
    /// Messages into another mailbox (COPY), flags and dates kept. Gives [`Changed::Copied`].
    Copy {
        /// From.
        mailbox: MailboxId,
        /// Ascending.
        uids: Vec<Uid>,
        /// To.
        to: MailboxName,
        /// As in `Add`; copies count.
        quota: u64,
    },
    /// The same, and away from here (MOVE, RFC 6851). Gives [`Changed::Copied`].
    Move {
        /// From.
        mailbox: MailboxId,
        /// Ascending.
        uids: Vec<Uid>,
        /// To, which may be the same mailbox: then they get new UIDs.
        to: MailboxName,
    },
    /// A new mailbox, with its missing parents. Gives [`Changed::Mailbox`].
    CreateMailbox {
        /// Its name.
        name: MailboxName,
        /// RFC 6154 §5.2.
        special_use: Option<SpecialUse>,
    },
    /// A mailbox and its messages for good. Refused for Inbox and where there are children. Gives [`Changed::Done`].
    DeleteMailbox {
        /// Its name.
        name: MailboxName,
    },
    /// Another name, for the children too; missing parents of the new name are made. Inbox's
    /// messages are moved to a new mailbox instead (RFC 9051 §6.3.6). Gives [`Changed::Done`].
    RenameMailbox {
        /// From.
        from: MailboxName,
        /// To.
        to: MailboxName,
    },
    /// Gives [`Changed::Done`].
    Subscribe {
        /// The name; need not exist (RFC 9051 §6.3.7): then the name alone is kept.
        name: MailboxName,
        /// Or unsubscribe.
        subscribed: bool,
    },
    /// A read-write session has taken notice of all messages (\Recent). Gives [`Changed::Recent`].
    /// Needs no sync of its own: losing it shows a message as recent twice.
    TakeRecent {
        /// The mailbox.
        mailbox: MailboxId,
    },
}

/// A message to be added.
#[derive(Debug)]
pub struct NewMessage {
    /// Header lines that go on top of it (Return-Path, Received, …), each with its CRLF; may be empty.
    pub prefix: Vec<u8>,
    /// The message.
    pub message: Arc<Spooled>,
    /// Its flags.
    pub flags: Flags,
    /// INTERNALDATE as in [`super::Message`].
    pub received: (i64, i16),
}

/// What a change did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// New messages.
    Added {
        /// Where.
        mailbox: MailboxId,
        /// Its UIDVALIDITY.
        uid_validity: u32,
        /// Theirs, in order.
        uids: Vec<Uid>,
        /// The change's number.
        modseq: ModSeq,
    },
    /// Flags.
    Flags {
        /// Those whose flags are now other than before, ascending.
        changed: Vec<Uid>,
        /// Those left out for `unchanged_since` (the MODIFIED response code), ascending.
        modified: Vec<Uid>,
        /// The change's number; 0 when nothing changed.
        modseq: ModSeq,
    },
    /// Gone.
    Expunged {
        /// Ascending.
        uids: Vec<Uid>,
        /// The change's number; 0 when nothing was there.
        modseq: ModSeq,
    },
    /// Copied or moved.
    Copied {
        /// The new mailbox.
        mailbox: MailboxId,
        /// Its UIDVALIDITY.
        uid_validity: u32,
        /// Old and new UIDs, ascending.
        uids: Vec<(Uid, Uid)>,
        /// The change's number.
        modseq: ModSeq,
    },
    /// A mailbox was made.
    Mailbox(MailboxId),
    /// UIDs from this one on were recent until now.
    Recent(Uid),
    /// Nothing to tell.
    Done,
}
