//! Many changes at once, of any keys of domains and accounts: thousands of them cost two readings of
//! the text. First what goes is taken away, then what comes is put in, so that the splices of neither
//! get in each other's way.

use std::collections::HashMap;

use super::place::{self, Place};
use super::render::New;
use super::text::{Lines, Splice, Text, splice};
use super::{EditError, document};
use crate::config::desired::canonical;
use crate::config::document::{Array, Data, Entry, Form, Span, Table};

/// Values to set, and things to take away.
#[derive(Debug, Clone, PartialEq)]
pub struct Merge {
    /// Where, by canonical names; none takes it away.
    pub(in crate::config) changes: Vec<(Vec<String>, Option<New>)>,
}

pub(super) fn merge(text: &str, merge: &Merge) -> Result<String, EditError> {
    let reduced = splice(text, removals(text, merge)?);
    let added = splice(&reduced, additions(&reduced, merge)?);
    Ok(added)
}

/// The tree, with its domains and accounts by their canonical names.
struct Tree<'d, 't> {
    root: Place<'d, 't>,
    names: HashMap<(&'static str, String), &'d Entry<'t>>,
}

impl<'d, 't> Tree<'d, 't> {
    fn of(root: &'d Table<'t>) -> Tree<'d, 't> {
        let mut names = HashMap::new();
        for section in ["domains", "accounts"] {
            if let Some(Data::Table(table)) = root.get(section).map(|node| &node.data) {
                for entry in &table.entries {
                    let name = canonical(&[section.to_owned()], &entry.key);
                    names.insert((section, name), entry);
                }
            }
        }
        Tree {
            root: Place::root(root),
            names,
        }
    }

    /// The table in which the last key of a path stands, the entry of that key if it is there, and the
    /// keys that are missing on the way.
    fn find<'p>(&self, path: &'p [String]) -> Result<Found<'d, 't, 'p>, EditError> {
        let mut place = Place::root(self.root.table);
        for (depth, key) in path.iter().enumerate() {
            let Some(entry) = self.entry(&place, &path[..depth], key) else {
                return Ok(Found {
                    place,
                    entry: None,
                    rest: &path[depth..],
                });
            };
            if depth + 1 == path.len() {
                return Ok(Found {
                    place,
                    entry: Some(entry),
                    rest: &path[depth..],
                });
            }
            place = place.enter(entry)?;
        }
        Err(EditError::Shape(String::new()))
    }

    fn entry(&self, place: &Place<'d, 't>, parent: &[String], key: &str) -> Option<&'d Entry<'t>> {
        match parent {
            [section] if section == "domains" => {
                self.names.get(&("domains", key.to_owned())).copied()
            }
            [section] if section == "accounts" => {
                self.names.get(&("accounts", key.to_owned())).copied()
            }
            _ => place.table.entry(key).or_else(|| {
                let mut all = place.table.entries.iter();
                all.find(|entry| canonical(parent, &entry.key) == key)
            }),
        }
    }
}

struct Found<'d, 't, 'p> {
    place: Place<'d, 't>,
    entry: Option<&'d Entry<'t>>,
    /// From the first key that is missing, or the last.
    rest: &'p [String],
}

fn read(text: &str) -> Result<Table<'_>, EditError> {
    match document::parse(text) {
        (root, errors) if errors.is_empty() => Ok(root),
        _ => Err(EditError::Syntax),
    }
}

