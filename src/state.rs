//! What the control plane keeps in the control database: credentials and generations.

use std::sync::Arc;

/// What an account's password is verified with.
pub struct Credential {
    /// Grows with every password set; sessions remember it.
    pub serial: u64,
    /// PHC string, argon2id.
    pub argon2: Arc<str>,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credential(serial {})", self.serial)
    }
}
