//! The rows of an account's index: keys and what stands under them.
//!
//! | key | row |
//! |---|---|
//! | `A` | [`AccountRow`]: the account's counters |
//! | `W` | [`Watermark`]: how far the log is in the index; the only row that is not logged |
//! | `B` mailbox | [`MailboxRow`] |
//! | `N` name | the mailbox of that name |
//! | `S` name | nothing: a subscription without a mailbox |
//! | `m` mailbox uid | [`MessageRow`] |
//! | `q` mailbox modseq uid | nothing: the message's flags were changed after it was added |
//! | `t` mailbox modseq piece | UIDs expunged by that change, as ranges |
//! | `p` body | [`BodyRow`]: where the body is, and the parsed form's beginning |
//! | `P` body piece | the rest of a long parsed form |
//! | `r` body | how many messages have it, when more than one |
//! | `g` segment | [`SegmentRow`]: bytes of bodies in it, and how many of them are in use |
//!
//! Numbers in keys are big-endian, so that keys sort as numbers do; rows are postcard. Why there is
//! no `q` row for a message that is as it was added: UIDs ascend as modseqs do, so such messages are
//! found from the mailbox's end ([`super::view`]), and a delivery writes one row less.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Mailbox, MailboxId, Message, ModSeq, StoreError, Uid};
use crate::db::{Format, KeyRange, Rows, Write};
use crate::mailbox::{Flags, MailboxName, SpecialUse};

/// The index's format. A change of keys or rows is a new version with a migration, and
/// `tests/samples` gets one more account.
pub(super) const FORMAT: Format = Format::first("mox account");

/// Bytes of a parsed form that one row holds.
pub(super) const PIECE: usize = 60_000;

pub(super) const ACCOUNT: &[u8] = b"A";
pub(super) const WATERMARK: &[u8] = b"W";

pub(super) fn mailbox_key(id: MailboxId) -> [u8; 5] {
    key4(b'B', id.0)
}

pub(super) fn name_key(name: &MailboxName) -> Vec<u8> {
    [b"N", name.as_str().as_bytes()].concat()
}

pub(super) fn subscription_key(name: &MailboxName) -> Vec<u8> {
    [b"S", name.as_str().as_bytes()].concat()
}

pub(super) fn message_key(mailbox: MailboxId, uid: Uid) -> [u8; 9] {
    let mut key = [b'm'; 9];
    key[1..5].copy_from_slice(&mailbox.0.to_be_bytes());
    key[5..].copy_from_slice(&uid.to_be_bytes());
    key
}

pub(super) fn messages_range(mailbox: MailboxId, first: Uid, last: Uid) -> KeyRange {
    KeyRange::from_through(&message_key(mailbox, first), &message_key(mailbox, last))
}

pub(super) fn touched_key(mailbox: MailboxId, modseq: ModSeq, uid: Uid) -> [u8; 17] {
    let mut key = [b'q'; 17];
    key[1..5].copy_from_slice(&mailbox.0.to_be_bytes());
    key[5..13].copy_from_slice(&modseq.to_be_bytes());
    key[13..].copy_from_slice(&uid.to_be_bytes());
    key
}

pub(super) fn tombstone_key(mailbox: MailboxId, modseq: ModSeq, piece: u16) -> [u8; 15] {
    let mut key = [b't'; 15];
    key[1..5].copy_from_slice(&mailbox.0.to_be_bytes());
    key[5..13].copy_from_slice(&modseq.to_be_bytes());
    key[13..].copy_from_slice(&piece.to_be_bytes());
    key
}

/// The modseq of a `q` or `t` key.
pub(super) fn modseq_of(key: &[u8]) -> ModSeq {
    key.get(5..13)
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u64::from_be_bytes)
}

