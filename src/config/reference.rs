//! The reference of mox.toml, made from [`keys`](super::keys): as a file with every key
//! (`mox config describe`), as a list, and as a JSON Schema for editors (`mox config schema`).

use serde::Serialize;

use super::keys::{Key, Kind, Presence, ROOT, SUBMISSION};
use super::reader::quote_key;
use super::units::format_size;

pub use schema::schema;

mod schema;

/// Longest line of the file.
const WIDTH: usize = 98;

const HEAD: &str = "\
# mox.toml: every key, with what it means and what holds where it is not there.
#
# A \"#\" right before a key or a header switches it off: take it away to use it. The value that
# stands there is the default, or an example where the default depends on something else. The
# names in the headers of listeners, domains, accounts, aliases and selectors are examples.
#
# Sizes are bytes, or text with a unit: \"100MB\" (B, KB, MB, GB, TB; steps of 1,024). Durations are
# seconds, or text with units: \"1h30m\" (ms, s, m, h, d). Relative paths start at this file's folder.
";

const SUBMISSION_HEAD: &str = "\
# sendmail.toml: where `mox sendmail` hands messages in, and how it logs in there. It is looked for
# in .config/mox in the home folder, then in /etc/mox, unless $MOX_SENDMAIL_CONF or
# --sendmail-config names it. There are secrets in it: nobody else should be able to read it.
#
# A \"#\" right before a key switches it off: take it away to use it. The value that stands there is
# the default, or an example. Relative paths start at this file's folder.
";

/// A key in the list of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its path; `NAME` where a name of one's choice stands, `[]` for each of a list of tables.
    pub key: String,
    /// Of a table its header, `[listeners.NAME]` or `[[routes]]`; empty for other keys.
    pub header: String,
    /// What its values are: `a whole number from 1 to 65535`.
    pub kind: String,
    /// Whether it must be there.
    pub required: bool,
    /// The value that holds otherwise, as in the file; empty where that depends on something else.
    pub default: String,
    /// What it means.
    pub description: String,
}

/// A valid mox.toml that has every key, most of them switched off, each with its description.
pub fn describe() -> String {
    let mut out = HEAD.to_owned();
    table(ROOT, &mut Vec::new(), true, &mut out);
    out
}

/// The same for sendmail.toml.
pub fn describe_submission() -> String {
    let mut out = SUBMISSION_HEAD.to_owned();
    table(SUBMISSION, &mut Vec::new(), true, &mut out);
    out
}

/// Every key, in the order of the file.
pub fn list() -> Vec<Row> {
    let mut rows = Vec::new();
    list_table(ROOT, "", &mut rows);
    rows
}

/// What values are, in words.
pub(super) fn kind_text(kind: &Kind) -> String {
    match kind {
        Kind::Boolean => "true or false".to_owned(),
        Kind::Number { least, most } => format!("a whole number from {least} to {most}"),
        Kind::Size { least: 0 } => "a size".to_owned(),
        Kind::Size { least } => format!("a size, at least {}", format_size(*least)),
        Kind::Duration { zero: true } => "a duration".to_owned(),
        Kind::Duration { zero: false } => "a duration, more than 0".to_owned(),
        Kind::Word(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
            match words.as_slice() {
                [one] => one.clone(),
                all => format!("one of {}", all.join(", ")),
            }
        }
        Kind::Text(form) => form.what.to_owned(),
        Kind::List { of, least, most } => {
            let count = match (*least, *most) {
                (0, usize::MAX) => String::new(),
                (least, usize::MAX) => format!(" of at least {least}"),
                (_, most) => format!(" of {most}"),
            };
            format!("a list{count}: {}", kind_text(of))
        }
        Kind::Table(keys) => {
            let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
            format!("a table with {}", names.join(", "))
        }
        Kind::Named { .. } => "tables by name".to_owned(),
        Kind::Map { least, of } => {
            let least = match least {
                0 => String::new(),
                least => format!(" with at least {least} key"),
            };
            format!("a table{least}: {}", kind_text(of))
        }
        Kind::Tables(_) => "a list of tables".to_owned(),
        Kind::Reserved => "not supported yet".to_owned(),
    }
}

