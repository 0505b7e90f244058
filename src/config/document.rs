//! A TOML text as a tree in which everything knows its place in the bytes (TOML 1.1).
//!
//! The lexer and the grammar are `toml_parser`'s, which recovers from mistakes, so that all of them
//! are found; the tree is our own, because reading wants places, and editing wants to change bytes
//! of the text without writing the rest anew.

use std::borrow::Cow;
use std::collections::HashMap;

use toml_parser::parser::{Event, EventKind, RecursionGuard, ValidateWhitespace};
use toml_parser::{ErrorSink, Expected, ParseError, Source};

mod build;

/// Bytes `start..end` of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    /// From where this one starts to where the other ends.
    pub(crate) fn to(self, other: Span) -> Span {
        Span {
            start: self.start,
            end: other.end,
        }
    }
}

/// The same in the tree, where there are many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot(u32, u32);

impl Spot {
    /// In a form to count with.
    pub(crate) fn get(self) -> Span {
        Span {
            start: self.0 as usize,
            end: self.1 as usize,
        }
    }
}

impl From<Span> for Spot {
    /// The text is no longer than `MAX_LEN`.
    fn from(span: Span) -> Spot {
        let short = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Spot(short(span.start), short(span.end))
    }
}

impl From<toml_parser::Span> for Span {
    fn from(span: toml_parser::Span) -> Span {
        Span {
            start: span.start(),
            end: span.end(),
        }
    }
}

/// A value and its place. A table that a header defines is placed at the header.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) span: Spot,
    pub(crate) data: Data<'a>,
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Data<'a> {
    String(Cow<'a, str>),
    Integer(i64),
    Float,
    Boolean(bool),
    Datetime,
    Array(Array<'a>),
    Table(Table<'a>),
}

impl Data<'_> {
    /// With its article, for sentences.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Data::String(_) => "a text",
            Data::Integer(_) => "a number",
            Data::Float => "a fraction",
            Data::Boolean(_) => "true or false",
            Data::Datetime => "a date",
            Data::Array(_) => "a list",
            Data::Table(_) => "a table",
        }
    }
}

/// A list: in brackets, or one table for each `[[header]]`.
#[derive(Debug)]
pub(crate) struct Array<'a> {
    pub(crate) of_headers: bool,
    pub(crate) items: Vec<Node<'a>>,
}

/// How a table came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The whole file.
    Root,
    /// `[a.b]` or `[[a.b]]`.
    Header,
    /// The `a` of `[a.b]`.
    Implicit,
    /// The `a` of `a.b = 1`.
    Dotted,
    /// `{ … }`.
    Inline,
}

/// Keys and values in the order of the text.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    pub(crate) form: Form,
    pub(crate) entries: Vec<Entry<'a>>,
    /// Places in `entries`, once there are many.
    #[expect(
        clippy::box_collection,
        reason = "few tables have one, and all would be larger by it"
    )]
    index: Option<Box<HashMap<Cow<'a, str>, usize>>>,
}

/// A key and its value.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) key: Cow<'a, str>,
    /// This key alone, as the text first has it.
    pub(crate) key_span: Spot,
    /// For values `a.b.key = value` as a whole; for tables of headers the header.
    pub(crate) statement: Spot,
    pub(crate) node: Node<'a>,
}

/// From so many entries on, tables are looked up by hash.
const INDEX_FROM: usize = 12;

impl<'a> Table<'a> {
    fn new(form: Form) -> Table<'a> {
        Table {
            form,
            entries: Vec::new(),
            index: None,
        }
    }

    fn position(&self, key: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(key).copied(),
            None => self.entries.iter().position(|entry| entry.key == key),
        }
    }

    /// The entry of a key.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry<'a>> {
        self.entries.get(self.position(key)?)
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Node<'a>> {
        Some(&self.entry(key)?.node)
    }

    fn push(&mut self, entry: Entry<'a>) {
        if let Some(index) = &mut self.index {
            index.insert(entry.key.clone(), self.entries.len());
        } else if self.entries.len() + 1 >= INDEX_FROM {
            let all = self.entries.iter().chain([&entry]).enumerate();
            let index = all.map(|(i, e)| (e.key.clone(), i)).collect();
            self.index = Some(Box::new(index));
        } else if self.entries.is_empty() {
            // Many tables have one key.
            self.entries.reserve_exact(1);
        }
        self.entries.push(entry);
    }
}

/// What the text gets wrong as TOML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) span: Span,
    /// `duplicate key`, without the place.
    pub(crate) message: String,
}

/// Tables and arrays within each other: what nobody writes by hand.
const MAX_DEPTH: u32 = 40;

/// Bytes of a text: far more than any configuration, and what the tree can hold places of.
const MAX_LEN: usize = 1 << 30;

/// Reads a text. The tree has what could be understood; with errors it is only good for guesses.
pub(crate) fn parse(text: &str) -> (Table<'_>, Vec<SyntaxError>) {
    let whole = Span {
        start: 0,
        end: text.len(),
    };
    parse_parts(text, &[whole])
}

