//! Aliases of a domain, and one with its members.

use serde::{Deserialize, Serialize};

use super::{domain, not_found};
use crate::addr::{Address, Localpart};
use crate::admin::AdminError;
use crate::config::model::Alias;
use crate::snapshot::Snapshot;

/// An alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasRow {
    /// Its address.
    pub alias: String,
    /// Its domain, U-labels.
    pub domain: String,
    /// Its members, in the order of the file.
    pub addresses: Vec<String>,
    /// Whether others than its members may send to it.
    pub post_public: bool,
    /// Whether members see who else is one.
    pub list_members: bool,
    /// Whether members may send as it.
    pub allow_msg_from: bool,
}

impl AliasRow {
    fn of(address: &Address, alias: &Alias) -> AliasRow {
        AliasRow {
            alias: address.to_string(),
            domain: address.domain.unicode(),
            addresses: alias.addresses.iter().map(Address::to_string).collect(),
            post_public: alias.post_public,
            list_members: alias.list_members,
            allow_msg_from: alias.allow_msg_from,
        }
    }
}

/// Those of a domain, sorted.
pub(super) fn of_domain(snapshot: &Snapshot, text: &str) -> Result<Vec<AliasRow>, AdminError> {
    let (name, domain) = domain::named(snapshot, text)?;
    let row = |(localpart, alias): (&Localpart, &Alias)| {
        let address = Address {
            localpart: localpart.clone(),
            domain: name.clone(),
        };
        AliasRow::of(&address, alias)
    };
    Ok(domain.aliases.iter().map(row).collect())
}

/// One of them, by its address as the domain compares it.
pub(super) fn named(snapshot: &Snapshot, text: &str) -> Result<AliasRow, AdminError> {
    let address = Address::parse(text).map_err(|e| AdminError::Usage(e.to_string()))?;
    let (_, domain) = domain::named(snapshot, &address.domain.unicode())?;
    let folded = domain.folded(&address.localpart);
    let mut aliases = domain.aliases.iter();
    match aliases.find(|(localpart, _)| domain.folded(localpart) == folded) {
        Some((localpart, alias)) => {
            let address = Address {
                localpart: localpart.clone(),
                domain: address.domain,
            };
            Ok(AliasRow::of(&address, alias))
        }
        None => {
            let known: Vec<String> = snapshot
                .config
                .domains
                .iter()
                .flat_map(|(domain, config)| {
                    let aliases = config.aliases.keys();
                    aliases.map(move |localpart| format!("{localpart}@{domain}"))
                })
                .collect();
            Err(not_found("alias", text, &known))
        }
    }
}
