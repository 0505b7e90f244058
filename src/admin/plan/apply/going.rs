//! What comes and what goes when a file is applied, by name, for those who ask whether something is in the way.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;

use crate::addr::{AccountName, Address, Domain, Localpart};
use crate::config::desired::Difference;
use crate::config::model::AddressPattern;

/// What the differences take away and add, by name.
#[derive(Default)]
pub(super) struct Going {
    pub(super) accounts: BTreeSet<AccountName>,
    pub(super) accounts_added: Vec<AccountName>,
    pub(super) domains: BTreeSet<Domain>,
    pub(super) domains_added: Vec<Domain>,
    /// By the account that loses them.
    pub(super) addresses: HashMap<AccountName, HashSet<AddressPattern>>,
    pub(super) addresses_added: Vec<(AccountName, AddressPattern)>,
    pub(super) aliases: HashSet<Address>,
    pub(super) aliases_added: Vec<Address>,
    /// Domains and accounts whose routes the file sets.
    pub(super) routes: HashSet<String>,
}

impl Going {
    pub(super) fn of(differences: &[Difference]) -> Going {
        let mut going = Going::default();
        for difference in differences {
            let path: Vec<&str> = difference.path.iter().map(String::as_str).collect();
            let goes = difference.new.is_null();
            match path.as_slice() {
                ["accounts", name, rest @ ..] => {
                    if let Ok(name) = AccountName::parse(name) {
                        going.account(name, rest, difference, goes);
                    }
                }
                ["domains", name, rest @ ..] => {
                    if let Ok(name) = Domain::parse(name) {
                        going.domain(name, rest, difference, goes);
                    }
                }
                _ => {}
            }
        }
        going
    }

    fn account(&mut self, name: AccountName, rest: &[&str], difference: &Difference, goes: bool) {
        match rest {
            [] if goes => {
                self.accounts.insert(name);
            }
            [] => {
                let destinations = difference.new.get("destinations");
                for (address, _) in destinations.iter().filter_map(|d| d.as_object()).flatten() {
                    if let Ok(pattern) = AddressPattern::parse(address) {
                        self.addresses_added.push((name.clone(), pattern));
                    }
                }
                self.accounts_added.push(name);
            }
            ["destinations", address] => match AddressPattern::parse(address) {
                Ok(pattern) if goes => {
                    self.addresses.entry(name).or_default().insert(pattern);
                }
                Ok(pattern) if difference.old.is_null() => {
                    self.addresses_added.push((name, pattern));
                }
                _ => {}
            },
            ["routes"] => {
                self.routes.insert(name.to_string());
            }
            _ => {}
        }
    }

    fn domain(&mut self, name: Domain, rest: &[&str], difference: &Difference, goes: bool) {
        let alias = |localpart: &str| {
            let localpart = Localpart::parse(localpart).ok()?;
            let domain = name.clone();
            Some(Address { localpart, domain })
        };
        match rest {
            [] if goes => {
                let aliases = difference.old.get("aliases").and_then(Value::as_object);
                let names = aliases.into_iter().flat_map(|aliases| aliases.keys());
                self.aliases.extend(names.filter_map(|name| alias(name)));
                self.domains.insert(name);
            }
            [] => {
                let aliases = difference.new.get("aliases").and_then(Value::as_object);
                let names = aliases.into_iter().flat_map(|aliases| aliases.keys());
                self.aliases_added
                    .extend(names.filter_map(|name| alias(name)));
                self.domains_added.push(name);
            }
            ["aliases", localpart] => match goes {
                true => self.aliases.extend(alias(localpart)),
                false if difference.old.is_null() => self.aliases_added.extend(alias(localpart)),
                false => {}
            },
            ["routes"] => {
                self.routes.insert(name.to_string());
            }
            _ => {}
        }
    }

    pub(super) fn takes(&self, account: &AccountName, pattern: &AddressPattern) -> bool {
        self.accounts.contains(account)
            || self
                .addresses
                .get(account)
                .is_some_and(|lost| lost.contains(pattern))
    }

    pub(super) fn takes_alias(&self, alias: &Address) -> bool {
        self.aliases.contains(alias)
    }
}
