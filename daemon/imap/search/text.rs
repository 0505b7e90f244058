//! Looking for text: without regard to case, behind transfer encodings, charsets and encoded words
//! (RFC 9051 §6.4.4). A part is looked through piece by piece, however large it is.

use mox::mail::decode::{Decoder, Encoding};
use mox::mail::{Part, PartKind, content, header, section, words};
use mox::store::{Body, StoreError};

/// Bytes at a message's start that most headers fit in.
pub(super) const HEADER_GUESS: u64 = 4 << 10;

/// Bytes of a header that are looked at.
pub(super) const HEADER_MOST: u64 = 4 << 20;

/// Bytes of a part looked at at a time.
const PIECE: usize = 64 << 10;

/// The text that is looked for, in lower case.
#[derive(Debug)]
pub(super) struct Needle {
    finder: memchr::memmem::Finder<'static>,
}

/// Buffers that are used again from message to message.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    folded: Vec<u8>,
    raw: Vec<u8>,
    decoded: Vec<u8>,
    text: String,
}

impl Needle {
    /// Text as it came, UTF-8 or what can be made of it.
    pub(super) fn new(text: &[u8]) -> Needle {
        let mut folded = Vec::new();
        fold(&String::from_utf8_lossy(text), &mut folded);
        Needle {
            finder: memchr::memmem::Finder::new(&folded).into_owned(),
        }
    }

    /// Nothing in particular.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether one of these bytes is in it.
    pub(super) fn has_any(&self, bytes: &[u8]) -> bool {
        self.finder.needle().iter().any(|byte| bytes.contains(byte))
    }

    fn len(&self) -> usize {
        self.finder.needle().len()
    }

    /// Whether a field's value, unfolded, has the text.
    pub(super) fn in_field(&self, value: &[u8], scratch: &mut Scratch) -> bool {
        let folded = &mut scratch.folded;
        folded.clear();
        if value.is_ascii() && memchr::memmem::find(value, b"=?").is_none() {
            folded.extend_from_slice(value);
            folded.make_ascii_lowercase();
        } else {
            fold(&words::decode_words(value), folded);
        }
        self.finder.find(folded).is_some()
    }

    /// Whether a header has the text: in any field, its name included.
    pub(super) fn in_header(&self, bytes: &[u8], scratch: &mut Scratch) -> bool {
        let folded = &mut scratch.folded;
        if bytes.is_ascii() && memchr::memmem::find(bytes, b"=?").is_none() {
            // As it stands, but for folds within what is looked for, which the fields below see.
            folded.clear();
            folded.extend_from_slice(bytes);
            folded.make_ascii_lowercase();
            if self.finder.find(folded).is_some() {
                return true;
            }
            if memchr::memchr(b' ', self.finder.needle()).is_none() {
                return false;
            }
        }
        let mut line = Vec::new();
        header::fields(bytes).any(|field| {
            line.clear();
            line.extend_from_slice(field.name);
            line.extend_from_slice(b": ");
            line.extend_from_slice(&field.unfolded());
            self.in_field(&line, scratch)
        })
    }
}

/// Text in lower case, in UTF-8.
fn fold(text: &str, out: &mut Vec<u8>) {
    if text.is_ascii() {
        let start = out.len();
        out.extend_from_slice(text.as_bytes());
        out[start..].make_ascii_lowercase();
        return;
    }
    let mut utf8 = [0; 4];
    for c in text.chars().flat_map(char::to_lowercase) {
        out.extend_from_slice(c.encode_utf8(&mut utf8).as_bytes());
    }
}

