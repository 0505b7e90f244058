//! What a password is verified with.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{StateError, keys};
use crate::addr::AccountName;
use crate::db::{KeyRange, Order, Rows};

/// What an account's password is verified with.
pub struct Credential {
    /// Grows with every password set, of any account; sessions remember it.
    pub serial: u64,
    /// PHC string, argon2id.
    pub argon2: Arc<str>,
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
    V1 { serial: u64, argon2: &'a str },
}

pub(super) fn encode(credential: &Credential) -> Result<Vec<u8>, StateError> {
    super::encode(&CredentialRow::V1 {
        serial: credential.serial,
        argon2: &credential.argon2,
    })
}

pub(super) fn decode(row: &[u8]) -> Result<Credential, StateError> {
    let CredentialRow::V1 { serial, argon2 } =
        postcard::from_bytes(row).map_err(|_| StateError::Damaged("credential"))?;
    Ok(Credential {
        serial,
        argon2: argon2.into(),
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
