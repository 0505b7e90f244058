//! Lists of `tag=value` as DKIM and DMARC records are written (RFC 6376 §3.2).

/// The tags in their order, names in lower case, white space around both gone. None where a piece has
/// no `=`, or a tag stands there twice.
pub(super) fn parse(text: &str) -> Option<Vec<(String, String)>> {
    let mut tags: Vec<(String, String)> = Vec::new();
    let text = text.trim();
    for piece in text.strip_suffix(';').unwrap_or(text).split(';') {
        let (name, value) = piece.split_once('=')?;
        let name = name.trim().to_ascii_lowercase();
        if name.is_empty() || tags.iter().any(|(known, _)| *known == name) {
            return None;
        }
        tags.push((name, value.trim().to_owned()));
    }
    Some(tags)
}

/// The value of a tag.
pub(super) fn get<'a>(tags: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = tags.iter().find(|(tag, _)| tag == name);
    found.map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read() {
        let tags = parse("v=DKIM1; k = rsa ;P=ab c=;").expect("tags");
        assert_eq!(get(&tags, "v"), Some("DKIM1"));
        assert_eq!(get(&tags, "k"), Some("rsa"));
        assert_eq!(get(&tags, "p"), Some("ab c="));
        assert_eq!(get(&tags, "t"), None);
        for bad in ["", "v=1; v=2", "v", "=x", "a=1;;b=2"] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text: String) {
            let _ = parse(&text);
        }
    }
}
