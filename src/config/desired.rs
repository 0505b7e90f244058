//! The file of `config apply`: domains and accounts as they should be, with the keys of mox.toml, and
//! how it differs from a configuration.
//!
//! Nothing here knows single keys. The file is read by the readers of mox.toml; both sides are compared in
//! the form that [`super::effective`] shows, defaults filled in, so that two spellings of one value are
//! no difference; and what differs is written as the file has it. A new key needs no change here, once
//! it is read and shown.
//!
//! A key that the file does not have stays as it is. A list of texts is a set. What has a name (a domain,
//! an account, an alias, an address) is removed only with `prune`, and only where the section or the
//! thing around it is in the file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::document::{self, Data, Node, Table};
use super::edit::{self, Merge, New};
use super::files::Files;
use super::model::{AddressPattern, Config};
use super::read::{Context, desired as reader};
use super::reader::Problems;
use super::{effective, folder};
use crate::addr::{AccountName, Domain, Localpart};
use crate::diag::Diagnostic;

/// A file that was read and makes sense.
#[derive(Debug)]
pub struct Desired<'t> {
    text: &'t str,
    root: Table<'t>,
    asked: reader::Asked,
    prune: bool,
}

/// One thing or value that is not as it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// `["accounts", "alice", "quota"]`, names in their canonical form.
    pub path: Vec<String>,
    /// As it is, with defaults filled in; Null: not there.
    pub old: Value,
    /// As it should be; Null: not there.
    pub new: Value,
    /// The same as the file has it.
    written: Option<New>,
}

impl Difference {
    /// Another that comes or goes with it.
    pub fn clone_of(&self, value: &Value, comes: bool) -> Difference {
        let (old, new) = match comes {
            true => (Value::Null, value.clone()),
            false => (value.clone(), Value::Null),
        };
        Difference {
            path: self.path.clone(),
            old,
            new,
            written: None,
        }
    }

    /// A list of texts of which some go.
    pub fn fewer(path: Vec<String>, old: Value, kept: &[String]) -> Difference {
        let written = kept.iter().map(|text| New::quoted(text)).collect();
        Difference {
            path,
            old,
            new: kept.into(),
            written: Some(New::List(written)),
        }
    }
}

/// Reads a file that is to be applied to `current`, the configuration in `mox_toml`, at whose folder
/// relative paths start. Problems are shown with `name`.
pub fn read<'t>(
    text: &'t str,
    name: &str,
    mox_toml: &Path,
    files: &dyn Files,
    current: &Config,
    prune: bool,
) -> Result<Desired<'t>, Vec<Diagnostic>> {
    let problems = Problems::new();
    let (root, errors) = document::parse(text);
    let broken = !errors.is_empty();
    for error in errors {
        let none = String::new;
        problems.add("syntax", none(), Some(error.span), error.message, none());
    }
    let mut asked = reader::Asked::default();
    if !broken {
        let context = Context {
            folder: &folder(mox_toml),
            files,
        };
        asked = reader::read(&root, &context, &problems, current, prune);
    }
    let found = problems.finish(text, name);
    match found.is_empty() {
        true => Ok(Desired {
            text,
            root,
            asked,
            prune,
        }),
        false => Err(found),
    }
}

