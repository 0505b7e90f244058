//! Attempts at a login, each one event, whatever came of it (`spec/auth.md`, "Login attempts").

use std::net::IpAddr;

use super::{Mechanism, Protocol};
use crate::addr::AccountName;

/// One attempt.
#[derive(Debug, Clone)]
pub struct Attempt<'a> {
    /// Where.
    pub protocol: Protocol,
    /// How.
    pub mechanism: Mechanism,
    /// Whose account; none when none is known.
    pub account: Option<&'a AccountName>,
    /// The user name as the client gave it, empty when it gave none.
    pub user: &'a str,
    /// The client.
    pub remote: IpAddr,
    /// What came of it.
    pub result: AttemptResult,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptResult {
    /// Logged in.
    Ok,
    /// Wrong user or password.
    BadCredentials,
    /// The client did not speak the mechanism.
    BadProtocol,
    /// Right password, but the account may not log in.
    LoginDisabled,
    /// Too many failures from this network.
    RateLimited,
    /// The client gave up.
    Aborted,
    /// Our own fault.
    Error,
}

impl AttemptResult {
    /// As in `mox loginattempts list`.
    pub fn name(self) -> &'static str {
        match self {
            AttemptResult::Ok => "ok",
            AttemptResult::BadCredentials => "badcreds",
            AttemptResult::BadProtocol => "badprotocol",
            AttemptResult::LoginDisabled => "logindisabled",
            AttemptResult::RateLimited => "ratelimited",
            AttemptResult::Aborted => "aborted",
            AttemptResult::Error => "error",
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
        // The name comes from outside: Debug keeps its line ends and terminal codes out of the log.
        let user: String = attempt.user.chars().take(320).collect();
        tracing::info!(
            target: "mox::login",
            protocol = attempt.protocol.name(),
            mechanism = attempt.mechanism.name(),
            account = attempt.account.map_or("-", AccountName::as_str),
            user = ?user,
            remote = %attempt.remote,
            result = attempt.result.name(),
            "login attempt"
        );
    }
}
