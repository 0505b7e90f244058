//! What a server says (RFC 9051 §7).

/// One response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response {
    /// The end of a command.
    Tagged {
        /// Whose.
        tag: String,
        /// How it went.
        status: Status,
        /// What stood in brackets.
        code: Option<String>,
        /// For people.
        text: String,
    },
    /// `* OK`, `* BYE` and their like.
    Untagged {
        /// Which.
        status: Status,
        /// What stood in brackets.
        code: Option<String>,
        /// For people.
        text: String,
    },
    /// `+`: it waits for more. The text behind it.
    Continue(Vec<u8>),
    /// Anything else behind `* `, as it stood on the wire, without its line end.
    Data(Vec<u8>),
}

/// The word of a status response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// `OK`.
    Ok,
    /// `NO`.
    No,
    /// `BAD`.
    Bad,
    /// `PREAUTH`.
    PreAuth,
    /// `BYE`.
    Bye,
}

/// Whether a response that begins with these bytes is a status, whose text has no literals.
pub(super) fn is_status(bytes: &[u8]) -> bool {
    let mut words = bytes.splitn(3, |byte| *byte == b' ');
    match (words.next(), words.next()) {
        (Some(b"+"), _) => true,
        (Some(b"*"), Some(word)) => status(word).is_some(),
        _ => true,
    }
}

/// Parses a response, its last line end included; none: it is no response.
pub(super) fn parse(bytes: &[u8]) -> Option<Response> {
    let bytes = bytes.strip_suffix(b"\n")?;
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    if let Some(text) = bytes.strip_prefix(b"+") {
        return Some(Response::Continue(
            text.strip_prefix(b" ").unwrap_or(text).to_vec(),
        ));
    }
    let space = memchr::memchr(b' ', bytes)?;
    let (tag, rest) = (&bytes[..space], &bytes[space + 1..]);
    let (word, text) = match memchr::memchr(b' ', rest) {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (rest, &rest[..0]),
    };
    let status = status(word);
    if tag == b"*" {
        return Some(match status {
            Some(status) => {
                let (code, text) = code_and_text(text);
                Response::Untagged { status, code, text }
            }
            None => Response::Data(rest.to_vec()),
        });
    }
    let plain = |byte: &u8| byte.is_ascii_alphanumeric();
    if tag.is_empty() || !tag.iter().all(plain) {
        return None;
    }
    let status = status.filter(|status| matches!(status, Status::Ok | Status::No | Status::Bad))?;
    let (code, text) = code_and_text(text);
    Some(Response::Tagged {
        tag: String::from_utf8_lossy(tag).into_owned(),
        status,
        code,
        text,
    })
}

/// The size of the literal that a line announces at its end (RFC 9051 §4.3).
pub(super) fn literal(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"\n")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.strip_suffix(b"}")?;
    let open = line.iter().rposition(|byte| *byte == b'{')?;
    let digits = &line[open + 1..];
    if digits.is_empty() || digits.len() > 19 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn status(word: &[u8]) -> Option<Status> {
    let words = [
        (&b"OK"[..], Status::Ok),
        (b"NO", Status::No),
        (b"BAD", Status::Bad),
        (b"PREAUTH", Status::PreAuth),
        (b"BYE", Status::Bye),
    ];
    let word = word.strip_suffix(b"\n").unwrap_or(word);
    let word = word.strip_suffix(b"\r").unwrap_or(word);
    let found = words
        .iter()
        .find(|(name, _)| word.eq_ignore_ascii_case(name));
    found.map(|(_, status)| *status)
}

/// `[code] text`; what cannot be shown becomes `?`.
fn code_and_text(bytes: &[u8]) -> (Option<String>, String) {
    let text: String = String::from_utf8_lossy(bytes)
        .chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((code, text)) => (Some(code.to_owned()), text.trim_start().to_owned()),
        None => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn responses_are_read() {
        let data = |text: &str| Some(Response::Data(text.as_bytes().to_vec()));
        assert_eq!(parse(b"* 3 EXISTS\r\n"), data("3 EXISTS"));
        assert_eq!(parse(b"* LIST () \"/\" x\r\n"), data("LIST () \"/\" x"));
        assert_eq!(parse(b"+\r\n"), Some(Response::Continue(Vec::new())));
        assert_eq!(parse(b"+ go\r\n"), Some(Response::Continue(b"go".to_vec())));
        assert_eq!(
            parse(b"* ok [CAPABILITY IMAP4rev1] hello\r\n"),
            Some(Response::Untagged {
                status: Status::Ok,
                code: Some("CAPABILITY IMAP4rev1".to_owned()),
                text: "hello".to_owned(),
            })
        );
        assert_eq!(
            parse(b"a1 NO\r\n"),
            Some(Response::Tagged {
                tag: "a1".to_owned(),
                status: Status::No,
                code: None,
                text: String::new(),
            })
        );
        for none in [
            &b"hello\r\n"[..],
            b"a1 PREAUTH x\r\n",
            b"a1 FETCH\r\n",
            b"\r\n",
            b"x",
        ] {
            assert_eq!(parse(none), None, "{none:?}");
        }
    }

    #[test]
    fn literals_are_seen() {
        assert_eq!(literal(b"* 1 FETCH (BODY[] {12}\r\n"), Some(12));
        assert_eq!(literal(b"* 1 FETCH (BINARY[] ~{0}\r\n"), Some(0));
        for none in [
            &b"x {1}x\r\n"[..],
            b"{}\r\n",
            b"{-1}\r\n",
            b"1}\r\n",
            b"{1}",
        ] {
            assert_eq!(literal(none), None, "{none:?}");
        }
        assert!(is_status(b"* OK see {5}\r\n") && is_status(b"a1 NO {5}\r\n"));
        assert!(is_status(b"* BYE\r\n") && !is_status(b"* 1 FETCH {5}\r\n"));
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = (parse(&bytes), literal(&bytes), is_status(&bytes));
        }
    }
}
