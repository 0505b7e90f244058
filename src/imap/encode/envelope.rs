//! ENVELOPE (RFC 9051 §7.5.2).

use super::{nstring, string};
use crate::mail::{Envelope, MailAddress};

/// `envelope`.
pub fn envelope(envelope: &Envelope, utf8: bool, out: &mut Vec<u8>) {
    // Absent ones are shown as From (RFC 9051 §7.5.2).

    let sender = if envelope.sender.is_empty() {
        &envelope.from
    } else {
        &envelope.sender
    };
    let reply_to = if envelope.reply_to.is_empty() {
        &envelope.from
    } else {
        &envelope.reply_to
    };
    out.push(b'(');
    nstring(envelope.date.as_deref(), utf8, out);
    out.push(b' ');
    nstring(envelope.subject.as_deref(), utf8, out);
    for list in [
        &envelope.from,
        sender,
        reply_to,
        &envelope.to,
        &envelope.cc,
        &envelope.bcc,
    ] {
        out.push(b' ');
        addresses(list, utf8, out);
    }
    out.push(b' ');
    nstring(envelope.in_reply_to.as_deref(), utf8, out);
    out.push(b' ');
    nstring(envelope.message_id.as_deref(), utf8, out);
    out.push(b')');
}

/// A list of `address`, or NIL. The source route (`addr-adl`) is always NIL, as RFC 9051 has it.
fn addresses(list: &[MailAddress], utf8: bool, out: &mut Vec<u8>) {
    if list.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    out.push(b'(');
    for address in list {
        out.push(b'(');
        nstring(address.name.as_deref(), utf8, out);
        out.extend_from_slice(b" NIL ");
        nstring(address.mailbox.as_deref(), utf8, out);
        out.push(b' ');
        match &address.host {
            Some(host) => string(host, utf8, out),
            None => out.extend_from_slice(b"NIL"),
        }
        out.push(b')');
    }
    out.push(b')');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_senders_are_from() {
        let mailbox = |name: Option<&str>, mailbox: Option<&str>, host: Option<&str>| MailAddress {
            name: name.map(Into::into),
            mailbox: mailbox.map(Into::into),
            host: host.map(Into::into),
        };
        let message = Envelope {
            date: Some(b"Mon, 7 Feb 1994 21:52:25 -0800".to_vec()),
            subject: Some(b"a \"b\"".to_vec()),
            from: vec![mailbox(Some("Terry"), Some("gray"), Some("cac.example"))],
            to: vec![
                mailbox(None, Some("team"), None),
                mailbox(None, Some("imap"), Some("cac.example")),
                mailbox(None, None, None),
            ],
            message_id: Some(b"<a@b>".to_vec()),
            ..Envelope::default()
        };
        let mut out = Vec::new();
        envelope(&message, false, &mut out);
        let terry = r#"(("Terry" NIL "gray" "cac.example"))"#;
        let expected = format!(
            r#"("Mon, 7 Feb 1994 21:52:25 -0800" "a \"b\"" {terry} {terry} {terry} ((NIL NIL "team" NIL)(NIL NIL "imap" "cac.example")(NIL NIL NIL NIL)) NIL NIL NIL "<a@b>")"#
        );
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }
}
