//! Reading: a consistent picture of an account.

use super::{Mailbox, MailboxId, Message, ModSeq, StoreError, Uid};
use crate::mail::Parsed;
use crate::mailbox::MailboxName;

/// A picture of an account between two changes. Cheap to make (microseconds) and to drop; hold it
/// for a command, not for a session. `Send`.
pub struct View {}

impl View {
    /// All mailboxes, by name; Inbox first.
    pub fn mailboxes(&self) -> Result<Vec<Mailbox>, StoreError> {
        todo!()
    }

    /// One by its name.
    pub fn mailbox(&self, _name: &MailboxName) -> Result<Option<Mailbox>, StoreError> {
        todo!()
    }

    /// One by its number; none once it is deleted.
    pub fn mailbox_by_id(&self, _id: MailboxId) -> Result<Option<Mailbox>, StoreError> {
        todo!()
    }

    /// Names that are subscribed to without being there.
    pub fn subscriptions_without_mailbox(&self) -> Result<Vec<MailboxName>, StoreError> {
        todo!()
    }

    /// UIDs of a mailbox, ascending.
    pub fn uids(&self, _mailbox: MailboxId) -> Result<Vec<Uid>, StoreError> {
        todo!()
    }

    /// Messages with UIDs from `first` to `last`, ascending, given to `each` one by one until it
    /// answers false.
    pub fn messages(
        &self,
        _mailbox: MailboxId,
        _first: Uid,
        _last: Uid,
        _each: &mut dyn FnMut(Message) -> bool,
    ) -> Result<(), StoreError> {
        todo!()
    }

    /// One message.
    pub fn message(&self, _mailbox: MailboxId, _uid: Uid) -> Result<Option<Message>, StoreError> {
        todo!()
    }

    /// Envelope and structure, with offsets counted from the first byte of the stored message
    /// (the prefix included).
    pub fn parsed(&self, _message: &Message) -> Result<Parsed, StoreError> {
        todo!()
    }

    /// The bytes.
    pub fn body(&self, _message: &Message) -> Result<Body, StoreError> {
        todo!()
    }

    /// What happened in a mailbox after a change.
    pub fn changes_since(
        &self,
        _mailbox: MailboxId,
        _modseq: ModSeq,
    ) -> Result<MailboxChanges, StoreError> {
        todo!()
    }

    /// Bytes all messages of the account take (what a quota is held against).
    pub fn total_size(&self) -> Result<u64, StoreError> {
        todo!()
    }

    /// The newest change of the account.
    pub fn modseq(&self) -> Result<ModSeq, StoreError> {
        todo!()
    }
}

/// What happened in a mailbox after some change: the end of it, not every step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MailboxChanges {
    /// Messages added or with other flags, by UID.
    pub changed: Vec<Message>,
    /// UIDs gone, ascending. May name UIDs that came and went in between.
    pub expunged: Vec<Uid>,
    /// Up to which change this is.
    pub modseq: ModSeq,
    /// The mailbox itself is gone.
    pub deleted: bool,
}

/// A stored message's bytes; reads them without regard to the view's end. `Send + Sync`.
#[derive(Debug, Clone)]
pub struct Body {}

impl Body {
    /// Bytes, the prefix included.
    pub fn len(&self) -> u64 {
        todo!()
    }

    /// Reads at an offset, up to the buffer's length; 0 at the end.
    pub fn read_at(&self, _offset: u64, _buf: &mut [u8]) -> Result<usize, StoreError> {
        todo!()
    }
}
