//! Events of the grammar → the tree: which table a key belongs to, and that nothing is defined twice
//! (TOML 1.1, "Table", "Inline Table", "Array of Tables").

use std::borrow::Cow;

use super::{
    Array, Data, Entry, Errors, Event, EventKind, Form, Node, ParseError, Source, Span, Table,
};
use toml_parser::ErrorSink;
use toml_parser::decoder::{IntegerRadix, ScalarKind};

/// A key of a path.
struct Part<'a> {
    name: Cow<'a, str>,
    span: Span,
}

struct Builder<'e, 'a> {
    events: std::iter::Peekable<std::slice::Iter<'e, Event>>,
    source: Source<'a>,
    errors: &'e mut Errors,
}

/// Builds the tree of a whole file.
pub(super) fn build<'a>(events: &[Event], source: Source<'a>, errors: &mut Errors) -> Table<'a> {
    let mut builder = Builder {
        events: events.iter().peekable(),
        source,
        errors,
    };
    let mut root = Table::new(Form::Root);
    // Takes what stands under a header that makes no sense.
    let mut astray;
    let mut section = &mut root;
    while let Some(event) = builder.events.next() {
        match event.kind() {
            EventKind::StdTableOpen | EventKind::ArrayTableOpen => {
                let (path, span) = builder.header(event);
                let array = event.kind() == EventKind::ArrayTableOpen;
                section = match open(&mut root, path, span, array, builder.errors) {
                    Some(table) => table,
                    None => {
                        astray = Table::new(Form::Header);
                        &mut astray
                    }
                };
            }
            EventKind::SimpleKey => builder.key_value(event, section),
            _ => {}
        }
    }
    root
}

impl<'a> Builder<'_, 'a> {
    /// `[a.b]` after its bracket.
    fn header(&mut self, open: &Event) -> (Vec<Part<'a>>, Span) {
        let mut span = Span::from(open.span());
        let mut path = Vec::new();
        while let Some(event) = self.events.peek().copied() {
            match event.kind() {
                EventKind::SimpleKey => path.push(self.part(event)),
                EventKind::KeySep | EventKind::Error => {}
                EventKind::StdTableClose | EventKind::ArrayTableClose => {
                    span = span.to(event.span().into());
                    self.events.next();
                    break;
                }
                _ => break,
            }
            self.events.next();
        }
        (path, span)
    }

    /// `a.b = value` after its first key, into a table.
    fn key_value(&mut self, first: &Event, section: &mut Table<'a>) {
        let start = Span::from(first.span());
        let mut path = vec![self.part(first)];
        while let Some(event) = self.events.peek().copied() {
            match event.kind() {
                EventKind::SimpleKey => path.push(self.part(event)),
                EventKind::KeySep => {}
                _ => break,
            }
            self.events.next();
        }
        if self.events.peek().map(|e| e.kind()) != Some(EventKind::KeyValSep) {
            return;
        }
        self.events.next();
        let Some(node) = self.value() else { return };
        let Some(key) = path.pop() else { return };
        let statement = start.to(node.span.get());
        let Some(table) = descend(section, &path, statement, self.errors) else {
            return;
        };
        if table.entry(&key.name).is_some() {
            duplicate(self.errors, &key);
            return;
        }
        table.push(Entry {
            key: key.name,
            key_span: key.span.into(),
            statement: statement.into(),
            node,
        });
    }

    fn value(&mut self) -> Option<Node<'a>> {
        let event = self.events.peek().copied()?;
        let span = Span::from(event.span());
        let node = match event.kind() {
            EventKind::Scalar => {
                let data = self.scalar(event);
                Node {
                    span: span.into(),
                    data,
                }
            }
            EventKind::ArrayOpen => {
                self.events.next();
                return Some(self.array(span));
            }
            EventKind::InlineTableOpen => {
                self.events.next();
                return Some(self.inline_table(span));
            }
            _ => return None,
        };
        self.events.next();
        Some(node)
    }

    fn array(&mut self, open: Span) -> Node<'a> {
        let mut span = open;
        let mut items = Vec::new();
        while let Some(event) = self.events.peek().copied() {
            match event.kind() {
                EventKind::ArrayClose => {
                    span = open.to(event.span().into());
                    self.events.next();
                    break;
                }
                EventKind::Scalar | EventKind::ArrayOpen | EventKind::InlineTableOpen => {
                    if let Some(node) = self.value() {
                        span = open.to(node.span.get());
                        items.push(node);
                    }
                }
                _ => {
                    self.events.next();
                }
            }
        }
        let data = Data::Array(Array {
            of_headers: false,
            items,
        });
        Node {
            span: span.into(),
            data,
        }
    }

    fn inline_table(&mut self, open: Span) -> Node<'a> {
        let mut span = open;
        let mut table = Table::new(Form::Inline);
        while let Some(event) = self.events.next() {
            match event.kind() {
                EventKind::InlineTableClose => {
                    span = open.to(event.span().into());
                    break;
                }
                EventKind::SimpleKey => self.key_value(event, &mut table),
                _ => {}
            }
        }
        Node {
            span: span.into(),
            data: Data::Table(table),
        }
    }

    fn part(&mut self, event: &Event) -> Part<'a> {
        let mut name = Cow::Borrowed("");
        if let Some(raw) = self.source.get(event) {
            raw.decode_key(&mut name, self.errors);
        }
        Part {
            name,
            span: event.span().into(),
        }
    }

    fn scalar(&mut self, event: &Event) -> Data<'a> {
        let mut text = Cow::Borrowed("");
        let Some(raw) = self.source.get(event) else {
            return Data::Float;
        };
        match raw.decode_scalar(&mut text, self.errors) {
            ScalarKind::String => Data::String(text),
            ScalarKind::Boolean(value) => Data::Boolean(value),
            ScalarKind::DateTime => Data::Datetime,
            ScalarKind::Float => Data::Float,
            ScalarKind::Integer(radix) => self.integer(event, radix, &text),
        }
    }

    fn integer(&mut self, event: &Event, radix: IntegerRadix, text: &str) -> Data<'a> {
        i64::from_str_radix(text, radix.value()).map_or_else(
            |_| {
                self.errors.report_error(
                    ParseError::new("number out of range").with_unexpected(event.span()),
                );
                Data::Float
            },
            Data::Integer,
        )
    }
}

