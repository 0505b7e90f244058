//! Changes of mox.toml that leave alone what they do not change: comments, blank lines, order,
//! quoting, line breaks.
//!
//! The text is never written anew: each change becomes a few splices of its bytes, found by the
//! places in the tree. New tables are standard headers after their last sibling; where a person
//! wrote inline tables or dotted keys, what is added takes that form.

use std::collections::BTreeSet;
use std::path::PathBuf;

use self::merge::merge;
use self::place::Place;
use self::text::{Splice, Text};
use super::document::{self, Data, Entry, Form, Span};
use super::excerpt::{self, Kind};
use crate::addr::{AccountName, Address, Domain};
use crate::config::model::AddressPattern;

pub(super) use self::domain::new_dkim;
pub use self::merge::Merge;
pub(super) use self::render::New;

mod domain;
mod list;
mod merge;
mod nested;
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
    /// A plain key of a domain.
    DomainSet {
        /// Its name.
        domain: Domain,
        /// `localpart_catchall_separators` …
        key: &'static str,
        /// None takes the key away.
        value: Option<Value>,
    },
    /// A new selector of a domain; it does not sign yet.
    DkimAdd {
        /// Whose.
        domain: Domain,
        /// Its name.
        selector: String,
        /// The key file, as it is to stand in the file.
        key_file: String,
    },
    /// A selector of a domain.
    DkimRemove {
        /// Whose.
        domain: Domain,
        /// Its name.
        selector: String,
    },
    /// The selectors of a domain that sign.
    DkimSign {
        /// Whose.
        domain: Domain,
        /// Their names.
        selectors: Vec<String>,
    },
    /// A new alias, to which anybody may send.
    AliasAdd {
        /// Its address.
        alias: Address,
        /// Its members.
        members: Vec<Address>,
    },
    /// An alias.
    AliasRemove {
        /// Its address.
        alias: Address,
    },
    /// A plain key of an alias.
    AliasSet {
        /// Its address.
        alias: Address,
        /// `post_public` …
        key: &'static str,
        /// The value.
        value: Value,
    },
    /// More members of an alias.
    AliasMembersAdd {
        /// The alias.
        alias: Address,
        /// The members, at least one.
        members: Vec<Address>,
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
    /// Many changes at once, for `config apply`.
    Merge(Merge),
}

