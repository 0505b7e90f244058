//! New tables and keys some levels below a place, in the form that a person gave to what is around
//! them.

use super::EditError;
use super::place::Place;
use super::render::New;
use super::text::{Splice, Text};
use crate::config::document::{Data, Form};

/// Adds a key to the table at the end of the path, with whatever of the path is missing.
pub(super) fn add(
    text: &Text<'_>,
    place: &Place<'_, '_>,
    path: &[&str],
    key: &str,
    new: New,
) -> Result<Vec<Splice>, EditError> {
    let Some((first, rest)) = path.split_first() else {
        if place.table.entry(key).is_some() {
            return Err(EditError::Exists(place.path_of(key)));
        }
        let siblings_are_braced = place.table.entries.iter().any(|entry| {
            matches!(&entry.node.data, Data::Table(table) if matches!(table.form, Form::Inline | Form::Dotted))
        });
        return put(text, place, key, &new, siblings_are_braced);
    };
    if place.table.entry(first).is_some() {
        return add(text, &place.table(first)?, rest, key, new);
    }
    let table = rest
        .iter()
        .rev()
        .fold(New::Table(vec![(key.to_owned(), new)]), |inner, name| {
            New::Table(vec![((*name).to_owned(), inner)])
        });
    put(text, place, first, &table, false)
}

/// A section of its own where there can be one, else a key.
fn put(
    text: &Text<'_>,
    place: &Place<'_, '_>,
    key: &str,
    new: &New,
    as_key: bool,
) -> Result<Vec<Splice>, EditError> {
    let sections = matches!(place.table.form, Form::Header | Form::Implicit) && !place.is_braced();
    if as_key || !sections || !matches!(new, New::Table(_)) {
        return Ok(vec![place.insert(text, key, &new.inline())?]);
    }
    let mut header = place.keys.clone();
    header.push(key.to_owned());
    let sections = new.sections(&header, text.eol);
    Ok(vec![text.insert_section(place.end(), &sections)])
}
