//! What a change comes down to: edits of mox.toml, operations on the state, files to make. Pure: from
//! facts to a plan or a refusal that names what stands in the way; one file per noun.

mod account;
mod apply;
mod address;
mod alias;
mod dkim;
mod domain;
mod password;
mod setting;
mod tls_key;

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::addr::{AccountName, Address, Domain};
use crate::config::edit::Edit;
use crate::config::model::{Account, Config, DomainConfig};
use crate::diag::did_you_mean;
use crate::snapshot::Snapshot;
use crate::state::{Op, TlsKeys};

use super::{AdminError, Change, Step};

/// What a change would do.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// One line for people.
    pub(super) summary: String,
    /// Of mox.toml.
    pub(super) edits: Vec<Edit>,
    /// Of the state, in the same transaction.
    pub(super) ops: Vec<Op>,
    /// Key files to make before.
    pub(super) keys: Vec<NewKey>,
    /// The line for people where the edits change nothing; empty: the same.
    pub(super) idle: String,
    /// What it does, where that is more than the summary says.
    pub(super) steps: Vec<Step>,
}

impl Plan {
    fn new(summary: String) -> Plan {
        Plan {
            summary,
            ..Plan::default()
        }
    }
}

/// A DKIM key to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewKey {
    /// Where, as it stands in mox.toml: relative to its folder.
    pub(super) file: String,
    /// Of which kind.
    pub(super) kind: KeyKind,
}

/// The kind of a DKIM key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// RSA of 2,048 bits (RFC 6376 §3.3.1), which every receiver knows.
    Rsa,
    /// RFC 8463.
    Ed25519,
}

/// What plans are made from.
pub(super) struct Facts<'a> {
    /// mox.toml as it is on disk, compiled.
    pub(super) snapshot: &'a Snapshot,
    /// Accounts that are being removed.
    pub(super) removals: &'a [AccountName],
    /// Whether there is a mail folder of that name.
    pub(super) has_folder: &'a dyn Fn(&AccountName) -> bool,
    /// Whether there is a file of that name, relative to mox.toml.
    pub(super) has_file: &'a dyn Fn(&str) -> bool,
    /// TLS public keys that were added.
    pub(super) tls_keys: &'a TlsKeys,
    /// A serial that no credential has had.
    pub(super) next_serial: u64,
    /// The time.
    pub(super) now: Timestamp,
}

/// Plans a change; some changes of whole texts are planned elsewhere.
pub(super) fn plan(change: &Change, facts: &Facts<'_>) -> Result<Plan, AdminError> {
    match change {
        Change::DomainAdd {
            domain,
            account,
            localpart,
            disabled,
        } => facts.domain_add(domain, account, localpart.as_ref(), *disabled),
        Change::DomainRemove { domain } => facts.domain_remove(domain),
        Change::DomainSetDisabled { domain, disabled } => {
            facts.domain_set_disabled(domain, *disabled)
        }
        Change::AccountAdd { account, address } => facts.account_add(account, address),
        Change::AccountRemove { account } => facts.account_remove(account),
        Change::AccountSetLoginDisabled { account, message } => {
            facts.account_set_login_disabled(account, message)
        }
        Change::AddressAdd { address, account } => facts.address_add(address, account),
        Change::AddressRemove { address } => facts.address_remove(address),
        Change::AccountSet {
            account,
            key,
            value,
        } => facts.account_set(account, key, value.as_deref()),
        Change::DomainSet { domain, key, value } => facts.domain_set(domain, key, value.as_deref()),
        Change::AliasAdd { alias, members } => facts.alias_add(alias, members),
        Change::AliasUpdate {
            alias,
            post_public,
            list_members,
            allow_msg_from,
        } => facts.alias_update(alias, *post_public, *list_members, *allow_msg_from),
        Change::AliasRemove { alias } => facts.alias_remove(alias),
        Change::AliasMembersAdd {
            alias,
            members,
            if_not_exists,
        } => facts.alias_members_add(alias, members, *if_not_exists),
        Change::AliasMembersRemove {
            alias,
            members,
            if_exists,
        } => facts.alias_members_remove(alias, members, *if_exists),
        Change::DkimAdd {
            domain,
            selector,
            kind,
        } => facts.dkim_add(domain, selector, *kind),
        Change::DkimRemove { domain, selector } => facts.dkim_remove(domain, selector),
        Change::DkimSign { domain, selectors } => facts.dkim_sign(domain, selectors),
        Change::PasswordSet { account, password } => facts.password_set(account, password),
        Change::AdminPasswordSet { password } => facts.admin_password_set(password),
        Change::TlsKeyAdd {
            address,
            name,
            no_imap_preauth,
            certificate,
        } => facts.tls_key_add(address, name, *no_imap_preauth, certificate),
        Change::TlsKeyUpdate {
            fingerprint,
            name,
            no_imap_preauth,
        } => facts.tls_key_update(fingerprint, name.as_deref(), *no_imap_preauth),
        Change::TlsKeyRemove { fingerprint } => facts.tls_key_remove(fingerprint),
        // Not planned here: the first two have no edits, the last needs the file read.
        Change::Adopt | Change::Rollback { .. } | Change::Apply { .. } => {
            Ok(Plan::new("configuration loaded".to_owned()))
        }
    }
}

