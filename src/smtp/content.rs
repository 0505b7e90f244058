//! Message content as DATA and BDAT carry it (RFC 5321 §4.5.2, RFC 3030 §2), in pieces cut anywhere.
//!
//! Only CRLF.CRLF ends DATA. A CR or LF on its own, or a NUL, makes the whole message bad, but it is
//! read to its end all the same: whoever answers earlier, or sees an earlier end, lets two servers
//! disagree about where the message stops, which is what SMTP smuggling lives on.

use memchr::memchr;

/// How content is carried and what becomes of bare line feeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// DATA: dots are stuffed, CRLF.CRLF ends it. Otherwise BDAT: bytes as they are.
    pub dots: bool,
    /// Submission: a bare LF becomes CRLF. Otherwise it makes the message bad.
    pub repair: bool,
}

/// What the input started with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step<'a> {
    /// Bytes of the input that are dealt with; take them away.
    pub consumed: usize,
    /// Content that they are; may be empty.
    pub content: &'a [u8],
    /// The end of DATA was among them.
    pub done: bool,
}

/// Takes content out of a stream of bytes; slices of its input, as large as can be.
#[derive(Debug)]
pub struct Content {
    transfer: Transfer,
    state: State,
    /// The line under way began behind a repaired LF: a lone dot here does not end DATA.
    after_repair: bool,
    bad: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the first byte of a line.
    LineStart,
    /// Behind the dot a line began with; it belongs to no content.
    Dot,
    /// Behind such a dot and a CR.
    DotCr,
    /// Inside a line.
    Line,
    /// Inside a line, behind a CR that was content.
    LineCr,
    /// At a bare LF that becomes CRLF.
    Repair,
}

impl Content {
    /// At the first byte of a message.
    pub fn new(transfer: Transfer) -> Content {
        Content {
            transfer,
            state: State::LineStart,
            after_repair: false,
            bad: false,
        }
    }

    /// Whether the message has a bare CR, a bare LF (unless repaired), a lone dot beside a bare LF,
    /// or NUL so far (550 5.6.11). From then on there is no content.
    pub fn is_bad(&self) -> bool {
        self.bad
    }

    /// The end of the last chunk: a CR there stays without its LF.
    pub fn finish(&mut self) {
        self.bad |= self.state == State::LineCr;
    }

    /// The next step; call it until the input is used up or `done`.
    pub fn step<'a>(&mut self, input: &'a [u8]) -> Step<'a> {
        let mut consumed = 0;
        let done = loop {
            let Some(&byte) = input.get(consumed) else {
                break false;
            };
            match self.state {
                State::LineStart if self.transfer.dots && byte == b'.' => {
                    self.state = State::Dot;
                    consumed += 1;
                }
                State::Dot if byte == b'\r' => {
                    self.state = State::DotCr;
                    consumed += 1;
                }
                State::Dot if byte == b'\n' => {
                    // A lone dot with a bare LF: other servers could see an end here.
                    self.bad = true;
                    consumed += 1;
                    self.state = self.after_bare_lf();
                }
                State::DotCr if byte == b'\n' => {
                    consumed += 1;
                    self.state = State::LineStart;
                    if !std::mem::take(&mut self.after_repair) {
                        break true;
                    }
                    self.bad = true;
                }
                State::DotCr => {
                    self.bad = true;
                    self.state = State::Line;
                }
                State::Repair => {
                    self.state = self.after_bare_lf();
                    return Step {
                        consumed: consumed + 1,
                        content: if self.bad { b"" } else { b"\r\n" },
                        done: false,
                    };
                }
                State::LineStart | State::Dot | State::Line | State::LineCr => {
                    let len = self.run(&input[consumed..]);
                    if len == 0 {
                        // At a bare LF to repair.
                        continue;
                    }
                    let content = &input[consumed..consumed + len];
                    self.bad |= memchr(0, content).is_some();
                    return Step {
                        consumed: consumed + len,
                        content: if self.bad { b"" } else { content },
                        done: false,
                    };
                }
            }
        };
        Step {
            consumed,
            content: b"",
            done,
        }
    }

    /// Bytes of content that `input` (not empty, inside a line or at one whose first byte is
    /// content) starts with: up to a line that begins with a dot, a bare LF to repair, or the end.
    fn run(&mut self, input: &[u8]) -> usize {
        let mut line = 0;
        let mut after_cr = self.state == State::LineCr;
        if after_cr && input[0] != b'\n' {
            self.bad = true;
        }
        loop {
            let Some(at) = memchr(b'\n', &input[line..]) else {
                let rest = &input[line..];
                let cr = memchr(b'\r', rest);
                self.bad |= cr.is_some_and(|at| at + 1 < rest.len());
                self.state = match (rest.last(), cr) {
                    (None, _) => State::LineStart,
                    (Some(b'\r'), _) => State::LineCr,
                    (Some(_), _) => State::Line,
                };
                return input.len();
            };
            let lf = line + at;
            let crlf = match at {
                0 => after_cr,
                _ => input[lf - 1] == b'\r',
            };
            let text = if at > 0 && crlf { lf - 1 } else { lf };
            self.bad |= memchr(b'\r', &input[line..text]).is_some();
            after_cr = false;
            if crlf {
                self.after_repair = false;
            } else if self.transfer.repair {
                self.state = State::Repair;
                return lf;
            } else {
                self.bad = true;
            }
            line = lf + 1;
            if crlf && self.transfer.dots && input.get(line) == Some(&b'.') {
                self.state = State::LineStart;
                return line;
            }
            if !crlf && line == input.len() {
                self.state = State::Line;
                return line;
            }
        }
    }

    /// What follows a bare LF: a new line where it is repaired, else the same one.
    fn after_bare_lf(&mut self) -> State {
        self.after_repair = self.transfer.repair;
        if self.transfer.repair {
            State::LineStart
        } else {
            State::Line
        }
    }
}

