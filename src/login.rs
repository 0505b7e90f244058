//! The one login path: credentials and a snapshot in, a session or a refusal out (`spec/auth.md`).
//!
//! No protocol has a login rule of its own: [`Logins`] looks the address up, verifies, limits guesses,
//! checks `login_disabled` and reports the attempt; a [`Dialogue`] takes the lines of a client and gives
//! those of the server. Nobody learns without the right password whether an account exists or may log
//! in, also not by the time it takes.

mod attempt;
mod decoy;
mod dialogue;
mod external;
mod key;
mod limiter;
mod origin;
pub mod password;
mod remembered;
mod session;

use std::sync::Arc;

use crate::addr::{AccountName, Address};
use crate::sasl::{SaslError, prepare_password, prepare_user};
use crate::snapshot::{Lookup, Snapshot};
use crate::state::Credential;

use decoy::Decoy;
use limiter::Limiter;
use password::Verifier;
use remembered::Remembered;

pub use crate::sasl::Mechanism;
pub use attempt::{Attempt, AttemptResult, Attempts, Means, TracedAttempts};
pub use dialogue::{Dialogue, PasswordLogin, Turn};
pub use external::ByCertificate;
pub use key::KeyUses;
pub use limiter::Standing;
pub use origin::Origin;
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

/// Why not. Each protocol has one mapping to its words (`spec/auth.md`, "One login path").
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginRefusal {
    /// Wrong user or password.
    #[error("wrong user or password")]
    BadCredentials,
    /// The credentials are right, and of another account than the connection's certificate.
    #[error("the TLS client certificate belongs to another account")]
    OtherAccount,
    /// SCRAM: bound to another connection, or kept from binding by somebody in between.
    #[error("the login is not bound to this connection")]
    ChannelBinding,
    /// The password was right; the account's message.
    #[error("{0}")]
    LoginDisabled(String),
    /// The mechanism is not spoken here, or turned off.
    #[error("this mechanism is not offered")]
    NoMechanism,
    /// The mechanism may not be used without TLS here.
    #[error("logging in needs TLS")]
    NeedsTls,
    /// Too many failures from this network.
    #[error("too many failed logins")]
    RateLimited,
    /// What the client sent is no SASL.
    #[error(transparent)]
    Exchange(SaslError),
    /// Our own fault.
    #[error("temporary failure")]
    Local,
}

impl LoginRefusal {
    /// Whether its answer is delayed, the longer the more of them come.
    pub fn slows_down(&self) -> bool {
        match self {
            LoginRefusal::BadCredentials
            | LoginRefusal::OtherAccount
            | LoginRefusal::ChannelBinding
            | LoginRefusal::LoginDisabled(_) => true,
            LoginRefusal::NoMechanism
            | LoginRefusal::Exchange(_)
            | LoginRefusal::NeedsTls
            | LoginRefusal::RateLimited
            | LoginRefusal::Local => false,
        }
    }
}

/// The login service; one a process.
pub struct Logins {
    remembered: Remembered,
    verifier: Verifier,
    limiter: Limiter,
    decoy: Decoy,
    key_uses: Arc<KeyUses>,
    attempts: Arc<dyn Attempts>,
}

impl Logins {
    /// With nothing remembered, telling `attempts` of each attempt. What is made up for users who are
    /// not there is made of `secret`, which is the same after a restart.
    pub fn new(secret: [u8; 32], attempts: Arc<dyn Attempts>) -> Logins {
        Logins {
            remembered: Remembered::new(),
            verifier: Verifier::new(),
            limiter: Limiter::new(),
            decoy: Decoy::new(secret),
            key_uses: Arc::default(),
            attempts,
        }
    }

    /// Noting there when a TLS public key has logged somebody in.
    #[must_use]
    pub fn with_key_uses(mut self, key_uses: Arc<KeyUses>) -> Logins {
        self.key_uses = key_uses;
        self
    }

