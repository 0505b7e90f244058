//! A table in the tree, how one got there, and what can be done to its text.

use super::EditError;
use super::text::{Lines, Splice, Text};
use crate::config::document::{Data, Entry, Form, Node, Span, Table};
use crate::config::reader::quote_key;

/// A table that can be changed.
pub(super) struct Place<'d, 't> {
    /// None for the root.
    entry: Option<&'d Entry<'t>>,
    pub(super) table: &'d Table<'t>,
    /// Whether it lies within an inline table.
    pub(super) inline: bool,
    /// The innermost inline table that it is or lies in.
    braces: Option<&'d Table<'t>>,
    /// The keys that lead here.
    pub(super) keys: Vec<String>,
}

impl<'d, 't> Place<'d, 't> {
    pub(super) fn root(table: &'d Table<'t>) -> Place<'d, 't> {
        Place {
            entry: None,
            table,
            inline: false,
            braces: None,
            keys: Vec::new(),
        }
    }

    /// The table of a key.
    pub(super) fn table(&self, key: &str) -> Result<Place<'d, 't>, EditError> {
        self.enter(self.entry(key)?)
    }

    /// The entry of a key.
    pub(super) fn entry(&self, key: &str) -> Result<&'d Entry<'t>, EditError> {
        let entry = self.table.entry(key);
        entry.ok_or_else(|| EditError::Missing(self.path_of(key)))
    }

    /// The table of an entry.
    pub(super) fn enter(&self, entry: &'d Entry<'t>) -> Result<Place<'d, 't>, EditError> {
        let Data::Table(table) = &entry.node.data else {
            return Err(EditError::Shape(self.path_of(&entry.key)));
        };
        let mut keys = self.keys.clone();
        keys.push(entry.key.to_string());
        Ok(Place {
            entry: Some(entry),
            table,
            inline: self.braces.is_some(),
            braces: match table.form {
                Form::Inline => Some(table),
                _ => self.braces,
            },
            keys,
        })
    }

    /// The path of a key, for people.
    pub(super) fn path_of(&self, key: &str) -> String {
        let keys = self.keys.iter().map(String::as_str).chain([key]);
        keys.map(quote_key).collect::<Vec<_>>().join(".")
    }

    /// Where the last statement of it and of all tables in it ends.
    pub(super) fn end(&self) -> usize {
        let own = self.entry.map_or(0, |e| e.statement.get().end);
        own.max(deep_end(self.table))
    }

    /// Where the last statement under its own header ends.
    pub(super) fn own_end(&self) -> usize {
        match (self.entry, self.table.form) {
            (Some(entry), Form::Header) => entry.statement.get().end.max(own_end(self.table)),
            (None, _) => own_end(self.table),
            _ => self.end(),
        }
    }

    /// Adds a key.
    pub(super) fn insert(
        &self,
        text: &Text<'_>,
        key: &str,
        value: &str,
    ) -> Result<Splice, EditError> {
        let statement = format!("{} = {value}", quote_key(key));
        let shape = || EditError::Shape(self.path_of(key));
        let entry = self.entry.ok_or_else(shape)?;
        match self.table.form {
            Form::Inline => Ok(insert_inline(entry.node.span.get(), self.table, &statement)),
            Form::Dotted => {
                let prefix = Span {
                    start: entry.statement.get().start,
                    end: entry.key_span.get().end,
                };
                let prefix = text.text.get(prefix.start..prefix.end).unwrap_or("");
                let statement = format!("{prefix}.{statement}");
                let end = own_end(self.table).max(entry.statement.get().end);
                match self.inline {
                    true => Ok(Splice {
                        span: Span { start: end, end },
                        text: format!(", {statement}"),
                    }),
                    false => {
                        let indent = text.indent(entry.statement.get().start);
                        Ok(text.insert_line(end, &format!("{indent}{statement}")))
                    }
                }
            }
            Form::Header => {
                let end = self.own_end();
                let indent = text.indent(end);
                Ok(text.insert_line(end, &format!("{indent}{statement}")))
            }
            Form::Implicit => {
                // Only its inner tables have headers: it gets its own above the first of them.
                let keys: Vec<String> = self.keys.iter().map(|k| quote_key(k)).collect();
                let lines = text.with_comments_above(text.lines(entry.statement.get()));
                let at = lines.start;
                Ok(Splice {
                    span: Span { start: at, end: at },
                    text: format!("[{}]{1}{statement}{1}{1}", keys.join("."), text.eol),
                })
            }
            Form::Root => Err(shape()),
        }
    }

    /// Adds several keys.
    pub(super) fn insert_all(
        &self,
        text: &Text<'_>,
        fields: &[(String, String)],
    ) -> Result<Vec<Splice>, EditError> {
        let together = match self.table.form {
            Form::Inline => self.table.entries.is_empty(),
            form => form == Form::Implicit,
        };
        if let ([(first, value), rest @ ..], true) = (fields, together) {
            // What comes first makes the place for the others.
            let mut splice = self.insert(text, first, value)?;
            let statement =
                |(key, value): &(String, String)| format!("{} = {value}", quote_key(key));
            match self.table.form {
                Form::Inline => {
                    let all: Vec<String> = fields.iter().map(statement).collect();
                    splice.text = format!("{{ {} }}", all.join(", "));
                }
                _ => {
                    let mut all = vec![splice.text.trim_end_matches(['\r', '\n']).to_owned()];
                    all.extend(rest.iter().map(statement));
                    splice.text = format!("{}{1}{1}", all.join(text.eol), text.eol);
                }
            }
            return Ok(vec![splice]);
        }
        let fields = fields.iter();
        fields
            .map(|(key, value)| self.insert(text, key, value))
            .collect()
    }

