use proptest::prelude::*;

use super::*;

const SMALL: Limits = Limits {
    command: 64,
    literal: 16,
    discard: 200,
};

/// What a session sees that gets `input` in pieces of `step` bytes, and sends no literal's bytes
/// too many: frames, and the bytes of commands.
fn run(limits: Limits, input: &[u8], step: usize) -> Vec<String> {
    let mut framer = Framer::new(limits);
    let (mut buf, mut seen) = (Vec::new(), Vec::new());
    let mut input = input.chunks(step);
    let mut skip = 0u64;
    loop {
        if skip > 0 {
            let n = skip.min(buf.len() as u64);
            buf.drain(..n as usize);
            skip -= n;
        }
        let frame = match skip {
            0 => framer.next(&buf),
            _ => Frame::More,
        };
        match frame {
            Frame::More => match input.next() {
                Some(piece) => buf.extend_from_slice(piece),
                None => return seen,
            },
            Frame::Continue => seen.push("+".to_owned()),
            Frame::Discard { len } => drop(buf.drain(..len)),
            Frame::Command { len } => {
                let bytes: Vec<u8> = buf.drain(..len).collect();
                seen.push(format!("C {}", bytes.escape_ascii()));
            }
            Frame::Message { len, literal } => {
                let bytes: Vec<u8> = buf.drain(..len).collect();
                seen.push(format!("M {} {literal:?}", bytes.escape_ascii()));
                skip = literal.size;
            }
            Frame::Refused {
                len,
                tag,
                why,
                fatal,
            } => {
                buf.drain(..len);
                seen.push(format!("R {tag:?} {why:?} {fatal}"));
                if fatal {
                    return seen;
                }
            }
        }
    }
}

/// The same in whatever pieces.
fn frames(input: &str) -> Vec<String> {
    let whole = run(SMALL, input.as_bytes(), input.len().max(1));
    for step in 1..8 {
        assert_eq!(run(SMALL, input.as_bytes(), step), whole, "step {step}");
    }
    whole
}

#[test]
fn commands_end_at_line_breaks() {
    assert_eq!(
        frames("a NOOP\r\nb NOOP\nc NO"),
        ["C a NOOP\\r\\n", "C b NOOP\\n"]
    );
}

#[test]
fn literals_belong_to_the_command() {
    assert_eq!(
        frames("a LOGIN {2}\r\n\r\n {3+}\r\nabc\r\n"),
        ["+", "C a LOGIN {2}\\r\\n\\r\\n {3+}\\r\\nabc\\r\\n"]
    );
    assert_eq!(frames("a X {0+}\r\n\r\n"), ["C a X {0+}\\r\\n\\r\\n"]);
    assert_eq!(frames("a X {}\r\n"), ["C a X {}\\r\\n"]);
}

#[test]
fn messages_are_handed_over() {
    let literal = |size, sync, binary| format!("{:?}", Literal { size, sync, binary });
    assert_eq!(
        frames("a append x {3}\r\nabc\r\nb NOOP\r\n"),
        [
            format!("M a append x {{3}}\\r\\n {}", literal(3, true, false)),
            "C \\r\\n".to_owned(),
            "C b NOOP\\r\\n".to_owned(),
        ]
    );
    assert_eq!(
        frames("a APPEND {1}\r\nx UTF8 (~{3+}\r\nabc)\r\n"),
        [
            "+".to_owned(),
            format!(
                "M a APPEND {{1}}\\r\\nx UTF8 (~{{3+}}\\r\\n {}",
                literal(3, false, true)
            ),
            "C )\\r\\n".to_owned(),
        ]
    );
    // MULTIAPPEND (RFC 3502).
    assert_eq!(frames("a APPEND x {1+}\r\na (\\Seen) {100+}\r\n").len(), 2);
    // The mailbox is no message.
    assert_eq!(frames("a APPEND {1}\r\n"), ["+"]);
}

#[test]
fn what_is_too_large_is_refused() {
    // Synchronising: nothing follows.
    assert_eq!(
        frames("a LOGIN {17}\r\nb NOOP\r\n"),
        ["R Some(\"a\") LiteralTooBig false", "C b NOOP\\r\\n"]
    );
    // Not: it is read off, and the rest of the command.
    let literal = "x".repeat(90);
    assert_eq!(
        frames(&format!(
            "a LOGIN {{90+}}\r\n{literal} {{5+}}\r\n12345\r\nb NOOP\r\n"
        )),
        ["R Some(\"a\") LiteralTooBig false", "C b NOOP\\r\\n"]
    );
    assert_eq!(
        frames("a X {1+}\r\nx {1000+}\r\n"),
        ["R Some(\"a\") LiteralTooBig true"]
    );
    assert_eq!(
        frames("a X {99999999999999999999999}\r\n"),
        ["R Some(\"a\") LiteralTooBig true"]
    );
    let long = "x".repeat(100);
    assert_eq!(
        frames(&format!("a {long}\r\nb NOOP\r\n")),
        ["R Some(\"a\") CommandTooLong false", "C b NOOP\\r\\n"]
    );
    let endless = "x".repeat(1_000);
    assert_eq!(
        frames(&format!("a {endless}")),
        ["R Some(\"a\") CommandTooLong true"]
    );
}

#[test]
fn lines_are_found() {
    assert_eq!(line(b"DONE\r\nx", 10), Line::Found { text: 4, len: 6 });
    assert_eq!(line(b"DONE", 10), Line::More);
    assert_eq!(line(b"DONEDONEDONE\r\n", 10), Line::TooLong);
}

proptest! {
    /// Cut anywhere, the same; never more than the limits in the buffer.
    #[test]
    fn pieces_do_not_matter(
        parts in proptest::collection::vec(
            prop_oneof![
                Just("a LOGIN "), Just("\r\n"), Just("\n"), Just("{3}"), Just("{12+}"), Just("{30+}"),
                Just("{20}\r\n"), Just("~{2+}\r\n"), Just("b APPEND x "), Just("xxxxxxxxxx"), Just(" "),
                Just("{300+}\r\n"), Just("UTF8 ("), Just(")"),
            ],
            0..40,
        ),
        step in 1usize..20,
    ) {
        let input = parts.concat();
        let whole = run(SMALL, input.as_bytes(), 1);
        prop_assert_eq!(run(SMALL, input.as_bytes(), step), whole);
    }

    #[test]
    fn any_bytes_are_followed(input in proptest::collection::vec(any::<u8>(), 0..300)) {
        run(SMALL, &input, 7);
    }
}
