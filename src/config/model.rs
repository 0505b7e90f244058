//! The typed model of mox.toml: what each key means, its default and its bounds. The doc comment of a
//! field is the text that `mox config describe` and the schema show.
//!
//! Placeholder of the interface: fields are added by the configuration's owner; those here are what
//! the protocol servers rely on.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::addr::{AccountName, Address, Domain};

/// All of mox.toml.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[server]`.
    pub server: Server,
    /// `[limits]`.
    pub limits: Limits,
    /// `[listeners.NAME]`.
    pub listeners: BTreeMap<String, Listener>,
    /// `[domains."NAME"]`.
    pub domains: BTreeMap<Domain, DomainConfig>,
    /// `[accounts.NAME]`.
    pub accounts: BTreeMap<AccountName, Account>,
}

/// `[server]`.
#[derive(Debug, Clone)]
pub struct Server {
    /// The host name in greetings, Received and message ids.
    pub hostname: Domain,
    /// Where the data is, resolved against the file's folder.
    pub data_dir: PathBuf,
}

/// `[limits]`: bounds for everybody, each with its default.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a message on port 25, in submission and in APPEND (100 MiB).
    pub message_size: u64,
    /// Recipients of a message (1,000).
    pub recipients: usize,
    /// Bytes of a message's header (1 MiB).
    pub header_size: u64,
    /// Received fields before a message counts as looping (100).
    pub received: usize,
    /// Connections from one address (IPv6: /64) at a time over all services (100); 0: no limit.
    pub connections_per_address: usize,
    /// A session without a word from the client ends after so long: SMTP (5 minutes).
    pub smtp_idle: Duration,
    /// IMAP when logged in (30 minutes, RFC 9051 §5.4).
    pub imap_idle: Duration,
    /// Before a login (1 minute).
    pub login_idle: Duration,
    /// Failed logins on one connection before it is slowed down (3) …
    pub login_failures: usize,
    /// … by so long for each further one (1 s); 0 for none.
    pub login_failure_delay: Duration,
}

/// `[listeners.NAME]`.
#[derive(Debug, Clone)]
pub struct Listener {
    /// Addresses to bind.
    pub ips: Vec<IpAddr>,
    /// The host name in greetings here, if not the server's.
    pub hostname: Option<Domain>,
    /// `[listeners.NAME.tls]`: certificates; none: no TLS, no STARTTLS.
    pub tls: Option<Tls>,
}

/// `[listeners.NAME.tls]`.
#[derive(Debug, Clone)]
pub struct Tls {}

/// `[domains."NAME"]`.
#[derive(Debug, Clone)]
pub struct DomainConfig {
    /// Mail that involves it is refused for now.
    pub disabled: bool,
}

/// `[accounts.NAME]`.
#[derive(Debug, Clone)]
pub struct Account {
    /// The domain its addresses are at by default.
    pub domain: Domain,
    /// A message here stops logins and is shown to who tries.
    pub login_disabled: String,
    /// Bytes it may hold; 0: no limit.
    pub quota: u64,
    /// Its addresses; `None`: the domain's catchall.
    pub destinations: BTreeMap<String, Destination>,
}

/// One of an account's destinations.
#[derive(Debug, Clone)]
pub struct Destination {
    /// The address; `Err`: the catchall of a domain.
    pub address: Result<Address, Domain>,
    /// Mailbox to file into.
    pub mailbox: String,
}
