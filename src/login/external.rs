//! EXTERNAL: a login by the certificate of the connection (`spec/auth.md`, "TLS public keys").

use super::{LoggedIn, LoginRefusal, Logins, Origin};
use crate::snapshot::Snapshot;

/// Whether EXTERNAL is offered on this connection: not as long as no key can be registered.
pub(super) fn is_offered(_snapshot: &Snapshot, _origin: &Origin) -> bool {
    false
}

impl Logins {
    /// Decides a login by certificate; `authzid` is empty for the key's own address. Reports nothing.
    pub(super) fn external(
        &self,
        _snapshot: &Snapshot,
        _origin: &Origin,
        _authzid: &str,
    ) -> Result<LoggedIn, LoginRefusal> {
        Err(LoginRefusal::BadCredentials)
    }
}
