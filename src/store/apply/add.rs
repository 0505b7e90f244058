//! New messages.

use super::Batch;
use crate::mailbox::MailboxName;
use crate::store::log::Bytes;
use crate::store::rows::{self, BodyRow, MessageRow, PIECE};
use crate::store::{Changed, MailboxId, NewMessage, StoreError};

impl<'c> Batch<'_, 'c> {
    pub(super) fn add(
        &mut self,
        to: &Result<MailboxId, MailboxName>,
        create: bool,
        messages: &'c [NewMessage],
        quota: u64,
    ) -> Result<Changed, StoreError> {
        let id = match to {
            Ok(id) => *id,
            Err(name) => match rows::find_mailbox(self.w, name)? {
                Some(id) => id,
                None if create => self.make_mailbox(name, None, true)?,
                None => return Err(StoreError::NoMailbox),
            },
        };
        let mut mailbox = rows::load_mailbox(self.w, id)?;
        let mut account = self.next_change()?;
        let mut uids = Vec::with_capacity(messages.len());
        for new in messages {
            let size = new.prefix.len() as u64 + new.message.len();
            account.size += size;
            if quota != 0 && account.size > quota {
                return Err(StoreError::OverQuota);
            }
            account.last_body += 1;
            self.add_body(account.last_body, new)?;
            let message = MessageRow {
                modseq: account.modseq,
                added: 0,
                body: account.last_body,
                size,
                system: new.flags.system,
                keywords: super::places(&mut mailbox, &new.flags)?,
                received: new.received,
                saved: self.now,
            };
            uids.push(self.append_message(id, &mut mailbox, &message)?);
        }
        mailbox.highest_modseq = account.modseq;
        self.save_mailbox(id, &mailbox)?;
        self.save_account(&account)?;
        Ok(Changed::Added {
            mailbox: id,
            uid_validity: mailbox.uid_validity,
            uids,
            modseq: account.modseq,
        })
    }

    fn add_body(&mut self, body: u64, new: &'c NewMessage) -> Result<(), StoreError> {
        let bytes = Bytes::New(&new.prefix, &new.message);
        let encoded = new.message.encoded();
        let (first, rest) = encoded.split_at(encoded.len().min(PIECE));
        let too_large = |_| StoreError::Limit("parts and headers");
        let row = BodyRow {
            segment: self.segment,
            offset: self.next_offset,
            len: bytes.len(),
            crc: bytes.crc(),
            prefix: u32::try_from(new.prefix.len()).map_err(too_large)?,
            parsed_len: u32::try_from(encoded.len()).map_err(too_large)?,
            parsed: first,
        };
        rows::save(self.w, &rows::body_key(body), &row)?;
        for (number, piece) in rest.chunks(PIECE).enumerate() {
            let number = u16::try_from(number).map_err(too_large)?;
            self.w.put(&rows::piece_key(body, number), piece)?;
        }
        self.place_body(bytes)
    }
}
