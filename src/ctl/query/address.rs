//! The destinations of accounts, whose an address is, and what mail programs are told for it.

use serde::{Deserialize, Serialize};

use super::not_found;
use crate::addr::{AccountName, Address, Domain};
use crate::admin::AdminError;
use crate::config::model::{Account, AddressPattern};
use crate::policy::{MailSettings, NoMailSettings, mail_settings};
use crate::snapshot::{Lookup, Snapshot};

/// A destination.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AddressRow {
    /// The address, `@domain` for a catchall.
    pub address: String,
    /// Whose.
    pub account: String,
    /// Where its mail is filed.
    pub mailbox: String,
}

/// Who gets mail for an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressOwner {
    /// The account.
    pub account: String,
    /// The destination that matches: catchall separator and case folded, or `@domain`.
    pub address: String,
    /// Whether only a catchall matches it.
    pub catchall: bool,
}

/// All destinations, sorted.
pub(super) fn rows(snapshot: &Snapshot) -> Vec<AddressRow> {
    let accounts = snapshot.config.accounts.iter();
    let mut rows: Vec<AddressRow> = accounts
        .flat_map(|(name, account)| of_account(name, account))
        .collect();
    rows.sort();
    rows
}

pub(super) fn of_account<'a>(
    name: &'a AccountName,
    account: &'a Account,
) -> impl Iterator<Item = AddressRow> + 'a {
    account
        .destinations
        .iter()
        .map(move |(pattern, destination)| AddressRow {
            address: pattern.to_string(),
            account: name.to_string(),
            mailbox: destination.mailbox.clone(),
        })
}

pub(super) fn owner(snapshot: &Snapshot, text: &str) -> Result<AddressOwner, AdminError> {
    if let Some(domain) = text.strip_prefix('@') {
        let domain = Domain::parse(domain).map_err(|e| AdminError::Usage(e.to_string()))?;
        let catchall = AddressPattern::Catchall(domain.clone());
        return snapshot
            .config
            .accounts
            .iter()
            .find(|(_, account)| account.destinations.contains_key(&catchall))
            .map(|(name, _)| AddressOwner {
                account: name.to_string(),
                address: format!("@{domain}"),
                catchall: true,
            })
            .ok_or_else(|| AdminError::NotFound {
                message: format!("domain {domain} has no catchall address"),
                hint: String::new(),
            });
    }
    let address = parse(text)?;
    match snapshot.lookup(&address) {
        Some(Lookup::Destination {
            account, catchall, ..
        }) => Ok(AddressOwner {
            account: account.to_string(),
            address: match catchall {
                true => format!("@{}", address.domain),
                false => Address {
                    localpart: snapshot.canonical(&address),
                    domain: address.domain.clone(),
                }
                .to_string(),
            },
            catchall,
        }),
        Some(Lookup::Alias(alias)) => Err(AdminError::NotFound {
            message: format!("{address} is the alias {alias}, no account's address"),
            hint: String::new(),
        }),
        None => {
            let known: Vec<String> = snapshot
                .config
                .accounts
                .values()
                .flat_map(|account| account.destinations.keys())
                .map(ToString::to_string)
                .collect();
            Err(not_found("address", text, &known))
        }
    }
}

pub(super) fn settings(snapshot: &Snapshot, text: &str) -> Result<MailSettings, AdminError> {
    let address = parse(text)?;
    mail_settings(snapshot, &address).map_err(|none| match none {
        // The owner's refusal knows a name that is near.
        NoMailSettings::NotAnAccounts => match owner(snapshot, text) {
            Err(refusal) => refusal,
            Ok(_) => not_found("address", text, &[]),
        },
        NoMailSettings::NoService(name) => AdminError::Conflict {
            message: format!("no listener offers {name}"),
            hint: format!("give one of them tls and {name} in mox.toml"),
        },
    })
}

fn parse(text: &str) -> Result<Address, AdminError> {
    Address::parse(text).map_err(|e| AdminError::Usage(e.to_string()))
}
