//! Messages into another mailbox: copies share their bodies.

use super::Batch;
use crate::mailbox::MailboxName;
use crate::store::rows::{self, MailboxRow, MessageRow};
use crate::store::{Changed, MailboxId, ModSeq, StoreError, Uid};

impl Batch<'_, '_> {
    pub(super) fn copy(
        &mut self,
        from: MailboxId,
        uids: &[Uid],
        to: &MailboxName,
        quota: u64,
    ) -> Result<Changed, StoreError> {
        let source = rows::load_mailbox(self.w, from)?;
        let id = rows::find_mailbox(self.w, to)?.ok_or(StoreError::NoMailbox)?;
        let mut target = rows::load_mailbox(self.w, id)?;
        let mut account = self.next_change()?;
        let mut pairs = Vec::new();
        for (uid, message) in self.some_messages(from, uids, false)? {
            account.size += message.size;
            if quota != 0 && account.size > quota {
                return Err(StoreError::OverQuota);
            }
            self.share_body(message.body)?;
            let copy = self.copied(&message, &source, &mut target, account.modseq)?;
            pairs.push((uid, self.append_message(id, &mut target, &copy)?));
        }
        let uid_validity = target.uid_validity;
        let mut modseq = 0;
        if !pairs.is_empty() {
            modseq = account.modseq;
            target.highest_modseq = modseq;
            self.save_mailbox(id, &target)?;
            self.save_account(&account)?;
        }
        Ok(Changed::Copied {
            mailbox: id,
            uid_validity,
            uids: pairs,
            modseq,
        })
    }

    pub(super) fn move_to(
        &mut self,
        from: MailboxId,
        uids: &[Uid],
        to: &MailboxName,
    ) -> Result<Changed, StoreError> {
        let id = rows::find_mailbox(self.w, to)?.ok_or(StoreError::NoMailbox)?;
        let found = self.some_messages(from, uids, false)?;
        let (pairs, modseq) = self.move_messages(from, &found, id)?;
        Ok(Changed::Copied {
            mailbox: id,
            uid_validity: rows::load_mailbox(self.w, id)?.uid_validity,
            uids: pairs,
            modseq,
        })
    }

    /// Moves messages; into the same mailbox too, where they get new UIDs.
    pub(super) fn move_messages(
        &mut self,
        from: MailboxId,
        found: &[(Uid, MessageRow)],
        to: MailboxId,
    ) -> Result<(Vec<(Uid, Uid)>, ModSeq), StoreError> {
        let mut source = rows::load_mailbox(self.w, from)?;
        let mut account = self.next_change()?;
        if found.is_empty() {
            return Ok((Vec::new(), 0));
        }
        for (uid, message) in found {
            let size = account.size;
            self.remove_message(from, &mut source, &mut account, *uid, message)?;
            account.size = size;
        }
        let gone: Vec<Uid> = found.iter().map(|(uid, _)| *uid).collect();
        self.bury(from, &mut source, &account, &gone)?;
        self.save_mailbox(from, &source)?;
        let mut target = rows::load_mailbox(self.w, to)?;
        let mut pairs = Vec::with_capacity(found.len());
        for (uid, message) in found {
            let moved = self.copied(message, &source, &mut target, account.modseq)?;
            pairs.push((*uid, self.append_message(to, &mut target, &moved)?));
        }
        target.highest_modseq = account.modseq;
        self.save_mailbox(to, &target)?;
        self.save_account(&account)?;
        Ok((pairs, account.modseq))
    }

    /// A message as it is in another mailbox, which has its own list of keywords.
    fn copied(
        &self,
        message: &MessageRow,
        source: &MailboxRow,
        target: &mut MailboxRow,
        modseq: ModSeq,
    ) -> Result<MessageRow, StoreError> {
        Ok(MessageRow {
            modseq,
            added: 0,
            keywords: super::places(target, &message.flags(&source.keywords))?,
            saved: self.now,
            ..message.clone()
        })
    }
}
