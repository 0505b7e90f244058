//! A message as a program hands it to `sendmail`, made one that can be submitted: line ends, fields that
//! must be there, recipients found in it, blind copies taken out (RFC 5322 §3.6, RFC 6409 §8).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Zoned;

use super::address::parse_list;
use super::{MailAddress, header};

/// What is known of a message besides its text.
#[derive(Debug, Clone, Default)]
pub struct Outgoing {
    /// A lone dot on a line ends the message.
    pub dot_ends: bool,
    /// The address that a From field gets where there is none, and in place of one without a domain.
    pub from: Option<String>,
    /// The name that goes with it.
    pub name: Option<String>,
}

/// A message that can be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The message, lines ending with CRLF.
    pub message: Vec<u8>,
    /// The addresses of To, Cc and Bcc, as they stand there: some may have no domain.
    pub recipients: Vec<String>,
    /// The first address of From.
    pub from: Option<String>,
    /// Whether there are bytes beyond ASCII in the header, and in the body.
    pub eight_bit: (bool, bool),
}

/// Addresses that are taken out of a header.
const MOST_RECIPIENTS: usize = 10_000;

/// Makes a message ready, at this time; `random` makes its Message-ID one of its own.
pub fn prepare(input: &[u8], outgoing: &Outgoing, now: &Zoned, random: [u8; 16]) -> Prepared {
    let text = lines(input, outgoing.dot_ends);
    let (head, body) = split(&text);
    let mut message = Vec::with_capacity(text.len() + 512);
    let mut recipients = Vec::new();
    let mut from: Option<Vec<u8>> = None;
    let (mut has_date, mut has_id, mut has_from) = (false, false, false);
    for field in header::fields(head) {
        let bytes = &head[field.range.clone()];
        if field.name.is_empty() {
            // No field: an mbox's first line, say. It would end the header for others.
            continue;
        }
        if [&b"To"[..], b"Cc", b"Bcc"]
            .iter()
            .any(|name| field.is(name))
        {
            recipients.extend(addresses(&field.unfolded(), MOST_RECIPIENTS));
        }
        if field.is(b"Bcc") {
            continue;
        }
        has_date |= field.is(b"Date");
        has_id |= field.is(b"Message-ID");
        if field.is(b"From") {
            has_from = true;
            if let Some(completed) = completed(&field.unfolded(), outgoing) {
                message.extend_from_slice(completed.as_bytes());
                from = from.or(outgoing.from.clone().map(String::into_bytes));
                continue;
            }
            let first = addresses(&field.unfolded(), 1).into_iter().next();
            from = from.or(first.map(String::into_bytes));
        }
        message.extend_from_slice(bytes);
    }
    let own = outgoing.from.as_deref();
    if let (false, Some(own)) = (has_from, own) {
        let name = outgoing.name.as_deref().unwrap_or_default();
        message.extend_from_slice(from_field(name, own).as_bytes());
        from = Some(own.as_bytes().to_vec());
    }
    if !has_date {
        let date = jiff::fmt::rfc2822::to_string(now).unwrap_or_default();
        message.extend_from_slice(format!("Date: {date}\r\n").as_bytes());
    }
    if !has_id {
        let domain = own
            .and_then(|own| own.rsplit_once('@'))
            .map(|(_, domain)| domain);
        let domain = domain
            .filter(|domain| domain.is_ascii())
            .unwrap_or("localhost");
        let unique = u128::from_be_bytes(random);
        message.extend_from_slice(format!("Message-ID: <{unique:032x}@{domain}>\r\n").as_bytes());
    }
    let header_is_eight_bit = !message.is_ascii();
    message.extend_from_slice(b"\r\n");
    message.extend_from_slice(body);
    recipients.truncate(MOST_RECIPIENTS);
    Prepared {
        message,
        recipients,
        from: from.map(|from| String::from_utf8_lossy(&from).into_owned()),
        eight_bit: (header_is_eight_bit, !body.is_ascii()),
    }
}

