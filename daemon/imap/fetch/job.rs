//! Makes FETCH responses chunk by chunk: stops where a chunk is full, within a literal if need be, and
//! goes on from there. Needs no runtime; every chunk looks at the account afresh, so that a client
//! that reads slowly holds nothing up.

use std::ops::Range;
use std::sync::Arc;

use mox::imap::command::{FetchItem, SectionText};
use mox::imap::encode;
use mox::mail::{Parsed, section};
use mox::mailbox::SystemFlag;
use mox::store::{Account, Body, MailboxId, Message, StoreError, Uid, View};

use super::binary::{self, Decoded, Missing};
use super::plan::{Plan, write_body_name, write_origin, write_part};
use super::section::{Found, find};
use crate::imap::reply::Fetch;
use crate::imap::selected::{Own, Selected};
use crate::imap::set::Ranges;
use crate::imap::state::Enabled;
use crate::imap::uids::UidMap;

/// Bytes of a header that is looked at for HEADER.FIELDS.
const HEADER: u64 = 4 << 20;

/// Whether a job is at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filled {
    Done,
    More,
}

/// A FETCH under way.
pub(super) struct Job {
    account: Account,
    mailbox: MailboxId,
    uids: Arc<UidMap>,
    recent: Vec<(Uid, Uid)>,
    enabled: Enabled,
    plan: Plan,
    own: Option<Own>,
    /// Message numbers still to be shown, the next last.
    ranges: Ranges,
    /// Messages that the client counts and that are not there.
    missing: u32,
    unknown_encoding: bool,
    current: Option<Current>,
}

/// A message of which not all is shown yet.
struct Current {
    message: Message,
    /// The next item of the plan.
    item: usize,
    parsed: Option<Parsed>,
    body: Option<Body>,
    /// A literal under way: what is left of it.
    literal: Option<Literal>,
}

/// Bytes to be sent.
enum Literal {
    /// Of the message, as they are.
    Bytes { at: u64, end: u64 },
    /// Of a part, decoded; so many are announced and not sent yet.
    Decoded { bytes: Decoded, left: u64 },
}

impl Job {
    pub(super) fn new(
        account: Account,
        selected: &Selected,
        mut ranges: Ranges,
        plan: Plan,
        enabled: Enabled,
    ) -> Job {
        ranges.reverse();
        Job {
            account,
            mailbox: selected.mailbox,
            uids: selected.uids.clone(),
            recent: match enabled.rev2 {
                true => Vec::new(),
                false => selected.recent().to_vec(),
            },
            enabled,
            plan,
            own: None,
            ranges,
            missing: 0,
            unknown_encoding: false,
            current: None,
        }
    }

    pub(super) fn mailbox(&self) -> MailboxId {
        self.mailbox
    }

    /// The change that set \Seen: its flags are shown with the messages.
    pub(super) fn set_own(&mut self, own: Option<Own>) {
        self.own = own;
    }

    /// Messages that the client counts were gone.
    pub(super) fn some_gone(&self) -> bool {
        self.missing > 0
    }

    /// A part could not be decoded for BINARY.
    pub(super) fn unknown_encoding(&self) -> bool {
        self.unknown_encoding
    }

    /// What was made so far ends within a response.
    pub(super) fn within(&self) -> bool {
        self.current.is_some()
    }

    /// The messages that are to be shown and do not have \Seen.
    pub(super) fn unseen(&mut self) -> Result<Vec<Uid>, StoreError> {
        let view = self.account.view()?;
        let mut unseen = Vec::new();
        for &(first, last) in self.ranges.iter().rev() {
            let (Some(first), Some(last)) = (self.uids.uid_of(first), self.uids.uid_of(last))
            else {
                continue;
            };
            view.messages(self.mailbox, first, last, &mut |message| {
                if !message.flags.has(SystemFlag::Seen)
                    && self.plan.changed_since < Some(message.modseq)
                    && self.uids.seq_of(message.uid).is_some()
                {
                    unseen.push(message.uid);
                }
                true
            })?;
        }
        Ok(unseen)
    }

