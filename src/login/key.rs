//! Logging in with a TLS public key (`spec/auth.md`, "TLS public keys"): what a key is worth is looked
//! up anew for every decision, so that one that was taken away is worth nothing at once, also on a
//! resumed connection.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::{LoggedIn, LoginRefusal, Proof};
use crate::addr::{AccountName, Address};
use crate::snapshot::{Lookup, Snapshot};
use crate::state::TlsKey;
use crate::x509::Fingerprint;

/// The key logs in with this address of its account.
pub(super) fn admit(
    snapshot: &Snapshot,
    key: &TlsKey,
    address: Address,
) -> Result<LoggedIn, LoginRefusal> {
    let account = snapshot
        .account(&key.account)
        .ok_or(LoginRefusal::BadCredentials)?;
    if !account.login_disabled.is_empty() {
        return Err(LoginRefusal::LoginDisabled(account.login_disabled.clone()));
    }
    Ok(LoggedIn {
        account: key.account.clone(),
        address,
        by: Proof::TlsKey {
            fingerprint: key.fingerprint,
        },
    })
}

/// A key that stands for an account: it was added, the account is there, and the login address is the
/// account's still. Logins may be disabled.
pub(super) fn known<'a>(snapshot: &'a Snapshot, fingerprint: &Fingerprint) -> Option<&'a TlsKey> {
    let key = snapshot.tls_key(fingerprint)?;
    let is_its = belongs_to(snapshot, key, &key.account);
    (is_its && snapshot.account(&key.account).is_some()).then_some(key)
}

/// Whether the key's login address leads to the account: a hand edit can have moved it.
fn belongs_to(snapshot: &Snapshot, key: &TlsKey, account: &AccountName) -> bool {
    matches!(
        snapshot.lookup(&key.login_address),
        Some(Lookup::Destination { account: owner, .. }) if owner == *account
    )
}

/// When keys were used, in memory: a login never waits for the disk because of it. What is written
/// now and then is taken out, so that there is never more here than keys were used meanwhile.
#[derive(Debug, Default)]
pub struct KeyUses(Mutex<HashMap<Fingerprint, Timestamp>>);

impl KeyUses {
    /// A key has logged somebody in just now.
    pub fn note(&self, fingerprint: Fingerprint) {
        self.lock().insert(fingerprint, crate::clock::now());
    }

    /// When a key was used, if that is not written yet.
    pub fn get(&self, fingerprint: &Fingerprint) -> Option<Timestamp> {
        self.lock().get(fingerprint).copied()
    }

    /// What is not written yet.
    pub fn unwritten(&self) -> Vec<(Fingerprint, Timestamp)> {
        let all = self.lock();
        all.iter().map(|(key, time)| (*key, *time)).collect()
    }

    /// That is written now; a key that was used again meanwhile stays.
    pub fn written(&self, uses: &[(Fingerprint, Timestamp)]) {
        let mut all = self.lock();
        for (fingerprint, time) in uses {
            if let Entry::Occupied(entry) = all.entry(*fingerprint)
                && entry.get() == time
            {
                entry.remove();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Fingerprint, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
