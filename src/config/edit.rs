//! Changes of mox.toml that leave alone what they do not change: comments, blank lines, order,
//! quoting, line breaks.
//!
//! The text is never written anew: each change becomes a few splices of its bytes, found by the
//! places in the tree. New tables are standard headers after their last sibling; where a person
//! wrote inline tables or dotted keys, what is added takes that form.

use std::path::PathBuf;

use self::place::Place;
use self::render::New;
use self::text::{Splice, Text};
use super::document::{self, Data, Entry, Form};
use crate::addr::{AccountName, Address, Domain};
use crate::config::model::AddressPattern;

mod place;
mod render;
mod text;

/// One change. Whether it makes sense is the caller's to check, before or on the parsed result.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// A new `[domains."NAME"]`.
    DomainAdd {
        /// Its name.
        domain: Domain,
        /// Whether it starts out disabled.
        disabled: bool,
        /// Selectors that sign, with their key files as they are to stand in the file.
        dkim: Vec<(String, PathBuf)>,
    },
    /// A domain with everything in it.
    DomainRemove {
        /// Its name.
        domain: Domain,
    },
    /// `disabled` of a domain; false where the key is not there changes nothing.
    DomainSetDisabled {
        /// Its name.
        domain: Domain,
        /// The value.
        disabled: bool,
    },
    /// A new `[accounts.NAME]`.
    AccountAdd {
        /// Its name.
        account: AccountName,
        /// Its domain.
        domain: Domain,
        /// Its destinations.
        destinations: Vec<AddressPattern>,
    },
    /// An account with everything in it. Members of aliases are others' changes.
    AccountRemove {
        /// Its name.
        account: AccountName,
    },
    /// A plain key of an account.
    AccountSet {
        /// Its name.
        account: AccountName,
        /// `login_disabled`, `full_name`, `quota` …
        key: &'static str,
        /// None takes the key away.
        value: Option<Value>,
    },
    /// A destination of an account.
    DestinationAdd {
        /// Whose.
        account: AccountName,
        /// The address or catchall.
        pattern: AddressPattern,
    },
    /// A destination of an account with its settings.
    DestinationRemove {
        /// Whose.
        account: AccountName,
        /// The address or catchall.
        pattern: AddressPattern,
    },
    /// A member of an alias. The last one leaves an empty, invalid list.
    AliasMemberRemove {
        /// The alias.
        alias: Address,
        /// The member.
        member: Address,
    },
}

impl Edit {
    /// What it is about: two changes of the same thing are made one after the other.
    fn subject(&self) -> (Option<&Domain>, Option<&AccountName>) {
        match self {
            Edit::DomainAdd { domain, .. }
            | Edit::DomainRemove { domain }
            | Edit::DomainSetDisabled { domain, .. } => (Some(domain), None),
            Edit::AliasMemberRemove { alias, .. } => (Some(&alias.domain), None),
            Edit::AccountAdd { account, .. }
            | Edit::AccountRemove { account }
            | Edit::AccountSet { account, .. }
            | Edit::DestinationAdd { account, .. }
            | Edit::DestinationRemove { account, .. } => (None, Some(account)),
        }
    }
}

/// A value of a plain key.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// In quotes.
    Text(String),
    /// A whole number.
    Number(i64),
    /// `true` or `false`.
    Boolean(bool),
}

/// Why a change cannot be made. All are Local: the file is not as the caller believes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The text is not TOML.
    #[error("the file has syntax errors")]
    Syntax,
    /// What should change is not there.
    #[error("{0} is not there")]
    Missing(String),
    /// What should be added is there.
    #[error("{0} is there already")]
    Exists(String),
    /// Something else stands in its place, a number for a table, say.
    #[error("{0} is not what it should be")]
    Shape(String),
}

/// Makes the changes one after the other.
pub fn apply(text: &str, edits: &[Edit]) -> Result<String, EditError> {
    let (done, splices) = plan(text, edits)?;
    let changed = text::splice(text, splices);
    match edits.get(done..) {
        Some(rest) if !rest.is_empty() => apply(&changed, rest),
        _ => Ok(changed),
    }
}