    /// Whether what is in it stands between braces.
    pub(super) fn is_braced(&self) -> bool {
        self.braces.is_some()
    }

    /// Whether the other stands between the same braces.
    pub(super) fn same_braces(&self, other: &Place<'d, 't>) -> bool {
        match (self.braces, other.braces) {
            (Some(a), Some(b)) => std::ptr::eq(a, b),
            _ => false,
        }
    }

    /// Takes entries out of the braces.
    pub(super) fn remove_inline(&self, text: &Text<'_>, entries: &[&Entry<'t>]) -> Vec<Splice> {
        // Dotted keys lie flat among their neighbours.
        let mut gone = Vec::new();
        for entry in entries {
            statements(entry, &mut gone);
        }
        let mut all = Vec::new();
        for entry in self.braces.iter().flat_map(|table| &table.entries) {
            statements(entry, &mut all);
        }
        all.sort();
        // Neighbours that go go together.
        let mut items: Vec<(Span, bool)> = Vec::new();
        for span in all {
            let goes = gone.contains(&span);
            match items.last_mut() {
                Some((last, true)) if goes => *last = last.to(span),
                _ => items.push((span, goes)),
            }
        }
        let spans: Vec<Span> = items.iter().map(|(span, _)| *span).collect();
        let going = items.iter().enumerate().filter(|(_, (_, goes))| *goes);
        going.map(|(i, _)| text.remove_item(&spans, i)).collect()
    }
}

fn insert_inline(braces: Span, table: &Table<'_>, statement: &str) -> Splice {
    let end = table.entries.iter().map(|e| entry_end(e)).max();
    match end {
        Some(end) => Splice {
            span: Span { start: end, end },
            text: format!(", {statement}"),
        },
        None => Splice {
            span: braces,
            text: format!("{{ {statement} }}"),
        },
    }
}

fn entry_end(entry: &Entry<'_>) -> usize {
    match &entry.node.data {
        Data::Table(table) if table.form == Form::Dotted => {
            own_end(table).max(entry.statement.get().end)
        }
        _ => entry.statement.get().end,
    }
}

/// Where the last statement of a table ends that is not under a header of its own.
fn own_end(table: &Table<'_>) -> usize {
    let own = table.entries.iter().filter(|e| !has_header(&e.node));
    own.map(entry_end).max().unwrap_or(0)
}

fn has_header(node: &Node<'_>) -> bool {
    match &node.data {
        Data::Table(table) => matches!(table.form, Form::Header | Form::Implicit),
        Data::Array(array) => array.of_headers,
        _ => false,
    }
}

/// The same with all tables in it.
fn deep_end(table: &Table<'_>) -> usize {
    let ends = table.entries.iter().map(|e| {
        let inner = match &e.node.data {
            Data::Table(table) => deep_end(table),
            Data::Array(array) if array.of_headers => array
                .items
                .iter()
                .map(|node| match &node.data {
                    Data::Table(table) => node.span.get().end.max(deep_end(table)),
                    _ => node.span.get().end,
                })
                .max()
                .unwrap_or(0),
            _ => 0,
        };
        e.statement.get().end.max(inner)
    });
    ends.max().unwrap_or(0)
}

/// The statements that define an entry without headers.
fn statements(entry: &Entry<'_>, into: &mut Vec<Span>) {
    match &entry.node.data {
        Data::Table(table) if table.form == Form::Dotted => {
            for inner in &table.entries {
                statements(inner, into);
            }
        }
        _ => into.push(entry.statement.get()),
    }
}

/// The lines that define an entry, headers and statements, wherever they are.
pub(super) fn lines_of(text: &Text<'_>, entry: &Entry<'_>) -> Vec<Lines> {
    let mut lines = Vec::new();
    collect(text, entry.statement.get(), &entry.node, &mut lines);
    lines
}

fn collect(text: &Text<'_>, statement: Span, node: &Node<'_>, into: &mut Vec<Lines>) {
    match &node.data {
        Data::Table(table) if table.form != Form::Inline => {
            if table.form == Form::Header {
                let whole = Span {
                    start: statement.start,
                    end: statement.end.max(own_end(table)),
                };
                into.push(Lines {
                    span: text.with_comments_above(text.lines(whole)),
                    section: true,
                });
            }
            for entry in &table.entries {
                // What is under this header went with it.
                if table.form != Form::Header || has_header(&entry.node) || is_dotted(&entry.node) {
                    collect(text, entry.statement.get(), &entry.node, into);
                }
            }
        }
        Data::Array(array) if array.of_headers => {
            for item in &array.items {
                collect(text, item.span.get(), item, into);
            }
        }
        _ => into.push(Lines {
            span: text.lines(statement),
            section: false,
        }),
    }
}

/// Dotted keys may have headers within.
fn is_dotted(node: &Node<'_>) -> bool {
    matches!(&node.data, Data::Table(table) if table.form == Form::Dotted)
}
