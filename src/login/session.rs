//! Somebody is logged in, and for how long that holds (`spec/auth.md`, "Revocation reaches open
//! sessions").

use super::{LoginRefusal, key};
use crate::addr::{AccountName, Address};
use crate::snapshot::Snapshot;
use crate::x509::Fingerprint;

/// Somebody is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedIn {
    /// To which account.
    pub account: AccountName,
    /// With which address.
    pub address: Address,
    /// By what.
    pub by: Proof,
}

/// What a session was opened with: when that is gone, the session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The account's password, by the serial of its credential.
    Password {
        /// [`Credential::serial`](crate::state::Credential::serial).
        serial: u64,
    },
    /// A TLS public key, proven by the handshake.
    TlsKey {
        /// Which.
        fingerprint: Fingerprint,
    },
}

/// Why a login that was good is so no more; as text, the words for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Revoked {
    /// The account is gone.
    #[error("the account was removed")]
    AccountRemoved,
    /// Logins are disabled; the account's message.
    #[error("{0}")]
    LoginDisabled(String),
    /// The password was changed, also to the same one.
    #[error("the password was changed")]
    PasswordChanged,
    /// The TLS public key was removed.
    #[error("the TLS public key was removed")]
    TlsKeyRemoved,
}

impl LoggedIn {
    /// Whether a login that was good is so still.
    pub fn still_good(&self, snapshot: &Snapshot) -> Result<(), Revoked> {
        let account = snapshot
            .account(&self.account)
            .ok_or(Revoked::AccountRemoved)?;
        if !account.login_disabled.is_empty() {
            return Err(Revoked::LoginDisabled(account.login_disabled.clone()));
        }
        match self.by {
            Proof::Password { serial } => match snapshot.credential(&self.account) {
                Some(credential) if credential.serial == serial => Ok(()),
                _ => Err(Revoked::PasswordChanged),
            },
            // Gone, or given to another account since.
            Proof::TlsKey { fingerprint } => match key::known(snapshot, &fingerprint) {
                Some(key) if key.account == self.account => Ok(()),
                _ => Err(Revoked::TlsKeyRemoved),
            },
        }
    }

    /// The same for a login that was decided a while ago and is not answered yet: a password takes its
    /// time to verify, and a client its time to answer.
    pub(super) fn confirmed(self, snapshot: &Snapshot) -> Result<LoggedIn, LoginRefusal> {
        match self.still_good(snapshot) {
            Ok(()) => Ok(self),
            Err(Revoked::LoginDisabled(message)) => Err(LoginRefusal::LoginDisabled(message)),
            Err(_) => Err(LoginRefusal::BadCredentials),
        }
    }
}
