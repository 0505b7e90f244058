//! New values and tables as text.

use super::Value;
use crate::config::reader::{quote, quote_key};

/// Something new.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::config) enum New {
    /// As it stands in the file.
    Value(String),
    List(Vec<New>),
    Table(Vec<(String, New)>),
}

impl From<&Value> for New {
    fn from(value: &Value) -> New {
        match value {
            Value::Text(text) => New::quoted(text),
            Value::Number(number) => New::Value(number.to_string()),
            Value::Boolean(value) => New::Value(value.to_string()),
            Value::Texts(items) => New::List(items.iter().map(|item| New::quoted(item)).collect()),
        }
    }
}

impl New {
    pub(in crate::config) fn quoted(text: &str) -> New {
        New::Value(quote(text))
    }

    /// On one line.
    pub(in crate::config) fn inline(&self) -> String {
        match self {
            New::Value(text) => text.clone(),
            New::List(items) => {
                let items: Vec<String> = items.iter().map(New::inline).collect();
                format!("[{}]", items.join(", "))
            }
            New::Table(fields) if fields.is_empty() => "{}".to_owned(),
            New::Table(fields) => {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(key, new)| format!("{} = {}", quote_key(key), new.inline()))
                    .collect();
                format!("{{ {} }}", fields.join(", "))
            }
        }
    }

    /// A section for the table and one for each table in it that has anything, with line breaks.
    pub(super) fn sections(&self, header: &[String], eol: &str) -> String {
        let mut out = String::new();
        self.section(
            &header.iter().map(|k| quote_key(k)).collect::<Vec<_>>(),
            eol,
            &mut out,
        );
        out
    }

    fn section(&self, header: &[String], eol: &str, out: &mut String) {
        let New::Table(fields) = self else { return };
        let plain = fields
            .iter()
            .filter(|(_, new)| !matches!(new, New::Table(_)));
        let mut plain = plain.peekable();
        let tables = || {
            fields
                .iter()
                .filter(|(_, new)| matches!(new, New::Table(_)))
        };
        // A header that holds nothing but headers can go, but the outermost says what this is.
        if plain.peek().is_some() || tables().next().is_none() || header.len() <= 2 {
            out.push_str(&format!("[{}]{eol}", header.join(".")));
        }
        for (key, new) in plain {
            out.push_str(&format!("{} = {}{eol}", quote_key(key), new.inline()));
        }
        for (key, new) in tables() {
            if matches!(new, New::Table(fields) if fields.is_empty()) {
                continue;
            }
            let mut header = header.to_vec();
            header.push(quote_key(key));
            new.section(&header, eol, out);
        }
    }
}