    /// A login with user name and password outside of SASL (IMAP's LOGIN).
    pub fn begin_password(&self, snapshot: &Snapshot, login: PasswordLogin) -> Turn {
        let refusal = match login.origin.allows(snapshot, login.mechanism) {
            Err(refusal) => refusal,
            Ok(()) if self.is_limited(snapshot, &login.origin) => LoginRefusal::RateLimited,
            Ok(()) => {
                return match self.remembered(snapshot, &login) {
                    Some(result) => Turn::Over(result),
                    None => Turn::Password(login),
                };
            }
        };
        self.conclude_password(snapshot, &login, None, &Err(refusal.clone()));
        Turn::Over(Err(refusal))
    }

    /// The answer without the cost of a hash, when the same password was verified before (keyed hash
    /// in memory, bounded, worthless after a password change). Never a refusal for bad credentials.
    fn remembered(
        &self,
        snapshot: &Snapshot,
        login: &PasswordLogin,
    ) -> Option<Result<LoggedIn, LoginRefusal>> {
        let password = prepare_password(&login.password)?;
        let claim = Claim::resolve(snapshot, &login.user)?;
        if !claim.is_for(&login.authzid) {
            return None;
        }
        let (account, credential) = claim.account?;
        if !self
            .remembered
            .knows(&account, credential.serial, &password)
        {
            return None;
        }
        let result = external::check_beside(snapshot, &login.origin, &account)
            .and_then(|()| admit(snapshot, account.clone(), claim.address, &credential));
        self.conclude_password(snapshot, login, Some(&account), &result);
        Some(result)
    }

    /// Verifies a password: tens of milliseconds of processor, so call it where blocking is allowed,
    /// and as often at a time as there are processors to spare. Unknown users cost the same; a network
    /// that has failed too often meanwhile costs nothing.
    pub fn password(
        &self,
        snapshot: &Snapshot,
        login: &PasswordLogin,
    ) -> Result<LoggedIn, LoginRefusal> {
        let claim = Claim::resolve(snapshot, &login.user);
        // Recorded under the account whose password is guessed, also when another identity is wanted.
        let account = claim.as_ref().and_then(Claim::account).cloned();
        let claim = claim.filter(|claim| claim.is_for(&login.authzid));
        let result = match self.is_limited(snapshot, &login.origin) {
            true => Err(LoginRefusal::RateLimited),
            false => self.verify(snapshot, login, claim),
        };
        self.conclude_password(snapshot, login, account.as_ref(), &result);
        result
    }

    fn verify(
        &self,
        snapshot: &Snapshot,
        login: &PasswordLogin,
        claim: Option<Claim>,
    ) -> Result<LoggedIn, LoginRefusal> {
        let known = claim.as_ref().and_then(|claim| claim.account.as_ref());
        let password = prepare_password(&login.password);
        // Everything costs one hash: an unknown user, a user without a password, a password that
        // could not have been set.
        let right = self.verifier.verify(
            password.as_ref().map(|p| p.as_str()),
            known.map(|(_, credential)| &*credential.argon2),
        );
        match right {
            Ok(true) => {}
            Ok(false) => return Err(LoginRefusal::BadCredentials),
            Err(error) => {
                tracing::error!(account = ?known.map(|(name, _)| name), %error, "verify a password");
                return Err(LoginRefusal::Local);
            }
        }
        let claim = claim.ok_or(LoginRefusal::BadCredentials)?;
        let (account, credential) = claim.account.ok_or(LoginRefusal::BadCredentials)?;
        let password = password.ok_or(LoginRefusal::BadCredentials)?;
        self.remembered
            .remember(&account, credential.serial, &password);
        external::check_beside(snapshot, &login.origin, &account)?;
        admit(snapshot, account, claim.address, &credential)
    }

    /// How many passwords were verified by their hash, for metrics.
    pub fn hashes(&self) -> u64 {
        self.verifier.hashes()
    }

    /// Whether too many logins have failed from this network.
    pub fn is_limited(&self, snapshot: &Snapshot, origin: &Origin) -> bool {
        let config = &snapshot.config;
        config.limits.hold_for(origin.remote)
            && self.limiter.is_full(origin.remote, &config.auth, minute())
    }

    /// Who goes first when there are more hashes to compute than processors.
    pub fn standing(&self, snapshot: &Snapshot, origin: &Origin) -> Standing {
        match snapshot.config.limits.hold_for(origin.remote) {
            true => self.limiter.standing(origin.remote, minute()),
            false => Standing::Vouched,
        }
    }

