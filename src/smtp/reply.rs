//! Replies: encoded by the server, parsed by the client (RFC 5321 §4.2, RFC 2034, RFC 3463).

use std::borrow::Cow;
use std::fmt;

use memchr::memchr;

/// An enhanced status code, such as 5.7.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enhanced(pub u8, pub u16, pub u16);

impl fmt::Display for Enhanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its code, 200 to 599.
    pub code: u16,
    /// Its enhanced code; greetings, EHLO and 3xx have none.
    pub enhanced: Option<Enhanced>,
    /// Its lines, divided by LF.
    pub text: Cow<'static, str>,
}

/// Why bytes are not a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// Peer: no code, another code in a further line, or no CRLF where it should be.
    #[error("malformed reply")]
    Malformed,
    /// Peer: more lines or longer ones than any server has reason to send.
    #[error("the reply is too long")]
    TooLong,
}

impl Reply {
    /// A reply without an enhanced code.
    pub fn plain(code: u16, text: impl Into<Cow<'static, str>>) -> Reply {
        Reply {
            code,
            enhanced: None,
            text: text.into(),
        }
    }

    /// A reply with one: its class is the code's.
    pub fn new(code: u16, subject: u16, detail: u16, text: impl Into<Cow<'static, str>>) -> Reply {
        let class = (code / 100) as u8;
        Reply {
            code,
            enhanced: Some(Enhanced(class, subject, detail)),
            text: text.into(),
        }
    }

    /// Appends it as it stands on the wire. What a line may not have becomes `?`; a line that is
    /// too long is cut (RFC 5321 §4.5.3.1.5).
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut lines = self.text.split('\n').peekable();
        let code = [
            b'0' + (self.code / 100 % 10) as u8,
            b'0' + (self.code / 10 % 10) as u8,
            b'0' + (self.code % 10) as u8,
        ];
        let enhanced = self.enhanced.map(|code| format!("{code} "));
        while let Some(line) = lines.next() {
            let start = out.len();
            out.extend_from_slice(&code);
            out.push(if lines.peek().is_some() { b'-' } else { b' ' });
            if let Some(enhanced) = &enhanced {
                out.extend_from_slice(enhanced.as_bytes());
            }
            out.extend(line.bytes().map(|byte| match byte {
                b' '..=b'~' | b'\t' => byte,
                _ => b'?',
            }));
            out.truncate(start + LINE - 2);
            out.extend_from_slice(b"\r\n");
        }
    }

    /// 2xx: done.
    pub fn is_success(&self) -> bool {
        self.code / 100 == 2
    }

    /// 4xx: worth another try.
    pub fn is_transient(&self) -> bool {
        self.code / 100 == 4
    }
}

impl fmt::Display for Reply {
    /// On one line, for logs and bounces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        for line in self.text.split('\n') {
            write!(f, " {line}")?;
        }
        Ok(())
    }
}

/// The reply that a client's buffer starts with and how many bytes it has; none when more is needed.
/// Lenient with text in other character sets.
pub fn parse_reply(buffer: &[u8]) -> Result<Option<(Reply, usize)>, ReplyError> {
    let mut first: Option<u16> = None;
    let mut enhanced: Option<Option<Enhanced>> = None;
    let mut text = String::new();
    let mut at = 0;
    for _ in 0..LINES {
        let rest = &buffer[at..];
        let Some(lf) = memchr(b'\n', rest) else {
            return match rest.len() <= REPLY_LINE {
                true => Ok(None),
                false => Err(ReplyError::TooLong),
            };
        };
        if lf > REPLY_LINE {
            return Err(ReplyError::TooLong);
        }
        let line = rest[..lf]
            .strip_suffix(b"\r")
            .ok_or(ReplyError::Malformed)?;
        at += lf + 1;
        let (code, more, line) = parse_line(line).ok_or(ReplyError::Malformed)?;
        match first {
            Some(first) if first != code => return Err(ReplyError::Malformed),
            Some(_) => text.push('\n'),
            None => first = Some(code),
        }
        let (this, line) = parse_enhanced(code, &line);
        match enhanced {
            Some(first) if first == this => text.push_str(line),
            // Another code in a further line: part of the text.
            Some(_) => match this {
                Some(this) => text.push_str(&format!("{this} {line}")),
                None => text.push_str(line),
            },
            None => {
                enhanced = Some(this);
                text.push_str(line);
            }
        }
        if !more {
            let reply = Reply {
                code,
                enhanced: enhanced.flatten(),
                text: text.into(),
            };
            return Ok(Some((reply, at)));
        }
    }
    Err(ReplyError::TooLong)
}

