//! Messages that go for good, and what is remembered of them.

use super::Batch;
use crate::db::{Order, Rows};
use crate::store::rows::{self, AccountRow, MailboxRow, MessageRow};
use crate::store::{Changed, MailboxId, StoreError, Uid};

/// So many rows of expunged UIDs a mailbox keeps. Older expunges are forgotten: who asks for changes
/// from before them is told of every UID that is not there.
const TOMBSTONES: u32 = 10_000;

impl Batch<'_, '_> {
    pub(super) fn expunge(
        &mut self,
        id: MailboxId,
        uids: Option<&[Uid]>,
        only_deleted: bool,
    ) -> Result<Changed, StoreError> {
        let mut mailbox = rows::load_mailbox(self.w, id)?;
        let mut account = self.next_change()?;
        let mut gone = Vec::new();
        if !only_deleted || mailbox.deleted > 0 {
            let found = match uids {
                Some(uids) => self.some_messages(id, uids, only_deleted)?,
                None => self.all_messages(id, only_deleted)?,
            };
            for (uid, message) in found {
                self.remove_message(id, &mut mailbox, &mut account, uid, &message)?;
                self.release_body(message.body)?;
                gone.push(uid);
            }
        }
        let mut modseq = 0;
        if !gone.is_empty() {
            modseq = account.modseq;
            self.bury(id, &mut mailbox, &account, &gone)?;
            self.save_mailbox(id, &mailbox)?;
            self.save_account(&account)?;
        }
        Ok(Changed::Expunged { uids: gone, modseq })
    }

    /// The messages of these UIDs that are there, each once. Looked up before anything is changed: a
    /// copy into the same mailbox must not find what it has just made.
    pub(super) fn some_messages(
        &self,
        id: MailboxId,
        uids: &[Uid],
        only_deleted: bool,
    ) -> Result<Vec<(Uid, MessageRow)>, StoreError> {
        let mut found: Vec<(Uid, MessageRow)> = Vec::new();
        for uid in uids {
            if found.last().is_some_and(|(last, _)| last == uid) {
                continue;
            }
            if let Some(message) = self.message(id, *uid)?
                && (!only_deleted || super::flags::is_deleted(message.system))
            {
                found.push((*uid, message));
            }
        }
        Ok(found)
    }

    /// The messages of a mailbox, or those with \Deleted.
    pub(super) fn all_messages(
        &self,
        id: MailboxId,
        only_deleted: bool,
    ) -> Result<Vec<(Uid, MessageRow)>, StoreError> {
        let mut found = Vec::new();
        let mut failed = None;
        self.w.scan(
            rows::of_mailbox(b'm', id),
            Order::Ascending,
            &mut |key, value| match rows::decode::<MessageRow>(value) {
                Ok(message) => {
                    if !only_deleted || super::flags::is_deleted(message.system) {
                        found.push((rows::uid_of(key), message));
                    }
                    true
                }
                Err(e) => {
                    failed = Some(e);
                    false
                }
            },
        )?;
        failed.map_or(Ok(found), Err)
    }

    /// Takes a message out of its mailbox; its body stays.
    pub(super) fn remove_message(
        &mut self,
        id: MailboxId,
        mailbox: &mut MailboxRow,
        account: &mut AccountRow,
        uid: Uid,
        message: &MessageRow,
    ) -> Result<(), StoreError> {
        super::count(mailbox, message, false);
        account.size = account.size.saturating_sub(message.size);
        if message.added != 0 {
            let touched = rows::touched_key(id, message.modseq, uid);
            self.w.delete(&touched);
        }
        self.w.delete(&rows::message_key(id, uid));
        Ok(())
    }

    /// Remembers that these UIDs are gone, and forgets the oldest of those remembered.
    pub(super) fn bury(
        &mut self,
        id: MailboxId,
        mailbox: &mut MailboxRow,
        account: &AccountRow,
        uids: &[Uid],
    ) -> Result<(), StoreError> {
        mailbox.highest_modseq = account.modseq;
        for (number, piece) in rows::encode_uids(uids)?.iter().enumerate() {
            let number = u16::try_from(number).map_err(|_| StoreError::Limit("messages"))?;
            self.w
                .put(&rows::tombstone_key(id, account.modseq, number), piece)?;
            mailbox.tombstones += 1;
        }
        while mailbox.tombstones > TOMBSTONES {
            let Some((key, _)) = self.w.first(rows::of_mailbox(b't', id), Order::Ascending)? else {
                break;
            };
            mailbox.forgotten = rows::modseq_of(&key);
            mailbox.tombstones -= 1;
            self.w.delete(&key);
        }
        Ok(())
    }
}
