//! DKIM keys of a domain, with the records that make them known.

use serde::{Deserialize, Serialize};

use super::domain;
use crate::admin::AdminError;
use crate::snapshot::Snapshot;
use crate::x509::dkim;

/// A key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DkimRow {
    /// U-labels.
    pub domain: String,
    /// Its name.
    pub selector: String,
    /// `rsa-2048`, `ed25519`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it signs.
    pub sign: bool,
    /// PEM file of the private key.
    pub key_file: String,
    /// Where the record stands, `2026a._domainkey.example.org`, A-labels.
    pub record_name: String,
    /// The text of the TXT record.
    pub record: String,
}

/// Those of a domain, sorted by selector. Reads the key files.
pub(super) fn of_domain(snapshot: &Snapshot, text: &str) -> Result<Vec<DkimRow>, AdminError> {
    let (name, domain) = domain::named(snapshot, text)?;
    let failed = |error: crate::x509::X509Error| AdminError::Local(error.to_string());
    let selectors = domain.dkim.selectors.iter();
    selectors
        .map(|(selector, config)| {
            let key = dkim::load(&config.key_file).map_err(failed)?;
            Ok(DkimRow {
                domain: name.unicode(),
                selector: selector.clone(),
                kind: key.name(),
                sign: domain.dkim.sign.contains(selector),
                key_file: config.key_file.display().to_string(),
                record_name: format!("{selector}._domainkey.{}", name.ascii()),
                record: key.record().map_err(failed)?,
            })
        })
        .collect()
}
