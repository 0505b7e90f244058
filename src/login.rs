//! The one login path: credentials and a snapshot in, a session or a refusal out (`spec/auth.md`).

use std::net::IpAddr;

use crate::addr::{AccountName, Address};
use crate::snapshot::Snapshot;

/// Where a login is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Protocol {
    Imap,
    Submission,
}

/// How.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// SASL PLAIN.
    Plain,
    /// SASL LOGIN and IMAP's LOGIN command.
    Login,
}

/// A login with user name and password, as it came off the wire.
pub struct PasswordLogin<'a> {
    /// Where.
    pub protocol: Protocol,
    /// How.
    pub mechanism: Mechanism,
    /// SASL authorization identity; empty or the same as `user`, else refused.
    pub authzid: &'a str,
    /// A login address of the account.
    pub user: &'a str,
    /// The password.
    pub password: &'a str,
    /// The client.
    pub remote: IpAddr,
}

/// Somebody is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedIn {
    /// To which account.
    pub account: AccountName,
    /// With which address.
    pub address: Address,
    /// Which password it was: compared with the snapshot's when a session must end.
    pub credential_serial: u64,
}

/// Why not. Each protocol has one mapping to its words (`spec/auth.md`, "One login path").
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginRefusal {
    /// Wrong user or password.
    #[error("wrong user or password")]
    BadCredentials,
    /// The password was right; the account's message.
    #[error("{0}")]
    LoginDisabled(String),
    /// Too many failures from this network.
    #[error("too many failed logins")]
    RateLimited,
    /// Our own fault.
    #[error("temporary failure")]
    Local,
}

/// The login service; one a process.
pub struct Logins {}

impl Logins {
    /// With nothing remembered.
    pub fn new() -> Logins {
        todo!()
    }

    /// The answer without the cost of a hash, when the same password was verified before (keyed hash
    /// in memory, bounded, worthless after a password change). Never a refusal for bad credentials.
    pub fn remembered(
        &self,
        _snapshot: &Snapshot,
        _login: &PasswordLogin<'_>,
    ) -> Option<Result<LoggedIn, LoginRefusal>> {
        todo!()
    }

    /// Verifies a password: tens of milliseconds of processor, so call it where blocking is allowed.
    /// Unknown users cost the same.
    pub fn password(
        &self,
        _snapshot: &Snapshot,
        _login: &PasswordLogin<'_>,
    ) -> Result<LoggedIn, LoginRefusal> {
        todo!()
    }
}
