//! Reads values out of the tree and records what is wrong with them, all of it, each at its place.

use std::cell::RefCell;
use std::fmt;
use std::fmt::Write as _;

use super::document::{Array, Data, Node, Span, Table};
use super::keys::{self, Key, Kind};
use crate::diag::{self, Diagnostic, Position, did_you_mean};

/// What is wrong so far.
pub(super) struct Problems {
    list: RefCell<Vec<Problem>>,
}

struct Problem {
    code: &'static str,
    path: String,
    span: Option<Span>,
    message: String,
    hint: String,
}

/// So many problems may have hints that are looked for.
const HINTS: usize = 100;

impl Problems {
    pub(super) fn new() -> Problems {
        Problems {
            list: RefCell::new(Vec::new()),
        }
    }

    pub(super) fn add(
        &self,
        code: &'static str,
        path: String,
        span: Option<Span>,
        message: String,
        hint: String,
    ) {
        self.list.borrow_mut().push(Problem {
            code,
            path,
            span,
            message,
            hint,
        });
    }

    /// Whether there are so many that nobody reads hints any more: finding what was meant takes a look at
    /// every name there is.
    pub(super) fn are_many(&self) -> bool {
        self.list.borrow().len() >= HINTS
    }

    /// With their places in the text, in its order.
    pub(super) fn finish(self, text: &str, file: &str) -> Vec<Diagnostic> {
        let list = self.list.into_inner();
        if list.is_empty() {
            return Vec::new();
        }
        let lines = Lines::new(text);
        let mut diagnostics: Vec<Diagnostic> = list
            .into_iter()
            .map(|problem| Diagnostic {
                code: problem.code.to_owned(),
                path: problem.path,
                position: problem.span.map(|span| lines.position(span, file)),
                message: problem.message,
                hint: problem.hint,
            })
            .collect();
        diag::sort(&mut diagnostics);
        diagnostics
    }
}

/// Where lines start.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Lines<'t> {
        let breaks = memchr::memchr_iter(b'\n', text.as_bytes()).map(|i| i + 1);
        Lines {
            text,
            starts: std::iter::once(0).chain(breaks).collect(),
        }
    }

    pub(super) fn position(&self, span: Span, file: &str) -> Position {
        let line = self.starts.partition_point(|&start| start <= span.start);
        let start = self
            .starts
            .get(line.saturating_sub(1))
            .copied()
            .unwrap_or(0);
        let end = self.starts.get(line).copied().unwrap_or(self.text.len());
        let chars = |from: usize, to: usize| {
            self.text
                .get(from..to)
                .map_or(0, |part| part.chars().count())
        };
        let shown = self.text.get(start..end).unwrap_or("");
        let shown = shown.trim_end_matches(['\n', '\r']);
        let shown_end = start + shown.len();
        Position {
            file: file.to_owned(),
            line,
            column: chars(start, span.start.min(shown_end)) + 1,
            width: chars(span.start, span.end.min(shown_end)).max(1),
            text: shown.to_owned(),
        }
    }
}

/// The path of a key; written only when something is wrong.
#[derive(Clone, Copy)]
pub(super) enum Path<'p> {
    Root,
    Key(&'p Path<'p>, &'p str),
    Item(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Key(Path::Root, key) => f.write_str(&quote_key(key)),
            Path::Key(parent, key) => write!(f, "{parent}.{}", quote_key(key)),
            Path::Item(parent, i) => write!(f, "{parent}[{i}]"),
        }
    }
}

/// A key as TOML has it: bare where that is possible.
pub(super) fn quote_key(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !key.is_empty() && key.chars().all(bare) {
        return key.to_owned();
    }
    quote(key)
}

/// A text as TOML has it, on one line.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A value to read, and where to complain.
#[derive(Clone, Copy)]
pub(super) struct At<'r, 'a> {
    pub(super) node: &'r Node<'a>,
    pub(super) path: &'r Path<'r>,
    /// What it should be.
    pub(super) kind: &'static Kind,
    /// What to underline: the value, or for names the key.
    pub(super) span: Span,
    pub(super) problems: &'r Problems,
}

impl<'r, 'a> At<'r, 'a> {
    /// Records a problem; none, for `return at.refuse(…)`.
    pub(super) fn refuse<T>(&self, code: &'static str, message: impl Into<String>) -> Option<T> {
        self.refuse_hint(code, message, "")
    }

