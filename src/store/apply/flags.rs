//! Flags of messages.

use super::Batch;
use crate::mailbox::{FlagChange, SystemFlag};
use crate::store::rows;
use crate::store::{Changed, MailboxId, ModSeq, StoreError, Uid};

impl Batch<'_, '_> {
    pub(super) fn set_flags(
        &mut self,
        id: MailboxId,
        uids: &[Uid],
        change: &FlagChange,
        unchanged_since: Option<ModSeq>,
    ) -> Result<Changed, StoreError> {
        let mut mailbox = rows::load_mailbox(self.w, id)?;
        let account = self.next_change()?;
        let (mut changed, mut modified) = (Vec::new(), Vec::new());
        for uid in uids {
            let Some(mut message) = self.message(id, *uid)? else {
                continue;
            };
            if unchanged_since.is_some_and(|since| message.modseq > since) {
                modified.push(*uid);
                continue;
            }
            let mut flags = message.flags(&mailbox.keywords);
            if !flags.apply(change) {
                continue;
            }
            super::count(&mut mailbox, &message, false);
            message.system = flags.system;
            message.keywords = super::places(&mut mailbox, &flags)?;
            super::count(&mut mailbox, &message, true);
            if message.added == 0 {
                message.added = message.modseq;
            } else {
                let old = rows::touched_key(id, message.modseq, *uid);
                self.w.delete(&old);
            }
            message.modseq = account.modseq;
            self.w
                .put(&rows::touched_key(id, account.modseq, *uid), &[])?;
            rows::save(self.w, &rows::message_key(id, *uid), &message)?;
            changed.push(*uid);
        }
        let mut modseq = 0;
        if !changed.is_empty() {
            modseq = account.modseq;
            mailbox.highest_modseq = modseq;
            self.save_mailbox(id, &mailbox)?;
            self.save_account(&account)?;
        }
        Ok(Changed::Flags {
            changed,
            modified,
            modseq,
        })
    }

    pub(super) fn take_recent(&mut self, id: MailboxId) -> Result<Changed, StoreError> {
        let mut mailbox = rows::load_mailbox(self.w, id)?;
        let recent = mailbox.recent_below;
        if recent != mailbox.uid_next {
            mailbox.recent_below = mailbox.uid_next;
            self.save_mailbox(id, &mailbox)?;
        }
        Ok(Changed::Recent(recent))
    }
}

/// Whether a row has the flag.
pub(super) fn is_deleted(system: u8) -> bool {
    system & SystemFlag::Deleted as u8 != 0
}
