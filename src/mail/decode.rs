//! Content-Transfer-Encodings taken away, piece by piece (RFC 2045 §6).

/// How a part's bytes are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// 7bit, 8bit, binary: not at all.
    Identity,
    /// RFC 2045 §6.8.
    Base64,
    /// RFC 2045 §6.7.
    QuotedPrintable,
}

impl Encoding {
    /// From the name in lower case; none for one that nobody knows.
    pub fn of(name: &str) -> Option<Encoding> {
        match name {
            "7bit" | "8bit" | "binary" => Some(Encoding::Identity),
            "base64" => Some(Encoding::Base64),
            "quoted-printable" => Some(Encoding::QuotedPrintable),
            _ => None,
        }
    }
}

/// Decodes a part that comes in pieces. Broken encodings give what can be made of them.
#[derive(Debug)]
pub struct Decoder(State);

#[derive(Debug)]
enum State {
    Identity,
    Base64 { bits: u32, chars: u8 },
    Quoted { after: Quoted, spaces: Vec<u8> },
}

/// What came before in quoted-printable.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Quoted {
    Text,
    Equals,
    /// `=` and one hexadecimal digit: its value and itself.
    Digit(u8, u8),
    /// `=` and spaces, which only a line break may follow.
    Spaces,
    /// `=` and CR.
    Cr,
}

/// Spaces that may turn out to be padding are held back; more than a line has room for are not.
const MAX_SPACES: usize = 1000;

impl Decoder {
    /// At a part's first byte.
    pub fn new(encoding: Encoding) -> Decoder {
        Decoder(match encoding {
            Encoding::Identity => State::Identity,
            Encoding::Base64 => State::Base64 { bits: 0, chars: 0 },
            Encoding::QuotedPrintable => State::Quoted {
                after: Quoted::Text,
                spaces: Vec::new(),
            },
        })
    }

    /// Decodes the next bytes to the end of `out`: at most as many as came, and a few held back.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match &mut self.0 {
            State::Identity => out.extend_from_slice(bytes),
            State::Base64 { bits, chars } => {
                out.reserve(bytes.len() / 4 * 3 + 3);
                for byte in bytes {
                    match BASE64[usize::from(*byte)] {
                        OTHER => {}
                        PADDING => base64_end(bits, chars, out),
                        value => {
                            *bits = *bits << 6 | u32::from(value);
                            *chars += 1;
                            if *chars == 4 {
                                out.extend_from_slice(&bits.to_be_bytes()[1..]);
                                (*bits, *chars) = (0, 0);
                            }
                        }
                    }
                }
            }
            State::Quoted { after, spaces } => {
                for byte in bytes {
                    *after = quoted(*after, *byte, spaces, out);
                }
            }
        }
    }

    /// The end of the part.
    pub fn finish(self, out: &mut Vec<u8>) {
        match self.0 {
            State::Identity => {}
            State::Base64 {
                mut bits,
                mut chars,
            } => base64_end(&mut bits, &mut chars, out),
            State::Quoted { after, .. } => {
                if let Quoted::Digit(_, digit) = after {
                    out.extend_from_slice(&[b'=', digit]);
                }
            }
        }
    }
}

/// Writes the bytes that are whole of the last group.
fn base64_end(bits: &mut u32, chars: &mut u8, out: &mut Vec<u8>) {
    match *chars {
        2 => out.push((*bits >> 4) as u8),
        3 => out.extend_from_slice(&[(*bits >> 10) as u8, (*bits >> 2) as u8]),
        _ => {}
    }
    (*bits, *chars) = (0, 0);
}

