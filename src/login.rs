//! The one login path: credentials and a snapshot in, a session or a refusal out (`spec/auth.md`).
//!
//! No protocol has a login rule of its own: [`Logins`] looks the address up, verifies, checks
//! `login_disabled` and reports the attempt. Nobody learns without the right password whether an
//! account exists or may log in, also not by the time it takes.

mod attempt;
mod key;
pub mod password;
mod remembered;
mod session;

use std::net::IpAddr;
use std::sync::Arc;

use crate::addr::{AccountName, Address};
use crate::sasl::{prepare_password, prepare_user};
use crate::snapshot::{Lookup, Snapshot};
use crate::state::Credential;

use password::Verifier;
use remembered::Remembered;

pub use crate::sasl::Mechanism;
pub use attempt::{Attempt, AttemptResult, Attempts, TracedAttempts};
pub use key::KeyUses;
pub use session::{LoggedIn, Proof, Revoked};

/// Where a login is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Protocol {
    Imap,
    Submission,
}

impl Protocol {
    /// As in `mox loginattempts list`: `imap`, `submission`.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Imap => "imap",
            Protocol::Submission => "submission",
        }
    }
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
pub struct Logins {
    remembered: Remembered,
    verifier: Verifier,
    attempts: Arc<dyn Attempts>,
}

impl Default for Logins {
    fn default() -> Logins {
        Logins::new()
    }
}

impl Logins {
    /// With nothing remembered, and each attempt a line in the log.
    pub fn new() -> Logins {
        Logins::reporting_to(Arc::new(TracedAttempts))
    }

    /// With nothing remembered, telling `attempts` of each attempt.
    pub fn reporting_to(attempts: Arc<dyn Attempts>) -> Logins {
        Logins {
            remembered: Remembered::new(),
            verifier: Verifier::new(),
            attempts,
        }
    }

    /// The answer without the cost of a hash, when the same password was verified before (keyed hash
    /// in memory, bounded, worthless after a password change). Never a refusal for bad credentials.
    pub fn remembered(
        &self,
        snapshot: &Snapshot,
        login: &PasswordLogin<'_>,
    ) -> Option<Result<LoggedIn, LoginRefusal>> {
        let password = prepare_password(login.password)?;
        let claim = Claim::resolve(snapshot, login.user, login.authzid)?;
        let (account, credential) = claim.account?;
        if !self
            .remembered
            .knows(&account, credential.serial, &password)
        {
            return None;
        }
        let result = admit(snapshot, account, claim.address, &credential);
        self.report_password(login, &result, result.as_ref().ok().map(|l| &l.account));
        Some(result)
    }

    /// Verifies a password: tens of milliseconds of processor, so call it where blocking is allowed.
    /// Unknown users cost the same. No more of them run at a time than there are processors; the
    /// others wait here, without memory of their own.
    pub fn password(
        &self,
        snapshot: &Snapshot,
        login: &PasswordLogin<'_>,
    ) -> Result<LoggedIn, LoginRefusal> {
        let claim = Claim::resolve(snapshot, login.user, login.authzid);
        let known = claim.as_ref().and_then(|claim| claim.account.clone());
        let password = prepare_password(login.password);
        // Everything costs one hash: an unknown user, a user without a password, a password that
        // could not have been set.
        let right = self.verifier.verify(
            password.as_ref().map(|p| p.as_str()),
            known.as_ref().map(|(_, credential)| &*credential.argon2),
        );
        let result = match (claim, right) {
            (Some(claim), Ok(true)) => match (claim.account, password) {
                (Some((account, credential)), Some(password)) => {
                    self.remembered
                        .remember(&account, credential.serial, &password);
                    admit(snapshot, account, claim.address, &credential)
                }
                _ => Err(LoginRefusal::BadCredentials),
            },
            (_, Ok(_)) => Err(LoginRefusal::BadCredentials),
            (_, Err(error)) => {
                tracing::error!(account = ?known.as_ref().map(|(name, _)| name), %error, "verify a password");
                Err(LoginRefusal::Local)
            }
        };
        self.report_password(login, &result, known.as_ref().map(|(account, _)| account));
        result
    }

    /// How many passwords were verified by their hash, for metrics.
    pub fn hashes(&self) -> u64 {
        self.verifier.hashes()
    }

    /// An attempt that never got as far as credentials: malformed, aborted.
    pub fn report(&self, attempt: &Attempt<'_>) {
        self.attempts.report(attempt);
    }

    fn report_password(
        &self,
        login: &PasswordLogin<'_>,
        result: &Result<LoggedIn, LoginRefusal>,
        account: Option<&AccountName>,
    ) {
        self.attempts.report(&Attempt {
            protocol: login.protocol,
            mechanism: login.mechanism,
            account,
            user: login.user,
            remote: login.remote,
            result: match result {
                Ok(_) => AttemptResult::Ok,
                Err(LoginRefusal::BadCredentials) => AttemptResult::BadCredentials,
                Err(LoginRefusal::LoginDisabled(_)) => AttemptResult::LoginDisabled,
                Err(LoginRefusal::RateLimited) => AttemptResult::RateLimited,
                Err(LoginRefusal::Local) => AttemptResult::Error,
            },
        });
    }
}

/// Who somebody claims to be.
struct Claim {
    address: Address,
    /// None: nobody has the address, or its account has no password.
    account: Option<(AccountName, Arc<Credential>)>,
}

impl Claim {
    /// None when it can be nobody: no address, or another authorization identity.
    fn resolve(snapshot: &Snapshot, user: &str, authzid: &str) -> Option<Claim> {
        let address = parse_user(user)?;
        if !authzid.is_empty() && parse_user(authzid)? != address {
            return None;
        }
        let account = match snapshot.lookup(&address) {
            Some(Lookup::Destination { account, .. }) => snapshot
                .credential(&account)
                .map(|credential| (account.clone(), Arc::clone(credential))),
            Some(Lookup::Alias(_)) | None => None,
        };
        Some(Claim { address, account })
    }
}

/// A user name is a mail address, in any Unicode form.
fn parse_user(user: &str) -> Option<Address> {
    Address::parse(&prepare_user(user)?).ok()
}

/// What a login with the right password comes to. Nothing is verified: for who explains.
pub fn with_right_password(snapshot: &Snapshot, user: &str) -> Result<LoggedIn, LoginRefusal> {
    let claim = Claim::resolve(snapshot, user, "").ok_or(LoginRefusal::BadCredentials)?;
    let (account, credential) = claim.account.ok_or(LoginRefusal::BadCredentials)?;
    admit(snapshot, account, claim.address, &credential)
}

/// The password was right: may the account log in?
fn admit(
    snapshot: &Snapshot,
    account: AccountName,
    address: Address,
    credential: &Credential,
) -> Result<LoggedIn, LoginRefusal> {
    let Some(settings) = snapshot.account(&account) else {
        return Err(LoginRefusal::BadCredentials);
    };
    if !settings.login_disabled.is_empty() {
        return Err(LoginRefusal::LoginDisabled(settings.login_disabled.clone()));
    }
    Ok(LoggedIn {
        account,
        address,
        by: Proof::Password {
            serial: credential.serial,
        },
    })
}

#[cfg(test)]
mod tests;
