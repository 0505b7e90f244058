//! Records as lines of a zone file (RFC 1035 §5.1).

use super::facts::DomainDns;
use super::records::{Record, records};

/// Bytes of a character-string (RFC 1035 §3.3).
const STRING: usize = 255;

/// One record as a line, without its end.
pub fn line(record: &Record) -> String {
    let value = match record.kind {
        "TXT" => quoted(record.value.as_bytes()),
        _ => record.value.clone(),
    };
    format!("{} {} IN {} {value}", record.name, record.ttl, record.kind)
}

/// All records of a domain, to be pasted into its zone: what does not belong there is a comment.
pub fn zone_text(facts: &DomainDns) -> String {
    let mut text = format!("; Records for mail of {}.\n", facts.domain);
    for note in &facts.notes {
        text.push_str(&format!("; Note: {}.\n", one_line(note)));
    }
    let mut purpose = String::new();
    for record in records(facts) {
        if record.purpose != purpose {
            text.push_str(&format!("\n; {}\n", capital(&record.purpose)));
            purpose.clone_from(&record.purpose);
        }
        let comment = if record.paste { "" } else { "; " };
        text.push_str(&format!("{comment}{}\n", line(&record)));
    }
    text
}

/// A text as character-strings, each of at most 255 bytes.
fn quoted(text: &[u8]) -> String {
    let mut pieces: Vec<String> = text.chunks(STRING).map(piece).collect();
    if pieces.is_empty() {
        pieces.push("\"\"".to_owned());
    }
    pieces.join(" ")
}

fn piece(bytes: &[u8]) -> String {
    let mut quoted = String::from("\"");
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            b' '..=b'~' => quoted.push(char::from(byte)),
            other => quoted.push_str(&format!("\\{other:03}")),
        }
    }
    quoted.push('"');
    quoted
}

/// A comment ends with its line.
fn one_line(text: &str) -> String {
    text.replace(|c: char| c.is_control(), " ")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_come_in_pieces() {
        let record = Record {
            name: "k._domainkey.example.org.".to_owned(),
            kind: "TXT",
            value: "x".repeat(300),
            ttl: 3600,
            purpose: String::new(),
            required: true,
            paste: true,
        };
        let expected = format!(
            "k._domainkey.example.org. 3600 IN TXT \"{}\" \"{}\"",
            "x".repeat(255),
            "x".repeat(45)
        );
        assert_eq!(line(&record), expected);
    }

    #[test]
    fn quotes_are_escaped() {
        assert_eq!(quoted(b"a \"b\\ \xff"), r#""a \"b\\ \255""#);
        assert_eq!(quoted(b""), "\"\"");
    }
}