fn removals(text: &str, merge: &Merge) -> Result<Vec<Splice>, EditError> {
    let root = read(text)?;
    let (text, tree) = (Text::new(text), Tree::of(&root));
    let mut lines: Vec<Lines> = Vec::new();
    // What stands between the same braces goes together.
    let mut braced: Vec<(Place<'_, '_>, Vec<&Entry<'_>>)> = Vec::new();
    let mut splices = Vec::new();
    for (path, new) in &merge.changes {
        let found = tree.find(path)?;
        let Some(entry) = found.entry else {
            match new {
                Some(_) => continue,
                None => return Err(EditError::Missing(path.join("."))),
            }
        };
        match (&entry.node.data, new) {
            (Data::Array(array), Some(New::List(items))) if !array.of_headers => {
                splices.extend(items_gone(&text, array, items));
            }
            // Tables under headers of their own are written anew.
            (Data::Array(array), Some(_)) if array.of_headers => {
                lines.extend(place::lines_of(&text, entry));
            }
            (_, Some(_)) => {}
            (_, None) if found.place.is_braced() => {
                let mut groups = braced.iter_mut();
                match groups.find(|(place, _)| place.same_braces(&found.place)) {
                    Some((_, entries)) => entries.push(entry),
                    None => braced.push((found.place, vec![entry])),
                }
            }
            (_, None) => lines.extend(place::lines_of(&text, entry)),
        }
    }
    splices.extend(text.remove_lines(lines));
    for (place, entries) in braced {
        splices.extend(place.remove_inline(&text, &entries));
    }
    Ok(splices)
}

/// Takes the texts out of a list that are not in the new one; other lists are written anew later.
fn items_gone(text: &Text<'_>, array: &Array<'_>, new: &[New]) -> Vec<Splice> {
    let Some(kept) = texts(array).map(|texts| {
        let kept = texts.iter().map(|text| new.contains(&New::quoted(text)));
        kept.collect::<Vec<bool>>()
    }) else {
        return Vec::new();
    };
    // Neighbours that go go together.
    let mut runs: Vec<(Span, bool)> = Vec::new();
    for (node, kept) in array.items.iter().zip(kept) {
        let span = node.span.get();
        match runs.last_mut() {
            Some((last, true)) if !kept => *last = last.to(span),
            _ => runs.push((span, !kept)),
        }
    }
    let spans: Vec<Span> = runs.iter().map(|(span, _)| *span).collect();
    let gone = runs.iter().enumerate().filter(|(_, (_, gone))| *gone);
    gone.map(|(i, _)| text.remove_item(&spans, i)).collect()
}

/// The items of a list of texts.
fn texts<'a>(array: &'a Array<'_>) -> Option<Vec<&'a str>> {
    let items = array.items.iter().map(|node| match &node.data {
        Data::String(text) => Some(&**text),
        _ => None,
    });
    items.collect()
}

/// Keys with what they are to have.
type Fields<T> = Vec<(String, T)>;

/// Keys and tables that are new in a table that is there.
struct Addition<'d, 't> {
    place: Place<'d, 't>,
    fields: Vec<(String, New)>,
}

fn additions(text: &str, merge: &Merge) -> Result<Vec<Splice>, EditError> {
    let root = read(text)?;
    let (text, tree) = (Text::new(text), Tree::of(&root));
    let mut splices = Vec::new();
    let mut places: Vec<Addition<'_, '_>> = Vec::new();
    let mut known: HashMap<&[String], usize> = HashMap::new();
    for (path, new) in &merge.changes {
        let Some(new) = new else { continue };
        let found = tree.find(path)?;
        if let Some(entry) = found.entry {
            splices.extend(set(&text, entry, new));
            continue;
        }
        let parent = &path[..path.len() - found.rest.len()];
        let at = *known.entry(parent).or_insert(places.len());
        if at == places.len() {
            places.push(Addition {
                place: found.place,
                fields: Vec::new(),
            });
        }
        if let Some(addition) = places.get_mut(at) {
            put(&mut addition.fields, found.rest, new);
        }
    }
    // Lines come before sections that begin at the same place.
    let mut sections = Vec::new();
    for addition in places {
        let (lines, tables) = addition.split();
        if !lines.is_empty() {
            splices.extend(addition.place.insert_all(&text, &lines)?);
        }
        if !tables.is_empty() {
            sections.push(addition.section(&text, &tree.root, &tables));
        }
    }
    splices.extend(sections);
    Ok(splices)
}

/// Puts a value into nested new tables.
fn put(fields: &mut Vec<(String, New)>, rest: &[String], new: &New) {
    let [key, deeper @ ..] = rest else { return };
    if deeper.is_empty() {
        fields.push((key.clone(), new.clone()));
        return;
    }
    let at = match fields.iter().position(|(known, _)| known == key) {
        Some(at) => at,
        None => {
            fields.push((key.clone(), New::Table(Vec::new())));
            fields.len() - 1
        }
    };
    if let Some((_, New::Table(inner))) = fields.get_mut(at) {
        put(inner, deeper, new);
    }
}

impl Addition<'_, '_> {
    /// What becomes lines (or stands between braces), and what sections.
    fn split(&self) -> (Fields<String>, Fields<New>) {
        let headers = matches!(self.place.table.form, Form::Header | Form::Implicit)
            && !self.place.is_braced();
        let sectioned = headers || self.place.keys.is_empty() || {
            // Beside dotted keys of domains and accounts there can be headers.
            self.place.keys.len() == 1 && !self.place.is_braced()
        };
        let mut lines = Vec::new();
        let mut tables = Vec::new();
        for (key, new) in &self.fields {
            match new {
                New::Table(_) if sectioned => tables.push((key.clone(), new.clone())),
                _ => lines.push((key.clone(), new.inline())),
            }
        }
        (lines, tables)
    }

    fn section(&self, text: &Text<'_>, root: &Place<'_, '_>, tables: &[(String, New)]) -> Splice {
        let mut all = String::new();
        for (key, new) in tables {
            let mut header = self.place.keys.clone();
            header.push(key.clone());
            let nested = match (header.len(), new) {
                // `[domains]` itself needs no header.
                (1, New::Table(fields)) => fields.as_slice(),
                _ => &[],
            };
            match nested.is_empty() {
                true => append(&mut all, &new.sections(&header, text.eol), text.eol),
                false => {
                    for (name, new) in nested {
                        let header = [key.clone(), name.clone()];
                        append(&mut all, &new.sections(&header, text.eol), text.eol);
                    }
                }
            }
        }
        match self.place.keys.len() {
            0 => text.append_section(&all),
            // Not among the keys above the first header, which would become the new table's.
            1 => text.insert_section(self.place.end().max(root.own_end()), &all),
            _ => text.insert_section(self.place.own_end(), &all),
        }
    }
}

/// Sections with an empty line in between.
fn append(all: &mut String, sections: &str, eol: &str) {
    if !all.is_empty() {
        all.push_str(eol);
    }
    all.push_str(sections);
}

/// Gives a key that is there another value. A list of texts gets those that it does not have.
fn set(text: &Text<'_>, entry: &Entry<'_>, new: &New) -> Vec<Splice> {
    let span = entry.node.span.get();
    let whole = || {
        vec![Splice {
            span,
            text: new.inline(),
        }]
    };
    let (Data::Array(array), New::List(items)) = (&entry.node.data, new) else {
        return whole();
    };
    let Some(texts) = texts(array) else {
        return whole();
    };
    if !items.iter().all(|item| matches!(item, New::Value(_))) {
        return whole();
    }
    let known: Vec<New> = texts.iter().map(|text| New::quoted(text)).collect();
    let fresh = items.iter().filter(|item| !known.contains(item));
    let fresh: Vec<String> = fresh.map(New::inline).collect();
    match fresh.is_empty() {
        true => Vec::new(),
        false => {
            let items: Vec<Span> = array.items.iter().map(|node| node.span.get()).collect();
            text.add_items(span, &items, &fresh)
        }
    }
}
