//! Where a key stands in a text: for whoever explains a decision. Nothing is kept for it; the text is
//! read again when somebody asks.

use std::path::Path;

use super::document::{self, Data, Table};
use super::reader::{Lines, quote_key};
use crate::diag::Position;

/// A key by its names from the top, `["domains", "example.org", "disabled"]`.
pub type KeyPath = Vec<String>;

/// The place of a key, or of the nearest one around it that the text has; none where the text has not
/// even its first.
pub fn locate(text: &str, file: &Path, key: &[String]) -> Option<Position> {
    let (root, _) = document::parse(text);
    let mut table: Option<&Table<'_>> = Some(&root);
    let mut span = None;
    for name in key {
        let Some(entry) = table.and_then(|table| table.entry(name)) else {
            break;
        };
        span = Some(entry.key_span.get());
        table = match &entry.node.data {
            Data::Table(table) => Some(table),
            _ => None,
        };
    }
    Some(Lines::new(text).position(span?, &file.to_string_lossy()))
}

/// A key as it would be written: `domains."example.org".disabled`.
pub fn written(key: &[String]) -> String {
    let names: Vec<String> = key.iter().map(|name| quote_key(name)).collect();
    names.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[server]\nhostname = \"h\"\n\n[domains.\"a.example\"]\n  disabled = true\n\
        dkim = { sign = [] }\n[domains.'b.example']\n";

    fn found(names: &[&str]) -> Option<(usize, usize, String)> {
        let key: KeyPath = names.iter().map(|name| (*name).to_owned()).collect();
        let at = locate(TEXT, Path::new("mox.toml"), &key)?;
        Some((at.line, at.column, at.text))
    }

    #[test]
    fn keys_are_found_and_else_what_is_around_them() {
        let at = |line, column, text: &str| Some((line, column, text.to_owned()));
        let disabled = at(5, 3, "  disabled = true");
        assert_eq!(found(&["domains", "a.example", "disabled"]), disabled);
        let sign = at(6, 10, "dkim = { sign = [] }");
        assert_eq!(found(&["domains", "a.example", "dkim", "sign"]), sign);
        let around = at(7, 10, "[domains.'b.example']");
        assert_eq!(found(&["domains", "b.example", "disabled"]), around);
        assert_eq!(
            found(&["server", "hostname", "x"]),
            at(2, 1, "hostname = \"h\"")
        );
        assert_eq!(found(&["accounts", "a"]), None);
        assert_eq!(found(&[]), None);
    }

    #[test]
    fn keys_are_written_as_toml_has_them() {
        let key = ["domains", "a.example", "disabled"].map(str::to_owned);
        assert_eq!(written(&key), "domains.\"a.example\".disabled");
    }
}
