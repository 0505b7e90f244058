//! The parsed form of a message as it is stored: a version byte and postcard. What cannot be read,
//! because another version wrote it, is parsed again from the message's bytes.

use crate::mail::{Limits, Parsed, Part, PartKind};

pub(super) use crate::mail::Parser;

/// Changes with `mail::Parsed` (and with what the parser makes of a message).
const VERSION: u8 = 1;

/// The parser that every message goes through.
pub(super) fn parser() -> Parser {
    Parser::new(Limits::default())
}

/// The bytes to be stored.
pub(super) fn encode(parsed: &Parsed) -> Result<Vec<u8>, postcard::Error> {
    postcard::to_extend(parsed, vec![VERSION])
}

/// What was stored, if this version can read it, with offsets counted from the first byte of a prefix of
/// this length.
pub(super) fn decode(bytes: &[u8], prefix: u64) -> Option<Parsed> {
    let (VERSION, rest) = bytes
        .split_first()
        .map(|(version, rest)| (*version, rest))?
    else {
        return None;
    };
    let mut parsed: Parsed = postcard::from_bytes(rest).ok()?;
    shift(&mut parsed, prefix);
    Some(parsed)
}

/// Counts offsets from the first byte of a prefix, which belongs to the message's header.
pub(super) fn shift(parsed: &mut Parsed, prefix: u64) {
    shift_part(&mut parsed.root, prefix);
    parsed.root.header_start = 0;
}

fn shift_part(part: &mut Part, by: u64) {
    part.header_start += by;
    part.body_start += by;
    part.body_end += by;
    match &mut part.kind {
        PartKind::Leaf => {}
        PartKind::Multipart(parts) => parts.iter_mut().for_each(|part| shift_part(part, by)),
        PartKind::Message(inner) => shift_part(&mut inner.1, by),
    }
}
