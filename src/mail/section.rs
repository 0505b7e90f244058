//! Where the sections of a message are that IMAP's FETCH names (RFC 9051 §6.4.5.1).

use std::ops::Range;

use super::header::fields;
use super::{Part, PartKind};

/// The part of a number path such as `2.1`; the path is not empty. A message that is no multipart has
/// one part, itself.
pub fn part<'a>(root: &'a Part, path: &[u32]) -> Option<&'a Part> {
    let mut message = root;
    let (last, above) = path.split_last()?;
    for number in above {
        let part = child(message, *number)?;
        message = match &part.kind {
            PartKind::Leaf => return None,
            PartKind::Multipart(_) => part,
            PartKind::Message(inner) => &inner.1,
        };
    }
    child(message, *last)
}

fn child(message: &Part, number: u32) -> Option<&Part> {
    match &message.kind {
        PartKind::Multipart(parts) => parts.get(usize::try_from(number).ok()?.checked_sub(1)?),
        _ => (number == 1).then_some(message),
    }
}

/// The message at a path: the whole one for an empty path, else the one inside a message/rfc822 part.
pub fn message<'a>(root: &'a Part, path: &[u32]) -> Option<&'a Part> {
    if path.is_empty() {
        return Some(root);
    }
    match &part(root, path)?.kind {
        PartKind::Message(inner) => Some(&inner.1),
        _ => None,
    }
}

/// `HEADER` and what is picked from it, or `MIME` of a part: with the empty line that ends it.
pub fn header(part: &Part) -> Range<u64> {
    part.header_start..part.body_start
}

/// `TEXT` of a message, or a part without its header.
pub fn body(part: &Part) -> Range<u64> {
    part.body_start..part.body_end
}

/// `HEADER.FIELDS` (`keep`) or `HEADER.FIELDS.NOT`: the header's fields with these names, or all
/// others, in their order, and an empty line.
pub fn pick_fields(header: &[u8], names: &[Vec<u8>], keep: bool, out: &mut Vec<u8>) {
    for field in fields(header) {
        if names.iter().any(|name| field.is(name)) == keep {
            let whole = &header[field.range];
            out.extend_from_slice(whole);
            if !whole.ends_with(b"\n") {
                out.extend_from_slice(b"\r\n");
            }
        }
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{Limits, Parser};

    const MESSAGE: &str = "Subject: outer\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n\
        --a\r\n\r\none\r\n\
        --a\r\nContent-Type: message/rfc822\r\n\r\n\
        Subject: inner\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n\
        --b\r\nX: y\r\n\r\ntwo.one\r\n--b--\r\n\r\n\
        --a\r\nContent-Type: message/rfc822\r\n\r\nSubject: plain\r\n\r\nthree.one\r\n--a--\r\n";

    fn parsed(text: &str) -> Part {
        let mut parser = Parser::new(Limits::default());
        parser.push(text.as_bytes());
        parser.finish().root
    }

    fn at(range: Range<u64>) -> &'static str {
        &MESSAGE[range.start as usize..range.end as usize]
    }

    #[test]
    fn paths_lead_through_messages() {
        let root = parsed(MESSAGE);
        let text = |path: &[u32]| part(&root, path).map(|part| at(body(part)));
        assert_eq!(text(&[1]), Some("one"));
        assert_eq!(text(&[2, 1]), Some("two.one"));
        assert_eq!(text(&[3, 1]), Some("three.one"));
        for path in [&[0][..], &[4], &[1, 1], &[2, 2], &[2, 1, 1], &[u32::MAX]] {
            assert_eq!(text(path), None, "{path:?}");
        }
        let mime = part(&root, &[2, 1]).map(|part| at(header(part)));
        assert_eq!(mime, Some("X: y\r\n\r\n"));
        let inner = message(&root, &[3]).map(|inner| at(header(inner)));
        assert_eq!(inner, Some("Subject: plain\r\n\r\n"));
        assert!(message(&root, &[1]).is_none());
        assert!(
            message(&root, &[])
                .is_some_and(|whole| at(header(whole)).starts_with("Subject: outer"))
        );
    }

    #[test]
    fn a_plain_message_is_its_first_part() {
        let root = parsed("A: b\r\n\r\nbody");
        assert_eq!(part(&root, &[1]), Some(&root));
        assert_eq!(part(&root, &[2]), None);
        assert_eq!(part(&root, &[1, 1]), None);
    }

    #[test]
    fn fields_are_picked_with_their_folds() {
        let header = b"A: 1\r\nb: 2\r\n 3\r\nA: 4\r\n\r\n";
        let mut out = Vec::new();
        pick_fields(header, &[b"B".to_vec()], true, &mut out);
        assert_eq!(out, b"b: 2\r\n 3\r\n\r\n");
        out.clear();
        pick_fields(header, &[b"B".to_vec()], false, &mut out);
        assert_eq!(out, b"A: 1\r\nA: 4\r\n\r\n");
    }
}
