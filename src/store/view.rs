//! Reading: a consistent picture of an account.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::account::Handle;
use super::body::Body;
use super::opened::Opened;
use super::parsed;
use super::rows::{self, BodyRow, MailboxRow, MessageRow};
use super::{Mailbox, MailboxId, Message, ModSeq, StoreError, Uid};
use crate::db::{KeyRange, Order, Read, Rows};
use crate::mail::Parsed;
use crate::mailbox::MailboxName;

/// A picture of an account between two changes. Cheap to make (microseconds) and to drop; hold it
/// for a command, not for a session. `Send`.
pub struct View {
    read: Read,
    opened: Arc<Opened>,
    /// Keeps the segments that the picture needs.
    _pin: Arc<()>,
    /// Keeps the account open.
    _handle: Arc<Handle>,
}

impl View {
    pub(super) fn new(opened: Arc<Opened>, handle: Arc<Handle>) -> Result<View, StoreError> {
        let (read, pin) = opened.read()?;
        Ok(View {
            read,
            opened,
            _pin: pin,
            _handle: handle,
        })
    }

    /// All mailboxes, by name; Inbox first.
    pub fn mailboxes(&self) -> Result<Vec<Mailbox>, StoreError> {
        let mut ids = Vec::new();
        self.read
            .scan(KeyRange::prefix(b"N"), Order::Ascending, &mut |_, value| {
                ids.push(rows::decode::<MailboxId>(value));
                true
            })?;
        let mut mailboxes = Vec::with_capacity(ids.len());
        for id in ids {
            let id = id?;
            mailboxes.push(rows::load_mailbox(&self.read, id)?.public(id));
        }
        // Stable: the others stay in their order.
        mailboxes.sort_by_key(|mailbox| !mailbox.name.is_inbox());
        Ok(mailboxes)
    }

    /// One by its name.
    pub fn mailbox(&self, name: &MailboxName) -> Result<Option<Mailbox>, StoreError> {
        match rows::find_mailbox(&self.read, name)? {
            Some(id) => self.mailbox_by_id(id),
            None => Ok(None),
        }
    }

    /// One by its number; none once it is deleted.
    pub fn mailbox_by_id(&self, id: MailboxId) -> Result<Option<Mailbox>, StoreError> {
        Ok(self.mailbox_row(id)?.map(|row| row.public(id)))
    }

    /// Names that are subscribed to without being there.
    pub fn subscriptions_without_mailbox(&self) -> Result<Vec<MailboxName>, StoreError> {
        let mut names = Vec::new();
        self.read
            .scan(KeyRange::prefix(b"S"), Order::Ascending, &mut |key, _| {
                let name = std::str::from_utf8(key.get(1..).unwrap_or(&[])).ok();
                names.extend(name.and_then(|name| MailboxName::parse(name).ok()));
                true
            })?;
        Ok(names)
    }

    /// UIDs of a mailbox, ascending.
    pub fn uids(&self, mailbox: MailboxId) -> Result<Vec<Uid>, StoreError> {
        let mut uids = Vec::new();
        self.read.scan(
            rows::of_mailbox(b'm', mailbox),
            Order::Ascending,
            &mut |key, _| {
                uids.push(rows::uid_of(key));
                true
            },
        )?;
        Ok(uids)
    }

    /// Messages with UIDs from `first` to `last`, ascending, given to `each` one by one until it
    /// answers false.
    pub fn messages(
        &self,
        mailbox: MailboxId,
        first: Uid,
        last: Uid,
        each: &mut dyn FnMut(Message) -> bool,
    ) -> Result<(), StoreError> {
        let Some(row) = self.mailbox_row(mailbox)? else {
            return Ok(());
        };
        let range = rows::messages_range(mailbox, first, last);
        self.scan_messages(range, Order::Ascending, &mut |uid, message| {
            each(message.public(mailbox, uid, &row.keywords))
        })
    }

    /// The same with each message's parsed form: for going through many, which is several times as
    /// fast as asking for them one by one.
    pub fn messages_with_parsed(
        &self,
        mailbox: MailboxId,
        first: Uid,
        last: Uid,
        each: &mut dyn FnMut(Message, Parsed) -> bool,
    ) -> Result<(), StoreError> {
        // So many messages' rows are in memory at a time.
        const CHUNK: usize = 512;
        let mut first = first;
        let mut chunk = Vec::with_capacity(CHUNK);
        loop {
            chunk.clear();
            self.messages(mailbox, first, last, &mut |message| {
                chunk.push(message);
                chunk.len() < CHUNK
            })?;
            let Some(newest) = chunk.last().map(|message| message.uid) else {
                return Ok(());
            };
            if !self.with_parsed(&mut chunk, each)? || newest >= last {
                return Ok(());
            }
            first = newest + 1;
        }
    }