/// The last number of a key: the UID of an `m` or `q` key.
pub(super) fn uid_of(key: &[u8]) -> Uid {
    key.last_chunk()
        .map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

/// All rows of a kind that belong to a mailbox (`m`, `q`, `t`).
pub(super) fn of_mailbox(kind: u8, mailbox: MailboxId) -> KeyRange {
    KeyRange::prefix(&key4(kind, mailbox.0))
}

/// Those of them after a change (`q`, `t`).
pub(super) fn since(kind: u8, mailbox: MailboxId, modseq: ModSeq) -> KeyRange {
    let mut from = key4(kind, mailbox.0).to_vec();
    from.extend((modseq + 1).to_be_bytes());
    let end = key4(kind, mailbox.0 + 1);
    KeyRange::from_to(&from, &end)
}

pub(super) fn body_key(body: u64) -> [u8; 9] {
    key8(b'p', body)
}

/// The body of a `p` key.
pub(super) fn body_of(key: &[u8]) -> Option<u64> {
    let number = key.strip_prefix(b"p")?;
    Some(u64::from_be_bytes(number.try_into().ok()?))
}

pub(super) fn piece_key(body: u64, piece: u16) -> [u8; 11] {
    let mut key = [b'P'; 11];
    key[1..9].copy_from_slice(&body.to_be_bytes());
    key[9..].copy_from_slice(&piece.to_be_bytes());
    key
}

pub(super) fn refs_key(body: u64) -> [u8; 9] {
    key8(b'r', body)
}

pub(super) fn segment_key(segment: u32) -> [u8; 5] {
    key4(b'g', segment)
}

fn key4(kind: u8, number: u32) -> [u8; 5] {
    let mut key = [kind; 5];
    key[1..].copy_from_slice(&number.to_be_bytes());
    key
}

fn key8(kind: u8, number: u64) -> [u8; 9] {
    let mut key = [kind; 9];
    key[1..].copy_from_slice(&number.to_be_bytes());
    key
}

/// The account's counters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AccountRow {
    /// The newest change.
    pub(super) modseq: ModSeq,
    /// The number of the mailbox made last.
    pub(super) last_mailbox: u32,
    /// Mailboxes there are.
    pub(super) mailboxes: u32,
    /// The number of the body stored last.
    pub(super) last_body: u64,
    /// The UIDVALIDITY given last.
    pub(super) last_uid_validity: u32,
    /// Bytes of all messages, copies counted each.
    pub(super) size: u64,
}

/// How far the log is in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Watermark {
    /// What the records after it must be of to count: a random number.
    pub(super) epoch: u64,
    /// The number of the last record in the index.
    pub(super) sequence: u64,
    /// The segment it is in.
    pub(super) segment: u32,
    /// Where in it the next record begins.
    pub(super) end: u64,
}

/// A mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MailboxRow {
    pub(super) name: MailboxName,
    pub(super) uid_validity: u32,
    pub(super) uid_next: Uid,
    pub(super) highest_modseq: ModSeq,
    pub(super) messages: u32,
    pub(super) unseen: u32,
    pub(super) deleted: u32,
    pub(super) size: u64,
    pub(super) recent_below: Uid,
    pub(super) subscribed: bool,
    pub(super) special_use: Option<SpecialUse>,
    /// In the order of their first use: messages name them by their place here.
    pub(super) keywords: Vec<String>,
    /// How many `t` rows there are.
    pub(super) tombstones: u32,
    /// Expunges up to this change are not all known any more.
    pub(super) forgotten: ModSeq,
}

impl MailboxRow {
    pub(super) fn public(&self, id: MailboxId) -> Mailbox {
        let mut keywords = self.keywords.clone();
        keywords.sort();
        Mailbox {
            id,
            name: self.name.clone(),
            uid_validity: self.uid_validity,
            uid_next: self.uid_next,
            highest_modseq: self.highest_modseq,
            messages: self.messages,
            unseen: self.unseen,
            deleted: self.deleted,
            size: self.size,
            recent_below: self.recent_below,
            subscribed: self.subscribed,
            special_use: self.special_use,
            keywords,
        }
    }
}

/// A message in a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MessageRow {
    /// The change that touched it last.
    pub(super) modseq: ModSeq,
    /// The change that added it, when that was another one; else 0.
    pub(super) added: ModSeq,
    pub(super) body: u64,
    pub(super) size: u64,
    pub(super) system: u8,
    /// Places in the mailbox's `keywords`.
    pub(super) keywords: Vec<u8>,
    pub(super) received: (i64, i16),
    pub(super) saved: i64,
}

impl MessageRow {
    /// The change that added it.
    pub(super) fn added(&self) -> ModSeq {
        if self.added == 0 {
            self.modseq
        } else {
            self.added
        }
    }

    pub(super) fn flags(&self, names: &[String]) -> Flags {
        let mut flags = Flags {
            system: self.system,
            keywords: Vec::new(),
        };
        for place in &self.keywords {
            if let Some(name) = names.get(usize::from(*place)) {
                flags.insert_keyword(name);
            }
        }
        flags
    }

    pub(super) fn public(&self, mailbox: MailboxId, uid: Uid, names: &[String]) -> Message {
        Message {
            uid,
            mailbox,
            modseq: self.modseq,
            flags: self.flags(names),
            received: self.received,
            saved: self.saved,
            size: self.size,
            body: self.body,
        }
    }
}

/// Where a body is, with the beginning of its parsed form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BodyRow<'a> {
    pub(super) segment: u32,
    pub(super) offset: u64,
    pub(super) len: u64,
    pub(super) crc: u32,
    /// How many of the bytes were put in front of the message that was parsed.
    pub(super) prefix: u32,
    /// Bytes of the whole parsed form; what is not here is in `P` rows.
    pub(super) parsed_len: u32,
    #[serde(borrow)]
    pub(super) parsed: &'a [u8],
}