/// Every line ended with CRLF, whatever ended it; up to a lone dot if that is an end.
fn lines(input: &[u8], dot_ends: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(input.len() + input.len() / 32);
    let mut rest = input;
    while !rest.is_empty() {
        let at = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let line = &rest[..at.unwrap_or(rest.len())];
        rest = &rest[line.len()..];
        rest = rest
            .strip_prefix(b"\r\n")
            .or_else(|| rest.get(1..))
            .unwrap_or_default();
        if dot_ends && line == b"." {
            break;
        }
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// Header and body. A text that does not begin with a field is all body.
fn split(text: &[u8]) -> (&[u8], &[u8]) {
    let mut start = 0;
    if text.starts_with(b"From ") || text.starts_with(b">From ") {
        start = line_end(text, 0);
    }
    let first = header::fields(&text[start..]).next();
    if first.is_none_or(|field| field.name.is_empty()) {
        return match text[start..].strip_prefix(b"\r\n") {
            Some(body) => (b"", body),
            None => (b"", &text[start..]),
        };
    }
    let mut at = start;
    while at < text.len() {
        if text[at..].starts_with(b"\r\n") {
            return (&text[start..at], &text[at + 2..]);
        }
        let end = line_end(text, at);
        let line = &text[at..end];
        let folded = line.starts_with(b" ") || line.starts_with(b"\t");
        let field = header::fields(line).next();
        if !folded && field.is_none_or(|field| field.name.is_empty()) {
            // The empty line was forgotten.
            return (&text[start..at], &text[at..]);
        }
        at = end;
    }
    (&text[start..], b"")
}

fn line_end(text: &[u8], at: usize) -> usize {
    memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |lf| at + lf + 1)
}

/// The addresses of a field, groups taken apart.
fn addresses(value: &[u8], limit: usize) -> Vec<String> {
    let mut found = Vec::new();
    parse_list(value, limit, &mut found);
    found.iter().filter_map(address).collect()
}

fn address(found: &MailAddress) -> Option<String> {
    // Ends of groups have no mailbox, their beginnings no host.
    let (mailbox, host) = (found.mailbox.as_ref()?, found.host.as_ref()?);
    let (mailbox, host) = (
        String::from_utf8_lossy(mailbox),
        String::from_utf8_lossy(host),
    );
    match host.is_empty() {
        true => Some(mailbox.into_owned()),
        false => Some(format!("{mailbox}@{host}")),
    }
}

/// A From field in place of one whose address has no domain, as cron writes it.
fn completed(value: &[u8], outgoing: &Outgoing) -> Option<String> {
    let own = outgoing.from.as_ref()?;
    let mut found = Vec::new();
    parse_list(value, 2, &mut found);
    let [only] = found.as_slice() else {
        return None;
    };
    let text = address(only)?;
    if text.contains('@') {
        return None;
    }
    let name = match (&only.name, &outgoing.name) {
        (Some(name), _) => String::from_utf8_lossy(name).into_owned(),
        (None, Some(name)) => name.clone(),
        (None, None) => text,
    };
    Some(from_field(&name, own))
}

fn from_field(name: &str, address: &str) -> String {
    match name.is_empty() {
        true => format!("From: {address}\r\n"),
        false => format!("From: {} <{address}>\r\n", phrase(name)),
    }
}

/// A name as it may stand in a field (RFC 5322 §3.2.5, RFC 2047 §2).
fn phrase(name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    if name.starts_with("=?") && name.is_ascii() {
        return name;
    }
    if name.is_ascii() {
        let plain = |c: char| c.is_ascii_alphanumeric() || " !#$%&'*+-/=?^_`{|}~".contains(c);
        if name.chars().all(plain) {
            return name;
        }
        return format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    }
    // At most 75 characters an encoded word; cut between characters.
    let mut words = Vec::new();
    let mut word = String::new();
    for c in name.chars() {
        if word.len() + c.len_utf8() > 42 {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    let encode = |word: &String| format!("=?utf-8?B?{}?=", STANDARD.encode(word));
    words.iter().map(encode).collect::<Vec<_>>().join("\r\n ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn own() -> Outgoing {
        Outgoing {
            dot_ends: false,
            from: Some("me@example.org".to_owned()),
            name: None,
        }
    }

    fn now() -> Zoned {
        "2026-11-25T10:00:00+01:00[Europe/Berlin]"
            .parse()
            .expect("a time")
    }

    fn made(input: &str, outgoing: &Outgoing) -> (String, Prepared) {
        let prepared = prepare(input.as_bytes(), outgoing, &now(), [1; 16]);
        (
            String::from_utf8_lossy(&prepared.message).into_owned(),
            prepared,
        )
    }

    const ADDED: &str = "Date: Wed, 25 Nov 2026 10:00:00 +0100\r\n\
        Message-ID: <01010101010101010101010101010101@example.org>\r\n";

    #[test]
    fn what_is_missing_is_added() {
        let (text, prepared) = made("Subject: x\n\nbody\n", &own());
        let expected = format!("Subject: x\r\nFrom: me@example.org\r\n{ADDED}\r\nbody\r\n");
        assert_eq!(text, expected);
        assert_eq!(prepared.from.as_deref(), Some("me@example.org"));
        let whole = "From: A <a@b.example>\r\nDate: x\r\nMessage-ID: <y@z>\r\n\r\nno end";
        let (text, prepared) = made(whole, &own());
        assert_eq!(text, format!("{whole}\r\n"));
        assert_eq!(prepared.from.as_deref(), Some("a@b.example"));
    }

    #[test]
    fn recipients_are_found_and_blind_copies_taken_out() {
        let input = "To: a@x.example, \"B, b\" <b@x.example>,\n root\nbcc: c@x.example\n d\nCc: g: e@x.example;\n\nt\n";
        let (text, prepared) = made(input, &own());
        assert_eq!(
            prepared.recipients,
            [
                "a@x.example",
                "b@x.example",
                "root",
                "c@x.example",
                "e@x.example"
            ]
        );
        assert!(!text.contains("c@x"), "{text}");
        assert!(text.starts_with("To: a@x.example, \"B, b\" <b@x.example>,\r\n root\r\nCc: "));
    }

    #[test]
    fn a_local_author_gets_the_address() {
        let from = |input: &str, outgoing: &Outgoing| {
            let (text, _) = made(&format!("From: {input}\n\n"), outgoing);
            text.lines().next().unwrap_or_default().to_owned()
        };
        assert_eq!(
            from("root (Cron Daemon)", &own()),
            "From: Cron Daemon <me@example.org>"
        );
        assert_eq!(from("root", &own()), "From: root <me@example.org>");
        assert_eq!(from("a@b.example", &own()), "From: a@b.example");
        let named = Outgoing {
            name: Some("Jörg \"X\"".to_owned()),
            ..own()
        };
        assert_eq!(
            from("root", &named),
            "From: =?utf-8?B?SsO2cmcgIlgi?= <me@example.org>"
        );
        let named = Outgoing {
            name: Some("A. \"X\"".to_owned()),
            ..own()
        };
        assert_eq!(
            from("root", &named),
            "From: \"A. \\\"X\\\"\" <me@example.org>"
        );
    }

    #[test]
    fn headers_are_found_where_they_end() {
        for (input, body) in [
            ("just text\nmore: text\n", "just text\r\nmore: text\r\n"),
            ("\nSubject: no field\n", "Subject: no field\r\n"),
            ("Subject: x\nno field\n", "no field\r\n"),
            ("From root Mon Jan 1\nSubject: x\n\nt\n", "t\r\n"),
            ("Subject: x\r\n\r\n", ""),
            ("", ""),
            (
                "http://x.example/ is down\n",
                "http://x.example/ is down\r\n",
            ),
        ] {
            let (text, _) = made(input, &own());
            let found = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
            let found = found.unwrap_or_default();
            // A scheme and a colon is a field by its looks.
            if !input.starts_with("http") {
                assert_eq!(found, body, "{input:?}");
            }
        }
    }

    #[test]
    fn a_dot_ends_where_it_may() {
        let input = "Subject: x\n\na\n.\nb\n";
        assert!(made(input, &own()).0.ends_with("a\r\n.\r\nb\r\n"));
        let ends = Outgoing {
            dot_ends: true,
            ..own()
        };
        assert!(made(input, &ends).0.ends_with("\r\n\r\na\r\n"));
    }

    proptest! {
        #[test]
        fn lines_end_with_crlf_and_blind_copies_are_gone(
            input in "([BbTtoc:]{0,4}[ :@a-zé\\r\\n.]{0,12}|[Bb]cc: x@secret\n){0,20}", dot: bool,
        ) {
            let outgoing = Outgoing { dot_ends: dot, ..own() };
            let prepared = prepare(input.as_bytes(), &outgoing, &now(), [0; 16]);
            let text = String::from_utf8_lossy(&prepared.message).into_owned();
            prop_assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
            let (head, _) = text.split_once("\r\n\r\n").expect("an empty line");
            for line in head.split("\r\n") {
                prop_assert!(!line.to_lowercase().starts_with("bcc:"), "{}", head);
            }
            let again = prepare(text.as_bytes(), &own(), &now(), [0; 16]);
            prop_assert_eq!(again.message, prepared.message);
        }
    }
}