/// The splices of as many changes as can be made on one reading of the text: at least of the first.
fn plan(text: &str, edits: &[Edit]) -> Result<(usize, Vec<Splice>), EditError> {
    let (root, errors) = document::parse(text);
    if !errors.is_empty() {
        return Err(EditError::Syntax);
    }
    let text = Text::new(text);
    let root = Place::root(&root);
    let mut splices: Vec<Splice> = Vec::new();
    let mut subjects = Vec::new();
    for (i, edit) in edits.iter().enumerate() {
        let subject = edit.subject();
        if subjects.contains(&subject) {
            return Ok((i, splices));
        }
        subjects.push(subject);
        match one(&text, &root, edit) {
            Ok(more) if i == 0 || !text::touch(&splices, &more) => splices.extend(more),
            Err(e) if i == 0 => return Err(e),
            // It may need what an earlier one makes.
            _ => return Ok((i, splices)),
        }
    }
    Ok((edits.len(), splices))
}

fn one(text: &Text<'_>, root: &Place<'_, '_>, edit: &Edit) -> Result<Vec<Splice>, EditError> {
    match edit {
        Edit::DomainAdd {
            domain,
            disabled,
            dkim,
        } => add_table(
            text,
            root,
            "domains",
            &domain.unicode(),
            &new_domain(*disabled, dkim),
        ),
        Edit::DomainRemove { domain } => {
            let domains = root.table("domains")?;
            remove(text, &domains, find_domain(&domains, domain)?)
        }
        Edit::DomainSetDisabled { domain, disabled } => {
            let domains = root.table("domains")?;
            let place = domains.enter(find_domain(&domains, domain)?)?;
            if !disabled && place.table.entry("disabled").is_none() {
                return Ok(Vec::new());
            }
            set(text, &place, "disabled", &New::Value(disabled.to_string()))
        }
        Edit::AccountAdd {
            account,
            domain,
            destinations,
        } => {
            let new = new_account(domain, destinations);
            add_table(text, root, "accounts", account.as_str(), &new)
        }
        Edit::AccountRemove { account } => {
            let accounts = root.table("accounts")?;
            remove(text, &accounts, accounts.entry(account.as_str())?)
        }
        Edit::AccountSet {
            account,
            key,
            value,
        } => {
            let place = root.table("accounts")?.table(account.as_str())?;
            match value {
                Some(value) => set(text, &place, key, &New::from(value)),
                None => match place.table.entry(key) {
                    Some(entry) => remove(text, &place, entry),
                    None => Ok(Vec::new()),
                },
            }
        }
        Edit::DestinationAdd { account, pattern } => add_destination(text, root, account, pattern),
        Edit::DestinationRemove { account, pattern } => {
            let place = root.table("accounts")?.table(account.as_str())?;
            let place = place.table("destinations")?;
            let found = place.table.entries.iter();
            let mut found = found.filter(|e| AddressPattern::parse(&e.key).as_ref() == Ok(pattern));
            match found.next() {
                Some(entry) => remove(text, &place, entry),
                None => Err(EditError::Missing(place.path_of(&pattern.to_string()))),
            }
        }
        Edit::AliasMemberRemove { alias, member } => remove_member(text, root, alias, member),
    }
}

fn new_domain(disabled: bool, dkim: &[(String, PathBuf)]) -> New {
    let mut fields = Vec::new();
    if disabled {
        fields.push(("disabled".to_owned(), New::Value("true".to_owned())));
    }
    if !dkim.is_empty() {
        let sign = dkim.iter().map(|(name, _)| New::quoted(name)).collect();
        let selectors = dkim.iter().map(|(name, file)| {
            let file = New::quoted(&file.to_string_lossy());
            (
                name.clone(),
                New::Table(vec![("key_file".to_owned(), file)]),
            )
        });
        let selectors = New::Table(selectors.collect());
        let dkim = vec![
            ("sign".to_owned(), New::List(sign)),
            ("selectors".to_owned(), selectors),
        ];
        fields.push(("dkim".to_owned(), New::Table(dkim)));
    }
    New::Table(fields)
}

fn new_account(domain: &Domain, destinations: &[AddressPattern]) -> New {
    let destinations = destinations
        .iter()
        .map(|pattern| (pattern.to_string(), New::Value("{}".to_owned())));
    New::Table(vec![
        ("domain".to_owned(), New::quoted(&domain.unicode())),
        (
            "destinations".to_owned(),
            New::Table(destinations.collect()),
        ),
    ])
}

