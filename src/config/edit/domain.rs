//! What stands within a domain: its aliases and its DKIM keys.

use std::path::PathBuf;

use super::nested;
use super::place::Place;
use super::render::New;
use super::text::{Splice, Text};
use super::{EditError, list};
use crate::addr::{Address, Domain, Localpart};
use crate::config::document::Entry;

/// A new domain's table.
pub(super) fn new(disabled: bool, dkim: &[(String, PathBuf)]) -> New {
    let mut fields = Vec::new();
    if disabled {
        fields.push(("disabled".to_owned(), New::Value("true".to_owned())));
    }
    if !dkim.is_empty() {
        fields.push(("dkim".to_owned(), new_dkim(dkim)));
    }
    New::Table(fields)
}

/// Selectors that sign, with their key files.
pub(in crate::config) fn new_dkim(dkim: &[(String, PathBuf)]) -> New {
    let sign = dkim.iter().map(|(name, _)| New::quoted(name)).collect();
    let selectors = dkim.iter().map(|(name, file)| {
        let file = New::quoted(&file.to_string_lossy());
        (
            name.clone(),
            New::Table(vec![("key_file".to_owned(), file)]),
        )
    });
    New::Table(vec![
        ("sign".to_owned(), New::List(sign)),
        ("selectors".to_owned(), New::Table(selectors.collect())),
    ])
}

/// `[domains."NAME".aliases.LOCALPART]`.
pub(super) fn add_alias(
    text: &Text<'_>,
    root: &Place<'_, '_>,
    alias: &Address,
    members: &[Address],
) -> Result<Vec<Splice>, EditError> {
    let members = members.iter().map(|m| New::quoted(&m.to_string()));
    let new = New::Table(vec![
        ("addresses".to_owned(), New::List(members.collect())),
        ("post_public".to_owned(), New::Value("true".to_owned())),
    ]);
    let place = enter(root, &alias.domain)?;
    nested::add(
        text,
        &place,
        &["aliases"],
        &alias.localpart.to_string(),
        new,
    )
}

/// `[domains."NAME".dkim.selectors.SELECTOR]`.
pub(super) fn add_selector(
    text: &Text<'_>,
    root: &Place<'_, '_>,
    domain: &Domain,
    selector: &str,
    key_file: &str,
) -> Result<Vec<Splice>, EditError> {
    let new = New::Table(vec![("key_file".to_owned(), New::quoted(key_file))]);
    let place = enter(root, domain)?;
    nested::add(text, &place, &["dkim", "selectors"], selector, new)
}

/// `sign` of `[domains."NAME".dkim]`.
pub(super) fn sign(
    text: &Text<'_>,
    root: &Place<'_, '_>,
    domain: &Domain,
    selectors: &[String],
) -> Result<Vec<Splice>, EditError> {
    let place = enter(root, domain)?;
    if place.table.entry("dkim").is_some() {
        return list::set(text, &place.table("dkim")?, "sign", selectors);
    }
    let all = selectors.iter().map(|name| New::quoted(name)).collect();
    nested::add(text, &place, &["dkim"], "sign", New::List(all))
}

/// The table of a domain.
pub(super) fn enter<'d, 't>(
    root: &Place<'d, 't>,
    domain: &Domain,
) -> Result<Place<'d, 't>, EditError> {
    let domains = root.table("domains")?;
    domains.enter(find(&domains, domain)?)
}

/// A domain among all.
pub(super) fn find<'d, 't>(
    domains: &Place<'d, 't>,
    domain: &Domain,
) -> Result<&'d Entry<'t>, EditError> {
    let name = domain.unicode();
    if let Some(entry) = domains.table.entry(&name) {
        return Ok(entry);
    }
    let mut all = domains.table.entries.iter();
    all.find(|e| Domain::parse(&e.key).as_ref() == Ok(domain))
        .ok_or_else(|| EditError::Missing(domains.path_of(&name)))
}

/// The table of an alias.
pub(super) fn enter_alias<'d, 't>(
    root: &Place<'d, 't>,
    alias: &Address,
) -> Result<Place<'d, 't>, EditError> {
    let aliases = enter(root, &alias.domain)?.table("aliases")?;
    aliases.enter(find_alias(&aliases, alias)?)
}

/// An alias among those of its domain.
pub(super) fn find_alias<'d, 't>(
    aliases: &Place<'d, 't>,
    alias: &Address,
) -> Result<&'d Entry<'t>, EditError> {
    let mut named = aliases.table.entries.iter();
    named
        .find(|e| Localpart::parse(&e.key).as_ref() == Ok(&alias.localpart))
        .ok_or_else(|| EditError::Missing(aliases.path_of(alias.localpart.as_str())))
}