    /// The same with a next step.
    pub(super) fn refuse_hint<T>(
        &self,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Option<T> {
        self.problems.add(
            code,
            self.path.to_string(),
            Some(self.span),
            message.into(),
            hint.into(),
        );
        None
    }

    fn wrong_type<T>(&self, wanted: &str) -> Option<T> {
        self.refuse(
            "key.type",
            format!(
                "{} must be {wanted}, not {}",
                self.path,
                self.node.data.describe()
            ),
        )
    }

    pub(super) fn text(self) -> Option<&'r str> {
        match &self.node.data {
            Data::String(text) => Some(text),
            _ => self.wrong_type("a text in quotes"),
        }
    }

    pub(super) fn boolean(self) -> Option<bool> {
        match self.node.data {
            Data::Boolean(value) => Some(value),
            _ => self.wrong_type("true or false"),
        }
    }

    /// A whole number within the bounds of its key; of a size or a duration, one that is not negative.
    pub(super) fn number<T: TryFrom<i64>>(self) -> Option<T> {
        let (least, most) = match *self.kind {
            Kind::Number { least, most } => (least, most),
            _ => (0, i64::MAX),
        };
        match self.node.data {
            Data::Integer(value) => match T::try_from(value) {
                Ok(number) if (least..=most).contains(&value) => Some(number),
                _ if most == i64::MAX => {
                    self.refuse("value", format!("{} must be at least {least}", self.path))
                }
                _ => self.refuse(
                    "value",
                    format!("{} must be between {least} and {most}", self.path),
                ),
            },
            _ => self.wrong_type("a whole number"),
        }
    }

    pub(super) fn array(self) -> Option<&'r Array<'a>> {
        match &self.node.data {
            Data::Array(array) => Some(array),
            _ => self.wrong_type("a list"),
        }
    }

    /// Each element of a list, as far as they can be read.
    pub(super) fn list<T>(self, read: impl Fn(At<'_, 'a>) -> Option<T>) -> Option<Vec<T>> {
        let array = self.array()?;
        let kind = match self.kind {
            Kind::List { of, .. } | Kind::Tables(of) => of,
            other => other,
        };
        let mut all = Vec::with_capacity(array.items.len());
        for (i, node) in array.items.iter().enumerate() {
            let path = Path::Item(self.path, i);
            let at = At {
                node,
                path: &path,
                kind,
                span: node.span.get(),
                problems: self.problems,
            };
            all.extend(read(at));
        }
        Some(all)
    }

    /// The keys of a table; close them with [`Fields::finish`].
    pub(super) fn fields(self) -> Option<Fields<'r, 'a>> {
        Some(Fields {
            table: self.table()?,
            keys: keys_of(self.kind),
            path: self.path,
            span: self.span,
            problems: self.problems,
            known: Vec::new(),
        })
    }

    /// A table whose keys are names.
    pub(super) fn table(self) -> Option<&'r Table<'a>> {
        match &self.node.data {
            Data::Table(table) => Some(table),
            _ => self.wrong_type("a table"),
        }
    }

    /// One key of a table whose other keys are read elsewhere.
    pub(super) fn inner<T>(
        self,
        key: &str,
        read: impl FnOnce(At<'_, 'a>) -> Option<T>,
    ) -> Option<T> {
        let Data::Table(table) = &self.node.data else {
            return None;
        };
        let node = table.get(key)?;
        let path = Path::Key(self.path, key);
        read(At {
            node,
            path: &path,
            kind: kind_of(keys_of(self.kind), key),
            span: node.span.get(),
            problems: self.problems,
        })
    }