    /// Appends responses to `out` until there are about `limit` bytes in it.
    pub(super) fn fill(&mut self, out: &mut Vec<u8>, limit: usize) -> Result<Filled, StoreError> {
        let view = self.account.view()?;
        if let Some(current) = self.current.take()
            && !self.produce(&view, current, out, limit)?
        {
            return Ok(Filled::More);
        }
        while let Some((first, last)) = self.ranges.pop() {
            let (Some(first_uid), Some(last_uid)) =
                (self.uids.uid_of(first), self.uids.uid_of(last))
            else {
                continue;
            };
            let mut expected = first;
            let mut result = Ok(true);
            view.messages(self.mailbox, first_uid, last_uid, &mut |message| {
                let Some(seq) = self.uids.seq_of(message.uid) else {
                    return true;
                };
                self.missing += seq - expected;
                expected = seq + 1;
                if self.plan.changed_since >= Some(message.modseq) {
                    return true;
                }
                result = self.produce(&view, Current::new(message), out, limit);
                matches!(result, Ok(true))
            })?;
            let whole = result?;
            match whole {
                true => self.missing += last + 1 - expected,
                false if expected <= last => self.ranges.push((expected, last)),
                false => {}
            }
            if !whole {
                return Ok(Filled::More);
            }
        }
        Ok(Filled::Done)
    }

