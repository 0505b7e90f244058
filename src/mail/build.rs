//! From a part's header to its [`Part`] and, for messages, its [`Envelope`].

use std::mem::size_of;

use super::content::{self, Param};
use super::header::{self, Field};
use super::structure::{Part, PartKind};
use super::{Envelope, MailAddress, address};

/// What is inside a part, by its header.
#[derive(Debug)]
pub(super) enum Class {
    Leaf,
    Multipart { boundary: Vec<u8>, digest: bool },
    Message,
}

/// Memory that may still be kept.
#[derive(Debug)]
pub(super) struct Budget {
    left: usize,
}

impl Budget {
    pub(super) fn new(bytes: usize) -> Budget {
        Budget { left: bytes }
    }

    /// Takes so much; false, and nothing is left, if there is not as much.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                true
            }
            None => {
                self.left = 0;
                false
            }
        }
    }

    /// The bytes as a value of its own, if there is room.
    fn keep(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.take(bytes.len() + size_of::<Vec<u8>>())
            .then(|| bytes.to_vec())
    }

    fn keep_params(&mut self, mut params: Vec<Param>) -> Vec<Param> {
        let mut kept = 0;
        for (name, value) in &params {
            if !self.take(name.len() + value.len() + size_of::<Param>()) {
                break;
            }
            kept += 1;
        }
        params.truncate(kept);
        params.shrink_to_fit();
        params
    }

    fn keep_addresses(&mut self, list: &mut Vec<MailAddress>, from: usize) {
        let len = |field: &Option<Vec<u8>>| field.as_ref().map_or(0, Vec::len);
        let mut kept = from;
        for a in &list[from..] {
            let bytes = len(&a.name) + len(&a.mailbox) + len(&a.host);
            if !self.take(bytes + size_of::<MailAddress>()) {
                break;
            }
            kept += 1;
        }
        list.truncate(kept);
    }
}

