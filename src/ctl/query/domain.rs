//! The domains in a list, and one with what is at it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::AddressRow;
use super::not_found;
use crate::addr::Domain;
use crate::admin::AdminError;
use crate::config::model::DomainConfig;
use crate::snapshot::Snapshot;
use crate::zone::DomainDns;

/// A domain in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainRow {
    /// U-labels.
    pub domain: String,
    /// Mail that involves it is refused for now.
    pub disabled: bool,
    /// Accounts with an address at it.
    pub accounts: u64,
    /// Addresses at it, a catchall included.
    pub addresses: u64,
    /// Aliases at it.
    pub aliases: u64,
}

/// A domain with what is at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainDetail {
    /// U-labels.
    pub domain: String,
    /// Mail that involves it is refused for now.
    pub disabled: bool,
    /// Accounts with an address at it, sorted.
    pub accounts: Vec<String>,
    /// Addresses at it and whose they are, sorted.
    pub addresses: Vec<AddressRow>,
    /// Addresses of its aliases, sorted.
    pub aliases: Vec<String>,
    /// Host name given to mail programs.
    pub client_settings_domain: String,
    /// Whether localparts in other case are others.
    pub localpart_case_sensitive: bool,
    /// Texts behind which a localpart does not count.
    pub localpart_catchall_separators: Vec<String>,
}

/// Counts in one walk over the accounts, whatever the number of domains.
pub(super) fn rows(snapshot: &Snapshot) -> Vec<DomainRow> {
    let config = &snapshot.config;
    let mut counts: HashMap<&Domain, (u64, u64)> = HashMap::new();
    for account in config.accounts.values() {
        let mut seen: Vec<&Domain> = Vec::new();
        for pattern in account.destinations.keys() {
            let domain = pattern.domain();
            let (accounts, addresses) = counts.entry(domain).or_default();
            *addresses += 1;
            if !seen.contains(&domain) {
                seen.push(domain);
                *accounts += 1;
            }
        }
    }
    config
        .domains
        .iter()
        .map(|(name, domain)| {
            let (accounts, addresses) = counts.get(name).copied().unwrap_or_default();
            DomainRow {
                domain: name.unicode(),
                disabled: domain.disabled,
                accounts,
                addresses,
                aliases: domain.aliases.len() as u64,
            }
        })
        .collect()
}

pub(super) fn detail(snapshot: &Snapshot, text: &str) -> Result<DomainDetail, AdminError> {
    let (name, domain) = named(snapshot, text)?;
    let mut addresses: Vec<AddressRow> = Vec::new();
    let mut accounts = Vec::new();
    for (account_name, account) in &snapshot.config.accounts {
        let before = addresses.len();
        addresses.extend(
            account
                .destinations
                .iter()
                .filter(|(pattern, _)| pattern.domain() == &name)
                .map(|(pattern, destination)| AddressRow {
                    address: pattern.to_string(),
                    account: account_name.to_string(),
                    mailbox: destination.mailbox.clone(),
                }),
        );
        if addresses.len() > before {
            accounts.push(account_name.to_string());
        }
    }
    addresses.sort();
    Ok(DomainDetail {
        domain: name.unicode(),
        disabled: domain.disabled,
        accounts,
        addresses,
        aliases: (domain.aliases.keys())
            .map(|localpart| format!("{localpart}@{name}"))
            .collect(),
        client_settings_domain: (domain.client_settings_domain.as_ref())
            .unwrap_or(&snapshot.config.server.hostname)
            .unicode(),
        localpart_case_sensitive: domain.localpart_case_sensitive,
        localpart_catchall_separators: domain.localpart_catchall_separators.clone(),
    })
}

/// What the DNS records of one depend on.
pub(super) fn dns(snapshot: &Snapshot, text: &str) -> Result<DomainDns, AdminError> {
    let (name, domain) = named(snapshot, text)?;
    Ok(DomainDns::gather(&snapshot.config, &name, domain))
}

/// A domain that must be there.
pub(super) fn named<'s>(
    snapshot: &'s Snapshot,
    text: &str,
) -> Result<(Domain, &'s DomainConfig), AdminError> {
    let name = Domain::parse(text).map_err(|e| AdminError::Usage(e.to_string()))?;
    match snapshot.domain(&name) {
        Some(domain) => Ok((name, domain)),
        None => {
            let domains = snapshot.config.domains.keys();
            let known: Vec<String> = domains.map(Domain::unicode).collect();
            Err(not_found("domain", text, &known))
        }
    }
}
