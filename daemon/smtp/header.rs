//! The header of a message while it comes in (RFC 5322 §2.2): counted on the way in from outside,
//! completed and relieved of Bcc in submission (RFC 6409 §8).

use memchr::memchr;

use super::answer::Answer;
use super::author;

/// Bounds of a header.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeaderLimits {
    /// Bytes.
    pub(super) size: u64,
    /// Received fields.
    pub(super) received: usize,
}

/// Counts a header's bytes and Received fields; keeps nothing of it.
#[derive(Debug)]
pub(super) struct Counter {
    limits: HeaderLimits,
    /// The first bytes of the line under way.
    head: [u8; RECEIVED.len()],
    head_len: usize,
    size: u64,
    received: usize,
    done: bool,
}

const RECEIVED: &[u8; 9] = b"received:";

impl Counter {
    /// At the first byte of a message.
    pub(super) fn new(limits: HeaderLimits) -> Counter {
        Counter {
            limits,
            head: [0; RECEIVED.len()],
            head_len: 0,
            size: 0,
            received: 0,
            done: false,
        }
    }

    /// The next bytes of the message.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Answer> {
        let mut rest = bytes;
        while !self.done && !rest.is_empty() {
            let end = memchr(b'\n', rest).map(|at| at + 1);
            let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
            rest = after;
            self.size += line.len() as u64;
            let new = line.len().min(self.head.len() - self.head_len);
            self.head[self.head_len..self.head_len + new].copy_from_slice(&line[..new]);
            self.head_len += new;
            if end.is_some() {
                let head = &self.head[..std::mem::take(&mut self.head_len)];
                self.done = head == b"\r\n";
                self.received += usize::from(head.eq_ignore_ascii_case(RECEIVED));
            }
            check(self.limits, self.size, self.received)?;
        }
        Ok(())
    }
}

fn check(limits: HeaderLimits, size: u64, received: usize) -> Result<(), Answer> {
    if size > limits.size {
        return Err(Answer::HeaderTooLarge);
    }
    if received > limits.received {
        return Err(Answer::Looping);
    }
    Ok(())
}

/// Holds a submitted message's header back until it is whole, then gives it as it is to be kept.
#[derive(Debug)]
pub(super) struct Submitted {
    limits: HeaderLimits,
    additions: Additions,
    buffer: Vec<u8>,
}

/// What a submitted message gets if it has none.
#[derive(Debug, Clone)]
pub(super) struct Additions {
    /// The value of Date.
    pub(super) date: String,
    /// The value of Message-Id.
    pub(super) message_id: String,
}

impl Submitted {
    /// At the first byte of a message.
    pub(super) fn new(limits: HeaderLimits, additions: Additions) -> Submitted {
        Submitted {
            limits,
            additions,
            buffer: Vec::with_capacity(2048),
        }
    }

    /// The next bytes of the message. Once the header is whole: what takes their place, everything
    /// before them included.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Option<Vec<u8>>, Answer> {
        let from = self.buffer.len().saturating_sub(3);
        self.buffer.extend_from_slice(bytes);
        let end = if self.buffer.starts_with(b"\r\n") {
            Some(0)
        } else {
            memchr::memmem::find(&self.buffer[from..], b"\r\n\r\n").map(|at| from + at + 2)
        };
        // The last byte may belong to the empty line.
        let size = end.unwrap_or(self.buffer.len().saturating_sub(1));
        check(self.limits, size as u64, 0)?;
        end.map(|end| self.complete(end)).transpose()
    }

    /// The end of a message that is all header.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, Answer> {
        self.complete(self.buffer.len())
    }

    /// Rewrites the header, which ends at `end`; what follows stays as it is.
    fn complete(&mut self, end: usize) -> Result<Vec<u8>, Answer> {
        let buffer = std::mem::take(&mut self.buffer);
        let (header, body) = buffer.split_at(end);
        let mut kept = Vec::with_capacity(buffer.len() + 160);
        let mut count = Count::default();
        let mut rest = header;
        while let Some((field, after)) = next_field(rest) {
            rest = after;
            if count.note(field) {
                kept.extend_from_slice(field);
            }
        }
        check(self.limits, 0, count.received)?;
        // Whose message it is must not depend on which field somebody looks at (RFC 5322 §3.6).
        if count.from != 1 || !count.from_is_clear {
            return Err(Answer::FromRefused(mox::policy::SenderRefusal::NotYours));
        }
        if !kept.ends_with(b"\r\n") {
            kept.extend_from_slice(b"\r\n");
        }
        if !count.date {
            kept.extend_from_slice(format!("Date: {}\r\n", self.additions.date).as_bytes());
        }
        if !count.message_id {
            let id = &self.additions.message_id;
            kept.extend_from_slice(format!("Message-Id: <{id}>\r\n").as_bytes());
        }
        if !rest.is_empty() || body.is_empty() {
            // A line that is no field: the header ended here, without its empty line.
            kept.extend_from_slice(b"\r\n");
        }
        kept.extend_from_slice(rest);
        kept.extend_from_slice(body);
        Ok(kept)
    }
}

/// What was seen of a submitted header.
#[derive(Debug, Default)]
struct Count {
    from: usize,
    from_is_clear: bool,
    received: usize,
    date: bool,
    message_id: bool,
}

