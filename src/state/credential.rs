//! What a password is verified with.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{StateError, keys};
use crate::addr::AccountName;
use crate::db::{KeyRange, Order, Rows};
use crate::sasl::{CramVerifier, Hash, ScramVerifier};

/// What an account's password is verified with.
#[derive(Clone)]
pub struct Credential {
    /// Grows with every password set, of any account; sessions remember it.
    pub serial: u64,
    /// PHC string, argon2id.
    pub argon2: Arc<str>,
    /// For SCRAM-SHA-1; none where the password was set before there was SCRAM, and for the admin's.
    pub scram_sha1: Option<ScramVerifier>,
    /// For SCRAM-SHA-256; the same.
    pub scram_sha256: Option<ScramVerifier>,
    /// For CRAM-MD5; only where the configuration asked for it when the password was set.
    pub cram_md5: Option<CramVerifier>,
}

impl Credential {
    /// That only a password itself can be verified with.
    pub fn of_hash(serial: u64, argon2: Arc<str>) -> Credential {
        Credential {
            serial,
            argon2,
            scram_sha1: None,
            scram_sha256: None,
            cram_md5: None,
        }
    }

    /// What SCRAM is verified with.
    pub fn scram(&self, hash: Hash) -> Option<&ScramVerifier> {
        match hash {
            Hash::Sha1 => self.scram_sha1.as_ref(),
            Hash::Sha256 => self.scram_sha256.as_ref(),
        }
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credential(serial {})", self.serial)
    }
}

/// Of all accounts that have a password.
pub type Credentials = HashMap<AccountName, Arc<Credential>>;

#[derive(Serialize, Deserialize)]
enum CredentialRow<'a> {
    V1 {
        serial: u64,
        argon2: &'a str,
    },
    V2 {
        serial: u64,
        argon2: &'a str,
        scram_sha1: Option<ScramRow<'a>>,
        scram_sha256: Option<ScramRow<'a>>,
        cram_md5: Option<[u8; 32]>,
    },
}

#[derive(Serialize, Deserialize)]
struct ScramRow<'a> {
    salt: &'a [u8],
    iterations: u32,
    stored_key: &'a [u8],
    server_key: &'a [u8],
}

impl<'a> From<&'a ScramVerifier> for ScramRow<'a> {
    fn from(verifier: &'a ScramVerifier) -> ScramRow<'a> {
        ScramRow {
            salt: &verifier.salt,
            iterations: verifier.iterations,
            stored_key: &verifier.stored_key,
            server_key: &verifier.server_key,
        }
    }
}

impl From<ScramRow<'_>> for ScramVerifier {
    fn from(row: ScramRow<'_>) -> ScramVerifier {
        ScramVerifier {
            salt: row.salt.to_vec(),
            iterations: row.iterations,
            stored_key: row.stored_key.to_vec(),
            server_key: row.server_key.to_vec(),
        }
    }
}

pub(super) fn encode(credential: &Credential) -> Result<Vec<u8>, StateError> {
    super::encode(&CredentialRow::V2 {
        serial: credential.serial,
        argon2: &credential.argon2,
        scram_sha1: credential.scram_sha1.as_ref().map(ScramRow::from),
        scram_sha256: credential.scram_sha256.as_ref().map(ScramRow::from),
        cram_md5: credential.cram_md5.as_ref().map(CramVerifier::to_bytes),
    })
}

pub(super) fn decode(row: &[u8]) -> Result<Credential, StateError> {
    let row = postcard::from_bytes(row).map_err(|_| StateError::Damaged("credential"))?;
    Ok(match row {
        CredentialRow::V1 { serial, argon2 } => Credential::of_hash(serial, argon2.into()),
        CredentialRow::V2 {
            serial,
            argon2,
            scram_sha1,
            scram_sha256,
            cram_md5,
        } => Credential {
            serial,
            argon2: argon2.into(),
            scram_sha1: scram_sha1.map(ScramVerifier::from),
            scram_sha256: scram_sha256.map(ScramVerifier::from),
            cram_md5: cram_md5.as_ref().map(CramVerifier::from_bytes),
        },
    })
}

/// All of them, in one scan.
pub(super) fn load(rows: &impl Rows) -> Result<Credentials, StateError> {
    let mut credentials = Credentials::new();
    let mut damaged = false;
    let range = KeyRange::prefix(keys::CREDENTIAL);
    rows.scan(range, Order::Ascending, &mut |key, row| {
        match (keys::account(key), decode(row)) {
            (Some(account), Ok(credential)) => {
                credentials.insert(account, Arc::new(credential));
            }
            _ => damaged = true,
        }
        !damaged
    })?;
    match damaged {
        true => Err(StateError::Damaged("credential")),
        false => Ok(credentials),
    }
}
