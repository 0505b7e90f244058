//! Mail of each account: mailboxes, messages, changes. One folder an account, `accounts/<name>/`,
//! with an index (an ordered key-value database) and segments (bodies, and the log of every change).
//!
//! **What is answered is on disk.** Changes that wait at the same time for an account are one batch:
//! appended to the segment with one write and one fdatasync, then made visible in the index, then
//! answered. The index is replayed from the segment after a crash. ARCHITECTURE.md has the layout
//! and every crash point.
//!
//! [`Store`] opens accounts on demand and closes idle ones; [`Account`] is one of them; [`View`] is
//! a consistent picture of it; [`Change`] is all that can be done to it.

mod account;
mod apply;
mod body;
mod change;
mod committer;
mod compact;
mod log;
mod message;
mod opened;
mod parsed;
mod rows;
mod slot;
mod spool;
#[cfg(test)]
mod tests;
mod view;

pub use account::{Account, Store, StoreOptions};
pub use body::Body;
pub use change::{Change, Changed, NewMessage};
pub use message::{Mailbox, MailboxId, Message, ModSeq, Uid};
pub use spool::{Spool, Spooled};
pub use view::{MailboxChanges, View};

use crate::addr::AccountName;
use crate::db::DbError;
use crate::fsio::FsError;

/// What can go wrong with stored mail.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Refused: there is no such account folder.
    #[error("account {0} has no mail folder")]
    NoAccount(AccountName),
    /// Refused: the folder is there already (an earlier account's mail must not come back to life).
    #[error("the mail folder of account {0} exists already")]
    AccountExists(AccountName),
    /// Refused: the account is being removed or the store is shutting down.
    #[error("the account is closed")]
    Closed,
    /// Refused: no such mailbox (IMAP: NO [NONEXISTENT] or [TRYCREATE]).
    #[error("no such mailbox")]
    NoMailbox,
    /// Refused: the mailbox exists (IMAP: NO [ALREADYEXISTS]).
    #[error("the mailbox exists already")]
    MailboxExists,
    /// Refused: there are mailboxes below it (IMAP: NO [HASCHILDREN]).
    #[error("the mailbox has children")]
    HasChildren,
    /// Refused: it can't be done to this mailbox, Inbox for instance (IMAP: NO [CANNOT]).
    #[error("{0}")]
    Cannot(&'static str),
    /// Refused: more than the account may hold (SMTP 452 4.2.2, IMAP NO [OVERQUOTA]).
    #[error("over quota")]
    OverQuota,
    /// Refused: a bound of the store, such as the number of mailboxes or keywords (IMAP: NO [LIMIT]).
    #[error("too many {0}")]
    Limit(&'static str),
    /// Local: the disk or the index failed, or a file is not what it should be; never shown to peers.
    #[error("{0}")]
    Local(String),
}

impl From<DbError> for StoreError {
    fn from(e: DbError) -> StoreError {
        match e {
            DbError::Closed => StoreError::Closed,
            e => StoreError::Local(e.to_string()),
        }
    }
}

impl From<FsError> for StoreError {
    fn from(e: FsError) -> StoreError {
        StoreError::Local(e.to_string())
    }
}
