//! Changes, done: what each puts into and deletes from the index. Nothing here touches a disk; a batch
//! of changes is a [`Write`] and the bodies that go with it, and a refused change leaves neither.

mod add;
mod copy;
mod expunge;
mod flags;
mod mailboxes;

use super::log::{Bytes, Place};
use super::rows::{self, AccountRow, BodyRow, MailboxRow, MessageRow, SegmentRow};
use super::{Change, Changed, MailboxId, ModSeq, StoreError, Uid};
use crate::db::{Rows, Write};
use crate::mailbox::{Flags, SpecialUse, SystemFlag};

pub(super) use mailboxes::first_rows;

/// How many keywords the messages of a mailbox may have between them: rows name them by a byte.
const MAX_KEYWORDS: usize = 250;

/// Several changes that will be one record of the log.
pub(super) struct Batch<'w, 'c> {
    w: &'w mut Write,
    /// Where the bodies will stand.
    segment: u32,
    next_offset: u64,
    /// Seconds since 1970.
    now: i64,
    /// The bodies, in order.
    pub(super) bodies: Vec<Bytes<'c>>,
    relocated: bool,
}

impl<'w, 'c> Batch<'w, 'c> {
    pub(super) fn new(w: &'w mut Write, place: Place, now: i64) -> Batch<'w, 'c> {
        Batch {
            w,
            segment: place.segment,
            next_offset: place.bodies,
            now,
            bodies: Vec::new(),
            relocated: false,
        }
    }

    /// Does a change, or leaves all as it was and says why.
    pub(super) fn run(&mut self, change: &'c Change) -> Result<Changed, StoreError> {
        let mark = self.w.mark();
        let (bodies, offset) = (self.bodies.len(), self.next_offset);
        let done = self.change(change);
        if done.is_ok() {
            self.w.forget(mark);
        } else {
            self.w.back_to(mark);
            self.bodies.truncate(bodies);
            self.next_offset = offset;
        }
        done
    }

    fn change(&mut self, change: &'c Change) -> Result<Changed, StoreError> {
        match change {
            Change::Add {
                mailbox,
                create,
                messages,
                quota,
            } => self.add(mailbox, *create, messages, *quota),
            Change::SetFlags {
                mailbox,
                uids,
                change,
                unchanged_since,
            } => self.set_flags(*mailbox, uids, change, *unchanged_since),
            Change::Expunge {
                mailbox,
                uids,
                only_deleted,
            } => self.expunge(*mailbox, uids.as_deref(), *only_deleted),
            Change::Copy {
                mailbox,
                uids,
                to,
                quota,
            } => self.copy(*mailbox, uids, to, *quota),
            Change::Move { mailbox, uids, to } => self.move_to(*mailbox, uids, to),
            Change::CreateMailbox { name, special_use } => self.create_mailbox(name, *special_use),
            Change::DeleteMailbox { name } => self.delete_mailbox(name),
            Change::RenameMailbox { from, to } => self.rename_mailbox(from, to),
            Change::Subscribe { name, subscribed } => self.subscribe(name, *subscribed),
            Change::TakeRecent { mailbox } => self.take_recent(*mailbox),
        }
    }

    /// Moves a body to where the next one will stand.
    pub(super) fn relocate(&mut self, body: u64, bytes: Bytes<'c>) -> Result<(), StoreError> {
        let key = rows::body_key(body);
        let Some(value) = self.w.get(&key)? else {
            return Ok(());
        };
        let mut row: BodyRow<'_> = rows::decode(&value)?;
        self.release_bytes(row.segment, row.len)?;
        row.segment = self.segment;
        row.offset = self.next_offset;
        rows::save(self.w, &key, &row)?;
        self.relocated = true;
        self.place_body(bytes)
    }

    /// Forgets a segment that has no body in use.
    pub(super) fn forget_segment(&mut self, segment: u32) {
        self.relocated = true;
        self.w.delete(&rows::segment_key(segment));
    }

    /// Whether bodies have moved, which no counter shows.
    pub(super) fn has_relocated(&self) -> bool {
        self.relocated
    }

    /// Takes room for a body at the end of the segment.
    fn place_body(&mut self, bytes: Bytes<'c>) -> Result<(), StoreError> {
        self.next_offset += bytes.len();
        self.count_new_body(bytes.len())?;
        self.bodies.push(bytes);
        Ok(())
    }

    fn count_new_body(&mut self, len: u64) -> Result<(), StoreError> {
        let key = rows::segment_key(self.segment);
        let mut row: SegmentRow = rows::load(self.w, &key)?.unwrap_or_default();
        row.bodies += len;
        row.live += len;
        rows::save(self.w, &key, &row)
    }

