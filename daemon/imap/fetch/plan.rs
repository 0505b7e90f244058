//! What a FETCH wants of each message, looked at once for all of them.

use mox::imap::command::{FetchItem, Section, SectionText};

/// The items, and what they need.
#[derive(Debug)]
pub(super) struct Plan {
    /// In the order of the response.
    pub(super) items: Vec<FetchItem>,
    /// FLAGS is among them.
    pub(super) flags: bool,
    /// MODSEQ is among them.
    pub(super) modseq: bool,
    /// Some of them need the message's envelope or structure.
    pub(super) structure: bool,
    /// Some of them set \Seen.
    pub(super) sets_seen: bool,
    /// Only messages that changed after this.
    pub(super) changed_since: Option<u64>,
}

impl Plan {
    pub(super) fn new(mut items: Vec<FetchItem>, uid: bool, changed_since: Option<u64>) -> Plan {
        if uid && !items.contains(&FetchItem::Uid) {
            items.insert(0, FetchItem::Uid);
        }
        // RFC 7162 §3.1.4.1: CHANGEDSINCE asks for MODSEQ as well.
        if changed_since.is_some() && !items.contains(&FetchItem::ModSeq) {
            items.push(FetchItem::ModSeq);
        }
        let sets_seen = |item: &FetchItem| match item {
            FetchItem::Body { peek, .. } | FetchItem::Binary { peek, .. } => !peek,
            FetchItem::Rfc822 | FetchItem::Rfc822Text => true,
            _ => false,
        };
        let structure = |item: &FetchItem| match item {
            FetchItem::Body { section, .. } => *section != Section::default(),
            FetchItem::Binary { part, .. } | FetchItem::BinarySize { part } => !part.is_empty(),
            FetchItem::Envelope
            | FetchItem::BodyStructure
            | FetchItem::BodyStructureShort
            | FetchItem::Rfc822Header
            | FetchItem::Rfc822Text => true,
            _ => false,
        };
        Plan {
            structure: items.iter().any(structure),
            flags: items.contains(&FetchItem::Flags),
            modseq: items.contains(&FetchItem::ModSeq),
            sets_seen: items.iter().any(sets_seen),
            changed_since,
            items,
        }
    }
}

/// Writes `BODY[…]<…>` as the response names it; of `partial`, only the origin.
pub(super) fn write_body_name(section: &Section, partial: Option<(u64, u64)>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"BODY[");
    write_part(&section.part, out);
    if let Some(text) = &section.text {
        if !section.part.is_empty() {
            out.push(b'.');
        }
        let (name, fields) = match text {
            SectionText::Header => ("HEADER", None),
            SectionText::HeaderFields(fields) => ("HEADER.FIELDS", Some(fields)),
            SectionText::HeaderFieldsNot(fields) => ("HEADER.FIELDS.NOT", Some(fields)),
            SectionText::Text => ("TEXT", None),
            SectionText::Mime => ("MIME", None),
        };
        out.extend_from_slice(name.as_bytes());
        if let Some(fields) = fields {
            out.extend_from_slice(b" (");
            for (at, field) in fields.iter().enumerate() {
                if at > 0 {
                    out.push(b' ');
                }
                write_field_name(field, out);
            }
            out.push(b')');
        }
    }
    out.push(b']');
    write_origin(partial, out);
}

/// `1.2.3`.
pub(super) fn write_part(part: &[u32], out: &mut Vec<u8>) {
    for (at, number) in part.iter().enumerate() {
        if at > 0 {
            out.push(b'.');
        }
        mox::imap::encode::number(u64::from(*number), out);
    }
}

/// `<0>`.
pub(super) fn write_origin(partial: Option<(u64, u64)>, out: &mut Vec<u8>) {
    if let Some((origin, _)) = partial {
        out.push(b'<');
        mox::imap::encode::number(origin, out);
        out.push(b'>');
    }
}

fn write_field_name(name: &[u8], out: &mut Vec<u8>) {
    let atom = !name.is_empty()
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    match atom {
        true => out.extend_from_slice(name),
        false => mox::imap::encode::string(name, false, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_sections() {
        let name = |part: &[u32], text: Option<SectionText>, partial| {
            let mut out = Vec::new();
            let section = Section {
                part: part.to_vec(),
                text,
            };
            write_body_name(&section, partial, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(name(&[], None, None), "BODY[]");
        assert_eq!(name(&[1, 2], None, Some((5, 10))), "BODY[1.2]<5>");
        assert_eq!(name(&[1], Some(SectionText::Mime), None), "BODY[1.MIME]");
        let fields = SectionText::HeaderFieldsNot(vec![b"From".to_vec(), b"a b".to_vec()]);
        assert_eq!(
            name(&[], Some(fields), None),
            "BODY[HEADER.FIELDS.NOT (From \"a b\")]"
        );
    }
}
