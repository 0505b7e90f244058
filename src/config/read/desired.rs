//! `[domains]` and `[accounts]` of a file for `config apply`: the same keys, read by the same readers.
//! What they refer to may stand in the file itself or in the configuration that it is applied to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::account::Owners;
use super::{Context, Names, account, domain};
use crate::addr::{AccountName, Domain};
use crate::config::document::{Data, Table};
use crate::config::model::{Account, Config, DomainConfig};
use crate::config::reader::{At, Fields, Problems};

/// What a file asks for: sections that are not in it are none of its business.
#[derive(Debug, Default)]
pub(in crate::config) struct Asked {
    pub(in crate::config) domains: Option<BTreeMap<Domain, DomainConfig>>,
    pub(in crate::config) accounts: Option<BTreeMap<AccountName, Account>>,
}

/// Reads the file. With `prune`, what it does not name will be gone and cannot be referred to.
pub(in crate::config) fn read(
    root: &Table<'_>,
    context: &Context<'_>,
    problems: &Problems,
    current: &Config,
    prune: bool,
) -> Asked {
    let mut fields = Fields::root(root, problems);
    let mut asked = Asked::default();
    let mut hosted = BTreeMap::new();
    fields.optional("domains", |at| {
        let mut all = BTreeMap::new();
        at.each(|name, at| {
            if let Some((name, domain)) = domain::read(name, at, context) {
                hosted.insert(
                    name.clone(),
                    comparing(&domain, at, current.domains.get(&name).map(Arc::as_ref)),
                );
                all.insert(name, domain);
            }
        })?;
        asked.domains = Some(all);
        Some(())
    });
    if !(prune && asked.domains.is_some()) {
        for (name, domain) in &current.domains {
            hosted
                .entry(name.clone())
                .or_insert_with(|| DomainConfig::clone(domain));
        }
    }
    let others_stay = !(prune && root.get("accounts").is_some());
    let mut named: BTreeSet<AccountName> = match root.get("accounts").map(|node| &node.data) {
        Some(Data::Table(table)) => {
            let names = table.entries.iter();
            names
                .filter_map(|entry| AccountName::parse(&entry.key).ok())
                .collect()
        }
        _ => BTreeSet::new(),
    };
    if others_stay {
        named.extend(current.accounts.keys().cloned());
    }
    let names = Names {
        domains: &hosted,
        accounts: &named,
    };

    let mut owners = Owners::default();
    fields.optional("accounts", |at| {
        let mut all = BTreeMap::new();
        at.each(|name, at| all.extend(account::read(name, at, &names, &mut owners)))?;
        asked.accounts = Some(all);
        Some(())
    });
    if others_stay || !prune {
        for (name, account) in &current.accounts {
            for pattern in account.destinations.keys() {
                owners.assume(pattern, name, &names);
            }
        }
    }
    fields.optional("domains", |at| {
        at.each(|name, at| {
            let Ok(name) = Domain::parse(name) else {
                return;
            };
            let aliases = domain::read_aliases(&name, at, &names, &mut owners);
            let routes = domain::read_routes(at, &names);
            let domains = asked.domains.as_mut();
            if let Some(domain) = domains.and_then(|domains| domains.get_mut(&name)) {
                domain.aliases = aliases.unwrap_or_default();
                domain.routes = routes.unwrap_or_default();
            }
        })
    });
    fields.finish_part();
    asked
}

/// A domain that compares addresses as it will: keys that the file does not have stay as they are.
fn comparing(asked: &DomainConfig, at: At<'_, '_>, now: Option<&DomainConfig>) -> DomainConfig {
    let mut domain = asked.clone();
    let (Some(now), Data::Table(table)) = (now, &at.node.data) else {
        return domain;
    };
    if table.get("localpart_catchall_separators").is_none() {
        domain
            .localpart_catchall_separators
            .clone_from(&now.localpart_catchall_separators);
    }
    if table.get("localpart_case_sensitive").is_none() {
        domain.localpart_case_sensitive = now.localpart_case_sensitive;
    }
    domain
}