/// A part of which nothing is known but where it begins: text/plain (RFC 2045 §5.2).
pub(super) fn empty_part(at: u64) -> Part {
    Part {
        header_start: at,
        body_start: at,
        body_end: at,
        lines: 0,
        media_type: "text".to_owned(),
        media_subtype: "plain".to_owned(),
        params: Vec::new(),
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

/// What claims to have parts and has none is text.
pub(super) fn undivided(part: &mut Part) {
    if matches!(part.media_type.as_str(), "multipart" | "message") {
        set_default_type(part);
    }
}

/// What has parts that are not looked at is bytes.
pub(super) fn opaque(part: &mut Part) {
    part.media_type = "application".to_owned();
    part.media_subtype = "octet-stream".to_owned();
    part.params = Vec::new();
}

fn set_default_type(part: &mut Part) {
    part.media_type = "text".to_owned();
    part.media_subtype = "plain".to_owned();
    part.params = vec![("charset".to_owned(), b"us-ascii".to_vec())];
}

/// Reads a whole header into `part` (whose offsets it leaves alone) and `envelope`. Of a field that
/// may stand once only, the first counts; lists go on.
pub(super) fn read_fields(
    header: &[u8],
    part: &mut Part,
    envelope: Option<&mut Envelope>,
    in_digest: bool,
    budget: &mut Budget,
    addresses: usize,
) -> Class {
    let mut fields = Reader {
        part,
        budget,
        addresses,
        typed: false,
        encoded: false,
    };
    match envelope {
        Some(envelope) => {
            for field in header::fields(header) {
                fields.content(&field);
                fields.envelope(&field, envelope);
            }
        }
        None => {
            for field in header::fields(header) {
                fields.content(&field);
            }
        }
    }
    if !fields.typed {
        if in_digest {
            part.media_type = "message".to_owned();
            part.media_subtype = "rfc822".to_owned();
        } else {
            set_default_type(part);
        }
    }
    classify(part)
}

fn classify(part: &mut Part) -> Class {
    match (part.media_type.as_str(), part.media_subtype.as_str()) {
        ("multipart", subtype) => {
            let boundary = content::param(&part.params, "boundary").unwrap_or_default();
            let boundary = boundary.trim_ascii_end();
            if boundary.is_empty() || boundary.len() > 512 {
                set_default_type(part);
                return Class::Leaf;
            }
            Class::Multipart {
                boundary: boundary.to_vec(),
                digest: subtype == "digest",
            }
        }
        ("message", "rfc822" | "global") => Class::Message,
        _ => Class::Leaf,
    }
}

struct Reader<'a> {
    part: &'a mut Part,
    budget: &'a mut Budget,
    addresses: usize,
    typed: bool,
    encoded: bool,
}

impl Reader<'_> {
    fn content(&mut self, field: &Field<'_>) {
        let Some((prefix, name)) = field.name.split_at_checked(8) else {
            return;
        };
        if !prefix.eq_ignore_ascii_case(b"content-") {
            return;
        }
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        let part = &mut *self.part;
        if is("type") && !self.typed {
            if let Some((media_type, subtype, params)) = content::parse_type(&field.unfolded())
                && self.budget.take(media_type.len() + subtype.len())
            {
                self.typed = true;
                part.media_type = media_type;
                part.media_subtype = subtype;
                part.params = self.budget.keep_params(params);
            }
        } else if is("transfer-encoding") && !self.encoded {
            if let Some(encoding) = content::parse_token(&field.unfolded())
                && self.budget.take(encoding.len())
            {
                self.encoded = true;
                part.encoding = encoding;
            }
        } else if is("id") && part.id.is_none() {
            part.id = self.budget.keep(&field.unfolded());
        } else if is("description") && part.description.is_none() {
            part.description = self.budget.keep(&field.unfolded());
        } else if is("md5") && part.md5.is_none() {
            part.md5 = self.budget.keep(&field.unfolded());
        } else if is("location") && part.location.is_none() {
            part.location = self.budget.keep(&field.unfolded());
        } else if is("disposition") && part.disposition.is_none() {
            if let Some((value, params)) = content::parse_disposition(&field.unfolded())
                && self.budget.take(value.len())
            {
                part.disposition = Some((value, self.budget.keep_params(params)));
            }
        } else if is("language") && part.language.is_empty() {
            let tags = content::parse_tags(&field.unfolded());
            let bytes: usize = tags
                .iter()
                .map(|tag| tag.len() + size_of::<Vec<u8>>())
                .sum();
            if self.budget.take(bytes) {
                part.language = tags;
            }
        }
    }

    fn envelope(&mut self, field: &Field<'_>, envelope: &mut Envelope) {
        let name = field.name;
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        match name.len() {
            2 if is("to") => self.list(field, &mut envelope.to),
            2 if is("cc") => self.list(field, &mut envelope.cc),
            3 if is("bcc") => self.list(field, &mut envelope.bcc),
            4 if is("from") => self.list(field, &mut envelope.from),
            4 if is("date") => self.text(field, &mut envelope.date),
            6 if is("sender") => self.list(field, &mut envelope.sender),
            7 if is("subject") => self.text(field, &mut envelope.subject),
            8 if is("reply-to") => self.list(field, &mut envelope.reply_to),
            10 if is("message-id") => self.text(field, &mut envelope.message_id),
            11 if is("in-reply-to") => self.text(field, &mut envelope.in_reply_to),
            _ => {}
        }
    }

    fn text(&mut self, field: &Field<'_>, slot: &mut Option<Vec<u8>>) {
        if slot.is_none() {
            *slot = self.budget.keep(&field.unfolded());
        }
    }

    fn list(&mut self, field: &Field<'_>, list: &mut Vec<MailAddress>) {
        let from = list.len();
        address::parse_list(&field.unfolded(), self.addresses, list);
        self.budget.keep_addresses(list, from);
    }
}
