//! The tree → the model: types, unknown and missing keys, values, and what must fit together. The
//! order matters: what others refer to is read first.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use super::document::Table;
use super::files::Files;
use super::model::{AddressPattern, Config, DomainConfig};
use super::reader::{At, Fields, Problems};
use crate::addr::{AccountName, Address, Domain, Localpart};
use crate::diag::did_you_mean;

mod account;
pub(super) mod desired;
mod domain;
mod listener;
mod route;
mod ruleset;
mod server;
mod value;

pub use account::is_login_message;
pub use domain::is_selector;
pub(super) use server::DEFAULT_DATA_DIR;
pub(super) use value::{domain as domain_name, one_of};

/// What is known while reading.
pub(super) struct Context<'c> {
    /// Relative paths start here.
    pub(super) folder: &'c FilePath,
    /// To look at key files.
    pub(super) files: &'c dyn Files,
}

impl Context<'_> {
    pub(super) fn path(&self, at: At<'_, '_>) -> Option<PathBuf> {
        match at.text()? {
            "" => at.refuse("value", format!("{} is empty", at.path)),
            text => Some(self.folder.join(text)),
        }
    }
}

/// Reads all of a file. The configuration is worth something only if there are no problems.
pub(super) fn read(root: &Table<'_>, context: &Context<'_>, problems: &Problems) -> Option<Config> {
    let mut fields = Fields::root(root, problems);

    let mut domains = BTreeMap::new();
    fields.optional("domains", |at| {
        at.each(|name, at| domains.extend(domain::read(name, at, context)))
    });
    let accounts_named: BTreeSet<AccountName> = root
        .get("accounts")
        .and_then(|node| match &node.data {
            super::document::Data::Table(table) => Some(table),
            _ => None,
        })
        .map(|table| {
            let names = table.entries.iter();
            names
                .filter_map(|e| AccountName::parse(&e.key).ok())
                .collect()
        })
        .unwrap_or_default();
    let names = Names {
        domains: &domains,
        accounts: &accounts_named,
    };

    let mut owners = account::Owners::default();
    let mut accounts = BTreeMap::new();
    fields.required("accounts", |at| {
        at.each(|name, at| accounts.extend(account::read(name, at, &names, &mut owners)))?;
        if at.table()?.entries.is_empty() {
            return at.refuse("key.missing", "at least one account is needed");
        }
        Some(())
    });
    let mut aliases = HashMap::new();
    let mut domain_routes = HashMap::new();
    fields.optional("domains", |at| {
        at.each(|name, at| {
            if let Ok(domain) = Domain::parse(name) {
                if let Some(found) = domain::read_aliases(&domain, at, &names, &mut owners) {
                    aliases.insert(domain.clone(), found);
                }
                if let Some(found) = domain::read_routes(at, &names) {
                    domain_routes.insert(domain, found);
                }
            }
        })
    });

    let server = fields.required("server", |at| server::read(at, context, &names));
    let limits = fields.optional("limits", server::read_limits);
    let auth = fields.optional("auth", server::read_auth);
    let mut listeners = BTreeMap::new();
    fields.required("listeners", |at| {
        let mut bound = listener::Bound::default();
        at.each(|name, at| {
            if let Some(listener) = listener::read(at, context, &mut bound) {
                listeners.insert(name.to_owned(), listener);
            }
        })?;
        if at.table()?.entries.is_empty() {
            return at.refuse("key.missing", "at least one listener is needed");
        }
        Some(())
    });
    let routes = fields.optional("routes", |at| at.list(|at| route::read(at, &names)));
    fields.optional("acme", listener::read_acme);
    fields.reserved("transports", "transports are");
    fields.reserved("loginattempts", "the record of login attempts is");
    fields.finish();

    for (name, found) in aliases {
        if let Some(domain) = domains.get_mut(&name) {
            domain.aliases = found;
        }
    }
    for (name, found) in domain_routes {
        if let Some(domain) = domains.get_mut(&name) {
            domain.routes = found;
        }
    }
    Some(Config {
        server: server?,
        limits: limits.unwrap_or_default(),
        auth: auth.unwrap_or_default(),
        listeners,
        domains: shared(domains),
        accounts: shared(accounts),
        routes: routes.unwrap_or_default(),
    })
}

/// Entries that generations have in common.
fn shared<K: Ord, V>(all: BTreeMap<K, V>) -> BTreeMap<K, Arc<V>> {
    let all = all.into_iter();
    all.map(|(name, entry)| (name, Arc::new(entry))).collect()
}

/// What can be referred to.
pub(super) struct Names<'n> {
    domains: &'n BTreeMap<Domain, DomainConfig>,
    accounts: &'n BTreeSet<AccountName>,
}

impl Names<'_> {
    /// The name of an account that is there.
    fn account(&self, at: At<'_, '_>) -> Option<AccountName> {
        let name = value::account_name(at)?;
        if self.accounts.contains(&name) {
            return Some(name);
        }
        let all = self.accounts.iter().filter(|_| !at.problems.are_many());
        let near = did_you_mean(name.as_str(), all.map(AccountName::as_str));
        let hint = near
            .map(|n| format!("did you mean {n}?"))
            .unwrap_or_default();
        at.refuse_hint(
            "account.unknown",
            format!("there is no account {name}"),
            hint,
        )
    }

    /// Complains about a domain that is not hosted here.
    fn hosted(&self, domain: &Domain, at: At<'_, '_>) -> Option<()> {
        if self.domains.contains_key(domain) {
            return Some(());
        }
        let all = self.domains.keys().filter(|_| !at.problems.are_many());
        let all: Vec<String> = all.map(Domain::unicode).collect();
        let near = did_you_mean(&domain.unicode(), all.iter().map(String::as_str));
        let hint = near
            .map(|n| format!("did you mean {n}?"))
            .unwrap_or_default();
        at.refuse_hint(
            "domain.unknown",
            format!("domain {domain} is not configured"),
            hint,
        )
    }

    /// As the domain compares it, not cut.
    fn folded(&self, pattern: &AddressPattern) -> AddressPattern {
        self.localpart(pattern, DomainConfig::folded)
    }

    /// The same, cut at the first catchall separator.
    fn canonical(&self, pattern: &AddressPattern) -> AddressPattern {
        self.localpart(pattern, DomainConfig::canonical)
    }

    fn localpart(
        &self,
        pattern: &AddressPattern,
        change: impl Fn(&DomainConfig, &Localpart) -> Localpart,
    ) -> AddressPattern {
        match pattern {
            AddressPattern::Address(address) => match self.domains.get(&address.domain) {
                Some(domain) => AddressPattern::Address(Address {
                    localpart: change(domain, &address.localpart),
                    domain: address.domain.clone(),
                }),
                None => pattern.clone(),
            },
            AddressPattern::Catchall(_) => pattern.clone(),
        }
    }
}
