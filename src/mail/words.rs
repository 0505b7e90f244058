//! Text of headers and bodies as UTF-8: encoded words (RFC 2047) and charsets.

use encoding_rs::Encoding;

use super::decode::{self, Decoder};

/// The charset of a label as the web knows them; UTF-8, which ASCII is a part of, where there is none
/// or nobody knows it.
pub fn charset(label: Option<&[u8]>) -> &'static Encoding {
    label
        .and_then(Encoding::for_label)
        .unwrap_or(encoding_rs::UTF_8)
}

/// Header text with its encoded words decoded. Bytes that are no UTF-8 are taken as Windows-1252, as
/// old programs wrote them. What is no encoded word stays as it is.
pub fn decode_words(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    // Bytes of words in one charset are joined before they are decoded: some programs cut characters
    // in two.
    let mut joined: Option<(&'static Encoding, Vec<u8>)> = None;
    let mut rest = text;
    while !rest.is_empty() {
        let start = memchr::memmem::find(rest, b"=?").unwrap_or(rest.len());
        let (before, from) = rest.split_at(start);
        let Some(word) = encoded_word(from) else {
            flush(&mut joined, &mut out);
            let plain = (start + 2).min(rest.len());
            push_raw(&rest[..plain], &mut out);
            rest = &rest[plain..];
            continue;
        };
        // White space between encoded words is not shown (RFC 2047 §6.2).
        if joined.is_none() || !before.iter().all(u8::is_ascii_whitespace) {
            flush(&mut joined, &mut out);
            push_raw(before, &mut out);
        }
        match &mut joined {
            Some((charset, bytes)) if *charset == word.charset => bytes.extend(word.bytes),
            _ => {
                flush(&mut joined, &mut out);
                joined = Some((word.charset, word.bytes));
            }
        }
        rest = &from[word.len..];
    }
    flush(&mut joined, &mut out);
    out
}

struct Word {
    charset: &'static Encoding,
    bytes: Vec<u8>,
    len: usize,
}

/// `=?charset?encoding?text?=` at the start of the bytes. A language behind the charset
/// (RFC 2231 §5) is passed over.
fn encoded_word(text: &[u8]) -> Option<Word> {
    let mut parts = text.strip_prefix(b"=?")?.splitn(3, |byte| *byte == b'?');
    let (label, kind, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let end = memchr::memmem::find(&rest[..rest.len().min(MAX_WORD)], b"?=")?;
    let encoded = &rest[..end];
    let printable = |bytes: &[u8]| bytes.iter().all(|byte| matches!(byte, 0x21..=0x7e));
    // Longer than the 75 characters allowed is common; without end it is no word.
    if label.len() > 64 || !printable(label) || encoded.contains(&b'\n') {
        return None;
    }
    let label = label.split(|byte| *byte == b'*').next()?;
    let mut bytes = Vec::with_capacity(encoded.len());
    match kind {
        b"b" | b"B" => {
            let mut decoder = Decoder::new(decode::Encoding::Base64);
            decoder.push(encoded, &mut bytes);
            decoder.finish(&mut bytes);
        }
        b"q" | b"Q" => {
            let spaced: Vec<u8> = encoded
                .iter()
                .map(|byte| if *byte == b'_' { b' ' } else { *byte })
                .collect();
            let mut decoder = Decoder::new(decode::Encoding::QuotedPrintable);
            decoder.push(&spaced, &mut bytes);
            // Something behind them keeps spaces at the end from being padding.
            decoder.push(b".", &mut bytes);
            decoder.finish(&mut bytes);
            bytes.pop();
        }
        _ => return None,
    }
    let charset = Encoding::for_label(label)?;
    let len = 2 + label_len(text)? + 1 + kind.len() + 1 + end + 2;
    Some(Word {
        charset,
        bytes,
        len,
    })
}

/// The end of an encoded word is looked for so far: many beginnings without one must not cost the
/// square of their number.
const MAX_WORD: usize = 4_096;

/// Bytes of an encoded word's charset, its language included.
fn label_len(text: &[u8]) -> Option<usize> {
    text.get(2..)?.iter().position(|byte| *byte == b'?')
}

fn flush(joined: &mut Option<(&'static Encoding, Vec<u8>)>, out: &mut String) {
    if let Some((charset, bytes)) = joined.take() {
        out.push_str(&charset.decode_without_bom_handling(&bytes).0);
    }
}

fn push_raw(bytes: &[u8], out: &mut String) {
    match std::str::from_utf8(bytes) {
        Ok(text) => out.push_str(text),
        Err(_) => out.push_str(
            &encoding_rs::WINDOWS_1252
                .decode_without_bom_handling(bytes)
                .0,
        ),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_decoded() {
        for (text, decoded) in [
            ("plain text", "plain text"),
            ("=?UTF-8?Q?Gr=C3=BC=C3=9Fe_an?= alle", "Grüße an alle"),
            ("=?iso-8859-1?q?a?= =?ISO-8859-1?Q?b?=", "ab"),
            ("=?utf-8?B?ww==?= =?utf-8?B?rw==?=", "ï"),
            ("a =?utf-8?q?b_?= c", "a b  c"),
            ("=?utf-8*de?q?b?=", "b"),
            ("=?unknown-thing?q?b?= x", "=?unknown-thing?q?b?= x"),
            ("=?utf-8?x?b?=", "=?utf-8?x?b?="),
            ("=?utf-8?q?no end", "=?utf-8?q?no end"),
            ("caf\u{e9}", "café"),
        ] {
            assert_eq!(decode_words(text.as_bytes()), decoded, "{text:?}");
        }
        assert_eq!(decode_words(b"caf\xe9"), "café");
        let endless = format!("=?utf-8?q?{}?=", "a".repeat(MAX_WORD));
        assert_eq!(decode_words(endless.as_bytes()), endless);
    }

    #[test]
    fn unknown_charsets_are_utf8() {
        assert_eq!(charset(None), encoding_rs::UTF_8);
        assert_eq!(charset(Some(b"x-nobody")), encoding_rs::UTF_8);
        assert_eq!(charset(Some(b"Latin1")), encoding_rs::WINDOWS_1252);
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "(=\\?|\\?=|utf-8|\\?q\\?|\\?b\\?|[ a-z=_])*") {
            let _ = decode_words(text.as_bytes());
        }
    }
}
