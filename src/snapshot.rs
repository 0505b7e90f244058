//! compile(config, state) → [`Snapshot`]: all facts, indexed, immutable, with a generation number.

use std::sync::Arc;

use crate::addr::{AccountName, Address, Domain, Localpart};
use crate::config::model::{Account, Config, DomainConfig};
use crate::state::Credential;

/// What every decision is made on. Lookups cost the same with ten accounts and with 100,000.
#[derive(Debug)]
pub struct Snapshot {
    /// Number of the configuration generation.
    pub generation: u64,
    /// The configuration, defaults filled in, paths resolved.
    pub config: Arc<Config>,
}

/// Who an address leads to, before aliases and policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// An account's destination, by its own name, by catchall separator or folding, or by catchall.
    Destination {
        /// The account.
        account: AccountName,
        /// Mailbox to file into (`Inbox` unless the destination says otherwise).
        mailbox: String,
        /// Whether an `@domain` destination matched.
        catchall: bool,
    },
    /// An alias, by its index key.
    Alias(Address),
}

impl Snapshot {
    /// An account.
    pub fn account(&self, _name: &AccountName) -> Option<&Account> {
        todo!()
    }

    /// A domain that is hosted here, disabled ones too.
    pub fn domain(&self, _domain: &Domain) -> Option<&DomainConfig> {
        todo!()
    }

    /// An address at a hosted domain: exact, then catchall separator, case folded as configured,
    /// alias, catchall destination.
    pub fn lookup(&self, _address: &Address) -> Option<Lookup> {
        todo!()
    }

    /// `postmaster` without a domain.
    pub fn postmaster(&self) -> Option<(AccountName, String)> {
        todo!()
    }

    /// The localpart as the domain compares it: separator and what follows cut, case folded.
    pub fn canonical(&self, _address: &Address) -> Localpart {
        todo!()
    }

    /// The account's password verifier, if one was set.
    pub fn credential(&self, _account: &AccountName) -> Option<&Arc<Credential>> {
        todo!()
    }
}
