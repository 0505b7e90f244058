//! Mailboxes made, renamed, deleted, subscribed to.

use super::Batch;
use crate::db::{KeyRange, Order, Rows, Write};
use crate::mailbox::{MailboxName, SpecialUse};
use crate::store::rows::{self, AccountRow};
use crate::store::{Changed, MailboxId, StoreError};

/// So many mailboxes an account may have.
const MAX_MAILBOXES: u32 = 10_000;

/// The rows of a new account: Inbox and the mailboxes with special uses, all subscribed to.
pub(in crate::store) fn first_rows(w: &mut Write, now: i64) -> Result<(), StoreError> {
    rows::save(w, rows::ACCOUNT, &AccountRow::default())?;
    let place = crate::store::log::Place {
        segment: 1,
        bodies: 0,
    };
    let mut batch = Batch::new(w, place, now);
    batch.make_mailbox(&MailboxName::inbox(), None, true)?;
    for (name, use_) in [
        ("Sent", SpecialUse::Sent),
        ("Archive", SpecialUse::Archive),
        ("Trash", SpecialUse::Trash),
        ("Drafts", SpecialUse::Drafts),
        ("Junk", SpecialUse::Junk),
    ] {
        let name = MailboxName::parse(name).map_err(StoreError::Cannot)?;
        batch.make_mailbox(&name, Some(use_), true)?;
    }
    Ok(())
}

impl Batch<'_, '_> {
    pub(super) fn create_mailbox(
        &mut self,
        name: &MailboxName,
        special_use: Option<SpecialUse>,
    ) -> Result<Changed, StoreError> {
        if rows::find_mailbox(self.w, name)?.is_some() {
            return Err(StoreError::MailboxExists);
        }
        let id = self.make_mailbox(name, special_use, false)?;
        Ok(Changed::Mailbox(id))
    }

    /// Makes a mailbox that is not there, with its missing parents.
    pub(super) fn make_mailbox(
        &mut self,
        name: &MailboxName,
        special_use: Option<SpecialUse>,
        subscribed: bool,
    ) -> Result<MailboxId, StoreError> {
        if let Some(parent) = name.parent()
            && rows::find_mailbox(self.w, &parent)?.is_none()
        {
            self.make_mailbox(&parent, None, subscribed)?;
        }
        let mut account = self.next_change()?;
        if account.mailboxes >= MAX_MAILBOXES {
            return Err(StoreError::Limit("mailboxes"));
        }
        account.mailboxes += 1;
        account.last_mailbox += 1;
        // Ascending over all mailboxes of the account; beginning with the time, so that an
        // account made again under a name does not repeat the old one's.
        let now = u32::try_from(self.now).unwrap_or(u32::MAX - 1_000_000);
        account.last_uid_validity = now.max(account.last_uid_validity.saturating_add(1));
        let id = MailboxId(account.last_mailbox);
        let mut row =
            super::new_mailbox(name, account.last_uid_validity, special_use, account.modseq);
        let waiting = rows::subscription_key(name);
        row.subscribed = subscribed || self.w.get(&waiting)?.is_some();
        self.w.delete(&waiting);
        rows::save(self.w, &rows::name_key(name), &id)?;
        self.save_mailbox(id, &row)?;
        self.save_account(&account)?;
        Ok(id)
    }

    pub(super) fn delete_mailbox(&mut self, name: &MailboxName) -> Result<Changed, StoreError> {
        if name.is_inbox() {
            return Err(StoreError::Cannot("Inbox can't be deleted"));
        }
        let id = rows::find_mailbox(self.w, name)?.ok_or(StoreError::NoMailbox)?;
        if !self.children(name)?.is_empty() {
            return Err(StoreError::HasChildren);
        }
        let mut mailbox = rows::load_mailbox(self.w, id)?;
        let mut account = self.next_change()?;
        for (uid, message) in self.all_messages(id, false)? {
            self.remove_message(id, &mut mailbox, &mut account, uid, &message)?;
            self.release_body(message.body)?;
        }
        self.w.clear(rows::of_mailbox(b't', id))?;
        self.w.delete(&rows::mailbox_key(id));
        self.w.delete(&rows::name_key(name));
        if mailbox.subscribed {
            // RFC 9051 §6.3.7: the name stays subscribed to.
            self.w.put(&rows::subscription_key(name), &[])?;
        }
        account.mailboxes = account.mailboxes.saturating_sub(1);
        self.save_account(&account)?;
        Ok(Changed::Done)
    }