impl Desired<'_> {
    /// Whether the file says anything about the DKIM keys of a domain.
    pub fn has_dkim(&self, domain: &Domain) -> bool {
        let domains = self.asked.domains.as_ref();
        domains.is_some_and(|domains| domains.contains_key(domain))
            && self
                .entry_of_domain(domain)
                .is_some_and(|node| match &node.data {
                    Data::Table(table) => table.get("dkim").is_some(),
                    _ => false,
                })
    }

    fn entry_of_domain(&self, domain: &Domain) -> Option<&Node<'_>> {
        let Data::Table(domains) = &self.root.get("domains")?.data else {
            return None;
        };
        if let Some(node) = domains.get(&domain.unicode()) {
            return Some(node);
        }
        let mut all = domains.entries.iter();
        let found = all.find(|entry| Domain::parse(&entry.key).as_ref() == Ok(domain));
        found.map(|entry| &entry.node)
    }

    /// Whether the file names this alias.
    pub fn names_alias(&self, domain: &Domain, localpart: &Localpart) -> bool {
        let domains = self.asked.domains.as_ref();
        let domain = domains.and_then(|domains| domains.get(domain));
        domain.is_some_and(|domain| domain.aliases.contains_key(localpart))
    }

    /// What differs in a configuration, in the order of the file, removals last in each table.
    pub fn differences(&self, current: &Config) -> Vec<Difference> {
        let mut found = Vec::new();
        let (domains, accounts) = (self.asked.domains.as_ref(), self.asked.accounts.as_ref());
        let server = &current.server;
        let sections = [
            (
                "domains",
                domains.map(|asked| effective::domains(asked, server)),
                domains.map(|_| effective::domains(&current.domains, server)),
            ),
            (
                "accounts",
                accounts.map(effective::accounts),
                accounts.map(|_| effective::accounts(&current.accounts)),
            ),
        ];
        for (section, asked, now) in sections {
            if let (Some(node), Some(asked), Some(now)) = (self.root.get(section), asked, now)
                && let Data::Table(table) = &node.data
            {
                let mut path = vec![section.to_owned()];
                self.compare(&mut path, Some(table), &asked, &now, &mut found);
            }
        }
        found
    }

    /// Compares a table of the file, none where it has none, with what is there.
    fn compare(
        &self,
        path: &mut Vec<String>,
        table: Option<&Table<'_>>,
        asked: &Value,
        now: &Value,
        found: &mut Vec<Difference>,
    ) {
        let mut seen: Vec<String> = Vec::new();
        for entry in table.iter().flat_map(|table| &table.entries) {
            let key = canonical(path, &entry.key);
            let (asked, old) = (asked.get(&key), now.get(&key));
            path.push(key.clone());
            seen.push(key);
            match (&entry.node.data, old) {
                (Data::Table(table), Some(old @ Value::Object(_))) => {
                    let asked = asked.unwrap_or(&Value::Null);
                    self.compare(path, Some(table), asked, old, found);
                }
                (_, old) if old.is_some() && same(asked, old) => {}
                (_, old) => found.push(Difference {
                    path: path.clone(),
                    old: old.cloned().unwrap_or_default(),
                    new: asked.cloned().unwrap_or_else(|| shown(&entry.node.data)),
                    written: Some(self.written(path, &entry.node)),
                }),
            }
            path.pop();
        }
        if !self.prune {
            return;
        }
        let Value::Object(now) = now else { return };
        if is_named(path) {
            seen.sort();
            for (key, old) in now
                .iter()
                .filter(|(key, _)| seen.binary_search(key).is_err())
            {
                path.push(key.clone());
                found.push(Difference {
                    path: path.clone(),
                    old: old.clone(),
                    new: Value::Null,
                    written: None,
                });
                path.pop();
            }
        } else if let Some(key) = inner_names(path)
            && !seen.iter().any(|seen| seen == key)
            && let Some(old) = now.get(key)
        {
            // Not in the file: none of them.
            path.push(key.to_owned());
            self.compare(path, None, &Value::Null, old, found);
            path.pop();
        }
    }

    /// A value as the file has it.
    fn written(&self, path: &[String], node: &Node<'_>) -> New {
        match &node.data {
            Data::Table(table) => {
                let mut path = path.to_vec();
                let fields: Vec<(String, New)> = table
                    .entries
                    .iter()
                    .map(|entry| {
                        path.push(entry.key.to_string());
                        let new = self.written(&path, &entry.node);
                        path.pop();
                        (entry.key.to_string(), new)
                    })
                    .collect();
                let new = New::Table(fields);
                match is_line(&path) {
                    true => New::Value(new.inline()),
                    false => new,
                }
            }
            Data::Array(array) => {
                let items = array.items.iter();
                New::List(items.map(|item| self.written(path, item)).collect())
            }
            Data::String(text) => New::quoted(text),
            _ => {
                let span = node.span.get();
                New::Value(self.text[span.start..span.end].to_owned())
            }
        }
    }
}

