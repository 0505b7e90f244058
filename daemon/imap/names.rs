//! Mailbox names as this session's client writes and reads them (RFC 9051 §5.1, RFC 3501 §5.1.3).

use mox::imap::command::MailboxArg;
use mox::imap::utf7;
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

/// Writes a name for the client. `Inbox` is shown as all clients know it.
pub(super) fn encode(name: &str, enabled: Enabled, out: &mut Vec<u8>) {
    let name = match name.split_once('/') {
        _ if name == "Inbox" => "INBOX".to_owned(),
        Some(("Inbox", rest)) => format!("INBOX/{rest}"),
        _ => name.to_owned(),
    };
    let name = if enabled.utf8_names() {
        name
    } else {
        utf7::encode(&name)
    };
    out.push(b'"');
    for byte in name.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}
