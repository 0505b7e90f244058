//! TLS public keys that log in (`spec/auth.md`). A key's facts are one row, its certificate another,
//! which only `get` reads; when it was last used is a third, written in batches.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{StateError, encode, keys};
use crate::addr::{AccountName, Address};
use crate::db::{KeyRange, Order, Rows, Write};
use crate::x509::{Fingerprint, KeyType};

/// A key and whom it logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsKey {
    /// What identifies it.
    pub fingerprint: Fingerprint,
    /// What it is.
    pub key_type: KeyType,
    /// What its owner calls it.
    pub name: String,
    /// Whom it logs in.
    pub account: AccountName,
    /// With which address, unless the client names another of the account.
    pub login_address: Address,
    /// IMAP greets with OK, and waits for AUTHENTICATE EXTERNAL.
    pub no_imap_preauth: bool,
    /// When it was added, in milliseconds.
    pub created: Timestamp,
}

/// All keys, by fingerprint and by account.
#[derive(Debug, Clone, Default)]
pub struct TlsKeys {
    all: HashMap<Fingerprint, Arc<TlsKey>>,
    by_account: HashMap<AccountName, BTreeSet<Fingerprint>>,
}

impl TlsKeys {
    /// By its fingerprint.
    pub fn get(&self, fingerprint: &Fingerprint) -> Option<&Arc<TlsKey>> {
        self.all.get(fingerprint)
    }

    /// Of all accounts, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<TlsKey>> {
        self.all.values()
    }

    /// Of one account, by fingerprint.
    pub fn of<'a>(
        &'a self,
        account: &AccountName,
    ) -> impl Iterator<Item = &'a Arc<TlsKey>> + use<'a> {
        let its = self.by_account.get(account).into_iter().flatten();
        its.filter_map(|fingerprint| self.all.get(fingerprint))
    }

    /// Puts a key in; one with the same fingerprint is replaced.
    pub fn insert(&mut self, key: Arc<TlsKey>) {
        self.remove(&key.fingerprint);
        let its = self.by_account.entry(key.account.clone()).or_default();
        its.insert(key.fingerprint);
        self.all.insert(key.fingerprint, key);
    }

    /// Takes a key out, if it is there.
    pub fn remove(&mut self, fingerprint: &Fingerprint) {
        let Some(gone) = self.all.remove(fingerprint) else {
            return;
        };
        if let Some(its) = self.by_account.get_mut(&gone.account) {
            its.remove(fingerprint);
            if its.is_empty() {
                self.by_account.remove(&gone.account);
            }
        }
    }

    /// Takes all keys of an account out.
    pub fn remove_account(&mut self, account: &AccountName) {
        for fingerprint in self.by_account.remove(account).unwrap_or_default() {
            self.all.remove(&fingerprint);
        }
    }

    /// Whether the account has any.
    pub fn has_account(&self, account: &AccountName) -> bool {
        self.by_account.contains_key(account)
    }
}

#[derive(Serialize, Deserialize)]
enum TlsKeyRow<'a> {
    V1 {
        key_type: &'a str,
        name: &'a str,
        account: &'a str,
        login_address: &'a str,
        no_imap_preauth: bool,
        /// Milliseconds since 1970.
        created: i64,
    },
}

#[derive(Serialize, Deserialize)]
enum CertificateRow<'a> {
    V1 {
        #[serde(borrow)]
        der: &'a [u8],
    },
}

#[derive(Serialize, Deserialize)]
enum LastUsedRow {
    V1 {
        /// Milliseconds since 1970.
        time: i64,
    },
}

pub(super) fn put(write: &mut Write, key: &TlsKey) -> Result<(), StateError> {
    let row = encode(&TlsKeyRow::V1 {
        key_type: &key.key_type.to_string(),
        name: &key.name,
        account: key.account.as_str(),
        login_address: &key.login_address.to_string(),
        no_imap_preauth: key.no_imap_preauth,
        created: key.created.as_millisecond(),
    })?;
    Ok(write.put(&keys::of_tls_key(keys::TLS_KEY, &key.fingerprint), &row)?)
}