    fn release_bytes(&mut self, segment: u32, len: u64) -> Result<(), StoreError> {
        let key = rows::segment_key(segment);
        let mut row: SegmentRow = rows::load(self.w, &key)?.unwrap_or_default();
        row.live = row.live.saturating_sub(len);
        rows::save(self.w, &key, &row)
    }

    /// One message less has this body; the last one takes it away.
    fn release_body(&mut self, body: u64) -> Result<(), StoreError> {
        let refs_key = rows::refs_key(body);
        match rows::load::<u32>(self.w, &refs_key)? {
            Some(refs @ 3..) => return rows::save(self.w, &refs_key, &(refs - 1)),
            Some(_) => {
                self.w.delete(&refs_key);
                return Ok(());
            }
            None => {}
        }
        let key = rows::body_key(body);
        let Some(value) = self.w.get(&key)? else {
            return Err(rows::damaged("a message has no body"));
        };
        let row: BodyRow<'_> = rows::decode(&value)?;
        for piece in 0..row.pieces() {
            self.w.delete(&rows::piece_key(body, piece));
        }
        self.w.delete(&key);
        self.release_bytes(row.segment, row.len)
    }

    /// One message more has this body.
    fn share_body(&mut self, body: u64) -> Result<(), StoreError> {
        let key = rows::refs_key(body);
        let refs: u32 = rows::load(self.w, &key)?.unwrap_or(1);
        rows::save(self.w, &key, &(refs + 1))
    }

    /// The account's counters with the number of a change that is about to be done.
    fn next_change(&self) -> Result<AccountRow, StoreError> {
        let mut account = rows::load_account(self.w)?;
        account.modseq += 1;
        Ok(account)
    }

    fn save_account(&mut self, account: &AccountRow) -> Result<(), StoreError> {
        rows::save(self.w, rows::ACCOUNT, account)
    }

    fn save_mailbox(&mut self, id: MailboxId, row: &MailboxRow) -> Result<(), StoreError> {
        rows::save(self.w, &rows::mailbox_key(id), row)
    }

    fn message(&self, mailbox: MailboxId, uid: Uid) -> Result<Option<MessageRow>, StoreError> {
        rows::load(self.w, &rows::message_key(mailbox, uid))
    }

    /// Puts a message at the end of a mailbox; gives its UID.
    fn append_message(
        &mut self,
        id: MailboxId,
        mailbox: &mut MailboxRow,
        message: &MessageRow,
    ) -> Result<Uid, StoreError> {
        let uid = mailbox.uid_next;
        mailbox.uid_next = uid
            .checked_add(1)
            .ok_or(StoreError::Cannot("the mailbox has no UID left"))?;
        count(mailbox, message, true);
        rows::save(self.w, &rows::message_key(id, uid), message)?;
        Ok(uid)
    }
}

/// Counts a message into its mailbox, or out of it.
fn count(mailbox: &mut MailboxRow, message: &MessageRow, in_: bool) {
    let one = |n: &mut u32, counts: bool| {
        if counts {
            *n = if in_ { *n + 1 } else { n.saturating_sub(1) };
        }
    };
    let has = |flag: SystemFlag| message.system & flag as u8 != 0;
    one(&mut mailbox.messages, true);
    one(&mut mailbox.unseen, !has(SystemFlag::Seen));
    one(&mut mailbox.deleted, has(SystemFlag::Deleted));
    mailbox.size = if in_ {
        mailbox.size + message.size
    } else {
        mailbox.size.saturating_sub(message.size)
    };
}

/// The places of keywords in a mailbox, which learns the new ones.
fn places(mailbox: &mut MailboxRow, flags: &Flags) -> Result<Vec<u8>, StoreError> {
    let mut places = Vec::with_capacity(flags.keywords.len());
    for keyword in &flags.keywords {
        let known = mailbox
            .keywords
            .iter()
            .position(|name| name.eq_ignore_ascii_case(keyword));
        let place = match known {
            Some(place) => place,
            None if mailbox.keywords.len() < MAX_KEYWORDS => {
                mailbox.keywords.push(keyword.clone());
                mailbox.keywords.len() - 1
            }
            None => return Err(StoreError::Limit("keywords in the mailbox")),
        };
        places.push(u8::try_from(place).map_err(|_| StoreError::Limit("keywords"))?);
    }
    places.sort_unstable();
    places.dedup();
    Ok(places)
}

/// A mailbox as it is made.
fn new_mailbox(
    name: &crate::mailbox::MailboxName,
    uid_validity: u32,
    special_use: Option<SpecialUse>,
    modseq: ModSeq,
) -> MailboxRow {
    MailboxRow {
        name: name.clone(),
        uid_validity,
        uid_next: 1,
        highest_modseq: modseq,
        messages: 0,
        unseen: 0,
        deleted: 0,
        size: 0,
        recent_below: 1,
        subscribed: false,
        special_use,
        keywords: Vec::new(),
        tombstones: 0,
        forgotten: 0,
    }
}
