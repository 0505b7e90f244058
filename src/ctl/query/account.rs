//! The accounts in a list, and one with all there is to say of it.

use serde::{Deserialize, Serialize};

use super::address::{self, AddressRow};
use super::not_found;
use crate::addr::AccountName;
use crate::admin::AdminError;
use crate::config::model::Account;
use crate::snapshot::Snapshot;

/// An account in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRow {
    /// Its name.
    pub account: String,
    /// Its own domain.
    pub domain: String,
    /// The message that stops logins; empty when they work.
    pub login_disabled: String,
    /// Its addresses, `@domain` for a catchall.
    pub addresses: Vec<String>,
    /// Bytes it may hold; 0: no limit.
    pub quota: u64,
}

/// An account with all there is to say of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountDetail {
    /// As in a list.
    #[serde(flatten)]
    pub row: AccountRow,
    /// Its addresses and where their mail goes.
    pub destinations: Vec<AddressRow>,
    /// Name of its owner.
    pub full_name: String,
    /// Whether a password was set.
    pub password: bool,
}

/// All of them, sorted.
pub(super) fn rows(snapshot: &Snapshot) -> Vec<AccountRow> {
    let accounts = snapshot.config.accounts.iter();
    accounts.map(|(name, account)| row(name, account)).collect()
}

pub(super) fn detail(snapshot: &Snapshot, text: &str) -> Result<AccountDetail, AdminError> {
    let name = named(snapshot, text)?;
    let Some(account) = snapshot.account(&name) else {
        return Err(not_found("account", text, &[]));
    };
    Ok(AccountDetail {
        row: row(&name, account),
        destinations: address::of_account(&name, account).collect(),
        full_name: account.full_name.clone(),
        password: snapshot.credential(&name).is_some(),
    })
}

/// The name of an account that is there.
pub(super) fn named(snapshot: &Snapshot, text: &str) -> Result<AccountName, AdminError> {
    let name = AccountName::parse(text).map_err(|e| AdminError::Usage(e.to_string()))?;
    if snapshot.account(&name).is_some() {
        return Ok(name);
    }
    let known = snapshot.config.accounts.keys();
    let known: Vec<String> = known.map(ToString::to_string).collect();
    Err(not_found("account", text, &known))
}

fn row(name: &AccountName, account: &Account) -> AccountRow {
    AccountRow {
        account: name.to_string(),
        domain: account.domain.unicode(),
        login_disabled: account.login_disabled.clone(),
        addresses: account
            .destinations
            .keys()
            .map(ToString::to_string)
            .collect(),
        quota: account.quota,
    }
}