impl BodyRow<'_> {
    /// How many `P` rows it has.
    pub(super) fn pieces(&self) -> u16 {
        let rest = (self.parsed_len as usize).saturating_sub(self.parsed.len());
        u16::try_from(rest.div_ceil(PIECE)).unwrap_or(u16::MAX)
    }
}

/// Bodies in a segment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SegmentRow {
    /// Bytes of all bodies ever put there.
    pub(super) bodies: u64,
    /// Bytes of those in use.
    pub(super) live: u64,
}

/// Reads a row, if it is there.
pub(super) fn load<T: DeserializeOwned>(
    rows: &impl Rows,
    key: &[u8],
) -> Result<Option<T>, StoreError> {
    match rows.get(key)? {
        Some(value) => decode(&value).map(Some),
        None => Ok(None),
    }
}

/// Reads the account's counters.
pub(super) fn load_account(rows: &impl Rows) -> Result<AccountRow, StoreError> {
    load(rows, ACCOUNT)?.ok_or_else(|| damaged("it has no account row"))
}

/// Reads a mailbox.
pub(super) fn load_mailbox(rows: &impl Rows, id: MailboxId) -> Result<MailboxRow, StoreError> {
    load(rows, &mailbox_key(id))?.ok_or(StoreError::NoMailbox)
}

/// The number of the mailbox of a name.
pub(super) fn find_mailbox(
    rows: &impl Rows,
    name: &MailboxName,
) -> Result<Option<MailboxId>, StoreError> {
    load(rows, &name_key(name))
}

/// Makes a row of its bytes.
pub(super) fn decode<'a, T: Deserialize<'a>>(value: &'a [u8]) -> Result<T, StoreError> {
    postcard::from_bytes(value).map_err(|e| damaged(&format!("a row cannot be read: {e}")))
}

/// Writes a row.
pub(super) fn save<T: Serialize>(w: &mut Write, key: &[u8], row: &T) -> Result<(), StoreError> {
    let value = postcard::to_allocvec(row).map_err(|e| damaged(&e.to_string()))?;
    Ok(w.put(key, &value)?)
}

pub(super) fn damaged(why: &str) -> StoreError {
    StoreError::Local(format!("the account's index is damaged: {why}"))
}

/// UIDs as ranges, each its distance from the one before and its length, in rows' values of at most
/// [`PIECE`] bytes.
pub(super) fn encode_uids(uids: &[Uid]) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut pieces = vec![Vec::new()];
    let mut end: Uid = 0;
    for run in uids.chunk_by(|a, b| a + 1 == *b) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            continue;
        };
        if pieces.last().is_some_and(|piece| piece.len() > PIECE) {
            pieces.push(Vec::new());
            end = 0;
        }
        if let Some(piece) = pieces.last_mut() {
            let range = postcard::to_allocvec(&(first - end, last - first))
                .map_err(|e| damaged(&e.to_string()))?;
            piece.extend(range);
        }
        end = *last;
    }
    Ok(pieces)
}

/// Gives the UIDs of one such value to `each`.
pub(super) fn decode_uids(mut value: &[u8], each: &mut dyn FnMut(Uid)) -> Result<(), StoreError> {
    let mut end: Uid = 0;
    while !value.is_empty() {
        let ((gap, more), rest): ((Uid, Uid), _) = postcard::take_from_bytes(value)
            .map_err(|e| damaged(&format!("expunged UIDs cannot be read: {e}")))?;
        let first = end.saturating_add(gap);
        end = first.saturating_add(more);
        (first..=end).for_each(&mut *each);
        value = rest;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn uids_come_back(uids in prop::collection::btree_set(1..200_000_u32, 0..3_000)) {
            let uids: Vec<Uid> = uids.into_iter().collect();
            let mut back = Vec::new();
            for piece in encode_uids(&uids).unwrap() {
                decode_uids(&piece, &mut |uid| back.push(uid)).unwrap();
            }
            prop_assert_eq!(back, uids);
        }
    }

    #[test]
    fn many_uids_take_several_rows() {
        let uids: Vec<Uid> = (1..=200_000).map(|n| n * 2).collect();
        let pieces = encode_uids(&uids).unwrap();
        assert!(pieces.len() > 1 && pieces.iter().all(|piece| piece.len() < 65_000));
        let mut back = Vec::new();
        for piece in &pieces {
            decode_uids(piece, &mut |uid| back.push(uid)).unwrap();
        }
        assert_eq!(back, uids);
    }

    #[test]
    fn keys_sort_as_their_numbers_do() {
        let keys = [
            touched_key(MailboxId(1), 2, 3),
            touched_key(MailboxId(1), 255, 1),
            touched_key(MailboxId(1), 256, 0),
            touched_key(MailboxId(256), 1, 1),
        ];
        assert!(keys.is_sorted());
        assert_eq!(modseq_of(&keys[2]), 256);
        assert_eq!(uid_of(&keys[0]), 3);
    }
}
