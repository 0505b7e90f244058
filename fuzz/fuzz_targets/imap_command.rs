//! IMAP from the socket's bytes to commands: framing does not depend on how bytes come in, and every
//! command, written again, is parsed to the same (RFC 9051 §9).
#![no_main]

use libfuzzer_sys::fuzz_target;
use mox::imap::compose;
use mox::imap::frame::{Frame, Framer, Limits};
use mox::imap::parse;

fuzz_target!(|data: &[u8]| {
    let [step, input @ ..] = data else { return };
    let whole = session(input, input.len().max(1));
    let pieces = session(input, usize::from(*step) + 1);
    assert_eq!(whole, pieces);
});

const LIMITS: Limits = Limits {
    command: 1_000,
    literal: 200,
    discard: 4_000,
};

/// What a session does with its input, given in pieces: the frames that count.
fn session(input: &[u8], step: usize) -> Vec<Frame> {
    let mut framer = Framer::new(LIMITS);
    let mut pieces = input.chunks(step);
    let (mut buffer, mut frames) = (Vec::new(), Vec::new());
    let (mut message, mut in_append, mut utf8) = (0, false, false);
    loop {
        let skipped = buffer.len().min(message);
        buffer.drain(..skipped);
        message -= skipped;
        let frame = match message {
            0 => framer.next(&buffer),
            _ => Frame::More,
        };
        match &frame {
            Frame::More => match pieces.next() {
                Some(piece) => buffer.extend_from_slice(piece),
                None => return frames,
            },
            Frame::Continue => frames.push(frame),
            Frame::Discard { len } => drop(buffer.drain(..*len)),
            Frame::Command { len } => {
                let bytes: Vec<u8> = buffer.drain(..*len).collect();
                if std::mem::take(&mut in_append) {
                    let _ = parse::append_next(&bytes, utf8);
                } else {
                    command(&bytes);
                }
                frames.push(frame);
            }
            Frame::Message { len, literal } => {
                let bytes: Vec<u8> = buffer.drain(..*len).collect();
                if std::mem::replace(&mut in_append, true) {
                    let _ = parse::append_next(&bytes, utf8);
                } else {
                    command(&bytes);
                }
                utf8 = literal.binary;
                message = usize::try_from(literal.size).unwrap_or(usize::MAX);
                frames.push(frame);
            }
            Frame::Refused { len, fatal, .. } => {
                buffer.drain(..*len);
                in_append = false;
                let fatal = *fatal;
                // How much was read off before depends on how it came.
                let Frame::Refused { tag, why, .. } = frame else {
                    return frames;
                };
                frames.push(Frame::Refused {
                    len: 0,
                    tag,
                    why,
                    fatal,
                });
                if fatal {
                    return frames;
                }
            }
        }
    }
}

fn command(bytes: &[u8]) {
    let Ok(parsed) = parse::command(bytes) else {
        return;
    };
    let mut written = Vec::new();
    compose::command(&parsed, &mut written);
    assert_eq!(parse::command(&written), Ok(parsed));
}
