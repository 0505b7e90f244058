//! `[domains."NAME"]`; aliases and routes once the accounts are known.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::account::Owners;
use super::value::{boolean, domain, parse_domain, pattern};
use super::{Context, Names, route};
use crate::addr::{Address, Domain, Localpart};
use crate::config::model::{AddressPattern, Alias, Dkim, DkimSelector, DomainConfig, Route};
use crate::config::reader::At;
use crate::diag::did_you_mean;

pub(super) fn read(
    name: &str,
    at: At<'_, '_>,
    context: &Context<'_>,
) -> Option<(Domain, DomainConfig)> {
    let name = parse_domain(name, at);
    let mut fields = at.fields()?;
    let config = DomainConfig {
        disabled: fields.or("disabled", false, boolean),
        localpart_catchall_separators: fields.or(
            "localpart_catchall_separators",
            Vec::new(),
            |at| read_separators(at),
        ),
        localpart_case_sensitive: fields.or("localpart_case_sensitive", false, boolean),
        client_settings_domain: fields.optional("client_settings_domain", domain),
        dkim: fields.or("dkim", Dkim::default(), |at| read_dkim(at, context)),
        aliases: BTreeMap::new(),
        routes: Vec::new(),
    };
    // Read when the accounts are known.
    fields.optional("aliases", |_| Some(()));
    fields.optional("routes", |_| Some(()));
    fields.reserved("mta_sts", "MTA-STS policies are");
    fields.finish();
    Some((name?, config))
}

fn read_separators(at: At<'_, '_>) -> Option<Vec<String>> {
    let separators = at.list(|at| {
        let text = at.text()?;
        // It must be able to stand within the unquoted part before the @.
        let fits = Localpart::parse(&format!("a{text}b")).is_ok();
        if text.is_empty() || text.starts_with('"') || text.contains('@') || !fits {
            return at.refuse("value", format!("{text:?} cannot divide a localpart"));
        }
        Some(text.to_owned())
    })?;
    for (i, separator) in separators.iter().enumerate() {
        if separators.iter().take(i).any(|s| s == separator) {
            return at.refuse("value", format!("{} has {separator:?} twice", at.path));
        }
    }
    Some(separators)
}

fn read_dkim(at: At<'_, '_>, context: &Context<'_>) -> Option<Dkim> {
    let mut fields = at.fields()?;
    let mut selectors = BTreeMap::new();
    // Those that are there, though they may be wrong themselves.
    let mut named: Vec<String> = Vec::new();
    fields.optional("selectors", |at| {
        at.each(|name, at| {
            named.push(name.to_owned());
            if let Some(selector) = read_selector(name, at, context) {
                selectors.insert(name.to_owned(), selector);
            }
        })
    });
    let sign = fields.or("sign", Vec::new(), |at| {
        at.list(|at| {
            let name = at.text()?;
            if named.iter().any(|n| n == name) {
                return Some(name.to_owned());
            }
            let near = did_you_mean(name, named.iter().map(String::as_str));
            let hint = near
                .map(|n| format!("did you mean {n}?"))
                .unwrap_or_default();
            at.refuse_hint(
                "dkim.unknown_selector",
                format!("there is no selector {name:?}"),
                hint,
            )
        })
    });
    fields.finish();
    Some(Dkim { selectors, sign })
}

/// Whether a text can be a DKIM selector: it becomes a name in DNS (RFC 6376 §3.1).
pub fn is_selector(name: &str) -> bool {
    name.is_ascii() && Domain::parse(name).is_ok() && name.len() <= 63
}

fn read_selector(name: &str, at: At<'_, '_>, context: &Context<'_>) -> Option<DkimSelector> {
    if !is_selector(name) {
        at.refuse::<()>("dkim.selector", format!("{name:?} cannot be a selector"));
    }
    let mut fields = at.fields()?;
    let key_file = fields.required("key_file", |at| {
        let path = context.path(at)?;
        match context.files.dkim_key(&path) {
            Ok(()) => Some(path),
            Err(e) => at.refuse("dkim.key", e.to_string()),
        }
    });
    fields.finish();
    Some(DkimSelector {
        key_file: key_file?,
    })
}

/// The aliases of a domain. What is wrong with the rest of the domain was said already.
pub(super) fn read_aliases(
    domain: &Domain,
    at: At<'_, '_>,
    names: &Names<'_>,
    owners: &mut Owners,
) -> Option<BTreeMap<Localpart, Alias>> {
    let mut aliases = BTreeMap::new();
    at.inner("aliases", |at| {
        at.each(|name, at| {
            if let Some((localpart, alias)) = read_alias(name, domain, at, names, owners) {
                match aliases.entry(localpart) {
                    Entry::Vacant(entry) => {
                        entry.insert(alias);
                    }
                    Entry::Occupied(_) => {}
                }
            }
        })
    });
    Some(aliases)
}

fn read_alias(
    name: &str,
    domain: &Domain,
    at: At<'_, '_>,
    names: &Names<'_>,
    owners: &mut Owners,
) -> Option<(Localpart, Alias)> {
    let localpart = match Localpart::parse(name) {
        Ok(localpart) => Some(localpart),
        Err(e) => at.refuse("alias.invalid", e.to_string()),
    };
    if let Some(localpart) = &localpart {
        let address = AddressPattern::Address(Address {
            localpart: localpart.clone(),
            domain: domain.clone(),
        });
        if names.canonical(&address) != names.folded(&address) {
            at.refuse::<()>(
                "alias.separator",
                format!("alias {address} has a catchall separator of its domain"),
            );
        }
        owners.add_alias(&address, at, names);
    }
    let mut fields = at.fields()?;
    let addresses = fields.required("addresses", |at| {
        if at.array()?.items.is_empty() {
            return at.refuse(
                "alias.empty",
                format!("{} needs at least one member", at.path),
            );
        }
        let members = at.list(|at| read_member(at, names, owners))?;
        for (i, member) in members.iter().enumerate() {
            if members.iter().take(i).any(|m| m == member) {
                at.refuse::<()>("alias.member_twice", format!("{member} is a member twice"));
            }
        }
        Some(members)
    });
    let alias = Alias {
        post_public: fields.or("post_public", false, boolean),
        list_members: fields.or("list_members", false, boolean),
        allow_msg_from: fields.or("allow_msg_from", false, boolean),
        addresses: addresses.unwrap_or_default(),
    };
    fields.finish();
    Some((localpart?, alias))
}

fn read_member(at: At<'_, '_>, names: &Names<'_>, owners: &Owners) -> Option<Address> {
    let AddressPattern::Address(address) = pattern(at.text()?, at)? else {
        return at.refuse("alias.member", "a catchall cannot be a member of an alias");
    };
    names.hosted(&address.domain, at)?;
    owners.member(&address, at, names)?;
    Some(address)
}

/// The routes of a domain.
pub(super) fn read_routes(at: At<'_, '_>, names: &Names<'_>) -> Option<Vec<Route>> {
    at.inner("routes", |at| at.list(|at| route::read(at, names)))
}