impl Edit {
    /// What it is about: two changes of the same thing are made one after the other.
    fn subject(&self) -> (Option<&Domain>, Option<&AccountName>) {
        match self {
            Edit::DomainAdd { domain, .. }
            | Edit::DomainRemove { domain }
            | Edit::DomainSetDisabled { domain, .. }
            | Edit::DomainSet { domain, .. }
            | Edit::DkimAdd { domain, .. }
            | Edit::DkimRemove { domain, .. }
            | Edit::DkimSign { domain, .. } => (Some(domain), None),
            Edit::AliasAdd { alias, .. }
            | Edit::AliasRemove { alias }
            | Edit::AliasSet { alias, .. }
            | Edit::AliasMembersAdd { alias, .. }
            | Edit::AliasMemberRemove { alias, .. } => (Some(&alias.domain), None),
            Edit::AccountAdd { account, .. }
            | Edit::AccountRemove { account }
            | Edit::AccountSet { account, .. }
            | Edit::DestinationAdd { account, .. }
            | Edit::DestinationRemove { account, .. } => (None, Some(account)),
            Edit::Merge(_) => (None, None),
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
    /// A list of texts.
    Texts(Vec<String>),
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

/// Makes the changes one after the other, in a text that is TOML: mistakes far from what they are about are
/// not looked for.
pub fn apply(text: &str, edits: &[Edit]) -> Result<String, EditError> {
    if let [Edit::Merge(all), rest @ ..] = edits {
        let changed = merge(text, all)?;
        return match rest {
            [] => Ok(changed),
            rest => apply(&changed, rest),
        };
    }
    let planned = match plan(text, edits, &about(text, edits)) {
        // What is missing may stand where nobody looked.
        Err(_) => plan(text, edits, &[excerpt::whole(text)]),
        planned => planned,
    };
    let (done, splices) = planned?;
    let changed = text::splice(text, splices);
    match edits.get(done..) {
        Some(rest) if !rest.is_empty() => apply(&changed, rest),
        _ => Ok(changed),
    }
}

/// The parts of a text that these changes are about.
fn about(text: &str, edits: &[Edit]) -> Vec<Span> {
    let subjects = || edits.iter().map(Edit::subject);
    let domains: BTreeSet<&str> = subjects().filter_map(|s| s.0).map(Domain::ascii).collect();
    let accounts: BTreeSet<&str> = subjects()
        .filter_map(|s| s.1)
        .map(AccountName::as_str)
        .collect();
    excerpt::select(text, |kind, name| match kind {
        Kind::Domain => domains.contains(name),
        Kind::Account => accounts.contains(name),
    })
}

/// The splices of as many changes as can be made on one reading of the text: at least of the first.
fn plan(text: &str, edits: &[Edit], parts: &[Span]) -> Result<(usize, Vec<Splice>), EditError> {
    let (root, errors) = document::parse_parts(text, parts);
    if !errors.is_empty() {
        return Err(EditError::Syntax);
    }
    let text = Text::new(text);
    let root = Place::root(&root);
    let mut splices: Vec<Splice> = Vec::new();
    let mut subjects = Vec::new();
    for (i, edit) in edits.iter().enumerate() {
        // It is made alone, on a text of its own.
        if matches!(edit, Edit::Merge(_)) {
            return Ok((i, splices));
        }
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
            &domain::new(*disabled, dkim),
        ),
        Edit::DomainRemove { domain } => {
            let domains = root.table("domains")?;
            remove(text, &domains, domain::find(&domains, domain)?)
        }
        Edit::DomainSet { domain, key, value } => {
            let place = domain::enter(root, domain)?;
            set_or_remove(text, &place, key, value.as_ref())
        }
        Edit::DkimAdd {
            domain,
            selector,
            key_file,
        } => domain::add_selector(text, root, domain, selector, key_file),
        Edit::DkimRemove { domain, selector } => {
            let place = domain::enter(root, domain)?.table("dkim")?;
            let place = place.table("selectors")?;
            remove(text, &place, place.entry(selector)?)
        }
        Edit::DkimSign { domain, selectors } => domain::sign(text, root, domain, selectors),
        Edit::AliasAdd { alias, members } => domain::add_alias(text, root, alias, members),
        Edit::AliasRemove { alias } => {
            let aliases = domain::enter(root, &alias.domain)?.table("aliases")?;
            remove(text, &aliases, domain::find_alias(&aliases, alias)?)
        }
        Edit::AliasSet { alias, key, value } => {
            let place = domain::enter_alias(root, alias)?;
            set_or_remove(text, &place, key, Some(value))
        }
        Edit::AliasMembersAdd { alias, members } => {
            let place = domain::enter_alias(root, alias)?;
            let more: Vec<String> = members.iter().map(ToString::to_string).collect();
            list::extend(text, &place, "addresses", &more)
        }
        Edit::DomainSetDisabled { domain, disabled } => {
            let place = domain::enter(root, domain)?;
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
            set_or_remove(text, &place, key, value.as_ref())
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
        Edit::AliasMemberRemove { alias, member } => {
            let place = domain::enter_alias(root, alias)?;
            let is_member = |text: &str| Address::parse(text).as_ref() == Ok(member);
            list::remove(text, &place, "addresses", &member.to_string(), is_member)
        }
        // Made alone, by `apply`.
        Edit::Merge(_) => Ok(Vec::new()),
    }
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

/// Sets a plain key, or takes it away if it is there.
fn set_or_remove(
    text: &Text<'_>,
    place: &Place<'_, '_>,
    key: &str,
    value: Option<&Value>,
) -> Result<Vec<Splice>, EditError> {
    match (value, place.table.entry(key)) {
        (Some(Value::Texts(items)), _) => list::set(text, place, key, items),
        (Some(value), _) => set(text, place, key, &New::from(value)),
        (None, Some(entry)) => remove(text, place, entry),
        (None, None) => Ok(Vec::new()),
    }
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
        return Ok(place.remove_inline(text, &[entry]));
    }
    Ok(text.remove_lines(place::lines_of(text, entry)))
}

#[cfg(test)]
mod tests;
