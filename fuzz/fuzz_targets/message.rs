//! Messages: pieces give the same structure as the whole, parts lie inside those around them, and
//! all of it can be shown and decoded (RFC 2045, RFC 9051 §7.5.2).
#![no_main]

use libfuzzer_sys::fuzz_target;
use mox::imap::encode;
use mox::mail::decode::{Decoder, Encoding};
use mox::mail::{Limits, Parsed, Parser, Part, PartKind, content, date, header, words};

fuzz_target!(|data: &[u8]| {
    let [step, small, message @ ..] = data else {
        return;
    };
    let limits = match small & 1 {
        0 => Limits::default(),
        _ => Limits {
            depth: 3,
            parts: 5,
            header_bytes: 100,
            addresses: 2,
            kept_bytes: 500,
        },
    };
    let whole = parse(message, message.len().max(1), limits.clone());
    assert_eq!(whole, parse(message, usize::from(*step) + 1, limits));
    check(message, &whole.root, 0, message.len() as u64);
    let mut out = Vec::new();
    encode::envelope(&whole.envelope, small & 2 != 0, &mut out);
    encode::structure(&whole.root, true, small & 2 != 0, &mut out);
    let header = &message[..whole.root.body_start as usize];
    for field in header::fields(header) {
        let value = field.unfolded();
        let _ = words::decode_words(&value);
        let _ = date::sent_day(&value);
    }
});

fn parse(message: &[u8], step: usize, limits: Limits) -> Parsed {
    let mut parser = Parser::new(limits);
    for piece in message.chunks(step) {
        parser.push(piece);
    }
    parser.finish()
}

fn check(message: &[u8], part: &Part, from: u64, to: u64) {
    assert!(from <= part.header_start && part.header_start <= part.body_start);
    assert!(part.body_start <= part.body_end && part.body_end <= to);
    let body = &message[part.body_start as usize..part.body_end as usize];
    let breaks = body.iter().filter(|byte| **byte == b'\n').count();
    let open = !body.is_empty() && !body.ends_with(b"\n");
    assert_eq!(part.lines, breaks as u64 + u64::from(open));
    match &part.kind {
        PartKind::Leaf => {
            let Some(encoding) = Encoding::of(&part.encoding) else {
                return;
            };
            let mut out = Vec::new();
            let mut decoder = Decoder::new(encoding);
            decoder.push(body, &mut out);
            decoder.finish(&mut out);
            let charset = words::charset(content::param(&part.params, "charset"));
            let _ = charset.decode(&out);
        }
        PartKind::Multipart(parts) => {
            let mut at = part.body_start;
            for inner in parts {
                check(message, inner, at, part.body_end);
                at = inner.body_end;
            }
        }
        PartKind::Message(inner) => {
            assert_eq!(inner.1.header_start, part.body_start);
            check(message, &inner.1, part.body_start, part.body_end);
        }
    }
}
