//! Header fields: finding them, and taking the folds out (RFC 5322 §2.2).

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr3};

/// One header field in a header's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name without white space behind it; empty for lines that are no field.
    pub name: &'a [u8],
    /// What stands behind the colon, folds included, without the last line break.
    pub value: &'a [u8],
    /// Where the whole field is, its last line break included.
    pub range: Range<usize>,
}

impl Field<'_> {
    /// Whether the field has this name, in whatever case.
    pub fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The value in one line, without white space around it, still encoded.
    pub fn unfolded(&self) -> Cow<'_, [u8]> {
        unfold(self.value)
    }
}

/// The fields of a header one after the other, up to the empty line or the bytes' end.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    header: &'a [u8],
    at: usize,
}

/// The fields of a header. Lines may end with CRLF or LF.
pub fn fields(header: &[u8]) -> Fields<'_> {
    Fields { header, at: 0 }
}

/// The first field of a name.
pub fn find<'a>(header: &'a [u8], name: &[u8]) -> Option<Field<'a>> {
    fields(header).find(|field| field.is(name))
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let start = self.at;
        let rest = self.header.get(start..)?;
        if rest.is_empty() || rest.starts_with(b"\n") || rest.starts_with(b"\r\n") {
            return None;
        }
        let mut end = start;
        loop {
            end = match memchr(b'\n', &self.header[end..]) {
                Some(at) => end + at + 1,
                None => self.header.len(),
            };
            if !matches!(self.header.get(end), Some(b' ' | b'\t')) {
                break;
            }
        }
        self.at = end;
        let text = &self.header[start..end];
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let (name, value) = match memchr(b':', text) {
            Some(colon) => (text[..colon].trim_ascii_end(), &text[colon + 1..]),
            None => (&text[..0], text),
        };
        // A name is printable ASCII without spaces (RFC 5322 §2.2); anything else is a line that got here.
        let is_name = name.iter().all(|byte| matches!(byte, 0x21..=0x7e));
        Some(Field {
            name: if is_name { name } else { &text[..0] },
            value: if is_name { value } else { text },
            range: start..end,
        })
    }
}

/// A value in one line: line breaks and NULs taken out, white space around it too (RFC 5322 §2.2.3).
pub fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    let value = value.trim_ascii();
    if memchr3(b'\n', b'\0', b'\r', value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut out = Vec::with_capacity(value.len());
    for (i, byte) in value.iter().enumerate() {
        match byte {
            b'\n' | b'\0' => {}
            b'\r' if value.get(i + 1) == Some(&b'\n') => {}
            byte => out.push(*byte),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_are_found() {
        let header =
            b"From: a\r\nsubject : one\r\n two\n\tthree\r\nno field\r\nX:\r\n\r\nbody: x\r\n";
        let found: Vec<_> = fields(header)
            .map(|f| (f.name.to_vec(), f.unfolded().into_owned()))
            .collect();
        let pair = |a: &str, b: &str| (a.as_bytes().to_vec(), b.as_bytes().to_vec());
        assert_eq!(
            found,
            [
                pair("From", "a"),
                pair("subject", "one two\tthree"),
                pair("", "no field"),
                pair("X", ""),
            ]
        );
        assert_eq!(find(header, b"SUBJECT").unwrap().name, b"subject");
        assert!(find(header, b"body").is_none());
    }

    proptest! {
        #[test]
        fn fields_cover_the_header(header in "([a-z]{0,3}[: \\t\\r\\n\\x00]{0,2}){0,30}") {
            let mut at = 0;
            for field in fields(header.as_bytes()) {
                prop_assert_eq!(field.range.start, at);
                prop_assert!(field.range.end > at);
                at = field.range.end;
            }
        }
    }
}