/// The edits that make mox.toml so. `dkim` are keys that are made for new domains: selector and file.
pub fn edits(
    differences: Vec<Difference>,
    dkim: &BTreeMap<Domain, Vec<(String, PathBuf)>>,
) -> Merge {
    let changes = differences.into_iter().map(|difference| {
        let mut written = difference.written;
        if let [section, name] = difference.path.as_slice()
            && section == "domains"
            && let Some(New::Table(fields)) = &mut written
            && let Some(keys) = Domain::parse(name).ok().and_then(|name| dkim.get(&name))
        {
            // Before the aliases, as `domain add` would have it.
            fields.insert(0, ("dkim".to_owned(), edit::new_dkim(keys)));
        }
        (difference.path, written)
    });
    Merge {
        changes: changes.collect(),
    }
}

/// The name of a key by which it is compared.
pub(super) fn canonical(parent: &[String], key: &str) -> String {
    let parent: Vec<&str> = parent.iter().map(String::as_str).collect();
    let name = match parent.as_slice() {
        ["domains"] => Domain::parse(key).map(|name| name.to_string()).ok(),
        ["accounts"] => AccountName::parse(key).map(|name| name.to_string()).ok(),
        ["domains", _, "aliases"] => Localpart::parse(key).map(|name| name.to_string()).ok(),
        ["accounts", _, "destinations"] => {
            let pattern = AddressPattern::parse(key);
            pattern.map(|pattern| pattern.to_string()).ok()
        }
        _ => None,
    };
    name.unwrap_or_else(|| key.to_owned())
}

/// Whether the keys of this table are names of things that can be removed.
fn is_named(path: &[String]) -> bool {
    match path {
        [_] => true,
        [section, _, inner] => inner_of(section) == Some(inner),
        _ => false,
    }
}

/// The table of names in this one.
fn inner_names(path: &[String]) -> Option<&'static str> {
    match path {
        [section, _] => inner_of(section),
        _ => None,
    }
}

fn inner_of(section: &str) -> Option<&'static str> {
    match section {
        "domains" => Some("aliases"),
        "accounts" => Some("destinations"),
        _ => None,
    }
}

/// Whether a table is written on one line: a destination is.
fn is_line(path: &[String]) -> bool {
    matches!(path, [section, _, inner, _, ..] if section == "accounts" && inner == "destinations")
}

/// Whether two values are one. A list of texts is a set.
fn same(a: Option<&Value>, b: Option<&Value>) -> bool {
    if let (Some(Value::Array(a)), Some(Value::Array(b))) = (a, b)
        && a.iter().chain(b).all(Value::is_string)
    {
        let sorted = |list: &[Value]| {
            let mut texts: Vec<String> = list.iter().map(ToString::to_string).collect();
            texts.sort();
            texts
        };
        return sorted(a) == sorted(b);
    }
    a == b
}

/// What a key that `effective` does not show has.
fn shown(data: &Data<'_>) -> Value {
    match data {
        Data::String(text) => Value::from(&**text),
        Data::Integer(number) => Value::from(*number),
        Data::Boolean(value) => Value::from(*value),
        Data::Array(array) => array.items.iter().map(|item| shown(&item.data)).collect(),
        Data::Table(table) => {
            let fields = table.entries.iter();
            let fields = fields.map(|entry| (entry.key.to_string(), shown(&entry.node.data)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Data::Float | Data::Datetime => Value::Null,
    }
}
