//! What is known of TLS public keys beyond the snapshot: certificates, and when keys were last used.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::login::KeyUses;
use crate::state::Op;
use crate::x509::Fingerprint;

use super::{Admin, AdminError};

impl Admin {
    /// Where logins note that a key was used.
    pub fn key_uses(&self) -> &Arc<KeyUses> {
        &self.key_uses
    }

    /// Writes what logins have noted, in one transaction; nothing when there is nothing.
    pub fn write_key_uses(&self) -> Result<(), AdminError> {
        let uses = self.key_uses.unwritten();
        if uses.is_empty() {
            return Ok(());
        }
        self.state.commit(&[Op::UseTlsKeys(uses.clone())], None)?;
        self.key_uses.written(&uses);
        Ok(())
    }

    /// When keys were last used, of those that ever were, written or not.
    pub fn tls_keys_used(&self) -> Result<HashMap<Fingerprint, Timestamp>, AdminError> {
        // In this order: what is being written just now is in one of the two.
        let unwritten = self.key_uses.unwritten();
        let mut all = self.state.tls_keys_used()?;
        all.extend(unwritten);
        Ok(all)
    }

    /// The certificate that a key came in, in DER.
    pub fn tls_certificate(&self, key: &Fingerprint) -> Result<Option<Vec<u8>>, AdminError> {
        Ok(self.state.tls_certificate(key)?)
    }
}
