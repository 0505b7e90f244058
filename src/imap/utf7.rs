//! Mailbox names of IMAP4rev1: modified UTF-7 (RFC 3501 §5.1.3).
//!
//! Printable ASCII stands for itself, `&` is `&-`, all else is UTF-16 in base64 between `&` and `-`,
//! with `,` for `/` and without padding.

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// The name as a client of IMAP4rev1 reads it: printable ASCII.
pub fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut shifted: Vec<u8> = Vec::new();
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            unshift(&mut shifted, &mut out);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                shifted.extend_from_slice(&unit.to_be_bytes());
            }
        }
    }
    unshift(&mut shifted, &mut out);
    out
}

fn unshift(shifted: &mut Vec<u8>, out: &mut String) {
    if !shifted.is_empty() {
        out.push('&');
        ENGINE.encode_string(&*shifted, out);
        out.push('-');
        shifted.clear();
    }
}

/// The name meant by what a client wrote; none if it is not modified UTF-7. Base64 of characters that
/// should stand for themselves is understood all the same.
pub fn decode(bytes: &[u8]) -> Option<String> {
    let mut name = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [byte, after @ ..] = rest {
        rest = after;
        match byte {
            b'&' => {
                let end = rest.iter().position(|byte| *byte == b'-')?;
                let (shifted, after) = rest.split_at(end);
                rest = &after[1..];
                if shifted.is_empty() {
                    name.push('&');
                    continue;
                }
                let utf16 = ENGINE.decode(shifted).ok()?;
                let (units, odd) = utf16.as_chunks::<2>();
                if !odd.is_empty() {
                    return None;
                }
                let units = units.iter().map(|unit| u16::from_be_bytes(*unit));
                for c in char::decode_utf16(units) {
                    name.push(c.ok()?);
                }
            }
            b' '..=b'~' => name.push(char::from(*byte)),
            _ => return None,
        }
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn examples() {
        for (name, wire) in [
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("A&B", "A&-B"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("😀", "&2D3eAA-"),
            ("", ""),
        ] {
            assert_eq!(encode(name), wire);
            assert_eq!(decode(wire.as_bytes()).as_deref(), Some(name));
        }
    }

    #[test]
    fn malformed_names_are_refused() {
        for wire in ["&", "&U,B", "&U-", "&2D0-", "a\u{e9}", "&AAB-", "&U,BT=-"] {
            assert_eq!(decode(wire.as_bytes()), None, "{wire:?}");
        }
    }

    proptest! {
        #[test]
        fn decode_undoes_encode(name in ".*") {
            let wire = encode(&name);
            prop_assert!(wire.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            prop_assert_eq!(decode(wire.as_bytes()), Some(name));
        }

        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = decode(&bytes);
        }
    }
}
