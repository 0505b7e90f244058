//! Lists of texts, changed item by item, so that comments within them stay.

use super::place::Place;
use super::render::New;
use super::text::{Splice, Text};
use super::{EditError, set as set_plain};
use crate::config::document::{Array, Data, Entry, Span};

/// The list of a key.
fn find<'d, 't>(
    place: &Place<'d, 't>,
    key: &str,
) -> Result<(&'d Entry<'t>, &'d Array<'t>), EditError> {
    let entry = place.entry(key)?;
    match &entry.node.data {
        Data::Array(array) if !array.of_headers => Ok((entry, array)),
        _ => Err(EditError::Shape(place.path_of(key))),
    }
}

fn spans(array: &Array<'_>) -> Vec<Span> {
    array.items.iter().map(|node| node.span.get()).collect()
}

/// Adds items at the end.
pub(super) fn extend(
    text: &Text<'_>,
    place: &Place<'_, '_>,
    key: &str,
    more: &[String],
) -> Result<Vec<Splice>, EditError> {
    let (entry, array) = find(place, key)?;
    let more: Vec<String> = more.iter().map(|item| New::quoted(item).inline()).collect();
    Ok(text.add_items(entry.node.span.get(), &spans(array), &more))
}

/// Takes the item away that is meant.
pub(super) fn remove(
    text: &Text<'_>,
    place: &Place<'_, '_>,
    key: &str,
    item: &str,
    is_meant: impl Fn(&str) -> bool,
) -> Result<Vec<Splice>, EditError> {
    let (_, array) = find(place, key)?;
    let is_meant = |data: &Data<'_>| matches!(data, Data::String(text) if is_meant(text));
    match array.items.iter().position(|node| is_meant(&node.data)) {
        Some(i) => Ok(vec![text.remove_item(&spans(array), i)]),
        None => Err(EditError::Missing(format!(
            "{item} in {}",
            place.path_of(key)
        ))),
    }
}

/// Makes the list these items: by adding some at its end or taking one away where that does it, else
/// written anew.
pub(super) fn set(
    text: &Text<'_>,
    place: &Place<'_, '_>,
    key: &str,
    items: &[String],
) -> Result<Vec<Splice>, EditError> {
    let whole = New::List(items.iter().map(|item| New::quoted(item)).collect());
    if place.table.entry(key).is_none() {
        return set_plain(text, place, key, &whole);
    }
    let (entry, array) = find(place, key)?;
    let old: Vec<&str> = array
        .items
        .iter()
        .map(|node| match &node.data {
            Data::String(text) => text.as_ref(),
            _ => "",
        })
        .collect();
    let kept = items.iter().zip(&old).take_while(|(a, b)| a == b).count();
    if kept == old.len() {
        return match &items[kept..] {
            [] => Ok(Vec::new()),
            more => extend(text, place, key, more),
        };
    }
    let without = |i: usize| old.iter().enumerate().filter(move |(n, _)| *n != i);
    let gone = (0..old.len()).find(|i| without(*i).map(|(_, item)| *item).eq(items.iter()));
    Ok(vec![match gone {
        Some(i) => text.remove_item(&spans(array), i),
        None => Splice {
            span: entry.node.span.get(),
            text: whole.inline(),
        },
    }])
}
