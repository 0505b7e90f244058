//! SASL (RFC 4422) without I/O: what server and client say to each other in base64, the same lines
//! in SMTP (RFC 4954) and IMAP (RFC 9051 §6.2.2, initial responses of RFC 4959 included).
//!
//! [`Exchange`] is the server's side of every mechanism, [`client::Client`] the client's. Whether what
//! a client says is right is for [`crate::login`] to find out.

mod binding;
pub mod choice;
pub mod client;
mod cram;
mod exchange;
mod mechanism;
mod prepare;
mod scram;

use zeroize::Zeroizing;

pub use binding::{BindingKind, ChannelBinding, ChannelBindings};
pub use cram::{CramResponse, CramVerifier};
pub use exchange::{Exchange, Setting, Step};
pub use mechanism::Mechanism;
pub use prepare::{prepare_password, prepare_user};
pub use scram::{Hash, ITERATIONS, SALT, ScramRefusal, ScramVerifier};

/// Octets of a line with base64 that are taken (RFC 4954 §4).
pub const MAX_LINE: usize = 12_288;

/// Octets of a user name, an authorization identity or a password: four times what RFC 4616 §2 asks
/// for, since names may be in UTF-8.
pub const MAX_FIELD: usize = 1_024;

/// What a client claims to be, as it came off the wire.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Whom it wants to act as; empty: itself.
    pub authzid: String,
    /// Who it says it is.
    pub user: String,
    /// Its proof; wiped from memory when dropped.
    pub password: Zeroizing<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("authzid", &self.authzid)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Peer: what the client sent is no SASL. The exchange is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SaslError {
    /// The client sent `*` (SMTP 501 5.7.0, IMAP BAD).
    #[error("authentication aborted")]
    Aborted,
    /// Not base64 (SMTP 501 5.5.2, IMAP BAD).
    #[error("not base64")]
    Encoding,
    /// Longer than [`MAX_LINE`] or [`MAX_FIELD`] (SMTP 500 5.5.6, IMAP BAD).
    #[error("too long")]
    TooLong,
    /// Base64, but not a message of the mechanism (SMTP 501 5.5.4, IMAP BAD).
    #[error("malformed message")]
    Malformed,
}

#[cfg(test)]
mod tests;
