//! FETCH and its items (RFC 9051 §6.4.5, RFC 3516, RFC 7162 §3.1.4).

use super::scan::{Fail, Parsed, Scan};
use crate::imap::command::{CommandBody, FetchItem, Section, SectionText};

/// `fetch = "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att /
/// "(" fetch-att *(SP fetch-att) ")") [SP "(" fetch-modifier *(SP fetch-modifier) ")"]`,
/// `fetch-modifier = "CHANGEDSINCE" SP mod-sequence-value`
pub(super) fn fetch(scan: &mut Scan<'_>, uid: bool) -> Parsed<CommandBody> {
    let set = scan.sequence_set()?;
    scan.space()?;
    let mut items = Vec::new();
    if scan.peek() == Some(b'(') {
        scan.list(|scan| {
            if items.len() >= MAX_ITEMS {
                return Err(Fail::bad("too many items of FETCH"));
            }
            items.push(item(scan)?);
            Ok(())
        })?;
        if items.is_empty() {
            return Err(Fail::bad("FETCH needs an item"));
        }
    } else if scan.take_word("ALL") {
        items.extend(FAST);
        items.push(FetchItem::Envelope);
    } else if scan.take_word("FULL") {
        items.extend(FAST);
        items.extend([FetchItem::Envelope, FetchItem::BodyStructureShort]);
    } else if scan.take_word("FAST") {
        items.extend(FAST);
    } else {
        items.push(item(scan)?);
    }
    let mut changed_since = None;
    if scan.more()? {
        scan.list(|scan| {
            if !scan.take_word("CHANGEDSINCE") {
                return Err(Fail::bad("unknown modifier of FETCH"));
            }
            scan.space()?;
            changed_since = Some(scan.mod_sequence()?);
            Ok(())
        })?;
    }
    Ok(CommandBody::Fetch {
        uid,
        set,
        items,
        changed_since,
    })
}

/// One command asks for so many things of a message at most.
const MAX_ITEMS: usize = 200;
/// Numbers of a part's place, and names of header fields.
const MAX_PART: usize = 100;
const MAX_FIELDS: usize = 500;

const FAST: [FetchItem; 3] = [
    FetchItem::Flags,
    FetchItem::InternalDate,
    FetchItem::Rfc822Size,
];

/// `fetch-att = "ENVELOPE" / "FLAGS" / "INTERNALDATE" / "RFC822" [".HEADER" / ".SIZE" / ".TEXT"] /
/// "BODY" ["STRUCTURE"] / "UID" / "MODSEQ" / "BODY" [".PEEK"] section [partial] /
/// "BINARY" [".PEEK"] section-binary [partial] / "BINARY.SIZE" section-binary`
fn item(scan: &mut Scan<'_>) -> Parsed<FetchItem> {
    let mut name = [0u8; 16];
    let name = scan.keyword(&mut name)?;
    let bracket = scan.peek() == Some(b'[');
    Ok(match (name, bracket) {
        ("ENVELOPE", false) => FetchItem::Envelope,
        ("FLAGS", false) => FetchItem::Flags,
        ("INTERNALDATE", false) => FetchItem::InternalDate,
        ("RFC822", false) => FetchItem::Rfc822,
        ("RFC822.HEADER", false) => FetchItem::Rfc822Header,
        ("RFC822.SIZE", false) => FetchItem::Rfc822Size,
        ("RFC822.TEXT", false) => FetchItem::Rfc822Text,
        ("BODYSTRUCTURE", false) => FetchItem::BodyStructure,
        ("BODY", false) => FetchItem::BodyStructureShort,
        ("UID", false) => FetchItem::Uid,
        ("MODSEQ", false) => FetchItem::ModSeq,
        ("BODY" | "BODY.PEEK", true) => FetchItem::Body {
            section: section(scan)?,
            partial: partial(scan)?,
            peek: name == "BODY.PEEK",
        },
        ("BINARY" | "BINARY.PEEK", true) => FetchItem::Binary {
            part: section_binary(scan)?,
            partial: partial(scan)?,
            peek: name == "BINARY.PEEK",
        },
        ("BINARY.SIZE", true) => FetchItem::BinarySize {
            part: section_binary(scan)?,
        },
        _ => return Err(Fail::bad("unknown item of FETCH")),
    })
}

