//! One message of a FETCH: its items one after the other, large ones piece by piece.

use std::ops::Range;

use mox::imap::command::{FetchItem, SectionText};
use mox::imap::encode;
use mox::mail::{Parsed, section};
use mox::store::{Body, Message, StoreError, Uid, View};

use super::binary::{self, Decoded, Missing};
use super::plan::{write_body_name, write_origin, write_part};
use super::section::{Found, find};
use crate::imap::reply;
use crate::imap::set;
use crate::imap::state::Enabled;

/// Bytes of a header that is looked at for HEADER.FIELDS.
const HEADER: u64 = 4 << 20;

/// A message of which not all is shown yet.
pub(super) struct Current {
    pub(super) message: Message,
    /// The next item of the plan.
    pub(super) item: usize,
    /// An item stands in the response already.
    pub(super) shown: bool,
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

impl Current {
    pub(super) fn new(message: Message, parsed: Option<Parsed>) -> Current {
        Current {
            message,
            item: 0,
            shown: false,
            parsed,
            body: None,
            literal: None,
        }
    }

    /// Something of it was written already.
    pub(super) fn begun(&self) -> bool {
        self.item > 0
    }

    /// Shows one item. False: it can't be (a part in an encoding nobody knows).
    pub(super) fn show(
        &mut self,
        item: &FetchItem,
        view: &View,
        recent: &[(Uid, Uid)],
        enabled: Enabled,
        out: &mut Vec<u8>,
    ) -> Result<bool, StoreError> {
        let utf8 = enabled.utf8_names();
        let size = self.message.size;
        match item {
            FetchItem::Uid => {
                out.extend_from_slice(b"UID ");
                encode::number(u64::from(self.message.uid), out);
            }
            FetchItem::Flags => {
                out.extend_from_slice(b"FLAGS ");
                let recent = is_recent(recent, self.message.uid);
                reply::flag_list(&self.message.flags, recent, out);
            }
            FetchItem::InternalDate => {
                out.extend_from_slice(b"INTERNALDATE ");
                encode::date_time(self.message.received, out);
            }
            FetchItem::Rfc822Size => {
                out.extend_from_slice(b"RFC822.SIZE ");
                encode::number(size, out);
            }
            FetchItem::ModSeq => {
                out.extend_from_slice(b"MODSEQ (");
                encode::number(self.message.modseq, out);
                out.push(b')');
            }
            FetchItem::Envelope => {
                out.extend_from_slice(b"ENVELOPE ");
                encode::envelope(&self.parsed(view)?.envelope, utf8, out);
            }
            FetchItem::BodyStructure => {
                out.extend_from_slice(b"BODYSTRUCTURE ");
                encode::structure(&self.parsed(view)?.root, true, utf8, out);
            }
            FetchItem::BodyStructureShort => {
                out.extend_from_slice(b"BODY ");
                encode::structure(&self.parsed(view)?.root, false, utf8, out);
            }
            FetchItem::Rfc822 => {
                out.extend_from_slice(b"RFC822 ");
                self.announce(0, size, None, out);
            }
            FetchItem::Rfc822Header => {
                out.extend_from_slice(b"RFC822.HEADER ");
                let end = self.parsed(view)?.root.body_start;
                self.announce(0, end, None, out);
            }
            FetchItem::Rfc822Text => {
                out.extend_from_slice(b"RFC822.TEXT ");
                let start = self.parsed(view)?.root.body_start;
                self.announce(start, size, None, out);
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
                    _ => find(self.parsed(view)?, wanted, size),
                };
                match found {
                    None => out.extend_from_slice(b"NIL"),
                    Some(Found::Bytes(range)) => {
                        self.announce(range.start, range.end, *partial, out)
                    }
                    Some(Found::Fields(range)) => {
                        let fields = pick(self, view, range, wanted.text.as_ref())?;
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
                return self.show_binary(view, part, *partial, out);
            }
            FetchItem::BinarySize { part } => {
                out.extend_from_slice(b"BINARY.SIZE[");
                write_part(part, out);
                out.extend_from_slice(b"] ");
                return self.show_binary_size(view, part, out);
            }
        }
        Ok(true)
    }

    /// Moves what is left of a literal. False: the chunk is full.
    pub(super) fn pump(
        &mut self,
        view: &View,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<bool, StoreError> {
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

/// Whether a UID is among those that are \Recent.
pub(super) fn is_recent(recent: &[(Uid, Uid)], uid: Uid) -> bool {
    set::contains(recent, uid)
}
