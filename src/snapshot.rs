//! compile(config, state) → [`Snapshot`]: all facts, indexed, immutable, with a generation number.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::addr::{AccountName, Address, Domain, Localpart};
use crate::config::model::{Account, AddressPattern, Config, DomainConfig, Ruleset};
use crate::state::{Credential, TlsKey, TlsKeys};
use crate::x509::Fingerprint;

/// What every decision is made on. Lookups cost the same with ten accounts and with 100,000.
#[derive(Debug)]
pub struct Snapshot {
    /// Number of the configuration generation.
    pub generation: u64,
    /// The configuration, defaults filled in, paths resolved.
    pub config: Arc<Config>,
    /// Password verifiers of accounts that have one.
    credentials: Arc<HashMap<AccountName, Arc<Credential>>>,
    /// TLS public keys that were added.
    tls_keys: Arc<TlsKeys>,
    index: Arc<Index>,
}

/// The configuration by what is looked up.
#[derive(Debug)]
struct Index {
    /// Destinations and aliases by their address, case folded as its domain wants it.
    addresses: HashMap<Address, Lookup>,
    /// Catchall destinations.
    catchalls: HashMap<Domain, Lookup>,
    /// Names that this machine is known by in greetings: `postmaster` at them is ours.
    hostnames: HashSet<Domain>,
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
        /// What goes to other mailboxes.
        rulesets: Arc<[Ruleset]>,
        /// Whether an `@domain` destination matched.
        catchall: bool,
    },
    /// An alias, by its address in the configuration.
    Alias(Address),
}

impl Snapshot {
    /// Indexes a valid configuration. The work is linear in the number of addresses.
    pub fn compile(
        generation: u64,
        config: Arc<Config>,
        credentials: Arc<HashMap<AccountName, Arc<Credential>>>,
    ) -> Snapshot {
        let index = Arc::new(Index::of(&config));
        Snapshot {
            generation,
            config,
            credentials,
            tls_keys: Arc::default(),
            index,
        }
    }

    /// With these TLS public keys.
    #[must_use]
    pub fn with_tls_keys(mut self, tls_keys: Arc<TlsKeys>) -> Snapshot {
        self.tls_keys = tls_keys;
        self
    }

    /// With a configuration in which every address leads where it does in this one.
    pub(crate) fn with_config(&self, config: Arc<Config>) -> Snapshot {
        Snapshot {
            generation: self.generation,
            config,
            credentials: self.credentials.clone(),
            tls_keys: self.tls_keys.clone(),
            index: self.index.clone(),
        }
    }

    /// With another configuration, valid too.
    pub(crate) fn recompiled(&self, config: Arc<Config>) -> Snapshot {
        Snapshot::compile(self.generation, config, self.credentials.clone())
    }

    /// The same facts under another number, for a change of state alone.
    pub fn with_credentials(
        &self,
        generation: u64,
        credentials: Arc<HashMap<AccountName, Arc<Credential>>>,
    ) -> Snapshot {
        let (config, index) = (self.config.clone(), self.index.clone());
        Snapshot {
            generation,
            config,
            credentials,
            tls_keys: self.tls_keys.clone(),
            index,
        }
    }

    /// An account.
    pub fn account(&self, name: &AccountName) -> Option<&Account> {
        self.config.accounts.get(name).map(Arc::as_ref)
    }

    /// A domain that is hosted here, disabled ones too.
    pub fn domain(&self, domain: &Domain) -> Option<&DomainConfig> {
        self.config.domains.get(domain).map(Arc::as_ref)
    }

    /// An address at a hosted domain: as it stands, then cut at a catchall separator, each case folded
    /// as configured; then the domain's catchall. Nothing for an address elsewhere.
    pub fn lookup(&self, address: &Address) -> Option<Lookup> {
        let domain = self.config.domains.get(&address.domain)?;
        let whole = folded(Some(domain), address);
        if let Some(found) = self.index.addresses.get(&whole) {
            return Some(found.clone());
        }
        let canonical = Address {
            localpart: domain.canonical(&address.localpart),
            domain: whole.domain,
        };
        let found = self.index.addresses.get(&canonical);
        found
            .or_else(|| self.index.catchalls.get(&canonical.domain))
            .cloned()
    }

    /// Who gets mail to `postmaster` where nothing else takes it: account and mailbox.
    pub fn postmaster(&self) -> Option<(AccountName, String)> {
        let postmaster = self.config.server.postmaster.as_ref()?;
        Some((postmaster.account.clone(), postmaster.mailbox.clone()))
    }

    /// Whether this machine greets with that name somewhere.
    pub fn is_hostname(&self, domain: &Domain) -> bool {
        self.index.hostnames.contains(domain)
    }

    /// The localpart as its domain compares it: separator and what follows cut, case folded.
    pub fn canonical(&self, address: &Address) -> Localpart {
        match self.config.domains.get(&address.domain) {
            Some(domain) => domain.canonical(&address.localpart),
            None => address.localpart.clone(),
        }
    }

    /// The account's password verifier, if one was set.
    pub fn credential(&self, account: &AccountName) -> Option<&Arc<Credential>> {
        self.credentials.get(account)
    }

    /// A TLS public key that was added. Whether it logs anybody in is for [`crate::login`] to say.
    pub fn tls_key(&self, fingerprint: &Fingerprint) -> Option<&Arc<TlsKey>> {
        self.tls_keys.get(fingerprint)
    }

    /// All of them, by fingerprint and by account.
    pub fn tls_keys(&self) -> &TlsKeys {
        &self.tls_keys
    }
}

impl Index {
    fn of(config: &Config) -> Index {
        let mut addresses = HashMap::with_capacity(config.accounts.len());
        let mut catchalls = HashMap::new();
        for (name, account) in &config.accounts {
            for (pattern, destination) in &account.destinations {
                let lookup = |catchall| Lookup::Destination {
                    account: name.clone(),
                    mailbox: destination.mailbox.clone(),
                    rulesets: Arc::clone(&destination.rulesets),
                    catchall,
                };
                match pattern {
                    AddressPattern::Address(address) => {
                        let domain = config.domains.get(&address.domain).map(Arc::as_ref);
                        addresses.insert(folded(domain, address), lookup(false));
                    }
                    AddressPattern::Catchall(domain) => {
                        catchalls.insert(domain.clone(), lookup(true));
                    }
                }
            }
        }
        for (name, domain) in &config.domains {
            for localpart in domain.aliases.keys() {
                let address = Address {
                    localpart: localpart.clone(),
                    domain: name.clone(),
                };
                addresses.insert(folded(Some(domain), &address), Lookup::Alias(address));
            }
        }
        let listeners = config.listeners.values().filter_map(|l| l.hostname.clone());
        let hostnames = listeners.chain([config.server.hostname.clone()]).collect();
        Index {
            addresses,
            catchalls,
            hostnames,
        }
    }
}

/// The address with its localpart as its domain folds it.
fn folded(domain: Option<&DomainConfig>, address: &Address) -> Address {
    let localpart = match domain {
        Some(domain) => domain.folded(&address.localpart),
        None => address.localpart.clone(),
    };
    let domain = address.domain.clone();
    Address { localpart, domain }
}

#[cfg(test)]
pub(crate) mod tests;