/// The keys of a table: those with values, then tables with headers of their own.
fn table(keys: &'static [Key], path: &mut Vec<String>, on: bool, out: &mut String) {
    let keys = || keys.iter().filter(|key| key.is_read());
    for key in keys().filter(|key| !has_header(&key.kind)) {
        out.push('\n');
        comment(&key.text(), out);
        let kind = kind_text(&key.kind);
        let mut about = kind[..1].to_uppercase() + &kind[1..];
        match key.presence {
            Presence::Required(_) => about.push_str(". Required."),
            _ => about.push('.'),
        }
        comment(&about, out);
        if let Kind::List { of, .. } = key.kind
            && let Kind::Table(inner) = of
        {
            for key in *inner {
                comment(&format!("{}: {}", key.name, key.text()), out);
            }
        }
        let (off, value) = match key.presence {
            Presence::Required(value) => (!on, value),
            Presence::Default(value) | Presence::Optional(value) => (true, value),
            Presence::Usual => (!on, "{}"),
        };
        let off = if off { "#" } else { "" };
        out.push_str(&format!("{off}{} = {value}\n", quote_key(key.name)));
    }
    for key in keys().filter(|key| has_header(&key.kind)) {
        let on = on && matches!(key.presence, Presence::Required(_) | Presence::Usual);
        path.push(quote_key(key.name));
        let (inner, depth) = match &key.kind {
            Kind::Named { name, of, .. } => {
                path.push(quote_key(name));
                (*of, 2)
            }
            Kind::Tables(of) => (*of, 1),
            other => (other, 1),
        };
        out.push('\n');
        comment(&key.text(), out);
        let off = if on { "" } else { "#" };
        let name = path.join(".");
        match key.kind {
            Kind::Tables(_) => out.push_str(&format!("{off}[[{name}]]\n")),
            _ => out.push_str(&format!("{off}[{name}]\n")),
        }
        if let Kind::Table(inner) = inner {
            table(inner, path, on, out);
        }
        path.truncate(path.len() - depth);
    }
}

fn has_header(kind: &Kind) -> bool {
    matches!(kind, Kind::Table(_) | Kind::Named { .. } | Kind::Tables(_))
}

/// Lines that begin with `# `.
fn comment(text: &str, out: &mut String) {
    let mut width = 0;
    for word in text.split_whitespace() {
        if width > 0 && width + 1 + word.chars().count() > WIDTH {
            out.push('\n');
            width = 0;
        }
        out.push_str(if width == 0 { "# " } else { " " });
        out.push_str(word);
        width += 1 + word.chars().count();
    }
    if width > 0 {
        out.push('\n');
    }
}

fn list_table(keys: &'static [Key], path: &str, rows: &mut Vec<Row>) {
    for key in keys.iter().filter(|key| key.is_read()) {
        let name = match path.is_empty() {
            true => key.name.to_owned(),
            false => format!("{path}.{}", key.name),
        };
        let default = match key.presence {
            Presence::Default(value) => value,
            _ => "",
        };
        let header = match &key.kind {
            Kind::Table(_) => format!("[{name}]"),
            Kind::Named { .. } => format!("[{name}.NAME]"),
            Kind::Tables(_) => format!("[[{name}]]"),
            _ => String::new(),
        };
        rows.push(Row {
            key: name.clone(),
            header,
            kind: kind_text(&key.kind),
            required: matches!(key.presence, Presence::Required(_)),
            default: default.to_owned(),
            description: key.text(),
        });
        let (inner, name) = match &key.kind {
            Kind::Named { of, .. } => (*of, format!("{name}.NAME")),
            Kind::Tables(of) | Kind::List { of, .. } => (*of, format!("{name}[]")),
            other => (other, name),
        };
        if let Kind::Table(inner) = inner {
            list_table(inner, &name, rows);
        }
    }
}

#[cfg(test)]
mod tests;