/// `Reply-code ( "-" / SP ) [ textstring ]`; the text cleaned of control characters.
fn parse_line(line: &[u8]) -> Option<(u16, bool, String)> {
    let (code, rest) = line.split_at_checked(3)?;
    let [a @ b'2'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9'] = *code else {
        return None;
    };
    let code = u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0');
    let (more, text) = match rest {
        [] => (false, rest),
        [b' ', text @ ..] => (false, text),
        [b'-', text @ ..] => (true, text),
        _ => return None,
    };
    let text = String::from_utf8_lossy(text)
        .chars()
        .map(|c| if c.is_control() && c != '\t' { '?' } else { c })
        .collect();
    Some((code, more, text))
}

/// `class "." subject "." detail SP`, of the code's class.
fn parse_enhanced(code: u16, text: &str) -> (Option<Enhanced>, &str) {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let mut numbers = word.split('.').map(|number| {
        let plain = (1..=3).contains(&number.len())
            && number.bytes().all(|b| b.is_ascii_digit())
            && (number == "0" || !number.starts_with('0'));
        plain.then(|| number.parse::<u16>().ok()).flatten()
    });
    match (
        numbers.next(),
        numbers.next(),
        numbers.next(),
        numbers.next(),
    ) {
        (Some(Some(class)), Some(Some(subject)), Some(Some(detail)), None)
            if class == code / 100 && matches!(class, 2 | 4 | 5) =>
        {
            (Some(Enhanced(class as u8, subject, detail)), rest)
        }
        _ => (None, text),
    }
}

/// Bytes of a line that is sent, with its CRLF.
const LINE: usize = 512;
/// Bytes of a line that is read.
const REPLY_LINE: usize = 4096;
/// Lines of a reply that is read.
const LINES: usize = 200;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wire(reply: &Reply) -> String {
        let mut out = Vec::new();
        reply.encode(&mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn replies_are_written() {
        assert_eq!(
            wire(&Reply::new(550, 1, 1, "no such user")),
            "550 5.1.1 no such user\r\n"
        );
        assert_eq!(
            wire(&Reply::plain(250, "mail.example\nPIPELINING\nSMTPUTF8")),
            "250-mail.example\r\n250-PIPELINING\r\n250 SMTPUTF8\r\n"
        );
        assert_eq!(
            wire(&Reply::new(525, 7, 13, "moved\nto é\r")),
            "525-5.7.13 moved\r\n525 5.7.13 to ???\r\n"
        );
        assert_eq!(wire(&Reply::plain(334, "")), "334 \r\n");
        assert_eq!(wire(&Reply::plain(250, "x".repeat(999))).len(), 512);
    }

    #[test]
    fn replies_are_read() {
        let read = |bytes: &[u8]| parse_reply(bytes);
        assert_eq!(read(b"250-a\r\n250"), Ok(None));
        assert_eq!(
            read(b"250-2.0.0 a\r\n250 2.0.0 b\r\n354 go\r\n"),
            Ok(Some((Reply::new(250, 0, 0, "a\nb"), 26)))
        );
        assert_eq!(read(b"250\r\n"), Ok(Some((Reply::plain(250, ""), 5))));
        assert_eq!(
            read(b"550 4.1.1 other class\r\n"),
            Ok(Some((Reply::plain(550, "4.1.1 other class"), 23)))
        );
        for bad in [
            &b"hello\r\n"[..],
            b"150 x\r\n",
            b"250 x\n",
            b"250-x\r\n251 y\r\n",
            b"250x\r\n",
        ] {
            assert_eq!(read(bad), Err(ReplyError::Malformed));
        }
        assert_eq!(read(&[b'2'; 5000]), Err(ReplyError::TooLong));
        assert_eq!(read(&b"250-x\r\n".repeat(300)), Err(ReplyError::TooLong));
    }

    proptest! {
        #[test]
        fn what_is_encoded_parses_to_the_same(
            code in 200u16..600, enhanced: bool, lines in "[a-z ]{0,20}(\n[a-z ]{0,20}){0,3}",
            subject in 0u16..10, detail in 0u16..100,
        ) {
            let reply = match code / 100 {
                2 | 4 | 5 if enhanced => Reply::new(code, subject, detail, lines),
                _ => Reply::plain(code, lines),
            };
            let wire = wire(&reply);
            prop_assert_eq!(parse_reply(wire.as_bytes()), Ok(Some((reply, wire.len()))));
            for cut in 0..wire.len() {
                prop_assert_eq!(parse_reply(&wire.as_bytes()[..cut]), Ok(None));
            }
        }

        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_reply(&bytes);
        }
    }
}