/// The table of a header, made if need be.
fn open<'t, 'a>(
    root: &'t mut Table<'a>,
    mut path: Vec<Part<'a>>,
    header: Span,
    array: bool,
    errors: &mut Errors,
) -> Option<&'t mut Table<'a>> {
    let key = path.pop()?;
    let mut table = root;
    for part in path {
        table = step(table, part, header, errors)?;
    }
    let fresh = || Node {
        span: header.into(),
        data: Data::Table(Table::new(Form::Header)),
    };
    let Some(i) = table.position(&key.name) else {
        let node = match array {
            false => fresh(),
            true => Node {
                span: header.into(),
                data: Data::Array(Array {
                    of_headers: true,
                    items: vec![fresh()],
                }),
            },
        };
        table.push(Entry {
            key: key.name,
            key_span: key.span.into(),
            statement: header.into(),
            node,
        });
        return last_table(table.entries.last_mut());
    };
    let entry = table.entries.get_mut(i)?;
    match &mut entry.node.data {
        Data::Table(old) if !array && old.form == Form::Implicit => {
            old.form = Form::Header;
            entry.key_span = key.span.into();
            entry.statement = header.into();
            entry.node.span = header.into();
        }
        Data::Array(old) if array && old.of_headers => old.items.push(fresh()),
        _ => {
            duplicate(errors, &key);
            return None;
        }
    }
    last_table(Some(entry))
}

/// The table that an entry is, or the last of its `[[…]]`.
fn last_table<'t, 'a>(entry: Option<&'t mut Entry<'a>>) -> Option<&'t mut Table<'a>> {
    match &mut entry?.node.data {
        Data::Table(table) => Some(table),
        Data::Array(array) => match &mut array.items.last_mut()?.data {
            Data::Table(table) => Some(table),
            _ => None,
        },
        _ => None,
    }
}

/// One key of a header's path before the last.
fn step<'t, 'a>(
    table: &'t mut Table<'a>,
    part: Part<'a>,
    header: Span,
    errors: &mut Errors,
) -> Option<&'t mut Table<'a>> {
    let i = match table.position(&part.name) {
        Some(i) => i,
        None => {
            table.push(Entry {
                key: part.name,
                key_span: part.span.into(),
                statement: header.into(),
                node: Node {
                    span: part.span.into(),
                    data: Data::Table(Table::new(Form::Implicit)),
                },
            });
            table.entries.len() - 1
        }
    };
    let entry = table.entries.get_mut(i)?;
    let extensible = match &entry.node.data {
        Data::Table(old) => old.form != Form::Inline,
        Data::Array(old) => old.of_headers,
        _ => false,
    };
    if !extensible {
        errors.push(
            part.span,
            format!(
                "{} cannot be made larger by a header",
                entry.node.data.describe()
            ),
        );
        return None;
    }
    last_table(Some(entry))
}

/// The table that the keys before the last of `a.b.c = 1` lead to.
fn descend<'t, 'a>(
    section: &'t mut Table<'a>,
    path: &[Part<'a>],
    statement: Span,
    errors: &mut Errors,
) -> Option<&'t mut Table<'a>> {
    let mut table = section;
    for part in path {
        let i = match table.position(&part.name) {
            Some(i) => i,
            None => {
                table.push(Entry {
                    key: part.name.clone(),
                    key_span: part.span.into(),
                    statement: statement.into(),
                    node: Node {
                        span: part.span.into(),
                        data: Data::Table(Table::new(Form::Dotted)),
                    },
                });
                table.entries.len() - 1
            }
        };
        let entry = table.entries.get_mut(i)?;
        match &mut entry.node.data {
            Data::Table(next) if matches!(next.form, Form::Dotted | Form::Implicit) => {
                next.form = Form::Dotted;
                table = next;
            }
            _ => {
                duplicate(errors, part);
                return None;
            }
        }
    }
    Some(table)
}

fn duplicate(errors: &mut Errors, key: &Part<'_>) {
    errors.push(key.span, format!("{:?} is defined twice", key.name));
}