/// Behind the empty line that ends a header.
pub(super) fn header_end(bytes: &[u8]) -> Option<usize> {
    if bytes.starts_with(b"\r\n") {
        return Some(2);
    }
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\n', &bytes[at..]) {
        at += found + 1;
        match &bytes[at..] {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// Appends bytes of a body, as many of them as there are.
pub(super) fn read(body: &Body, from: u64, to: u64, out: &mut Vec<u8>) -> Result<(), StoreError> {
    let start = out.len();
    let len = usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
    out.resize(start + len, 0);
    let mut filled = 0;
    while filled < len {
        match body.read_at(from + filled as u64, &mut out[start + filled..])? {
            0 => break,
            n => filled += n,
        }
    }
    out.truncate(start + filled);
    Ok(())
}

/// Whether a text part, or one below, has the text.
pub(super) fn part_has(
    part: &Part,
    body: &Body,
    needle: &Needle,
    headers: bool,
    scratch: &mut Scratch,
) -> Result<bool, StoreError> {
    match &part.kind {
        PartKind::Leaf if part.media_type == "text" => leaf_has(part, body, needle, scratch),
        PartKind::Leaf => Ok(false),
        PartKind::Multipart(parts) => {
            for part in parts {
                if headers && header_has(part, body, needle, scratch)?
                    || part_has(part, body, needle, headers, scratch)?
                {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        // The header of a message inside is text of the one around it.
        PartKind::Message(message) => Ok(header_has(&message.1, body, needle, scratch)?
            || part_has(&message.1, body, needle, headers, scratch)?),
    }
}

fn header_has(
    part: &Part,
    body: &Body,
    needle: &Needle,
    scratch: &mut Scratch,
) -> Result<bool, StoreError> {
    let range = section::header(part);
    let mut bytes = Vec::new();
    read(
        body,
        range.start,
        range.end.min(range.start + HEADER_MOST),
        &mut bytes,
    )?;
    Ok(needle.in_header(&bytes, scratch))
}

fn leaf_has(
    part: &Part,
    body: &Body,
    needle: &Needle,
    scratch: &mut Scratch,
) -> Result<bool, StoreError> {
    let range = section::body(part);
    let encoding = Encoding::of(&part.encoding).unwrap_or(Encoding::Identity);
    let mut transfer = Decoder::new(encoding);
    let mut charset =
        words::charset(content::param(&part.params, "charset")).new_decoder_without_bom_handling();
    let Scratch {
        folded,
        raw,
        decoded,
        text,
    } = scratch;
    folded.clear();
    let mut at = range.start;
    loop {
        raw.clear();
        read(body, at, range.end.min(at + PIECE as u64), raw)?;
        at += raw.len() as u64;
        decoded.clear();
        let last = raw.is_empty();
        if last {
            std::mem::replace(&mut transfer, Decoder::new(Encoding::Identity)).finish(decoded);
        } else {
            transfer.push(raw, decoded);
        }
        text.clear();
        text.reserve(charset.max_utf8_buffer_length(decoded.len()).unwrap_or(0));
        // There is room for all of it.
        let _ = charset.decode_to_string(decoded, text, last);
        fold(text, folded);
        if needle.finder.find(folded).is_some() {
            return Ok(true);
        }
        if last {
            return Ok(false);
        }
        // What is looked for may begin in this piece and end in the next.
        let keep = needle.len().saturating_sub(1).min(folded.len());
        folded.drain(..folded.len() - keep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(needle: &str, value: &str) -> bool {
        Needle::new(needle.as_bytes()).in_field(value.as_bytes(), &mut Scratch::default())
    }

    #[test]
    fn case_and_encoding_do_not_matter() {
        assert!(field("hello", "Say HELLO there"));
        assert!(field("ÜBER", "=?utf-8?q?=C3=BCber?= alles"));
        assert!(field("straße", "STRAßE"));
        assert!(field("", ""));
        assert!(!field("hello", "help"));
    }

    #[test]
    fn headers_are_searched_whole() {
        let header = b"Subject: one\r\n two\r\nX-Tag: =?utf-8?b?w7w=?=\r\n\r\n";
        let has =
            |text: &str| Needle::new(text.as_bytes()).in_header(header, &mut Scratch::default());
        assert!(has("one two"));
        assert!(has("x-tag: ü"));
        assert!(!has("three"));
    }

    #[test]
    fn the_end_of_a_header() {
        assert_eq!(header_end(b"A: b\r\n\r\nc"), Some(8));
        assert_eq!(header_end(b"A: b\n\nc"), Some(6));
        assert_eq!(header_end(b"\r\nc"), Some(2));
        assert_eq!(header_end(b"A: b\r\n"), None);
    }
}
