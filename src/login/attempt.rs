//! Attempts at a login, each one event, whatever came of it (`spec/auth.md`, "Login attempts").

use super::{LoginRefusal, Mechanism, Origin};
use crate::addr::AccountName;
use crate::sasl::SaslError;
use crate::x509::Fingerprint;

/// One attempt.
#[derive(Debug, Clone)]
pub struct Attempt<'a> {
    /// Where.
    pub origin: &'a Origin,
    /// How.
    pub means: Means,
    /// Whose account; none when none is known.
    pub account: Option<&'a AccountName>,
    /// The user name as the client gave it, empty when it gave none.
    pub user: &'a str,
    /// What came of it.
    pub result: AttemptResult,
}

/// How a login was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Means {
    /// A mechanism of SASL; [`Mechanism::Login`] for IMAP's LOGIN command too.
    Sasl(Mechanism),
    /// The certificate of the handshake, by itself.
    Certificate,
    /// A mechanism not spoken here.
    Unrecognized,
}

impl Means {
    /// As in `mox loginattempts list`: `scram-sha-256-plus`, `tlsclientauth`.
    pub fn name(self) -> String {
        match self {
            Means::Sasl(mechanism) => mechanism.name().to_ascii_lowercase(),
            Means::Certificate => "tlsclientauth".to_owned(),
            Means::Unrecognized => "(unrecognized)".to_owned(),
        }
    }
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttemptResult {
    /// Logged in.
    Ok,
    /// Wrong user or password.
    BadCredentials,
    /// The client bound its login to another connection, or was told that it can't bind it.
    BadChannelBinding,
    /// The client did not speak the mechanism.
    BadProtocol,
    /// Right password, but the account may not log in.
    LoginDisabled,
    /// Too many failures from this network.
    RateLimited,
    /// The client gave up.
    Aborted,
    /// Our own fault, or a mechanism that is not to be had here.
    Error,
}

impl AttemptResult {
    /// As in `mox loginattempts list`.
    pub fn name(self) -> &'static str {
        match self {
            AttemptResult::Ok => "ok",
            AttemptResult::BadCredentials => "badcreds",
            AttemptResult::BadChannelBinding => "badchanbind",
            AttemptResult::BadProtocol => "badprotocol",
            AttemptResult::LoginDisabled => "logindisabled",
            AttemptResult::RateLimited => "ratelimited",
            AttemptResult::Aborted => "aborted",
            AttemptResult::Error => "error",
        }
    }

    /// Whether it counts against the client's network: only what tries a secret.
    pub fn is_guess(self) -> bool {
        match self {
            AttemptResult::BadCredentials | AttemptResult::BadChannelBinding => true,
            AttemptResult::Ok
            | AttemptResult::BadProtocol
            | AttemptResult::LoginDisabled
            | AttemptResult::RateLimited
            | AttemptResult::Aborted
            | AttemptResult::Error => false,
        }
    }

    /// Of a login that was decided.
    pub fn of<T>(decided: &Result<T, LoginRefusal>) -> AttemptResult {
        match decided {
            Ok(_) => AttemptResult::Ok,
            Err(refusal) => AttemptResult::from(refusal),
        }
    }
}

impl From<&LoginRefusal> for AttemptResult {
    fn from(refusal: &LoginRefusal) -> AttemptResult {
        match refusal {
            LoginRefusal::BadCredentials | LoginRefusal::OtherAccount => {
                AttemptResult::BadCredentials
            }
            LoginRefusal::ChannelBinding => AttemptResult::BadChannelBinding,
            LoginRefusal::LoginDisabled(_) => AttemptResult::LoginDisabled,
            LoginRefusal::RateLimited => AttemptResult::RateLimited,
            LoginRefusal::Exchange(SaslError::Aborted) => AttemptResult::Aborted,
            LoginRefusal::Exchange(_) => AttemptResult::BadProtocol,
            LoginRefusal::NeedsTls | LoginRefusal::NoMechanism | LoginRefusal::Local => {
                AttemptResult::Error
            }
        }
    }
}

/// Who is told of attempts. A login waits for it, so it must not wait for the disk.
pub trait Attempts: Send + Sync {
    /// Takes note of one.
    fn report(&self, attempt: &Attempt<'_>);
}

/// Attempts as lines in the log, in a form that fail2ban can match.
pub struct TracedAttempts;

impl Attempts for TracedAttempts {
    fn report(&self, attempt: &Attempt<'_>) {
        let origin = attempt.origin;
        // Both come from outside: Debug keeps their line ends and terminal codes out of the log.
        let user: String = attempt.user.chars().take(320).collect();
        let agent: String = origin.agent.chars().take(200).collect();
        let key = origin.fingerprint.as_ref().map(Fingerprint::to_string);
        tracing::info!(
            target: "mox::login",
            protocol = origin.protocol.name(),
            mechanism = attempt.means.name(),
            account = attempt.account.map_or("-", AccountName::as_str),
            user = ?user,
            remote = %origin.remote,
            result = attempt.result.name(),
            local = %origin.local,
            tls = ?origin.tls,
            key = key.as_deref().unwrap_or("-"),
            agent = ?agent,
            "login attempt"
        );
    }
}
