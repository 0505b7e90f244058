//! BODY and BODYSTRUCTURE (RFC 9051 §7.5.2).

use super::{envelope, nstring, number, string};
use crate::mail::{Part, PartKind};

/// `body`: of a message's root part, or of any part below it. `extended`: with the extension data of
/// BODYSTRUCTURE, which BODY leaves out.
pub fn structure(part: &Part, extended: bool, utf8: bool, out: &mut Vec<u8>) {
    out.push(b'(');
    match &part.kind {
        PartKind::Multipart(parts) if !parts.is_empty() => {
            for part in parts {
                structure(part, extended, utf8, out);
            }
            out.push(b' ');
            name(&part.media_subtype, utf8, out);
            if extended {
                out.push(b' ');
                params(&part.params, utf8, out);
                extension(part, utf8, out);
            }
        }
        kind => {
            name(&part.media_type, utf8, out);
            out.push(b' ');
            name(&part.media_subtype, utf8, out);
            out.push(b' ');
            params(&part.params, utf8, out);
            out.push(b' ');
            nstring(part.id.as_deref(), utf8, out);
            out.push(b' ');
            nstring(part.description.as_deref(), utf8, out);
            out.push(b' ');
            name(&part.encoding, utf8, out);
            out.push(b' ');
            number(part.body_end.saturating_sub(part.body_start), out);
            match kind {
                // IMAP4rev1 knows message/rfc822 only in this form.
                PartKind::Message(inner) if utf8 || part.media_subtype == "rfc822" => {
                    out.push(b' ');
                    envelope(&inner.0, utf8, out);
                    out.push(b' ');
                    structure(&inner.1, extended, utf8, out);
                    out.push(b' ');
                    number(part.lines, out);
                }
                _ if part.media_type == "text" => {
                    out.push(b' ');
                    number(part.lines, out);
                }
                _ => {}
            }
            if extended {
                out.push(b' ');
                nstring(part.md5.as_deref(), utf8, out);
                extension(part, utf8, out);
            }
        }
    }
    out.push(b')');
}

/// Disposition, language and location, which both forms end with.
fn extension(part: &Part, utf8: bool, out: &mut Vec<u8>) {
    out.push(b' ');
    match &part.disposition {
        Some((value, with)) => {
            out.push(b'(');
            name(value, utf8, out);
            out.push(b' ');
            params(with, utf8, out);
            out.push(b')');
        }
        None => out.extend_from_slice(b"NIL"),
    }
    out.push(b' ');
    match part.language.as_slice() {
        [] => out.extend_from_slice(b"NIL"),
        tags => {
            out.push(b'(');
            for (i, tag) in tags.iter().enumerate() {
                if i > 0 {
                    out.push(b' ');
                }
                string(tag, utf8, out);
            }
            out.push(b')');
        }
    }
    out.push(b' ');
    nstring(part.location.as_deref(), utf8, out);
}

/// `body-fld-param`: names and values in turn, or NIL.
fn params(params: &[(String, Vec<u8>)], utf8: bool, out: &mut Vec<u8>) {
    if params.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    out.push(b'(');
    for (i, (key, value)) in params.iter().enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        name(key, utf8, out);
        out.push(b' ');
        string(value, utf8, out);
    }
    out.push(b')');
}

fn name(text: &str, utf8: bool, out: &mut Vec<u8>) {
    string(text.as_bytes(), utf8, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Envelope;

    fn leaf(media_type: &str, media_subtype: &str) -> Part {
        Part {
            header_start: 0,
            body_start: 10,
            body_end: 1162,
            lines: 23,
            media_type: media_type.to_owned(),
            media_subtype: media_subtype.to_owned(),
            params: vec![("charset".to_owned(), b"us-ascii".to_vec())],
            id: None,
            description: None,
            encoding: "7bit".to_owned(),
            md5: None,
            disposition: None,
            language: Vec::new(),
            location: None,
            kind: PartKind::Leaf,
        }
    }

    fn wire(part: &Part, extended: bool) -> String {
        let mut out = Vec::new();
        structure(part, extended, false, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn leaves_tell_lines_only_of_text() {
        let text = r#"("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1152 23)"#;
        assert_eq!(wire(&leaf("text", "plain"), false), text);
        let mut image = leaf("image", "png");
        image.params.clear();
        image.disposition = Some((
            "inline".to_owned(),
            vec![("size".to_owned(), b"1".to_vec())],
        ));
        image.language = vec![b"de".to_vec(), b"en".to_vec()];
        let expected = r#"("image" "png" NIL NIL NIL "7bit" 1152 NIL ("inline" ("size" "1")) ("de" "en") NIL)"#;
        assert_eq!(wire(&image, true), expected);
    }

    #[test]
    fn parts_stand_in_their_parents() {
        let mut message = leaf("message", "rfc822");
        message.params.clear();
        message.kind = PartKind::Message(Box::new((Envelope::default(), leaf("text", "plain"))));
        let mut mixed = leaf("multipart", "mixed");
        mixed.kind = PartKind::Multipart(vec![leaf("text", "plain"), message]);
        let text = r#"("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1152 23)"#;
        let nothing = "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)";
        let expected = format!(
            r#"({text}("message" "rfc822" NIL NIL NIL "7bit" 1152 {nothing} {text} 23) "mixed")"#
        );
        assert_eq!(wire(&mixed, false), expected);
        assert!(wire(&mixed, true).ends_with(r#" "mixed" ("charset" "us-ascii") NIL NIL NIL)"#));
    }
}
