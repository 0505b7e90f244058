//! TLS public keys in lists, and one with its certificate.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::addr::AccountName;
use crate::admin::{Admin, AdminError};
use crate::snapshot::Snapshot;
use crate::state::TlsKey;
use crate::x509::{self, Fingerprint};

use super::not_found;

/// A TLS public key in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsKeyRow {
    /// SHA-256 of the key, raw-url base64.
    pub fingerprint: String,
    /// `ed25519`, `ecdsa-p256`, `rsa-2048`.
    #[serde(rename = "type")]
    pub key_type: String,
    /// What its owner calls it.
    pub name: String,
    /// Whom it logs in.
    pub account: String,
    /// With which address.
    pub login_address: String,
    /// IMAP greets with OK, and waits for AUTHENTICATE EXTERNAL.
    pub no_imap_preauth: bool,
    /// RFC 3339, UTC, with three fraction digits.
    pub created: String,
    /// The same; empty: never.
    pub last_used: String,
}

/// A TLS public key with all there is to say of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsKeyDetail {
    /// As in a list.
    #[serde(flatten)]
    pub row: TlsKeyRow,
    /// The certificate that it came in.
    pub certificate_pem: String,
}

/// Of an account or, with an empty name, of all; an account that there is not has none. By account,
/// then by age.
pub(super) fn rows(
    snapshot: &Snapshot,
    admin: &Admin,
    account: &str,
) -> Result<Vec<TlsKeyRow>, AdminError> {
    let mut keys: Vec<_> = match account {
        "" => snapshot.tls_keys().iter().collect(),
        name => match AccountName::parse(name) {
            Ok(name) => snapshot.tls_keys().of(&name).collect(),
            Err(_) => Vec::new(),
        },
    };
    keys.sort_by_key(|key| (&key.account, key.created, &key.fingerprint));
    let used = admin.tls_keys_used()?;
    Ok(keys.iter().map(|key| row(key, &used)).collect())
}

pub(super) fn detail(
    snapshot: &Snapshot,
    admin: &Admin,
    fingerprint: &Fingerprint,
) -> Result<TlsKeyDetail, AdminError> {
    let Some(key) = snapshot.tls_key(fingerprint) else {
        let keys = snapshot.tls_keys().iter();
        let known: Vec<String> = keys.map(|key| key.fingerprint.to_string()).collect();
        return Err(not_found(
            "TLS public key",
            &fingerprint.to_string(),
            &known,
        ));
    };
    let certificate = admin.tls_certificate(fingerprint)?.unwrap_or_default();
    Ok(TlsKeyDetail {
        row: row(key, &admin.tls_keys_used()?),
        certificate_pem: x509::pem_block("CERTIFICATE", &certificate),
    })
}

fn row(key: &TlsKey, used: &HashMap<Fingerprint, Timestamp>) -> TlsKeyRow {
    let last_used = used.get(&key.fingerprint);
    TlsKeyRow {
        fingerprint: key.fingerprint.to_string(),
        key_type: key.key_type.to_string(),
        name: key.name.clone(),
        account: key.account.to_string(),
        login_address: key.login_address.to_string(),
        no_imap_preauth: key.no_imap_preauth,
        created: format!("{:.3}", key.created),
        last_used: last_used.map_or_else(String::new, |time| format!("{time:.3}")),
    }
}