    /// Each entry of a table whose keys are names; complaints about the entry underline its key.
    pub(super) fn each(self, mut read: impl FnMut(&'r str, At<'_, 'a>)) -> Option<()> {
        let kind = match self.kind {
            Kind::Named { of, .. } | Kind::Map { of, .. } => of,
            other => other,
        };
        for entry in &self.table()?.entries {
            let path = Path::Key(self.path, &entry.key);
            let at = At {
                node: &entry.node,
                path: &path,
                kind,
                span: entry.key_span.get(),
                problems: self.problems,
            };
            read(&entry.key, at);
        }
        Some(())
    }
}

/// Those that a table may have.
fn keys_of(kind: &'static Kind) -> &'static [Key] {
    match kind {
        Kind::Table(keys) => keys,
        _ => &[],
    }
}

/// What a key should be.
fn kind_of(keys: &'static [Key], name: &str) -> &'static Kind {
    let key = Key::find(keys, name);
    debug_assert!(key.is_some(), "config::keys does not have {name:?}");
    key.map_or(&Kind::Reserved, |key| &key.kind)
}

/// The keys of a table, taken one by one; what nobody took is unknown.
pub(super) struct Fields<'r, 'a> {
    pub(super) table: &'r Table<'a>,
    keys: &'static [Key],
    pub(super) path: &'r Path<'r>,
    pub(super) span: Span,
    pub(super) problems: &'r Problems,
    known: Vec<&'static str>,
}

impl<'r, 'a> Fields<'r, 'a> {
    /// Of a whole file.
    pub(super) fn root(table: &'r Table<'a>, problems: &'r Problems) -> Fields<'r, 'a> {
        Fields::of(table, keys::ROOT, problems)
    }

    /// The same of a file with these keys.
    pub(super) fn of(
        table: &'r Table<'a>,
        keys: &'static [Key],
        problems: &'r Problems,
    ) -> Fields<'r, 'a> {
        Fields {
            table,
            keys,
            path: &Path::Root,
            span: Span::default(),
            problems,
            known: Vec::new(),
        }
    }

    /// A key that may be missing.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(At<'_, 'a>) -> Option<T>,
    ) -> Option<T> {
        self.known.push(key);
        let kind = kind_of(self.keys, key);
        let node = self.table.get(key)?;
        let path = Path::Key(self.path, key);
        read(At {
            node,
            path: &path,
            kind,
            span: node.span.get(),
            problems: self.problems,
        })
    }

    /// A key with a default.
    pub(super) fn or<T>(
        &mut self,
        key: &'static str,
        default: T,
        read: impl FnOnce(At<'_, 'a>) -> Option<T>,
    ) -> T {
        self.optional(key, read).unwrap_or(default)
    }

    /// A key that must be there.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(At<'_, 'a>) -> Option<T>,
    ) -> Option<T> {
        if self.table.get(key).is_none() {
            self.known.push(key);
            kind_of(self.keys, key);
            let path = Path::Key(self.path, key);
            // The place is the table's; a table that is not there has none.
            let span = (self.span != Span::default()).then_some(self.span);
            let message = format!("{path} is missing");
            self.problems.add(
                "key.missing",
                path.to_string(),
                span,
                message,
                String::new(),
            );
            return None;
        }
        self.optional(key, read)
    }

    /// A key that a later version will read.
    pub(super) fn reserved(&mut self, key: &'static str, what: &str) {
        self.known.push(key);
        kind_of(self.keys, key);
        if let Some(entry) = self.table.entry(key) {
            let path = Path::Key(self.path, key).to_string();
            let message = format!("{path}: {what} not supported yet");
            let span = Some(entry.key_span.get());
            self.problems
                .add("not_supported", path, span, message, String::new());
        }
    }

    /// Complains about every key that was not taken.
    pub(super) fn finish(self) {
        debug_assert!(
            self.keys.iter().all(|key| self.known.contains(&key.name)),
            "not all keys of config::keys are read: {:?} are",
            self.known
        );
        self.finish_part();
    }

    /// The same for a file that may have only those keys that were taken.
    pub(super) fn finish_part(self) {
        for entry in &self.table.entries {
            let key: &str = &entry.key;
            if self.known.contains(&key) {
                continue;
            }
            let path = Path::Key(self.path, key).to_string();
            let hint = match did_you_mean(key, self.known.iter().copied()) {
                Some(meant) => format!("did you mean {meant}?"),
                None => {
                    let mut known = self.known.clone();
                    known.sort_unstable();
                    known.dedup();
                    format!("known here: {}", known.join(", "))
                }
            };
            let message = format!("{path} is not a known key");
            self.problems.add(
                "key.unknown",
                path,
                Some(entry.key_span.get()),
                message,
                hint,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn places_count_characters() {
        let text = "ä = 1\r\nölü = \"x\"\n";
        let lines = Lines::new(text);
        let start = text.find('"').expect("a quote");
        let at = lines.position(
            Span {
                start,
                end: start + 3,
            },
            "f",
        );
        assert_eq!(
            (at.line, at.column, at.width, at.text.as_str()),
            (2, 7, 3, "ölü = \"x\"")
        );
        let at = lines.position(
            Span {
                start: text.len(),
                end: text.len(),
            },
            "f",
        );
        assert_eq!((at.line, at.column, at.width), (3, 1, 1));
    }

    proptest! {
        #[test]
        fn quoted_texts_are_read_back(key in ".*", value in ".*") {
            let text = format!("{} = {}\n", quote_key(&key), quote(&value));
            let (root, errors) = super::super::document::parse(&text);
            prop_assert_eq!(errors, []);
            let found = root.get(&key).expect("the key");
            prop_assert!(matches!(&found.data, Data::String(s) if *s == value));
        }
    }
}