pub(super) fn put_certificate(
    write: &mut Write,
    fingerprint: &Fingerprint,
    der: &[u8],
) -> Result<(), StateError> {
    let row = encode(&CertificateRow::V1 { der })?;
    Ok(write.put(&keys::of_tls_key(keys::CERTIFICATE, fingerprint), &row)?)
}

/// A key that has been removed meanwhile stays so.
pub(super) fn put_last_used(
    write: &mut Write,
    fingerprint: &Fingerprint,
    time: Timestamp,
) -> Result<(), StateError> {
    let of = |kind| keys::of_tls_key(kind, fingerprint);
    if write.get(&of(keys::TLS_KEY))?.is_some() {
        let time = time.as_millisecond();
        write.put(&of(keys::LAST_USED), &encode(&LastUsedRow::V1 { time })?)?;
    }
    Ok(())
}

pub(super) fn delete(write: &mut Write, fingerprint: &Fingerprint) {
    for kind in [keys::TLS_KEY, keys::CERTIFICATE, keys::LAST_USED] {
        write.delete(&keys::of_tls_key(kind, fingerprint));
    }
}

/// Every key of an account: from the rows, whatever a cache says.
pub(super) fn delete_account(write: &mut Write, account: &AccountName) -> Result<(), StateError> {
    for key in load(write)?.of(account) {
        delete(write, &key.fingerprint);
    }
    Ok(())
}

/// All of them, in one scan.
pub(super) fn load(rows: &impl Rows) -> Result<TlsKeys, StateError> {
    let mut all = TlsKeys::default();
    let mut damaged = false;
    let range = KeyRange::prefix(keys::TLS_KEY);
    rows.scan(range, Order::Ascending, &mut |key, row| {
        match keys::fingerprint(key).and_then(|fingerprint| decode(fingerprint, row)) {
            Some(key) => all.insert(Arc::new(key)),
            None => damaged = true,
        }
        !damaged
    })?;
    match damaged {
        true => Err(StateError::Damaged("TLS public key")),
        false => Ok(all),
    }
}

fn decode(fingerprint: Fingerprint, row: &[u8]) -> Option<TlsKey> {
    let TlsKeyRow::V1 {
        key_type,
        name,
        account,
        login_address,
        no_imap_preauth,
        created,
    } = postcard::from_bytes(row).ok()?;
    Some(TlsKey {
        fingerprint,
        key_type: key_type.parse().ok()?,
        name: name.to_owned(),
        account: AccountName::parse(account).ok()?,
        login_address: Address::parse(login_address).ok()?,
        no_imap_preauth,
        created: Timestamp::from_millisecond(created).ok()?,
    })
}

/// A key's certificate, in DER.
pub(super) fn certificate(
    rows: &impl Rows,
    fingerprint: &Fingerprint,
) -> Result<Option<Vec<u8>>, StateError> {
    let Some(row) = rows.get(&keys::of_tls_key(keys::CERTIFICATE, fingerprint))? else {
        return Ok(None);
    };
    let CertificateRow::V1 { der } =
        postcard::from_bytes(&row).map_err(|_| StateError::Damaged("certificate"))?;
    Ok(Some(der.to_vec()))
}

/// When keys were used, as far as it is written.
pub(super) fn last_used(rows: &impl Rows) -> Result<HashMap<Fingerprint, Timestamp>, StateError> {
    let mut all = HashMap::new();
    let mut damaged = false;
    let range = KeyRange::prefix(keys::LAST_USED);
    rows.scan(range, Order::Ascending, &mut |key, row| {
        let time = super::decode::<LastUsedRow>(row, "time").ok();
        let time = time.and_then(|LastUsedRow::V1 { time }| Timestamp::from_millisecond(time).ok());
        match (keys::fingerprint(key), time) {
            (Some(fingerprint), Some(time)) => {
                all.insert(fingerprint, time);
            }
            _ => damaged = true,
        }
        !damaged
    })?;
    match damaged {
        true => Err(StateError::Damaged("time of a TLS public key")),
        false => Ok(all),
    }
}