/// `section = "[" [section-spec] "]"`,
/// `section-spec = section-msgtext / (section-part ["." section-text])`
fn section(scan: &mut Scan<'_>) -> Parsed<Section> {
    scan.expect(b'[', "a section is missing")?;
    let mut section = Section::default();
    let mut wants_text = scan.peek() != Some(b']');
    if scan.peek().is_some_and(|byte| byte.is_ascii_digit()) {
        (section.part, wants_text) = section_part(scan)?;
    }
    if wants_text {
        section.text = Some(section_text(scan, !section.part.is_empty())?);
    }
    scan.expect(b']', "a section has no end")?;
    Ok(section)
}

/// `section-part = nz-number *("." nz-number)`; whether a `.` and no number follows, which is taken.
fn section_part(scan: &mut Scan<'_>) -> Parsed<(Vec<u32>, bool)> {
    let mut part = vec![scan.nz_number()?];
    while scan.take(b'.') {
        if !scan.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Ok((part, true));
        }
        if part.len() >= MAX_PART {
            return Err(Fail::bad("a section is too deep"));
        }
        part.push(scan.nz_number()?);
    }
    Ok((part, false))
}

/// `section-text = section-msgtext / "MIME"`,
/// `section-msgtext = "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT"`
fn section_text(scan: &mut Scan<'_>, of_part: bool) -> Parsed<SectionText> {
    let mut name = [0u8; 20];
    Ok(match scan.keyword(&mut name)? {
        "HEADER" => SectionText::Header,
        "HEADER.FIELDS" => SectionText::HeaderFields(header_list(scan)?),
        "HEADER.FIELDS.NOT" => SectionText::HeaderFieldsNot(header_list(scan)?),
        "TEXT" => SectionText::Text,
        "MIME" if of_part => SectionText::Mime,
        _ => return Err(Fail::bad("unknown section")),
    })
}

/// `SP header-list`, `header-list = "(" astring *(SP astring) ")"`
fn header_list(scan: &mut Scan<'_>) -> Parsed<Vec<Vec<u8>>> {
    scan.space()?;
    let mut names = Vec::new();
    scan.list(|scan| {
        if names.len() >= MAX_FIELDS {
            return Err(Fail::bad("too many header fields"));
        }
        names.push(scan.astring()?);
        Ok(())
    })?;
    match names.is_empty() {
        true => Err(Fail::bad("a header field is missing")),
        false => Ok(names),
    }
}

/// `section-binary = "[" [section-part] "]"`
fn section_binary(scan: &mut Scan<'_>) -> Parsed<Vec<u32>> {
    scan.expect(b'[', "a section is missing")?;
    let mut part = Vec::new();
    if scan.peek() != Some(b']') {
        part = match section_part(scan)? {
            (part, false) => part,
            (_, true) => return Err(Fail::bad("BINARY takes a part")),
        };
    }
    scan.expect(b']', "a section has no end")?;
    Ok(part)
}

/// `partial = "<" number64 "." nz-number64 ">"`
fn partial(scan: &mut Scan<'_>) -> Parsed<Option<(u64, u64)>> {
    if !scan.take(b'<') {
        return Ok(None);
    }
    let start = scan.number64()?;
    scan.expect(b'.', "a partial is malformed")?;
    let len = scan.number64()?;
    scan.expect(b'>', "a partial is malformed")?;
    match len {
        0 => Err(Fail::bad("a partial has at least one byte")),
        len => Ok(Some((start, len))),
    }
}
