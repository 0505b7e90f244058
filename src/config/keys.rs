//! Every key of mox.toml: what it means, its type, bounds and default. The reader knows keys by this
//! list alone, and the reference and the schema are made from it. The texts are the doc comments of
//! [`model`](super::model): a key whose field has none does not compile.

pub use submission::SUBMISSION;
pub use tables::ROOT;

mod submission;
mod tables;

/// A key of a table.
#[derive(Debug)]
pub struct Key {
    /// As in the file.
    pub name: &'static str,
    /// What it means: sentences, on lines of a source file.
    pub doc: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// Whether it must be there, and what holds otherwise.
    pub presence: Presence,
}

/// What values are.
#[derive(Debug)]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Number {
        /// The smallest.
        least: i64,
        /// The largest.
        most: i64,
    },
    /// Bytes, or text with a unit.
    Size {
        /// The smallest, in bytes.
        least: u64,
    },
    /// Seconds, or text with units.
    Duration {
        /// Whether it may be no time.
        zero: bool,
    },
    /// One of these words.
    Word(&'static [&'static str]),
    /// Text.
    Text(&'static Form),
    /// A list.
    List {
        /// Of what.
        of: &'static Kind,
        /// How many at least.
        least: usize,
        /// How many at most.
        most: usize,
    },
    /// A table with these keys.
    Table(&'static [Key]),
    /// Tables by names of one's choice.
    Named {
        /// A name, for the reference.
        name: &'static str,
        /// How many at least.
        least: usize,
        /// The table that each is.
        of: &'static Kind,
    },
    /// A table of values by names of one's choice, on one line.
    Map {
        /// How many at least.
        least: usize,
        /// What each value is.
        of: &'static Kind,
    },
    /// Such tables in a list, `[[routes]]`.
    Tables(&'static Kind),
    /// What a later version will read.
    Reserved,
}

/// A form of text.
#[derive(Debug)]
pub struct Form {
    /// What it is, `a domain name`.
    pub what: &'static str,
    /// A regular expression that every good value matches, and perhaps others; empty: any.
    pub pattern: &'static str,
}

/// Whether a key must be there. Values are written as in the file.
#[derive(Debug)]
pub enum Presence {
    /// It must; it may look like this.
    Required(&'static str),
    /// This holds otherwise.
    Default(&'static str),
    /// What holds otherwise depends on others; it may look like this. The reference has it as a
    /// comment.
    Optional(&'static str),
    /// The same for tables that hardly a file is without: the reference has them.
    Usual,
}

impl Key {
    const fn new(
        docs: &[(&'static str, &'static str)],
        name: &'static str,
        kind: Kind,
        presence: Presence,
    ) -> Key {
        Key {
            name,
            doc: doc(docs, name),
            kind,
            presence,
        }
    }

    /// A table, which may be missing.
    const fn table(
        docs: &[(&'static str, &'static str)],
        name: &'static str,
        keys: &'static [Key],
    ) -> Key {
        Key::new(docs, name, Kind::Table(keys), Presence::Optional(""))
    }

    const fn reserved(name: &'static str) -> Key {
        Key {
            name,
            doc: "",
            kind: Kind::Reserved,
            presence: Presence::Optional(""),
        }
    }

    /// The key of that name.
    pub(super) fn find(keys: &'static [Key], name: &str) -> Option<&'static Key> {
        keys.iter().find(|key| key.name == name)
    }

    /// Whether it can be used yet.
    pub fn is_read(&self) -> bool {
        !matches!(self.kind, Kind::Reserved)
    }

    /// What it means, on one line. That it is required is in [`presence`](Key::presence).
    pub fn text(&self) -> String {
        let words: Vec<&str> = self.doc.split_whitespace().collect();
        let text = words.join(" ");
        let short = text.strip_suffix(" Required.");
        short.map(str::to_owned).unwrap_or(text)
    }
}

/// The doc comment of a field. Where there is none, this does not compile.
const fn doc(docs: &[(&'static str, &'static str)], name: &str) -> &'static str {
    let mut i = 0;
    while !same(docs[i].0.as_bytes(), name.as_bytes()) {
        i += 1;
    }
    docs[i].1
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// The first of each pair.
const fn names<T: Copy, const N: usize>(pairs: &[(&'static str, T); N]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut i = 0;
    while i < N {
        names[i] = pairs[i].0;
        i += 1;
    }
    names
}