impl Count {
    /// Takes note of a field; whether it stays.
    fn note(&mut self, field: &[u8]) -> bool {
        let name = field_name(field).unwrap_or_default();
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        if is("From") {
            self.from += 1;
            let colon = memchr(b':', field).unwrap_or_default();
            self.from_is_clear = author::is_clear(&field[colon + 1..]);
        }
        self.received += usize::from(is("Received"));
        self.date |= is("Date");
        self.message_id |= is("Message-Id");
        !is("Bcc") && !is("Resent-Bcc")
    }
}

/// A field with its continuation lines, and what follows; none at a line that begins no field.
fn next_field(header: &[u8]) -> Option<(&[u8], &[u8])> {
    field_name(header)?;
    let mut end = 0;
    loop {
        end += memchr(b'\n', &header[end..]).map_or(header.len() - end, |at| at + 1);
        if !matches!(header.get(end), Some(b' ' | b'\t')) {
            return Some(header.split_at(end));
        }
    }
}

/// `field-name = 1*ftext`, and the space before the colon that was allowed once (RFC 5322 §4.5).
fn field_name(line: &[u8]) -> Option<&[u8]> {
    let end = line
        .iter()
        .position(|&byte| !matches!(byte, b'!'..=b'~' if byte != b':'))?;
    let mut colon = line[end..]
        .iter()
        .skip_while(|&&byte| byte == b' ' || byte == b'\t');
    (end > 0 && colon.next() == Some(&b':')).then(|| &line[..end])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: HeaderLimits = HeaderLimits {
        size: 200,
        received: 2,
    };

    fn count(message: &[u8], piece: usize) -> Result<(), Answer> {
        let mut counter = Counter::new(LIMITS);
        message
            .chunks(piece)
            .try_for_each(|bytes| counter.push(bytes))
    }

    fn submit(message: &[u8], piece: usize) -> Result<String, Answer> {
        let additions = Additions {
            date: "now".into(),
            message_id: "id@host".into(),
        };
        let mut header = Some(Submitted::new(LIMITS, additions));
        let mut out = Vec::new();
        for bytes in message.chunks(piece) {
            match &mut header {
                Some(buffered) => {
                    if let Some(kept) = buffered.push(bytes)? {
                        out = kept;
                        header = None;
                    }
                }
                None => out.extend_from_slice(bytes),
            }
        }
        if let Some(buffered) = header {
            out = buffered.finish()?;
        }
        Ok(String::from_utf8(out).expect("text"))
    }

    #[test]
    fn headers_from_outside_are_counted() {
        for piece in [1, 2, 7, 1000] {
            let fine = b"Received: a\r\nreceived: b\r\nX-Received: c\r\n\r\nReceived: body\r\nReceived: body\r\n";
            assert_eq!(count(fine, piece), Ok(()));
            let loops = b"Received: a\r\nSubject: x\r\n\ty\r\nRECEIVED: b\r\nReceived:c\r\n\r\n";
            assert_eq!(count(loops, piece), Err(Answer::Looping));
            let large = [&[b'x'; 201][..], b"\r\n\r\n"].concat();
            assert_eq!(count(&large, piece), Err(Answer::HeaderTooLarge));
            let body = [b"\r\n", &[b'x'; 500][..]].concat();
            assert_eq!(count(&body, piece), Ok(()));
        }
    }

    #[test]
    fn submitted_headers_are_completed() {
        for piece in [1, 3, 1000] {
            assert_eq!(
                submit(
                    b"From: a@b\r\nBcc: c@d,\r\n\te@f\r\nTo: g\r\nbcc : h\r\n\r\nBcc: body\r\n",
                    piece
                ),
                Ok(
                    "From: a@b\r\nTo: g\r\nDate: now\r\nMessage-Id: <id@host>\r\n\r\nBcc: body\r\n"
                        .into()
                )
            );
            let whole = "From: a@b\r\nDate: d\r\nMESSAGE-ID: <x>\r\n\r\n";
            assert_eq!(submit(whole.as_bytes(), piece), Ok(whole.into()));
            assert_eq!(
                submit(b"From: a@b\r\nDate: d\r\nMessage-ID: <x>", piece),
                Ok(whole.replace("MESSAGE", "Message"))
            );
            assert_eq!(
                submit(b"From: a@b\r\nno field\r\nBcc: x\r\n\r\nbody", piece),
                Ok("From: a@b\r\nDate: now\r\nMessage-Id: <id@host>\r\n\r\nno field\r\nBcc: x\r\n\r\nbody".into())
            );
            let not_yours = Answer::FromRefused(mox::policy::SenderRefusal::NotYours);
            for bad in [
                &b"\r\nbody"[..],
                b"To: a\r\n\r\n",
                b"From: a@b\r\nFROM: b@c\r\n\r\n",
            ] {
                assert_eq!(submit(bad, piece), Err(not_yours.clone()));
            }
            let large = [b"From: ", &[b'x'; 201][..], b"\r\n\r\n"].concat();
            assert_eq!(submit(&large, piece), Err(Answer::HeaderTooLarge));
            assert_eq!(
                submit(
                    b"From: a@b\r\nReceived:x\r\nReceived:x\r\nReceived:x\r\n\r\n",
                    piece
                ),
                Err(Answer::Looping)
            );
        }
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            lines in proptest::collection::vec("(From|Bcc|To|Received|Date|x y|)(: )?[ a]{0,9}", 0..8),
            body in "[a\r\n]{0,9}",
            piece in 1usize..30,
        ) {
            let header: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            let message = format!("{header}\r\n{body}");
            prop_assert_eq!(submit(message.as_bytes(), piece), submit(message.as_bytes(), 9999));
            prop_assert_eq!(count(message.as_bytes(), piece), count(message.as_bytes(), 9999));
        }
    }
}