/// The same of some parts of a text, in their order: whole lines, each part from a header on or from the
/// beginning. Places are those in the text.
pub(crate) fn parse_parts<'a>(text: &'a str, parts: &[Span]) -> (Table<'a>, Vec<SyntaxError>) {
    if text.len() > MAX_LEN {
        let error = SyntaxError {
            span: Span::default(),
            message: format!("the file is larger than {MAX_LEN} bytes"),
        };
        return (Table::new(Form::Root), vec![error]);
    }
    let mut errors = Errors::default();
    let mut events: Vec<Event> = Vec::new();
    for part in parts {
        errors.offset = part.start;
        read_part(
            text.get(part.start..part.end).unwrap_or(""),
            part.start,
            &mut events,
            &mut errors,
        );
    }
    errors.offset = 0;
    let root = build::build(&events, Source::new(text), &mut errors);
    // One slip often looks like several; the first of a line is the one to mend.
    let mut errors = errors.list;
    errors.sort_by_key(|e| e.span.start);
    errors.dedup_by(|next, kept| {
        let between = text.as_bytes().get(kept.span.start..next.span.start);
        between.is_some_and(|bytes| !bytes.contains(&b'\n'))
    });
    (root, errors)
}

/// The events of a part that starts at a place in the text.
fn read_part(part: &str, at: usize, events: &mut Vec<Event>, errors: &mut Errors) {
    let source = Source::new(part);
    let tokens = source.lex().into_vec();
    events.reserve(tokens.len() / 2);
    // Space and comments say nothing about the tree.
    let mut keep = |event: Event| match event.kind() {
        EventKind::Whitespace | EventKind::Comment | EventKind::Newline => {}
        kind => {
            let (start, end) = (event.span().start() + at, event.span().end() + at);
            let span = toml_parser::Span::new_unchecked(start, end);
            events.push(Event::new_unchecked(kind, event.encoding(), span));
        }
    };
    let mut receiver = ValidateWhitespace::new(&mut keep, source);
    let mut receiver = RecursionGuard::new(&mut receiver, MAX_DEPTH);
    toml_parser::parser::parse_document(&tokens, &mut receiver, errors);
}

/// Collects one error a place.
#[derive(Default)]
struct Errors {
    list: Vec<SyntaxError>,
    /// Where the part starts in which the grammar's errors are.
    offset: usize,
}

impl Errors {
    fn push(&mut self, span: Span, message: String) {
        if self.list.len() < 100 && !self.list.iter().any(|e| e.span.start == span.start) {
            self.list.push(SyntaxError { span, message });
        }
    }
}

impl ErrorSink for Errors {
    fn report_error(&mut self, error: ParseError) {
        let mut message = error.description().to_owned();
        if let Some(expected) = error.expected() {
            let names: Vec<String> = expected.iter().filter_map(describe_expected).collect();
            message.push_str(", expected ");
            message.push_str(&if names.is_empty() {
                "nothing".to_owned()
            } else {
                names.join(" or ")
            });
        }
        let span = error.unexpected().or(error.context());
        let span = span.map(Span::from).unwrap_or_default();
        let span = Span {
            start: span.start + self.offset,
            end: span.end + self.offset,
        };
        self.push(span, message);
    }
}

