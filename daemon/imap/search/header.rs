//! Fields that the index has, so that a message's bytes need not be read for them.

use mox::mail::{Envelope, Limits, MailAddress};

use super::text::{Needle, Scratch};

/// Whether the envelope tells what a field of this name has.
pub(super) fn in_envelope(name: &[u8]) -> bool {
    [
        &b"Subject"[..],
        b"From",
        b"To",
        b"Cc",
        b"Bcc",
        b"Message-Id",
        b"In-Reply-To",
    ]
    .iter()
    .any(|known| name.eq_ignore_ascii_case(known))
}

/// Whether a field has the text; none when the envelope does not tell.
pub(super) fn envelope_has(
    envelope: &Envelope,
    name: &[u8],
    needle: &Needle,
    scratch: &mut Scratch,
) -> Option<bool> {
    if needle.is_empty() {
        // Whether the field is there at all, even without a value.
        return None;
    }
    let mut field = |value: &Option<Vec<u8>>| {
        let value = value.as_deref();
        Some(value.is_some_and(|value| needle.in_field(value, scratch)))
    };
    let addresses = match name.to_ascii_lowercase().as_slice() {
        b"subject" => return field(&envelope.subject),
        b"message-id" => return field(&envelope.message_id),
        b"in-reply-to" => return field(&envelope.in_reply_to),
        b"from" => &envelope.from,
        b"to" => &envelope.to,
        b"cc" => &envelope.cc,
        b"bcc" => &envelope.bcc,
        _ => return None,
    };
    if addresses.len() >= Limits::default().addresses {
        // There may be more of them in the message.
        return None;
    }
    if needle.has_any(b"\"\\()<>,:;") {
        // Quotes, comments, groups and what stands between addresses are only in the message.
        return None;
    }
    let mut text = Vec::new();
    Some(addresses.iter().any(|address| {
        text.clear();
        write(address, &mut text);
        needle.in_field(&text, scratch)
    }))
}

/// `name <mailbox@host>`, as it stands in most messages.
fn write(address: &MailAddress, out: &mut Vec<u8>) {
    if let Some(name) = &address.name {
        out.extend_from_slice(name);
        out.push(b' ');
    }
    if let Some(mailbox) = &address.mailbox {
        out.push(b'<');
        out.extend_from_slice(mailbox);
        if let Some(host) = &address.host {
            out.push(b'@');
            out.extend_from_slice(host);
        }
        out.push(b'>');
    }
}