    pub(super) fn rename_mailbox(
        &mut self,
        from: &MailboxName,
        to: &MailboxName,
    ) -> Result<Changed, StoreError> {
        let id = rows::find_mailbox(self.w, from)?.ok_or(StoreError::NoMailbox)?;
        if rows::find_mailbox(self.w, to)?.is_some() {
            return Err(StoreError::MailboxExists);
        }
        if from.is_inbox() {
            let new = self.make_mailbox(to, None, false)?;
            let messages = self.all_messages(id, false)?;
            self.move_messages(id, &messages, new)?;
            return Ok(Changed::Done);
        }
        if to.is_below(from) {
            return Err(StoreError::Cannot("a mailbox can't go into itself"));
        }
        if let Some(parent) = to.parent()
            && rows::find_mailbox(self.w, &parent)?.is_none()
        {
            self.make_mailbox(&parent, None, false)?;
        }
        let account = self.next_change()?;
        let mut moving = self.children(from)?;
        moving.push((from.clone(), id));
        for (old, id) in moving {
            let rest = old.as_str().get(from.as_str().len()..).unwrap_or("");
            let new = MailboxName::parse(&format!("{}{rest}", to.as_str()))
                .map_err(StoreError::Cannot)?;
            let mut row = rows::load_mailbox(self.w, id)?;
            let waiting = rows::subscription_key(&new);
            row.subscribed |= self.w.get(&waiting)?.is_some();
            self.w.delete(&waiting);
            row.name = new.clone();
            self.w.delete(&rows::name_key(&old));
            rows::save(self.w, &rows::name_key(&new), &id)?;
            self.save_mailbox(id, &row)?;
        }
        self.save_account(&account)?;
        Ok(Changed::Done)
    }

    pub(super) fn subscribe(
        &mut self,
        name: &MailboxName,
        subscribed: bool,
    ) -> Result<Changed, StoreError> {
        let account = self.next_change()?;
        match rows::find_mailbox(self.w, name)? {
            Some(id) => {
                let mut row = rows::load_mailbox(self.w, id)?;
                if row.subscribed == subscribed {
                    return Ok(Changed::Done);
                }
                row.subscribed = subscribed;
                self.save_mailbox(id, &row)?;
            }
            None => {
                let key = rows::subscription_key(name);
                if self.w.get(&key)?.is_some() == subscribed {
                    return Ok(Changed::Done);
                }
                if !subscribed {
                    self.w.delete(&key);
                } else if self.subscriptions_are_many()? {
                    return Err(StoreError::Limit("subscriptions"));
                } else {
                    self.w.put(&key, &[])?;
                }
            }
        }
        self.save_account(&account)?;
        Ok(Changed::Done)
    }

    fn subscriptions_are_many(&self) -> Result<bool, StoreError> {
        let mut count = 0;
        self.w
            .scan(KeyRange::prefix(b"S"), Order::Ascending, &mut |_, _| {
                count += 1;
                count < MAX_MAILBOXES
            })?;
        Ok(count >= MAX_MAILBOXES)
    }

    /// Mailboxes below a name.
    fn children(&self, name: &MailboxName) -> Result<Vec<(MailboxName, MailboxId)>, StoreError> {
        let mut prefix = rows::name_key(name);
        prefix.push(b'/');
        let mut found = Vec::new();
        self.w.scan(
            KeyRange::prefix(&prefix),
            Order::Ascending,
            &mut |key, value| {
                found.push((key.get(1..).map(<[u8]>::to_vec), value.to_vec()));
                true
            },
        )?;
        let mut children = Vec::with_capacity(found.len());
        for (name, id) in found {
            let name = name
                .and_then(|name| String::from_utf8(name).ok())
                .and_then(|name| MailboxName::parse(&name).ok())
                .ok_or_else(|| rows::damaged("a mailbox has no name"))?;
            children.push((name, rows::decode(&id)?));
        }
        Ok(children)
    }
}