fn describe_expected(expected: &Expected) -> Option<String> {
    match expected {
        Expected::Literal("\n") => Some("the end of the line".to_owned()),
        Expected::Literal(text) => Some(format!("`{text}`")),
        Expected::Description(text) => Some((*text).to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use toml_edit::{DocumentMut, Item, TableLike, Value};

    use super::*;

    /// The tree in one form, to compare with toml_edit's.
    fn ours(table: &Table<'_>) -> String {
        let fields: Vec<String> = table
            .entries
            .iter()
            .map(|e| format!("{:?}={}", e.key, ours_node(&e.node)))
            .collect();
        sorted(fields)
    }

    fn ours_node(node: &Node<'_>) -> String {
        match &node.data {
            Data::String(s) => format!("{s:?}"),
            Data::Integer(i) => i.to_string(),
            Data::Float => "float".into(),
            Data::Boolean(b) => b.to_string(),
            Data::Datetime => "date".into(),
            Data::Array(a) => a.items.iter().map(ours_node).collect::<Vec<_>>().join(","),
            Data::Table(t) => ours(t),
        }
    }

    fn theirs(table: &dyn TableLike) -> String {
        let fields: Vec<String> = table
            .iter()
            .map(|(k, item)| format!("{k:?}={}", theirs_item(item)))
            .collect();
        sorted(fields)
    }

    fn theirs_item(item: &Item) -> String {
        match item {
            Item::None => "none".into(),
            Item::Value(v) => theirs_value(v),
            Item::Table(t) => theirs(t),
            Item::ArrayOfTables(a) => a.iter().map(|t| theirs(t)).collect::<Vec<_>>().join(","),
        }
    }

    fn theirs_value(value: &Value) -> String {
        match value {
            Value::String(s) => format!("{:?}", s.value()),
            Value::Integer(i) => i.value().to_string(),
            Value::Float(_) => "float".into(),
            Value::Boolean(b) => b.value().to_string(),
            Value::Datetime(_) => "date".into(),
            Value::Array(a) => a.iter().map(theirs_value).collect::<Vec<_>>().join(","),
            Value::InlineTable(t) => theirs(t),
        }
    }

    fn sorted(mut fields: Vec<String>) -> String {
        fields.sort();
        format!("{{{}}}", fields.join(";"))
    }

    fn agree(text: &str) {
        let (root, errors) = parse(text);
        match text.parse::<DocumentMut>() {
            // toml_edit lets `b.c.d = 1` reach into `[[b]]`, which TOML forbids.
            Ok(_) if text.contains("[[") && !errors.is_empty() => {}
            Ok(doc) => {
                assert!(errors.is_empty(), "{text:?}: {errors:?}");
                assert_eq!(ours(&root), theirs(doc.as_table()), "{text:?}");
            }
            Err(e) => assert!(!errors.is_empty(), "{text:?} was taken: {e}"),
        }
    }

    #[test]
    fn places_are_those_of_the_text() {
        let text = "[a]\nb.c = \"x\" # why\n\n[a.d]\ne = [1, {f = true}]\n";
        let (root, errors) = parse(text);
        assert_eq!(errors, []);
        let at = |span: Span| &text[span.start..span.end];
        let a = root.entry("a").expect("a");
        assert_eq!(at(a.statement.get()), "[a]");
        let Data::Table(a) = &a.node.data else {
            panic!("no table")
        };
        let Data::Table(b) = &a.get("b").expect("b").data else {
            panic!("no table")
        };
        let c = b.entry("c").expect("c");
        assert_eq!(
            (
                at(c.key_span.get()),
                at(c.statement.get()),
                at(c.node.span.get())
            ),
            ("c", "b.c = \"x\"", "\"x\"")
        );
        let d = a.entry("d").expect("d");
        assert_eq!(
            (at(d.key_span.get()), at(d.statement.get())),
            ("d", "[a.d]")
        );
        let Data::Table(d) = &d.node.data else {
            panic!("no table")
        };
        let e = d.get("e").expect("e");
        assert_eq!(at(e.span.get()), "[1, {f = true}]");
        let Data::Array(e) = &e.data else {
            panic!("no list")
        };
        assert_eq!(at(e.items[1].span.get()), "{f = true}");
    }

    #[test]
    fn all_mistakes_are_found() {
        let (_, errors) = parse("a = \n[b\nc = 1\nc = 2\nd = [1,\n");
        assert!(errors.len() >= 3, "{errors:?}");
    }

    #[test]
    fn tables_are_defined_once() {
        for text in [
            "[a]\n[a]\n",
            "[a.b]\n[a]\nx=1\n",
            "[a.b]\n[a]\nb.x=1\n",
            "[a]\nb.c=1\n[a.b]\n",
            "[a]\nb.c=1\n[a.b.d]\n",
            "a.b=1\na.c=2\n",
            "a=1\n[a]\n",
            "a=1\na.b=2\n",
            "a={}\n[a.b]\n",
            "a={}\na.b=1\n",
            "a=[]\n[[a]]\n",
            "[[a]]\n[[a]]\nx=1\n[a.b]\n[[a]]\n[a.b]\n",
            "[[a]]\n[a]\n",
            "[a]\n[[a]]\n",
            "[a.b]\n[[a]]\n",
            "[[a.b]]\n[a]\nb.c=1\n",
            "a={b=1,b=2}\n",
            "a={b.c=1,b.d=2}\n",
            "a={b={c=1},b.d=2}\n",
            "\u{feff}a=1\n",
            "a=\"\\u00e9\"\n'b c'=0x1F\nd=1_000\ne=2020-01-01\nf=1.5\n",
            "a={\n b=1, # x\n}\n",
        ] {
            agree(text);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn it_reads_what_toml_edit_reads(
            lines in proptest::collection::vec(
                prop_oneof![
                    "\\[[ab](\\.[ab]){0,2}\\]",
                    "\\[\\[[ab](\\.[ab]){0,1}\\]\\]",
                    "[ab](\\.[ab]){0,2} = (1|\"x\"|\\{\\}|\\[1, 2\\]|\\{a = 1, b.a = 2\\})",
                    "#.{0,5}",
                ],
                0..8,
            )
        ) {
            agree(&lines.join("\n"));
        }

        #[test]
        fn nothing_panics(text in "[\\[\\]{}=.,#\"' \n\r\tab0-9é\u{0}]{0,60}") {
            let (_, errors) = parse(&text);
            for error in errors {
                prop_assert!(text.get(error.span.start..error.span.end).is_some());
            }
        }
    }
}
