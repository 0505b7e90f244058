//! Command lines out of a stream of bytes: only CRLF ends a line (RFC 5321 §2.3.8).
//!
//! A line with a bare CR, a bare LF or NUL in it is one bad line up to its CRLF. Nothing in it is a
//! command: that is how a command hidden in another's argument stays without effect.

use memchr::{memchr, memchr3};

/// Why a line is no command whatever it says (500 5.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Peer: a CR without LF.
    #[error("a CR without LF in the line")]
    BareCr,
    /// Peer: an LF without CR.
    #[error("an LF without CR in the line")]
    BareLf,
    /// Peer: a NUL.
    #[error("a NUL in the line")]
    Nul,
    /// Peer: longer than the limit.
    #[error("the line is too long")]
    TooLong,
}

/// What the buffer starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// A line of so many bytes without its CRLF, which has to be taken away too.
    Line(usize),
    /// A bad line; take so many bytes away.
    Bad(usize, LineError),
    /// No whole line yet; take so many bytes away (the inside of a line that is too long) and read on.
    More(usize),
}

/// Finds the ends of lines in a buffer that grows at its end; looks at no byte twice.
#[derive(Debug, Default)]
pub struct Framer {
    /// Bytes at the buffer's start in which no line ends.
    scanned: usize,
    /// Inside a line that is over the limit already.
    skipping: bool,
}

impl Framer {
    /// At the start of a line.
    pub fn new() -> Framer {
        Framer::default()
    }

    /// Looks at all that is buffered, which starts where the last answer said. `limit` counts the
    /// CRLF.
    pub fn next(&mut self, buffer: &[u8], limit: usize) -> Frame {
        let mut from = self.scanned;
        while let Some(at) = buffer.get(from..).and_then(|rest| memchr(b'\n', rest)) {
            let end = from + at + 1;
            if end < 2 || buffer[end - 2] != b'\r' {
                from = end;
                continue;
            }
            self.scanned = 0;
            if std::mem::take(&mut self.skipping) || end > limit {
                return Frame::Bad(end, LineError::TooLong);
            }
            return match memchr3(b'\r', b'\n', 0, &buffer[..end - 2]).map(|at| buffer[at]) {
                None => Frame::Line(end - 2),
                Some(b'\r') => Frame::Bad(end, LineError::BareCr),
                Some(b'\n') => Frame::Bad(end, LineError::BareLf),
                Some(_) => Frame::Bad(end, LineError::Nul),
            };
        }
        if self.skipping || buffer.len() > limit {
            self.skipping = true;
            // A CR at the end may be the first half of the CRLF.
            let kept = usize::from(buffer.last() == Some(&b'\r'));
            self.scanned = 0;
            return Frame::More(buffer.len() - kept);
        }
        self.scanned = buffer.len();
        Frame::More(0)
    }

    /// Whether all that is there ends with a bare LF: a client that ends its lines so waits for an
    /// answer now, while a smuggled command would follow at once.
    pub fn ends_with_bare_lf(&self, buffer: &[u8]) -> bool {
        !self.skipping && buffer.last() == Some(&b'\n')
    }

    /// Takes the bare LF at the end for the end of a bad line after all.
    pub fn give_up(&mut self, buffer: &[u8]) -> Frame {
        *self = Framer::new();
        Frame::Bad(buffer.len(), LineError::BareLf)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All frames of an input that comes in pieces of `piece` bytes.
    fn frames(input: &[u8], piece: usize, limit: usize) -> Vec<Result<Vec<u8>, LineError>> {
        let mut framer = Framer::new();
        let mut buffer: Vec<u8> = Vec::new();
        let mut found = Vec::new();
        for bytes in input.chunks(piece.max(1)) {
            buffer.extend_from_slice(bytes);
            loop {
                assert!(buffer.len() <= limit + piece, "the buffer grows");
                match framer.next(&buffer, limit) {
                    Frame::Line(len) => {
                        found.push(Ok(buffer[..len].to_vec()));
                        buffer.drain(..len + 2);
                    }
                    Frame::Bad(len, why) => {
                        found.push(Err(why));
                        buffer.drain(..len);
                    }
                    Frame::More(len) => {
                        buffer.drain(..len);
                        break;
                    }
                }
            }
        }
        found
    }

    #[test]
    fn only_crlf_ends_a_line() {
        let input = b"NOOP\r\n\r\nA\nB\r\nA\rB\r\n\0\r\n\nQUIT\r\n\r\r\n0123456789\r\nX\r\n";
        let expected = vec![
            Ok(b"NOOP".to_vec()),
            Ok(Vec::new()),
            Err(LineError::BareLf),
            Err(LineError::BareCr),
            Err(LineError::Nul),
            Err(LineError::BareLf),
            Err(LineError::BareCr),
            Err(LineError::TooLong),
            Ok(b"X".to_vec()),
        ];
        for piece in 1..input.len() {
            assert_eq!(frames(input, piece, 10), expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn a_lone_lf_can_be_given_up_on() {
        let mut framer = Framer::new();
        assert_eq!(framer.next(b"NOOP\n", 100), Frame::More(0));
        assert!(framer.ends_with_bare_lf(b"NOOP\n"));
        assert_eq!(framer.give_up(b"NOOP\n"), Frame::Bad(5, LineError::BareLf));
        assert_eq!(framer.next(b"NOOP\r\n", 100), Frame::Line(4));
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            input in proptest::collection::vec(
                prop_oneof![Just(b'\r'), Just(b'\n'), Just(0), Just(b'a')], 0..200),
            piece in 1usize..40,
        ) {
            prop_assert_eq!(frames(&input, piece, 12), frames(&input, 1, 12));
        }
    }
}