    /// One message.
    pub fn message(&self, mailbox: MailboxId, uid: Uid) -> Result<Option<Message>, StoreError> {
        let key = rows::message_key(mailbox, uid);
        let Some(message) = rows::load::<MessageRow>(&self.read, &key)? else {
            return Ok(None);
        };
        let names = match message.keywords.is_empty() {
            true => Vec::new(),
            false => rows::load_mailbox(&self.read, mailbox)?.keywords,
        };
        Ok(Some(message.public(mailbox, uid, &names)))
    }

    /// Envelope and structure, with offsets counted from the first byte of the stored message
    /// (the prefix included).
    pub fn parsed(&self, message: &Message) -> Result<Parsed, StoreError> {
        let value = self.body_row(message.body)?;
        self.decode_parsed(message.body, &rows::decode(&value)?)
    }

    /// The bytes.
    pub fn body(&self, message: &Message) -> Result<Body, StoreError> {
        let value = self.body_row(message.body)?;
        self.open_body(&rows::decode(&value)?)
    }

    /// What happened in a mailbox after a change.
    pub fn changes_since(
        &self,
        mailbox: MailboxId,
        modseq: ModSeq,
    ) -> Result<MailboxChanges, StoreError> {
        let mut changes = MailboxChanges {
            modseq: self.modseq()?,
            ..MailboxChanges::default()
        };
        let Some(row) = self.mailbox_row(mailbox)? else {
            changes.deleted = true;
            return Ok(changes);
        };
        if row.highest_modseq > modseq {
            changes.changed = self.changed_since(mailbox, &row, modseq)?;
            changes.expunged = if modseq < row.forgotten {
                self.not_there(mailbox, &row)?
            } else {
                self.expunged_since(mailbox, modseq)?
            };
        }
        Ok(changes)
    }

    /// Bytes all messages of the account take (what a quota is held against).
    pub fn total_size(&self) -> Result<u64, StoreError> {
        Ok(rows::load_account(&self.read)?.size)
    }

    /// The newest change of the account.
    pub fn modseq(&self) -> Result<ModSeq, StoreError> {
        Ok(rows::load_account(&self.read)?.modseq)
    }

    fn mailbox_row(&self, id: MailboxId) -> Result<Option<MailboxRow>, StoreError> {
        rows::load(&self.read, &rows::mailbox_key(id))
    }

    fn scan_messages(
        &self,
        range: KeyRange,
        order: Order,
        each: &mut dyn FnMut(Uid, MessageRow) -> bool,
    ) -> Result<(), StoreError> {
        let mut failed = None;
        self.read
            .scan(range, order, &mut |key, value| match rows::decode(value) {
                Ok(message) => each(rows::uid_of(key), message),
                Err(e) => {
                    failed = Some(e);
                    false
                }
            })?;
        failed.map_or(Ok(()), Err)
    }

    /// Messages whose flags were changed have rows in the order of changes; messages as they were
    /// added are at the mailbox's end, since UIDs ascend as changes do.
    fn changed_since(
        &self,
        mailbox: MailboxId,
        row: &MailboxRow,
        modseq: ModSeq,
    ) -> Result<Vec<Message>, StoreError> {
        let mut changed = BTreeMap::new();
        self.scan_messages(
            rows::of_mailbox(b'm', mailbox),
            Order::Descending,
            &mut |uid, message| {
                let new = message.added() > modseq;
                if new {
                    changed.insert(uid, message.public(mailbox, uid, &row.keywords));
                }
                new
            },
        )?;
        let mut touched = Vec::new();
        self.read.scan(
            rows::since(b'q', mailbox, modseq),
            Order::Ascending,
            &mut |key, _| {
                touched.push(rows::uid_of(key));
                true
            },
        )?;
        for uid in touched {
            if !changed.contains_key(&uid)
                && let Some(message) =
                    rows::load::<MessageRow>(&self.read, &rows::message_key(mailbox, uid))?
            {
                changed.insert(uid, message.public(mailbox, uid, &row.keywords));
            }
        }
        Ok(changed.into_values().collect())
    }