fn quoted(after: Quoted, byte: u8, spaces: &mut Vec<u8>, out: &mut Vec<u8>) -> Quoted {
    match (after, byte) {
        (Quoted::Text, b'=') => {
            out.append(spaces);
            Quoted::Equals
        }
        (Quoted::Text, b' ' | b'\t') => {
            spaces.push(byte);
            if spaces.len() > MAX_SPACES {
                out.append(spaces);
            }
            Quoted::Text
        }
        (Quoted::Text, b'\r' | b'\n') => {
            // White space at the end of a line was put there on the way (RFC 2045 §6.7, rule 3).
            spaces.clear();
            out.push(byte);
            Quoted::Text
        }
        (Quoted::Text, _) => {
            out.append(spaces);
            out.push(byte);
            Quoted::Text
        }
        (Quoted::Equals | Quoted::Spaces | Quoted::Cr, b'\n') => Quoted::Text,
        (Quoted::Equals | Quoted::Spaces, b'\r') => Quoted::Cr,
        (Quoted::Equals | Quoted::Spaces, b' ' | b'\t') => Quoted::Spaces,
        (Quoted::Equals, _) => match hex(byte) {
            Some(value) => Quoted::Digit(value, byte),
            None => {
                out.push(b'=');
                quoted(Quoted::Text, byte, spaces, out)
            }
        },
        (Quoted::Digit(high, digit), _) => match hex(byte) {
            Some(low) => {
                out.push(high << 4 | low);
                Quoted::Text
            }
            None => {
                out.extend_from_slice(&[b'=', digit]);
                quoted(Quoted::Text, byte, spaces, out)
            }
        },
        (Quoted::Spaces | Quoted::Cr, _) => {
            out.push(b'=');
            quoted(Quoted::Text, byte, spaces, out)
        }
    }
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|value| value as u8)
}

const OTHER: u8 = 0xff;
const PADDING: u8 = 0xfe;

/// What each byte means in base64.
const BASE64: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut table = [OTHER; 256];
    let mut i = 0;
    while i < alphabet.len() {
        table[alphabet[i] as usize] = i as u8;
        i += 1;
    }
    table[b'=' as usize] = PADDING;
    table
};

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use proptest::prelude::*;

    use super::*;

    fn decode(encoding: Encoding, pieces: &[&[u8]]) -> Vec<u8> {
        let mut decoder = Decoder::new(encoding);
        let mut out = Vec::new();
        for piece in pieces {
            decoder.push(piece, &mut out);
        }
        decoder.finish(&mut out);
        out
    }

    #[test]
    fn quoted_printable() {
        for (encoded, decoded) in [
            ("a=3Db=C3=a9", "a=bé"),
            ("soft=\r\nbreak= \t\nhere", "softbreakhere"),
            ("trailing  \r\nkept here", "trailing\r\nkept here"),
            ("broken=x=4", "broken=x=4"),
            ("broken= x", "broken=x"),
            ("end=", "end"),
        ] {
            let got = decode(Encoding::QuotedPrintable, &[encoded.as_bytes()]);
            assert_eq!(String::from_utf8_lossy(&got), decoded, "{encoded:?}");
        }
    }

    #[test]
    fn base64_passes_over_what_does_not_belong() {
        let got = decode(Encoding::Base64, &[b"aGVs\r\nbG8=\r\n!d29y", b"bGQ"]);
        assert_eq!(got, b"helloworld");
    }

    proptest! {
        #[test]
        fn base64_is_undone(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..200) {
            let text = base64::engine::general_purpose::STANDARD.encode(&bytes);
            let (a, b) = text.as_bytes().split_at(cut.min(text.len()));
            prop_assert_eq!(decode(Encoding::Base64, &[a, b]), bytes);
        }

        #[test]
        fn pieces_do_not_matter(text in "[=0-9A-F \t\r\nx]{0,60}", cut in 0usize..60) {
            for encoding in [Encoding::Base64, Encoding::QuotedPrintable] {
                let (a, b) = text.as_bytes().split_at(cut.min(text.len()));
                prop_assert_eq!(decode(encoding, &[a, b]), decode(encoding, &[text.as_bytes()]));
            }
        }
    }
}