    /// An attempt that counts for nothing but its record.
    pub fn report(&self, attempt: &Attempt<'_>) {
        self.attempts.report(attempt);
    }

    /// A password that was not verified, because nobody waits for it any more or because too many
    /// wait.
    pub fn unverified(&self, login: &PasswordLogin, result: AttemptResult) {
        self.report(&Attempt {
            origin: &login.origin,
            means: Means::Sasl(login.mechanism),
            account: None,
            user: &login.user,
            result,
        });
    }

    /// Counts an attempt and reports it.
    fn conclude(&self, snapshot: &Snapshot, attempt: &Attempt<'_>) {
        let remote = attempt.origin.remote;
        if snapshot.config.limits.hold_for(remote) {
            match attempt.result {
                AttemptResult::Ok => self.limiter.succeeded(remote, minute()),
                result if result.is_guess() => self.limiter.failed(remote, minute()),
                _ => {}
            }
        }
        self.report(attempt);
    }

    fn conclude_password(
        &self,
        snapshot: &Snapshot,
        login: &PasswordLogin,
        account: Option<&AccountName>,
        result: &Result<LoggedIn, LoginRefusal>,
    ) {
        let attempt = Attempt {
            origin: &login.origin,
            means: Means::Sasl(login.mechanism),
            account,
            user: &login.user,
            result: AttemptResult::of(result),
        };
        self.conclude(snapshot, &attempt);
    }
}

/// Minutes since 1970.
fn minute() -> u64 {
    u64::try_from(crate::clock::now().as_second() / 60).unwrap_or(0)
}

/// Who somebody claims to be.
struct Claim {
    address: Address,
    /// None: nobody has the address, or its account has no password.
    account: Option<(AccountName, Arc<Credential>)>,
}

impl Claim {
    /// None when it can be nobody, having no address.
    fn resolve(snapshot: &Snapshot, user: &str) -> Option<Claim> {
        let address = user_address(user)?;
        let account = match snapshot.lookup(&address) {
            Some(Lookup::Destination { account, .. }) => snapshot
                .credential(&account)
                .map(|credential| (account.clone(), Arc::clone(credential))),
            Some(Lookup::Alias(_)) | None => None,
        };
        Some(Claim { address, account })
    }

    fn account(&self) -> Option<&AccountName> {
        self.account.as_ref().map(|(account, _)| account)
    }

    /// Whether this authorization identity may be wanted: none, or the same.
    fn is_for(&self, authzid: &str) -> bool {
        authzid.is_empty() || user_address(authzid).as_ref() == Some(&self.address)
    }
}

/// A user name is a mail address, in any Unicode form.
pub fn user_address(user: &str) -> Option<Address> {
    Address::parse(&prepare_user(user)?).ok()
}

/// What a login with the right password comes to. Nothing is verified: for who explains.
pub fn with_right_password(snapshot: &Snapshot, user: &str) -> Result<LoggedIn, LoginRefusal> {
    let claim = Claim::resolve(snapshot, user).ok_or(LoginRefusal::BadCredentials)?;
    let (account, credential) = claim.account.ok_or(LoginRefusal::BadCredentials)?;
    admit(snapshot, account, claim.address, &credential)
}

/// What a login with this password comes to.
#[cfg(test)]
pub(crate) fn with_password(
    snapshot: &Snapshot,
    user: &str,
    password: &str,
) -> Result<LoggedIn, LoginRefusal> {
    let prepared = prepare_password(password);
    let claim = Claim::resolve(snapshot, user).ok_or(LoginRefusal::BadCredentials)?;
    let (account, credential) = claim.account.ok_or(LoginRefusal::BadCredentials)?;
    let prepared = prepared.as_ref().map(|p| p.as_str());
    match Verifier::new().verify(prepared, Some(&credential.argon2)) {
        Ok(true) => admit(snapshot, account, claim.address, &credential),
        Ok(false) => Err(LoginRefusal::BadCredentials),
        Err(_) => Err(LoginRefusal::Local),
    }
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