impl<'a> Facts<'a> {
    fn config(&self) -> &'a Config {
        &self.snapshot.config
    }

    /// A domain that must be there.
    fn domain(&self, name: &Domain) -> Result<&'a DomainConfig, AdminError> {
        let found = self.config().domains.get(name).map(Arc::as_ref);
        found.ok_or_else(|| {
            let known: Vec<String> = self.config().domains.keys().map(Domain::unicode).collect();
            not_found(
                format!("domain {name} is not configured"),
                &name.unicode(),
                known.iter().map(String::as_str),
            )
        })
    }

    /// An account that must be there.
    fn account(&self, name: &AccountName) -> Result<&'a Account, AdminError> {
        let found = self.config().accounts.get(name).map(Arc::as_ref);
        found.ok_or_else(|| {
            not_found(
                format!("account {name} does not exist"),
                name.as_str(),
                self.config().accounts.keys().map(AccountName::as_str),
            )
        })
    }

    /// Whether two addresses are one, as their domain compares them. Separators are not cut.
    fn same_address(&self, a: &Address, b: &Address) -> bool {
        a.domain == b.domain
            && (a.localpart == b.localpart
                || !self
                    .config()
                    .domains
                    .get(&a.domain)
                    .is_some_and(|domain| domain.localpart_case_sensitive)
                    && a.localpart.as_str().to_lowercase() == b.localpart.as_str().to_lowercase())
    }

    /// Every alias: its address, its members.
    fn aliases(&self) -> impl Iterator<Item = (Address, &'a [Address])> {
        self.config().domains.iter().flat_map(|(domain, config)| {
            config.aliases.iter().map(move |(localpart, alias)| {
                let address = Address {
                    localpart: localpart.clone(),
                    domain: domain.clone(),
                };
                (address, alias.addresses.as_slice())
            })
        })
    }

    /// Members that go from aliases along with what they lead to; an alias that would have none left
    /// is a reference that stands in the way.
    fn alias_members_gone(
        &self,
        gone: impl Fn(&Address) -> bool,
        references: &mut Vec<String>,
    ) -> Vec<Edit> {
        let mut edits = Vec::new();
        for (alias, members) in self.aliases() {
            let lost: Vec<&Address> = members.iter().filter(|member| gone(member)).collect();
            if lost.is_empty() {
                continue;
            }
            if lost.len() == members.len() {
                references.push(format!("alias {alias} would have no member left"));
                continue;
            }
            edits.extend(lost.into_iter().map(|member| Edit::AliasMemberRemove {
                alias: alias.clone(),
                member: member.clone(),
            }));
        }
        edits
    }
}

fn not_found<'c>(
    message: String,
    written: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> AdminError {
    let hint = did_you_mean(written, candidates)
        .map(|near| format!("did you mean {near}?"))
        .unwrap_or_default();
    AdminError::NotFound { message, hint }
}

fn conflict(message: String) -> AdminError {
    AdminError::Conflict {
        message,
        hint: String::new(),
    }
}

/// What others refer to cannot go.
fn still_referred_to(what: &str, references: &[String]) -> AdminError {
    const SHOWN: usize = 20;
    let mut list = references
        .iter()
        .take(SHOWN)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join("; ");
    if references.len() > SHOWN {
        list.push_str(&format!("; and {} more", references.len() - SHOWN));
    }
    conflict(format!("{what} cannot be removed: {list}"))
}
