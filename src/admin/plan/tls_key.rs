//! TLS public keys: add, update, remove (`spec/auth.md`).

use std::sync::Arc;

use crate::addr::{AccountName, Address, Domain};
use crate::config::model::AddressPattern;
use crate::snapshot::Lookup;
use crate::state::{Op, TlsKey};
use crate::x509::{Certificate, Fingerprint};

use super::{AdminError, Facts, Plan, conflict, not_found};

/// Characters of a key's name.
const LONGEST_NAME: usize = 128;

impl Facts<'_> {
    pub(super) fn tls_key_add(
        &self,
        address: &Address,
        name: &str,
        no_imap_preauth: bool,
        certificate: &Certificate,
    ) -> Result<Plan, AdminError> {
        let refused = |error: crate::x509::PublicKeyError| AdminError::Usage(error.to_string());
        let public_key = certificate.public_key().map_err(refused)?;
        let fingerprint = public_key.fingerprint();
        let (account, login_address) = self.login_address(address)?;
        if let Some(known) = self.tls_keys.get(&fingerprint) {
            return Err(conflict(format!(
                "the TLS public key {fingerprint} belongs to account {} already",
                known.account
            )));
        }
        let key = TlsKey {
            fingerprint,
            key_type: public_key.key_type(),
            name: match name {
                "" => certificate.name(),
                name => checked(name)?,
            },
            account: account.clone(),
            login_address,
            no_imap_preauth,
            created: self.now,
        };
        let mut plan = Plan::new(format!(
            "TLS public key added: {fingerprint} for {}",
            key.login_address
        ));
        plan.ops
            .push(Op::AddTlsKey(Arc::new(key), certificate.clone()));
        Ok(plan)
    }

    pub(super) fn tls_key_update(
        &self,
        fingerprint: &Fingerprint,
        name: Option<&str>,
        no_imap_preauth: Option<bool>,
    ) -> Result<Plan, AdminError> {
        let known = self.tls_key(fingerprint)?;
        let mut key = TlsKey::clone(known);
        if let Some(name) = name {
            key.name = checked(name)?;
        }
        key.no_imap_preauth = no_imap_preauth.unwrap_or(key.no_imap_preauth);
        if key == **known {
            return Ok(Plan::new(format!(
                "TLS public key is so already: {fingerprint}"
            )));
        }
        let mut plan = Plan::new(format!("TLS public key updated: {fingerprint}"));
        plan.ops.push(Op::SetTlsKey(Arc::new(key)));
        Ok(plan)
    }

    pub(super) fn tls_key_remove(&self, fingerprint: &Fingerprint) -> Result<Plan, AdminError> {
        let key = self.tls_key(fingerprint)?;
        let mut plan = Plan::new(format!(
            "TLS public key removed: {fingerprint} of account {}",
            key.account
        ));
        plan.ops.push(Op::DropTlsKey(*fingerprint));
        Ok(plan)
    }

    /// A key that must be there.
    fn tls_key(&self, fingerprint: &Fingerprint) -> Result<&Arc<TlsKey>, AdminError> {
        self.tls_keys.get(fingerprint).ok_or_else(|| {
            let known: Vec<String> = self
                .tls_keys
                .iter()
                .map(|key| key.fingerprint.to_string())
                .collect();
            not_found(
                format!("there is no TLS public key {fingerprint}"),
                &fingerprint.to_string(),
                known.iter().map(String::as_str),
            )
        })
    }

    /// The account of an address, and the address as it stands in mox.toml. A catchall makes no
    /// address its account's own.
    fn login_address(&self, address: &Address) -> Result<(&AccountName, Address), AdminError> {
        let why = match self.snapshot.lookup(address) {
            Some(Lookup::Destination {
                catchall: false, ..
            }) => {
                let pattern = AddressPattern::Address(Address {
                    localpart: self.snapshot.canonical(address),
                    domain: address.domain.clone(),
                });
                let whole = AddressPattern::Address(address.clone());
                let owner = self.owner(&whole).or_else(|| self.owner(&pattern));
                match owner {
                    Some((account, AddressPattern::Address(written))) => {
                        return Ok((account, written.clone()));
                    }
                    _ => format!("address {address} belongs to no account"),
                }
            }
            Some(Lookup::Destination { account, .. }) => format!(
                "address {address} is no address of its own: only the catchall of account {account} matches it"
            ),
            Some(Lookup::Alias(alias)) => {
                format!("address {address} is the alias {alias}, no account's address")
            }
            None => format!("address {address} belongs to no account"),
        };
        let accounts = self.config().accounts.values();
        let known: Vec<String> = accounts
            .flat_map(|account| account.destinations.keys())
            .filter(|pattern| matches!(pattern, AddressPattern::Address(_)))
            .map(ToString::to_string)
            .collect();
        let known = known.iter().map(String::as_str);
        Err(not_found(why, &address.to_string(), known))
    }

    /// Keys that an address would be taken from, as references.
    pub(super) fn tls_keys_with(&self, address: &Address) -> Vec<String> {
        self.references(|key| self.same_address(&key.login_address, address))
    }

    /// Keys whose login address is at a domain.
    pub(super) fn tls_keys_at(&self, domain: &Domain) -> Vec<String> {
        self.references(|key| key.login_address.domain == *domain)
    }

    /// Keys of other accounts that log in with an address of this one: a hand edit moved it.
    pub(super) fn tls_keys_of_others(&self, account: &AccountName) -> Vec<String> {
        let its = |key: &TlsKey| {
            key.account != *account
                && matches!(
                    self.snapshot.lookup(&key.login_address),
                    Some(Lookup::Destination { account: owner, catchall: false, .. })
                        if owner == *account
                )
        };
        self.references(its)
    }

    /// Keys that refer to something, as references.
    pub(super) fn references(&self, refers: impl Fn(&TlsKey) -> bool) -> Vec<String> {
        let mut all: Vec<String> = self
            .tls_keys
            .iter()
            .filter(|key| refers(key))
            .map(|key| {
                format!(
                    "the TLS public key {} of account {} logs in with {}",
                    key.fingerprint, key.account, key.login_address
                )
            })
            .collect();
        all.sort();
        all
    }
}

fn checked(name: &str) -> Result<String, AdminError> {
    let name = name.trim();
    match !name.is_empty()
        && name.chars().count() <= LONGEST_NAME
        && !name.contains(char::is_control)
    {
        true => Ok(name.to_owned()),
        false => Err(AdminError::Usage(format!(
            "the name of a key is 1 to {LONGEST_NAME} characters on one line"
        ))),
    }
}