    /// Shows a message from where it was left. False: the chunk is full.
    fn produce(
        &mut self,
        view: &View,
        mut current: Current,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<bool, StoreError> {
        let whole = self.produce_items(view, &mut current, out, limit);
        match whole {
            Ok(true) => Ok(out.len() < limit),
            other => {
                // Where an error came up, the message stays: what was written of it is within a response.
                self.current = Some(current);
                other
            }
        }
    }

    fn produce_items(
        &mut self,
        view: &View,
        current: &mut Current,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<bool, StoreError> {
        if current.item == 0 && current.literal.is_none() {
            self.begin(current, out);
        }
        loop {
            if !current.pump(view, out, limit)? {
                return Ok(false);
            }
            let Some(item) = self.plan.items.get(current.item) else {
                out.extend_from_slice(b")\r\n");
                return Ok(true);
            };
            current.item += 1;
            let start = out.len();
            if out.last() != Some(&b'(') || current.item > 1 {
                out.push(b' ');
            }
            if !show(item, view, current, &self.recent, self.enabled, out)? {
                // Left out: nothing of it may stand there.
                out.truncate(start);
                self.unknown_encoding = true;
            }
        }
    }

    fn begin(&self, current: &Current, out: &mut Vec<u8>) {
        let message = &current.message;
        let seq = self.uids.seq_of(message.uid).unwrap_or(0);
        let mut fetch = Fetch::start(seq, out);
        let seen_now = self.own.is_some_and(|own| own.modseq == message.modseq);
        if seen_now && !self.plan.flags {
            fetch.flags(&message.flags, is_recent(&self.recent, message.uid));
        }
        if seen_now && self.enabled.condstore && !self.plan.modseq {
            fetch.modseq(message.modseq);
        }
    }
}

fn is_recent(recent: &[(Uid, Uid)], uid: Uid) -> bool {
    crate::imap::set::contains(recent, uid)
}

impl Current {
    fn new(message: Message) -> Current {
        Current {
            message,
            item: 0,
            parsed: None,
            body: None,
            literal: None,
        }
    }

    /// Moves what is left of a literal. False: the chunk is full.
    fn pump(&mut self, view: &View, out: &mut Vec<u8>, limit: usize) -> Result<bool, StoreError> {
        let Some(mut literal) = self.literal.take() else {
            return Ok(true);
        };
        loop {
            let room = limit.saturating_sub(out.len());
            match &mut literal {
                Literal::Bytes { at, end } if at == end => return Ok(true),
                Literal::Decoded { left: 0, .. } => return Ok(true),
                _ if room == 0 => {
                    self.literal = Some(literal);
                    return Ok(false);
                }
                Literal::Bytes { at, end } => {
                    let until = (*end).min(*at + room as u64);
                    read(self.body(view)?, *at, until, out)?;
                    *at = until;
                }
                Literal::Decoded { bytes, left } => {
                    let before = out.len();
                    if !bytes.next(self.body(view)?, out, room)? {
                        return Err(short());
                    }
                    *left = left.saturating_sub((out.len() - before) as u64);
                }
            }
        }
    }

    fn body(&mut self, view: &View) -> Result<&Body, StoreError> {
        match &mut self.body {
            Some(body) => Ok(body),
            none => Ok(none.insert(view.body(&self.message)?)),
        }
    }

    fn parsed(&mut self, view: &View) -> Result<&Parsed, StoreError> {
        match &mut self.parsed {
            Some(parsed) => Ok(parsed),
            none => Ok(none.insert(view.parsed(&self.message)?)),
        }
    }

    /// Announces bytes of the message as a literal and leaves them to [`Current::pump`].
    fn announce(&mut self, from: u64, to: u64, partial: Option<(u64, u64)>, out: &mut Vec<u8>) {
        let (from, to) = part_of(from, to, partial);
        out.push(b'{');
        encode::number(to - from, out);
        out.extend_from_slice(b"}\r\n");
        self.literal = Some(Literal::Bytes { at: from, end: to });
    }

    /// BINARY of a part. False: nobody knows its encoding.
    fn show_binary(
        &mut self,
        view: &View,
        path: &[u32],
        partial: Option<(u64, u64)>,
        out: &mut Vec<u8>,
    ) -> Result<bool, StoreError> {
        let size = self.message.size;
        let part = match binary::find(self.parsed(view)?, path, size) {
            Ok(part) => part,
            Err(Missing::Encoding) => return Ok(false),
            Err(Missing::Part) => {
                out.extend_from_slice(b"NIL");
                return Ok(true);
            }
        };
        let measure = part.measure(self.body(view)?, partial)?;
        out.extend_from_slice(if measure.has_nul { b"~{" } else { b"{" });
        encode::number(measure.shown, out);
        out.extend_from_slice(b"}\r\n");
        self.literal = Some(Literal::Decoded {
            bytes: part.read(partial),
            left: measure.shown,
        });
        Ok(true)
    }

    /// BINARY.SIZE of a part. False: nobody knows its encoding.
    fn show_binary_size(
        &mut self,
        view: &View,
        path: &[u32],
        out: &mut Vec<u8>,
    ) -> Result<bool, StoreError> {
        let size = self.message.size;
        let measured = match binary::find(self.parsed(view)?, path, size) {
            Ok(part) => part.measure(self.body(view)?, None)?.size,
            Err(Missing::Encoding) => return Ok(false),
            Err(Missing::Part) => 0,
        };
        encode::number(measured, out);
        Ok(true)
    }
}

/// The range of `<origin.length>` within a range; an origin behind its end gives nothing.
fn part_of(from: u64, to: u64, partial: Option<(u64, u64)>) -> (u64, u64) {
    let to = to.max(from);
    match partial {
        None => (from, to),
        Some((origin, length)) => {
            let start = from.saturating_add(origin).min(to);
            (start, start.saturating_add(length).min(to))
        }
    }
}

fn short() -> StoreError {
    StoreError::Local("a message is shorter than its index says".into())
}

/// Appends bytes of a body. All of them must be there.
fn read(body: &Body, from: u64, to: u64, out: &mut Vec<u8>) -> Result<(), StoreError> {
    let mut at = from;
    let start = out.len();
    let len = usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
    out.resize(start + len, 0);
    let mut filled = start;
    while at < to {
        let n = body.read_at(at, &mut out[filled..])?;
        if n == 0 {
            return Err(short());
        }
        filled += n;
        at += n as u64;
    }
    Ok(())
}

/// Shows one item. False: it can't be (a part in an encoding nobody knows).
fn show(
    item: &FetchItem,
    view: &View,
    current: &mut Current,
    recent: &[(Uid, Uid)],
    enabled: Enabled,
    out: &mut Vec<u8>,
) -> Result<bool, StoreError> {
    let utf8 = enabled.utf8_names();
    let size = current.message.size;
    match item {
        FetchItem::Uid => {
            out.extend_from_slice(b"UID ");
            encode::number(u64::from(current.message.uid), out);
        }
        FetchItem::Flags => {
            out.extend_from_slice(b"FLAGS ");
            let recent = is_recent(recent, current.message.uid);
            crate::imap::reply::flag_list(&current.message.flags, recent, out);
        }
        FetchItem::InternalDate => {
            out.extend_from_slice(b"INTERNALDATE ");
            encode::date_time(current.message.received, out);
        }
        FetchItem::Rfc822Size => {
            out.extend_from_slice(b"RFC822.SIZE ");
            encode::number(size, out);
        }
        FetchItem::ModSeq => {
            out.extend_from_slice(b"MODSEQ (");
            encode::number(current.message.modseq, out);
            out.push(b')');
        }
        FetchItem::Envelope => {
            out.extend_from_slice(b"ENVELOPE ");
            encode::envelope(&current.parsed(view)?.envelope, utf8, out);
        }
        FetchItem::BodyStructure => {
            out.extend_from_slice(b"BODYSTRUCTURE ");
            encode::structure(&current.parsed(view)?.root, true, utf8, out);
        }
        FetchItem::BodyStructureShort => {
            out.extend_from_slice(b"BODY ");
            encode::structure(&current.parsed(view)?.root, false, utf8, out);
        }
        FetchItem::Rfc822 => {
            out.extend_from_slice(b"RFC822 ");
            current.announce(0, size, None, out);
        }
        FetchItem::Rfc822Header => {
            out.extend_from_slice(b"RFC822.HEADER ");
            let end = current.parsed(view)?.root.body_start;
            current.announce(0, end, None, out);
        }
        FetchItem::Rfc822Text => {
            out.extend_from_slice(b"RFC822.TEXT ");
            let start = current.parsed(view)?.root.body_start;
            current.announce(start, size, None, out);
        }
        FetchItem::Body {
            section: wanted,
            partial,
            ..
        } => {
            write_body_name(wanted, *partial, out);
            out.push(b' ');
            let found = match (wanted.part.as_slice(), &wanted.text) {
                // Without a look at the structure: what most clients ask for.
                ([], None) => Some(Found::Bytes(0..size)),
                _ => find(current.parsed(view)?, wanted, size),
            };
            match found {
                None => out.extend_from_slice(b"NIL"),
                Some(Found::Bytes(range)) => {
                    current.announce(range.start, range.end, *partial, out)
                }
                Some(Found::Fields(range)) => {
                    let fields = pick(current, view, range, wanted.text.as_ref())?;
                    let (from, to) = part_of(0, fields.len() as u64, *partial);
                    out.push(b'{');
                    encode::number(to - from, out);
                    out.extend_from_slice(b"}\r\n");
                    out.extend_from_slice(&fields[from as usize..to as usize]);
                }
            }
        }
        FetchItem::Binary { part, partial, .. } => {
            out.extend_from_slice(b"BINARY[");
            write_part(part, out);
            out.push(b']');
            write_origin(*partial, out);
            out.push(b' ');
            return current.show_binary(view, part, *partial, out);
        }
        FetchItem::BinarySize { part } => {
            out.extend_from_slice(b"BINARY.SIZE[");
            write_part(part, out);
            out.extend_from_slice(b"] ");
            return current.show_binary_size(view, part, out);
        }
    }
    Ok(true)
}

/// Some fields of the header that stands there.
fn pick(
    current: &mut Current,
    view: &View,
    range: Range<u64>,
    which: Option<&SectionText>,
) -> Result<Vec<u8>, StoreError> {
    let mut header = Vec::new();
    let end = range.end.min(range.start + HEADER);
    read(current.body(view)?, range.start, end, &mut header)?;
    let mut fields = Vec::new();
    match which {
        Some(SectionText::HeaderFields(names)) => {
            section::pick_fields(&header, names, true, &mut fields);
        }
        Some(SectionText::HeaderFieldsNot(names)) => {
            section::pick_fields(&header, names, false, &mut fields);
        }
        _ => {}
    }
    Ok(fields)
}
