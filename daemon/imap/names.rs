//! Mailbox names as this session's client writes and reads them (RFC 9051 §5.1, RFC 3501 §5.1.3).

use std::borrow::Cow;

use mox::imap::command::MailboxArg;
use mox::imap::{encode, utf7};
use mox::mailbox::MailboxName;

use super::state::Enabled;
use super::words::{Answer, Failure};

/// The name meant, whatever has it: what can't be a name, no mailbox has.
pub(super) fn existing(arg: &MailboxArg, enabled: Enabled) -> Result<MailboxName, Failure> {
    let text = decode(&arg.0, enabled);
    text.and_then(|text| MailboxName::parse(&text).ok())
        .ok_or_else(|| Answer::no("NONEXISTENT", "no such mailbox").into())
}

/// The name meant for a mailbox that is to be made. A `/` at the end says that there will be
/// mailboxes below it (RFC 9051 §6.3.4), which any mailbox may have.
pub(super) fn new(arg: &MailboxArg, enabled: Enabled) -> Result<MailboxName, Failure> {
    let Some(text) = decode(&arg.0, enabled) else {
        return Err(Answer::no("CANNOT", "the name is not well-formed").into());
    };
    let text = text.strip_suffix('/').unwrap_or(&text);
    MailboxName::parse(text).map_err(|why| Answer::no("CANNOT", why).into())
}

/// The text of a name or pattern; none when it is not of the form this client must write.
pub(super) fn decode(bytes: &[u8], enabled: Enabled) -> Option<String> {
    if enabled.utf8_names() {
        return String::from_utf8(bytes.to_vec()).ok();
    }
    match utf7::decode(bytes) {
        Some(text) => Some(text),
        // Clients that write UTF-8 unasked mean UTF-8.
        None => String::from_utf8(bytes.to_vec())
            .ok()
            .filter(|text| !text.is_ascii()),
    }
}

/// Writes a name for the client, as an atom where it is one (`astring`).
pub(super) fn encode(name: &str, enabled: Enabled, out: &mut Vec<u8>) {
    let utf8 = enabled.utf8_names();
    let name = match utf8 {
        true => Cow::Borrowed(name),
        false => Cow::Owned(utf7::encode(name)),
    };
    if name.bytes().all(is_atom_byte) && !name.eq_ignore_ascii_case("NIL") {
        out.extend_from_slice(name.as_bytes());
    } else {
        encode::string(name.as_bytes(), utf8, out);
    }
}

/// Bytes that need no quotes, to be on the safe side: `&`, which begins modified UTF-7, is quoted too.
fn is_atom_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/' | b'+' | b'@' | b'$')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_the_client_reads_them() {
        let written = |name: &str, rev2: bool| {
            let mut out = Vec::new();
            let enabled = Enabled {
                rev2,
                ..Enabled::default()
            };
            super::encode(name, enabled, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written("Inbox", false), "Inbox");
        assert_eq!(written("a b", false), "\"a b\"");
        assert_eq!(written("nil", false), "\"nil\"");
        assert_eq!(written("a\"b", true), "\"a\\\"b\"");
        assert_eq!(written("\u{e9}t\u{e9}", false), "\"&AOk-t&AOk-\"");
        assert_eq!(written("\u{e9}t\u{e9}", true), "\"\u{e9}t\u{e9}\"");
    }

    #[test]
    fn names_are_read_as_the_client_writes_them() {
        let read = |name: &str, rev2: bool| {
            let enabled = Enabled {
                rev2,
                ..Enabled::default()
            };
            decode(name.as_bytes(), enabled)
        };
        assert_eq!(read("&AOk-t&AOk-", false).as_deref(), Some("\u{e9}t\u{e9}"));
        assert_eq!(read("&AOk-t&AOk-", true).as_deref(), Some("&AOk-t&AOk-"));
        assert_eq!(read("\u{e9}", false).as_deref(), Some("\u{e9}"));
        assert_eq!(read("a&b", false), None);
    }
}
