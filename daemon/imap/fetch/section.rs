//! Where the bytes of a section are (RFC 9051 §6.4.5.1).

use std::ops::Range;

use mox::imap::command::{Section, SectionText};
use mox::mail::{Parsed, section};

/// Bytes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// As they are.
    Bytes(Range<u64>),
    /// A header, of which only some fields are wanted.
    Fields(Range<u64>),
}

/// The bytes of a section of a message that has `size` bytes; none when the message has no such part.
pub(super) fn find(parsed: &Parsed, wanted: &Section, size: u64) -> Option<Found> {
    let (root, path) = (&parsed.root, wanted.part.as_slice());
    let message = || section::message(root, path);
    Some(match &wanted.text {
        None if path.is_empty() => Found::Bytes(0..size),
        None => Found::Bytes(section::body(section::part(root, path)?)),
        Some(SectionText::Mime) => Found::Bytes(section::header(section::part(root, path)?)),
        Some(SectionText::Header) => Found::Bytes(section::header(message()?)),
        Some(SectionText::Text) => Found::Bytes(section::body(message()?)),
        Some(SectionText::HeaderFields(_) | SectionText::HeaderFieldsNot(_)) => {
            Found::Fields(section::header(message()?))
        }
    })
}
