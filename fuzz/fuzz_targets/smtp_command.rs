//! SMTP lines, replies and content: bytes in pieces give what they give at once (RFC 5321 §4.1, §4.5.2).
#![no_main]

use libfuzzer_sys::fuzz_target;
use mox::smtp::{Command, Content, Frame, Framer, Transfer, parse_reply};

fuzz_target!(|data: &[u8]| {
    let [step, mode, input @ ..] = data else {
        return;
    };
    let step = usize::from(*step) + 1;
    let _ = parse_reply(input);
    let _ = Command::parse(input);
    assert_eq!(lines(input, input.len().max(1)), lines(input, step));
    let transfer = Transfer {
        dots: mode & 1 != 0,
        repair: mode & 2 != 0,
    };
    let whole = content(transfer, input, input.len().max(1));
    assert_eq!(whole, content(transfer, input, step));
});

/// Every line of the input: whether it was good, and which.
fn lines(input: &[u8], step: usize) -> Vec<Result<Vec<u8>, &'static str>> {
    let mut framer = Framer::new();
    let mut pieces = input.chunks(step);
    let (mut buffer, mut found) = (Vec::new(), Vec::new());
    loop {
        match framer.next(&buffer, 512) {
            Frame::Line(len) => {
                let line: Vec<u8> = buffer.drain(..len).collect();
                buffer.drain(..2);
                let _ = Command::parse(&line);
                found.push(Ok(line));
            }
            Frame::Bad(len, _) => {
                buffer.drain(..len);
                found.push(Err("bad"));
            }
            Frame::More(len) => {
                buffer.drain(..len);
                match pieces.next() {
                    Some(piece) => buffer.extend_from_slice(piece),
                    None => return found,
                }
            }
        }
    }
}

/// The content up to its end, whether there was one, and whether it is bad; none of bad content counts.
fn content(transfer: Transfer, input: &[u8], step: usize) -> (Vec<u8>, bool, bool) {
    let mut content = Content::new(transfer);
    let mut out = Vec::new();
    for mut piece in input.chunks(step) {
        while !piece.is_empty() {
            let step = content.step(piece);
            out.extend_from_slice(step.content);
            piece = &piece[step.consumed..];
            if step.done {
                return (
                    if content.is_bad() { vec![] } else { out },
                    true,
                    content.is_bad(),
                );
            }
        }
    }
    content.finish();
    (
        if content.is_bad() { vec![] } else { out },
        false,
        content.is_bad(),
    )
}
