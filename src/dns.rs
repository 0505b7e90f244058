//! Asking DNS: addresses, mail exchangers, texts, services, certificates, reverse names.
//!
//! [`Resolver`] stands over hickory's pool of DNS servers and not over its resolver, for two reasons:
//! that one sends queries with neither the AD nor the DO bit, and a validating server then leaves
//! the AD bit out of its answer (RFC 6840 §5.7); and it keeps a cache, which the DNS server has
//! already. With validation turned on in hickory every answer of a plain server would be an error.
//!
//! Whether an answer is secure is the word of the DNS server, its AD bit. It counts if all servers
//! asked are on loopback, or the configuration says that they are trusted (RFC 4035 §4.9.3).

mod answer;
mod reach;
mod resolver;

pub use self::answer::{Answer, Caa, Mx, Srv, Tlsa, Txt};
pub use self::resolver::{Resolver, reverse_name};

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DnsError {
    /// Peer: there is no such record, for certain.
    #[error("{name} has no {kind} record")]
    NotFound {
        /// The name asked for.
        name: String,
        /// The type, `MX`.
        kind: &'static str,
        /// Whether the name itself does not exist, with any type (NXDOMAIN).
        no_such_name: bool,
    },
    /// Peer or network: nobody knows for now. Ask again later.
    #[error("{kind} of {name} cannot be looked up for now: {why}")]
    Temporary {
        /// The name asked for.
        name: String,
        /// The type.
        kind: &'static str,
        /// `timeout`, `SERVFAIL`.
        why: String,
        /// Whether no DNS server answered at all.
        unreachable: bool,
    },
    /// Peer: an answer that cannot be used, and will not get better by asking again soon.
    #[error("{kind} of {name}: {why}")]
    Unusable {
        /// The name asked for.
        name: String,
        /// The type.
        kind: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Refused: a text that is no domain name.
    #[error("{0:?} is not a domain name")]
    BadName(String),
    /// Local: the system names no DNS servers.
    #[error("no DNS servers: {0}")]
    NoServers(String),
}

impl DnsError {
    /// Whether it is certain that there is no such record.
    pub fn is_not_found(&self) -> bool {
        matches!(self, DnsError::NotFound { .. })
    }

    /// Whether asking again later may help.
    pub fn is_temporary(&self) -> bool {
        matches!(self, DnsError::Temporary { .. })
    }
}

/// A DNS server for the tests here and above.
#[cfg(test)]
#[path = "../tests/support/dns.rs"]
#[allow(dead_code, unreachable_pub)]
pub(crate) mod server;

#[cfg(test)]
mod tests;