    fn expunged_since(&self, mailbox: MailboxId, modseq: ModSeq) -> Result<Vec<Uid>, StoreError> {
        let mut uids = Vec::new();
        let mut done = Ok(());
        self.read.scan(
            rows::since(b't', mailbox, modseq),
            Order::Ascending,
            &mut |_, value| {
                done = rows::decode_uids(value, &mut |uid| uids.push(uid));
                done.is_ok()
            },
        )?;
        done?;
        uids.sort_unstable();
        uids.dedup();
        Ok(uids)
    }

    /// All UIDs that were given and are gone.
    fn not_there(&self, mailbox: MailboxId, row: &MailboxRow) -> Result<Vec<Uid>, StoreError> {
        let there = self.uids(mailbox)?;
        let mut there = there.iter().peekable();
        Ok((1..row.uid_next)
            .filter(|uid| there.next_if_eq(&uid).is_none())
            .collect())
    }

    fn body_row(&self, body: u64) -> Result<Vec<u8>, StoreError> {
        self.read
            .get(&rows::body_key(body))?
            .ok_or_else(|| rows::damaged("a message has no body"))
    }

    fn open_body(&self, row: &BodyRow<'_>) -> Result<Body, StoreError> {
        let file = self.opened.segments.get(row.segment)?;
        Ok(Body::new(file, row.offset, row.len, row.crc))
    }

    /// Gives messages with their parsed forms to `each`; false when that has answered so. Bodies are
    /// numbered as messages come in, so the rows of neighbours stand together mostly.
    fn with_parsed(
        &self,
        chunk: &mut Vec<Message>,
        each: &mut dyn FnMut(Message, Parsed) -> bool,
    ) -> Result<bool, StoreError> {
        let ascending = chunk.is_sorted_by(|a, b| a.body < b.body);
        let span = match (chunk.first(), chunk.last()) {
            (Some(first), Some(last)) => last.body.saturating_sub(first.body),
            _ => 0,
        };
        if !ascending || span > 4 * chunk.len() as u64 {
            for message in chunk.drain(..) {
                let parsed = self.parsed(&message)?;
                if !each(message, parsed) {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        let (Some(first), Some(last)) = (chunk.first(), chunk.last()) else {
            return Ok(true);
        };
        let range = KeyRange::from_through(&rows::body_key(first.body), &rows::body_key(last.body));
        let mut wanted = chunk.drain(..).peekable();
        let mut done: Result<bool, StoreError> = Ok(true);
        self.read.scan(range, Order::Ascending, &mut |key, value| {
            let Some(message) = wanted.next_if(|message| rows::body_key(message.body) == key)
            else {
                return true;
            };
            done = rows::decode(value)
                .and_then(|row| self.decode_parsed(message.body, &row))
                .map(|parsed| each(message, parsed));
            matches!(done, Ok(true))
        })?;
        if matches!(done, Ok(true)) && wanted.next().is_some() {
            return Err(rows::damaged("a message has no body"));
        }
        done
    }

    fn decode_parsed(&self, body: u64, row: &BodyRow<'_>) -> Result<Parsed, StoreError> {
        let prefix = u64::from(row.prefix);
        let parsed = match row.pieces() {
            0 => parsed::decode(row.parsed, prefix),
            pieces => {
                let mut whole = row.parsed.to_vec();
                for piece in 0..pieces {
                    let piece = self.read.get(&rows::piece_key(body, piece))?;
                    whole.extend(piece.unwrap_or_default());
                }
                parsed::decode(&whole, prefix)
            }
        };
        match parsed {
            Some(parsed) => Ok(parsed),
            None => self.parse_again(row),
        }
    }

    fn parse_again(&self, row: &BodyRow<'_>) -> Result<Parsed, StoreError> {
        let body = self.open_body(row)?;
        let mut parser = parsed::parser();
        let mut buf = vec![0; 64 << 10];
        let mut at = u64::from(row.prefix);
        loop {
            match body.read_at(at, &mut buf)? {
                0 => break,
                n => {
                    parser.push(&buf[..n]);
                    at += n as u64;
                }
            }
        }
        let mut parsed = parser.finish();
        parsed::shift(&mut parsed, u64::from(row.prefix));
        Ok(parsed)
    }
}

/// What happened in a mailbox after some change: the end of it, not every step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MailboxChanges {
    /// Messages added or with other flags, by UID.
    pub changed: Vec<Message>,
    /// UIDs gone, ascending. May name UIDs that came and went in between; when the store no longer
    /// knows what went after that change, it is every UID that was ever given and is not there.
    pub expunged: Vec<Uid>,
    /// Up to which change this is.
    pub modseq: ModSeq,
    /// The mailbox itself is gone.
    pub deleted: bool,
}