/// `[parent.name]`, or the like within what a person made of the parent.
fn add_table(
    text: &Text<'_>,
    root: &Place<'_, '_>,
    parent: &str,
    name: &str,
    new: &New,
) -> Result<Vec<Splice>, EditError> {
    let header = [parent.to_owned(), name.to_owned()];
    if root.table.entry(parent).is_none() {
        return Ok(vec![text.append_section(&new.sections(&header, text.eol))]);
    }
    let place = root.table(parent)?;
    if place.table.entry(name).is_some() {
        return Err(EditError::Exists(place.path_of(name)));
    }
    if place.is_braced() {
        return Ok(vec![place.insert(text, name, &new.inline())?]);
    }
    let sections = new.sections(&header, text.eol);
    // Not among the keys above the first header, which would become the new table's.
    let end = place.end().max(root.own_end());
    Ok(vec![text.insert_section(end, &sections)])
}

fn add_destination(
    text: &Text<'_>,
    root: &Place<'_, '_>,
    account: &AccountName,
    pattern: &AddressPattern,
) -> Result<Vec<Splice>, EditError> {
    let place = root.table("accounts")?.table(account.as_str())?;
    let key = pattern.to_string();
    if place.table.entry("destinations").is_some() {
        let place = place.table("destinations")?;
        if place.table.entry(&key).is_some() {
            return Err(EditError::Exists(place.path_of(&key)));
        }
        return Ok(vec![place.insert(text, &key, "{}")?]);
    }
    let new = New::Table(vec![(key, New::Value("{}".to_owned()))]);
    match place.table.form {
        Form::Header | Form::Implicit if !place.inline => {
            let mut header = place.keys.clone();
            header.push("destinations".to_owned());
            let sections = new.sections(&header, text.eol);
            Ok(vec![text.insert_section(place.own_end(), &sections)])
        }
        _ => Ok(vec![place.insert(text, "destinations", &new.inline())?]),
    }
}

fn remove_member(
    text: &Text<'_>,
    root: &Place<'_, '_>,
    alias: &Address,
    member: &Address,
) -> Result<Vec<Splice>, EditError> {
    let domains = root.table("domains")?;
    let domain = domains.enter(find_domain(&domains, &alias.domain)?)?;
    let aliases = domain.table("aliases")?;
    let mut named = aliases.table.entries.iter();
    let entry = named
        .find(|e| crate::addr::Localpart::parse(&e.key).as_ref() == Ok(&alias.localpart))
        .ok_or_else(|| EditError::Missing(aliases.path_of(alias.localpart.as_str())))?;
    let place = aliases.enter(entry)?;
    let list = place.entry("addresses")?;
    let Data::Array(array) = &list.node.data else {
        return Err(EditError::Shape(place.path_of("addresses")));
    };
    let is_member = |data: &Data<'_>| match data {
        Data::String(text) => Address::parse(text).as_ref() == Ok(member),
        _ => false,
    };
    let spans: Vec<_> = array.items.iter().map(|node| node.span.get()).collect();
    match array.items.iter().position(|node| is_member(&node.data)) {
        Some(i) => Ok(vec![text.remove_item(&spans, i)]),
        None => Err(EditError::Missing(format!(
            "{member} in {}",
            place.path_of("addresses")
        ))),
    }
}

fn find_domain<'d, 't>(
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

/// Sets a plain key: replaces its value, or adds it.
fn set(
    text: &Text<'_>,
    place: &Place<'_, '_>,
    key: &str,
    new: &New,
) -> Result<Vec<Splice>, EditError> {
    match place.table.entry(key) {
        Some(entry) => match &entry.node.data {
            Data::Table(_) | Data::Array(_) => Err(EditError::Shape(place.path_of(key))),
            _ => Ok(vec![Splice {
                span: entry.node.span.get(),
                text: new.inline(),
            }]),
        },
        None => Ok(vec![place.insert(text, key, &new.inline())?]),
    }
}

/// Takes an entry away, in all the places where it is defined.
fn remove(
    text: &Text<'_>,
    place: &Place<'_, '_>,
    entry: &Entry<'_>,
) -> Result<Vec<Splice>, EditError> {
    if place.is_braced() {
        return Ok(place.remove_inline(text, entry));
    }
    Ok(text.remove_lines(place::lines_of(text, entry)))
}

#[cfg(test)]
mod tests;