/// Encodes content for DATA: doubles the dot a line begins with (RFC 5321 §4.5.2).
#[derive(Debug)]
pub struct Stuffer {
    /// The last two bytes, to know where a line begins.
    last: [u8; 2],
}

impl Default for Stuffer {
    fn default() -> Stuffer {
        Stuffer { last: *b"\r\n" }
    }
}

impl Stuffer {
    /// At the first byte of a message.
    pub fn new() -> Stuffer {
        Stuffer::default()
    }

    /// Appends the next bytes to `out`.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.last == *b"\r\n" && rest[0] == b'.' {
                out.push(b'.');
            }
            let len = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            let (line, after) = rest.split_at(len);
            out.extend_from_slice(line);
            self.last = match *line {
                [.., a, b] => [a, b],
                [b] => [self.last[1], b],
                [] => self.last,
            };
            rest = after;
        }
    }

    /// Appends the end: CRLF if the content has none, and the lone dot.
    pub fn finish(self, out: &mut Vec<u8>) {
        if self.last != *b"\r\n" {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b".\r\n");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RECEIVE: Transfer = Transfer {
        dots: true,
        repair: false,
    };
    const SUBMIT: Transfer = Transfer {
        dots: true,
        repair: true,
    };

    /// Content (if it was good), whether the end was found, and how many bytes are left behind it.
    fn read(transfer: Transfer, pieces: &[&[u8]]) -> (Option<Vec<u8>>, bool, usize) {
        let mut content = Content::new(transfer);
        let mut out = Vec::new();
        let mut left = 0;
        let mut done = false;
        for piece in pieces {
            let mut rest = *piece;
            while !done && !rest.is_empty() {
                let step = content.step(rest);
                assert!(step.consumed > 0 || step.done, "no progress");
                out.extend_from_slice(step.content);
                rest = &rest[step.consumed..];
                done = step.done;
            }
            left += rest.len();
        }
        content.finish();
        ((!content.is_bad()).then_some(out), done, left)
    }

    /// The same, byte by byte and slowly, straight from the rules.
    fn slow(transfer: Transfer, input: &[u8]) -> (Option<Vec<u8>>, bool, usize) {
        let mut out = Vec::new();
        let mut bad = false;
        let mut at = 0;
        let mut start = true;
        let mut repaired = false;
        while at < input.len() {
            let rest = &input[at..];
            if start && transfer.dots && rest[0] == b'.' {
                if rest.starts_with(b".\r\n") && !repaired {
                    return ((!bad).then_some(out), true, rest.len() - 3);
                }
                bad |= rest.starts_with(b".\r\n") || rest.starts_with(b".\n");
                at += 1;
                start = false;
                if at == input.len() {
                    break;
                }
                if input[at..] == *b"\r" {
                    return ((!bad).then_some(out), false, 0);
                }
                continue;
            }
            start = false;
            if rest.starts_with(b"\r\n") {
                out.extend_from_slice(b"\r\n");
                at += 2;
                start = true;
                repaired = false;
                continue;
            }
            match rest[0] {
                b'\n' if transfer.repair => {
                    out.extend_from_slice(b"\r\n");
                    start = true;
                    repaired = true;
                }
                b'\r' | b'\n' | 0 => bad = true,
                byte => out.push(byte),
            }
            at += 1;
        }
        ((!bad).then_some(out), false, 0)
    }

    #[test]
    fn dots_are_taken_away() {
        for (input, content) in [
            (&b".\r\n"[..], &b""[..]),
            (b"\r\n.\r\n", b"\r\n"),
            (b"a\r\n..b\r\n.c\r\n.\r\n", b"a\r\n.b\r\nc\r\n"),
            (b"..\r\n...\r\n.\r\n", b".\r\n..\r\n"),
            (b"a.\r\n.\r\n", b"a.\r\n"),
        ] {
            let expected = (Some(content.to_vec()), true, 0);
            assert_eq!(read(RECEIVE, &[input]), expected);
            let bytes: Vec<&[u8]> = input.chunks(1).collect();
            assert_eq!(read(RECEIVE, &bytes), expected, "{input:?} byte by byte");
        }
        assert_eq!(
            read(RECEIVE, &[b"a\r\n.\r\nQUIT\r\n"]),
            (Some(b"a\r\n".to_vec()), true, 6)
        );
    }

    #[test]
    fn nothing_else_ends_data_when_receiving() {
        for smuggled in [
            &b"a\n.\n"[..],
            b"a\n.\r\n",
            b"a\r\n.\n",
            b"a\r.\r",
            b"a\r\n.\r",
            b"a\r.\r\n",
            b"a\n\n.\r\n",
            b"a\r\n\x00.\r\n",
            b"a\r\n.\x00\r\n",
            b"a\r\n.\r\r\n",
        ] {
            let whole = [smuggled, b"MAIL FROM:<x@y>\r\n.\r\n"].concat();
            for transfer in [RECEIVE, SUBMIT] {
                let (content, done, left) = read(transfer, &[&whole]);
                assert_eq!((content, done, left), (None, true, 0), "{smuggled:?}");
            }
        }
    }

    #[test]
    fn submission_repairs_line_feeds() {
        assert_eq!(
            read(SUBMIT, &[b"a\n..b\nc\r\n\n.d\n\r\n.\r\n"]),
            (Some(b"a\r\n.b\r\nc\r\n\r\nd\r\n\r\n".to_vec()), true, 0)
        );
        assert_eq!(read(SUBMIT, &[b"a\rb\r\n.\r\n"]), (None, true, 0));
    }

    #[test]
    fn chunks_are_taken_as_they_are() {
        let chunks = Transfer {
            dots: false,
            repair: false,
        };
        assert_eq!(
            read(chunks, &[b".\r\n..\r", b"\n.\r\n", b"end"]),
            (Some(b".\r\n..\r\n.\r\nend".to_vec()), false, 0)
        );
        assert_eq!(read(chunks, &[b"a\r"]).0, None);
        assert_eq!(read(chunks, &[b"a\n"]).0, None);
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(
            prop_oneof![
                4 => Just(b"\r\n".to_vec()),
                3 => Just(b".".to_vec()),
                1 => Just(b"\r".to_vec()),
                1 => Just(b"\n".to_vec()),
                1 => Just(b"\0".to_vec()),
                6 => Just(b"a".to_vec()),
                1 => Just(b"\r\n.\r\n".to_vec()),
            ],
            0..30,
        )
        .prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn as_the_slow_one_in_any_pieces(
            input in bytes(), piece in 1usize..20, dots: bool, repair: bool,
        ) {
            let transfer = Transfer { dots, repair };
            let mut expected = slow(transfer, &input);
            // What hangs at the end of an unfinished DATA is nobody's business.
            let pieces: Vec<&[u8]> = input.chunks(piece).collect();
            let mut found = read(transfer, &pieces);
            if dots && !expected.1 {
                expected.0 = None;
                found.0 = None;
            }
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn stuffed_content_comes_out_again(
            lines in proptest::collection::vec("[.a]{0,4}", 0..10), piece in 1usize..9,
        ) {
            let content: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            let mut wire = Vec::new();
            let mut stuffer = Stuffer::new();
            for bytes in content.as_bytes().chunks(piece) {
                stuffer.push(bytes, &mut wire);
            }
            stuffer.finish(&mut wire);
            let pieces: Vec<&[u8]> = wire.chunks(piece).collect();
            prop_assert_eq!(read(RECEIVE, &pieces), (Some(content.into_bytes()), true, 0));
        }
    }
}
